"""A warm process, watched: which clients are built in each invocation.

python warm_process.py FUNCTION EVENTS BUILT
"""

import json
import sys
from pathlib import Path
from typing import Any

from botocore.session import Session
from cold_process import Context

built: list[str] = []
make = Session.create_client


def counted(self: Session, service_name: str, *rest: Any, **more: Any) -> Any:
    """botocore's own way to a client, the one that every other goes through."""
    built.append(service_name)
    return make(self, service_name, *rest, **more)


def main() -> None:
    function, events, told = sys.argv[1:]
    Session.create_client = counted  # type: ignore[method-assign]
    sys.path.insert(0, function)
    from app import handler  # type: ignore[import-not-found]

    clients = []
    for event in json.loads(Path(events).read_text()):
        built.clear()
        answer = handler(event, Context())
        assert answer == {"batchItemFailures": []}, answer
        clients.append(sorted(built))
    Path(told).write_text(json.dumps(clients))


if __name__ == "__main__":
    main()
