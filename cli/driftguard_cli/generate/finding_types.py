"""The page docs/reference/finding-types.md, made from the table of GuardDuty's finding types."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.controls.containment.finding_types import CONTAINED_BY, Entry, Target, entries

_HEAD = """\
# GuardDuty's finding types

`make generate` writes this page from `controls/containment/finding_types.json`. To change an entry,
change that. [Isolate what is compromised](../how-to/isolation.md) says what a containment does, and
how to go further or less far than this.

- *Contained*: what the finding shows to be compromised. Where several are named, the finding's
  resources say which of them there are. `-`: the finding is about a deed, or about what is stored.
  Nothing is contained; the controls over that deed revert it.
- *Sure*: `known`, it cannot well be the owner; `likely`, a deed of malware, or a peer that AWS's
  threat intelligence lists; `possible`, unusual, or only attempted.
- *As shipped*: how far the guard goes by itself. `revert` contains sessions of a role; if the
  principal is a user, people are asked.

A type that is not listed is told, and so is a finding that names nothing to contain, such as a pod
whose node GuardDuty does not name. Samples, archived findings and those that GuardDuty rates low
(below 4.0) are left out.

| contained | by |
|---|---|
"""


def page() -> str:
    """Return one table for each kind of resource that GuardDuty names in a type."""
    by_resource: dict[str, list[str]] = {}
    for name, entry in entries().items():
        kind = name.partition(":")[2].partition("/")[0]
        sequence = name.startswith("AttackSequence:")
        by_resource.setdefault("Attack sequences" if sequence else kind, []).append(
            _row(name, entry)
        )
    tables = "\n".join(_table(kind, rows) for kind, rows in by_resource.items())
    return f"{_HEAD}{''.join(map(_by, Target))}\n{tables}"


def _by(target: Target) -> str:
    return f"| {target} | {', '.join(f'`{control}`' for control in CONTAINED_BY[target])} |\n"


def _table(kind: str, rows: list[str]) -> str:
    return (
        f"## {kind}\n\n| finding type | contained | sure | as shipped |\n|---|---|---|---|\n"
        + "".join(rows)
    )


def _row(name: str, entry: Entry) -> str:
    if not entry.targets:
        return f"| `{name}` | - |  |  |\n"
    shipped = ", ".join(dict.fromkeys(_shipped(entry)))
    return f"| `{name}` | {', '.join(entry.targets)} | {entry.sure} | {shipped} |\n"


def _shipped(entry: Entry) -> Iterator[str]:
    """How far the guard goes with each target: `principal: revert, instance: ask`, or one word."""
    far = {target: f"`{entry.autonomy(target).label}`" for target in entry.targets}
    if len(set(far.values())) == 1:
        yield next(iter(far.values()))
        return
    for target, word in far.items():
        yield f"{target}: {word}"
