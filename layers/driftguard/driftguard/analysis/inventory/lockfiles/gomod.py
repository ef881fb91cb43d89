"""Go's modules by their source: `go.mod` and `go.sum`.

Source: The Go Project, "Go Modules Reference", "go.mod files" and "go.sum files".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..found_packages import Evidence, Said, found, parser, wanted
from ..troubles import Trouble, Unreadable, Wanting

ECOSYSTEM = "Go"
_VERBS = frozenset(
    {"module", "go", "toolchain", "godebug", "require", "exclude", "replace", "retract", "tool"}
    | {"ignore", "use"}
)
_VERSION = re.compile(r"v\d+\.\d+\.\d+\S*")
_SUM = re.compile(r"(\S+) (v\d\S*?)(/go\.mod)? h1:[A-Za-z0-9+/]{43}=")
# Since this release go.mod names all modules of a build, and not only those asked for.
_COMPLETE_SINCE = (1, 17)
_VERSIONLESS = Trouble("names a module without its version")
_LOCAL = Trouble("replaces a module by a folder, which has no version", gap=False)
_OLD = Wanting(
    "is of a Go before 1.17, which does not name all modules", unless=ECOSYSTEM, built=True
)
_GUESSED = Trouble("lists what was downloaded; not all of it need be built", gap=False)


@parser
def of_mod(data: bytes, where: str) -> Said:
    """The modules that a go.mod requires, with its replacements put in."""
    required: dict[str, str] = {}
    replaced: dict[str, tuple[str, str]] = {}
    is_module, release = False, (0, 0)
    for verb, words in _statements(data.decode("utf-8-sig")):
        if verb == "module":
            is_module = True
        elif verb == "go" and words and (numbers := re.match(r"(\d+)\.(\d+)", words[0])):
            release = (int(numbers[1]), int(numbers[2]))
        elif verb == "require":
            if len(words) != 2 or not _VERSION.fullmatch(words[1]):
                raise Unreadable("requires something without a version")
            required[words[0]] = words[1]
        elif verb == "replace" and "=>" in words:
            by = words[words.index("=>") + 1 :]
            replaced[words[0]] = (by[0] if by else "", by[1] if len(by) > 1 else "")
    if not is_module:
        raise Unreadable("is no go.mod")
    for path, version in required.items():
        path, version = replaced.get(path, (path, version))
        if not version:
            yield _LOCAL
        else:
            yield found(ECOSYSTEM, path, version.removeprefix("v"), where, Evidence.STATED)
    if not required:
        # Go's own library is in any program, and which one is not said.
        yield wanted(ECOSYSTEM)
    elif release < _COMPLETE_SINCE:
        yield _OLD


@parser
def of_sum(data: bytes, where: str) -> Said:
    """The modules whose content a go.sum knows. One of the same path in go.mod is what is built."""
    for line in data.decode("utf-8-sig").splitlines():
        if not line.strip():
            continue
        known = _SUM.fullmatch(line.strip())
        if known is None:
            raise Unreadable("is no go.sum, or breaks off")
        if not known[3]:
            yield _GUESSED
            yield found(ECOSYSTEM, known[1], known[2].removeprefix("v"), where, Evidence.INFERRED)


@parser
def of_vendored(data: bytes, where: str) -> Said:
    """The modules of a vendor/modules.txt, whose code lies beside it."""
    is_known = False
    for line in data.decode("utf-8-sig").splitlines():
        if not line.startswith("# "):
            if line.strip() and not is_known:
                raise Unreadable("is no list of vendored modules")
            continue
        words = line[2:].split()
        path, version = words[0] if words else "", words[1] if len(words) > 1 else ""
        if "=>" in words:
            by = words[words.index("=>") + 1 :]
            path, version = by[0] if by else "", by[1] if len(by) > 1 else ""
        is_known = True
        if _VERSION.fullmatch(version):
            yield found(ECOSYSTEM, path, version.removeprefix("v"), where, Evidence.INSTALLED)
        elif "=>" in words:
            yield _LOCAL
        else:
            yield _VERSIONLESS


def _statements(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each statement's verb and words, those in a block one by one."""
    block = ""
    for raw in text.splitlines():
        line = raw.partition("//")[0].strip()
        if not line:
            continue
        if block and line == ")":
            block = ""
            continue
        words = [word.strip('"`') for word in line.split()]
        verb = block or words.pop(0)
        if verb not in _VERBS:
            raise Unreadable("is no go.mod")
        if not block and words == ["("]:
            block = verb
        else:
            yield verb, words
    if block:
        raise Unreadable("is no go.mod, or breaks off")
