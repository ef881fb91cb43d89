"""The publisher's Lambda: from the audit table's stream to what follows; holds no logic."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from driftguard import policy
from driftguard.audit import decision_of
from driftguard.aws import Aws
from driftguard.publisher import Answering, Publisher, Timers
from driftguard.secrets import Secrets
from driftguard.state import StateTable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from driftguard.model import Decision

logger = Logger()
metrics = Metrics()
aws = Aws()
publisher = Publisher(
    aws=aws,
    state=StateTable(aws, os.environ["STATE_TABLE"]),
    policy=policy.shipped(),
    topic=os.environ["DECISIONS_TOPIC"],
    changes_queue=os.environ["CHANGES_QUEUE_URL"],
    timers=Timers(
        group=os.environ["TIMERS_GROUP"],
        role_arn=os.environ["TIMERS_ROLE_ARN"],
        queue_arn=os.environ["CHANGES_QUEUE_ARN"],
        dead_letter_queue_arn=os.environ["DEAD_LETTER_QUEUE_ARN"],
    ),
    answering=Answering(
        base=os.environ["PUBLIC_BASE_URL"],
        key=Secrets(aws, os.environ["LINK_KEY_SECRET"]).link_key,
        replies_topic=os.environ["REPLIES_TOPIC"],
    ),
)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(
    event: dict[str, list[dict[str, object]]], context: LambdaContext
) -> dict[str, list[dict[str, str]]]:
    """Follows up a batch of decisions; names the first that must come again."""
    followed = publisher.follow_up_all(_decisions(event["Records"]))
    metrics.add_metric("Published", MetricUnit.Count, followed.published)
    logger.info("followed up", records=len(event["Records"]), published=followed.published)
    if not followed.failed:
        return {"batchItemFailures": []}
    logger.warning("not followed up: %s", followed.trouble)
    return {"batchItemFailures": [{"itemIdentifier": followed.failed}]}


def _decisions(records: list[dict[str, object]]) -> Iterator[tuple[str, Decision]]:
    for record in records:
        change = record["dynamodb"]
        assert isinstance(change, Mapping)
        yield str(change["SequenceNumber"]), decision_of(change["NewImage"])
