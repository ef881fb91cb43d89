"""Configuration values with and without secrets, and what should be said of each.

Every secret is made up, and put together when the corpus is: no scanner finds one in these files.
Whether a case is held out is decided by a hash of its name, before anybody looks at it: detectors
are tuned on the others alone, and both figures are reported.
"""

from __future__ import annotations

from tests.support.secrets.cases import Case
from tests.support.secrets.with_secrets import cases_with_secrets
from tests.support.secrets.without_secrets import cases_without_secrets


def corpus() -> tuple[Case, ...]:
    """All cases, the same ones every time."""
    return (*cases_with_secrets(), *cases_without_secrets())
