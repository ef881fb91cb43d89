"""Reads how a function is invoked, and plans how it is cut off: not one more invocation.

Sources: AWS Lambda Developer Guide, "Configuring reserved concurrency for a function" (0 stops it),
"Configuring provisioned concurrency for a function" and "How Lambda processes records from stream
and queue-based event sources"; AWS Lambda API Reference, "UpdateEventSourceMapping" (its states).
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import Throttled, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, documents, text
from driftguard.model import Call, Resource, Step

from ..lambda_.names import GONE

READS = (
    "lambda:GetFunctionConcurrency",
    "lambda:GetFunctionConfiguration",
    "lambda:ListEventSourceMappings",
    "lambda:ListProvisionedConcurrencyConfigs",
)

# What says whose rights it has: no vote and no undo is bound to it.
VOLATILE = frozenset({"role"})

_ON, _OFF = "Enabled", "Disabled"
# On its way into a state a mapping is in it already: Lambda goes on by itself.
_STATES = {"Creating": _ON, "Enabling": _ON, _ON: _ON, "Disabling": _OFF, _OFF: _OFF}


def state_of(function: Resource, reader: Reader) -> Document | None:
    """How a function can be invoked; None where it is gone.

    Shape: `reserved` is its reserved concurrency, null for none; `provisioned` are
    `{qualifier, count}`; `sources` are its event source mappings, `{mapping, state}`. Raises
    `Throttled` while Lambda changes a mapping, so that its state cannot be told.
    """
    configuration = reader.read(
        "lambda", "GetFunctionConfiguration", FunctionName=function.id, absent=GONE
    )
    if configuration is None:
        return None
    reserved = document(
        reader.read("lambda", "GetFunctionConcurrency", FunctionName=function.id, absent=GONE)
    )
    return {
        "function": function.id,
        "role": text(document(configuration), "Role"),
        "reserved": reserved.get("ReservedConcurrentExecutions"),
        "provisioned": _sorted(_provisioned(function, reader), "qualifier"),
        "sources": _sorted(_sources(function, reader), "mapping"),
    }


def _sorted(found: Iterator[Document], key: str) -> list[Document]:
    return sorted(found, key=lambda one: text(one, key))


def _provisioned(function: Resource, reader: Reader) -> Iterator[Document]:
    listing = reader.pages(
        "lambda",
        "ListProvisionedConcurrencyConfigs",
        "ProvisionedConcurrencyConfigs",
        FunctionName=function.id,
    )
    for found in map(document, listing):
        count: Json = found.get("RequestedProvisionedConcurrentExecutions")
        yield {"qualifier": text(found, "FunctionArn").rpartition(":")[2], "count": count}


def _sources(function: Resource, reader: Reader) -> Iterator[Document]:
    """The mappings that lead to the function, to a version or to an alias of it.

    Whether a listing for a function has those of its versions is not written: all are listed.
    """
    for found in map(document, reader.pages("lambda", "ListEventSourceMappings", _MAPPINGS)):
        led, state = text(found, "FunctionArn"), text(found, "State")
        if led != function.arn and not led.startswith(f"{function.arn}:"):
            continue
        if state == "Deleting":
            continue
        if state not in _STATES:
            raise Throttled(f"Lambda still changes event source mapping {text(found, 'UUID')}")
        yield {"mapping": text(found, "UUID"), "state": _STATES[state]}


_MAPPINGS = "EventSourceMappings"


def left(state: Document) -> list[str]:
    """What is still to do until the function is contained, in words; nothing where it is."""
    said = []
    if state.get("reserved") != 0:
        said.append("it can be invoked")
    if on := _on(state):
        said.append(f"event sources that are on: {len(on)}")
    return said


def steps(function: Resource, state: Document) -> tuple[Step, ...]:
    """The steps from a state to a contained function: no more invocations, then no more tries.

    Sources that go on trying would lose what they hold: a queue moves its messages to the
    dead-letter queue, and a stream's records expire.
    """
    return (*_stopped(function, state), *_switched_off(function, state))


def _stopped(function: Resource, state: Document) -> Iterator[Step]:
    """No concurrency; what is provisioned goes first, since it counts against what is reserved."""
    if state.get("reserved") == 0:
        return
    name: Document = {"FunctionName": function.id}
    for one in documents(state, "provisioned"):
        of: Document = {**name, "Qualifier": one["qualifier"]}
        on = (f"{function.arn}:{one['qualifier']}",)
        again: Document = {**of, "ProvisionedConcurrentExecutions": one["count"]}
        yield Step(
            Call("lambda", "DeleteProvisionedConcurrencyConfig", of, on),
            (Call("lambda", "PutProvisionedConcurrencyConfig", again, on),),
        )

    def reserve(count: Json) -> Call:
        parameters: Document = {**name, "ReservedConcurrentExecutions": count}
        return Call("lambda", "PutFunctionConcurrency", parameters, (function.arn,))

    before = state.get("reserved")
    free = Call("lambda", "DeleteFunctionConcurrency", name, (function.arn,))
    yield Step(reserve(0), (free if before is None else reserve(before),))


def _switched_off(function: Resource, state: Document) -> Iterator[Step]:
    account = function.arn.partition(":function:")[0]
    on = _on(state)
    # A session policy has room for some of them by name.
    arns = tuple(f"{account}:event-source-mapping:{mapping}" for mapping in on)
    if len(arns) > _NAMED:
        arns = (f"{account}:event-source-mapping:*",)

    def switch(mapping: str, enabled: bool) -> Call:
        parameters: Document = {"UUID": mapping, "Enabled": enabled}
        return Call("lambda", "UpdateEventSourceMapping", parameters, arns)

    for mapping in on:
        yield Step(switch(mapping, False), (switch(mapping, True),))


_NAMED = 8


def _on(state: Document) -> list[str]:
    return [text(one, "mapping") for one in documents(state, "sources") if one["state"] == _ON]
