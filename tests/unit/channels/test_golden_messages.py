"""How every message looks: each kind of decision in each rendering, as golden files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from driftguard.approvals.incidents import Incident
from driftguard.channels import page, sns
from driftguard.channels.budget import Named, Waiting
from driftguard.channels.message import programs
from driftguard.channels.slack import blocks
from driftguard.channels.slack import incident as slack_incident
from driftguard.channels.topic import of_waiting, publish_digest
from driftguard.channels.wording import ApprovalRequest, timeout
from driftguard.model import Actor, Call, Choice, Decision, Plan, Resource, Status, Step, Vote
from driftguard.policy.model import Terms
from tests.support.audit import a_decision, group
from tests.support.each import each
from tests.support.golden import assert_golden
from tests.support.world import ROOT

GOLDEN = Path(__file__).parent / "golden"
RULE = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
GIVEN = {"GroupId": "sg-0f1e2d3c4b5a69788", "IpPermissions": [RULE]}
GROUP = replace(group(GIVEN["GroupId"]), kind="ec2.security-group")
BOB = Vote(
    "bob",
    Choice.REVERT,
    "slack",
    "2026-11-20T10:05:00.000Z",
    "before",
    identity="U1",
    reason="not ours",
)


def opened(**fields: object) -> Decision:
    step = Step(
        Call("ec2", "RevokeSecurityGroupIngress", GIVEN, on=(GROUP.arn,)),
        (Call("ec2", "AuthorizeSecurityGroupIngress", GIVEN, on=(GROUP.arn,)),),
    )
    given: dict[str, object] = {
        "resource": GROUP,
        "title": "Security group open to the internet",
        "summary": f"{GROUP.id} lets the internet in: tcp 22 from 0.0.0.0/0",
        "plan": Plan((step,), untouched=("ingress tcp 443 from 0.0.0.0/0",)),
        "version": 3,
    }
    return a_decision(**given | fields)


def bucket(**fields: object) -> Decision:
    """A plan that writes a whole document: only what differs is told."""
    ours = {
        "Sid": "Ours",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
    }
    public = {"Sid": "Everybody", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
    policies = [
        json.dumps({"Version": "2012-10-17", "Statement": one}) for one in ([ours], [ours, public])
    ]
    calls = [
        Call(
            "s3", "PutBucketPolicy", {"Bucket": "wares", "Policy": one}, on=("arn:aws:s3:::wares",)
        )
        for one in policies
    ]
    resource = Resource("s3.bucket", "wares", "123456789012", "eu-west-1", "arn:aws:s3:::wares")
    given: dict[str, object] = {
        "resource": resource,
        "control": "s3.public-policy",
        "title": "Bucket open to everybody by its policy",
        "summary": "wares lets everybody in: s3:GetObject by the statement Everybody",
        "severity": 92,
        "change_name": "PutBucketPolicy",
        "plan": Plan((Step(calls[0], (calls[1],)),), untouched=("the statement Ours",)),
        "version": 3,
    }
    return a_decision(2, **given | fields)


ASKED = opened(
    status=Status.ASKED,
    reason="policy grants ask",
    expires="2026-11-20T14:00:00.000Z",
    beside=("Of the last 3 answers about ec2.open-ingress, 1 accepted the change.",),
)
DECISIONS = {
    "asked": ASKED,
    "asked-bucket": bucket(status=Status.ASKED, reason="policy grants ask", expires=ASKED.expires),
    "reverted": opened(status=Status.REVERTED, reason="policy grants revert"),
    "reverted-after-a-vote": opened(
        status=Status.REVERTED, reason="approved by bob", votes=(BOB,), expires=ASKED.expires
    ),
    "failed": opened(
        status=Status.FAILED,
        reason="ec2:RevokeSecurityGroupIngress was refused: UnauthorizedOperation",
        next_try="2026-11-20T10:30:00.000Z",
        retries=1,
    ),
    "undone": opened(status=Status.UNDONE, reason="undone by bob: the bastion needs it"),
    "observed": opened(
        status=Status.OBSERVED,
        reason="the sweep found it",
        actor=Actor.unattributed(),
        change_name="found by the sweep",
    ),
    "denied": opened(
        status=Status.DENIED,
        reason="accepted by bob",
        votes=(replace(BOB, choice=Choice.ACCEPT, until="2026-11-27T10:05:00.000Z"),),
    ),
    "advice": opened(
        status=Status.OBSERVED,
        reason="no plan can take it back",
        plan=Plan((), advice="Restore the key from the console within its waiting period."),
    ),
    "proposed": opened(
        status=Status.PROPOSED,
        control="driftguard.operator",
        title="Proposed: exemption of ec2.open-ingress",
        severity=0,
        change_name="exempt",
        summary="ec2.open-ingress exempts sg-1* until 2026-12-01",
        reason="a migration",
        plan=Plan(()),
    ),
}


def request(decision: Decision) -> ApprovalRequest | None:
    if decision.status is not Status.ASKED:
        return None
    link = "https://reply.example/answer?t=TOKEN"
    return ApprovalRequest(
        timeout(decision, Terms()), link, "arn:aws:sns:us-east-1:123456789012:replies"
    )


def mail(decision: Decision) -> str:
    return f"Subject: {sns.subject(decision)}\n\n{sns.as_email(decision, request(decision))}\n"


def in_json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


RENDERINGS: dict[str, Callable[[Decision], str]] = {
    "mail.txt": mail,
    "slack.json": lambda one: in_json(blocks.message(one, request(one))),
    "amazon-q.json": lambda one: in_json(sns.as_q(one, request(one))),
    "programs.json": lambda one: in_json(programs.document(one, request(one))),
}


@each("rendering", RENDERINGS)
@each("name", DECISIONS)
def test_a_message_looks_as_somebody_saw_it(name: str, rendering: str) -> None:
    folder = GOLDEN / rendering.partition(".")[0]
    shown = RENDERINGS[rendering](DECISIONS[name])
    assert_golden(folder / f"{name}.{rendering.partition('.')[2]}", shown)


SCHEMA = json.loads((ROOT / "docs" / "message.schema.json").read_text())


def valid(document: object) -> None:
    """Raises unless a program that knows the documented schema takes the document."""
    Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(document)))


@pytest.mark.parametrize("name", DECISIONS)
def test_what_programs_get_is_of_the_documented_schema(name: str) -> None:
    decision = DECISIONS[name]
    valid(programs.document(decision, request(decision)))


def test_each_name_of_a_decision_is_in_the_schema_and_none_is_optional_by_mistake() -> None:
    described = SCHEMA["$defs"]["decision"]
    told = set(programs.document(DECISIONS["asked"], request(DECISIONS["asked"])))
    assert told == set(described["properties"]) - {"truncated"}
    assert set(programs.document(DECISIONS["reverted"])) == set(described["required"])


def test_incidents_are_of_the_documented_schema() -> None:
    incident = {"incident": DECISIONS["asked"].id}
    pair = [replace(DECISIONS[name], **incident) for name in ("asked", "asked-bucket")]  # type: ignore[arg-type]
    valid(programs.incident([(one, request(one)) for one in pair]))


class Recorder:
    """What SNS would be given."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}

    def publish(self, **given: Any) -> None:
        self.given = given

    def rendering(self, protocol: str) -> str:
        return str(json.loads(self.given["Message"])[protocol])


def test_digests_are_of_the_documented_schema() -> None:
    recorder = Recorder()
    publish_digest([*DECISIONS.values()], recorder, "topic")
    valid(json.loads(recorder.rendering("default")))
    one = DECISIONS["observed"]
    named = Named(one.severity, one.id, one.control, one.status.value, one.summary)
    waiting = Waiting("2026-11-20T10:00:00Z", 40, {"observed": 40}, 80, named=(named,))
    message = of_waiting(waiting)
    valid(json.loads(message.renderings["default"]))
    shown = f"Subject: {message.subject}\n\n{message.renderings['email']}\n"
    assert_golden(GOLDEN / "mail" / "digest-of-the-budget.txt", shown)


@pytest.mark.parametrize("wrong", [{"version": 2}, {"status": "gone"}, {"decision": "x"}])
def test_the_schema_refuses_what_is_something_else(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        valid({**programs.document(DECISIONS["reverted"]), **wrong})


def test_a_document_that_was_cut_is_of_the_schema_too() -> None:
    long = "x" * 100_000
    cut = programs.document(opened(summary=long, plan=Plan((), (long,) * 60)), None)
    assert cut["truncated"] is True
    assert len(json.dumps(cut)) <= 60_000
    valid(cut)


def test_the_page_looks_as_somebody_saw_it() -> None:
    shown = page.approval_request(
        ASKED, Choice.REVERT, token="TOKEN", vote="the link's", timeout="The change stands."
    )
    # Its style has a test of its own.
    body = shown.partition("<body>")[2].replace("><", ">\n<")
    assert_golden(GOLDEN / "page" / "asked.html", body + "\n")


def test_an_incident_and_a_digest_look_as_somebody_saw_them() -> None:
    pair = [DECISIONS["asked"], DECISIONS["asked-bucket"]]
    incident = sns.incident_email([(one, request(one)) for one in pair])
    subject = sns.incident_subject(pair)
    assert_golden(GOLDEN / "mail" / "incident.txt", f"Subject: {subject}\n\n{incident}\n")
    requests = [(one, request(one)) for one in pair]
    whole = Incident(pair[0].id, tuple(pair))
    assert_golden(
        GOLDEN / "slack" / "incident.json", in_json(slack_incident.message(requests, whole))
    )
    assert_golden(GOLDEN / "amazon-q" / "incident.json", in_json(sns.incident_card(requests)))
    many = [*DECISIONS.values()]
    digest = f"Subject: {sns.digest_subject(many)}\n\n{sns.digest_text(many)}\n"
    assert_golden(GOLDEN / "mail" / "digest.txt", digest)
