"""What AWS and its SDK answer, in our own errors."""

from __future__ import annotations

import boto3
import pytest

from driftguard.aws.calls import Malformed, invoke


def test_a_call_that_the_sdk_would_not_send_is_our_own_fault() -> None:
    """Kind 5: it was taken for "no answer", and tried again for ever."""
    with pytest.raises(
        Malformed, match=r"config:PutConfigRule was not called: .*report it"
    ) as made:
        invoke(boto3.client("config"), "config", "PutConfigRule", {"ConfigRule": {"Nam": "x"}})
    assert made.value.code == "ParamValidation"
