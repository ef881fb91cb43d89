"""Secrets that stand in the open: in environments, user data, parameters and templates.

`exposed_in` finds them and says of what kind each is and where, never what it is; `secrets_in` only
finds them, and `told_of` says it, so that who finds nothing needs no salt. Nothing in here writes a
log.
"""

from .detect import Located, exposed_in, secrets_in, told_of
from .findings import DetectorFailed, Exposed

__all__ = ["DetectorFailed", "Exposed", "Located", "exposed_in", "secrets_in", "told_of"]
