"""What the commands queue's messages say, and which are refused."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from driftguard.events.cloudtrail import Unparsable
from driftguard.events.commands import LookAt, LookFor, command_of, look_for_message, look_message
from driftguard.model import Resource

ARN = "arn:aws:ec2:eu-west-1:123456789012:security-group/sg-1"


def look(region: str) -> Any:
    return look_message("c", Resource("ec2.security-group", "sg-1", "123456789012", region, ARN))


def regions() -> list[str]:
    """Every region that the SDK knows, in all partitions."""
    told = json.loads(files("botocore").joinpath("data/endpoints.json").read_text())
    return [region for partition in told["partitions"] for region in partition["regions"]]


def test_a_look_is_for_a_region_of_aws() -> None:
    for region in [*regions(), "global"]:
        assert isinstance(command_of(look(region)), LookAt)
        assert isinstance(command_of(look_for_message("c", ARN, region)), LookFor)


@pytest.mark.parametrize("region", ["1e999", "us-east", "x.example", "us-east-1/../x", "US-EAST-1"])
def test_what_is_no_region_is_refused_in_words(region: str) -> None:
    for message in (look(region), look_for_message("c", ARN, region)):
        with pytest.raises(Unparsable, match="is no region of AWS"):
            command_of(message)


@pytest.mark.parametrize("name", ["control", "arn", "region"])
def test_what_a_look_needs_is_named(name: str) -> None:
    with pytest.raises(Unparsable, match=f"names no {name}"):
        command_of(look_for_message("c", ARN, "eu-west-1") | {name: ""})
