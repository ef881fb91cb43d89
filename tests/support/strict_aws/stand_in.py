"""A stand-in for AWS with prepared answers, under a gate that enforces a single rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeAlias

import botocore.loaders
import pytest
from botocore.exceptions import ClientError
from botocore.model import ServiceModel
from botocore.validate import validate_parameters

from tests.support import strict_aws
from tests.support.strict_aws import Gate, Refusal

Answer: TypeAlias = dict[str, Any] | Callable[[dict[str, Any]], dict[str, Any]]

ACCOUNT = "123456789012"
DEAD = "AROAEXAMPLEDEADROLE01"
ALIVE = f"arn:aws:iam::{ACCOUNT}:role/alive"


@cache
def _model(service: str) -> ServiceModel:
    loaded = botocore.loaders.Loader().load_service_model(service, "service-2")
    return ServiceModel(loaded, service)


@dataclass
class Strict:
    """One rule over prepared answers: what it refuses, what it lets pass, and a clock."""

    rule: str
    answers: Mapping[str, Answer]
    at: datetime = datetime(2026, 11, 29, tzinfo=UTC)
    passed: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    gate: Gate = field(init=False)

    def __post_init__(self) -> None:
        self.gate = Gate(self._call, [strict_aws.rule(self.rule)], lambda: self.at)

    def wait(self, **time: float) -> None:
        self.at += timedelta(**time)

    def _call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The prepared answer, both ways held to the service's model."""
        model = _model(service).operation_model(operation)
        if model.input_shape:
            validate_parameters(dict(parameters), model.input_shape)
        answer = self.answers.get(operation, {})
        answered = answer(dict(parameters)) if callable(answer) else dict(answer)
        if code := answered.get("Error"):
            raise ClientError({"Error": {"Code": code, "Message": ""}}, operation)
        self.passed.append((operation, dict(parameters)))
        return answered

    def allowed(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """The answer to a call that passes; it has reached the stand-in."""
        before = len(self.passed)
        answered = self.gate.make(service, operation, parameters)
        assert operation in [name for name, _ in self.passed[before:]]
        return answered

    def refused(self, service: str, operation: str, /, **parameters: Any) -> tuple[str, str]:
        """Code and message of a refusal; the call itself has not reached the stand-in."""
        model = _model(service).operation_model(operation)
        if model.input_shape:
            validate_parameters(parameters, model.input_shape)
        before = len(self.passed)
        with pytest.raises(Refusal) as refusal:
            self.gate.make(service, operation, parameters)
        assert operation not in [name for name, _ in self.passed[before:]]
        return refusal.value.code, refusal.value.message


def strict(rule: str, **answers: Answer) -> Strict:
    """A gate with this rule alone, over answers by operation; what has none is answered {}."""
    return Strict(rule, answers)


def absent(code: str = "NoSuchEntity") -> Answer:
    """An answer: there is no such thing."""
    return {"Error": code}
