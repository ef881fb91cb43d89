"""The places in which each kind of secret is looked for, and how many are found there."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from driftguard.analysis.secrets import exposed_in
from tests.support.secrets.kinds import Kind
from tests.support.secrets.lookalike_texts import ordinary_texts
from tests.support.secrets.lookalikes import ordinary_variables

Values = list[tuple[str, str]]
SALT = bytes(16)
VARIABLES = "Environment.Variables."
# At least so much of what is there is found: by a telling name, without one, in user data, in JSON.
AIMS = {"typical name": 0.97, "untelling name": 0.97, "user data": 0.95, "JSON": 0.9}
MOST_FALSE_ALARMS = 0.01


def _camel(variable: str) -> str:
    first, *others = variable.lower().split("_")
    return first + "".join(map(str.title, others))


def _typical(kind: Kind, secret: str) -> Iterator[Values]:
    yield [(VARIABLES + kind.variable, secret)]
    yield [(f"Parameters.{_camel(kind.variable)}", secret)]


def _untelling(kind: Kind, secret: str) -> Iterator[Values]:
    # Without a form of its own nothing tells such a secret: on a command line its option must.
    if kind.marked:
        yield [(f"{VARIABLES}INTEGRATION", secret)]
        yield [("UserData", f"#!/bin/bash\n/opt/agent/run -k '{secret}' -p 80\n")]
    option = kind.variable.lower().replace("_", "-")
    yield [("UserData", f"#!/bin/bash\n/opt/agent/run --{option} '{secret}' --port 80\n")]


def _user_data(kind: Kind, secret: str) -> Iterator[Values]:
    lines = f"LEVEL=info\n{kind.variable}='{secret}'\n"
    packed = base64.b64encode(lines.encode()).decode()
    yield [("UserData", f"#!/bin/bash\nset -e\nexport {kind.variable}='{secret}'\n./run\n")]
    yield [("UserData", f"#!/bin/bash\ncat > /etc/app.env <<EOF\n{lines}EOF\n")]
    file = f"- path: /etc/app.yaml\n  content: |\n    {kind.variable.lower()}: '{secret}'\n"
    yield [("UserData", f"#cloud-config\nwrite_files:\n{file}")]
    file = f"- path: /etc/app.env\n  encoding: b64\n  content: {packed}\n"
    yield [("UserData", f"#cloud-config\nwrite_files:\n{file}")]
    yield [("UserData", base64.b64encode(f"#!/bin/bash\n{lines}".encode()).decode())]


def _json(kind: Kind, secret: str) -> Iterator[Values]:
    place, pair = f"{VARIABLES}SETTINGS", {"level": "info", kind.variable: secret}
    yield [(place, json.dumps(pair))]
    yield [(place, json.dumps({"app": {_camel(kind.variable): secret}}, indent=2))]
    yield [(place, json.dumps({"app": json.dumps({"more": json.dumps(pair)})}))]
    yield [(place, json.dumps({"environment": [{"name": kind.variable, "value": secret}]}))]
    yield [(place, base64.b64encode(json.dumps(pair).encode()).decode())]


PLACES: dict[str, Callable[[Kind, str], Iterator[Values]]] = {
    "typical name": _typical,
    "untelling name": _untelling,
    "user data": _user_data,
    "JSON": _json,
}


@dataclass(frozen=True, slots=True)
class Recall:
    """How many secrets were looked for in a place, and the kinds that were missed."""

    looked_for: int
    missed: tuple[str, ...]

    @property
    def share(self) -> float:
        return 1 - len(self.missed) / self.looked_for


def recall(place: str, kinds: Iterable[Kind], seeds: Iterable[int]) -> Recall:
    """How many examples of these kinds, one for each seed, are found in a place."""
    missed: list[str] = []
    looked_for = 0
    tried = [(kind, kind.example(seed)) for seed in seeds for kind in kinds]
    for kind, secret in tried:
        for values in PLACES[place](kind, secret):
            looked_for += 1
            if not exposed_in(values, SALT):
                missed.append(kind.name)
    return Recall(looked_for, tuple(missed))


def ordinary() -> Iterator[tuple[str, Values]]:
    """Ordinary values, each in the same places: alone, in user data and in JSON."""
    for name, value in ordinary_variables():
        yield name, [(VARIABLES + name, value)]
        yield f"{name} in user data", [("UserData", f"#!/bin/sh\nexport {name}='{value}'\n")]
        text = json.dumps({"level": "info", name.lower(): value})
        yield f"{name} in JSON", [(f"{VARIABLES}SETTINGS", text)]
    for name, text in ordinary_texts():
        yield name, [("UserData", text)]
        yield f"{name} in base64", [("UserData", base64.b64encode(text.encode()).decode())]
        yield f"{name} in JSON", [(f"{VARIABLES}SETTINGS", json.dumps({"text": text}))]


def false_alarms() -> tuple[int, tuple[str, ...]]:
    """How many ordinary values there are, and the names of those in which a secret is seen."""
    tried = list(ordinary())
    return len(tried), tuple(name for name, values in tried if exposed_in(values, SALT))
