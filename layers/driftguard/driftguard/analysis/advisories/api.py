"""Gets advisories from the OSV API, or from a mirror of it.

The API is asked which advisories concern each version, a thousand versions at a time, and then for
each of those advisories. Answers are counted, and a missing one makes the result incomplete.
Driftguard itself judges which advisories concern a package; it trusts the API only for what the API
leaves out.

Source: OSV, "API", "POST /v1/querybatch" and "GET /v1/vulns/{id}".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import quote

from driftguard.documents import Document, Json, text

from .exchange import Exchange, Trouble
from .osv import Advisory, Unreadable, advisory
from .package import Coordinates, Package, identity
from .provider import Answer, Cache, answer
from .versions import plain

PUBLIC = "https://api.osv.dev"
# As many queries as the API takes at once.
BATCH = 1000
_PAGES = 100
_AT_ONCE = 8
# What nothing here reads, and what is most of an advisory's size.
_UNREAD = frozenset({"references", "credits"})

Named = dict[Coordinates, list[str]]


@dataclass(frozen=True, slots=True)
class OsvApi:
    """Asks the API, and the cache before it where there is one."""

    exchange: Exchange = field(default_factory=lambda: Exchange(PUBLIC))
    cache: Cache | None = None

    def of(self, packages: Sequence[Package]) -> Answer:
        """What OSV knows of these packages, each at its version."""
        wanted = list(dict.fromkeys(package.coordinates for package in packages))
        cached = dict(self.cache.recall(wanted)) if self.cache else {}
        missing = [package for package in wanted if package not in cached]
        until = self.exchange.deadline()
        named, gaps = self._named(missing, until)
        documents, not_had = self._documents(
            sorted({id_ for ids in named.values() for id_ in ids}), until
        )
        astray = list(_astray(named, documents))
        fresh = {
            package: tuple(documents[id_] for id_ in ids)
            for package, ids in named.items()
            if all(id_ in documents for id_ in ids)
        }
        if self.cache and fresh and not astray:
            self.cache.keep(fresh)
        found, unreadable = _read(
            [*documents.values(), *(document for stored in cached.values() for document in stored)]
        )
        return answer(found, [*gaps, *not_had, *astray, *unreadable])

    def _named(self, packages: Sequence[Coordinates], until: float) -> tuple[Named, list[str]]:
        """The ids for each package of which all pages came; and what went wrong."""
        named: Named = {}
        for start in range(0, len(packages), BATCH):
            try:
                named |= self._batch(packages[start : start + BATCH], until)
            except Trouble as trouble:
                return named, [f"OSV could not be asked: {trouble}"]
        return named, []

    def _batch(self, packages: Sequence[Coordinates], until: float) -> Named:
        named: Named = {package: [] for package in packages}
        pending = dict.fromkeys(packages, "")
        for _ in range(_PAGES):
            queries: Json = [_query(package, token) for package, token in pending.items()]
            results = _results(
                self.exchange.ask("/v1/querybatch", {"queries": queries}, until), len(pending)
            )
            following = {}
            for package, result in zip(pending, results, strict=True):
                named[package].extend(_ids(result))
                if token := text(result, "next_page_token"):
                    following[package] = token
            if not following:
                return named
            pending = following
        raise Trouble(f"its results have more than {_PAGES} pages")

    def _documents(self, ids: Sequence[str], until: float) -> tuple[dict[str, Document], list[str]]:
        def fetch(id_: str) -> Document | str:
            try:
                return self._document(id_, until)
            except (Trouble, Unreadable) as trouble:
                return f"OSV could not be asked: {trouble}"

        documents: dict[str, Document] = {}
        gaps = []
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for id_, found in zip(ids, pool.map(fetch, ids), strict=True):
                if isinstance(found, str):
                    gaps.append(found)
                else:
                    documents[id_] = found
        return documents, gaps

    def _document(self, id_: str, until: float) -> Document:
        path = f"/v1/vulns/{quote(id_, safe='')}"
        document = self.exchange.ask(path, None, until)
        if not isinstance(document, Mapping) or text(document, "id") != id_:
            raise Trouble(f"{path}: it answered something else than {id_}")
        # What cannot be read is not worth keeping.
        advisory(document)
        return {name: value for name, value in document.items() if name not in _UNREAD}


def _query(package: Coordinates, token: str) -> Json:
    """The query for a version, or for all versions if the API may read it otherwise than we do."""
    asked = plain(package.ecosystem, package.version)
    version = {"version": asked} if asked else {}
    page = {"page_token": token} if token else {}
    return {"package": {"ecosystem": package.ecosystem, "name": package.name}} | version | page


def _results(found: Json, expected: int) -> list[Document]:
    results = found.get("results") if isinstance(found, Mapping) else None
    if not isinstance(results, list):
        raise Trouble("/v1/querybatch: its answer has no `results`")
    if len(results) != expected:
        raise Trouble(f"/v1/querybatch: {len(results):,} results for {expected:,} queries")
    if not all(isinstance(result, Mapping) for result in results):
        raise Trouble("/v1/querybatch: a result is not an object")
    return results


def _ids(result: Document) -> Iterator[str]:
    if not result.keys() <= {"vulns", "next_page_token"}:
        # An error in the place of a result must not read as a result without advisories.
        raise Trouble(f"/v1/querybatch: a result has {', '.join(sorted(result))}")
    vulnerabilities = result.get("vulns", [])
    if not isinstance(vulnerabilities, list):
        raise Trouble("/v1/querybatch: a result's `vulns` is not a list")
    for vulnerability in vulnerabilities:
        id_ = text(vulnerability, "id") if isinstance(vulnerability, Mapping) else ""
        if not id_:
            raise Trouble("/v1/querybatch: a result names an advisory without an `id`")
        yield id_


def _astray(named: Named, documents: Mapping[str, Document]) -> Iterator[str]:
    """Advisories that the API named for a package and that are about another."""
    about = {
        id_: {identity(entry.ecosystem, entry.name) for entry in advisory(document).affected}
        for id_, document in documents.items()
    }
    for package, ids in named.items():
        for id_ in ids:
            if id_ in about and identity(*package[:2]) not in about[id_]:
                yield f"OSV names {id_} for {package.name}, and {id_} does not"


def _read(documents: Sequence[Document]) -> tuple[list[Advisory], list[str]]:
    found, gaps = [], []
    for document in documents:
        try:
            found.append(advisory(document))
        except Unreadable as error:
            gaps.append(f"an advisory cannot be read: {error}")
    return found, gaps
