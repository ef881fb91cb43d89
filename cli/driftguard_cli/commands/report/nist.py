"""The requirements of NIST SP 800-53 rev. 5 to which Security Hub relates its controls.

AWS gives no table of them: they stand as "Related requirements" on the page of each control. A
control that is not here has none there, or is in `NOT_READ`: its page was not at hand. The row of
CloudTrail.2 is from a third party's playbook for that control, and not from AWS's page.

Source: AWS Security Hub User Guide, "Security Hub CSPM controls reference": the pages of the
services' controls.
"""

from __future__ import annotations

import re

# What many controls share, as AWS lists it for each of them.
_NOT_PUBLIC = (
    "AC-3 AC-3(7) AC-4 AC-4(21) AC-6 AC-21 SC-7 SC-7(3) SC-7(4) SC-7(9) SC-7(11) SC-7(16) SC-7(20) "
    "SC-7(21)"
)
_NETWORK = "AC-4 AC-4(21) SC-7 SC-7(4) SC-7(5) SC-7(11) SC-7(16) SC-7(21)"
_AT_REST = "CA-9(1) CM-3(6) SC-7(10) SC-13 SC-28 SC-28(1) SI-7(6)"
_IN_TRANSIT = (
    "AC-4 AC-17(2) IA-5(1) SC-7(4) SC-8 SC-8(1) SC-8(2) SC-12(3) SC-13 SC-23 SC-23(3) SI-7(6)"
)
_FROM_DELETION = "CA-9(1) CM-2 CM-2(2) CM-3 SC-5(2)"
_BACKED_UP = "CP-6 CP-6(1) CP-6(2) CP-9 CP-10 SC-5(2) SI-12 SI-13(5)"
_LOGGED = (
    "AC-2(4) AC-4(26) AC-6(9) AU-2 AU-3 AU-6(3) AU-6(4) AU-10 AU-12 CA-7 SC-7(9) SI-3(8) SI-4(20) "
    "SI-7(8)"
)
_MFA = "AC-2(1) AC-3(15) IA-2(1) IA-2(2) IA-2(6) IA-2(8)"
_NO_WILDCARDS = "AC-2 AC-2(1) AC-3 AC-3(7) AC-3(15) AC-5 AC-6 AC-6(2) AC-6(3) AC-6(10)"
_BY_IAM = "AC-2(1) AC-3 AC-3(7) AC-3(15) AC-6"

_RELATED = {
    "APIGateway.4": "AC-4(21)",
    "Account.1": "CM-2 CM-2(2)",
    "AutoScaling.3": "AC-3 AC-3(7) AC-3(15) AC-6 CA-9(1) CM-2",
    "CloudTrail.1": f"{_LOGGED} AU-14(1) SA-8(22)",
    "CloudTrail.2": f"AU-9 {_AT_REST}",
    "CloudWatch.15": "AU-6(1) AU-6(5) CA-7 IR-4(1) IR-4(5) SI-2 SI-4(5) SI-4(12) SI-20",
    "CloudWatch.16": "AU-6(3) AU-6(4) AU-10 AU-11 CA-7 SI-12",
    "CloudWatch.17": "AU-6(1) AU-6(5) CA-7 SI-2 SI-4(12)",
    "CodeBuild.1": "SA-3",
    "CodeBuild.2": "IA-5(7) SA-3",
    "Config.1": "CM-3 CM-6(1) CM-8 CM-8(2)",
    "DMS.1": _NOT_PUBLIC,
    "DocumentDB.3": _NOT_PUBLIC,
    "DynamoDB.2": "CP-6(2) CP-9 CP-10 SC-5(2) SI-12 SI-13(5)",
    "DynamoDB.6": _FROM_DELETION,
    "EC2.1": _NOT_PUBLIC,
    "EC2.2": _NETWORK,
    "EC2.3": _AT_REST,
    "EC2.6": "AC-4(26) AU-2 AU-3 AU-6(3) AU-6(4) AU-12 CA-7 SI-7(8)",
    "EC2.7": _AT_REST,
    "EC2.8": "AC-3 AC-3(7) AC-3(15) AC-6",
    "EC2.13": f"{_NETWORK} CM-7",
    "EC2.15": _NOT_PUBLIC,
    "EC2.18": _NETWORK,
    "EC2.19": f"{_NETWORK} CA-9(1) CM-2 CM-2(2) CM-7",
    "EC2.21": "AC-4(21) CA-9(1) CM-2 CM-2(2) CM-7 SC-7 SC-7(5) SC-7(21)",
    "EC2.23": "AC-4(21) CA-9(1) CM-2",
    "ECR.1": "RA-5",
    "ECR.2": "CA-9(1) CM-2 CM-8(1)",
    "ECS.8": "CA-9(1) CM-2",
    "EFS.2": _BACKED_UP,
    "EKS.1": _NOT_PUBLIC,
    "ELB.4": "SC-7(4) SC-8(2)",
    "ELB.5": "AC-4(26) AU-2 AU-3 AU-6(3) AU-6(4) AU-10 AU-12 CA-7 SC-7(9) SI-7(8)",
    "ELB.6": _FROM_DELETION,
    "ELB.8": _IN_TRANSIT,
    "ELB.16": "AC-4(21)",
    "ELB.17": _IN_TRANSIT,
    "EMR.2": _NOT_PUBLIC,
    "ES.2": _NOT_PUBLIC,
    "GuardDuty.1": (
        "AC-2(12) AU-6(1) AU-6(5) CA-7 CM-8(3) RA-3(4) SA-8(19) SA-8(21) SA-8(25) SA-11(1) "
        "SA-11(6) SA-15(2) SA-15(8) SC-5 SC-5(1) SC-5(3) SI-3(8) SI-4 SI-4(1) SI-4(2) SI-4(4) "
        "SI-4(5) SI-4(13) SI-4(22) SI-4(25) SI-20"
    ),
    "IAM.1": _NO_WILDCARDS,
    "IAM.2": "AC-2 AC-2(1) AC-3 AC-3(7) AC-3(15) AC-6 AC-6(3)",
    "IAM.3": "AC-2(1) AC-2(3) AC-3(15)",
    "IAM.4": "AC-2(1) AC-3(7) AC-3(15) AC-6 AC-6(2) AC-6(10)",
    "IAM.5": _MFA,
    "IAM.7": "AC-2(1) AC-2(3) AC-3(15) IA-5(1)",
    "IAM.19": _MFA,
    "IAM.21": _NO_WILDCARDS,
    "KMS.2": "AC-2 AC-2(1) AC-3 AC-3(7) AC-3(15) AC-5 AC-6 AC-6(3)",
    "KMS.3": "SC-12 SC-12(2)",
    "KMS.4": "SC-12 SC-12(2) SC-28(3)",
    "Kinesis.1": _AT_REST,
    "Lambda.1": _NOT_PUBLIC,
    "Macie.1": "CA-7 CA-9(1) RA-5 SA-8(19) SI-4",
    "Neptune.3": _NOT_PUBLIC,
    "NetworkFirewall.2": f"{_LOGGED} AC-2(12) AU-9(7) SI-4",
    "NetworkFirewall.9": _FROM_DELETION,
    "Opensearch.2": _NOT_PUBLIC,
    "RDS.1": _NOT_PUBLIC,
    "RDS.2": _NETWORK,
    "RDS.3": _AT_REST,
    "RDS.7": "CM-3 SC-5(2)",
    "RDS.8": "CM-3 SC-5(2) SI-13(5)",
    "RDS.10": _BY_IAM,
    "RDS.11": _BACKED_UP,
    "RDS.27": _AT_REST,
    "Redshift.1": _NOT_PUBLIC,
    "Route53.2": _LOGGED,
    "S3.1": _NOT_PUBLIC,
    "S3.2": _NOT_PUBLIC,
    "S3.3": _NOT_PUBLIC,
    "S3.5": _IN_TRANSIT,
    "S3.6": "CA-9(1) CM-2",
    "S3.8": _NOT_PUBLIC,
    "S3.9": _LOGGED,
    "S3.12": _BY_IAM,
    "S3.13": "CP-6(2) CP-9 CP-10 SC-5(2) SI-13(5)",
    "S3.14": f"AU-9(2) {_BACKED_UP}",
    "S3.15": "CP-6(2)",
    "S3.17": f"AU-9 {_AT_REST} SC-12(2)",
    "SSM.4": _NOT_PUBLIC,
    "SecretsManager.1": "AC-2(1) AC-3(15)",
    "WAF.11": "AC-4(26) AU-2 AU-3 AU-6(3) AU-6(4) AU-10 AU-12 CA-7 SC-7(9) SC-7(10) SI-7(8)",
}

# Controls of Security Hub that ours name, and whose requirements nobody has read on AWS's page.
NOT_READ: tuple[str, ...] = (
    *(f"CloudTrail.{number}" for number in (3, 4, 5, 7)),
    *(f"CloudWatch.{number}" for number in range(1, 15)),
    *(f"EC2.{number}" for number in (53, 54, 172, 182)),
    "EKS.8",
    *(f"Inspector.{number}" for number in (2, 3, 4)),
    "RedshiftServerless.3",
    "SQS.3",
    "SSM.7",
)


def in_order(requirement: str) -> tuple[str, int, int]:
    """What sorts requirements as NIST does: AC-2, AC-2(12), AC-21."""
    found = re.fullmatch(r"([A-Z]{2})-(\d+)(?:\((\d+)\))?", requirement)
    if found is None:
        raise ValueError(f"{requirement} is no control of NIST SP 800-53")
    family, number, enhancement = found.groups()
    return family, int(number), int(enhancement or 0)


NIST: dict[str, tuple[str, ...]] = {
    name: tuple(sorted(listed.split(), key=in_order)) for name, listed in _RELATED.items()
}
