"""Keeps the record of decisions: each with its log, in a hash chain that is sealed daily.

A decision is one partition: its projection under `decision`, its log under `log#0001` onwards.
Projection and entry are written in one conditional transaction: two workers can never both take the
same step. Each entry holds the hash of the one before it and of the projection that it led to, and
once a day the ends of all logs that grew are sealed under one root (`seals`), so that an edit, a
deletion or a reordering shows (`verify`).

`items` says how a decision is stored, `queries` how decisions are found. Only the callers that use
`merkle`, `seals`, `verify` and `queries` load them.
"""

from .chain import Entry, broken_link
from .items import Item, decision_of, streamed
from .table import AuditTable, Conflict

__all__ = ["AuditTable", "Conflict", "Entry", "Item", "broken_link", "decision_of", "streamed"]
