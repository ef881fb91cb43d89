"""The table of GuardDuty's finding types: what each contains, how sure it is, how far to go."""

from __future__ import annotations

import re

import pytest

from driftguard.controls.containment.finding_types import Sure, Target, entries, entry
from driftguard.controls.iam.stranger_findings import known_types
from driftguard.model import Autonomy
from driftguard_cli.generate import finding_types as page

# Source: Amazon GuardDuty User Guide, "GuardDuty finding format": purpose, resource, family.
_FORM = re.compile(r"[A-Z][A-Za-z]+:[A-Z][A-Za-z0-9]+/[A-Z][A-Za-z&!.]+")


def test_every_type_is_written_as_guardduty_writes_it() -> None:
    assert [name for name in entries() if not _FORM.fullmatch(name)] == []
    assert len(entries()) > 200


def test_an_unknown_type_means_nothing() -> None:
    assert entry("AttackSequence:Quantum/CompromisedQubits") is None


def test_only_sequences_and_exfiltrated_credentials_are_contained_without_asking() -> None:
    bold = {name for name, known in entries().items() if known.contains}
    assert bold == {
        "AttackSequence:EC2/CompromisedInstanceGroup",
        "AttackSequence:ECS/CompromisedCluster",
        "AttackSequence:EKS/CompromisedCluster",
        "AttackSequence:IAM/CompromisedCredentials",
        "AttackSequence:S3/CompromisedData",
        "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.InsideAWS",
        "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
        "UnauthorizedAccess:IAMUser/ResourceCredentialExfiltration.InsideAWS",
        "UnauthorizedAccess:IAMUser/ResourceCredentialExfiltration.OutsideAWS",
    }


def test_nothing_but_a_principal_is_contained_without_asking_and_only_when_known() -> None:
    for name, known in entries().items():
        for target in Target:
            if known.autonomy(target) is Autonomy.REVERT:
                assert (target, known.sure) == (Target.PRINCIPAL, Sure.KNOWN), name


@pytest.mark.parametrize(
    ("type_", "targets", "sure"),
    [
        ("Backdoor:EC2/C&CActivity.B!DNS", (Target.INSTANCE,), Sure.LIKELY),
        ("UnauthorizedAccess:Lambda/TorClient", (Target.FUNCTION,), Sure.LIKELY),
        ("Discovery:S3/AnomalousBehavior", (Target.PRINCIPAL, Target.BUCKET), Sure.POSSIBLE),
        (
            "Execution:Runtime/ReverseShell",
            (Target.INSTANCE, Target.POD, Target.TASK),
            Sure.KNOWN,
        ),
        (
            "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
            (Target.PRINCIPAL, Target.INSTANCE),
            Sure.KNOWN,
        ),
        ("CredentialAccess:RDS/TorIPCaller.SuccessfulLogin", (Target.DATABASE,), Sure.LIKELY),
        ("Policy:S3/BucketPublicAccessGranted", (), Sure.POSSIBLE),
        ("Exfiltration:EC2/TransferDataToCloudAccount", (), Sure.POSSIBLE),
    ],
)
def test_what_a_type_means(type_: str, targets: tuple[Target, ...], sure: Sure) -> None:
    known = entry(type_)
    assert known is not None
    assert (known.targets, known.sure) == (targets, sure)


def test_what_is_reported_of_a_key_is_reported_of_its_principal() -> None:
    for name in known_types():
        known = entry(name)
        assert known is not None and Target.PRINCIPAL in known.targets, name


def test_the_page_has_a_row_for_each_type() -> None:
    written = page.page()
    rows = {line.split("`")[1]: line for line in written.splitlines() if line.startswith("| `")}
    assert set(rows) == set(entries())
    sequence = rows["AttackSequence:IAM/CompromisedCredentials"]
    assert sequence.endswith("| principal | known | `revert` |")
    assert (
        "principal: `revert`, instance: "
        in rows["UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS"]
    )
    assert rows["Stealth:IAMUser/PasswordPolicyChange"].endswith("| - |  |  |")
