"""Security Hub: findings hidden by a rule, no longer taken in, or no longer gathered.

Its records spell members as the API does (see `securityhub.py`); the other spelling is read too.
Security Hub has findings of two versions beside each other, and rules for each.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, resource
from .mechanisms.advice import Advice
from .mechanisms.declared import listed, not_done
from .mechanisms.switch import Switch
from .mechanisms.weakened import TOLD

_SECURITYHUB = "securityhub.amazonaws.com"
_RULES = ("arn:{partition}:securityhub:{region}:{account}:automation-rule/*",)
_RULES_V2 = ("arn:{partition}:securityhub:{region}:{account}:automation-rulev2/*",)
_HUB = ("arn:{partition}:securityhub:{region}:{account}:hub/default",)
_GONE = ("InvalidAccessException", "ResourceNotFoundException")
_REFERENCES = References(attack=("T1562.001",))
# What a rule does to findings so that nobody looks at them.
# Source: AWS Security Hub API Reference, "WorkflowUpdate", "SeverityUpdate".
_DONE_WITH = ("RESOLVED", "SUPPRESSED")
# The same for findings of the second version, which have numbers.
# Source: OCSF schema, "Detection Finding" (`status_id`, `severity_id`).
_DONE_WITH_V2 = {"3": "SUPPRESSED", "4": "RESOLVED", "5": "ARCHIVED"}
_INFORMATIONAL_V2 = "1"
_RULE, _RULE_V2 = "securityhub.automation-rule", "securityhub.automation-rule-v2"


# ---------------------------------------------------------------------------- the automation


def _ruled(change: Change) -> Iterator[Candidate]:
    """The rules that a call makes or changes, unless it says that they are disabled."""
    if change.name in ("CreateAutomationRule", "CreateAutomationRuleV2"):
        arn = text(change.response, "RuleArn", "ruleArn")
        hides = _hides(change.request)
        if arn and hides and _status(change.request) != "DISABLED":
            yield Candidate(_rule_named(arn, change), Certainty.EVIDENT, {TOLD: hides})
    elif change.name == "UpdateAutomationRuleV2":
        # The identifier is an ARN, or the last part of one.
        named = unquote(text(change.request, "Identifier", "identifier")).rpartition("/")[2]
        where = f"securityhub:{{region}}:{{account}}:automation-rulev2/{named}"
        if named and _status(change.request) != "DISABLED":
            yield _may_hide(resource(change, _RULE_V2, named, where).arn, change.request, change)
    refused = set(map(unquote, not_done(change.response, "UnprocessedAutomationRules", "RuleArn")))
    for name in ("UpdateAutomationRulesRequestItems", "updateAutomationRulesRequestItems"):
        for updated in items(change.request.get(name)):
            arn = unquote(text(updated, "RuleArn", "ruleArn"))
            if arn and arn not in refused and _status(updated) != "DISABLED":
                yield _may_hide(arn, updated, change)


def _may_hide(arn: str, updated: Document, change: Change) -> Candidate:
    """A rule that was changed: what it does may be what it did before."""
    hides = _hides(updated)
    certainty = Certainty.EVIDENT if hides else Certainty.POSSIBLE
    return Candidate(_rule_named(arn, change), certainty, {TOLD: hides} if hides else {})


def _rule_named(arn: str, change: Change) -> Resource:
    kind = _RULE_V2 if ":automation-rulev2/" in arn else _RULE
    return Resource(kind, arn, change.account, change.region, arn)


def _status(rule: Document) -> str:
    return text(rule, "RuleStatus", "ruleStatus")


def _hides(rule: Document) -> list[Json]:
    """What a rule does so that nobody sees the findings that it matches."""
    found: list[Json] = []
    for action in items(rule.get("Actions", rule.get("actions"))):
        update = mapping(action, "FindingFieldsUpdate") or mapping(action, "findingFieldsUpdate")
        workflow = mapping(update, "Workflow") or mapping(update, "workflow")
        severity = mapping(update, "Severity") or mapping(update, "severity")
        if (status := text(workflow, "Status", "status")) in _DONE_WITH:
            found.append(status)
        if done_with := _DONE_WITH_V2.get(text(update, "StatusId", "statusId")):
            found.append(done_with)
        informational = text(update, "SeverityId", "severityId") == _INFORMATIONAL_V2
        if informational or text(severity, "Label", "label") == "INFORMATIONAL":
            found.append("INFORMATIONAL")
    return found


def _rule(rule: Resource, reader: Reader) -> Document | None:
    if rule.kind == _RULE_V2:
        told = reader.read("securityhub", "GetAutomationRuleV2", Identifier=rule.arn, absent=_GONE)
        return None if told is None else _as_state(document(told))
    answer = reader.read(
        "securityhub", "BatchGetAutomationRules", AutomationRulesArns=[rule.arn], absent=_GONE
    )
    found = next(items(document(answer).get("Rules")), None)
    return None if found is None else _as_state(found)


def _as_state(rule: Document) -> Document:
    return {"status": _status(rule), "hides": _hides(rule)}


def _why_hidden(state: Document, _: Document | None) -> str:
    hides = ", ".join(map(str, listed(state, "hides")))
    if not hides or state["status"] != "ENABLED":
        return ""
    return f"the findings that the rule matches are made {hides} unseen"


def _set_rule(rule: Resource, state: Document) -> Call:
    if rule.kind == _RULE_V2:
        changed: Document = {"Identifier": rule.arn, "RuleStatus": state["status"]}
        return Call("securityhub", "UpdateAutomationRuleV2", changed, on=(rule.arn,))
    update = {"RuleArn": rule.arn, "RuleStatus": state["status"]}
    parameters = {"UpdateAutomationRulesRequestItems": [update]}
    return Call("securityhub", "BatchUpdateAutomationRules", parameters, on=(rule.arn,))


# ------------------------------------------------------------------------------ the products


def _not_taken_in(change: Change) -> Iterator[Candidate]:
    arn = unquote(text(change.request, "ProductSubscriptionArn", "productSubscriptionArn"))
    if ":product-subscription/" in arn and change.name == "DisableImportFindingsForProduct":
        yield Candidate(
            Resource("securityhub.product", arn, change.account, change.region, arn),
            Certainty.EVIDENT,
        )


def _import(subscription: Resource, reader: Reader) -> Document | None:
    """Whether a product's findings are taken in; None if there is no such product, or no hub."""
    name = subscription.arn.partition(":product-subscription/")[2]
    try:
        products = reader.pages("securityhub", "DescribeProducts", "Products")
        known = (str(product["ProductArn"]) for product in products)
        product = next((arn for arn in known if arn.endswith(f":product/{name}")), "")
        enabled = reader.pages(
            "securityhub", "ListEnabledProductsForImport", "ProductSubscriptions"
        )
        taken_in = subscription.arn in map(str, enabled)
    except AwsError as error:
        if error.code not in _GONE:
            raise
        return None
    return {"product": product, "taken_in": taken_in} if product else None


def _take_in(subscription: Resource, state: Document) -> Call:
    hub = f"{subscription.arn.partition(':product-subscription/')[0]}:hub/default"
    if state["taken_in"]:
        return Call(
            "securityhub",
            "EnableImportFindingsForProduct",
            {"ProductArn": state["product"]},
            on=(hub,),
            settled_by=("ResourceConflictException",),
        )
    return Call(
        "securityhub",
        "DisableImportFindingsForProduct",
        {"ProductSubscriptionArn": subscription.arn},
        on=(hub,),
        settled_by=("ResourceNotFoundException",),
    )


# -------------------------------------------------------------------- members and aggregation


def _members_gone(change: Change) -> Iterator[Candidate]:
    where = "securityhub:{region}:{account}:hub/default"
    hub = resource(change, "securityhub.hub", "default", where)
    names = ("DisassociateFromAdministratorAccount", "DisassociateFromMasterAccount")
    if change.name in names:
        yield Candidate(hub, Certainty.EVIDENT, {"left": change.account})
    elif change.name in ("DisassociateMembers", "DeleteMembers"):
        ids = listed(change.request, "AccountIds") or listed(change.request, "accountIds")
        refused = not_done(change.response, "UnprocessedAccounts", "AccountId")
        removed = [str(id_) for id_ in ids if str(id_) not in refused]
        if removed or not ids:
            yield Candidate(hub, Certainty.EVIDENT, {"removed": [*removed]})


def _aggregator(change: Change) -> Iterator[Candidate]:
    arn = unquote(text(change.request, "FindingAggregatorArn", "findingAggregatorArn"))
    if arn and change.name == "DeleteFindingAggregator":
        where = Resource("securityhub.aggregator", arn, change.account, change.region, arn)
        yield Candidate(where, Certainty.EVIDENT, {"aggregator": arn})


CONTROLS = (
    Switch(
        id="securityhub.findings-hidden",
        title="Security Hub's findings hidden by a rule",
        severity=75,
        references=_REFERENCES,
        cuts=NOTHING,
        triggers=(
            Trigger(_SECURITYHUB, "CreateAutomationRule"),
            Trigger(_SECURITYHUB, "BatchUpdateAutomationRules"),
            Trigger(_SECURITYHUB, "CreateAutomationRuleV2"),
            Trigger(_SECURITYHUB, "UpdateAutomationRuleV2"),
        ),
        proven="stub",
        reads=("securityhub:BatchGetAutomationRules", "securityhub:GetAutomationRuleV2"),
        writes={
            "securityhub:BatchUpdateAutomationRules": _RULES,
            "securityhub:UpdateAutomationRuleV2": _RULES_V2,
        },
        candidates=_ruled,
        read=_rule,
        risky=_why_hidden,
        asks=lambda state, _: (
            "" if TOLD in state else "it may have been so before: the record does not say"
        ),
        safe=lambda state, _: {**state, "status": "DISABLED"},
        put=_set_rule,
        advice="Findings that the rule has changed stay as they are: look for them by its name.",
    ),
    Switch(
        id="securityhub.import-disabled",
        title="Security Hub no longer takes a product's findings",
        severity=70,
        references=_REFERENCES,
        cuts=NOTHING,
        triggers=(
            Trigger(_SECURITYHUB, "DisableImportFindingsForProduct"),
            Trigger(_SECURITYHUB, "EnableImportFindingsForProduct"),
        ),
        proven="stub",
        reads=("securityhub:DescribeProducts", "securityhub:ListEnabledProductsForImport"),
        writes={
            "securityhub:DisableImportFindingsForProduct": _HUB,
            "securityhub:EnableImportFindingsForProduct": _HUB,
        },
        candidates=_not_taken_in,
        read=_import,
        risky=lambda state, _: (
            "" if state["taken_in"] else "the product's findings no longer reach Security Hub"
        ),
        safe=lambda state, _: {**state, "taken_in": True},
        put=_take_in,
    ),
    Advice(
        id="securityhub.members-removed",
        title="Account taken out of Security Hub's members",
        severity=75,
        references=_REFERENCES,
        cuts=NOTHING,
        triggers=(
            Trigger(_SECURITYHUB, "DisassociateMembers"),
            Trigger(_SECURITYHUB, "DeleteMembers"),
            Trigger(_SECURITYHUB, "DisassociateFromAdministratorAccount"),
            Trigger(_SECURITYHUB, "DisassociateFromMasterAccount"),
            Trigger(_SECURITYHUB, "CreateMembers"),
        ),
        revert="to add a member takes its address, and outside of an organization its consent",
        candidates=_members_gone,
        why="the account's findings no longer reach its administrator",
        advice="Add the account again from its administrator.",
    ),
    Advice(
        id="securityhub.aggregator-deleted",
        title="Security Hub's findings no longer gathered",
        severity=60,
        references=_REFERENCES,
        cuts=NOTHING,
        triggers=(
            Trigger(_SECURITYHUB, "DeleteFindingAggregator"),
            Trigger(_SECURITYHUB, "CreateFindingAggregator"),
        ),
        revert="a new aggregator has another id, and which regions it had is not in the record",
        candidates=_aggregator,
        why="findings of other regions no longer come to this one",
        advice="Make the aggregator again with its regions; findings made meanwhile come too.",
    ),
)
