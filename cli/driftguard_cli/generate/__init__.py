"""Generates the files that follow from the code, so that nobody writes the same fact twice.

From the controls' declarations: the trigger index, the template's rules and IAM policies, the
policy file's JSON Schema, the packs' entries, docs/controls.md. From the guardrails: their table in
docs/autonomy.md. From the template's functions and rules: their alarms, and the dashboard. From the
rooms of the library: the map in docs/architecture.md. From the commands, the template and the table
of GuardDuty's finding types: docs/reference/.
"""

from __future__ import annotations

import json
from pathlib import Path

from driftguard import controls

from ..policy_file import schema
from . import (
    architecture,
    catalogue,
    finding_types,
    guardrails,
    packs,
    reference,
    shapes,
    template,
    watching,
)
from .limits import sizes
from .pages import PageBlock, with_blocks

# The generated parts of pages that people write.
PAGE_BLOCKS = (
    PageBlock("docs/architecture.md", "rooms", architecture.rooms),
    PageBlock("docs/autonomy.md", "guardrails", guardrails.table),
)

__all__ = ["generated", "index", "sizes"]


def generated(root: Path) -> dict[Path, str]:
    """Return every generated file of a checkout with what it should contain."""
    every = controls.every()
    stack = root / "template.yaml"
    deployed = watching.with_alarms(template.with_blocks(stack.read_text(), every))
    events = root / "events"
    origins = shapes.origins(events)
    rest_on = {control.id: shapes.of_control(events, control.id, origins) for control in every}
    return {
        controls.INDEX: json.dumps(index(), indent=1, sort_keys=True) + "\n",
        stack: deployed,
        root / "policies" / "guard.schema.json": json.dumps(schema.schema(), indent=2) + "\n",
        root / "docs" / "controls.md": catalogue.as_markdown(every, rest_on),
        root / "docs" / "reference" / "finding-types.md": finding_types.page(),
        **packs.packs(root, every),
        **reference.pages(root, deployed),
        **with_blocks(root, PAGE_BLOCKS),
    }


def index() -> dict[str, object]:
    """Return the trigger index: which controls an event wakes, and in which module each is."""
    triggers: dict[str, dict[str, list[str]]] = {}
    for control in controls.every():
        for trigger in control.triggers:
            ids = triggers.setdefault(trigger.source, {}).setdefault(trigger.name, [])
            ids.append(control.id)
    modules = {control.id: module for module, control in controls.located()}
    return {"triggers": triggers, "modules": modules}
