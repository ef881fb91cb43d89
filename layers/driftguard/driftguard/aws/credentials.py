"""Holds the remediator's credentials while a plan is being applied, and not otherwise.

Imports botocore at once, so `aws` imports it only when the first client is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from botocore.credentials import Credentials, ReadOnlyCredentials


class PlanCredentials(Credentials):
    """Credentials of whichever plan's session is open.

    botocore asks for them afresh at each signature, so that one client serves plan after plan.
    `who` is the role that the sessions are of.
    """

    def __init__(self, who: str) -> None:
        super().__init__("", "", "", method="driftguard-plan")
        self.who = who
        self._lent: ReadOnlyCredentials | None = None

    @contextmanager
    def lent(self, given: Mapping[str, str]) -> Iterator[None]:
        """Holds the session's credentials (as AssumeRole answers) for the length of a block."""
        self._lent = ReadOnlyCredentials(
            given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], None
        )
        try:
            yield
        finally:
            self._lent = None

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """The open session's credentials. Raises RuntimeError outside a plan's session."""
        if self._lent is None:
            raise RuntimeError("the remediator's client was used outside a plan's session")
        return self._lent

    def get_deferred_property(self, property_name: str) -> Callable[[], str | None]:
        """Answers None: botocore asks while it builds a client, before there is a session."""
        return lambda: None

    def load_credentials(self) -> PlanCredentials:
        """What a botocore session asks its credential provider for."""
        return self
