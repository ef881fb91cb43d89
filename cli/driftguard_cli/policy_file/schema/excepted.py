"""Keys about what controls accept: exemptions, and whose access is never external."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import AfterValidator, Field

from .names import known_control
from .values import AccountId, Strict


class ExemptionEntry(Strict):
    """An exemption: one control leaves the named resources alone, until a day, for a reason."""

    control: Annotated[str, AfterValidator(known_control), Field(description="The control's id.")]
    resource: Annotated[
        str, Field(min_length=1, description="An ARN, or the resource's own id; * and ? match.")
    ]
    until: Annotated[
        dt.date | dt.datetime,
        Field(description="The last day on which it holds (UTC), or the exact end."),
    ]
    reason: Annotated[
        str, Field(min_length=3, description="Why this is fine, for whoever reads the policy.")
    ]
    actor: Annotated[
        str, Field(min_length=1, description="Only changes of this principal; * and ? match.")
    ] = "*"
    tags: Annotated[
        dict[str, str], Field(description="Only where the resource carries all of these.")
    ] = {}


class TrustedEntry(Strict):
    """Whose access is trusted: it is never called external."""

    accounts: Annotated[
        tuple[AccountId, ...], Field(description="Account ids, in quotes: '123456789012'.")
    ] = ()
    organizations: Annotated[tuple[str, ...], Field(description="Organization ids: o-…")] = ()
    principals: Annotated[
        tuple[str, ...], Field(description="ARNs of principals and of identity providers.")
    ] = ()
