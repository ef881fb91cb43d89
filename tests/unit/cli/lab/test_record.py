"""What is kept of a lab is enough to find it again, and to take it down after a crash."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from driftguard_cli.commands.lab import down, record
from driftguard_cli.commands.lab.emitting import AwsOfLab
from driftguard_cli.commands.lab.environment import Endpoints
from driftguard_cli.commands.lab.errors import LabError
from driftguard_cli.commands.lab.processes import Process
from driftguard_cli.commands.lab.record import Lab


def a_lab(folder: Path) -> Lab:
    return Lab(
        folder,
        Endpoints("http://127.0.0.1:4001", "http://127.0.0.1:4002", "http://127.0.0.1:4003"),
        processes=(Process("ministack", 2**22 + 1, "long ago", folder / "ministack.log"),),
        outputs={"AuditTable": "audit"},
        parameters={"AutonomyCeiling": "observe"},
        ready=True,
    )


def test_a_saved_lab_is_found_again(tmp_path: Path) -> None:
    lab = a_lab(tmp_path)
    lab.save()
    assert record.load(tmp_path) == lab


def test_where_there_is_no_lab_none_is_found(tmp_path: Path) -> None:
    assert record.load(tmp_path) is None


def test_a_damaged_record_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "lab.json").write_text("{")
    with pytest.raises(LabError, match="remove"):
        record.load(tmp_path)


def test_what_is_printed_has_the_outputs_by_name_and_the_environment(tmp_path: Path) -> None:
    told = a_lab(tmp_path).told()
    assert told["pipeline_endpoint"] == "http://127.0.0.1:4001"
    assert told["account_endpoint"] == "http://127.0.0.1:4002"
    assert told["account_id"] == "123456789012"
    assert told["region"] == "us-east-1"
    assert told["AuditTable"] == "audit"
    assert isinstance(told["environment"], dict)
    assert told["recorder_endpoint"] == "http://127.0.0.1:4003"
    assert told["environment"]["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4003"


def test_a_client_is_made_once_for_each_service_and_endpoint(tmp_path: Path) -> None:
    """The demo's staging made one for each call."""
    lab = a_lab(tmp_path)
    aws = AwsOfLab(lab)
    for service in ("sqs", "ec2"):
        assert aws.client(service) is aws.client(service, "us-east-1") is lab.client(service)
    elsewhere = lab.client("sqs", "http://127.0.0.1:4999")
    assert elsewhere is not lab.client("sqs")
    assert elsewhere.meta.endpoint_url == "http://127.0.0.1:4999"
    # What else is known of a lab changes nothing of its clients; another lab has its own.
    assert replace(lab, ready=True).client("sqs") is lab.client("sqs")
    assert a_lab(tmp_path).client("sqs") is not lab.client("sqs")


def test_a_labs_client_heeds_nothing_of_the_persons_own_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[profile theirs]\nregion = eu-west-1\n")
    for name, value in (
        ("AWS_CONFIG_FILE", str(tmp_path / "config")),
        ("AWS_PROFILE", "unattributed"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ENDPOINT_URL_EC2", "https://ec2.example.com"),
    ):
        monkeypatch.setenv(name, value)

    client = a_lab(tmp_path).client("ec2")

    assert client.meta.endpoint_url == "http://127.0.0.1:4002"
    assert client.meta.region_name == "us-east-1"


def test_a_lab_whose_processes_are_gone_does_not_run(tmp_path: Path) -> None:
    assert not a_lab(tmp_path).running


def test_taking_down_what_has_died_removes_its_folder_and_is_idempotent(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    folder.mkdir()
    a_lab(folder).save()
    assert down(folder) is True
    assert not folder.exists()
    assert down(folder) is False
