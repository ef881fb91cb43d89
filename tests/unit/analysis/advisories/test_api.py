"""The OSV API in good days and bad ones: whatever it does, nothing is ever wrongly clean."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from driftguard.analysis.advisories.api import BATCH, OsvApi
from driftguard.analysis.advisories.exchange import Exchange, Patience
from driftguard.analysis.advisories.matching import match
from driftguard.analysis.advisories.package import Coordinates, Package
from driftguard.analysis.advisories.provider import Found, NotKnown
from driftguard.documents import Document
from tests.support.advisories.records import affecting, document
from tests.support.advisories.stand_in import NOW, Habit, Handler, StandIn, running

REQUESTS = Package("PyPI", "requests", "2.19.0", "requests")
LODASH = Package("npm", "lodash", "4.17.15", "node_modules/lodash")
PATIENCE = Patience()
HARMLESS = Package("PyPI", "harmless", "1.0", "harmless")
RECORDS = [
    document("GHSA-1", affecting("PyPI", "requests", "introduced 0, fixed 2.20.0")),
    document("GHSA-2", affecting("PyPI", "requests", "introduced 0, fixed 2.31.0")),
    document("GHSA-3", affecting("npm", "lodash", "introduced 0, fixed 4.17.21")),
]


@dataclass
class Time:
    """A clock that only sleep moves."""

    at: float = 0.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


@pytest.fixture
def osv() -> Iterator[StandIn]:
    stand_in = StandIn()
    stand_in.add(*RECORDS)
    with running(stand_in) as there:
        yield there


@pytest.fixture
def time() -> Time:
    return Time()


def api(osv: StandIn, time: Time, patience: Patience = PATIENCE, **more: Any) -> OsvApi:
    exchange = Exchange(osv.address, patience, time.clock, time.sleep, chance=lambda: 0.0)
    return OsvApi(exchange, **more)


def ids(answer: Found | NotKnown) -> list[str]:
    return [one.id for one in answer.advisories]


# --------------------------------------------------------------------------------------- good days


def test_it_answers_with_the_advisories_of_every_package(osv: StandIn, time: Time) -> None:
    answer = api(osv, time).of([REQUESTS, LODASH, HARMLESS])
    assert isinstance(answer, Found)
    assert ids(answer) == ["GHSA-1", "GHSA-2", "GHSA-3"]
    assert len(match([REQUESTS, LODASH, HARMLESS], answer.advisories).vulnerabilities) == 3
    assert time.slept == []


def test_nothing_known_against_any_package_is_an_empty_answer(osv: StandIn, time: Time) -> None:
    assert api(osv, time).of([HARMLESS]) == Found(())
    assert api(osv, time).of([]) == Found(())


def test_each_version_and_each_advisory_is_asked_for_once(osv: StandIn, time: Time) -> None:
    elsewhere = Package("PyPI", "Requests", "2.19.0", "another/place")
    api(osv, time).of([REQUESTS, elsewhere, REQUESTS])
    assert osv.asked[0][1] == {
        "queries": [{"package": {"ecosystem": "PyPI", "name": "requests"}, "version": "2.19.0"}]
    }
    assert set(osv.paths().values()) == {1}


def test_a_package_without_a_version_is_asked_about_at_every_version(
    osv: StandIn, time: Time
) -> None:
    package = Package("PyPI", "requests", "", "requests")
    answer = api(osv, time).of([package])
    assert ids(answer) == ["GHSA-1", "GHSA-2"]
    assert len(match([package], answer.advisories).doubts) == 2


@pytest.mark.parametrize(
    ("package", "affected"),
    [
        (Package("PyPI", "torch", "1.13.0+cu117", "x"), "introduced 0, last_affected 1.13.0"),
        (Package("PyPI", "torch", "v1.13.0", "x"), "introduced 0, fixed 1.13.1"),
        (Package("npm", "lodash", "4.17", "x"), "introduced 0, fixed 4.17.21"),
        (Package("Go", "stdlib", "1.21rc2", "x"), "introduced 1.21.0-0, fixed 1.21.3"),
    ],
)
def test_a_version_that_the_service_may_not_read_is_judged_here(
    osv: StandIn, time: Time, package: Package, affected: str
) -> None:
    osv.records.clear()
    osv.add(document("GHSA-9", affecting(package.ecosystem, package.name, affected)))
    answer = api(osv, time).of([package])
    assert len(match([package], answer.advisories).vulnerabilities) == 1


def test_an_advisory_that_does_not_name_the_package_it_was_named_for_is_not_known(
    osv: StandIn, time: Time
) -> None:
    elsewhere = document("GHSA-1", affecting("PyPI", "requests-toolbelt", "introduced 0"))
    cache = Remembered()

    def named_wrongly(handler: Handler, _: Any) -> bool:
        osv.add(elsewhere)
        handler.answer({"results": [{"vulns": [{"id": "GHSA-1"}]}]})
        return True

    osv.habits.append(named_wrongly)
    answer = api(osv, time, cache=cache).of([REQUESTS])
    assert isinstance(answer, NotKnown)
    assert answer.reason == "OSV names GHSA-1 for requests, and GHSA-1 does not"
    assert cache.answers == {}


@pytest.mark.parametrize("version", ["latest", "file:../x", "main"])
def test_a_version_that_nobody_can_read_is_a_doubt_and_never_clean(
    osv: StandIn, time: Time, version: str
) -> None:
    package = Package("npm", "lodash", version, "x")
    found = match([package], api(osv, time).of([package]).advisories)
    assert [one.id for one in found.doubts] == ["GHSA-3"]


def test_more_packages_than_a_batch_holds_are_asked_about_in_several(
    osv: StandIn, time: Time
) -> None:
    many = [Package("npm", f"package-{number}", "1.0.0", "") for number in range(BATCH)]
    assert ids(api(osv, time).of([*many, LODASH])) == ["GHSA-3"]
    sizes = [len(body["queries"]) for path, body in osv.asked if path == "/v1/querybatch"]
    assert sizes == [BATCH, 1]


def test_every_page_is_turned(osv: StandIn, time: Time) -> None:
    osv.page_size = 1
    answer = api(osv, time).of([HARMLESS, REQUESTS, LODASH])
    assert isinstance(answer, Found)
    assert ids(answer) == ["GHSA-1", "GHSA-2", "GHSA-3"]
    pages = [body["queries"] for path, body in osv.asked if path == "/v1/querybatch"]
    assert [len(page) for page in pages] == [3, 1]
    assert pages[1][0]["page_token"] == "1"


def test_an_id_with_odd_characters_is_asked_for_as_it_is(osv: StandIn, time: Time) -> None:
    odd = "EXAMPLE-2026/7 ü?"
    osv.records = {odd: document(odd, affecting("PyPI", "requests", "introduced 0"))}
    assert ids(api(osv, time).of([REQUESTS])) == [odd]


# ---------------------------------------------------------------------------------------- bad days


def status(code: int, **headers: str) -> Habit:
    def habit(handler: Handler, _: Any) -> bool:
        handler.answer({"code": code, "message": "no"}, code, **headers)
        return True

    return habit


def raw(body: bytes, length: int | None = None) -> Habit:
    def habit(handler: Handler, _: Any) -> bool:
        handler.raw(body, length=length)
        return True

    return habit


def says(answer: object) -> Habit:
    return raw(json.dumps(answer).encode())


def fine(handler: Handler, body: Any) -> bool:
    """As usual."""
    return False


def hangs_up(handler: Handler, _: Any) -> bool:
    handler.close_connection = True
    return True


def breaks_off(handler: Handler, body: Any) -> bool:
    """An answer that is JSON by itself, and is not all of the answer."""
    handler.raw(b'{"results": [{}]}', length=40)
    return True


def breaks_off_between_chunks(handler: Handler, _: Any) -> bool:
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b'11\r\n{"results": [{}]}\r\n')
    handler.close_connection = True
    return True


def one_too_few(handler: Handler, body: Any) -> bool:
    answer = handler.stand_in.batch(body)
    handler.answer({"results": answer["results"][1:]})
    return True


def one_too_many(handler: Handler, body: Any) -> bool:
    answer = handler.stand_in.batch(body)
    handler.answer({"results": [{}, *answer["results"]]})
    return True


def never_ends(handler: Handler, body: Any) -> bool:
    handler.answer({"results": [{"next_page_token": "again"} for _ in body["queries"]]})
    return True


TOO_DEEP = b"[" * 100_000

WRONG = {
    "429": status(429),
    "429, come back in a year": status(429, Retry_After="31536000"),
    "500": status(500),
    "502": status(502),
    "503": status(503),
    "400": status(400),
    "403": status(403),
    "404": status(404),
    "a redirect": status(302, Location="http://127.0.0.1:9/"),
    "no content": status(204),
    "it hangs up": hangs_up,
    "it breaks off": breaks_off,
    "it breaks off between chunks": breaks_off_between_chunks,
    "nothing": raw(b""),
    "not JSON": raw(b"<html>Please sign in</html>"),
    "half of JSON": raw(b'{"results": [{"vulns": ['),
    "not UTF-8": raw(b'{"results": [{"vulns": "\xff"}]}'),
    "JSON without end": raw(TOO_DEEP),
    "null": says(None),
    "a list": says([]),
    "an empty object": says({}),
    "an error": says({"code": 3, "message": "Invalid query."}),
    "results that are none": says({"results": None}),
    "results by name": says({"results": {"0": {}}}),
    "no results": says({"results": []}),
    "a result that is none": says({"results": [None]}),
    "a result that is an error": says({"results": [{"code": 13, "message": "try again"}]}),
    "advisories that are none": says({"results": [{"vulns": None}]}),
    "advisories by name": says({"results": [{"vulns": {"id": "GHSA-1"}}]}),
    "an advisory that is a word": says({"results": [{"vulns": ["GHSA-1"]}]}),
    "an advisory without an id": says({"results": [{"vulns": [{"modified": "2026"}]}]}),
    "an advisory that nobody has": says({"results": [{"vulns": [{"id": "GHSA-9"}]}]}),
    "one result too few": one_too_few,
    "one result too many": one_too_many,
    "pages without end": never_ends,
}


@pytest.mark.parametrize("habit", WRONG.values(), ids=WRONG)
def test_a_bad_answer_about_the_packages_is_never_clean(
    habit: Habit, osv: StandIn, time: Time
) -> None:
    osv.always = lambda handler, body: body is not None and habit(handler, body)
    answer = api(osv, time, Patience(request=5)).of([REQUESTS])
    assert isinstance(answer, NotKnown)
    assert answer.reason.startswith("OSV could not be asked: ")


FOR_BATCHES = {"pages without end", "one result too few", "one result too many"}
ABOUT_ADVISORIES = {name: habit for name, habit in WRONG.items() if name not in FOR_BATCHES} | {
    "another advisory": says(RECORDS[0]),
    "an advisory that cannot be read": says({"id": "GHSA-2", "affected": "requests"}),
}


@pytest.mark.parametrize("habit", ABOUT_ADVISORIES.values(), ids=ABOUT_ADVISORIES)
def test_a_bad_answer_about_one_advisory_is_told_and_the_others_are_kept(
    habit: Habit, osv: StandIn, time: Time
) -> None:
    def about_the_second(handler: Handler, body: Any) -> bool:
        return handler.path == "/v1/vulns/GHSA-2" and habit(handler, body)

    osv.always = about_the_second
    answer = api(osv, time, Patience(request=5)).of([REQUESTS, LODASH])
    assert isinstance(answer, NotKnown)
    assert "GHSA-2" in answer.reason
    assert ids(answer) == ["GHSA-1", "GHSA-3"]


def test_a_redirect_is_not_followed_to_somebody_who_says_something_else(
    osv: StandIn, time: Time
) -> None:
    elsewhere = StandIn()
    elsewhere.add(document("GHSA-1"), document("GHSA-2"))
    with running(elsewhere):
        osv.always = lambda handler, body: (
            body is None and status(302, Location=elsewhere.address + handler.path)(handler, body)
        )
        answer = api(osv, time).of([REQUESTS])
    assert isinstance(answer, NotKnown)
    assert elsewhere.asked == []


def test_nobody_there_is_not_clean(time: Time) -> None:
    with running(StandIn()) as gone:
        address = gone.address
    answer = api(StandIn(address=address), time).of([REQUESTS])
    assert isinstance(answer, NotKnown)
    assert "tried 4 times" in answer.reason


# ------------------------------------------------------------------------------- patience, bounded


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_a_service_that_recovers_is_asked_again_after_pauses_that_double(
    code: int, osv: StandIn, time: Time
) -> None:
    osv.habits = [status(code), status(code), status(code)]
    assert isinstance(api(osv, time).of([REQUESTS]), Found)
    assert time.slept == [0.25, 0.5, 1.0]


def test_chance_spreads_the_pauses(osv: StandIn, time: Time) -> None:
    osv.habits = [status(500), status(500)]
    exchange = Exchange(osv.address, Patience(), time.clock, time.sleep, chance=lambda: 0.5)
    assert isinstance(OsvApi(exchange).of([HARMLESS]), Found)
    assert time.slept == [0.375, 0.75]


def test_it_waits_as_long_as_it_is_told_to(osv: StandIn, time: Time) -> None:
    in_seven_seconds = "Tue, 24 Nov 2026 12:00:07 GMT"
    assert NOW == "Tue, 24 Nov 2026 12:00:00 GMT"
    osv.habits = [status(429, Retry_After="3"), status(503, Retry_After=in_seven_seconds)]
    assert isinstance(api(osv, time).of([HARMLESS]), Found)
    assert time.slept == [3.25, 7.5]


def test_a_wait_beyond_the_deadline_is_not_begun(osv: StandIn, time: Time) -> None:
    osv.habits = [status(429, Retry_After="61")]
    answer = api(osv, time).of([REQUESTS])
    assert isinstance(answer, NotKnown)
    assert "429" in answer.reason
    assert (time.slept, len(osv.asked)) == ([], 1)


def test_what_asking_again_cannot_mend_is_asked_once(osv: StandIn, time: Time) -> None:
    osv.always = status(400)
    assert isinstance(api(osv, time).of([REQUESTS]), NotKnown)
    assert (time.slept, len(osv.asked)) == ([], 1)


def test_all_tries_together_end_at_the_deadline(osv: StandIn, time: Time) -> None:
    osv.always = status(503, Retry_After="20")
    answer = api(osv, time, Patience(tries=100)).of([REQUESTS])
    assert isinstance(answer, NotKnown)
    assert time.at < 60
    assert len(osv.asked) == 3


def test_a_service_that_says_nothing_is_waited_for_no_longer_than_a_request_may_take(
    osv: StandIn, time: Time
) -> None:
    released = threading.Event()

    def silent(handler: Handler, _: Any) -> bool:
        released.wait()
        return True

    osv.always = silent
    try:
        answer = api(osv, time, Patience(tries=2, request=0.05)).of([REQUESTS])
    finally:
        released.set()
    assert isinstance(answer, NotKnown)
    assert "timed out" in answer.reason
    assert len(osv.asked) == 2


def test_an_answer_that_trickles_ends_at_the_deadline(osv: StandIn, time: Time) -> None:
    def trickles(handler: Handler, _: Any) -> bool:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b" ")
            # Every byte takes a second.
            time.at += 1

    osv.always = trickles
    answer = api(osv, time).of([REQUESTS])
    assert isinstance(answer, NotKnown)
    assert "too slowly" in answer.reason


def test_an_answer_that_is_too_large_is_not_read_to_its_end(osv: StandIn, time: Time) -> None:
    osv.always = raw(b'{"results": [{}]}' + b" " * 2_000_000)
    answer = api(osv, time, Patience(largest=1_000_000)).of([REQUESTS])
    assert isinstance(answer, NotKnown)
    assert "larger than 1,000,000 bytes" in answer.reason


@pytest.mark.parametrize(
    "address",
    ["http://osv.example.org", "file:///etc/passwd", "ftp://127.0.0.1", "osv.example.org", ""],
)
def test_only_an_address_that_nobody_can_listen_in_on_is_taken(address: str) -> None:
    with pytest.raises(ValueError, match="https://"):
        Exchange(address)


def test_an_address_with_a_password_is_refused_and_not_repeated() -> None:
    password = "made" + "-up"
    with pytest.raises(ValueError, match="https://") as refused:
        Exchange(f"https://somebody:{password}@osv.example.org")
    assert password not in str(refused.value)


# --------------------------------------------------------------------------------------- the cache


@dataclass
class Remembered:
    """A cache that forgets nothing."""

    answers: dict[Coordinates, tuple[Document, ...]] = field(default_factory=dict)

    def recall(self, packages: Iterable[Coordinates]) -> Mapping[Coordinates, tuple[Document, ...]]:
        return {one: self.answers[one] for one in packages if one in self.answers}

    def keep(self, answers: Mapping[Coordinates, tuple[Document, ...]]) -> None:
        self.answers |= answers


def test_what_is_remembered_is_not_asked_for_again(osv: StandIn, time: Time) -> None:
    asks = api(osv, time, cache=Remembered())
    first = asks.of([REQUESTS, HARMLESS])
    osv.asked.clear()
    assert asks.of([REQUESTS, HARMLESS]) == first
    assert osv.asked == []
    assert ids(asks.of([REQUESTS, LODASH])) == ["GHSA-1", "GHSA-2", "GHSA-3"]
    assert [len(body["queries"]) for _, body in osv.asked if body] == [1]


def test_an_incomplete_answer_is_not_remembered(osv: StandIn, time: Time) -> None:
    cache = Remembered()
    osv.always = lambda handler, body: (
        handler.path.endswith("GHSA-2") and status(500)(handler, body)
    )
    assert isinstance(api(osv, time, cache=cache).of([REQUESTS, LODASH, HARMLESS]), NotKnown)
    assert set(cache.answers) == {LODASH.coordinates, HARMLESS.coordinates}
    osv.always = status(500)
    answer = api(osv, time, cache=cache).of([REQUESTS, LODASH, HARMLESS])
    assert isinstance(answer, NotKnown)
    assert ids(answer) == ["GHSA-3"]


def test_an_advisory_that_cannot_be_read_is_not_remembered(osv: StandIn, time: Time) -> None:
    cache = Remembered()
    osv.records["GHSA-3"] = {"id": "GHSA-3", "affected": "lodash"}
    osv.always = lambda handler, body: (
        body is not None and says({"results": [{"vulns": [{"id": "GHSA-3"}]}]})(handler, body)
    )
    assert isinstance(api(osv, time, cache=cache).of([LODASH]), NotKnown)
    assert cache.answers == {}


def test_what_was_remembered_and_cannot_be_read_is_not_clean(osv: StandIn, time: Time) -> None:
    cache = Remembered({LODASH.coordinates: ({"id": "GHSA-3", "affected": "lodash"},)})
    answer = api(osv, time, cache=cache).of([LODASH])
    assert answer == NotKnown(
        "an advisory cannot be read: GHSA-3: `affected` should be a list, it is a str"
    )


@pytest.mark.parametrize(("modified", "vulnerable"), [("2025-12-31", 2), ("2026-01-02", 1)])
def test_of_two_editions_of_an_advisory_the_newer_counts(
    modified: str, vulnerable: int, osv: StandIn, time: Time
) -> None:
    # The one that is remembered, for another package, no longer names requests.
    remembered = document("GHSA-2", modified=f"{modified}T00:00:00Z")
    cache = Remembered({HARMLESS.coordinates: (remembered,)})
    answer = api(osv, time, cache=cache).of([HARMLESS, REQUESTS])
    assert ids(answer) == ["GHSA-1", "GHSA-2"]
    assert len(match([REQUESTS], answer.advisories).vulnerabilities) == vulnerable


def test_what_is_remembered_stands_in_while_nobody_answers(osv: StandIn, time: Time) -> None:
    asks = api(osv, time, cache=Remembered())
    asks.of([LODASH])
    osv.always = status(503)
    assert isinstance(asks.of([LODASH]), Found)
