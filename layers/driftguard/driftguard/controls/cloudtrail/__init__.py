"""CloudTrail: trails stopped, deleted, weakened, or made to record less than before."""

from __future__ import annotations

from . import deletion, fields, selectors, trail

CONTROLS = (*trail.CONTROLS, *selectors.CONTROLS, *fields.CONTROLS, *deletion.CONTROLS)
