"""Exposed secrets: finds them in environments, user data, parameters and templates.

`exposed_in` finds secrets and gives the kind and place of each, never its value. `secrets_in` only
finds them and `told_of` describes them, so that a text without secrets needs no salt. Nothing in
here writes a log.
"""

from .detect import Located, exposed_in, secrets_in, told_of
from .exposed import DetectorFailed, Exposed

__all__ = ["DetectorFailed", "Exposed", "Located", "exposed_in", "secrets_in", "told_of"]
