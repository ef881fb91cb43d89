"""Functions with an open URL, with a stranger's layers, or with new code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...aws import Reader, document
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
from ...trail import flag, items, omitted, text
from ..control import Control, References, Trigger, TrustSettings
from ..mechanisms import Advice, Switch, is_trusted
from .names import FOREIGN_LAYERS, FUNCTIONS, GONE, LAMBDA, call, function_of, functions, named

# --------------------------------------------------------------------------------------- URL


def _opened(change: Change) -> Iterator[Suspect]:
    function = function_of(change)
    if function is not None and text(change.request, "authType") == "NONE":
        yield Suspect(function, Certainty.EVIDENT)
    elif function is not None and omitted(change.request):
        yield Suspect(function, Certainty.POSSIBLE)


def _url(function: Resource, reader: Reader) -> Document | None:
    found = reader.read("lambda", "GetFunctionUrlConfig", absent=GONE, **named(function))
    return None if found is None else {"auth": text(document(found), "AuthType")}


def _set_url(function: Resource, state: Document) -> Call:
    return call(function, "UpdateFunctionUrlConfig", {"AuthType": state["auth"]})


# ------------------------------------------------------------------------------------ layers


class ForeignLayers(Control[TrustSettings]):
    """A function runs the code of a layer that belongs to an account nobody trusts.

    Only that layer goes. Layers of vendors are trusted by their account, in the policy.
    """

    id = "lambda.layer-external"
    title = "Function with a stranger's layer"
    severity = 80
    references = References(
        attack=("T1546", "T1195"), stratus=("aws.persistence.lambda-layer-extension",)
    )
    triggers = (Trigger(LAMBDA, "UpdateFunctionConfiguration"),)
    proven = "stub"
    reads = ("lambda:GetFunctionConfiguration", "lambda:ListFunctions")
    writes = {
        "lambda:GetLayerVersion": FOREIGN_LAYERS,
        "lambda:UpdateFunctionConfiguration": FUNCTIONS,
    }
    settings = TrustSettings

    def screen(self, change: Change, settings: TrustSettings) -> Iterable[Suspect]:
        function = function_of(change)
        if function is None:
            return
        layers = [one for one in _listed(change.request.get("layers")) if isinstance(one, str)]
        if _foreign(layers, change.account, settings):
            yield Suspect(function, Certainty.EVIDENT)
        elif omitted(change.request):
            yield Suspect(function, Certainty.POSSIBLE)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        function = suspect.resource
        found = reader.read("lambda", "GetFunctionConfiguration", absent=GONE, **named(function))
        if found is None:
            return None
        layers = [text(one, "Arn") for one in items(document(found).get("Layers"))]
        return {"owner": function.account, "layers": layers}

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        return functions(reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: TrustSettings
    ) -> Risk | None:
        foreign = self._foreign(state, settings)
        if not foreign:
            return None
        return Risk(f"the function runs {', '.join(foreign)}", tuple(foreign))

    def plan(
        self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: TrustSettings
    ) -> Plan:
        foreign = self._foreign(facet.state, settings)
        layers = [str(one) for one in _listed(facet.state["layers"])]
        kept = [one for one in layers if one not in foreign]
        step = Step(_set_layers(suspect.resource, kept), (_set_layers(suspect.resource, layers),))
        return Plan((step,), kept=tuple(kept))

    def _foreign(self, state: Document, settings: TrustSettings) -> list[str]:
        layers = [str(one) for one in _listed(state["layers"])]
        return _foreign(layers, text(state, "owner"), settings)


def _foreign(layers: list[str], own: str, settings: TrustSettings) -> list[str]:
    return [one for one in layers if one and not is_trusted(one, own, settings.trusted)]


def _set_layers(function: Resource, layers: list[str]) -> Call:
    # Lambda asks whether the caller may read each layer.
    parameters: Document = {**named(function), "Layers": layers}
    return Call("lambda", "UpdateFunctionConfiguration", parameters, on=(function.arn, *layers))


def _listed(value: Json) -> list[Json]:
    return list(value) if isinstance(value, (list, tuple)) else []


# -------------------------------------------------------------------------------------- code


def _replaced(change: Change) -> Iterator[Suspect]:
    """New code that came with the call itself; a pipeline's comes from a bucket or a registry."""
    function = function_of(change)
    from_afar = text(change.request, "s3Bucket", "imageUri")
    if function is not None and not from_afar and not flag(change.request.get("dryRun")):
        yield Suspect(function, Certainty.POSSIBLE)


CONTROLS = (
    Switch(
        id="lambda.public-url",
        title="Function URL open to everybody",
        severity=85,
        references=References(security_hub=("Lambda.1",), attack=("T1190", "T1546")),
        triggers=(
            Trigger(LAMBDA, "CreateFunctionUrlConfig"),
            Trigger(LAMBDA, "UpdateFunctionUrlConfig"),
        ),
        reads=("lambda:GetFunctionUrlConfig", "lambda:ListFunctions"),
        found_by=functions,
        writes={"lambda:UpdateFunctionUrlConfig": FUNCTIONS},
        suspects=_opened,
        read=_url,
        risky=lambda state, _: (
            "anybody may call the function's URL" if state["auth"] == "NONE" else ""
        ),
        # Deleting it is no way: the URL would never come back.
        safe=lambda state, _: {"auth": "AWS_IAM"},
        put=_set_url,
    ),
    ForeignLayers(),
    Advice(
        id="lambda.code-updated",
        title="Function's code replaced by hand",
        severity=60,
        references=References(
            attack=("T1525", "T1546"), stratus=("aws.persistence.lambda-overwrite-code",)
        ),
        triggers=(Trigger(LAMBDA, "UpdateFunctionCode"),),
        revert="the code before is kept only where it was published as a version",
        suspects=_replaced,
        why="the function's code was uploaded with the call, not by a pipeline",
        advice="Compare the code with its source, and deploy it again from there.",
    ),
)
