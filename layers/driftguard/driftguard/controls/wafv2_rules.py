"""WAF: what a web ACL lets through, and web ACLs that are deleted.

Every change of a web ACL needs the token of its last one. A plan names it by a reference, and it is
read right before the call (`aws/references.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from driftguard.aws.calls import plain
from driftguard.aws.client import Reader
from driftguard.aws.references import lock_token
from driftguard.documents import Document, Json, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, Busy, References, Trigger, partition_of
from .mechanisms.advice import Advice
from .mechanisms.switch import Switch
from .wafv2 import by_arn, by_name, listed_all

_WAF = "wafv2.amazonaws.com"
_ACLS = tuple(
    f"arn:{{partition}}:wafv2:{{region}}:{{account}}:{scope}/webacl/*"
    for scope in ("regional", "global")
)
# What rules may refer to; groups of rules may be another account's, and those of AWS are nobody's.
_REFERRED = tuple(
    f"arn:{{partition}}:wafv2:{{region}}:*:{scope}/{kind}/*"
    for scope in ("regional", "global")
    for kind in ("ipset", "managedruleset", "regexpatternset", "rulegroup")
)
_GONE = ("WAFNonexistentItemException",)
# Source: AWS WAF API Reference, "UpdateWebACL", errors: somebody else was faster.
_BUSY = (Busy("WAFUnavailableEntityException"), Busy("WAFOptimisticLockException"))
_REFERENCES = References(attack=("T1562.007", "T1190"))
# What GetWebACL tells and UpdateWebACL does not take: names, and what follows from the rest.
_NOT_SET = frozenset(
    {
        *("ARN", "Capacity", "Id", "LabelNamespace", "ManagedByFirewallManager", "Name"),
        *("PostProcessFirewallManagerRuleGroups", "PreProcessFirewallManagerRuleGroups"),
        *("RetrofittedByFirewallManager",),
    }
)
# How much an action keeps out.
_STRICTNESS = {"Block": 3, "Captcha": 2, "Challenge": 2, "Count": 1, "Allow": 0}


def _acl(change: Change) -> Resource | None:
    """The web ACL that the change names by its name, scope and id."""
    name, id_ = text(change.request, "name"), text(change.request, "id")
    scope = "global" if text(change.request, "scope") == "CLOUDFRONT" else "regional"
    if not name or not id_:
        return None
    here = f"arn:{partition_of(change.region)}:wafv2:{change.region}:{change.account}"
    return by_arn(f"{here}:{scope}/webacl/{name}/{id_}", change.account, change.region)


def _updated(change: Change) -> Iterator[Candidate]:
    """UpdateWebACL; one that blocks by default, and lists no rule, lets nothing more through."""
    acl = _acl(change)
    if acl is None:
        return
    closed = "block" in mapping(change.request, "defaultAction")
    rules = [*items(change.request.get("rules"))]
    if omitted(change.request) or rules or not closed:
        yield Candidate(acl, Certainty.POSSIBLE)


def _acls(reader: Reader) -> Iterator[Resource]:
    """All web ACLs; CloudFront's are in us-east-1."""
    scopes = ("REGIONAL", *(("CLOUDFRONT",) if reader.region == "us-east-1" else ()))
    for scope in scopes:
        for acl in listed_all(reader, "ListWebACLs", "WebACLs", scope):
            yield by_arn(text(acl, "ARN"), reader.account, reader.region)


def _settings(acl: Resource, reader: Reader) -> Document | None:
    """What UpdateWebACL takes. None for one that Firewall Manager keeps as its policy says."""
    found = reader.read("wafv2", "GetWebACL", absent=_GONE, **by_name(acl))
    told = plain(_as_text((found or {}).get("WebACL")))
    if not isinstance(told, Mapping) or told.get("ManagedByFirewallManager") is True:
        return None
    # The API refuses to be told nothing: an empty description, an empty list of domains.
    asked = {name: value for name, value in told.items() if name not in _NOT_SET and value}
    return {"Rules": [], **asked}


def _as_text(value: object) -> object:
    """With what a rule looks for (bytes) as text, which the SDK takes as well."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")  # `_restored` writes none that is not exact
    if isinstance(value, Mapping):
        return {name: _as_text(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_text(inner) for inner in value]
    return value


def _rules(acl: Document) -> dict[str, Document]:
    return {text(rule, "Name"): rule for rule in items(acl.get("Rules"))}


def _strictness(rule: Document) -> int:
    """How much a rule keeps out; a group of rules counts what its own rules do, or only counts."""
    override = mapping(rule, "OverrideAction")
    if override:
        return 1 if "Count" in override else 3
    return max((_STRICTNESS.get(name, 0) for name in mapping(rule, "Action")), default=0)


def _loosened(state: Document, baseline: Document) -> dict[str, Document]:
    """The rules of the baseline that are gone, or keep out less, by their names."""
    now = _rules(state)
    return {
        name: rule
        for name, rule in _rules(baseline).items()
        if _strictness(rule) > 0 and (name not in now or _strictness(now[name]) < _strictness(rule))
    }


def _opened(state: Document, baseline: Document) -> bool:
    return "Block" in mapping(baseline, "DefaultAction") and "Block" not in mapping(
        state, "DefaultAction"
    )


def _why(state: Document, baseline: Document | None) -> str:
    if baseline is None:
        return ""
    loosened = ", ".join(_loosened(state, baseline))
    told = (
        "it lets through what no rule matches" if _opened(state, baseline) else "",
        f"it no longer keeps out, or only counts, what these rules match: {loosened}"
        if loosened
        else "",
    )
    return "; ".join(filter(None, told))


def _restored(state: Document, baseline: Document | None) -> Document | None:
    """The web ACL as it is, with what was loosened as before; None if that cannot be put exactly.

    Rules are tried in the order of their priorities, and no two may have the same one. One that
    looks for bytes that are no text is not known exactly.
    """
    if baseline is None:
        return None
    rules = {**_rules(state), **_loosened(state, baseline)}
    priorities = [rule.get("Priority") for rule in rules.values()]
    if len({*map(str, priorities)}) < len(priorities):
        return None
    default = baseline if _opened(state, baseline) else state
    # Unchanged rules keep their places in the list.
    names = [*_rules(baseline), *(name for name in _rules(state) if name not in _rules(baseline))]
    ordered: list[Json] = [rules[name] for name in names if name in rules]
    restored: Document = {**state, "DefaultAction": default["DefaultAction"], "Rules": ordered}
    return restored if all(_is_exact(one) for one in (state, restored)) else None


def _is_exact(acl: Document) -> bool:
    """Whether all that rules look for is text, so that it is put as it was."""
    return "\ufffd" not in json.dumps(acl, ensure_ascii=False, default=str)


def _put(acl: Resource, state: Document) -> Call:
    token = {"LockToken": lock_token(acl.arn)}
    on = (acl.arn, *dict.fromkeys(_referred(state, acl)))
    return Call("wafv2", "UpdateWebACL", {**by_name(acl), **state, **token}, on=on)


def _referred(value: Json, acl: Resource) -> Iterator[str]:
    """The ARNs of what rules refer to; of AWS's own groups, the pattern that IAM knows them by."""
    if isinstance(value, str) and value.startswith("arn:") and ":wafv2:" in value:
        yield value
    elif isinstance(value, Mapping):
        if "ManagedRuleGroupStatement" in value:
            scope = acl.arn.split(":", 5)[5].partition("/")[0]
            yield f"arn:{acl.partition}:wafv2:{acl.region}:*:{scope}/managedruleset/*"
        for inner in value.values():
            yield from _referred(inner, acl)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _referred(inner, acl)


RULES_WEAKENED = Switch(
    id="wafv2.rules-weakened",
    title="Web ACL lets more through",
    severity=80,
    references=_REFERENCES,
    cuts=NOTHING,
    busy=_BUSY,
    triggers=(Trigger(_WAF, "UpdateWebACL"),),
    baselined=True,
    reads=("wafv2:GetWebACL", "wafv2:ListWebACLs"),
    writes={
        "wafv2:GetWebACL": _ACLS,
        "wafv2:UpdateWebACL": (*_ACLS, *_REFERRED),
    },
    found_by=_acls,
    candidates=_updated,
    read=_settings,
    risky=_why,
    safe=_restored,
    put=_put,
    advice="Put the rules back by hand: another has taken the place of one that is gone, or one "
    "of them looks for bytes that are no text.",
)


def _deleted(change: Change) -> Iterator[Candidate]:
    acl = _acl(change)
    if acl is not None and change.name == "DeleteWebACL":
        yield Candidate(acl, Certainty.EVIDENT)


def _missing(acl: Resource, reader: Reader) -> Document | None:
    """The state of a web ACL that is gone; None while it is there."""
    found = reader.read("wafv2", "GetWebACL", absent=_GONE, **by_name(acl))
    return {"acl": acl.arn} if found is None else None


ACL_DELETED = Advice(
    id="wafv2.acl-deleted",
    title="Web ACL deleted",
    severity=60,
    references=_REFERENCES,
    cuts=NOTHING,
    triggers=(Trigger(_WAF, "DeleteWebACL"), Trigger(_WAF, "CreateWebACL")),
    reads=("wafv2:GetWebACL",),
    revert="a web ACL that is made again has another id, and protects nothing yet",
    candidates=_deleted,
    read=_missing,
    why="the web ACL was deleted; it had been taken off what it protected",
    advice="Make it again from its source, and put it before what it protected.",
)

CONTROLS = (RULES_WEAKENED, ACL_DELETED)
