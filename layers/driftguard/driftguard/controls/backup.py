"""AWS Backup: vaults that no longer keep what is in them, and backups that are gone."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import Refused, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, partition_of, resource
from .mechanisms.advice import Advice
from .mechanisms.declared import evident
from .mechanisms.resource_policy import DenyLost
from .mechanisms.switch import Switch

_BACKUP = "backup.amazonaws.com"
_VAULTS = ("arn:{partition}:backup:{region}:{account}:backup-vault:*",)
_GONE = ("ResourceNotFoundException",)


def _vault(change: Change) -> Resource | None:
    return _named(text(change.request, "backupVaultName"), change.account, change.region)


def _named(name: str, account: str, region: str) -> Resource | None:
    arn = f"arn:{partition_of(region)}:backup:{region}:{account}:backup-vault:{name}"
    return Resource("backup.vault", name, account, region, arn) if name else None


def _vaults(reader: Reader) -> Iterator[Resource]:
    for vault in reader.pages("backup", "ListBackupVaults", "BackupVaultList"):
        named = _named(str(vault["BackupVaultName"]), reader.account, reader.region)
        if named is not None:
            yield named


def _described(vault: Resource, reader: Reader) -> Document | None:
    """The vault; None when it is gone.

    Of a vault that is not there AWS Backup says that it may not be read, at times. Only the listing
    tells that from a permission that is missing.
    """
    try:
        found = reader.read("backup", "DescribeBackupVault", BackupVaultName=vault.id, absent=_GONE)
    except Refused:
        if any(listed == vault for listed in _vaults(reader)):
            raise
        return None
    return None if found is None else document(found)


# ------------------------------------------------------------------------------------- the lock


def _unlocked(change: Change) -> Iterator[Candidate]:
    vault = _vault(change)
    if vault is not None and change.name == "DeleteBackupVaultLockConfiguration":
        yield Candidate(vault, Certainty.EVIDENT)
    elif vault is not None and change.name == "PutBackupVaultLockConfiguration":
        yield Candidate(vault, Certainty.POSSIBLE)


def _lock(vault: Resource, reader: Reader) -> Document | None:
    found = _described(vault, reader)
    if found is None:
        return None
    locked = found.get("Locked") is True
    days = {name: found.get(name) for name in ("MinRetentionDays", "MaxRetentionDays")}
    return {"locked": locked, **(days if locked else dict.fromkeys(days))}


def _why_unlocked(state: Document, baseline: Document | None) -> str:
    if baseline is None or not baseline["locked"]:
        return ""
    if not state["locked"]:
        return "the vault's backups can be deleted: it is no longer locked"
    now, before = (_days(one, "MinRetentionDays") for one in (state, baseline))
    return f"the lock keeps backups for {now} days, and no longer {before}" if now < before else ""


def _days(state: Document, name: str) -> int:
    value = state[name]
    return value if isinstance(value, int) else 0


def _put_lock(vault: Resource, state: Document) -> Call:
    named: Document = {"BackupVaultName": vault.id}
    if not state["locked"]:
        return Call("backup", "DeleteBackupVaultLockConfiguration", named, on=(vault.arn,))
    days = {name: days for name, days in state.items() if name != "locked" and days is not None}
    parameters = {**named, **days}
    return Call("backup", "PutBackupVaultLockConfiguration", parameters, on=(vault.arn,))


VAULT_UNLOCKED = Switch(
    id="backup.vault-unlocked",
    title="Backup vault's lock removed or shortened",
    severity=85,
    cuts=NOTHING,
    references=References(attack=("T1490", "T1485")),
    triggers=(
        Trigger(_BACKUP, "DeleteBackupVaultLockConfiguration"),
        Trigger(_BACKUP, "PutBackupVaultLockConfiguration"),
        # A new vault has no lock: it wakes the control in vain.
        Trigger(_BACKUP, "CreateBackupVault"),
    ),
    baselined=True,
    reads=("backup:DescribeBackupVault", "backup:ListBackupVaults"),
    writes={
        "backup:DeleteBackupVaultLockConfiguration": _VAULTS,
        "backup:PutBackupVaultLockConfiguration": _VAULTS,
    },
    found_by=_vaults,
    candidates=_unlocked,
    read=_lock,
    risky=_why_unlocked,
    safe=lambda _, baseline: baseline,
    put=_put_lock,
    advice="The lock comes back as one that can be changed: a date from which it cannot is set by "
    "people only, because nobody can take it back.",
)


# ----------------------------------------------------------------------------------- the policy


def _policy(vault: Resource, reader: Reader) -> Document | None:
    if _described(vault, reader) is None:
        return None
    found = reader.read(
        "backup", "GetBackupVaultAccessPolicy", BackupVaultName=vault.id, absent=_GONE
    )
    return {"policy": text(document(found), "Policy") or None}


def _evident_vault(change: Change) -> Iterator[Candidate]:
    vault = _vault(change)
    if vault is not None:
        yield Candidate(vault, Certainty.EVIDENT)


VAULT_POLICY_LOST = DenyLost(
    id="backup.vault-policy-lost",
    title="Backup vault's policy lost what it denied",
    severity=75,
    cuts=NOTHING,
    references=References(attack=("T1490", "T1562.001")),
    triggers=(
        Trigger(_BACKUP, "DeleteBackupVaultAccessPolicy"),
        Trigger(_BACKUP, "PutBackupVaultAccessPolicy"),
    ),
    reads=(
        "backup:DescribeBackupVault",
        "backup:GetBackupVaultAccessPolicy",
        "backup:ListBackupVaults",
    ),
    writes={
        "backup:DeleteBackupVaultAccessPolicy": _VAULTS,
        "backup:PutBackupVaultAccessPolicy": _VAULTS,
    },
    proven="stub",
    found_by=_vaults,
    candidates=_evident_vault,
    written=lambda change: change.request.get("policy"),
    read=_policy,
    put=lambda vault, written, _: Call(
        "backup",
        "PutBackupVaultAccessPolicy",
        {"BackupVaultName": vault.id, "Policy": written},
        on=(vault.arn,),
    ),
    delete=lambda vault, _: Call(
        "backup", "DeleteBackupVaultAccessPolicy", {"BackupVaultName": vault.id}, on=(vault.arn,)
    ),
)


# ------------------------------------------------------------------------------ what is deleted


def _point(change: Change) -> Iterator[Candidate]:
    """A backup that somebody deleted, and not AWS Backup as the plan's lifecycle says."""
    arn, vault = text(change.request, "recoveryPointArn"), text(change.request, "backupVaultName")
    # Its service's name, or the service-linked role that only it can have.
    by_itself = _BACKUP in change.actor.principal.split("/")
    if arn and not by_itself:
        where = Resource("backup.recovery-point", arn, change.account, change.region, arn)
        yield Candidate(where, Certainty.EVIDENT, {"vault": vault})


def _plan(change: Change) -> Iterator[Candidate]:
    """A plan that backs up nothing any more, or less."""
    plan = text(change.request, "backupPlanId")
    if plan and change.name in ("DeleteBackupPlan", "DeleteBackupSelection"):
        where = f"backup:{{region}}:{{account}}:backup-plan:{plan}"
        selection = text(change.request, "selectionId")
        found = resource(change, "backup.plan", plan, where)
        yield Candidate(found, Certainty.EVIDENT, {"selection": selection} if selection else {})


def _missing(vault: Resource, reader: Reader) -> Document | None:
    """The state of a vault that is gone; None if there is one by its name again."""
    return {"vault": vault.id} if _described(vault, reader) is None else None


CONTROLS = (
    VAULT_UNLOCKED,
    VAULT_POLICY_LOST,
    Advice(
        id="backup.recovery-point-deleted",
        title="Backup deleted",
        severity=75,
        cuts=NOTHING,
        references=References(attack=("T1490", "T1485")),
        triggers=(
            Trigger(_BACKUP, "DeleteRecoveryPoint"),
            Trigger(_BACKUP, "DisassociateRecoveryPoint"),
        ),
        revert="a deleted backup is gone, and one that was taken out of its vault cannot go back",
        candidates=_point,
        why="a backup was deleted, or no longer belongs to AWS Backup and its vault's lock",
        advice="See whether copies are in other vaults, and who else deletes backups now.",
    ),
    Advice(
        id="backup.plan-deleted",
        title="Backup plan deleted, or what it backed up",
        severity=65,
        cuts=NOTHING,
        references=References(attack=("T1490",)),
        triggers=(
            Trigger(_BACKUP, "DeleteBackupPlan"),
            Trigger(_BACKUP, "DeleteBackupSelection"),
            Trigger(_BACKUP, "CreateBackupPlan"),
        ),
        revert="what is made again has another id, under which nobody knows it",
        candidates=_plan,
        why="what the plan backed up is no longer backed up by it",
        advice="See what still backs these resources up; make the plan or its selection again.",
    ),
    Advice(
        id="backup.vault-deleted",
        title="Backup vault deleted",
        severity=70,
        cuts=NOTHING,
        references=References(attack=("T1490", "T1485")),
        triggers=(Trigger(_BACKUP, "DeleteBackupVault"), Trigger(_BACKUP, "CreateBackupVault")),
        reads=("backup:DescribeBackupVault", "backup:ListBackupVaults"),
        revert="a new vault has none of the backups, and whoever emptied the old one has them",
        candidates=evident(_vault, "DeleteBackupVault"),
        read=_missing,
        why="the vault was deleted; it had been emptied before",
        advice="See who emptied the vault, and which plans still name it: their backups fail.",
    ),
)
