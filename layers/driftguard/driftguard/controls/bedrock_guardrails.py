"""Bedrock: guardrails that are no longer there, or no longer enforced."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.documents import text
from driftguard.model import Candidate, Certainty, Change

from .control import NOTHING, References, Trigger, resource
from .mechanisms.advice import Advice

_BEDROCK = "bedrock.amazonaws.com"


def _gone(change: Change) -> Iterator[Candidate]:
    guardrail = text(change.request, "guardrailIdentifier").rpartition("/")[2]
    enforced = text(change.request, "configId")
    if change.name == "DeleteGuardrail" and guardrail:
        where = f"bedrock:{{region}}:{{account}}:guardrail/{guardrail}"
        version = text(change.request, "guardrailVersion")
        found = resource(change, "bedrock.guardrail", guardrail, where)
        yield Candidate(found, Certainty.EVIDENT, {"version": version or "all"})
    elif change.name == "DeleteEnforcedGuardrailConfiguration" and enforced:
        where = f"bedrock:{{region}}:{{account}}:enforced-guardrail/{enforced}"
        found = resource(change, "bedrock.enforced-guardrail", enforced, where)
        yield Candidate(found, Certainty.EVIDENT, {"enforced": enforced})


CONTROLS = (
    Advice(
        id="bedrock.guardrail-deleted",
        title="Guardrail deleted, or no longer enforced",
        severity=70,
        references=References(attack=("T1562.001",)),
        cuts=NOTHING,
        triggers=(
            Trigger(_BEDROCK, "DeleteGuardrail"),
            Trigger(_BEDROCK, "DeleteEnforcedGuardrailConfiguration"),
            Trigger(_BEDROCK, "CreateGuardrail"),
        ),
        revert="a guardrail that is made again has another id, which no application names",
        candidates=_gone,
        why="applications that name the guardrail fail, or models answer without it",
        advice="Make the guardrail again from its source, and have the applications name it.",
    ),
)
