"""The stack that the template makes, its intrinsic functions resolved: policies, settings, ARNs.

Sources: AWS CloudFormation User Guide, "Intrinsic function reference"; AWS CloudFormation Template
Reference, "Return values" of each kind of resource.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import yaml

from tests.support.iam.evaluator import Principal, Statement
from tests.support.world import ACCOUNT, CONTAINMENT, GRANTING, REGION, REMEDIATOR, ROOT

# What `!Ref AWS::NoValue` leaves.
_NOTHING = object()
_ATTRIBUTE = ":{region}:{account}:"


class _Loader(yaml.CSafeLoader):
    """Reads CloudFormation's short forms as their long ones."""


def _long_form(loader: yaml.CSafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _long_form)

# What !Ref gives of a kind, and its attributes, from the physical name; its ARN where it has one.
_ARNS = {
    "AWS::DynamoDB::Table": "dynamodb" + _ATTRIBUTE + "table/{name}",
    "AWS::Events::Rule": "events" + _ATTRIBUTE + "rule/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::Logs::LogGroup": "logs" + _ATTRIBUTE + "log-group:{name}:*",
    "AWS::Scheduler::ScheduleGroup": "scheduler" + _ATTRIBUTE + "schedule-group/{name}",
    "AWS::SNS::Topic": "sns" + _ATTRIBUTE + "{name}",
    "AWS::SQS::Queue": "sqs" + _ATTRIBUTE + "{name}",
    "AWS::Serverless::Function": "lambda" + _ATTRIBUTE + "function:{name}",
    "AWS::SecretsManager::Secret": "secretsmanager" + _ATTRIBUTE + "secret:{name}",
}
_REF_IS_ARN = frozenset({"AWS::SNS::Topic", "AWS::SecretsManager::Secret"})


@cache
def _read(text: str) -> dict[str, Any]:
    """A template, read once a process: that is half a second."""
    read: dict[str, Any] = yaml.load(text, _Loader)
    return read


@dataclass(frozen=True)
class Stack:
    """The template with these parameters; `names` are physical names where they matter."""

    text: str = field(default_factory=(ROOT / "template.yaml").read_text)
    parameters: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    name: str = "driftguard"

    @property
    def _template(self) -> dict[str, Any]:
        return _read(self.text)

    @cached_property
    def resources(self) -> dict[str, Any]:
        """Those that the conditions let be made, unresolved."""
        return {
            id_: one
            for id_, one in self._template["Resources"].items()
            if "Condition" not in one or self._condition(one["Condition"])
        }

    def of_type(self, *kinds: str) -> dict[str, Any]:
        """The properties of all resources of some kinds, unresolved."""
        return {
            id_: one["Properties"] for id_, one in self.resources.items() if one["Type"] in kinds
        }

    # --------------------------------------------------------------------------- who may what

    @cached_property
    def roles(self) -> tuple[str, ...]:
        return tuple(self.of_type("AWS::IAM::Role"))

    def principal(self, role: str) -> Principal:
        """A role of the stack, with its tags."""
        tags = self.resolved(self.resources[role]["Properties"].get("Tags", []))
        return Principal(self.arn(role), {one["Key"]: one["Value"] for one in tags})

    def identity(self, role: str) -> list[Statement]:
        """What all policies of a role say, inline and attached."""
        inline = self.resources[role]["Properties"].get("Policies", [])
        documents = [one["PolicyDocument"] for one in inline]
        for properties in self.of_type("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy").values():
            if self.physical(role) in self.resolved(properties.get("Roles", [])):
                documents.append(properties["PolicyDocument"])
        return [one for each in documents for one in self._statements(each)]

    def boundary(self, role: str) -> list[Statement] | None:
        """What a role may do at most; None if it has no boundary."""
        named = self.resources[role]["Properties"].get("PermissionsBoundary")
        if named is None:
            return None
        document = self.resources[named["Ref"]]["Properties"]["PolicyDocument"]
        return list(self._statements(document))

    def trust(self, role: str) -> list[Statement]:
        """Who may assume a role."""
        document = self.resources[role]["Properties"]["AssumeRolePolicyDocument"]
        return list(self._statements(document))

    @cached_property
    def resource_policies(self) -> dict[str, list[Statement]]:
        """ARN of a table or queue → what its own policy says. A table's policy is its indexes'."""
        found: dict[str, list[Statement]] = {}
        for id_, properties in self.of_type("AWS::DynamoDB::Table").items():
            document = properties.get("ResourcePolicy", {}).get("PolicyDocument", {})
            found[self.arn(id_)] = list(self._statements(document))
        for properties in self.of_type("AWS::SQS::QueuePolicy").values():
            for url in self.resolved(properties["Queues"]):
                arn = self._queue_arn(url)
                found.setdefault(arn, []).extend(self._statements(properties["PolicyDocument"]))
        return found

    def resource_policy(self, arn: str) -> list[Statement]:
        """The policy of the resource with this ARN; of a role, its trust policy."""
        for role in self.roles:
            if arn == self.arn(role):
                return self.trust(role)
        return self.resource_policies.get(arn.partition("/index/")[0], [])

    def _statements(self, document: Mapping[str, Any]) -> Iterator[Statement]:
        yield from self.resolved(document.get("Statement", []))

    # --------------------------------------------------------------------------- what it is told

    @cached_property
    def functions(self) -> dict[str, Any]:
        return self.of_type("AWS::Serverless::Function")

    def environment(self, function: str) -> dict[str, str]:
        """A function's variables, as Lambda gives them."""
        everywhere = self._template["Globals"]["Function"]["Environment"]["Variables"]
        own = self.functions[function]["Environment"]["Variables"]
        return {name: str(value) for name, value in self.resolved({**everywhere, **own}).items()}

    def role_of(self, function: str) -> str:
        """The logical id of a function's role."""
        (role,) = [
            role
            for role in self.roles
            if self.arn(role) == self.resolved(self.functions[function]["Role"])
        ]
        return role

    def physical(self, id_: str) -> str:
        """The name that a resource has in the account."""
        if id_ in self.names:
            return self.names[id_]
        properties = self.resources[id_]["Properties"] if id_ in self.resources else {}
        for key in ("Name", "FunctionName", "LogGroupName"):
            if key in properties:
                return str(self.resolved(properties[key]))
        return f"{self.name}-{id_}"

    def arn(self, id_: str) -> str:
        """The ARN of a resource by its logical id."""
        return str(self._attribute(id_, "Arn"))

    # ------------------------------------------------------------------------------- intrinsics

    def resolved(self, value: Any) -> Any:
        """A value of the template without any intrinsic function."""
        found = self._resolved(value)
        assert found is not _NOTHING
        return found

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            return [one for one in map(self._resolved, value) if one is not _NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, given),) = value.items()
            if name == "Ref":
                return self._ref(given)
            if name.startswith("Fn::"):
                return self._function(name.removeprefix("Fn::"), given)
        resolved = {key: self._resolved(one) for key, one in value.items()}
        return {key: one for key, one in resolved.items() if one is not _NOTHING}

    def _function(self, name: str, given: Any) -> Any:
        if name == "GetAtt":
            return self._attribute(*given)
        if name == "Sub":
            text, own = (given, {}) if isinstance(given, str) else given
            named = {key: str(self._resolved(value)) for key, value in own.items()}
            return re.sub(
                r"\$\{([^}]+)\}",
                lambda found: named.get(found[1]) or self._substituted(found[1]),
                text,
            )
        if name == "If":
            condition, then, otherwise = given
            return self._resolved(then if self._condition(condition) else otherwise)
        if name == "Equals":
            first, second = map(self._resolved, given)
            return first == second
        if name == "Not":
            return not self._resolved(given[0])
        if name == "Join":
            separator, parts = given
            return str(separator).join(map(str, self._resolved(parts)))
        if name == "Split":
            separator, text = given
            return str(self._resolved(text)).split(separator)
        if name == "Select":
            position, parts = given
            return self._resolved(parts)[int(position)]
        raise ValueError(f"the template uses Fn::{name}, which is not resolved here")

    def _condition(self, name: str) -> bool:
        return bool(self._resolved(self._template["Conditions"][name]))

    def _substituted(self, name: str) -> str:
        id_, _, attribute = name.partition(".")
        return str(self._attribute(id_, attribute) if attribute else self._ref(name))

    def _ref(self, id_: str) -> Any:
        pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::NoValue": _NOTHING,
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::StackId": (
                f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{self.name}"
                "/1c2fa620-982a-11e3-aff7-50e2416294e0"
            ),
            "AWS::StackName": self.name,
        }
        if id_ in pseudo:
            return pseudo[id_]
        if id_ in self._template["Parameters"]:
            parameter = self._template["Parameters"][id_]
            value = self.parameters.get(id_, parameter.get("Default", ""))
            return value.split(",") if parameter["Type"] == "CommaDelimitedList" else value
        kind = self._template["Resources"][id_]["Type"]
        if kind == "AWS::SQS::Queue":
            return self.names.get(id_) or self._queue_url(self.physical(id_))
        return self.arn(id_) if kind in _REF_IS_ARN else self.physical(id_)

    def _attribute(self, id_: str, attribute: str) -> str:
        if attribute == "FunctionUrl":
            return f"https://{id_.lower()}.lambda-url.{REGION}.on.aws/"
        kind = self._template["Resources"][id_]["Type"]
        physical = self.physical(id_)
        if physical.startswith("arn:"):
            return physical
        if kind == "AWS::SQS::Queue":
            physical = physical.rpartition("/")[2]
        arn = "arn:aws:" + _ARNS[kind].format(region=REGION, account=ACCOUNT, name=physical)
        return f"{arn}/stream/2026-01-01T00:00:00.000" if attribute == "StreamArn" else arn

    def _queue_url(self, name: str) -> str:
        return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"

    def _queue_arn(self, url: str) -> str:
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rpartition('/')[2]}"


@cache
def of_the_tests() -> Stack:
    """The stack as `tests.support.world` has it: its tables and its plans' roles by their names."""
    plans = {
        "RemediatorRole": REMEDIATOR,
        "GrantingRole": GRANTING,
        "ContainmentRole": CONTAINMENT,
    }
    slack = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:slack-AbCdEf"
    return Stack(
        parameters={"SlackSecretArn": slack, "MayGrant": "true", "Containment": "true"},
        names={
            "AuditTable": "audit",
            "StateTable": "state",
            **{role: arn.rpartition("/")[2] for role, arn in plans.items()},
        },
    )
