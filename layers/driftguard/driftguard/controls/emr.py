"""EMR: clusters of the region no longer kept from being open to the internet.

Source: Amazon EMR Management Guide, "Using Amazon EMR block public access".
"""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, items, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import References, Trigger, partition_of, resource
from .mechanisms.switch import Switch

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
            name: int(number)
            for name in ("MinRange", "MaxRange")
            if (number := text(item, name, name[0].lower() + name[1:])).isdigit()
        }
        for item in items(ranges)
    ]
    return sorted(found, key=_span)


def _changed(change: Change) -> Iterable[Candidate]:
    asked = mapping(change.request, "blockPublicAccessConfiguration")
    blocks = flag(asked.get("blockPublicSecurityGroupRules"))
    tail = "elasticmapreduce:{region}:{account}:block-public-access"
    where = resource(change, "emr.block-public-access", "block-public-access", tail)
    if blocks is not True:
        yield Candidate(where, Certainty.EVIDENT if blocks is False else Certainty.POSSIBLE)
    # Still on, but with more ports let through: whether more, the baseline tells.
    elif _allowed(asked) not in ([], list(_SSH)):
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
        return "EMR clusters may be launched open to the internet"
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
    """The baseline; without one, the block switched on and the allowed ports unchanged."""
    if baseline is not None and baseline["blocks"]:
        return baseline
    return {**state, "blocks": True}


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
        baselined=True,
        found_by=_settings,
        candidates=_changed,
        read=_read,
        risky=_risky,
        safe=_safe,
        put=_put,
    ),
)
