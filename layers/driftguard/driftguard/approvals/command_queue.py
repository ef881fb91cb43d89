"""Sends commands to the guard's queue."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from driftguard.aws.calls import Client, told_apart
from driftguard.documents import Json


@dataclass(frozen=True, slots=True)
class CommandQueue:
    """Sends commands to the guard. `sqs` gives SQS's client, made when it is first needed."""

    sqs: Callable[[], Client]
    url: str

    def send(self, command: Mapping[str, Json], *, after: timedelta = timedelta()) -> None:
        """Sends a command, to be delivered after so long, in whole seconds rounded up.

        Raises `AwsError` when SQS does not take it.
        """
        seconds = max(0, -(-after // timedelta(seconds=1)))
        with told_apart("sqs", "SendMessage"):
            self.sqs().send_message(
                QueueUrl=self.url, MessageBody=json.dumps(command), DelaySeconds=seconds
            )
