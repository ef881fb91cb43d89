"""A reader that is told what AWS answers, for tests of what a control makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from driftguard.aws.calls import AwsError
from driftguard.aws.client import Reader
from tests.support.records import ACCOUNT, REGION

# The answer to an operation: itself, from its parameters, or the error that AWS gives.
Answer = Mapping[str, Any] | AwsError | Callable[[dict[str, Any]], Mapping[str, Any]]


class _Answering:
    """As much of a `Reader` as controls use."""

    account, region = ACCOUNT, REGION

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = answers

    def read(
        self, service: str, operation: str, /, *, absent: tuple[str, ...] = (), **asked: Any
    ) -> Any:
        answer = self.answers[f"{service}:{operation}"]
        try:
            if isinstance(answer, AwsError):
                raise answer
            return answer(asked) if callable(answer) else answer
        except AwsError as error:
            if error.code in absent:
                return None
            raise

    def pages(self, service: str, operation: str, key: str, /, **asked: Any) -> Iterator[Any]:
        yield from self.read(service, operation, **asked).get(key, [])


def answering(**answers: Answer) -> Reader:
    """A reader that is answered so: `rds__DescribeDBInstances={...}`."""
    named = {name.replace("__", ":").replace("_", "-"): told for name, told in answers.items()}
    return cast(Reader, _Answering(named))


def refused_with(code: str) -> AwsError:
    """The error that AWS gives with this code."""
    return AwsError(f"refused ({code})", code=code)
