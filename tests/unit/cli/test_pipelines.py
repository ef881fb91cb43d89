"""What runs or publishes Driftguard elsewhere: the GitHub Action, hooks, the repository entry.

They call commands that exist, as they are typed.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from driftguard_cli.generate.limits import loaded
from driftguard_cli.main import app
from tests.support.world import ROOT

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
PAGE = (ROOT / "docs" / "how-to" / "pipelines.md").read_text()
CHECK = ACTION["runs"]["steps"][-1]


def test_the_action_is_composite_and_takes_inputs_as_variables_only() -> None:
    # Source: GitHub Docs, "Metadata syntax for GitHub Actions", "Script injections".
    assert ACTION["runs"]["using"] == "composite"
    for step in ACTION["runs"]["steps"]:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]
    given = {
        value.removeprefix("${{ inputs.").removesuffix(" }}") for value in CHECK["env"].values()
    }
    assert given == set(ACTION["inputs"])


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def action(tmp_path: Path) -> Run:
    """Runs the action's script with the command line of this checkout."""
    venv = tmp_path / "driftguard" / "bin"
    venv.mkdir(parents=True)
    command = venv / "driftguard"
    command.write_text(
        f"#!/bin/sh\nexec {sys.executable} -c 'from driftguard_cli.main import run; run()' \"$@\"\n"
    )
    command.chmod(0o755)

    def run(**inputs: str) -> subprocess.CompletedProcess[str]:
        given = {name: str(one.get("default", "")) for name, one in ACTION["inputs"].items()}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        wanted = {
            name: given[value.removeprefix("${{ inputs.").removesuffix(" }}")]
            for name, value in CHECK["env"].items()
        }
        # As GitHub runs `shell: bash`.
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", CHECK["run"]],
            cwd=ROOT,
            env={**os.environ, "RUNNER_TEMP": str(tmp_path), **wanted},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def policy_for(principal: str) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "s3:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_the_action_checks_policies_and_access(action: Run, tmp_path: Path) -> None:
    checked = action(check="policy", path="policies/guard.yaml")
    assert checked.returncode == 0, checked.stderr
    assert "is valid" in checked.stdout
    closed, opened = tmp_path / "closed one.json", tmp_path / "open.json"
    closed.write_text(
        policy_for("arn:aws:iam::123456789012:root")
        .replace('"arn', '{"AWS": "arn')
        .replace('root"', 'root"}')
    )
    opened.write_text(policy_for("*"))
    told = {"check": "access", "service": "s3", "trusted_accounts": "123456789012\n"}
    assert action(path=f"{closed}\n", **told).returncode == 0
    both = action(path=f"{closed}\n{opened}\n", **told)
    assert both.returncode == 1
    assert [json.loads(line)["public"] for line in both.stdout.splitlines()] == [False, True]


def test_a_path_is_no_option_and_no_command_and_a_check_that_is_none_is_told(
    action: Run, tmp_path: Path
) -> None:
    evil = action(
        check="policy", path=f"--help; touch {tmp_path}/touched $(touch {tmp_path}/touched)"
    )
    assert evil.returncode == 1
    assert not (tmp_path / "touched").exists()
    unknown = action(check="everything", path=".")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "write policy, scan or access" in unknown.stderr


def test_the_action_scans_with_what_it_is_given(action: Run, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "requirements.txt").write_text("requests==2.0.0\n")
    advisories = tmp_path / "advisories"
    advisories.mkdir()
    sarif = tmp_path / "out.sarif"
    scanned = action(check="scan", path=str(code), advisories=str(advisories), sarif=str(sarif))
    # Nothing is known of PyPI there: what cannot be checked is not clean.
    assert scanned.returncode == 2, scanned.stderr
    assert json.loads(sarif.read_text())["version"] == "2.1.0"


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: str(hook["id"]))
def test_a_hook_calls_a_command_that_exists(hook: dict[str, Any]) -> None:
    # Source: pre-commit.com, "Creating new hooks".
    assert {"id", "name", "entry", "language"} <= set(hook)
    assert hook["language"] == "python"
    name, *words = shlex.split(hook["entry"])
    assert name == "driftguard"
    command: Any = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]
    takes_files = any(one.multiple or one.nargs == -1 for one in command.params)
    assert hook.get("pass_filenames", True) is False or hook.get("require_serial") or takes_files


def test_the_page_uses_what_is_there() -> None:
    blocks = [yaml.safe_load(block.split("```")[0]) for block in PAGE.split("```yaml\n")[1:]]
    steps = blocks[0]["jobs"]["driftguard"]["steps"]
    ours = [step["with"] for step in steps if step["uses"].startswith("OWNER/driftguard@")]
    assert {one["check"] for one in ours} == {"policy", "access", "scan"}
    assert {name for one in ours for name in one} <= set(ACTION["inputs"])
    used = {hook["id"] for hook in blocks[1]["repos"][0]["hooks"]}
    assert used == {hook["id"] for hook in HOOKS}


def test_the_application_repository_takes_the_templates_entry() -> None:
    # Source: AWS SAM Developer Guide, "AWS SAM template Metadata section properties".
    entry = loaded((ROOT / "template.yaml").read_text())["Metadata"][
        "AWS::ServerlessRepo::Application"
    ]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert entry["SemanticVersion"] == project["version"]
    assert entry["SpdxLicenseId"] == project["license"]
    assert re.fullmatch(r"[a-zA-Z0-9-]{1,140}", entry["Name"])
    assert re.fullmatch(r"[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?", entry["Author"])
    assert 0 < len(entry["Description"]) <= 256
    assert len(entry["Labels"]) <= 10
    assert all(re.fullmatch(r"[a-zA-Z0-9+_:/@-]{1,127}", label) for label in entry["Labels"])
    for file in (entry["LicenseUrl"], entry["ReadmeUrl"]):
        assert (ROOT / file).is_file()
