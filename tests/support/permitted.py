"""Evaluates the calls that a command makes against the policy that is declared for it.

What the signed API and the guard do meanwhile, in threads of their own, is not the command's.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import typer
from botocore.client import BaseClient
from typer.testing import CliRunner

from driftguard import controls
from driftguard_cli.generate.reference import permissions
from driftguard_cli.generate.reference.permissions import COMMANDS
from driftguard_cli.main import app
from tests.support.iam.evaluator import Asked, Policies, Principal, Statement, allows
from tests.support.iam.requests import asked_for
from tests.support.world import ACCOUNT, REGION

_ANYBODY = Principal(f"arn:aws:iam::{ACCOUNT}:role/anybody")
# The stack's names in the tests: whatever else a test calls its queues and topics fits, too.
_NAMES = {
    **dict.fromkeys(permissions.PLACES, "*"),
    "REGION": REGION,
    "ACCOUNT": ACCOUNT,
    "AUDIT_TABLE": "audit",
    "STATE_TABLE": "state",
}
# It needs no permission.
_FREE = {"sts:GetCallerIdentity"}


def resolved(policy: dict[str, Any]) -> list[Statement]:
    """The statements of a policy, with the names that the tests' stacks have."""
    text = json.dumps(policy)
    # The longest first: no name is then a part of another that is still to come.
    for place in sorted(_NAMES, key=len, reverse=True):
        text = text.replace(place, _NAMES[place])
    return list(json.loads(text)["Statement"])


@cache
def _reads() -> frozenset[str]:
    every = controls.every()
    return frozenset(action for control in every for action in (*control.reads, *control.reads_use))


def refused(command: str, asked: Asked) -> bool:
    """Whether the policy that is declared for a command refuses this."""
    needs = COMMANDS[command]
    if asked.action in _FREE or (needs.reads is not None and asked.action in _reads()):
        return False
    statements = resolved(permissions.policy(needs.grants))
    if asked.resource == "*":
        # Which resource of these services a call is on, the tests do not know.
        return not any(asked.action in statement["Action"] for statement in statements)
    return not allows(asked, _ANYBODY, Policies(statements))


def named(arguments: Sequence[str]) -> str:
    """The command in the arguments of a command line; "" where there is none."""
    found, path = typer.main.get_command(app), []
    for argument in arguments:
        if argument in (below := getattr(found, "commands", {})):
            found = below[argument]
            path.append(argument)
        elif path:
            break
    return " ".join(path)


@contextmanager
def only_what_is_declared() -> Iterator[dict[str, set[str]]]:
    """Fails a command that makes a call without permission; yields who asked for what."""
    running: list[str] = []
    used: dict[str, set[str]] = {}
    make, invoke = BaseClient._make_api_call, CliRunner.invoke
    here = threading.current_thread()

    def call(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        if running and running[-1] and threading.current_thread() is here:
            service = client.meta.service_model.service_name
            for asked in asked_for(service, operation, parameters):
                used.setdefault(running[-1], set()).add(asked.action)
                assert not refused(running[-1], asked), (
                    f"`driftguard {running[-1]}` needs {asked.action} on {asked.resource}: declare "
                    "it in cli/driftguard_cli/generate/reference/permissions.py"
                )
        return make(client, operation, parameters)

    def run(runner: CliRunner, run_app: typer.Typer, args: Any = None, **more: Any) -> Any:
        given = args.split() if isinstance(args, str) else [*(args or ())]
        name = named(given) if run_app is app else ""
        running.append(name if name in COMMANDS else "")
        try:
            result = invoke(runner, run_app, args, **more)
        finally:
            running.pop()
        if isinstance(result.exception, AssertionError):
            raise result.exception
        return result

    with patch.object(BaseClient, "_make_api_call", call), patch.object(CliRunner, "invoke", run):
        yield used
