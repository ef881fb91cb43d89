"""What AWS Config does about its findings, and what it gathers of many accounts."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.aws.permissions import roles_in
from driftguard.documents import Document, items, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource, Step

from ..control import NOTHING, Busy, Trigger, partition_of, resource
from ..mechanisms.advice import Advice
from ..mechanisms.declared import evident
from ..mechanisms.removed import Removed
from .recorder import CONFIG, REFERENCES

_REMEDIATIONS = ("arn:{partition}:config:{region}:{account}:remediation-configuration/*",)
_ROLES = ("arn:{partition}:iam::{account}:role/*",)
_NO_RULE = ("NoSuchConfigRuleException",)
# How many rules are asked about at once.
# Source: AWS Config API Reference, "DescribeRemediationConfigurations".
_AT_ONCE = 25


def _remediation(change: Change) -> Resource | None:
    return _of_rule(text(change.request, "configRuleName"), change.account, change.region)


def _of_rule(rule: str, account: str, region: str) -> Resource | None:
    """The remediation of a rule. Its real ARN has an id that is made anew when it is."""
    arn = f"arn:{partition_of(region)}:config:{region}:{account}:remediation-configuration/{rule}"
    return Resource("config.remediation", rule, account, region, arn) if rule else None


def _remediations(reader: Reader) -> Iterator[Resource]:
    rules = [
        str(rule["ConfigRuleName"])
        for rule in reader.pages("config", "DescribeConfigRules", "ConfigRules")
    ]
    for first in range(0, len(rules), _AT_ONCE):
        for found in _described(rules[first : first + _AT_ONCE], reader):
            named = _of_rule(text(found, "ConfigRuleName"), reader.account, reader.region)
            # A service that makes one for its rule makes it anew by itself.
            if named is not None and not text(found, "CreatedByService"):
                yield named


def _described(rules: list[str], reader: Reader) -> Iterator[Document]:
    found = reader.read("config", "DescribeRemediationConfigurations", ConfigRuleNames=rules)
    yield from items(document(found).get("RemediationConfigurations"))


def _whole(remediation: Resource, reader: Reader) -> Document | None:
    """The remediation as it is put; None where its rule is gone."""
    rule = reader.read(
        "config", "DescribeConfigRules", ConfigRuleNames=[remediation.id], absent=_NO_RULE
    )
    if rule is None:
        return None
    made_by_aws = ("Arn", "CreatedByService")
    found = next(_described([remediation.id], reader), None)
    if found is None:
        return {"exists": False}
    settings = {name: value for name, value in found.items() if name not in made_by_aws}
    return {"exists": True, "remediation": settings}


def _put_again(remediation: Resource, before: Document, _now: Document) -> tuple[Step, ...]:
    on = f"{remediation.arn.rpartition('/')[0]}/*"
    settings = mapping(before, "remediation")
    put = Call(
        "config",
        "PutRemediationConfigurations",
        {"RemediationConfigurations": [settings]},
        on=(on, *roles_in(settings)),
    )
    kind = text(settings, "ResourceType")
    of_rule = {"ConfigRuleName": remediation.id, **({"ResourceType": kind} if kind else {})}
    delete = Call(
        "config",
        "DeleteRemediationConfiguration",
        of_rule,
        on=(on,),
        settled_by=("NoSuchRemediationConfigurationException",),
    )
    return (Step(put, (delete,)),)


REMEDIATION_DELETED = Removed(
    id="config.remediation-deleted",
    title="Config rule's remediation deleted",
    severity=60,
    references=REFERENCES,
    cuts=NOTHING,
    busy=(Busy("RemediationInProgressException"),),
    triggers=(
        Trigger(CONFIG, "DeleteRemediationConfiguration"),
        Trigger(CONFIG, "PutRemediationConfigurations"),
    ),
    proven="stub",
    reads=("config:DescribeConfigRules", "config:DescribeRemediationConfigurations"),
    writes={
        "config:DeleteRemediationConfiguration": _REMEDIATIONS,
        "config:PutRemediationConfigurations": _REMEDIATIONS,
        "iam:PassRole": _ROLES,
    },
    found_by=_remediations,
    candidates=evident(_remediation, "DeleteRemediationConfiguration"),
    read=_whole,
    restore=_put_again,
    what="the remediation of the rule",
)


# ------------------------------------------------------------------------- of many accounts

# Call → what it deletes, and the parameter that names it.
_DELETED = {
    "DeleteConformancePack": ("conformance-pack", "conformancePackName"),
    "DeleteOrganizationConformancePack": (
        "organization-conformance-pack",
        "organizationConformancePackName",
    ),
    "DeleteOrganizationConfigRule": ("organization-config-rule", "organizationConfigRuleName"),
}


def _pack(change: Change) -> Iterator[Candidate]:
    kind, key = _DELETED.get(change.name, ("", ""))
    name = text(change.request, key)
    if name:
        where = f"config:{{region}}:{{account}}:{kind}/{name}"
        found = resource(change, f"config.{kind}", name, where)
        yield Candidate(found, Certainty.EVIDENT, {"deleted": kind})


def _aggregator(change: Change) -> Resource | None:
    name = text(change.request, "configurationAggregatorName")
    where = f"config:{{region}}:{{account}}:config-aggregator/{name}"
    return resource(change, "config.aggregator", name, where) if name else None


def _missing(aggregator: Resource, reader: Reader) -> Document | None:
    """The state of a deleted aggregator; None if there is one by its name again."""
    found = reader.read(
        "config",
        "DescribeConfigurationAggregators",
        ConfigurationAggregatorNames=[aggregator.id],
        absent=("NoSuchConfigurationAggregatorException",),
    )
    return {"aggregator": aggregator.id} if found is None else None


CONTROLS = (
    REMEDIATION_DELETED,
    Advice(
        id="config.pack-deleted",
        title="Conformance pack or organization's rule deleted",
        severity=65,
        references=REFERENCES,
        cuts=NOTHING,
        triggers=(
            *(Trigger(CONFIG, name) for name in _DELETED),
            Trigger(CONFIG, "PutConformancePack"),
        ),
        revert="AWS Config does not tell the template of a pack, from which it was made",
        candidates=_pack,
        why="its rules are deleted in all accounts that it was for, with their results",
        advice="Deploy it again from its template or its source.",
    ),
    Advice(
        id="config.aggregator-deleted",
        title="Config's aggregator deleted",
        severity=55,
        references=REFERENCES,
        cuts=NOTHING,
        triggers=(
            Trigger(CONFIG, "DeleteConfigurationAggregator"),
            Trigger(CONFIG, "PutConfigurationAggregator"),
        ),
        reads=("config:DescribeConfigurationAggregators",),
        revert="an organization's takes rights over the organization that no plan has",
        candidates=evident(_aggregator, "DeleteConfigurationAggregator"),
        read=_missing,
        why="what other accounts record is no longer seen here",
        advice="Make the aggregator again with its accounts or its organization, and its regions.",
    ),
)
