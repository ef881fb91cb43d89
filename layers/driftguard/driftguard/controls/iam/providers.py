"""IAM: an identity provider that may vouch for identities in the account is added or replaced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...access.policy import Trusted
from ...aws import Reader, document
from ...model import (
    Call,
    Certainty,
    Change,
    Document,
    Facet,
    Json,
    Plan,
    Resource,
    Risk,
    Step,
    Suspect,
)
from ...trail import omitted, text
from ..control import Control, NoSettings, References, Trigger, resource
from ..mechanisms import Granted
from .principals import GONE, IAM, by_aws, found, tags

_SAML = ("arn:{partition}:iam::{account}:saml-provider/*",)
_OIDC = ("arn:{partition}:iam::{account}:oidc-provider/*",)

# The decision, its undo and the baseline each hold the metadata; an item of the tables, 400 KB.
_LONGEST_METADATA = 100_000


# ------------------------------------------------------------------------------- SAML providers


def _saml(change: Change) -> Iterator[Suspect]:
    arn = text(change.request, "sAMLProviderArn") or text(change.response, "sAMLProviderArn")
    name = arn.rpartition("/")[2] or text(change.request, "name")
    if name and not by_aws(change):
        where = f"iam::{{account}}:saml-provider/{name}"
        yield Suspect(resource(change, "iam.saml-provider", name, where), Certainty.EVIDENT)


def _saml_made(change: Change, trusted: Trusted) -> Iterator[Suspect]:
    return (one for one in _saml(change) if one.resource.arn not in trusted.principals)


def _read_saml(provider: Resource, reader: Reader) -> Document | None:
    answer = reader.read("iam", "GetSAMLProvider", SAMLProviderArn=provider.arn, absent=GONE)
    if answer is None:
        return None
    described = document(answer)
    metadata = text(described, "SAMLMetadataDocument")
    return {
        "arn": provider.arn,
        "metadata": metadata if len(metadata) <= _LONGEST_METADATA else None,
        "tags": tags(described),
        "encrypted": bool(described.get("PrivateKeyList")),
    }


def _why_saml(state: Document, trusted: Trusted) -> str:
    if state["arn"] in trusted.principals:
        return ""
    return "a new SAML provider may vouch for identities in this account"


def _unmake_saml(provider: Resource, state: Document) -> tuple[Step, ...]:
    """Exact only while all of the provider is known: AWS shows no private key to anybody."""
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
    references=References(attack=("T1484.002", "T1606.002")),
    # A deletion wakes it in vain: it is the harmless twin that the record tells apart.
    triggers=(Trigger(IAM, "CreateSAMLProvider"), Trigger(IAM, "DeleteSAMLProvider")),
    reads=("iam:GetSAMLProvider",),
    writes={
        "iam:DeleteSAMLProvider": _SAML,
        "iam:CreateSAMLProvider": _SAML,
        "iam:TagSAMLProvider": _SAML,
    },
    suspects=lambda change, trusted: (
        _saml_made(change, trusted) if change.name == "CreateSAMLProvider" else ()
    ),
    read=lambda suspect, reader: _read_saml(suspect.resource, reader),
    risky=_why_saml,
    steps=_unmake_saml,
    advice="See which roles trust the provider; delete it if nobody answers for it.",
    # The emulator keeps no tags of SAML providers.
    proven="stub",
)


class SamlReplaced(Control[NoSettings]):
    """The metadata of a SAML provider was replaced: other keys may now vouch for identities.

    Metadata changes rightly when an identity provider renews its certificate; whether it is the
    same provider's, only people know. So the baseline is put back only where policy grants it.
    """

    id = "iam.idp-replaced"
    title = "SAML identity provider's metadata replaced"
    severity = 80
    references = References(attack=("T1484.002", "T1606.002"))
    triggers = (Trigger(IAM, "UpdateSAMLProvider"),)
    reads = ("iam:GetSAMLProvider", "iam:ListSAMLProviders")
    writes = {"iam:UpdateSAMLProvider": _SAML}
    settings = NoSettings
    baselined = True

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Suspect]:
        # Without metadata, only how assertions are encrypted was changed.
        if text(change.request, "sAMLMetadataDocument") or omitted(change.request):
            for one in _saml(change):
                yield Suspect(one.resource, one.certainty, {"replaced": True})

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        listed = document(reader.read("iam", "ListSAMLProviders")).get("SAMLProviderList")
        assert isinstance(listed, (list, tuple))
        for one in map(document, listed):
            name = text(one, "Arn").rpartition("/")[2]
            yield found(reader, "iam.saml-provider", name, f"saml-provider/{name}")

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        state = _read_saml(suspect.resource, reader)
        if state is None:
            return None
        return {"arn": state["arn"], "metadata": state["metadata"], **suspect.hint}

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Risk | None:
        if baseline is None:
            return Risk("the provider's metadata was replaced") if "replaced" in state else None
        if state["metadata"] == baseline["metadata"]:
            return None
        return Risk("the provider's metadata is no longer that of the baseline")

    def plan(
        self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: NoSettings
    ) -> Plan:
        before = None if baseline is None else baseline["metadata"]
        if before is None or facet.state["metadata"] is None:
            advice = "The metadata before is not recorded. Ask who runs the identity provider."
            return Plan((), advice=advice)

        def put(metadata: Json) -> Call:
            parameters = {"SAMLProviderArn": suspect.resource.arn, "SAMLMetadataDocument": metadata}
            return Call("iam", "UpdateSAMLProvider", parameters, on=(suspect.resource.arn,))

        return Plan((Step(put(before), (put(facet.state["metadata"]),)),))


# ------------------------------------------------------------------------- OpenID Connect providers


def _oidc(change: Change, hint: Document) -> Iterator[Suspect]:
    names = ("openIDConnectProviderArn",)
    arn = text(change.request, *names) or text(change.response, *names)
    issuer = arn.partition(":oidc-provider/")[2] or _issuer(text(change.request, "url"))
    if issuer and not by_aws(change):
        where = f"iam::{{account}}:oidc-provider/{issuer}"
        found_ = resource(change, "iam.oidc-provider", issuer, where)
        yield Suspect(found_, Certainty.EVIDENT, hint)


def _issuer(url: str) -> str:
    return url.partition("://")[2] or url


def _oidc_made(change: Change, trusted: Trusted) -> Iterator[Suspect]:
    if change.name == "CreateOpenIDConnectProvider":
        for one in _oidc(change, {}):
            if not {one.resource.arn, one.resource.id} & trusted.principals:
                yield one


def _client_added(change: Change, trusted: Trusted) -> Iterator[Suspect]:
    client = text(change.request, "clientID", "clientId")
    if change.name == "AddClientIDToOpenIDConnectProvider" and client:
        yield from _oidc(change, {"client": client})


def _read_oidc(suspect: Suspect, reader: Reader) -> Document | None:
    provider = suspect.resource
    answer = reader.read(
        "iam", "GetOpenIDConnectProvider", OpenIDConnectProviderArn=provider.arn, absent=GONE
    )
    if answer is None:
        return None
    described = document(answer)
    return {
        "arn": provider.arn,
        "url": text(described, "Url"),
        "clients": _sorted(described.get("ClientIDList")),
        "thumbprints": _sorted(described.get("ThumbprintList")),
        "tags": tags(described),
        **suspect.hint,
    }


def _sorted(names: Json) -> list[Json]:
    return [*sorted(map(str, names))] if isinstance(names, (list, tuple)) else []


def _why_oidc(state: Document, trusted: Trusted) -> str:
    if {str(state["arn"]), str(state["url"])} & trusted.principals:
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
    references=References(attack=("T1484.002",)),
    triggers=(
        Trigger(IAM, "CreateOpenIDConnectProvider"),
        Trigger(IAM, "DeleteOpenIDConnectProvider"),
    ),
    reads=("iam:GetOpenIDConnectProvider",),
    writes={
        "iam:DeleteOpenIDConnectProvider": _OIDC,
        "iam:CreateOpenIDConnectProvider": _OIDC,
        "iam:TagOpenIDConnectProvider": _OIDC,
    },
    suspects=_oidc_made,
    read=_read_oidc,
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
    suspects=_client_added,
    read=_read_oidc,
    risky=_why_client,
    steps=_remove_client,
    proven="stub",
)

CONTROLS = (IDP_ADDED, SamlReplaced(), OIDC_ADDED, OIDC_CLIENT_ADDED)
