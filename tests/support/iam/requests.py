"""What IAM is asked for an API call: each action with its resource and the keys of its context.

Sources: Service Authorization Reference of each service; Amazon DynamoDB Developer Guide, "Using
IAM policy conditions for fine-grained access control" and "Amazon DynamoDB Transactions: How it
works" (IAM for transactions); Amazon SQS Developer Guide, "Amazon SQS API permissions";
EventBridge Scheduler User Guide, "Identity-based policies"; IAM User Guide, "Control and monitor
actions taken with assumed roles" (sts:SetSourceIdentity).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from moto.ec2.models import ec2_backends

from driftguard.aws.permissions import actions_of, permissions_of
from driftguard.documents import Json
from driftguard.model import Call
from tests.support.iam import reference
from tests.support.iam.evaluator import Asked, Statement, like, listed
from tests.support.world import ACCOUNT, REGION

Parameters: TypeAlias = "Mapping[str, Any]"

_LEADING_KEYS = "dynamodb:leadingkeys"
_IN_A_TRANSACTION = {
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Get": "dynamodb:GetItem",
}
# Several of one action in one call, under the action's name.
_BATCHES = {
    "SendMessageBatch": "SendMessage",
    "DeleteMessageBatch": "DeleteMessage",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "PublishBatch": "Publish",
}
# Kinds of which the reference requires all, and a request is on one.
_ALIKE = {"stream": "table", "consumer": "table", "root": "organizationalunit"}
# Where the package mixes up two services that share a prefix, or lacks what AWS documents: then
# the call's own ARNs are what it is on.
# Sources: Service Authorization Reference, "Elastic Load Balancing" (the classic one), "API Gateway
# Management"; AWS WAF Developer Guide, "Permissions for AssociateWebACL".
_WRONG_IN_THE_PACKAGE = frozenset(
    {
        "apigateway:SetWebACL",
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
        "elasticloadbalancing:SetWebAcl",
    }
)
# Where the principal of a service is not called as its endpoint is.
_PRINCIPALS = {"ecs": "ecs-tasks"}


def asked_for(service: str, operation: str, parameters: Parameters) -> Iterator[Asked]:
    """What a call of a function asks; `*` as the resource of what only reads configuration."""
    found = list(_OF.get(service, _on_everything)(operation, parameters))
    yield from found or (Asked(one, "*") for one in actions_of(service, operation))


def asked_for_plan(
    service: str, operation: str, parameters: Parameters, session: Iterable[Statement]
) -> Iterator[tuple[Asked, ...]]:
    """What a call of a plan asks; of each tuple one has to be allowed.

    The reference says on which kinds of resources each action must be allowed. Which resource of
    the kind the call is on, its parameters and its session policy tell.
    """
    statements = list(session)
    call = Call(service, operation, parameters, on=("*",))
    for action in dict.fromkeys((*actions_of(service, operation), *permissions_of(call))):
        if action != "iam:PassRole":
            # What a service does with the caller's permission on a key says so.
            via = action.startswith("kms:") and service != "kms"
            context = {"kms:viaservice": (_through(service),)} if via else {}
            if service == "ec2":
                context = _of_ec2(operation, parameters)
            if action in actions_of(service, operation):
                found = list(_on_kinds(action, parameters, statements))
            else:
                # The call does not say which of these the service turns to with the permission.
                found = [tuple(one for ways in _on_kinds(action, {}, statements) for one in ways)]
            for ways in found:
                yield tuple(replace(one, context=context) for one in ways)
    yield from ((one,) for one in _passed(service, operation, parameters))


def _of_ec2(operation: str, parameters: Parameters) -> dict[str, tuple[str, ...]]:
    """The call that tags what it makes, and the tags of the security group that a call is on."""
    tagging = {"ec2:createaction": (operation,)} if "TagSpecifications" in parameters else {}
    named = {"resource-id": [str(parameters.get("GroupId", ""))]}
    tags = ec2_backends[ACCOUNT][REGION].describe_tags(filters=named)
    return tagging | {f"ec2:resourcetag/{tag['key'].lower()}": (tag["value"],) for tag in tags}


def _through(service: str) -> str:
    prefix = actions_of(service, "Any")[0].partition(":")[0]
    return f"{prefix}.{REGION}.amazonaws.com"


def _on_everything(_operation: str, _parameters: Parameters) -> Iterator[Asked]:
    yield from ()


# ------------------------------------------------------------------------ services of the stack


def _dynamodb(operation: str, parameters: Parameters) -> Iterator[Asked]:
    if operation in ("BatchGetItem", "BatchWriteItem"):
        for table, given in parameters["RequestItems"].items():
            entries = given["Keys"] if operation == "BatchGetItem" else map(_written, given)
            yield _on_items(f"dynamodb:{operation}", table, entries)
    elif operation in ("TransactWriteItems", "TransactGetItems"):
        yield from _in_a_transaction(parameters["TransactItems"])
    elif operation == "PutItem":
        yield _on_items("dynamodb:PutItem", parameters["TableName"], [parameters["Item"]])
    elif operation in ("GetItem", "UpdateItem", "DeleteItem"):
        yield _on_items(f"dynamodb:{operation}", parameters["TableName"], [parameters["Key"]])
    elif operation in ("Query", "Scan"):
        arn = _table(parameters["TableName"])
        if "IndexName" in parameters:
            arn += f"/index/{parameters['IndexName']}"
        yield Asked(f"dynamodb:{operation}", arn, _leading(_partitions(parameters)))


def _in_a_transaction(writes: Iterable[Parameters]) -> Iterator[Asked]:
    items: dict[tuple[str, str], list[Parameters]] = {}
    for write in writes:
        for kind, one in write.items():
            key = one["Item"] if kind == "Put" else one["Key"]
            items.setdefault((_IN_A_TRANSACTION[kind], one["TableName"]), []).append(key)
    for (action, table), keys in items.items():
        yield _on_items(action, table, keys)


def _written(request: Parameters) -> Parameters:
    (one,) = request.values()
    item: Parameters = one.get("Item") or one["Key"]
    return item


def _on_items(action: str, table: str, items: Iterable[Parameters]) -> Asked:
    return Asked(action, _table(table), _leading(item["pk"]["S"] for item in items))


def _leading(keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
    return {_LEADING_KEYS: tuple(dict.fromkeys(keys))}


def _partitions(parameters: Parameters) -> Iterator[str]:
    """The partition that a query reads, of the table or of its index."""
    names = parameters.get("ExpressionAttributeNames", {})
    values = parameters.get("ExpressionAttributeValues", {})
    for name, value in re.findall(
        r"([#\w]+) = (:\w+)", parameters.get("KeyConditionExpression", "")
    ):
        if names.get(name, name) != "sk":
            yield values[value]["S"]
            return


def _table(name: str) -> str:
    return name if name.startswith("arn:") else f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"


def _sqs(operation: str, parameters: Parameters) -> Iterator[Asked]:
    if "QueueUrl" in parameters:
        name = parameters["QueueUrl"].rpartition("/")[2]
        action = f"sqs:{_BATCHES.get(operation, operation)}"
        yield Asked(action, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")


def _sns(operation: str, parameters: Parameters) -> Iterator[Asked]:
    if "TopicArn" in parameters:
        yield Asked(f"sns:{_BATCHES.get(operation, operation)}", parameters["TopicArn"])


def _secretsmanager(operation: str, parameters: Parameters) -> Iterator[Asked]:
    if "SecretId" in parameters:
        arn = parameters["SecretId"]
        if not arn.startswith("arn:"):
            arn = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{arn}"
        yield Asked(f"secretsmanager:{operation}", arn)


def _scheduler(operation: str, parameters: Parameters) -> Iterator[Asked]:
    name = f"{parameters.get('GroupName', 'default')}/{parameters['Name']}"
    arn = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{name}"
    yield Asked(f"scheduler:{operation}", arn)
    yield from _passed("scheduler", operation, parameters)


def _sts(operation: str, parameters: Parameters) -> Iterator[Asked]:
    if operation == "AssumeRole":
        context = {"sts:rolesessionname": (parameters["RoleSessionName"],)}
        if "SourceIdentity" in parameters:
            context["sts:sourceidentity"] = (parameters["SourceIdentity"],)
            yield Asked("sts:SetSourceIdentity", parameters["RoleArn"], context)
        yield Asked("sts:AssumeRole", parameters["RoleArn"], context)


def _s3(operation: str, parameters: Parameters) -> Iterator[Asked]:
    bucket = f"arn:aws:s3:::{parameters.get('Bucket', '')}"
    if operation in ("GetObject", "HeadObject"):
        yield Asked("s3:GetObject", f"{bucket}/{parameters['Key']}")
    elif operation in ("ListObjects", "ListObjectsV2"):
        yield Asked("s3:ListBucket", bucket)


def _iam(operation: str, parameters: Parameters) -> Iterator[Asked]:
    for kind in ("Role", "User"):
        if operation == f"List{kind}Tags":
            name = parameters[f"{kind}Name"]
            yield Asked(f"iam:{operation}", f"arn:aws:iam::{ACCOUNT}:{kind.lower()}/{name}")


def _securityhub(operation: str, parameters: Parameters) -> Iterator[Asked]:
    if operation == "BatchImportFindings":
        for one in parameters["Findings"]:
            account = {"securityhub:targetaccount": (one["AwsAccountId"],)}
            yield Asked("securityhub:BatchImportFindings", one["ProductArn"], account)
    elif operation == "GetFindings":
        hub = f"arn:aws:securityhub:{REGION}:{ACCOUNT}:hub/default"
        yield Asked("securityhub:GetFindings", hub)


_OF: dict[str, Callable[[str, Parameters], Iterator[Asked]]] = {
    "dynamodb": _dynamodb,
    "iam": _iam,
    "s3": _s3,
    "scheduler": _scheduler,
    "secretsmanager": _secretsmanager,
    "securityhub": _securityhub,
    "sns": _sns,
    "sqs": _sqs,
    "sts": _sts,
}


# ------------------------------------------------------------------------------------ plans


def _on_kinds(
    action: str, parameters: Parameters, session: Iterable[Statement]
) -> Iterator[tuple[Asked, ...]]:
    kinds = reference.kinds_of(action)
    named = [
        arn
        for one in session
        if any(like(action, name) for name in listed(one["Action"]))
        for arn in listed(one["Resource"])
    ]
    if action in _WRONG_IN_THE_PACKAGE:
        yield tuple(Asked(action, arn) for arn in named)
        return
    if not kinds:
        yield (Asked(action, "*"),)
        return
    required = [kind.name for kind in kinds if kind.required]
    for alternatives in _alternatives(required):
        fitting = [arn for arn in named if _is_of(arn, action, alternatives)]
        # What a call names is what it is on; some name only what leads there (an association).
        for arn in [one for one in fitting if _mentioned(one, parameters)] or fitting:
            yield (Asked(action, arn),)
        if not fitting:
            yield (Asked(action, f"no {' or '.join(alternatives)}, which it must be allowed on"),)
    if not required:
        fitting = [arn for arn in named if _is_of(arn, action, [kind.name for kind in kinds])]
        yield tuple(Asked(action, arn) for arn in fitting) or (Asked(action, "*"),)


def _is_of(arn: str, action: str, kinds: Iterable[str]) -> bool:
    """Whether an ARN, or some that a pattern stands for, is of one of the kinds."""
    some = {arn} if "*" not in arn else {arn.replace("*", "x" + "/x" * more) for more in range(5)}
    return any(reference.format_of(action, kind).fullmatch(one) for kind in kinds for one in some)


def _alternatives(required: list[str]) -> list[list[str]]:
    """The kinds that must be allowed; of `loadbalancer/app/` and its like, and of these, one."""
    groups: dict[str, list[str]] = {}
    for kind in required:
        groups.setdefault(_ALIKE.get(kind, kind.partition("/")[0]), []).append(kind)
    return list(groups.values())


def _mentioned(arn: str, parameters: Parameters) -> bool:
    """Whether the parameters name the resource: whole, or by the last part of its ARN."""
    told = set(_strings(parameters))
    parts = {part for one in told for part in re.split("[:/]", one)}
    return arn in told or re.split("[:/]", arn)[-1] in parts


def _passed(service: str, operation: str, parameters: Parameters) -> Iterator[Asked]:
    """A role that a call hands to the service."""
    (action, *_) = actions_of(service, operation)
    call = Call(service, operation, parameters, on=())
    if "iam:PassRole" in {*reference.dependent_actions(action), *permissions_of(call)} | (
        {"iam:PassRole"} if service == "scheduler" else set()
    ):
        passed_to = f"{_PRINCIPALS.get(service, service)}.amazonaws.com"
        for text in _strings(parameters):
            if re.match(r"arn:[\w-]+:iam::\d+:role/", text):
                yield Asked("iam:PassRole", text, {"iam:passedtoservice": (passed_to,)})


def _strings(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _strings(inner)
