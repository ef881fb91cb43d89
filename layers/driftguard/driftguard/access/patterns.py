"""Matches and compares patterns with `*` and `?`, as policies write them.

`covers` is safe rather than complete: when it says yes, every text that the narrow pattern matches
is matched by the wide one; a yes that needs two wide patterns together is not found.
"""

WILDCARDS = frozenset("*?")


def has_wildcard(pattern: str) -> bool:
    return any(sign in pattern for sign in WILDCARDS)


def matches(pattern: str, text: str) -> bool:
    """Whether the text is one that the pattern stands for."""
    return _walk(pattern, text, text_is_pattern=False)


def covers(wide: str, narrow: str) -> bool:
    """Whether everything that `narrow` stands for is also meant by `wide`."""
    return _walk(wide, narrow, text_is_pattern=True)


def overlaps(pattern: str, other: str) -> bool:
    """Whether some text is meant by both patterns."""
    reachable = _skip_stars({0}, pattern)
    for sign in other:
        if sign == "*":
            reachable = set(range(min(reachable), len(pattern) + 1)) if reachable else set()
            continue
        step: set[int] = set()
        for position in reachable:
            if position == len(pattern):
                continue
            if pattern[position] == "*":
                step.add(position)
            elif sign == "?" or pattern[position] == "?" or pattern[position] == sign:
                step.add(position + 1)
        reachable = _skip_stars(step, pattern)
        if not reachable:
            return False
    return len(pattern) in reachable


def _skip_stars(positions: set[int], pattern: str) -> set[int]:
    reached = set(positions)
    for start in positions:
        position = start
        while position < len(pattern) and pattern[position] == "*":
            position += 1
            reached.add(position)
    return reached


def _walk(pattern: str, text: str, *, text_is_pattern: bool) -> bool:
    here = there = 0
    star = resume = -1
    while there < len(text):
        if here < len(pattern) and pattern[here] == "*":
            star, resume = here, there
            here += 1
        elif here < len(pattern) and _same(pattern[here], text[there], text_is_pattern):
            here += 1
            there += 1
        elif star >= 0:
            resume += 1
            here, there = star + 1, resume
        else:
            return False
    return all(sign == "*" for sign in pattern[here:])


def _same(sign: str, letter: str, letter_may_be_wild: bool) -> bool:
    if letter_may_be_wild and letter == "*":
        return False  # only a star stands for a star
    return sign in ("?", letter)
