"""Decisions as Security Hub's findings: what is imported, what is not taken, what comes back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError, ParamValidationError
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from driftguard import controls
from driftguard.approvals import act
from driftguard.aws.calls import AwsError, Throttled
from driftguard.channels.hooks.security_hub import asff, custom_action
from driftguard.channels.hooks.security_hub.custom_action import CustomAction, claims, obeyed
from driftguard.channels.hooks.security_hub.imports import MOST, Imports, taken
from driftguard.channels.hooks.security_hub.outbox import Outbox
from driftguard.documents import Document
from driftguard.model import Actor, Candidate, Certainty, Decision, Place, Resource, Status
from driftguard.model import Plan as RemediationPlan
from tests.support.audit import a_decision, group
from tests.support.golden import assert_golden
from tests.support.world import ACCOUNT, HERE, REGION

GOLDEN = Path(__file__).parent.parent / "golden" / "security-hub"
EXPIRES = "2026-11-21T10:00:00.000Z"
ASKED = a_decision(status=Status.ASKED, expires=EXPIRES, version=1)
MODEL = botocore.session.get_session().get_service_model("securityhub")
LARGEST = 240_000


@dataclass
class Hub:
    """Security Hub, as far as it is asked here: what was imported, and answers that a test orders.

    `refuses` are the ids that an import fails for, each with an error code.
    """

    refuses: dict[str, str] = field(default_factory=dict)
    fails: list[Exception] = field(default_factory=list)
    findings: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[list[str]] = field(default_factory=list)
    asked: list[Mapping[str, Any]] = field(default_factory=list)
    sent: list[Mapping[str, Any]] = field(default_factory=list)
    meta: Any = None

    def __getattr__(self, operation: str) -> Any:
        raise AttributeError(operation)

    def batch_import_findings(self, **given: Any) -> dict[str, Any]:
        shape = MODEL.operation_model("BatchImportFindings").input_shape
        report = ParamValidator().validate(given, shape)
        assert not report.has_errors(), report.generate_report()
        assert len(given["Findings"]) <= MOST
        self.requests.append([one["Id"] for one in given["Findings"]])
        if self.fails:
            raise self.fails.pop(0)
        failed = [one["Id"] for one in given["Findings"] if one["Id"] in self.refuses]
        self.findings |= {one["Id"]: one for one in given["Findings"] if one["Id"] not in failed}
        return {
            "SuccessCount": len(given["Findings"]) - len(failed),
            "FailedCount": len(failed),
            "FailedFindings": [
                {"Id": one, "ErrorCode": self.refuses[one], "ErrorMessage": "said so"}
                for one in failed
            ],
        }

    def get_findings(self, **given: Any) -> dict[str, Any]:
        shape = MODEL.operation_model("GetFindings").input_shape
        report = ParamValidator().validate(given, shape)
        assert not report.has_errors(), report.generate_report()
        if self.fails:
            raise self.fails.pop(0)
        self.asked.append(given)
        # All that there are, as moto has it: what is taken has to be the one that was asked for.
        return {"Findings": list(self.findings.values())}

    def send_message(self, **given: Any) -> None:
        if self.fails:
            raise self.fails.pop(0)
        self.sent.append(given)


def answering(code: str, status: int) -> ClientError:
    about = {"HTTPStatusCode": status}
    return ClientError(
        {"Error": {"Code": code, "Message": "said so"}, "ResponseMetadata": about},  # type: ignore[typeddict-item]
        "BatchImportFindings",
    )


def finding_of(decision: Decision) -> dict[str, Any]:
    return dict(asff.finding_of(decision, HERE))


# --------------------------------------------------------------------------- the finding


@pytest.mark.parametrize(
    ("name", "decision"),
    [
        ("asked", ASKED),
        (
            "reverted",
            a_decision(status=Status.REVERTED, version=4, reason="policy grants revert"),
        ),
        (
            "advice",
            a_decision(
                status=Status.OBSERVED,
                plan=RemediationPlan((), advice="Rotate the secret, then delete the old version."),
                actor=Actor.unattributed(),
                change_name="found by the sweep",
            ),
        ),
    ],
)
def test_how_a_finding_looks(name: str, decision: Decision) -> None:
    shown = json.dumps(finding_of(decision), indent=2, ensure_ascii=False) + "\n"
    assert_golden(GOLDEN / f"{name}.json", shown)


@pytest.mark.parametrize(
    "status", [one for one in Status if one.value not in ("noted", "proposed")]
)
def test_a_finding_is_archived_once_it_is_reverted_or_people_accepted_it(status: Status) -> None:
    finding = finding_of(replace(ASKED, status=status))
    settled = status.value in ("reverted", "denied", "exempted", "undone")
    assert finding["RecordState"] == ("ARCHIVED" if settled else "ACTIVE")
    passed = status is Status.REVERTED
    assert finding["Compliance"] == {"Status": "PASSED" if passed else "FAILED"}


def test_what_only_customers_may_set_is_left_to_them() -> None:
    """Source: AWS Security Hub API Reference, "BatchImportFindings"."""
    theirs = {"Note", "UserDefinedFields", "VerificationState", "Workflow", "Severity", "Types"}
    theirs |= {"Confidence", "Criticality", "RelatedFindings"}
    assert not theirs & finding_of(ASKED).keys()


def test_every_version_is_newer_than_the_one_before_though_they_share_a_millisecond() -> None:
    """Security Hub ignores what is not newer."""
    at = [replace(ASKED, version=version) for version in range(1, 30)]
    later = replace(ASKED, version=1, updated="2026-11-20T10:00:00.001Z")
    times = [asff.updated_at(one) for one in (*at, later)]
    assert times == sorted(set(times))


texts = st.text(max_size=3_000)


@given(texts, texts, texts, st.integers(0, 100), st.sampled_from(list(Status)), texts)
def test_no_finding_is_longer_than_security_hub_takes(
    title: str, reason: str, id_: str, severity: int, status: Status, agent: str
) -> None:
    """Source: AWS Security Hub Partner Integration Guide, "Guidelines for mapping findings into the
    AWS Security Finding Format (ASFF)"; AWS Security Hub API Reference, "Recommendation".
    """
    resource = Resource("s3.bucket", id_ * 3, ACCOUNT, "", f"arn:aws:s3:::{id_ * 3}")
    decision = a_decision(
        title=title * 3,
        summary=reason,
        reason=reason * 3,
        severity=severity,
        status=status,
        candidate=Candidate(resource, Certainty.POSSIBLE),
        actor=Actor(session=agent * 3, agent=agent),
        plan=RemediationPlan((), advice=agent * 3),
        change_time=id_,
    )
    finding = finding_of(decision)
    (told,) = finding["Resources"]
    recommended = finding["Remediation"]["Recommendation"]["Text"]
    for text, most in (
        (finding["Title"], 256),
        (finding["Description"], 1_024),
        (recommended, 512),
        (told["Id"], 512),
        *((value, 1_024) for value in finding["ProductFields"].values()),
        *((value, 1_024) for value in told["Details"]["Other"].values()),
    ):
        assert len(text) <= most
    assert len(json.dumps(finding, ensure_ascii=False).encode()) <= LARGEST
    Imports(Hub, HERE).take([decision])


def test_the_resource_is_told_with_its_own_region_and_type() -> None:
    elsewhere = a_decision(resource=group(region="eu-west-1"))
    (told,) = finding_of(elsewhere)["Resources"]
    assert (told["Type"], told["Region"]) == ("AwsEc2SecurityGroup", "eu-west-1")
    assert finding_of(elsewhere)["ProductArn"].split(":")[3] == REGION
    for nowhere in ("", "global"):
        user = Resource("iam.user", "eve", ACCOUNT, nowhere, f"arn:aws:iam::{ACCOUNT}:user/eve")
        (told,) = finding_of(a_decision(resource=user))["Resources"]
        assert (told["Type"], "Region" in told) == ("AwsIamUser", False)


@pytest.mark.parametrize(
    ("arn", "type_"),
    [
        ("arn:aws:s3:::wares", "AwsS3Bucket"),
        ("arn:aws:s3:us-east-1:123456789012:accesspoint/shop", "AwsS3AccessPoint"),
        ("arn:aws:lambda:us-east-1:123456789012:function:bill", "AwsLambdaFunction"),
        ("arn:aws:rds:us-east-1:123456789012:db:orders", "AwsRdsDbInstance"),
        ("arn:aws:route53:::hostedzone/Z1", "AwsRoute53HostedZone"),
        ("arn:aws-cn:sns:cn-north-1:123456789012:news", "AwsSnsTopic"),
        ("arn:aws:organizations::123456789012:policy/o-1/p-1", "Other"),
        ("no ARN at all", "Other"),
    ],
)
def test_the_type_of_a_resource_follows_from_its_arn(arn: str, type_: str) -> None:
    assert asff.resource_type(arn) == type_


def test_every_type_is_one_that_security_hub_has() -> None:
    """The details that a resource can have are named by its type."""
    known = set(MODEL.shape_for("ResourceDetails").members)
    assert {name for name in asff._TYPES.values() if name not in known} == set()


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "eu-west-1"])
def test_the_id_names_the_decision_of_its_own_guard_only(region: str) -> None:
    there = Place(ACCOUNT, region)
    id_ = asff.finding_id(ASKED.id, there)
    assert asff.decision_in(id_, there) == ASKED.id
    assert asff.decision_in(id_, HERE) == ""
    assert asff.decision_in(ASKED.id, HERE) == ""
    assert asff.product_arn(there).endswith(f":{region}:{ACCOUNT}:product/{ACCOUNT}/default")


# --------------------------------------------------------------------------- importing


def imported(hub: Hub, decisions: Sequence[Decision]) -> dict[str, str]:
    return Imports(lambda: hub, HERE).take(decisions)


def test_a_hundred_are_imported_at_a_time() -> None:
    hub = Hub()
    assert imported(hub, [a_decision(number) for number in range(1, 252)]) == {}
    assert [len(one) for one in hub.requests] == [100, 100, 51]


def test_only_what_was_not_taken_comes_again() -> None:
    decisions = [a_decision(number) for number in (1, 2, 3)]
    hub = Hub({asff.finding_id(decisions[1].id, HERE): "InvalidInput"})
    assert imported(hub, decisions) == {decisions[1].id: "InvalidInput: said so"}
    assert len(hub.findings) == 2


def test_where_security_hub_is_not_enabled_the_reason_says_what_to_do() -> None:
    hub = Hub({asff.finding_id(ASKED.id, HERE): "InvalidAccess"})
    (why,) = imported(hub, [ASKED]).values()
    assert f"takes no findings in {REGION} of {ACCOUNT}" in why
    assert "enable it there, or deploy the stack with SecurityHub=false" in why
    hub = Hub(fails=[answering("InvalidAccessException", 401)])
    assert "SecurityHub=false" in imported(hub, [ASKED])[ASKED.id]


@pytest.mark.parametrize(
    ("code", "status"), [("LimitExceededException", 429), ("InternalException", 500)]
)
def test_a_request_that_fails_fails_for_its_own_findings_only(code: str, status: int) -> None:
    hub = Hub(fails=[answering(code, status)])
    decisions = [a_decision(number) for number in range(1, 111)]
    assert set(imported(hub, decisions)) == {one.id for one in decisions[:100]}
    assert len(hub.findings) == 10


@pytest.mark.parametrize(
    "refusal",
    [answering("InvalidInputException", 400), ParamValidationError(report="too short")],
    ids=["by Security Hub", "by the SDK"],
)
def test_a_finding_for_which_a_whole_request_is_refused_keeps_no_other_from_being_taken(
    refusal: Exception,
) -> None:
    """They would come again together, for two weeks."""
    decisions = [a_decision(number) for number in range(1, 101)]
    bad = asff.finding_id(decisions[36].id, HERE)

    class Strict(Hub):
        def batch_import_findings(self, **given: Any) -> dict[str, Any]:
            if bad in [one["Id"] for one in given["Findings"]]:
                self.fails.append(refusal)
            return super().batch_import_findings(**given)

    hub = Strict()
    assert set(imported(hub, decisions)) == {decisions[36].id}
    assert len(hub.findings) == 99
    assert len(hub.requests) <= 15


def delivered(*bodies: str) -> Document:
    records = [{"messageId": f"m-{number}", "body": body} for number, body in enumerate(bodies)]
    return {"Records": records}


def test_messages_are_done_with_but_for_what_failed() -> None:
    decisions = {f"{one.id}": one for one in (a_decision(1), a_decision(2))}
    first, second = decisions
    hub = Hub({asff.finding_id(second, HERE): "InternalFailure"})
    operators = a_decision(3, control=act.CONTROL, status=Status.NOTED)
    event = delivered(
        *(json.dumps({"decision": one}) for one in (first, second, second, "dg-unknown")),
        json.dumps({"decision": operators.id}),
        *("no JSON", "[]", "{}", '{"decision": ["dg-1"]}', '{"decision": "another"}'),
    )

    def read(ids: Sequence[str]) -> Sequence[Decision]:
        return [one for one in (*decisions.values(), operators) if one.id in ids]

    assert set(taken(event, Imports(lambda: hub, HERE), read)) == {"m-1", "m-2"}
    assert list(hub.findings) == [asff.finding_id(first, HERE)]


def test_the_outbox_has_what_is_a_finding_and_nothing_of_operators() -> None:
    hub = Hub()
    outbox = Outbox(lambda: hub, "the queue")
    outbox.tell(ASKED)
    outbox.tell(a_decision(2, control=act.CONTROL, status=Status.NOTED))
    assert hub.sent == [{"QueueUrl": "the queue", "MessageBody": f'{{"decision": "{ASKED.id}"}}'}]


def test_what_the_queue_does_not_take_comes_again() -> None:
    outbox = Outbox(lambda: Hub(fails=[answering("ServiceUnavailable", 503)]), "the queue")
    with pytest.raises(Throttled):
        outbox.tell(ASKED)


# ---------------------------------------------------------------------- the custom action

S3 = {
    "Id": f"arn:aws:securityhub:{REGION}:{ACCOUNT}:security-control/S3.8/finding/1a2b",
    "ProductArn": f"arn:aws:securityhub:{REGION}::product/aws/securityhub",
    "AwsAccountId": ACCOUNT,
    "GeneratorId": "security-control/S3.8",
    "RecordState": "ACTIVE",
    "Compliance": {"Status": "FAILED", "SecurityControlId": "S3.8"},
    "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::wares", "Region": REGION}],
}
OURS = finding_of(ASKED)


def chosen(*findings: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """The event of our custom action, as the Security Hub User Guide shows it."""
    return {
        "version": "0",
        "id": "1a1111a1-b22b-3c33-444d-5555e5ee5555",
        "detail-type": "Security Hub Findings - Custom Action",
        "source": "aws.securityhub",
        "account": ACCOUNT,
        "time": "2026-11-20T10:43:48Z",
        "region": REGION,
        "resources": [f"arn:aws:securityhub:{REGION}:{ACCOUNT}:action/custom/DriftguardRevert"],
        "detail": {
            "actionName": "Driftguard: revert",
            "actionDescription": "Asks the approvers of Driftguard about a finding",
            "findings": [dict(one) for one in findings],
        },
        **changes,
    }


def commanded(event: Mapping[str, Any], *there: Mapping[str, Any]) -> list[Document]:
    """What follows from an event, where Security Hub has these findings."""
    hub = Hub(findings={one["Id"]: dict(one) for one in there})
    action = CustomAction(lambda: hub, HERE, controls.every)
    sent: list[Document] = []
    known = lambda ids: [ASKED] if ASKED.id in ids else []  # noqa: E731
    assert obeyed(event, action, known, sent.append) == (len(sent), ())
    return sent


def test_a_finding_of_ours_has_the_guard_ask_about_its_decision() -> None:
    assert commanded(chosen(OURS), OURS) == [{"driftguard": "ask-about", "decision": ASKED.id}]


def test_a_finding_of_security_hub_has_each_control_that_names_it_look_at_the_resource() -> None:
    sent = commanded(chosen(S3), S3)
    looking = {str(one["control"]) for one in sent}
    assert looking
    for name in looking:
        assert "S3.8" in controls.control(name).references.security_hub
    assert all(
        one == {**one, "driftguard": "look-for", "arn": "arn:aws:s3:::wares", "region": REGION}
        for one in sent
    )


@pytest.mark.parametrize(
    "generator", ["security-control/S3.8", "aws-foundational-security-best-practices/v/1.0.0/S3.8"]
)
def test_without_a_control_id_the_generator_names_it(generator: str) -> None:
    finding = {**S3, "GeneratorId": generator, "Compliance": {"Status": "FAILED"}}
    assert commanded(chosen(finding), finding)


def test_a_finding_that_security_hub_does_not_have_is_nothing() -> None:
    """Whoever may change a rule's target can send any event, and no finding with it."""
    assert commanded(chosen(OURS, S3)) == []
    # What the event says of a finding counts for nothing, but for which one it is.
    forged = {**S3, "Resources": [{"Id": "arn:aws:s3:::others"}], "AwsAccountId": ACCOUNT}
    assert {one["arn"] for one in commanded(chosen(forged), S3)} == {"arn:aws:s3:::wares"}


@pytest.mark.parametrize(
    "kept",
    [
        {"RecordState": "ARCHIVED"},
        {"AwsAccountId": "210987654321"},
        {"Compliance": {"SecurityControlId": "Nothing.1"}, "GeneratorId": "x"},
        {"ProductArn": "arn:aws:securityhub:us-east-1::product/aws/guardduty"},
        {"ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/securityhub"},
        {"Resources": []},
        {"Resources": [{"Id": ""}, {}]},
    ],
)
def test_what_is_stale_of_another_account_or_none_of_our_risks_is_nothing(
    kept: dict[str, Any],
) -> None:
    finding = {**S3, **kept}
    assert commanded(chosen(finding), finding) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"account": "210987654321"},
        {"region": "eu-west-1"},
        {"detail-type": "Security Hub Findings - Imported"},
        {"resources": []},
        {"resources": None},
        {"resources": f"arn:aws:securityhub:{REGION}:{ACCOUNT}:action/custom/DriftguardRevert"},
        {"resources": [f"arn:aws:securityhub:{REGION}:{ACCOUNT}:action/custom/Another"]},
        {"detail": None},
        {"detail": {"findings": "all"}},
        {"detail": {"findings": [None, {}, {"Id": 1}]}},
    ],
)
def test_an_event_that_is_not_our_actions_asks_security_hub_nothing(
    changes: dict[str, Any],
) -> None:
    hub = Hub(findings={S3["Id"]: S3})  # type: ignore[dict-item]
    action = CustomAction(lambda: hub, HERE, controls.every)
    assert obeyed(chosen(S3, **changes), action, lambda _: [], lambda _: None) == (0, ())
    assert hub.asked == []


def test_what_others_imported_under_an_id_of_ours_names_no_decision() -> None:
    """Whoever may import findings writes any id under the account's own product."""
    forged = {**OURS, "Id": asff.finding_id("dg-ffffffffffffffffffffffff", HERE)}
    assert commanded(chosen(forged), forged) == []
    foreign = {**OURS, "Id": "another/product"}
    assert commanded(chosen(foreign), foreign) == []


def test_a_security_hub_that_cannot_be_asked_is_asked_again() -> None:
    hub = Hub(fails=[answering("LimitExceededException", 429)])
    action = CustomAction(lambda: hub, HERE, controls.every)
    with pytest.raises(AwsError):
        obeyed(chosen(S3), action, lambda _: [], lambda _: None)


def test_the_rule_hears_of_the_action_that_the_code_takes() -> None:
    assert custom_action.action_arn(HERE) in chosen()["resources"]


def another(number: int, **changes: Any) -> dict[str, Any]:
    """Another finding of the same control."""
    return {**S3, "Id": f"{S3['Id']}-{number}", **changes}


def test_as_many_findings_are_obeyed_as_somebody_can_choose_and_the_rest_is_told() -> None:
    """One event named hundreds, and each had the guard look at up to 32 resources."""
    many = [another(number) for number in range(300)]
    hub = Hub(findings={one["Id"]: one for one in many})
    action = CustomAction(lambda: hub, HERE, controls.every)
    sent: list[Document] = []
    told = obeyed(chosen(*many, *many), action, lambda _: [], sent.append)
    assert len(hub.asked) == 20
    assert told.sent == len(sent) <= custom_action.MOST
    assert set(told.left_out) == {one["Id"] for one in many[20:]}


def test_no_more_commands_follow_from_an_event_than_are_bounded_and_the_rest_is_told() -> None:
    named = [{"Type": "Other", "Id": f"arn:aws:s3:::wares-{number}"} for number in range(32)]
    many = [another(number, Resources=named) for number in range(20)]
    hub = Hub(findings={one["Id"]: one for one in many})
    action = CustomAction(lambda: hub, HERE, controls.every)
    sent: list[Document] = []
    told = obeyed(chosen(*many), action, lambda _: [], sent.append)
    assert told.sent == len(sent) == custom_action.MOST
    of_one = 32 * len({str(one["control"]) for one in sent})
    assert told.left_out == tuple(one["Id"] for one in many[custom_action.MOST // of_one :])


def test_a_finding_that_cannot_be_read_keeps_no_other_from_being_obeyed() -> None:
    hub = Hub(findings={S3["Id"]: S3}, fails=[answering("InternalException", 500)])  # type: ignore[dict-item]
    action = CustomAction(lambda: hub, HERE, controls.every)
    sent: list[Document] = []
    with pytest.raises(AwsError):
        obeyed(chosen(another(1), S3), action, lambda _: [], sent.append)
    assert {one["arn"] for one in sent} == {"arn:aws:s3:::wares"}


def test_an_event_is_about_each_finding_once() -> None:
    assert claims(chosen(*[S3] * 50), HERE) == claims(chosen(S3), HERE)
