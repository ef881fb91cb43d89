"""ECR: repositories whose images go unscanned, by their own setting or by the registry's.

Sources: Amazon ECR API Reference, "PutImageScanningConfiguration" (superseded by the registry's
configuration), "PutRegistryScanningConfiguration", "RegistryScanningRule"; Amazon ECR User Guide,
"Scan images for software vulnerabilities in Amazon ECR", "IAM permissions required for enhanced
scanning in Amazon ECR".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, partition_of, resource
from .ecr import described, repositories, repository_of
from .mechanisms.declared import listed
from .mechanisms.weakened import TOLD, Weakened, told, weaker_than_before

_ECR = "ecr.amazonaws.com"
_REPOSITORIES = ("arn:{partition}:ecr:{region}:{account}:repository/*",)
_EVERYWHERE = ("*",)
# The configuration of a region's registry, which has no ARN.
_REGISTRY = "ecr.registry-scanning"
# How often images are scanned, the least first.
_FREQUENCIES = ("MANUAL", "SCAN_ON_PUSH", "CONTINUOUS_SCAN")
_MOST = len(_FREQUENCIES) - 1
_ALL = "*"


def _asked(change: Change) -> Iterable[Candidate]:
    if change.name == "PutRegistryScanningConfiguration":
        yield from _registry_asked(change)
        return
    on_push = flag(mapping(change.request, "imageScanningConfiguration").get("scanOnPush"))
    if on_push is False:
        yield from (told(repository, "scan_on_push") for repository in repository_of(change))
    elif on_push is None:
        for repository in repository_of(change):
            yield Candidate(repository, Certainty.POSSIBLE)


def _registry_asked(change: Change) -> Iterable[Candidate]:
    """The registry, unless everything is scanned as often as can be: that is never weaker."""
    # This ARN only names it in the record.
    where = "ecr:{region}:{account}:registry-scanning"
    registry = resource(change, _REGISTRY, change.account, where)
    scanned = _scanned(change.request)
    if not scanned and not omitted(change.request):
        yield told(registry, "scanning")
    elif text(change.request, "scanType") != "ENHANCED" or scanned.get(_ALL) != _MOST:
        yield Candidate(registry, Certainty.POSSIBLE)


def _all(reader: Reader) -> Iterator[Resource]:
    yield from repositories(reader)
    arn = f"arn:{partition_of(reader.region)}:ecr:{reader.region}:{reader.account}"
    where = f"{arn}:registry-scanning"
    yield Resource(_REGISTRY, reader.account, reader.account, reader.region, where)


def _read(found: Resource, reader: Reader) -> Document | None:
    if found.kind == _REGISTRY:
        answer = document(reader.read("ecr", "GetRegistryScanningConfiguration"))
        return {"scanning": mapping(answer, "scanningConfiguration")}
    repository = described(found, reader)
    if repository is None:
        return None
    configured = mapping(repository, "imageScanningConfiguration")
    return {"scan_on_push": flag(configured.get("scanOnPush")) is True}


def _scanned(scanning: Document) -> dict[str, int]:
    """Which repositories are scanned by themselves, by filter, and how often (`_FREQUENCIES`)."""
    found: dict[str, int] = {}
    for rule in items(scanning.get("rules")):
        name = text(rule, "scanFrequency")
        frequency = _FREQUENCIES.index(name) if name in _FREQUENCIES else 0
        for one in items(rule.get("repositoryFilters")):
            pattern = text(one, "filter")
            found[pattern] = max(found.get(pattern, 0), frequency)
    return {pattern: frequency for pattern, frequency in found.items() if frequency}


def _registry_weaker(state: Document, baseline: Document | None) -> dict[str, str]:
    now = mapping(state, "scanning")
    scanned = _scanned(now)
    if baseline is None:
        nothing = not scanned and "scanning" in listed(state, TOLD)
        return {"scanning": "no images are scanned by themselves"} if nothing else {}
    before = mapping(baseline, "scanning")
    everywhere = scanned.get(_ALL, 0)
    less = sorted(
        pattern
        for pattern, frequency in _scanned(before).items()
        if max(scanned.get(pattern, 0), everywhere) < frequency
    )
    types = (text(before, "scanType"), text(now, "scanType"))
    reasons = (
        f"images of {', '.join(less)} are scanned less often than before" if less else "",
        "Amazon Inspector scans them no longer" if types == ("ENHANCED", "BASIC") else "",
    )
    why = "; ".join(filter(None, reasons))
    return {"scanning": why} if why else {}


_repository_weaker = weaker_than_before(
    lambda state: {} if state["scan_on_push"] else {"scan_on_push": "images are not scanned"}
)


def _put(found: Resource, state: Document, _: tuple[str, ...]) -> Call:
    if found.kind == _REGISTRY:
        scanning = mapping(state, "scanning")
        return Call("ecr", "PutRegistryScanningConfiguration", scanning, on=_EVERYWHERE)
    return Call(
        "ecr",
        "PutImageScanningConfiguration",
        {
            "repositoryName": found.id,
            "imageScanningConfiguration": {"scanOnPush": state["scan_on_push"]},
        },
        on=(found.arn,),
    )


SCANNING_OFF = Weakened(
    id="ecr.scanning-off",
    title="Images no longer scanned, in a repository or the registry",
    severity=45,
    cuts=NOTHING,
    references=References(security_hub=("ECR.1",), attack=("T1562",)),
    triggers=(
        Trigger(_ECR, "PutImageScanningConfiguration"),
        Trigger(_ECR, "PutRegistryScanningConfiguration"),
    ),
    reads=("ecr:DescribeRepositories", "ecr:GetRegistryScanningConfiguration"),
    writes={
        "ecr:PutImageScanningConfiguration": _REPOSITORIES,
        "ecr:PutRegistryScanningConfiguration": _EVERYWHERE,
        # ECR has Amazon Inspector scan, or no longer, with the caller's permission.
        "inspector2:Disable": _EVERYWHERE,
        "inspector2:Enable": _EVERYWHERE,
    },
    found_by=_all,
    candidates=_asked,
    read=_read,
    weaker=lambda state, baseline: (
        _registry_weaker(state, baseline)
        if "scanning" in state
        else _repository_weaker(state, baseline)
    ),
    default={"scan_on_push": True},
    put=_put,
)

CONTROLS = (SCANNING_OFF,)
