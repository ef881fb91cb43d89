"""Scenarios of what EC2 sets for a whole region, and of the exclusions from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import Fake, Scenario, Staged
from tests.support.records import ACCOUNT, REGION, ec2


def wrapped(name: str, asked: Any, answered: Mapping[str, Any]) -> Change:
    """A newer call, as CloudTrail logs it: wrapped, and with capitals in the request."""
    said = {"requestId": "5e0f3c1a-6b7d-4d1e-9c55-000000000001", **answered}
    return ec2(name, {f"{name}Request": asked}, responseElements={f"{name}Response": said})


def encryption() -> Staged:
    client = boto3.client("ec2")
    client.enable_ebs_encryption_by_default()

    def attack() -> Change:
        client.disable_ebs_encryption_by_default()
        answered = {"ebsEncryptionByDefault": False}
        return wrapped("DisableEbsEncryptionByDefault", "", answered)

    return Staged(
        attack,
        lambda: client.get_ebs_encryption_by_default()["EbsEncryptionByDefault"],
        baseline=True,
    )


def snapshot_block(before: str, after: str, *, baseline: bool) -> Staged:
    """The block on sharing snapshots goes from one level to a lower one."""
    level = {"State": before}

    def set_to(state: str) -> dict[str, Any]:
        level["State"] = state
        return dict(level)

    fakes: dict[tuple[str, str], Fake] = {
        ("ec2", "GetSnapshotBlockPublicAccessState"): lambda _: dict(level),
        ("ec2", "EnableSnapshotBlockPublicAccess"): lambda asked: set_to(asked["State"]),
        ("ec2", "DisableSnapshotBlockPublicAccess"): lambda _: set_to("unblocked"),
    }

    def attack() -> Change:
        set_to(after)
        if after == "unblocked":
            return wrapped("DisableSnapshotBlockPublicAccess", "", {"state": after})
        return wrapped("EnableSnapshotBlockPublicAccess", {"State": after}, {"state": after})

    def reverted(legitimate: Any) -> Any:
        # What nobody recorded is not put back: what is public already stays public.
        return legitimate if baseline else {"State": "block-new-sharing"}

    return Staged(attack, lambda: dict(level), reverted=reverted, fakes=fakes, baseline=baseline)


def image_block() -> Staged:
    level = {"ImageBlockPublicAccessState": "block-new-sharing"}

    def set_to(state: str) -> dict[str, Any]:
        level["ImageBlockPublicAccessState"] = state
        return dict(level)

    fakes: dict[tuple[str, str], Fake] = {
        ("ec2", "GetImageBlockPublicAccessState"): lambda _: dict(level),
        ("ec2", "EnableImageBlockPublicAccess"): lambda asked: set_to(
            asked["ImageBlockPublicAccessState"]
        ),
        ("ec2", "DisableImageBlockPublicAccess"): lambda _: set_to("unblocked"),
    }

    def attack() -> Change:
        boto3.client("ec2").disable_image_block_public_access()
        answered = {"imageBlockPublicAccessState": "unblocked"}
        return wrapped("DisableImageBlockPublicAccess", "", answered)

    return Staged(attack, lambda: dict(level), fakes=fakes, baseline=True)


def vpc_block() -> Staged:
    options = {"InternetGatewayBlockMode": "block-bidirectional", "State": "update-complete"}

    def modify(asked: dict[str, Any]) -> dict[str, Any]:
        options["InternetGatewayBlockMode"] = asked["InternetGatewayBlockMode"]
        return {"VpcBlockPublicAccessOptions": dict(options)}

    fakes: dict[tuple[str, str], Fake] = {
        ("ec2", "DescribeVpcBlockPublicAccessOptions"): lambda _: {
            "VpcBlockPublicAccessOptions": dict(options)
        },
        ("ec2", "ModifyVpcBlockPublicAccessOptions"): modify,
    }

    def attack() -> Change:
        client = boto3.client("ec2")
        client.modify_vpc_block_public_access_options(InternetGatewayBlockMode="off")
        answered = {"vpcBlockPublicAccessOptions": {"internetGatewayBlockMode": "off"}}
        asked = {"InternetGatewayBlockMode": "off"}
        return wrapped("ModifyVpcBlockPublicAccessOptions", asked, answered)

    return Staged(attack, lambda: dict(options), fakes=fakes, baseline=True)


class Exclusions:
    """The exclusions of a region, as EC2 keeps them: a deleted one can still be seen."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []

    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        kind, id_ = (
            ("subnet", asked["SubnetId"]) if "SubnetId" in asked else ("vpc", asked["VpcId"])
        )
        tags = [tag for one in asked.get("TagSpecifications", []) for tag in one["Tags"]]
        one = {
            "ExclusionId": f"vpcbpa-exclude-{len(self.all):017x}",
            "InternetGatewayExclusionMode": asked["InternetGatewayExclusionMode"],
            "ResourceArn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:{kind}/{id_}",
            "State": "create-complete",
            "Tags": tags,
        }
        self.all.append(one)
        return {"VpcBlockPublicAccessExclusion": one}

    def modify(self, asked: dict[str, Any]) -> dict[str, Any]:
        one = self.one(asked["ExclusionId"])
        one["InternetGatewayExclusionMode"] = asked["InternetGatewayExclusionMode"]
        return {"VpcBlockPublicAccessExclusion": one}

    def delete(self, asked: dict[str, Any]) -> dict[str, Any]:
        one = self.one(asked["ExclusionId"])
        one["State"] = "delete-complete"
        return {"VpcBlockPublicAccessExclusion": one}

    def describe(self, asked: dict[str, Any]) -> dict[str, Any]:
        arns = [arn for one in asked.get("Filters", []) for arn in one["Values"]]
        found = [one for one in self.all if not arns or one["ResourceArn"] in arns]
        return {"VpcBlockPublicAccessExclusions": found}

    def one(self, id_: str) -> dict[str, Any]:
        return next(one for one in self.all if one["ExclusionId"] == id_)

    def snapshot(self) -> Any:
        return [dict(one) for one in self.all if one["State"] != "delete-complete"]


def without_ids(snapshot: Any) -> Any:
    """Exclusions without the ids that EC2 makes anew."""
    return [{k: v for k, v in one.items() if k != "ExclusionId"} for one in snapshot]


def exclusion(*, modified: bool) -> Staged:
    """A subnet is let out of the block both ways, by a new exclusion or by one that was there."""
    exclusions = Exclusions()
    exclusions.create({"VpcId": "vpc-1", "InternetGatewayExclusionMode": "allow-egress"})
    fakes: dict[tuple[str, str], Fake] = {
        ("ec2", "CreateVpcBlockPublicAccessExclusion"): exclusions.create,
        ("ec2", "DeleteVpcBlockPublicAccessExclusion"): exclusions.delete,
        ("ec2", "ModifyVpcBlockPublicAccessExclusion"): exclusions.modify,
        ("ec2", "DescribeVpcBlockPublicAccessExclusions"): exclusions.describe,
    }
    asked = {"InternetGatewayExclusionMode": "allow-bidirectional"}

    def create() -> Change:
        tags = [{"Key": "by", "Value": "mallory"}]
        made = exclusions.create(
            {**asked, "SubnetId": "subnet-1", "TagSpecifications": [{"Tags": tags}]}
        )["VpcBlockPublicAccessExclusion"]
        answered = {"exclusionId": made["ExclusionId"], "resourceArn": made["ResourceArn"]}
        return wrapped(
            "CreateVpcBlockPublicAccessExclusion",
            {**asked, "SubnetId": "subnet-1"},
            {"vpcBlockPublicAccessExclusion": answered},
        )

    def modify() -> Change:
        one = {**asked, "ExclusionId": exclusions.all[0]["ExclusionId"]}
        answered = {
            "resourceArn": exclusions.modify(one)["VpcBlockPublicAccessExclusion"]["ResourceArn"]
        }
        return wrapped(
            "ModifyVpcBlockPublicAccessExclusion", one, {"vpcBlockPublicAccessExclusion": answered}
        )

    return Staged(
        modify if modified else create,
        exclusions.snapshot,
        fakes=fakes,
        anew=without_ids,
        baseline=modified,
    )


def console() -> Staged:
    status = {"SerialConsoleAccessEnabled": False}

    def set_to(enabled: bool) -> dict[str, Any]:
        status["SerialConsoleAccessEnabled"] = enabled
        return dict(status)

    fakes: dict[tuple[str, str], Fake] = {
        ("ec2", "GetSerialConsoleAccessStatus"): lambda _: dict(status),
        ("ec2", "EnableSerialConsoleAccess"): lambda _: set_to(True),
        ("ec2", "DisableSerialConsoleAccess"): lambda _: set_to(False),
    }

    def attack() -> Change:
        set_to(True)
        return wrapped("EnableSerialConsoleAccess", "", {"serialConsoleAccessEnabled": True})

    return Staged(attack, lambda: dict(status), fakes=fakes, baseline=True)


SCENARIOS = (
    Scenario("ec2.ebs-encryption-default-off", encryption),
    Scenario(
        "ec2.snapshot-bpa-off",
        lambda: snapshot_block("block-all-sharing", "unblocked", baseline=True),
    ),
    Scenario(
        "ec2.snapshot-bpa-off",
        lambda: snapshot_block("block-all-sharing", "unblocked", baseline=False),
        "unrecorded",
        asked=True,
    ),
    Scenario(
        "ec2.snapshot-bpa-off",
        lambda: snapshot_block("block-all-sharing", "block-new-sharing", baseline=True),
        "lowered",
    ),
    Scenario("ec2.ami-bpa-off", image_block),
    Scenario("ec2.vpc-bpa-weakened", vpc_block),
    Scenario("ec2.vpc-bpa-exclusion", lambda: exclusion(modified=False), "created"),
    Scenario("ec2.vpc-bpa-exclusion", lambda: exclusion(modified=True), "modified"),
    Scenario("ec2.serial-console-enabled", console),
)
