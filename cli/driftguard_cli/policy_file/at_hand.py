"""The policy that a command judges by. A stack does not tell its own, so a file is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from driftguard.policy.compiled import COMPILED, from_compiled, shipped
from driftguard.policy.model import Policy

from ..errors import Trouble
from . import loader

PolicyOption = Annotated[
    Path | None,
    typer.Option("--policy", help="The policy file; else policies/guard.yaml, else the built one."),
]
_USUAL = Path("policies/guard.yaml")


@dataclass(frozen=True, slots=True)
class PolicyAtHand:
    """A policy and, in words, where it is from."""

    policy: Policy
    origin: str

    @classmethod
    def found(cls, given: Path | None = None) -> PolicyAtHand:
        """Return the given policy; else this folder's, else the built one, else the defaults."""
        path = given or (_USUAL if _USUAL.exists() else None)
        if path is None:
            if COMPILED.exists():
                return cls(shipped(), "the policy that was built into this installation")
            return cls(Policy(), "none: the defaults without a policy file")
        try:
            return cls(from_compiled(loader.read(path)), str(path))
        except loader.PolicyError as error:
            raise Trouble(str(error)) from error
