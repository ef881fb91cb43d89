"""Secrets that stand in the open: in environments, user data, parameters and templates.

`exposed_in` finds them and says of what kind each is and where, never what it is. Nothing in here
writes a log.
"""

from .detect import exposed_in
from .findings import DetectorFailed, Exposed

__all__ = ["DetectorFailed", "Exposed", "exposed_in"]
