"""What a message says a plan changes, how severities are called, and where the console is."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.channels.message import console
from driftguard.channels.message.difference import of_plan
from driftguard.channels.wording import severity_name
from driftguard.model import Call, Resource, Step
from tests.support.json_values import json_values

_DOCUMENTS = st.dictionaries(st.text(), json_values)
BUCKET = "arn:aws:s3:::wares"


def policy(*sids: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": sid} for sid in sids]})


def put(*sids: str) -> Call:
    given = {"Bucket": "wares", "Policy": policy(*sids)}
    return Call("s3", "PutBucketPolicy", given, on=(BUCKET,))


DELETE = Call("s3", "DeleteBucketPolicy", {"Bucket": "wares"}, on=(BUCKET,))


def test_of_a_document_that_is_written_anew_only_what_differs_is_told() -> None:
    (told,) = of_plan([Step(put("Ours", "Restored"), (put("Ours", "Public"),))])
    assert told.call == "s3:PutBucketPolicy"
    assert told.goes == ("Policy.Statement: Sid Public",)
    assert told.comes == ("Policy.Statement: Sid Restored",)


def test_a_call_that_deletes_tells_what_its_undo_would_bring_back() -> None:
    (told,) = of_plan([Step(DELETE, (put("Public"),))])
    assert (told.goes, told.comes) == (
        ("Policy: Version 2012-10-17, Statement (Sid Public)",),
        (),
    )


def test_a_call_that_writes_what_was_not_there_tells_what_comes() -> None:
    (told,) = of_plan([Step(put("Ours"), (DELETE,))])
    assert (told.goes, told.comes) == ((), ("Policy: Version 2012-10-17, Statement (Sid Ours)",))


def test_a_setting_tells_its_value_before_and_after() -> None:
    now, then = (
        Call("kms", "PutSwitch", {"KeyId": "k", "Rotation": {"Enabled": on}}, on=("arn:k",))
        for on in (False, True)
    )
    (told,) = of_plan([Step(then, (now,))])
    assert (told.goes, told.comes) == (("Rotation.Enabled: false",), ("Rotation.Enabled: true",))


@pytest.mark.parametrize("name", ["Password", "clientSecret", "Environment", "UserData", "Token"])
def test_nothing_is_told_under_a_name_that_speaks_of_a_secret(name: str) -> None:
    now, then = (
        Call("x", "Put", {"Settings": {name: value}}, on=()) for value in ("hunter2", "correct")
    )
    for step in (Step(then, (now,)), Step(then, ()), Step(Call("x", "DeleteIt", {}, ()), (now,))):
        assert "hunter2" not in str(of_plan([step]))
        assert "correct" not in str(of_plan([step]))


def test_what_is_not_named_is_counted() -> None:
    now = Call("ec2", "PutIt", {"Ports": list(range(50))}, on=())
    (told,) = of_plan([Step(Call("ec2", "PutIt", {"Ports": []}, on=()), (now,))])
    assert len(told.goes) == 12
    assert told.unnamed == 38


@given(_DOCUMENTS, _DOCUMENTS)
def test_every_plan_has_short_lines(now: dict[str, object], then: dict[str, object]) -> None:
    calls = [Call("s3", "PutIt", one, on=()) for one in (then, now)]  # type: ignore[arg-type]
    for undo in ((calls[1],), ()):
        (told,) = of_plan([Step(calls[0], undo)])
        assert all(0 < len(line) <= 300 for line in (*told.goes, *told.comes))


@pytest.mark.parametrize(
    ("severity", "name"),
    [
        *((100, "critical"), (90, "critical"), (89, "high"), (70, "high"), (69, "medium")),
        *((40, "medium"), (39, "low"), (1, "low"), (0, "informational")),
    ],
)
def test_a_severity_has_security_hubs_name(severity: int, name: str) -> None:
    assert severity_name(severity) == name


def resource(kind: str, id_: str, arn: str, region: str = "eu-west-1") -> Resource:
    return Resource(kind, id_, "123456789012", region, arn)


GROUP = "arn:{}:ec2:eu-west-1:123456789012:security-group/sg-1"


@pytest.mark.parametrize(
    ("partition", "domain"),
    [
        ("aws", "console.aws.amazon.com"),
        ("aws-cn", "console.amazonaws.cn"),
        ("aws-us-gov", "console.amazonaws-us-gov.com"),
    ],
)
def test_each_partition_has_its_console(partition: str, domain: str) -> None:
    link = console.link(resource("ec2.security-group", "sg-1", GROUP.format(partition)))
    assert link == f"https://{domain}/ec2/home?region=eu-west-1#SecurityGroup:groupId=sg-1"


def test_where_the_page_is_not_known_the_service_is_shown_and_else_nothing() -> None:
    unknown = resource("ec2.new-kind", "x", GROUP.format("aws"))
    assert console.link(unknown) == "https://console.aws.amazon.com/ec2/home?region=eu-west-1"
    role = resource("iam.thing", "x", "arn:aws:iam::123456789012:thing/x", "")
    assert console.link(role) == "https://console.aws.amazon.com/iam/home"
    for arn in ("", "no arn", "arn:aws-iso:ec2:us-iso-east-1:1:x/y", "arn:aws:../evil:eu:1:x"):
        assert console.link(resource("ec2.security-group", "sg-1", arn)) == ""


@given(st.sampled_from(sorted(console._PAGES)), st.text(), st.text(), st.text())
def test_no_name_leads_a_link_elsewhere(kind: str, id_: str, rest: str, region: str) -> None:
    link = console.link(resource(kind, id_, f"arn:aws:s3:::{rest}", region))
    address = urlsplit(link)
    assert (address.scheme, address.netloc) == ("https", "console.aws.amazon.com")
    assert link.isascii()
    assert not set(link) & set(" <>|\"'`\\\n")
