"""Takes back what leads to an insecure version of a function: aliases, `$LATEST`, its layers.

Pure. Sources: AWS Lambda API Reference, "UpdateAlias", "PublishVersion", "UpdateFunctionCode",
"UpdateFunctionConfiguration", "PutFunctionConcurrency".
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.references import function_code
from driftguard.documents import Document, Json, items, mapping, text
from driftguard.model import Call, Plan, Resource, Step

from ..mechanisms.vulnerable_library import fixes
from .judged import Judged, versions_of
from .names import LATEST

# Source: AWS Lambda Developer Guide, "Lambda quotas": the package that one call can bring.
_MOST_UPLOADED = 50 * 1024 * 1024


def steps_back(judged: Judged) -> Iterator[Step]:
    """The steps that take back all that can be taken back."""
    function = judged.judge.resource
    for alias in items(judged.state["aliases"]):
        yield from _alias_back(judged, function, alias)
    yield from _latest_back(judged, function)


def _alias_back(judged: Judged, function: Resource, alias: Document) -> Iterator[Step]:
    """Points an alias that leads to an insecure version to the newest earlier fine version."""
    now, weights = text(alias, "version"), mapping(alias, "weights")
    bad = {version for version in versions_of(alias) if judged.flagged(version)}
    then = judged.before(now) if now in bad else now
    if bad and then:
        left = {
            version: weight
            for version, weight in weights.items()
            if version not in bad and version != then
        }
        there = _route(function, alias, then, left)
        yield Step(there, (_route(function, alias, now, weights),))


def _route(function: Resource, alias: Document, version: str, weights: Document) -> Call:
    parameters: Document = {
        "FunctionName": function.id,
        "Name": text(alias, "name"),
        "FunctionVersion": version,
        "RoutingConfig": {"AdditionalVersionWeights": dict(weights)},
    }
    return Call("lambda", "UpdateAlias", parameters, on=(function.arn,))


def _latest_back(judged: Judged, function: Resource) -> Iterator[Step]:
    """Puts `$LATEST` back to the code of the newest fine version, and layers to fine ones."""
    bad, now = judged.flagged(LATEST), judged.looked(LATEST)
    in_layers = {text(finding, "layer") for finding in bad} - {""}
    if any(not text(finding, "layer") for finding in bad):
        yield from _code_back(judged, function, now)
    if in_layers and (then := _layers_back(judged, now, in_layers)) is not None:
        back = _use(judged, function, _names(now, "layers"))
        yield Step(_use(judged, function, then), (back,))


def _code_back(judged: Judged, function: Resource, now: Document) -> Iterator[Step]:
    """Puts the code back, after publishing the current code if no version keeps it yet."""
    version = judged.before(LATEST, starts=text(now, "starts"))
    then = judged.looked(version)
    if not version or not _can_be_put(now) or not _can_be_put(then):
        return
    if not judged.state["is_kept"] and not text(now, "image"):
        keep: Document = {"FunctionName": function.id, "CodeSha256": text(now, "sha256")}
        kept = Call("lambda", "PublishVersion", keep, on=_on(judged, function))
        yield Step(kept, (), additive=True)
    yield Step(_code(judged, function, then), (_code(judged, function, now),))


def _can_be_put(looked: Document) -> bool:
    """Whether the code can be put back: small enough to upload, with no customer's key."""
    size = looked.get("size")
    small = isinstance(size, int) and size <= _MOST_UPLOADED
    return bool(text(looked, "image")) or (small and not text(looked, "key"))


def _on(judged: Judged, function: Resource, *layers: str) -> tuple[str, ...]:
    """What changing a function is on: also its layers, and the key of its environment."""
    return (function.arn, *layers, *filter(None, (text(judged.state, "key"),)))


def _code(judged: Judged, function: Resource, looked: Document) -> Call:
    image = text(looked, "image")
    code: Document = (
        {"ImageUri": image}
        if image
        else {"ZipFile": function_code(function.id, function.arn, text(looked, "sha256"))}
    )
    parameters: Document = {"FunctionName": function.id, **code}
    return Call("lambda", "UpdateFunctionCode", parameters, on=_on(judged, function))


def _layers_back(judged: Judged, now: Document, bad: set[str]) -> list[str] | None:
    """The layers, each bad one replaced by an earlier fine version; else a fine version's."""
    earlier = {layer: judged.layer_before(layer) for layer in bad}
    if all(earlier.values()):
        return [earlier.get(name) or name for name in _names(now, "layers")]
    version = judged.before(LATEST, starts=text(now, "starts"))
    return _names(judged.looked(version), "layers") if version else None


def _use(judged: Judged, function: Resource, layers: list[str]) -> Call:
    parameters: Document = {"FunctionName": function.id, "Layers": list(layers)}
    # Lambda asks whether the caller may read each layer.
    on = _on(judged, function, *layers)
    return Call("lambda", "UpdateFunctionConfiguration", parameters, on=on)


def standing_still(judged: Judged, bad: list[Document]) -> Plan:
    """The drastic plan if no earlier version is fine: the function stands still."""
    function, before = judged.judge.resource, judged.state["reserved"]
    name: Document = {"FunctionName": function.id}
    free = Call("lambda", "DeleteFunctionConcurrency", name, on=(function.arn,))
    back = free if before is None else _reserve(function, before)
    return Plan(
        (Step(_reserve(function, 0), (back,)),),
        advice=f"There is no earlier version that is known to be fine. {fixes(bad)}",
        drastic=f"there is nothing to go back to, and {function.id} would stand still",
    )


def _reserve(function: Resource, count: Json) -> Call:
    parameters: Document = {"FunctionName": function.id, "ReservedConcurrentExecutions": count}
    return Call("lambda", "PutFunctionConcurrency", parameters, on=(function.arn,))


def _names(container: Document, name: str) -> list[str]:
    value = container.get(name)
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else []
