"""Lambda: functions and layers open to strangers, foreign layers, code replaced."""

from __future__ import annotations

from . import functions, permissions

CONTROLS = (*permissions.CONTROLS, *functions.CONTROLS)
