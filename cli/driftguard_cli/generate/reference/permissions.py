"""The permissions of AWS that each command needs, as data: for docs/reference/permissions.md.

Words in capitals stand for what the stack's outputs say. `tests/unit/cli/conftest.py` evaluates
every call that a command makes in a test against the policy that is declared here for it.

Source: Service Authorization Reference of each service.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

_STATE = "arn:aws:dynamodb:REGION:ACCOUNT:table/STATE_TABLE"
_AUDIT = "arn:aws:dynamodb:REGION:ACCOUNT:table/AUDIT_TABLE"
_READ_ITEMS = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query")
_WRITE_ITEMS = ("dynamodb:ConditionCheckItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
_LEADING = "ForAllValues:StringLike"

# What stands in the policies, and where to find it.
PLACES = {
    "REGION": "the stack's region",
    "ACCOUNT": "the stack's account",
    "STACK": "the stack's name",
    "AUDIT_TABLE": "the output `AuditTable`",
    "STATE_TABLE": "the output `StateTable`",
    "SIGNED_API_FUNCTION": "the output `SignedApiFunction`",
    "DECISIONS_TOPIC": "the last part of the output `DecisionsTopic`",
    "DEAD_LETTER_QUEUE": "the last part of the output `DeadLetterQueue`",
    "CHANGES_QUEUE": "the last part of the output `ChangesQueue`",
    "DEAD_LETTER_KEY": "the output `DeadLetterKey`, an ARN",
    "FINGERPRINT_SALT": "the output `FingerprintSalt`, an ARN",
    "SLACK_SECRET": "the parameter `SlackSecretArn`, an ARN",
    "BUCKET": "the bucket that you name",
}


class Grant(NamedTuple):
    """One statement of a policy, with its id."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Mapping[str, Any]] | None = None

    def statement(self) -> dict[str, Any]:
        """The statement as IAM takes it."""
        made: dict[str, Any] = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": list(self.actions),
            "Resource": list(self.resources),
        }
        return made | ({"Condition": self.condition} if self.condition else {})


FIND_STACK = Grant(
    "FindTheStack",
    ("cloudformation:DescribeStacks",),
    ("arn:aws:cloudformation:REGION:ACCOUNT:stack/STACK/*",),
)
READ_DECISIONS = Grant("ReadDecisions", _READ_ITEMS, (_AUDIT, f"{_AUDIT}/index/*"))
READ_STATE = Grant("ReadState", _READ_ITEMS, (_STATE,))
_API = ("arn:aws:lambda:REGION:ACCOUNT:function:SIGNED_API_FUNCTION",)
CALL_API = Grant("CallTheSignedApi", ("lambda:InvokeFunctionUrl",), _API)
# Not directly: whoever invokes the function without its URL writes who is calling.
BY_URL = Grant(
    "ThroughItsUrlOnly",
    ("lambda:InvokeFunction",),
    _API,
    {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}},
)
KNOW_TRAILS = Grant(
    "KnowTrails",
    ("cloudtrail:DescribeTrails", "cloudtrail:GetEventSelectors", "cloudtrail:GetTrailStatus"),
    ("*",),
)
KNOW_WHO_HEARS = Grant(
    "KnowWhoHears",
    ("sns:ListSubscriptionsByTopic",),
    ("arn:aws:sns:REGION:ACCOUNT:DECISIONS_TOPIC",),
)
_DEAD = ("arn:aws:sqs:REGION:ACCOUNT:DEAD_LETTER_QUEUE",)
COUNT_DEAD_LETTERS = Grant("CountDeadLetters", ("sqs:GetQueueAttributes",), _DEAD)
TAKE_DEAD_LETTERS = Grant("TakeDeadLetters", ("sqs:DeleteMessage", "sqs:ReceiveMessage"), _DEAD)
PUT_CHANGES_BACK = Grant(
    "PutChangesBack", ("sqs:SendMessage",), ("arn:aws:sqs:REGION:ACCOUNT:CHANGES_QUEUE",)
)
_READ_SECRET = ("secretsmanager:GetSecretValue",)
KNOW_SIGNATURES = Grant("KnowWhatTheGuardSigned", _READ_SECRET, ("DEAD_LETTER_KEY",))
FINGERPRINT = Grant("FingerprintSecrets", _READ_SECRET, ("FINGERPRINT_SALT",))
READ_SLACK_SECRET = Grant("ReadTheSlackSecret", _READ_SECRET, ("SLACK_SECRET",))
NAME_ACCOUNT = Grant("NameTheAccount", ("iam:ListAccountAliases",), ("*",))
LIST_REGIONS = Grant("ListRegions", ("ec2:DescribeRegions",), ("*",))
WRITE_BASELINES = Grant(
    "WriteBaselines",
    _WRITE_ITEMS,
    (_STATE,),
    {_LEADING: {"dynamodb:LeadingKeys": ["baseline#*", "baseline-log#*", "history#*"]}},
)
FREEZE_DIRECTLY = Grant(
    "FreezeDirectly", _WRITE_ITEMS, (_STATE,), {_LEADING: {"dynamodb:LeadingKeys": ["freeze#*"]}}
)
READ_BUCKET = Grant(
    "ReadTheBucket",
    ("s3:GetObject", "s3:ListBucket"),
    ("arn:aws:s3:::BUCKET", "arn:aws:s3:::BUCKET/*"),
)
_SIGNED = (FIND_STACK, CALL_API, BY_URL)


class Needs(NamedTuple):
    """What a command needs.

    `always`: whatever its options. `also`: in words when, and what it needs then. `reads`: it reads
    the account's resources as controls do, and needs what they read, with these options ("" where
    it always does); None where it reads none.
    """

    always: tuple[Grant, ...] = ()
    also: tuple[tuple[str, tuple[Grant, ...]], ...] = ()
    reads: str | None = None

    @property
    def grants(self) -> tuple[Grant, ...]:
        """All that it may need."""
        return (*self.always, *(grant for _, more in self.also for grant in more))


_RECORD = Needs((FIND_STACK, READ_DECISIONS))
_VOTE = Needs((*_SIGNED, READ_DECISIONS))
_ACT = Needs(_SIGNED)
_STATE_ONLY = Needs((FIND_STACK, READ_STATE))
_DIRECT = ("with `--direct`", (READ_STATE, FREEZE_DIRECTLY))
_FROM_S3 = ("for a history in S3", (READ_BUCKET,))
_ADVISORIES = ("with advisories in S3", (READ_BUCKET,))

COMMANDS: dict[str, Needs] = {
    **dict.fromkeys(("approve", "deny", "accept", "confirm", "undo"), _VOTE),
    "freeze": Needs(_SIGNED, (_DIRECT,)),
    "unfreeze": Needs((*_SIGNED, READ_DECISIONS, READ_STATE), (_DIRECT,)),
    **dict.fromkeys(
        ("incident list", "incident show"), Needs((FIND_STACK, READ_DECISIONS, READ_STATE))
    ),
    **dict.fromkeys(
        ("incident contain", "incident release"), Needs((*_SIGNED, READ_DECISIONS, READ_STATE))
    ),
    "redrive": Needs(
        (*_SIGNED, READ_DECISIONS, TAKE_DEAD_LETTERS, PUT_CHANGES_BACK, KNOW_SIGNATURES)
    ),
    "explain": Needs(
        (),
        (
            ("for a decision, and with `--live`", (FIND_STACK, READ_DECISIONS)),
            ("with `--live`", (READ_STATE, FINGERPRINT)),
            _ADVISORIES,
        ),
        reads="with `--live`",
    ),
    "replay": Needs((), (_FROM_S3,)),
    "noise": Needs((), (_FROM_S3,)),
    "scan": Needs((), (_ADVISORIES,), reads="for a function"),
    "sweep": Needs(
        (),
        (("beside a stack", (FIND_STACK, READ_DECISIONS, READ_STATE, FINGERPRINT)),),
        reads="",
    ),
    "report": Needs(
        (FIND_STACK, READ_DECISIONS, READ_STATE),
        (("with `--all-regions`", (LIST_REGIONS,)),),
        reads="unless it reads the record only",
    ),
    "doctor": Needs((FIND_STACK, READ_STATE, KNOW_TRAILS, KNOW_WHO_HEARS, COUNT_DEAD_LETTERS)),
    "console": Needs(
        (FIND_STACK, READ_DECISIONS, READ_STATE),
        (
            ("to act", (CALL_API, BY_URL)),
            ("for the stack's health", (KNOW_TRAILS, KNOW_WHO_HEARS, COUNT_DEAD_LETTERS)),
            ("for the account's alias", (NAME_ACCOUNT,)),
            _FROM_S3,
        ),
        reads="for a sweep",
    ),
    "slack test": Needs((), (("unless with `--secret-file`", (FIND_STACK, READ_SLACK_SECRET)),)),
    **{f"audit {name}": _RECORD for name in ("list", "show", "verify", "export", "stats")},
    "baseline record": Needs(
        (FIND_STACK, READ_DECISIONS, READ_STATE, WRITE_BASELINES, FINGERPRINT), reads=""
    ),
    "baseline show": _STATE_ONLY,
    "baseline history": _STATE_ONLY,
    "baseline diff": Needs((FIND_STACK, READ_DECISIONS, READ_STATE, FINGERPRINT), reads=""),
    "baseline accept": Needs((*_SIGNED, READ_DECISIONS, READ_STATE, FINGERPRINT), reads=""),
    "exempt add": _ACT,
    "exempt remove": _ACT,
    "exempt list": _STATE_ONLY,
    "trust show": _STATE_ONLY,
    "trust history": _STATE_ONLY,
    "trust reset": _ACT,
    "circuit-breaker show": _STATE_ONLY,
    "circuit-breaker rearm": _ACT,
}

# Whose policies the page has whole: what they are for, and the commands that they can use.
ROLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "Reader": (
        "Looks at the record, at what is remembered and at the stack's health; changes nothing.",
        (
            *(f"audit {name}" for name in ("list", "show", "verify", "export", "stats")),
            *("incident list", "incident show"),
            *("baseline show", "baseline history", "exempt list"),
            *("trust show", "trust history", "circuit-breaker show", "doctor", "report"),
        ),
    ),
    "Voter": (
        "Answers approval requests and undoes reverts. Whether a vote counts is for the policy.",
        (
            *("approve", "deny", "accept", "confirm", "undo", "audit list", "audit show"),
            *("incident list", "incident show", "incident contain", "incident release"),
        ),
    ),
    "Operator": (
        "Acts on the guard itself: exempts, freezes, re-arms, resets, handles dead letters.",
        (
            *("exempt add", "exempt remove", "exempt list", "freeze", "unfreeze", "redrive"),
            *("trust reset", "trust show", "circuit-breaker rearm", "circuit-breaker show"),
            *("confirm", "audit list", "audit show", "doctor"),
        ),
    ),
}


def policy(grants: Iterable[Grant]) -> dict[str, Any]:
    """An identity policy of these statements, each once."""
    return {
        "Version": "2012-10-17",
        "Statement": [grant.statement() for grant in {one.sid: one for one in grants}.values()],
    }


def policy_of_role(role: str) -> dict[str, Any]:
    """What somebody in this role needs, whatever options they use."""
    return policy(grant for name in ROLES[role][1] for grant in COMMANDS[name].grants)


def page() -> str:
    """Return docs/reference/permissions.md."""
    return _HEAD + "".join((*_places(), *_roles(), *_commands(), *_statements()))


_HEAD = """\
# Permissions

`make generate` writes this page from `cli/driftguard_cli/generate/reference/permissions.py`. To
change it, change that.

What IAM must allow to whoever runs a command: three policies to paste, then what each command
needs. Tests evaluate every call of the commands against them. `sts:GetCallerIdentity`, which some
commands call, needs no permission. Commands that are not here call nothing of AWS.

Three things are not for IAM alone:

- Whether a vote or an act counts is for [the policy's people](../approvals.md).
- The queues and the state table have policies of their own. `redrive` and `baseline record` need an
  identity that [`OperatorArns`](stack.md#who-operates-and-who-administers-it) names, or, for
  `redrive`, the stack's `OperatorRole`, which has what that command needs.
- The tables are encrypted under keys of AWS, which let in whoever may read the table.

"""


def _places() -> Iterator[str]:
    yield "| in the policies | put |\n|---|---|\n"
    for name, where in PLACES.items():
        yield f"| `{name}` | {where} |\n"


def _roles() -> Iterator[str]:
    for role, (about, names) in ROLES.items():
        yield f"\n## {role}\n\n{about} For {', '.join(f'`{name}`' for name in names)}.\n\n"
        yield f"```json\n{json.dumps(policy_of_role(role), indent=2)}\n```\n"
        if any(COMMANDS[name].reads is not None for name in names):
            yield f"\n{_READS}\n"


_READS = (
    "What is risky now can only be told by whoever may read the resources: attach the stack's "
    "managed policies whose logical ids begin with `GuardReadsPolicy` as well."
)


def _commands() -> Iterator[str]:
    yield "\n## Each command\n\nThe statements of a policy that holds for one command only.\n\n"
    yield "| command | needs | and |\n|---|---|---|\n"
    for name, needs in COMMANDS.items():
        also = [f"{when}: {_named(grants)}" for when, grants in needs.also]
        if needs.reads is not None:
            also.append(f"{needs.reads + ': ' if needs.reads else ''}what the controls read")
        yield f"| `{name}` | {_named(needs.always) or 'nothing'} | {'; '.join(also)} |\n"
    yield (
        "\n*What the controls read* is in the stack's managed policies whose logical ids begin "
        "with `GuardReadsPolicy`.\n"
    )


def _named(grants: Iterable[Grant]) -> str:
    return ", ".join(f"[{grant.sid}](#{grant.sid.lower()})" for grant in grants)


def _statements() -> Iterator[str]:
    yield "\n## The statements\n"
    every = {one.sid: one for needs in COMMANDS.values() for one in needs.grants}
    for sid, grant in sorted(every.items()):
        yield f"\n### {sid}\n\n```json\n{json.dumps(grant.statement(), indent=2)}\n```\n"
