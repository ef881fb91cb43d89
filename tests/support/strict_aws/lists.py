"""Lists that end before all has been told."""

from __future__ import annotations

from .rule import Account, Proceed, Request, Response, Rule, of, surrounds


def _pages(
    service: str,
    operation: str,
    *,
    rows: str,
    most: int,
    asks: str,
    tells: str,
    limit: str | None,
    more: str | None,
    source: str,
) -> Rule:
    """A list that is cut into pages where the emulator answers all at once."""

    def around(request: Request, account: Account, proceed: Proceed) -> Response:
        token = str(request.get(asks) or "")
        if token and not token.startswith("row-"):
            return proceed(request)
        start = int(token.removeprefix("row-") or 0)
        size = min(most, int(request.get(limit) or most) if limit else most)
        every: list[object] = []
        answered: Response = {}
        onward: str | None = None
        while onward is not None or not answered:
            without_limit = {limit: None} if limit else {}
            answered = proceed(request.with_parameters(**{asks: onward, **without_limit}))
            every += answered.get(rows, [])
            onward = answered.get(tells) or None
        response = {name: value for name, value in answered.items() if name != tells}
        response[rows] = every[start : start + size]
        cut = start + size < len(every)
        if cut:
            response[tells] = f"row-{start + size}"
        if more:
            response[more] = cut
        return response

    return Rule(f"{service}.{operation}-pages", source, of(service, operation), around)


KMS_KEYS = _pages(
    "kms",
    "ListKeys",
    rows="Keys",
    most=100,
    asks="Marker",
    tells="NextMarker",
    limit="Limit",
    more="Truncated",
    source="KMS API Reference, ListKeys, Limit: 100 keys if there is no value.",
)
KMS_GRANTS = _pages(
    "kms",
    "ListGrants",
    rows="Grants",
    most=50,
    asks="Marker",
    tells="NextMarker",
    limit="Limit",
    more="Truncated",
    source="KMS API Reference, ListGrants, Limit: 50 grants if there is no value.",
)
LAMBDA_FUNCTIONS = _pages(
    "lambda",
    "ListFunctions",
    rows="Functions",
    most=50,
    asks="Marker",
    tells="NextMarker",
    limit="MaxItems",
    more=None,
    source="Lambda API Reference, ListFunctions: “Lambda returns up to 50 functions per call”.",
)
IAM_ROLES = _pages(
    "iam",
    "ListRoles",
    rows="Roles",
    most=100,
    asks="Marker",
    tells="Marker",
    limit="MaxItems",
    more="IsTruncated",
    source="IAM API Reference, ListRoles, MaxItems: defaults to 100.",
)
IAM_USERS = _pages(
    "iam",
    "ListUsers",
    rows="Users",
    most=100,
    asks="Marker",
    tells="Marker",
    limit="MaxItems",
    more="IsTruncated",
    source="IAM API Reference, ListUsers, MaxItems: defaults to 100.",
)
RDS_INSTANCES = _pages(
    "rds",
    "DescribeDBInstances",
    rows="DBInstances",
    most=100,
    asks="Marker",
    tells="Marker",
    limit="MaxRecords",
    more=None,
    source="RDS API Reference, DescribeDBInstances, MaxRecords: default 100.",
)
SSM_PARAMETERS = _pages(
    "ssm",
    "DescribeParameters",
    rows="Parameters",
    most=50,
    asks="NextToken",
    tells="NextToken",
    limit="MaxResults",
    more=None,
    source="Systems Manager API Reference, DescribeParameters, MaxResults: at most 50.",
)


@surrounds(
    "sqs.ListQueues-ends-at-1000",
    "SQS API Reference, ListQueues: at most 1,000 results; “You must set MaxResults to receive a "
    "value for NextToken in the response”.",
    of("sqs", "ListQueues"),
)
def sqs_queues(request: Request, account: Account, proceed: Proceed) -> Response:
    response = proceed(request)
    if request.get("MaxResults"):
        return response
    told = {name: value for name, value in response.items() if name != "NextToken"}
    if "QueueUrls" in told:
        told["QueueUrls"] = told["QueueUrls"][:1000]
    return told


RULES = (
    KMS_KEYS,
    KMS_GRANTS,
    LAMBDA_FUNCTIONS,
    IAM_ROLES,
    IAM_USERS,
    RDS_INSTANCES,
    SSM_PARAMETERS,
    sqs_queues,
)
