"""The first ten minutes of somebody new: an installation, a profile, the lab, a change, its story.

Everything is done by the installed command line and by boto3 of its environment, as they are told
to by the profile of `~/.aws/config` alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.installing import Installed, install
from tests.e2e.world import eventually
from tests.support.world import ROOT

pytestmark = pytest.mark.e2e

# No part of it is measured: two busy cores may take long.
_PATIENCE = 300.0
# What somebody types into a script of their own: a group that lets everybody in.
_CHANGE = """
import boto3
ec2 = boto3.client("ec2")
group = ec2.create_security_group(GroupName="first", Description="first")["GroupId"]
ec2.authorize_security_group_ingress(
    GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
)
print(group)
"""
_RULES = """
import boto3, sys
(group,) = boto3.client("ec2").describe_security_groups(GroupIds=[sys.argv[1]])["SecurityGroups"]
print(len(group["IpPermissions"]))
"""


class Newcomer:
    """Somebody with a fresh installation, whose home holds one profile."""

    def __init__(self, installed: Installed, home: Path) -> None:
        self.installed = installed
        self.surroundings = {"HOME": str(home), "AWS_PROFILE": "lab"}
        self._home = home

    def has_a_profile_for(self, endpoint: str) -> None:
        folder = self._home / ".aws"
        folder.mkdir(parents=True)
        (folder / "config").write_text(
            f"[profile lab]\nregion = us-east-1\nendpoint_url = {endpoint}\n"
            "aws_access_key_id = lab\naws_secret_access_key = lab\n"
        )

    def driftguard(self, *arguments: str, code: int = 0) -> str:
        done = self.installed(*arguments, surroundings=self.surroundings)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def python(self, script: str, *arguments: str) -> str:
        done = self.installed.run(
            "python", "-c", script, *arguments, surroundings=self.surroundings
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    installed = install(tmp_path, "wheel")
    folder = tmp_path / "lab"
    # The lab needs the clone, and takes its emulators and its template from there.
    up = installed(
        *("lab", "up", "--json", "--folder", str(folder)),
        *("--parameter", "AutonomyCeiling=ask"),
        cwd=ROOT,
        # The build fetches packages: what this machine needs for that stays.
        surroundings={
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "PYTHON", "VIRTUAL_ENV"))
        },
    )
    try:
        assert up.returncode == 0, up.stderr
        somebody = Newcomer(installed, tmp_path / "home")
        somebody.has_a_profile_for(json.loads(up.stdout)["recorder_endpoint"])
        yield somebody
    finally:
        installed("lab", "down", "--folder", str(folder))


def test_from_nothing_to_a_reverted_change_and_a_report(newcomer: Newcomer, tmp_path: Path) -> None:
    status = newcomer.driftguard("lab", "status", "--folder", str(tmp_path / "lab"))
    assert "The lab runs." in status

    group = newcomer.python(_CHANGE)
    assert newcomer.python(_RULES, group) == "1"

    def first() -> dict[str, Any] | None:
        listed = json.loads(newcomer.driftguard("audit", "list", "--days", "1", "--json"))
        return next((one for one in listed if group in one["resource"]), None)

    decision = eventually(first, "the first decision", within=_PATIENCE)
    assert (decision["control"], decision["status"]) == ("ec2.open-ingress", "asked")
    assert group in newcomer.driftguard("audit", "show", decision["decision"])

    def status_is(wanted: str) -> bool:
        return (
            json.loads(newcomer.driftguard("audit", "show", decision["decision"], "--json"))[
                "status"
            ]
            == wanted
        )

    newcomer.driftguard("approve", decision["decision"], "--yes", "--reason", "nobody ordered this")
    eventually(lambda: status_is("reverted"), "that it is reverted", within=_PATIENCE)
    assert newcomer.python(_RULES, group) == "0"

    newcomer.driftguard("undo", decision["decision"], "--yes", "--timeout", str(_PATIENCE))
    assert status_is("undone")
    assert newcomer.python(_RULES, group) == "1"

    page = tmp_path / "report.html"
    newcomer.driftguard("report", "--control", "ec2.open-*", "--output", str(page))
    assert page.read_text().startswith("<!")
    assert group in page.read_text()
