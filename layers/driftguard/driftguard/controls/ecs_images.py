"""ECS services that run an image known to be insecure.

Sources: Amazon ECS API Reference, "ListServices", "DescribeServices", "UpdateService"; Amazon ECS
Developer Guide, "Amazon ECS deployment controllers"; Amazon ECR User Guide, "Amazon ECR events and
EventBridge".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from ..aws import Reader, document
from ..model import (
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
from ..trail import flag, items, mapping, omitted, text
from .control import Control, References, Trigger, partition_of
from .ecs import (
    ECS,
    ROLES,
    SERVICES,
    definition,
    described,
    earlier_revisions,
    roles_of,
    service_of,
    use,
)
from .insecure import (
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
    volatile = frozenset({"looked", "today"})
    settings = LibrarySettings

    def screen(self, change: Change, settings: LibrarySettings) -> Iterable[Suspect]:
        if change.source == ECS:
            found = service_of(change) if _runs_anew(change) else iter(())
        else:
            found = _images(change, settings)
        for one in found:
            yield Suspect(one, Certainty.POSSIBLE)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        look, unknown = _Look(reader), ""
        if suspect.resource.kind == "ecs.service":
            found = described(suspect.resource, reader)
            running = [found] if found is not None and _runs(found) else []
        else:
            running, unknown = look.running(suspect.resource.id.partition("@")[0])
        for one in running:
            look.back_from(text(one, "taskDefinition"))
        services: dict[str, Json] = {_id_of(one): _as_kept(one) for one in running}
        if not services and not unknown:
            return None
        return {
            "of": suspect.resource.id,
            "services": services,
            "looked": kept(look.looked, KEPT),
            "unknown": unknown,
            "today": today(),
        }

    def assess(
        self, state: Document, baseline: Document | None, settings: LibrarySettings
    ) -> Risk | None:
        services = _Service.all_of(state, settings)
        bad = [one for one in services if one.minded]
        if bad:
            said = [
                f"{one.resource.id} runs {one.revision} with {in_words(one.minded)}" for one in bad
            ]
            waits = "" if any(one.before for one in bad) else _first(one.may_yet for one in bad)
            return Risk("; ".join(said), offending(bad[0].minded), unknown=waits)
        why = _first(one.unknown for one in services) or text(state, "unknown")
        return doubt(text(state, "of"), why, settings) if why else None

    def plan(
        self,
        suspect: Suspect,
        facet: Facet,
        baseline: Document | None,
        settings: LibrarySettings,
    ) -> Plan:
        services = _Service.all_of(facet.state, settings)
        bad = [one for one in services if one.minded]
        if not bad:
            return Plan((), advice="Look at what it runs by hand.")
        advice = f"{fixes(bad[0].minded)} Build the image anew and deploy it."
        if len(bad) > _MOST_CHANGED:
            return Plan((), advice=f"{len(bad)} services run it, too many for one plan. {advice}")
        steps = tuple(step for one in bad for step in one.back())
        if not steps:
            return Plan((), advice=f"{_by_hand(bad)} {advice}")
        fine = tuple(one.resource.id for one in services if not one.minded)
        return Plan(steps, kept=fine, advice=advice)


# ------------------------------------------------------------------------------- screening


def _runs_anew(change: Change) -> bool:
    """Whether the record leaves it open that another image runs than before."""
    asked = change.request
    if change.name == "CreateService" or omitted(asked):
        return True
    return bool(text(asked, "taskDefinition")) or flag(asked.get("forceNewDeployment")) is True


def _images(change: Change, settings: LibrarySettings) -> Iterator[Resource]:
    """The images of a scan or a finding that the policy minds."""
    said, region = change.request, change.region
    head = f"arn:{partition_of(region)}:ecr:{region}:{change.account}:repository/"
    if change.source == _ECR:
        counts = mapping(said, "finding-severity-counts")
        points = [by_word(word) for word, count in counts.items() if count]
        name, digest = text(said, "repository-name"), text(said, "image-digest")
        bad = any(one is None or one >= settings.min_severity for one in points)
        if bad and name and digest and text(said, "scan-status") == "COMPLETE":
            yield _image(change, head, name, digest)
        return
    for one in items(said.get("resources")):
        name, _, digest = text(one, "id").removeprefix(head).rpartition("/")
        if text(one, "type") != "AWS_ECR_CONTAINER_IMAGE" or not text(one, "id").startswith(head):
            continue
        image = _image(change, head, name, digest)
        if Judge(settings, image, change.time[:10]).minded({"findings": of_inspector(said)}):
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
        for number, one in enumerate(self._services()):
            if number == _MOST_SEARCHED:
                return found, f"there are more than {_MOST_SEARCHED} services"
            if not any(
                repository_of(image, self.reader) == repository
                for image in self._images_of(text(one, "taskDefinition"))
            ):
                continue
            if len(found) == _MOST_RUNNING:
                return found, f"more than {_MOST_RUNNING} services run {repository}"
            found.append(one)
        return found, ""

    def back_from(self, revision: str) -> None:
        """Looks at a revision; and at earlier ones while there is something against each."""
        if not self._look_at(revision)["findings"]:
            return
        for one in earlier_revisions(revision, self.reader):
            if not is_suspicious(self._look_at(one)):
                return

    def _services(self) -> Iterator[Document]:
        for cluster in self.reader.pages("ecs", "ListClusters", "clusterArns"):
            listed = self.reader.pages("ecs", "ListServices", "serviceArns", cluster=cluster)
            while ten := list(islice(listed, 10)):
                found = self.reader.read("ecs", "DescribeServices", cluster=cluster, services=ten)
                for one in items(document(found).get("services")):
                    if text(one, "status") == "ACTIVE" and _runs(one):
                        yield one

    def _look_at(self, revision: str) -> Document:
        if revision not in self.looked:
            images = [self._image(one) for one in self._images_of(revision)]
            unknown = [one for one in images if one["unknown"]]
            self.looked[revision] = {
                "roles": roles_of(self._definition(revision)),
                "findings": [each for one in images for each in items(one["findings"])],
                "unknown": unknown[0]["unknown"] if unknown else "",
                "pending": any(one["pending"] for one in unknown),
            }
        return self.looked[revision]

    def _images_of(self, revision: str) -> list[str]:
        containers = items(self._definition(revision).get("containerDefinitions"))
        return [text(one, "image") for one in containers]

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
    """A service of a facet, judged."""

    resource: Resource
    runs: str
    deployed_by: str
    looked: Document
    judge: Judge

    @classmethod
    def all_of(cls, state: Document, settings: LibrarySettings) -> list[_Service]:
        """All services of a facet."""
        services, found = mapping(state, "services"), []
        for id_ in services:
            one = mapping(services, id_)
            service = Resource("ecs.service", id_, "", "", text(one, "arn"))
            judge = Judge.of(state, service, settings)
            looked = mapping(state, "looked")
            found.append(cls(service, text(one, "runs"), text(one, "deployed_by"), looked, judge))
        return found

    @property
    def revision(self) -> str:
        """What it runs, by its short name: `orders:7`."""
        return self.runs.rpartition("/")[2]

    @property
    def minded(self) -> list[Document]:
        """What is wrong with what it runs."""
        return self.judge.minded(mapping(self.looked, self.runs))

    @property
    def unknown(self) -> str:
        """Why it is not known yet what is wrong with it."""
        return self._pending(self.runs)

    @property
    def before(self) -> str:
        """The newest earlier revision that is known to be clean; "" for none."""
        clean = [one for one in self._earlier() if self.judge.clears(mapping(self.looked, one))]
        return clean[0] if clean else ""

    @property
    def may_yet(self) -> str:
        """Why it is not known yet of an earlier revision whether it is clean."""
        return _first(map(self._pending, self._earlier()))

    def back(self) -> Iterator[Step]:
        """What has it run the revision before. Others than ECS deploy in their own way."""
        if self.before and self.deployed_by == "ECS":
            there, back = (
                use(self.resource, one, _texts(mapping(self.looked, one), "roles"))
                for one in (self.before, self.runs)
            )
            yield Step(there, (back,))

    def _earlier(self) -> list[str]:
        """The revisions before that were looked at, the newest first."""
        family, _, now = self.runs.rpartition(":")
        numbers = [int(one[len(family) + 1 :]) for one in self.looked if _is_of(one, family)]
        return [f"{family}:{one}" for one in sorted(numbers, reverse=True) if one < int(now)]

    def _pending(self, revision: str) -> str:
        """What nobody scans is nobody's question."""
        looked = mapping(self.looked, revision)
        unasked = text(looked, "unknown") and looked.get("pending") is False
        return "" if unasked else self.judge.unknown(looked)


def _by_hand(bad: Iterable[_Service]) -> str:
    """Why none of these services goes back by itself, and what their own controllers could do."""
    waiting = [one for one in bad if one.before]
    if not waiting:
        return "No earlier revision is known to be clean."
    return " ".join(
        f"{one.deployed_by} deploys it: have it go back to {one.before.rpartition('/')[2]}."
        for one in waiting
    )


def _is_of(revision: str, family: str) -> bool:
    return revision.rpartition(":")[0] == family


def _first(whys: Iterable[str]) -> str:
    return next(filter(None, whys), "")


def _texts(container: Document, name: str) -> list[str]:
    value = container.get(name)
    return [str(one) for one in value] if isinstance(value, (list, tuple)) else []


CONTROLS = (InsecureImage(),)
