"""Nothing in the lab may ever reach a real account."""

from __future__ import annotations

from pathlib import Path

import botocore.session
import pytest

from driftguard_cli.commands.lab import environment
from driftguard_cli.commands.lab.environment import GUARDED, Endpoints, endpoint_variable
from driftguard_cli.commands.lab.errors import LabError

ENDPOINTS = Endpoints("http://127.0.0.1:4001", "http://127.0.0.1:4002", "http://127.0.0.1:4003")


@pytest.mark.parametrize("service", ["ec2", "s3control", "sts", "dynamodb", "events", "lambda"])
def test_peoples_tools_make_every_call_at_the_recorder(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.for_people(ENDPOINTS).items():
        monkeypatch.setenv(name, value)

    client = botocore.session.get_session().create_client(service)

    assert client.meta.endpoint_url == ENDPOINTS.recorder


@pytest.mark.parametrize(
    ("service", "played_by"),
    [("s3control", ENDPOINTS.account), ("emr", ENDPOINTS.account), ("sqs", ENDPOINTS.pipeline)],
)
def test_the_functions_call_the_emulators_themselves(
    service: str, played_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.for_sam(ENDPOINTS, Path(), Path(), Path()).items():
        monkeypatch.setenv(name, value)
    for name, value in environment.for_pipeline(ENDPOINTS, Path()).items():
        monkeypatch.setenv(name, value)

    client = botocore.session.get_session().create_client(service)

    assert client.meta.endpoint_url == played_by == ENDPOINTS.of(service)


def test_every_guarded_service_is_one_that_boto3_knows() -> None:
    assert set(botocore.session.get_session().get_available_services()) >= GUARDED


def test_the_variable_is_spelled_after_the_service_id() -> None:
    assert endpoint_variable("s3control") == "AWS_ENDPOINT_URL_S3_CONTROL"
    assert endpoint_variable("config") == "AWS_ENDPOINT_URL_CONFIG_SERVICE"


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://ec2.us-east-1.amazonaws.com",
        "http://127.0.0.1.example.com:80",
        "http://127.0.0.1@example.com:80",
        "http://0.0.0.0:4001",
    ],
)
def test_an_endpoint_that_is_not_on_this_machine_is_refused(endpoint: str) -> None:
    with pytest.raises(LabError, match="only speaks to this machine"):
        Endpoints(endpoint, "http://127.0.0.1:4002", "http://127.0.0.1:4003")


def test_nothing_of_the_persons_own_aws_environment_is_passed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_EC2", "SAM_CLI_TELEMETRY"):
        monkeypatch.setenv(name, "theirs")
    monkeypatch.setenv("PYTHONPATH", "theirs")
    monkeypatch.setenv("MAKEFLAGS", "-j8")

    passed_on = environment.clean({"AWS_ACCESS_KEY_ID": "lab"})

    assert "theirs" not in passed_on.values()
    assert [name for name in passed_on if name.startswith("AWS_")] == ["AWS_ACCESS_KEY_ID"]
    assert "MAKEFLAGS" not in passed_on


def test_a_proxy_is_never_asked_for_the_way_to_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_PROXY", "intranet.example.com")
    assert environment.clean({})["NO_PROXY"] == "intranet.example.com,127.0.0.1,localhost"


def for_sam(policy: str = "/lab/policy.yaml") -> dict[str, str]:
    return environment.for_sam(
        ENDPOINTS, home=Path("/lab/sam"), tools=Path("/venv/bin"), policy=Path(policy)
    )


def test_a_build_takes_the_labs_policy_and_not_one_that_the_person_has_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POLICY", "theirs.yaml")
    assert environment.clean(for_sam())["POLICY"] == "/lab/policy.yaml"


def test_a_policy_in_a_folder_with_a_space_is_one_word_of_the_builds_command() -> None:
    assert for_sam("/my lab/policy.yaml")["POLICY"] == "/my lab/policy.yaml"


def test_sam_itself_only_knows_the_pipeline() -> None:
    variables = for_sam()
    endpoints = {name: v for name, v in variables.items() if name.startswith("AWS_ENDPOINT")}
    assert endpoints == {"AWS_ENDPOINT_URL": ENDPOINTS.pipeline}
