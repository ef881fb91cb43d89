"""Questions put to people in a lab, and the ways in which people answer."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

from tests.e2e.making import permission, web_group
from tests.e2e.world import World, eventually, run

FORM = "application/x-www-form-urlencoded"
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Answered:
    """What HTTP gave back."""

    status: int
    headers: Mapping[str, str]
    text: str


def http(
    method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Answered:
    """One request, whatever comes of it."""
    request = urllib.request.Request(url, body, dict(headers or {}), method=method)
    try:
        with _DIRECT.open(request, timeout=60) as answer:
            return Answered(answer.status, answer.headers, answer.read().decode())
    except urllib.error.HTTPError as error:
        return Answered(error.code, error.headers, error.read().decode())


@dataclass(frozen=True)
class Entry:
    """One line of a decision's log."""

    event: str
    by: str
    note: str
    at: str


@dataclass(frozen=True)
class Question:
    """A security group that was opened to the world, and what people were sent about it."""

    lab: World
    group: str
    decision: str
    message: Mapping[str, Any]

    @property
    def link(self) -> str:
        return str(self.message["revert_link"])

    @property
    def token(self) -> str:
        return parse_qs(urlsplit(self.link).query)["t"][0]

    def press(self, token: str = "", answer: str = "revert") -> Answered:
        """Presses the button of the link's page."""
        body = urlencode({"t": token or self.token, "answer": answer}).encode()
        return http("POST", self.link.partition("?")[0], body, {"Content-Type": FORM})

    def is_open(self) -> bool:
        [group] = self.lab.ec2.describe_security_groups(GroupIds=[self.group])["SecurityGroups"]
        return any(
            one["FromPort"] == 22 and source["CidrIp"] == "0.0.0.0/0"
            for one in group["IpPermissions"]
            for source in one["IpRanges"]
        )

    def log(self) -> list[Entry]:
        return log_of(self.lab, self.decision)


def open_up(lab: World, group: str, port: int = 22) -> None:
    """Opens a port to the world, as mallory."""
    opened = permission(port, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    lab.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[opened])
    told = {
        "ipProtocol": "tcp",
        "fromPort": port,
        "toPort": port,
        "groups": {},
        "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]},
        "ipv6Ranges": {},
        "prefixListIds": {},
    }
    lab.api_call(
        "ec2",
        "AuthorizeSecurityGroupIngress",
        {"groupId": group, "ipPermissions": {"items": [told]}},
    )


def ask(lab: World) -> Question:
    """Opens a security group and waits for the question about it."""
    group = web_group(lab)
    open_up(lab, group)
    decision = lab.decision(group, "asked")["pk"]
    return Question(lab, group, decision, message(lab, decision))


def message(lab: World, decision: str, status: str = "asked") -> dict[str, Any]:
    """The newest message on the topic about a decision that says so."""

    def look() -> dict[str, Any] | None:
        told = [json.loads(one["Message"]) for one in lab.messages(decision)]
        found = [part for one in told for part in one.get("requests", [one])]
        about = [one for one in found if one.get("decision") == decision]
        return next((one for one in reversed(about) if one["status"] == status), None)

    return eventually(look, f"a message that {decision} is {status}", also=lab.log_tail)


def log_of(lab: World, decision: str) -> list[Entry]:
    """A decision's log, in order."""
    answer = lab.dynamodb.query(
        TableName=lab.lab["AuditTable"],
        KeyConditionExpression="pk = :pk AND begins_with(sk, :log)",
        ExpressionAttributeValues={":pk": {"S": decision}, ":log": {"S": "log#"}},
    )
    return [
        Entry(*(item[name]["S"] for name in ("event", "by", "note", "at")))
        for item in answer["Items"]
    ]


def logged(lab: World, function: str, words: str) -> str:
    """The line in a function's log that has these words, as soon as it is there."""

    def look() -> str | None:
        pages = lab.logs.get_paginator("filter_log_events").paginate(
            logGroupName=lab.log_group(lab.lab[function])
        )
        for page in pages:
            for one in page["events"]:
                if words in one["message"]:
                    return str(one["message"])
        return None

    return eventually(look, f"`{words}` in the log of {function}", also=lab.log_tail)


# ------------------------------------------------------------------------------- who they are


@cache
def user(lab: World, name: str) -> dict[str, str]:
    """The environment of an IAM user of the guarded account, who is made when first needed."""
    lab.iam.create_user(UserName=name)
    return _as(lab, lab.iam.create_access_key(UserName=name)["AccessKey"])


def session(lab: World, role: str, name: str) -> dict[str, str]:
    """The environment of a session of a role in the guarded account."""
    trust = {"Effect": "Allow", "Principal": {"AWS": lab.account}, "Action": "sts:AssumeRole"}
    made = lab.iam.create_role(
        RoleName=f"{role}",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    given = lab.sts.assume_role(RoleArn=made["Role"]["Arn"], RoleSessionName=name)["Credentials"]
    return _as(lab, given)


def _as(lab: World, key: Mapping[str, str]) -> dict[str, str]:
    token = {"AWS_SESSION_TOKEN": key["SessionToken"]} if "SessionToken" in key else {}
    return {
        **lab.lab["environment"],
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        **token,
    }


def command(identity: Mapping[str, str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Runs an answering command as somebody: its exit code, and what it printed."""
    done = run(*arguments, "--yes", "--json", environment=identity)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid4()}"
