"""The queue, the Lambdas beside each other and their clock, with the template's numbers."""

from __future__ import annotations

import heapq
import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any

from botocore.client import BaseClient
from cold_process import Context
from house import template

from driftguard.engine.intake import Intake, Opened
from driftguard.model import Autonomy, Decision
from driftguard.policy import compiled
from driftguard.policy.bounds import CircuitBreaker
from tests.support.queues import CHANGES_ARN, COMMANDS_ARN
from tests.support.records import ACCOUNT, REGION
from tests.support.world import CONTAINMENT, GRANTING, REMEDIATOR, shipped_policy

from .events import ROOT, START, Event

# Seconds of a call to AWS, and of a message beside its calls.
CALL, MESSAGE = 0.02, 0.002


@dataclass
class Storm:
    """The queue, the Lambdas beside each other, and their clock; and what came of each message.

    `at` is the time of the invocation that runs, in seconds since the start.
    """

    app: ModuleType
    batch: int
    workers: int
    hidden: float
    deliveries: int
    at: float = 0.0
    calls: Counter[str] = field(default_factory=Counter)
    lateness: dict[str, float] = field(default_factory=dict)
    given_up: list[str] = field(default_factory=list)
    taken: int = 0
    _anew: list[str] = field(default_factory=list)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.at)

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    def run(self, arriving: list[Event]) -> None:
        """Delivers all, until nothing is left in the queue."""
        attacks = sorted(
            ((event.made, number, event.attack) for number, event in enumerate(arriving)),
            reverse=True,
        )
        queue = [(event.at, number, 1, event) for number, event in enumerate(arriving)]
        heapq.heapify(queue)
        free = [0.0] * self.workers
        number = len(arriving)
        while queue:
            start = max(heapq.heappop(free), queue[0][0])
            while attacks and attacks[-1][0] <= start:
                attacks.pop()[2]()
            batch = []
            while queue and len(batch) < self.batch and queue[0][0] <= start:
                batch.append(heapq.heappop(queue))
            for _, _, delivered, event in self._invoked(start, batch):
                if delivered >= self.deliveries:
                    self.given_up.append(event.body)
                    continue
                number += 1
                heapq.heappush(queue, (start + self.hidden, number, delivered + 1, event))
            for body in self._anew:
                number += 1
                again = next(event for *_, event in batch if event.body == body)
                heapq.heappush(queue, (self.at + self.hidden, number, 1, again))
            self._anew.clear()
            heapq.heappush(free, self.at)

    def _invoked(self, start: float, batch: list[Any]) -> list[Any]:
        """One invocation of the handler; those of the batch that must be delivered again."""
        self.at = start
        records = [
            {
                "messageId": f"m-{place}",
                "body": event.body,
                "attributes": {"ApproximateReceiveCount": str(delivered)},
                "eventSourceARN": CHANGES_ARN,
            }
            for place, (_, _, delivered, event) in enumerate(batch)
        ]
        self._batch = [event for *_, event in batch]
        answer = self.app.handler({"Records": records}, Context())
        again = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
        for place, (_, _, _, event) in enumerate(batch):
            if f"m-{place}" not in again:
                self.taken += 1
                if event.about:
                    self.lateness.setdefault(event.about, self.at - event.at)
        return [one for place, one in enumerate(batch) if f"m-{place}" in again]

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Counts the guard's calls and lets each take its time; and that of each message."""
        original: Any = BaseClient._make_api_call  # type: ignore[attr-defined]
        take = Intake.take

        def called(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
            if self._inside:
                self.calls[f"{client.meta.service_model.service_name}.{operation}"] += 1
                self.at += CALL
                if operation == "SendMessage" and parameters["QueueUrl"].endswith("changes"):
                    self._anew.append(parameters["MessageBody"])
            return original(client, operation, parameters)

        def taking(intake: Intake, opened: Opened) -> list[Decision]:
            self._inside = True
            try:
                found = take(intake, opened)
            finally:
                self._inside = False
                self.at += MESSAGE
            event = self._batch[int(opened.message.id.removeprefix("m-"))]
            if event.about:
                self.lateness.setdefault(event.about, self.at - event.at)
            return found

        BaseClient._make_api_call = called  # type: ignore[attr-defined]
        Intake.take = taking  # type: ignore[method-assign]
        try:
            yield
        finally:
            BaseClient._make_api_call = original  # type: ignore[attr-defined]
            Intake.take = take  # type: ignore[method-assign]

    _inside: bool = False
    _batch: list[Event] = field(default_factory=list)


def storm_for(app: ModuleType) -> Storm:
    """A storm with the template's numbers."""
    resources = template()["Resources"]
    mapping = resources["GuardFunction"]["Properties"]["Events"]["Changes"]["Properties"]
    queue = resources["ChangesQueue"]["Properties"]
    return Storm(
        app,
        batch=mapping["BatchSize"],
        workers=mapping["ScalingConfig"]["MaximumConcurrency"],
        hidden=float(queue["VisibilityTimeout"]),
        deliveries=int(queue["RedrivePolicy"]["maxReceiveCount"]),
    )


def handler_of(urls: dict[str, str]) -> ModuleType:
    """The guard's handler, as a cold start loads it, whose breaker lets a storm of reverts pass."""
    shipped = shipped_policy()
    many = CircuitBreaker(actor=10**6, control=10**6, account=10**6, whole=10**6)
    policy = replace(
        shipped,
        autonomy={},
        default=Autonomy.REVERT,
        may_cut=frozenset({"ec2.open-ingress", "s3.public-policy", "sns.public-policy"}),
        bounds=shipped.bounds._replace(circuit_breaker=many),
    )
    compiled.shipped = lambda: policy
    os.environ |= {
        "AUDIT_TABLE": "audit",
        "STATE_TABLE": "state",
        "GRANTING_ROLE_ARN": GRANTING,
        "CONTAINMENT_ROLE_ARN": CONTAINMENT,
        "OWN_ROLE_ARNS": ",".join((REMEDIATOR, GRANTING, CONTAINMENT)),
        "REMEDIATOR_ROLE_ARN": REMEDIATOR,
        "CHANGES_QUEUE_URL": urls["changes"],
        "COMMANDS_QUEUE_URL": urls["commands"],
        "COMMANDS_QUEUE_ARN": COMMANDS_ARN,
        "DEAD_LETTER_QUEUE_URL": urls["dead"],
        "ACCOUNT_ID": ACCOUNT,
        "AUTONOMY_CEILING": "revert",
        "SALT_SECRET": "salt",
        "DEAD_LETTER_KEY_SECRET": "dead-letter-key",
        "REPLY_FUNCTION_ARN": "arn:aws:lambda:us-east-1:123456789012:function:reply",
        "POWERTOOLS_METRICS_NAMESPACE": "Driftguard",
        "POWERTOOLS_SERVICE_NAME": "guard",
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
        "AWS_REGION": REGION,
    }
    spec = spec_from_file_location("app", ROOT / "functions" / "guard" / "app.py")
    assert spec and spec.loader
    app = module_from_spec(spec)
    sys.modules["app"] = app
    spec.loader.exec_module(app)
    logging.disable(logging.CRITICAL)
    return app
