"""Glue: a data catalog open by its policy, or no longer encrypted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, partition_of, resource
from .mechanisms.resource_policy import OpenPolicy
from .mechanisms.weakened import Weakened, told, weaker_than_before

_GLUE = "glue.amazonaws.com"
_CATALOG = ("arn:{partition}:glue:{region}:{account}:catalog",)


def _catalog(change: Change) -> Resource:
    """The region's own data catalog."""
    return resource(change, "glue.catalog", change.account, "glue:{region}:{account}:catalog")


def _catalogs(reader: Reader) -> Iterator[Resource]:
    where = f"arn:{partition_of(reader.region)}:glue:{reader.region}:{reader.account}:catalog"
    yield Resource("glue.catalog", reader.account, reader.account, reader.region, where)


# ------------------------------------------------------------------------------------ policy


def _policy(catalog: Resource, reader: Reader) -> Document:
    found = reader.read("glue", "GetResourcePolicy", absent=("EntityNotFoundException",))
    return {"policy": text(document(found), "PolicyInJson")}


def _put(catalog: Resource, written: str, state: Document) -> Call:
    # EnableHybrid says that grants of Lake Formation may stand beside the policy: where there are
    # any, Glue refuses the call without it (AWS Glue Web API Reference, "PutResourcePolicy").
    return Call(
        "glue",
        "PutResourcePolicy",
        {"PolicyInJson": written, "EnableHybrid": "TRUE"},
        on=(catalog.arn,),
    )


PUBLIC_POLICY = OpenPolicy(
    id="glue.public-policy",
    title="Data catalog open by its policy",
    severity=82,
    cuts=NOTHING,
    references=References(attack=("T1530", "T1619")),
    triggers=(Trigger(_GLUE, "PutResourcePolicy"),),
    reads=("glue:GetResourcePolicy",),
    found_by=_catalogs,
    writes={"glue:PutResourcePolicy": _CATALOG, "glue:DeleteResourcePolicy": _CATALOG},
    service="glue",
    candidates=lambda change: [Candidate(_catalog(change), Certainty.POSSIBLE)],
    written=lambda change: change.request.get("policyInJson"),
    read=_policy,
    put=_put,
    delete=lambda catalog, state: Call("glue", "DeleteResourcePolicy", {}, on=(catalog.arn,)),
)


# -------------------------------------------------------------------------------- encryption

_AT_REST, _PASSWORDS = "EncryptionAtRest", "ConnectionPasswordEncryption"


def _decrypted(change: Change) -> Iterable[Candidate]:
    asked = mapping(change.request, "dataCatalogEncryptionSettings")
    at_rest = text(mapping(asked, "encryptionAtRest"), "catalogEncryptionMode")
    passwords = flag(
        mapping(asked, "connectionPasswordEncryption").get("returnConnectionPasswordEncrypted")
    )
    weak = [_AT_REST] if at_rest == "DISABLED" else []
    if passwords is False:
        weak.append(_PASSWORDS)
    if weak:
        yield told(_catalog(change), *weak)
    elif not at_rest or passwords is None:
        yield Candidate(_catalog(change), Certainty.POSSIBLE)


def _encryption(catalog: Resource, reader: Reader) -> Document:
    found = document(reader.read("glue", "GetDataCatalogEncryptionSettings"))
    settings = mapping(found, "DataCatalogEncryptionSettings")
    return {name: mapping(settings, name) for name in (_AT_REST, _PASSWORDS)}


def _plain(state: Document) -> dict[str, str]:
    weak = {}
    if text(mapping(state, _AT_REST), "CatalogEncryptionMode") in ("", "DISABLED"):
        weak[_AT_REST] = "the catalog's metadata is not encrypted"
    if not flag(mapping(state, _PASSWORDS).get("ReturnConnectionPasswordEncrypted")):
        weak[_PASSWORDS] = "the passwords of connections are not encrypted"
    return weak


def _encrypt(catalog: Resource, state: Document, fields: tuple[str, ...]) -> Call:
    settings = {name: state[name] for name in (_AT_REST, _PASSWORDS)}
    role = text(mapping(state, _AT_REST), "CatalogEncryptionServiceRole")
    return Call(
        "glue",
        "PutDataCatalogEncryptionSettings",
        {"DataCatalogEncryptionSettings": settings},
        on=(catalog.arn, role) if role else (catalog.arn,),
    )


ENCRYPTION_OFF = Weakened(
    id="glue.encryption-off",
    title="Data catalog no longer encrypted",
    severity=50,
    cuts=NOTHING,
    references=References(attack=("T1562", "T1552")),
    triggers=(Trigger(_GLUE, "PutDataCatalogEncryptionSettings"),),
    reads=("glue:GetDataCatalogEncryptionSettings",),
    writes={
        "glue:PutDataCatalogEncryptionSettings": _CATALOG,
        "iam:PassRole": ("arn:{partition}:iam::{account}:role/*",),
    },
    found_by=_catalogs,
    candidates=_decrypted,
    read=_encryption,
    weaker=weaker_than_before(_plain),
    put=_encrypt,
)

CONTROLS = (PUBLIC_POLICY, ENCRYPTION_OFF)
