"""Containment: cuts off what GuardDuty reports as compromised; an undo releases it exactly."""
