"""SNS: topics open by their policy."""

from __future__ import annotations

import json
from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger
from .mechanisms.resource_policy import OpenPolicy

_SNS = "sns.amazonaws.com"
_TOPICS = ("arn:{partition}:sns:{region}:{account}:*",)
_GONE = ("NotFound", "NotFoundException")


def _topics(change: Change) -> Iterator[Candidate]:
    """The topic, where the change touched its policy."""
    arn = text(change.request, "topicArn") or text(change.response, "topicArn")
    asked = written(change)
    touched = asked or change.name == "AddPermission" or omitted(change.request)
    if arn.count(":") >= 5 and touched:
        topic = Resource("sns.topic", arn, change.account, change.region, arn)
        yield Candidate(topic, Certainty.POSSIBLE)


def _listed(reader: Reader) -> Iterator[Resource]:
    for topic in reader.pages("sns", "ListTopics", "Topics"):
        arn = text(document(topic), "TopicArn")
        yield Resource("sns.topic", arn, reader.account, reader.region, arn)


def written(change: Change) -> Json:
    """The policy in a record. AddPermission writes a statement that names accounts.

    Source: Amazon SNS API Reference, "AddPermission".
    """
    if change.name == "SetTopicAttributes":
        named = text(change.request, "attributeName") == "Policy"
        return text(change.request, "attributeValue") if named else None
    if change.name == "CreateTopic":
        return mapping(change.request, "attributes").get("Policy")
    accounts = change.request.get("aWSAccountId") or change.request.get("awsAccountId")
    actions = change.request.get("actionName")
    if not accounts or not actions:
        return None
    statement = {"Effect": "Allow", "Principal": {"AWS": accounts}, "Action": actions}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _policy(topic: Resource, reader: Reader) -> Document | None:
    found = reader.read("sns", "GetTopicAttributes", TopicArn=topic.arn, absent=_GONE)
    if found is None:
        return None
    return {"policy": text(mapping(document(found), "Attributes"), "Policy")}


def _put(topic: Resource, written: str) -> Call:
    parameters = {
        "TopicArn": topic.arn,
        "AttributeName": "Policy",
        "AttributeValue": written,
    }
    return Call("sns", "SetTopicAttributes", parameters, on=(topic.arn,))


def _default_policy(topic: Resource) -> str:
    """The policy that AWS gives a topic without one, as a topic cannot be without.

    It lets in whoever acts for the owner's account: AWS's services too, such as CloudWatch alarms,
    which are no principals of the account.

    Source: AWS re:Post, "Why didn't I receive an SNS notification for my CloudWatch alarm?".
    """
    actions = (
        "GetTopicAttributes",
        "SetTopicAttributes",
        "AddPermission",
        "RemovePermission",
        "DeleteTopic",
        "Subscribe",
        "ListSubscriptionsByTopic",
        "Publish",
    )
    owner = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in actions],
        "Resource": topic.arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": topic.account}},
    }
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [owner]})


CONTROLS = (
    OpenPolicy(
        id="sns.public-policy",
        title="Topic open by its policy",
        severity=82,
        cuts=NOTHING,
        references=References(security_hub=("SNS.4",), attack=("T1098", "T1537")),
        triggers=(
            Trigger(_SNS, "SetTopicAttributes"),
            Trigger(_SNS, "AddPermission"),
            Trigger(_SNS, "CreateTopic"),
        ),
        reads=("sns:GetTopicAttributes", "sns:ListTopics"),
        found_by=_listed,
        writes={"sns:SetTopicAttributes": _TOPICS},
        service="sns",
        candidates=_topics,
        written=written,
        read=_policy,
        put=lambda topic, written, _: _put(topic, written),
        delete=lambda topic, _: _put(topic, _default_policy(topic)),
    ),
)
