"""What a call was refused, or only tried, is no finding, though the call itself has no error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from driftguard.controls import control, watching
from tests.scenarios.model import policy_of
from tests.support.records import change, ec2
from tests.support.siblings import partly_done

# The lists of what was refused that controls read, each held by a test below.
READ = {
    ("detective", "DeleteMembers"): ("UnprocessedAccounts",),
    ("ec2", "DeleteFlowLogs"): ("Unsuccessful",),
    ("events", "PutTargets"): ("FailedEntries",),
    ("events", "RemoveTargets"): ("FailedEntries",),
    ("guardduty", "DeleteMembers"): ("UnprocessedAccounts",),
    ("guardduty", "DisassociateMembers"): ("UnprocessedAccounts",),
    ("guardduty", "StopMonitoringMembers"): ("UnprocessedAccounts",),
    ("inspector2", "Disable"): ("failedAccounts",),
    ("redshift", "BatchDeleteClusterSnapshots"): ("Errors",),
    ("securityhub", "BatchUpdateAutomationRules"): ("UnprocessedAutomationRules",),
    ("securityhub", "BatchUpdateStandardsControlAssociations"): ("UnprocessedAssociationUpdates",),
    ("securityhub", "DeleteMembers"): ("UnprocessedAccounts",),
}
# Lists that say nothing of whether the call did what it says, each with what they say.
OTHER = {
    ("eks", "UpdateClusterConfig"): "what went wrong with an update that has only begun",
    ("es", "UpdateDomainConfig"): "what a dry run found",
}
# Calls that make or switch on what others take away: whatever they were refused, nothing is lost.
# Each with a request.
HARMLESS: dict[tuple[str, str], dict[str, Any]] = {
    ("config", "PutRemediationConfigurations"): {
        "remediationConfigurations": [{"configRuleName": "no-public-buckets"}]
    },
    ("guardduty", "CreateMembers"): {
        "detectorId": "12abc34d567e8fa901bc2d34e56789f0",
        "accountDetails": [{"accountId": "111111111111", "email": "one@example.com"}],
    },
    ("guardduty", "StartMonitoringMembers"): {
        "detectorId": "12abc34d567e8fa901bc2d34e56789f0",
        "accountIds": ["111111111111"],
    },
    ("inspector2", "Enable"): {"accountIds": ["111111111111"], "resourceTypes": ["EC2"]},
    ("securityhub", "CreateMembers"): {"AccountDetails": [{"AccountId": "111111111111"}]},
}


def test_every_call_that_can_be_done_in_part_is_read_so() -> None:
    """For a trigger that is new here: leave out what its response refused, and show it below."""
    found = partly_done()
    others = OTHER.keys() | HARMLESS.keys()
    assert {call: lists for call, lists in found.items() if call not in others} == READ
    assert others <= found.keys()


@pytest.mark.parametrize("call", HARMLESS, ids="-".join)
def test_a_call_that_takes_nothing_away_is_no_finding_however_much_of_it_was_done(
    call: tuple[str, str],
) -> None:
    made = change(f"{call[0]}.amazonaws.com", call[1], HARMLESS[call])
    woken = [*watching(made)]
    assert woken
    assert [one for judge in woken for one in judge.screen(made, judge.settings())] == []


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


# ---------------------------------------------------------------------- members, scans, snapshots

ONE, TWO = "111111111111", "222222222222"
DETECTOR = {"detectorId": "12abc34d567e8fa901bc2d34e56789f0"}
GRAPH = {
    "graphArn": "arn:aws:detective:us-east-1:123456789012:graph:027c7c4610ea4aacaf0b883093cab899"
}
RULE = "arn:aws:securityhub:us-east-1:123456789012:automation-rule/"


def each(found: Any) -> list[str]:
    """The last part of each candidate's id."""
    return [one.resource.id.rpartition("/")[2] for one in found]


class Batch(NamedTuple):
    """A call on `asked`: its list of what was refused, and how that names one."""

    control: str
    source: str
    name: str
    request: Callable[[list[str]], dict[str, Any]]
    refused: str
    named: str
    # What the control makes of those that were not refused; by default, a candidate of each.
    told: Callable[[Any], list[str]] = each

    def __str__(self) -> str:
        return f"{self.source}-{self.name}"


def removed(found: Any) -> list[str]:
    """Of a control that tells of the accounts of a call together."""
    return [account for one in found for account in one.hint["removed"]]


def of_members(control_id: str, name: str) -> Batch:
    def request(ids: list[str]) -> dict[str, Any]:
        return {**DETECTOR, "accountIds": ids}

    return Batch(control_id, "guardduty", name, request, "unprocessedAccounts", "accountId")


BATCHES = (
    of_members("guardduty.members-removed", "DeleteMembers"),
    of_members("guardduty.members-removed", "DisassociateMembers"),
    of_members("guardduty.monitoring-stopped", "StopMonitoringMembers"),
    Batch(
        "inspector.disabled",
        "inspector2",
        "Disable",
        lambda ids: {"accountIds": ids, "resourceTypes": ["EC2"]},
        "failedAccounts",
        "accountId",
    ),
    Batch(
        "detective.deleted",
        "detective",
        "DeleteMembers",
        lambda ids: {**GRAPH, "accountIds": ids},
        "unprocessedAccounts",
        "accountId",
        removed,
    ),
    Batch(
        "securityhub.members-removed",
        "securityhub",
        "DeleteMembers",
        lambda ids: {"AccountIds": ids},
        "UnprocessedAccounts",
        "AccountId",
        removed,
    ),
    Batch(
        "securityhub.findings-hidden",
        "securityhub",
        "BatchUpdateAutomationRules",
        lambda ids: {
            "UpdateAutomationRulesRequestItems": [
                {"RuleArn": RULE + id_, "RuleStatus": "ENABLED"} for id_ in ids
            ]
        },
        "UnprocessedAutomationRules",
        "RuleArn",
    ),
    Batch(
        "redshift.deleted",
        "redshift",
        "BatchDeleteClusterSnapshots",
        lambda ids: {"identifiers": [{"snapshotIdentifier": id_} for id_ in ids]},
        "errors",
        "snapshotIdentifier",
    ),
)


@pytest.mark.parametrize(("failed", "done"), [((), (ONE, TWO)), ((ONE,), (TWO,)), ((ONE, TWO), ())])
@pytest.mark.parametrize("batch", BATCHES, ids=str)
def test_of_a_batch_only_what_was_done_is_a_finding(
    batch: Batch, failed: tuple[str, ...], done: tuple[str, ...]
) -> None:
    prefix = RULE if batch.named == "RuleArn" else ""
    made = change(
        f"{batch.source}.amazonaws.com",
        batch.name,
        batch.request([ONE, TWO]),
        responseElements={batch.refused: [{batch.named: prefix + id_} for id_ in failed]},
    )
    judge = control(batch.control)
    assert batch.told([*judge.screen(made, judge.settings())]) == [*done]


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
