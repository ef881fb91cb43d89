"""A part of the fault matrix (`make faults` runs all): a call goes wrong, and it ends well."""

from __future__ import annotations

import pytest

from driftguard import controls
from tests.support.each import each
from tests.support.faults.judging import End
from tests.support.faults.matrix import Wanted, row

# One control a mechanism that has its own ways to fail, and each of its trials that a step meets:
# another step for each, so that they meet other calls and kinds.
PART = {
    "containment.database": 89,
    "containment.user": 83,
    "ec2.open-ingress": 41,
    "ecr.public-policy": 31,
    "iam.leaked-key": 37,
    "logs.retention-shortened": 29,
    "s3.public-policy": 43,
}


@pytest.mark.parametrize("scenario", PART)
def test_whatever_call_goes_wrong_it_ends_well_or_waits_with_its_reason(scenario: str) -> None:
    found = row(scenario, Wanted(pairs=40, seed="ci", step=PART[scenario]))
    assert found.untroubled.end is End.RIGHT, found.untroubled.why
    assert len(found.ends) > 4
    wrong = [f"{trial}: {verdict.why}" for trial, verdict in found.ends if verdict.end is End.WRONG]
    assert not wrong


# A call whose answer is lost, or after which the look or the record fails: the revert is the
# guard's all the same.
IN_DOUBT = (
    "bedrock.invocation-logging-off:bedrock.PutModelInvocationLoggingConfiguration.1:lost",
    "cloudwatch.alarm-deleted:cloudwatch.PutMetricAlarm.1:lost",
    "cloudtrail.deleted:dynamodb.TransactWriteItems.2:refused",
    "codebuild.public:codebuild.UpdateProjectVisibility.1:lost",
    "dynamodb.protection-off:dynamodb.UpdateTable.5:resent",
    "ec2.open-ingress:ec2.RevokeSecurityGroupIngress.1:lost",
    "eks.public-endpoint:eks.DescribeCluster.8:late",
    "eks.public-endpoint:eks.DescribeCluster.10:lost",
    "ec2.vpn-open-to-all:ec2.AuthorizeClientVpnIngress.1:resent",
    "eks.public-endpoint:dynamodb.TransactWriteItems.2:reset",
    "eks.public-endpoint:dynamodb.TransactWriteItems.3:500",
    "lambda.insecure-library-alias:lambda.UpdateFunctionCode.1:busy",
    # Of each containment a call whose worker dies, or that gets no answer. An instance's group is
    # closed by whoever takes that up, though no undo opens it again.
    "containment.bucket:s3.PutBucketVersioning.1:killed",
    "containment.cluster:eks.UpdateAccessEntry.1:lost",
    "containment.function:lambda.UpdateEventSourceMapping.1:killed",
    "containment.instance:ec2.RevokeSecurityGroupIngress.1:reset",
    "containment.role-sessions:iam.PutRolePolicy.1:lost",
    "containment.task:ecs.UpdateTaskProtection.1:killed",
    "containment.unusual-conduct-user:iam.PutUserPolicy.1:killed",
)


@pytest.mark.parametrize("only", IN_DOUBT)
def test_a_revert_that_got_no_answer_can_be_undone(only: str) -> None:
    found = row(only.partition(":")[0], Wanted(pairs=0, seed="ci", only=only))
    ((_, verdict),) = found.ends
    assert verdict.end is End.RIGHT, verdict.why


def test_a_release_that_stopped_half_way_and_could_not_be_read_can_be_asked_for_again() -> None:
    """AWS takes neither the undo's second call nor a look, from then on, until it is well again."""
    name = "containment.bucket"
    only = f"{name}:s3.PutBucketPolicy.2:forbidden+{name}:s3.GetBucketPolicy.5:forbidden"
    ((_, verdict),) = row(name, Wanted(pairs=0, seed="ci", only=only)).ends
    assert verdict.end is End.TOLD, verdict.why


@each("contains", controls.containing())
def test_every_containment_stands_among_the_trials(contains: str) -> None:
    struck = (*PART, *(only.partition(":")[0] for only in IN_DOUBT))
    assert any(one == contains or one.startswith(f"{contains}-") for one in struck)
