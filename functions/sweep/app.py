"""The sweep's Lambda: looks at everything in this region once a day; holds no logic."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from driftguard.audit import AuditTable
from driftguard.aws import environment
from driftguard.aws.client import Aws, Surroundings
from driftguard.aws.secrets_manager import SaltIn
from driftguard.aws.time_limit import TO_RECORD
from driftguard.engine.guard import Guard
from driftguard.model import Autonomy, Place
from driftguard.policy import compiled
from driftguard.state.table import StateTable
from driftguard.sweep.rounds import Sweeper

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


class Settings(NamedTuple):
    """What the template tells this function."""

    audit_table: str
    state_table: str
    commands_queue_url: str
    account_id: str
    autonomy_ceiling: Autonomy
    settling_seconds: int
    salt_secret: str
    reply_function_arn: str
    # Lambda's own.
    aws_region: str


settings = environment.read(Settings, "SweepFunction")
place = Place(settings.account_id, settings.aws_region)
logger = Logger()
metrics = Metrics()
aws = Aws(surroundings=Surroundings(salt=SaltIn(settings.salt_secret)))
sweeper = Sweeper(
    Guard(
        aws=aws,
        audit=AuditTable(aws, settings.audit_table),
        state=StateTable(aws, settings.state_table, place),
        policy=compiled.shipped().with_own_door(settings.reply_function_arn),
        ceiling=settings.autonomy_ceiling,
        account=settings.account_id,
        remediator_role_arn="",
    ),
    region=settings.aws_region,
    commands_queue=settings.commands_queue_url,
    settling=settings.settling_seconds,
    logger=logger,
)


@logger.inject_lambda_context
@metrics.log_metrics(raise_on_empty_metrics=False)
def handler(event: dict[str, object], context: LambdaContext) -> dict[str, object]:
    """Goes on with the sweep of the region, or begins one; answers what came of it."""
    with aws.time.of_function(context, recording=TO_RECORD):
        report = sweeper.run(
            lambda: context.get_remaining_time_in_millis() / 1000,
            scheduled=event.get("detail-type") == "Scheduled Event",
        )
    counts = {
        **report.outcomes,
        "sent": report.sent,
        "unreached": len(report.unreached),
        "overdue": report.overdue,
    }
    for outcome, count in counts.items():
        metrics.add_metric(f"Swept{outcome.capitalize()}", MetricUnit.Count, count)
    if report.waiting is not None:
        metrics.add_metric("OpenApprovals", MetricUnit.Count, report.waiting)
    logger.info("swept", extra=counts)
    return {**counts, "unreached": list(report.unreached)}
