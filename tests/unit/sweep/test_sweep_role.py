"""The sweep can read, record what is clean, and wake the guard; and nothing else at all."""

from __future__ import annotations

from tests.support.template import flat, of_type, statements_of


def test_the_sweep_can_change_nothing_in_the_account() -> None:
    assert "Policies" not in of_type("AWS::IAM::Role")["SweepRole"]
    policies = of_type("AWS::IAM::Policy")
    (document,) = [
        one["PolicyDocument"] for one in policies.values() if "SweepRole" in flat(one["Roles"])
    ]
    allowed = {action for one in document["Statement"] for action in flat(one["Action"])}
    assert allowed == {
        "dynamodb:BatchGetItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "iam:ListRoleTags",
        "iam:ListUserTags",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "secretsmanager:GetSecretValue",
        "sqs:SendMessage",
        "tag:GetResources",
    }
    (salt,) = [
        one for one in document["Statement"] if one["Action"] == "secretsmanager:GetSecretValue"
    ]
    assert salt["Resource"] == "FingerprintSalt"
    attached = {
        name
        for name, one in of_type("AWS::IAM::ManagedPolicy").items()
        if "SweepRole" in flat(one.get("Roles", []))
    }
    assert {one for one in attached if not one.startswith("GuardReadsPolicy")} == {
        "NeverErasePolicy"
    }
    (put,) = [one for one in document["Statement"] if one["Action"] == "dynamodb:PutItem"]
    keys = put["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    assert set(keys) == {"baseline#*", "baseline-log#*", "history#*", "sweep#*"}


def test_the_sweep_reads_all_that_the_guard_reads_of_controls() -> None:
    def read(role: str) -> set[str]:
        return {
            action
            for one in statements_of(role)
            if one["Effect"] == "Allow" and one["Resource"] == "*"
            for action in flat(one["Action"])
        }

    assert read("SweepRole") == read("GuardRole")


def test_the_sweep_runs_under_its_role() -> None:
    assert of_type("AWS::Serverless::Function")["SweepFunction"]["Role"] == "SweepRole.Arn"
