"""Records and files as AWS writes them, made small, and the command run on them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from typer.testing import CliRunner

from driftguard_cli.main import app
from tests.support.records import record

CONTROL = "ec2.open-ingress"
EC2 = "ec2.amazonaws.com"
POLICY = "version: 1\ndefaults: {autonomy: revert}\n"


def opened(group: str = "sg-1", cidr: str = "0.0.0.0/0", **more: Any) -> dict[str, Any]:
    """SSH opened, in the flat shape."""
    asked = {
        "groupId": group,
        "ipPermissions": {},
        "ipProtocol": "tcp",
        "fromPort": 22,
        "toPort": 22,
        "cidrIp": cidr,
    }
    return record(EC2, "AuthorizeSecurityGroupIngress", asked, **more)


def described(**more: Any) -> dict[str, Any]:
    """A call that only reads."""
    return record(EC2, "DescribeInstances", {"instancesSet": {}}, readOnly=True, **more)


def arn(group: str = "sg-1") -> str:
    return f"arn:aws:ec2:us-east-1:123456789012:security-group/{group}"


def json_lines(values: Iterable[object]) -> str:
    return "".join(json.dumps(one) + "\n" for one in values)


def log_file(path: Path, *records: object) -> Path:
    """A trail's log file: one line, gzipped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = json.dumps({"Records": records}, separators=(",", ":"))
    path.write_bytes(gzip.compress(whole.encode()))
    return path


@dataclass(frozen=True)
class Said:
    """What the command answered; of the findings those of one control, whoever else looks on."""

    findings: list[dict[str, str]]
    told: str
    errors: str
    exit_code: int

    @property
    def groups(self) -> list[str]:
        return [one["resource"].rpartition("/")[2] for one in self.findings]


def replayed(*history: object, policy: str = POLICY, table: bool = False, **more: str) -> Said:
    """Runs `driftguard replay` with a policy of this text."""
    with TemporaryDirectory() as folder:
        written = Path(folder, "policy.yaml")
        written.write_text(policy)
        options = ["--policy", str(written), *([] if table else ["--json"])]
        for name, value in more.items():
            options += [f"--{name.replace('_', '-')}", value]
        ran = CliRunner().invoke(app, ["replay", *map(str, history), *options])
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    findings = [] if table else [json.loads(line) for line in ran.stdout.splitlines()]
    ours = [one for one in findings if one["control"] == CONTROL]
    return Said(ours, ran.stdout, ran.stderr, ran.exit_code)
