"""What the unit tests share: an open security group, and the signed API behind a door."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest

from driftguard.audit import AuditTable
from driftguard.aws.client import Aws
from tests.support.api_requests import AtTheSignedApi
from tests.support.approving import Asked, open_up
from tests.support.doors import Door, served
from tests.support.refusals import Refusing, refusals
from tests.support.world import World, make_tables


@pytest.fixture
def group(world: World) -> str:
    made = boto3.client("ec2").create_security_group(GroupName="web", Description="web")
    open_up(made["GroupId"], 22)
    return str(made["GroupId"])


@pytest.fixture
def door(world: World, group: str) -> Iterator[Door]:
    with served(Door(AtTheSignedApi(Asked(world, group)))) as door:
        yield door


@pytest.fixture
def table(account: None) -> AuditTable:
    """An audit table as the template makes it."""
    make_tables()
    return AuditTable(Aws(), "audit")


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Refusing:
    """Has AWS refuse an operation: `refusing(operation, code, after=0, times=1_000)`."""
    return refusals(monkeypatch)
