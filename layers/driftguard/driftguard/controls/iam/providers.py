"""IAM: an identity provider that may vouch for identities in the account is added or replaced."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from driftguard.access.policy import Trusted
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.aws.tags import settable
from driftguard.documents import Document, Json, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import (
    Call,
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
    Step,
)

from ..control import NOTHING, Control, Cuts, NoSettings, References, Trigger, resource
from ..mechanisms.granted import Granted
from ..mechanisms.left_out import leaving_out, reserved_tags
from .principals import BUSY, GONE, IAM, by_aws, found

_SAML = ("arn:{partition}:iam::{account}:saml-provider/*",)
_OIDC = ("arn:{partition}:iam::{account}:oidc-provider/*",)

# The decision, its undo and the baseline each hold the metadata; an item of the tables, 400 KB.
_LONGEST_METADATA = 100_000
_EKS_ISSUER = re.compile(r"oidc\.eks\.([a-z0-9-]+)\.")
_NO_CLUSTER = ("ResourceNotFoundException",)


# ------------------------------------------------------------------------------- SAML providers


def _saml(change: Change) -> Iterator[Candidate]:
    arn = text(change.request, "sAMLProviderArn") or text(change.response, "sAMLProviderArn")
    name = arn.rpartition("/")[2] or text(change.request, "name")
    if name and not by_aws(change):
        where = f"iam::{{account}}:saml-provider/{name}"
        yield Candidate(resource(change, "iam.saml-provider", name, where), Certainty.EVIDENT)


def _saml_made(change: Change, trusted: Trusted) -> Iterator[Candidate]:
    return (
        candidate for candidate in _saml(change) if candidate.resource.arn not in trusted.principals
    )


def _read_saml(provider: Resource, reader: Reader) -> Document | None:
    answer = reader.read("iam", "GetSAMLProvider", SAMLProviderArn=provider.arn, absent=GONE)
    if answer is None:
        return None
    described = document(answer)
    metadata = text(described, "SAMLMetadataDocument")
    state: Document = {
        "arn": provider.arn,
        "metadata": metadata if len(metadata) <= _LONGEST_METADATA else None,
        "tags": settable(described.get("Tags")),
        "encrypted": bool(described.get("PrivateKeyList")),
    }
    return leaving_out(state, reserved_tags(described.get("Tags")))


def _why_saml(state: Document, trusted: Trusted) -> str:
    if state["arn"] in trusted.principals:
        return ""
    return "a new SAML provider may vouch for identities in this account"


def _unmake_saml(provider: Resource, state: Document) -> tuple[Step, ...]:
    """Deletes the provider; exact only if all of it is known, as AWS shows no private key."""
    if state["metadata"] is None or state["encrypted"]:
        return ()
    on = (provider.arn,)
    delete = Call("iam", "DeleteSAMLProvider", {"SAMLProviderArn": provider.arn}, on=on)
    again: Document = {
        "Name": provider.id,
        "SAMLMetadataDocument": state["metadata"],
        **({"Tags": state["tags"]} if state["tags"] else {}),
    }
    return (Step(delete, (Call("iam", "CreateSAMLProvider", again, on=on),)),)


IDP_ADDED = Granted(
    id="iam.idp-added",
    title="SAML identity provider added",
    severity=85,
    cuts=NOTHING,
    busy=BUSY,
    references=References(attack=("T1484.002", "T1606.002")),
    # A deletion wakes it in vain: it is the harmless twin that the record tells apart.
    triggers=(Trigger(IAM, "CreateSAMLProvider"), Trigger(IAM, "DeleteSAMLProvider")),
    reads=("iam:GetSAMLProvider",),
    writes={
        "iam:DeleteSAMLProvider": _SAML,
        "iam:CreateSAMLProvider": _SAML,
        "iam:TagSAMLProvider": _SAML,
    },
    candidates=lambda change, trusted: (
        _saml_made(change, trusted) if change.name == "CreateSAMLProvider" else ()
    ),
    read=lambda candidate, reader: _read_saml(candidate.resource, reader),
    risky=_why_saml,
    steps=_unmake_saml,
    advice="See which roles trust the provider; delete it if nobody answers for it.",
    # The emulator keeps no tags of SAML providers.
    proven="stub",
)


class SamlReplaced(Control[NoSettings]):
    """The metadata of a SAML provider was replaced: other keys may now vouch for identities.

    A renewed certificate changes the metadata rightly, and only people know whether it is the same
    provider's. So the baseline is restored only if the policy grants it.
    """

    id = "iam.idp-replaced"
    title = "SAML identity provider's metadata replaced"
    severity = 80
    references = References(attack=("T1484.002", "T1606.002"))
    triggers = (Trigger(IAM, "UpdateSAMLProvider"),)
    reads = ("iam:GetSAMLProvider", "iam:ListSAMLProviders")
    writes = {"iam:UpdateSAMLProvider": _SAML}
    cuts = Cuts(
        "who signs in through the identity provider, if it renewed its certificate",
        question="did the identity provider renew its certificate?",
    )
    busy = BUSY
    settings = NoSettings
    baselined = True

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        # Without metadata, only how assertions are encrypted was changed.
        if text(change.request, "sAMLMetadataDocument") or omitted(change.request):
            for candidate in _saml(change):
                yield Candidate(candidate.resource, candidate.certainty, {"replaced": True})

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        listed = document(reader.read("iam", "ListSAMLProviders")).get("SAMLProviderList")
        assert isinstance(listed, (list, tuple))
        for provider in map(document, listed):
            name = text(provider, "Arn").rpartition("/")[2]
            yield found(reader, "iam.saml-provider", name, f"saml-provider/{name}")

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        state = _read_saml(candidate.resource, reader)
        if state is None:
            return None
        return {"arn": state["arn"], "metadata": state["metadata"], **candidate.hint}

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        if baseline is None:
            return Finding("the provider's metadata was replaced") if "replaced" in state else None
        if state["metadata"] == baseline["metadata"]:
            return None
        return Finding("the provider's metadata is no longer that of the baseline")

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        before = None if baseline is None else baseline["metadata"]
        if before is None or observation.state["metadata"] is None:
            advice = "The metadata before is not recorded. Ask who runs the identity provider."
            return Plan((), advice=advice)

        def put(metadata: Json) -> Call:
            parameters = {
                "SAMLProviderArn": candidate.resource.arn,
                "SAMLMetadataDocument": metadata,
            }
            return Call("iam", "UpdateSAMLProvider", parameters, on=(candidate.resource.arn,))

        return Plan((Step(put(before), (put(observation.state["metadata"]),)),))


# ------------------------------------------------------------------------- OpenID Connect providers


def _oidc(change: Change, hint: Document) -> Iterator[Candidate]:
    names = ("openIDConnectProviderArn",)
    arn = text(change.request, *names) or text(change.response, *names)
    issuer = arn.partition(":oidc-provider/")[2] or _issuer(text(change.request, "url"))
    if issuer and not by_aws(change):
        where = f"iam::{{account}}:oidc-provider/{issuer}"
        found_ = resource(change, "iam.oidc-provider", issuer, where)
        yield Candidate(found_, Certainty.EVIDENT, hint)


def _issuer(url: str) -> str:
    return url.partition("://")[2] or url


def _oidc_made(change: Change, trusted: Trusted) -> Iterator[Candidate]:
    if change.name == "CreateOpenIDConnectProvider":
        for candidate in _oidc(change, {}):
            if not {candidate.resource.arn, candidate.resource.id} & trusted.principals:
                yield candidate


def _client_added(change: Change, trusted: Trusted) -> Iterator[Candidate]:
    client = text(change.request, "clientID", "clientId")
    if change.name == "AddClientIDToOpenIDConnectProvider" and client:
        yield from _oidc(change, {"client": client})


def _read_oidc(candidate: Candidate, reader: Reader) -> Document | None:
    provider = candidate.resource
    answer = reader.read(
        "iam", "GetOpenIDConnectProvider", OpenIDConnectProviderArn=provider.arn, absent=GONE
    )
    if answer is None:
        return None
    described = document(answer)
    state: Document = {
        "arn": provider.arn,
        "url": text(described, "Url"),
        "clients": _sorted(described.get("ClientIDList")),
        "thumbprints": _sorted(described.get("ThumbprintList")),
        "tags": settable(described.get("Tags")),
        **candidate.hint,
    }
    return leaving_out(state, reserved_tags(described.get("Tags")))


def _read_new_oidc(candidate: Candidate, reader: Reader) -> Document | None:
    state = _read_oidc(candidate, reader)
    return None if state is None else {**state, "cluster": _own_cluster(state, reader)}


def _own_cluster(state: Document, reader: Reader) -> str:
    """The account's own EKS cluster that issues the provider's tokens; "" if none does.

    A cluster's workloads take roles by a provider for the issuer that EKS made for the cluster.
    Source: Amazon EKS User Guide, "Create an IAM OIDC provider for your cluster".
    """
    issuer = text(state, "url").removeprefix("https://")
    host = _EKS_ISSUER.match(issuer)
    if host is None:
        return ""
    there = replace(reader, region=host[1])
    for name in map(str, there.pages("eks", "ListClusters", "clusters")):
        answer = there.read("eks", "DescribeCluster", name=name, absent=_NO_CLUSTER)
        cluster = mapping(document(answer), "cluster")
        told = text(mapping(mapping(cluster, "identity"), "oidc"), "issuer")
        if told.removeprefix("https://") == issuer:
            return name
    return ""


def _sorted(names: Json) -> list[Json]:
    return [*sorted(map(str, names))] if isinstance(names, (list, tuple)) else []


def _why_oidc(state: Document, trusted: Trusted) -> str:
    if state["cluster"] or {str(state["arn"]), str(state["url"])} & trusted.principals:
        return ""
    return f"{state['url']} may vouch for identities in this account"


def _unmake_oidc(provider: Resource, state: Document) -> tuple[Step, ...]:
    on = (provider.arn,)
    parameters = {"OpenIDConnectProviderArn": provider.arn}
    delete = Call("iam", "DeleteOpenIDConnectProvider", parameters, on=on)
    url = text(state, "url")
    again: Document = {
        "Url": url if "://" in url else f"https://{url}",
        "ClientIDList": state["clients"],
        "ThumbprintList": state["thumbprints"],
        **({"Tags": state["tags"]} if state["tags"] else {}),
    }
    return (Step(delete, (Call("iam", "CreateOpenIDConnectProvider", again, on=on),)),)


OIDC_ADDED = Granted(
    id="iam.oidc-provider-added",
    title="OpenID Connect identity provider added",
    severity=80,
    cuts=NOTHING,
    busy=BUSY,
    references=References(attack=("T1484.002",)),
    triggers=(
        Trigger(IAM, "CreateOpenIDConnectProvider"),
        Trigger(IAM, "DeleteOpenIDConnectProvider"),
    ),
    reads=("eks:DescribeCluster", "eks:ListClusters", "iam:GetOpenIDConnectProvider"),
    writes={
        "iam:DeleteOpenIDConnectProvider": _OIDC,
        "iam:CreateOpenIDConnectProvider": _OIDC,
        "iam:TagOpenIDConnectProvider": _OIDC,
    },
    candidates=_oidc_made,
    read=_read_new_oidc,
    risky=_why_oidc,
    steps=_unmake_oidc,
)


def _why_client(state: Document, trusted: Trusted) -> str:
    clients = state["clients"]
    assert isinstance(clients, (list, tuple))
    if state["client"] not in clients:
        return ""
    return f"tokens of {state['url']} for {state['client']} are now accepted"


def _remove_client(provider: Resource, state: Document) -> tuple[Step, ...]:
    parameters = {"OpenIDConnectProviderArn": provider.arn, "ClientID": state["client"]}
    on = (provider.arn,)
    remove = Call("iam", "RemoveClientIDFromOpenIDConnectProvider", parameters, on=on)
    return (Step(remove, (Call("iam", "AddClientIDToOpenIDConnectProvider", parameters, on=on),)),)


OIDC_CLIENT_ADDED = Granted(
    id="iam.oidc-client-added",
    title="Audience added to an OpenID Connect provider",
    severity=70,
    cuts=NOTHING,
    busy=BUSY,
    references=References(attack=("T1484.002",)),
    triggers=(
        Trigger(IAM, "AddClientIDToOpenIDConnectProvider"),
        Trigger(IAM, "RemoveClientIDFromOpenIDConnectProvider"),
    ),
    reads=("iam:GetOpenIDConnectProvider",),
    writes={
        "iam:RemoveClientIDFromOpenIDConnectProvider": _OIDC,
        "iam:AddClientIDToOpenIDConnectProvider": _OIDC,
    },
    candidates=_client_added,
    read=_read_oidc,
    risky=_why_client,
    steps=_remove_client,
    proven="stub",
)

CONTROLS = (IDP_ADDED, SamlReplaced(), OIDC_ADDED, OIDC_CLIENT_ADDED)
