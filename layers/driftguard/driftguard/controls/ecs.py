"""ECS: services that run an image known to be insecure, or whose settings hold a secret.

Source: Amazon ECS API Reference, "DescribeServices", "DescribeTaskDefinition",
"ListTaskDefinitions", "UpdateService".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..aws import Reader, document
from ..model import (
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
from ..trail import items, mapping, text
from .control import Control, References, Trigger, resource
from .insecure import LibrarySettings, doubt, fixes, in_words, minded_in, offending, today
from .scans import of_image

ECS = "ecs.amazonaws.com"
SERVICES = ("arn:{partition}:ecs:{region}:{account}:service/*",)
_GONE = ("ClusterNotFoundException", "ServiceNotFoundException")
# How many earlier revisions are looked at in search of a clean one.
_LOOK_BACK = 5


def service_of(change: Change) -> Iterator[Resource]:
    """The service of a change, by its cluster and name."""
    named = text(change.request, "service", "serviceName")
    name = named.rpartition("/")[2]
    cluster = text(change.request, "cluster").rpartition("/")[2] or "default"
    if name:
        where = f"ecs:{{region}}:{{account}}:service/{cluster}/{name}"
        yield resource(change, "ecs.service", f"{cluster}/{name}", where)


def described(service: Resource, reader: Reader) -> Document | None:
    """A service as it is now; None when it is gone."""
    cluster, _, name = service.id.partition("/")
    found = reader.read("ecs", "DescribeServices", absent=_GONE, cluster=cluster, services=[name])
    for one in items(document(found).get("services")):
        if text(one, "status") == "ACTIVE":
            return one
    return None


def definition(arn: str, reader: Reader) -> Document:
    """A task definition."""
    found = document(reader.read("ecs", "DescribeTaskDefinition", taskDefinition=arn))
    return mapping(found, "taskDefinition")


def earlier_revisions(arn: str, reader: Reader) -> list[str]:
    """The active revisions of the same family before this one, the newest first."""
    family, _, number = arn.rpartition("/")[2].rpartition(":")
    listed = reader.pages(
        "ecs",
        "ListTaskDefinitions",
        "taskDefinitionArns",
        familyPrefix=family,
        status="ACTIVE",
        sort="DESC",
    )
    found = [str(one) for one in listed]
    exact = [one for one in found if one.rpartition("/")[2].rpartition(":")[0] == family]
    return [one for one in exact if int(one.rpartition(":")[2]) < int(number)][:_LOOK_BACK]


def use(service: Resource, definition_arn: str) -> Call:
    """The call that has a service run a revision."""
    cluster, _, name = service.id.partition("/")
    parameters: Document = {
        "cluster": cluster,
        "service": name,
        "taskDefinition": definition_arn,
    }
    return Call("ecs", "UpdateService", parameters, on=(service.arn,))


class InsecureImage(Control[LibrarySettings]):
    """A service runs an image in which ECR or Inspector has found something known to be insecure.

    It goes back to the newest earlier revision of its task definition whose images are clean.
    """

    id = "ecs.insecure-image"
    title = "Service with an insecure image"
    severity = 75
    references = References(security_hub=("ECR.1", "Inspector.2"), attack=("T1195.001",))
    triggers = (Trigger(ECS, "CreateService"), Trigger(ECS, "UpdateService"))
    reads = (
        "ecr:DescribeImageScanFindings",
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
        "ecs:ListTaskDefinitions",
    )
    writes: Mapping[str, tuple[str, ...]] = {"ecs:UpdateService": SERVICES}
    volatile = frozenset({"looked", "today"})
    settings = LibrarySettings

    def screen(self, change: Change, settings: LibrarySettings) -> Iterable[Suspect]:
        for service in service_of(change):
            yield Suspect(service, Certainty.POSSIBLE)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        service = described(suspect.resource, reader)
        if service is None:
            return None
        now = text(service, "taskDefinition")
        looked: dict[str, Json] = {now: _look(now, reader)}
        if _suspicious(mapping(looked, now)):
            for one in earlier_revisions(now, reader):
                looked[one] = _look(one, reader)
                if not _suspicious(mapping(looked, one)):
                    break
        return {
            "service": suspect.resource.id,
            "arn": suspect.resource.arn,
            "runs": now,
            "looked": looked,
            "today": today(),
        }

    def assess(
        self, state: Document, baseline: Document | None, settings: LibrarySettings
    ) -> Risk | None:
        now = text(state, "runs")
        bad = _minded(state, now, settings)
        if bad:
            revision = now.rpartition("/")[2]
            return Risk(f"{state['service']} runs {revision} with {in_words(bad)}", offending(bad))
        # Images of elsewhere, and those that nobody scans, are not this control's business.
        why = text(mapping(mapping(state, "looked"), now), "unknown")
        scanning = why.startswith("the scan of")
        return doubt(text(state, "service"), why, settings) if scanning else None

    def plan(
        self,
        suspect: Suspect,
        facet: Facet,
        baseline: Document | None,
        settings: LibrarySettings,
    ) -> Plan:
        state, now = facet.state, text(facet.state, "runs")
        bad = _minded(state, now, settings)
        clean = [
            one
            for one, looked in mapping(state, "looked").items()
            if one != now
            and isinstance(looked, Mapping)
            and not text(looked, "unknown")
            and not _minded(state, one, settings)
        ]
        advice = f"{fixes(bad)} Build the image anew and deploy it."
        if not clean:
            return Plan((), advice=f"No earlier revision is clean. {advice}")
        service = suspect.resource
        return Plan((Step(use(service, clean[0]), (use(service, now),)),), advice=advice)


def _look(arn: str, reader: Reader) -> Document:
    findings: list[Json] = []
    unknown = ""
    for one in items(definition(arn, reader).get("containerDefinitions")):
        looked = of_image(text(one, "image"), reader)
        findings += items(looked["findings"])
        unknown = unknown or text(looked, "unknown")
    return {"findings": findings, "unknown": unknown}


def _suspicious(looked: Document) -> bool:
    return bool(looked["findings"]) or bool(looked["unknown"])


def _minded(state: Document, revision: str, settings: LibrarySettings) -> list[Document]:
    service = Resource("ecs.service", text(state, "service"), "", "", text(state, "arn"))
    looked = mapping(mapping(state, "looked"), revision)
    return minded_in(looked, service, settings, text(state, "today"))


CONTROLS = (InsecureImage(),)
