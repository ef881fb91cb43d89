"""Keys whose material is kept elsewhere: deleted, or out of reach."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, items, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from ..control import NOTHING, Busy, References, Settling, Trigger, resource
from ..mechanisms.advice import Advice
from ..mechanisms.declared import evident
from ..mechanisms.switch import Switch
from .key import KMS, describe, key_of

# Actions on custom key stores know no resources.
_STORES = ("*",)
_NO_STORE = ("CustomKeyStoreNotFoundException",)


def _emptied(key: Resource, reader: Reader) -> Document | None:
    """The state of a key without material; None once material was imported again."""
    found = describe(key, reader)
    if found is None or text(found, "KeyState") != "PendingImport":
        return None
    return {"state": text(found, "KeyState")}


MATERIAL_DELETED = Advice(
    id="kms.material-deleted",
    title="Imported key material deleted",
    severity=90,
    cuts=NOTHING,
    references=References(attack=("T1485", "T1486")),
    triggers=(Trigger(KMS, "DeleteImportedKeyMaterial"), Trigger(KMS, "ImportKeyMaterial")),
    reads=("kms:DescribeKey",),
    revert="only who has the original material can import it again",
    candidates=evident(key_of, "DeleteImportedKeyMaterial"),
    read=_emptied,
    why="nothing that the key encrypted can be decrypted until its material is imported again",
    advice="Import the same material again: KMS takes no other for this key.",
)


def _disconnected(change: Change) -> Iterator[Candidate]:
    id_ = text(change.request, "customKeyStoreId")
    if id_ and change.name == "DisconnectCustomKeyStore":
        where = f"kms:{{region}}:{{account}}:custom-key-store/{id_}"
        found = resource(change, "kms.custom-key-store", id_, where)
        yield Candidate(found, Certainty.EVIDENT)


def _connection(store: Resource, reader: Reader) -> Document | None:
    answer = reader.read(
        "kms", "DescribeCustomKeyStores", CustomKeyStoreId=store.id, absent=_NO_STORE
    )
    found = next(items(document(answer).get("CustomKeyStores")), None)
    if found is None:
        return None
    return {"connected": text(found, "ConnectionState") in ("CONNECTED", "CONNECTING")}


def _connect(store: Resource, state: Document) -> Call:
    verb = "Connect" if state["connected"] else "Disconnect"
    return Call("kms", f"{verb}CustomKeyStore", {"CustomKeyStoreId": store.id}, on=_STORES)


KEY_STORE_DISCONNECTED = Switch(
    id="kms.key-store-disconnected",
    title="Custom key store disconnected",
    severity=85,
    cuts=NOTHING,
    settling=Settling(
        1200,
        "to connect a custom key store takes up to 20 minutes "
        '(AWS KMS API Reference, "ConnectCustomKeyStore")',
    ),
    # It is disconnecting still.
    busy=(Busy("CustomKeyStoreInvalidStateException"),),
    references=References(attack=("T1485", "T1489")),
    triggers=(Trigger(KMS, "DisconnectCustomKeyStore"), Trigger(KMS, "ConnectCustomKeyStore")),
    proven="stub",
    reads=("kms:DescribeCustomKeyStores",),
    writes={"kms:ConnectCustomKeyStore": _STORES, "kms:DisconnectCustomKeyStore": _STORES},
    candidates=_disconnected,
    read=_connection,
    risky=lambda state, _: (
        "" if state["connected"] else "no key of the key store can be used until it is connected"
    ),
    safe=lambda state, _: {"connected": True},
    put=_connect,
    advice="A key store that cannot be connected says why: see its ConnectionErrorCode.",
)

CONTROLS = (MATERIAL_DELETED, KEY_STORE_DISCONNECTED)
