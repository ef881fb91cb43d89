"""`driftguard doctor`: what keeps a deployed guard from its work is named, and what to do."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from click.testing import Result
from typer.testing import CliRunner

from driftguard.state import freezes
from driftguard.state.keys import ALL
from driftguard_cli.generate.reference.permissions import COMMANDS
from driftguard_cli.main import app
from tests.support.world import HERE, REGION, World

NOT_TOLD = "nobody hears of any decision, and requests for approval reach nobody"


class Deployed:
    """A stack in moto, with what it needs to work."""

    def __init__(self, world: World) -> None:
        self.world = world
        sns, sqs = boto3.client("sns"), boto3.client("sqs")
        self.topic = sns.create_topic(Name="decisions")["TopicArn"]
        self.dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
        self.parameters = {"AutonomyCeiling": "revert", "SlackSecretArn": ""}

    def with_trail(self) -> None:
        boto3.client("s3").create_bucket(Bucket="trail")
        trails = boto3.client("cloudtrail")
        trails.create_trail(Name="all", S3BucketName="trail", IsMultiRegionTrail=True)
        trails.start_logging(Name="all")

    def with_email(self) -> None:
        boto3.client("sns").subscribe(
            TopicArn=self.topic, Protocol="email", Endpoint="team@example.com"
        )

    def examined(self, *arguments: str) -> Result:
        outputs = {
            "AuditTable": "audit",
            "StateTable": "state",
            "DecisionsTopic": self.topic,
            "DeadLetterQueue": self.dead,
        }
        template = {
            "Parameters": {name: {"Type": "String"} for name in self.parameters},
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {name: {"Value": value} for name, value in outputs.items()},
        }
        boto3.client("cloudformation").create_stack(
            StackName="driftguard",
            TemplateBody=json.dumps(template),
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in self.parameters.items()
            ],
        )
        return CliRunner().invoke(app, ["doctor", *arguments])


def found(result: Result) -> dict[tuple[str, str], str]:
    told: list[dict[str, Any]] = json.loads(result.stdout)
    return {(one["check"], one["verdict"]): one["what"] for one in told}


@pytest.fixture
def deployed(world: World) -> Deployed:
    return Deployed(world)


def test_a_guard_that_works_is_told_so(deployed: Deployed) -> None:
    deployed.with_trail()
    deployed.with_email()
    result = deployed.examined("--json")
    told = found(result)
    assert result.exit_code == 0
    assert {verdict for _, verdict in told} == {"ok"}
    assert told["channels", "ok"] == "decisions reach email team@example.com"
    assert told["stack", "ok"].endswith(f"{REGION}: CREATE_COMPLETE")


def test_it_needs_each_of_its_permissions(deployed: Deployed, used: dict[str, set[str]]) -> None:
    deployed.with_trail()
    deployed.examined()
    declared = {one for grant in COMMANDS["doctor"].grants for one in grant.actions}
    # Who may query a table may as well read single items of it.
    assert declared - used["doctor"] == {"dynamodb:BatchGetItem", "dynamodb:GetItem"}


def test_without_a_channel_nobody_hears_of_anything(deployed: Deployed) -> None:
    deployed.with_trail()
    result = deployed.examined("--json")
    assert result.exit_code == 1
    assert found(result)["channels", "wrong"].startswith(NOT_TOLD)


def test_slack_is_a_channel(deployed: Deployed) -> None:
    deployed.with_trail()
    deployed.parameters["SlackSecretArn"] = "arn:aws:secretsmanager:us-east-1:1:secret:slack"
    assert found(deployed.examined("--json"))["channels", "ok"] == "decisions reach Slack"


def test_without_a_trail_no_change_is_seen(deployed: Deployed) -> None:
    deployed.with_email()
    result = deployed.examined("--json")
    assert result.exit_code == 1
    assert "deploy with CreateTrail=true" in found(result)["changes", "wrong"]


@pytest.mark.parametrize(
    ("selectors", "sees"),
    [
        ({"EventSelectors": [{"ReadWriteType": "ReadOnly"}]}, False),
        ({"EventSelectors": [{"IncludeManagementEvents": False}]}, False),
        ({"EventSelectors": [{"ReadWriteType": "WriteOnly"}]}, True),
        (
            {
                "AdvancedEventSelectors": [
                    {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}
                ]
            },
            False,
        ),
        (
            {
                "AdvancedEventSelectors": [
                    {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}
                ]
            },
            True,
        ),
    ],
)
def test_a_trail_that_logs_no_changes_is_none(
    deployed: Deployed, selectors: dict[str, Any], *, sees: bool
) -> None:
    deployed.with_trail()
    boto3.client("cloudtrail").put_event_selectors(TrailName="all", **selectors)
    assert (("changes", "ok") in found(deployed.examined("--json"))) is sees


def test_dead_letters_are_counted_and_how_to_read_them_is_said(deployed: Deployed) -> None:
    boto3.client("sqs").send_message(QueueUrl=deployed.dead, MessageBody="x")
    told = found(deployed.examined("--json"))
    assert told["dead letters", "wrong"].startswith("1 could not be handled: `driftguard redrive")


def test_a_freeze_and_a_low_ceiling_are_worth_a_look(deployed: Deployed) -> None:
    deployed.with_trail()
    deployed.with_email()
    deployed.parameters["AutonomyCeiling"] = "observe"
    world, now = deployed.world, deployed.world.clock.now()
    empty = freezes.anew(HERE, ALL, now, None)
    record = freezes.frozen(empty, by="bob", reason="migration", at=now, until="")
    world.state.overwrite(record)
    result = deployed.examined("--json")
    assert result.exit_code == 0
    told = [one["what"] for one in json.loads(result.stdout) if one["verdict"] == "look"]
    assert any("ceiling is observe: no change is reverted" in what for what in told)
    assert any("is frozen: nothing is reverted there" in what for what in told)


def test_what_cannot_be_read_is_wrong_and_keeps_no_other_check_from_running(
    deployed: Deployed,
) -> None:
    deployed.topic = deployed.topic.replace("decisions", "gone")
    told = found(deployed.examined("--json"))
    assert told["channels", "wrong"].startswith("could not be read: ")
    assert ("dead letters", "ok") in told


def test_people_see_a_line_a_check(deployed: Deployed) -> None:
    result = deployed.examined()
    assert NOT_TOLD in " ".join(result.stdout.split())
