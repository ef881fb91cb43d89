"""Exceptions: retryable and permanent failures of a message."""


class Busy(Exception):
    """Another worker holds this decision; its message must come again later."""


class NotYet(Exception):
    """Something passing stopped the work; the message must come again later."""


class Waiting(NotYet):
    """AWS still works on the resource; the message comes again, however often it was delivered."""


class Foreign(Exception):
    """The change is of an account that this guard does not guard."""


class Unauthorized(Exception):
    """A command names nothing in the record that authorizes it."""


class NotAsked(Exception):
    """Nobody is asked about what somebody wants reverted. The message says why."""


class UnknownDecision(LookupError):
    """A command names a decision that is not in the audit table."""


class Incomparable(ValueError):
    """A recorded baseline is of a shape that its control does not read."""
