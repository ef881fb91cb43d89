"""As much of a program as it takes to find what its compiler wrote into it: ELF, PE, Mach-O."""

from __future__ import annotations

from typing import IO

from . import elf, macho, pe
from .layout import Program

# What a program is told by: its first bytes.
LONGEST_MAGIC = 8


def is_program(beginning: bytes) -> bool:
    """Whether a file that begins so may be a program of Linux, Windows or macOS."""
    return beginning.startswith((elf.MAGIC, pe.MAGIC)) or macho.is_macho(beginning)


def opened(file: IO[bytes]) -> Program:
    """`Unreadable` where it is no program of any of the three kinds."""
    file.seek(0)
    beginning = file.read(LONGEST_MAGIC)
    if beginning.startswith(pe.MAGIC):
        return pe.program(file)
    if macho.is_macho(beginning):
        return macho.program(file)
    return elf.program(file)
