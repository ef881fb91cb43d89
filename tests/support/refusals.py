"""Operations that AWS refuses for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

Refusing = Callable[..., None]


def refusals(patch: pytest.MonkeyPatch) -> Refusing:
    """Has an operation answer with a code from its `after`-th call on, for so many `times`."""
    original = BaseClient._make_api_call

    def refuse(operation: str, code: str, *, after: int = 0, times: int = 1_000) -> None:
        calls = [0]

        def answer(client: BaseClient, name: str, parameters: Any) -> Any:
            if name == operation:
                calls[0] += 1
                if after < calls[0] <= after + times:
                    raise ClientError({"Error": {"Code": code, "Message": "no"}}, name)
            return original(client, name, parameters)

        patch.setattr(BaseClient, "_make_api_call", answer)

    return refuse
