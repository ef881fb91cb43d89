"""The record of a lab: its endpoints, the stack's outputs, its processes.

The record is `lab.json` in the lab's folder. It exists from the first process on, so that
`driftguard lab down` finds all of them even after a crash.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from . import environment
from .environment import Endpoints
from .errors import LabError
from .processes import Process

# boto3 makes its clients' methods at run time: there is no type to name them by.
Client: TypeAlias = Any

_FILE = "lab.json"


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab. It is `ready` once the stack is deployed."""

    folder: Path
    endpoints: Endpoints
    processes: tuple[Process, ...] = ()
    outputs: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    ready: bool = False
    # By service and endpoint: to make a client takes longer than most calls.
    _clients: dict[tuple[str, str], Client] = field(default_factory=dict, repr=False, compare=False)

    @property
    def environment(self) -> dict[str, str]:
        """What to export so that any AWS tool speaks to the lab."""
        return environment.for_people(self.endpoints)

    @property
    def running(self) -> bool:
        """Whether the stack is deployed and every process is still there."""
        return self.ready and all(process.alive for process in self.processes)

    @property
    def records(self) -> Path:
        """The records of the calls that were made at the recorder, one a line."""
        return self.folder / "records.jsonl"

    @property
    def temporary(self) -> Path:
        """Where the lab's processes put what they need for a while."""
        return self.folder / "tmp"

    @property
    def account_id(self) -> str:
        return environment.ACCOUNT_ID

    @property
    def region(self) -> str:
        return environment.REGION

    def client(self, service: str, endpoint: str = "") -> Client:
        """The lab's boto3 client of a service, whatever this process's own environment says.

        It is made at its first use. `endpoint` is for a service that both emulators play; else it
        is where the lab plays it.
        """
        url = endpoint or self.endpoints.of(service)
        if (service, url) not in self._clients:
            self._clients[service, url] = self._made(service, url)
        return self._clients[service, url]

    def _made(self, service: str, url: str) -> Client:
        from boto3 import Session
        from botocore.config import Config
        from botocore.session import get_session

        # Not even a profile that this process's environment names is looked for.
        blank = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
        session = Session(
            aws_access_key_id="lab",
            aws_secret_access_key="lab",
            region_name=environment.REGION,
            botocore_session=get_session({"profile": (None, None, None, None), **blank}),
        )
        make: Callable[..., Client] = session.client
        return make(
            service,
            endpoint_url=url,
            config=Config(proxies={}, inject_host_prefix=False, retries={"mode": "standard"}),
        )

    def with_process(self, process: Process) -> Lab:
        return replace(self, processes=(*self.processes, process))

    def told(self) -> dict[str, object]:
        """What `driftguard lab up --json` prints: one object, the stack's outputs by name."""
        return {
            "pipeline_endpoint": self.endpoints.pipeline,
            "account_endpoint": self.endpoints.account,
            "recorder_endpoint": self.endpoints.recorder,
            "account_id": environment.ACCOUNT_ID,
            "region": environment.REGION,
            **self.outputs,
            "environment": self.environment,
        }

    def save(self) -> None:
        """Writes the record, whole or not at all."""
        record = {
            "pipeline": self.endpoints.pipeline,
            "account": self.endpoints.account,
            "recorder": self.endpoints.recorder,
            "ready": self.ready,
            "outputs": self.outputs,
            "parameters": self.parameters,
            "processes": [
                {"name": p.name, "pid": p.pid, "started": p.started, "log": str(p.log)}
                for p in self.processes
            ],
        }
        draft = self.folder / f"{_FILE}.draft"
        draft.write_text(json.dumps(record, indent=2) + "\n")
        draft.replace(self.folder / _FILE)


def load(folder: Path) -> Lab | None:
    """The lab of a folder, or None where there is none."""
    try:
        record = json.loads((folder / _FILE).read_text())
        return Lab(
            folder=folder,
            endpoints=Endpoints(record["pipeline"], record["account"], record["recorder"]),
            processes=tuple(
                Process(p["name"], p["pid"], p["started"], Path(p["log"]))
                for p in record["processes"]
            ),
            outputs=record["outputs"],
            parameters=record["parameters"],
            ready=record["ready"],
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise LabError(
            f"{folder / _FILE} is not a lab's record ({error}). If no lab is running, "
            f"remove {folder} and try again."
        ) from error
