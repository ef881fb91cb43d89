"""Small models of what services keep, for scenarios of APIs that no emulator has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.scenarios.model import Fake


@dataclass
class Kept:
    """One value that a service keeps: a policy's text, a setting. None where there is none."""

    value: Any = None

    def tell(self, answer: Callable[[Any], dict[str, Any]], none: str = "") -> Fake:
        """A read: what `answer` makes of the value, or the error `none` where there is none."""

        def told(_: dict[str, Any]) -> dict[str, Any]:
            if self.value is None and none:
                return {"Error": {"Code": none}}
            return answer(self.value)

        return told

    def take(
        self,
        of: Callable[[dict[str, Any]], Any],
        answer: Callable[[dict[str, Any]], dict[str, Any]] = lambda asked: {},
    ) -> Fake:
        """A write: the value is what `of` finds in the parameters."""

        def taken(asked: dict[str, Any]) -> dict[str, Any]:
            self.value = of(asked)
            return answer(asked)

        return taken

    def drop(self, none: str = "") -> Fake:
        """A deletion; the error `none` where there is nothing to delete."""

        def dropped(_: dict[str, Any]) -> dict[str, Any]:
            if self.value is None and none:
                return {"Error": {"Code": none}}
            self.value = None
            return {}

        return dropped
