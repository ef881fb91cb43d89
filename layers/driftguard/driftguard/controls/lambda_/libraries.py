"""Functions that run a library with a known vulnerability.

The deployed code is read: that of `$LATEST`, of every version that an alias leads to, and of the
layers they use. An alias goes back to the newest earlier version that is fine, `$LATEST` to
that version's code, a layer to its newest earlier version that is fine.

Sources: AWS Lambda API Reference, "GetFunction", "ListAliases", "GetFunctionConcurrency"; AWS
Lambda Developer Guide, "Lambda function versions".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text, whole_number
from driftguard.events.cloudtrail import omitted
from driftguard.model import (
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
    Use,
)

from ..control import Control, References, Trigger, partition_of
from ..mechanisms.deployed import used_since
from ..mechanisms.vulnerable_library import (
    KEPT,
    SMALLEST,
    Judge,
    LibrarySettings,
    doubt,
    fixes,
    in_words,
    kept,
    offending,
    today,
)
from ..scans import FINDING, INSPECTOR, of_inspector
from .judged import Judged, live, named, versions_of
from .names import (
    BUSY,
    FOREIGN_LAYERS,
    FUNCTIONS,
    GONE,
    KEYS,
    LAMBDA,
    LATEST,
    OLDER_CODE,
    SETTLING,
    function_of,
)
from .rollback import standing_still, steps_back
from .versions import Versions, sees

TRIGGERS = (
    "CreateAlias",
    "CreateFunction",
    "DeleteFunctionConcurrency",
    "PublishVersion",
    "PutFunctionConcurrency",
    "UpdateAlias",
    "UpdateFunctionCode",
    "UpdateFunctionConfiguration",
)
REFERENCES = References(security_hub=("Inspector.3", "Inspector.4"), attack=("T1195.001",))
_MOST_ALIASES = 200
_MOST_TOLD = 50


class InsecureLibrary(Control[LibrarySettings]):
    """A function's deployed code, or a layer of it, holds a library known to be insecure."""

    id = "lambda.insecure-library"
    title = "Function with an insecure library"
    severity = 75
    references = REFERENCES
    triggers = (*(Trigger(LAMBDA, name) for name in TRIGGERS), Trigger(INSPECTOR, FINDING))
    reads = (
        "ecr:DescribeImageScanFindings",
        "lambda:GetFunction",
        "lambda:GetFunctionConcurrency",
        "lambda:GetLayerVersion",
        "lambda:ListAliases",
        "lambda:ListLayerVersions",
        "lambda:ListVersionsByFunction",
    )
    writes: Mapping[str, tuple[str, ...]] = {
        "lambda:DeleteFunctionConcurrency": FUNCTIONS,
        "lambda:GetFunction": FUNCTIONS,
        "lambda:GetLayerVersion": FOREIGN_LAYERS,
        "lambda:ListVersionsByFunction": FUNCTIONS,
        "lambda:PublishVersion": FUNCTIONS,
        "lambda:PutFunctionConcurrency": FUNCTIONS,
        "lambda:UpdateAlias": FUNCTIONS,
        "lambda:UpdateFunctionCode": FUNCTIONS,
        "lambda:UpdateFunctionConfiguration": FUNCTIONS,
        **KEYS,
    }
    # What is known of the same code changes by the day, and what was looked at with it.
    volatile = frozenset({"looked", "earlier_layers", "is_kept", "tags", "today"})
    cuts = OLDER_CODE
    settling = SETTLING
    busy = BUSY
    settings = LibrarySettings

    def screen(self, change: Change, settings: LibrarySettings) -> Iterable[Candidate]:
        if change.source == INSPECTOR:
            yield from _told(change, settings)
            return
        function = function_of(change)
        if function is not None and not _is_harmless(change):
            name = function.id.partition(":")[0]
            arn = function.arn.removesuffix(function.id) + name
            yield Candidate(replace(function, id=name, arn=arn), Certainty.POSSIBLE)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        told = list(items(candidate.hint.get("told")))
        versions = Versions(candidate.resource.id, reader, told)
        # Without anybody who could say what is insecure there is nothing to look for.
        latest = versions.found() if sees(reader, told) else None
        return None if latest is None else _state(versions, latest)

    def assess(
        self, state: Document, baseline: Document | None, settings: LibrarySettings
    ) -> Finding | None:
        if state["reserved"] == 0:
            return None
        judged, runs = Judged.of(state, settings), live(state)
        bad = judged.all_flagged(runs)
        if not bad:
            why = judged.unknown(runs) or text(state, "unknown")
            return doubt(text(state, "function"), why, settings) if why else None
        where = ", ".join(named(state, run) for run in runs if judged.flagged(run))
        # As long as an earlier version may turn out to be fine, there may be a better way back.
        waits = judged.may_yet_clear(runs) if not any(steps_back(judged)) else ""
        return Finding(f"{where} runs {in_words(bad)}", offending(bad), unknown=waits)

    def in_use(self, candidate: Candidate, state: Document, reader: Reader) -> Use:
        """Whether anybody may depend on the code of today.

        Source: AWS Lambda API Reference, "FunctionConfiguration" (`LastModified`).
        """
        name = candidate.resource.id.partition(":")[0]
        found = document(reader.read("lambda", "GetFunction", absent=GONE, FunctionName=name))
        return used_since((text(mapping(found, "Configuration"), "LastModified"),), self.cuts)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: LibrarySettings,
    ) -> Plan:
        state, judged = observation.state, Judged.of(observation.state, settings)
        bad = judged.all_flagged(live(state))
        if not bad:
            return Plan((), advice="Look at what it runs by hand.")
        steps = tuple(steps_back(judged))
        if not steps:
            return standing_still(judged, bad)
        fine = tuple(
            f"alias {text(item, 'name')} → {text(item, 'version')}"
            for item in items(state["aliases"])
            if not judged.all_flagged(versions_of(item))
        )
        advice = f"{fixes(bad)} Deploy again with it; what was rolled back stays a version."
        return Plan(steps, untouched=fine, advice=advice)


# ------------------------------------------------------------------------------- screening


def _is_harmless(change: Change) -> bool:
    """Whether the record proves that the same code runs as before."""
    asked, made = change.request, change.response
    if omitted(asked):
        return False
    if change.name == "UpdateFunctionConfiguration":
        return not asked.get("layers")
    if change.name == "UpdateAlias":
        return not text(asked, "functionVersion") and "routingConfig" not in asked
    if change.name == "PutFunctionConcurrency":
        return text(asked, "reservedConcurrentExecutions") == "0"
    if change.name == "UpdateFunctionCode" and flag(asked.get("dryRun")):
        return True
    size = whole_number(text(made, "codeSize"))
    zipped = text(made, "packageType") in ("", "Zip") and not made.get("layers")
    return zipped and size is not None and 0 < size < SMALLEST


def _told(change: Change, settings: LibrarySettings) -> Iterator[Candidate]:
    """The functions of an Inspector finding that the policy flags, with their findings."""
    found = of_inspector(change.request)
    for item in items(change.request.get("resources")):
        arn, details = text(item, "id"), mapping(mapping(item, "details"), "awsLambdaFunction")
        head, _, short = arn.partition(":function:")
        name, _, version = short.partition(":")
        region, _, account = head.rpartition(":lambda:")[2].partition(":")
        if text(item, "type") != "AWS_LAMBDA_FUNCTION" or not name or account != change.account:
            continue
        own = f"arn:{partition_of(region)}:lambda:{region}:{account}:function:{name}"
        function = Resource("lambda.function", name, account, region, own)
        tags = {key: str(value) for key, value in mapping(item, "tags").items()}
        judge = Judge(settings, function, change.time[:10], tags)
        about = {"of_version": version, "of_code": text(details, "codeSha256")}
        told: list[Json] = [{**finding, **about} for finding in judge.flagged({"findings": found})]
        if told:
            yield Candidate(function, Certainty.POSSIBLE, {"told": told[:_MOST_TOLD]})


# ------------------------------------------------------------------------------- looking


def _state(versions: Versions, latest: Document) -> Document:
    """The observation: the versions that callers reach, and what was found in each."""
    configuration = mapping(latest, "Configuration")
    aliases, unknown = _aliases_of(versions)
    now = versions.look_at(LATEST, latest)
    state: dict[str, Json] = {
        "function": versions.function,
        "arn": text(configuration, "FunctionArn"),
        "reserved": _reserved(versions),
        "latest": text(configuration, "CodeSha256"),
        "layers": now.get("layers") or [],
        # The customer's key of the environment.
        **({"key": key} if (key := text(configuration, "KMSKeyArn")) else {}),
        "aliases": aliases,
        "unknown": unknown,
        "tags": dict(mapping(latest, "Tags")),
        "today": today(),
    }
    bad = [version for version in live(state) if versions.look_at(version)["findings"]]
    versions.look_back(bad)
    return {
        **state,
        "looked": kept(versions.looked, KEPT),
        "earlier_layers": kept(versions.earlier_layers, KEPT // 4),
        # A version that keeps the code which `$LATEST` is to come back to, when this is undone.
        "is_kept": bool(bad) and state["latest"] in versions.published().values(),
    }


def _aliases_of(versions: Versions) -> tuple[list[Json], str]:
    """Where each alias leads; and why that is not all of them."""
    listed = versions.reader.pages(
        "lambda", "ListAliases", "Aliases", FunctionName=versions.function
    )
    aliases: list[Document] = [
        {
            "name": text(alias, "Name"),
            "version": text(alias, "FunctionVersion"),
            "weights": dict(mapping(mapping(alias, "RoutingConfig"), "AdditionalVersionWeights")),
        }
        for alias in map(document, listed)
    ]
    aliases.sort(key=lambda alias: text(alias, "name"))
    more = len(aliases) > _MOST_ALIASES
    unknown = f"it has more than {_MOST_ALIASES} aliases" if more else ""
    return list(aliases[:_MOST_ALIASES]), unknown


def _reserved(versions: Versions) -> Json:
    found = versions.reader.read("lambda", "GetFunctionConcurrency", FunctionName=versions.function)
    return document(found).get("ReservedConcurrentExecutions")


CONTROLS = (InsecureLibrary(),)
