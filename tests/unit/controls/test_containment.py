"""Containment of roles and users: what is proven is cut off, and everything else is let alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from hypothesis import given
from hypothesis import strategies as st

from driftguard.approvals.desk import Desk
from driftguard.approvals.rules import undo_refusal
from driftguard.aws.client import Aws, Surroundings
from driftguard.controls import control
from driftguard.controls.containment.findings import Principal, as_in_events, principals_of
from driftguard.controls.containment.role_sessions import denial, denied_until
from driftguard.documents import Document
from driftguard.engine.errors import NotYet
from driftguard.engine.guard import Guard
from driftguard.engine.recording import LEASE
from driftguard.events.commands import Undo
from driftguard.model import Autonomy, Change, Choice, Decision, Status, Vote
from driftguard.policy.bounds import BreakGlass
from driftguard.policy.model import Person, Policy
from tests.scenarios.containment import (
    EXFILTRATED,
    POLICY,
    READS_LOGS,
    SEQUENCE,
    answering,
    document,
    exfiltrated,
    make_role,
    role_snapshot,
    sequence_of,
    user,
)
from tests.scenarios.iam import user_snapshot
from tests.support.approving import approved
from tests.support.aws_policies import aws_policy
from tests.support.each import each
from tests.support.json_values import json_values
from tests.support.records import finding_of_guardduty, told_by_guardduty
from tests.support.world import ACCOUNT, REMEDIATOR, Fakes, World, new_guard

ROLE, USER, TOLD = "containment.role-sessions", "containment.user", "containment.not-contained"
TOR = "UnauthorizedAccess:IAMUser/TorIPCaller"
STRANGER = "999999999999"
Telling = Callable[[Change], dict[str, Any]]


def one(found: dict[str, Any], **more: Any) -> dict[str, Any]:
    """GetFindings' answer with another finding than `found` in this or that."""
    (finding,) = found["Findings"]
    return {"Findings": [{**finding, **more}]}


@pytest.fixture
def web(world: World) -> str:
    """The unique id of a role `web`."""
    return make_role()


@pytest.fixture
def reported(fakes: Fakes) -> Callable[..., Change]:
    """GuardDuty's finding about the role `web`, which GuardDuty tells as `telling` says."""

    def made(type_: str = EXFILTRATED, telling: Telling = told_by_guardduty, **more: Any) -> Change:
        change = exfiltrated(make_role(), type_, **{"severity": 8, **more})
        fakes.install(answering(lambda: telling(change)))
        return change

    return made


def policies() -> list[str]:
    return sorted(role_snapshot("web")["inline"])


def settings(world: World, **given: Any) -> Guard:
    """A guard whose policy sets the containment of roles so."""
    return world.with_policy(
        lambda policy: replace(policy, settings={**policy.settings, ROLE: given})
    )


# ---------------------------------------------------------------------------- as it is shipped


def test_exfiltrated_credentials_are_contained_at_once(
    world: World, reported: Callable[..., Change]
) -> None:
    decision = world.one(reported())
    assert decision.status is Status.REVERTED, decision.reason
    assert (decision.control, decision.severity) == (ROLE, 80)
    assert EXFILTRATED in decision.summary
    (statement,) = role_snapshot("web")["inline"][POLICY]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "*")
    until = statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"]
    assert decision.updated[:10] == until[:10]


@pytest.mark.parametrize("type_", [TOR, "PenTest:IAMUser/KaliLinux", "Discovery:S3/TorIPCaller"])
def test_people_are_asked_about_other_findings_and_for_an_hour(
    world: World, reported: Callable[..., Change], type_: str
) -> None:
    decision = world.one(reported(type_))
    assert decision.status is Status.ASKED, decision.reason
    assert type_ in decision.reason
    assert decision.expires[:13] > decision.decided[:13]
    assert policies() == ["logs"]
    assert approved(world.guard, decision).status is Status.REVERTED
    assert policies() == [POLICY, "logs"]


def test_people_are_asked_about_an_attack_sequence_of_a_user(world: World, fakes: Fakes) -> None:
    staged = user()
    fakes.install(staged.fakes)
    decision = world.one(staged.attack())
    assert (decision.control, decision.status) == (USER, Status.ASKED)
    operations = [step.call.operation for step in decision.plan.steps]
    assert operations == ["PutUserPolicy", "UpdateAccessKey"]
    assert list(user_snapshot("deploy")["inline"]) == ["logs"]


# -------------------------------------------------------------------------- what proves nothing


@each(
    ("name", "telling"),
    [
        ("it knows none", lambda _: {"Findings": []}),
        ("it knows no such detector", lambda _: {"Error": {"Code": "BadRequestException"}}),
        ("another type", lambda c: one(told_by_guardduty(c), Type="Recon:IAMUser/TorIPCaller")),
        ("another account", lambda c: one(told_by_guardduty(c), AccountId=STRANGER)),
        ("another finding", lambda c: one(told_by_guardduty(c), Id="other")),
        ("archived", lambda c: one(told_by_guardduty(c), Service={"Archived": True})),
        ("low", lambda c: one(told_by_guardduty(c), Severity=2.0)),
        (
            "a sample",
            lambda c: one(
                told_by_guardduty(c),
                Service={"AdditionalInfo": {"Value": '{"sample":true}', "Type": "default"}},
            ),
        ),
        (
            "another role",
            lambda c: one(
                told_by_guardduty(c),
                Resource={"AccessKeyDetails": {"UserName": "other", "UserType": "AssumedRole"}},
            ),
        ),
        (
            "a role of that name which was deleted since",
            lambda c: one(
                told_by_guardduty(c),
                Resource={
                    "AccessKeyDetails": {
                        "UserName": "web",
                        "UserType": "AssumedRole",
                        "PrincipalId": "AROAEARLIER:i-0abc",
                    }
                },
            ),
        ),
    ],
)
def test_a_forged_finding_contains_nobody(
    name: str, telling: Telling, world: World, fakes: Fakes, web: str
) -> None:
    """Whoever can put events claims that a role is compromised; GuardDuty tells otherwise."""
    change = exfiltrated(web, severity=8)
    fakes.install(answering(lambda: telling(change)))
    assert world.handle(change) == []
    assert policies() == ["logs"]


@each(
    "more",
    [
        {"severity": 3.9},
        {"archived": True},
        {"additionalInfo": {"value": '{"sample":true}', "type": "default"}},
        {"detectorId": ""},
    ],
)
def test_what_an_event_itself_says_is_none_costs_no_look(more: dict[str, Any]) -> None:
    change = exfiltrated("AROAX", **{"severity": 8, **more})
    for id_ in (ROLE, USER, TOLD):
        declared = control(id_)
        assert list(declared.screen(change, declared.settings())) == []


def test_a_finding_of_another_account_is_that_accounts_business() -> None:
    change = exfiltrated("AROAX", severity=8)
    theirs = replace(change, request={**change.request, "accountId": STRANGER})
    assert list(control(ROLE).screen(theirs, control(ROLE).settings())) == []


def test_people_are_asked_where_guardduty_cannot_be_asked(
    world: World, reported: Callable[..., Change]
) -> None:
    change = reported(telling=lambda _: {"Error": {"Code": "AccessDeniedException"}})
    with pytest.raises(NotYet, match="could not be asked"):
        world.handle(change)
    (decision,) = world.guard.handle(change, last_chance=True)
    assert decision.status is Status.ASKED
    assert policies() == ["logs"]


# ------------------------------------------------------------------------------ never contained


def test_a_role_of_an_aws_service_or_of_identity_center_is_told_and_never_contained(
    world: World, fakes: Fakes
) -> None:
    client = boto3.client("iam")
    for path in ("/aws-service-role/es.amazonaws.com/", "/aws-reserved/sso.amazonaws.com/"):
        name = path.strip("/").partition("/")[0]
        made = client.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument="{}")
        change = finding_of_guardduty(
            EXFILTRATED,
            "ASIAX",
            name,
            kind="AssumedRole",
            principal=f"{made['Role']['RoleId']}:x",
            severity=8,
        )
        fakes.install(answering(lambda change=change: told_by_guardduty(change)))  # type: ignore[misc]
        decision = world.one(change)
        assert (decision.status, decision.plan.steps) == (Status.OBSERVED, ())
        assert "never contained" in decision.plan.advice
        assert role_snapshot(name)["inline"] == {}


def test_the_guards_own_roles_are_told_and_never_contained(
    world: World, reported: Callable[..., Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    change = reported()
    own = Surroundings(own_roles=(f"arn:aws:iam::{ACCOUNT}:role/shop/web",))
    monkeypatch.setattr(world.guard.aws, "surroundings", own)
    decision = world.one(change)
    assert decision.status is Status.OBSERVED
    assert "one of Driftguard's own roles" in decision.plan.advice
    assert policies() == ["logs"]


@pytest.mark.parametrize("pattern", ["role/web", "role/shop/web", "role/w*"])
def test_break_glass_is_told_and_never_contained(
    world: World, reported: Callable[..., Change], pattern: str
) -> None:
    def named(policy: Policy) -> Policy:
        entry = BreakGlass(f"arn:aws:iam::{ACCOUNT}:{pattern}", "Runbook 7")
        return replace(policy, bounds=policy.bounds._replace(break_glass=(entry,)))

    decision = world.one(reported(), world.with_policy(named))
    assert decision.status is Status.OBSERVED
    assert "break_glass" in decision.reason
    assert policies() == ["logs"]


def test_people_are_asked_about_a_role_that_administers_the_account(
    world: World, reported: Callable[..., Change]
) -> None:
    change = reported()
    policy = aws_policy("AdministratorAccess")
    boto3.client("iam").attach_role_policy(RoleName="web", PolicyArn=policy)
    decision = world.one(change)
    assert decision.status is Status.ASKED
    assert "administers the account" in decision.reason


def test_people_are_asked_about_a_user_who_administers_by_a_group(
    world: World, fakes: Fakes
) -> None:
    staged = user()
    fakes.install(staged.fakes)
    client = boto3.client("iam")
    client.create_group(GroupName="admins")
    client.attach_group_policy(GroupName="admins", PolicyArn=aws_policy("AdministratorAccess"))
    client.add_user_to_group(GroupName="admins", UserName="deploy")
    given = {"autonomy": {USER: Autonomy.REVERT}, "may_cut": frozenset({USER})}
    decision = world.one(
        staged.attack(), world.with_policy(lambda policy: replace(policy, **given))
    )
    assert decision.status is Status.ASKED
    assert "it is in the group admins" in decision.reason


# ------------------------------------------------------------------------- as the policy says


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"observe": [EXFILTRATED]}, Status.OBSERVED),
        ({"ask": ["UnauthorizedAccess:*"], "revert": ["*"]}, Status.ASKED),
        ({"ask": ["UnauthorizedAccess:*"], "observe": ["*"]}, Status.OBSERVED),
        ({"revert_from": 8.1}, Status.ASKED),
        ({"revert_from": 8.0}, Status.REVERTED),
    ],
)
def test_the_policy_says_how_far_to_go_by_type_and_by_severity(
    given: dict[str, Any], status: Status, world: World, reported: Callable[..., Change]
) -> None:
    decision = world.one(reported(), settings(world, **given))
    assert decision.status is status, decision.reason


def test_findings_below_the_least_severity_are_left_out(
    world: World, reported: Callable[..., Change]
) -> None:
    assert world.handle(reported(), settings(world, least=8.5)) == []


def test_whoever_uses_the_role_can_neither_accept_nor_release(
    world: World, reported: Callable[..., Change]
) -> None:
    """Who has stolen the credentials of an approver must not let themselves off."""
    bob = Person("bob", iam=(f"arn:aws:iam::{ACCOUNT}:role/web",))
    carol = Person("carol", iam=(f"arn:aws:iam::{ACCOUNT}:user/carol",))
    guard = world.with_policy(lambda policy: replace(policy, people=(bob, carol)))
    decision = world.one(reported(TOR), guard)
    desk = Desk(guard.audit, guard.state, guard.policy, guard.now)
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/web/i-0abcdef1234567890"
    accepts = Vote("bob", Choice.ACCEPT, "api", "now", decision.before, identity=session)
    assert not desk.vote(decision.id, accepts).counted
    assert approved(guard, decision).status is Status.REVERTED
    contained = world.audit.get(decision.id)
    assert contained is not None
    assert undo_refusal(contained, bob, session, guard.policy)
    assert not undo_refusal(contained, carol, carol.iam[0], guard.policy)


# ------------------------------------------------------------------------- what comes afterwards


def test_what_is_contained_is_not_contained_again(
    world: World, reported: Callable[..., Change]
) -> None:
    change = reported()
    assert world.one(change).status is Status.REVERTED
    assert world.handle(replace(change, id="an update of it")) == []


def test_people_are_asked_when_guardduty_sees_more_after_the_containment(
    world: World, reported: Callable[..., Change]
) -> None:
    seen = ["2026-11-24T11:58:22Z"]

    def telling(change: Change) -> dict[str, Any]:
        return one(told_by_guardduty(change), Service={"EventLastSeen": seen[0]})

    change = reported(telling=telling)
    assert world.one(change).status is Status.REVERTED
    world.clock.pass_by(hours=2)
    seen[0] = world.clock.now().isoformat()
    again = world.one(replace(change, id="an update of it"))
    assert again.status is Status.ASKED
    assert "are denied already, and GuardDuty saw more since" in again.reason


def test_what_a_person_released_is_not_contained_again_without_asking(
    world: World, reported: Callable[..., Change]
) -> None:
    change = reported()
    decision = world.one(change)
    undone = world.guard.undo(Undo(decision.id, "alice", "it was our own test"))
    assert undone.status is Status.UNDONE, undone.reason
    assert policies() == ["logs"]
    again = world.one(replace(change, id="an update of it"))
    assert again.status is Status.ASKED
    assert f"people released it before ({decision.id})" in again.reason
    world.clock.pass_by(hours=2)
    # Nobody votes: people are asked on.
    assert world.guard.expire(again.id).status is Status.ASKED
    assert world.one(replace(change, id="another update")).id == again.id
    assert policies() == ["logs"]


def test_a_release_is_remembered_when_people_are_asked_about_another_finding_since(
    world: World, fakes: Fakes, web: str
) -> None:
    """The role stands as it did when it was released, so both decisions are about one state."""
    graver, lesser = exfiltrated(web, severity=8), exfiltrated(web, TOR, severity=5)
    told = [told_by_guardduty(graver)]
    fakes.install(answering(lambda: told[0]))
    decision = world.one(graver)
    assert world.guard.undo(Undo(decision.id, "alice", "our own test")).status is Status.UNDONE
    told[0] = told_by_guardduty(lesser)
    asked = world.one(lesser)
    assert asked.status is Status.ASKED
    told[0] = told_by_guardduty(graver)
    # At the same moment it would join that question.
    world.clock.pass_by(minutes=2)
    again = world.one(replace(graver, id="an update of it"))
    assert again.status is Status.ASKED
    assert f"people released it before ({decision.id})" in again.reason
    assert policies() == ["logs"]
    # What people have it contain since is no longer what they released.
    assert approved(world.guard, again).status is Status.REVERTED


def test_what_is_asked_about_a_lesser_finding_does_not_hold_a_graver_one_back(
    world: World, fakes: Fakes, web: str
) -> None:
    lesser, graver = exfiltrated(web, TOR, severity=5), exfiltrated(web, severity=8)
    told = [told_by_guardduty(lesser)]
    fakes.install(answering(lambda: told[0]))
    assert world.one(lesser).status is Status.ASKED
    told[0] = told_by_guardduty(graver)
    assert world.one(graver).status is Status.REVERTED


def test_a_graver_finding_is_a_question_of_its_own_and_a_lesser_one_joins_it(
    world: World, fakes: Fakes
) -> None:
    """The plan is the same: who answers about a trifle has not answered about what came since."""
    id_ = str(boto3.client("iam").create_user(UserName="deploy")["User"]["UserId"])
    lesser, graver = (
        finding_of_guardduty(type_, "ASIAX", "deploy", principal=id_, severity=severity)
        for type_, severity in ((TOR, 5), ("Discovery:S3/TorIPCaller", 8))
    )
    told = [told_by_guardduty(lesser)]
    fakes.install(answering(lambda: told[0]))

    def asked(change: Change) -> Decision:
        told[0] = told_by_guardduty(change)
        (decision,) = [one for one in world.handle(change) if one.control == USER]
        assert decision.status is Status.ASKED
        return decision

    first, second = asked(lesser), asked(graver)
    assert (first.severity, second.severity) == (50, 80)
    assert second.id != first.id
    assert asked(replace(graver, id="an update of it")).id == second.id
    assert asked(replace(lesser, id="an update of this one")).id == second.id


def test_a_release_works_when_the_finding_is_gone(
    world: World, reported: Callable[..., Change]
) -> None:
    """GuardDuty keeps a finding for 90 days, and people archive it once they have looked."""
    gone: list[str] = []
    change = reported(
        telling=lambda change: {"Findings": []} if gone else told_by_guardduty(change)
    )
    decision = world.one(change)
    gone.append("archived")
    assert world.guard.undo(Undo(decision.id, "alice", "done")).status is Status.UNDONE
    assert policies() == ["logs"]


def test_a_policy_of_our_name_that_somebody_rewrote_is_written_again(
    world: World, reported: Callable[..., Change]
) -> None:
    change = reported()
    boto3.client("iam").put_role_policy(
        RoleName="web", PolicyName=POLICY, PolicyDocument=document(READS_LOGS)
    )
    assert world.one(change).status is Status.REVERTED
    assert role_snapshot("web")["inline"][POLICY]["Statement"][0]["Sid"] == "DenyOlderSessions"


# ---------------------------------------------------------------------------------- its role


def test_without_its_role_people_are_told_the_exact_commands(
    world: World, reported: Callable[..., Change]
) -> None:
    guard = replace(new_guard(world.clock, Aws(REMEDIATOR)), containment_role_arn="")
    decision = world.one(reported(), guard)
    assert (decision.status, decision.plan.steps) == (Status.OBSERVED, ())
    said = decision.plan.advice
    assert "(its parameter Containment)" in said
    assert "aws iam put-role-policy --role-name web --policy-name DriftguardContainment" in said
    assert policies() == ["logs"]


def test_without_its_role_a_release_is_refused_with_the_command(
    world: World, reported: Callable[..., Change]
) -> None:
    decision = world.one(reported())
    guard = replace(new_guard(world.clock, Aws(REMEDIATOR)), containment_role_arn="")
    assert guard.undo(Undo(decision.id, "alice", "done")).status is Status.REVERTED
    (*_, last) = world.audit.log(decision.id)
    assert last.event == "undo-refused"
    assert "aws iam delete-role-policy --role-name web" in last.note


# ------------------------------------------------------------------------------ who it is about


def found(actors: list[dict[str, Any]], **sequence: Any) -> Document:
    return {"service": {"detection": {"sequence": {"actors": actors, **sequence}}}}


ISSUER = f"arn:aws:iam::{ACCOUNT}:role/shop/web"


@each(
    ("given", "principals"),
    [
        (
            found(
                [
                    {
                        "user": {"name": "web", "type": "AssumedRole", "uid": "AROAX:i-1"},
                        "session": {"issuer": ISSUER},
                    }
                ]
            ),
            [Principal("role", "web", "AROAX")],
        ),
        (
            found(
                [
                    {
                        "user": {"name": "web", "type": "AssumedRole", "uid": "AROAX:i-1"},
                        "session": {"issuer": ISSUER.replace(ACCOUNT, STRANGER)},
                    }
                ]
            ),
            [],
        ),
        (found([{"user": {"name": "web", "type": "AssumedRole"}}]), []),
        (
            found([{"user": {"name": "al", "type": "IAMUser", "account": {"uid": STRANGER}}}]),
            [],
        ),
        (
            found([{"user": {"name": "al", "type": "IAMUser"}}, {"process": {"name": "xmrig"}}]),
            [Principal("user", "al")],
        ),
        (
            found(
                [],
                resources=[
                    {
                        "accountId": ACCOUNT,
                        "data": {
                            "accessKey": {
                                "userName": "al",
                                "userType": "IAMUser",
                                "principalId": "AIDAX",
                            }
                        },
                    },
                    {
                        "accountId": STRANGER,
                        "data": {"accessKey": {"userName": "eve", "userType": "IAMUser"}},
                    },
                ],
            ),
            [Principal("user", "al", "AIDAX")],
        ),
        ({"resource": {"accessKeyDetails": {"userType": "Root", "userName": "root"}}}, []),
        ({"resource": {"accessKeyDetails": {"userType": "AWSAccount", "userName": "x"}}}, []),
        ({}, []),
    ],
)
def test_who_a_finding_is_about(given: Document, principals: list[Principal]) -> None:
    assert principals_of(given, ACCOUNT) == principals


def test_what_the_api_tells_reads_as_the_event_does() -> None:
    change, told = sequence_of("deploy", "AIDAX")
    (finding,) = told["Findings"]
    assert principals_of(as_in_events(finding), ACCOUNT) == principals_of(change.request, ACCOUNT)


def test_a_lasting_key_that_a_stranger_uses_is_left_to_its_own_control() -> None:
    change = finding_of_guardduty(TOR, "AKIAIOSFODNN7EXAMPLE", "deploy", severity=8)
    for id_ in (USER, TOLD):
        assert list(control(id_).screen(change, control(id_).settings())) == []
    temporary = finding_of_guardduty(TOR, "ASIAIOSFODNN7EXAMPLE", "deploy", severity=8)
    (candidate,) = control(USER).screen(temporary, control(USER).settings())
    assert candidate.resource.arn == f"arn:aws:iam::{ACCOUNT}:user/deploy"


# ------------------------------------------------------------------------- what nothing contains


@each(
    ("type_", "more", "told"),
    [
        ("Malware:Toaster/Burning", {}, True),
        ("CredentialAccess:Kubernetes/SuccessfulAnonymousAccess", {"kind": ""}, True),
        ("CredentialAccess:RDS/TorIPCaller.SuccessfulLogin", {"kind": ""}, True),
        ("Discovery:RDS/TorIPCaller", {"kind": ""}, False),
        ("Policy:S3/BucketPublicAccessGranted", {}, False),
        ("Discovery:S3/TorIPCaller", {"kind": "AWSAccount"}, True),
        (EXFILTRATED, {"kind": "AssumedRole"}, False),
        (SEQUENCE, {"kind": "", "severity": 3.0}, False),
    ],
)
def test_people_are_told_of_what_nothing_contains(
    type_: str, more: dict[str, Any], told: bool, world: World, fakes: Fakes
) -> None:
    change = finding_of_guardduty(type_, "", "nobody", **{"severity": 8, **more})
    fakes.install(answering(lambda: told_by_guardduty(change)))
    decisions: list[Decision] = world.handle(change)
    assert [decision.control for decision in decisions] == [TOLD] * told
    for decision in decisions:
        assert (decision.status, decision.severity) == (Status.OBSERVED, 70)
        assert type_ in decision.summary
        assert "aws guardduty get-findings" in decision.plan.advice


def test_a_forged_finding_of_an_unknown_type_tells_nobody(world: World, fakes: Fakes) -> None:
    change = finding_of_guardduty("Malware:Toaster/Burning", "", "nobody", severity=8)
    fakes.install(answering(lambda: {"Findings": []}))
    assert world.handle(change) == []


# ------------------------------------------------------------------------ wherever a worker dies


class Killed(BaseException):
    """A worker is killed: nothing of it catches this."""


def calls_of(work: Callable[[], object], killed_after: int = 0) -> int:
    """How many calls the work makes; it is killed after the one of this number, if it is not 0."""
    seam: Any = BaseClient
    below, calls = seam._make_api_call, 0

    def counted(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        nonlocal calls
        calls += 1
        try:
            return below(client, operation, parameters)
        finally:
            if calls == killed_after:
                raise Killed

    seam._make_api_call = counted
    try:
        work()
    except Killed:
        assert killed_after
    finally:
        seam._make_api_call = below
    return calls


def of_role(who: str) -> tuple[Change, dict[str, Any]]:
    """A finding about a new role of this name, and what GuardDuty tells of it."""
    principal = f"{make_role(who)}:x"
    change = finding_of_guardduty(
        EXFILTRATED, "ASIAX", who, kind="AssumedRole", principal=principal, severity=8
    )
    return change, told_by_guardduty(change)


def of_user(who: str) -> tuple[Change, dict[str, Any]]:
    """A finding about a new user of this name with a key, and what GuardDuty tells of it."""
    client = boto3.client("iam")
    made = client.create_user(UserName=who)["User"]
    client.create_access_key(UserName=who)
    return sequence_of(who, made["UserId"])


# Its last calls: the first write and what follows it, and the record before it.
LAST = 12


@pytest.mark.parametrize(
    ("staged", "snapshot"), [(of_role, role_snapshot), (of_user, user_snapshot)]
)
def test_a_containment_is_finished_and_released_wherever_the_worker_dies(
    world: World, fakes: Fakes, staged: Any, snapshot: Callable[[str], Any]
) -> None:
    """tests/stories/test_crash.py kills whole processes; here a worker just never goes on."""
    told: dict[str, Any] = {}
    fakes.install(answering(lambda: told))
    given = {"autonomy": {}, "default": Autonomy.REVERT, "may_cut": frozenset({ROLE, USER})}
    guard = world.with_policy(
        lambda policy: replace(policy, settings={USER: {"revert": ("*",)}}, **given)
    )

    def killed(who: str, number: int) -> int:
        """Contains a new principal until a call of this number; sees that it ends well."""
        change, answer = staged(who)
        told.update(answer)
        before = snapshot(who)
        calls = calls_of(lambda: world.handle(change, guard), number)
        world.clock.pass_by(seconds=LEASE.total_seconds() + 1)
        decision = world.one(change, guard)
        assert decision.status is Status.REVERTED, (number, decision.reason)
        contained = snapshot(who)
        assert POLICY in contained["inline"], number
        assert "Active" not in contained.get("keys", {}).values(), number
        undone = guard.undo(Undo(decision.id, "alice", "done"))
        assert undone.status is Status.UNDONE, (number, undone.reason)
        assert snapshot(who) == before, number
        return calls

    every = killed("whole", 0)
    for number in range(every - LAST, every):
        assert killed(f"killed-{number}", number) == number


# ------------------------------------------------------------------------------- whatever comes

# What stands in a finding where something else should: also the right names with odd things below.
odd_values = st.recursive(
    json_values,
    lambda inner: st.dictionaries(
        st.sampled_from(
            ["accessKeyDetails", "detection", "sequence", "actors", "user", "session", "userType"]
        ),
        st.lists(inner, max_size=2) | inner | st.sampled_from(["AssumedRole", "IAMUser"]),
        max_size=3,
    ),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(["type", "id", "accountId", "severity", "resource", "service", "detail"]),
        odd_values,
    )
)
def test_no_finding_is_too_odd_to_be_screened(odd: Document) -> None:
    finding = exfiltrated("AROAX", severity=8)
    for request in (odd, {**finding.request, **odd}):
        for id_ in (ROLE, USER, TOLD):
            declared = control(id_)
            for one in declared.screen(replace(finding, request=request), declared.settings()):
                assert one.resource.account == ACCOUNT
        principals_of(as_in_events(request), ACCOUNT)


@given(st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2090, 1, 1)))
def test_a_denial_says_until_when_it_denies(at: datetime) -> None:
    moment = at.replace(tzinfo=UTC)
    until = denied_until(denial(moment.isoformat()))
    assert until is not None
    assert timedelta(seconds=59) < until - moment <= timedelta(seconds=60)
    assert denied_until({**denial(moment.isoformat()), "Id": "theirs"}) is None
