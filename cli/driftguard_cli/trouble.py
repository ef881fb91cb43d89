"""What goes wrong on the command line, in words: what, where, and what to do next."""

from __future__ import annotations


class Trouble(Exception):
    """The command cannot go on. The message is for the person who ran it."""
