"""What is printed on a terminal: text that others may have chosen never acts on it."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console as _Console
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment

from driftguard.documents import plain


class Console(_Console):
    """A console that shows what would act on a terminal, or turn text around, as `\ufffd`.

    Colors and movements are rich's own: they come as styles and control segments.
    """

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render an object into segments of plain text."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(shown(segment.text), segment.style)


def shown(text: str) -> str:
    """Return text of several lines that does not act on a terminal."""
    return "\n".join(plain(line) for line in text.split("\n"))
