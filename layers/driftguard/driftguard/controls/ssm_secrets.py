"""Finds secrets in plain parameters of Parameter Store, which are not encrypted or hidden.

The value of the version before can be put back. Parameter Store keeps the versions, and so the
secret: it has to be rotated in any case.

Source: AWS Systems Manager API Reference, "PutParameter", "GetParameterHistory".
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.aws.references import parameter_value
from driftguard.documents import Document, Json, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource, Step

from .control import Busy, Cuts, References, Trigger, partition_of, resource
from .mechanisms.exposed_secret import OpenSecret, Shown, fingerprint_of, is_clean

_SOURCE = "ssm.amazonaws.com"
_PARAMETER = ("arn:{partition}:ssm:{region}:{account}:parameter/*",)
_SECURE = "SecureString"
# How many earlier versions are looked at in search of a clean one.
_LOOK_BACK = 5


def parameters(change: Change) -> Iterator[Candidate]:
    """The plain parameter of a change. An overwriting call need not say of which type it is."""
    name = text(change.request, "name")
    if name and text(change.request, "type") != _SECURE:
        where = f"ssm:{{region}}:{{account}}:parameter/{name.removeprefix('/')}"
        yield Candidate(resource(change, "ssm.parameter", name, where), Certainty.POSSIBLE)


def _plain(reader: Reader) -> Iterator[Resource]:
    """The plain parameters of the account and region."""
    plain = [{"Key": "Type", "Values": ["String", "StringList"]}]
    where = f"arn:{partition_of(reader.region)}:ssm:{reader.region}:{reader.account}:parameter"
    for parameter in reader.pages(
        "ssm", "DescribeParameters", "Parameters", ParameterFilters=plain
    ):
        name = text(document(parameter), "Name")
        arn = f"{where}/{name.removeprefix('/')}"
        yield Resource("ssm.parameter", name, reader.account, reader.region, arn)


def value(parameter: Resource, reader: Reader) -> Shown | None:
    """The value of a plain parameter; a secure one shows none."""
    found = reader.read("ssm", "GetParameter", Name=parameter.id, absent=("ParameterNotFound",))
    if found is None:
        return None
    described = mapping(document(found), "Parameter")
    kind, now = text(described, "Type"), text(described, "Value")
    texts = [] if kind == _SECURE else [(parameter.id, now)]
    beside: dict[str, Json] = {
        "type": kind,
        "value": fingerprint_of(now, reader),
        "version": int(text(described, "Version")),
    }
    return Shown(texts, beside)


def _earlier(parameter: Resource, shown: Document, reader: Reader) -> Json:
    """The newest earlier version of the same type that holds no secret, and the tier of all.

    A parameter's tier is that of its newest version: a put that does not say it takes the account's
    default, and a parameter that became an advanced one can never go back.
    Source: AWS Systems Manager User Guide, "Managing parameter tiers".
    """
    try:
        every = list(
            map(
                document,
                reader.pages("ssm", "GetParameterHistory", "Parameters", Name=parameter.id),
            )
        )
    except AwsError as error:
        if error.code == "ParameterNotFound":
            return None
        raise
    newest = max(every, key=_version, default={})
    before = [version for version in every if _version(version) < _version(shown)]
    for version in sorted(before, key=_version, reverse=True)[:_LOOK_BACK]:
        same = text(version, "Type") == text(shown, "type")
        if same and is_clean([(parameter.id, text(version, "Value"))], reader):
            return {"version": _version(version), "tier": text(newest, "Tier") or "Standard"}
    return None


def _version(version: Document) -> int:
    return int(text(version, "Version", "version"))


def _back(parameter: Resource, state: Document) -> tuple[Step, ...]:
    then = mapping(state, "earlier")
    if not then:
        return ()
    now = _put(parameter, state, _version(state))
    return (Step(_put(parameter, state, _version(then)), (now,)),)


def _put(parameter: Resource, state: Document, version: int) -> Call:
    """Puts a value into the same tier; what is not given (description, policies) stays."""
    given: Document = {
        "Name": parameter.id,
        "Value": parameter_value(parameter.id, parameter.arn, version),
        "Type": text(state, "type"),
        "Overwrite": True,
        "Tier": text(mapping(state, "earlier"), "tier"),
    }
    return Call("ssm", "PutParameter", given, on=(parameter.arn,))


TRIGGERS = (Trigger(_SOURCE, "PutParameter"),)

SECRET_IN_PARAMETER = OpenSecret(
    id="ssm.secret-in-plain-parameter",
    title="Secret in a plain parameter",
    severity=70,
    cuts=Cuts(
        "whatever needs the new value",
        "",
        "does anything need the new value already, so that the old one would break it?",
    ),
    # Source: AWS Systems Manager API Reference, "PutParameter", errors.
    busy=(Busy("TooManyUpdates"),),
    references=References(attack=("T1552.001",)),
    triggers=TRIGGERS,
    reads=("ssm:DescribeParameters", "ssm:GetParameter", "ssm:GetParameterHistory"),
    found_by=_plain,
    writes={"ssm:GetParameterHistory": _PARAMETER, "ssm:PutParameter": _PARAMETER},
    # Every put makes a version, also the one that takes another back.
    volatile=frozenset({"version", "earlier"}),
    momentary=frozenset({"type", "value", "version", "earlier"}),
    candidates=parameters,
    values=value,
    earlier=_earlier,
    steps=_back,
)

CONTROLS = (SECRET_IN_PARAMETER,)
