"""Secrets in plain parameters of Parameter Store, which are neither encrypted nor hidden.

The value of the version before can be put back. Parameter Store keeps the versions, and so the
secret: it has to be rotated in any case.

Source: AWS Systems Manager API Reference, "PutParameter", "GetParameterHistory".
"""

from __future__ import annotations

from collections.abc import Iterator

from ..aws import Reader, document
from ..held import parameter_value
from ..model import Call, Certainty, Change, Document, Json, Resource, Step, Suspect
from ..trail import text
from .control import References, Trigger, resource
from .open_secrets import OpenSecret, exposed_in

_SOURCE = "ssm.amazonaws.com"
_PARAMETER = ("arn:{partition}:ssm:{region}:{account}:parameter/*",)


def parameters(change: Change) -> Iterator[Suspect]:
    """The plain parameter of a change."""
    name = text(change.request, "name")
    name = name.rpartition(":parameter")[2] or name
    if name and text(change.request, "type") != "SecureString":
        where = f"ssm:{{region}}:{{account}}:parameter/{name.removeprefix('/')}"
        yield Suspect(resource(change, "ssm.parameter", name, where), Certainty.POSSIBLE)


def value(parameter: Resource, reader: Reader) -> list[tuple[str, str]] | None:
    """The value of a plain parameter; none of a secure one."""
    found = reader.read("ssm", "GetParameter", Name=parameter.id, absent=("ParameterNotFound",))
    if found is None:
        return None
    told = document(found).get("Parameter")
    one: Document = told if isinstance(told, dict) else {}
    if text(one, "Type") == "SecureString":
        return []
    return [(parameter.id, text(one, "Value"))]


def _versions(parameter: Resource, reader: Reader) -> Document:
    """The version now, and the newest earlier one that holds no secret."""
    pages = reader.pages("ssm", "GetParameterHistory", "Parameters", Name=parameter.id)
    history = sorted(map(document, pages), key=lambda one: -int(text(one, "Version")))
    told: dict[str, Json] = {
        "version": int(text(history[0], "Version")),
        "type": text(history[0], "Type"),
        "earlier": None,
    }
    for one in history[1:]:
        plain = text(one, "Type") == text(history[0], "Type")
        if plain and not exposed_in([(parameter.id, text(one, "Value"))], reader):
            told["earlier"] = int(text(one, "Version"))
            break
    return told


def _back(parameter: Resource, state: Document) -> tuple[Step, ...]:
    then, now = state.get("earlier"), state.get("version")
    if not isinstance(then, int) or not isinstance(now, int):
        return ()
    return (Step(_put(parameter, state, then), (_put(parameter, state, now),)),)


def _put(parameter: Resource, state: Document, version: int) -> Call:
    given: Document = {
        "Name": parameter.id,
        "Value": parameter_value(parameter.id, parameter.arn, version),
        "Type": text(state, "type"),
        "Overwrite": True,
    }
    return Call("ssm", "PutParameter", given, on=(parameter.arn,))


TRIGGERS = (Trigger(_SOURCE, "PutParameter"),)

SECRET_IN_PARAMETER = OpenSecret(
    id="ssm.secret-in-plain-parameter",
    title="Secret in a plain parameter",
    severity=70,
    references=References(attack=("T1552.001",)),
    triggers=TRIGGERS,
    reads=("ssm:GetParameter", "ssm:GetParameterHistory"),
    writes={"ssm:GetParameterHistory": _PARAMETER, "ssm:PutParameter": _PARAMETER},
    # Every put makes a version, also the one that takes another back.
    volatile=frozenset({"version", "earlier"}),
    suspects=parameters,
    values=value,
    beside=_versions,
    steps=_back,
)

CONTROLS = (SECRET_IN_PARAMETER,)
