"""`driftguard explain`: the whole reasoning on a change, by the record alone and with a look."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import Result
from hypothesis import assume, given
from typer.testing import CliRunner

from driftguard import controls
from driftguard.controls.control import AnyControl
from driftguard.guardrails.circumstances import Circumstances
from driftguard.guardrails.judgment import judge
from driftguard.guardrails.registry import GUARDRAILS
from driftguard.model import NOT_IN_USE, Autonomy, Certainty, Decision, Plan, Status
from driftguard.policy.compiled import from_compiled
from driftguard.policy.model import Policy
from driftguard.state.granting import stake
from driftguard.state.keys import StateRecords
from driftguard.state.standing import score
from driftguard.state.trust_record import Own, Record
from driftguard_cli.commands.explain import reasons
from driftguard_cli.main import app
from driftguard_cli.policy_file import loader
from driftguard_cli.stack import Stack
from tests.scenarios.model import policy_of
from tests.support.approving import Asked, is_open
from tests.support.each import each
from tests.support.freezing import freeze
from tests.support.guardrails.strategies import situations
from tests.support.properties import tried
from tests.support.records import envelope, flat_ingress, record, session_of
from tests.support.world import ACCOUNT, HERE, REMEDIATOR, ROOT, World, shipped_policy

INGRESS = "ec2.open-ingress"
NAMES = [one.name for one in GUARDRAILS]

every_control = each("control", controls.every(), ids=lambda one: one.id)


def told(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["explain", *arguments], env={"COLUMNS": "200"})


def as_json(*arguments: str) -> Any:
    result = told(*arguments, "--json")
    assert result.exit_code == 0, result.output + str(result.exception)
    return json.loads(result.stdout)


def event(control: str, kind: str) -> str:
    return str(ROOT / "events" / control / f"{kind}.json")


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., str]:
    """Writes what a test explains into a file."""

    def write(what: Any, name: str = "event.json") -> str:
        path = tmp_path / name
        path.write_text(what if isinstance(what, str) else json.dumps(what))
        return str(path)

    return write


def opened(id_: str, cidr: str = "0.0.0.0/0", **more: Any) -> dict[str, Any]:
    """The record of somebody opening port 22 of a group."""
    request = {
        "groupId": id_,
        "ipPermissions": {},
        "ipProtocol": "tcp",
        "fromPort": 22,
        "toPort": 22,
        "cidrIp": cidr,
    }
    return record("ec2.amazonaws.com", "AuthorizeSecurityGroupIngress", request, **more)


def candidate(explained: Any, control: str = INGRESS) -> Any:
    """The one candidate of a control."""
    (found,) = (one for one in explained["controls"] if one["control"] == control)
    (only,) = found["candidates"]
    return only


def said(one: Any) -> dict[str, str]:
    """Guardrail → what it says."""
    return {each["guardrail"]: each["says"] for each in one["guardrails"]}


# ------------------------------------------------------------------------- every control


def test_that_a_preparation_may_only_be_told_hangs_on_the_resource(tmp_path: Path) -> None:
    """What else is weak, and when a key ends, only a look can tell."""
    one = candidate(as_json(event("rds.protection-off", "risky")), "rds.protection-off")
    assert one["at_most"] == "ask"
    assert "preparation" in one["unless"]
    other = tmp_path / "policy.yaml"
    other.write_text("version: 1\ndefaults: {autonomy: ask}\n")
    plain = as_json(event("rds.protection-off", "risky"), "--policy", str(other))
    assert "preparation" not in candidate(plain, "rds.protection-off")["unless"]


@every_control
def test_every_risky_event_is_explained_to_the_verdict(control: AnyControl) -> None:
    explained = as_json(event(control.id, "risky"))

    assert explained["policy"] == "policies/guard.yaml"
    (found,) = (one for one in explained["controls"] if one["control"] == control.id)
    assert found["by_the_record"] in set(Certainty)
    for one in found["candidates"]:
        assert list(said(one)) == NAMES
        assert "the guard would " in one["verdict"]
        assert one["at_most"] in (("observe",) if control.revert else ("revert", "ask"))
        expected = "at most observe" if control.revert else "cannot tell"
        assert said(one)["no-remediation"] == expected
    shown = told(event(control.id, "risky")).stdout
    assert f"{control.id}: {found['by_the_record']} by the record" in shown
    assert "the guard would" in shown


@every_control
def test_every_harmless_event_is_said_to_be_so(control: AnyControl) -> None:
    shown = told(event(control.id, "harmless"))

    assert shown.exit_code == 0, shown.output
    assert f"{control.id}: harmless by the record" in shown.stdout
    assert "The record proves the change harmless" in shown.stdout


# ----------------------------------------------------------------------- by the record alone


OMITTED = {"reason": "requestParameters too large", "omitted": True, "originalSize": 130731}


def hiding() -> dict[str, Any]:
    """An inline policy that was padded until CloudTrail recorded nothing of it."""
    return record("iam.amazonaws.com", "PutRolePolicy", OMITTED)


def test_a_record_that_hides_what_was_done_is_not_harmless(written: Callable[..., str]) -> None:
    (one,) = as_json(written(hiding()))["controls"]
    assert (one["control"], one["by_the_record"]) == ("iam.admin-inline", "possible")
    assert one["hidden"] is True
    shown = told(written(hiding())).stdout
    assert "The record hides what was done" in shown
    assert "harmless" not in shown


def test_what_the_record_says_is_told(written: Callable[..., str]) -> None:
    explained = as_json(written(opened("sg-1")))

    assert explained["change"]["name"] == "AuthorizeSecurityGroupIngress"
    assert explained["change"]["actor"] == f"arn:aws:iam::{ACCOUNT}:user/alice"
    assert explained["change"]["time"] == "2026-11-24T12:00:00Z"
    assert not explained["live"]
    one = candidate(explained)
    assert (one["certainty"], one["granted"], one["at_most"]) == ("evident", "revert", "revert")
    assert one["basis"] == "policy grants revert, by its own entry"
    assert one["rulings"] == []


def test_an_event_and_its_bare_record_are_explained_alike(written: Callable[..., str]) -> None:
    bare = opened("sg-1")
    assert as_json(written(bare)) == as_json(written(envelope(bare)))


def test_what_only_a_look_can_tell_is_not_guessed(written: Callable[..., str]) -> None:
    one = candidate(as_json(written(opened("sg-1"))))

    looks = {name for name, says in said(one).items() if says == "cannot tell"}
    assert looks == {
        "baseline",
        "cuts",
        "exemption",
        "freeze",
        "ceiling",
        "no-remediation",
        "irreversible",
        "drastic",
        "uncertain",
        "unread-tags",
        "unreadable-record",
        "flapping",
        "circuit-breaker",
    }
    assert set(one["unless"]) == looks
    assert one["plan"] is None


def test_what_can_only_make_it_ask_is_no_reason_why_it_may_not_ask(
    written: Callable[..., str],
) -> None:
    asks = written("version: 1\ndefaults: {autonomy: ask}\n", "asks.yaml")
    one = candidate(as_json(written(opened("sg-1")), "--policy", asks))
    assert one["at_most"] == "ask"
    assert one["unless"] == ["exemption", "freeze", "ceiling", "no-remediation", "uncertain"]


@pytest.mark.parametrize(
    ("policy", "guardrail", "limit"),
    [
        ("break_glass: [{actor: '*:user/alice', reason: the runbook}]", "break-glass", "observe"),
        ("protected: [{resources: [sg-*], reason: the bastion}]", "protected", "ask"),
        (
            "change_windows: [{name: noon, opens: '11:00', closes: '13:00', autonomy: observe}]",
            "change-window",
            "observe",
        ),
        ("ownership: {roles: ['*:user/alice']}", "ownership", "ask"),
        (
            "exemptions: [{control: ec2.open-ingress, resource: sg-1, until: 2026-11-24, "
            "reason: a vendor}]",
            "exemption",
            "observe",
        ),
    ],
)
def test_what_the_policy_alone_decides_is_a_ruling(
    written: Callable[..., str], policy: str, guardrail: str, limit: str
) -> None:
    """Judged as of the change's time: noon of 24 November 2026."""
    terms = f"version: 1\ndefaults: {{autonomy: revert}}\n{policy}\n"
    one = candidate(as_json(written(opened("sg-1")), "--policy", written(terms, "p.yaml")))

    (ruling,) = one["rulings"]
    assert (ruling["guardrail"], ruling["limit"], one["at_most"]) == (guardrail, limit, limit)
    assert ruling["reason"]


def test_what_depends_on_tags_cannot_be_told_without_them(written: Callable[..., str]) -> None:
    terms = "version: 1\nprotected: [{tags: {env: prod}, reason: production}]\n"
    one = candidate(as_json(written(opened("sg-1")), "--policy", written(terms, "p.yaml")))
    assert said(one)["protected"] == "cannot tell"
    assert "protected" in one["unless"]


def test_what_is_to_be_earned_is_told_with_both_ends(written: Callable[..., str]) -> None:
    terms = "version: 1\ndefaults: {autonomy: earned}\nrollout: {observe: 7d}\n"
    one = candidate(as_json(written(opened("sg-1")), "--policy", written(terms, "p.yaml")))
    assert one["basis"] == "policy grants revert where it is earned, by default"
    assert "take it back at once if its record has earned that, else ask people" in one["verdict"]
    assert {"insufficient-record", "sampling", "rollout"} <= set(one["unless"])


def test_what_is_only_watched_may_still_be_asked_about_when_it_is_unusual(
    written: Callable[..., str],
) -> None:
    terms = "version: 1\ndefaults: {autonomy: observe}\nanomalies: {unusual: true}\n"
    one = candidate(as_json(written(opened("sg-1")), "--policy", written(terms, "p.yaml")))
    assert "ask people if it is unusual here, else only record it and tell" in one["verdict"]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"errorCode": "AccessDenied"}, "the call failed (AccessDenied)"),
        ({"readOnly": True}, "the call only reads"),
    ],
)
def test_what_the_guard_passes_over_is_said(
    written: Callable[..., str], more: dict[str, Any], why: str
) -> None:
    path = written(opened("sg-1", **more))
    assert why in as_json(path)["passed_over"]
    assert as_json(path)["controls"] == []
    assert f"The guard passes over it: {why}" in told(path).stdout


def test_a_change_that_nobody_watches_is_said_to_be_so(written: Callable[..., str]) -> None:
    path = written(record("ec2.amazonaws.com", "CreateTags", {}))
    assert as_json(path)["controls"] == []
    assert "No control watches such a change" in told(path).stdout


def test_the_output_says_which_policy_it_is(
    written: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = written(opened("sg-1"))
    monkeypatch.chdir(tmp_path)
    explained = as_json(path)
    assert explained["policy"] == "the one that ships with Driftguard"
    assert candidate(explained)["granted"] == "revert"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "is not JSON"),
        ("[]", "expected an EventBridge event"),
        ('{"Records": []}', "`driftguard replay` judges those"),
        ('{"eventName": "x"}', "has no `eventSource`"),
    ],
)
def test_what_is_no_event_is_a_sentence(
    written: Callable[..., str], content: str, why: str
) -> None:
    result = told(written(content))
    assert result.exit_code == 1
    assert why in str(result.exception)


def test_what_is_neither_a_file_nor_a_decision_is_a_sentence() -> None:
    why = str(told("dg-none").exception)
    assert "dg-none is neither a file that can be read" in why


@tried(3)
@given(situations())
def test_what_is_told_for_certain_holds_whatever_is_found(case: Circumstances) -> None:
    """The real guardrails, on everything that memory, plan and tags may be, against what was said.

    What limits or says nothing without a look must do so with it, and the guard goes no further
    than was said, nor less far but by one of those that were named.
    """
    control = controls.control(case.control)
    case = replace(case, baselined=control.baselined)
    # Only in a session named after a decision is the remediator ever at work.
    assume(case.actor.principal not in case.own_roles)
    without = replace(
        case,
        plan=Plan((), advice=control.revert),
        ceiling=Autonomy.REVERT,
        remembered=StateRecords(HERE),
        own_roles=(),
        leans_on_baseline=False,
        tags=None,
        tags_unread="",
        use=NOT_IN_USE,
    )
    guessed = list(reasons.said(without, control))

    real = {one.name: one.ruling(case) for one in GUARDRAILS}
    for one in guessed:
        ruling = real[one.guardrail]
        if one.limit is not None:
            assert ruling is not None
            assert ruling.limit == one.limit
        elif not one.wants:
            assert ruling is None

    most, _ = reasons.granted(control.id, case.policy)
    at_most = min([most, *(one.limit for one in guessed if one.limit is not None)])
    named = set(reasons.may_say_less(guessed, at_most))
    judged = judge(case)
    assert judged.autonomy <= at_most
    lower = {one.guardrail for one in judged.rulings if one.limit < at_most}
    assert lower <= named


# --------------------------------------------------------------------------------- with a look


@pytest.fixture
def stack(world: World) -> Callable[..., None]:
    """Deploys a stack in moto, with the outputs and the parameter that are looked at."""

    def deploy(ceiling: str = "revert") -> None:
        outputs = {
            "AuditTable": "audit",
            "StateTable": "state",
            "RemediatorRole": REMEDIATOR,
            "ReplyFunction": "driftguard-reply",
        }
        template = {
            "Parameters": {"AutonomyCeiling": {"Type": "String"}},
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {name: {"Value": value} for name, value in outputs.items()},
        }
        boto3.client("cloudformation").create_stack(
            StackName="driftguard",
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": "AutonomyCeiling", "ParameterValue": ceiling}],
        )

    return deploy


def kept(world: World) -> list[Any]:
    """All that the two tables hold."""
    tables = (boto3.client("dynamodb").scan(TableName=name)["Items"] for name in ("audit", "state"))
    return [item for items in tables for item in items]


def test_a_look_shows_the_plan_and_changes_nothing(
    world: World,
    group: str,
    stack: Callable[..., None],
    written: Callable[..., str],
) -> None:
    stack()

    one = candidate(as_json(written(opened(group)), "--live"))

    (step,) = one["plan"]["steps"]
    assert step["call"].startswith("ec2:RevokeSecurityGroupIngress(")
    assert step["undo"][0].startswith("ec2:AuthorizeSecurityGroupIngress(")
    assert "lets the internet in" in one["seen"]
    assert (one["at_most"], one["unless"], set(said(one).values())) == ("revert", [], {"nothing"})
    assert one["verdict"].startswith("The guard would take it back at once: policy grants revert")
    assert is_open(group)
    assert kept(world) == []
    shown = told(written(opened(group)), "--live").stdout
    assert "1. ec2:RevokeSecurityGroupIngress(" in shown
    assert "undo: ec2:AuthorizeSecurityGroupIngress(" in shown


def test_a_look_finds_what_the_record_hides_and_would_only_ask(
    world: World, stack: Callable[..., None], written: Callable[..., str]
) -> None:
    stack()
    iam = boto3.client("iam")
    trust = policy_of({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:*"})
    iam.create_role(RoleName="padded", AssumeRolePolicyDocument=trust)
    admin = policy_of({"Effect": "Allow", "Action": "*", "Resource": "*"})
    iam.put_role_policy(RoleName="padded", PolicyName="all", PolicyDocument=admin)

    (one,) = as_json(written(hiding()), "--live")["controls"]

    (found,) = one["candidates"]
    assert "padded" in found["resource"]
    assert found["at_most"] == "ask"


def test_a_look_that_is_not_everywhere_is_told(
    stack: Callable[..., None], written: Callable[..., str]
) -> None:
    stack()
    made = record("lambda.amazonaws.com", "AddLayerVersionPermission20181031", OMITTED)
    shown = told(written(made), "--live")
    assert shown.exit_code == 1
    assert "lambda.public-layer cannot list what it may have touched" in shown.stdout


def test_the_guard_then_does_what_was_told(
    world: World,
    group: str,
    stack: Callable[..., None],
    written: Callable[..., str],
) -> None:
    stack("ask")
    freeze(world.state, "carol", "a drill", scope=f"account#{ACCOUNT}")
    happened = opened(group)

    one = candidate(as_json(written(happened), "--live"))

    guard = replace(world.guard, ceiling=Autonomy.ASK)
    decision = world.one(flat_ingress(group, 22, "0.0.0.0/0", eventID=happened["eventID"]), guard)
    assert [(each["guardrail"], each["limit"], each["reason"]) for each in one["rulings"]] == [
        (each.guardrail, each.limit.label, each.reason) for each in decision.rulings
    ]
    assert {each["guardrail"] for each in one["rulings"]} == {"freeze", "ceiling"}
    assert (one["at_most"], one["severity"]) == (decision.autonomy.label, decision.severity)
    assert decision.reason in one["verdict"]
    again = candidate(as_json(written(happened), "--live"))
    assert again["verdict"].endswith(f"{decision.id} is observed.")


def test_what_is_not_risky_any_more_is_left_alone(
    world: World, stack: Callable[..., None], written: Callable[..., str]
) -> None:
    stack()
    closed = boto3.client("ec2").create_security_group(GroupName="closed", Description="closed")

    one = candidate(as_json(written(opened(closed["GroupId"])), "--live"))
    assert (one["seen"], one["verdict"]) == ("it is not risky now", "The guard would do nothing.")

    control = "s3.versioning-suspended"
    gone = candidate(as_json(event(control, "risky"), "--live"), control)
    assert gone["seen"] == "it is gone"


def test_a_change_into_a_state_that_is_asked_about_joins_the_question(
    world: World,
    group: str,
    stack: Callable[..., None],
    written: Callable[..., str],
) -> None:
    stack("ask")
    asked = Asked(world, group)

    one = candidate(as_json(written(opened(group)), "--live"))

    assert f"It would join {asked.decision.id}" in one["verdict"]


def test_our_own_remediators_change_is_passed_over(
    world: World,
    group: str,
    stack: Callable[..., None],
    written: Callable[..., str],
) -> None:
    stack()
    path = written(opened(group, userIdentity=session_of(REMEDIATOR)))
    assert as_json(path, "--live")["passed_over"] == "Driftguard's own remediator made it"


def test_what_may_not_be_read_is_said_and_is_exit_code_1(
    world: World,
    group: str,
    stack: Callable[..., None],
    written: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from driftguard.aws.calls import Refused
    from driftguard.aws.client import Reader

    def refused(self: Reader, service: str, operation: str, /, *_: str, **__: Any) -> Any:
        raise Refused(f"not allowed to call {service}:{operation}")

    stack()
    monkeypatch.setattr(Reader, "read", refused)
    monkeypatch.setattr(Reader, "pages", refused)

    result = told(written(opened(group)), "--live", "--json")

    assert result.exit_code == 1, result.exception
    one = candidate(json.loads(result.stdout))
    assert one["trouble"].startswith("not allowed to call ec2:")
    assert one["verdict"] == "It cannot be told: the guard would try again."


def test_another_accounts_resource_is_not_looked_at(
    world: World, stack: Callable[..., None], written: Callable[..., str]
) -> None:
    stack()
    result = told(written(opened("sg-1", recipientAccountId="999999999999")), "--live")
    assert result.exit_code == 1
    assert "The change is of account 999999999999" in str(result.exception)


def test_a_stack_without_the_parameter_caps_nothing(world: World) -> None:
    assert Stack("driftguard", world.guard.aws, {}).ceiling is Autonomy.REVERT


# --------------------------------------------------------------------------------- a decision


def test_a_decision_tells_what_was_recorded_of_its_reasoning(
    world: World,
    group: str,
    stack: Callable[..., None],
) -> None:
    stack()
    asked = Asked(world, group, quorum=2)
    asked.vote("bob")

    explained = as_json(asked.decision.id)

    assert (explained["granted"], explained["autonomy"]) == ("ask", "ask")
    assert explained["reason"] == asked.decision.reason
    assert explained["rulings"] == []
    assert [one["person"] for one in explained["votes"]] == ["bob"]
    shown = told(asked.decision.id).stdout
    assert "No guardrail had anything to say." in shown
    assert "bob: revert" in shown


def test_a_decision_that_was_held_back_names_the_guardrail(
    world: World,
    group: str,
    stack: Callable[..., None],
) -> None:
    stack()
    freeze(world.state, "carol", "a drill")
    decision: Decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    assert decision.status is Status.OBSERVED

    (ruling,) = as_json(decision.id)["rulings"]

    assert ruling["guardrail"] == "freeze"
    shown = told(decision.id).stdout
    assert "at most observe" in shown
    assert "frozen by carol: a drill" in shown


def test_a_decision_is_not_looked_at_again(stack: Callable[..., None]) -> None:
    stack()
    assert "--live is for a file" in str(told("dg-" + "0" * 24, "--live").exception)
    assert "There is no decision" in str(told("dg-" + "0" * 24).exception)


# --------------------------------------------------------------------------------- the manual


def test_every_guardrail_is_in_the_manual() -> None:
    manual = (ROOT / "docs" / "autonomy.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \|[^|]*\|[^|]*\|[^|]*\|$", manual, re.MULTILINE)
    assert [one for one in rows if one in NAMES] == NAMES


def test_every_example_of_the_manual_is_a_valid_policy() -> None:
    manual = (ROOT / "docs" / "autonomy.md").read_text()
    examples = re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL)
    assert examples
    for one in examples:
        loader.compiled(f"version: 1\n{one}", one)


def test_every_example_in_the_shipped_policy_is_valid() -> None:
    shipped = (ROOT / "policies" / "guard.yaml").read_text()
    _, _, rest = shipped.partition("# And these hold only where you say so:\n#\n")
    block, _, _ = rest.partition("\n\n")
    example = "\n".join(line.removeprefix("# ") for line in block.splitlines())
    compiled = loader.compiled(f"version: 1\n{example}\n")
    assert all(compiled[name] for name in ("break_glass", "protected", "in_use", "pinned"))
    assert compiled["change_windows"]
    assert compiled["anomalies"]


def test_the_usual_terms_are_those_that_hold_without_a_policy() -> None:
    # A policy without `preparations` has people asked at once, as ever.
    assert shipped_policy().bounds._replace(preparations=None) == Policy().bounds


def test_what_the_pack_of_earned_autonomy_takes() -> None:
    pack = from_compiled(loader.read(ROOT / "policies" / "packs" / "earned.yaml"))
    assert all(pack.earns(one.id) for one in controls.every())
    terms = pack.bounds.earning

    def bound(approvals: int) -> float:
        """The score of a stranger after so many approvals of as many people's changes."""
        return score(Record(good=approvals), [], Own()).lower_bound(terms.confidence)

    assert next(n for n in range(100) if bound(n) >= terms.threshold) == 22
    assert next(n for n in range(100) if stake(n, 0, terms.grant) >= 10) == 16


def test_check_says_what_the_rest_of_the_controls_have_to_do() -> None:
    pack = str(ROOT / "policies" / "packs" / "earned.yaml")
    said_of_it = CliRunner().invoke(app, ["policy", "check", pack]).stdout
    assert "0 controls set, the rest earned" in said_of_it.replace("\n", " ")
