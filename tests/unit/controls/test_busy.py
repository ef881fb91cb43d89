"""Which answers of AWS mean that it is busy, as the stricter AWS words them."""

from __future__ import annotations

from driftguard.controls import control
from tests.support.each import each

IN_PROGRESS = (
    "The operation cannot be performed at this time. An update is in progress for resource: f"
)
NOT_SHOWN_YET = "there is no group driftguard-quarantine-i-0abcdef1234567890 in vpc-1"
THERE = "The statement id (s) provided already exists. Please provide a new statement id."


@each(
    ("id_", "code", "message", "busy"),
    [
        ("cloudtrail.stopped", "ConflictException", "", True),
        ("cloudtrail.deleted", "ConflictException", "", True),
        ("cloudtrail.weakened", "ConflictException", "", True),
        ("cloudtrail.selectors-narrowed", "ConflictException", "", True),
        ("events.rule-disabled", "ConcurrentModificationException", "", True),
        ("events.rule-deleted", "ConcurrentModificationException", "", True),
        ("events.targets-removed", "ConcurrentModificationException", "", True),
        ("logs.retention-shortened", "OperationAbortedException", "", True),
        ("logs.metric-filter-deleted", "OperationAbortedException", "", True),
        ("logs.subscription-filter-deleted", "OperationAbortedException", "", True),
        ("lambda.insecure-library", "ResourceConflictException", IN_PROGRESS, True),
        ("lambda.layer-external", "ResourceConflictException", IN_PROGRESS, True),
        ("lambda.public-invoke", "ResourceConflictException", THERE, False),
        ("lambda.insecure-event-source", "ResourceInUseException", "", True),
        ("rds.public-instance", "InvalidDBInstanceState", "", True),
        ("rds.protection-off", "InvalidDBClusterStateFault", "", True),
        ("redshift.public", "InvalidClusterState", "", True),
        ("ssm.secret-in-plain-parameter", "TooManyUpdates", "", True),
        ("ssm.public-sharing-allowed", "TooManyUpdates", "", True),
        ("wafv2.disassociated", "WAFUnavailableEntityException", "", True),
        ("wafv2.logging-deleted", "WAFUnavailableEntityException", "", True),
        ("route53domains.lock-off", "DuplicateRequest", "", True),
        ("route53resolver.query-logging-disassociated", "ResourceExistsException", "", True),
        ("bedrock.guardrail-weakened", "ConflictException", "", True),
        ("config.rule-deleted", "ResourceInUseException", "", True),
        ("containment.instance", "SnapshotCreationPerVolumeRateExceeded", "", True),
        ("containment.instance", "ScalingActivityInProgress", "", True),
        ("containment.instance", "InvalidGroup.NotFound", NOT_SHOWN_YET, True),
        ("containment.instance", "InvalidGroup.NotFound", "The group 'sg-1' is not there", False),
        ("containment.function", "ResourceInUseException", "", True),
    ],
)
def test_what_passes_by_itself_is_waited_for(id_: str, code: str, message: str, busy: bool) -> None:
    """Kind 6."""
    assert any(answer.fits(code, message) for answer in control(id_).busy) is busy
