"""The process that is measured: the guard's own handler, given events one after another.

    python cold_process.py FUNCTION EVENTS [IMPORTED]

FUNCTION is the folder of the Lambda's code, EVENTS a file with a list of Lambda events. The layers
are on PYTHONPATH and the template's variables in the environment, as on Lambda. Nothing here is
watched; at the end, IMPORTED is told which of the heavy modules were loaded, and which of the
SDK's came from elsewhere than the layers.
"""

import json
import os
import sys

# What a harmless event must do without.
HEAVY = ("boto3", "botocore", "pydantic", "yaml", "aws_lambda_powertools", "asyncio", "logging")
# What the runtime brings, and the layers bring in its place.
SDK = ("boto3", "botocore", "jmespath", "s3transfer", "urllib3", "dateutil", "six")


class Context:
    """What Lambda tells a handler about an invocation."""

    function_name = "driftguard-guard"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:driftguard-guard"
    aws_request_id = "9f1c6d0e-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


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
            json.dump({"heavy": loaded(HEAVY), "foreign": foreign()}, file)


def loaded(names: tuple[str, ...]) -> list[str]:
    """Those of these modules that were loaded."""
    return [name for name in names if name in sys.modules]


def foreign() -> list[str]:
    """Modules of the SDK that were loaded from somewhere else than the layers."""
    layers = tuple(os.environ["PYTHONPATH"].split(os.pathsep))
    return [name for name in loaded(SDK) if not str(sys.modules[name].__file__).startswith(layers)]


if __name__ == "__main__":
    main()
