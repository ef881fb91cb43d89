"""The policy that a command judges by. A stack does not tell its own, so a file is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from driftguard.policy.compiled import from_compiled
from driftguard.policy.model import Policy

from .. import shipped
from ..errors import Trouble
from . import loader

PolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        metavar="FILE|PACK",
        help="A policy file, or the name of a pack that ships with Driftguard; else "
        "policies/guard.yaml, else the one that ships.",
    ),
]
_USUAL = Path("policies/guard.yaml")


@dataclass(frozen=True, slots=True)
class PolicyAtHand:
    """A policy and, in words, where it is from."""

    policy: Policy
    origin: str

    @classmethod
    def found(cls, given: Path | None = None) -> PolicyAtHand:
        """Return the given policy or pack; else this folder's; else the one that ships."""
        packs = shipped.packs()
        if given is not None and not given.exists() and str(given) in packs:
            path, origin = packs[str(given)], f"the pack `{given}`"
        elif given is not None or _USUAL.exists():
            path = given or _USUAL
            origin = str(path)
        else:
            path, origin = shipped.policies() / "guard.yaml", "the one that ships with Driftguard"
        try:
            return cls(from_compiled(loader.read(path)), origin)
        except loader.PolicyError as error:
            raise Trouble(str(error)) from error
