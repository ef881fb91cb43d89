"""Limits how much of an archive is read, so that no zip bomb can end the guard."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from .troubles import Exhausted, Unreadable

_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one inventory may cost. The defaults fit a Lambda with 512 MB of memory and of `/tmp`.

    `total_bytes`: what one archive may say that it unpacks to. Source: AWS Lambda Developer Guide,
    "Lambda quotas": 250 MB unzipped, layers included. `inflated_bytes`: what is really unpacked,
    over all nested archives. `entry_bytes`: one nested archive or program. `text_bytes`: one
    metadata or lock file; those of JSON and the like hold a limited number of values, each of which
    takes memory. `inventory_bytes`: all such files together. `spool_bytes`: what lies on disk at
    one time. `entries`: over all nested archives. `depth`: archives within archives. `ratio`: how
    many times smaller than its content an entry may be packed. `packages`: those found, copies
    counted. `seconds`: how long it may take, looked at whenever something is spent; well under the
    functions' time-out.
    """

    total_bytes: int = 250 * _MEBIBYTE
    inflated_bytes: int = 750 * _MEBIBYTE
    entry_bytes: int = 250 * _MEBIBYTE
    text_bytes: int = 12 * _MEBIBYTE
    inventory_bytes: int = 64 * _MEBIBYTE
    spool_bytes: int = 250 * _MEBIBYTE
    entries: int = 200_000
    depth: int = 4
    ratio: int = 200
    packages: int = 50_000
    seconds: float = 40.0


LAMBDA = Limits()
# A container image, read on a machine and not in a Lambda. Source: AWS Lambda Developer Guide,
# "Lambda quotas": 10 GB uncompressed.
IMAGE = Limits(
    total_bytes=10_240 * _MEBIBYTE,
    inflated_bytes=20_480 * _MEBIBYTE,
    entry_bytes=1_024 * _MEBIBYTE,
    text_bytes=128 * _MEBIBYTE,
    inventory_bytes=512 * _MEBIBYTE,
    spool_bytes=10_240 * _MEBIBYTE,
    entries=1_000_000,
    packages=200_000,
    seconds=1_800.0,
)

# Small text packs well, and says nothing: the ratio is looked at beyond this.
_RATIO_FROM = _MEBIBYTE
_ON_DISK = "bytes on disk"


@dataclass(slots=True)
class Budget:
    """What is left of the limits. Spending more raises `Exhausted`: the inventory ends there."""

    limits: Limits
    _spent: dict[str, int] = field(default_factory=dict)
    _begun: float = field(default_factory=time.monotonic)

    def entry(self) -> None:
        """One more entry of some archive."""
        self._spend("entries", 1, self.limits.entries)

    def inflated(self, size: int) -> None:
        """So many bytes more came out of some archive."""
        self._spend("bytes unpacked", size, self.limits.inflated_bytes)

    def text(self, size: int) -> None:
        """A metadata or lock file of so many bytes."""
        self._spend("bytes of metadata", size, self.limits.inventory_bytes)

    def packages(self, count: int) -> None:
        """So many packages more were found."""
        self._spend("packages", count, self.limits.packages)

    def spooled(self, size: int) -> None:
        """So many bytes more lie on disk."""
        self._spend(_ON_DISK, size, self.limits.spool_bytes)

    def freed(self, size: int) -> None:
        """So many bytes lie on disk no more."""
        self._spent[_ON_DISK] = self._spent.get(_ON_DISK, 0) - size

    def check_ratio(self, packed: int, unpacked: int) -> None:
        """`Unreadable` where this much can't have been packed so small by anybody but a bomber."""
        if unpacked > _RATIO_FROM and unpacked > packed * self.limits.ratio:
            raise Unreadable(f"is packed more than {self.limits.ratio}-fold")

    def _spend(self, what: str, count: int, most: int) -> None:
        spent = self._spent.get(what, 0) + count
        if spent > most:
            raise Exhausted(f"reading ended at the limit of {most:,} {what}")
        if time.monotonic() - self._begun > self.limits.seconds:
            raise Exhausted(f"reading ended after {self.limits.seconds:g} seconds")
        self._spent[what] = spent
