"""A stack that is deployed to watch changes nothing, and says what it would have done."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.e2e.labs import running
from tests.e2e.making import make_bucket, policy_text, publish_bucket
from tests.e2e.world import World, eventually

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def watching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("watching")
    with running(folder, "--parameter", "AutonomyCeiling=observe") as world:
        yield world


def test_under_a_ceiling_of_observe_a_public_bucket_is_only_reported(watching: World) -> None:
    bucket = make_bucket(watching)
    text = publish_bucket(watching, bucket)

    decision = watching.decision(bucket, "observed")
    messages = eventually(lambda: watching.messages(decision["pk"]), "a message on the topic")
    time.sleep(1.0)
    assert policy_text(watching, bucket) == text
    assert decision["granted"] == "revert"
    assert decision["autonomy"] == "observe"
    assert "AutonomyCeiling" in decision["reason"] or "ceiling" in decision["reason"]
    assert len(messages) == 1
