"""What people do to the guard itself through the signed API: recorded as decisions, and obeyed."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from driftguard.approvals import operators
from driftguard.approvals.operators import CONTROL
from driftguard.audit import Conflict
from driftguard.aws.calls import AwsError
from driftguard.aws.dynamodb import Moved
from driftguard.documents import Document, stamp
from driftguard.model import Status
from driftguard.policy.bounds import CircuitBreaker, Earning
from driftguard.state import freezes, threshold, trust
from driftguard.state.keys import (
    StateRecord,
    StateRecords,
    circuit_breaker_key,
    exemptions_key,
    freeze_key,
    grants_key,
    trust_key,
)
from driftguard.state.table import StateTable
from driftguard_cli.commands.audit.ocsf import detection_finding
from tests.support.api_requests import BOB
from tests.support.approving import open_up
from tests.support.doors import Door
from tests.support.freezing import freeze
from tests.support.guardrails.circumstances import GRANTED
from tests.support.ocsf import check
from tests.support.operating import acts, as_json, refused, told
from tests.support.records import flat_ingress, session_of
from tests.support.world import ACCOUNT, HERE, World

INGRESS = "ec2.open-ingress"
CASE = trust.Case("RevokeSecurityGroupIngress", "user")


def opened(world: World, name: str, port: int = 22) -> str:
    """Another security group, with this port open to the internet."""
    made = boto3.client("ec2").create_security_group(GroupName=name, Description=name)
    open_up(made["GroupId"], port)
    return str(made["GroupId"])


def of_group(id_: str) -> str:
    return f"arn:aws:ec2:us-east-1:{ACCOUNT}:security-group/{id_}"


# ------------------------------------------------------------------------------- exemptions


def test_an_exemption_is_recorded_in_the_callers_name_and_obeyed(door: Door, world: World) -> None:
    vendor = opened(world, "vendor")

    result = told("exempt", "add", INGRESS, of_group(vendor), "--for", "2d", "--reason", "a vendor")

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"Exemption given: {INGRESS} passes over {of_group(vendor)}")
    (recorded,) = acts(world)
    assert (recorded.status, recorded.actor.session) == (Status.NOTED, BOB)
    assert recorded.reason == "a vendor"
    decision = world.one(flat_ingress(vendor, 22, "0.0.0.0/0"), door.asked.guard)
    assert decision.status is Status.EXEMPTED
    assert decision.reason.startswith("exempted by bob until ")


def test_an_exemption_is_no_wider_than_its_actor(door: Door, world: World) -> None:
    deployer = f"arn:aws:iam::{ACCOUNT}:role/deployer"
    by_it = {"userIdentity": session_of(deployer)}
    vendor = opened(world, "vendor")
    given = ("exempt", "add", INGRESS, vendor, "--for", "2d", "--reason", "a vendor")

    assert as_json(*given, "--actor", deployer)["counted"]

    handle, change = door.asked.guard, flat_ingress(vendor, 22, "0.0.0.0/0", **by_it)
    assert world.one(change, handle).status is Status.EXEMPTED
    somebody_else = flat_ingress(vendor, 22, "0.0.0.0/0")
    assert world.one(somebody_else, handle).status is Status.ASKED


def test_list_shows_what_was_given_and_what_the_policy_says(
    door: Door,
    world: World,
    tmp_path: Path,
) -> None:
    given = ("--for", "12h", "--reason", "until the audit", "--tag", "env=test", "--tag", "a=b")
    told("exempt", "add", "wafv2.logging-deleted", "*/webacl/shop/*", *given)
    world.clock.at -= timedelta(days=2)
    told("exempt", "add", "account.region-enabled", "eu-*", "--for", "1d", "--reason", "a trial")
    written = tmp_path / "guard.yaml"
    written.write_text(
        "version: 1\nexemptions:\n  - {control: s3.public-policy, resource: www, "
        "until: 2999-01-01, reason: the web site}\n"
    )

    found = as_json("exempt", "list", "--policy", str(written))

    assert [(one["control"], one["source"], one["expired"]) for one in found] == [
        ("account.region-enabled", "run time", True),
        ("wafv2.logging-deleted", "run time", False),
        ("s3.public-policy", str(written), False),
    ]
    assert found[1]["tags"] == {"env": "test", "a": "b"}
    assert (found[1]["by"], found[1]["identity"]) == ("bob", BOB)
    only = as_json("exempt", "list", "s3.public-policy", "--policy", str(written))
    assert [one["resource"] for one in only] == ["www"]
    shown = told("exempt", "list", "--policy", str(written)).stdout
    assert "expired" in shown
    assert "a=b" in shown
    assert f"3 exemptions; policy: {written}." in shown.replace("\n", "")


def test_removing_an_exemption_ends_it(door: Door, world: World) -> None:
    vendor = opened(world, "vendor")
    told("exempt", "add", INGRESS, vendor, "--for", "2d", "--reason", "a vendor")
    (id_,) = world.state.record(exemptions_key(HERE, INGRESS)).document["entries"]  # type: ignore[misc]

    assert as_json("exempt", "remove", INGRESS, str(id_), "--reason", "they left")["counted"]

    assert as_json("exempt", "list", INGRESS) == []
    assert {one.title for one in acts(world)} == {"Exemption given", "Exemption removed"}
    change = flat_ingress(vendor, 22, "0.0.0.0/0")
    assert world.one(change, door.asked.guard).status is Status.ASKED
    again = refused("exempt", "remove", INGRESS, str(id_), "--reason", "again")
    assert "has no exemption" in again


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((INGRESS, "*", "--for", "1d"), "an exemption of everything is what a policy is for"),
        ((INGRESS, "sg-1", "--for", "400d"), "a year away at most"),
        ((INGRESS, "sg-1", "--for", "soon"), "--for: `soon` is not a length of time"),
        ((INGRESS, "sg-1", "--for", "1d", "--tag", "env"), "write a tag as KEY=VALUE, not `env`"),
        (("ec2.none", "sg-1", "--for", "1d"), "There is no control `ec2.none`"),
    ],
)
def test_what_is_no_exemption_is_refused_and_leaves_nothing(
    door: Door,
    world: World,
    arguments: tuple[str, ...],
    why: str,
) -> None:
    assert why in refused("exempt", "add", *arguments, "--reason", "because")
    assert acts(world) == []


@pytest.mark.parametrize("act", ["exempt", "accept-baseline"])
def test_12_8_no_act_is_about_an_arn_that_is_longer_than_aws_has(world: World, act: str) -> None:
    """A record would have it only in part, so that nobody could say what the act was about."""
    longest = of_group("sg-1").ljust(2_048, "x")
    for resource, taken in ((longest, True), (longest + "x", False), (longest[:-1] + "é", False)):
        said: Document = {
            "control": INGRESS,
            "resource": resource,
            "reason": "x",
            "for_seconds": 60,
        }
        asked = operators.Act(act, said, "bob", BOB, world.clock.at)
        refusal = ""
        try:
            operators.done(asked, StateRecords(HERE))
        except operators.Unfit as error:
            refusal = str(error)
        assert ("2,048 bytes" not in refusal) is taken, (resource[-3:], refusal)


# ------------------------------------------------------------------------------- the circuit breake


def test_a_circuit_breaker_that_tripped_is_shown_and_armed_again(door: Door, world: World) -> None:
    guard = world.with_policy(
        lambda given: replace(
            given, bounds=given.bounds._replace(circuit_breaker=CircuitBreaker(control=1))
        )
    )
    first, second = (opened(world, name) for name in ("first", "second"))
    assert world.one(flat_ingress(first, 22, "0.0.0.0/0"), guard).status is Status.REVERTED
    trips = world.one(flat_ingress(second, 22, "0.0.0.0/0"), guard)
    assert trips.status is Status.ASKED
    scope = f"control {INGRESS}"
    assert f"driftguard circuit-breaker rearm '{scope}'" in trips.reason

    shown = {one["scope"]: one for one in as_json("circuit-breaker", "show")["circuit_breakers"]}
    assert (shown["whole"]["reverts"], shown["whole"]["tripped"]) == (1, "")
    assert shown[scope]["decision"] == trips.id
    assert trips.id in told("circuit-breaker", "show").stdout

    assert as_json("circuit-breaker", "rearm", scope, "--reason", "looked at it")["counted"]

    assert not world.state.record(circuit_breaker_key(HERE)).document["tripped"]
    third = opened(world, "third")
    assert world.one(flat_ingress(third, 22, "0.0.0.0/0"), guard).status is Status.REVERTED
    assert "has tripped; tripped: none" in refused(
        "circuit-breaker", "rearm", scope, "--reason", "again"
    )


# ------------------------------------------------------------------------------- trust


def earn(world: World, outcomes: list[trust.Outcome], first: int = 0) -> None:
    """A record of outcomes of as many people's changes, as decisions would have written it."""
    terms = world.guard.policy.bounds.earning
    for number, outcome in enumerate(outcomes, first):
        stored = world.state.record(trust_key(HERE, INGRESS))
        world.state.write(
            stored.saying(
                trust.learned(
                    stored.document,
                    replace(CASE, who=f"user{number}"),
                    outcome,
                    terms,
                    world.clock.now(),
                    decision=f"dg-{number}",
                    by="bob",
                )
            )
        )


def shared(world: World, document: Document) -> None:
    """What all controls share, as decisions would have written it."""
    stored = world.state.record(grants_key(HERE))
    world.state.write(stored.saying(document))


def earned_by(tmp_path: Path) -> str:
    """A policy under which ec2.open-ingress earns, on easy terms."""
    path = tmp_path / "earned.yaml"
    path.write_text(
        "version: 1\ncontrols:\n  ec2.open-ingress: {autonomy: earned}\n"
        "earned: {threshold: 0.5, outcomes: 5, confidence: 0.8}\n"
    )
    return str(path)


def test_trust_shows_what_a_record_has_earned(door: Door, world: World, tmp_path: Path) -> None:
    earn(world, [trust.Outcome.APPROVED] * 6 + [trust.Outcome.DENIED])
    earn(world, [trust.Outcome.APPROVED] * 6, first=7)
    shared(world, GRANTED)

    (row,) = as_json("trust", "show", "--policy", earned_by(tmp_path))["records"]

    assert (row["control"], row["case"], row["granted"]) == (INGRESS, CASE.name, "earned")
    assert (round(row["good"]), round(row["bad"]), row["earned"]) == (12, 1, True)
    assert row["bound"] == pytest.approx(0.77, abs=0.02)
    assert row["first_grant"] == "2026-01-05T12:00:00.000Z"
    shown = told("trust", "show", INGRESS, "--policy", earned_by(tmp_path)).stdout
    assert "earned" in shown
    assert "≥ 7" in shown
    assert as_json("trust", "show", "s3.public-acl")["records"] == []


def test_trust_says_how_far_a_control_is_from_its_first_grant(
    door: Door, world: World, tmp_path: Path
) -> None:
    earn(world, [trust.Outcome.APPROVED] * 20)
    shared(world, {"answers": {INGRESS: {"right": 20, "wrong": 0, "granted": ""}}})

    (row,) = as_json("trust", "show", "--policy", earned_by(tmp_path))["records"]

    assert (row["earned"], row["first_grant"]) == (False, "a stake of 3.49")


def test_trust_explains_the_threshold_and_its_last_moves(
    door: Door, world: World, tmp_path: Path
) -> None:
    terms, document = Earning(threshold=0.5), GRANTED
    for number in range(200):
        document = threshold.reverted(document, terms)
        if number in (50, 150):
            document = threshold.erred(document, terms, "undone", f"dg-{number}", world.clock.now())
    shared(world, document)

    said = as_json("trust", "show", "--policy", earned_by(tmp_path))["threshold"]
    shown = " ".join(told("trust", "show", "--policy", earned_by(tmp_path)).stdout.split())

    assert (said["reverts"], said["wrong"], len(said["moves"])) == (200, 2, 2)
    assert "Threshold: 52.5%. It began at 50.0%; 200 reverts by the guard itself" in shown
    assert "2 wrong ones raised it by 5.0% each" in shown
    assert "Wrong: 1.00% of 200; the threshold holds that under 6.00% now" in shown
    assert "up to 55.0%: undone, dg-150" in shown


def test_trust_shows_when_a_control_was_demoted(door: Door, world: World, tmp_path: Path) -> None:
    earn(world, [trust.Outcome.APPROVED] * 20 + [trust.Outcome.UNDONE])

    (row,) = as_json("trust", "show", INGRESS, "--policy", earned_by(tmp_path))["records"]

    assert (row["earned"], row["outcomes"]) == (False, 0)
    assert row["demoted"] == world.guard.stamp()


def test_the_history_tells_each_outcome(door: Door, world: World) -> None:
    door.asked.vote("bob")

    (line,) = as_json("trust", "history", INGRESS)

    assert (line["outcome"], line["case"], line["by"]) == ("approved", CASE.name, "bob")
    assert line["decision"] == door.asked.decision.id
    assert door.asked.decision.id in told("trust", "history", INGRESS).stdout


def test_a_reset_forgets_the_record_and_leaves_a_line(door: Door, world: World) -> None:
    earn(world, [trust.Outcome.APPROVED] * 3)

    assert as_json("trust", "reset", INGRESS, CASE.name, "--reason", "a new remediation")["counted"]

    assert as_json("trust", "show", INGRESS)["records"] == []
    assert as_json("trust", "history", INGRESS)[-1]["outcome"] == "reset"
    assert [one.reason for one in acts(world)] == ["a new remediation"]
    unknown = refused("trust", "reset", INGRESS, "Nothing by user", "--reason", "x")
    assert "has no record of `Nothing by user`; it has: none" in unknown


# ------------------------------------------------------------------------------- the freeze


def test_one_control_is_frozen_and_the_others_go_on(door: Door, world: World) -> None:
    assert as_json("freeze", "--control", INGRESS, "--reason", "a migration")["counted"]

    frozen = world.one(flat_ingress(opened(world, "a"), 22, "0.0.0.0/0"))
    assert (frozen.status, frozen.rulings[0].guardrail) == (Status.OBSERVED, "freeze")
    assert f"frozen by bob ({BOB}) (control {INGRESS}): a migration" in frozen.reason
    assert not world.state.record(freeze_key(HERE, "control#s3.public-acl")).version

    why = refused("unfreeze", "--reason", "over")
    assert "There is no freeze of everything to lift." in why
    assert as_json("unfreeze", "--control", INGRESS, "--reason", "over")["counted"]
    change = flat_ingress(opened(world, "b"), 22, "0.0.0.0/0")
    assert world.one(change).status is Status.REVERTED


def test_one_account_is_frozen(door: Door, world: World) -> None:
    said = told("freeze", "--account", ACCOUNT, "--reason", "a drill").stdout
    assert said == f"Frozen: account {ACCOUNT} is frozen.\n"

    change = flat_ingress(opened(world, "a"), 22, "0.0.0.0/0")
    assert world.one(change).status is Status.OBSERVED
    assert as_json("unfreeze", "--account", ACCOUNT, "--reason", "over")["counted"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--account", "123"), "`123` is not an account's id"),
        (("--control", "ec2.none"), "There is no control `ec2.none`"),
        (("--control", INGRESS, "--account", ACCOUNT), "each is a freeze of its own"),
    ],
)
def test_what_cannot_be_frozen_is_a_sentence(
    door: Door,
    world: World,
    arguments: tuple[str, ...],
    why: str,
) -> None:
    assert why in refused("freeze", "--reason", "x", *arguments)
    assert acts(world) == []


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"account": "123"}, "`123` is no account"),
        ({"control": "ec2.none"}, "There is no control `ec2.none`"),
        ({"control": INGRESS, "account": ACCOUNT}, "each is a freeze of its own"),
        ({"for_seconds": 0}, "ends within a year"),
        ({"for_seconds": 10**9}, "ends within a year"),
        ({"for_seconds": True}, "ends within a year"),
        ({"reason": ""}, "Say why"),
    ],
)
def test_the_signed_api_takes_no_freeze_that_is_none(
    door: Door,
    world: World,
    said: dict[str, Any],
    why: str,
) -> None:
    status, answer = door.api.post(BOB, "/act", act="freeze", **{"reason": "x", **said})
    assert (status, answer["counted"]) == (409, False)
    assert why in answer["text"]
    assert acts(world) == []


def test_a_freeze_and_its_lift_are_chained_decisions_that_are_listed(
    door: Door,
    world: World,
) -> None:
    frozen = as_json("freeze", "--reason", "a migration", "--hours", "2")
    lifted = as_json("unfreeze", "--reason", "it is over")

    listed = {one["decision"]: one for one in as_json("audit", "list", "--control", CONTROL)}
    assert set(listed) == {frozen["decision"], lifted["decision"]}
    until = stamp(world.clock.at + timedelta(hours=2))
    assert listed[frozen["decision"]]["summary"] == f"everything is frozen until {until}"
    assert {one.actor.session for one in acts(world)} == {BOB}
    assert {one.reason for one in acts(world)} == {"a migration", "it is over"}
    for one in listed:
        assert "The log is whole." in told("audit", "show", one).stdout
    assert world.state.record(freeze_key(HERE, "all")).document["decision"] == lifted["decision"]


def test_the_freeze_is_not_set_where_its_record_cannot_be_written(
    door: Door,
    world: World,
) -> None:
    """Both in one transaction: whoever comes second with the id leaves the state record alone."""
    door.asked.desk = replace(door.asked.desk, now=lambda: world.clock.at)
    door.api.api = replace(door.api.api, desk=door.asked.desk)
    said = {"act": "freeze", "reason": "x"}
    act = operators.Act("freeze", said, "bob", BOB, world.clock.at)
    what = operators.done(act, world.state.recall(*operators.keys(act, HERE)))
    world.audit.append(operators.recorded(act, what, HERE), event="freeze", note="x")

    with pytest.raises(Conflict):
        door.asked.desk.acting.act(act, door.api.api.commands)

    assert not world.state.record(freeze_key(HERE, "all")).version


def test_a_freeze_around_the_signed_api_is_recorded_when_the_guard_meets_it(
    door: Door,
    world: World,
) -> None:
    said = as_json("freeze", "--direct", "--reason", "the signed API is down")
    assert said["decision"] is None
    assert acts(world) == []

    for name in ("a", "b"):
        change = flat_ingress(opened(world, name), 22, "0.0.0.0/0")
        assert world.one(change).status is Status.OBSERVED
    later = replace(world.guard, recorded=set())  # another worker
    assert world.one(flat_ingress(opened(world, "c"), 22, "0.0.0.0/0"), later)

    (recorded,) = acts(world)
    assert (recorded.title, recorded.status) == ("Freeze found", Status.NOTED)
    assert recorded.actor.kind == "Unproven"
    assert "as its state record says" in recorded.summary
    assert recorded.reason == "the signed API is down"


@pytest.mark.parametrize("named", ["dg-x", f"dg-{'a' * 24}", "a control's freeze", "another's"])
def test_a_freeze_that_names_a_decision_which_does_not_prove_it_is_recorded(
    door: Door, world: World, named: str
) -> None:
    """Any name of a decision kept the guard from telling that it had found itself frozen."""
    forged: Document = {"by": "ops", "decision": named}
    if named.startswith("a"):
        _, told = door.api.post(BOB, "/act", act="freeze", control=INGRESS, reason="x")
        copied = world.state.record(freeze_key(HERE, f"control#{INGRESS}")).document
        assert copied["decision"] == told["decision"]
        forged = {**copied, "by": "ops"} if named == "another's" else copied
    world.state.write(StateRecord(freeze_key(HERE, "all"), forged))
    for name in ("a", "b"):
        change = flat_ingress(opened(world, name), 22, "0.0.0.0/0")
        assert world.one(change).status is Status.OBSERVED
    (recorded,) = [one for one in acts(world) if one.title == "Freeze found"]
    assert recorded.candidate.resource.arn == "everything"


def test_what_the_signed_api_froze_and_lifted_is_proven_once(door: Door, world: World) -> None:
    for act in ("freeze", "unfreeze"):
        assert door.api.post(BOB, "/act", act=act, reason="x")[0] == 200
        world.one(flat_ingress(opened(world, act), 22, "0.0.0.0/0"))
        stored = world.state.record(freeze_key(HERE, "all"))
        assert freezes.found_id(stored) in world.guard.recorded
    assert {one.title for one in acts(world)} == {"Frozen", "Freeze lifted"}


def test_a_freeze_around_the_signed_api_keeps_the_beginning_of_the_one_before(
    door: Door, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first one held back was not judged anew once the second was lifted."""

    def began() -> str:
        stored = world.state.record(freeze_key(HERE, "all"))
        return freezes.beginning(stored.document, world.guard.stamp(timedelta(days=1)))

    as_json("freeze", "--reason", "a migration")
    first = began()
    as_json("freeze", "--direct", "--reason", "the signed API is down")
    assert began() == first

    def unreadable(*_: object) -> None:
        raise AwsError("not now")

    monkeypatch.setattr(StateTable, "record", unreadable)
    as_json("freeze", "--direct", "--reason", "the table cannot be read")
    monkeypatch.undo()
    assert began() < first


def test_a_lift_around_the_signed_api_is_recorded_too(door: Door, world: World) -> None:
    as_json("freeze", "--reason", "a migration")
    as_json("unfreeze", "--direct", "--reason", "it is over")
    change = flat_ingress(opened(world, "a"), 22, "0.0.0.0/0")
    assert world.one(change).status is Status.REVERTED

    assert {one.title for one in acts(world)} == {"Frozen", "Freeze found lifted"}
    assert "to lift" in refused("unfreeze", "--direct", "--reason", "again")


def test_whom_the_signed_api_refuses_freezes_nothing_by_it(door: Door, world: World) -> None:
    people = door.asked.desk.policy.people[:1]
    desk = replace(door.asked.desk, policy=replace(door.asked.desk.policy, people=people))
    door.api.api = replace(door.api.api, desk=desk)

    assert "not among the policy's people" in refused("freeze", "--reason", "x")
    assert not world.state.record(freeze_key(HERE, "all")).version


def test_an_api_that_forbids_does_not_keep_the_switch(door: Door, world: World) -> None:
    door.forbids = True
    result = told("freeze", "--reason", "it goes wild")
    assert result.exit_code == 0
    assert result.stdout.startswith("Frozen directly: everything.")
    assert freezes.holds(world.state.record(freeze_key(HERE, "all")), world.clock.at)


@pytest.mark.parametrize(
    "doc",
    ["nonsense", "[]", "{}", '{"by": {}, "until": []}', '{"until": "0"}', '{"until": "!"}'],
)
@pytest.mark.parametrize("version", [{}, {"v": {"N": "7"}}])
def test_a_freeze_that_somebody_wrote_by_hand_holds(
    world: World, doc: str, version: dict[str, Any]
) -> None:
    item = {
        "pk": {"S": freeze_key(HERE, "all")[0]},
        "sk": {"S": "all"},
        "doc": {"S": doc},
        **version,
    }
    boto3.client("dynamodb").put_item(TableName="state", Item=item)

    decision = world.one(flat_ingress(opened(world, "a"), 22, "0.0.0.0/0"))

    assert decision.status is Status.OBSERVED
    assert decision.reason.startswith("frozen by somebody")
    assert [one.title for one in acts(world)] == ["Freeze found"]


@pytest.mark.parametrize("version", [{}, {"v": {"N": "7"}}])
def test_a_freeze_that_somebody_wrote_by_hand_can_be_lifted(
    door: Door,
    world: World,
    version: dict[str, Any],
) -> None:
    item = {
        "pk": {"S": freeze_key(HERE, "all")[0]},
        "sk": {"S": "all"},
        "doc": {"S": '{"by": "ann"}'},
        **version,
    }
    boto3.client("dynamodb").put_item(TableName="state", Item=item)
    assert told("unfreeze", "--reason", "over").exit_code == 0
    assert not freezes.holds(world.state.record(freeze_key(HERE, "all")), world.clock.at)


def test_whoever_read_an_earlier_freeze_does_not_lift_a_later_one(world: World) -> None:
    freeze(world.state, "alice", "the first")
    first = world.state.record(freeze_key(HERE, "all"))
    world.clock.pass_by(seconds=1)
    time.sleep(0.002)
    freeze(world.state, "carol", "the second")
    lifted = freezes.lifted(first, by="bob", reason="over", at=world.clock.at)
    with pytest.raises(Moved):
        world.state.write(lifted)


# ------------------------------------------------------------------------------- the record


@pytest.fixture
def recorded(door: Door) -> str:
    """The id of an act's decision."""
    given = ("exempt", "add", INGRESS, "sg-1", "--for", "1d", "--reason", "a vendor")
    return str(as_json(*given)["decision"])


def test_an_act_is_told_as_a_story(recorded: str) -> None:
    shown = told("audit", "show", recorded).stdout

    assert f"{INGRESS} passes over sg-1" in shown
    assert BOB in shown
    assert "a vendor" in shown
    assert "The log is whole." in shown
    assert "Calls" not in shown
    assert "no safe remediation" not in shown


@pytest.mark.parametrize("form", ["jsonl", "csv", "ocsf"])
def test_acts_are_exported_like_any_decision(
    form: str,
    recorded: str,
    door: Door,
    world: World,
) -> None:
    """What an act is about is no resource of AWS's, mostly: everything, a control, a pattern."""
    for given in (
        ("freeze", "--reason", "a move"),
        ("unfreeze", "--reason", "moved"),
        ("freeze", "--control", INGRESS, "--reason", "a move"),
        ("circuit-breaker", "rearm", "--reason", "looked at"),
    ):
        told(*given)
    made = acts(world)
    assert {one.id for one in made} > {recorded}

    result = told("audit", "export", "--format", form)

    assert result.exit_code == 0, result.exception
    for one in made:
        assert one.id in result.stdout
        check(detection_finding(one))


def test_an_act_cannot_be_undone_like_a_revert(
    recorded: str,
    door: Door,
) -> None:
    assert "do the opposite instead" in refused("undo", recorded, "--yes", "--timeout", "0.1")
    assert door.api.sent() == []


def test_whom_the_signed_api_refuses_changes_nothing(door: Door, world: World) -> None:
    door.asked.desk = replace(
        door.asked.desk,
        policy=replace(door.asked.desk.policy, people=door.asked.desk.policy.people[:1]),
    )
    door.api.api = replace(door.api.api, desk=door.asked.desk)

    why = refused("exempt", "add", INGRESS, "sg-1", "--for", "1d", "--reason", "a vendor")

    assert f"{BOB} is not among the policy's people" in why
    assert acts(world) == []
