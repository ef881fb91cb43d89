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
from typing import TypeAlias

import yaml

from driftguard.aws.permissions import PASSED_TO
from driftguard.controls.control import AnyControl

Block: TypeAlias = "dict[str, object]"

PATTERN_LIMIT = 2048
POLICY_LIMIT = 6144
POLICIES_A_ROLE = 10
RULES_A_BUS = 300
RESOURCES_A_STACK = 500
TEMPLATE_LIMIT = 1_048_576
# Source: Amazon SQS Developer Guide, "Amazon SQS policy quotas" (8,192 bytes a policy).
QUEUE_POLICY_LIMIT = 8192
# What the changes queue's policy has beside the rules' ARNs, and the longest ARN of a rule in it.
QUEUE_POLICY_AROUND = 1000
RULE_ARN = len('"arn:aws-us-gov:events:ap-southeast-1:123456789012:rule/",') + 64

# AWS Health names what happened in the event's detail; other services' findings by its type.
_HEALTH = ("aws.health", "AWS Health Event")
_CLOUDTRAIL = "AWS API Call via CloudTrail"

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
        block = re.compile(rf"^( *)# generated: {name}\n.*?^ *# end generated$", re.M | re.S)
        match = block.search(template)
        if match is None:
            raise ValueError(f"template.yaml has lost its block `# generated: {name}`")
        indent = match.group(1)
        dumped = yaml.dump(make(every), Dumper=_Dumper, sort_keys=False, width=100)
        body = "".join(f"{indent}{line}\n" for line in dumped.splitlines())
        new = f"{indent}# generated: {name}\n{body}{indent}# end generated"
        template = template[: match.start()] + new + template[match.end() :]
    return template


# -------------------------------------------------------------------------------- the rules


def rules(every: Sequence[AnyControl]) -> Block:
    """One EventBridge rule a service, or several where its names overflow one pattern.

    And the policy of the queue that they send to.
    """
    by_source: dict[str, set[str]] = {}
    for control in every:
        for trigger in control.triggers:
            by_source.setdefault(trigger.source, set()).add(trigger.name)
    made: Block = {}
    for where, names in sorted(by_source.items()):
        for number, part in enumerate(_fitting_patterns(where, sorted(names)), start=1):
            made[f"{rule_name(where)}{number if number > 1 else ''}"] = {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "Description": f"Changes of {where} that wake a control.",
                    "EventPattern": pattern(where, part),
                    "Targets": [
                        {
                            "Id": "changes",
                            "Arn": _GetAtt("ChangesQueue.Arn"),
                            "DeadLetterConfig": {"Arn": _GetAtt("DeadLetterQueue.Arn")},
                        }
                    ],
                },
            }
    made["ChangesQueuePolicy"] = _queue_policy([*made])
    return made


def _queue_policy(rule_names: Iterable[str]) -> Block:
    """Who may send to the queue of changes, and to that of dead letters, beside roles.

    The rules are named by ARN: CloudFormation cuts a long generated name, and a pattern would miss
    it. Whoever may make targets can still send through them: see decision 21.
    """
    queues = [_GetAtt("ChangesQueue.Arn"), _GetAtt("DeadLetterQueue.Arn")]
    return {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [_Ref("ChangesQueue"), _Ref("DeadLetterQueue")],
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "RulesOfThisAccount",
                        "Effect": "Allow",
                        "Principal": {"Service": "events.amazonaws.com"},
                        "Action": "sqs:SendMessage",
                        "Resource": queues,
                        "Condition": {
                            "StringEquals": {"aws:SourceAccount": _Ref("AWS::AccountId")},
                            "ArnEquals": {
                                "aws:SourceArn": [_GetAtt(f"{name}.Arn") for name in rule_names]
                            },
                        },
                    },
                    {
                        "Sid": "TlsOnly",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "sqs:*",
                        "Resource": list(queues),
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    },
                ],
            },
        },
    }


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
    """What plans may change, each action on the ARNs that the controls name."""
    arns_of: dict[str, set[str]] = {}
    for control in every:
        for action, patterns in control.writes.items():
            arns_of.setdefault(action, set()).update(patterns)
    statements: list[dict[str, object]] = [
        {"Effect": "Allow", "Action": [action], "Resource": sorted(arns)}
        for action, arns in sorted(arns_of.items(), key=lambda pair: (sorted(pair[1]), pair[0]))
    ]
    for statement in statements:
        if statement["Action"] == ["iam:PassRole"]:
            statement["Condition"] = {"StringEquals": {"iam:PassedToService": list(PASSED_TO)}}
    about = "What Driftguard's plans may change. Each session is narrowed to one plan's calls."
    return dict(_policies("RemediatorPolicy", ("RemediatorRole",), about, statements))


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
                    "Roles": [_Ref(role) for role in roles],
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
    subs = [arn if "{" not in arn else _Sub(in_template(arn)) for arn in arns]
    return statement | {"Resource": subs if len(subs) > 1 else subs[0]}


def in_template(arn: str) -> str:
    """A control's ARN pattern with CloudFormation's pseudo parameters."""
    return (
        arn.replace("{partition}", "${AWS::Partition}")
        .replace("{region}", "${AWS::Region}")
        .replace("{account}", "${AWS::AccountId}")
    )


# -------------------------------------------------------------------------------------- YAML


class _Tagged(str):
    """A value behind a CloudFormation short form."""

    tag: str


class _Sub(_Tagged):
    tag = "!Sub"


class _GetAtt(_Tagged):
    tag = "!GetAtt"


class _Ref(_Tagged):
    tag = "!Ref"


class _Dumper(yaml.SafeDumper):
    """YAML as people write it: block style, lists indented, no anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)


def _represent(dumper: yaml.SafeDumper, value: _Tagged) -> yaml.Node:
    return dumper.represent_scalar(value.tag, str(value))


for _kind in (_Sub, _GetAtt, _Ref):
    _Dumper.add_representer(_kind, _represent)
