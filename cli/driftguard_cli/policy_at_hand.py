"""The policy that a command judges by, and where it was found: the stack does not tell its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from driftguard.policy import COMPILED, Policy, from_compiled, shipped, source

from .trouble import Trouble

PolicyOption = Annotated[
    Path | None,
    typer.Option("--policy", help="The policy file; else policies/guard.yaml, else the shipped."),
]
_USUAL = Path("policies/guard.yaml")


@dataclass(frozen=True, slots=True)
class PolicyAtHand:
    """A policy, and in words which one it is."""

    policy: Policy
    origin: str

    @classmethod
    def found(cls, given: Path | None = None) -> PolicyAtHand:
        """The one that is named; else this folder's, else the shipped, else what holds without."""
        path = given or (_USUAL if _USUAL.exists() else None)
        if path is None:
            if COMPILED.exists():
                return cls(shipped(), "the policy that was built into this installation")
            return cls(Policy(), "none: what holds without a policy file")
        try:
            return cls(from_compiled(source.read(path)), str(path))
        except source.PolicyError as error:
            raise Trouble(str(error)) from error
