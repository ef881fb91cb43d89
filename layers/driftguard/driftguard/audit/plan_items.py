"""Plans as JSON, whole and in outline, and how large a plan may be. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from driftguard.documents import Document, Json
from driftguard.model import Call, Plan, Step

from .sizes import clipped, fits, text_of

# What an outline shows: so many calls, and so many bytes of each one's parameters.
_CALLS = 30
_PARAMETERS = 1_000
# How many lines a plan may say of what it leaves alone, and how many bytes in each.
_UNTOUCHED = 100
_LINE = 500
_ADVICE = 4_000


def fitting(plan: Plan) -> Plan:
    """The plan, small enough to be recorded.

    Where the undo calls are what is too large, the plan is left without them: the guardrail for
    plans that cannot be undone asks people then. Where the calls are, there is no plan at all.
    """
    lines = plan.untouched
    if len(lines) > _UNTOUCHED:
        lines = (*lines[: _UNTOUCHED - 1], f"and {len(lines) - _UNTOUCHED + 1:,} more")
    short = replace(
        plan,
        untouched=tuple(clipped(line, _LINE) for line in lines),
        advice=clipped(plan.advice, _ADVICE),
        drastic=clipped(plan.drastic, _LINE),
    )
    whole = text_of(plan_json(short))
    if fits(whole):
        return short
    size = len(whole.encode())
    why = f"What would undo it ({size:,} bytes) is too large to be kept, so it cannot be undone."
    final = replace(
        short,
        steps=tuple(replace(step, undo=()) for step in short.steps),
        advice=clipped(f"{why} {short.advice}".strip(), _ADVICE),
    )
    if fits(text_of(plan_json(final))):
        return final
    why = f"The calls that would take it back ({size:,} bytes) are too large to be recorded."
    return Plan((), short.untouched, clipped(f"{why} {short.advice}".strip(), _ADVICE))


def outline(plan: Plan) -> Plan:
    """The plan as messages tell it: its first calls with short parameters, and no undo."""
    more = len(plan.steps) - _CALLS
    counted = f"{more:,} more calls are in the record. " if more > 0 else ""
    return replace(
        plan,
        steps=tuple(Step(_shortened(step.call), ()) for step in plan.steps[:_CALLS]),
        untouched=plan.untouched[:_CALLS],
        advice=clipped(counted + plan.advice, _ADVICE),
    )


def _shortened(call: Call) -> Call:
    size = len(text_of(call.parameters).encode())
    parameters: Document = (
        call.parameters if size <= _PARAMETERS else {"…": f"{size:,} bytes, in the record"}
    )
    return replace(call, parameters=parameters, on=call.on[:1])


def plan_json(plan: Plan) -> Json:
    """A plan as JSON."""
    return {
        "steps": [
            {
                "call": _call_json(step.call),
                "undo": [_call_json(call) for call in step.undo],
                **({"additive": True} if step.additive else {}),
            }
            for step in plan.steps
        ],
        "untouched": list(plan.untouched),
        "advice": plan.advice,
        **({"drastic": plan.drastic} if plan.drastic else {}),
    }


def _call_json(call: Call) -> Document:
    return {
        "service": call.service,
        "operation": call.operation,
        "parameters": call.parameters,
        "on": list(call.on),
        "settled_by": list(call.settled_by),
    }


def plan_of(plan: Mapping[str, Sequence[Mapping[str, object]]]) -> Plan:
    """The plan in its JSON."""

    def call(stored: object) -> Call:
        assert isinstance(stored, Mapping)
        return Call(
            stored["service"],
            stored["operation"],
            stored["parameters"],
            on=tuple(stored["on"]),
            settled_by=tuple(stored["settled_by"]),
        )

    def undo(step: Mapping[str, object]) -> tuple[Call, ...]:
        calls = step["undo"]
        assert isinstance(calls, list)
        return tuple(call(stored) for stored in calls)

    return Plan(
        steps=tuple(
            Step(call(step["call"]), undo(step), additive="additive" in step)
            for step in plan["steps"]
        ),
        untouched=tuple(str(item) for item in plan["untouched"]),
        advice=str(plan["advice"]),
        drastic=str(plan.get("drastic", "")),
    )
