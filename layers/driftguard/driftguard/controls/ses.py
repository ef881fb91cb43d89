"""SES: identities from which strangers may send mail, by a sending authorization policy.

Sources: Amazon SES API Reference, "PutIdentityPolicy" and "GetIdentityPolicies"; Amazon SES API v2
Reference, "CreateEmailIdentityPolicy" and "UpdateEmailIdentityPolicy". An identity has up to twenty
policies, each with a name.
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, partition_of, resource
from .mechanisms.declared import listed
from .mechanisms.resource_policy import OpenPolicy

_SES = "ses.amazonaws.com"
_EVERYWHERE = ("*",)
_KIND = "ses.identity-policy"


def _named(change: Change) -> Iterator[Candidate]:
    """The policy that a record puts, as a part of its identity: it has no ARN of its own."""
    identity, name = text(change.request, "identity", "emailIdentity"), _policy_name(change)
    if identity and name:
        where = f"ses:{{region}}:{{account}}:identity/{identity}/{name}"
        yield Candidate(resource(change, _KIND, name, where), Certainty.POSSIBLE)


def _policy_name(change: Change) -> str:
    return text(change.request, "policyName")


def _identity(policy: Resource) -> str:
    return policy.arn.partition(":identity/")[2].rpartition("/")[0]


def _policies(reader: Reader) -> Iterator[Resource]:
    where = f"arn:{partition_of(reader.region)}:ses:{reader.region}:{reader.account}:identity"
    for identity in map(str, reader.pages("ses", "ListIdentities", "Identities")):
        names = document(reader.read("ses", "ListIdentityPolicies", Identity=identity))
        for name in map(str, listed(names, "PolicyNames")):
            arn = f"{where}/{identity}/{name}"
            yield Resource(_KIND, name, reader.account, reader.region, arn)


def _policy(policy: Resource, reader: Reader) -> Document:
    found = reader.read(
        "ses", "GetIdentityPolicies", Identity=_identity(policy), PolicyNames=[policy.id]
    )
    return {"policy": text(mapping(document(found), "Policies"), policy.id)}


PUBLIC_IDENTITY = OpenPolicy(
    id="ses.public-identity",
    title="Strangers may send mail as an identity",
    severity=80,
    cuts=NOTHING,
    references=References(attack=("T1566", "T1098")),
    triggers=tuple(
        Trigger(_SES, name)
        for name in ("PutIdentityPolicy", "CreateEmailIdentityPolicy", "UpdateEmailIdentityPolicy")
    ),
    reads=("ses:GetIdentityPolicies", "ses:ListIdentities", "ses:ListIdentityPolicies"),
    writes={"ses:PutIdentityPolicy": _EVERYWHERE, "ses:DeleteIdentityPolicy": _EVERYWHERE},
    proven="stub",
    found_by=_policies,
    service="ses",
    candidates=_named,
    written=lambda change: change.request.get("policy"),
    read=_policy,
    put=lambda policy, written, _: Call(
        "ses",
        "PutIdentityPolicy",
        {"Identity": _identity(policy), "PolicyName": policy.id, "Policy": written},
        on=_EVERYWHERE,
    ),
    delete=lambda policy, _: Call(
        "ses",
        "DeleteIdentityPolicy",
        {"Identity": _identity(policy), "PolicyName": policy.id},
        on=_EVERYWHERE,
    ),
)

CONTROLS = (PUBLIC_IDENTITY,)
