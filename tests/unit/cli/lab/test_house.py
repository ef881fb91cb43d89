"""A lab that runs already is only given out if it is the one that was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftguard_cli.commands.lab.environment import Endpoints
from driftguard_cli.commands.lab.errors import LabError
from driftguard_cli.commands.lab.house import OF_LABS, up
from driftguard_cli.commands.lab.record import Lab


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout, as far as these tests go, with a lab of its own policy running in `.lab`."""
    policy = tmp_path / "policies" / "guard.yaml"
    policy.parent.mkdir()
    policy.write_text("version: 1\n")
    folder = tmp_path / ".lab"
    folder.mkdir()
    (folder / "policy.yaml").write_text("version: 1\n")
    endpoints = Endpoints("http://127.0.0.1:4001", "http://127.0.0.1:4002", "http://127.0.0.1:4003")
    Lab(folder, endpoints, parameters=dict(OF_LABS), ready=True).save()
    return tmp_path


def no_matter(_: str) -> None:
    pass


def test_the_lab_of_the_same_policy_is_given_out(root: Path) -> None:
    assert up(root, root / ".lab", {}, no_matter).ready


def test_a_lab_of_another_policy_is_not(root: Path) -> None:
    stricter = root / "stricter.yaml"
    stricter.write_text("version: 1\ndefaults:\n  autonomy: revert\n")
    with pytest.raises(LabError, match="another policy"):
        up(root, root / ".lab", {}, no_matter, stricter)


def test_a_policy_that_was_edited_since_is_another_one(root: Path) -> None:
    (root / "policies" / "guard.yaml").write_text("version: 1\ndefaults:\n  autonomy: ask\n")
    with pytest.raises(LabError, match="driftguard lab down"):
        up(root, root / ".lab", {}, no_matter)


def test_a_policy_that_is_not_there_is_named(root: Path) -> None:
    with pytest.raises(LabError, match="There is no policy at"):
        up(root, root / ".lab", {}, no_matter, root / "nowhere.yaml")
