"""AWS Organizations: the text of a policy that bounds or protects accounts."""

from __future__ import annotations

import json
from collections.abc import Iterator

from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, mapping, parsed, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, Busy, References, Trigger, partition_of
from .mechanisms.advice import Advice
from .mechanisms.declared import evident
from .mechanisms.switch import Switch

_SOURCE = "organizations.amazonaws.com"
# Source: AWS Organizations API Reference, "UpdatePolicy", errors.
_BUSY = (Busy("ConcurrentModificationException"), Busy("PolicyChangesInProgressException"))
_ABSENT = ("PolicyNotFoundException", "AWSOrganizationsNotInUseException")
_POLICY = "arn:{partition}:organizations::*:policy/*/*/*"

# Policies of statements, as IAM's are: what they deny bounds accounts.
_OF_STATEMENTS = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
# Policies that say how services must be set; tag policies only advise how to tag.
# Source: AWS Organizations API Reference, "PolicySummary" (`Type`).
_OF_SETTINGS = (
    "AISERVICES_OPT_OUT_POLICY",
    "BACKUP_POLICY",
    "BEDROCK_POLICY",
    "CHATBOT_POLICY",
    "DECLARATIVE_POLICY_EC2",
    "GUARDDUTY_POLICY",
    "INSPECTOR_POLICY",
    "S3_POLICY",
    "SECURITYHUB_POLICY",
)
# A partition need not know each type.
_NO_TYPE = ("InvalidInputException", "UnsupportedAPIEndpointException")


def _policy(change: Change) -> Resource | None:
    return _named(text(change.request, "policyId"), change.account, change.region)


def _named(id_: str, account: str, region: str) -> Resource | None:
    """A policy by its id. Records do not tell its whole ARN; calls use the one that was read."""
    arn = f"arn:{partition_of(region)}:organizations::{account}:policy/{id_}"
    return Resource("org.policy", id_, account, region, arn) if id_ else None


def _rewritten(change: Change) -> Iterator[Candidate]:
    """UpdatePolicy; one that names no content only gives another name or description."""
    found = _policy(change)
    if found is not None and change.request.get("content"):
        yield Candidate(found, Certainty.POSSIBLE)


def _policies(reader: Reader) -> Iterator[Resource]:
    """The organization's policies. Only its management account may list them for certain."""
    found = reader.read(
        "organizations", "DescribeOrganization", absent=("AWSOrganizationsNotInUseException",)
    )
    organization = mapping(document(found), "Organization")
    if text(organization, "MasterAccountId") != reader.account:
        return
    for kind in (*_OF_STATEMENTS, *_OF_SETTINGS):
        try:
            for summary in reader.pages("organizations", "ListPolicies", "Policies", Filter=kind):
                named = _named(str(summary["Id"]), reader.account, reader.region)
                if named is not None and not summary.get("AwsManaged"):
                    yield named
        except AwsError as error:
            if error.code not in _NO_TYPE:
                raise


def _read(policy: Resource, reader: Reader) -> Document | None:
    answer = reader.read("organizations", "DescribePolicy", PolicyId=policy.id, absent=_ABSENT)
    if answer is None:
        return None
    found = mapping(document(answer), "Policy")
    summary = mapping(found, "PolicySummary")
    if text(summary, "Type") not in (*_OF_STATEMENTS, *_OF_SETTINGS):
        return None
    return {
        "arn": text(summary, "Arn"),
        "type": text(summary, "Type"),
        "content": text(found, "Content"),
    }


# ------------------------------------------------------------------------------- its statements


def _statements(state: Document) -> list[Document]:
    return list(items(mapping({"policy": _json(state)}, "policy").get("Statement")))


def _json(state: Document) -> Json:
    try:
        return parsed(text(state, "content"))
    except ValueError:
        return None


def _weakened(state: Document, before: Document) -> list[str]:
    """What a policy of statements no longer denies, and what it allows since."""
    now, was = _statements(state), _statements(before)
    lost = [_called(one) for one in was if _denies(one) and one not in now]
    new = [_called(one) for one in now if not _denies(one) and one not in was]
    return [*(f"no longer has {name}" for name in lost), *(f"has {name} since" for name in new)]


def _denies(statement: Document) -> bool:
    return text(statement, "Effect") == "Deny"


def _called(statement: Document) -> str:
    what = "Deny" if _denies(statement) else "Allow"
    return f"the {what} {text(statement, 'Sid')}" if text(statement, "Sid") else f"a {what}"


def _added(state: Document, before: Document) -> list[Document]:
    """The Deny statements that are new, and stand in the place of none that was lost."""
    was = _statements(before)
    names = {text(one, "Sid") for one in was} - {""}
    return [
        one
        for one in _statements(state)
        if _denies(one) and one not in was and text(one, "Sid") not in names
    ]


# --------------------------------------------------------------------------------- its settings


def _leaves(value: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Each setting of a policy, by where it stands."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    else:
        yield path, value


def _unset(state: Document, before: Document) -> list[str]:
    now = dict(_leaves(_json(state)))
    return [
        f"no longer sets {path} as before"
        for path, value in _leaves(_json(before))
        if now.get(path) != value
    ]


# ---------------------------------------------------------------------------------- the control


def _why(state: Document, baseline: Document | None) -> str:
    if baseline is None:
        return ""
    of_statements = state["type"] in _OF_STATEMENTS
    weak = _weakened(state, baseline) if of_statements else _unset(state, baseline)
    return f"the organization's policy {'; '.join(weak)}" if weak else ""


def _doubt(state: Document, baseline: Document | None) -> str:
    """Why people are asked: a setting, or a Deny in the place of another, may be as strict."""
    if baseline is None:
        return ""
    if state["type"] not in _OF_STATEMENTS:
        return "whether the new settings are any weaker cannot be told"
    was = _statements(baseline)
    if any(_denies(one) and one not in was for one in _statements(state)):
        return "it denies other things instead, which may be as strict"
    return ""


def _restored(state: Document, baseline: Document | None) -> Document | None:
    """The policy as it was, with the Deny statements that came to it meanwhile."""
    if baseline is None:
        return None
    if state["type"] not in _OF_STATEMENTS:
        return {**state, "content": baseline["content"]}
    whole = mapping({"policy": _json(baseline)}, "policy")
    merged = {**whole, "Statement": [*_statements(baseline), *_added(state, baseline)]}
    added = bool(_added(state, baseline))
    # AWS counts white space: nothing is added to a text that fits.
    content = json.dumps(merged, separators=(",", ":")) if added else baseline["content"]
    return {**state, "content": content}


def _put(policy: Resource, state: Document) -> Call:
    parameters = {"PolicyId": policy.id, "Content": state["content"]}
    return Call("organizations", "UpdatePolicy", parameters, on=(text(state, "arn"),))


POLICY_WEAKENED = Switch(
    id="org.policy-weakened",
    title="Organization's policy weakened",
    severity=85,
    cuts=NOTHING,
    busy=_BUSY,
    references=References(attack=("T1562.001", "T1484")),
    triggers=(Trigger(_SOURCE, "UpdatePolicy"),),
    baselined=True,
    reads=(
        "organizations:DescribeOrganization",
        "organizations:DescribePolicy",
        "organizations:ListPolicies",
    ),
    writes={"organizations:UpdatePolicy": (_POLICY,)},
    found_by=_policies,
    candidates=_rewritten,
    read=_read,
    risky=_why,
    asks=_doubt,
    safe=_restored,
    put=_put,
)


def _deleted(policy: Resource, reader: Reader) -> Document | None:
    """The state of a deleted policy; None if there is one by its id."""
    there = reader.read("organizations", "DescribePolicy", PolicyId=policy.id, absent=_ABSENT)
    return {"policy": policy.id} if there is None else None


POLICY_DELETED = Advice(
    id="org.policy-deleted",
    title="Organization's policy deleted",
    severity=60,
    cuts=NOTHING,
    references=References(attack=("T1562.001", "T1484")),
    triggers=(Trigger(_SOURCE, "DeletePolicy"), Trigger(_SOURCE, "CreatePolicy")),
    reads=("organizations:DescribePolicy",),
    revert="a policy that is made again has another id, and applies to nothing",
    candidates=evident(_policy, "DeletePolicy"),
    read=_deleted,
    why="the policy was deleted; it had been detached from all that it bound",
    advice="Make the policy again from its source, and attach it where it applied.",
)

CONTROLS = (POLICY_WEAKENED, POLICY_DELETED)
