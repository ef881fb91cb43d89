"""A check of OCSF events against the schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Required attribute → its type, by object; nested objects by name.
REQUIRED: dict[str, dict[str, Any]] = {
    "": {
        "activity_id": int,
        "category_uid": int,
        "class_uid": int,
        "cloud": "cloud",
        "finding_info": "finding_info",
        "metadata": "metadata",
        "severity_id": int,
        "time": int,
        "type_uid": int,
    },
    "cloud": {"provider": str},
    "finding_info": {"title": str, "uid": str},
    "metadata": {"product": "product", "version": str},
    "product": {"vendor_name": str},
    "analytic": {"type_id": int},
    "remediation": {"desc": str},
    "api": {"operation": str},
    "request": {"uid": str},
}


AT_LEAST_ONE = {
    "evidences": {"actor", "api", "connection_info", "data", "process", "src_endpoint"},
    "actor": {"process", "user", "invoked_by", "session"},
    "user": {"account", "name", "uid"},
    "resources": {"name", "uid"},
    "account": {"name", "uid"},
    "src_endpoint": {"ip", "uid", "name", "hostname"},
}


ENUMS = {
    "activity_id": {0, 1, 2, 3, 99},
    "severity_id": {0, 1, 2, 3, 4, 5, 6, 99},
    "status_id": {0, 1, 2, 3, 4, 99},
}


def check(value: object, name: str = "") -> None:
    """The value has what the schema requires of an object of this name, all the way down."""
    if isinstance(value, list):
        for one in value:
            check(one, name)
    if not isinstance(value, Mapping):
        return
    for attribute, kind in REQUIRED.get(name, {}).items():
        assert attribute in value, f"{name}.{attribute} is required"
        if isinstance(kind, type):
            assert isinstance(value[attribute], kind), f"{name}.{attribute}"
    if name in AT_LEAST_ONE:
        assert AT_LEAST_ONE[name] & set(value), f"{name} has none of {AT_LEAST_ONE[name]}"
    for attribute, inner in value.items():
        assert inner not in (None, "", [], {}), f"{name}.{attribute} is empty"
        assert inner in ENUMS.get(attribute, {inner}) if isinstance(inner, int) else True
        check(inner, attribute)
