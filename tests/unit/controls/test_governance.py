"""The corners of the controls over organizations, web ACLs, vaults, credentials and findings."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from driftguard.access.principals import Trusted
from driftguard.aws.calls import Refused
from driftguard.aws.references import HELD, grants_in, lock_token
from driftguard.controls import control
from driftguard.controls.control import NoSettings, TrustSettings
from driftguard.controls.wafv2_rules import _as_text
from driftguard.documents import Document
from driftguard.model import Autonomy, Candidate, Certainty, Change, Observation, Plan, Resource
from tests.support.records import ACCOUNT, REGION, change, iam
from tests.support.world import Fakes, World

ORGANIZATIONS = "organizations.amazonaws.com"
DENY_LEAVING = {"Sid": "Leaving", "Effect": "Deny", "Action": "organizations:Leave*"}
DENY_TRAILS = {"Sid": "Trails", "Effect": "Deny", "Action": "cloudtrail:*"}
ALLOW_READS = {"Sid": "Reads", "Effect": "Allow", "Action": "ec2:Describe*"}
ALLOW_ALL = {"Sid": "All", "Effect": "Allow", "Action": "*"}


def planned(id_: str, state: Document, before: Document | None, arn: str = "arn:x") -> Plan:
    """The plan of a control for a state."""
    where = Resource("x", "x", ACCOUNT, REGION, arn)
    candidate = Candidate(where, Certainty.EVIDENT)
    return control(id_).plan(candidate, Observation(state, ""), before, NoSettings())


# ---------------------------------------------------------------------------- policies' texts


def scp(*statements: dict[str, Any], kind: str = "SERVICE_CONTROL_POLICY") -> Document:
    content = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return {"arn": "arn:aws:organizations::1:policy/o/s/p", "type": kind, "content": content}


@pytest.mark.parametrize(
    ("before", "now", "restored", "asked"),
    [
        # What it denies is lost; what it denies since stays.
        ([DENY_LEAVING, DENY_TRAILS], [DENY_TRAILS], [DENY_LEAVING, DENY_TRAILS], False),
        ([DENY_LEAVING], [DENY_TRAILS], [DENY_LEAVING, DENY_TRAILS], True),
        # A list of what is allowed lets in more.
        ([ALLOW_READS], [ALLOW_READS, ALLOW_ALL], [ALLOW_READS], False),
        # Another Deny of the same name takes the lost one's place, and gives it back.
        (
            [DENY_LEAVING],
            [DENY_LEAVING | {"Action": "organizations:LeaveNothing"}],
            [DENY_LEAVING],
            True,
        ),
        # Stricter than before, or only in another order.
        ([DENY_LEAVING], [DENY_LEAVING, DENY_TRAILS], None, False),
        ([DENY_LEAVING, DENY_TRAILS], [DENY_TRAILS, DENY_LEAVING], None, False),
        ([ALLOW_READS, ALLOW_ALL], [ALLOW_READS], None, False),
    ],
)
def test_a_policy_is_weakened_by_what_it_denies_no_more_and_allows_since(
    before: list[dict[str, Any]],
    now: list[dict[str, Any]],
    restored: list[dict[str, Any]] | None,
    *,
    asked: bool,
) -> None:
    one, state, was = control("org.policy-weakened"), scp(*now), scp(*before)

    finding = one.assess(state, was, NoSettings())

    assert (finding is not None) is (restored is not None)
    if finding is not None:
        assert (finding.at_most is Autonomy.ASK) is asked
        (step,) = planned(one.id, state, was).steps
        assert json.loads(str(step.call.parameters["Content"]))["Statement"] == restored
        assert step.undo[0].parameters["Content"] == state["content"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"Statement": 1}'])
def test_a_text_that_is_no_policy_denies_nothing_any_more(content: str) -> None:
    state = {**scp(), "content": content}

    assert control("org.policy-weakened").assess(state, scp(DENY_LEAVING), NoSettings())


def test_without_a_baseline_nobody_knows_what_a_policy_denied() -> None:
    assert control("org.policy-weakened").assess(scp(ALLOW_ALL), None, NoSettings()) is None


def test_an_account_that_policy_trusts_may_administer_a_service() -> None:
    asked = {"accountId": "222222222222", "servicePrincipal": "guardduty.amazonaws.com"}
    made = change(ORGANIZATIONS, "RegisterDelegatedAdministrator", asked)
    one = control("org.delegated-administrator")
    ours = TrustSettings(Trusted(accounts=frozenset({"222222222222"})))

    assert [*one.screen(made, TrustSettings())]
    assert not [*one.screen(made, ours)]


# ------------------------------------------------------------------------------------ web ACLs


def acl(default: str, *rules: tuple[str, int, str]) -> Document:
    """A web ACL of rules: name, priority, action; `None` and `Count` are of groups."""
    written = [
        {
            "Name": name,
            "Priority": priority,
            ("OverrideAction" if action == "None" else "Action"): {action: {}},
        }
        for name, priority, action in rules
    ]
    return {"DefaultAction": {default: {}}, "Rules": written, "VisibilityConfig": {}}


ADMIN, BOTS, COMMON = ("admin", 1, "Block"), ("bots", 2, "Challenge"), ("common", 3, "None")
ACL_ARN = f"arn:aws:wafv2:{REGION}:{ACCOUNT}:regional/webacl/shop/1"


@pytest.mark.parametrize(
    ("now", "risky"),
    [
        (acl("Block", ADMIN, BOTS, COMMON), False),
        (acl("Allow", ADMIN, BOTS, COMMON), True),
        (acl("Block", BOTS, COMMON), True),
        (acl("Block", ("admin", 1, "Count"), BOTS, COMMON), True),
        (acl("Block", ADMIN, ("bots", 2, "Allow"), COMMON), True),
        # Stricter, moved, or more of them.
        (acl("Block", ADMIN, ("bots", 2, "Block"), COMMON), False),
        (acl("Block", ("admin", 7, "Block"), BOTS, COMMON), False),
        (acl("Block", ADMIN, BOTS, COMMON, ("more", 4, "Block")), False),
    ],
)
def test_a_web_acl_is_weakened_by_what_it_keeps_out_no_more(now: Document, *, risky: bool) -> None:
    one, before = control("wafv2.rules-weakened"), acl("Block", ADMIN, BOTS, COMMON)

    assert (one.assess(now, before, NoSettings()) is not None) is risky


def test_a_rule_goes_back_to_its_place_and_the_new_ones_stay() -> None:
    before, now = acl("Block", ADMIN, BOTS), acl("Block", BOTS, ("more", 9, "Block"))

    (step,) = planned("wafv2.rules-weakened", now, before, ACL_ARN).steps

    rules: Any = step.call.parameters["Rules"]
    assert [rule["Name"] for rule in rules] == ["admin", "bots", "more"]
    assert step.call.parameters["LockToken"] == lock_token(ACL_ARN)
    assert step.undo[0].parameters["Rules"] == now["Rules"]


def test_where_another_rule_has_its_priority_people_order_them() -> None:
    before, now = acl("Block", ADMIN), acl("Block", ("theirs", 1, "Allow"))

    plan = planned("wafv2.rules-weakened", now, before, ACL_ARN)

    assert not plan.steps
    assert "by hand" in plan.advice


@pytest.mark.parametrize(("whose", "place"), [("before", 0), ("now", -1)])
def test_a_rule_that_looks_for_bytes_that_are_no_text_is_never_put_back_altered(
    whose: str, place: int
) -> None:
    states: Any = {"before": acl("Block", ADMIN, BOTS), "now": acl("Block", BOTS)}
    rule = states[whose]["Rules"][place]
    looked = _as_text({**rule, "Statement": {"SearchString": b"\xff\xfe"}})
    states[whose]["Rules"][place] = looked

    plan = planned("wafv2.rules-weakened", states["now"], states["before"], ACL_ARN)

    assert not plan.steps
    assert "no text" in plan.advice


def test_a_lock_token_is_read_with_a_permission_on_that_web_acl_alone() -> None:
    named = lock_token(ACL_ARN)

    assert HELD in named
    assert [*grants_in({"LockToken": named})] == [("wafv2:GetWebACL", ACL_ARN)]


# ------------------------------------------------------------------------------- vaults, and more


def lock(minimum: int | None, *, locked: bool = True) -> Document:
    return {"locked": locked, "MinRetentionDays": minimum, "MaxRetentionDays": None}


@pytest.mark.parametrize(
    ("now", "before", "risky"),
    [
        (lock(None, locked=False), lock(30), True),
        (lock(1), lock(30), True),
        (lock(None), lock(30), True),
        (lock(60), lock(30), False),
        (lock(None, locked=False), lock(None, locked=False), False),
        (lock(None, locked=False), None, False),
    ],
)
def test_a_vault_is_unlocked_when_backups_can_go_earlier_than_before(
    now: Document, before: Document | None, *, risky: bool
) -> None:
    found = control("backup.vault-unlocked").assess(now, before, NoSettings())

    assert (found is not None) is risky


def test_a_lock_never_comes_back_as_one_that_nobody_can_change() -> None:
    (step,) = planned("backup.vault-unlocked", lock(None, locked=False), lock(30)).steps

    assert step.call.parameters == {"BackupVaultName": "x", "MinRetentionDays": 30}


def test_a_vault_that_may_not_be_read_is_gone_only_if_it_is_not_listed(
    world: World, fakes: Fakes
) -> None:
    """AWS Backup answers so for a vault that does not exist."""
    boto3.client("backup").create_backup_vault(BackupVaultName="there")
    refused = {"Error": {"Code": "AccessDeniedException"}}
    fakes.install({("backup", "DescribeBackupVault"): lambda _: refused})
    reader, one = world.guard.aws.reader(ACCOUNT, REGION), control("backup.vault-deleted")

    def deleted(name: str) -> Candidate:
        made = change("backup.amazonaws.com", "DeleteBackupVault", {"backupVaultName": name})
        (found,) = one.screen(made, NoSettings())
        return found

    assert one.observe(deleted("gone"), reader) == {"vault": "gone"}
    with pytest.raises(Refused):
        one.observe(deleted("there"), reader)


@pytest.mark.parametrize(
    ("name", "request_", "answer", "found"),
    [
        ("UploadSSHPublicKey", {"userName": "bob"}, {"sSHPublicKeyId": "K"}, True),
        # One's own, whether it is named or not.
        ("UploadSSHPublicKey", {"userName": "alice"}, {"sSHPublicKeyId": "K"}, False),
        ("UploadSSHPublicKey", {}, {"sSHPublicKeyId": "K"}, False),
        (
            "UpdateSSHPublicKey",
            {"userName": "bob", "sSHPublicKeyId": "K", "status": "Active"},
            {},
            True,
        ),
        (
            "UpdateSSHPublicKey",
            {"userName": "bob", "sSHPublicKeyId": "K", "status": "Inactive"},
            {},
            False,
        ),
    ],
)
def test_only_what_somebody_else_gave_is_a_risk(
    name: str, request_: dict[str, Any], answer: dict[str, Any], *, found: bool
) -> None:
    made = iam(name, request_, responseElements={"sSHPublicKey": answer} if answer else None)

    seen = [*control("iam.ssh-key-for-other-user").screen(made, NoSettings())]

    assert [one.resource.id for one in seen] == (["bob/K"] if found else [])


def assumed(**more: Any) -> Change:
    policy = "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"
    asked = {"targetPrincipal": "222222222222", "taskPolicyArn": {"arn": policy}}
    return change("sts.amazonaws.com", "AssumeRoot", asked, **more)


def test_a_root_users_session_counts_though_its_record_says_that_nothing_is_written() -> None:
    assert not assumed(readOnly=True).read_only
    assert change("sts.amazonaws.com", "AssumeRole", {}, readOnly=True).read_only
    (found,) = control("iam.root-session").screen(assumed(readOnly=True), NoSettings())
    assert found.hint == {"account": "222222222222", "task": "S3UnlockBucketPolicy"}


@pytest.mark.parametrize(
    ("update", "status", "found"),
    [
        ({"Workflow": {"Status": "SUPPRESSED"}}, "ENABLED", True),
        ({"Workflow": {"Status": "RESOLVED"}}, "", True),
        ({"Severity": {"Label": "INFORMATIONAL"}}, "ENABLED", True),
        ({"Workflow": {"Status": "NOTIFIED"}}, "ENABLED", False),
        ({"Workflow": {"Status": "SUPPRESSED"}}, "DISABLED", False),
    ],
)
def test_a_rule_that_hides_findings_is_one_that_is_in_force(
    update: dict[str, Any], status: str, *, found: bool
) -> None:
    asked = {"Actions": [{"FindingFieldsUpdate": update}], "RuleStatus": status}
    made = change(
        "securityhub.amazonaws.com",
        "CreateAutomationRule",
        asked,
        responseElements={"RuleArn": "arn:aws:securityhub:us-east-1:1:automation-rule/a"},
    )

    assert bool([*control("securityhub.findings-hidden").screen(made, NoSettings())]) is found
