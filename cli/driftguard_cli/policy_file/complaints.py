"""What is wrong with a policy file, in words for whoever wrote it.

pydantic speaks of Python ("Input should be a valid tuple"); a policy is YAML.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from .schema import PolicyFile
from .schema.names import nearest
from .schema.people import TermsEntry
from .schema.values import Limit

Location: TypeAlias = "tuple[str | int, ...]"

# By pydantic's kind of error; `{…}` is from the error's context.
# Source: pydantic documentation, "Validation Errors".
_WORDS = {
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping of names to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "string_type": "must be text; put a number in quotes",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    **dict.fromkeys(
        (
            "date_type",
            "date_parsing",
            "date_from_datetime_parsing",
            "date_from_datetime_inexact",
            "datetime_type",
            "datetime_parsing",
            "datetime_from_date_parsing",
            "datetime_object_invalid",
        ),
        "must be a day (2027-01-31) or a time (2027-01-31T18:00:00Z)",
    ),
}


def worded(kind: str, message: str, context: Mapping[str, object]) -> str:
    """Return what is wrong with a value, by pydantic's kind of error."""
    words = _WORDS.get(kind)
    return words.format(**context) if words else message.removeprefix("Value error, ")


def contradictions(policy: PolicyFile) -> Iterator[tuple[Location, str]]:
    """What no key shows alone: where it stands, and what to do about it."""
    known = [person.name for person in policy.people]
    for place, entry in _terms(policy):
        for number, name in enumerate(entry.approvers):
            if name not in known:
                yield (
                    (*place, "approvers", number),
                    f"approver `{name}` is not in people{nearest(name, known)}; add an entry "
                    "with that name",
                )
        able = len(entry.approvers or known)
        if known and entry.quorum > able:
            yield (*place, "quorum"), f"{entry.quorum} must agree, but only {able} may vote"


def warnings(policy: PolicyFile, now: dt.datetime) -> Iterator[tuple[Location, str]]:
    """What is allowed, and hardly what was meant. A policy stays valid when time goes by."""
    for number, entry in enumerate(policy.exemptions):
        place: Location = ("exemptions", number)
        if _ended(entry.until, now):
            yield (*place, "until"), f"it ended on {entry.until}: it exempts nothing; remove it"
        if not entry.resource.strip("*?") and entry.actor == "*" and not entry.tags:
            yield (
                (*place, "resource"),
                f"it exempts everything that {entry.control} looks at; to switch the control off, "
                f"write `autonomy: observe` under `controls: {entry.control}:`",
            )
    yield from _hidden_by_tags(policy)
    if not policy.people:
        for place, terms in _terms(policy):
            if terms.quorum > 1:
                yield (
                    (*place, "quorum"),
                    "without `people` each principal is one voter, so that whoever may assume two "
                    "roles is two: name the people who vote",
                )


def _hidden_by_tags(policy: PolicyFile) -> Iterator[tuple[Location, str]]:
    """Entries by which whoever sets a tag keeps people from being asked about a containment."""
    limits = [
        (("protected", number), entry, entry.autonomy)
        for number, entry in enumerate(policy.protected)
    ]
    windows = [
        (("change_windows", number), entry, entry.autonomy)
        for number, entry in enumerate(policy.change_windows)
    ]
    for place, entry, autonomy in [*limits, *windows]:
        named = any(pattern.startswith("containment.") for pattern in entry.controls)
        if entry.tags and named and autonomy is Limit.OBSERVE:
            yield (*place, "tags"), _BY_TAG
    for number, exemption in enumerate(policy.exemptions):
        if exemption.tags and exemption.control.startswith("containment."):
            yield ("exemptions", number, "tags"), _BY_TAG


_BY_TAG = (
    "whoever may set these tags on what they have taken over keeps people from being asked about "
    "its containment; let the tags `ask`, or name the resources"
)


def _terms(policy: PolicyFile) -> Iterator[tuple[Location, TermsEntry]]:
    """The terms of approvals, and where each stands."""
    yield ("approvals",), policy.approvals
    for number, rule in enumerate(policy.approvals.rules):
        yield ("approvals", "rules", number), rule


def _ended(until: dt.date | dt.datetime, now: dt.datetime) -> bool:
    if isinstance(until, dt.datetime):
        return (until if until.tzinfo else until.replace(tzinfo=dt.UTC)) <= now
    return until < now.date()
