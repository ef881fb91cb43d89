"""Reads the files and folders that are scanned. `functions` reads deployed functions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from driftguard.analysis.inventory import (
    IMAGE,
    LAMBDA,
    Inventory,
    inventory,
    is_archive,
    is_image,
    is_lock,
    is_packed,
    of_folder,
    of_lock,
)
from driftguard.analysis.inventory.troubles import printable
from driftguard.model import Resource

from ...errors import Trouble
from .verdict import Subject

# What a file without a telling name is told by, in bytes.
_BEGINNING = 512
_KINDS = (
    "a folder, a zip, jar or wheel, an image as .tar or .tar.gz, a requirements or lock file, "
    "function:NAME[:QUALIFIER] or a function's ARN"
)


def at_path(what: str, as_what: str, tags: Mapping[str, str]) -> Subject:
    """What lies at a path. `as_what` is a name or ARN to be judged as; "" for its own name."""
    if not what:
        # As where a pipeline's variable is empty. It is not the folder that one happens to be in.
        raise Trouble(f"What is to be scanned is empty. It is {_KINDS}.")
    path = Path(what)
    # The folder may be `.`, and the name is what others know it by.
    name = printable(path.name or path.resolve().name or what)
    found = _inventory(path, name)
    unknown = (
        [] if found.files_seen or found.gaps else [f"{printable(what)}: there is nothing in it"]
    )
    if path.is_dir():
        # What was not built: what will be installed for it nobody can tell.
        unknown += found.wanting
    return Subject(name, _resource(as_what or name), found, what, tags, unknown=tuple(unknown))


def _inventory(path: Path, name: str) -> Inventory:
    try:
        if path.is_dir():
            return of_folder(path, IMAGE)
        if not path.is_file():
            raise Trouble(f"There is no {path}. What can be scanned is {_KINDS}.")
        with path.open("rb") as file:
            if is_image(name):
                return inventory(file, name, IMAGE)
            if is_archive(name):
                return inventory(file, name, LAMBDA)
            if is_lock(name):
                return of_lock(file, name, IMAGE)
            if is_packed(file.read(_BEGINNING)):
                return inventory(file, name, LAMBDA)
    except OSError as error:
        raise Trouble(f"{path} could not be read: {error.strerror}.") from error
    raise Trouble(f"{path} is not of a kind that can be scanned: {_KINDS}.")


def _resource(as_what: str) -> Resource:
    """What the policy's `allowed` is matched with: an id, and an ARN where that was given."""
    if not as_what.startswith("arn:"):
        return Resource("lambda.function", as_what, "", "", "")
    id_ = as_what.split(":", 5)[-1].removeprefix("function:").rpartition("/")[2]
    return Resource("lambda.function", id_, "", "", as_what)
