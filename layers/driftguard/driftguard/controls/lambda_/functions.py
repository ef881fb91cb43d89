"""Functions with an open URL, with a stranger's layers, or with new code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import (
    NOT_IN_USE,
    Call,
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
    Step,
    Use,
)

from ..control import NOTHING, Control, Cuts, References, Trigger, TrustSettings
from ..mechanisms.advice import Advice
from ..mechanisms.metrics import HOURS, READS_METRICS, highest
from ..mechanisms.sharing import is_trusted
from ..mechanisms.switch import Switch
from .aws_layers import is_of_aws
from .names import (
    BUSY,
    FOREIGN_LAYERS,
    FUNCTIONS,
    GONE,
    KEYS,
    LAMBDA,
    SETTLING,
    call,
    function_of,
    functions,
    named,
)

# --------------------------------------------------------------------------------------- URL


def _opened(change: Change) -> Iterator[Candidate]:
    function = function_of(change)
    if function is not None and text(change.request, "authType") == "NONE":
        yield Candidate(function, Certainty.EVIDENT)
    elif function is not None and omitted(change.request):
        yield Candidate(function, Certainty.POSSIBLE)


def _url(function: Resource, reader: Reader) -> Document | None:
    found = reader.read("lambda", "GetFunctionUrlConfig", absent=GONE, **named(function))
    return None if found is None else {"auth": text(document(found), "AuthType")}


def _called(function: Resource, state: Document, reader: Reader) -> Use:
    """Whether the URL was called lately. Lambda measures nothing while nobody calls.

    Source: AWS Lambda Developer Guide, "Types of metrics for Lambda functions" (`UrlRequestCount`).
    """
    dimension = ("FunctionName", function.id.partition(":")[0])
    if not highest(reader, "AWS/Lambda", "UrlRequestCount", dimension):
        return NOT_IN_USE
    return Use(unknown=f"it was called in the last {HOURS} hours: {_BY_WHOM}")


_BY_WHOM = "do all who call the URL sign their requests?"


def _set_url(function: Resource, state: Document) -> Call:
    return call(function, "UpdateFunctionUrlConfig", {"AuthType": state["auth"]})


# ------------------------------------------------------------------------------------ layers


class ForeignLayers(Control[TrustSettings]):
    """A function runs the code of a layer that belongs to an account nobody trusts.

    Only that layer goes. Layers of vendors are trusted by their account, in the policy; those that
    AWS publishes are no stranger's.
    """

    id = "lambda.layer-external"
    title = "Function with a stranger's layer"
    severity = 80
    references = References(attack=("T1546", "T1195"))
    triggers = (
        Trigger(LAMBDA, "CreateFunction"),
        Trigger(LAMBDA, "UpdateFunctionConfiguration"),
    )
    proven = "stub"
    cuts = Cuts(
        "all that the function does, if its code needs the layer",
        "",
        "does the function run without the layer?",
    )
    settling = SETTLING
    busy = BUSY
    reads = ("lambda:GetFunctionConfiguration", "lambda:ListFunctions")
    writes = {
        "lambda:GetLayerVersion": FOREIGN_LAYERS,
        "lambda:UpdateFunctionConfiguration": FUNCTIONS,
        **KEYS,
    }
    settings = TrustSettings

    def screen(self, change: Change, settings: TrustSettings) -> Iterable[Candidate]:
        function = function_of(change)
        if function is None:
            return
        layers = [
            layer for layer in _listed(change.request.get("layers")) if isinstance(layer, str)
        ]
        if _foreign(layers, change.account, settings):
            yield Candidate(function, Certainty.EVIDENT)
        elif omitted(change.request):
            yield Candidate(function, Certainty.POSSIBLE)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        function = candidate.resource
        found = reader.read("lambda", "GetFunctionConfiguration", absent=GONE, **named(function))
        if found is None:
            return None
        layers = [text(item, "Arn") for item in items(document(found).get("Layers"))]
        key = text(document(found), "KMSKeyArn")
        return {"owner": function.account, "layers": layers, **({"key": key} if key else {})}

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        return functions(reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: TrustSettings
    ) -> Finding | None:
        foreign = self._foreign(state, settings)
        if not foreign:
            return None
        return Finding(f"the function runs {', '.join(foreign)}", tuple(foreign))

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: TrustSettings,
    ) -> Plan:
        foreign = self._foreign(observation.state, settings)
        layers = [str(layer) for layer in _listed(observation.state["layers"])]
        trusted_layers = [layer for layer in layers if layer not in foreign]
        key = text(observation.state, "key")
        step = Step(
            _set_layers(candidate.resource, trusted_layers, key),
            (_set_layers(candidate.resource, layers, key),),
        )
        return Plan((step,), untouched=tuple(trusted_layers))

    def _foreign(self, state: Document, settings: TrustSettings) -> list[str]:
        layers = [str(layer) for layer in _listed(state["layers"])]
        return _foreign(layers, text(state, "owner"), settings)


def _foreign(layers: list[str], own: str, settings: TrustSettings) -> list[str]:
    return [
        layer
        for layer in layers
        if layer and not is_of_aws(layer) and not is_trusted(layer, own, settings.trusted)
    ]


def _set_layers(function: Resource, layers: list[str], key: str) -> Call:
    # Lambda asks whether the caller may read each layer, and use the environment's key.
    parameters: Document = {**named(function), "Layers": layers}
    on = (function.arn, *layers, *filter(None, (key,)))
    return Call("lambda", "UpdateFunctionConfiguration", parameters, on=on)


def _listed(value: Json) -> list[Json]:
    return list(value) if isinstance(value, (list, tuple)) else []


# -------------------------------------------------------------------------------------- code


def _replaced(change: Change) -> Iterator[Candidate]:
    """New code that came with the call itself; a pipeline's comes from a bucket or a registry."""
    function = function_of(change)
    from_afar = text(change.request, "s3Bucket", "imageUri")
    if function is not None and not from_afar and not flag(change.request.get("dryRun")):
        yield Candidate(function, Certainty.POSSIBLE)


CONTROLS = (
    Switch(
        id="lambda.public-url",
        title="Function URL open to everybody",
        severity=85,
        cuts=Cuts(
            "callers who do not sign their requests",
            f"the URL was not called in the last {HOURS} hours (UrlRequestCount)",
            _BY_WHOM,
        ),
        uses=_called,
        reads_use=READS_METRICS,
        busy=BUSY,
        references=References(security_hub=("Lambda.1",), attack=("T1190", "T1546")),
        triggers=(
            Trigger(LAMBDA, "CreateFunctionUrlConfig"),
            Trigger(LAMBDA, "UpdateFunctionUrlConfig"),
        ),
        reads=("lambda:GetFunctionUrlConfig", "lambda:ListFunctions"),
        found_by=functions,
        writes={"lambda:UpdateFunctionUrlConfig": FUNCTIONS},
        candidates=_opened,
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
        cuts=NOTHING,
        references=References(
            attack=("T1525", "T1546"), stratus=("aws.persistence.lambda-overwrite-code",)
        ),
        triggers=(Trigger(LAMBDA, "UpdateFunctionCode"),),
        revert="the code before is kept only where it was published as a version",
        candidates=_replaced,
        why="the function's code was uploaded with the call, not by a pipeline",
        advice="Compare the code with its source, and deploy it again from there.",
    ),
)
