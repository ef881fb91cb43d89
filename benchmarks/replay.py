"""How fast a CloudTrail history is replayed: records a second on one core, and on all.

    make bench            a table; exits 1 if the target is missed
    make bench JSON=1     one JSON object; with --along, under `replay` in the one on stdin

The history is made up, of the shapes and in the proportions of a busy account: nearly all of it
reads, data events and sessions, a few records in a hundred that a control watches, half of those
risky. Beside the replay stands what cannot be saved: unpacking and parsing the same files with
nothing done about the records, with orjson and with Python's own json. Rates are of processor time,
best of some runs, so that they say the same on a machine that is busy with other things.
"""

from __future__ import annotations

import gzip
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from driftguard.policy.model import Policy
from driftguard_cli.commands.replay.crew import Bench, outcomes, processors, tasks
from driftguard_cli.commands.replay.origins import origins_at
from driftguard_cli.commands.replay.window import Window

ROOT = Path(__file__).resolve().parents[1]
COMMAND = (str(Path(sys.executable).with_name("driftguard")), "replay")
TARGET = 40_000
FILES, RECORDS = 30, 4_000
TIMES = 3
ACCOUNT = "111122223333"


# ------------------------------------------------------------------------------ a made-up history


def history(dice: random.Random) -> Iterator[dict[str, Any]]:
    """Records without end."""
    watched = [json.loads(path.read_text()) for path in sorted(ROOT.glob("events/*/*.json"))]
    calls = [event["detail"] for event in watched if "eventSource" in event.get("detail", {})]
    usual = (_describe, _assume_role, _get_object, _put_object, _decrypt, _put_parameter, _run)
    weights = (38, 20, 16, 10, 10, 3, 1)
    while True:
        if dice.random() < 0.04:
            yield {**dice.choice(calls), "eventID": str(uuid.UUID(int=dice.getrandbits(128)))}
        else:
            (make,) = dice.choices(usual, weights)
            yield make(dice)


def _record(dice: random.Random, source: str, name: str, request: Any, **more: Any) -> Any:
    who = f"app-{dice.randrange(40)}"
    return {
        "eventVersion": "1.10",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"AROAEXAMPLE{dice.randrange(10**9):09}:i-0{dice.getrandbits(64):016x}",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{who}/i-0{dice.getrandbits(64):016x}",
            "accountId": ACCOUNT,
            "accessKeyId": f"ASIAEXAMPLE{dice.randrange(10**9):09}",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": "AROAEXAMPLEEXAMPLE",
                    "arn": f"arn:aws:iam::{ACCOUNT}:role/{who}",
                    "accountId": ACCOUNT,
                    "userName": who,
                },
                "attributes": {"creationDate": _time(dice), "mfaAuthenticated": "false"},
                "ec2RoleDelivery": "2.0",
            },
        },
        "eventTime": _time(dice),
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": "eu-central-1",
        "sourceIPAddress": f"203.0.113.{dice.randrange(256)}",
        "userAgent": "Boto3/1.43.2 md/Botocore#1.43.2 ua/2.1 os/linux#6.1 md/arch#x86_64",
        "requestParameters": request,
        "responseElements": None,
        "requestID": str(uuid.UUID(int=dice.getrandbits(128))),
        "eventID": str(uuid.UUID(int=dice.getrandbits(128))),
        "readOnly": True,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": f"{source}.eu-central-1.amazonaws.com",
        },
    } | more


def _time(dice: random.Random) -> str:
    return f"2026-11-24T{dice.randrange(24):02}:{dice.randrange(60):02}:{dice.randrange(60):02}Z"


def _describe(dice: random.Random) -> Any:
    filters = {"items": [{"name": "tag:app", "valueSet": {"items": [{"value": "web"}]}}]}
    return _record(dice, "ec2", "DescribeInstances", {"filterSet": filters, "instancesSet": {}})


def _assume_role(dice: random.Random) -> Any:
    asked = {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/app", "roleSessionName": "app"}
    keys = {"accessKeyId": "ASIAEXAMPLE", "sessionToken": "x" * 300, "expiration": _time(dice)}
    return _record(dice, "sts", "AssumeRole", asked, responseElements={"credentials": keys})


def _get_object(dice: random.Random) -> Any:
    return _object(dice, "GetObject", readOnly=True)


def _put_object(dice: random.Random) -> Any:
    return _object(dice, "PutObject", readOnly=False)


def _object(dice: random.Random, name: str, **more: Any) -> Any:
    asked = {
        "bucketName": "app-data",
        "Host": "app-data.s3.eu-central-1.amazonaws.com",
        "key": f"2026/11/24/{dice.getrandbits(64):016x}.parquet",
    }
    extra = {"SignatureVersion": "SigV4", "bytesTransferredOut": dice.randrange(10**7)}
    return _record(dice, "s3", name, asked, additionalEventData=extra, eventCategory="Data", **more)


def _decrypt(dice: random.Random) -> Any:
    asked = {"encryptionContext": {"aws:s3:arn": "arn:aws:s3:::app-data"}}
    refused = {"errorCode": "AccessDenied", "errorMessage": "not authorized to perform kms:Decrypt"}
    return _record(dice, "kms", "Decrypt", asked, **(refused if dice.random() < 0.2 else {}))


def _put_parameter(dice: random.Random) -> Any:
    asked = {"name": "/app/heartbeat", "type": "String", "overwrite": True, "value": "HIDDEN"}
    return _record(dice, "ssm", "PutParameter", asked, readOnly=False)


def _run(dice: random.Random) -> Any:
    instances = [
        {
            "instanceId": f"i-0{dice.getrandbits(64):016x}",
            "imageId": "ami-0abc",
            "instanceState": {"code": 0, "name": "pending"},
            "networkInterfaceSet": {"items": [{"networkInterfaceId": "eni-0abc"}] * 4},
            "metadataOptions": {"httpTokens": "required", "httpEndpoint": "enabled"},
        }
        for _ in range(6)
    ]
    answer = {"instancesSet": {"items": instances}}
    asked = {"instancesSet": {"items": [{"imageId": "ami-0abc", "minCount": 6, "maxCount": 6}]}}
    return _record(dice, "ec2", "RunInstances", asked, responseElements=answer, readOnly=False)


def written(folder: Path) -> tuple[Path, Path, int]:
    """The history as a trail's log files and as one file of JSON Lines; bytes of JSON in all."""
    dice = random.Random(20261124)
    records = history(dice)
    logs, lines, size = folder / "logs", folder / "history.jsonl", 0
    logs.mkdir()
    with lines.open("wb") as together:
        for number in range(FILES):
            some = [next(records) for _ in range(RECORDS)]
            data = orjson.dumps({"Records": some})
            size += len(data)
            (logs / f"{number:04}.json.gz").write_bytes(gzip.compress(data, 6))
            together.writelines(orjson.dumps(record) + b"\n" for record in some)
    return logs, lines, size


# ----------------------------------------------------------------------------------- the figures


@dataclass(frozen=True, slots=True)
class Figures:
    """Records a second: of processor time, but for `command`, which is as a clock on a wall has it.

    `memory` is the most that the command, or one of its processes, held at once, in MiB.
    """

    records: int
    bytes_a_record: int
    replay: int
    replay_lines: int
    bare_orjson: int
    bare_json: int
    command: int
    command_lines: int
    memory: int
    processors: int

    @property
    def ratio(self) -> float:
        """How much of the rate of bare parsing is left."""
        return self.replay / self.bare_orjson


def measured(folder: Path) -> Figures:
    """All figures, over a history written to this folder."""
    logs, lines, size = written(folder)
    files = sorted(logs.iterdir())
    records = FILES * RECORDS
    return Figures(
        records=records,
        bytes_a_record=size // records,
        replay=_rate(lambda: _replayed(logs)),
        replay_lines=_rate(lambda: _replayed(lines)),
        bare_orjson=_rate(lambda: _parsed(files, orjson.loads)),
        bare_json=_rate(lambda: _parsed(files, json.loads)),
        command=_command(logs),
        command_lines=_command(lines),
        memory=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10,
        processors=processors(),
    )


def _rate(run: Callable[[], object]) -> int:
    spent = []
    for _ in range(TIMES):
        before = time.process_time()
        run()
        spent.append(time.process_time() - before)
    return round(FILES * RECORDS / min(spent))


def _replayed(where: Path) -> None:
    window = Window()
    work = outcomes(tasks(origins_at(str(where), window)), Bench(Policy(), window), processes=1)
    read = sum(tally.read for outcome in work for _, tally in outcome.tallies)
    if read != FILES * RECORDS:
        raise SystemExit(f"{read} records were read, not {FILES * RECORDS}")


def _parsed(files: list[Path], loads: Callable[[bytes], Any]) -> None:
    for path in files:
        with gzip.open(path) as file:
            loads(file.read())


def _command(where: Path) -> int:
    before = time.perf_counter()
    ended = subprocess.run([*COMMAND, str(where)], cwd=ROOT, capture_output=True, text=True)
    if ended.returncode:
        raise SystemExit(f"driftguard replay failed:\n{ended.stderr}")
    return round(FILES * RECORDS / (time.perf_counter() - before))


def main() -> None:
    """Measures, tells, and exits 1 if the target is missed, or one of those told along is."""
    try:
        along = json.load(sys.stdin) if "--along" in sys.argv else {}
    except ValueError:
        sys.exit("There is no JSON object on stdin to tell the replay's figures along with.")
    with tempfile.TemporaryDirectory() as folder:
        figures = measured(Path(folder))
    met = figures.replay >= TARGET
    if "--json" in sys.argv:
        whole = {**asdict(figures), "ratio": round(figures.ratio, 2), "target": TARGET, "met": met}
        sys.stdout.write(json.dumps({**along, "replay": whole}, indent=2) + "\n")
    else:
        _tell(figures, met)
    sys.exit(0 if met and not along.get("missed") else 1)


def _tell(figures: Figures, met: bool) -> None:
    table = Table(title="Replay: records a second", box=None, header_style="bold")
    table.add_column("what")
    table.add_column("records/s", justify="right")
    verdict = "met" if met else "missed"
    for what, rate in (
        (f"replay, log files, one core (at least {TARGET:,}: {verdict})", figures.replay),
        ("replay, JSON Lines, one core", figures.replay_lines),
        ("only unpacking and parsing, orjson", figures.bare_orjson),
        ("only unpacking and parsing, json", figures.bare_json),
        (f"the command, log files, {figures.processors} cores, by the clock", figures.command),
        (
            f"the command, JSON Lines, {figures.processors} cores, by the clock",
            figures.command_lines,
        ),
    ):
        table.add_row(what, f"{rate:,}")
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"{figures.records:,} records of {figures.bytes_a_record:,} bytes; {figures.ratio:.0%} of "
        f"the rate of bare parsing; at most {figures.memory} MiB a process."
    )


if __name__ == "__main__":
    main()
