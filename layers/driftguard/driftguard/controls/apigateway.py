"""API Gateway: REST APIs whose policy let some people in, and now lets anybody in.

A stage answers by the policy of its last deployment.

Sources: Amazon API Gateway Developer Guide, "Controlling access to REST APIs with API Gateway
resource policies" (without a policy a private API lets nobody in, any other everybody), "Create and
attach an API Gateway resource policy" (deploy it again after a change); Amazon API Gateway API
Reference, "UpdateRestApi" (`/policy`), "RestApi" (its policy's quotes are escaped).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from driftguard.access import policy
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, Busy, References, Trigger, partition_of, resource
from .mechanisms.switch import Switch, since_before
from .mechanisms.weakened import TOLD

_APIGATEWAY = "apigateway.amazonaws.com"
# The ARN of an API has no account.
_APIS = ("arn:{partition}:apigateway:{region}::/restapis/*",)
_GONE = ("NotFoundException",)


def _amended(change: Change) -> Iterator[Candidate]:
    """The API whose policy was amended, or that was put anew as a whole."""
    id_ = text(change.request, "restApiId")
    asked = mapping(change.request, "updateRestApiInput") or change.request
    operations = items(asked.get("patchOperations"))
    of_policy = any(text(one, "path").startswith("/policy") for one in operations)
    whole = change.name == "PutRestApi" or omitted(change.request)
    if id_ and (of_policy or whole):
        where = resource(
            change, "apigateway.rest-api", id_, f"apigateway:{{region}}::/restapis/{id_}"
        )
        yield Candidate(where, Certainty.POSSIBLE, {TOLD: ["policy"]})


def _apis(reader: Reader) -> Iterator[Resource]:
    where = f"arn:{partition_of(reader.region)}:apigateway:{reader.region}::/restapis"
    for api in map(document, reader.pages("apigateway", "GetRestApis", "items")):
        id_ = text(api, "id")
        yield Resource("apigateway.rest-api", id_, reader.account, reader.region, f"{where}/{id_}")


def _plain(written: str) -> str:
    r"""A policy as it was put: the service answers with each quote as `\"`."""
    if not written.lstrip().startswith('{\\"'):
        return written
    unescaped: str = json.loads(f'"{written}"')
    return unescaped


def _policy(api: Resource, reader: Reader) -> Document | None:
    found = reader.read("apigateway", "GetRestApi", restApiId=api.id, absent=_GONE)
    if found is None:
        return None
    described = document(found)
    kinds = mapping(described, "endpointConfiguration").get("types")
    return {
        "account": api.account,
        "policy": _plain(text(described, "policy")),
        "private": isinstance(kinds, (list, tuple)) and "PRIVATE" in kinds,
    }


def _open(state: Document) -> str:
    written = text(state, "policy")
    if not written:
        return "" if state["private"] else "it has no policy any more, and lets everybody in"
    verdict = policy.judge("apigateway", written, account=text(state, "account"))
    return "; ".join(verdict.because) if verdict.public else ""


def _restored(state: Document, baseline: Document | None) -> Document | None:
    return {**state, "policy": baseline["policy"]} if baseline else None


def _put(api: Resource, state: Document) -> Call:
    patch: Document = {"op": "replace", "path": "/policy", "value": state["policy"]}
    parameters: Document = {"restApiId": api.id, "patchOperations": [patch]}
    return Call("apigateway", "UpdateRestApi", parameters, on=(api.arn,))


POLICY_OPENED = Switch(
    id="apigateway.policy-opened",
    title="REST API's policy lets everybody in",
    severity=75,
    cuts=NOTHING,
    busy=(Busy("ConflictException"),),
    references=References(attack=("T1190", "T1562.007")),
    triggers=(Trigger(_APIGATEWAY, "UpdateRestApi"), Trigger(_APIGATEWAY, "PutRestApi")),
    reads=("apigateway:GET",),
    writes={"apigateway:PATCH": _APIS, "apigateway:UpdateRestApiPolicy": _APIS},
    baselined=True,
    found_by=_apis,
    candidates=_amended,
    read=_policy,
    risky=since_before(_open),
    asks=lambda _, baseline: "" if baseline else "what it was before is not recorded",
    safe=_restored,
    put=_put,
    advice="A stage that was deployed since has to be deployed again.",
)

CONTROLS = (POLICY_OPENED,)
