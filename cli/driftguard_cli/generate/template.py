"""The blocks of template.yaml that follow from what the controls declare.

EventBridge's rules and the roles' IAM policies, cut to AWS's limits: an event pattern has at most
2,048 characters, a managed policy 6,144 without spaces, a role ten of them, a bus 300 rules, a
stack 500 resources. Sources: Amazon EventBridge User Guide, "Quotas"; IAM User Guide, "IAM and STS
quotas"; AWS CloudFormation User Guide, "Understand CloudFormation quotas".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeAlias

from driftguard.aws.granting import GIVE_RIGHTS, WITH_GRANTS, gives_rights
from driftguard.aws.permissions import (
    KEYS_OF_IDENTITY_CENTER,
    PASSED_TO,
    VIA_IDENTITY_CENTER,
)
from driftguard.conduct.telling import SOURCE as CONDUCT
from driftguard.controls.control import AnyControl

from . import boundary
from .cloudformation import GetAtt, Ref, Sub, by_stack, lines_of
from .queue_policies import RULES_OF_STACK, queue_policies

Block: TypeAlias = "dict[str, object]"

PATTERN_LIMIT = 2048
POLICY_LIMIT = 6144
# What stays free of the boundary, for the next control.
_ROOM_IN_BOUNDARY = 200
POLICIES_A_ROLE = 10
RULES_A_BUS = 300
RESOURCES_A_STACK = 500
TEMPLATE_LIMIT = 1_048_576

# AWS Health names what happened in the event's detail; other services' findings by its type.
_HEALTH = ("aws.health", "AWS Health Event")
_CLOUDTRAIL = "AWS API Call via CloudTrail"

# Sources whose events come in one region only, wherever the change was made.
# Sources: AWS CloudTrail User Guide, "CloudTrail concepts" (global service events); AWS re:Post,
# "EventBridge rule for global services"; AWS Organizations User Guide, "Logging AWS Organizations
# API calls with AWS CloudTrail"; AWS General Reference, "AWS Account Management endpoints and
# quotas", "Amazon Route 53 endpoints and quotas", "AWS Shield Advanced endpoints and quotas"; AWS
# Health User Guide, "Monitoring events in AWS Health with Amazon EventBridge" (exposed keys are an
# event of IAM).
ONLY_IN_US_EAST_1 = frozenset(
    {
        "account.amazonaws.com",
        "aws.health",
        "iam.amazonaws.com",
        "organizations.amazonaws.com",
        "route53.amazonaws.com",
        "route53domains.amazonaws.com",
        "shield.amazonaws.com",
    }
)
# Sources whose event names end with the API's date and version (`AddPermission20150331v2`), some
# always and some at times, so that a rule can only name their beginning.
# Source: AWS Lambda Developer Guide, "Logging AWS Lambda API calls using AWS CloudTrail".
_DATED = frozenset({"lambda.amazonaws.com"})


def with_blocks(template: str, every: Sequence[AnyControl]) -> str:
    """Return the template with its generated blocks written again."""
    blocks: dict[str, Callable[[Sequence[AnyControl]], Block]] = {
        "rules": rules,
        "reads": reads,
        "writes": writes,
    }
    for name, make in blocks.items():
        template = with_block(template, name, make(every))
    return template


def with_block(template: str, name: str, content: Block) -> str:
    """Return the template with one of its generated blocks written again."""
    block = re.compile(rf"^( *)# generated: {name}\n.*?^ *# end generated$", re.M | re.S)
    match = block.search(template)
    if match is None:
        raise ValueError(f"template.yaml has lost its block `# generated: {name}`")
    indent = match.group(1)
    body = "".join(f"{indent}{line}\n" for line in lines_of(content))
    new = f"{indent}# generated: {name}\n{body}{indent}# end generated"
    return template[: match.start()] + new + template[match.end() :]


# -------------------------------------------------------------------------------- the rules


def rules(every: Sequence[AnyControl]) -> Block:
    """One EventBridge rule a service, or several where its names overflow one pattern.

    And the policies of the queues that they send to.
    """
    by_source: dict[str, set[str]] = {}
    for control in every:
        for trigger in control.triggers:
            # What a function of the stack sends comes by no rule.
            if trigger.source != CONDUCT:
                by_source.setdefault(trigger.source, set()).add(trigger.name)
    made: Block = {}
    for where, names in sorted(by_source.items()):
        for number, part in enumerate(_fitting_patterns(where, sorted(names)), start=1):
            name = f"{rule_name(where)}{number if number > 1 else ''}"
            made[name] = {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "Name": by_stack(f"{RULES_OF_STACK}{name}"),
                    "Description": f"Changes of {where} that wake a control.{_where_only(where)}",
                    "EventPattern": pattern(where, part),
                    "Targets": [
                        {
                            "Id": "changes",
                            "Arn": GetAtt("ChangesQueue.Arn"),
                            "DeadLetterConfig": {"Arn": GetAtt("DeadLetterQueue.Arn")},
                        }
                    ],
                },
            }
    return made | queue_policies()


def _where_only(where: str) -> str:
    return " They come in us-east-1 only." if where in ONLY_IN_US_EAST_1 else ""


def _fitting_patterns(where: str, names: list[str]) -> Iterator[list[str]]:
    part: list[str] = []
    for name in names:
        if part and len(json.dumps(pattern(where, [*part, name]))) > PATTERN_LIMIT:
            yield part
            part = []
        part.append(name)
    yield part


def pattern(where: str, names: list[str]) -> dict[str, object]:
    """The event pattern of a service's rule. Failed calls changed nothing and wake nobody."""
    if where == _HEALTH[0]:
        detail: dict[str, object] = {"eventTypeCode": names}
        return {"source": [where], "detail-type": [_HEALTH[1]], "detail": detail}
    if where.startswith("aws."):
        return {"source": [where], "detail-type": names}
    service = where.removesuffix(".amazonaws.com")
    return {
        "source": [f"aws.{service}"],
        "detail-type": [_CLOUDTRAIL],
        "detail": {
            "eventSource": [where],
            "eventName": [{"prefix": name} for name in names] if where in _DATED else names,
            "errorCode": [{"exists": False}],
        },
    }


def rule_name(where: str) -> str:
    """The rule's logical id: `ec2.amazonaws.com`: `Ec2Changes`, `aws.health`: `HealthFindings`."""
    service = where.removesuffix(".amazonaws.com").removeprefix("aws.")
    what = "Findings" if where.startswith("aws.") else "Changes"
    return "".join(part.capitalize() for part in re.split(r"[^a-z0-9]+", service)) + what


# ----------------------------------------------------------------------------- the policies


def reads(every: Sequence[AnyControl]) -> Block:
    """What guard and sweep may read: all that controls read. Listings have no resource level."""
    actions = sorted(
        {action for control in every for action in (*control.reads, *control.reads_use)}
    )
    statements: list[dict[str, object]] = [
        {"Effect": "Allow", "Action": [action], "Resource": ["*"]} for action in actions
    ]
    about = "What Driftguard's controls read."
    return dict(_policies("GuardReadsPolicy", ("GuardRole", "SweepRole"), about, statements))


def writes(every: Sequence[AnyControl]) -> Block:
    """What plans may change, each action on the ARNs that the controls name.

    What gives somebody rights is the granting role's, and what contains the containment role's.
    The stack need not have these two.
    """
    reverting = [control for control in every if not control.contains]
    changing = _writes(reverting, granting=False)
    giving = _writes(reverting, granting=True)
    containing = _all_writes(control for control in every if control.contains)
    about = "What Driftguard's plans may change. Each session is narrowed to one plan's calls."
    gives = "What Driftguard's plans may give. Each session is narrowed to one plan's calls."
    contains = "What Driftguard's containments do. Each session is narrowed to one plan's calls."
    made: dict[str, Block] = {
        **dict(_policies("RemediatorPolicy", ("RemediatorRole",), about, changing)),
        "RemediatorBoundary": _boundary("remediator", changing),
        **dict(_policies("GrantingPolicy", ("GrantingRole",), gives, giving)),
        "GrantingBoundary": _boundary("granting role", giving),
        **dict(_policies("ContainmentPolicy", ("ContainmentRole",), contains, containing)),
        "ContainmentBoundary": _boundary("containment role", containing),
    }
    for role in ("Granting", "Containment"):
        for name in (name for name in made if name.startswith(role)):
            made[name] = {"Type": made[name]["Type"], "Condition": f"Has{role}Role", **made[name]}
    return dict(made)


def _writes(every: Iterable[AnyControl], *, granting: bool) -> list[dict[str, object]]:
    """The statements of the remediator, or of the granting role."""
    return _all_writes(every, partial(_is_for, granting=granting))


def _all_writes(
    every: Iterable[AnyControl],
    wanted: Callable[[str, str, bool], bool] = lambda action, arn, via: True,
) -> list[dict[str, object]]:
    """The statements of a role that plans run under: the writes that are `wanted` of it."""
    # A condition as JSON: what two controls want on different ones stands in two statements.
    arns_of: dict[tuple[str, bool, str], set[str]] = {}
    for control in every:
        for action, patterns in control.writes.items():
            condition = json.dumps(control.granted_where.get(action, {}), sort_keys=True)
            for arn in patterns:
                via = arn == KEYS_OF_IDENTITY_CENTER
                if wanted(action, arn, via):
                    arns_of.setdefault((action, via, condition), set()).add(arn)
    return [
        {
            "Effect": "Allow",
            "Action": [action],
            "Resource": sorted(arns),
            **(_only(action, via) or _given(condition)),
        }
        for (action, via, condition), arns in sorted(
            arns_of.items(), key=lambda pair: (sorted(pair[1]), pair[0])
        )
    ]


def _given(condition: str) -> dict[str, object]:
    """The condition that a control declares, where it declares one."""
    declared = json.loads(condition)
    return {"Condition": declared} if declared else {}


def _is_for(action: str, arn: str, via_identity_center: bool, *, granting: bool) -> bool:
    """Whether a role needs an action: what goes with calls that give rights may be for both."""
    if gives_rights(action, (arn,)):
        return granting
    return not granting or action in WITH_GRANTS or via_identity_center


def _boundary(whose: str, statements: Iterable[dict[str, object]]) -> Block:
    """The cap on whatever else may ever be attached to a role.

    It names actions only, but for what gives rights unless it is on a service's own role.
    """
    everywhere: set[str] = set()
    bound: list[dict[str, object]] = []
    for statement in statements:
        (action,) = _listed(statement["Action"])
        arns = _listed(statement["Resource"])
        if action in GIVE_RIGHTS and not gives_rights(action, arns):
            bound.append({"Effect": "Allow", "Action": [action], "Resource": arns})
        else:
            everywhere.add(action)
    capped: dict[str, object] = {"Effect": "Allow", "Action": [], "Resource": ["*"]}
    around = _length([capped, *bound]) + _ROOM_IN_BOUNDARY
    capped["Action"] = boundary.actions_of(everywhere, POLICY_LIMIT - around)
    if _length([capped, *bound]) > POLICY_LIMIT:
        raise ValueError(f"the permissions boundary of the {whose} is over IAM's limit")
    return {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "Description": (
                f"The most that Driftguard's {whose} may ever do, whatever is attached to it."
            ),
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [_in_template(one) for one in merged([capped, *bound])],
            },
        },
    }


def _listed(value: object) -> list[str]:
    assert isinstance(value, list)
    return [str(one) for one in value]


def _only(action: str, via_identity_center: bool) -> dict[str, object]:
    """The condition of a write's statement, where it has one."""
    if action == "iam:PassRole":
        return {"Condition": {"StringEquals": {"iam:PassedToService": list(PASSED_TO)}}}
    if via_identity_center:
        return {"Condition": {"StringLike": {"kms:ViaService": VIA_IDENTITY_CENTER}}}
    return {}


def _policies(
    name: str, roles: tuple[str, ...], about: str, statements: list[dict[str, object]]
) -> Iterator[tuple[str, Block]]:
    """As few managed policies as hold the statements."""
    full: list[list[dict[str, object]]] = [[]]
    for statement in statements:
        if _length([*full[-1], statement]) > POLICY_LIMIT:
            full.append([])
        full[-1].append(statement)
    for number, part in enumerate(full, start=1):
        yield (
            f"{name}{number if number > 1 else ''}",
            {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {
                    "Description": about,
                    "Roles": [Ref(role) for role in roles],
                    "PolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [_in_template(statement) for statement in merged(part)],
                    },
                },
            },
        )


def merged(statements: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    """One statement for each set of ARNs and each condition, with all the actions on it."""
    actions: dict[str, list[object]] = {}
    for statement in statements:
        taken = statement["Action"]
        assert isinstance(taken, list)
        rest = {
            name: value for name, value in statement.items() if name not in ("Effect", "Action")
        }
        actions.setdefault(json.dumps(rest), []).extend(taken)
    return [
        {"Effect": "Allow", "Action": taken, **json.loads(rest)} for rest, taken in actions.items()
    ]


def _length(statements: list[dict[str, object]]) -> int:
    """The length of the policy as IAM counts it, its pseudo parameters resolved."""
    resolved = json.dumps(merged(statements), separators=(",", ":"))
    for name, value in (
        ("partition", "aws-us-gov"),
        ("region", "ap-southeast-1"),
        ("account", "1" * 12),
    ):
        resolved = resolved.replace("{" + name + "}", value)
    return len(resolved) + len('{"Version":"2012-10-17","Statement":}')


def _in_template(statement: dict[str, object]) -> dict[str, object]:
    arns = statement["Resource"]
    assert isinstance(arns, list)
    subs = [arn if "{" not in arn else Sub(in_template(arn)) for arn in arns]
    return statement | {"Resource": subs if len(subs) > 1 else subs[0]}


def in_template(arn: str) -> str:
    """A control's ARN pattern with CloudFormation's pseudo parameters."""
    return (
        arn.replace("{partition}", "${AWS::Partition}")
        .replace("{region}", "${AWS::Region}")
        .replace("{account}", "${AWS::AccountId}")
    )
