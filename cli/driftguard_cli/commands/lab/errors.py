"""Errors of the lab."""

from __future__ import annotations

from ...errors import Trouble


class LabError(Trouble):
    """The lab cannot continue."""
