"""What cannot be read is kept, with its reason, and stops nothing else."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.e2e.making import make_bucket, policy_text, publish_bucket
from tests.e2e.world import World, eventually

pytestmark = pytest.mark.e2e


def test_an_unparsable_message_is_dead_lettered_and_its_neighbour_is_judged(lab: World) -> None:
    nonsense = f"this is no JSON {uuid4()}"
    bucket = make_bucket(lab)
    lab.sqs.send_message(QueueUrl=lab.lab["ChangesQueue"], MessageBody=nonsense)
    text = publish_bucket(lab, bucket)

    attributes = eventually(
        lambda: lab.dead_lettered(nonsense), "the message dead-lettered", also=lab.log_tail
    )
    assert "JSON" in attributes["reason"]
    lab.decision(bucket, "reverted")
    assert policy_text(lab, bucket) != text


def test_a_record_with_null_parameters_is_no_trouble(lab: World) -> None:
    record = lab.record("ec2", "AuthorizeSecurityGroupIngress", {})
    lab.send_record("ec2", {**record, "requestParameters": None})
    bucket = make_bucket(lab)
    publish_bucket(lab, bucket)
    lab.decision(bucket, "reverted")
    assert lab.dead_lettered(str(record["eventID"])) is None
