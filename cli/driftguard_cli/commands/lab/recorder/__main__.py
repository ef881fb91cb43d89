"""Runs the recorder until it is ended."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from ..environment import ACCOUNT_ID, REGION, Endpoints
from .identity import Identities
from .server import Proxy, Recorder

_LOCAL = Config(proxies={}, inject_host_prefix=False, retries={"mode": "standard"})


def main() -> None:
    """Passes calls on to the emulators, and puts their records on the bus."""
    options = argparse.ArgumentParser(description=main.__doc__)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--pipeline", required=True, help="the pipeline's endpoint")
    options.add_argument("--account", required=True, help="the guarded account's endpoint")
    options.add_argument("--records", type=Path, required=True, help="a file of JSON lines")
    given = options.parse_args()

    endpoints = Endpoints(given.pipeline, given.account, f"http://127.0.0.1:{given.port}")

    def client(service: str, access_key: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=endpoints.of(service),
            region_name=REGION,
            aws_access_key_id=access_key,
            aws_secret_access_key="lab",
            config=_LOCAL,
        )

    bus = client("events", "lab")

    def emit(record: Mapping[str, Any]) -> None:
        source = record["eventSource"].removesuffix(".amazonaws.com")
        entry = {
            "Source": f"aws.{source}",
            "DetailType": "AWS API Call via CloudTrail",
            "Detail": json.dumps(record),
        }
        answer = bus.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            raise RuntimeError(f"the bus refused the event: {answer['Entries']}")

    recorder = Recorder(ACCOUNT_ID, Identities(client), emit, given.records)
    Proxy(given.port, lambda service: endpoints.of(service or "s3"), recorder).serve_forever()


if __name__ == "__main__":
    main()
