"""Driftguard's lab: the real template deployed into emulators on this machine.

One emulator runs the stack (the pipeline), another plays the guarded account; both listen on free
loopback ports. `docs` of the recipe and of what the emulators get wrong: CONTRIBUTING.md.
"""

from .commands import app
from .errors import LabError
from .house import down, running, up
from .interruptions import Interrupted, interruptible
from .record import Lab

__all__ = ["Interrupted", "Lab", "LabError", "app", "down", "interruptible", "running", "up"]
