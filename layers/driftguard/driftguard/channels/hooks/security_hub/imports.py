"""Imports decisions into Security Hub CSPM, and says which of them it did not take.

Importing is idempotent: Security Hub finds a finding by its id, and ignores what is not newer than
what it has. So whatever was not taken is simply imported again. A request that is refused for what
is in it is sent in halves, so that one finding keeps no other from being taken.

Sources: AWS Security Hub API Reference, "BatchImportFindings" (`FailedFindings`,
`InvalidInputException`); AWS Security Hub User Guide, "BatchImportFindings for finding providers"
(`InvalidAccess` where Security Hub CSPM is not enabled); AWS Security Hub CSPM Partner Integration
Guide, "Guidelines for using the BatchImportFindings API" (a hundred findings and 6 MB a request,
240 KB a finding, ten requests a second).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from driftguard.aws.calls import AwsError, Client, Malformed, document, told_apart
from driftguard.documents import Document, Json, documents, text
from driftguard.model import Decision, Place

from .asff import finding_of
from .outbox import decisions_in, is_finding

MOST = 100
_DISABLED = frozenset({"InvalidAccess", "InvalidAccessException"})
_INVALID = "InvalidInputException"


@dataclass(frozen=True, slots=True)
class Imports:
    """Imports the findings of the guard of one place. `client` gives Security Hub's client."""

    client: Callable[[], Client]
    place: Place

    def take(self, decisions: Sequence[Decision]) -> dict[str, str]:
        """Imports the decisions as they stand; why, by its id, each was not taken that was not."""
        failed: dict[str, str] = {}
        for first in range(0, len(decisions), MOST):
            failed |= self._import(decisions[first : first + MOST])
        return failed

    def _import(self, decisions: Sequence[Decision]) -> dict[str, str]:
        findings = {decision.id: finding_of(decision, self.place) for decision in decisions}
        try:
            with told_apart("securityhub", "BatchImportFindings"):
                answer = self.client().batch_import_findings(Findings=list(findings.values()))
        except AwsError as error:
            if len(decisions) > 1 and _is_of_the_content(error):
                half = len(decisions) // 2
                return self._import(decisions[:half]) | self._import(decisions[half:])
            why = self._in_words(error.code, str(error))
            return dict.fromkeys(findings, why)
        refused = dict(self._refused(document(answer).get("FailedFindings")))
        return {
            id_: refused[text(one, "Id")] for id_, one in findings.items() if one["Id"] in refused
        }

    def _refused(self, failed: Json) -> Iterator[tuple[str, str]]:
        for one in documents({"failed": failed}, "failed"):
            code = text(one, "ErrorCode")
            yield text(one, "Id"), self._in_words(code, f"{code}: {text(one, 'ErrorMessage')}")

    def _in_words(self, code: str, said: str) -> str:
        if code not in _DISABLED:
            return said
        return (
            f"Security Hub CSPM takes no findings in {self.place.region} of {self.place.account} "
            f"({said}): enable it there, or deploy the stack with SecurityHub=false"
        )


def _is_of_the_content(error: AwsError) -> bool:
    """Whether another request with fewer findings may be taken."""
    return isinstance(error, Malformed) or error.code == _INVALID


def taken(
    event: Document, imports: Imports, read: Callable[[Sequence[str]], Sequence[Decision]]
) -> dict[str, str]:
    """Imports what the messages of an SQS event name; why, by its id, each must come again.

    What names no recorded decision has nothing to import, and is done with. Raises `AwsError` when
    the record could not be read: then all of them come again.
    """
    named = {id_: one for id_, one in decisions_in(documents(event, "Records")).items() if one}
    decisions: list[Decision] = []
    ids = list(dict.fromkeys(named.values()))
    for first in range(0, len(ids), MOST):
        decisions += read(ids[first : first + MOST])
    failed = imports.take([decision for decision in decisions if is_finding(decision)])
    return {message: failed[id_] for message, id_ in named.items() if id_ in failed}
