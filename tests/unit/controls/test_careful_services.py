"""Reverts of policies, keys, tables and secrets, by the kind of fault that they avoid."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest

from driftguard.access.policy import judge
from driftguard.controls import control
from driftguard.controls.control import NoSettings, TrustSettings
from driftguard.controls.ecr import _mutable
from driftguard.documents import Document
from driftguard.model import Autonomy, Candidate, Certainty, Observation, Plan, Resource, Status
from driftguard.policy.model import Policy
from driftguard.sweep.look import sweep
from tests.scenarios.efs import EFS, TLS_ONLY, VIA_MOUNT_TARGET
from tests.scenarios.secretsmanager import make_secret
from tests.support import strict_aws
from tests.support.records import change
from tests.support.world import ACCOUNT, REGION, Fakes, World

STRANGER = "999999999999"


def reverting(given: Policy) -> Policy:
    return replace(given, autonomy={}, default=Autonomy.REVERT)


def policy_of(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def plan_of(id_: str, resource: Resource, state: Document, baseline: Document | None) -> Plan:
    candidate = Candidate(resource, Certainty.POSSIBLE)
    declared = control(id_)
    return declared.plan(candidate, Observation(state, ""), baseline, declared.settings())


# ------------------------------------------------------------------- whatever the service

OPENED = {"Effect": "Allow", "Principal": {"AWS": STRANGER}, "Action": "sqs:*", "Resource": "*"}


@pytest.mark.parametrize(
    ("before", "asked"),
    [
        (policy_of(OPENED), True),
        (policy_of({**OPENED, "Sid": "Partner", "Principal": {"AWS": [ACCOUNT, STRANGER]}}), True),
        (json.dumps({"statement": {k.lower(): v for k, v in OPENED.items()}}), False),
        (policy_of({**OPENED, "Action": "sqs:SendMessage"}), False),
        (policy_of({**OPENED, "Principal": {"AWS": ACCOUNT}}), False),
        ("not JSON", False),
        ("", False),
        (None, False),
    ],
)
def test_kind_1_whom_people_let_in_before_is_a_question(before: str | None, asked: bool) -> None:
    """Kind 1: a policy is put whole, so what was accepted stands in each later change."""
    state: Document = {"owner": ACCOUNT, "policy": policy_of(OPENED)}
    baseline: Document = {"owner": ACCOUNT, "policy": before}
    finding = control("sqs.public-policy").assess(state, baseline, TrustSettings())
    assert finding is not None
    assert (finding.at_most is Autonomy.ASK) is asked


# ----------------------------------------------------------------------------------- KMS


def test_kind_8_one_key_that_denies_reads_ends_no_list(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kind 8: the keys after it are looked at, and of it people are told."""
    client = boto3.client("kms")
    keys = [client.create_key()["KeyMetadata"]["KeyId"] for _ in range(5)]
    for key in keys:
        client.enable_key_rotation(KeyId=key)
    denying(monkeypatch, keys[1], ("DescribeKey", "GetKeyRotationStatus", "GetKeyPolicy"))
    for id_ in ("kms.public-policy", "kms.rotation-off", "kms.disabled", "kms.deletion-scheduled"):
        found = list(sweep(world.guard, REGION, only=[control(id_)]))
        seen = {one.resource.id: one.outcome for one in found if one.resource is not None}
        assert set(seen) == set(keys), id_
        assert [key for key, outcome in seen.items() if outcome == "failed"] == [keys[1]], id_


def test_kind_8_a_key_that_is_not_described_still_shows_its_policy(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kind 8: a policy may deny kms:DescribeKey to all, and open the key to a stranger."""
    client = boto3.client("kms")
    key = client.create_key()["KeyMetadata"]["KeyId"]
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    ours = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    theirs = {**ours, "Principal": {"AWS": STRANGER}, "Action": "kms:Decrypt"}
    written = policy_of(ours, theirs)
    client.put_key_policy(KeyId=key, PolicyName="default", Policy=written)
    denying(monkeypatch, key, ("DescribeKey",))
    (found,) = sweep(world.guard, REGION, only=[control("kms.public-policy")])
    assert found.outcome == "risky"


def denying(patch: pytest.MonkeyPatch, key: str, operations: tuple[str, ...]) -> None:
    """A key whose policy denies these reads."""
    from botocore.client import BaseClient
    from botocore.exceptions import ClientError

    original = BaseClient._make_api_call

    def answered(client: BaseClient, name: str, parameters: Any) -> Any:
        if name in operations and parameters.get("KeyId") == key:
            denied = {"Code": "AccessDeniedException", "Message": "with an explicit deny"}
            raise ClientError({"Error": denied}, name)
        return original(client, name, parameters)

    patch.setattr(BaseClient, "_make_api_call", answered)


@pytest.mark.parametrize(
    ("request_", "looked_at"),
    [
        ({"policy": "{}", "description": "orders"}, True),
        ({"omitted": "true", "originalSize": "130731"}, True),
        ({"description": "orders"}, False),
    ],
)
def test_kind_9_a_key_may_be_open_from_the_start(request_: Document, looked_at: bool) -> None:
    """Kind 9: CreateKey takes a policy too, and names the key in its answer."""
    key = "1234abcd-12ab-34cd-56ef-1234567890ab"
    made = {"keyMetadata": {"keyId": key}}
    record = change("kms.amazonaws.com", "CreateKey", request_, responseElements=made)
    found = list(control("kms.public-policy").screen(record, TrustSettings()))
    assert [one.resource.id for one in found] == ([key] if looked_at else [])


def test_kind_3_rotation_that_was_perhaps_never_on_is_told(world: World) -> None:
    """Kind 3: `DisableKeyRotation` of a key that is not rotated changes nothing."""
    key = boto3.client("kms").create_key()["KeyMetadata"]["KeyId"]
    record = change("kms.amazonaws.com", "DisableKeyRotation", {"keyId": key})
    (decision,) = world.handle(record, world.with_policy(reverting))
    assert decision.status is Status.OBSERVED
    assert "not recorded" in decision.plan.advice


def test_kind_10_a_grant_to_a_deleted_role_is_a_grant_to_nobody() -> None:
    """Kind 10: its unique id is not an account that is not trusted."""
    state: Document = {
        "owner": ACCOUNT,
        "grants": [{"GrantId": "1", "GranteePrincipal": "AROAEXAMPLE0000000001"}],
    }
    assert control("kms.external-grant").assess(state, None, TrustSettings()) is None


# ----------------------------------------------------------------------------- SNS and SQS


def test_kind_2_an_emptied_topic_gets_awss_own_default_policy() -> None:
    """Kinds 2 and 4: without `AWS:SourceOwner` CloudWatch alarms no longer publish."""
    arn = f"arn:aws:sns:us-east-1:{ACCOUNT}:orders"
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "SNS:Publish", "Resource": arn}
    topic = Resource("sns.topic", arn, ACCOUNT, REGION, arn)
    state: Document = {"owner": ACCOUNT, "policy": policy_of(everybody)}
    (step,) = plan_of("sns.public-policy", topic, state, None).steps
    written = json.loads(str(step.call.parameters["AttributeValue"]))
    (default,) = written["Statement"]
    assert written["Id"] == "__default_policy_ID"
    assert default["Principal"] == {"AWS": "*"}
    assert default["Condition"] == {"StringEquals": {"AWS:SourceOwner": ACCOUNT}}
    assert judge("sns", written, account=ACCOUNT).answer == "closed"


def test_kind_8_every_page_of_queues_is_read(world: World) -> None:
    """Kind 8: AWS lists 1,000 queues, and says that more follow only if it is asked for pages."""
    client = boto3.client("sqs")
    for number in range(1_005):
        client.create_queue(QueueName=f"queue-{number}")
    with strict_aws.enforced(now=world.clock.now):
        found = list(control("sqs.public-policy").inventory(reader(world)))
    assert len(found) == 1_005


def reader(world: World) -> Any:
    return world.guard.aws.reader(ACCOUNT, REGION)


# ------------------------------------------------------------------------------------ EFS

FILES = Resource(
    "efs.file-system",
    "fs-1",
    ACCOUNT,
    REGION,
    f"arn:aws:elasticfilesystem:us-east-1:{ACCOUNT}:file-system/fs-1",
)
OPEN = {**VIA_MOUNT_TARGET, "Condition": {}}


@pytest.mark.parametrize("before", [None, "open", "good"])
def test_kind_4_a_file_systems_policy_is_never_deleted(before: str | None) -> None:
    """Kind 4: the default, where there is no policy, lets everybody mount and write."""
    state: Document = {"owner": ACCOUNT, "policy": policy_of(OPEN)}
    good = policy_of(VIA_MOUNT_TARGET, TLS_ONLY)
    written = {None: None, "open": policy_of({**OPEN, "Sid": "Was"}), "good": good}[before]
    baseline: Document | None = None if before is None else {"owner": ACCOUNT, "policy": written}
    plan = plan_of("efs.public-policy", FILES, state, baseline)
    if before == "good":
        (step,) = plan.steps
        assert step.call.operation == "PutFileSystemPolicy"
        assert step.call.parameters["Policy"] == good
    else:
        assert plan.steps == ()
        assert "default" in plan.advice


def test_kind_4_every_deleted_policy_of_a_file_system_is_a_loss() -> None:
    """Kind 4: one that only allowed is missed more than none: everybody may mount now."""
    baseline: Document = {"policy": policy_of(VIA_MOUNT_TARGET)}
    finding = control("efs.policy-deleted").assess({"policy": None}, baseline, NoSettings())
    assert finding is not None and "everybody" in finding.summary
    plan = plan_of("efs.policy-deleted", FILES, {"policy": None}, baseline)
    assert plan.steps[0].call.parameters["Policy"] == baseline["policy"]


def test_a_policy_that_was_never_there_is_not_missed() -> None:
    deleted = control("efs.policy-deleted")
    assert deleted.assess({"policy": None}, {"policy": None}, NoSettings()) is None
    assert EFS in {trigger.source for trigger in deleted.triggers}


# ------------------------------------------------------------------------------ OpenSearch


def test_kind_4_an_open_policy_beside_fine_grained_access_control_is_for_people(
    world: World,
) -> None:
    """Kind 4: AWS documents the two together; emptied, it shuts out every user of the domain."""
    client = boto3.client("opensearch")
    everybody = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "es:ESHttp*"}
    written = policy_of({**everybody, "Resource": "*"})
    client.create_domain(
        DomainName="search",
        EngineVersion="OpenSearch_2.19",
        AccessPolicies=written,
        AdvancedSecurityOptions={"Enabled": True, "InternalUserDatabaseEnabled": True},
    )
    record = {"domainName": "search", "accessPolicies": written}
    change_ = change("es.amazonaws.com", "UpdateDomainConfig", record)
    (decision,) = world.handle(change_, world.with_policy(reverting))
    assert decision.status is Status.OBSERVED
    assert decision.plan.steps == ()
    assert "fine-grained" in decision.plan.advice


# ------------------------------------------------------------------------------------- ECR


def mutability(name: str, *excluded: str) -> Document:
    filters = [{"filterType": "WILDCARD", "filter": one} for one in excluded]
    more: dict[str, Any] = {"imageTagMutabilityExclusionFilters": filters} if excluded else {}
    return {"mutability": {"imageTagMutability": name, **more}}


@pytest.mark.parametrize(
    ("before", "now", "weaker"),
    [
        (("IMMUTABLE",), ("MUTABLE",), True),
        (("IMMUTABLE",), ("IMMUTABLE_WITH_EXCLUSION", "dev*"), True),
        (("IMMUTABLE_WITH_EXCLUSION", "dev*"), ("IMMUTABLE_WITH_EXCLUSION", "dev*", "v*"), True),
        (("IMMUTABLE_WITH_EXCLUSION", "dev*", "v*"), ("IMMUTABLE_WITH_EXCLUSION", "dev*"), False),
        (("IMMUTABLE_WITH_EXCLUSION", "dev*"), ("IMMUTABLE_WITH_EXCLUSION", "dev*"), False),
        (("IMMUTABLE_WITH_EXCLUSION", "dev*"), ("MUTABLE_WITH_EXCLUSION", "v*"), True),
        (("MUTABLE_WITH_EXCLUSION", "v*", "w*"), ("MUTABLE_WITH_EXCLUSION", "v*"), True),
        (("MUTABLE_WITH_EXCLUSION", "v*"), ("MUTABLE",), True),
        (("MUTABLE",), ("MUTABLE_WITH_EXCLUSION", "v*"), False),
        (("MUTABLE",), ("IMMUTABLE",), False),
        (("IMMUTABLE",), ("SOMETHING_NEWER",), False),
    ],
)
def test_kind_9_exclusions_are_compared(
    before: tuple[str, ...], now: tuple[str, ...], weaker: bool
) -> None:
    """Kind 9: `IMMUTABLE_WITH_EXCLUSION` stands between the two that were known."""
    assert bool(_mutable(mutability(*now), mutability(*before))) is weaker


# -------------------------------------------------------------------------------- DynamoDB


@pytest.mark.parametrize(
    ("before", "now", "weaker"), [(35, 1, True), (None, 1, True), (1, 35, False), (7, 7, False)]
)
def test_kind_9_fewer_days_of_recovery_are_a_weakening(
    before: int | None, now: int, weaker: bool
) -> None:
    """Kind 9: from 35 days to 1 recovery stays on, and yesterday is lost."""
    finding = control("dynamodb.recovery-off").assess(recovery(now), recovery(before), NoSettings())
    assert (finding is not None) is weaker
    if finding is not None:
        assert f"the last {now} days" in finding.summary


def recovery(days: int | None) -> Document:
    period = {} if days is None else {"RecoveryPeriodInDays": days}
    return {"recovery": {"PointInTimeRecoveryEnabled": True, **period}}


def test_kind_9_a_shorter_period_wakes_the_control() -> None:
    """Kind 9: the record says that recovery is on."""
    asked = {"pointInTimeRecoveryEnabled": True, "recoveryPeriodInDays": 1}
    request = {"tableName": "orders", "pointInTimeRecoverySpecification": asked}
    record = change("dynamodb.amazonaws.com", "UpdateContinuousBackups", request)
    assert list(control("dynamodb.recovery-off").screen(record, NoSettings()))


# ------------------------------------------------------------------------- Secrets Manager


def test_kind_5_rotation_goes_on_by_its_schedule_alone(world: World, fakes: Fakes) -> None:
    """Kind 5: AWS tells a schedule as days too, and takes only one of both."""
    _, arn = make_secret()
    told: dict[str, Any] = {
        "ARN": arn,
        "RotationEnabled": False,
        "RotationLambdaARN": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:rotate",
        "RotationRules": {"AutomaticallyAfterDays": 10, "ScheduleExpression": "rate(10 days)"},
    }
    sent: list[dict[str, Any]] = []

    def rotate(asked: dict[str, Any]) -> dict[str, Any]:
        sent.append(asked)
        told["RotationEnabled"] = True
        return {"ARN": arn}

    fakes.install(
        {
            ("secretsmanager", "DescribeSecret"): lambda _: dict(told),
            ("secretsmanager", "RotateSecret"): rotate,
        }
    )
    record = change("secretsmanager.amazonaws.com", "CancelRotateSecret", {"secretId": arn})
    with strict_aws.enforced(now=world.clock.now):
        (decision,) = world.handle(record, world.with_policy(reverting))
    assert decision.status is Status.REVERTED, decision.reason
    assert [asked["RotationRules"] for asked in sent] == [{"ScheduleExpression": "rate(10 days)"}]


def test_kind_10_a_secret_that_a_service_keeps_is_left_to_it(world: World, fakes: Fakes) -> None:
    """Kinds 5 and 10: RDS deletes the secret with its instance, and nobody else may."""
    _, arn = make_secret()
    told = {"ARN": arn, "OwningService": "rds", "DeletedDate": "2026-11-24T12:00:00Z"}
    fakes.install({("secretsmanager", "DescribeSecret"): lambda _: told})
    request = {"secretId": arn, "recoveryWindowInDays": 7}
    record = change("secretsmanager.amazonaws.com", "DeleteSecret", request)
    assert world.handle(record, world.with_policy(reverting)) == []
