"""Every control has its place in the order of an incident."""

from __future__ import annotations

from driftguard import controls
from driftguard.approvals.incident_order import phase_of, place_of
from tests.support.each import each


def test_every_control_is_in_a_phase() -> None:
    ids = [control.id for control in controls.every()]
    assert len(ids) > 200
    assert [one for one in ids if phase_of(one) is None] == []


@each(
    "control, phase",
    [
        ("containment.role-sessions", "the actor"),
        ("iam.key-for-other-user", "persistence"),
        ("iam.trust-external", "persistence"),
        ("ec2.key-imported", "persistence"),
        # What it cuts off is an access entry.
        ("containment.cluster", "persistence"),
        ("eks.admin-access", "persistence"),
        ("cloudtrail.stopped", "sight"),
        ("s3.logging-disabled", "sight"),
        ("containment.instance", "compute"),
        ("ec2.open-ingress", "compute"),
        ("ec2.snapshot-shared", "data"),
        ("containment.bucket", "data"),
        ("s3.public-policy", "data"),
    ],
)
def test_persistence_comes_first_and_data_last(control: str, phase: str) -> None:
    found = phase_of(control)
    assert found is not None
    assert found.name == phase


def test_the_order_is_actor_persistence_sight_compute_data() -> None:
    ids = ("containment.user", "iam.leaked-key", "config.rule-deleted", "ec2.nacl-open", "s3.x")
    assert [place_of(one) for one in ids] == [0, 1, 2, 3, 4]
    assert place_of("nobody.knows") == 5
