"""The command line away from a checkout: built, installed into an empty environment, and used."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.e2e.installing import Installed, install
from tests.support.world import ROOT

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", params=["wheel", "sdist"])
def installed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    return install(tmp_path_factory.mktemp(request.param), request.param)


def test_it_says_which_commit_it_was_built_from(installed: Installed) -> None:
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    name, version, commit = installed("--version").stdout.split()
    assert (name, version) == ("driftguard", "0.1.0")
    assert head.startswith(commit.strip("()").removesuffix("-dirty"))


def test_without_arguments_it_shows_its_help_and_exits_0(installed: Installed) -> None:
    result = installed()
    assert (result.returncode, result.stderr) == (0, "")
    assert "audit" in result.stdout


def test_events_and_histories_are_judged_by_the_policy_that_ships(installed: Installed) -> None:
    event = str(ROOT / "events" / "ec2.open-ingress" / "risky.json")
    explained = installed("explain", event, "--json")
    assert explained.returncode == 0, explained.stderr
    assert json.loads(explained.stdout)["policy"] == "the one that ships with Driftguard"
    replayed = installed("replay", event, "--json", "--policy", "revert")
    assert replayed.returncode == 0, replayed.stderr
    found = [json.loads(line) for line in replayed.stdout.splitlines()]
    assert ("ec2.open-ingress", "revert") in {(one["control"], one["autonomy"]) for one in found}


def test_policies_packages_and_access_are_judged(installed: Installed, tmp_path: Path) -> None:
    policy = tmp_path / "guard.yaml"
    policy.write_text("version: 1\ndefaults: {autonomy: ask}\n")
    assert "is valid" in installed("policy", "check", str(policy)).stdout
    (tmp_path / "requirements.txt").write_text("requests==2.0.0\n")
    advisories = tmp_path / "advisories"
    advisories.mkdir()
    scanned = installed("scan", str(tmp_path), "--advisories", str(advisories))
    assert (scanned.returncode, scanned.stderr) == (2, "")
    assert "the copy has no advisories for PyPI" in scanned.stdout
    document = tmp_path / "bucket.json"
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::b/*",
    }
    document.write_text(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    judged = installed("access", "policy", str(document), "--service", "s3")
    assert "public" in judged.stdout, judged.stderr


def test_the_console_has_its_templates_and_what_its_pages_load(installed: Installed) -> None:
    (console,) = installed.environment.rglob("driftguard_cli/commands/console")
    source = ROOT / "cli" / "driftguard_cli" / "commands" / "console"
    for folder in ("templates", "static"):
        wanted = {path.relative_to(source) for path in (source / folder).rglob("*.*")}
        assert wanted <= {path.relative_to(console) for path in console.rglob("*.*")}
    script = "import driftguard_cli.commands.console.rendering as made; made.prepare()"
    assert installed.run("python", "-c", script).returncode == 0


@pytest.mark.parametrize("command", [("demo",), ("lab", "up")])
def test_what_needs_a_checkout_says_so(installed: Installed, command: tuple[str, ...]) -> None:
    result = installed(*command)
    assert result.returncode == 1
    assert "Run it from a clone" in result.stderr
    assert "Traceback" not in result.stderr
