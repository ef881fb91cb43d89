"""Containment: what GuardDuty reports as compromised is cut off, and an undo releases it exactly."""
