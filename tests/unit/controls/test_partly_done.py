"""What a call was refused, or only tried, is no finding, though the call itself has no error."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.controls import control
from tests.scenarios.model import policy_of
from tests.support.records import change, ec2
from tests.support.siblings import partly_done

# The lists of what was refused that controls read, each held by a test below.
READ = {
    ("ec2", "DeleteFlowLogs"): ("Unsuccessful",),
    ("events", "PutTargets"): ("FailedEntries",),
    ("events", "RemoveTargets"): ("FailedEntries",),
    ("securityhub", "BatchUpdateStandardsControlAssociations"): ("UnprocessedAssociationUpdates",),
}
# Lists that say nothing of whether the call did what it says, each with what they say.
OTHER = {
    ("eks", "UpdateClusterConfig"): "what went wrong with an update that has only begun",
    ("es", "UpdateDomainConfig"): "what a dry run found",
}


def test_every_call_that_can_be_done_in_part_is_read_so() -> None:
    """For a trigger that is new here: leave out what its response refused, and show it below."""
    found = partly_done()
    assert {call: lists for call, lists in found.items() if call not in OTHER} == READ
    assert OTHER.keys() <= found.keys()


def screened(control_id: str, made: Any) -> list[str]:
    judge = control(control_id)
    return [one.resource.id for one in judge.screen(made, judge.settings())]


def refused(*ids: str) -> list[dict[str, Any]]:
    error = {"code": "InvalidFlowLogId.NotFound", "message": "unknown"}
    return [{"resourceId": id_, "error": error} for id_ in ids]


@pytest.mark.parametrize(
    ("unsuccessful", "gone"),
    [
        ("", ["fl-1", "fl-2"]),
        ({}, ["fl-1", "fl-2"]),
        ({"item": refused("fl-1")[0]}, ["fl-2"]),
        ({"item": refused("fl-1", "fl-2")}, []),
        ({"items": refused("fl-2")}, ["fl-1"]),
        (refused("fl-2"), ["fl-1"]),
    ],
)
def test_flow_logs_that_could_not_be_deleted_are_there(unsuccessful: Any, gone: list[str]) -> None:
    asked = [{"tag": 1, "content": "fl-1"}, {"tag": 2, "content": "fl-2"}]
    made = ec2(
        "DeleteFlowLogs",
        {"DeleteFlowLogsRequest": {"FlowLogId": asked}},
        responseElements={"DeleteFlowLogsResponse": {"unsuccessful": unsuccessful}},
    )
    assert screened("vpc.flow-logs-deleted", made) == gone


@pytest.mark.parametrize("name", ["RemoveTargets", "PutTargets"])
@pytest.mark.parametrize(("failed", "looked_at"), [(0, 1), (1, 1), (2, 0)])
def test_a_rule_of_which_no_target_was_changed_is_as_before(
    name: str, failed: int, looked_at: int
) -> None:
    ids = ["queue", "topic"]
    asked = {"ids": ids} if name == "RemoveTargets" else {"targets": [{"id": id_} for id_ in ids]}
    entries = [{"targetId": id_, "errorCode": "Busy"} for id_ in ids[:failed]]
    made = change(
        "events.amazonaws.com",
        name,
        {"rule": "watch", **asked},
        responseElements={"failedEntryCount": failed, "failedEntries": entries},
    )
    assert len(screened("events.targets-removed", made)) == looked_at


STANDARD = "arn:aws:securityhub:::standards/cis-aws-foundations-benchmark/v/1.4.0"


@pytest.mark.parametrize("capital", [True, False])
@pytest.mark.parametrize(
    ("unprocessed", "disabled"), [((), ["S3.1", "S3.5"]), (("S3.1",), ["S3.5"])]
)
def test_a_control_of_a_batch_that_was_not_processed_is_enabled(
    unprocessed: tuple[str, ...], disabled: list[str], capital: bool
) -> None:
    def spelt(**members: Any) -> dict[str, Any]:
        return {name if capital else name[0].lower() + name[1:]: v for name, v in members.items()}

    def update(id_: str) -> dict[str, Any]:
        return spelt(StandardsArn=STANDARD, SecurityControlId=id_, AssociationStatus="DISABLED")

    left = [
        spelt(StandardsControlAssociationUpdate=update(id_), ErrorCode="INVALID_INPUT")
        for id_ in unprocessed
    ]
    made = change(
        "securityhub.amazonaws.com",
        "BatchUpdateStandardsControlAssociations",
        spelt(StandardsControlAssociationUpdates=[update("S3.1"), update("S3.5")]),
        responseElements=spelt(UnprocessedAssociationUpdates=left),
    )
    found = screened("securityhub.control-disabled", made)
    assert found == [f"{id_} of {STANDARD}" for id_ in disabled]


# ----------------------------------------------------------------------------------- dry runs


EVERYBODY = {"Effect": "Allow", "Principal": "*", "Action": "es:*", "Resource": "*"}


@pytest.mark.parametrize(("dry", "found"), [(True, 0), (False, 1)])
@pytest.mark.parametrize(
    ("control_id", "source", "name", "request_"),
    [
        (
            "opensearch.public-policy",
            "es",
            "UpdateDomainConfig",
            {"domainName": "logs", "accessPolicies": policy_of(EVERYBODY)},
        ),
        ("lambda.code-updated", "lambda", "UpdateFunctionCode", {"functionName": "orders"}),
    ],
)
def test_a_dry_run_changes_nothing(
    control_id: str, source: str, name: str, request_: dict[str, Any], dry: bool, found: int
) -> None:
    made = change(f"{source}.amazonaws.com", name, {**request_, "dryRun": dry})
    judge = control(control_id)
    assert len(list(judge.screen(made, judge.settings()))) == found
