"""Looks at a function's versions: what their code and their layers hold, and what is wrong.

Sources: AWS Lambda API Reference, "GetFunction" (`CodeSha256`, `Code.Location`), "GetLayerVersion",
"ListLayerVersions", "ListVersionsByFunction"; AWS Lambda Developer Guide, "Lambda function states".
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from driftguard.analysis.vulnerabilities import Contents, contents, findings_in
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, mapping, text, whole_number

from ..mechanisms.vulnerable_library import is_suspicious
from ..scans import of_image
from .names import GONE, LATEST

if TYPE_CHECKING:
    from driftguard.analysis.advisories.package import Package

# How many earlier versions of a thing are read in search of one with nothing against it.
_LOOK_BACK = 5
# How many versions are read at all, and for how long others are begun with, in seconds: one change
# may not take the time of all others in its batch. What was read is remembered by its hash.
_MOST_LOOKED, _SECONDS = 30, 15.0
_REFUSED = ("AccessDeniedException",)


class Versions:
    """One look at the versions of a function, in which nothing is read twice.

    `told` are Inspector's findings (`of_inspector`), each with the function's version and the hash
    of the code that it is about, as `of_version` and `of_code`.
    """

    def __init__(self, function: str, reader: Reader, told: Sequence[Document] = ()) -> None:
        self.function, self.reader, self.told = function, reader, told
        self.looked: dict[str, Document] = {}
        # Versions of layers that ones with something against them could go back to.
        self.earlier_layers: dict[str, Document] = {}
        self._layers: dict[str, Document] = {}
        self._published: dict[int, str] | None = None
        self._until = time.monotonic() + _SECONDS

    def found(self, version: str = LATEST) -> Document | None:
        """GetFunction's answer for a version; None where it is gone."""
        which = {} if version == LATEST else {"Qualifier": version}
        found = self.reader.read(
            "lambda", "GetFunction", FunctionName=self.function, absent=GONE, **which
        )
        return None if found is None else document(found)

    def look_at(self, version: str, found: Document | None = None) -> Document:
        """What is known of a version; `found` is GetFunction's answer, where it is there already.

        Beside `findings` and `unknown` it says of its code the `sha256`, the `size`, the `image` it
        is (or ""), the customer's `key` that encrypts it (or ""), how it `starts` and its `layers`;
        whether it has `failed`, so that nobody can call it; and whether what is unknown is
        `pending`.
        """
        if version not in self.looked:
            self.looked[version] = self._looked(version, found)
        return self.looked[version]

    def look_back(self, below: Iterable[str]) -> None:
        """Looks at versions older than each of these, until one could take its place."""
        hashes = self.published()
        for version in below:
            top = whole_number(version)
            older = (n for n in sorted(hashes, reverse=True) if top is None or n < top)
            # The very same code need not be looked at to know what is against it.
            bad = {
                text(looked, "sha256") for looked in self.looked.values() if _is_bad_itself(looked)
            }
            for number in islice((n for n in older if hashes[n] not in bad), _LOOK_BACK):
                looked = self.look_at(str(number))
                if not is_suspicious(looked) and looked.get("failed") is not True:
                    break

    def published(self) -> dict[int, str]:
        """Each published version, with the hash of its code."""
        if self._published is None:
            listed = self.reader.pages(
                "lambda", "ListVersionsByFunction", "Versions", FunctionName=self.function
            )
            self._published = {
                number: text(version, "CodeSha256")
                for version in map(document, listed)
                if (number := whole_number(text(version, "Version"))) is not None
            }
        return self._published

    # --------------------------------------------------------------------------- a version

    def _looked(self, version: str, found: Document | None) -> Document:
        if len(self.looked) >= _MOST_LOOKED:
            return _not_looked(f"version {version} was not read: {_MOST_LOOKED} others were")
        found = found or self.found(version)
        if found is None:
            return _not_looked(f"version {version} is gone")
        configuration = mapping(found, "Configuration")
        layers = [text(item, "Arn") for item in items(configuration.get("Layers"))]
        parts = [self._code(found, version), *map(self._layer, layers)]
        unknown = sorted((part for part in parts if part["unknown"]), key=_pending_first)
        return {
            "sha256": text(configuration, "CodeSha256"),
            "size": configuration.get("CodeSize"),
            "image": text(mapping(found, "Code"), "ResolvedImageUri"),
            "key": text(mapping(found, "Code"), "SourceKMSKeyArn"),
            "starts": _starts(configuration),
            "failed": text(configuration, "State") == "Failed",
            "layers": layers,
            "findings": [item for part in parts for item in items(part["findings"])],
            "unknown": unknown[0]["unknown"] if unknown else "",
            "pending": any(part["pending"] for part in unknown),
        }

    def _code(self, found: Document, version: str) -> Document:
        configuration, code = mapping(found, "Configuration"), mapping(found, "Code")
        if text(configuration, "PackageType") == "Image":
            return of_image(text(code, "ResolvedImageUri"), self.reader)
        sha256 = text(configuration, "CodeSha256")
        told = [
            finding
            for finding in self.told
            if not text(finding, "layer")
            and (
                text(finding, "of_code") == sha256
                or text(finding, "of_version") == version != LATEST
            )
        ]
        return self._read(text(code, "Location"), sha256, f"{self.function}:{version}", told)

    def _read(
        self, location: str, sha256: str, name: str, told: Sequence[Document], layer: str = ""
    ) -> Document:
        """What is wrong with some code: `told` is certainly true of it, the rest is looked for."""
        if time.monotonic() > self._until:
            return _only_told(f"{name} was not read yet, because others took long", told, layer)
        if not location:
            # As where a key of the customer's own encrypts it.
            return _only_told(f"Lambda does not hand out the code of {name}", told, layer)
        holds = contents(location, sha256, name, self.reader.aws.time)
        known = findings_in(holds, self.reader.aws)
        found = list(items(known["findings"]))
        found += [
            finding
            for finding in self.told
            if (finding in told or _holds(holds, finding))
            and not any(_same(finding, other) for other in found)
        ]
        return {
            "findings": [_as_kept(finding, layer) for finding in found],
            "unknown": known["unknown"],
            "pending": True,
        }

    # --------------------------------------------------------------------------- a layer

    def _layer(self, arn: str) -> Document:
        """What is wrong with a layer's version; also looks for a version to go back to."""
        if arn not in self._layers:
            self._layers[arn] = looked = self._layer_version(arn)
            if looked["findings"] and self._is_own(arn):
                self._look_back_from(arn)
        return self._layers[arn]

    def _layer_version(self, arn: str) -> Document:
        name, _, number = arn.rpartition(":")
        found = self.reader.read(
            "lambda",
            "GetLayerVersion",
            # What another account shared, it may have unshared.
            absent=GONE if self._is_own(arn) else (*GONE, *_REFUSED),
            LayerName=name,
            VersionNumber=int(number),
        )
        if found is None:
            return _not_looked(f"the layer {arn} may not be read, or is gone")
        content = mapping(document(found), "Content")
        told = [finding for finding in self.told if text(finding, "layer") == arn]
        return self._read(text(content, "Location"), text(content, "CodeSha256"), arn, told, arn)

    def _look_back_from(self, arn: str) -> None:
        name, _, number = arn.rpartition(":")
        listed = self.reader.pages(
            "lambda", "ListLayerVersions", "LayerVersions", LayerName=name.rpartition(":")[2]
        )
        numbers = (int(text(document(version), "Version")) for version in listed)
        earlier = sorted((version for version in numbers if version < int(number)), reverse=True)
        for layer in (f"{name}:{version}" for version in earlier[:_LOOK_BACK]):
            self.earlier_layers[layer] = self._layer_version(layer)
            if not is_suspicious(self.earlier_layers[layer]):
                return

    def _is_own(self, arn: str) -> bool:
        return arn.split(":")[4:5] == [self.reader.account]


def sees(reader: Reader, told: Sequence[Document] = ()) -> bool:
    """Whether anybody can say what is insecure: a source of advisories, or Inspector."""
    return bool(reader.aws.surroundings.advisories or told)


def _not_looked(why: str) -> Document:
    return {"findings": [], "unknown": why, "pending": True}


def _only_told(why: str, told: Sequence[Document], layer: str) -> Document:
    """What Inspector tells of some code that could not be read."""
    return {**_not_looked(why), "findings": [_as_kept(finding, layer) for finding in told]}


def _pending_first(looked: Document) -> bool:
    return not looked["pending"]


def _is_bad_itself(looked: Document) -> bool:
    return any(not text(item, "layer") for item in items(looked["findings"]))


def _starts(configuration: Document) -> str:
    """How the code of a version is started, so that other code can stand in its place."""
    image = mapping(mapping(configuration, "ImageConfigResponse"), "ImageConfig")
    return json.dumps(
        [configuration.get(setting) for setting in ("Runtime", "Handler", "Architectures")]
        + [image or {}]
    )


# ------------------------------------------------------------------------------- Inspector's word


def _holds(found: Contents, finding: Document) -> bool:
    """Whether the contents hold the package that a finding is about, in its version."""
    return any(
        package.version == text(finding, "version")
        and _is_called(package, text(finding, "package"))
        for package in found.packages
    )


def _is_called(package: Package, name: str) -> bool:
    """Whether a package is meant by this name; Inspector's are not always spelled as we do."""
    spelled = _spelled(package.name)
    return _spelled(name) in (spelled, spelled.rpartition(":")[2])


def _same(told: Document, known: Document) -> bool:
    """Whether Inspector's finding is one already known."""
    ids = known.get("ids")
    listed = ids if isinstance(ids, (list, tuple)) else ()
    return (
        text(told, "id") in listed
        and text(told, "version") == text(known, "version")
        and _spelled(text(told, "package")) == _spelled(text(known, "package"))
    )


def _spelled(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.lower())


def _as_kept(finding: Document, layer: str) -> Document:
    plain: dict[str, Json] = {n: value for n, value in finding.items() if not n.startswith("of_")}
    return {**plain, "layer": layer}
