"""The protocol of a logger, as the library uses one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Logger(Protocol):
    """Takes warnings with %-style arguments and fields, like Powertools' Logger."""

    def warning(
        self, msg: str, /, *args: object, extra: Mapping[str, object] | None = None
    ) -> None: ...
