"""KMS: keys about to be deleted, disabled, no longer rotated, or open to strangers."""

from __future__ import annotations

from . import deletion, grants, settings

CONTROLS = (*deletion.CONTROLS, *settings.CONTROLS, *grants.CONTROLS)
