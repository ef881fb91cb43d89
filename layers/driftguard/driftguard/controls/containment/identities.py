"""Says whom a finding of GuardDuty is about, by what decisions are joined to an incident by. Pure.

What AWS itself says of the credentials counts, and not the name that a session was given. An
address counts only where the finding rests on a threat list that AWS keeps: a network that many
share, an exit of Tor and an entry of the account's own list say nothing of who called.

Sources: Amazon GuardDuty API Reference, "AccessKeyDetails", "Actor", "User", "RemoteIpDetails";
Amazon GuardDuty User Guide, "GuardDuty IAM finding types".
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.documents import Document, items, mapping, text
from driftguard.state import incidents

# Types about credentials of an instance that GuardDuty has seen elsewhere.
_OF_AN_INSTANCE = "InstanceCredentialExfiltration"
# The end of the types that rest on AWS's own threat lists.
_LISTED = "/MaliciousIPCaller"


def who(found: Document, account: str) -> list[str]:
    """Whom a finding, as events have it, of an account is about; empty where it does not say.

    A sequence of several actors names none: it does not say which did what.
    """
    return list(dict.fromkeys(filter(None, _who(found, account))))


def _who(found: Document, account: str) -> Iterator[str]:
    resource, service = mapping(found, "resource"), mapping(found, "service")
    instance = text(mapping(resource, "instanceDetails"), "instanceId")
    key = mapping(resource, "accessKeyDetails")
    if not instance and _OF_AN_INSTANCE in text(found, "type"):
        instance = _session(key)
    yield from _of_credentials(key, account)
    if instance:
        yield incidents.of_instance(instance)
    actors = list(items(mapping(mapping(service, "detection"), "sequence").get("actors")))
    if len(actors) == 1:
        yield from _of_actor(actors[0], account)
    if text(found, "type").endswith(_LISTED):
        call = mapping(mapping(service, "action"), "awsApiCallAction")
        remote = mapping(call, "remoteIpDetails")
        yield incidents.of_address(text(remote, "ipAddressV4") or text(remote, "ipAddressV6"))


def _of_credentials(key: Document, account: str) -> Iterator[str]:
    id_, name = text(key, "accessKeyId"), text(key, "userName")
    if text(key, "userType") == "IAMUser":
        yield incidents.of_user(account, name) if name else ""
        return
    yield incidents.of_access_key(id_) if id_ else ""
    yield incidents.of_sso_session(name, _session(key))


def _of_actor(actor: Document, account: str) -> Iterator[str]:
    user = mapping(actor, "user")
    name, id_ = text(user, "name"), text(user, "credentialUid")
    if text(user, "type") == "IAMUser":
        same = text(mapping(user, "account"), "uid") in ("", account)
        yield incidents.of_user(account, name) if name and same else ""
        return
    yield incidents.of_access_key(id_) if id_ else ""


def _session(key: Document) -> str:
    """The name of the session in `principalId` (`AROA…:name`); "" for what is none."""
    id_, _, name = text(key, "principalId").partition(":")
    return name if id_.startswith("AROA") else ""
