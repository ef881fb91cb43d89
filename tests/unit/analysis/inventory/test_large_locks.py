"""13: a lock file of 20,000 packages is read to its last one."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest

from driftguard.analysis.inventory import of_lock

MANY = 20_000
HASH = "a" * 88


def each(piece: Callable[[int], str]) -> str:
    return "".join(map(piece, range(MANY)))


def package_lock() -> str:
    packages = {
        f"node_modules/p{number}": {
            "version": "1.0.0",
            "resolved": f"https://registry.npmjs.org/p{number}/-/p{number}-1.0.0.tgz",
            "integrity": f"sha512-{HASH}",
            "license": "MIT",
        }
        for number in range(MANY)
    }
    return json.dumps({"lockfileVersion": 3, "packages": packages}, indent=2)


LOCKS: dict[str, Callable[[], str]] = {
    "package-lock.json": package_lock,
    "yarn.lock": lambda: (
        "# yarn lockfile v1\n\n"
        + each(
            lambda number: (
                f'"p{number}@^1.0.0":\n  version "1.0.0"\n  integrity sha512-{HASH}\n'
                '  dependencies:\n    other "^2.0.0"\n\n'
            )
        )
    ),
    "pnpm-lock.yaml": lambda: (
        "lockfileVersion: '9.0'\n\npackages:\n\n"
        + each(
            lambda number: (
                f"  p{number}@1.0.0:\n    resolution: {{integrity: sha512-{HASH}}}\n"
                "    engines: {node: '>=10'}\n\n"
            )
        )
        + "snapshots:\n\n  p0@1.0.0: {}\n"
    ),
    "uv.lock": lambda: (
        "version = 1\n\n"
        + each(
            lambda number: (
                f'[[package]]\nname = "p{number}"\nversion = "1.0.0"\n'
                'source = { registry = "https://pypi.org/simple" }\n'
                f'sdist = {{ url = "https://example.com/p.tar.gz", hash = "sha256:{HASH}" }}\n\n'
            )
        )
    ),
    "requirements.txt": lambda: each(
        lambda number: (
            f"p{number}==1.0.0 \\\n    --hash=sha256:{HASH[:64]} \\\n"
            f"    --hash=sha256:{HASH[:64]}\n    # via app\n"
        )
    ),
    "gradle.lockfile": lambda: (
        each(lambda number: f"com.example:p{number}:1.0.0=runtimeClasspath\n") + "empty=\n"
    ),
    "go.sum": lambda: each(
        lambda number: f"example.com/p{number} v1.0.0 h1:{HASH[:43]}=\n",
    ),
}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_of_twenty_thousand_packages_is_read(name: str) -> None:
    found = of_lock(io.BytesIO(LOCKS[name]().encode()), name)
    assert len(found.items) == MANY
    # What a go.sum lists need not be built; it is told, and every other file is complete.
    assert name == "go.sum" or found.complete, found.gaps
