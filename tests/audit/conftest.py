"""An audit table as the template makes it."""

from __future__ import annotations

import pytest

from driftguard.audit import AuditTable
from driftguard.aws import Aws
from tests.conftest import make_tables


@pytest.fixture
def table(account: None) -> AuditTable:
    make_tables()
    return AuditTable(Aws(), "audit")
