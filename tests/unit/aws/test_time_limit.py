"""12.10: a service that hangs costs its own call's time, and no other service's."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from botocore.client import BaseClient
from moto.server import ThreadedMotoServer

from driftguard.aws.calls import AwsError, Unreachable
from driftguard.aws.client import Aws
from driftguard.aws.time_limit import OutOfTime, Patience, TimeLimit
from tests.support.slow_server import SlowServer, answering_byte_by_byte, never_answering
from tests.support.world import ACCOUNT, REGION

QUICK = Patience(connect=0.5, read=1.0, call=1.5, rest=30.0)
SLOW = [never_answering, answering_byte_by_byte, lambda: answering_byte_by_byte(head=b"HTTP/1.1")]

Slow = Callable[[], AbstractContextManager[SlowServer]]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A moto for all services, by HTTP."""
    moto = ThreadedMotoServer(port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def moto(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)


@pytest.fixture(params=SLOW, ids=["never", "byte by byte", "endless header"])
def s3_hangs(
    request: pytest.FixtureRequest, moto: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SlowServer]:
    slow: Slow = request.param
    # The first request to the other services waits for them to be loaded.
    Aws().reader(ACCOUNT, REGION).read("sts", "GetCallerIdentity")
    with slow() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.address)
        yield server


def test_a_call_to_a_service_that_hangs_ends_within_its_own_time(s3_hangs: SlowServer) -> None:
    reader = (aws := Aws(patience=QUICK)).reader(ACCOUNT, REGION)
    with aws.time.within(60), pytest.raises(Unreachable):
        # Byte by byte, the answer would take hours.
        reader.read("s3", "GetBucketPolicy", Bucket="wares")


def test_a_service_that_hangs_is_not_asked_again_and_others_are(s3_hangs: SlowServer) -> None:
    reader = (aws := Aws(patience=QUICK)).reader(ACCOUNT, REGION)
    with aws.time.within(60):
        with pytest.raises(Unreachable):
            reader.read("s3", "GetBucketPolicy", Bucket="wares")
        asked = len(s3_hangs.accepted)
        with pytest.raises(OutOfTime, match=r"s3:GetBucketAcl was not called: s3 has just"):
            reader.read("s3", "GetBucketAcl", Bucket="wares")
        assert reader.read("sts", "GetCallerIdentity") is not None
    assert len(s3_hangs.accepted) == asked


def test_after_a_while_a_service_that_hung_is_asked_again(s3_hangs: SlowServer) -> None:
    clock = [0.0]
    aws = Aws(patience=QUICK)
    reader = aws.reader(ACCOUNT, REGION)
    with aws.time.within(60):
        with pytest.raises(Unreachable):
            reader.read("s3", "GetBucketPolicy", Bucket="wares")
        asked = len(s3_hangs.accepted)
        clock[0] = time.monotonic() + QUICK.rest
        aws.time._clock = lambda: clock[0]
        with pytest.raises(Unreachable):
            reader.read("s3", "GetBucketPolicy", Bucket="wares")
    assert len(s3_hangs.accepted) > asked


def test_time_that_is_up_for_a_message_says_nothing_against_the_service(
    s3_hangs: SlowServer,
) -> None:
    reader = (aws := Aws(patience=QUICK._replace(call=30.0))).reader(ACCOUNT, REGION)
    with aws.time.within(0.3), pytest.raises(Unreachable):
        reader.read("s3", "GetBucketPolicy", Bucket="wares")
    asked = len(s3_hangs.accepted)
    with aws.time.within(0.3), pytest.raises(Unreachable):
        reader.read("s3", "GetBucketPolicy", Bucket="wares")
    assert len(s3_hangs.accepted) > asked


def test_no_call_is_made_once_time_is_up_but_those_that_record(moto: None) -> None:
    aws = Aws()
    reader = aws.reader(ACCOUNT, REGION)
    with aws.time.within(0, recording=60):
        with pytest.raises(OutOfTime, match=r"sts:GetCallerIdentity was not called: no time"):
            reader.read("sts", "GetCallerIdentity")
        assert reader.read("dynamodb", "ListTables") is not None
    with aws.time.within(0), pytest.raises(OutOfTime):
        reader.read("dynamodb", "ListTables")


def test_a_listing_stops_when_time_is_up(moto: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit for each call would let a listing of a thousand pages go on for hours."""
    aws = Aws(patience=QUICK)
    reader = aws.reader(ACCOUNT, REGION)
    made: list[str] = []
    original = BaseClient._make_api_call

    def endless(client: BaseClient, name: str, parameters: object) -> object:
        if name == "ListUsers":
            # The SDK's own call is made, so that its events are emitted, and the answer has a next.
            made.append(name)
            answer = original(client, name, parameters)
            return {**answer, "Users": [{}], "IsTruncated": True, "Marker": str(len(made))}
        return original(client, name, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", endless)
    with aws.time.within(0.5), pytest.raises(OutOfTime):
        for _ in reader.pages("iam", "ListUsers", "Users"):
            time.sleep(0.05)
    assert 0 < len(made) < 15


def test_the_sdk_does_not_wait_for_longer_than_there_is_time(
    moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that asks for another attempt is the answer where there is no time for one."""
    aws = Aws(patience=QUICK)
    client = aws.client("sts", REGION)
    slept: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", slept.append)

    def busy(request: object, **_: object) -> object:
        from botocore.awsrequest import AWSResponse

        answer = AWSResponse("http://sts", 503, {}, None)
        answer._content = (
            b"<ErrorResponse><Error><Code>ServiceUnavailable</Code></Error></ErrorResponse>"
        )
        return answer

    client.meta.events.register("before-send", busy)
    with aws.time.within(60), pytest.raises(AwsError, match="Unavailable"):
        aws.reader(ACCOUNT, REGION).read("sts", "GetCallerIdentity")
    assert sum(slept) < QUICK.call


def test_without_a_limit_no_alarm_is_set(moto: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "setitimer", None)
    assert Aws(patience=QUICK).reader(ACCOUNT, REGION).read("sts", "GetCallerIdentity") is not None


def test_a_limit_inside_of_another_never_ends_later() -> None:
    limit = TimeLimit()
    with limit.within(10, recording=5):
        with limit.within(100, recording=100):
            assert 9 < limit.left() <= 10
            with pytest.raises(OutOfTime):
                limit.check("a long pause", 16, recording=True)
        with limit.within(1):
            assert limit.left() <= 1
        assert limit.left() > 9


def test_what_reads_without_the_sdk_is_interrupted_too() -> None:
    limit = TimeLimit()
    no_time = pytest.raises(OutOfTime, match="no time was left for the code")
    with limit.within(0.2), no_time, limit.interrupting("the code"):
        time.sleep(3600)
