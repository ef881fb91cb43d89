"""A service that answers one operation as a test wants it to."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError


def answering(
    monkeypatch: pytest.MonkeyPatch, operation: str, answer: str | dict[str, Any]
) -> None:
    """The service answers one operation with an error code, or with what it never should."""
    original = BaseClient._make_api_call

    def answered(client: BaseClient, name: str, parameters: Any) -> Any:
        if name != operation:
            return original(client, name, parameters)
        if isinstance(answer, str):
            raise ClientError({"Error": {"Code": answer, "Message": "no"}}, name)
        return answer

    monkeypatch.setattr(BaseClient, "_make_api_call", answered)
