"""Reads a deployed function: its versions and their layers, with the caller's own rights.

Without a qualifier it reads every version that can run: `$LATEST`, and where aliases lead.

Sources: AWS Lambda API Reference, "GetFunction", "GetAlias", "ListAliases", "GetLayerVersion".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from driftguard.analysis.inventory import Inventory, inventory, joined
from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Aws, Reader
from driftguard.aws.download import DownloadFailed, code_sha256, download
from driftguard.controls.lambda_.names import GONE, LATEST
from driftguard.controls.scans import of_image
from driftguard.documents import Document, items, mapping, text
from driftguard.model import Resource

from ...aws_options import needed_region
from ...errors import Trouble
from .verdict import Subject

_NAMED = re.compile(
    r"(?:arn:[a-z-]+:lambda:(?P<region>[a-z0-9-]+):\d{12}:)?function:(?P<name>[A-Za-z0-9_-]+)"
    r"(?::(?P<qualifier>\$LATEST|[A-Za-z0-9_-]+))?"
)


def is_function(what: str) -> bool:
    """Whether WHAT is meant as something deployed."""
    return what.startswith(("function:", "arn:"))


def deployed(what: str, aws: Aws) -> Subject:
    """The function of this name or ARN. Raises `Trouble` where there is none, and `AwsError`."""
    named = _NAMED.fullmatch(what)
    if named is None:
        raise Trouble(f"{what} names no function: it is function:NAME[:QUALIFIER], or its ARN.")
    reader = aws.reader("", named["region"] or needed_region())
    return _Function(named["name"], reader).subject(named["qualifier"] or "", what)


@dataclass(slots=True)
class _Function:
    """One reading of a function, in which no code and no layer is read twice."""

    name: str
    reader: Reader

    def subject(self, qualifier: str, what: str) -> Subject:
        versions = self._live() if not qualifier else self._led_to(qualifier)
        found = {version: self._found(version) for version in versions}
        first = mapping(next(iter(found.values())), "Configuration")
        # Without the qualifier that it was asked for with.
        arn = ":".join(text(first, "FunctionArn").split(":")[:7])
        reader = replace(self.reader, account=arn.split(":")[4])
        packages = {
            text(mapping(answer, "Configuration"), "CodeSha256"): (version, answer)
            for version, answer in reversed(found.items())
            if text(mapping(answer, "Configuration"), "PackageType") != "Image"
        }
        images = dict.fromkeys(
            text(mapping(answer, "Code"), "ResolvedImageUri")
            for answer in found.values()
            if text(mapping(answer, "Configuration"), "PackageType") == "Image"
        )
        layers = dict.fromkeys(
            text(layer, "Arn")
            for answer in found.values()
            for layer in items(mapping(answer, "Configuration").get("Layers"))
        )
        scans = [of_image(image, reader) for image in images]
        return Subject(
            what,
            Resource("lambda.function", self.name, reader.account, reader.region, arn),
            joined([*self._code(packages), *map(self._layer, layers)]),
            tags=_tags(found.values()),
            told=tuple(finding for scan in scans for finding in items(scan["findings"])),
            unknown=tuple(why for scan in scans if (why := text(scan, "unknown"))),
        )

    # ------------------------------------------------------------------------- which versions

    def _live(self) -> list[str]:
        aliases = self.reader.pages("lambda", "ListAliases", "Aliases", FunctionName=self.name)
        try:
            led = [version for alias in aliases for version in _versions(document(alias))]
        except AwsError as error:
            if error.code in GONE:
                raise self._gone() from error
            raise
        return list(dict.fromkeys([LATEST, *led]))

    def _led_to(self, qualifier: str) -> list[str]:
        if qualifier == LATEST or qualifier.isdigit():
            return [qualifier]
        alias = self.reader.read(
            "lambda", "GetAlias", absent=GONE, FunctionName=self.name, Name=qualifier
        )
        if alias is None:
            raise self._gone(qualifier)
        return list(dict.fromkeys(_versions(document(alias))))

    def _found(self, version: str) -> Document:
        found = self.reader.read(
            "lambda", "GetFunction", absent=GONE, FunctionName=self.name, Qualifier=version
        )
        if found is None:
            raise self._gone(version)
        return document(found)

    def _gone(self, qualifier: str = "") -> Trouble:
        which = f"{self.name}:{qualifier}" if qualifier else self.name
        return Trouble(f"There is no function {which} in {self.reader.region}.")

    # ------------------------------------------------------------------------- what is in them

    def _code(self, packages: Mapping[str, tuple[str, Document]]) -> Iterator[Inventory]:
        for sha256, (version, found) in packages.items():
            location = text(mapping(found, "Code"), "Location")
            yield _contents(location, sha256, f"{self.name}:{version}")

    def _layer(self, arn: str) -> Inventory:
        name, _, number = arn.rpartition(":")
        try:
            found = self.reader.read(
                "lambda", "GetLayerVersion", LayerName=name, VersionNumber=int(number)
            )
        except AwsError as error:
            # What another account shared it may have unshared; the rest can be checked still.
            return Inventory((), gaps=(f"the layer {arn} could not be read: {error}",))
        content = mapping(document(found), "Content")
        return _contents(text(content, "Location"), text(content, "CodeSha256"), arn)


def _versions(alias: Document) -> list[str]:
    """Where an alias leads, by its weights too."""
    weights = mapping(mapping(alias, "RoutingConfig"), "AdditionalVersionWeights")
    return [text(alias, "FunctionVersion"), *weights]


def _tags(found: Iterable[Document]) -> dict[str, str]:
    return {name: str(value) for answer in found for name, value in mapping(answer, "Tags").items()}


def _contents(location: str, sha256: str, label: str) -> Inventory:
    """What a package holds, if it is the one that Lambda says; places begin with the label."""
    try:
        with download(location) as file:
            if code_sha256(file) != sha256:
                return Inventory((), gaps=(f"{label}: what Lambda gave as its code is another",))
            found = inventory(file, f"{label}.zip")
    except DownloadFailed as error:
        return Inventory((), gaps=(f"{label}: its code could not be downloaded: {error}",))
    return replace(
        found,
        items=tuple(
            replace(item, places=tuple(f"{label}!/{place}" for place in item.places))
            for item in found.items
        ),
        gaps=tuple(f"{label}: {line}" for line in found.gaps),
        oddities=tuple(f"{label}: {line}" for line in found.oddities),
        wanting=tuple(f"{label}: {line}" for line in found.wanting),
    )
