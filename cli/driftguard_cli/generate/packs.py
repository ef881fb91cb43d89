"""The entries of the packs that follow from what the controls declare.

People write a pack's comment and its terms; the block `controls` of these three is written here, so
that a new control is in the packs that it belongs to. A control with a safe remediation reverts,
but for the starter's lesser ones; one without asks, which tells people.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from driftguard.controls.control import AnyControl
from driftguard.controls.mechanisms.resource_policy import OpenPolicy
from driftguard.controls.mechanisms.sharing import Sharing

# What a pack says of a control: its autonomy, and a word on why; None if it says nothing.
Entry: TypeAlias = "Callable[[AnyControl], tuple[str, str] | None]"

# The controls of AWS Security Hub that stand for a recommendation of the CIS AWS Foundations
# Benchmark 3.0.0. Version 5.0.0 has them too, and EFS.8, RDS.5 and RDS.15, of which no control here
# speaks. Source: AWS Security Hub User Guide, "CIS AWS Foundations Benchmark in Security Hub CSPM",
# and the related requirements in its pages on the controls of each service.
CIS = frozenset(
    {
        "Account.1",
        *(f"CloudTrail.{number}" for number in (1, 2, 4, 7)),
        "Config.1",
        *(f"EC2.{number}" for number in (2, 6, 7, 8, 21, 53, 54)),
        "EFS.1",
        *(f"IAM.{number}" for number in (2, 3, 4, 5, 6, 9, 15, 16, 18, 22, 26, 27, 28)),
        "KMS.4",
        *(f"RDS.{number}" for number in (2, 3, 13)),
        *(f"S3.{number}" for number in (1, 5, 8, 20, 22, 23)),
    }
)
# From which severity on the starter reverts, and asks: what Security Hub calls critical, and high.
CRITICAL = 90
HIGH = 70

# What lets a stranger in by other means than a resource policy or a list of grantees: copies that
# go out, switches that keep sharing shut, and whose word on identities is believed.
_BY_OTHER_MEANS = frozenset(
    {
        "apigateway.policy-opened",
        "codebuild.public",
        "data.exported",
        "ec2.ami-bpa-off",
        "ec2.endpoint-policy-opened",
        "ec2.peering-external",
        "ec2.snapshot-bpa-off",
        "ec2.traffic-mirror",
        "eks.external-access",
        "iam.idp-added",
        "iam.idp-replaced",
        "iam.oidc-client-added",
        "iam.oidc-provider-added",
        "kms.external-grant",
        "lambda.layer-external",
        "lambda.public-invoke",
        "lambda.public-layer",
        "lambda.public-url",
        "lightsail.public-bucket",
        "rolesanywhere.trust-anchor-created",
        "s3.account-bpa-off",
        "s3.bucket-bpa-off",
        "s3.inventory-external",
        "s3.notification-external",
        "s3.public-acl",
        "s3.public-object",
        "s3.public-policy",
        "s3.replication-external",
        "ssm.public-sharing-allowed",
    }
)


def _if_safe(control: AnyControl) -> str:
    return "ask" if control.revert else "revert"


def _starter(control: AnyControl) -> tuple[str, str] | None:
    if control.severity < HIGH:
        return None
    # What a containment cuts off is for people to weigh, whoever starts.
    reverts = control.severity >= CRITICAL and not control.contains
    return (_if_safe(control) if reverts else "ask"), ""


def _cis(control: AnyControl) -> tuple[str, str] | None:
    named = [one for one in control.references.security_hub if one in CIS]
    return (_if_safe(control), ", ".join(named)) if named else None


def _data_perimeter(control: AnyControl) -> tuple[str, str] | None:
    shares = isinstance(control, (OpenPolicy, Sharing)) or control.id in _BY_OTHER_MEANS
    return (_if_safe(control), "") if shares else None


_PACKS: dict[str, Entry] = {
    "cis": _cis,
    "data-perimeter": _data_perimeter,
    "starter": _starter,
}
_BLOCK = re.compile(r"^  # generated: controls\n.*?^  # end generated$", re.M | re.S)


def packs(root: Path, every: Sequence[AnyControl]) -> dict[Path, str]:
    """Return these packs, with the blocks of their controls written anew.

    Raises ValueError if a pack has lost its block.
    """
    return {
        (path := root / "policies" / "packs" / f"{name}.yaml"): _with_block(path, entry, every)
        for name, entry in _PACKS.items()
    }


def _with_block(path: Path, entry: Entry, every: Sequence[AnyControl]) -> str:
    pack = path.read_text()
    block = _BLOCK.search(pack)
    if block is None:
        raise ValueError(f"{path.name} has lost its block `# generated: controls`")
    lines = "".join(_line(control, entry(control)) for control in every)
    begin, end = block.span()
    return f"{pack[:begin]}  # generated: controls\n{lines}  # end generated{pack[end:]}"


def _line(control: AnyControl, entry: tuple[str, str] | None) -> str:
    if entry is None:
        return ""
    autonomy, why = entry
    return f"  {control.id}: {{ autonomy: {autonomy} }}" + (f" # {why}" if why else "") + "\n"
