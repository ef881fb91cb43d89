"""The trimmed SDK as a folder: its clients, endpoints and pages are those of the whole one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import botocore
import pytest
from botocore.regions import EndpointResolver
from packaging.requirements import Requirement
from typer.testing import CliRunner

from driftguard_cli.errors import Trouble
from driftguard_cli.main import wired
from driftguard_cli.sdk import tree
from driftguard_cli.sdk.operations import Calls
from tests.support.world import ROOT

from .conftest import Trimmed, linked

REGIONS = (
    *("us-east-1", "eu-central-2", "ap-southeast-4", "cn-north-1", "us-gov-west-1"),
    *("us-iso-east-1", "us-isob-east-1", "eusc-de-east-1", "xx-new-1"),
)
REQUIREMENTS = ROOT / "layers" / "dependencies" / "requirements.txt"


def service_of(trimmed: Trimmed, service: str) -> str:
    model = trimmed.before.load_service_model(service, "service-2")
    return str(model["metadata"]["endpointPrefix"])


def test_every_service_has_a_client_with_the_kept_methods_alone(trimmed: Trimmed) -> None:
    session = trimmed.session(whole=False)
    for service, kept in trimmed.kept.items():
        client = session.create_client(service, region_name="us-east-1")
        assert set(client.meta.method_to_api_mapping.values()) == kept


def test_a_page_is_turned_as_before(trimmed: Trimmed) -> None:
    several = 0
    for service, kept in trimmed.kept.items():
        if service not in trimmed.before.list_available_services("paginators-1"):
            continue
        before = trimmed.before.load_service_model(service, "paginators-1")["pagination"]
        after = trimmed.after.load_service_model(service, "paginators-1")["pagination"]
        assert after == {name: before[name] for name in before if name in kept}
        several += len(after)
    assert several > 50


def test_the_endpoints_are_the_same_in_every_partition(trimmed: Trimmed) -> None:
    before, after = (
        EndpointResolver(loader.load_data("endpoints"))
        for loader in (trimmed.before, trimmed.after)
    )
    assert after.get_available_partitions() == before.get_available_partitions()
    for service in trimmed.kept:
        for name in {service, service_of(trimmed, service)}:
            for region in REGIONS:
                wanted = before.construct_endpoint(name, region)
                assert after.construct_endpoint(name, region) == wanted
        rules = [
            loader.load_service_model(service, "endpoint-rule-set-1")
            for loader in (trimmed.before, trimmed.after)
        ]
        assert rules[0] == rules[1]
    for name in ("partitions", "_retry", "sdk-default-configuration"):
        # From the files: botocore writes into what it has loaded.
        before_file, after_file = (
            folder / "data" / f"{name}.json"
            for folder in (Path(botocore.__file__).parent, trimmed.folder / "botocore")
        )
        assert json.loads(after_file.read_text()) == json.loads(before_file.read_text())


def test_it_is_small_and_says_that_it_was_changed(trimmed: Trimmed) -> None:
    data = trimmed.folder / "botocore" / "data"
    assert sum(path.stat().st_size for path in data.rglob("*.json")) < 3_000_000
    assert "changed" in (data / "CHANGED.txt").read_text()
    for service in trimmed.kept:
        assert len(list((data / service).iterdir())) == 1
    files = {path.name for path in data.glob("*/*/*")}
    assert files == {"service-2.json", "endpoint-rule-set-1.json", "paginators-1.json"}


def test_botocore_itself_runs_on_what_is_left(trimmed: Trimmed, tmp_path: Path) -> None:
    """In a process that has this botocore alone."""
    layer = tmp_path / "layer"
    layer.mkdir()
    installed = Path(botocore.__file__).parent
    package = layer / "botocore"
    package.mkdir()
    for path in installed.iterdir():
        if path.name != "data":
            (package / path.name).symlink_to(path)
    (package / "data").symlink_to(trimmed.folder / "botocore" / "data")
    for name in ("jmespath", "dateutil", "six.py", "urllib3"):
        (layer / name).symlink_to(installed.parent / name)
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from botocore.session import get_session\n"
        "session = get_session()\n"
        "for name in session.get_available_services():\n"
        "    client = session.create_client(name, region_name='eu-west-1')\n"
        "    print(name, client.meta.endpoint_url)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-S", "-I", "-c", script, str(layer)],
        env={"PATH": os.defpath, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert {line.split()[0] for line in ran.stdout.splitlines()} == set(trimmed.kept)


# ------------------------------------------------------------------------------- the command


def test_where_no_botocore_is_the_build_stops(tmp_path: Path) -> None:
    answer = CliRunner().invoke(wired(["sdk"]), ["sdk", "trim", str(tmp_path)])
    assert isinstance(answer.exception, Trouble)
    assert "no botocore" in str(answer.exception)


def test_what_would_cut_a_call_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = linked(tmp_path)
    before = sorted(path.name for path in data.iterdir())
    monkeypatch.setattr(tree, "differences", lambda *_: ["SendMessage: input"])
    calls = Calls(frozenset({"sqs"}), frozenset(), frozenset({"sqs:SendMessage"}))
    with pytest.raises(Trouble, match=r"Trimming sqs would cut .*SendMessage: input"):
        tree.trim(tmp_path, calls)
    assert sorted(path.name for path in data.iterdir()) == before


# --------------------------------------------------------------------------------- the pins


def pins() -> dict[str, str]:
    """What the layer installs: package and version."""
    lines = [line for line in REQUIREMENTS.read_text().splitlines() if line[:1].isalpha()]
    pinned = [re.fullmatch(r"([a-z0-9-]+)==([\w.]+)", line) for line in lines]
    assert all(pinned), lines
    return {match[1]: match[2] for match in pinned if match}


def test_the_sdk_is_pinned_with_all_that_it_needs() -> None:
    """It is installed without its dependencies, so a bump of botocore may need another."""
    needed = [Requirement(line) for line in requires("botocore") or ()]
    for requirement in needed:
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            assert pins()[requirement.name] in requirement.specifier
    assert "six" in pins()
    assert "boto3" not in pins()
