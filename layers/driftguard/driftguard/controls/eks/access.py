"""Access to a cluster: its access entries, and the policies that come with them.

Sources: Amazon EKS User Guide, "Grant IAM users access to Kubernetes with EKS access entries" and
"Review access policy permissions"; Service Authorization Reference, "Actions, resources, and
condition keys for Amazon Elastic Kubernetes Service".
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from driftguard.access.policy import Trusted
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, mapping, text
from driftguard.model import (
    NOT_IN_USE,
    Call,
    Candidate,
    Certainty,
    Change,
    Resource,
    Step,
    Use,
)

from ..control import NOTHING, Cuts, References, resource
from ..mechanisms.granted import Granted
from ..mechanisms.sharing import is_trusted
from .records import BUSY, CLUSTER, GONE, on, texts

ENTRIES = "arn:{partition}:eks:{region}:{account}:access-entry/*"
_ADMIN = ("AmazonEKSClusterAdminPolicy", "AmazonEKSAdminPolicy")


def _principal(change: Change) -> str:
    """The principal of an entry, from the call's path, where an ARN is URL-encoded."""
    return unquote(text(change.request, "principalArn"))


def _entry(change: Change, principal: str, hint: Document) -> Candidate:
    """An access entry. Its own ARN ends with an id that the record lacks."""
    cluster = text(change.request, "name", "clusterName")
    account, tail = principal.split(":")[4:5], principal.rpartition(":")[2]
    kind, _, name = tail.partition("/")
    where = f"access-entry/{cluster}/{kind}/{''.join(account)}/{name.rpartition('/')[2]}"
    where = f"eks:{{region}}:{{account}}:{where}"
    hint = {**hint, "cluster": cluster, "principal": principal}
    return Candidate(
        resource(change, "eks.access-entry", principal, where), Certainty.EVIDENT, hint
    )


def associations(reader: Reader, state: Document) -> list[Document]:
    """The policies of an entry, by the `cluster` and `principal` of a state, as calls name them."""
    pages = reader.pages(
        "eks",
        "ListAssociatedAccessPolicies",
        "associatedAccessPolicies",
        clusterName=state["cluster"],
        principalArn=state["principal"],
    )
    found: list[Document] = [
        {
            "policyArn": text(association, "policyArn"),
            "accessScope": mapping(association, "accessScope"),
        }
        for association in map(document, pages)
    ]
    return sorted(found, key=lambda association: text(association, "policyArn"))


def described(reader: Reader, state: Document) -> Document | None:
    """The entry of a state's `principal` in its `cluster`; None where there is none."""
    answer = reader.read(
        "eks",
        "DescribeAccessEntry",
        clusterName=state["cluster"],
        principalArn=state["principal"],
        absent=GONE,
    )
    return None if answer is None else mapping(document(answer), "accessEntry")


def of_entry(state: Document) -> dict[str, Json]:
    """What names an entry in a call, by the `cluster` and `principal` of a state."""
    return {"clusterName": state["cluster"], "principalArn": state["principal"]}


def associate(state: Document, association: Document, entry: str) -> Call:
    """The call that gives a state's principal a policy; `entry` is the ARN of its entry."""
    parameters: Document = {**of_entry(state), **association}
    return Call("eks", "AssociateAccessPolicy", parameters, on=(entry,))


def _made_admin(change: Change, trusted: Trusted) -> Iterable[Candidate]:
    policy, principal = text(change.request, "policyArn"), _principal(change)
    scope = text(mapping(change.request, "accessScope"), "type")
    admin = policy.rpartition("/")[2] in _ADMIN and scope != "namespace"
    if admin and principal and principal not in trusted.principals:
        yield _entry(change, principal, {"policy": policy})


def _admin(candidate: Candidate, reader: Reader) -> Document | None:
    entry = described(reader, candidate.hint)
    if entry is None:
        return None
    found = [
        association
        for association in associations(reader, candidate.hint)
        if text(association, "policyArn") == candidate.hint["policy"]
        and text(mapping(association, "accessScope"), "type") == "cluster"
    ]
    return {
        **candidate.hint,
        "arn": text(entry, "accessEntryArn"),
        "granted": list(found),
        "rescoped": _is_rescoped(reader, candidate.hint),
    }


def _is_rescoped(reader: Reader, state: Document) -> bool:
    """Whether the principal had the policy before, in another scope, which is not told any more.

    Source: Amazon EKS API Reference, "AssociatedAccessPolicy" (`associatedAt`, `modifiedAt`).
    """
    pages = reader.pages(
        "eks",
        "ListAssociatedAccessPolicies",
        "associatedAccessPolicies",
        clusterName=state["cluster"],
        principalArn=state["principal"],
    )
    for association in map(document, pages):
        if text(association, "policyArn") == state["policy"]:
            changed = text(association, "modifiedAt")
            return bool(changed) and changed != text(association, "associatedAt")
    return False


def _had_less(_: Resource, state: Document, reader: Reader) -> Use:
    if state.get("rescoped"):
        return Use("the principal had the policy before, in a scope that nothing records")
    return NOT_IN_USE


def _no_admin(_: Resource, state: Document) -> tuple[Step, ...]:
    entry = text(state, "arn")
    return tuple(
        Step(
            Call(
                "eks",
                "DisassociateAccessPolicy",
                {**of_entry(state), "policyArn": item["policyArn"]},
                on=(entry,),
                settled_by=GONE,
            ),
            (associate(state, item, entry),),
        )
        for item in items(state["granted"])
    )


ADMIN_ACCESS = Granted(
    id="eks.admin-access",
    title="EKS cluster given a new administrator",
    severity=85,
    references=References(attack=("T1098.006",)),
    triggers=(on("AssociateAccessPolicy"),),
    reads=("eks:DescribeAccessEntry", "eks:ListAssociatedAccessPolicies"),
    writes={
        "eks:AssociateAccessPolicy": (ENTRIES,),
        "eks:DisassociateAccessPolicy": (ENTRIES,),
    },
    proven="stub",
    cuts=Cuts(
        "the access that the principal had by the same policy in single namespaces",
        "when the policy was associated, and whether that was modified",
        "did the principal have the policy before?",
    ),
    uses=_had_less,
    busy=BUSY,
    # Made again, the association is a new one.
    volatile=frozenset({"rescoped"}),
    candidates=_made_admin,
    read=_admin,
    risky=lambda state, _: (
        f"{state['principal']} administers cluster {state['cluster']}" if state["granted"] else ""
    ),
    steps=_no_admin,
)


def _let_in(change: Change, trusted: Trusted) -> Iterable[Candidate]:
    principal = _principal(change)
    if principal and not is_trusted(principal, change.account, trusted):
        yield _entry(change, principal, {"owner": change.account})


def _stranger(candidate: Candidate, reader: Reader) -> Document | None:
    entry = described(reader, candidate.hint)
    if entry is None:
        return None
    return {
        **candidate.hint,
        "arn": text(entry, "accessEntryArn"),
        "type": text(entry, "type"),
        "username": text(entry, "username"),
        "groups": sorted(texts(entry.get("kubernetesGroups"))),
        "tags": {
            name: value
            for name, value in sorted(mapping(entry, "tags").items())
            if not name.startswith("aws:")
        },
        "policies": list(associations(reader, candidate.hint)),
    }


def _shut_out(resource_: Resource, state: Document) -> tuple[Step, ...]:
    """Deletes the entry, its policies with it. Made again it has another id, hence the wildcard."""
    parameters: dict[str, Json] = {**of_entry(state), "type": state["type"]}
    if state["type"] == "STANDARD":
        # EKS names the nodes of all other types itself.
        parameters |= {"username": state["username"], "kubernetesGroups": state["groups"]}
    if state["tags"]:
        parameters["tags"] = state["tags"]
    cluster = f"{resource_.arn.partition(':access-entry/')[0]}:cluster/{state['cluster']}"
    made_anew = text(state, "arn").rpartition("/")[0] + "/*"
    touched = (cluster, made_anew) if state["tags"] else (cluster,)
    create = Call("eks", "CreateAccessEntry", parameters, on=touched)
    delete = Call(
        "eks", "DeleteAccessEntry", of_entry(state), on=(text(state, "arn"),), settled_by=GONE
    )
    policies = (associate(state, item, made_anew) for item in items(state["policies"]))
    return (Step(delete, (create, *policies)),)


EXTERNAL_ACCESS = Granted(
    id="eks.external-access",
    title="EKS cluster open to another account",
    severity=85,
    references=References(attack=("T1098.006", "T1199")),
    triggers=(on("CreateAccessEntry"),),
    reads=("eks:DescribeAccessEntry", "eks:ListAssociatedAccessPolicies"),
    writes={
        "eks:AssociateAccessPolicy": (ENTRIES,),
        "eks:CreateAccessEntry": (CLUSTER,),
        "eks:DeleteAccessEntry": (ENTRIES,),
        "eks:TagResource": (ENTRIES,),
    },
    proven="stub",
    cuts=NOTHING,
    busy=BUSY,
    volatile=frozenset({"arn"}),
    candidates=_let_in,
    read=_stranger,
    risky=lambda state, trusted: (
        ""
        if is_trusted(text(state, "principal"), text(state, "owner"), trusted)
        else f"{state['principal']} of another account may enter cluster {state['cluster']}"
    ),
    steps=_shut_out,
    advice="An undo makes the entry again without the tags that AWS itself had set.",
)

CONTROLS = (ADMIN_ACCESS, EXTERNAL_ACCESS)
