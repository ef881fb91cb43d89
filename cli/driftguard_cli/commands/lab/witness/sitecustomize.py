"""Writes down every API call of a lab's functions: one line of JSON a call, in `LAB_CALLS`.

Python imports a module of this name when it starts. In a process that runs a function (the
emulator says so by Lambda's own variable) it waits for botocore's clients to be imported, and
imports nothing of ours: the function is to find no more than it does on AWS.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any

_FUNCTION = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
_CALLS = os.environ.get("LAB_CALLS", "")


class _Witness(MetaPathFinder):
    """Stands by when `botocore.client` is imported."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The module's own spec, whose clients will be heard."""
        if fullname != "botocore.client":
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is None or spec.loader is None:
            return None
        executed = spec.loader.exec_module

        def heard(module: Any) -> None:
            executed(module)
            _listen(module.BaseClient)

        spec.loader.exec_module = heard  # type: ignore[method-assign]
        return spec


def _listen(clients: Any) -> None:
    made = clients._make_api_call

    def written_down(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        credentials = client._request_signer._credentials
        line = {
            "process": os.getpid(),
            "function": _FUNCTION,
            # The role of a plan's session; "" for the function's own.
            "acting": getattr(credentials, "who", ""),
            "service": client.meta.service_model.service_name,
            "operation": operation,
            "parameters": parameters,
        }
        _write(line)
        answer = made(client, operation, parameters)
        if operation == "CreateSecurityGroup":
            # Whether a role may change the group depends on the tags that it was made with.
            tagged = parameters.get("TagSpecifications", [])
            _write({"made": answer["GroupId"], "tags": [one["Tags"] for one in tagged]})
        return answer

    clients._make_api_call = written_down


def _write(line: dict[str, Any]) -> None:
    # One write a line: the functions of a lab share the file.
    with open(_CALLS, "a") as calls:  # noqa: PTH123 - a path costs an import
        calls.write(json.dumps(line, default=str) + "\n")


if _FUNCTION and _CALLS:
    sys.meta_path.insert(0, _Witness())
