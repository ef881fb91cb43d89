"""Rules of AWS Config that were deleted."""

from __future__ import annotations

import re
from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.aws.tags import left_out, settable
from driftguard.documents import Document, items, mapping, text
from driftguard.model import Call, Change, Resource, Step

from ..control import NOTHING, Busy, Trigger, partition_of
from ..mechanisms.declared import evident
from ..mechanisms.removed import LEFT_OUT, Removed
from .recorder import CONFIG, REFERENCES

_RULES = ("arn:{partition}:config:{region}:{account}:config-rule/*",)
_NO_RULE = ("NoSuchConfigRuleException",)
# Source: AWS Config API Reference, "PutConfigRule", errors.
_BUSY = (Busy("ResourceInUseException"),)
# Names of the rules that AWS's services make and delete: Security Hub's, those of conformance
# packs, and those of an organization.
# Sources: AWS Security Hub User Guide, "AWS Config rules used to generate control findings"; AWS
# Config Developer Guide, "Conformance Packs" and "Managing AWS Config Rules Across All Accounts in
# Your Organization".
_SERVICES_RULE = re.compile(r"securityhub-|OrgConfigRule-|.*-conformance-pack-[a-z0-9]{8,}$")


def _rule(change: Change) -> Resource | None:
    name = text(change.request, "configRuleName")
    if not name or _SERVICES_RULE.match(name):
        return None
    return _rule_named(name, change.account, change.region)


def _rules(reader: Reader) -> Iterator[Resource]:
    for rule in map(document, reader.pages("config", "DescribeConfigRules", "ConfigRules")):
        if not text(rule, "CreatedBy"):
            yield _rule_named(text(rule, "ConfigRuleName"), reader.account, reader.region)


def _rule_named(name: str, account: str, region: str) -> Resource:
    """A rule by its name: the id in its real ARN is made anew when the rule is."""
    arn = f"arn:{partition_of(region)}:config:{region}:{account}:config-rule/{name}"
    return Resource("config.rule", name, account, region, arn)


def _whole_rule(rule: Resource, reader: Reader) -> Document:
    found = reader.read("config", "DescribeConfigRules", ConfigRuleNames=[rule.id], absent=_NO_RULE)
    made_by_aws = ("ConfigRuleArn", "ConfigRuleId", "ConfigRuleState", "CreatedBy")
    for item in items(document(found).get("ConfigRules")):
        if text(item, "ConfigRuleState") == "DELETING":
            continue
        listed = reader.read(
            "config",
            "ListTagsForResource",
            ResourceArn=text(item, "ConfigRuleArn"),
            absent=("ResourceNotFoundException",),
        )
        tags = document(listed).get("Tags")
        settings = {name: value for name, value in item.items() if name not in made_by_aws}
        if text(mapping(item, "Source"), "Owner") == "CUSTOM_POLICY":
            settings["Source"] = _with_policy(rule, mapping(item, "Source"), reader)
        return {
            "exists": True,
            "rule": settings,
            "tags": settable(tags),
            LEFT_OUT: left_out(tags),
        }
    return {"exists": False}


def _with_policy(rule: Resource, source: Document, reader: Reader) -> Document:
    """The source of a custom policy rule with its text, which DescribeConfigRules leaves out.

    Source: AWS Config API Reference, "GetCustomRulePolicy".
    """
    found = reader.read("config", "GetCustomRulePolicy", ConfigRuleName=rule.id, absent=_NO_RULE)
    policy = {"PolicyText": text(document(found), "PolicyText")}
    return {**source, "CustomPolicyDetails": {**mapping(source, "CustomPolicyDetails"), **policy}}


def _rule_again(rule: Resource, before: Document, _now: Document) -> tuple[Step, ...]:
    # The rule gets a new id, and with it a new ARN.
    on = (f"{rule.arn.rpartition('/')[0]}/*",)
    tags: Document = {"Tags": before["tags"]} if before["tags"] else {}
    put = Call("config", "PutConfigRule", {"ConfigRule": before["rule"], **tags}, on=on)
    delete = Call(
        "config", "DeleteConfigRule", {"ConfigRuleName": rule.id}, on=on, settled_by=_NO_RULE
    )
    return (Step(put, (delete,)),)


CONTROLS = (
    Removed(
        id="config.rule-deleted",
        title="Config rule deleted",
        severity=60,
        references=REFERENCES,
        triggers=(Trigger(CONFIG, "DeleteConfigRule"),),
        cuts=NOTHING,
        busy=_BUSY,
        reads=(
            "config:DescribeConfigRules",
            "config:GetCustomRulePolicy",
            "config:ListTagsForResource",
        ),
        writes={
            "config:DeleteConfigRule": _RULES,
            "config:PutConfigRule": _RULES,
            "config:TagResource": _RULES,
        },
        found_by=_rules,
        candidates=evident(_rule, "DeleteConfigRule"),
        read=_whole_rule,
        restore=_rule_again,
        what="the rule",
    ),
)
