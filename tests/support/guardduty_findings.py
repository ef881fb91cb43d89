"""GuardDuty's findings in a lab's account: moto has detectors, and no findings.

Stands before an application that answers AWS's API. A lab has GuardDuty know a finding by a POST of
it, as an event's `detail` has it, to
`KNOW_FINDING`. A finding with an id of before replaces the older one.

Sources: Amazon GuardDuty API Reference, "GetFindings"; Amazon GuardDuty User Guide, "Processing
GuardDuty findings with Amazon EventBridge".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from driftguard_cli.commands.lab.environment import KNOW_FINDING

Environment: TypeAlias = dict[str, Any]
Application: TypeAlias = Callable[[Environment, Any], Iterable[bytes]]

# The address of GetFindings; its answers spell names as events do.
_GET = re.compile(r"/detector/(?P<detector>[^/]+)/findings/get")


class Findings:
    """What GuardDuty knows, by detector and id."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._known: dict[str, dict[str, dict[str, Any]]] = {}

    def __call__(self, environment: Environment, start_response: Any) -> Iterable[bytes]:
        path = str(environment.get("PATH_INFO", ""))
        asked = _GET.fullmatch(path)
        if environment["REQUEST_METHOD"] != "POST" or not (asked or path == KNOW_FINDING):
            return self._application(environment, start_response)
        body = environment["wsgi.input"].read(int(environment.get("CONTENT_LENGTH") or 0))
        given = json.loads(body)
        if asked is None:
            detector = given["service"]["detectorId"]
            self._known.setdefault(detector, {})[given["id"]] = given
            return _answered({}, start_response)
        known = self._known.get(asked["detector"], {})
        found = [known[id_] for id_ in given["findingIds"] if id_ in known]
        return _answered({"findings": found}, start_response)


def _answered(said: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    body = json.dumps(said).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]
