"""The remediator's permissions boundary: what it may ever do, whatever is attached to its role.

A boundary is one policy of at most 6,144 characters, where the role's own policies are several. So
it names actions and no resources, and some actions by a pattern of whole words. A pattern is taken
only if it matches no other action that the service has. First several actions are named by one
pattern; where the policy would still be too long, single actions are named by a pattern of their
own, as few as it takes.

Sources: IAM User Guide, "Permissions boundaries for IAM entities", "IAM and AWS STS quotas".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from botocore.session import get_session

# Under which names the SDK has the service of an IAM prefix, where they differ.
_MODELS = {
    "access-analyzer": ("accessanalyzer",),
    "aoss": ("opensearchserverless",),
    "elasticfilesystem": ("efs",),
    "elasticloadbalancing": ("elb", "elbv2"),
    "elasticmapreduce": ("emr",),
    "es": ("es", "opensearch"),
    "ses": ("ses", "sesv2"),
    "sso": ("sso-admin",),
}
# Actions of IAM that are no operations of the SDK, by service: a pattern could match them.
# Source: Service Authorization Reference, the tables of each service.
_OTHER_ACTIONS = json.loads(Path(__file__).with_name("other_actions.json").read_text())
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+")


def actions_of(actions: Iterable[str], most: int | None = None) -> list[str]:
    """Return patterns that match these actions (`service:Action`) and no other, sorted.

    `most` is how many characters they may take as a JSON list, None for any number. The list is
    longer nevertheless if nothing makes it shorter.
    """
    by_service: dict[str, set[str]] = {}
    for action in actions:
        service, _, name = action.partition(":")
        by_service.setdefault(service, set()).add(name)
    found = {
        f"{service}:{pattern}"
        for service, names in by_service.items()
        for pattern in _patterns(service, names)
    }
    if most is not None:
        shorter = {name: _shortest(name) for name in found}
        for name in sorted(found, key=lambda name: (len(shorter[name]) - len(name), name)):
            if length_of(found) <= most:
                break
            found = (found - {name}) | {shorter[name]}
    return sorted(found)


def length_of(actions: Iterable[str]) -> int:
    """How many characters a list of actions takes in a policy."""
    return len(json.dumps([*actions], separators=(",", ":")))


def _shortest(action: str) -> str:
    """The shortest pattern of whole words that matches this action alone, else its name."""
    service, _, name = action.partition(":")
    every = known(service)
    if name not in every:
        return action
    alone = [
        pattern
        for pattern in _of_words(name)
        if [one for one in every if fnmatchcase(one, pattern)] == [name]
    ]
    return min(
        (f"{service}:{pattern}" for pattern in [name, *alone]), key=lambda one: (len(one), one)
    )


@cache
def operations(service: str) -> frozenset[str]:
    """Return the operations of a service, by its prefix in IAM; none where the SDK has no model."""
    session = get_session()
    known = session.get_available_services()
    return frozenset(
        operation
        for name in _MODELS.get(service, (service,))
        if name in known
        for operation in session.get_service_model(name).operation_names
    )


def known(service: str) -> frozenset[str]:
    """Return all that a service's actions may be: its operations, and what IAM has beside them."""
    return operations(service).union(_OTHER_ACTIONS.get(service, ()))


def _patterns(service: str, names: set[str]) -> Iterator[str]:
    every = known(service)
    matched: dict[str, set[str]] = {}
    if every:
        for pattern in sorted({pattern for name in names for pattern in _of_words(name)}):
            matches = {name for name in every | names if fnmatchcase(name, pattern)}
            if len(matches) > 1 and matches <= names & every:
                matched[pattern] = matches
    rest = set(names)
    while matched:
        best = max(matched, key=lambda pattern: _saved(service, pattern, matched[pattern] & rest))
        if _saved(service, best, matched[best] & rest) <= 0:
            break
        yield best
        rest -= matched.pop(best)
    yield from rest


def _of_words(name: str) -> Iterator[str]:
    """The patterns of a name in which `*` stands for some of its words."""
    words = _WORD.findall(name)
    for start in range(len(words)):
        for end in range(start + 1, len(words) + 1):
            pattern = "".join([*words[:start], "*", *words[end:]])
            if pattern != "*":
                yield pattern


def _saved(service: str, pattern: str, names: Iterable[str]) -> int:
    """How many characters a policy saves by a pattern instead of the names."""
    around = len(f'"{service}:",')
    return sum(around + len(name) for name in names) - around - len(pattern)
