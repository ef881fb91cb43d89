"""AWS Firewall Manager: policies deleted, its administrator taken away."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.documents import text
from driftguard.model import Candidate, Certainty, Change

from .control import NOTHING, References, Trigger, resource
from .mechanisms.advice import Advice

_FMS = "fms.amazonaws.com"


def _gone(change: Change) -> Iterator[Candidate]:
    id_ = text(change.request, "policyId")
    if change.name == "DeletePolicy" and id_:
        where = f"fms:{{region}}:{{account}}:policy/{id_}"
        found = resource(change, "fms.policy", id_, where)
        whole = change.request.get("deleteAllPolicyResources") is True
        yield Candidate(found, Certainty.EVIDENT, {"with_its_resources": whole})
    elif change.name == "DisassociateAdminAccount":
        found = resource(change, "fms.administrator", change.account, "fms::{account}:admin")
        yield Candidate(found, Certainty.EVIDENT, {"administrator": ""})


CONTROLS = (
    Advice(
        id="fms.policy-deleted",
        title="Firewall Manager's policy deleted",
        severity=80,
        references=References(attack=("T1562.007", "T1562.001")),
        cuts=NOTHING,
        triggers=(
            Trigger(_FMS, "DeletePolicy"),
            Trigger(_FMS, "DisassociateAdminAccount"),
            Trigger(_FMS, "PutPolicy"),
        ),
        revert="a policy that is made again has another id, and makes all its firewalls anew",
        candidates=_gone,
        why="the accounts of the organization are no longer held to the policy",
        advice="Make the policy again from its source; see in which accounts what it had made is "
        "gone.",
    ),
)
