"""What the intruder does, in this order; each service's scenarios stand in a module."""

from .cloudtrail import STOPPED_TRAIL
from .ec2 import OPEN_GROUP
from .ecr import OPEN_REPOSITORY
from .iam import BACKDOOR, LEAKED_KEY
from .kms import DELETED_KEY
from .model import Scenario, Staged
from .rds import SHARED_SNAPSHOT
from .s3 import DROPPED_BLOCK, OPEN_ACL, OPEN_POLICY
from .secretsmanager import OPEN_SECRET

SCENARIOS = (
    OPEN_GROUP,
    OPEN_POLICY,
    OPEN_ACL,
    DROPPED_BLOCK,
    LEAKED_KEY,
    STOPPED_TRAIL,
    BACKDOOR,
    DELETED_KEY,
    OPEN_SECRET,
    SHARED_SNAPSHOT,
    OPEN_REPOSITORY,
)

# The one that is undone at the end: a policy's text shows to the byte whether undo is exact.
UNDONE = OPEN_POLICY

__all__ = ["SCENARIOS", "UNDONE", "Scenario", "Staged"]
