"""Least privilege: what the template grants is what the controls declare, call by call."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.model import Shape
from moto import mock_aws, settings
from moto.iam.access_control import IAMRequest
from moto.s3.responses import ACTION_MAP

from driftguard import controls
from driftguard.approvals.rules import inverse
from driftguard.aws.calls import AwsError
from driftguard.aws.client import REMEDIATOR, Aws
from driftguard.aws.permissions import permissions_of
from driftguard.aws.references import grants_in
from driftguard.aws.remediator import Remediator, session_policy
from driftguard.controls.control import AnyControl
from driftguard.engine.guard import Guard
from driftguard.model import Call, Observation, Plan
from driftguard.state.baseline import baseline_of
from driftguard.state.keys import baseline_key
from driftguard.sweep.look import sweep
from driftguard_cli.generate import generated, sizes
from driftguard_cli.generate.template import in_template
from tests.scenarios import SCENARIOS
from tests.scenarios.containment_tasks import STOPPED
from tests.scenarios.model import Scenario
from tests.support.each import each
from tests.support.template import resources
from tests.support.world import (
    ACCOUNT,
    REGION,
    ROOT,
    Clock,
    Fakes,
    World,
    make_tables,
    new_guard,
    warm_aws,
)

# Some of moto's services refuse without a code: then the status is all there is.
# A call of the other role, which the plan has no session of, cannot even be signed.
UNSIGNED = "no session"
REFUSED = ("AccessDenied", "UnauthorizedOperation", "AccessDeniedException", "403", UNSIGNED)


# AWS gives these actions no resource to be narrowed to: they are settings of an account and region,
# or listings. Source: Service Authorization Reference, the tables of each service.
NO_RESOURCE_LEVEL = frozenset(
    {
        "bedrock:DeleteModelInvocationLoggingConfiguration",
        "bedrock:PutModelInvocationLoggingConfiguration",
        "config:DeleteDeliveryChannel",
        "config:PutDeliveryChannel",
        "dynamodb:ListStreams",
        "ec2:DescribeVpcs",
        "ec2:DisableEbsEncryptionByDefault",
        "ec2:DisableImageBlockPublicAccess",
        "ec2:DisableSerialConsoleAccess",
        "ec2:DisableSnapshotBlockPublicAccess",
        "ec2:EnableEbsEncryptionByDefault",
        "ec2:EnableImageBlockPublicAccess",
        "ec2:EnableSerialConsoleAccess",
        "ec2:EnableSnapshotBlockPublicAccess",
        "ec2:ModifyVpcBlockPublicAccessOptions",
        "ecr:DeleteRegistryPolicy",
        "ecr:PutRegistryPolicy",
        "ecr:PutRegistryScanningConfiguration",
        "elasticmapreduce:PutBlockPublicAccessConfiguration",
        "events:PutPermission",
        "events:RemovePermission",
        "firehose:ListDeliveryStreams",
        "guardduty:StartMonitoringMembers",
        "guardduty:StopMonitoringMembers",
        "iam:DeleteAccountPasswordPolicy",
        "iam:DisableOrganizationsRootCredentialsManagement",
        "iam:DisableOrganizationsRootSessions",
        "iam:EnableOrganizationsRootCredentialsManagement",
        "iam:EnableOrganizationsRootSessions",
        "iam:UpdateAccountPasswordPolicy",
        "inspector2:Disable",
        "inspector2:Enable",
        "kms:ConnectCustomKeyStore",
        "kms:DisconnectCustomKeyStore",
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DeleteResourcePolicy",
        "logs:DescribeResourcePolicies",
        "logs:PutResourcePolicy",
        "macie2:DisableMacie",
        "macie2:EnableMacie",
        "macie2:UpdateMacieSession",
        "organizations:DisableAWSServiceAccess",
        "organizations:EnableAWSServiceAccess",
        "organizations:ListAWSServiceAccessForOrganization",
        "route53domains:DisableDomainTransferLock",
        "route53domains:EnableDomainTransferLock",
        "s3:PutAccountPublicAccessBlock",
        "securityhub:BatchUpdateStandardsControlAssociations",
        "ses:DeleteIdentityPolicy",
        "ses:PutIdentityPolicy",
        "tag:GetResources",
    }
)


def statements(name: str) -> list[dict[str, Any]]:
    """The statements of a policy, over all the parts that it was cut into."""
    parts = [one for key, one in resources().items() if key.rstrip("0123456789") == name]
    found = [s for one in parts for s in one["Properties"]["PolicyDocument"]["Statement"]]
    # `!If [condition, statement, nothing]` counts as if the condition held.
    return [one[1] if isinstance(one, list) else one for one in found]


def granted(name: str) -> dict[str, set[str]]:
    """Action → the ARNs that a policy of the template allows it on."""
    found: dict[str, set[str]] = {}
    for one in statements(name):
        assert one["Effect"] == "Allow"
        arns = one["Resource"] if isinstance(one["Resource"], list) else [one["Resource"]]
        for action in one["Action"]:
            found.setdefault(action, set()).update(arns)
    return found


def test_the_guard_may_read_exactly_what_the_controls_declare() -> None:
    reads = {action for one in controls.every() for action in (*one.reads, *one.reads_use)}
    assert granted("GuardReadsPolicy") == {action: {"*"} for action in reads}


def declared(*, contains: bool) -> dict[str, set[str]]:
    """Action → the ARNs that controls write it on: those that contain, or all others."""
    found: dict[str, set[str]] = {}
    for one in controls.every():
        for action, arns in one.writes.items() if one.contains == contains else ():
            found.setdefault(action, set()).update(map(in_template, arns))
    return found


def test_the_roles_of_plans_may_write_exactly_what_the_controls_declare() -> None:
    together = granted("RemediatorPolicy")
    for action, arns in granted("GrantingPolicy").items():
        together.setdefault(action, set()).update(arns)
    assert together == declared(contains=False)
    assert granted("ContainmentPolicy") == declared(contains=True)


def test_what_is_generated_is_up_to_date() -> None:
    for path, content in generated(ROOT).items():
        assert path.read_text() == content, f"{path.name} is out of date: run `make generate`"


def test_the_stack_is_within_the_limits_of_aws() -> None:
    for what, used, limit in sizes((ROOT / "template.yaml").read_text()):
        assert used <= limit, what


def test_no_write_statement_has_a_wildcard_action_or_all_resources() -> None:
    writing = [*statements("RemediatorPolicy"), *statements("GuardPolicy")]
    writing += [
        statement
        for role in resources().values()
        if role["Type"] == "AWS::IAM::Role"
        for policy in role["Properties"].get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    for one in writing:
        if one["Effect"] == "Deny":
            continue
        actions = one["Action"] if isinstance(one["Action"], list) else [one["Action"]]
        assert not any("*" in action for action in actions)
        assert one["Resource"] != "*" or set(actions) <= NO_RESOURCE_LEVEL, actions


@each("control", controls.every(), ids=lambda one: one.id)
def test_reads_only_read(control: AnyControl) -> None:
    for action in (*control.reads, *control.reads_use):
        assert action.partition(":")[2].startswith(
            ("Get", "List", "Lookup", "Describe", "Batch")
        ), action


# ------------------------------------------------------------- under IAM enforcement (moto)


@dataclass(frozen=True)
class Planned:
    """A scenario's plan, and whether an emulator has the APIs that it needs."""

    plan: Plan
    emulated: bool


def planned(guard: Guard, scenario: Scenario, fakes: Fakes) -> Planned:
    """The plan of a scenario, without carrying it out."""
    control = controls.control(scenario.control)
    staged = scenario.stage()
    fakes.install(staged.fakes)
    fakes.surround(guard, staged)
    if staged.baseline:
        assert all(one.outcome == "recorded" for one in sweep(guard, REGION, only=[control]))
    change = staged.attack()
    given = scenario.policy(guard.policy).settings_of(control.id, control.settings)
    candidate, *_ = control.screen(change, given)
    known = baseline_of(guard.state.record(baseline_key(control.id, candidate.resource)))
    baseline = known.state if staged.baseline and known else None
    state = control.observe(candidate, guard.aws.reader(ACCOUNT, REGION))
    assert state is not None
    plan = control.plan(candidate, Observation(state, guard.stamp()), baseline, given)
    return Planned(plan, emulated=not staged.fakes)


def as_moto_checks(policy: dict[str, Any]) -> dict[str, Any]:
    """The policy as moto can evaluate it.

    moto asks about resource `*`, except for S3, and calls CloudWatch by its host's name.
    """
    return policy | {
        "Statement": [
            one
            | {"Action": [action.replace("cloudwatch:", "monitoring:") for action in one["Action"]]}
            | ({} if one["Resource"][0].startswith("arn:aws:s3:") else {"Resource": "*"})
            for one in policy["Statement"]
        ]
    }


# Calls on a bucket's sub-resources that moto takes for calls on the bucket when it asks IAM.
SUBRESOURCES = {
    "PUT": {
        "encryption": "PutEncryptionConfiguration",
        "object-lock": "PutBucketObjectLockConfiguration",
        "ownershipControls": "PutBucketOwnershipControls",
        "publicAccessBlock": "PutBucketPublicAccessBlock",
        "replication": "PutReplicationConfiguration",
    },
    "DELETE": {
        "encryption": "PutEncryptionConfiguration",
        "ownershipControls": "PutBucketOwnershipControls",
        "publicAccessBlock": "PutBucketPublicAccessBlock",
        "replication": "PutReplicationConfiguration",
        "website": "DeleteBucketWebsite",
    },
}
# Services whose callers moto never checks.
UNCHECKED = frozenset({"s3control"})


@pytest.fixture
def subresources(monkeypatch: pytest.MonkeyPatch) -> None:
    """Teaches moto which actions the calls on a bucket's sub-resources are."""
    for method, actions in SUBRESOURCES.items():
        for subresource, action in actions.items():
            monkeypatch.setitem(ACTION_MAP["BUCKET"][method], subresource, action)


@pytest.fixture
def unsigned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps moto from checking signatures: it expects another than botocore's of some DELETEs."""
    monkeypatch.setattr(IAMRequest, "check_signature", lambda request: None)


NARROW = f"arn:aws:iam::{ACCOUNT}:role/narrow"


@pytest.fixture(scope="module")
def narrow() -> Aws:
    """Acts under a role whose policy each test sets; its clients are built once for them all."""
    return Aws(NARROW, granting_role_arn=NARROW, containment_role_arn=NARROW)


def carry(policy: dict[str, Any]) -> None:
    """Gives the narrow role exactly this policy."""
    iam = boto3.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName="narrow", AssumeRolePolicyDocument=document)
    iam.put_role_policy(RoleName="narrow", PolicyName="plan", PolicyDocument=json.dumps(policy))


def dummy(shape: Shape | None) -> Any:
    """The smallest input that the service's model accepts."""
    if shape is None:
        return {}
    if shape.type_name == "structure":
        members = shape.members  # type: ignore[attr-defined]
        return {name: dummy(members[name]) for name in shape.required_members}  # type: ignore[attr-defined]
    if shape.type_name == "list":
        return [dummy(shape.member)]  # type: ignore[attr-defined]
    if shape.type_name == "string":
        if ":kinesis:" in str(shape.metadata.get("pattern")):
            # The SDK finds the endpoint by it.
            return f"arn:aws:kinesis:{REGION}:123456789012:stream/x"
        length = int(shape.metadata.get("min", 1))
        return (getattr(shape, "enum", None) or ["x" * max(length, 1)])[0]
    simple: dict[str, Callable[[], Any]] = {
        "integer": lambda: 1,
        "long": lambda: 1,
        "boolean": lambda: False,
        "map": dict,
        "blob": bytes,
        "timestamp": lambda: "2026-01-01T00:00:00Z",
    }
    return simple[shape.type_name]()


def refusal(remediator: Remediator, call: Call) -> str:
    """What AWS says of a call: "" for done, else the error code."""
    try:
        remediator.make(call)
    except AwsError as error:
        return error.code
    except RuntimeError as error:
        assert "outside a plan's session" in str(error)
        return UNSIGNED
    return ""


Operation = tuple[str, str, frozenset[str], bool]


@pytest.fixture(scope="module")
def operations() -> set[Operation]:
    """Every operation that any control's plan, or its undo, makes, with its IAM actions."""
    found: set[Operation] = set()
    guard = new_guard(Clock(), warm_aws())
    for scenario in (*SCENARIOS, STOPPED):
        with mock_aws(), pytest.MonkeyPatch.context() as patched:
            make_tables()
            one = planned(guard, scenario, Fakes(patched))
        undo = inverse(one.plan, len(one.plan.steps))
        for call in (step.call for step in (*one.plan.steps, *undo.steps)):
            actions = frozenset(permissions_of(call))
            found.add((call.service, call.operation, actions, one.emulated))
    return found


def some_of(operations: set[Operation], scenario: Scenario) -> list[Operation]:
    """A share of all operations, another for each scenario: together they try each five times."""
    place = SCENARIOS.index(scenario)
    ordered = sorted(operations, key=lambda one: (one[0], one[1], sorted(one[2])))
    step = max(1, len(SCENARIOS) // 5)
    return [one for number, one in enumerate(ordered) if number % step == place % step]


def test_every_declared_write_is_made_by_some_plan(operations: set[Operation]) -> None:
    made = {action for _, _, actions, _ in operations for action in actions}
    assert made == {action for one in controls.every() for action in one.writes}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_plans_session_policy_allows_that_plan_and_nothing_else(
    operations: set[Operation],
    narrow: Aws,
    world: World,
    fakes: Fakes,
    scenario: Scenario,
    monkeypatch: pytest.MonkeyPatch,
    subresources: None,
    unsigned: None,
) -> None:
    one = planned(world.guard, scenario, fakes)
    policy = session_policy(step.call for step in one.plan.steps)
    calls = [step.call for step in one.plan.steps]
    assert {arn for each in policy["Statement"] for arn in each["Resource"]} == {
        *(arn for call in calls for arn in call.on),
        # What a call is to be given must be read first.
        *(arn for call in calls for _, arn in grants_in(call.parameters)),
    }
    allowed = {action for step in one.plan.steps for action in permissions_of(step.call)}
    carry(as_moto_checks(policy))
    contains = controls.control(scenario.control).contains
    with narrow.acting_on(one.plan, "dg-permissions", REGION, contains=contains) as remediator:
        monkeypatch.setattr(settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0.0)
        for service, operation, actions, emulated in some_of(operations, scenario):
            if emulated and service not in UNCHECKED and not actions & allowed:
                client = narrow.acting_client(service, REGION, REMEDIATOR)  # for its model
                model = client.meta.service_model.operation_model(operation)
                other = Call(service, operation, dummy(model.input_shape), on=())
                assert refusal(remediator, other) in REFUSED, operation
        if one.emulated:
            for step in one.plan.steps:
                assert refusal(remediator, step.call) == "", step.call
