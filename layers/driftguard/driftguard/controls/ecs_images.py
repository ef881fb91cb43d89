"""ECS services that run an image known to be insecure.

Sources: Amazon ECS API Reference, "ListServices", "DescribeServices", "UpdateService"; Amazon ECS
Developer Guide, "Amazon ECS deployment controllers"; Amazon ECR User Guide, "Amazon ECR events and
EventBridge".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import (
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

from .control import Control, References, Trigger, partition_of
from .ecs import (
    ECS,
    NEWER_REVISION,
    ROLES,
    SERVICES,
    definition,
    described,
    earlier_revisions,
    newer_revisions_use,
    roles_of,
    service_of,
    use,
)
from .mechanisms.vulnerable_library import (
    KEPT,
    Judge,
    LibrarySettings,
    doubt,
    fixes,
    in_words,
    is_suspicious,
    kept,
    offending,
    today,
)
from .scans import FINDING, INSPECTOR, by_word, of_image, of_inspector, repository_of

_ECR, _SCAN = "aws.ecr", "ECR Image Scan"
# How many services are searched for those that run an image, how many of these are looked at, and
# how many fit into the policy of one session.
_MOST_SEARCHED, _MOST_RUNNING, _MOST_CHANGED = 200, 20, 6


class InsecureImage(Control[LibrarySettings]):
    """A service runs an image in which ECR or Inspector has found something known to be insecure.

    It goes back to the newest earlier revision of its task definition whose images are clean.
    """

    id = "ecs.insecure-image"
    title = "Service with an insecure image"
    severity = 75
    references = References(security_hub=("ECR.1", "Inspector.2"), attack=("T1195.001",))
    triggers = (
        Trigger(ECS, "CreateService"),
        Trigger(ECS, "UpdateService"),
        Trigger(_ECR, _SCAN),
        Trigger(INSPECTOR, FINDING),
    )
    reads = (
        "ecr:DescribeImageScanFindings",
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
        "ecs:ListClusters",
        "ecs:ListServices",
        "ecs:ListTaskDefinitions",
    )
    writes: Mapping[str, tuple[str, ...]] = {"ecs:UpdateService": SERVICES, "iam:PassRole": ROLES}
    cuts = NEWER_REVISION
    volatile = frozenset({"looked", "today"})
    settings = LibrarySettings

    def screen(self, change: Change, settings: LibrarySettings) -> Iterable[Candidate]:
        if change.source == ECS:
            found = service_of(change) if _runs_anew(change) else iter(())
        else:
            found = _images(change, settings)
        for resource in found:
            yield Candidate(resource, Certainty.POSSIBLE)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        look, unknown = _Look(reader), ""
        if candidate.resource.kind == "ecs.service":
            found = described(candidate.resource, reader)
            running = [found] if found is not None and _runs(found) else []
        else:
            running, unknown = look.running(candidate.resource.id.partition("@")[0])
        for service in running:
            look.back_from(text(service, "taskDefinition"))
        services: dict[str, Json] = {_id_of(service): _as_kept(service) for service in running}
        if not services and not unknown:
            return None
        return {
            "of": candidate.resource.id,
            "services": services,
            "looked": kept(look.looked, KEPT),
            "unknown": unknown,
            "today": today(),
        }

    def assess(
        self, state: Document, baseline: Document | None, settings: LibrarySettings
    ) -> Finding | None:
        services = _Service.all_of(state, settings)
        bad = [service for service in services if service.flagged]
        if bad:
            said = [
                f"{service.resource.id} runs {service.revision} with {in_words(service.flagged)}"
                for service in bad
            ]
            waits = (
                ""
                if any(service.before for service in bad)
                else _first(service.may_yet for service in bad)
            )
            return Finding("; ".join(said), offending(bad[0].flagged), unknown=waits)
        why = _first(service.unknown for service in services) or text(state, "unknown")
        return doubt(text(state, "of"), why, settings) if why else None

    def in_use(self, candidate: Candidate, state: Document, reader: Reader) -> Use:
        services = _Service.all_of(state, LibrarySettings())
        return newer_revisions_use((service.resource for service in services), reader)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: LibrarySettings,
    ) -> Plan:
        services = _Service.all_of(observation.state, settings)
        bad = [service for service in services if service.flagged]
        if not bad:
            return Plan((), advice="Look at what it runs by hand.")
        advice = f"{fixes(bad[0].flagged)} Build the image anew and deploy it."
        if len(bad) > _MOST_CHANGED:
            return Plan((), advice=f"{len(bad)} services run it, too many for one plan. {advice}")
        steps = tuple(step for service in bad for step in service.back())
        if not steps:
            return Plan((), advice=f"{_by_hand(bad)} {advice}")
        fine = tuple(service.resource.id for service in services if not service.flagged)
        return Plan(steps, untouched=fine, advice=advice)


# ------------------------------------------------------------------------------- screening


def _runs_anew(change: Change) -> bool:
    """Whether another image than before may run, by the record."""
    asked = change.request
    if change.name == "CreateService" or omitted(asked):
        return True
    return bool(text(asked, "taskDefinition")) or flag(asked.get("forceNewDeployment")) is True


def _images(change: Change, settings: LibrarySettings) -> Iterator[Resource]:
    """The images of a scan or a finding that the policy flags."""
    said, region = change.request, change.region
    head = f"arn:{partition_of(region)}:ecr:{region}:{change.account}:repository/"
    if change.source == _ECR:
        counts = mapping(said, "finding-severity-counts")
        points = [by_word(word) for word, count in counts.items() if count]
        name, digest = text(said, "repository-name"), text(said, "image-digest")
        bad = any(point is None or point >= settings.min_severity for point in points)
        if bad and name and digest and text(said, "scan-status") == "COMPLETE":
            yield _image(change, head, name, digest)
        return
    for item in items(said.get("resources")):
        name, _, digest = text(item, "id").removeprefix(head).rpartition("/")
        if text(item, "type") != "AWS_ECR_CONTAINER_IMAGE" or not text(item, "id").startswith(head):
            continue
        image = _image(change, head, name, digest)
        if Judge(settings, image, change.time[:10]).flagged({"findings": of_inspector(said)}):
            yield image


def _image(change: Change, head: str, name: str, digest: str) -> Resource:
    arn = f"{head}{name}/{digest}"
    return Resource("ecr.image", f"{name}@{digest}", change.account, change.region, arn)


# ------------------------------------------------------------------------------- looking


class _Look:
    """One look at services and what they run, in which nothing is read twice."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.looked: dict[str, Document] = {}
        self._definitions: dict[str, Document] = {}
        self._images: dict[str, Document] = {}

    def running(self, repository: str) -> tuple[list[Document], str]:
        """The services that run an image of this repository; and why these may not be all."""
        found: list[Document] = []
        for number, service in enumerate(self._services()):
            if number == _MOST_SEARCHED:
                return found, f"there are more than {_MOST_SEARCHED} services"
            if not any(
                repository_of(image, self.reader) == repository
                for image in self._images_of(text(service, "taskDefinition"))
            ):
                continue
            if len(found) == _MOST_RUNNING:
                return found, f"more than {_MOST_RUNNING} services run {repository}"
            found.append(service)
        return found, ""

    def back_from(self, revision: str) -> None:
        """Looks at a revision; and at earlier ones while there is something against each."""
        if not self._look_at(revision)["findings"]:
            return
        for earlier_revision in earlier_revisions(revision, self.reader):
            if not is_suspicious(self._look_at(earlier_revision)):
                return

    def _services(self) -> Iterator[Document]:
        for cluster in self.reader.pages("ecs", "ListClusters", "clusterArns"):
            listed = self.reader.pages("ecs", "ListServices", "serviceArns", cluster=cluster)
            while ten := list(islice(listed, 10)):
                found = self.reader.read("ecs", "DescribeServices", cluster=cluster, services=ten)
                for item in items(document(found).get("services")):
                    if text(item, "status") == "ACTIVE" and _runs(item):
                        yield item

    def _look_at(self, revision: str) -> Document:
        if revision not in self.looked:
            images = [self._image(image) for image in self._images_of(revision)]
            unknown = [image for image in images if image["unknown"]]
            self.looked[revision] = {
                "roles": roles_of(self._definition(revision)),
                "findings": [item for image in images for item in items(image["findings"])],
                "unknown": unknown[0]["unknown"] if unknown else "",
                "pending": any(image["pending"] for image in unknown),
            }
        return self.looked[revision]

    def _images_of(self, revision: str) -> list[str]:
        containers = items(self._definition(revision).get("containerDefinitions"))
        return [text(container, "image") for container in containers]

    def _image(self, image: str) -> Document:
        if image not in self._images:
            self._images[image] = of_image(image, self.reader)
        return self._images[image]

    def _definition(self, revision: str) -> Document:
        if revision not in self._definitions:
            self._definitions[revision] = definition(revision, self.reader)
        return self._definitions[revision]


def _id_of(service: Document) -> str:
    cluster = text(service, "clusterArn").rpartition("/")[2]
    return f"{cluster}/{text(service, 'serviceName')}"


def _runs(service: Document) -> bool:
    """Whether it runs a revision: an external controller may have made no primary task set yet."""
    return bool(text(service, "taskDefinition"))


def _as_kept(service: Document) -> Document:
    return {
        "arn": text(service, "serviceArn"),
        "runs": text(service, "taskDefinition"),
        "deployed_by": text(mapping(service, "deploymentController"), "type") or "ECS",
    }


# ------------------------------------------------------------------------------- judging


@dataclass(frozen=True, slots=True)
class _Service:
    """A service of an observation, judged."""

    resource: Resource
    runs: str
    deployed_by: str
    looked: Document
    judge: Judge

    @classmethod
    def all_of(cls, state: Document, settings: LibrarySettings) -> list[_Service]:
        """All services of an observation."""
        services, found = mapping(state, "services"), []
        for id_ in services:
            entry = mapping(services, id_)
            service = Resource("ecs.service", id_, "", "", text(entry, "arn"))
            judge = Judge.of(state, service, settings)
            looked = mapping(state, "looked")
            found.append(
                cls(service, text(entry, "runs"), text(entry, "deployed_by"), looked, judge)
            )
        return found

    @property
    def revision(self) -> str:
        """What it runs, by its short name: `orders:7`."""
        return self.runs.rpartition("/")[2]

    @property
    def flagged(self) -> list[Document]:
        """What is wrong with what it runs."""
        return self.judge.flagged(mapping(self.looked, self.runs))

    @property
    def unknown(self) -> str:
        """Why it is unknown what is wrong with it."""
        return self._pending(self.runs)

    @property
    def before(self) -> str:
        """The newest earlier revision that is known to be clean; "" for none."""
        clean = [
            revision
            for revision in self._earlier()
            if self.judge.clears(mapping(self.looked, revision))
        ]
        return clean[0] if clean else ""

    @property
    def may_yet(self) -> str:
        """Why it is unknown whether an earlier revision is clean."""
        return _first(map(self._pending, self._earlier()))

    def back(self) -> Iterator[Step]:
        """The step that has the service run the revision before, if ECS itself deploys it."""
        if self.before and self.deployed_by == "ECS":
            there, back = (
                use(self.resource, revision, _texts(mapping(self.looked, revision), "roles"))
                for revision in (self.before, self.runs)
            )
            yield Step(there, (back,))

    def _earlier(self) -> list[str]:
        """The revisions before that were looked at, the newest first."""
        family, _, now = self.runs.rpartition(":")
        numbers = [
            int(revision[len(family) + 1 :]) for revision in self.looked if _is_of(revision, family)
        ]
        return [
            f"{family}:{number}" for number in sorted(numbers, reverse=True) if number < int(now)
        ]

    def _pending(self, revision: str) -> str:
        """Why the answer on a revision is pending; "" if nobody scans its images."""
        looked = mapping(self.looked, revision)
        unasked = text(looked, "unknown") and looked.get("pending") is False
        return "" if unasked else self.judge.unknown(looked)


def _by_hand(bad: Iterable[_Service]) -> str:
    """Why none of these services goes back by itself, and what their own controllers could do."""
    waiting = [service for service in bad if service.before]
    if not waiting:
        return "No earlier revision is known to be clean."
    return " ".join(
        f"{service.deployed_by} deploys it: have it go back to {service.before.rpartition('/')[2]}."
        for service in waiting
    )


def _is_of(revision: str, family: str) -> bool:
    return revision.rpartition(":")[0] == family


def _first(whys: Iterable[str]) -> str:
    return next(filter(None, whys), "")


def _texts(container: Document, name: str) -> list[str]:
    value = container.get(name)
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else []


CONTROLS = (InsecureImage(),)
