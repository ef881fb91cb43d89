"""The state table: what people and the guard change. In this version, the freeze."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .aws import Aws, Client, told_apart
from .model import Document

FREEZE = ("freeze", "all")


def freeze_of(items: list[Mapping[str, Mapping[str, object]]]) -> Document | None:
    """The freeze among the items that a decision recalled; None while nothing is frozen."""
    for item in items:
        if item["pk"].get("S") == FREEZE[0]:
            return {name: str(value["S"]) for name, value in item.items() if "S" in value}
    return None


@dataclass(frozen=True, slots=True)
class StateTable:
    """Sets and lifts the freeze."""

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
