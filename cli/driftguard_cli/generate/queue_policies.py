"""The policies of the two queues that the stack's rules send to: changes and dead letters.

A queue has one policy, so each holds all that is said of its queue. The queue of commands, which no
rule may reach, has its policy in the part of the template that is written by hand.

Roles are named by ARN and by reference, not by tag: whoever may tag a session can call it
anything. The rules are too many for that, because a queue's policy has 8,192 bytes. Their names
begin with the stack's own id and are never cut: the beginning names them, and no other stack's.

Sources: Amazon SQS Developer Guide, "Amazon SQS policy quotas"; IAM User Guide, "AWS global
condition context keys"; AWS CloudFormation User Guide, "Forward access sessions (FAS) requests and
permission evaluation".
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from .cloudformation import GetAtt, If, Ref, Sub, by_stack

# What the names of the stack's rules begin with.
RULES_OF_STACK = "driftguard-${Id}-"

# Source: Amazon SQS Developer Guide, "Amazon SQS policy quotas" (8,192 bytes a policy).
QUEUE_POLICY_LIMIT = 8192
# The longest ARNs of a rule, a role or a queue of the stack, and of the role of a person.
_LONGEST = "arn:aws-us-gov:events:ap-southeast-1:123456789012:role/" + "x" * 64

_OWNER = Sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")
# Where no operators are named, whom IAM lets assume the stack's role for them.
_OPERATORS = If(["HasOperators", Ref("OperatorArns"), GetAtt("OperatorRole.Arn")])
_ADMINISTRATORS = If(["HasAdministrators", Ref("AdministratorArns"), _OWNER])
# Where administrators are named, only they may, through CloudFormation too.
_BY_CLOUDFORMATION = If(["HasAdministrators", "nothing", "cloudformation.amazonaws.com"])
# Has the guard look at the conduct of a principal, as at a change.
_CONDUCT = If(["HasConduct", GetAtt("ConductRole.Arn"), Ref("AWS::NoValue")])
_TAKING = [
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:StartMessageMoveTask",
    "sqs:CancelMessageMoveTask",
]


def queue_policies() -> dict[str, object]:
    """Return the policies of both queues, by their logical ids."""
    parked = [
        GetAtt("GuardRole.Arn"),
        GetAtt("PublishRole.Arn"),
        If(["HasSlack", GetAtt("SlackRole.Arn"), Ref("AWS::NoValue")]),
        If(["HasHooks", GetAtt("HooksRole.Arn"), Ref("AWS::NoValue")]),
        If(["HasSecurityHub", GetAtt("SecurityHubRole.Arn"), Ref("AWS::NoValue")]),
        GetAtt("ReplyRole.Arn"),
        GetAtt("TimersRole.Arn"),
    ]
    guard = [GetAtt("GuardRole.Arn")]
    return {
        "ChangesQueuePolicy": _policy(
            "ChangesQueue",
            sends={"ArnNotEquals": _by([*guard, _CONDUCT]), "ArnNotLike": _by(_OPERATORS)},
            takes={"ArnNotEquals": _by(guard)},
        ),
        "DeadLetterQueuePolicy": _policy(
            "DeadLetterQueue",
            sends={"ArnNotEquals": _by(parked)},
            takes={"ArnNotLike": _by(_OPERATORS)},
        ),
    }


def _policy(
    queue: str, *, sends: Mapping[str, object], takes: Mapping[str, object]
) -> dict[str, object]:
    """Return a queue's policy. `sends` and `takes` are the conditions under which it is denied."""
    service = {"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}
    rules = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/"
    settles = {
        "ArnNotLike": _by(_ADMINISTRATORS),
        "StringNotEquals": {"aws:CalledViaLast": _BY_CLOUDFORMATION},
    }
    settling = ["sqs:DeleteQueue", "sqs:PurgeQueue", "sqs:SetQueueAttributes"]
    denials: list[tuple[str, object, Mapping[str, object]]] = [
        ("OnlyRulesAndRolesSend", "sqs:SendMessage", {**sends, **service}),
        ("OnlyTheyTake", _TAKING, takes),
        ("OnlyAdministratorsSettle", settling, settles),
        ("NobodyOpensIt", ["sqs:AddPermission", "sqs:RemovePermission"], {}),
        ("TlsOnly", "sqs:*", {"Bool": {"aws:SecureTransport": "false"}}),
    ]
    return {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [Ref(queue)],
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "RulesOfThisStack",
                        "Effect": "Allow",
                        "Principal": {"Service": "events.amazonaws.com"},
                        "Action": "sqs:SendMessage",
                        "Resource": GetAtt(f"{queue}.Arn"),
                        "Condition": {
                            "ArnLike": {"aws:SourceArn": by_stack(f"{rules}{RULES_OF_STACK}*")}
                        },
                    },
                    *(_denial(queue, *denial) for denial in denials),
                ],
            },
        },
    }


def _by(principals: object) -> dict[str, object]:
    return {"aws:PrincipalArn": principals}


def _denial(
    queue: str, sid: str, action: object, condition: Mapping[str, object]
) -> dict[str, object]:
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": GetAtt(f"{queue}.Arn"),
        **({"Condition": condition} if condition else {}),
    }


def bytes_of(policy: object) -> int:
    """How many bytes a queue's policy has at most, but for the ARNs of people in parameters."""
    return len(json.dumps(_longest(policy), separators=(",", ":")).encode())


def _longest(value: object) -> object:
    if isinstance(value, dict):
        return {name: _longest(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_longest(inner) for inner in value]
    text = str(value)
    return _LONGEST if text.endswith(".Arn") or text.startswith("arn:") else text
