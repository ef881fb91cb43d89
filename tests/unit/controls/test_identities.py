"""A finding joins what GuardDuty itself says of it, and nothing that an event claims."""

from __future__ import annotations

import json
from typing import Any

from driftguard.aws.client import Reader
from driftguard.controls.containment import findings
from driftguard.controls.containment.identities import who
from tests.support.each import each
from tests.support.records import ACCOUNT
from tests.support.world import ROOT, Fakes, World

MALICIOUS = "UnauthorizedAccess:IAMUser/MaliciousIPCaller"
EXFILTRATED = "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS"
INSTANCE = "i-0abcdef1234567890"


def found(type_: str, key: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """A finding as events have it, about these credentials."""
    call = {"remoteIpDetails": {"ipAddressV4": more.pop("address", "198.51.100.7")}}
    details: dict[str, Any] = {"resourceType": "AccessKey", "accessKeyDetails": key or {}}
    if instance := more.pop("instance", ""):
        details["instanceDetails"] = {"instanceId": instance}
    service = {"action": {"actionType": "AWS_API_CALL", "awsApiCallAction": call}, **more}
    return {"type": type_, "resource": details, "service": service}


def session(role: str, name: str) -> dict[str, str]:
    return {
        "accessKeyId": "ASIA1",
        "principalId": f"AROAEXAMPLE:{name}",
        "userType": "AssumedRole",
        "userName": role,
    }


USER = {"accessKeyId": "AKIA1", "principalId": "AIDA1", "userType": "IAMUser", "userName": "bob"}


def sequence(*actors: dict[str, Any]) -> dict[str, Any]:
    detection = {"sequence": {"actors": list(actors)}}
    return found("AttackSequence:IAM/CompromisedCredentials", detection=detection)


ACTOR = {"user": {"type": "AssumedRole", "name": "deployer", "credentialUid": "ASIA1"}}
BOB = {"user": {"type": "IAMUser", "name": "bob", "account": {"uid": ACCOUNT}}}
STRANGER = {"user": {"type": "IAMUser", "name": "bob", "account": {"uid": "999999999999"}}}


@each(
    "finding, known_by",
    [
        (found("Discovery:IAMUser/AnomalousBehavior", USER), [f"user {ACCOUNT} bob"]),
        (found("Discovery:IAMUser/AnomalousBehavior", session("x", "y")), ["access-key ASIA1"]),
        # A session that is only called like an instance is none.
        (
            found("Discovery:IAMUser/AnomalousBehavior", session("x", INSTANCE)),
            ["access-key ASIA1"],
        ),
        (
            found(EXFILTRATED, session("x", INSTANCE)),
            ["access-key ASIA1", f"instance {INSTANCE}"],
        ),
        (found("Backdoor:EC2/C&CActivity.B", instance=INSTANCE), [f"instance {INSTANCE}"]),
        (
            found("Discovery:IAMUser/AnomalousBehavior", session("AWSReservedSSO_Admin_1", "dan")),
            ["access-key ASIA1", "sso AWSReservedSSO_Admin_1 dan"],
        ),
        (found(MALICIOUS, USER, address="8.8.4.4"), [f"user {ACCOUNT} bob", "address 8.8.4.4"]),
        # No public address, the account's own list, and an exit of Tor.
        (found(MALICIOUS, USER, address="10.0.0.9"), [f"user {ACCOUNT} bob"]),
        (found(f"{MALICIOUS}.Custom", USER, address="8.8.4.4"), [f"user {ACCOUNT} bob"]),
        (
            found("UnauthorizedAccess:IAMUser/TorIPCaller", USER, address="8.8.4.4"),
            [f"user {ACCOUNT} bob"],
        ),
        (sequence(ACTOR), ["access-key ASIA1"]),
        (sequence(BOB), [f"user {ACCOUNT} bob"]),
        (sequence(STRANGER), []),
        # Which of several did what, a sequence does not say.
        (sequence(ACTOR, BOB), []),
        ({}, []),
    ],
)
def test_what_guardduty_says_of_whom_a_finding_is_about(
    finding: dict[str, Any], known_by: list[str]
) -> None:
    assert who(finding, ACCOUNT) == known_by


def test_what_the_event_claims_of_the_key_joins_nothing(world: World, fakes: Fakes) -> None:
    event = json.loads((ROOT / "events/containment.role-sessions/risky.json").read_text())
    detail = event["detail"]
    told = _of_the_api(detail)
    told["Resource"]["AccessKeyDetails"]["AccessKeyId"] = "ASIATOLD"
    fakes.install({("guardduty", "GetFindings"): lambda _: {"Findings": [told]}})
    detail["resource"]["accessKeyDetails"]["accessKeyId"] = "ASIACLAIMED"
    hint = {
        "finding": detail["type"],
        "claim": detail["id"],
        "detector": detail["service"]["detectorId"],
    }
    reader: Reader = world.guard.aws.reader(ACCOUNT, "us-east-1")
    said = findings.told(hint, reader, lambda _: True)
    assert "access-key ASIATOLD" in str(said["who"])
    assert "ASIACLAIMED" not in str(said)


def _of_the_api(value: Any) -> Any:
    """A finding of events in the API's shape: names begin with a capital letter."""
    if isinstance(value, dict):
        return {f"{name[:1].upper()}{name[1:]}": _of_the_api(one) for name, one in value.items()}
    return [_of_the_api(one) for one in value] if isinstance(value, list) else value
