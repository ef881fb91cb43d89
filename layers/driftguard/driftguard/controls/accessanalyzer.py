"""IAM Access Analyzer: analyzers deleted, findings archived unseen."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource, Step

from .control import NOTHING, References, Trigger, partition_of
from .mechanisms.advice import Advice
from .mechanisms.declared import evident, listed
from .mechanisms.removed import LEFT_OUT, Removed

_SOURCE = "access-analyzer.amazonaws.com"
_ANALYZERS = ("arn:{partition}:access-analyzer:{region}:{account}:analyzer/*",)
_OWN_ROLE = (
    "arn:{partition}:iam::{account}:role/aws-service-role/access-analyzer.amazonaws.com/"
    "AWSServiceRoleForAccessAnalyzer",
)
_GONE = ("ResourceNotFoundException",)


def _analyzer(change: Change) -> Resource | None:
    return _named(text(change.request, "analyzerName"), change.account, change.region)


def _named(name: str, account: str, region: str) -> Resource | None:
    arn = f"arn:{partition_of(region)}:access-analyzer:{region}:{account}:analyzer/{name}"
    return Resource("accessanalyzer.analyzer", name, account, region, arn) if name else None


def _analyzers(reader: Reader) -> Iterator[Resource]:
    """The account's own analyzers; a service that manages one makes it anew by itself."""
    for analyzer in reader.pages("accessanalyzer", "ListAnalyzers", "analyzers"):
        named = _named(str(analyzer["name"]), reader.account, reader.region)
        if named is not None and not analyzer.get("managedBy"):
            yield named


def _whole(analyzer: Resource, reader: Reader) -> Document:
    found = reader.read("accessanalyzer", "GetAnalyzer", analyzerName=analyzer.id, absent=_GONE)
    if found is None:
        return {"exists": False}
    described = mapping(document(found), "analyzer")
    tags = mapping(described, "tags")
    return {
        "exists": True,
        "type": text(described, "type"),
        "configuration": mapping(described, "configuration"),
        "tags": {name: value for name, value in tags.items() if not name.startswith("aws:")},
        LEFT_OUT: [f"the tag {name}" for name in sorted(tags) if name.startswith("aws:")],
        "rules": [*_rules(analyzer, reader)],
    }


def _rules(analyzer: Resource, reader: Reader) -> Iterator[Json]:
    """The archive rules of an analyzer, as CreateAnalyzer takes them."""
    for rule in map(
        document,
        reader.pages(
            "accessanalyzer", "ListArchiveRules", "archiveRules", analyzerName=analyzer.id
        ),
    ):
        yield {"ruleName": rule["ruleName"], "filter": rule["filter"]}


def _made_again(analyzer: Resource, before: Document, _now: Document) -> tuple[Step, ...]:
    optional: dict[str, Json] = {
        "archiveRules": listed(before, "rules"),
        "configuration": mapping(before, "configuration"),
        "tags": mapping(before, "tags"),
    }
    given = {name: value for name, value in optional.items() if value}
    parameters: Document = {"analyzerName": analyzer.id, "type": before["type"], **given}
    role = _OWN_ROLE[0].format(partition=analyzer.partition, account=analyzer.account)
    create = Call(
        "accessanalyzer",
        "CreateAnalyzer",
        parameters,
        on=(analyzer.arn, role),
        settled_by=("ConflictException",),
    )
    delete = Call(
        "accessanalyzer",
        "DeleteAnalyzer",
        {"analyzerName": analyzer.id},
        on=(analyzer.arn,),
        settled_by=_GONE,
    )
    return (Step(create, (delete,)),)


def _archived(change: Change) -> Iterator[Candidate]:
    rule, analyzer = text(change.request, "ruleName"), _analyzer(change)
    if rule and analyzer is not None and change.name in ("CreateArchiveRule", "UpdateArchiveRule"):
        arn = f"{analyzer.arn}/archive-rule/{rule}"
        where = Resource("accessanalyzer.rule", rule, change.account, change.region, arn)
        yield Candidate(where, Certainty.EVIDENT)


def _rule(rule: Resource, reader: Reader) -> Document | None:
    """What the rule archives; None once it is gone."""
    analyzer = rule.arn.partition(":analyzer/")[2].partition("/")[0]
    found = reader.read(
        "accessanalyzer", "GetArchiveRule", analyzerName=analyzer, ruleName=rule.id, absent=_GONE
    )
    if found is None:
        return None
    return {"filter": mapping(mapping(document(found), "archiveRule"), "filter")}


CONTROLS = (
    Removed(
        id="accessanalyzer.deleted",
        title="Access analyzer deleted",
        severity=75,
        references=References(security_hub=("IAM.28",), attack=("T1562.001",)),
        cuts=NOTHING,
        triggers=(Trigger(_SOURCE, "DeleteAnalyzer"), Trigger(_SOURCE, "CreateAnalyzer")),
        proven="stub",
        reads=(
            "access-analyzer:GetAnalyzer",
            "access-analyzer:ListAnalyzers",
            "access-analyzer:ListArchiveRules",
        ),
        writes={
            "access-analyzer:CreateAnalyzer": _ANALYZERS,
            "access-analyzer:DeleteAnalyzer": _ANALYZERS,
            "iam:CreateServiceLinkedRole": _OWN_ROLE,
        },
        found_by=_analyzers,
        candidates=evident(_analyzer, "DeleteAnalyzer"),
        read=_whole,
        restore=_made_again,
        what="the analyzer",
        advice="Its findings are made anew; which of them people had archived is lost.",
    ),
    Advice(
        id="accessanalyzer.archive-rule",
        title="Access analyzer's findings archived unseen",
        severity=60,
        references=References(attack=("T1562.001",)),
        cuts=NOTHING,
        triggers=(
            Trigger(_SOURCE, "CreateArchiveRule"),
            Trigger(_SOURCE, "UpdateArchiveRule"),
            Trigger(_SOURCE, "DeleteArchiveRule"),
        ),
        reads=("access-analyzer:GetArchiveRule",),
        revert="a rule cannot be switched off, and what it has archived stays archived",
        candidates=_archived,
        read=_rule,
        why="findings that the rule matches are archived before anybody sees them",
        advice="See what the rule matches; if that is no access that you meant to give, delete it.",
    ),
)
