"""The signed API's Lambda: votes, undos and operators' acts, from callers that IAM has verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from driftguard.approvals.command_queue import CommandQueue
from driftguard.approvals.desk import Desk
from driftguard.audit import AuditTable
from driftguard.aws import environment
from driftguard.aws.client import Aws
from driftguard.channels.http import BadRequest, Request, Response
from driftguard.channels.signed_api import SignedApi
from driftguard.model import Place
from driftguard.policy import compiled
from driftguard.state.table import StateTable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from driftguard.documents import Document


class Settings(NamedTuple):
    """What the template tells this function."""

    account_id: str
    audit_table: str
    state_table: str
    commands_queue_url: str
    # Lambda's own.
    aws_region: str
    operator_role_name: str = ""


settings = environment.read(Settings, "SignedApiFunction")
place = Place(settings.account_id, settings.aws_region)
logger = Logger()
metrics = Metrics()
aws = Aws()
signed_api = SignedApi(
    desk=Desk(
        audit=AuditTable(aws, settings.audit_table),
        state=StateTable(aws, settings.state_table, place),
        policy=compiled.shipped(),
    ),
    commands=CommandQueue(lambda: aws.client("sqs"), settings.commands_queue_url),
    log=logger,
    operator_role=settings.operator_role_name,
)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: Document, context: LambdaContext) -> dict[str, object]:
    """A request to the function URL."""
    metrics.add_metric("Replies", MetricUnit.Count, 1)
    try:
        with aws.time.of_function(context):
            return signed_api.handle(Request.from_event(event)).as_event()
    except BadRequest as error:
        logger.warning("refused a request: %s", error)
        return Response(error.status, str(error)).as_event()
