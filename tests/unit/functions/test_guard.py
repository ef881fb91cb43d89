"""The guard's handler: what it loads, counts and answers, harmless batches and others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any

import pytest

from driftguard.engine.errors import Busy
from driftguard.engine.intake import Message, Opened
from driftguard.events.commands import UndoRequested
from driftguard.model import Status
from driftguard.policy import compiled
from driftguard_cli.policy_file import loader
from tests.support.audit import a_decision
from tests.support.template import of_type, template
from tests.support.world import ROOT, shipped_policy

GUARD = ROOT / "functions" / "guard" / "app.py"
HARMLESS = json.loads((ROOT / "events" / "ec2.open-ingress" / "harmless.json").read_text())
NAMESPACE = template()["Globals"]["Function"]["Environment"]["Variables"][
    "POWERTOOLS_METRICS_NAMESPACE"
]
SERVICE = of_type("AWS::Serverless::Function")["GuardFunction"]["Environment"]["Variables"][
    "POWERTOOLS_SERVICE_NAME"
]


class Context:
    function_name = "guard"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:guard"
    aws_request_id = "1"

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


def batch(*bodies: str) -> dict[str, list[dict[str, Any]]]:
    """The event in which SQS delivers these messages, `m-1` and so on."""
    return {
        "Records": [
            {
                "messageId": f"m-{number}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1", "SenderId": "AROA:events"},
            }
            for number, body in enumerate(bodies, start=1)
        ]
    }


def variables() -> dict[str, str]:
    """The guard's variables, each with some value."""
    own = of_type("AWS::Serverless::Function")["GuardFunction"]["Environment"]["Variables"]
    everywhere = template()["Globals"]["Function"]["Environment"]["Variables"]
    made_up = {name: f"the {name}" for name in {**everywhere, **own}}
    return {
        **made_up,
        "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "POWERTOOLS_SERVICE_NAME": SERVICE,
        "AUTONOMY_CEILING": "ask",
        "ACCOUNT_ID": "123456789012",
        "AWS_REGION": "us-east-1",
    }


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The handler's module, as a cold start loads it."""
    monkeypatch.setattr(compiled, "shipped", shipped_policy)
    for name, value in variables().items():
        monkeypatch.setenv(name, value)
    spec = spec_from_file_location("app", GUARD)
    assert spec and spec.loader
    app = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "app", app)
    spec.loader.exec_module(app)
    return app


def told(printed: str) -> list[dict[str, Any]]:
    """The lines that CloudWatch takes metrics from."""
    lines = [json.loads(line) for line in printed.splitlines()]
    return [line for line in lines if "_aws" in line]


def counted(line: dict[str, Any]) -> dict[str, float]:
    """What a line counts, by metric, where the alarms look: our namespace, the guard's service."""
    (metrics,) = line["_aws"]["CloudWatchMetrics"]
    assert metrics["Namespace"] == NAMESPACE
    assert (metrics["Dimensions"], line["service"]) == ([["service"]], SERVICE)
    assert {one["Unit"] for one in metrics["Metrics"]} == {"Count"}
    values = {one["Name"]: line[one["Name"]] for one in metrics["Metrics"]}
    return {name: sum(many if isinstance(many, list) else [many]) for name, many in values.items()}


def test_a_harmless_batch_is_counted(app: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    answer = app.handler(batch(json.dumps(HARMLESS), json.dumps(HARMLESS)), Context())
    assert answer == {"batchItemFailures": []}
    (line,) = told(capsys.readouterr().out)
    assert counted(line) == {"Messages": 2}
    assert abs(line["_aws"]["Timestamp"] / 1000 - time.time()) < 60


def test_another_batch_is_counted_in_the_same_way(
    app: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.Intake, "take", lambda self, message: [])
    assert app.handler(batch(json.dumps(HARMLESS), "not JSON"), Context()) == {
        "batchItemFailures": []
    }
    (line,) = told(capsys.readouterr().out)
    assert counted(line) == {"Messages": 2}


REVERTED = a_decision(
    change_time="2026-11-24T10:00:00Z",
    updated="2026-11-24T10:00:42.000Z",
    status=Status.REVERTED,
    done=1,
)


def test_a_revert_is_timed_once_and_not_again_when_its_undo_is_refused(
    app: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = Message("m-1", "{}", 1, "changes")

    def answered(command: UndoRequested | None) -> tuple[dict[str, Any], set[str]]:
        monkeypatch.setattr(app, "opened", lambda *_: Opened(message, command=command))
        app.handler(batch("{}"), Context())
        (line,) = told(capsys.readouterr().out)
        (metric,) = line["_aws"]["CloudWatchMetrics"]
        return line, {f"{one['Name']} {one['Unit']}" for one in metric["Metrics"]}

    monkeypatch.setattr(app.Intake, "take", lambda *_: [REVERTED])
    line, names = answered(None)
    assert names == {"Messages Count", "Reverted Count", "TimeToRevert Seconds"}
    assert line["TimeToRevert"] == [42.0]
    undo = UndoRequested(REVERTED.id, 2)
    assert answered(undo)[1] == {"Messages Count", "Reverted Count"}


def test_only_a_message_that_failed_comes_again(
    app: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take(self: object, opened: Any) -> list[object]:
        if opened.message.body == "busy":
            raise Busy("somebody else is at it")
        return []

    monkeypatch.setattr(app.Intake, "take", take)
    assert app.handler(batch("busy", "{}", "busy"), Context()) == {
        "batchItemFailures": [{"itemIdentifier": "m-1"}, {"itemIdentifier": "m-3"}]
    }


# Gives an event to the handler, and says which heavy modules it loaded.
COLD = """
import json, sys
given = json.load(sys.stdin)
sys.path.insert(0, given["folder"])
from driftguard.policy import compiled
policy = compiled.from_compiled(given["policy"])
compiled.shipped = lambda: policy
import app
class Context:
    def get_remaining_time_in_millis(self):
        return 120_000
assert app.handler(given["event"], Context()) == {"batchItemFailures": []}
print(json.dumps([name for name in given["heavy"] if name in sys.modules]))
"""
HEAVY = ("aws_lambda_powertools", "asyncio", "boto3", "botocore", "logging", "pydantic", "yaml")


def test_a_harmless_batch_loads_neither_powertools_nor_the_sdk() -> None:
    given = {
        "folder": str(GUARD.parent),
        "policy": loader.read(ROOT / "policies" / "guard.yaml"),
        "event": batch(json.dumps(HARMLESS)),
        "heavy": HEAVY,
    }
    ran = subprocess.run(
        [sys.executable, "-c", COLD],
        input=json.dumps(given),
        env={**os.environ, **variables()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ran.stdout.splitlines()[-1]) == []
