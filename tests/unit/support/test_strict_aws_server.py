"""The rules in front of a moto server: what clients of another process meet."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
import werkzeug.test
from botocore.exceptions import ClientError
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from tests.support.strict_aws import RULES
from tests.support.strict_aws.server import Door, hastened
from tests.support.world import Clock

Client = Callable[[str], Any]


def document(principal: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": "*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


DEAD = document("AROAEXAMPLEDEADROLE01")


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 11, 29, tzinfo=UTC))


@pytest.fixture
def client(clock: Clock) -> Iterator[Client]:
    """Clients of a moto server behind the rules, in a thread of this process."""
    moto = DomainDispatcherApplication(create_backend_app)
    server = make_server(
        "127.0.0.1",
        0,
        Door(moto, RULES, clock.now),
        threaded=True,
        request_handler=MotoRequestHandler,
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    urllib.request.urlopen(f"{address}/moto-api/reset", data=b"").close()
    yield lambda service: boto3.client(service, endpoint_url=address, region_name="us-east-1")
    server.shutdown()
    thread.join()


def refused(call: Callable[..., Any], **asked: Any) -> str:
    with pytest.raises(ClientError) as refusal:
        call(**asked)
    return str(refusal.value.response["Error"]["Code"])


def test_each_protocol_is_refused_in_its_own_form(client: Client) -> None:
    # rest-xml
    client("s3").create_bucket(Bucket="bucket")
    assert refused(client("s3").put_bucket_policy, Bucket="bucket", Policy=DEAD) == (
        "MalformedPolicy"
    )
    # query
    assert refused(client("iam").create_role, RoleName="r", AssumeRolePolicyDocument=DEAD) == (
        "MalformedPolicyDocument"
    )
    # ec2
    assert refused(
        client("ec2").create_tags, Resources=["vpc-1"], Tags=[{"Key": "aws:x", "Value": "y"}]
    ) == ("InvalidParameterValue")
    # json
    key = client("kms").create_key()["KeyMetadata"]["KeyId"]
    assert refused(client("kms").put_key_policy, KeyId=key, Policy=DEAD) == (
        "MalformedPolicyDocumentException"
    )
    # rest-json
    name = client("efs").create_file_system(CreationToken="x")["FileSystemId"]
    assert refused(client("efs").put_file_system_policy, FileSystemId=name, Policy=DEAD) == (
        "InvalidPolicyException"
    )


def test_a_rule_asks_the_server_and_its_own_calls_are_not_refused(client: Client) -> None:
    role = client("iam").create_role(RoleName="alive", AssumeRolePolicyDocument=document("*"))
    client("s3").create_bucket(Bucket="mine")

    alive = document(role["Role"]["RoleId"])
    client("s3").put_bucket_policy(Bucket="mine", Policy=alive)

    assert client("s3").get_bucket_policy(Bucket="mine")["Policy"] == alive
    block = client("s3").get_public_access_block(Bucket="mine")["PublicAccessBlockConfiguration"]
    assert all(block.values())


def test_an_answer_is_changed_until_the_change_has_settled(client: Client, clock: Clock) -> None:
    eks = client("eks")
    eks.create_cluster(
        name="prod",
        roleArn="arn:aws:iam::123456789012:role/eks",
        resourcesVpcConfig={"subnetIds": ["subnet-1", "subnet-2"]},
    )
    on = {"clusterLogging": [{"types": ["audit"], "enabled": True}]}
    eks.update_cluster_config(name="prod", logging=on)

    assert eks.describe_cluster(name="prod")["cluster"]["status"] == "UPDATING"
    clock.pass_by(minutes=6)
    cluster = eks.describe_cluster(name="prod")["cluster"]
    assert (cluster["status"], cluster["logging"]) == ("ACTIVE", on)


def test_a_call_goes_on_as_a_rule_has_changed_it(client: Client) -> None:
    ec2 = client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    started = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]
    named = {"InstanceId": started["InstanceId"]}
    ec2.modify_instance_metadata_options(**named, HttpPutResponseHopLimit=3)

    ec2.modify_instance_metadata_options(**named, HttpTokens="required")

    (found,) = ec2.describe_instances()["Reservations"][0]["Instances"]
    assert found["MetadataOptions"]["HttpPutResponseHopLimit"] == 3
    assert found["MetadataOptions"]["HttpTokens"] == "required"


def test_pages_are_followed_over_http(client: Client) -> None:
    iam = client("iam")
    for number in range(103):
        iam.create_user(UserName=f"user-{number:03}")

    pages = list(iam.get_paginator("list_users").paginate())

    assert [len(page["Users"]) for page in pages] == [100, 3]


def test_what_no_rule_knows_passes_as_it_came(client: Client) -> None:
    client("s3").create_bucket(Bucket="files")
    client("s3").put_object(Bucket="files", Key="a/b c", Body=b"<not xml")

    assert client("s3").get_object(Bucket="files", Key="a/b c")["Body"].read() == b"<not xml"
    assert refused(client("lambda").get_function_configuration, FunctionName="none") == (
        "ResourceNotFoundException"
    )


def test_a_labs_clock_may_run_faster() -> None:
    fast, true = hastened(1000), datetime.now(UTC)

    assert fast() >= true
    assert (fast() - datetime.now(UTC)).total_seconds() < 60


def test_calls_reach_moto_one_at_a_time(clock: Clock) -> None:
    """Moto answers 500 to a call that reads a dictionary while another call adds to it."""
    inside: list[int] = []
    most: list[int] = []

    def application(environment: dict[str, Any], start_response: Any) -> list[bytes]:
        inside.append(1)
        time.sleep(0.01)
        most.append(len(inside))
        inside.pop()
        start_response("200 OK", [])
        return [b""]

    door = Door(application, RULES, clock.now)
    with ThreadPoolExecutor(8) as many:
        for _ in range(16):
            many.submit(werkzeug.test.Client(door).get, "/")
    assert most == [1] * 16
