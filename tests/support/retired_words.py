"""The retired words, as patterns: tests hold pages, help texts and messages to them.

`RETIRED` is for running text, `RETIRED_NAMES` for everything, code included. docs/glossary.md (its
last column) and CHANGELOG.md are exempt.
"""

import re

# (regex, what to write instead). Matched case-insensitively against running text: Markdown without
# fenced blocks, inline code and link targets; help texts and messages as they are.
RETIRED: list[tuple[str, str]] = [
    (r"\bremed(?:y|ies|ied)\b", "remediation, plan or step"),
    (r"\bsuspects?\b", "candidate"),
    (r"\bsuspicions?\b", "uncertain"),
    (r"\bfacets?\b", "observation, or: as one control sees it"),
    (r"(?<!active )\bvoices?\b", "vote"),
    # The timeout action; "nobody voted".
    (r"\bsilence\b", "timeout action; when nobody votes"),
    (r"\bon[ _]expiry\b", "timeout action"),
    # Accepting: the verb as a vote and its participle; not "kept apart", "keeps its siblings".
    (
        r"\b(?:keep|keeping|kept|keeps) "
        r"(?:it|the change|a change|one's (?:own )?change|what was taken back)\b",
        "accept",
    ),
    (r"\b(?:answer|vote|reply|choose) \*?keep\b", "accept"),
    (r"\bkept, nobody\b", "accepted; nobody voted"),
    (r"\bkeep (?:for a while|for good|DECISION)\b", "accept"),
    (r"\bapprove keeping\b", "approve accepting"),
    (r"\blet (?:it )?stand\b(?! still)", "accept, accepted"),
    # State records.
    (
        r"\bnotes? (?:as it will be|as they (?:are|will be)|that (?:this|a) (?:case|decision|act))",
        "state record",
    ),
    (r"\bstate table's notes?\b", "state record"),
    (r"\bthe note itself\b", "the item itself"),
    (r"\bnotes? of (?:a|the) (?:thing|resource)'?s? past\b", "history"),
    (r"\b(?:thing|resource)'s past\b", "history"),
    (r"\blessons\b", "learning"),
    (r"\bhabits?\b", "anomaly baseline"),
    (r"\bnovelty\b", "anomaly score"),
    (r"\bnovel\b", "unusual"),
    (r"\bfights?\b(?! fire)", "flapping"),
    (r"(?<!circuit[ -])(?<!circuit_)\bbreakers?\b", "circuit breaker"),
    (r"\bprobe[sd]?\b|\bprobing\b", "sampling"),
    (r"\bweak[ -]record\b", "insufficient record"),
    (r"\bno-remedy\b", "no-remediation"),
    # "swept" is also the participle of the kept word `sweep`: only as a guardrail, kind or maker.
    (
        r"`swept` (?:guardrail|ruling)|guardrail(?:s of its own)?,? `swept`|\bby nobody\b"
        r"|\bnobody made it\b|\bnobody knows whom\b",
        "unattributed; actor and time unknown",
    ),
    (r"\b(?:un)?parked\b|\bparks\b|\bparking\b", "dead-lettered"),
    (r"\b(?:un)?minded\b|\bminds? (?:only|this|what is|it)\b", "flagged"),
    (
        r"\bverdicts? (?:message|of the queue|in (?:a|the) (?:message|queue|reply))\b",
        "command; choice",
    ),
    (r"\bthe other verdict\b|\bdecision and (?:this )?verdict\b", "choice"),
    # British spelling.
    (r"\borganis(?:ation|e|ing)", "organization"),
    (r"\bbehaviour", "behavior"),
    (r"\bjudgement", "judgment"),
    (r"\bcolour", "color"),
    (r"\bneighbour", "neighbor"),
    (r"\bfavour", "favor"),
    (r"\bhonour", "honor"),
    (r"\bcentre\b", "center"),
    (r"\bdefence\b", "defense"),
    (r"\bcancell(?:ed|ing)\b", "canceled"),
    (r"\blabell(?:ed|ing)\b", "labeled"),
    (r"\bmodell(?:ed|ing)\b", "modeled"),
    (r"\bspelt\b", "spelled"),
    (r"\blearnt\b", "learned"),
    (r"\bgrey\b", "gray"),
    (
        r"\b(?:recogn|author|real|summar|normal|minim|maxim|optim|serial|general|categor|emphas"
        r"|priorit|util|capital|final|initial|synchron|custom)is(?:e[sd]?|ing|ation)\b",
        "-ize, -ization",
    ),
    (r"\banalys(?:ed|ing)\b", "analyzed"),
]

# Matched against everything, code included: names that no longer exist anywhere.
RETIRED_NAMES: list[tuple[str, str]] = [
    (r"\bdriftguard keep\b", "driftguard accept"),
    (r"\bdriftguard breaker\b", "driftguard circuit-breaker"),
    (r"\bdriftguard\.keep(?:-for)?\b", "driftguard.accept, driftguard.accept-for"),
    (r"\bweak-record\b|\bno-remedy\b", "insufficient-record, no-remediation"),
    (r"\bon_expiry\b", "timeout_action"),
    (r"^\s*required: \d", "quorum"),
    (
        r"^\s*(?:breaker|fight|behaviour|probe|novel|novel_over):",
        "circuit_breaker, flapping, anomalies, sampling, unusual",
    ),
    (r"\bkeep_for_seconds\b", "accept_for_seconds"),
    (
        r'"(?:suspects?|minded|answers|verdict": "(?:revert|keep))\b',
        "candidates, flagged, votes, choice",
    ),
    (
        r"`(?:suspects|minded|probe|breaker|fight|behaviour|habits|novelty|parked|remedy)`",
        "see the glossary",
    ),
]


def prose(page: str) -> str:
    """A Markdown page without fenced blocks, inline code and link targets."""
    page = re.sub(r"^```.*?^```", "", page, flags=re.M | re.S)
    page = re.sub(r"`[^`]*`", "", page)
    return re.sub(r"\]\([^)]*\)", "]", page)


def found(text: str, patterns: list[tuple[str, str]] = RETIRED) -> list[str]:
    """Each retired word with what to write instead. Line breaks count as spaces in prose."""
    flat = re.sub(r"[ \t]*\n[ \t]*", " ", text) if patterns is RETIRED else text
    return [
        f"`{match.group(0).strip()}`: write {hint}"
        for regex, hint in patterns
        for match in re.finditer(regex, flat, re.I | re.M)
    ]
