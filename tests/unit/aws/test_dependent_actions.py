"""12.18: what AWS asks of a caller beside the call's own action is granted, or is not needed."""

from __future__ import annotations

from driftguard import controls
from driftguard.controls.control import AnyControl
from tests.support.each import each
from tests.support.iam import reference
from tests.support.iam.dependencies import NOT_NEEDED, given_nevertheless, reasoned

WRITING = [one for one in controls.every() if one.writes]


@each("control", WRITING, ids=lambda one: one.id)
def test_what_a_write_depends_on_is_granted_with_the_control(control: AnyControl) -> None:
    lacking = {
        action: sorted(missing)
        for action in control.writes
        if (missing := reference.dependent_actions(action) - {*control.writes} - reasoned(action))
    }
    assert lacking == {}


def test_what_a_read_depends_on_is_granted() -> None:
    """The guard and the sweep read with what all controls declare.

    Sweeping stacks was refused: to describe all of them is to list them, too.
    """
    granted = {action for one in controls.every() for action in (*one.reads, *one.reads_use)}
    lacking = {
        action: sorted(missing)
        for action in granted
        if (missing := reference.dependent_actions(action) - granted - reasoned(action))
    }
    assert lacking == {}


@each("control", controls.every(), ids=lambda one: one.id)
def test_every_permission_is_an_action_of_iam(control: AnyControl) -> None:
    named = (*control.reads, *control.reads_use, *control.writes)
    assert [action for action in named if not reference.is_action(action)] == []


@each("control", controls.every(), ids=lambda one: one.id)
def test_reads_are_reads_by_the_reference(control: AnyControl) -> None:
    levels = {
        action: reference.access_level(action) for action in (*control.reads, *control.reads_use)
    }
    assert {*levels.values()} <= {"Read", "List"}, levels


def test_no_reason_is_left_over() -> None:
    named = {
        action for one in controls.every() for action in (*one.reads, *one.reads_use, *one.writes)
    }
    for action, reasons in NOT_NEEDED.items():
        assert action in named
        assert reasoned(action) <= reference.dependent_actions(action) | ALIKE, action
        for reason in reasons:
            assert reason.why


# One reason serves two actions: what only the other depends on is none of this one's.
ALIKE = frozenset(
    one
    for pair in (
        ("rds:ModifyDBCluster", "rds:ModifyDBInstance"),
        ("wafv2:AssociateWebACL", "wafv2:DisassociateWebACL"),
    )
    for action in pair
    for one in reference.dependent_actions(action)
)


def test_a_parameter_that_needs_more_is_told() -> None:
    asked = {"DBInstanceIdentifier": "orders", "MonitoringRoleArn": "arn:aws:iam::1:role/r"}
    assert given_nevertheless("rds:ModifyDBInstance", asked) == ["MonitoringRoleArn"]
