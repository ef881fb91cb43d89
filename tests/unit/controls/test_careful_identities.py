"""Reverts around identities, by the kind of fault that they avoid."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto.iam.models import AccessKeyLastUsed, iam_backends

from driftguard.controls import control
from driftguard.controls.control import NoSettings, TrustSettings
from driftguard.documents import Document
from driftguard.events.commands import Undo
from driftguard.model import Autonomy, Candidate, Certainty, Decision, Resource, Status, Use
from driftguard.policy.model import Policy
from driftguard.sweep.look import sweep
from tests.scenarios.org import DENY
from tests.scenarios.sso import assignment, in_record, permission_set
from tests.support import strict_aws
from tests.support.aws_policies import aws_policy
from tests.support.records import change, iam
from tests.support.world import ACCOUNT, REGION, Fakes, World

EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
READS = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}


def reverting(given: Policy) -> Policy:
    """Everything reverts, as shipped in all else: what may cut is asked about."""
    return replace(given, autonomy={}, default=Autonomy.REVERT)


def policy_of(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def decided(world: World, record: Any, id_: str) -> Decision:
    found = world.handle(record, world.with_policy(reverting))
    (decision,) = [one for one in found if one.control == id_]
    return decision


# -------------------------------------------------------------------------- administrators


def attach_admin(to: str) -> Any:
    client = boto3.client("iam")
    arn = aws_policy("AdministratorAccess", EVERYTHING)
    client.create_user(UserName=to)
    client.attach_user_policy(UserName=to, PolicyArn=arn)
    return iam("AttachUserPolicy", {"userName": to, "policyArn": arn})


def test_kind_4_the_only_administrator_is_a_question(world: World) -> None:
    """Kind 4: without the policy nobody could give it to anybody again."""
    decision = decided(world, attach_admin("alice"), "iam.admin-attached")
    assert decision.status is Status.ASKED
    assert "does somebody else administer the account?" in decision.reason


@pytest.mark.parametrize("kind", ["User", "Role", "Group"])
def test_beside_another_administrator_it_is_reverted(world: World, kind: str) -> None:
    record = attach_admin("mallory")
    client = boto3.client("iam")
    arn = record.request["policyArn"]
    if kind == "User":
        client.create_user(UserName="alice")
        client.attach_user_policy(UserName="alice", PolicyArn=arn)
    elif kind == "Role":
        client.create_role(RoleName="admin", AssumeRolePolicyDocument=policy_of())
        client.attach_role_policy(RoleName="admin", PolicyArn=arn)
    else:
        client.create_user(UserName="alice")
        client.create_group(GroupName="admins")
        client.add_user_to_group(GroupName="admins", UserName="alice")
        client.attach_group_policy(GroupName="admins", PolicyArn=arn)
    assert decided(world, record, "iam.admin-attached").status is Status.REVERTED


def test_kind_4_a_group_of_the_one_user_alone_has_no_other_administrator(world: World) -> None:
    """Kind 4: the group's only member is whom the policy would be taken from."""
    record = attach_admin("alice")
    client = boto3.client("iam")
    client.create_group(GroupName="admins")
    client.add_user_to_group(GroupName="admins", UserName="alice")
    client.attach_group_policy(GroupName="admins", PolicyArn=record.request["policyArn"])
    assert decided(world, record, "iam.admin-attached").status is Status.ASKED


def test_kind_10_a_policy_that_nobody_has_makes_no_administrators(world: World) -> None:
    """Kind 10: permissions boundaries allow everything but what they deny, and grant nothing."""
    client = boto3.client("iam")
    made = client.create_policy(PolicyName="bounds", PolicyDocument=policy_of(READS))["Policy"]
    written = policy_of(EVERYTHING, {**DENY, "Sid": "Bound"})
    client.create_policy_version(PolicyArn=made["Arn"], PolicyDocument=written, SetAsDefault=True)
    asked = {"policyArn": made["Arn"], "policyDocument": written, "setAsDefault": True}
    record = iam("CreatePolicyVersion", asked)
    assert world.handle(record, world.with_policy(reverting)) == []
    (found,) = sweep(world.guard, REGION, only=[control("iam.policy-version-admin")])
    assert found.outcome == "unchanged"


@pytest.mark.parametrize("path", ["/aws-reserved/sso.amazonaws.com/", "/aws-service-role/x/"])
def test_kind_10_the_roles_of_awss_services_are_not_judged(world: World, path: str) -> None:
    """Kinds 5 and 10: nobody but the service can change them (UnmodifiableEntity)."""
    client, arn = boto3.client("iam"), aws_policy("AdministratorAccess", EVERYTHING)
    client.create_role(RoleName="theirs", Path=path, AssumeRolePolicyDocument=policy_of())
    client.attach_role_policy(RoleName="theirs", PolicyArn=arn)
    record = iam("AttachRolePolicy", {"roleName": "theirs", "policyArn": arn})
    assert world.handle(record, world.with_policy(reverting)) == []


def test_kind_7_a_role_that_only_bears_such_a_name_is_judged(world: World) -> None:
    """Kind 7: the path is AWS's own, and names are anybody's."""
    client, arn = boto3.client("iam"), aws_policy("AdministratorAccess", EVERYTHING)
    name = "AWSServiceRoleForEverything"
    client.create_role(RoleName=name, AssumeRolePolicyDocument=policy_of())
    client.attach_role_policy(RoleName=name, PolicyArn=arn)
    record = iam("AttachRolePolicy", {"roleName": name, "policyArn": arn})
    assert decided(world, record, "iam.admin-attached").status is Status.ASKED


def test_kind_9_a_role_whose_record_is_too_long_is_looked_at() -> None:
    """Kind 9: a trust policy can be hidden by making the request long."""
    hidden = {"omitted": "true", "originalSize": "130731", "reason": "requestParameters too large"}
    record = iam("CreateRole", hidden, responseElements={"role": {"roleName": "x"}})
    found = list(control("iam.trust-external").screen(record, TrustSettings()))
    assert [(one.resource.id, one.certainty) for one in found] == [("x", Certainty.POSSIBLE)]


def test_kind_1_rights_that_an_inline_policy_gave_before_are_a_question(world: World) -> None:
    """Kinds 1 and 4: a policy is written whole, so an old statement stands in the change too."""
    boto3.client("iam").create_user(UserName="deployer")
    user = iam_backends[ACCOUNT]["aws"].users["deployer"]
    user.create_date = datetime.now(UTC) - timedelta(days=400)
    written = policy_of(EVERYTHING)
    named = {"UserName": "deployer", "PolicyName": "work", "PolicyDocument": written}
    boto3.client("iam").put_user_policy(**named)
    record = iam("PutUserPolicy", in_record(named))
    decision = decided(world, record, "iam.admin-inline")
    assert decision.status is Status.ASKED
    assert "did the policy make an administrator before?" in decision.reason


def test_a_user_who_was_only_just_made_had_no_rights_before(world: World) -> None:
    boto3.client("iam").create_user(UserName="mallory")
    named = {"UserName": "mallory", "PolicyName": "x", "PolicyDocument": policy_of(EVERYTHING)}
    boto3.client("iam").put_user_policy(**named)
    decision = decided(world, iam("PutUserPolicy", in_record(named)), "iam.admin-inline")
    assert decision.status is Status.REVERTED


# ------------------------------------------------------------------------- keys and passwords


@pytest.mark.parametrize("used", [False, True])
def test_kind_4_a_new_key_that_is_used_already_is_a_question(world: World, used: bool) -> None:
    """Kind 4: it was made for a workload."""
    client = boto3.client("iam")
    client.create_user(UserName="builder")
    key = client.create_access_key(UserName="builder")["AccessKey"]["AccessKeyId"]
    if used:
        kept = iam_backends[ACCOUNT]["aws"].users["builder"].get_access_key_by_id(key)
        kept.last_used = AccessKeyLastUsed(datetime.now(UTC), "s3", "eu-west-1")
    made = {"accessKey": {"userName": "builder", "accessKeyId": key}}
    record = iam("CreateAccessKey", {"userName": "builder"}, responseElements=made)
    status = decided(world, record, "iam.key-for-other-user").status
    assert status is (Status.ASKED if used else Status.REVERTED)


def test_kind_9_a_password_policy_that_the_record_hides_is_looked_at() -> None:
    """Kind 9: what cannot be read is possible, and no fault of the record's."""
    hidden = {"minimumPasswordLength": "HIDDEN_DUE_TO_SECURITY_REASONS", "requireSymbols": False}
    record = iam("UpdateAccountPasswordPolicy", hidden)
    weakened = control("iam.password-policy-weakened")
    found = [one.certainty for one in weakened.screen(record, NoSettings())]
    assert found == [Certainty.POSSIBLE]


def test_kind_3_a_first_password_policy_is_no_weakening_by_itself(world: World) -> None:
    """Kind 3: what held before may have been AWS's own six letters."""
    asked = {"MinimumPasswordLength": 10, "RequireSymbols": True}
    boto3.client("iam").update_account_password_policy(**asked)
    record = iam("UpdateAccountPasswordPolicy", in_record(asked))
    assert decided(world, record, "iam.password-policy-weakened").status is Status.ASKED


# ------------------------------------------------------------------------ identity providers


@pytest.mark.parametrize("own", [True, False])
def test_kind_10_the_issuer_of_an_own_cluster_is_no_stranger(world: World, own: bool) -> None:
    """Kind 10: workloads of an EKS cluster take roles by a provider for its own issuer."""
    boto3.client("eks").create_cluster(
        name="prod",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/cluster",
        resourcesVpcConfig={"subnetIds": ["subnet-1"]},
    )
    described = boto3.client("eks").describe_cluster(name="prod")["cluster"]
    issuer = described["identity"]["oidc"]["issuer"]
    url = issuer if own else "https://oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF"
    made = boto3.client("iam").create_open_id_connect_provider(
        Url=url, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40]
    )
    arn = {"openIDConnectProviderArn": made["OpenIDConnectProviderArn"]}
    record = iam("CreateOpenIDConnectProvider", {"url": url}, responseElements=arn)
    found = world.handle(record, world.with_policy(reverting))
    assert [one.status for one in found] == ([] if own else [Status.REVERTED])


def test_kind_5_tags_that_aws_keeps_are_left_out_and_told(world: World, fakes: Fakes) -> None:
    """Kind 5: a provider that CloudFormation made carries tags that no request may set."""
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/issuer.example"
    tags = [
        {"Key": "aws:cloudformation:stack-name", "Value": "idp"},
        {"Key": "team", "Value": "shop"},
    ]
    there: dict[str, Any] = {"tags": tags}
    made: list[Any] = []

    def get(_: dict[str, Any]) -> dict[str, Any]:
        if not there:
            return {"Error": {"Code": "NoSuchEntity"}}
        return {"Url": "issuer.example", "ClientIDList": ["app"], "Tags": there["tags"]}

    def create(asked: dict[str, Any]) -> dict[str, Any]:
        made.append(asked["Tags"])
        there["tags"] = asked["Tags"]
        return {"OpenIDConnectProviderArn": arn}

    def delete(_: dict[str, Any]) -> dict[str, Any]:
        there.clear()
        return {}

    provider = "OpenIDConnectProvider"
    fakes.install(
        {
            ("iam", f"Get{provider}"): get,
            ("iam", f"Create{provider}"): create,
            ("iam", f"Delete{provider}"): delete,
        }
    )
    asked = {"url": "https://issuer.example"}
    told = {"openIDConnectProviderArn": arn}
    record = iam("CreateOpenIDConnectProvider", asked, responseElements=told)
    with strict_aws.enforced(now=world.clock.now):
        decision = decided(world, record, "iam.oidc-provider-added")
        assert decision.status is Status.REVERTED
        assert any("aws:cloudformation:stack-name" in kept for kept in decision.plan.untouched)
        undone = world.guard.undo(Undo(decision.id, "alice", "a test"))
    assert undone.status is Status.UNDONE, undone.reason
    assert made == [[{"Key": "team", "Value": "shop"}]]
    assert list(world.audit.log(decision.id))[-1].note == "exactly as before"


# ----------------------------------------------------------------------- IAM Identity Center


def assigned(world: World, *, admin: bool, told: bool) -> Any:
    """An assignment that Identity Center still makes, and its record."""
    client = boto3.client("sso-admin")
    of = permission_set()
    client.put_inline_policy_to_permission_set(
        InlinePolicy=policy_of(EVERYTHING if admin else READS), **of
    )
    asked = assignment(of, "a4f8c408-1001-7000-aaaa-000000000002")
    made = client.create_account_assignment(**asked)["AccountAssignmentCreationStatus"]
    status = {"status": "IN_PROGRESS", "requestId": made["RequestId"]}
    response = {"accountAssignmentCreationStatus": status} if told else None
    record = change(
        "sso.amazonaws.com",
        "CreateAccountAssignment",
        in_record(asked),
        responseElements=response,
    )
    return replace(record, time=world.guard.stamp())


def test_kind_6_an_assignment_that_is_still_being_made_is_seen(world: World) -> None:
    """Kind 6: it is not listed before, and its operation tells of it."""
    with strict_aws.enforced(now=world.clock.now):
        record = assigned(world, admin=True, told=True)
        decision = decided(world, record, "sso.admin-assigned")
    assert "is assigned to user" in decision.summary


def test_an_assignment_of_no_administrator_is_done_with_at_once(world: World) -> None:
    with strict_aws.enforced(now=world.clock.now):
        record = assigned(world, admin=False, told=True)
        assert world.handle(record, world.with_policy(reverting)) == []


@pytest.mark.parametrize("here", ["administrators", "readers", "nowhere"])
def test_kind_9_a_customers_policy_is_referred_to_by_name(world: World, here: str) -> None:
    """Kind 9: a permission set may be given a policy that each account has of its own."""
    client = boto3.client("sso-admin")
    of = permission_set()
    if here != "nowhere":
        written = policy_of(EVERYTHING if here == "administrators" else READS)
        boto3.client("iam").create_policy(PolicyName="work", Path="/own/", PolicyDocument=written)
    reference = {"Name": "work", "Path": "/own/"}
    operation = "AttachCustomerManagedPolicyReferenceToPermissionSet"
    client.attach_customer_managed_policy_reference_to_permission_set(
        CustomerManagedPolicyReference=reference, **of
    )
    asked = {**in_record(of), "customerManagedPolicyReference": in_record(reference)}
    record = change("sso.amazonaws.com", operation, asked)
    found = world.handle(record, granting_cuts(world))
    assert [one.status for one in found] == {
        "administrators": [Status.REVERTED],
        "readers": [],
        "nowhere": [Status.ASKED],
    }[here]
    listed = client.list_customer_managed_policy_references_in_permission_set(**of)
    assert bool(listed["CustomerManagedPolicyReferences"]) is (here != "administrators")


def granting_cuts(world: World) -> Any:
    def change(given: Policy) -> Policy:
        return replace(reverting(given), may_cut=frozenset({"sso.admin-permission-set"}))

    return world.with_policy(change)


# -------------------------------------------------------------------------- the organization


@pytest.mark.parametrize(
    ("kind", "risky"),
    [
        ("SERVICE_CONTROL_POLICY", True),
        ("RESOURCE_CONTROL_POLICY", True),
        ("DECLARATIVE_POLICY_EC2", True),
        ("BACKUP_POLICY", True),
        ("S3_POLICY", True),
        ("SECURITYHUB_POLICY", True),
        ("BEDROCK_POLICY", True),
        ("A_TYPE_OF_NEXT_YEAR", True),
        ("TAG_POLICY", False),
    ],
)
def test_kind_10_every_type_of_policy_but_what_only_advises_counts(kind: str, risky: bool) -> None:
    """Newer types are policies too."""
    state: Document = {"attached": False, "type": kind, "name": "guarding", "target": "ou-1"}
    finding = control("org.policy-detached").assess(state, None, TrustSettings())
    assert (finding is not None) is risky


@pytest.mark.parametrize("replaced", [False, True])
def test_kind_4_a_policy_in_the_place_of_another_is_a_question(
    world: World, replaced: bool
) -> None:
    """Kind 4: two lists of what is allowed leave only what is in both."""
    client = boto3.client("organizations")
    client.create_organization(FeatureSet="ALL")
    root = client.list_roots()["Roots"][0]["Id"]
    client.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    unit = client.create_organizational_unit(ParentId=root, Name="work")["OrganizationalUnit"]["Id"]

    def policy(name: str) -> str:
        made = client.create_policy(
            Name=name, Description="", Content=policy_of(DENY), Type="SERVICE_CONTROL_POLICY"
        )
        return str(made["Policy"]["PolicySummary"]["Id"])

    before = policy("before")
    if replaced:
        client.attach_policy(PolicyId=policy("after"), TargetId=unit)
    asked = {"policyId": before, "targetId": unit}
    record = change("organizations.amazonaws.com", "DetachPolicy", asked)
    status = decided(world, record, "org.policy-detached").status
    assert status is (Status.ASKED if replaced else Status.REVERTED)


# ---------------------------------------------------------------------------- Roles Anywhere


@pytest.mark.parametrize(("minutes", "asked"), [(1, False), (60, True)])
def test_kind_4_an_anchor_that_was_there_before_may_let_workloads_in(
    world: World, fakes: Fakes, minutes: int, asked: bool
) -> None:
    """Kind 4: to update an anchor is not to make one."""
    made = datetime.now(UTC) - timedelta(minutes=minutes)
    anchor = {"trustAnchorId": "a" * 36, "createdAt": made, "name": "ca", "enabled": True}
    fakes.install({("rolesanywhere", "GetTrustAnchor"): lambda _: {"trustAnchor": anchor}})
    declared = control("rolesanywhere.trust-anchor-created")
    where = Resource("rolesanywhere.trust-anchor", "a" * 36, ACCOUNT, REGION, "arn:aws:x:::a")
    reader = world.guard.aws.reader(ACCOUNT, REGION)
    use = declared.in_use(Candidate(where, Certainty.EVIDENT), {}, reader)
    assert use == (Use(unknown=declared.cuts.question) if asked else Use())
