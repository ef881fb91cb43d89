"""Reads GuardDuty's findings: what an event claims, and what GuardDuty itself says of it.

An event is a hint, never a proof: whoever can put events can claim that anybody is compromised. So
nothing is contained before GuardDuty has told the finding itself. Samples, archived findings, those
that GuardDuty rates low and those of other accounts are left out.

Sources: Amazon GuardDuty API Reference, "GetFindings", "Finding", "Sequence", "Actor"; Amazon
GuardDuty User Guide, "Processing GuardDuty findings with Amazon EventBridge", "Finding details".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatchcase

from driftguard.aws.calls import AwsError, Throttled, Unreachable, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text
from driftguard.frozen import dataclass
from driftguard.model import Autonomy, Change, Finding
from driftguard.state import incidents

from ..iam.stranger_findings import GUARDDUTY, is_sample
from .finding_types import LOWEST_SEVERITY, Target, entry
from .identities import who

READS = ("guardduty:GetFindings",)
# The key of a state that holds what GuardDuty says of the finding.
TOLD = "finding"
# GuardDuty's answer to ids that it does not know.
_GONE = ("BadRequestException",)


@dataclass(frozen=True, slots=True)
class HeldSettings:
    """What every containment is told: whom it spares, and how often people are reminded of it.

    Of what is contained people are reminded every `remind_after_days` days (0: never) until they
    release it. `spared` comes from the policy's own `break_glass`: principals that are never
    contained.
    """

    remind_after_days: int = 3
    spared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainmentSettings(HeldSettings):
    """How far a containment goes, by type of finding and by severity.

    `observe`, `ask` and `revert` are patterns (`*`, `?`) of finding types that are told, asked
    about or contained at once, whatever is shipped for them; where several fit, the first of these
    three holds. Findings that GuardDuty rates below `least` (1.0 to 10.0) are left out, and those
    below `revert_from` are asked about at most.
    """

    observe: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    revert: tuple[str, ...] = ()
    least: float = LOWEST_SEVERITY
    revert_from: float = LOWEST_SEVERITY

    def autonomy(self, type_: str, target: Target) -> Autonomy:
        """How far to go with a target of a finding of this type."""
        for level, patterns in (
            (Autonomy.OBSERVE, self.observe),
            (Autonomy.ASK, self.ask),
            (Autonomy.REVERT, self.revert),
        ):
            if any(fnmatchcase(type_, pattern) for pattern in patterns):
                return level
        known = entry(type_)
        return known.autonomy(target) if known else Autonomy.ASK


def reminded_after(settings: object) -> timedelta | None:
    """How long after a containment people are reminded of it; None where they are not."""
    if not isinstance(settings, HeldSettings) or settings.remind_after_days <= 0:
        return None
    return timedelta(days=settings.remind_after_days)


# ---------------------------------------------------------------------------- what is claimed


def claimed(change: Change, least: float) -> dict[str, Json] | None:
    """The hint by which a finding is read back; None where it is one to be left out.

    It holds the finding's type (`finding`), its id (`claim`) and its `detector`.
    """
    found, service = change.request, mapping(change.request, "service")
    about = text(found, "accountId") or change.account
    if about != change.account or why_left_out(found, least):
        return None
    hint: dict[str, Json] = {
        "finding": text(found, "type"),
        "claim": text(found, "id"),
        "detector": text(service, "detectorId"),
    }
    return hint if all(hint.values()) else None


def claimed_of(
    change: Change, target: Target, settings: ContainmentSettings
) -> dict[str, Json] | None:
    """The hint of a finding whose type shows such a target; None for any other change."""
    known = entry(text(change.request, "type")) if change.source == GUARDDUTY else None
    shown = known is not None and target in known.targets
    return claimed(change, settings.least) if shown else None


def why_left_out(found: Document, least: float) -> str:
    """Why a finding, as events have it, is none to act on, in words; "" where it is one."""
    service = mapping(found, "service")
    if flag(service.get("archived")):
        return "the finding is archived"
    if is_sample(service):
        return "the finding is a sample"
    if severity_of(found) < least:
        return f"GuardDuty rates the finding {severity_of(found):.1f}, below {least:.1f}"
    return ""


def severity_of(found: Document) -> float:
    """What GuardDuty rates a finding, 1.0 to 10.0; 0.0 where it does not say."""
    value = found.get("severity")
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0


# ------------------------------------------------------------------------------ what is told


def told(hint: Document, reader: Reader, is_about: Callable[[Document], bool]) -> Document:
    """What GuardDuty says of a finding that an event claimed.

    `is_about` says whether a finding (as events have it) is about the resource in question. Either
    `type`, `severity` (0 to 100), `seen` (when its deed was last seen, ISO 8601), `title`, `keys`
    (ids of the access keys that it names) and `who` (whom it is about, by what decisions are
    joined by); or `not`, why there is no such finding to act on; or `unknown`, why that could not
    be told.
    """
    claim = text(hint, "claim")
    try:
        answer = reader.read(
            "guardduty",
            "GetFindings",
            DetectorId=text(hint, "detector"),
            FindingIds=[claim],
            absent=_GONE,
        )
    except (Throttled, Unreachable):
        raise
    except AwsError as error:
        return {"unknown": f"GuardDuty could not be asked for the finding: {error}"}
    for given in items(document(answer).get("Findings")):
        found = as_in_events(given)
        same = text(found, "id") == claim and text(found, "type") == text(hint, "finding")
        if same and text(found, "accountId") == reader.account and is_about(found):
            # How low is too low, the settings say.
            if why := why_left_out(found, 0.0):
                return {"not": why}
            return {
                "type": text(found, "type"),
                "severity": round(severity_of(found) * 10),
                "seen": text(mapping(found, "service"), "eventLastSeen"),
                "title": text(found, "title"),
                "keys": keys_of(found),
                incidents.WHO: [*who(found, reader.account)],
            }
    return {"not": "GuardDuty knows no such finding about it"}


def as_in_events(given: Document) -> Document:
    """A finding of the API in the shape that events have: names begin with a small letter."""
    return {f"{name[:1].lower()}{name[1:]}": _in_events(value) for name, value in given.items()}


def _in_events(value: Json) -> Json:
    if isinstance(value, Mapping):
        return as_in_events(value)
    return [_in_events(one) for one in value] if isinstance(value, (list, tuple)) else value


def stands(state: Document, settings: ContainmentSettings) -> bool:
    """Whether there is a finding to act on, or it could not be told."""
    said = mapping(state, TOLD)
    rated = said.get("severity")
    low = isinstance(rated, int) and rated < round(settings.least * 10)
    return "not" not in said and not low


def finding(
    state: Document, settings: ContainmentSettings, target: Target, summary: str, most: int
) -> Finding:
    """The finding about a state whose `stands`; `most` is the control's severity.

    People are asked at most where the policy's or the shipped autonomy for the type says so.
    """
    said = mapping(state, TOLD)
    if unknown := text(said, "unknown"):
        return Finding(summary, unknown=unknown, at_most=Autonomy.ASK)
    type_, rated = text(said, "type"), said.get("severity")
    made = Finding(
        f"{summary} (GuardDuty: {type_})",
        at_most=settings.autonomy(type_, target),
        severity=min(rated, most) if isinstance(rated, int) else None,
    )
    if made.at_most is not Autonomy.REVERT:
        what = "told of" if made.at_most is Autonomy.OBSERVE else "asked about"
        return replace(made, at_most_why=f"findings of the type {type_} are {what}")
    if isinstance(rated, int) and rated < round(settings.revert_from * 10):
        why = f"findings below {settings.revert_from:.1f} are asked about"
        return replace(made, at_most=Autonomy.ASK, at_most_why=why)
    return made


def limited(made: Finding, why: str) -> Finding:
    """A finding about which people are asked at most, for one more reason; as it is without."""
    if not why or made.at_most < Autonomy.REVERT:
        return made
    return replace(made, at_most=Autonomy.ASK, at_most_why=why)


# -------------------------------------------------------------------------------- principals


@dataclass(frozen=True, slots=True)
class Principal:
    """A role or user (`kind`) whose credentials a finding is about.

    `id` is IAM's unique id of it, "" where the finding does not say.
    """

    kind: str
    name: str
    id: str = ""


def keys_of(found: Document) -> list[str]:
    """The ids of the access keys that a finding, as events have it, names."""
    sequence = mapping(mapping(mapping(found, "service"), "detection"), "sequence")
    named = [
        text(mapping(mapping(found, "resource"), "accessKeyDetails"), "accessKeyId"),
        *(text(mapping(one, "user"), "credentialUid") for one in items(sequence.get("actors"))),
    ]
    return [key for key in dict.fromkeys(named) if _KEY.fullmatch(key)]


def told_keys(state: Document) -> list[str]:
    """The keys that GuardDuty names, of a state that holds what it says of the finding."""
    keys = mapping(state, TOLD).get("keys")
    return [str(key) for key in keys] if isinstance(keys, (list, tuple)) else []


# Lasting keys and those of sessions. Source: IAM User Guide, "IAM identifiers", unique identifiers.
_KEY = re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{12,124}")

# What GuardDuty calls the owner of credentials, and IAM's word.
_KINDS = {"AssumedRole": "role", "Role": "role", "IAMUser": "user"}


def principals_of(found: Document, account: str) -> list[Principal]:
    """The roles and users of an account whose credentials a finding, as in events, is about."""
    named = {(one.kind, one.name): one for one in _principals(found, account)}
    return list(named.values())


def _principals(found: Document, account: str) -> Iterator[Principal]:
    key = mapping(mapping(found, "resource"), "accessKeyDetails")
    yield from _principal(key)
    sequence = mapping(mapping(mapping(found, "service"), "detection"), "sequence")
    for actor in items(sequence.get("actors")):
        user = mapping(actor, "user")
        issuer = text(mapping(actor, "session"), "issuer")
        kind = _KINDS.get(text(user, "type"), "")
        if kind == "role" and issuer.split(":")[4:5] == [account] and ":role/" in issuer:
            # The issuer is the role itself, whoever its session is called after.
            yield Principal(kind, issuer.rpartition("/")[2], _unique(text(user, "uid")))
        elif kind == "user" and text(mapping(user, "account"), "uid") in ("", account):
            yield Principal(kind, text(user, "name"), _unique(text(user, "uid")))
    for resource in items(sequence.get("resources")):
        if text(resource, "accountId") == account:
            yield from _principal(mapping(mapping(resource, "data"), "accessKey"))


def _principal(key: Document) -> Iterator[Principal]:
    kind, name = _KINDS.get(text(key, "userType"), ""), text(key, "userName")
    if kind and name:
        yield Principal(kind, name, _unique(text(key, "principalId")))


def _unique(principal: str) -> str:
    """The unique id in a principal id: `AROA…:session` → `AROA…`; "" for what is none.

    Source: IAM User Guide, "IAM identifiers", unique identifiers.
    """
    id_ = principal.partition(":")[0]
    return id_ if id_.startswith(("AROA", "AIDA")) else ""
