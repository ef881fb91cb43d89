"""The state table: what people and the guard change: the freeze, and the recorded baselines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .aws import Aws, Client, told_apart
from .model import Document, Resource

FREEZE = ("freeze", "all")
_BASELINE = "baseline#"
_EXEMPTION = "exemption#"


def freeze_of(items: Iterable[Mapping[str, Mapping[str, object]]]) -> Document | None:
    """The freeze among the items that a decision recalled; None while nothing is frozen."""
    for item in items:
        if item["pk"].get("S") == FREEZE[0]:
            return {name: str(value["S"]) for name, value in item.items() if "S" in value}
    return None


def baseline_key(control: str, resource: Resource) -> tuple[str, str]:
    """Where the baseline of a resource's facet is kept."""
    return _BASELINE + control, resource.arn


def baseline_of(items: Iterable[Mapping[str, Mapping[str, object]]]) -> Document | None:
    """The recorded state among the items that a decision recalled; None where there is none."""
    for item in items:
        if str(item["pk"].get("S")).startswith(_BASELINE):
            state = json.loads(str(item["state"]["S"]))
            return state if isinstance(state, Mapping) else None
    return None


def exemption_key(control: str, resource: Resource) -> tuple[str, str]:
    """Where an exemption that a person gave for one resource is kept."""
    return _EXEMPTION + control, resource.arn


def exemption_of(items: Iterable[Mapping[str, Mapping[str, object]]]) -> Document | None:
    """The exemption among the items that a decision recalled; None where there is none."""
    for item in items:
        if str(item["pk"].get("S")).startswith(_EXEMPTION):
            return {name: str(value["S"]) for name, value in item.items() if "S" in value}
    return None


@dataclass(frozen=True, slots=True)
class StateTable:
    """Sets and lifts the freeze; keeps the baselines."""

    aws: Aws
    name: str

    @property
    def client(self) -> Client:
        """DynamoDB's client, made when the table is first used."""
        return self.aws.client("dynamodb")

    def freeze(self, *, by: str, reason: str, since: str, until: str = "") -> None:
        """From the next event on nothing is changed, until then (ISO 8601, UTC) or `unfreeze`."""
        pk, sk = FREEZE
        fields = {"pk": pk, "sk": sk, "by": by, "reason": reason, "since": since, "until": until}
        with told_apart("dynamodb", "PutItem"):
            self.client.put_item(
                TableName=self.name, Item={name: {"S": value} for name, value in fields.items()}
            )

    def unfreeze(self) -> bool:
        """Lifts the freeze; False when there was none."""
        pk, sk = FREEZE
        with told_apart("dynamodb", "DeleteItem"):
            gone = self.client.delete_item(
                TableName=self.name, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ReturnValues="ALL_OLD"
            )
        return bool(gone.get("Attributes"))

    def frozen(self) -> Document | None:
        """The freeze that is on, or None."""
        pk, sk = FREEZE
        with told_apart("dynamodb", "GetItem"):
            found = self.client.get_item(
                TableName=self.name,
                Key={"pk": {"S": pk}, "sk": {"S": sk}},
                ConsistentRead=True,
            )
        return freeze_of([found["Item"]]) if "Item" in found else None

    def record_baseline(
        self, control: str, resource: Resource, state: Document, *, at: str, why: str
    ) -> None:
        """Keeps a clean state as what a later one is compared with."""
        pk, sk = baseline_key(control, resource)
        fields = {"pk": pk, "sk": sk, "state": json.dumps(state), "recorded": at, "why": why}
        with told_apart("dynamodb", "PutItem"):
            self.client.put_item(
                TableName=self.name, Item={name: {"S": value} for name, value in fields.items()}
            )

    def exempt(
        self, control: str, resource: Resource, *, until: str, by: str, reason: str, at: str
    ) -> None:
        """Lets this control pass over this one resource until then (ISO 8601, UTC)."""
        pk, sk = exemption_key(control, resource)
        fields = {"pk": pk, "sk": sk, "until": until, "by": by, "reason": reason, "given": at}
        with told_apart("dynamodb", "PutItem"):
            self.client.put_item(
                TableName=self.name, Item={name: {"S": value} for name, value in fields.items()}
            )

    def baseline(self, control: str, resource: Resource) -> Document | None:
        """The recorded state of a resource's facet; None where there is none."""
        pk, sk = baseline_key(control, resource)
        with told_apart("dynamodb", "GetItem"):
            found = self.client.get_item(
                TableName=self.name,
                Key={"pk": {"S": pk}, "sk": {"S": sk}},
                ConsistentRead=True,
            )
        return baseline_of([found["Item"]]) if "Item" in found else None
