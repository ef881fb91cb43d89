"""The page of exemptions and freezes, with their ends; adds and removes them.

What is done goes to the signed API, as with `driftguard exempt`, `freeze` and `unfreeze`. The way
around it (`driftguard freeze --direct`) is the command line's alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from starlette.responses import Response

from driftguard import controls
from driftguard.aws.calls import AwsError
from driftguard.documents import Json, stamp
from driftguard.state import freezes
from driftguard.state.keys import StateRecord, freezes_of

from ...errors import Misuse, Trouble
from ...freezing import freeze_scope
from ...operator_requests import known_control, requested
from ...policy_file.schema.values import seconds_in
from ..audit.shared import now
from ..exempt import as_document, given_in, tags_of, written_in
from .rendering import page, redirected
from .site import Site, Visit, counted

Saying: TypeAlias = "Callable[[Visit], dict[str, Json]]"
Field: TypeAlias = "tuple[str, str, str]"

_WHY = ("reason", "Why, for the record", "")
_LENGTH = ("length", "For how long: 12h, 7d; a year at most", "7d")
_CONTROL = ("control", "Control", "")


@dataclass(frozen=True, slots=True)
class Act:
    """An act on the guard itself: its question, its button, its fields, and what is sent.

    A field has a name, what it is called, and what stands in it at first; without one it is taken
    from the address, and only shown. `says` makes of a form what the signed API is told.
    """

    kind: str
    question: str
    button: str
    effect: str
    fields: tuple[Field, ...]
    shown: tuple[tuple[str, str], ...]
    says: Saying


def standing(visit: Visit) -> Response:
    """Every exemption and freeze, those that end first before the others."""
    site, at = visit.site, now()
    wanted = [control.id for control in controls.every()]
    listed = [
        {**as_document(one, stamp(at)), "given": one.source == "run time"}
        for one in (*given_in(site.stack.state, wanted), *written_in(site.at_hand, wanted))
    ]
    listed.sort(key=lambda one: str(one["until"]))
    return page(
        visit,
        "exceptions",
        {
            "title": "Exemptions and freezes",
            "here": "exceptions",
            "exemptions": listed,
            "freezes": [_freeze(record) for record in _standing(site)],
            "policy": site.at_hand.origin,
        },
    )


def confirmation(visit: Visit) -> Response:
    """The form of an act, with what it does."""
    return _asked(visit, visit.query)


def carried_out(visit: Visit) -> Response:
    """Sends an act; shows why where it does not count."""
    act = _act(visit)
    try:
        said = act.says(visit)
        words = counted(requested(visit.site.stack, act.kind, **said))
    except (Trouble, AwsError) as error:
        return _asked(visit, visit.form, str(error))
    return redirected(visit, "exceptions", words)


def _asked(visit: Visit, filled: Mapping[str, str], complaint: str = "") -> Response:
    act = _act(visit)
    return page(
        visit,
        "except",
        {
            "title": act.question,
            "here": "exceptions",
            "act": act,
            "fields": [(name, label, filled.get(name, first)) for name, label, first in act.fields],
            "shown": [(name, label, filled.get(name, "")) for name, label in act.shown],
            "controls": [control.id for control in controls.every()],
            "complaint": complaint,
        },
        409 if complaint else 200,
    )


def _act(visit: Visit) -> Act:
    if found := _ACTS.get(visit.path["act"]):
        return found
    raise Misuse(f"There is no act `{visit.path['act']}`.")


def _standing(site: Site) -> list[StateRecord]:
    at = now()
    return [
        record
        for record in site.stack.state.under(freezes_of(site.place))
        if freezes.holds(record, at)
    ]


def _freeze(record: StateRecord) -> dict[str, str]:
    kind, _, name = record.key[1].partition("#")
    said = {name: str(value) for name, value in record.document.items()}
    return {
        "scope": freezes.scope(record),
        "control": name if kind == "control" else "",
        "account": name if kind == "account" else "",
        "version": str(record.version),
        **{name: said.get(name, "") for name in ("by", "reason", "since", "until", "decision")},
    }


def _exempt(visit: Visit) -> dict[str, Json]:
    return {
        "control": known_control(visit.given("control")).id,
        "resource": visit.given("resource"),
        "for_seconds": _seconds(visit.given("length")),
        "reason": visit.given("reason"),
        "actor": visit.given("actor") or "*",
        "tags": dict(tags_of(visit.given("tags").split())),
    }


def _unexempt(visit: Visit) -> dict[str, Json]:
    return {name: visit.given(name) for name in ("control", "id", "reason")}


def _freezing(visit: Visit) -> dict[str, Json]:
    control, account, length = (visit.given(name) for name in ("control", "account", "length"))
    freeze_scope(control, account)
    return {
        "control": control,
        "account": account,
        "for_seconds": _seconds(length) if length else None,
        "longer": False,
        "reason": visit.given("reason"),
    }


def _unfreeze(visit: Visit) -> dict[str, Json]:
    control, account = visit.given("control"), visit.given("account")
    key = freeze_scope(control, account)
    found = [record for record in _standing(visit.site) if record.key[1] == key]
    if not found or str(found[0].version) != visit.given("version"):
        raise Trouble("The freeze is no longer as it was shown to you: look at it again.")
    return {"control": control, "account": account, "reason": visit.given("reason")}


def _seconds(length: str) -> int:
    try:
        return seconds_in(length)
    except ValueError as error:
        raise Misuse(f"For how long: {error}.") from error


_ACTS = {
    "exempt": Act(
        "exempt",
        "Exempt resources from a control?",
        "Exempt",
        "The control leaves them alone until then: nothing of it is reverted, and nobody is asked.",
        (
            _CONTROL,
            ("resource", "Resource: an ARN, or its own id; * and ? match", ""),
            _LENGTH,
            ("actor", "Only changes by this actor: an ARN; * and ? match", ""),
            ("tags", "Only where the resource has these tags: KEY=VALUE, with spaces between", ""),
            _WHY,
        ),
        (),
        _exempt,
    ),
    "unexempt": Act(
        "unexempt",
        "End this exemption?",
        "End the exemption",
        "The control looks at the resources again from the next change or sweep on.",
        (_WHY,),
        (("control", "Control"), ("resource", "Resource"), ("id", "Exemption")),
        _unexempt,
    ),
    "freeze": Act(
        "freeze",
        "Freeze the guard?",
        "Freeze",
        "From the next change on it decides and records, but changes nothing. What the freeze "
        "holds back is judged anew once it ends.",
        (
            ("control", "Only this control; leave it out for all", ""),
            ("account", "Only this account; leave it out for all", ""),
            ("length", "For how long: 2h, 1d; leave it out to freeze until it is lifted", "2h"),
            _WHY,
        ),
        (),
        _freezing,
    ),
    "unfreeze": Act(
        "unfreeze",
        "Lift this freeze?",
        "Lift the freeze",
        "The guard judges anew what the freeze held back, and may revert it.",
        (_WHY,),
        (("control", "Control"), ("account", "Account"), ("version", "Version")),
        _unfreeze,
    ),
}
