"""Functions and layers that carry a library with a known vulnerability.

What is really deployed is read: the code of `$LATEST`, of every version that an alias leads to, and
of the layers they use. What is asked for goes back: an alias to the newest earlier version that is
clean, `$LATEST` to that version's code, a layer to its newest clean earlier version.

Sources: AWS Lambda API Reference, "GetFunction" (`CodeSha256`, `Code.Location`), "UpdateAlias",
"PublishVersion", "GetLayerVersion"; AWS Lambda Developer Guide, "Lambda function versions".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ...aws import Reader, document
from ...deployed import of_code, of_inspector
from ...held import function_code
from ...model import (
    Call,
    Certainty,
    Change,
    Document,
    Facet,
    Json,
    Plan,
    Resource,
    Risk,
    Step,
    Suspect,
)
from ...trail import items, mapping, text
from ..control import Control, References, Trigger, partition_of
from ..insecure import LibrarySettings, doubt, fixes, in_words, minded_in, offending, today
from ..scans import of_image
from .names import FUNCTIONS, GONE, LAMBDA, LAYERS, function_of, layer_version_of

LATEST = "$LATEST"
INSPECTOR = "aws.inspector2"
# How many earlier versions are read in search of a clean one.
_LOOK_BACK = 5
_VERSIONS = ("arn:{partition}:lambda:{region}:{account}:function:*",)
_TRIGGERS = (
    "CreateFunction",
    "UpdateFunctionCode",
    "UpdateFunctionConfiguration",
    "PublishVersion",
    "CreateAlias",
    "UpdateAlias",
)


class InsecureLibrary(Control[LibrarySettings]):
    """A function's deployed code, or a layer of it, holds a library known to be insecure."""

    id = "lambda.insecure-library"
    title = "Function with an insecure library"
    severity = 75
    references = References(security_hub=("Inspector.3", "Inspector.4"), attack=("T1195.001",))
    triggers = (
        *(Trigger(LAMBDA, name) for name in _TRIGGERS),
        Trigger(INSPECTOR, "Inspector2 Finding"),
    )
    reads = (
        "ecr:DescribeImageScanFindings",
        "lambda:GetFunction",
        "lambda:GetFunctionConcurrency",
        "lambda:GetLayerVersion",
        "lambda:ListAliases",
        "lambda:ListLayerVersions",
        "lambda:ListVersionsByFunction",
    )
    writes = {
        "lambda:DeleteFunctionConcurrency": FUNCTIONS,
        "lambda:GetFunction": _VERSIONS,
        "lambda:GetLayerVersion": LAYERS,
        "lambda:ListVersionsByFunction": FUNCTIONS,
        "lambda:PublishVersion": FUNCTIONS,
        "lambda:PutFunctionConcurrency": FUNCTIONS,
        "lambda:UpdateAlias": FUNCTIONS,
        "lambda:UpdateFunctionCode": FUNCTIONS,
        "lambda:UpdateFunctionConfiguration": FUNCTIONS,
    }
    # What is known of the same code changes by the day.
    volatile = frozenset({"findings", "unknown", "today"})
    settings = LibrarySettings

    def screen(self, change: Change, settings: LibrarySettings) -> Iterable[Suspect]:
        if change.source == INSPECTOR:
            yield from _told(change)
            return
        function = function_of(change)
        if function is not None:
            name = function.id.partition(":")[0]
            arn = function.arn.removesuffix(function.id) + name
            yield Suspect(replace(function, id=name, arn=arn), Certainty.POSSIBLE)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        told = list(items(suspect.hint.get("told")))
        if not reader.aws.surroundings.advisories and not told:
            # Nobody can say what is insecure: the stack was told no source of advisories.
            return None
        return _Function(suspect.resource.id, reader, told).state()

    def assess(
        self, state: Document, baseline: Document | None, settings: LibrarySettings
    ) -> Risk | None:
        resource, bad = _resource(state), []
        for version in _live(state):
            for one in _minded(state, version, resource, settings):
                if one not in bad:
                    bad.append(one)
        if bad:
            where = ", ".join(
                _named(state, version)
                for version in _live(state)
                if _minded(state, version, resource, settings)
            )
            return Risk(f"{where} runs {in_words(bad)}", offending(bad))
        unknown = [why for one in _live(state) if (why := text(_looked(state, one), "unknown"))]
        return doubt(resource.id, unknown[0], settings) if unknown else None

    def plan(
        self,
        suspect: Suspect,
        facet: Facet,
        baseline: Document | None,
        settings: LibrarySettings,
    ) -> Plan:
        state, resource = facet.state, suspect.resource
        bad = [one for v in _live(state) for one in _minded(state, v, resource, settings)]
        clean = _clean_version(state, resource, settings)
        steps = [*_aliases(state, resource, settings), *_latest(state, resource, settings, clean)]
        covered = {text(one, "version") for one in items(state["aliases"])} | {LATEST}
        advice = f"{fixes(bad)} Deploy again with it; what was rolled back stays a version."
        if bad and not steps:
            return _stop(state, resource, bad)
        kept = tuple(
            f"alias {text(one, 'name')} → {text(one, 'version')}"
            for one in items(state["aliases"])
            if not _minded(state, text(one, "version"), resource, settings)
        )
        return Plan(tuple(steps), kept=kept if covered else (), advice=advice if bad else "")


# ------------------------------------------------------------------------------- observing


class _Function:
    """One look at a function: everything is read once."""

    def __init__(self, name: str, reader: Reader, told: list[Document]) -> None:
        self.name, self.reader, self.told = name, reader, told
        self.layers: dict[str, Document] = {}

    def state(self) -> Document | None:
        found = self.reader.read("lambda", "GetFunction", FunctionName=self.name, absent=GONE)
        if found is None:
            return None
        latest = document(found)
        configuration = mapping(latest, "Configuration")
        aliases: list[Document] = [
            {
                "name": text(one, "Name"),
                "version": text(one, "FunctionVersion"),
                "weights": dict(mapping(mapping(one, "RoutingConfig"), "AdditionalVersionWeights")),
            }
            for one in map(document, self._pages("ListAliases", "Aliases"))
        ]
        aliases.sort(key=lambda one: text(one, "name"))
        versions = {
            text(one, "Version"): text(one, "CodeSha256")
            for one in map(document, self._pages("ListVersionsByFunction", "Versions"))
        }
        state: dict[str, Json] = {
            "function": self.name,
            "arn": text(configuration, "FunctionArn"),
            "package": text(configuration, "PackageType") or "Zip",
            "reserved": self._reserved(),
            "layers_of_latest": _layers(configuration),
            "aliases": list(aliases),
            "versions": versions,
            "today": today(),
        }
        looked = {LATEST: self._look(latest)}
        live = _live({**state, "looked": looked})
        for version in live:
            looked.setdefault(version, self._look(self._version(version)))
        if any(_suspicious(looked[one]) for one in live):
            self._look_back(versions, looked)
        state["looked"] = looked
        state["layers"] = self.layers
        return state

    def _look_back(self, versions: Mapping[str, str], looked: dict[str, Document]) -> None:
        """Earlier versions, the newest first, until one is clean."""
        bad = {text(one, "sha256") for one in looked.values() if _suspicious(one)}
        published = sorted((int(one) for one in versions if one.isdigit()), reverse=True)
        tried = 0
        for number in published:
            version = str(number)
            if versions[version] in bad:
                continue
            if version not in looked:
                if tried == _LOOK_BACK:
                    return
                tried += 1
                looked[version] = self._look(self._version(version))
            if not _suspicious(looked[version]):
                return

    def _version(self, version: str) -> Document:
        return document(
            self.reader.read("lambda", "GetFunction", FunctionName=self.name, Qualifier=version)
        )

    def _look(self, found: Document) -> Document:
        """What is wrong with the code of a version and with its layers."""
        configuration, code = mapping(found, "Configuration"), mapping(found, "Code")
        sha256 = text(configuration, "CodeSha256")
        if text(configuration, "PackageType") == "Image":
            judged = of_image(text(code, "ResolvedImageUri"), self.reader)
        else:
            name = f"{self.name}:{text(configuration, 'Version')}"
            judged = of_code(text(code, "Location"), sha256, name, self.reader.aws)
        findings, unknown = list(items(judged["findings"])), text(judged, "unknown")
        for arn in _layers(configuration):
            layer = self._layer(str(arn))
            findings += [{**one, "layer": arn} for one in items(layer["findings"])]
            unknown = unknown or text(layer, "unknown")
        known = {(text(one, "package"), text(one, "version"), text(one, "id")) for one in findings}
        findings += [
            one
            for one in self.told
            if (text(one, "package"), text(one, "version"), text(one, "id")) not in known
            and text(one, "of_version") in ("", text(configuration, "Version"))
        ]
        return {"sha256": sha256, "findings": findings, "unknown": unknown}

    def _layer(self, arn: str) -> Document:
        """What is wrong with a layer's version; and its newest earlier version that is clean."""
        if arn not in self.layers:
            looked = self._layer_version(arn)
            earlier = self._earlier(arn) if looked["findings"] else ""
            self.layers[arn] = {**looked, "earlier": earlier}
        return self.layers[arn]

    def _layer_version(self, arn: str) -> Document:
        name, _, number = arn.rpartition(":")
        found = self.reader.read(
            "lambda", "GetLayerVersion", LayerName=name, VersionNumber=int(number), absent=GONE
        )
        if found is None:
            return {"findings": [], "unknown": f"the layer {arn} is gone"}
        content = mapping(document(found), "Content")
        return of_code(text(content, "Location"), text(content, "CodeSha256"), arn, self.reader.aws)

    def _earlier(self, arn: str) -> str:
        name, _, number = arn.rpartition(":")
        listed = self.reader.pages("lambda", "ListLayerVersions", "LayerVersions", LayerName=name)
        earlier = [
            one
            for one in (text(document(each), "LayerVersionArn") for each in listed)
            if one and int(one.rpartition(":")[2]) < int(number)
        ]
        earlier.sort(key=lambda one: -int(one.rpartition(":")[2]))
        for one in earlier[:_LOOK_BACK]:
            if not _suspicious(self._layer_version(one)):
                return one
        return ""

    def _reserved(self) -> Json:
        found = document(
            self.reader.read("lambda", "GetFunctionConcurrency", FunctionName=self.name)
        )
        return found.get("ReservedConcurrentExecutions")

    def _pages(self, operation: str, key: str) -> Iterator[Mapping[str, object]]:
        return self.reader.pages("lambda", operation, key, FunctionName=self.name)


def _told(change: Change) -> Iterator[Suspect]:
    """The functions of an Inspector finding, with what it says of them."""
    if text(change.request, "status") not in ("", "ACTIVE"):
        return
    for one in items(change.request.get("resources")):
        arn = text(one, "id")
        short = arn.rpartition(":function:")[2]
        if text(one, "type") != "AWS_LAMBDA_FUNCTION" or not short:
            continue
        name, _, version = short.partition(":")
        told: list[Json] = [
            {**each, "of_version": version} for each in of_inspector(change.request)
        ]
        where = f"arn:{partition_of(change.region)}:lambda:{change.region}:{change.account}"
        function = Resource(
            "lambda.function", name, change.account, change.region, f"{where}:function:{name}"
        )
        yield Suspect(function, Certainty.POSSIBLE, {"told": told})


def _layers(configuration: Document) -> list[Json]:
    return [text(one, "Arn") for one in items(configuration.get("Layers"))]


# ------------------------------------------------------------------------------- judging


def _suspicious(looked: Document) -> bool:
    return bool(looked["findings"]) or bool(looked["unknown"])


def _looked(state: Document, version: str) -> Document:
    return mapping(mapping(state, "looked"), version)


def _live(state: Document) -> list[str]:
    """What runs when somebody calls: `$LATEST`, and where aliases lead."""
    found = dict.fromkeys([LATEST])
    for alias in items(state["aliases"]):
        found |= dict.fromkeys([text(alias, "version"), *mapping(alias, "weights")])
    return list(found)


def _resource(state: Document) -> Resource:
    return Resource("lambda.function", text(state, "function"), "", "", text(state, "arn"))


def _minded(
    state: Document, version: str, resource: Resource, settings: LibrarySettings
) -> list[Document]:
    return minded_in(_looked(state, version), resource, settings, text(state, "today"))


def _named(state: Document, version: str) -> str:
    aliases = [text(one, "name") for one in items(state["aliases"]) if _leads(one, version)]
    name = f"{text(state, 'function')}:{version}"
    return f"{name} ({', '.join(aliases)})" if aliases else name


def _leads(alias: Document, version: str) -> bool:
    return text(alias, "version") == version or version in mapping(alias, "weights")


def _clean_version(state: Document, resource: Resource, settings: LibrarySettings) -> str:
    """The newest published version that was looked at and is clean; "" for none."""
    clean = [
        int(one)
        for one in mapping(state, "looked")
        if one.isdigit() and _is_clean(state, one, resource, settings)
    ]
    return str(max(clean)) if clean else ""


def _is_clean(state: Document, version: str, resource: Resource, settings: LibrarySettings) -> bool:
    known = not text(_looked(state, version), "unknown")
    return known and not _minded(state, version, resource, settings)


# ------------------------------------------------------------------------------- planning


def _aliases(state: Document, resource: Resource, settings: LibrarySettings) -> Iterator[Step]:
    """Each alias that leads to something insecure goes to the newest clean version before it."""
    for alias in items(state["aliases"]):
        now, weights = text(alias, "version"), mapping(alias, "weights")
        bad = {one for one in (now, *weights) if _minded(state, one, resource, settings)}
        if not bad:
            continue
        then = _before(state, now, resource, settings) if now in bad else now
        if not then:
            continue
        left = {one: weight for one, weight in weights.items() if one not in bad and one != then}
        there = _route(state, resource, alias, then, left)
        yield Step(there, (_route(state, resource, alias, now, weights),))


def _before(state: Document, version: str, resource: Resource, settings: LibrarySettings) -> str:
    """The newest clean version that is older; `$LATEST` is newer than all."""
    limit = int(version) if version.isdigit() else None
    clean = [
        int(one)
        for one in mapping(state, "looked")
        if one.isdigit()
        and (limit is None or int(one) < limit)
        and _is_clean(state, one, resource, settings)
    ]
    return str(max(clean)) if clean else ""


def _route(
    state: Document, resource: Resource, alias: Document, version: str, weights: Document
) -> Call:
    parameters: Document = {
        "FunctionName": resource.id,
        "Name": text(alias, "name"),
        "FunctionVersion": version,
        "RoutingConfig": {"AdditionalVersionWeights": dict(weights)},
    }
    return Call("lambda", "UpdateAlias", parameters, on=(resource.arn,))


def _latest(
    state: Document, resource: Resource, settings: LibrarySettings, clean: str
) -> Iterator[Step]:
    """`$LATEST` goes back to the code of the clean version; layers to their clean versions."""
    bad = _minded(state, LATEST, resource, settings)
    in_layers = {text(one, "layer") for one in bad} - {""}
    in_code = any(not text(one, "layer") for one in bad)
    if in_code and clean and state["package"] == "Zip":
        now = text(_looked(state, LATEST), "sha256")
        then = text(mapping(state, "versions"), clean)
        published = [
            v for v, sha in mapping(state, "versions").items() if v != LATEST and sha == now
        ]
        if not published:
            keep: Document = {"FunctionName": resource.id, "CodeSha256": now}
            yield Step(
                Call("lambda", "PublishVersion", keep, on=(resource.arn,)), (), additive=True
            )
        yield Step(_code(resource, then), (_code(resource, now),))
    layers = [str(one) for one in _listed(state["layers_of_latest"])]
    earlier = {one: text(mapping(mapping(state, "layers"), one), "earlier") for one in in_layers}
    if in_layers and all(earlier.values()):
        replaced = [earlier.get(one) or one for one in layers]
        yield Step(_use(resource, replaced), (_use(resource, layers),))


def _code(resource: Resource, sha256: str) -> Call:
    parameters: Document = {
        "FunctionName": resource.id,
        "ZipFile": function_code(resource.id, resource.arn, sha256),
    }
    return Call("lambda", "UpdateFunctionCode", parameters, on=(resource.arn,))


def _use(resource: Resource, layers: list[str]) -> Call:
    parameters: Document = {"FunctionName": resource.id, "Layers": list(layers)}
    return Call("lambda", "UpdateFunctionConfiguration", parameters, on=(resource.arn, *layers))


def _stop(state: Document, resource: Resource, bad: list[Document]) -> Plan:
    """Nothing earlier is clean: the function could stand still, if a person wants that."""
    name: Document = {"FunctionName": resource.id}
    before = state["reserved"]
    back = (
        Call("lambda", "DeleteFunctionConcurrency", name, on=(resource.arn,))
        if before is None
        else _reserve(resource, before)
    )
    return Plan(
        (Step(_reserve(resource, 0), (back,)),),
        advice=f"There is no earlier version that is clean. {fixes(bad)}",
        drastic=f"no earlier version is clean, and {resource.id} would stand still",
    )


def _reserve(resource: Resource, count: Json) -> Call:
    parameters: Document = {
        "FunctionName": resource.id,
        "ReservedConcurrentExecutions": count,
    }
    return Call("lambda", "PutFunctionConcurrency", parameters, on=(resource.arn,))


def _listed(value: Json) -> Iterable[Json]:
    return value if isinstance(value, (list, tuple)) else ()


# ------------------------------------------------------------------------------- layers


class InsecureLayer(Control[LibrarySettings]):
    """A layer's version was published that holds a library known to be insecure.

    It runs nowhere until a function takes it; then that function is looked at.
    """

    id = "lambda.insecure-layer"
    title = "Layer published with an insecure library"
    severity = 60
    references = References(attack=("T1195.001",))
    triggers = (Trigger(LAMBDA, "PublishLayerVersion"),)
    reads = ("lambda:GetLayerVersion",)
    writes: Mapping[str, tuple[str, ...]] = {}
    revert = "A published layer can only be deleted, and it runs nowhere until a function takes it."
    volatile = frozenset({"findings", "unknown", "today"})
    settings = LibrarySettings

    def screen(self, change: Change, settings: LibrarySettings) -> Iterable[Suspect]:
        version = text(change.response, "version")
        request = {**change.request, "versionNumber": version}
        layer = layer_version_of(replace(change, request=request))
        if layer is not None:
            yield Suspect(layer, Certainty.POSSIBLE)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        if not reader.aws.surroundings.advisories:
            return None
        name, _, number = suspect.resource.id.rpartition(":")
        found = reader.read(
            "lambda", "GetLayerVersion", LayerName=name, VersionNumber=int(number), absent=GONE
        )
        if found is None:
            return None
        content = mapping(document(found), "Content")
        sha256 = text(content, "CodeSha256")
        looked = of_code(text(content, "Location"), sha256, suspect.resource.id, reader.aws)
        return {
            "layer": suspect.resource.id,
            "arn": suspect.resource.arn,
            "sha256": sha256,
            "today": today(),
            **looked,
        }

    def assess(
        self, state: Document, baseline: Document | None, settings: LibrarySettings
    ) -> Risk | None:
        layer = Resource("lambda.layer-version", text(state, "layer"), "", "", text(state, "arn"))
        bad = minded_in(state, layer, settings, text(state, "today"))
        if bad:
            return Risk(f"{layer.id} holds {in_words(bad)}", offending(bad))
        why = text(state, "unknown")
        return doubt(layer.id, why, settings) if why else None

    def plan(
        self,
        suspect: Suspect,
        facet: Facet,
        baseline: Document | None,
        settings: LibrarySettings,
    ) -> Plan:
        bad = minded_in(facet.state, suspect.resource, settings, text(facet.state, "today"))
        return Plan((), advice=f"No function should take it. {fixes(bad)} Publish it anew.")


CONTROLS = (InsecureLibrary(), InsecureLayer())
