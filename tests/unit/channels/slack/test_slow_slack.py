"""12.10: a Slack that answers byte by byte, or asks for patience, takes no more than its time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from driftguard.aws.time_limit import OutOfTime, TimeLimit
from driftguard.channels.slack.client import Slack
from tests.support.slow_server import SlowServer, answering_byte_by_byte, never_answering


@pytest.mark.parametrize("slow", [never_answering, answering_byte_by_byte])
def test_a_message_is_given_up_when_time_is_up(
    slow: Callable[[], AbstractContextManager[SlowServer]],
) -> None:
    limit = TimeLimit()
    with slow() as server, limit.within(0.5):
        slack = Slack("xoxb-1", server.address, time_limit=limit)
        with pytest.raises(OutOfTime, match=r"no time was left for chat\.postMessage"):
            slack.post("C1", "hello", [])
        asked = len(server.accepted)
        with pytest.raises(OutOfTime, match=r"no time is left for chat\.postMessage"):
            slack.post("C1", "hello", [])
        assert len(server.accepted) == asked
