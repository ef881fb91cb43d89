"""The recorder as a process's tools meet it: calls pass over HTTP, and their records follow."""

from __future__ import annotations

import io
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from driftguard_cli.commands.lab.recorder.identity import Identities
from driftguard_cli.commands.lab.recorder.server import READY, Proxy, Recorder
from tests.e2e.world import eventually

ACCOUNT = "123456789012"
_ONCE = Config(proxies={}, retries={"total_max_attempts": 1})


@dataclass
class Behind:
    """A recorder before a moto server, what it has put on the bus, and whether the bus is up."""

    account: str
    records: list[Mapping[str, Any]] = field(default_factory=list)
    bus: bool = True
    url: str = ""

    def emit(self, record: Mapping[str, Any]) -> None:
        if not self.bus:
            raise OSError("there is no bus")
        self.records.append(record)

    def client(self, service: str, key: str = "lab", token: str | None = None) -> Any:
        return self._client(service, self.url, key, token)

    def at_the_account(self, service: str, key: str) -> Any:
        return self._client(service, self.account, key, None)

    def _client(self, service: str, url: str, key: str, token: str | None) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=url,
            region_name="eu-west-1",
            aws_access_key_id=key,
            aws_secret_access_key="lab",
            aws_session_token=token,
            config=_ONCE,
        )

    def record(self, name: str) -> Mapping[str, Any]:
        """The one record of a call, as soon as it is there."""
        eventually(lambda: [one for one in self.records if one["eventName"] == name], name)
        (found,) = [one for one in self.records if one["eventName"] == name]
        return found


@pytest.fixture(scope="module")
def moto_server() -> Iterator[str]:
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server(
        "127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler
    )
    with served(server):
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def behind(moto_server: str, tmp_path: Path) -> Iterator[Behind]:
    urllib.request.urlopen(f"{moto_server}/moto-api/reset", data=b"").close()
    made = Behind(moto_server)
    recorder = Recorder(
        ACCOUNT, Identities(made.at_the_account), made.emit, tmp_path / "records.jsonl"
    )
    proxy = Proxy(0, lambda _: made.account, recorder)
    made.url = proxy.url
    with served(proxy):
        yield made


class served:  # noqa: N801 - a context manager
    """A server that serves in a thread while the block lasts."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.thread = threading.Thread(target=server.serve_forever, daemon=True)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def test_calls_of_every_protocol_are_answered_and_recorded(behind: Behind) -> None:
    # ec2
    made = behind.client("ec2").create_security_group(GroupName="web", Description="web")
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    answer = behind.client("ec2").authorize_security_group_ingress(
        GroupId=made["GroupId"],
        IpPermissions=[{**rule, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
    )
    # query
    behind.client("iam").create_user(UserName="eve")
    # json
    key = behind.client("kms").create_key()["KeyMetadata"]["KeyId"]
    behind.client("kms").disable_key(KeyId=key)
    # rest-json
    detector = behind.client("guardduty").create_detector(Enable=True)["DetectorId"]
    behind.client("guardduty").update_detector(DetectorId=detector, Enable=False)
    # rest-xml
    s3 = behind.client("s3")
    s3.create_bucket(Bucket="wares", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.delete_public_access_block(Bucket="wares")

    opened = behind.record("AuthorizeSecurityGroupIngress")
    (said,) = opened["responseElements"]["securityGroupRuleSet"]["items"]
    assert said["securityGroupRuleId"] == answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    assert opened["requestID"] == opened["responseElements"]["requestId"] != ""
    assert (opened["awsRegion"], opened["sourceIPAddress"]) == ("eu-west-1", "127.0.0.1")
    assert opened["userAgent"].startswith("Boto3/")
    assert behind.record("CreateUser")["requestParameters"]["userName"] == "eve"
    assert behind.record("DisableKey")["requestParameters"] == {"keyId": key}
    assert behind.record("UpdateDetector")["requestParameters"] == {
        "detectorId": detector,
        "enable": False,
    }
    assert behind.record("DeleteBucketPublicAccessBlock")["requestParameters"] == {
        "bucketName": "wares",
        "Host": "wares.s3.eu-west-1.amazonaws.com",
        "publicAccessBlock": "",
    }


def test_a_record_names_who_signed_the_call(behind: Behind) -> None:
    iam = behind.client("iam")
    iam.create_user(UserName="alice")
    alice = iam.create_access_key(UserName="alice")["AccessKey"]["AccessKeyId"]
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        Path="/ci/", RoleName="build", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )["Role"]["Arn"]
    session = behind.client("sts").assume_role(RoleArn=role, RoleSessionName="release-7")
    lent = session["Credentials"]
    for name, key in (("by-user", alice), ("by-session", lent["AccessKeyId"])):
        client = behind.client("iam", key, lent["SessionToken"] if key != alice else None)
        client.create_user(UserName=name)
    eventually(lambda: len([1 for r in behind.records if r["eventName"] == "CreateUser"]) == 3, "3")

    def by(user: str) -> Mapping[str, Any]:
        (found,) = [
            one["userIdentity"]
            for one in behind.records
            if one["eventName"] == "CreateUser" and one["requestParameters"]["userName"] == user
        ]
        return dict(found)

    assert by("by-user")["arn"] == f"arn:aws:iam::{ACCOUNT}:user/alice"
    assert (by("by-user")["type"], by("by-user")["userName"]) == ("IAMUser", "alice")
    taken = by("by-session")
    assert taken["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/build/release-7"
    assert taken["sessionContext"]["sessionIssuer"]["arn"] == role
    assert by("alice")["type"] == "IAMUser"


def test_what_is_streamed_passes_whole_and_a_read_leaves_no_record(behind: Behind) -> None:
    s3 = behind.client("s3")
    place = {"LocationConstraint": "eu-west-1"}
    s3.create_bucket(Bucket="wares", CreateBucketConfiguration=place)
    content = b"0123456789" * 100_000
    s3.put_object(Bucket="wares", Key="a b/c", Body=io.BytesIO(content), ChecksumAlgorithm="CRC32")
    assert s3.head_object(Bucket="wares", Key="a b/c")["ContentLength"] == len(content)
    assert s3.get_object(Bucket="wares", Key="a b/c")["Body"].read() == content
    behind.record("CreateBucket")
    assert {one["eventName"] for one in behind.records} == {"CreateBucket"}


def test_a_call_is_answered_though_its_record_cannot_be_put_on_the_bus(
    behind: Behind, capsys: pytest.CaptureFixture[str]
) -> None:
    behind.bus = False
    behind.client("iam").create_user(UserName="eve")
    told: list[str] = []

    def said() -> bool:
        told.append(capsys.readouterr().out)
        return "there is no bus" in "".join(told)

    eventually(said, "what went wrong")
    assert "not recorded: POST /" in "".join(told)
    behind.bus = True
    behind.client("iam").create_user(UserName="mallory")
    assert behind.record("CreateUser")["requestParameters"]["userName"] == "mallory"


def test_an_emulator_that_does_not_answer_is_named(behind: Behind) -> None:
    behind.account = "http://127.0.0.1:9"
    with pytest.raises(ClientError) as refused:
        behind.client("kms").list_keys()
    assert "The lab's http://127.0.0.1:9 does not answer" in str(refused.value)


def test_it_says_that_it_is_there(behind: Behind) -> None:
    ask: Callable[[str], Any] = urllib.request.urlopen
    with ask(f"{behind.url}{READY}") as answer:
        assert answer.status == 200
