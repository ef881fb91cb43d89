"""What is shipped is enough: nothing that a runtime or the emulator has installed helps out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.world import World

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    "function", ["GuardFunction", "PublishFunction", "ReplyFunction", "SignedApiFunction"]
)
def test_a_function_loads_and_makes_a_client_with_its_layers_alone(
    lab: World, function: str
) -> None:
    built = Path(lab.lab["folder"]) / "build"
    layers = sorted(str(path) for path in built.glob("*Layer*/python"))
    assert layers
    variables = lab.lambdas.get_function_configuration(FunctionName=lab.lab[function])
    paths = [str(built / function), *layers]
    script = (
        f"import sys; sys.path[:0] = {paths!r}; import app, botocore\n"
        "print(app.aws.client('dynamodb').meta.endpoint_url, botocore.__file__)"
    )
    loaded = subprocess.run(
        [sys.executable, "-S", "-I", "-c", script],
        env={
            "PATH": os.defpath,
            # As Lambda sets it.
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "an access key",
            "AWS_SECRET_ACCESS_KEY": "a secret",
            **variables["Environment"]["Variables"],
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
    assert any(layer in loaded.stdout for layer in layers), loaded.stdout
