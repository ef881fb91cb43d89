"""The scan before a deployment and the control after it say the same of the same code."""

from __future__ import annotations

import io
import json
from itertools import product
from pathlib import Path

import pytest

from driftguard.analysis.vulnerabilities import of_code
from driftguard.aws.client import Aws, Surroundings
from driftguard.aws.download import code_sha256
from driftguard.controls.mechanisms.vulnerable_library import Judge, LibrarySettings, today
from driftguard.documents import text
from driftguard.model import Resource
from tests.support.advisories.stand_in import StandIn
from tests.support.inventory.making_programs import elf, go_inline
from tests.support.inventory.making_zips import metadata, pom, zipped
from tests.support.scan.making import BOMB, CLEAN, FAT_JAR, LODASH, REQUESTS, written
from tests.support.scan.running import Scan, allowed, as_json, policy
from tests.support.scan.serving import served

CODE: dict[str, bytes] = {
    "clean": zipped(CLEAN),
    "nothing of others": zipped({"handler.py": ""}),
    "wheels": zipped(REQUESTS),
    "modules": zipped(LODASH),
    "fat jar": zipped({"lib/app.jar": FAT_JAR}),
    "all at once": zipped(REQUESTS | LODASH | {"lib/app.jar": FAT_JAR}),
    "one's own jar": zipped({"lib/app.jar": zipped({"com/example/App.class": b""})}),
    "go": zipped({"bootstrap": elf(go_inline(), section=".go.buildinfo", text=bytes(10**5))}),
    "odd names": zipped({"Requests_2.dist-info/METADATA": metadata("REQUESTS", "2.19")}),
    "two versions": zipped(
        REQUESTS | {"b/requests-2.32.0.dist-info/METADATA": metadata("requests", "2.32.0")}
    ),
    "local build": zipped({"r.dist-info/METADATA": metadata("requests", "2.19.0+patched")}),
    "no version": zipped({"node_modules/lodash/package.json": '{"name": "lodash"}'}),
    "no version that one can read": zipped({"r.dist-info/METADATA": metadata("requests", "main")}),
    "unfixed": zipped({"u.dist-info/METADATA": metadata("unfixed", "1.0")}),
    "unrated": zipped(
        {"node_modules/unrated/package.json": '{"name": "unrated", "version": "1.0.0"}'}
    ),
    "pins": zipped({"requirements.txt": "requests==2.19.0\n"}),
    "ranges": zipped({"requirements.txt": "requests>=2\n"}),
    "lock": zipped(
        {
            "package-lock.json": json.dumps(
                {"lockfileVersion": 3, "packages": {"node_modules/lodash": {"version": "4.17.15"}}}
            )
        }
    ),
    "jar whose group is guessed": zipped(
        {"log4j-core-2.14.1.jar": zipped({"org/apache/logging/log4j/core/Logger.class": b""})}
    ),
    "gap": zipped(CLEAN | {"Gemfile.lock": ""}),
    "gap beside what is bad": zipped(REQUESTS | {"Gemfile.lock": ""}),
    "pom without a version": zipped(pom("a.b", "c", "unspecified")),
    "bomb": BOMB,
    "cut": zipped(REQUESTS)[:-30],
    "text": b"no zip",
}
TERMS: dict[str, tuple[LibrarySettings, str]] = {
    "usual": (LibrarySettings(), ""),
    "all": (LibrarySettings(min_severity=0), ""),
    "fixed only": (LibrarySettings(fix_available=True), ""),
    "allowed": (
        LibrarySettings(
            allowed=(
                {
                    "id": "CVE-2018-18074",
                    "until": "2999-12-31",  # type: ignore[typeddict-item] - as compiled
                    "reason": "Not reachable.",
                    "resource": "code*",
                },
            )
        ),
        allowed("CVE-2018-18074", resource="code*"),
    ),
}


@pytest.mark.parametrize(("code", "terms"), list(product(CODE, TERMS)))
def test_the_same_code_on_the_same_terms_has_the_same_verdict(
    scan: Scan, tmp_path: Path, osv: StandIn, code: str, terms: str
) -> None:
    settings, allowing = TERMS[terms]
    by_control = _by_the_control(CODE[code], osv.address, settings)
    result = scan(
        written(tmp_path / "code.zip", CODE[code]),
        "--advisories",
        osv.address,
        "--policy",
        policy(tmp_path, allowing, settings.min_severity, settings.fix_available),
        "--json",
    )
    flagged = [
        (text(one, "package"), text(one, "version"), text(one, "id"))
        for one in as_json(result)["flagged"]
    ]
    assert (result.exit_code, sorted(flagged)) == by_control


def test_both_verdicts_take_a_source_that_cannot_be_had_for_no_answer(
    scan: Scan, tmp_path: Path, osv: StandIn
) -> None:
    osv.always = lambda handler, _: handler.answer({}, 404) is None
    by_control = _by_the_control(CODE["clean"], osv.address, LibrarySettings())
    result = scan(written(tmp_path / "code.zip", CODE["clean"]), "--advisories", osv.address)
    assert (result.exit_code, by_control[0]) == (2, 2)


def _by_the_control(
    code: bytes, advisories: str, settings: LibrarySettings
) -> tuple[int, list[tuple[str, str, str]]]:
    """What the control makes of the code, as an exit code, and what it minds."""
    aws = Aws(surroundings=Surroundings(advisories=advisories))
    with served({"code": code}) as address:
        looked = of_code(f"{address}/code", code_sha256(io.BytesIO(code)), "code", aws)
    judge = Judge(settings, Resource("lambda.function", "code.zip", "", "", ""), today())
    flagged = judge.flagged(looked)
    verdict = 1 if flagged else 2 if judge.unknown(looked) else 0
    return verdict, sorted(
        (text(one, "package"), text(one, "version"), text(one, "id")) for one in flagged
    )
