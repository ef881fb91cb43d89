"""The process that is measured: the guard's own handler, given events one after another.

    python cold_process.py FUNCTION EVENTS [IMPORTED]

FUNCTION is the folder of the Lambda's code, EVENTS a file with a list of Lambda events. The layers
are on PYTHONPATH and the template's variables in the environment, as on Lambda. Nothing here is
watched; at the end, IMPORTED is told which of the heavy modules were loaded.
"""

import json
import sys

# Powertools always imports the bare package `botocore`, to name itself to AWS; that costs nothing.
HEAVY = ("boto3", "botocore.session", "botocore.client", "pydantic", "yaml")


class Context:
    """What Lambda tells a handler about an invocation."""

    function_name = "driftguard-guard"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:driftguard-guard"
    aws_request_id = "9f1c6d0e-0000-4000-8000-000000000000"


def main() -> None:
    function, events, *imported = sys.argv[1:]
    sys.path.insert(0, function)
    from app import handler  # type: ignore[import-not-found]

    # Neither pathlib nor anything else that the guard itself may do without.
    with open(events) as file:  # noqa: PTH123
        for event in json.load(file):
            answer = handler(event, Context())
            assert answer == {"batchItemFailures": []}, answer
    for path in imported:
        with open(path, "w") as file:  # noqa: PTH123
            json.dump([name for name in HEAVY if name in sys.modules], file)


if __name__ == "__main__":
    main()
