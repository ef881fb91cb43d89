"""The schema of the policy file that people edit: pydantic models, and their JSON Schema.

The models need pydantic, which no Lambda carries.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from functools import cache
from typing import Annotated, Literal, get_type_hints

from pydantic import BaseModel, Field, create_model

from driftguard import controls
from driftguard.controls.control import AnyControl
from driftguard.documents import Document
from driftguard.guardrails import registry

from .bounds import (
    AnomaliesEntry,
    BaselinesEntry,
    BreakGlassEntry,
    ChangeWindowEntry,
    CircuitBreakerEntry,
    EarnedEntry,
    FlappingEntry,
    InUseEntry,
    LimitEntry,
    OwnershipEntry,
    PreparationsEntry,
    RolloutEntry,
    ScopeEntry,
    SweepEntry,
)
from .excepted import ExemptionEntry, TrustedEntry
from .people import ApprovalsEntry, NotificationsEntry, PersonEntry, SlackEntry
from .values import Drift, Level, Strict


class Defaults(Strict):
    """What applies to a control without an entry of its own."""

    autonomy: Annotated[Level, Field(description="How far controls may go.")] = Level.ASK


class PolicyFile(Strict):
    """The guard policy, version 1."""

    version: Literal[1]
    defaults: Defaults = Defaults()
    circuit_breaker: CircuitBreakerEntry = CircuitBreakerEntry()
    flapping: FlappingEntry = FlappingEntry()
    ownership: OwnershipEntry = OwnershipEntry()
    break_glass: tuple[BreakGlassEntry, ...] = ()
    protected: tuple[LimitEntry, ...] = ()
    change_windows: tuple[ChangeWindowEntry, ...] = ()
    in_use: tuple[InUseEntry, ...] = ()
    pinned: tuple[ScopeEntry, ...] = ()
    earned: EarnedEntry = EarnedEntry()
    anomalies: AnomaliesEntry | None = None
    preparations: PreparationsEntry | None = None
    baselines: BaselinesEntry = BaselinesEntry()
    rollout: RolloutEntry = RolloutEntry()
    sweep: SweepEntry = SweepEntry()
    trusted: TrustedEntry = TrustedEntry()
    people: tuple[PersonEntry, ...] = ()
    approvals: ApprovalsEntry = ApprovalsEntry()
    slack: SlackEntry = SlackEntry()
    notifications: NotificationsEntry = NotificationsEntry()
    exemptions: tuple[ExemptionEntry, ...] = ()


@cache
def model() -> type[PolicyFile]:
    """Return the policy's model, with an entry for every control and its settings."""
    entries = {
        f"control_{number}": (
            _entry_model(control) | None,
            Field(default=None, alias=control.id, description=control.title),
        )
        for number, control in enumerate(controls.every())
    }
    by_id = create_model("Controls", __base__=Strict, **entries)  # type: ignore[call-overload]
    return create_model(
        "GuardPolicy",
        __base__=PolicyFile,
        __doc__=PolicyFile.__doc__,
        controls=(by_id, Field(default_factory=by_id, description="Each control by its id.")),
    )


def _entry_model(control: AnyControl) -> type[BaseModel]:
    hints = get_type_hints(control.settings)
    own = {
        setting.name: (hints[setting.name], ... if setting.default is MISSING else setting.default)
        for setting in fields(control.settings)
        # These two come from sections of the policy's own.
        if setting.name not in ("trusted", "spared")
    }
    settings = create_model(f"Settings of {control.id}", __base__=Strict, **own)  # type: ignore[call-overload]
    return create_model(
        f"Policy of {control.id}",
        __base__=Strict,
        autonomy=(Level | None, Field(default=None, description="How far this control may go.")),
        drift=(Drift, Field(default=Drift.RISKY, description="What is reverted.")),
        may_cut=(
            bool,
            Field(
                default=False,
                description="Revert without asking even if that cuts more than was opened.",
            ),
        ),
        settings=(settings, Field(default_factory=settings)),
    )


@cache
def schema() -> Document:
    """Return the JSON Schema of the policy file, by which editors complete and check it.

    A key that holds the terms of guardrails is described by their names.
    """
    made = model().model_json_schema(by_alias=True)
    made["properties"] = {
        key: {**entry, **_description(key)} for key, entry in made["properties"].items()
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def _description(key: str) -> Document:
    names = [guardrail.name for guardrail in registry.GUARDRAILS if guardrail.policy_key == key]
    if not names:
        return {}
    return {"description": f"Terms of the guardrail {' and '.join(f'`{name}`' for name in names)}."}
