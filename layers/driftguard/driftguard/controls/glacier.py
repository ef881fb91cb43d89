"""Glacier: vaults open by their access policy.

Source: Amazon S3 Glacier Developer Guide, "Vault Access Policies" and "Set Vault Access Policy".
The control is about access policies; what a vault lock's policy denies stays in force beside them.
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, resource
from .mechanisms.resource_policy import OpenPolicy

_GLACIER = "glacier.amazonaws.com"
_VAULTS = ("arn:{partition}:glacier:{region}:{account}:vaults/*",)
_GONE = ("ResourceNotFoundException",)


def _vault(change: Change) -> Iterator[Candidate]:
    name = text(change.request, "vaultName")
    if name:
        where = f"glacier:{{region}}:{{account}}:vaults/{name}"
        yield Candidate(resource(change, "glacier.vault", name, where), Certainty.POSSIBLE)


def _vaults(reader: Reader) -> Iterator[Resource]:
    listing = reader.pages("glacier", "ListVaults", "VaultList", accountId=reader.account)
    for vault in map(document, listing):
        name, arn = text(vault, "VaultName"), text(vault, "VaultARN")
        yield Resource("glacier.vault", name, reader.account, reader.region, arn)


def _policy(vault: Resource, reader: Reader) -> Document:
    found = reader.read(
        "glacier",
        "GetVaultAccessPolicy",
        accountId=vault.account,
        vaultName=vault.id,
        absent=_GONE,
    )
    return {"policy": text(mapping(document(found), "policy"), "Policy")}


def _call(vault: Resource, operation: str, **more: Json) -> Call:
    parameters: Document = {"accountId": vault.account, "vaultName": vault.id, **more}
    return Call("glacier", operation, parameters, on=(vault.arn,))


PUBLIC_VAULT = OpenPolicy(
    id="glacier.public-vault",
    title="Archive vault open by its policy",
    severity=85,
    cuts=NOTHING,
    references=References(attack=("T1530", "T1537")),
    triggers=(Trigger(_GLACIER, "SetVaultAccessPolicy"),),
    reads=("glacier:GetVaultAccessPolicy", "glacier:ListVaults"),
    writes={"glacier:SetVaultAccessPolicy": _VAULTS, "glacier:DeleteVaultAccessPolicy": _VAULTS},
    proven="stub",
    found_by=_vaults,
    service="glacier",
    candidates=_vault,
    written=lambda change: mapping(change.request, "policy").get("policy"),
    read=_policy,
    put=lambda vault, written, _: _call(vault, "SetVaultAccessPolicy", policy={"Policy": written}),
    delete=lambda vault, _: _call(vault, "DeleteVaultAccessPolicy"),
)

CONTROLS = (PUBLIC_VAULT,)
