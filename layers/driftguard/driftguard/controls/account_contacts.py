"""The account's contacts: whom AWS tells of an incident, and who owns the root user's address.

Source: AWS Account Management Reference Guide, "Update the alternate contacts for your AWS
account", "Update the root user email address for an AWS account".
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, partition_of, resource
from .mechanisms.advice import Advice
from .mechanisms.switch import Switch

_SOURCE = "account.amazonaws.com"
_ACCOUNTS = ("arn:{partition}:account::{account}:account",)
_NO_CONTACT = ("ResourceNotFoundException",)
_TYPES = ("BILLING", "OPERATIONS", "SECURITY")


def _is_own(change: Change) -> bool:
    """Whether a call is about the account that it was made in; members' may be named."""
    return text(change.request, "accountId") in ("", change.account)


def _contact(type_: str, account: str, region: str) -> Resource:
    """A contact of the account. AWS has no ARN for one; this only names it."""
    arn = f"arn:{partition_of(region)}:account::{account}:alternate-contact/{type_}"
    return Resource("account.alternate-contact", type_, account, region, arn)


def _changed(change: Change) -> Iterator[Candidate]:
    type_ = text(change.request, "alternateContactType")
    if type_ and _is_own(change):
        gone = change.name == "DeleteAlternateContact"
        certainty = Certainty.EVIDENT if gone else Certainty.POSSIBLE
        yield Candidate(_contact(type_, change.account, change.region), certainty)


def _contacts(reader: Reader) -> Iterator[Resource]:
    for type_ in _TYPES:
        found = _contact(type_, reader.account, reader.region)
        if _read(found, reader)["contact"] is not None:
            yield found


def _read(contact: Resource, reader: Reader) -> Document:
    found = reader.read(
        "account", "GetAlternateContact", AlternateContactType=contact.id, absent=_NO_CONTACT
    )
    told = mapping(document(found), "AlternateContact")
    names = ("Name", "Title", "EmailAddress", "PhoneNumber")
    return {"contact": {name: text(told, name) for name in names} if told else None}


def _why(state: Document, baseline: Document | None) -> str:
    now, before = mapping(state, "contact"), mapping(baseline or {}, "contact")
    if not now:
        return "AWS has nobody any more whom to tell" if before or baseline is None else ""
    other = [
        name for name in ("EmailAddress", "PhoneNumber") if before and now[name] != before[name]
    ]
    return f"AWS tells somebody else: {', '.join(other)} changed" if other else ""


def _put(contact: Resource, state: Document) -> Call:
    type_ = {"AlternateContactType": contact.id}
    on = (f"arn:{contact.partition}:account::{contact.account}:account",)
    if state["contact"] is None:
        return Call("account", "DeleteAlternateContact", type_, on=on, settled_by=_NO_CONTACT)
    told = {**mapping(state, "contact"), **type_}
    return Call("account", "PutAlternateContact", told, on=on)


ALTERNATE_CONTACT = Switch(
    id="account.alternate-contact",
    title="Account's contact replaced or deleted",
    severity=65,
    cuts=NOTHING,
    references=References(security_hub=("Account.1",), attack=("T1098", "T1531")),
    triggers=(
        Trigger(_SOURCE, "PutAlternateContact"),
        Trigger(_SOURCE, "DeleteAlternateContact"),
    ),
    baselined=True,
    vanishing=True,
    reads=("account:GetAlternateContact",),
    writes={
        "account:DeleteAlternateContact": _ACCOUNTS,
        "account:PutAlternateContact": _ACCOUNTS,
    },
    found_by=_contacts,
    candidates=_changed,
    read=_read,
    risky=_why,
    safe=lambda _, baseline: baseline if baseline and baseline["contact"] else None,
    put=_put,
    advice="Who the contact was is not recorded; enter somebody whom AWS can reach at any time.",
)


def _readdressed(change: Change) -> Iterator[Candidate]:
    """AcceptPrimaryEmailUpdate. What StartPrimaryEmailUpdate begins changes nothing by itself."""
    if change.name == "AcceptPrimaryEmailUpdate":
        account = text(change.request, "accountId") or change.account
        where = f"account::{{account}}:primary-email/{account}"
        found = resource(change, "account.primary-email", account, where)
        yield Candidate(found, Certainty.EVIDENT, {"account": account})


ROOT_EMAIL = Advice(
    id="account.root-email",
    title="Root user's address changed",
    severity=95,
    cuts=NOTHING,
    references=References(attack=("T1098", "T1531")),
    triggers=(
        Trigger(_SOURCE, "AcceptPrimaryEmailUpdate"),
        Trigger(_SOURCE, "StartPrimaryEmailUpdate"),
    ),
    revert="the address from before must confirm that it takes the account back",
    candidates=_readdressed,
    why="whoever has the new address can set the root user's password, and with it take the "
    "account over",
    advice="If nobody wanted it, change the address back from the management account, or ask AWS "
    "Support at once.",
)

CONTROLS = (ALTERNATE_CONTACT, ROOT_EMAIL)
