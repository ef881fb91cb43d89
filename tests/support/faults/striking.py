"""Finds the calls that the guard makes, and strikes the chosen ones.

The hook stands above everything that answers calls in this process: the stricter AWS, the fakes of
scenarios, and moto. A call counts when the guard makes it, not when one of these asks for itself.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.client import BaseClient

from driftguard.aws.remediator import Remediator
from driftguard.controls.control import AnyControl
from driftguard.model import Call as PlannedCall

from .kinds import Call, Kind


@dataclass
class Hook:
    """What was called, what is struck, which writes took effect, and which queues were sent to.

    `strikes` are kinds by the name of the call that they strike. `unanswered` are the writes that
    took effect, and whose answer never reached the guard.
    """

    control: AnyControl
    strikes: Mapping[str, Kind] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    effects: Counter[str] = field(default_factory=Counter)
    unanswered: set[str] = field(default_factory=set)
    sent: list[str] = field(default_factory=list)
    _lasting: list[tuple[Call, Kind]] = field(default_factory=list)
    _watching: bool = False
    _writing: bool = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Counts and strikes calls while the block lasts."""
        self._watching = True
        try:
            yield
        finally:
            self._watching = False

    def pass_over(self) -> None:
        """Ends what goes wrong from some call on."""
        self._lasting.clear()

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Puts the hook above all else."""
        below: Any = BaseClient._make_api_call  # type: ignore[attr-defined]
        make = Remediator.make

        def called(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
            if not self._watching:
                return below(client, operation, parameters)
            self._watching = False
            try:
                return self._call(client, operation, parameters, below)
            finally:
                self._watching = True

        def making(remediator: Remediator, call: PlannedCall) -> bool:
            self._writing = True
            try:
                return make(remediator, call)
            finally:
                self._writing = False

        patch.setattr(BaseClient, "_make_api_call", called)
        patch.setattr(Remediator, "make", making)

    def _call(
        self, client: BaseClient, operation: str, parameters: dict[str, Any], below: Any
    ) -> Any:
        service = client.meta.service_model.service_name
        alike = sum((one.service, one.operation) == (service, operation) for one in self.calls)
        call = Call(len(self.calls), service, operation, alike + 1)
        self.calls.append(call)

        what = f"{service}.{operation} {json.dumps(parameters, sort_keys=True, default=str)}"

        def effect() -> Any:
            answer = below(client, operation, parameters)
            if operation == "SendMessage":
                self.sent.append(str(parameters["QueueUrl"]).rpartition("/")[2])
            if self._writing and not operation.startswith(("Get", "List", "Describe")):
                self.effects[what] += 1
            return answer

        kind = self.strikes.get(str(call))
        if kind is not None and kind.meets(call, self.control):
            if kind.again:
                self._lasting.append((call, kind))
            if kind.name in ("lost", "killed"):
                self.unanswered.add(what)
            return kind.strike(call, effect, self.control)
        for struck, lasting in self._lasting:
            if struck.alike(call):
                return lasting.strike(call, effect, self.control)
        return effect()
