"""The round trip with Security Hub: a finding out, the custom action in, and what comes of it.

moto keeps findings by their id and ignores filters; it has no custom actions, so the event is
written here as the Security Hub User Guide shows it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest

from driftguard.audit import AuditTable
from driftguard.aws.client import Aws
from driftguard.model import Autonomy, Decision, Status
from tests.support.functions import BOB, Functions, asking, started
from tests.support.records import envelope, record
from tests.support.slack_stand_in import running
from tests.support.world import ACCOUNT, REGION

QUEUE = "FindingsQueue"


class Hubbed:
    """A stack that imports into Security Hub, and only observes what it sees."""

    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self.audit = AuditTable(Aws(), functions.stack.physical("AuditTable"))
        boto3.client("securityhub").enable_security_hub()

    def opened(self) -> str:
        """A security group is opened to the world: its id."""
        ec2 = boto3.client("ec2")
        group = str(ec2.create_security_group(GroupName="web", Description="web")["GroupId"])
        ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
        )
        said = {"groupId": group, "ipPermissions": {}, "ipProtocol": "tcp", "fromPort": 22}
        self.functions.change(
            envelope(
                record(
                    "ec2.amazonaws.com",
                    "AuthorizeSecurityGroupIngress",
                    {**said, "toPort": 22, "cidrIp": "0.0.0.0/0"},
                )
            )
        )
        return group

    def imported(self) -> dict[str, dict[str, Any]]:
        """What Security Hub has once the queue is empty: decision → its finding."""
        sqs = boto3.client("sqs")
        url = self.functions.stack.resolved({"Ref": QUEUE})
        while got := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            records = [{"messageId": one["MessageId"], "body": one["Body"]} for one in got]
            answer = self.functions.invoke("SecurityHubFunction", {"Records": records})
            assert answer == {"batchItemFailures": []}, self.functions.judge.refused
            for one in got:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        found = boto3.client("securityhub").get_findings()["Findings"]
        return {one["Id"].rpartition("/")[2]: dict(one) for one in found}

    def press(self, finding: dict[str, Any], **changes: Any) -> None:
        """Somebody chooses the custom action for a finding, and all that follows happens."""
        self.functions.invoke("SecurityHubFunction", event(finding, **changes))
        self.functions.settle()

    def decisions(self, group: str) -> list[Decision]:
        """The decisions on a group, oldest first."""
        found = self.audit.many(self.functions.decisions())
        ours = (one for one in found if one.candidate.resource.id == group)
        return sorted(ours, key=lambda decision: decision.decided)


def event(finding: dict[str, Any], **changes: Any) -> dict[str, Any]:
    arn = f"arn:aws:securityhub:{REGION}:{ACCOUNT}:action/custom/DriftguardRevert"
    return {
        "version": "0",
        "id": "1a1111a1-b22b-3c33-444d-5555e5ee5555",
        "detail-type": "Security Hub Findings - Custom Action",
        "source": "aws.securityhub",
        "account": ACCOUNT,
        "time": "2026-11-20T10:43:48Z",
        "region": REGION,
        "resources": [arn],
        "detail": {
            "actionName": "Driftguard: revert",
            "findings": [json.loads(json.dumps(finding))],
        },
        **changes,
    }


@pytest.fixture
def hubbed(account: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hubbed]:
    with running() as slack:
        policy = replace(asking(), default=Autonomy.OBSERVE)
        yield Hubbed(started(monkeypatch, slack, policy, more={"SecurityHub": "true"}))


def test_from_a_finding_to_a_revert_that_people_approved(hubbed: Hubbed) -> None:
    group = hubbed.opened()
    (observed,) = hubbed.decisions(group)
    assert observed.status is Status.OBSERVED
    finding = hubbed.imported()[observed.id]
    assert (finding["RecordState"], finding["AwsAccountId"]) == ("ACTIVE", ACCOUNT)

    hubbed.press(finding)
    asked = hubbed.decisions(group)[-1]
    assert asked.status is Status.ASKED
    assert hubbed.imported()[asked.id]["ProductFields"]["driftguard/status"] == "asked"

    answer = hubbed.functions.api(
        BOB, "/answer", decision=asked.id, choice="revert", fingerprint=asked.before
    )
    assert answer["counted"], answer
    hubbed.functions.settle()
    assert hubbed.decisions(group)[-1].status is Status.REVERTED
    settled = hubbed.imported()[asked.id]
    assert (settled["RecordState"], settled["Compliance"]) == ("ARCHIVED", {"Status": "PASSED"})
    assert settled["UpdatedAt"] > finding["UpdatedAt"]
    assert hubbed.functions.judge.refused == []


def test_a_forged_event_is_worth_nothing(hubbed: Hubbed) -> None:
    """Whoever may change a rule's target sends any event; only Security Hub's own word counts."""
    group = hubbed.opened()
    (observed,) = hubbed.decisions(group)
    finding = hubbed.imported()[observed.id]
    hubbed.press({**finding, "Id": finding["Id"].replace(observed.id, "dg-" + "f" * 24)})
    hubbed.press(finding, account="210987654321")
    hubbed.press({"driftguard": "carry-out", "decision": observed.id})
    assert [one.status for one in hubbed.decisions(group)] == [Status.OBSERVED]
