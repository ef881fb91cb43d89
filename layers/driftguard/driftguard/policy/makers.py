"""Tells whether a person made a change, under whatever name. Pure.

Whoever may assume a role chooses the name of the session, unless something keeps them from it. So a
session's name proves nobody: another session of the maker's role may be the maker. Two sessions of
one role are two people only where the policy names both, each as a person of its own, or where AWS
itself gives the sessions their names, as IAM Identity Center does. A source identity stays the same
from role to role, so that whoever bears it is the maker.

Sources: IAM User Guide, "Monitor and control actions taken with assumed roles" (source identity);
IAM Identity Center User Guide, "Permission sets" (roles under `aws-reserved/sso.amazonaws.com`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatchcase

from driftguard.frozen import dataclass
from driftguard.model import SOURCE_IDENTITY

_NAMED_BY_AWS = ":role/aws-reserved/sso.amazonaws.com/"


@dataclass(frozen=True, slots=True)
class Person:
    """One human being, under every identity the channels know them by.

    `iam` are ARNs of users, roles or role sessions, with `*` and `?`.
    """

    name: str
    slack: tuple[str, ...] = ()
    iam: tuple[str, ...] = ()
    email: tuple[str, ...] = ()

    def is_principal(self, *arns: str) -> bool:
        """Whether one of these ARNs belongs to this person."""
        return any(arn and fnmatchcase(arn, pattern) for arn in arns for pattern in self.iam)


def made_by(people: Sequence[Person], makers: Collection[str], name: str, identity: str) -> bool:
    """Whether somebody is among the makers of a change.

    `makers` are ARNs, and source identities behind their mark. `name` is the person's name in the
    policy, "" if it does not know them; `identity` is what a channel has verified of them.
    """
    if identity and identity in makers:
        return True
    person = next((known for known in people if known.name == name), None)
    if person is not None and person.is_principal(*makers):
        return True
    borne = {maker.removeprefix(SOURCE_IDENTITY) for maker in makers if _is_borne(maker)}
    if borne & set(_names(person, identity)):
        return True
    return any(
        _may_be(person, identity, session) and not _is_another(people, makers, person, session)
        for session in makers
        if _is_of_role(session)
    )


def _is_borne(maker: str) -> bool:
    return maker.startswith(SOURCE_IDENTITY)


def _names(person: Person | None, identity: str) -> Iterator[str]:
    """The names that somebody may bear as a source identity."""
    if person is not None:
        yield from (person.name, *person.email)
        yield from (pattern.rpartition("/")[2] for pattern in person.iam)
    if identity:
        yield identity.rpartition("/")[2]


def _is_of_role(maker: str) -> bool:
    """Whether a maker is a role or a session of one."""
    return principal_of(maker) != maker


def _may_be(person: Person | None, identity: str, session: str) -> bool:
    """Whether the role of a maker's session is one that somebody uses."""
    role = principal_of(session)
    if identity and principal_of(identity) == role:
        return True
    patterns = person.iam if person is not None else ()
    return any(
        fnmatchcase(role, principal_of(pattern))
        for pattern in patterns
        if principal_of(pattern) != pattern
    )


def _is_another(
    people: Sequence[Person], makers: Collection[str], person: Person | None, session: str
) -> bool:
    """Whether a maker's session of a role is known to be somebody else's."""
    role = principal_of(session)
    sessions = [maker for maker in makers if ":assumed-role/" in maker]
    if session not in sessions:
        # The role itself: what its sessions tell counts.
        return any(principal_of(known) == role for known in sessions)
    if any(_NAMED_BY_AWS in maker and principal_of(maker) == role for maker in makers):
        return True
    return person is not None and any(
        other.name != person.name and other.is_principal(session) for other in people
    )


def principal_of(arn: str) -> str:
    """The lasting identity in an ARN: of a role's session, the role; the ARN itself of any other.

    A role is named without its path, which the ARN of its sessions leaves out.
    Source: IAM User Guide, "IAM identifiers" (assumed-role sessions).
    """
    parts = arn.split(":", 5)
    if len(parts) == 6 and parts[2] == "sts" and parts[5].startswith("assumed-role/"):
        return f"{parts[4]} role {parts[5].split('/')[1]}"
    if len(parts) == 6 and parts[2] == "iam" and parts[5].startswith("role/"):
        return f"{parts[4]} role {parts[5].rpartition('/')[2]}"
    return arn
