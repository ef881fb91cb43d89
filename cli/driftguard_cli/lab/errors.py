"""What goes wrong in the lab, in words: what, where, and what to do next."""

from __future__ import annotations

from driftguard_cli.trouble import Trouble


class LabError(Trouble):
    """The lab cannot go on."""
