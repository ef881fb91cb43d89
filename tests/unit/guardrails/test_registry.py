"""A guardrail is one entry of the registry: all else follows from it, and names none."""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given
from typer.testing import CliRunner

from driftguard.channels.slack import blocks
from driftguard.channels.sns import digest_text
from driftguard.channels.wording import as_json, timeout
from driftguard.guardrails import registry
from driftguard.guardrails.circumstances import Circumstances
from driftguard.guardrails.judgment import judge
from driftguard.model import Autonomy, Decision, Ruling, Status
from driftguard.policy import compiled
from driftguard.policy.model import Policy, Terms
from driftguard_cli.generate import generated
from driftguard_cli.main import app
from driftguard_cli.policy_file.schema import PolicyFile, schema
from tests.support.audit import a_decision
from tests.support.guardrails.circumstances import circumstances
from tests.support.guardrails.strategies import situations
from tests.support.guardrails.throwaway import REASON, add_full_moon
from tests.support.properties import thoroughly
from tests.support.records import flat_ingress
from tests.support.template import template
from tests.support.world import ROOT, World

# -------------------------------------------------------------------------------- the registry


def test_rulings_are_shown_in_this_order() -> None:
    assert [one.name for one in registry.GUARDRAILS] == [
        "own-change",
        "exemption",
        "freeze",
        "ceiling",
        "break-glass",
        "protected",
        "change-window",
        "ownership",
        "unread-tags",
        "unattributed",
        "no-remediation",
        "irreversible",
        "drastic",
        "preparation",
        "uncertain",
        "baseline",
        "in-use",
        "cuts",
        "rollout",
        "insufficient-record",
        "sampling",
        "unseen",
        "routine",
        "flapping",
        "circuit-breaker",
        "unreadable-record",
    ]


@thoroughly
@given(situations())
def test_a_judgment_has_its_rulings_in_the_order_of_the_registry(case: Circumstances) -> None:
    order = [one.name for one in registry.GUARDRAILS]
    shown = [order.index(one.guardrail) for one in judge(case).rulings]
    assert shown == sorted(shown)


@thoroughly
@given(situations())
def test_a_ruling_is_never_lower_than_its_guardrail_says(case: Circumstances) -> None:
    for guardrail in registry.GUARDRAILS:
        ruling = guardrail.ruling(case)
        if ruling is None:
            continue
        assert ruling.limit >= guardrail.lowest
        if isinstance(guardrail.at_most, Autonomy):
            # A ruling that lowers nothing is only told.
            assert ruling.limit in (guardrail.at_most, Autonomy.REVERT)


def test_terms_stand_under_a_key_of_the_policy_or_in_a_parameter_of_the_stack() -> None:
    keys = set(PolicyFile.model_fields)
    parameters = set(template()["Parameters"])
    for guardrail in registry.GUARDRAILS:
        assert guardrail.policy_key in {"", *keys}, guardrail.name
        assert guardrail.parameter in {"", *parameters}, guardrail.name


# ----------------------------------------------------------------------------------- the alarms


def test_every_metric_of_a_guardrail_has_an_alarm_and_every_such_alarm_a_guardrail() -> None:
    """Beside them the guard counts its decisions by outcome."""
    metrics = [
        one["Properties"]["MetricName"]
        for one in template()["Resources"].values()
        if one["Type"] == "AWS::CloudWatch::Alarm"
        and one["Properties"].get("Namespace") == "Driftguard"
        and {"Name": "service", "Value": "guard"} in one["Properties"]["Dimensions"]
    ]
    outcomes = {one.value.capitalize() for one in Status}
    of_guardrails = sorted(one.alarms for one in registry.GUARDRAILS if one.alarms)
    assert sorted(set(metrics) - outcomes) == of_guardrails
    assert len(metrics) == len(set(metrics))


# ------------------------------------------------------------------ no other file names one

# Words that mean something else where they stand: file, word, what it means there.
OTHERWISE = {}
# A name with a hyphen can mean nothing but the guardrail, save this one: a command and a record.
COMMANDS = {"circuit-breaker"}


def named(source: str, names: set[str]) -> Iterator[str]:
    """The guardrails that a module names.

    Some names are everyday words: policy keys, commands, keys of a control's state. Those can mean
    a guardrail only in a module that deals with rulings or guardrails.
    """
    tree = ast.parse(source)
    deals = any("ruling" in one.lower() or "guardrail" in one.lower() for one in _identifiers(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in names:
            assert isinstance(node.value, str)
            if deals or ("-" in node.value and node.value not in COMMANDS):
                yield node.value


def _identifiers(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name
            case ast.keyword(arg=str(name)) | ast.alias(name=name):
                yield name
            case ast.ImportFrom(module=str(name)):
                yield name


def test_no_other_file_names_a_guardrail() -> None:
    names = {one.name for one in registry.GUARDRAILS}
    names |= {one.alarms for one in registry.GUARDRAILS if one.alarms}
    library = ROOT / "layers" / "driftguard" / "driftguard"
    found = {
        (path.relative_to(library if path.is_relative_to(library) else ROOT).as_posix(), name)
        for folder in ("layers", "cli", "functions")
        for path in (ROOT / folder).rglob("*.py")
        if not path.is_relative_to(library / "guardrails")
        for name in named(path.read_text(), names)
    }
    assert found == set(OTHERWISE)


@pytest.mark.parametrize(
    "source",
    [
        'held = any(one.guardrail == "freeze" for one in decision.rulings)',
        'URGENT = ("freeze", "other")\nfound = [one for one in rulings if one in URGENT]',
        'from driftguard.guardrails import registry\nsure = {"freeze": True}',
        'match ruling:\n    case "freeze":\n        pass',
        'ELSEWHERE = frozenset({"break-glass"})',
    ],
)
def test_a_file_that_named_one_would_be_found(source: str) -> None:
    assert list(named(source, {"freeze", "break-glass"})) in (["freeze"], ["break-glass"])


def test_a_word_that_is_no_guardrail_is_none() -> None:
    for source in ('terms = policy["freeze"]', 'app.add_typer(it, name="circuit-breaker")'):
        assert list(named(source, {"freeze", "circuit-breaker"})) == []


# ----------------------------------------------------------------------- a guardrail that is new


def test_a_new_guardrail_is_asked_and_named_in_the_ruling(monkeypatch: pytest.MonkeyPatch) -> None:
    add_full_moon(monkeypatch)
    judged = judge(circumstances())
    assert judged.rulings == (Ruling("full-moon", Autonomy.ASK, REASON),)
    assert (judged.autonomy, judged.reason) == (Autonomy.ASK, REASON)


def test_a_new_guardrail_is_recorded_told_and_explained(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_full_moon(monkeypatch)
    decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    ruling = {"guardrail": "full-moon", "limit": "ask", "reason": REASON}

    assert decision.status is Status.ASKED
    assert world.audit.get(decision.id) == decision
    assert as_json(decision)["rulings"] == [ruling]
    assert f"full-moon: at most ask; {REASON}" in blocks.details(decision)

    risky = str(ROOT / "events" / "ec2.open-ingress" / "risky.json")
    explained = json.loads(CliRunner().invoke(app, ["explain", risky, "--json"]).stdout)
    (one,) = (each for each in explained["controls"] if each["control"] == "ec2.open-ingress")
    (candidate,) = one["candidates"]
    assert ruling in candidate["rulings"]
    assert candidate["at_most"] == "ask"


@pytest.fixture
def made_anew() -> Iterator[None]:
    """The policy's schema is made once a process: here it is made with what the test adds."""
    schema.cache_clear()
    yield
    schema.cache_clear()


@pytest.mark.usefixtures("made_anew")
def test_a_new_guardrail_is_in_the_manual_and_in_the_policys_schema(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_full_moon(monkeypatch, policy_key="pinned")
    changed = {
        path.relative_to(ROOT).as_posix(): content
        for path, content in generated(ROOT).items()
        if path.read_text() != content
    }
    pages = {"docs/autonomy.md", "docs/reference/policy.md"}
    assert set(changed) == {*pages, "policies/guard.schema.json"}
    row = "| `full-moon` | what happens while the moon is full | ask | `pinned` |"
    assert row in changed["docs/autonomy.md"].splitlines()
    properties = schema()["properties"]
    assert isinstance(properties, dict)
    assert properties["pinned"]["description"] == "Terms of the guardrail `full-moon`."


def test_a_new_guardrail_that_says_so_stands_in_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    decision = held()
    assert REASON not in digest_text([decision])
    add_full_moon(monkeypatch, in_digests=True)
    assert f"Held back:\n  - {REASON}" in digest_text([decision])


def test_a_new_guardrail_that_says_so_outlasts_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    decision, terms = held(), Terms(timeout_action="revert")
    assert timeout(decision, terms).endswith("it is reverted.")
    add_full_moon(monkeypatch, outlasts_timeout=True)
    assert timeout(decision, terms).endswith("asked again, if the risk still stands.")


def test_a_new_guardrail_that_alarms_is_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    guard = guards_function(monkeypatch)
    monkeypatch.setattr(guard.Intake, "take", lambda *_: [held()])
    context = SimpleNamespace(
        function_name="guard",
        memory_limit_in_mb=1,
        invoked_function_arn="",
        aws_request_id="",
        get_remaining_time_in_millis=lambda: 120_000,
    )

    def counted() -> set[str]:
        guard.handler({"Records": [{"messageId": "m", "body": "no change"}]}, context)
        lines = map(json.loads, capsys.readouterr().out.splitlines())
        (metrics,) = (line["_aws"]["CloudWatchMetrics"][0] for line in lines if "_aws" in line)
        return {metric["Name"] for metric in metrics["Metrics"]}

    assert counted() == {"Messages", "Asked"}
    add_full_moon(monkeypatch, alarms="FullMoon")
    assert counted() == {"Messages", "Asked", "FullMoon"}


def held() -> Decision:
    """A decision that the new guardrail holds to a question."""
    return a_decision(
        status=Status.ASKED,
        expires="2026-11-25T12:00:00.000Z",
        rulings=(Ruling("full-moon", Autonomy.ASK, REASON),),
    )


def guards_function(patched: pytest.MonkeyPatch) -> ModuleType:
    """The guard's Lambda, imported as Lambda does, with the environment that it is given there."""
    role = "arn:aws:iam::123456789012:role/remediator"
    environment = {
        "ACCOUNT_ID": "123456789012",
        "ADVISORIES": "",
        "AUDIT_TABLE": "audit",
        "AUTONOMY_CEILING": "revert",
        "AWS_REGION": "us-east-1",
        "CHANGES_QUEUE_URL": "https://sqs.example/changes",
        "COMMANDS_QUEUE_URL": "https://sqs.example/commands",
        "COMMANDS_QUEUE_ARN": "arn:aws:sqs:us-east-1:123456789012:commands",
        "DEAD_LETTER_QUEUE_URL": "https://sqs.example/dead-lettered",
        "DEAD_LETTER_KEY_SECRET": "dead-letter-key",
        "POWERTOOLS_METRICS_NAMESPACE": "Driftguard",
        "POWERTOOLS_SERVICE_NAME": "guard",
        "CONTAINMENT_ROLE_ARN": "",
        "GRANTING_ROLE_ARN": "",
        "OWN_ROLE_ARNS": f"{role},arn:aws:iam::123456789012:role/guard",
        "REMEDIATOR_ROLE_ARN": role,
        "REPLY_FUNCTION_ARN": "arn:aws:lambda:us-east-1:123456789012:function:reply",
        "SALT_SECRET": "salt",
        "STATE_TABLE": "state",
    }
    for name, value in environment.items():
        patched.setenv(name, value)
    patched.setattr(compiled, "shipped", Policy)
    path = ROOT / "functions" / "guard" / "app.py"
    spec = importlib.util.spec_from_file_location("guard_function", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # The types of its settings are looked up by the module's name.
    patched.setitem(sys.modules, "guard_function", module)
    spec.loader.exec_module(module)
    return module
