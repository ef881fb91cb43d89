"""What is shipped is enough: nothing that the emulator happens to have installed helps out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.world import ROOT, World

pytestmark = pytest.mark.e2e

# What Lambda's Python runtime brings beside the standard library.
_RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")


@pytest.mark.parametrize(
    "function", ["GuardFunction", "PublishFunction", "ReplyFunction", "SignedApiFunction"]
)
def test_a_function_loads_with_its_layers_and_the_runtime_alone(
    lab: World, function: str, tmp_path: Path
) -> None:
    built = Path(lab.lab["folder"]) / "build"
    [installed] = (ROOT / ".venv" / "emulator" / "lib").glob("python3.*/site-packages")
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    for name in _RUNTIME:
        [found] = [path for path in (installed / name, installed / f"{name}.py") if path.exists()]
        (runtime / found.name).symlink_to(found)
    layers = sorted(str(path) for path in built.glob("*Layer*/python"))
    assert layers
    variables = lab.lambdas.get_function_configuration(FunctionName=lab.lab[function])
    paths = [str(built / function), *layers, str(runtime)]
    loaded = subprocess.run(
        [sys.executable, "-S", "-I", "-c", f"import sys; sys.path[:0] = {paths!r}; import app"],
        env={
            "PATH": os.defpath,
            # As Lambda sets it.
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            **variables["Environment"]["Variables"],
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
