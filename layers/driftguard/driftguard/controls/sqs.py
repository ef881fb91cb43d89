"""SQS: queues open by their policy."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Settling, Trigger, partition_of, resource
from .mechanisms.resource_policy import OpenPolicy

_SQS = "sqs.amazonaws.com"
_QUEUES = ("arn:{partition}:sqs:{region}:{account}:*",)
_PAGE = 1_000
_SETTLING = Settling(
    60,
    "a queue's attributes take up to 60 seconds to propagate (Amazon SQS API Reference, "
    "“SetQueueAttributes”)",
)
_GONE = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")


def _queues(change: Change) -> Iterator[Candidate]:
    """The queue, where the change touched its policy."""
    url = text(change.request, "queueUrl") or text(change.response, "queueUrl")
    asked = written(change)
    touched = asked or change.name == "AddPermission" or omitted(change.request)
    if url and touched:
        name = url.rpartition("/")[2]
        where = resource(change, "sqs.queue", url, f"sqs:{{region}}:{{account}}:{name}")
        yield Candidate(where, Certainty.POSSIBLE)


def _listed(reader: Reader) -> Iterator[Resource]:
    where = f"arn:{partition_of(reader.region)}:sqs:{reader.region}:{reader.account}"
    # Without MaxResults there is one page of at most 1,000 queues, and nothing says that more
    # follow (Amazon SQS API Reference, "ListQueues").
    for url in map(str, reader.pages("sqs", "ListQueues", "QueueUrls", MaxResults=_PAGE)):
        name = url.rpartition("/")[2]
        yield Resource("sqs.queue", url, reader.account, reader.region, f"{where}:{name}")


def written(change: Change) -> Json:
    """The policy in a record. AddPermission writes a statement that names accounts.

    Source: Amazon SQS API Reference, "AddPermission".
    """
    if change.name != "AddPermission":
        return mapping(change.request, "attributes").get("Policy")
    accounts = change.request.get("aWSAccountIds") or change.request.get("awsAccountIds")
    actions = change.request.get("actions")
    if not accounts or not actions:
        return None
    statement = {"Effect": "Allow", "Principal": {"AWS": accounts}, "Action": actions}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _policy(queue: Resource, reader: Reader) -> Document | None:
    found = reader.read(
        "sqs", "GetQueueAttributes", QueueUrl=queue.id, AttributeNames=["Policy"], absent=_GONE
    )
    if found is None:
        return None
    return {"policy": text(mapping(document(found), "Attributes"), "Policy")}


def _put(queue: Resource, written: str) -> Call:
    parameters: Document = {"QueueUrl": queue.id, "Attributes": {"Policy": written}}
    return Call("sqs", "SetQueueAttributes", parameters, on=(queue.arn,))


CONTROLS = (
    OpenPolicy(
        id="sqs.public-policy",
        title="Queue open by its policy",
        severity=82,
        cuts=NOTHING,
        settling=_SETTLING,
        references=References(security_hub=("SQS.3",), attack=("T1098", "T1537")),
        triggers=(
            Trigger(_SQS, "SetQueueAttributes"),
            Trigger(_SQS, "AddPermission"),
            Trigger(_SQS, "CreateQueue"),
        ),
        reads=("sqs:GetQueueAttributes", "sqs:ListQueues"),
        found_by=_listed,
        writes={"sqs:SetQueueAttributes": _QUEUES},
        service="sqs",
        candidates=_queues,
        written=written,
        read=_policy,
        put=lambda queue, written, _: _put(queue, written),
        # A queue without a policy has an empty one.
        delete=lambda queue, _: _put(queue, ""),
    ),
)
