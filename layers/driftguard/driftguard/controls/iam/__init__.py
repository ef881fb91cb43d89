"""IAM: keys, passwords, privileges, trust, and what bounds them."""

from . import bounds, credentials, leaked_key, policies, privileges, providers, trust
from .leaked_key import REVOCATION

__all__ = ["CONTROLS", "REVOCATION"]

CONTROLS = (
    *leaked_key.CONTROLS,
    *credentials.CONTROLS,
    *privileges.CONTROLS,
    *policies.CONTROLS,
    *trust.CONTROLS,
    *providers.CONTROLS,
    *bounds.CONTROLS,
)
