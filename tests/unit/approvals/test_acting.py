"""Acts that accept changes, and who must agree to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from driftguard.approvals import operators
from driftguard.model import Decision, Status
from driftguard.policy.model import Person, Policy, Terms
from driftguard.state import freezes
from driftguard.state.keys import circuit_breaker_key, exemptions_key, freeze_key
from driftguard_cli.main import app
from tests.support.api_requests import BOB, AtTheSignedApi
from tests.support.approving import MALLORY, PEOPLE, Asked
from tests.support.doors import Door
from tests.support.freezing import freeze
from tests.support.operating import as_json, refused, told
from tests.support.records import flat_ingress, s3
from tests.support.world import ACCOUNT, HERE, World

CAROL = "arn:aws:sts::123456789012:assumed-role/sso/carol"
DAN = "arn:aws:iam::123456789012:user/dan"
INGRESS = "ec2.open-ingress"
TRIPPED = {"tripped": {"whole": {"at": "2026-01-01T00:00:00.000Z", "decision": "dg-1"}}}
ACTS: dict[str, dict[str, Any]] = {
    "exempt": {"control": INGRESS, "resource": "sg-0a1b2c3d", "for_seconds": 3600},
    "freeze": {},
    "rearm": {"scope": "whole"},
    "accept-baseline": {
        "control": "s3.versioning-suspended",
        "resource": "arn:aws:s3:::wares",
        "fingerprint": "f",
    },
}


def under(api: AtTheSignedApi, change: Callable[[Policy], Policy]) -> None:
    """From now on the signed API obeys another policy."""
    desk = api.api.desk
    api.api = replace(api.api, desk=replace(desk, policy=change(desk.policy)))


@pytest.fixture
def api(world: World, group: str) -> AtTheSignedApi:
    """Two of bob, carol and dan must agree; alice (mallory) is no approver."""
    at = AtTheSignedApi(Asked(world, group))
    people = (*PEOPLE, Person("dan", iam=(DAN,)))
    terms = (Terms(quorum=2, approvers=("bob", "carol", "dan")),)
    under(at, lambda policy: replace(policy, people=people, approvals=terms))
    world.state.write(world.state.record(circuit_breaker_key(HERE)).saying(TRIPPED))
    return at


def act(api: AtTheSignedApi, caller: str, kind: str, **said: Any) -> tuple[int, dict[str, Any]]:
    asked = {"reason": "a launch", "fingerprint": "", **ACTS[kind], **said}
    return api.post(caller, "/act", act=kind, **asked)


def proposed(api: AtTheSignedApi, kind: str, caller: str = BOB, **said: Any) -> Decision:
    status, told = act(api, caller, kind, **said)
    assert (status, told["status"]) == (200, "proposed"), told
    found = api.api.desk.audit.get(told["decision"])
    assert found is not None
    return found


def confirm(api: AtTheSignedApi, caller: str, of: Decision, **said: Any) -> tuple[int, str]:
    shown = {"decision": of.id, "fingerprint": of.before, **said}
    status, told = api.post(caller, "/confirm", **shown)
    return status, told["text"]


def is_in_force(world: World, kind: str, sent: Iterable[object]) -> bool:
    if kind == "exempt":
        return bool(world.state.record(exemptions_key(HERE, INGRESS)).version)
    if kind == "freeze":
        return freezes.holds(world.state.record(freeze_key(HERE, "all")), world.clock.at)
    if kind == "rearm":
        return not world.state.record(circuit_breaker_key(HERE)).document["tripped"]
    return bool(list(sent))


@pytest.mark.parametrize("kind", ACTS)
def test_an_act_that_accepts_changes_waits_for_the_quorum(
    api: AtTheSignedApi, world: World, kind: str
) -> None:
    """12.4: one of `people` could exempt, freeze and accept past approvers and quorum."""
    waiting = proposed(api, kind)
    assert not is_in_force(world, kind, api.sent())
    assert (waiting.status, waiting.control) == (Status.PROPOSED, operators.CONTROL)
    status, told = confirm(api, BOB, waiting)
    assert (status, told) == (409, "bob has agreed before.")
    assert not is_in_force(world, kind, api.sent())

    status, told = confirm(api, CAROL, waiting, reason="expected")

    assert status == 200, told
    assert is_in_force(world, kind, api.sent())
    after = world.audit.get(waiting.id)
    assert after is not None
    assert after.status is Status.NOTED
    log = world.audit.log(waiting.id)
    assert [entry.event for entry in log] == ["proposed", kind]
    assert log[-1].by == f"bob ({BOB}) and carol ({CAROL})"
    assert "it is noted" in confirm(api, DAN, waiting)[1]


@pytest.mark.parametrize("kind", ACTS)
def test_who_may_not_approve_may_neither_propose_nor_confirm(
    api: AtTheSignedApi, world: World, kind: str
) -> None:
    """12.4: bob exempted what only others may approve."""
    status, told = act(api, MALLORY, kind)
    assert (status, told["text"][:26]) == (409, "alice may not decide that:")
    waiting = proposed(api, kind)
    assert confirm(api, MALLORY, waiting)[0] == 409
    assert confirm(api, "arn:aws:iam::123456789012:user/eve", waiting)[0] == 409
    assert not is_in_force(world, kind, api.sent())


def test_people_agree_to_exactly_what_was_proposed(api: AtTheSignedApi, world: World) -> None:
    waiting = proposed(api, "exempt")
    assert "not what was proposed" in confirm(api, CAROL, waiting, fingerprint="other")[1]
    wider = {**waiting.state, "said": {**ACTS["exempt"], "resource": "sg-0b"}}
    world.audit.append(replace(waiting, state=wider), event="agreed", note="", by="eve")
    assert "does not hold together" in confirm(api, CAROL, waiting)[1]
    assert not is_in_force(world, "exempt", [])


def test_another_flood_is_not_what_people_looked_at(api: AtTheSignedApi, world: World) -> None:
    waiting = proposed(api, "rearm")
    stored = world.state.record(circuit_breaker_key(HERE))
    again = {"tripped": {"whole": {"at": "2026-02-01T00:00:00.000Z", "decision": "dg-2"}}}
    world.state.write(stored.saying(again))
    assert "has changed since" in confirm(api, CAROL, waiting)[1]
    assert not is_in_force(world, "rearm", [])


def test_a_request_ends_with_the_terms_and_with_its_effect(
    api: AtTheSignedApi, world: World
) -> None:
    short, long = proposed(api, "exempt"), proposed(api, "freeze", control=INGRESS)
    world.clock.pass_by(hours=2)
    assert "would have ended" in confirm(api, CAROL, short)[1]
    world.clock.pass_by(hours=23)
    assert "The request ended" in confirm(api, CAROL, long)[1]


def test_what_covers_everything_needs_whom_each_of_its_parts_needs(
    api: AtTheSignedApi, world: World
) -> None:
    terms = (Terms(approvers=("carol",), controls=("iam.*",)), Terms(approvers=("bob",)))
    under(api, lambda policy: replace(policy, approvals=terms))
    assert act(api, BOB, "freeze", control=INGRESS)[1]["status"] == "noted"
    waiting = proposed(api, "freeze")
    assert confirm(api, CAROL, waiting)[0] == 200
    assert is_in_force(world, "freeze", [])


def test_who_agreed_to_an_exemption_is_not_exempt_either(
    api: AtTheSignedApi, world: World, group: str
) -> None:
    """Nobody accepts their own change, by agreeing beforehand no more than by exempting."""
    waiting = proposed(api, "exempt", resource=group)
    assert confirm(api, CAROL, waiting)[0] == 200
    guard = replace(api.asked.guard, policy=api.api.desk.policy)
    for maker, status in ((CAROL, Status.ASKED), (BOB, Status.ASKED), (DAN, Status.EXEMPTED)):
        who = {"type": "IAMUser", "arn": maker, "accountId": ACCOUNT, "principalId": "AIDA"}
        made = flat_ingress(group, 22, "0.0.0.0/0", userIdentity=who)
        assert world.one(made, guard).status is status


def test_without_people_a_role_is_one_voter_whatever_its_session_is_called(
    api: AtTheSignedApi, world: World
) -> None:
    under(api, lambda policy: replace(policy, people=(), approvals=(Terms(quorum=2),)))
    role = "arn:aws:sts::123456789012:assumed-role/Developer"
    waiting = proposed(api, "exempt", f"{role}/one")
    assert "has agreed before" in confirm(api, f"{role}/two", waiting)[1]
    assert confirm(api, BOB, waiting)[0] == 200


def lift(api: AtTheSignedApi, caller: str) -> tuple[int, dict[str, Any]]:
    return api.post(caller, "/act", act="unfreeze", reason="over")


@pytest.fixture
def frozen(api: AtTheSignedApi) -> AtTheSignedApi:
    """Bob and carol have frozen the guard."""
    confirm(api, CAROL, proposed(api, "freeze"))
    return api


@pytest.mark.parametrize("setter", [BOB, CAROL])
def test_whoever_set_a_freeze_lifts_it_alone(
    frozen: AtTheSignedApi, world: World, setter: str
) -> None:
    assert lift(frozen, setter)[1]["status"] == "noted"
    assert not is_in_force(world, "freeze", [])


def test_somebody_elses_freeze_is_lifted_by_whom_its_reverts_need(
    frozen: AtTheSignedApi, world: World
) -> None:
    """A freeze keeps the guard's hands off: everybody of `people` lifted anybody's."""
    status, told = lift(frozen, MALLORY)
    assert (status, told["text"][:26]) == (409, "alice may not decide that:")
    _, told = lift(frozen, DAN)
    assert told["status"] == "proposed"
    assert is_in_force(world, "freeze", [])
    waiting = frozen.api.desk.audit.get(told["decision"])
    assert waiting is not None
    assert confirm(frozen, MALLORY, waiting)[0] == 409
    assert confirm(frozen, CAROL, waiting)[0] == 200
    assert not is_in_force(world, "freeze", [])


def test_nobody_makes_a_freeze_their_own_by_writing_its_item(
    frozen: AtTheSignedApi, world: World
) -> None:
    """The freeze's item is open to whom IAM lets write it; the audit record is not."""
    dans = act(frozen, DAN, "freeze", control=INGRESS)[1]["decision"]
    whole = world.state.record(freeze_key(HERE, "all"))
    world.state.write(whole.saying({**whole.document, "by": f"dan ({DAN})", "decision": dans}))
    assert lift(frozen, DAN)[1]["status"] == "proposed"


def test_nobody_makes_a_freeze_their_own_by_setting_another_over_it(
    frozen: AtTheSignedApi, world: World
) -> None:
    """Whoever agrees to a longer freeze has not agreed to lift it."""
    confirm(frozen, CAROL, proposed(frozen, "freeze", DAN, reason="another"))
    assert is_in_force(world, "freeze", [])
    assert lift(frozen, DAN)[1]["status"] == "proposed"
    assert lift(frozen, CAROL)[1]["status"] == "noted"


def test_a_freeze_around_the_signed_api_is_nobodys_own(api: AtTheSignedApi, world: World) -> None:
    freeze(world.state, "dan", "the signed API is down")
    assert lift(api, DAN)[1]["status"] == "proposed"


def test_who_changed_it_can_neither_propose_nor_confirm_the_baseline(
    api: AtTheSignedApi, world: World
) -> None:
    boto3.client("s3").create_bucket(Bucket="wares")
    who = {"type": "IAMUser", "arn": DAN, "accountId": ACCOUNT, "principalId": "AIDA"}
    request = {"bucketName": "wares", "VersioningConfiguration": {"Status": "Suspended"}}
    boto3.client("s3").put_bucket_versioning(
        Bucket="wares", VersioningConfiguration={"Status": "Suspended"}
    )
    world.one(s3("PutBucketVersioning", request, userIdentity=who), api.asked.guard)
    assert "Whoever made a change" in act(api, DAN, "accept-baseline")[1]["text"]
    waiting = proposed(api, "accept-baseline")
    assert "Whoever made a change" in confirm(api, DAN, waiting)[1]
    assert confirm(api, CAROL, waiting)[0] == 200


# ------------------------------------------------------------------------- the command line


def quorum_of_two(door: Door) -> None:
    """Alice and bob must agree; the command line is bob's."""
    under(door.api, lambda policy: replace(policy, approvals=(Terms(quorum=2),)))


def test_a_proposal_is_confirmed_on_the_command_line_as_it_is_shown(
    door: Door, world: World
) -> None:
    quorum_of_two(door)
    said = {"control": INGRESS, "resource": "sg-0a1b2c3d", "for_seconds": 3600}
    _, given = door.api.post(MALLORY, "/act", act="exempt", reason="a vendor", **said)
    id_ = str(given["decision"])
    listed = as_json("audit", "list", "--status", "proposed")
    assert [one["decision"] for one in listed] == [id_]

    asked = CliRunner().invoke(app, ["confirm", id_], input="n\n", env={"COLUMNS": "200"})
    assert '"resource": "sg-0a1b2c3d"' in asked.stderr
    assert not is_in_force(world, "exempt", [])

    result = told("confirm", id_, "--yes", "--reason", "expected")
    assert result.exit_code == 0, result.output
    assert is_in_force(world, "exempt", [])
    assert "is no proposed act" in refused("confirm", id_, "--yes")


def test_a_proposal_says_on_the_command_line_that_it_waits(door: Door, world: World) -> None:
    quorum_of_two(door)
    result = told("freeze", "--reason", "a migration", "--hours", "2")
    assert result.exit_code == 0
    assert "1 more must agree" in result.stdout
    assert "driftguard confirm dg-" in result.stdout
    assert not is_in_force(world, "freeze", [])
