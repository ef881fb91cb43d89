"""S3: who a bucket is open to, and what watches over and protects its objects."""

from __future__ import annotations

from . import acl, blocks, policy, protection, retention, spread

CONTROLS = (
    *policy.CONTROLS,
    *acl.CONTROLS,
    *blocks.CONTROLS,
    *protection.CONTROLS,
    *retention.CONTROLS,
    *spread.CONTROLS,
)
