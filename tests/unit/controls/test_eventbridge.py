"""Which rules watch, what of them is put back, and which names and ids mean what."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.controls import control
from driftguard.controls.control import NoSettings
from driftguard.controls.events.rules import rule_of, watching
from driftguard.documents import Document
from driftguard.model import Candidate, Certainty, Observation, Resource
from tests.support.answers import answering
from tests.support.records import ACCOUNT, REGION, change

EVENTS = "events.amazonaws.com"
RULE = Resource(
    "events.rule", "findings", ACCOUNT, REGION, f"arn:aws:events:{REGION}:{ACCOUNT}:rule/findings"
)
ALL = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
PATTERN = '{"source": ["aws.guardduty"]}'
OTHER = '{"source": ["shop.orders"]}'
TOLD: Document = {"told": ["State"]}


def state(pattern: str, on: str, watches: bool = True, **more: Any) -> Document:
    return {"watches": watches, "rule": {"EventPattern": pattern, "State": on}, **more}


@pytest.mark.parametrize(
    ("now", "before", "back"),
    [
        (state(PATTERN, "DISABLED"), state(PATTERN, ALL), (PATTERN, ALL)),
        (state(PATTERN, "DISABLED"), state(PATTERN, "ENABLED"), (PATTERN, "ENABLED")),
        (state(OTHER, "ENABLED", False), state(PATTERN, ALL), (PATTERN, ALL)),
        (state(PATTERN, "DISABLED"), state(PATTERN, "DISABLED"), None),
        (state(PATTERN, "DISABLED", **TOLD), None, (PATTERN, "ENABLED")),
        (state(PATTERN, "DISABLED"), None, None),
        (state(OTHER, "DISABLED", False, **TOLD), None, None),
        (state(PATTERN, "ENABLED"), state(PATTERN, ALL), None),
    ],
)
def test_a_rule_goes_back_to_how_it_was_on(
    now: Document, before: Document | None, back: tuple[str, str] | None
) -> None:
    """Kind 2: the state with all management events; kind 10: a rule that was off for long."""
    one = control("events.rule-disabled")

    assert (one.assess(now, before, NoSettings()) is not None) is (back is not None)
    if back:
        candidate = Candidate(RULE, Certainty.POSSIBLE)
        (step,) = one.plan(candidate, Observation(now, ""), before, NoSettings()).steps
        sent = step.call.parameters
        assert (sent["EventPattern"], sent["State"]) == back


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("DisableRule", {"name": "findings"}),
        ("PutRule", {"name": "findings", "state": "DISABLED"}),
        ("PutRule", {"name": "findings", "eventPattern": OTHER}),
    ],
)
def test_every_way_to_stop_a_rule_is_looked_at(name: str, request_: Document) -> None:
    """Kind 9: PutRule replaces the whole rule."""
    found = control("events.rule-disabled").screen(change(EVENTS, name, request_), NoSettings())

    assert [candidate.resource for candidate in found] == [RULE]


@pytest.mark.parametrize("name", ["DeleteRule", "RemoveTargets"])
def test_force_hides_nothing(name: str) -> None:
    """Kind 9: AWS ignores it where no service manages the rule."""
    id_ = "events.rule-deleted" if name == "DeleteRule" else "events.targets-removed"
    request = {"name": "findings", "rule": "findings", "ids": ["1"], "force": True}

    assert list(control(id_).screen(change(EVENTS, name, request), NoSettings()))


@pytest.mark.parametrize(
    ("bus", "path"),
    [
        ("", "findings"),
        ("default", "findings"),
        ("security", "security/findings"),
        (f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/security", "security/findings"),
        ("aws.partner/example.com/1", "aws.partner/example.com/1/findings"),
        (
            f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/aws.partner/example.com/1",
            "aws.partner/example.com/1/findings",
        ),
    ],
)
def test_a_partners_bus_has_slashes_in_its_name(bus: str, path: str) -> None:
    """Kind 9."""
    rule = rule_of(change(EVENTS, "DeleteRule", {"name": "findings", "eventBusName": bus}))

    assert rule is not None
    assert rule.arn.partition(":rule/")[2] == path


def target(id_: str, arn: str = "pager", **more: Any) -> Document:
    return {"Id": id_, "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{arn}", **more}


@pytest.mark.parametrize(
    ("now", "before", "put", "undo"),
    [
        # The same target under a new id is not missing.
        ([target("2")], [target("1")], None, None),
        ([target("2", RetryPolicy={"MaximumRetryAttempts": 1})], [target("1")], None, None),
        ([], [target("1")], ["1"], [("RemoveTargets", ["1"])]),
        ([target("2", Input="{}")], [target("1")], ["1"], [("RemoveTargets", ["1"])]),
        # Another target was put under its id: the undo puts that one back.
        ([target("1", "evil")], [target("1")], ["1"], [("PutTargets", ["1"])]),
        (
            [target("1", "evil")],
            [target("1"), target("2", "archive")],
            ["1", "2"],
            [("RemoveTargets", ["2"]), ("PutTargets", ["1"])],
        ),
    ],
)
def test_targets_are_told_apart_by_where_they_lead(
    now: list[Document], before: list[Document], put: list[str] | None, undo: Any
) -> None:
    """Kind 10: a tool that names targets anew; kind 2: PutTargets under an id that is taken."""
    one = control("events.targets-removed")
    seen: Document = {"targets": now}

    assert (one.assess(seen, {"targets": before}, NoSettings()) is not None) is bool(put)
    if not put:
        return
    candidate = Candidate(RULE, Certainty.POSSIBLE)
    (step,) = one.plan(candidate, Observation(seen, ""), {"targets": before}, NoSettings()).steps

    def ids(parameters: Document) -> Any:
        targets: Any = parameters.get("Targets") or ()
        return parameters.get("Ids") or [found["Id"] for found in targets]

    assert ids(step.call.parameters) == put
    assert [(call.operation, ids(call.parameters)) for call in step.undo] == undo


def test_tags_of_aws_are_left_out_and_told() -> None:
    """Kind 5: AWS refuses a request that sets a tag of `aws:`."""
    one = control("events.rule-deleted")
    tags = [{"Key": "aws:cloudformation:stack-name", "Value": "s"}, {"Key": "owner", "Value": "o"}]
    reader = answering(
        events__DescribeRule={"Name": "findings", "EventPattern": PATTERN, "State": "ENABLED"},
        events__ListTagsForResource={"Tags": tags},
        events__ListTargetsByRule={"Targets": []},
    )
    candidate = Candidate(RULE, Certainty.POSSIBLE)
    before = one.observe(candidate, reader)
    assert before is not None

    plan = one.plan(candidate, Observation({"exists": False}, ""), before, NoSettings())

    assert plan.steps[0].call.parameters["Tags"] == [{"Key": "owner", "Value": "o"}]
    assert "aws:cloudformation:stack-name" in plan.advice


def test_all_buses_are_listed() -> None:
    """Kind 8: the listing comes in pages."""

    def buses(asked: dict[str, Any]) -> dict[str, Any]:
        if "NextToken" in asked:
            return {"EventBuses": [{"Name": "security"}]}
        return {"EventBuses": [{"Name": "default"}], "NextToken": "more"}

    def rules(asked: dict[str, Any]) -> dict[str, Any]:
        return {"Rules": [{"Name": f"on-{asked['EventBusName']}", "EventPattern": PATTERN}]}

    reader = answering(
        events__ListEventBuses=buses, events__ListRules=rules, events__ListTagsForResource={}
    )

    assert [rule.id for rule in watching(reader)] == ["on-default", "security/on-security"]
