"""Driftguard's lab: the real template deployed into emulators on this machine.

ministack runs the stack (the pipeline), moto plays the guarded account; both listen on free
loopback ports. ministack runs real Lambda code, but its EC2, IAM and S3 are too far from AWS to be
guarded: revoking one source of several does nothing there. moto's are near enough.
"""

from .commands import app
from .errors import LabError
from .house import down, running, up
from .interruptions import Interrupted, interruptible
from .record import Lab

__all__ = ["Interrupted", "Lab", "LabError", "app", "down", "interruptible", "running", "up"]
