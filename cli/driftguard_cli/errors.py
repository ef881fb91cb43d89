"""Errors of the command line. A message says what is wrong, where, and what to do next."""

from __future__ import annotations


class Trouble(Exception):
    """The command cannot continue. The message is for the person who ran it."""


class Misuse(Trouble):
    """The arguments are wrong. The message says which, and what to write instead. Exits 2."""
