"""How little the guard costs: API calls, clients, instructions of a cold start, bytes shipped.

    make bench            a table; exits 1 if a target is missed, and says which
    make bench JSON=1     one JSON object

Counts, not seconds: they are the same on every machine. Instructions are counted by valgrind's
cachegrind, and compared with those of a bare process on the same interpreter that only makes
boto3.client("ec2"), with a whole SDK as Lambda's runtime has it. The guard runs with its layers as
they are shipped, their trimmed SDK included. Byte code is compiled beforehand on both sides, except
where it says otherwise.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from account import Account, running
from house import LEAN, ROOT, BuildError, Size, build, compiled, sizes, variables
from rich.console import Console
from rich.table import Table

from driftguard_cli.commands.lab.environment import clean, credentials

HERE = Path(__file__).parent
PYTHON = LEAN / "bin" / "python"
BARE = (str(PYTHON), "-c", 'import boto3; boto3.client("ec2")')
REVERT = "RevokeSecurityGroupIngress"
CACHEGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
WARM_REVERTS = 3
TIMES = 5


@dataclass(frozen=True, slots=True)
class Target:
    """One figure and the most that it may be."""

    what: str
    value: float
    at_most: float

    @property
    def met(self) -> bool:
        return self.value <= self.at_most


class Bench:
    """The guard as Lambda runs it, in processes of its own, against a fake account."""

    def __init__(self, folder: Path, account: Account) -> None:
        self.folder = folder
        self.account = account
        self.shipped = folder / "shipped"
        # For the Lambda's own platform, from this one; only its size is looked at.
        build(self.shipped)
        self.built = folder / "built"
        build(self.built, DRIFTGUARD_BUILD_FOR="host")
        self.raw = folder / "raw"
        shutil.copytree(self.built, self.raw, ignore=shutil.ignore_patterns("__pycache__"))
        compiled(PYTHON, self.built, *LEAN.glob("lib/python*/site-packages"))
        self.variables = clean(
            {
                **credentials(),
                **variables(account.make_tables()),
                "AWS_ENDPOINT_URL": account.endpoint,
                "AWS_LAMBDA_FUNCTION_NAME": "driftguard-guard",
                "PYTHONHASHSEED": "0",
            }
        )

    # ------------------------------------------------------------------------- the processes

    def environment(self, built: Path) -> dict[str, str]:
        """A Lambda's: the template's variables, and the layers where Python finds them."""
        layers = [str(built / name / "python") for name in ("DependenciesLayer", "DriftguardLayer")]
        return {**self.variables, "PYTHONPATH": ":".join(layers)}

    def run(self, command: tuple[str, ...], environment: Mapping[str, str]) -> str:
        """Runs a process to its end. Returns what it said on stderr."""
        ended = subprocess.run(command, env=environment, capture_output=True, text=True)
        if ended.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{ended.stdout}{ended.stderr}")
        return ended.stderr

    def guard(self, script: str, changes: list[Any], *told: Path, built: Path) -> tuple[str, ...]:
        """The command that gives these changes to the guard, one invocation each."""
        events = self.folder / "events.json"
        events.write_text(json.dumps([sqs_event(change) for change in changes]))
        function = built / "GuardFunction"
        return (str(PYTHON), str(HERE / script), str(function), str(events), *map(str, told))

    # --------------------------------------------------------------------------- the changes

    def harmless(self) -> list[Any]:
        """A rule for 10.0.0.0/8: the record alone proves that there is nothing to do."""
        return [event("harmless")]

    def risky(self) -> tuple[list[Any], str]:
        """SSH opened to the world, in a group that really is; and the group."""
        group = self.account.open_group(f"web-{uuid4()}")
        change = event("risky")
        change["detail"]["eventID"] = str(uuid4())
        change["detail"]["requestParameters"]["groupId"] = group
        return [change], group

    # --------------------------------------------------------------------------- the figures

    def calls_of_harmless(self) -> dict[str, Any]:
        told = self.folder / "imported.json"
        command = self.guard("cold_process.py", self.harmless(), told, built=self.built)
        with self.account.recorded() as calls:
            self.run(command, self.environment(self.built))
        return {"calls": calls, "imported": json.loads(told.read_text())["heavy"]}

    def calls_of_revert(self) -> dict[str, Any]:
        told = self.folder / "imported.json"
        changes, group = self.risky()
        command = self.guard("cold_process.py", changes, told, built=self.built)
        with self.account.recorded() as calls:
            self.run(command, self.environment(self.built))
        self.must_be_reverted(group)
        return {
            "calls": calls,
            "revert_at": calls.index(REVERT) + 1,
            "foreign": json.loads(told.read_text())["foreign"],
        }

    def clients(self) -> list[list[str]]:
        """Which clients each of three reverts in one process builds."""
        told = self.folder / "clients.json"
        staged = [self.risky() for _ in range(WARM_REVERTS)]
        changes = [change for changes, _ in staged for change in changes]
        command = self.guard("warm_process.py", changes, told, built=self.built)
        self.run(command, self.environment(self.built))
        for _, group in staged:
            self.must_be_reverted(group)
        built: list[list[str]] = json.loads(told.read_text())
        return built

    def must_be_reverted(self, group: str) -> None:
        """A cheap process that did not do its work proves nothing."""
        left = self.account.sources(group)
        assert left == {(443, "0.0.0.0/0"), (22, "10.0.0.0/8")}, left

    def instructions(self) -> dict[str, int]:
        """Instructions of the bare process, of both paths, and of both without byte code."""
        # Lambda mounts layers read-only: without byte code, each cold start compiles them anew.
        raw = {**self.environment(self.raw), "PYTHONDONTWRITEBYTECODE": "1"}
        warm = self.environment(self.built)
        counted = {"bare": self.count(BARE, self.variables)}
        for name, environment, built in (("", warm, self.built), ("_uncompiled", raw, self.raw)):
            command = self.guard("cold_process.py", self.harmless(), built=built)
            counted[f"harmless{name}"] = self.count(command, environment)
            changes, group = self.risky()
            command = self.guard("cold_process.py", changes, built=built)
            counted[f"revert{name}"] = self.count(command, environment)
            self.must_be_reverted(group)
        return counted

    def count(self, command: tuple[str, ...], environment: Mapping[str, str]) -> int:
        said = self.run((*CACHEGRIND, *command), environment)
        found = re.search(r"I\s+refs:\s+([\d,]+)", said)
        assert found, said
        return int(found.group(1).replace(",", ""))

    def seconds(self) -> dict[str, float]:
        """The median time of a cold process, in turn so that a busy moment hits all alike."""
        taken: dict[str, list[float]] = {"bare": [], "harmless": [], "revert": []}
        environment = self.environment(self.built)
        for _ in range(TIMES):
            for name, times in taken.items():
                changes = self.risky()[0] if name == "revert" else self.harmless()
                command = self.guard("cold_process.py", changes, built=self.built)
                began = time.perf_counter()
                self.run(BARE if name == "bare" else command, environment)
                times.append(time.perf_counter() - began)
        return {name: round(statistics.median(times), 3) for name, times in taken.items()}


def event(kind: str) -> Any:
    """One of the two events of `ec2.open-ingress`."""
    return json.loads((ROOT / "events" / "ec2.open-ingress" / f"{kind}.json").read_text())


def sqs_event(change: Any) -> dict[str, Any]:
    """The Lambda event in which SQS delivers a change."""
    record = {
        "messageId": str(uuid4()),
        "receiptHandle": "a handle",
        "body": json.dumps(change),
        "attributes": {"ApproximateReceiveCount": "1", "SenderId": "AROAEXAMPLE:events"},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:changes",
        "awsRegion": "us-east-1",
    }
    return {"Records": [record]}


# -------------------------------------------------------------------------------- all of it


def measure() -> dict[str, Any]:
    """Everything, and what was to be reached."""
    with tempfile.TemporaryDirectory(prefix="driftguard-bench-") as folder, running() as account:
        bench = Bench(Path(folder), account)
        harmless, revert = bench.calls_of_harmless(), bench.calls_of_revert()
        clients = bench.clients()
        instructions = bench.instructions() if shutil.which("valgrind") else None
        seconds = bench.seconds()
        shipped = sizes(bench.shipped)
    megabytes = sum(size.unpacked for size in shipped.values()) / 1e6
    again = sum(len(built) for built in clients[1:])
    targets = [
        Target("API calls of a harmless event", len(harmless["calls"]), 0),
        Target("heavy modules loaded by it: SDK, Powertools", len(harmless["imported"]), 0),
        # Two of them look who would be cut off, before anything is: load balancers, Kubernetes.
        Target("API calls of an open security group", len(revert["calls"]), 9),
        Target("the revert among them is number", revert["revert_at"], 7),
        Target("modules of another SDK than the shipped one", len(revert["foreign"]), 0),
        Target("clients built again in a warm process", again, 0),
        Target("megabytes shipped, unpacked, without byte code", megabytes, 13),
    ]
    if instructions:
        bare = instructions["bare"]
        targets += [
            Target("cold start, harmless, to bare boto3", instructions["harmless"] / bare, 0.28),
            Target("cold start, revert, to bare boto3", instructions["revert"] / bare, 0.9),
        ]
    return {
        "python": platform.python_version(),
        "harmless": harmless,
        "revert": revert,
        "clients": clients,
        "instructions": instructions,
        "seconds": seconds,
        "shipped": {name: asdict(size) for name, size in shipped.items()},
        "targets": [{**asdict(target), "met": target.met} for target in targets],
        "missed": [target.what for target in targets if not target.met],
    }


def show(told: Mapping[str, Any], console: Console) -> None:
    """The figures as tables."""
    console.print(_targets(told["targets"]))
    console.print(f"\n[bold]A revert, call by call[/]  {' → '.join(told['revert']['calls'])}")
    built = "; ".join(", ".join(client) or "none" for client in told["clients"])
    console.print(f"[bold]Clients built, revert by revert[/]  {built}\n")
    if told["instructions"]:
        console.print(_costs(told["instructions"], told["seconds"]))
    else:
        console.print("Instructions were not counted: [bold]valgrind is not installed[/].")
    console.print(
        "Byte code was compiled beforehand, but for the layers in the lines that say so. Lambda\n"
        "mounts layers read-only: what ships without byte code is compiled in each cold start.\n"
        "Seconds are medians, on this machine; the revert's include the fake account's answers.\n",
        style="dim",
    )
    console.print(_shipped(told["shipped"]))
    if told["missed"]:
        console.print(f"[bold red]Missed:[/] {'; '.join(told['missed'])}.")


def _targets(targets: list[dict[str, Any]]) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column("what")
    for column in ("figure", "at most"):
        table.add_column(column, justify="right")
    table.add_column("")
    for target in targets:
        met = "[green]met[/]" if target["met"] else "[red]missed[/]"
        table.add_row(target["what"], f"{target['value']:.3g}", f"{target['at_most']:g}", met)
    return table


def _costs(instructions: Mapping[str, int], seconds: Mapping[str, float]) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column("a cold process")
    for column in ("instructions", "to bare", f"seconds (of {TIMES})"):
        table.add_column(column, justify="right")
    for key, name in (
        ("bare", 'bare: boto3.client("ec2")'),
        ("harmless", "a harmless event"),
        ("harmless_uncompiled", "  its layers without byte code"),
        ("revert", "a revert"),
        ("revert_uncompiled", "  its layers without byte code"),
    ):
        count = instructions[key]
        ratio = count / instructions["bare"]
        took = f"{seconds[key]:.2f}" if key in seconds else ""
        table.add_row(name, f"{count / 1e6:,.0f} M", f"{ratio:.2f}", took)
    return table


def _shipped(shipped: Mapping[str, Mapping[str, int]]) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column("what ships (arm64, Python 3.13)")
    for column in ("files", "bytes", "zipped"):
        table.add_column(column, justify="right")
    for name, size_of in shipped.items():
        size = Size(**size_of)
        table.add_row(name, f"{size.files:,}", f"{size.unpacked:,}", f"{size.zipped:,}")
    return table


def main() -> None:
    as_json = "--json" in sys.argv[1:]
    console = Console(highlight=False, soft_wrap=True)
    with Console(stderr=True).status("building, running and counting (about two minutes)"):
        try:
            told = measure()
        except BuildError as error:
            sys.exit(str(error))
    if as_json:
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    else:
        show(told, console)
    if told["missed"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
