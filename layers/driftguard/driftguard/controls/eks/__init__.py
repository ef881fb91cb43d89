"""EKS: clusters open to the world, no longer logged, or entered by somebody new."""

from __future__ import annotations

from . import access, cluster

__all__ = ["CONTROLS"]

CONTROLS = (*access.CONTROLS, *cluster.CONTROLS)
