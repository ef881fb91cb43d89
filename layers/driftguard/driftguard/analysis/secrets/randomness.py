"""Tells random characters from words by the pairs of characters that stand side by side."""

from __future__ import annotations

from itertools import pairwise

# After each letter, those that often follow it: in English words, and in names made of them.
_FOLLOWERS = {
    "a": "bcdgiklmnprstuvy",
    "b": "aeilorsu",
    "c": "acehiklorstu",
    "d": "adeilorsu",
    "e": "acdefgilmnopqrstvwxy",
    "f": "aefiloru",
    "g": "aehilnrsu",
    "h": "aeiot",
    "i": "abcdefglmnoprstvxz",
    "k": "eis",
    "l": "adeilostuy",
    "m": "abeimopsu",
    "n": "acdefgiklnostuv",
    "o": "bcdfgiklmnoprstuvw",
    "p": "aeiloprstuy",
    "q": "u",
    "r": "acdegiklmnoprstuy",
    "s": "acehilmopstuy",
    "t": "acdehilmoprstuy",
    "u": "abceilmnprst",
    "v": "aei",
    "w": "aeior",
    "x": "pt",
    "y": "pst",
    "z": "e",
}
_PAIRS = frozenset(first + second for first, more in _FOLLOWERS.items() for second in more)
# Of random strings of sixteen small letters, nineteen of twenty stay below this share of such
# pairs; with capitals and digits nearly all do. Of words in a row, one of a hundred does.
_SHARE = 0.62
_SHORTEST = 12
# What a judgment needs: more does not change it.
_JUDGED = 128


def is_random(value: str) -> bool:
    """Whether the value's characters follow each other as no words and numbers do."""
    return len(value) >= _SHORTEST and naturalness(value[:_JUDGED]) < _SHARE


def naturalness(value: str) -> float:
    """The share of neighboring letters and digits that words and numbers have: from 0 to 1.

    A digit beside a digit is natural, and so is a pair of letters that words often have, unless a
    capital follows a small letter. What stands beside a separator is not counted.
    """
    natural = counted = 0
    for first, second in pairwise(value):
        if not (first.isalnum() and second.isalnum()):
            continue
        counted += 1
        if first.isdigit() or second.isdigit():
            natural += first.isdigit() and second.isdigit()
        elif not (first.islower() and second.isupper()):
            natural += (first + second).lower() in _PAIRS
    return natural / counted if counted else 1.0
