"""The console's Lambda: answers and undos from callers that IAM has verified; holds no logic."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from driftguard import policy
from driftguard.audit import AuditTable
from driftguard.aws import Aws
from driftguard.console import Console
from driftguard.desk import Desk
from driftguard.state import StateTable
from driftguard.web import BadRequest, Request, Response

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from driftguard.model import Document

logger = Logger()
metrics = Metrics()
aws = Aws()
console = Console(
    desk=Desk(
        audit=AuditTable(aws, os.environ["AUDIT_TABLE"]),
        state=StateTable(aws, os.environ["STATE_TABLE"]),
        policy=policy.shipped(),
    ),
    queue=lambda: aws.client("sqs"),
    changes_queue=os.environ["CHANGES_QUEUE_URL"],
    log=logger,
)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: Document, context: LambdaContext) -> dict[str, object]:
    """A request to the function URL."""
    metrics.add_metric("Replies", MetricUnit.Count, 1)
    try:
        return console.handle(Request.from_event(event)).as_event()
    except BadRequest as error:
        logger.warning("refused a request: %s", error)
        return Response(error.status, str(error)).as_event()
