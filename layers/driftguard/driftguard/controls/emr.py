"""EMR: clusters of the region no longer kept from being open to the internet.

Source: Amazon EMR Management Guide, "Using Amazon EMR block public access".
"""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, items, mapping, text, whole_number
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, partition_of, resource
from .mechanisms.declared import unrecorded
from .mechanisms.switch import Switch
from .mechanisms.weakened import TOLD, told

_EMR = "elasticmapreduce.amazonaws.com"
# AWS's own exception, in force until somebody sets another.
_SSH = ({"MinRange": 22, "MaxRange": 22},)


def _allowed(configuration: Document) -> list[Document]:
    """The ports that may be open to the world all the same, in order."""
    ranges = configuration.get(
        "PermittedPublicSecurityGroupRuleRanges",
        configuration.get("permittedPublicSecurityGroupRuleRanges"),
    )
    found: list[Document] = [
        {
            name: number
            for name in ("MinRange", "MaxRange")
            if (number := whole_number(text(item, name, name[0].lower() + name[1:]))) is not None
        }
        for item in items(ranges)
    ]
    return sorted(found, key=_span)


def _changed(change: Change) -> Iterable[Candidate]:
    asked = mapping(change.request, "blockPublicAccessConfiguration")
    blocks = flag(asked.get("blockPublicSecurityGroupRules"))
    tail = "elasticmapreduce:{region}:{account}:block-public-access"
    where = resource(change, "emr.block-public-access", "block-public-access", tail)
    if blocks is False:
        yield told(where, "blocks")
    # Still on, but with more ports let through: whether more, the baseline tells.
    elif blocks is None or _allowed(asked) not in ([], list(_SSH)):
        yield Candidate(where, Certainty.POSSIBLE)


def _settings(reader: Reader) -> Iterable[Resource]:
    """The setting of the region. AWS has no ARN for it; this one only names it in the record."""
    where = f"elasticmapreduce:{reader.region}:{reader.account}:block-public-access"
    arn = f"arn:{partition_of(reader.region)}:{where}"
    kind = "emr.block-public-access"
    yield Resource(kind, "block-public-access", reader.account, reader.region, arn)


def _read(_: Resource, reader: Reader) -> Document:
    answer = document(reader.read("emr", "GetBlockPublicAccessConfiguration"))
    now = mapping(answer, "BlockPublicAccessConfiguration")
    return {
        "blocks": flag(now.get("BlockPublicSecurityGroupRules")) is True,
        "allowed": list(_allowed(now)),
    }


def _risky(state: Document, baseline: Document | None) -> str:
    if not state["blocks"]:
        # What a baseline has without the block is as it was; a sweep has no record to tell.
        opened = bool(state.get(TOLD)) if baseline is None else baseline["blocks"]
        return "EMR clusters may be launched open to the internet" if opened else ""
    before = list(items(baseline["allowed"])) if baseline else []
    more = [item for item in items(state["allowed"]) if not _within(item, before)]
    if baseline is None or not baseline["blocks"] or not more:
        return ""
    ports = ", ".join(f"{text(span, 'MinRange')}-{text(span, 'MaxRange')}" for span in more)
    return f"EMR clusters may be open to the internet on ports {ports}"


def _within(ports: Document, allowed: list[Document]) -> bool:
    low, high = _span(ports)
    return any(_span(span)[0] <= low and high <= _span(span)[1] for span in allowed)


def _span(ports: Document) -> tuple[int, int]:
    low = int(text(ports, "MinRange") or 0)
    return low, int(text(ports, "MaxRange") or low)


def _safe(state: Document, baseline: Document | None) -> Document:
    """The block on, with those ports of now that were let through before.

    The call sets the whole list, and a port that was closed meanwhile stays closed.
    """
    if baseline is None or not baseline["blocks"]:
        return {**state, "blocks": True}
    before = list(items(baseline["allowed"]))
    common: list[Document] = [
        {"MinRange": low, "MaxRange": high}
        for now in items(state["allowed"])
        for known in before
        if (low := max(_span(now)[0], _span(known)[0]))
        <= (high := min(_span(now)[1], _span(known)[1]))
    ]
    common.sort(key=_span)
    return {"blocks": True, "allowed": list(common)}


def _put(_: Resource, state: Document) -> Call:
    configuration: Document = {
        "BlockPublicSecurityGroupRules": state["blocks"],
        "PermittedPublicSecurityGroupRuleRanges": state["allowed"],
    }
    parameters: Document = {"BlockPublicAccessConfiguration": configuration}
    return Call("emr", "PutBlockPublicAccessConfiguration", parameters, on=("*",))


CONTROLS = (
    Switch(
        id="emr.bpa-off",
        title="EMR block public access weakened",
        severity=70,
        references=References(security_hub=("EMR.2",), attack=("T1562.007",)),
        triggers=(Trigger(_EMR, "PutBlockPublicAccessConfiguration"),),
        reads=("elasticmapreduce:GetBlockPublicAccessConfiguration",),
        writes={"elasticmapreduce:PutBlockPublicAccessConfiguration": ("*",)},
        proven="stub",
        # It keeps clusters from being launched; those that run go on.
        cuts=NOTHING,
        baselined=True,
        found_by=_settings,
        candidates=_changed,
        read=_read,
        risky=_risky,
        safe=_safe,
        asks=unrecorded,
        put=_put,
    ),
)
