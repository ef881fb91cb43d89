"""IAM: bounds loosened, which are permissions boundaries and the password policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, mapping, text, whole_number
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from ..control import NOTHING, References, Trigger, resource
from ..mechanisms.weakened import Weakened, told, weaker_than_before
from .principals import (
    ARNS,
    BUSY,
    GONE,
    IAM,
    READS_OF_A_POLICY,
    found,
    kind_of,
    named,
    principal,
    read,
    why_policy,
)

_BOUND = ("User", "Role")


# ------------------------------------------------------------------- permissions boundaries


def _boundary_touched(change: Change) -> Iterator[Candidate]:
    kind, name = named(change)
    if not name:
        return
    who = principal(change, kind, name)
    if change.name.startswith("Delete"):
        yield told(who, "boundary")
    elif text(change.request, "permissionsBoundary") or omitted(change.request):
        yield Candidate(who, Certainty.POSSIBLE)


def _bounded(reader: Reader) -> Iterator[Resource]:
    for kind in _BOUND:
        details = f"{kind}DetailList"
        for item in reader.pages("iam", "GetAccountAuthorizationDetails", details, Filter=[kind]):
            if item.get("PermissionsBoundary"):
                name, what = str(item[f"{kind}Name"]), kind.lower()
                yield found(reader, f"iam.{what}", name, f"{what}/{name}")


def _read_boundary(who: Resource, reader: Reader) -> Document | None:
    described = read(reader, kind_of(who), who.id)
    if described is None:
        return None
    boundary = text(mapping(described, "PermissionsBoundary"), "PermissionsBoundaryArn")
    return {
        "arn": described["Arn"],
        "boundary": boundary or None,
        "why": why_policy(reader, boundary) if boundary else "",
    }


def _unbounded(state: Document) -> Mapping[str, str]:
    """Why the boundary is weak: there is none, or it is an administrator's policy."""
    if state["boundary"] is None:
        return {"boundary": "the permissions boundary was removed"}
    if state["why"]:
        name = text(state, "boundary").rpartition("/")[2]
        return {"boundary": f"the permissions boundary is now {name}, which {state['why']}"}
    return {}


def _put_boundary(who: Resource, state: Document, weak: tuple[str, ...]) -> Call:
    kind = kind_of(who)
    parameters: Document = {f"{kind}Name": who.id}
    on = (text(state, "arn"),)
    if state["boundary"] is None:
        operation = f"Delete{kind}PermissionsBoundary"
        return Call("iam", operation, parameters, on=on, settled_by=GONE)
    bounded = {**parameters, "PermissionsBoundary": state["boundary"]}
    return Call("iam", f"Put{kind}PermissionsBoundary", bounded, on=on)


# A creation with a boundary is looked at so that its baseline is recorded at once.
BOUNDARY_REMOVED = Weakened(
    id="iam.boundary-removed",
    title="Permissions boundary removed or widened",
    severity=85,
    cuts=NOTHING,
    busy=BUSY,
    references=References(attack=("T1098.003", "T1484")),
    triggers=tuple(
        Trigger(IAM, name)
        for kind in _BOUND
        for name in (
            f"Delete{kind}PermissionsBoundary",
            f"Put{kind}PermissionsBoundary",
            f"Create{kind}",
        )
    ),
    reads=(
        "iam:GetAccountAuthorizationDetails",
        "iam:GetRole",
        "iam:GetUser",
        *READS_OF_A_POLICY,
    ),
    writes={
        f"iam:{verb}{kind}PermissionsBoundary": ARNS[kind]
        for verb in ("Put", "Delete")
        for kind in _BOUND
    },
    candidates=_boundary_touched,
    read=_read_boundary,
    weaker=weaker_than_before(_unbounded),
    put=_put_boundary,
    advice="Sessions that began without the boundary are bound by it again at once.",
    found_by=_bounded,
    vanishing=True,
    # The emulator has no boundaries of users.
    proven="stub",
)


# --------------------------------------------------------------------- the password policy

# Security Hub's IAM.7 and IAM.11 to IAM.16. How long a password may live is left out: to demand
# changes makes passwords weaker (NIST SP 800-63B, section 5.1.1.2).
_FLOOR: Mapping[str, int] = {
    "MinimumPasswordLength": 14,
    "RequireSymbols": True,
    "RequireNumbers": True,
    "RequireUppercaseCharacters": True,
    "RequireLowercaseCharacters": True,
    "PasswordReusePrevention": 24,
}
# What holds while there is no policy, and what a policy holds where it says nothing.
# Sources: IAM User Guide, "Set an account password policy for IAM users"; IAM API Reference,
# "UpdateAccountPasswordPolicy".
_UNSAID: Document = {
    "MinimumPasswordLength": 6,
    "RequireSymbols": False,
    "RequireNumbers": False,
    "RequireUppercaseCharacters": False,
    "RequireLowercaseCharacters": False,
    "AllowUsersToChangePassword": False,
    "MaxPasswordAge": 0,
    "PasswordReusePrevention": 0,
    "HardExpiry": False,
}
_ASKED = "asked"
_WORDS = {
    "MinimumPasswordLength": "passwords may be shorter",
    "RequireSymbols": "passwords need no symbol",
    "RequireNumbers": "passwords need no number",
    "RequireUppercaseCharacters": "passwords need no capital letter",
    "RequireLowercaseCharacters": "passwords need no small letter",
    "PasswordReusePrevention": "old passwords may be used again sooner",
}


def _policy_loosened(change: Change) -> Iterator[Candidate]:
    where = resource(change, "iam.password-policy", "account", "iam::{account}:password-policy")
    if change.name == "DeleteAccountPasswordPolicy":
        yield Candidate(where, Certainty.EVIDENT, {_ASKED: ["exists", *_FLOOR]})
    elif omitted(change.request) or any(_asked(change.request, name) is None for name in _FLOOR):
        yield Candidate(where, Certainty.POSSIBLE)
    elif below := [
        name for name, floor in _FLOOR.items() if (_asked(change.request, name) or 0) < floor
    ]:
        yield Candidate(where, Certainty.EVIDENT, {_ASKED: below})


def _asked(request: Document, name: str) -> int | None:
    """What a request asks for one field; None where the record hides it.

    CloudTrail spells it with a small first letter.
    """
    key = name[0].lower() + name[1:]
    if request.get(key) is None:
        return _number(_UNSAID, name)
    stated = flag(request[key])
    written = text(request, key)
    if stated is not None:
        return int(stated)
    return whole_number(written)


def _password_policy(reader: Reader) -> Iterator[Resource]:
    yield found(reader, "iam.password-policy", "account", "password-policy")


def _read_password_policy(where: Resource, reader: Reader) -> Document | None:
    answer = reader.read("iam", "GetAccountPasswordPolicy", absent=GONE)
    if answer is None:
        return {**_UNSAID, "exists": False}
    policy = mapping(document(answer), "PasswordPolicy")
    return {
        "exists": True,
        **{name: policy.get(name, unsaid) for name, unsaid in _UNSAID.items()},
    }


def _loosened(state: Document, baseline: Document | None) -> Mapping[str, str]:
    """Fields below the floor that were higher before, or that the record says were lowered."""
    if not state["exists"]:
        return _deleted(state, baseline)
    asked = state.get(_ASKED) or ()
    assert isinstance(asked, (list, tuple))
    return {
        name: _WORDS[name]
        for name, floor in _FLOOR.items()
        if (now := _number(state, name)) < floor
        and (name in asked if baseline is None else now < _number(baseline, name))
    }


def _deleted(state: Document, baseline: Document | None) -> Mapping[str, str]:
    asked = state.get(_ASKED)
    if not (asked if baseline is None else baseline["exists"]):
        return {}
    before: Mapping[str, Json] = _FLOOR if baseline is None else baseline
    gone = {"exists": "the account's password policy was deleted"}
    for name in before:
        if name in _UNSAID and before[name] != state[name]:
            gone[name] = _WORDS.get(name, f"{name} is no longer set")
    return gone


def _put_password_policy(where: Resource, state: Document, weak: tuple[str, ...]) -> Call:
    # IAM has no resource for the password policy.
    if not state["exists"]:
        return Call("iam", "DeleteAccountPasswordPolicy", {}, on=("*",), settled_by=GONE)
    # IAM takes no 0 for these; leaving them out means that.
    unset = [field for field in ("MaxPasswordAge", "PasswordReusePrevention") if not state[field]]
    parameters = {name: state[name] for name in _UNSAID if name not in unset}
    return Call("iam", "UpdateAccountPasswordPolicy", parameters, on=("*",))


def _number(state: Document, name: str) -> int:
    value = state.get(name)
    return int(value) if isinstance(value, (bool, int, float)) else 0


PASSWORD_POLICY_WEAKENED = Weakened(
    id="iam.password-policy-weakened",
    title="Account's password policy weakened",
    severity=55,
    cuts=NOTHING,
    busy=BUSY,
    references=References(
        security_hub=("IAM.7", "IAM.10", "IAM.11", "IAM.12", "IAM.13", "IAM.14", "IAM.15"),
        attack=("T1556",),
    ),
    triggers=(
        Trigger(IAM, "UpdateAccountPasswordPolicy"),
        Trigger(IAM, "DeleteAccountPasswordPolicy"),
    ),
    reads=("iam:GetAccountPasswordPolicy",),
    writes={
        "iam:UpdateAccountPasswordPolicy": ("*",),
        "iam:DeleteAccountPasswordPolicy": ("*",),
    },
    candidates=_policy_loosened,
    read=_read_password_policy,
    weaker=_loosened,
    put=_put_password_policy,
    default={"exists": True, **_FLOOR},
    found_by=_password_policy,
)

CONTROLS = (BOUNDARY_REMOVED, PASSWORD_POLICY_WEAKENED)
