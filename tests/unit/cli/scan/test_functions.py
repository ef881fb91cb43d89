"""`driftguard scan function:NAME`: what is deployed, read with the caller's own rights."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from driftguard.aws.download import code_sha256
from driftguard_cli.errors import Misuse
from tests.support.inventory.making_zips import zipped
from tests.support.scan.making import CLEAN, LODASH, REQUESTS
from tests.support.scan.running import Scan, allowed, as_json, ids, policy
from tests.support.scan.serving import served
from tests.support.world import Fakes

ARN = "arn:aws:lambda:us-east-1:123456789012:function:orders"
LAYER = "arn:aws:lambda:us-east-1:123456789012:layer:deps:2"
BAD, ALSO_BAD, GOOD = zipped(REQUESTS), zipped(LODASH), zipped(CLEAN)
IMAGE = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/orders@sha256:{'0' * 64}"
GONE = {"Error": {"Code": "ResourceNotFoundException", "Message": "made up"}}


@dataclass
class Lambda:
    """One function as Lambda tells of it: its versions' code, its aliases, its layers.

    `given` is what it gives instead of the code that it says.
    """

    address: str
    code: dict[str, bytes]
    aliases: dict[str, dict[str, float]] = field(default_factory=dict)
    layers: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    given: bytes | None = None
    image: str = ""
    asked: list[str] = field(default_factory=list)

    def fakes(self) -> Mapping[tuple[str, str], Callable[[Any], dict[str, Any]]]:
        return {
            ("lambda", "GetFunction"): self.function,
            ("lambda", "GetAlias"): lambda told: self.alias(told["Name"]),
            ("lambda", "ListAliases"): self.listed,
            ("lambda", "GetLayerVersion"): self.layer,
        }

    def function(self, told: Mapping[str, Any]) -> dict[str, Any]:
        version = told["Qualifier"]
        self.asked.append(version)
        if told["FunctionName"] != "orders" or version not in self.code:
            return GONE
        configuration: dict[str, Any] = {
            "FunctionName": "orders",
            "FunctionArn": f"{ARN}:{version}",
            "Version": version,
            "PackageType": "Image" if self.image else "Zip",
            "CodeSha256": code_sha256(io.BytesIO(self.code[version])),
            "Layers": [{"Arn": arn} for arn in self.layers],
        }
        location = f"{self.address}/{version.strip('$')}"
        return {
            "Configuration": configuration,
            "Code": {"ResolvedImageUri": self.image} if self.image else {"Location": location},
            "Tags": self.tags,
        }

    def listed(self, told: Mapping[str, Any]) -> dict[str, Any]:
        if told["FunctionName"] != "orders":
            return GONE
        return {"Aliases": list(map(self.alias, self.aliases))}

    def alias(self, name: str) -> dict[str, Any]:
        if name not in self.aliases:
            return GONE
        first, *others = self.aliases[name]
        weights = {one: self.aliases[name][one] for one in others}
        return {
            "Name": name,
            "FunctionVersion": first,
            "RoutingConfig": {"AdditionalVersionWeights": weights},
        }

    def layer(self, told: Mapping[str, Any]) -> dict[str, Any]:
        arn = f"{told['LayerName']}:{told['VersionNumber']}"
        sha256 = code_sha256(io.BytesIO(self.layers[arn]))
        return {"Content": {"Location": f"{self.address}/layer", "CodeSha256": sha256}}


Deploy = Callable[..., Lambda]


@pytest.fixture
def deploy(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deploy]:
    """Deploys the function: code by version, and what else there is of it."""
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    files: dict[str, bytes] = {}
    with served(files) as address:

        def deployed(code: dict[str, bytes], **more: Any) -> Lambda:
            function = Lambda(address, code, **more)
            given = {version.strip("$"): function.given or data for version, data in code.items()}
            files.update(given, layer=next(iter(function.layers.values()), b""))
            fakes.install(function.fakes())
            return function

        yield deployed


@pytest.mark.parametrize("what", ["function:orders:3", f"{ARN}:3"])
def test_a_version_is_read_and_judged(scan: Scan, copy: Path, deploy: Deploy, what: str) -> None:
    function = deploy({"$LATEST": GOOD, "3": BAD})
    result = scan(what, "--advisories", copy, "--json")
    assert (result.exit_code, ids(result)) == (1, ["CVE-2018-18074"])
    assert as_json(result)["flagged"][0]["places"] == [
        "orders:3!/requests-2.19.0.dist-info/METADATA"
    ]
    assert as_json(result)["terms"]["as"] == ARN
    assert function.asked == ["3"]


def test_all_that_runs_is_read_where_no_version_is_named(
    scan: Scan, copy: Path, deploy: Deploy
) -> None:
    code = {"$LATEST": GOOD, "1": BAD, "2": ALSO_BAD, "3": GOOD}
    function = deploy(code, aliases={"live": {"3": 1.0, "2": 0.1}})
    result = scan("function:orders", "--advisories", copy, "--json")
    assert (result.exit_code, ids(result)) == (1, ["CVE-2020-8203"])
    assert function.asked == ["$LATEST", "3", "2"]


def test_an_alias_is_every_version_that_it_leads_to(scan: Scan, copy: Path, deploy: Deploy) -> None:
    deploy(
        {"$LATEST": BAD, "2": ALSO_BAD, "3": GOOD},
        aliases={"live": {"3": 1.0, "2": 0.1}, "fine": {"3": 1.0}},
    )
    assert ids(scan("function:orders:live", "--advisories", copy, "--json")) == ["CVE-2020-8203"]
    assert scan("function:orders:fine", "--advisories", copy).exit_code == 0


def test_layers_are_read_with_it(scan: Scan, copy: Path, deploy: Deploy) -> None:
    deploy(
        {"$LATEST": GOOD}, layers={LAYER: zipped({f"python/{n}": c for n, c in REQUESTS.items()})}
    )
    result = scan("function:orders", "--advisories", copy, "--json")
    assert (result.exit_code, ids(result)) == (1, ["CVE-2018-18074"])
    assert as_json(result)["flagged"][0]["places"] == [
        f"{LAYER}!/python/requests-2.19.0.dist-info/METADATA"
    ]


def test_a_layer_that_may_not_be_read_exits_2(
    scan: Scan, copy: Path, deploy: Deploy, fakes: Fakes
) -> None:
    function = deploy({"$LATEST": GOOD}, layers={LAYER: GOOD})
    refused = {"Error": {"Code": "AccessDeniedException", "Message": "made up"}}
    fakes.install({**function.fakes(), ("lambda", "GetLayerVersion"): lambda _: refused})
    result = scan("function:orders", "--advisories", copy, "--json")
    assert result.exit_code == 2
    assert as_json(result)["unknown"][0].startswith(f"the layer {LAYER} could not be read: ")


def test_code_that_is_another_than_lambda_says_is_not_judged(
    scan: Scan, copy: Path, deploy: Deploy
) -> None:
    deploy({"$LATEST": BAD}, given=GOOD)
    result = scan("function:orders", "--advisories", copy, "--json")
    assert result.exit_code == 2
    assert as_json(result)["unknown"] == ["orders:$LATEST: what Lambda gave as its code is another"]


def test_what_the_policy_allows_for_the_function_or_its_tags_counts(
    scan: Scan, tmp_path: Path, copy: Path, deploy: Deploy
) -> None:
    deploy({"$LATEST": BAD}, tags={"stage": "sandbox"})
    by_tag = "{id: CVE-2018-18074, until: 2999-12-31, reason: A sandbox., tags: {stage: sandbox}}"
    for terms in (allowed("CVE-2018-18074", resource="orders"), by_tag):
        result = scan(
            "function:orders", "--advisories", copy, "--policy", policy(tmp_path, terms), "--json"
        )
        assert (result.exit_code, ids(result, "allowed")) == (0, ["CVE-2018-18074"])


@pytest.mark.parametrize(
    ("scanned", "code", "told"),
    [
        ({"imageScanStatus": {"status": "COMPLETE"}}, 0, "clean"),
        (
            {
                "imageScanStatus": {"status": "COMPLETE"},
                "imageScanFindings": {
                    "findings": [
                        {
                            "name": "CVE-2026-1",
                            "severity": "CRITICAL",
                            "attributes": [
                                {"key": "package_name", "value": "openssl"},
                                {"key": "package_version", "value": "1.1"},
                            ],
                        }
                    ]
                },
            },
            1,
            "openssl",
        ),
        ({"imageScanStatus": {"status": "IN_PROGRESS"}}, 2, "IN_PROGRESS"),
        ({"Error": {"Code": "ScanNotFoundException"}}, 2, "was never scanned"),
    ],
)
def test_an_image_is_judged_by_its_scan_in_ecr(
    scan: Scan,
    copy: Path,
    deploy: Deploy,
    fakes: Fakes,
    scanned: dict[str, Any],
    code: int,
    told: str,
) -> None:
    function = deploy({"$LATEST": b""}, image=IMAGE)
    fakes.install({**function.fakes(), ("ecr", "DescribeImageScanFindings"): lambda _: scanned})
    result = scan("function:orders", "--advisories", copy)
    assert result.exit_code == code
    assert told in result.stdout


def test_every_format_takes_what_ecr_told(
    scan: Scan, copy: Path, deploy: Deploy, fakes: Fakes
) -> None:
    function = deploy({"$LATEST": b""}, image=IMAGE)
    finding = {"name": "CVE-2026-1", "severity": "CRITICAL"}
    scanned = {
        "imageScanStatus": {"status": "COMPLETE"},
        "imageScanFindings": {"findings": [finding]},
    }
    fakes.install({**function.fakes(), ("ecr", "DescribeImageScanFindings"): lambda _: scanned})
    for form in ("table", "json", "sarif", "cyclonedx"):
        result = scan("function:orders", "--advisories", copy, "--format", form)
        assert (result.exit_code, "CVE-2026-1" in result.stdout) == (1, True)


@pytest.mark.parametrize("what", ["function:other", "function:orders:9", "function:orders:gone"])
def test_a_function_that_there_is_not_exits_2(
    scan: Scan, copy: Path, deploy: Deploy, what: str
) -> None:
    deploy({"$LATEST": GOOD})
    result = scan(what, "--advisories", copy)
    assert result.exit_code == 2
    assert f"There is no {what.replace(':', ' ', 1)}" in result.stderr


def test_a_call_that_is_refused_exits_2_and_says_which(
    scan: Scan, copy: Path, deploy: Deploy, fakes: Fakes
) -> None:
    function = deploy({"3": GOOD})
    refused = {"Error": {"Code": "AccessDeniedException", "Message": "made up"}}
    fakes.install({**function.fakes(), ("lambda", "GetFunction"): lambda _: refused})
    result = scan("function:orders:3", "--advisories", copy)
    assert result.exit_code == 2
    assert "lambda:GetFunction" in result.stderr


def test_a_profile_that_there_is_not_exits_2(
    scan: Scan, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    result = scan("function:orders", "--advisories", copy)
    # Which the command line says with exit code 2.
    assert isinstance(result.exception, Misuse)
    assert str(result.exception).startswith("There is no profile `nobody` in ~/.aws/config")


def test_without_a_region_it_says_so(
    scan: Scan, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    result = scan("function:orders", "--advisories", copy)
    assert result.exit_code == 2
    assert "No region is set. Name one with --region" in result.stderr
