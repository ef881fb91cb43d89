"""What source trees ask for, where a file says no more than a range, or nothing that is read here.

Sources: Python Packaging User Guide, "pyproject.toml specification"; The Cargo Book, "The Manifest
Format"; Pipenv, "Pipfile".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ...advisories.package import identity
from ..found_packages import Parsed, Said, parser, wanted
from ..syntax import toml_text
from ..troubles import Trouble, Wanting

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


def asks(ecosystem: str) -> Callable[[bytes, str], Parsed]:
    """A reader of files that are programs or have a syntax of their own: they ask for something."""

    @parser
    def read(data: bytes, where: str) -> Said:
        yield wanted(ecosystem)

    return read


def unread(ecosystem: str) -> Callable[[bytes, str], Parsed]:
    """A reader of files that hold dependencies, and that nothing here reads."""

    @parser
    def read(data: bytes, where: str) -> Said:
        yield Trouble(f"is of {ecosystem}, which is not read here")

    return read


@parser
def of_pyproject(data: bytes, where: str) -> Said:
    """That a Python project asks for packages to run."""
    document = toml_text.parsed(data)
    project, tools = _under(document, "project"), _under(document, "tool")
    poetry = _under(_under(tools, "poetry"), "dependencies")
    listed = project.get("dependencies")
    names = [
        *(listed if isinstance(listed, list) else ()),
        *(name for name in poetry if name != "python"),
    ]
    yield from _wanted("PyPI", names)
    dynamic = project.get("dynamic")
    if isinstance(dynamic, list) and "dependencies" in dynamic:
        yield wanted("PyPI")


@parser
def of_pipfile(data: bytes, where: str) -> Said:
    """That a Pipfile asks for packages."""
    yield from _wanted("PyPI", list(_under(toml_text.parsed(data), "packages")))


@parser
def of_cargo_toml(data: bytes, where: str) -> Said:
    """That a crate asks for others; its lock file stands in the folder of its workspace."""
    document = toml_text.parsed(data)
    workspace = _under(document, "workspace")
    for place in (document, workspace):
        if any(
            not (isinstance(crate, dict) and "path" in crate)
            for crate in _under(place, "dependencies").values()
        ):
            yield wanted("crates.io")


def _wanted(ecosystem: str, requirements: list[object]) -> Iterator[Wanting]:
    names = [
        identity(ecosystem, named[0])[1]
        for requirement in requirements
        if isinstance(requirement, str)
        # What is asked for under a condition may rightly be missing.
        and ";" not in requirement
        and (named := _NAME.match(requirement))
    ]
    if names:
        yield wanted(ecosystem, tuple(names))
    elif requirements:
        yield wanted(ecosystem)


def _under(table: dict[str, object], key: str) -> dict[str, object]:
    value = table.get(key)
    return value if isinstance(value, dict) else {}
