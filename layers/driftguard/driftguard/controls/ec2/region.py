"""What EC2 sets for a whole region: encryption by default, blocks on public sharing, the console.

Sources: Amazon EBS User Guide, "Enable Amazon EBS encryption by default" and "Block public access
for Amazon EBS snapshots"; Amazon EC2 User Guide, "Understand block public access for AMIs" and "EC2
Serial Console for instances"; Amazon VPC User Guide, "Block public access to VPCs and subnets".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import NOT_IN_USE, Call, Candidate, Certainty, Change, Resource, Use

from ..control import NOTHING, Cuts, References, Settling
from ..mechanisms.declared import Candidates, unrecorded
from ..mechanisms.switch import Switch, since_before
from ..mechanisms.weakened import TOLD, told
from .records import BUSY, WHOLE_REGION, on, setting, setting_of, string

_ENCRYPTION = "ebs-encryption-by-default"
_SNAPSHOTS = "snapshot-block-public-access"
_IMAGES = "image-block-public-access"
_VPCS = "vpc-block-public-access"
_CONSOLE = "serial-console-access"

# How much each blocks, from nothing up.
_SNAPSHOT_LEVELS = ("unblocked", "block-new-sharing", "block-all-sharing")
_VPC_LEVELS = ("off", "block-ingress", "block-bidirectional")


def _call(operation: str, **parameters: str) -> Call:
    return Call("ec2", operation, dict(parameters), on=WHOLE_REGION)


def _listed(name: str) -> Callable[[Reader], Iterable[Resource]]:
    return lambda reader: (setting_of(reader, name),)


def _told(name: str, call: str) -> Candidates:
    """The setting, if it was made risky by this call: whether it was so before, nobody says."""

    def candidates(change: Change) -> Iterable[Candidate]:
        if change.name == call:
            yield told(setting(change, name, Certainty.EVIDENT).resource, name)

    return candidates


def _level(levels: tuple[str, ...], name: str) -> int:
    return levels.index(name) if name in levels else 0


# ------------------------------------------------------------------------ encryption by default


def _encryption(_: Resource, reader: Reader) -> Document:
    answer = document(reader.read("ec2", "GetEbsEncryptionByDefault"))
    return {"enabled": flag(answer.get("EbsEncryptionByDefault")) is True}


def _put_encryption(_: Resource, state: Document) -> Call:
    return _call(f"{'Enable' if state['enabled'] else 'Disable'}EbsEncryptionByDefault")


ENCRYPTION_OFF = Switch(
    id="ec2.ebs-encryption-default-off",
    title="EBS encryption by default switched off",
    severity=60,
    references=References(security_hub=("EC2.7",), attack=("T1562",)),
    triggers=(on("DisableEbsEncryptionByDefault"), on("EnableEbsEncryptionByDefault")),
    reads=("ec2:GetEbsEncryptionByDefault",),
    writes={
        "ec2:EnableEbsEncryptionByDefault": WHOLE_REGION,
        "ec2:DisableEbsEncryptionByDefault": WHOLE_REGION,
    },
    cuts=NOTHING,
    baselined=True,
    found_by=_listed(_ENCRYPTION),
    candidates=_told(_ENCRYPTION, "DisableEbsEncryptionByDefault"),
    read=_encryption,
    risky=since_before(
        lambda state: (
            "" if state["enabled"] else "new EBS volumes are no longer encrypted by default"
        )
    ),
    asks=unrecorded,
    safe=lambda state, _: {"enabled": True},
    put=_put_encryption,
)

# ------------------------------------------------------------------------ blocks on public sharing


def _snapshots_unblocked(change: Change) -> Iterable[Candidate]:
    """The region if its block was disabled, or set to block less: the baseline decides."""
    asked = string(change.request, "state") or string(change.response, "state")
    if change.name == "DisableSnapshotBlockPublicAccess":
        yield told(setting(change, _SNAPSHOTS, Certainty.EVIDENT).resource, "state")
    elif asked != _SNAPSHOT_LEVELS[-1]:
        yield setting(change, _SNAPSHOTS, Certainty.POSSIBLE)


def _snapshot_block(_: Resource, reader: Reader) -> Document:
    answer = document(reader.read("ec2", "GetSnapshotBlockPublicAccessState"))
    return {"state": text(answer, "State")}


def _snapshots_weaker(state: Document, baseline: Document | None) -> str:
    """Why less is blocked than before; without a baseline only a record says that it is."""
    now = text(state, "state")
    if baseline is None:
        unblocked = now == _SNAPSHOT_LEVELS[0] and bool(state.get(TOLD))
        return "public sharing of EBS snapshots is no longer blocked" if unblocked else ""
    before = text(baseline, "state")
    if _level(_SNAPSHOT_LEVELS, now) >= _level(_SNAPSHOT_LEVELS, before):
        return ""
    return f"public sharing of EBS snapshots is {now}, no longer {before}"


def _safe_snapshots(state: Document, baseline: Document | None) -> Document:
    """What was blocked before; what is not known to have been is kept public, if it is."""
    return {"state": text(baseline, "state") if baseline else _SNAPSHOT_LEVELS[1]}


def _put_snapshots(_: Resource, state: Document) -> Call:
    level = text(state, "state")
    if level == _SNAPSHOT_LEVELS[0]:
        return _call("DisableSnapshotBlockPublicAccess")
    return _call("EnableSnapshotBlockPublicAccess", State=level)


def _public_snapshots(_: Resource, state: Document, reader: Reader) -> Use:
    """Blocking all sharing hides the snapshots that are public already.

    Source: Amazon EC2 API Reference, "EnableSnapshotBlockPublicAccess".
    """
    pages = reader.pages(
        "ec2",
        "DescribeSnapshots",
        "Snapshots",
        OwnerIds=["self"],
        RestorableByUserIds=["all"],
    )
    names = [text(document(snapshot), "SnapshotId") for snapshot in pages]
    return Use(f"public snapshots: {', '.join(names[:5])}") if names else NOT_IN_USE


SNAPSHOTS_UNBLOCKED = Switch(
    id="ec2.snapshot-bpa-off",
    title="Public sharing of EBS snapshots no longer blocked",
    severity=75,
    references=References(security_hub=("EC2.1", "EC2.182"), attack=("T1562", "T1537")),
    triggers=(on("DisableSnapshotBlockPublicAccess"), on("EnableSnapshotBlockPublicAccess")),
    reads=("ec2:GetSnapshotBlockPublicAccessState",),
    writes={
        "ec2:EnableSnapshotBlockPublicAccess": WHOLE_REGION,
        "ec2:DisableSnapshotBlockPublicAccess": WHOLE_REGION,
    },
    proven="stub",
    cuts=Cuts(
        "those who use a snapshot that became public meanwhile",
        "the snapshots of the account that everybody may restore",
        "is a snapshot of this region public on purpose?",
    ),
    uses=_public_snapshots,
    reads_use=("ec2:DescribeSnapshots",),
    baselined=True,
    found_by=_listed(_SNAPSHOTS),
    candidates=_snapshots_unblocked,
    read=_snapshot_block,
    risky=_snapshots_weaker,
    safe=_safe_snapshots,
    asks=unrecorded,
    put=_put_snapshots,
)


def _image_block(_: Resource, reader: Reader) -> Document:
    answer = document(reader.read("ec2", "GetImageBlockPublicAccessState"))
    return {"blocked": text(answer, "ImageBlockPublicAccessState") == "block-new-sharing"}


def _put_images(_: Resource, state: Document) -> Call:
    if not state["blocked"]:
        return _call("DisableImageBlockPublicAccess")
    return _call("EnableImageBlockPublicAccess", ImageBlockPublicAccessState="block-new-sharing")


_IMAGES_SETTLE = Settling(
    10 * 60,
    "for up to 10 minutes the state from before is answered, whether the block was enabled or "
    "disabled (Amazon EC2 API Reference, EnableImageBlockPublicAccess and "
    "DisableImageBlockPublicAccess)",
)

IMAGES_UNBLOCKED = Switch(
    id="ec2.ami-bpa-off",
    title="Public sharing of machine images no longer blocked",
    severity=75,
    references=References(attack=("T1562", "T1537")),
    triggers=(on("DisableImageBlockPublicAccess"), on("EnableImageBlockPublicAccess")),
    reads=("ec2:GetImageBlockPublicAccessState",),
    writes={
        "ec2:EnableImageBlockPublicAccess": WHOLE_REGION,
        "ec2:DisableImageBlockPublicAccess": WHOLE_REGION,
    },
    proven="stub",
    # Images that are public stay public: only new sharing is blocked.
    cuts=NOTHING,
    settling=_IMAGES_SETTLE,
    baselined=True,
    found_by=_listed(_IMAGES),
    candidates=_told(_IMAGES, "DisableImageBlockPublicAccess"),
    read=_image_block,
    risky=since_before(
        lambda state: (
            "" if state["blocked"] else "machine images of this region can be shared with everybody"
        )
    ),
    safe=lambda state, _: {"blocked": True},
    asks=unrecorded,
    put=_put_images,
)

# ------------------------------------------------------------------------ VPCs and the internet


def _vpcs_opened(change: Change) -> Iterable[Candidate]:
    """The region if its block was switched off, or set to block less: the baseline decides."""
    asked = string(change.request, "internetGatewayBlockMode")
    if asked == "off":
        yield told(setting(change, _VPCS, Certainty.EVIDENT).resource, "mode")
    elif asked == "block-ingress" or omitted(change.request):
        yield setting(change, _VPCS, Certainty.POSSIBLE)


def _vpc_block(_: Resource, reader: Reader) -> Document:
    answer = document(reader.read("ec2", "DescribeVpcBlockPublicAccessOptions"))
    return {
        "mode": text(mapping(answer, "VpcBlockPublicAccessOptions"), "InternetGatewayBlockMode")
    }


def _vpcs_weaker(state: Document, baseline: Document | None) -> str:
    """Why less is blocked than before; a region that never blocked anything is as AWS made it."""
    now = text(state, "mode")
    if baseline is None:
        off = now == _VPC_LEVELS[0] and bool(state.get(TOLD))
        return f"block public access for VPCs is {now}" if off else ""
    before = text(baseline, "mode")
    if _level(_VPC_LEVELS, now) >= _level(_VPC_LEVELS, before):
        return ""
    return f"block public access for VPCs is {now}, no longer {before}"


def _put_vpcs(_: Resource, state: Document) -> Call:
    mode = text(state, "mode")
    return _call("ModifyVpcBlockPublicAccessOptions", InternetGatewayBlockMode=mode)


VPCS_OPENED = Switch(
    id="ec2.vpc-bpa-weakened",
    title="VPC block public access weakened",
    severity=80,
    references=References(security_hub=("EC2.172",), attack=("T1562.007",)),
    triggers=(on("ModifyVpcBlockPublicAccessOptions"),),
    reads=("ec2:DescribeVpcBlockPublicAccessOptions",),
    writes={"ec2:ModifyVpcBlockPublicAccessOptions": WHOLE_REGION},
    proven="stub",
    cuts=Cuts(
        "what reaches the internet, or is reached from it, through the region's internet gateways",
        question="does anything in the region need its internet gateways by now?",
    ),
    settling=Settling(
        15 * 60,
        "the mode is update-in-progress for some minutes (Amazon EC2 API Reference, "
        "VpcBlockPublicAccessOptions)",
    ),
    busy=BUSY,
    baselined=True,
    found_by=_listed(_VPCS),
    candidates=_vpcs_opened,
    read=_vpc_block,
    risky=_vpcs_weaker,
    # Blocking what nobody is known to have blocked before could cut a region off the internet.
    safe=lambda _, baseline: baseline,
    put=_put_vpcs,
    asks=unrecorded,
    advice="Traffic through the region's internet gateways depends on the mode: mind who needs it.",
)

# ------------------------------------------------------------------------ the serial console


def _console(_: Resource, reader: Reader) -> Document:
    answer = document(reader.read("ec2", "GetSerialConsoleAccessStatus"))
    return {"enabled": flag(answer.get("SerialConsoleAccessEnabled")) is True}


def _put_console(_: Resource, state: Document) -> Call:
    return _call(f"{'Enable' if state['enabled'] else 'Disable'}SerialConsoleAccess")


CONSOLE_ENABLED = Switch(
    id="ec2.serial-console-enabled",
    title="EC2 serial console enabled",
    severity=70,
    references=References(
        attack=("T1021.008",),
        stratus=("aws.lateral-movement.ec2-serial-console-send-ssh-public-key",),
    ),
    triggers=(on("EnableSerialConsoleAccess"), on("DisableSerialConsoleAccess")),
    reads=("ec2:GetSerialConsoleAccessStatus",),
    writes={
        "ec2:EnableSerialConsoleAccess": WHOLE_REGION,
        "ec2:DisableSerialConsoleAccess": WHOLE_REGION,
    },
    proven="stub",
    cuts=NOTHING,
    baselined=True,
    found_by=_listed(_CONSOLE),
    candidates=_told(_CONSOLE, "EnableSerialConsoleAccess"),
    read=_console,
    risky=since_before(
        lambda state: (
            "instances can be reached over the serial console, past every network rule"
            if state["enabled"]
            else ""
        )
    ),
    safe=lambda state, _: {"enabled": False},
    asks=unrecorded,
    put=_put_console,
)

CONTROLS = (
    ENCRYPTION_OFF,
    SNAPSHOTS_UNBLOCKED,
    IMAGES_UNBLOCKED,
    VPCS_OPENED,
    CONSOLE_ENABLED,
)
