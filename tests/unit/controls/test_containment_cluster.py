"""Whom a finding names in a cluster, and what is done about them, without AWS."""

from __future__ import annotations

from typing import Any

from driftguard.approvals.rules import inverse
from driftguard.controls.containment.findings import TOLD, ContainmentSettings
from driftguard.controls.containment.workloads.cluster import Cluster, ClusterUser, user_of
from driftguard.model import Autonomy, Candidate, Certainty, Finding, Observation, Plan, Resource
from tests.support.each import each

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/shop/deployer"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/alice"
ENTRY = f"arn:aws:eks:us-east-1:{ACCOUNT}:access-entry/prod/role/{ACCOUNT}/deployer/0a1b"
CLUSTER = f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/prod"
EDIT = {
    "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy",
    "accessScope": {"type": "namespace", "namespaces": ["shop"]},
}
TYPE = "CredentialAccess:Kubernetes/MaliciousIPCaller"


def state(**more: Any) -> dict[str, Any]:
    """A role with an access entry, a policy and two groups."""
    said = {"type": TYPE, "severity": 80, "seen": "2026-11-24T11:58:22Z", "title": "It reads."}
    return {
        "cluster": "prod",
        "principal": ROLE,
        "user": SESSION,
        "arn": ROLE,
        "id": "AROAEXAMPLEDEPLOY0001",
        "mode": "API",
        "entry": ENTRY,
        "type": "STANDARD",
        "groups": ["deployers", "viewers"],
        "policies": [EDIT],
        "changed": "2026-11-01T00:00:00Z",
        "untouchable": "",
        TOLD: said,
        **more,
    }


def only_of_the_cluster(user: str) -> dict[str, Any]:
    """A user whom IAM does not know."""
    nothing = {"principal": "", "arn": "", "id": "", "entry": "", "type": ""}
    return state(**nothing, groups=[], policies=[], changed="", user=user)


def planned(of: dict[str, Any]) -> Plan:
    where = Resource("eks.access-entry", "prod/role/deployer", ACCOUNT, "us-east-1", ENTRY)
    candidate = Candidate(where, Certainty.EVIDENT, {"claim": "f-1"})
    seen = Observation(of, "2026-11-30T12:00:00Z")
    return Cluster().plan(candidate, seen, None, ContainmentSettings())


def assessed(of: dict[str, Any], **settings: Any) -> Finding | None:
    return Cluster().assess(of, None, ContainmentSettings(**settings))


def test_policies_and_groups_go_and_come_back_as_they_were() -> None:
    plan = planned(state())
    named = {"clusterName": "prod", "principalArn": ROLE}
    assert [(step.call.operation, step.call.parameters) for step in plan.steps] == [
        ("DisassociateAccessPolicy", {**named, "policyArn": EDIT["policyArn"]}),
        ("UpdateAccessEntry", {**named, "kubernetesGroups": []}),
    ]
    assert [(step.call.operation, step.call.parameters) for step in inverse(plan, 2).steps] == [
        ("UpdateAccessEntry", {**named, "kubernetesGroups": ["deployers", "viewers"]}),
        ("AssociateAccessPolicy", {**named, **EDIT}),
    ]
    assert {arn for step in plan.steps for arn in step.call.on} == {ENTRY}
    assert f"grep -F {SESSION}" in plan.advice


EMPTY: dict[str, Any] = {"groups": [], "policies": []}


@each(
    "there, found, said",
    [
        (state(), True, "its access entry has AmazonEKSEditPolicy, group deployers, group viewers"),
        # Contained after GuardDuty saw it act, or within the minutes that a token holds.
        (state(**EMPTY, changed="2026-11-24T12:10:00Z"), False, ""),
        (state(**EMPTY, changed="2026-11-24T11:50:00Z"), False, ""),
        # It acts by something else.
        (state(**EMPTY), True, "compromised"),
        # What only people can take away.
        (state(entry="", type="", **EMPTY), True, "compromised"),
        (state(type="EC2_LINUX", **EMPTY), True, "compromised"),
        (only_of_the_cluster("system:anonymous"), True, "system:anonymous of the cluster prod"),
        (state(**{TOLD: {"not": "the finding is archived"}}), False, ""),
    ],
)
def test_what_is_left_of_an_entry_is_a_finding(
    there: dict[str, Any], found: bool, said: str
) -> None:
    made = assessed(there)
    assert (made is not None) == found
    assert made is None or said in made.summary


@each(
    "there, said",
    [
        (only_of_the_cluster("system:anonymous"), "grep -E 'system:(anonymous|unauthenticated)'"),
        (
            only_of_the_cluster("system:serviceaccount:shop:web"),
            "kubectl auth can-i --list --as=system:serviceaccount:shop:web; kubectl get "
            "clusterrolebindings,rolebindings -A -o wide | grep -F web",
        ),
        # Nothing that a shell would read goes into a command.
        (only_of_the_cluster("system:serviceaccount:shop:web;id"), "find its bindings"),
        (only_of_the_cluster("system:node:ip-10-0-0-1.ec2.internal"), "kubectl drain"),
        (only_of_the_cluster("mallory$(id)"), "find its bindings"),
        (state(entry="", type="", **EMPTY, mode="CONFIG_MAP"), "edit configmap aws-auth"),
        (state(type="EC2_LINUX"), "The entry is that of nodes"),
        (state(**EMPTY), "allows nothing since 2026-11-01T00:00:00Z"),
        (state(untouchable="it is one of Driftguard's own roles"), "Driftguard's own roles"),
    ],
)
def test_what_cannot_be_contained_is_told_with_commands(there: dict[str, Any], said: str) -> None:
    plan = planned(there)
    assert plan.steps == ()
    assert said in plan.advice
    assert "$(" not in plan.advice and ";id" not in plan.advice


def test_a_user_name_that_is_no_word_stands_in_no_command() -> None:
    assert "grep -F …" in planned(state(user="deployer:$(reboot)")).advice


def test_break_glass_is_told_of_and_never_contained() -> None:
    made = assessed(state(), spared=(ROLE,))
    assert made is not None and made.at_most is Autonomy.OBSERVE


# ------------------------------------------------------------------------- what a finding names


def found(user: dict[str, Any], key: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    cluster = {"name": "prod", "arn": CLUSTER, **more}
    return {
        "resource": {
            "eksClusterDetails": cluster,
            "kubernetesDetails": {"kubernetesUserDetails": user},
            "accessKeyDetails": key or {},
        }
    }


UID = f"aws-iam-authenticator:{ACCOUNT}:AROAEXAMPLEDEPLOY0001"
KEY = {"userType": "AssumedRole", "userName": "deployer", "principalId": "AROAEX:alice"}
BY_ROLE = ClusterUser("prod", SESSION, "role", "deployer", "AROAEXAMPLEDEPLOY0001")


@each(
    "told, named",
    [
        (found({"username": SESSION, "uid": UID}), BY_ROLE),
        (found({"username": SESSION}), BY_ROLE._replace(id="")),
        # A name that people gave: GuardDuty names the credentials.
        (
            found({"username": "admin", "uid": UID}, KEY),
            ClusterUser("prod", "admin", "role", "deployer", "AROAEX"),
        ),
        (
            found({"username": f"arn:aws:iam::{ACCOUNT}:user/robots/ci"}),
            ClusterUser("prod", f"arn:aws:iam::{ACCOUNT}:user/robots/ci", "user", "ci"),
        ),
        # Another account's session is nobody whom our IAM knows.
        (
            found({"username": SESSION.replace(ACCOUNT, "999999999999")}),
            ClusterUser("prod", SESSION.replace(ACCOUNT, "999999999999")),
        ),
        (found({"username": "admin"}), ClusterUser("prod", "admin")),
        # Kubernetes' own are nobody's credentials, whatever else is told.
        (
            found({"username": "system:anonymous"}, KEY),
            ClusterUser("prod", "system:anonymous"),
        ),
        (found({"username": SESSION}, arn=CLUSTER.replace(ACCOUNT, "999999999999")), None),
        (found({"username": SESSION}, name="prod/../x"), None),
        (found({}), None),
        ({}, None),
    ],
)
def test_the_user_of_a_finding(told: dict[str, Any], named: ClusterUser | None) -> None:
    assert user_of(told, ACCOUNT) == named
