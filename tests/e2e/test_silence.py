"""Nobody answers: what policy says happens, on time, by EventBridge Scheduler."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from tests.e2e.asking import Question, http, log_of, logged, message, unique
from tests.e2e.making import make_bucket, named
from tests.e2e.world import World, eventually

pytestmark = pytest.mark.e2e

# The policy of this lab lets these questions stand for twelve seconds; a schedule is for a whole
# second, and the guard may be busy.
_ON_TIME = 5.0
_BLOCKED = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)


def late(lab: World, decision: str, event: str, deadline: str) -> float:
    """How many seconds after the deadline the log says so."""
    entry = eventually(
        lambda: next((one for one in log_of(lab, decision) if one.event == event), None),
        f"{decision} {event}",
        within=60.0,
        also=lab.log_tail,
    )
    return (datetime.fromisoformat(entry.at) - datetime.fromisoformat(deadline)).total_seconds()


def test_silence_reverts(asking: World) -> None:
    bucket = make_bucket(asking)
    before = asking.s3.get_bucket_acl(Bucket=bucket)["Grants"]
    asking.s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    asking.api_call("s3", "PutBucketAcl", named(bucket, **{"acl": "", "x-amz-acl": "public-read"}))
    asked = asking.decision(bucket, "asked")

    assert 0 <= late(asking, asked["pk"], "approved", asked["expires"]) < _ON_TIME
    asking.decision(bucket, "reverted")
    assert asking.s3.get_bucket_acl(Bucket=bucket)["Grants"] == before
    by = next(one.by for one in log_of(asking, asked["pk"]) if one.event == "approved")
    assert by == "timeout"


def test_silence_keeps_and_the_link_is_good_no_more(asking: World) -> None:
    bucket = make_bucket(asking)
    asking.s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=_BLOCKED)
    asking.s3.delete_public_access_block(Bucket=bucket)
    asking.api_call("s3", "DeleteBucketPublicAccessBlock", named(bucket, publicAccessBlock=""))
    asked = asking.decision(bucket, "asked")
    question = Question(asking, "", asked["pk"], message(asking, asked["pk"]))

    assert 0 <= late(asking, asked["pk"], "expired", asked["expires"]) < _ON_TIME
    assert http("GET", question.link).status == 410
    refused = question.press()
    assert refused.status == 410
    assert "time is up" in refused.text
    logged(asking, "ReplyFunction", "This link was good until")
    assert asking.decisions(bucket)[0]["status"] == "expired"


def test_silence_escalates_once_and_then_the_change_stands(asking: World) -> None:
    name = unique("user")
    asking.iam.create_user(UserName=name)
    exposed = asking.iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
    code = "AWS_RISK_CREDENTIALS_EXPOSED"
    asking.send(
        "aws.health",
        "AWS Health Event",
        {
            "eventArn": f"arn:aws:health:us-east-1::event/RISK/{code}/{code}-{unique('e')}",
            "service": "RISK",
            "eventTypeCode": code,
            "eventTypeCategory": "issue",
            "startTime": "Tue, 24 Nov 2026 20:00:00 GMT",
            "eventDescription": [{"language": "en_US", "latestDescription": "A key was found."}],
            "affectedEntities": [{"entityValue": exposed}],
        },
    )
    asked = asking.decision(exposed, "asked")

    assert 0 <= late(asking, asked["pk"], "escalated", asked["expires"]) < _ON_TIME
    again = asking.decision(exposed, "asked")
    assert again["expires"] > asked["expires"]
    time.sleep(1.0)
    told = [one for one in asking.messages(asked["pk"]) if "waits" in one["Subject"]]
    assert len(told) == 2
    assert 0 <= late(asking, asked["pk"], "expired", again["expires"]) < _ON_TIME
