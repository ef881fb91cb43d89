"""Layers that hold a library with a known vulnerability, as they are published.

Source: AWS Lambda API Reference, "PublishLayerVersion", "GetLayerVersion".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from driftguard.analysis.vulnerabilities import of_code
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, mapping, text, whole_number
from driftguard.model import Candidate, Certainty, Change, Finding, Observation, Plan, Resource

from ..control import NOTHING, Control, Trigger
from ..mechanisms.vulnerable_library import (
    KEPT,
    SMALLEST,
    Judge,
    LibrarySettings,
    doubt,
    fixes,
    in_words,
    kept,
    offending,
    today,
)
from .libraries import REFERENCES
from .names import GONE, LAMBDA, layer_version_of, named
from .versions import sees


class InsecureLayer(Control[LibrarySettings]):
    """A layer was published with a library known to be insecure. Functions may take it any time."""

    id = "lambda.insecure-layer"
    title = "Layer with an insecure library"
    severity = 65
    references = REFERENCES
    triggers = (Trigger(LAMBDA, "PublishLayerVersion"),)
    reads = ("lambda:GetLayerVersion",)
    writes: Mapping[str, tuple[str, ...]] = {}
    revert = "A published layer can only be deleted, and it runs nowhere until a function takes it."
    volatile = frozenset({"looked", "today"})
    cuts = NOTHING
    settings = LibrarySettings

    def screen(self, change: Change, settings: LibrarySettings) -> Iterable[Candidate]:
        version = text(change.response, "version")
        size = whole_number(text(mapping(change.response, "content"), "codeSize"))
        request = {**change.request, "versionNumber": version}
        layer = layer_version_of(replace(change, request=request))
        too_small = size is not None and 0 < size < SMALLEST
        if layer is not None and not too_small:
            yield Candidate(layer, Certainty.POSSIBLE)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        layer = candidate.resource
        if not sees(reader):
            return None
        found = reader.read("lambda", "GetLayerVersion", absent=GONE, **named(layer))
        if found is None:
            return None
        content = mapping(document(found), "Content")
        sha256 = text(content, "CodeSha256")
        looked = of_code(text(content, "Location"), sha256, layer.id, reader.aws)
        return {
            "layer": layer.id,
            "arn": layer.arn,
            "sha256": sha256,
            "looked": kept({layer.id: looked}, KEPT)[layer.id],
            "today": today(),
        }

    def assess(
        self, state: Document, baseline: Document | None, settings: LibrarySettings
    ) -> Finding | None:
        layer, judge = text(state, "layer"), _judge(state, settings)
        bad = judge.flagged(mapping(state, "looked"))
        if bad:
            return Finding(f"the layer {layer} holds {in_words(bad)}", offending(bad))
        why = judge.unknown(mapping(state, "looked"))
        return doubt(f"the layer {layer}", why, settings) if why else None

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: LibrarySettings,
    ) -> Plan:
        bad = _judge(observation.state, settings).flagged(mapping(observation.state, "looked"))
        if not bad:
            return Plan((), advice="Look at what it holds by hand.")
        return Plan((), advice=f"No function should take it. {fixes(bad)} Publish it anew.")


def _judge(state: Document, settings: LibrarySettings) -> Judge:
    layer = Resource("lambda.layer-version", text(state, "layer"), "", "", text(state, "arn"))
    return Judge.of(state, layer, settings)


CONTROLS = (InsecureLayer(),)
