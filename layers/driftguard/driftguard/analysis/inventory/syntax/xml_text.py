"""XML without a document type: entities that multiply have nowhere to be declared."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from ..troubles import Unreadable

_MOST_ELEMENTS = 500_000


class _Plain(TreeBuilder):
    """Builds a tree of at most so many elements."""

    def __init__(self) -> None:
        super().__init__()
        self._elements = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._elements += 1
        if self._elements > _MOST_ELEMENTS:
            raise Unreadable(f"holds more than {_MOST_ELEMENTS:,} elements, and was not read")
        return super().start(tag.rpartition("}")[2], attrs)

    def end(self, tag: str, /) -> Element:
        return super().end(tag.rpartition("}")[2])

    def doctype(self, *_: object) -> None:
        raise Unreadable("declares a document type, and was not read")


def parsed(data: bytes, root: str) -> Element:
    """The root element, all names without their namespaces. `Unreadable` if it is no `root`."""
    parser = XMLParser(target=_Plain())
    try:
        parser.feed(data)
        found: Element = parser.close()
    except ParseError:
        raise Unreadable("is no XML, or breaks off") from None
    if found.tag != root:
        raise Unreadable(f"is no XML of the kind that its name says, a <{root}>")
    return found


def text(element: Element, child: str) -> str:
    """The text of a child; "" where there is none."""
    return (element.findtext(child) or "").strip()


def attributes(root: Element, tag: str, *names: str) -> Iterator[tuple[str, ...]]:
    """The attributes of all elements of a tag, in the order of the document; "" for none."""
    for element in root.iter(tag):
        yield tuple(element.get(name) or "" for name in names)
