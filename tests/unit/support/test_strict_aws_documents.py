"""Rules about documents: who may be named, how long they may be, what a put replaces."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.strict_aws.documents import (
    file_system_policy_in_effect,
    owner_may_use,
)
from tests.support.strict_aws.policies import lets_everybody_in
from tests.support.strict_aws.stand_in import ALIVE, DEAD, absent, strict


def naming(principal: str, action: str = "s3:GetObject", **more: Any) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


# ------------------------------------------------------------------------- dead principals


def test_a_bucket_policy_names_nobody_dead() -> None:
    aws = strict("s3.policy-names-dead-principal")

    assert aws.refused("s3", "PutBucketPolicy", Bucket="b", Policy=naming(DEAD)) == (
        "MalformedPolicy",
        "Invalid principal in policy",
    )
    aws.allowed("s3", "PutBucketPolicy", Bucket="b", Policy=naming(ALIVE))


def test_the_id_of_a_living_role_is_taken() -> None:
    role = {"RoleId": DEAD, "RoleName": "alive", "Arn": ALIVE, "Path": "/"}
    aws = strict("s3.policy-names-dead-principal", ListRoles={"Roles": [role]})

    aws.allowed("s3", "PutBucketPolicy", Bucket="b", Policy=naming(DEAD))


def test_a_dead_principal_is_found_in_any_statement_and_list() -> None:
    aws = strict("s3.policy-names-dead-principal")
    fine = json.loads(naming(ALIVE))["Statement"][0]
    dead = fine | {"Effect": "Deny", "NotPrincipal": {"AWS": [ALIVE, DEAD]}}
    del dead["Principal"]
    document = json.dumps({"Version": "2012-10-17", "Statement": [fine, dead]})

    assert aws.refused("s3", "PutBucketPolicy", Bucket="b", Policy=document)[0] == "MalformedPolicy"


def test_a_trust_policy_names_nobody_dead() -> None:
    aws = strict("iam.trust-names-dead-principal")
    put = ("iam", "UpdateAssumeRolePolicy")

    assert aws.refused(*put, RoleName="r", PolicyDocument=naming(DEAD, "sts:AssumeRole")) == (
        "MalformedPolicyDocument",
        f'Invalid principal in policy: "AWS":"{DEAD}"',
    )
    aws.allowed(*put, RoleName="r", PolicyDocument=naming(ALIVE, "sts:AssumeRole"))


def test_a_key_policy_names_nobody_dead() -> None:
    aws = strict("kms.policy-names-dead-principal")

    assert aws.refused("kms", "PutKeyPolicy", KeyId="k", Policy=naming(DEAD, "kms:*")) == (
        "MalformedPolicyDocumentException",
        "Policy contains a statement with one or more invalid principals.",
    )
    aws.allowed("kms", "PutKeyPolicy", KeyId="k", Policy=naming(ALIVE, "kms:*"))


def test_a_queue_policy_names_nobody_dead() -> None:
    aws = strict("sqs.policy-names-dead-principal")
    put = ("sqs", "SetQueueAttributes")

    assert aws.refused(*put, QueueUrl="q", Attributes={"Policy": naming(DEAD)}) == (
        "InvalidAttributeValue",
        "Invalid value for the parameter Policy.",
    )
    aws.allowed(*put, QueueUrl="q", Attributes={"Policy": naming(ALIVE)})


def test_a_topic_policy_names_nobody_dead() -> None:
    aws = strict("sns.policy-names-dead-principal")
    put, topic = ("sns", "SetTopicAttributes"), {"TopicArn": "t", "AttributeName": "Policy"}

    assert aws.refused(*put, **topic, AttributeValue=naming(DEAD)) == (
        "InvalidParameter",
        "Invalid parameter: Policy Error: PrincipalNotFound",
    )
    aws.allowed(*put, **topic, AttributeValue=naming(ALIVE))


def test_a_secret_policy_names_nobody_dead() -> None:
    aws = strict("secretsmanager.policy-names-dead-principal")
    put = ("secretsmanager", "PutResourcePolicy")

    assert aws.refused(*put, SecretId="s", ResourcePolicy=naming(DEAD)) == (
        "MalformedPolicyDocumentException",
        "This resource policy contains an unsupported principal.",
    )
    aws.allowed(*put, SecretId="s", ResourcePolicy=naming(ALIVE))


def test_a_repository_policy_names_nobody_dead() -> None:
    aws = strict("ecr.policy-names-dead-principal")
    put = ("ecr", "SetRepositoryPolicy")

    code, message = aws.refused(*put, repositoryName="repo", policyText=naming(DEAD))

    assert code == "InvalidParameterException"
    assert "Invalid repository policy provided" in message
    aws.allowed(*put, repositoryName="repo", policyText=naming(ALIVE))


def test_a_file_system_policy_names_nobody_dead() -> None:
    aws = strict("efs.policy-names-dead-principal")
    put = ("efs", "PutFileSystemPolicy")

    assert aws.refused(*put, FileSystemId="fs-1", Policy=naming(DEAD)) == (
        "InvalidPolicyException",
        "Policy contains invalid Principal block",
    )
    aws.allowed(*put, FileSystemId="fs-1", Policy=naming(ALIVE))


def test_a_function_is_permitted_to_nobody_dead() -> None:
    aws = strict("lambda.permission-names-dead-principal")
    asked = {"FunctionName": "f", "StatementId": "s", "Action": "lambda:InvokeFunction"}

    assert aws.refused("lambda", "AddPermission", Principal=DEAD, **asked) == (
        "InvalidParameterValueException",
        "The provided principal was invalid. Please check the principal and try again.",
    )
    aws.allowed("lambda", "AddPermission", Principal=ALIVE, **asked)


@pytest.mark.parametrize("nobody", [DEAD, "arn:aws:sts::123456789012:assumed-role/alive/session"])
def test_an_access_entry_is_for_an_iam_principal(nobody: str) -> None:
    aws = strict("eks.access-entry-names-dead-principal")

    assert aws.refused("eks", "CreateAccessEntry", clusterName="c", principalArn=nobody) == (
        "InvalidParameterException",
        "The specified principalArn is invalid: invalid principal.",
    )
    aws.allowed("eks", "CreateAccessEntry", clusterName="c", principalArn=ALIVE)


# -------------------------------------------------------------------------------- how long


@pytest.mark.parametrize(
    ("rule", "kind", "most"),
    [
        ("iam.user-inline-size", "User", 2048),
        ("iam.group-inline-size", "Group", 5120),
        ("iam.role-inline-size", "Role", 10240),
    ],
)
def test_an_inline_policy_has_a_size(rule: str, kind: str, most: int) -> None:
    aws = strict(rule)
    put = {f"{kind}Name": "somebody", "PolicyName": "p"}

    assert aws.refused("iam", f"Put{kind}Policy", **put, PolicyDocument="x" * (most + 1)) == (
        "LimitExceeded",
        f"Maximum policy size of {most} bytes exceeded for {kind.lower()} somebody",
    )
    # White space does not count.
    aws.allowed("iam", f"Put{kind}Policy", **put, PolicyDocument="x" * most + " " * 500)


def test_a_trust_policy_has_a_size() -> None:
    aws = strict("iam.trust-size")
    put = ("iam", "UpdateAssumeRolePolicy")

    assert aws.refused(*put, RoleName="r", PolicyDocument="x" * 2049) == (
        "LimitExceeded",
        "Cannot exceed quota for ACLSizePerRole: 2048",
    )
    aws.allowed(*put, RoleName="r", PolicyDocument="x" * 2048)


def test_a_bucket_policy_has_a_size() -> None:
    aws = strict("s3.policy-size")

    assert aws.refused("s3", "PutBucketPolicy", Bucket="b", Policy="x" * 20481) == (
        "PolicyTooLarge",
        "Policy exceeds the maximum allowed document size.",
    )
    aws.allowed("s3", "PutBucketPolicy", Bucket="b", Policy="x" * 20480)


def test_a_file_system_policy_has_a_size() -> None:
    aws = strict("efs.policy-size")
    put = ("efs", "PutFileSystemPolicy")

    assert aws.refused(*put, FileSystemId="f", Policy="x" * 20001)[0] == "InvalidPolicyException"
    aws.allowed(*put, FileSystemId="f", Policy="x" * 20000)


def test_a_table_policy_has_a_size_with_its_spaces() -> None:
    aws = strict("dynamodb.policy-size")
    put = ("dynamodb", "PutResourcePolicy")

    assert aws.refused(*put, ResourceArn="t", Policy="x" + " " * 20480)[0] == (
        "LimitExceededException"
    )
    aws.allowed(*put, ResourceArn="t", Policy="x" * 20480)


# ------------------------------------------------------------------------ what it must leave


def test_a_key_policy_leaves_somebody_who_may_change_it() -> None:
    aws = strict("kms.lockout-safety-check")
    shut, open_ = naming(ALIVE, "kms:Decrypt"), naming(ALIVE, "kms:Put*")

    assert aws.refused("kms", "PutKeyPolicy", KeyId="k", Policy=shut) == (
        "MalformedPolicyDocumentException",
        "The new key policy will not allow you to update the key policy in the future.",
    )
    aws.allowed("kms", "PutKeyPolicy", KeyId="k", Policy=open_)
    aws.allowed("kms", "PutKeyPolicy", KeyId="k", Policy=shut, BypassPolicyLockoutSafetyCheck=True)


def test_a_file_system_policy_does_not_lock_out_whoever_puts_it() -> None:
    aws = strict("efs.lockout-safety-check")
    put = ("efs", "PutFileSystemPolicy")
    shut = naming("*", "*", Effect="Deny")
    insecure = {"Bool": {"aws:SecureTransport": "false"}}

    assert aws.refused(*put, FileSystemId="f", Policy=shut)[0] == "InvalidPolicyException"
    aws.allowed(*put, FileSystemId="f", Policy=naming("*", "*", Effect="Deny", Condition=insecure))
    aws.allowed(*put, FileSystemId="f", Policy=shut, BypassPolicyLockoutSafetyCheck=True)


def test_a_table_policy_is_put_over_the_revision_that_is_expected() -> None:
    aws = strict("dynamodb.expected-revision", GetResourcePolicy={"RevisionId": "2"})
    put = {"ResourceArn": "t", "Policy": naming(ALIVE)}

    assert aws.refused("dynamodb", "PutResourcePolicy", **put, ExpectedRevisionId="1")[0] == (
        "PolicyNotFoundException"
    )
    aws.allowed("dynamodb", "PutResourcePolicy", **put, ExpectedRevisionId="2")
    aws.allowed("dynamodb", "PutResourcePolicy", **put)

    none = strict("dynamodb.expected-revision", GetResourcePolicy=absent())
    assert none.refused("dynamodb", "PutResourcePolicy", **put, ExpectedRevisionId="2")
    none.allowed("dynamodb", "PutResourcePolicy", **put, ExpectedRevisionId="NO_POLICY")


def test_the_last_service_control_policy_stays() -> None:
    aws = strict(
        "organizations.one-scp-stays", ListPoliciesForTarget={"Policies": [{"Id": "p-FullAWS"}]}
    )
    detach = ("organizations", "DetachPolicy")

    code, message = aws.refused(*detach, PolicyId="p-FullAWS", TargetId="r-root")

    assert code == "ConstraintViolationException"
    assert "fewer than the minimum number of policies" in message
    two = {"Policies": [{"Id": "p-FullAWS"}, {"Id": "p-second"}]}
    aws = strict("organizations.one-scp-stays", ListPoliciesForTarget=two)
    aws.allowed(*detach, PolicyId="p-FullAWS", TargetId="r-root")


ADVANCED = [{"Name": "all", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}]
PLAIN = [{"ReadWriteType": "All"}]


def test_a_trail_takes_one_kind_of_selectors() -> None:
    aws = strict("cloudtrail.one-kind-of-selectors")
    put = ("cloudtrail", "PutEventSelectors")

    assert aws.refused(
        *put, TrailName="t", EventSelectors=PLAIN, AdvancedEventSelectors=ADVANCED
    ) == (
        "InvalidEventSelectorsException",
        "Specify either EventSelectors or AdvancedEventSelectors, but not both.",
    )
    aws.allowed(*put, TrailName="t", AdvancedEventSelectors=ADVANCED)


# --------------------------------------------------------------------------- what a put replaces


def test_advanced_selectors_take_the_place_of_plain_ones() -> None:
    both = {"EventSelectors": PLAIN, "AdvancedEventSelectors": ADVANCED}
    aws = strict("cloudtrail.selectors-overwrite", GetEventSelectors=both)
    assert aws.allowed("cloudtrail", "GetEventSelectors", TrailName="t") == both

    aws.allowed("cloudtrail", "PutEventSelectors", TrailName="t", AdvancedEventSelectors=ADVANCED)

    told = aws.allowed("cloudtrail", "GetEventSelectors", TrailName="t")
    assert told == {"AdvancedEventSelectors": ADVANCED}
    aws.allowed("cloudtrail", "PutEventSelectors", TrailName="t", EventSelectors=PLAIN)
    told = aws.allowed("cloudtrail", "GetEventSelectors", TrailName="t")
    assert told == {"EventSelectors": PLAIN}


def test_a_guardrail_loses_what_its_update_leaves_out() -> None:
    there = {"name": "g", "wordPolicy": {"words": []}, "kmsKeyArn": "arn:aws:kms:::key/k"}
    aws = strict("bedrock.update-replaces-guardrail", GetGuardrail=there)
    put = {"name": "g", "blockedInputMessaging": "no", "blockedOutputsMessaging": "no"}
    assert aws.allowed("bedrock", "GetGuardrail", guardrailIdentifier="g") == there

    aws.allowed("bedrock", "UpdateGuardrail", guardrailIdentifier="g", **put, kmsKeyId="k")

    told = aws.allowed("bedrock", "GetGuardrail", guardrailIdentifier="g")
    assert told == {"name": "g", "kmsKeyArn": "arn:aws:kms:::key/k"}
    whole = {**put, "kmsKeyId": "k", "wordPolicyConfig": {"wordsConfig": [{"text": "x"}]}}
    aws.allowed("bedrock", "UpdateGuardrail", guardrailIdentifier="g", **whole)
    assert aws.allowed("bedrock", "GetGuardrail", guardrailIdentifier="g") == there


def test_a_password_policy_goes_back_to_defaults_where_it_is_silent() -> None:
    aws = strict("iam.password-policy-reverts-to-defaults")

    aws.allowed("iam", "UpdateAccountPasswordPolicy", MinimumPasswordLength=14)

    ((_, put),) = aws.passed
    assert put["MinimumPasswordLength"] == 14
    assert put["RequireSymbols"] is False
    assert "MaxPasswordAge" not in put


def test_metadata_options_that_are_not_named_stay() -> None:
    options = {"HttpTokens": "optional", "HttpPutResponseHopLimit": 2, "State": "applied"}
    instance = {"InstanceId": "i-1", "MetadataOptions": options}
    aws = strict(
        "ec2.metadata-options-are-kept",
        DescribeInstances={"Reservations": [{"Instances": [instance]}]},
    )

    aws.allowed("ec2", "ModifyInstanceMetadataOptions", InstanceId="i-1", HttpTokens="required")

    put = aws.passed[-1][1]
    assert (put["HttpTokens"], put["HttpPutResponseHopLimit"]) == ("required", 2)


# ---------------------------------------------------------------------- what takes its place


def test_a_file_system_without_a_policy_is_open_to_everybody() -> None:
    put = naming(ALIVE, "elasticfilesystem:ClientMount")
    there = {"FileSystemId": "fs-1", "Policy": put}
    aws = strict("efs.default-policy-after-deletion", DescribeFileSystemPolicy=there)
    assert file_system_policy_in_effect(aws.gate.account, "fs-1") == put

    aws.allowed("efs", "DeleteFileSystemPolicy", FileSystemId="fs-1")

    assert aws.refused("efs", "DescribeFileSystemPolicy", FileSystemId="fs-1")[0] == (
        "PolicyNotFound"
    )
    nothing = strict("efs.default-policy-after-deletion", DescribeFileSystemPolicy=absent())
    assert lets_everybody_in(file_system_policy_in_effect(nothing.gate.account, "fs-1"))
    aws.allowed("efs", "PutFileSystemPolicy", FileSystemId="fs-1", Policy=put)
    aws.allowed("efs", "DescribeFileSystemPolicy", FileSystemId="fs-1")


def test_a_topic_always_has_a_policy_and_the_default_lets_its_owners_services_in() -> None:
    aws = strict("sns.policy-is-never-empty")
    topic = {"TopicArn": "t", "AttributeName": "Policy"}
    default = owner_may_use("arn:aws:sns:us-east-1:123456789012:alarms")

    assert aws.refused("sns", "SetTopicAttributes", **topic, AttributeValue="") == (
        "InvalidParameter",
        "Invalid parameter: Policy Error: null",
    )
    aws.allowed("sns", "SetTopicAttributes", **topic, AttributeValue=default)
    (statement,) = json.loads(default)["Statement"]
    assert statement["Condition"] == {"StringEquals": {"AWS:SourceOwner": "123456789012"}}
