"""AWS Organizations: where accounts belong, and what they may do for the whole organization."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.access.policy import Trusted
from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource, Step

from .control import NOTHING, Busy, Cuts, References, Trigger, partition_of, resource
from .mechanisms.advice import Advice
from .mechanisms.declared import evident, listed
from .mechanisms.granted import Granted
from .mechanisms.switch import Switch
from .org import arn_of

_SOURCE = "organizations.amazonaws.com"
# Source: AWS Organizations API Reference, "MoveAccount", errors.
_BUSY = (Busy("ConcurrentModificationException"),)
_ACCOUNTS = "arn:{partition}:organizations::*:account/*/*"
_PARENTS = tuple(f"arn:{{partition}}:organizations::*:{kind}" for kind in ("ou/*/*", "root/*/*"))
# What bounds an account by where it belongs, and AWS's own of them that allow everything.
_BOUNDING = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
_ALLOWING = ("p-FullAWSAccess", "p-RCPFullAWSAccess")
# Organizations' settings for services know no resources.
_ORGANIZATION = ("*",)


def _account(change: Change) -> Resource | None:
    id_ = text(change.request, "accountId")
    if not id_:
        return None
    arn = f"arn:{partition_of(change.region)}:organizations::{change.account}:account/{id_}"
    return Resource("org.account", id_, change.account, change.region, arn)


# ---------------------------------------------------------------------------------------- moved


def _moved(change: Change, trusted: Trusted) -> Iterator[Candidate]:
    account = _account(change)
    source = text(change.request, "sourceParentId")
    target = text(change.request, "destinationParentId")
    # A new account stands in the root: out of it no policy is lost.
    if account is not None and source and target and not source.startswith("r-"):
        yield Candidate(account, Certainty.POSSIBLE, {"from": source, "to": target})


def _read_place(candidate: Candidate, reader: Reader) -> Document | None:
    """Where the account belongs, and which policies bound it only where it was."""
    account, source = candidate.resource.id, text(candidate.hint, "from")
    target = text(candidate.hint, "to")
    arns = {id_: arn_of(reader, id_) for id_ in (account, source, target)}
    if None in arns.values():
        return None
    there = {*_bounds(reader, target)}
    return {
        "parent": _parent(reader, account),
        "from": source,
        "to": target,
        "arns": [arns[account], arns[source], arns[target]],
        "lost": sorted({*_bounds(reader, source)} - there),
    }


def _parent(reader: Reader, child: str) -> str:
    """The unit or the root that an account or a unit belongs to; "" for the root."""
    if child.startswith("r-"):
        return ""
    parents = reader.pages("organizations", "ListParents", "Parents", ChildId=child)
    return next((str(parent["Id"]) for parent in parents), "")


def _bounds(reader: Reader, parent: str) -> Iterator[str]:
    """The names of the policies that apply to what belongs there, those from above too."""
    while parent:
        for kind in _BOUNDING:
            for policy in reader.pages(
                "organizations", "ListPoliciesForTarget", "Policies", TargetId=parent, Filter=kind
            ):
                if policy["Id"] not in _ALLOWING:
                    yield str(policy["Name"])
        parent = _parent(reader, parent)


def _why_moved(state: Document, trusted: Trusted) -> str:
    lost = listed(state, "lost")
    if state["parent"] != state["to"] or not lost:
        return ""
    return f"no longer bound by {', '.join(map(str, lost))} since it was moved"


def _move_back(account: Resource, state: Document) -> tuple[Step, ...]:
    on = tuple(str(arn) for arn in listed(state, "arns"))

    def move(source: str, target: str) -> Call:
        parameters: Document = {
            "AccountId": account.id,
            "SourceParentId": state[source],
            "DestinationParentId": state[target],
        }
        settled = ("DuplicateAccountException",)
        return Call("organizations", "MoveAccount", parameters, on=on, settled_by=settled)

    return (Step(move("to", "from"), (move("from", "to"),)),)


ACCOUNT_MOVED = Granted(
    id="org.account-moved",
    title="Account moved out from under a policy",
    severity=85,
    cuts=Cuts(
        "what the account may do only where it is now",
        question="was the account moved on purpose?",
    ),
    busy=_BUSY,
    references=References(attack=("T1562.001", "T1666")),
    triggers=(Trigger(_SOURCE, "MoveAccount"),),
    reads=(
        "organizations:DescribeAccount",
        "organizations:DescribeOrganizationalUnit",
        "organizations:ListParents",
        "organizations:ListPoliciesForTarget",
        "organizations:ListRoots",
    ),
    writes={"organizations:MoveAccount": (_ACCOUNTS, *_PARENTS)},
    candidates=_moved,
    read=_read_place,
    risky=_why_moved,
    steps=_move_back,
)


# ------------------------------------------------------------------------------- administrators


def _registered(change: Change, trusted: Trusted) -> Iterator[Candidate]:
    account, service = _account(change), text(change.request, "servicePrincipal")
    if change.name != "RegisterDelegatedAdministrator" or account is None or not service:
        return
    if account.id not in trusted.accounts:
        yield Candidate(account, Certainty.EVIDENT, {"service": service})


def _read_delegated(candidate: Candidate, reader: Reader) -> Document | None:
    account, service = candidate.resource.id, text(candidate.hint, "service")
    arn = arn_of(reader, account)
    if arn is None:
        return None
    return {"arn": arn, "service": service, "delegated": service in _services(reader, account)}


def _services(reader: Reader, account: str) -> list[str]:
    """The services that an account administers for the organization."""
    operation, key = "ListDelegatedServicesForAccount", "DelegatedServices"
    try:
        found = [*reader.pages("organizations", operation, key, AccountId=account)]
    except AwsError as error:
        if error.code != "AccountNotRegisteredException":
            raise
        return []
    return [str(delegated["ServicePrincipal"]) for delegated in found]


def _why_delegated(state: Document, trusted: Trusted) -> str:
    if not state["delegated"]:
        return ""
    return f"administers {state['service']} for the whole organization"


def _deregister(account: Resource, state: Document) -> tuple[Step, ...]:
    parameters = {"AccountId": account.id, "ServicePrincipal": state["service"]}
    on = (text(state, "arn"),)
    there = Call(
        "organizations",
        "DeregisterDelegatedAdministrator",
        parameters,
        on=on,
        settled_by=("AccountNotRegisteredException",),
    )
    back = Call(
        "organizations",
        "RegisterDelegatedAdministrator",
        parameters,
        on=on,
        settled_by=("AccountAlreadyRegisteredException",),
    )
    return (Step(there, (back,)),)


DELEGATED_ADMINISTRATOR = Granted(
    id="org.delegated-administrator",
    title="Account made administrator of a service for the organization",
    severity=85,
    cuts=Cuts(
        "what the account set up for the organization since",
        question="was the account meant to administer the service?",
    ),
    busy=_BUSY,
    references=References(attack=("T1098", "T1484.002")),
    triggers=(
        Trigger(_SOURCE, "RegisterDelegatedAdministrator"),
        Trigger(_SOURCE, "DeregisterDelegatedAdministrator"),
    ),
    reads=(
        "organizations:DescribeAccount",
        "organizations:ListDelegatedServicesForAccount",
    ),
    writes={
        "organizations:DeregisterDelegatedAdministrator": (_ACCOUNTS,),
        "organizations:RegisterDelegatedAdministrator": (_ACCOUNTS,),
    },
    candidates=_registered,
    read=_read_delegated,
    risky=_why_delegated,
    steps=_deregister,
)


# -------------------------------------------------------------------------------------- services

# The services that watch over all accounts with the organization's trust.
# Source: AWS Organizations User Guide, "AWS services that you can use with AWS Organizations".
_WATCHING = frozenset(
    {
        "access-analyzer.amazonaws.com",
        "backup.amazonaws.com",
        "cloudtrail.amazonaws.com",
        "config.amazonaws.com",
        "config-multiaccountsetup.amazonaws.com",
        "controltower.amazonaws.com",
        "detective.amazonaws.com",
        "fms.amazonaws.com",
        "guardduty.amazonaws.com",
        "iam.amazonaws.com",
        "inspector2.amazonaws.com",
        "macie.amazonaws.com",
        "malware-protection.guardduty.amazonaws.com",
        "member.org.stacksets.cloudformation.amazonaws.com",
        "securityhub.amazonaws.com",
        "securitylake.amazonaws.com",
        "sso.amazonaws.com",
    }
)


def _distrusted(change: Change) -> Iterator[Candidate]:
    service = text(change.request, "servicePrincipal")
    if change.name == "DisableAWSServiceAccess" and service in _WATCHING:
        where = f"organizations::{{account}}:service-access/{service}"
        found = resource(change, "org.service-access", service, where)
        yield Candidate(found, Certainty.EVIDENT)


def _read_trust(service: Resource, reader: Reader) -> Document | None:
    enabled = reader.pages(
        "organizations", "ListAWSServiceAccessForOrganization", "EnabledServicePrincipals"
    )
    return {"trusted": any(one["ServicePrincipal"] == service.id for one in enabled)}


def _set_trust(service: Resource, state: Document) -> Call:
    operation = "EnableAWSServiceAccess" if state["trusted"] else "DisableAWSServiceAccess"
    parameters = {"ServicePrincipal": service.id}
    return Call("organizations", operation, parameters, on=_ORGANIZATION)


SERVICE_ACCESS_DISABLED = Switch(
    id="org.service-access-disabled",
    title="Service no longer watches over the organization",
    severity=80,
    cuts=NOTHING,
    busy=_BUSY,
    references=References(attack=("T1562.001",)),
    triggers=(
        Trigger(_SOURCE, "DisableAWSServiceAccess"),
        Trigger(_SOURCE, "EnableAWSServiceAccess"),
    ),
    reads=("organizations:ListAWSServiceAccessForOrganization",),
    writes={
        "organizations:DisableAWSServiceAccess": _ORGANIZATION,
        "organizations:EnableAWSServiceAccess": _ORGANIZATION,
    },
    candidates=_distrusted,
    read=_read_trust,
    risky=lambda state, _: (
        "" if state["trusted"] else "the service no longer has the organization's trust"
    ),
    safe=lambda state, _: {"trusted": True},
    put=_set_trust,
    advice="See in the service whether it works in all accounts again: some delete what they set "
    "up there.",
)


# -------------------------------------------------------------------------- closed, and joined

ACCOUNT_CLOSED = Advice(
    id="org.account-closed",
    title="Account closed",
    severity=95,
    cuts=NOTHING,
    references=References(attack=("T1485", "T1531")),
    triggers=(Trigger(_SOURCE, "CloseAccount"), Trigger(_SOURCE, "CreateAccount")),
    revert="only AWS Support can open a closed account again, within 90 days",
    candidates=evident(_account, "CloseAccount"),
    why="the account is closed, and all that is in it is deleted after 90 days",
    advice="If nobody wanted it, ask AWS Support at once to open the account again.",
)

# What a handshake is about, when it does not bring an account into an organization.
# Source: AWS Organizations API Reference, "Handshake" (`Action`).
_AMONG_MEMBERS = (
    "ENABLE_ALL_FEATURES",
    "APPROVE_ALL_FEATURES",
    "ADD_ORGANIZATIONS_SERVICE_LINKED_ROLE",
)


def _joined(change: Change) -> Iterator[Candidate]:
    handshake = mapping(change.response, "handshake")
    if text(handshake, "action") in _AMONG_MEMBERS:
        return
    arn = f"arn:{partition_of(change.region)}:organizations::{change.account}:account"
    certain = not omitted(change.response) and text(handshake, "action")
    yield Candidate(
        Resource("org.account", change.account, change.account, change.region, arn),
        Certainty.EVIDENT if certain else Certainty.POSSIBLE,
    )


def _read_membership(account: Resource, reader: Reader) -> Document | None:
    """The organization that the account is in; None if it is in none, or is its management."""
    found = reader.read(
        "organizations", "DescribeOrganization", absent=("AWSOrganizationsNotInUseException",)
    )
    organization = mapping(document(found), "Organization")
    management = text(organization, "MasterAccountId")
    if management in ("", account.id):
        return None
    return {"organization": text(organization, "Id"), "management": management}


JOINED = Advice(
    id="org.joined",
    title="Account joined an organization",
    severity=90,
    cuts=NOTHING,
    references=References(attack=("T1484.002", "T1666")),
    triggers=(Trigger(_SOURCE, "AcceptHandshake"),),
    reads=("organizations:DescribeOrganization",),
    revert="to leave takes billing and contact data that the account may not have yet",
    candidates=_joined,
    read=_read_membership,
    why="another account now manages this one: it may bound it, bill it and take it over",
    advice="See whose organization it is; leave it if it is not yours, and delete the role that "
    "its management account may have made here.",
)

CONTROLS = (
    ACCOUNT_MOVED,
    DELEGATED_ADMINISTRATOR,
    SERVICE_ACCESS_DISABLED,
    ACCOUNT_CLOSED,
    JOINED,
)
