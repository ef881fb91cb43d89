"""Jira Cloud: an issue for each change that people accept until a day, due on that day.

An acceptance until a day is an exemption, by a vote or by an operator. Its issue has a label of its
id, by which it is found again: before an issue is made it is searched for, and a create whose
answer was lost is not sent again at once, because Jira finds a new issue only after seconds or
minutes. An exemption that is withdrawn is told in a comment.

Sources, developer.atlassian.com, "The Jira Cloud platform REST API" (v3): "Create issue" (201;
400 with `errorMessages` and `errors` by field), "Search for issues using JQL enhanced search
(POST)", "Add comment"; "Search After Write with Search And Reconcile"; "Rate limiting" (429,
`Retry-After`); "Basic auth for REST APIs"; "Atlassian Document Format".
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from driftguard.approvals import act
from driftguard.documents import Document, Json, documents, mapping, parsed, plain, text
from driftguard.model import Choice, Decision, Status

from ..message.telling import message
from ..wording import ApprovalRequest, clipped, moment
from .post import NotTaken, Post

# Jira takes 255 characters of a summary and 32,767 of a text; ours are short enough to be read.
_SUMMARY, _TEXT = 255, 2_000
_QUOTED = 300
_LABEL = "driftguard"
_DUE = "duedate"


class Accepted(NamedTuple):
    """An acceptance until a day (ISO 8601, UTC): its exemption, by whom, and why."""

    exemption: str
    until: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Jira:
    """Makes issues in one project. `post` has the site's address; the token is a secret.

    In a storm, too, each acceptance has an issue of its own: it is mended by itself.
    """

    post: Post
    email: str
    api_token: str = field(repr=False)
    project: str
    issue_type: str = "Task"

    def send(self, decision: Decision, request: ApprovalRequest | None) -> None:
        """Makes the issue of what was accepted until a day, or comments on what is withdrawn."""
        accepted = accepted_in(decision)
        if accepted is not None and not self._found(accepted.exemption):
            self._make(decision, accepted)
        withdrawn = withdrawn_in(decision)
        if withdrawn and (key := self._found(withdrawn)):
            said = message(decision)
            words = f"The exemption was withdrawn by {decision.actor.name}. {said.decided}"
            self._ask(f"issue/{key}/comment", {"body": _written([_paragraph(words)])})

    def _found(self, exemption: str) -> str:
        """The key of the issue of an exemption; "" while Jira finds none."""
        jql = f"project = {_quoted(self.project)} AND labels = {_quoted(exemption)}"
        body: Document = {"jql": jql, "maxResults": 1, "fields": ["summary"]}
        answer = self._ask("search/jql", body, writes=False)
        return next((text(one, "key") for one in documents(answer, "issues")), "")

    def _make(self, decision: Decision, accepted: Accepted) -> None:
        fields = self._fields(decision, accepted)
        try:
            self._ask("issue", {"fields": fields})
        except Refused as refused:
            # A project may have no due date on its screen; the text says it too.
            if set(refused.fields) != {_DUE}:
                raise
            self._ask("issue", {"fields": {k: v for k, v in fields.items() if k != _DUE}})

    def _fields(self, decision: Decision, accepted: Accepted) -> dict[str, Json]:
        said = message(decision)
        day = moment(accepted.until)
        title = f"Accepted until {accepted.until[:10]}: {said.where[2][1]} ({decision.control})"
        facts = [
            ("Accepted by", accepted.by),
            ("Reason", accepted.reason),
            ("Until", f"{day}. From then on the guard looks at it again."),
            *said.where,
            *said.story,
            ("Decision", decision.id),
            ("Exemption", accepted.exemption),
        ]
        return {
            "project": {"key": self.project},
            "issuetype": {"name": self.issue_type},
            "summary": clipped(plain(title), _SUMMARY),
            "description": _written(
                [
                    _paragraph("People let this change stand until a day. Mend it by then."),
                    _list(f"{name}: {words}" for name, words in facts if words),
                    *([_link(said.console)] if said.console else []),
                ]
            ),
            "labels": [_LABEL, accepted.exemption],
            _DUE: accepted.until[:10],
        }

    def _ask(self, path: str, body: Mapping[str, Json], *, writes: bool = True) -> Document:
        """What Jira answers to what only reads. Raises `Refused`, or `NotTaken` if it may pass."""
        url = f"{self.post.url.rstrip('/')}/rest/api/3/{path}"
        post = replace(self.post, url=url, repeatable=not writes, reads=not writes)
        who = b64encode(f"{self.email}:{self.api_token}".encode()).decode()
        headers = {"Authorization": f"Basic {who}", "Accept": "application/json"}
        try:
            answer = post(json.dumps(body, ensure_ascii=False).encode(), headers)
        except NotTaken as trouble:
            if trouble.again:
                raise
            raise Refused(trouble) from None
        return _document(answer)


class Refused(NotTaken):
    """Jira refused a request, and says which fields it does not take."""

    def __init__(self, trouble: NotTaken) -> None:
        said = _document(trouble.answer)
        self.fields = mapping(said, "errors")
        why = [f"{name}: {text(self.fields, name)}" for name in self.fields]
        messages = said.get("errorMessages")
        why += [str(one) for one in messages] if isinstance(messages, list) else []
        quoted = clipped(plain("; ".join(why)), _QUOTED)
        super().__init__(f"{trouble}; it says: {quoted}" if quoted else str(trouble))


def accepted_in(decision: Decision) -> Accepted | None:
    """The acceptance until a day that a decision is, if it is one."""
    if decision.status is Status.DENIED:
        votes = [vote for vote in decision.votes if vote.choice is Choice.ACCEPT and vote.until]
        if not votes:
            return None
        last = max(votes, key=lambda vote: vote.until)
        by = ", ".join(dict.fromkeys(vote.person for vote in votes))
        return Accepted(decision.id, last.until, by, last.reason)
    if _is_act(decision, "exempt"):
        exemption, until, by, reason = (
            text(decision.state, name) for name in ("id", "until", "by", "reason")
        )
        return Accepted(exemption, until, by, reason) if exemption and until else None
    return None


def withdrawn_in(decision: Decision) -> str:
    """The exemption that an operator withdrew; "" where the decision is no such act."""
    return text(decision.state, "id") if _is_act(decision, "unexempt") else ""


def _is_act(decision: Decision, kind: str) -> bool:
    is_done = decision.control == act.CONTROL and decision.status is Status.NOTED
    return is_done and decision.change_name == kind


def _document(answer: bytes) -> Document:
    try:
        found = parsed(answer)
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _quoted(words: str) -> str:
    """A text in JQL."""
    escaped = words.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# ------------------------------------------------------------- the Atlassian Document Format


def _written(blocks: Iterable[Document]) -> Document:
    return {"type": "doc", "version": 1, "content": list(blocks)}


def _paragraph(words: str) -> Document:
    return {"type": "paragraph", "content": [_text(words)]}


def _text(words: str) -> Document:
    return {"type": "text", "text": clipped(plain(words), _TEXT)}


def _list(lines: Iterable[str]) -> Document:
    listed: list[Json] = [{"type": "listItem", "content": [_paragraph(line)]} for line in lines]
    return {"type": "bulletList", "content": listed}


def _link(url: str) -> Document:
    mark: Document = {"type": "link", "attrs": {"href": url}}
    said: Document = {"type": "text", "text": "The resource in the AWS console", "marks": [mark]}
    return {"type": "paragraph", "content": [said]}
