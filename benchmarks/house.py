"""What a Lambda gets: the layers and functions as `sam build` makes them, and their variables."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[1]
# The environment of the emulator's Lambdas: what the Lambda runtime brings, boto3, and not ours.
LEAN = ROOT / ".venv" / "emulator"

_CODE = {
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Serverless::Function": "CodeUri",
}


class BuildError(Exception):
    """A Lambda could not be put together as the template says; the message says why."""


@dataclass(frozen=True, slots=True)
class Size:
    """How big a layer or function is: files, bytes unpacked, bytes as a zip."""

    files: int
    unpacked: int
    zipped: int


def template() -> dict[str, Any]:
    """The stack's template, its short forms written out."""
    parsed: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
    return parsed


def parts() -> dict[str, str]:
    """What ships: each layer and function of the template, and the folder it is built from."""
    return {
        name: resource["Properties"][_CODE[resource["Type"]]]
        for kind in _CODE
        for name, resource in template()["Resources"].items()
        if resource["Type"] == kind
    }


def build(into: Path, **environment: str) -> None:
    """Builds all that ships with the project's own Makefiles, each part into its folder."""
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    for name, folder in parts().items():
        artifacts = into / name
        artifacts.mkdir(parents=True)
        made = subprocess.run(
            ["make", "-f", f"{folder}/Makefile", f"build-{name}", f"ARTIFACTS_DIR={artifacts}"],
            cwd=ROOT,
            env={**os.environ, "PATH": tools, **environment},
            capture_output=True,
            text=True,
        )
        if made.returncode:
            raise BuildError(f"{name} could not be built:\n{made.stderr.strip()}")


def sizes(built: Path) -> dict[str, Size]:
    """The size of each part, as it would be uploaded: without byte code."""
    return {name: _size(built / name) for name in parts()}


def _size(folder: Path) -> Size:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(folder))
    return Size(len(files), sum(path.stat().st_size for path in files), len(packed.getvalue()))


def compiled(python: Path, *folders: Path) -> None:
    """Writes the byte code of everything in the folders, as the first of many runs would."""
    subprocess.run(
        [python, "-m", "compileall", "-q", "-j", "0", *folders], check=True, env=_plain()
    )


def _plain() -> dict[str, str]:
    """This environment without anything that changes how Python runs."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def variables(account: Mapping[str, str]) -> dict[str, str]:
    """The variables that the template gives the guard; what it looks up is found in `account`."""
    whole = template()
    given: dict[str, object] = {}
    for properties in (
        whole["Globals"]["Function"],
        whole["Resources"]["GuardFunction"]["Properties"],
    ):
        given |= properties["Environment"]["Variables"]
    unknown = {name for name, value in given.items() if not isinstance(value, str)} - set(account)
    if unknown:
        raise BuildError(f"no value for what the template gives the guard: {', '.join(unknown)}")
    return {
        name: value if isinstance(value, str) else account[name] for name, value in given.items()
    }
