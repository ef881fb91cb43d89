"""Event sources that lead to one version of a function, and that version is insecure.

An event source of an alias, or of the function itself, goes back with that.

Source: AWS Lambda API Reference, "UpdateEventSourceMapping" (`FunctionName` may name a version).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, mapping, text
from driftguard.model import (
    Call,
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
    Step,
)

from ..control import Control, Trigger, resource
from ..mechanisms.vulnerable_library import (
    KEPT,
    LibrarySettings,
    doubt,
    fixes,
    in_words,
    kept,
    offending,
    today,
)
from .judged import Judged
from .libraries import REFERENCES
from .names import BUSY, GONE, LAMBDA, OLDER_CODE, SETTLING
from .versions import Versions, sees

_MAPPINGS = ("arn:{partition}:lambda:{region}:{account}:event-source-mapping:*",)


class InsecureEventSource(Control[LibrarySettings]):
    """An event source invokes a version that holds a library known to be insecure.

    It goes back to the newest earlier version that is fine.
    """

    id = "lambda.insecure-event-source"
    title = "Event source of an insecure version"
    severity = 75
    references = REFERENCES
    triggers = (
        Trigger(LAMBDA, "CreateEventSourceMapping"),
        Trigger(LAMBDA, "UpdateEventSourceMapping"),
    )
    proven = "stub"
    reads = (
        "ecr:DescribeImageScanFindings",
        "lambda:GetEventSourceMapping",
        "lambda:GetFunction",
        "lambda:GetLayerVersion",
        "lambda:ListLayerVersions",
        "lambda:ListVersionsByFunction",
    )
    writes: Mapping[str, tuple[str, ...]] = {"lambda:UpdateEventSourceMapping": _MAPPINGS}
    volatile = frozenset({"looked", "tags", "today"})
    cuts = OLDER_CODE
    settling = SETTLING
    busy = BUSY
    settings = LibrarySettings

    def screen(self, change: Change, settings: LibrarySettings) -> Iterable[Candidate]:
        # CloudTrail writes the first letter of a member small, whatever follows.
        uuid = text(change.response, "uUID", "uuid") or text(change.request, "uUID", "uuid")
        led = text(change.response, "functionArn") or text(change.request, "functionName")
        if uuid and _version(led):
            where = f"lambda:{{region}}:{{account}}:event-source-mapping:{uuid}"
            found = resource(change, "lambda.event-source-mapping", uuid, where)
            yield Candidate(found, Certainty.POSSIBLE)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        if not sees(reader):
            return None
        found = reader.read(
            "lambda", "GetEventSourceMapping", absent=GONE, UUID=candidate.resource.id
        )
        if found is None:
            return None
        led = text(document(found), "FunctionArn")
        version = _version(led)
        arn = led.removesuffix(f":{version}")
        function = arn.rpartition(":")[2]
        looked: Mapping[str, Document] = {}
        tags: Document = {}
        if version:
            versions = Versions(function, reader)
            latest = versions.found(version) or {}
            tags = mapping(latest, "Tags")
            if versions.look_at(version, latest)["findings"]:
                versions.look_back([version])
            looked = versions.looked
        return {
            "mapping": candidate.resource.id,
            "function": function,
            "arn": arn,
            "leads_to": led,
            "version": version,
            "looked": kept(looked, KEPT),
            "tags": dict(tags),
            "today": today(),
        }

    def assess(
        self, state: Document, baseline: Document | None, settings: LibrarySettings
    ) -> Finding | None:
        version, judged = text(state, "version"), Judged.of(state, settings)
        if not version:
            return None
        name = f"{state['function']}:{version}"
        bad = judged.flagged(version)
        if bad:
            waits = "" if judged.before(version) else judged.may_yet_clear([version])
            summary = f"an event source invokes {name} with {in_words(bad)}"
            return Finding(summary, offending(bad), unknown=waits)
        why = judged.unknown([version])
        return doubt(name, why, settings) if why else None

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: LibrarySettings,
    ) -> Plan:
        state, judged = observation.state, Judged.of(observation.state, settings)
        bad = judged.flagged(text(state, "version"))
        then = judged.before(text(state, "version"))
        if not bad:
            return Plan((), advice="Look at what it invokes by hand.")
        if not then:
            return Plan((), advice=f"No earlier version is known to be fine. {fixes(bad)}")
        back = _lead(candidate.resource, text(state, "leads_to"))
        step = Step(_lead(candidate.resource, f"{state['arn']}:{then}"), (back,))
        return Plan((step,), advice=f"{fixes(bad)} Publish a version with it.")


def _version(function: str) -> str:
    """The version that a function's name or ARN ends with; "" for an alias, or for none."""
    qualifier = function.rpartition(":")[2]
    # `f:1`, `123456789012:function:f:1`, and a whole ARN with a qualifier.
    return qualifier if qualifier.isdigit() and function.count(":") in (1, 3, 7) else ""


def _lead(mapping_: Resource, function: str) -> Call:
    parameters: Document = {"UUID": mapping_.id, "FunctionName": function}
    return Call("lambda", "UpdateEventSourceMapping", parameters, on=(mapping_.arn,))


CONTROLS = (InsecureEventSource(),)
