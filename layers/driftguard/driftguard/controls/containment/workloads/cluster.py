"""Containment of a principal in a cluster of EKS: its access entry allows nothing any more.

What a service account, a node or an anonymous user may do is written in the cluster alone, which
only people can change: they are told how. So they are where a cluster asks its ConfigMap.

Sources: Amazon EKS User Guide, "Grant IAM users access to Kubernetes with EKS access entries",
"Create access entries" and "Associate access policies with access entries"; Amazon GuardDuty User
Guide, "Remediating EKS Protection findings" and "Kubernetes details"; Kubernetes documentation,
"Using RBAC Authorization".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import NamedTuple

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, documents, mapping, moment, text
from driftguard.model import Call, Candidate, Certainty, Change, Finding, Observation, Plan, Step

from ...control import Control, Cuts, References, resource
from ...eks import access
from ...eks.records import BUSY, GONE, texts
from ...iam import principals as iam
from ...iam.stranger_findings import TRIGGER
from .. import findings, principals
from ..finding_types import Sure, Target, entry
from ..findings import ContainmentSettings, claimed_of, told

# For how long a cluster may still do what an entry allowed before.
# Source: Amazon EKS User Guide, "Grant IAM users access to Kubernetes with EKS access entries" (it
# may take several seconds; a token, which names the principal alone, holds for 15 minutes).
_SETTLED = timedelta(minutes=15)

_NOT_CUT = (
    "Not cut: streams that are open (kubectl exec, logs, port-forward), what was deployed before, "
    "tokens of service accounts that were read, and bindings that name the user itself: kubectl "
    "get clusterrolebindings,rolebindings -A -o wide | grep -F {user}"
)
_SINCE = (
    "Its access entry allows nothing since {since}, and GuardDuty saw it act after that: look for "
    "bindings that name the user, and delete them: kubectl get clusterrolebindings,rolebindings -A "
    "-o wide | grep -F {user}"
)
_CONFIG_MAP = (
    "The cluster has no access entry of it, so what it may do is written in the cluster: take its "
    "mapping out of kubectl -n kube-system edit configmap aws-auth, and delete bindings that name "
    "its groups: kubectl get clusterrolebindings,rolebindings -A -o wide"
)
_NODE = (
    "The entry is that of nodes, which EKS writes: containment.instance cuts a node off where "
    "GuardDuty reports it, and kubectl drain moves what runs on it."
)
_ANONYMOUS = (
    "Whoever is not signed in may do what is bound to two names: kubectl get "
    "clusterrolebindings,rolebindings -A -o wide | grep -E 'system:(anonymous|unauthenticated)'. "
    "Delete the bindings that are not Kubernetes' own (system:public-info-viewer), and let the "
    "cluster's endpoint be reached from your networks alone."
)
_ACCOUNT = (
    "See what the service account may do, and delete its bindings: kubectl auth can-i --list "
    "--as={user}; kubectl get clusterrolebindings,rolebindings -A -o wide | grep -F {name}. Its "
    "tokens hold until its pods are gone: mark those, have a NetworkPolicy deny them everything, "
    "and save what they show before you delete them: kubectl -n {space} get pods -o wide"
)
_OTHER = (
    "The cluster alone knows the user: find its bindings, and delete them: kubectl get "
    "clusterrolebindings,rolebindings -A -o wide"
)


class Cluster(Control[ContainmentSettings]):
    """GuardDuty reports what a user did in a cluster of EKS, by the cluster's audit log.

    Where the user is a role or user of IAM with an access entry, its access policies are
    disassociated and its groups taken away; an undo puts both back exactly. Of users that only the
    cluster knows (service accounts, nodes, whoever is not signed in), and where a cluster asks its
    ConfigMap, people are told what to do with kubectl. Principals of `break_glass` are never
    contained.
    """

    id = "containment.cluster"
    title = "Access to a cluster is compromised"
    severity = 90
    references = References(attack=("T1078.004", "T1552.007", "T1609"))
    triggers = (TRIGGER,)
    reads = (
        *findings.READS,
        "eks:DescribeAccessEntry",
        "eks:DescribeCluster",
        "eks:ListAssociatedAccessPolicies",
        "iam:GetRole",
        "iam:GetUser",
    )
    volatile = frozenset({"mode", "changed", findings.TOLD})
    writes = {
        "eks:AssociateAccessPolicy": (access.ENTRIES,),
        "eks:DisassociateAccessPolicy": (access.ENTRIES,),
        "eks:UpdateAccessEntry": (access.ENTRIES,),
    }
    contains = True
    # No emulator has access entries.
    proven = "stub"
    cuts = Cuts(
        "everything that the role or user does in the cluster, whoever uses it",
        question="who else works in the cluster as this role or user?",
    )
    busy = BUSY
    settings = ContainmentSettings

    def screen(self, change: Change, settings: ContainmentSettings) -> Iterable[Candidate]:
        hint, known = claimed_of(change, Target.POD, settings), entry(text(change.request, "type"))
        user = user_of(change.request, change.account)
        if hint is None or known is None or user is None:
            return
        hint = {**hint, "cluster": user.cluster, "user": user.name}
        if user.kind:
            # It is contained itself: the principal has no say in it.
            tail = f"access-entry/{user.cluster}/{user.kind}/{{account}}/{user.principal}"
            where = resource(
                change,
                "eks.access-entry",
                f"{user.cluster}/{user.kind}/{user.principal}",
                f"eks:{{region}}:{{account}}:{tail}",
            )
            yield Candidate(where, Certainty.EVIDENT, {**hint, "principal": user.id})
        elif known.sure is not Sure.POSSIBLE:
            tail = f"eks:{{region}}:{{account}}:cluster/{user.cluster}"
            cluster = resource(change, "eks.cluster", user.cluster, tail)
            yield Candidate(cluster, Certainty.EVIDENT, hint)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        state = _state_of(candidate, reader)
        if state is None:
            return None
        named = candidate.hint

        def is_about(found: Document) -> bool:
            user = user_of(found, reader.account)
            return user is not None and (
                (user.cluster, user.name) == (named["cluster"], named["user"])
                and (not state["arn"] or user.id in ("", state["id"]))
            )

        return {**state, findings.TOLD: told(named, reader, is_about)}

    def assess(
        self, state: Document, baseline: Document | None, settings: ContainmentSettings
    ) -> Finding | None:
        if not findings.stands(state, settings):
            return None
        if state["entry"] and not _left(state) and not _acted_since(state):
            return None
        summary = f"{state['user']} of the cluster {state['cluster']} is compromised"
        if left := _left(state):
            summary = f"{summary}: its access entry has {', '.join(left)}"
        made = findings.finding(state, settings, Target.POD, summary, self.severity)
        return principals.limited(made, {**state, "administrator": ""}, settings)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: ContainmentSettings,
    ) -> Plan:
        state = observation.state
        steps = () if state["untouchable"] else tuple(_steps(state))
        untouched = ("the role or user itself", "the entry, its user name and its tags")
        return Plan(
            steps,
            untouched=untouched if steps else (),
            advice=_advice(state, contained=bool(steps)),
        )


def _state_of(candidate: Candidate, reader: Reader) -> Document | None:
    """What an access entry allows; None where the cluster is gone.

    Shape: `arn` and `id` are the principal's of IAM, "" where there is none; `entry` is the ARN of
    its access entry, "" where there is none; `type`, `groups` and `policies` are the entry's;
    `changed` is when it was changed last; `untouchable` says why it is never contained.
    """
    cluster, user = text(candidate.hint, "cluster"), text(candidate.hint, "user")
    answer = reader.read("eks", "DescribeCluster", absent=GONE, name=cluster)
    if answer is None:
        return None
    how = mapping(mapping(document(answer), "cluster"), "accessConfig")
    arn, id_ = _principal(candidate, reader)
    named: Document = {"cluster": cluster, "principal": arn}
    mode = text(how, "authenticationMode") or "CONFIG_MAP"
    found = access.described(reader, named) if arn and mode != "CONFIG_MAP" else None
    there = found is not None
    return {
        **named,
        "user": user,
        "arn": arn,
        "id": id_,
        "mode": mode,
        "entry": text(found or {}, "accessEntryArn"),
        "type": text(found or {}, "type"),
        "groups": sorted(texts((found or {}).get("kubernetesGroups"))),
        "policies": list(access.associations(reader, named)) if there else [],
        "changed": text(found or {}, "modifiedAt"),
        "untouchable": _why_untouchable(arn, reader) if there else "",
    }


def _principal(candidate: Candidate, reader: Reader) -> tuple[str, str]:
    """The ARN, with its path, and the unique id of the candidate's role or user; "" for none."""
    if candidate.resource.kind != "eks.access-entry":
        return "", ""
    _, kind, name = candidate.resource.id.split("/", 2)
    kind = kind.capitalize()
    answer = reader.read("iam", f"Get{kind}", absent=iam.GONE, **{f"{kind}Name": name})
    described = mapping(document(answer), kind)
    return text(described, "Arn"), text(described, f"{kind}Id")


def _why_untouchable(arn: str, reader: Reader) -> str:
    """Why a principal is never contained, in words; "" where it may be.

    Roles of Identity Center may: not they are changed, but what they may do in one cluster.
    """
    if arn in reader.aws.surroundings.own_roles:
        return "it is one of Driftguard's own roles"
    return "it is an AWS service's own role" if ":role/aws-service-role/" in arn else ""


def _left(state: Document) -> list[str]:
    """What the entry still allows, in words; nothing where it is no entry of ours to change."""
    if state["type"] != "STANDARD":
        return []
    policies = [text(one, "policyArn").rpartition("/")[2] for one in documents(state, "policies")]
    return [*policies, *(f"group {name}" for name in texts(state["groups"]))]


def _acted_since(state: Document) -> bool:
    """Whether GuardDuty saw the principal act after its entry was changed last."""
    changed, seen = moment(text(state, "changed")), moment(text(_said(state), "seen"))
    return changed is not None and seen is not None and seen > changed + _SETTLED


def _said(state: Document) -> Document:
    return mapping(state, findings.TOLD)


def _steps(state: Document) -> Iterator[Step]:
    if state["type"] != "STANDARD":
        return
    on, named = text(state, "entry"), access.of_entry(state)
    for policy in documents(state, "policies"):
        taken: Document = {**named, "policyArn": policy["policyArn"]}
        yield Step(
            Call("eks", "DisassociateAccessPolicy", taken, (on,), GONE),
            (access.associate(state, policy, on),),
        )

    def put(groups: Json) -> Call:
        return Call("eks", "UpdateAccessEntry", {**named, "kubernetesGroups": groups}, (on,))

    if groups := texts(state["groups"]):
        yield Step(put([]), (put(groups),))


def _advice(state: Document, *, contained: bool) -> str:
    user = text(state, "user")
    if why := text(state, "untouchable"):
        return (
            f"Its access is never cut off: {why}. Look at what it did in the cluster's audit log."
        )
    if contained:
        return _NOT_CUT.format(user=_safe(user))
    if state["entry"]:
        if state["type"] != "STANDARD":
            return _NODE
        return _SINCE.format(since=state["changed"], user=_safe(user))
    if state["arn"]:
        return _CONFIG_MAP
    if user in ("system:anonymous", "system:unauthenticated"):
        return _ANONYMOUS
    if account := _SERVICE_ACCOUNT.fullmatch(user):
        space, name = account.groups()
        return _ACCOUNT.format(user=user, space=space, name=name)
    return _NODE if user.startswith("system:node:") else _OTHER


def _safe(user: str) -> str:
    """A user's name in a command, as far as the shell takes it for a word."""
    return user if _WORD.fullmatch(user) else "…"


# ------------------------------------------------------------------------ what a finding names

_WORD = re.compile(r"[A-Za-z0-9+=,.@_:/-]{1,256}")
_SERVICE_ACCOUNT = re.compile(r"system:serviceaccount:([a-z0-9-]{1,63}):([a-z0-9.-]{1,253})")
# How EKS names a cluster, and IAM a role or user.
_CLUSTER = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
_NAME = re.compile(r"[A-Za-z0-9+=,.@_-]{1,64}")
# The user names that EKS gives by itself: the ARN of a user, or of a role's session.
_ROLE = re.compile(r"arn:aws[a-z-]*:sts::(\d{12}):assumed-role/([^/]+)/.+")
_USER = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):user/(?:.*/)?([^/]+)")


class ClusterUser(NamedTuple):
    """Who acts in a cluster: its name there (`name`), and where IAM knows it, who that is.

    `kind` is `role` or `user`, "" for whom only the cluster knows; `principal` is its name in IAM,
    `id` IAM's unique id of it, "" where the finding does not say.
    """

    cluster: str
    name: str
    kind: str = ""
    principal: str = ""
    id: str = ""


def user_of(found: Document, account: str) -> ClusterUser | None:
    """The user whom a finding, as events have it, reports in a cluster of the account."""
    about = mapping(found, "resource")
    cluster = mapping(about, "eksClusterDetails")
    name = text(cluster, "name")
    user = mapping(mapping(about, "kubernetesDetails"), "kubernetesUserDetails")
    called = text(user, "username")
    ours = text(cluster, "arn").split(":")[4:5] == [account]
    if not called or not ours or not _CLUSTER.fullmatch(name):
        return None
    for one in _of_iam(found, user, called, account):
        if _NAME.fullmatch(one.name):
            return ClusterUser(name, called, one.kind, one.name, one.id)
    return ClusterUser(name, called)


def _of_iam(
    found: Document, user: Document, called: str, account: str
) -> Iterator[findings.Principal]:
    """Who the user is in IAM: by the credentials that GuardDuty names, or by its name.

    EKS writes the unique id into the user's: `aws-iam-authenticator:ACCOUNT:AROA…`.
    """
    if called.startswith("system:"):
        return
    key = mapping(mapping(found, "resource"), "accessKeyDetails")
    yield from findings.principals_of({"resource": {"accessKeyDetails": key}}, account)
    owner, _, id_ = text(user, "uid").removeprefix("aws-iam-authenticator:").partition(":")
    for kind, form in (("role", _ROLE), ("user", _USER)):
        if (named := form.fullmatch(called)) and named[1] == account:
            known = id_ if owner == account and id_.startswith(("AROA", "AIDA")) else ""
            yield findings.Principal(kind, named[2], known)


CONTROLS = (Cluster(),)
