"""What watching conduct costs an account and region a month, at `benchmarks/cost`'s list prices.

Counted: DynamoDB's units, by running a day of made-up events through the function's own code in
batches of a minute. Measured: the time that an event takes on this machine. Assumed: how many times
slower Lambda is with 512 MB, and how long a call of DynamoDB takes.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from driftguard.conduct.watcher import Batch
from driftguard.events.sighting import Sighting

from .account import ACCOUNT, FIRST_DAY, principals, seen
from .replay import Account

PRICES = json.loads((Path(__file__).parent.parent / "cost" / "prices.json").read_text())["prices"]
HOURS, DAYS = 730, 30.4
# How many times slower Lambda is with 512 MB, and how long a call of DynamoDB takes, in ms.
SLOWER, CALL_MS, STARTING_MS = 6.0, 8.0, 1_000.0
MEMORY_GB = 0.5
# One batch a minute and poller, with two pollers; a cold start an hour.
BATCHES = HOURS * 60 * 2
# Five long polls of 20 seconds at once, by Lambda; a call takes ten messages, or deletes them.
POLLS = 5 * 3 * 60 * HOURS
# Bytes that a batch writes into the log.
LOG = 1_500
# One in so many management events was denied: assumed.
DENIED_ONE_IN = 50


@dataclass(frozen=True)
class Bill:
    """What a month costs, by what for, in USD; and the ratio that it rests on."""

    events: int
    lines: Mapping[str, float]
    writes_an_event: float
    reads_an_event: float
    ms_an_event: float

    @property
    def total(self) -> float:
        """All of it."""
        return sum(self.lines.values())


def bill(events: int, ms_an_event: float) -> Bill:
    """The bill of a month with so many events that the rule lets through."""
    writes, reads, puts = _units(round(events / DAYS))
    batches = min(events, BATCHES)
    busy = events * ms_an_event * SLOWER + puts * DAYS * CALL_MS + batches * 2 * CALL_MS
    seconds = (busy + HOURS * STARTING_MS) / 1_000
    requests = events + 2 * max(batches, events / 10) + POLLS
    lines = {
        "EventBridge: management events": 0.0,
        "SQS: requests": _usd("sqs.request", requests),
        "Lambda: time": _usd("lambda.gb_second", seconds * MEMORY_GB),
        "Lambda: invocations": _usd("lambda.request", batches),
        "DynamoDB: writes": _usd("dynamodb.write", writes * DAYS),
        "DynamoDB: reads": _usd("dynamodb.read", reads * DAYS),
        "CloudWatch: logs": _usd("logs.ingested", batches * LOG / 1024**3),
        "CloudWatch: alarms and metrics": _usd("cloudwatch.alarm", 5)
        + _usd("cloudwatch.metric", 2),
    }
    day = events / DAYS
    return Bill(events, lines, writes / day, reads / day, ms_an_event)


def _usd(price: str, quantity: float) -> float:
    return float(quantity * PRICES[price]["usd"] / PRICES[price]["per"])


def _units(events: int) -> tuple[int, int, int]:
    """DynamoDB's units of a day with so many events, and how many records were written."""
    rng = random.Random(7)
    everybody = [one for one in principals(rng, 1) if not one.since]
    account = Account()
    for day in range(3):
        account.live(everybody, [day], rng)
    before = account.table.written, account.table.read, account.counts.written
    shares = [one.reads * one.windows for one in everybody]
    minutes: dict[int, Counter[int]] = {}
    for who in rng.choices(range(len(everybody)), weights=shares, k=events):
        minutes.setdefault(rng.randrange(1_440), Counter())[who] += 1
    start = FIRST_DAY + timedelta(days=3)
    for minute in sorted(minutes):
        at = start + timedelta(minutes=minute)
        calling: list[Sighting] = []
        for who, count in sorted(minutes[minute].items()):
            one = everybody[who]
            network = one.networks[0] if one.networks else "54.1.1.0/24"
            # What is called again within the minute adds nothing, and costs no more units.
            different = min(count, one.reads)
            session, client = f"{one.arn}/{minute // 60}", one.clients[0]
            calling += seen(one, session, network, client, one.services, different, 0, at, rng)
        account.take(at, calling)
    written = account.counts.written - before[2]
    return account.table.written - before[0], account.table.read - before[1], written


def milliseconds() -> float:
    """How long reading one event takes here: its JSON, its envelope, what it shows."""
    event = json.dumps(_event())
    records = [{"messageId": str(number), "body": event} for number in range(2_000)]
    began = time.process_time()
    batch = Batch.of(records, ACCOUNT)
    took = time.process_time() - began
    assert batch.counts.unread == 0
    assert len(batch.sightings) == 1
    return took / len(records) * 1_000


def _event() -> dict[str, object]:
    """A management event of common size."""
    role = f"arn:aws:iam::{ACCOUNT}:role/web"
    detail = {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLE:i-0abcdef1234567890",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/web/i-0abcdef1234567890",
            "accountId": ACCOUNT,
            "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
            "sessionContext": {
                "sessionIssuer": {"type": "Role", "arn": role, "principalId": "AROAEXAMPLE"},
                "attributes": {"creationDate": "2026-11-24T11:00:00Z", "mfaAuthenticated": "false"},
            },
        },
        "eventTime": "2026-11-24T12:00:00Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "DescribeInstances",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "Boto3/1.35.0 md/Botocore#1.35.0 ua/2.0 os/linux#6.1 md/arch#x86_64",
        "requestParameters": {"instancesSet": {"items": [{"instanceId": "i-0abcdef1234567890"}]}},
        "responseElements": None,
        "requestID": "0b0f4a6e-5c0f-4a4c-8a68-000000000000",
        "eventID": "8c5f4f0e-3c1d-4f6e-9d0b-000000000000",
        "readOnly": True,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256"},
    }
    return {
        "version": "0",
        "id": "1",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.ec2",
        "account": ACCOUNT,
        "time": "2026-11-24T12:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
    }
