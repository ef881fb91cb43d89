"""Takes votes by link or by SNS, which prove no more than the signed token they carry.

Opening a link shows a page and decides nothing, whoever or whatever opens it: a person, a mail
scanner, a browser that fetches ahead. Only the page's own form casts the vote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from driftguard.approvals.desk import Desk
from driftguard.approvals.requester import Reply
from driftguard.approvals.rules import LINK, weigh
from driftguard.documents import parsed, text
from driftguard.logger import Logger
from driftguard.model import Choice, Decision, Status, Vote

from . import links, page
from .http import NOT_THE_BUTTON, BadRequest, Request, Response
from .links import BadLink, Claim, Expired
from .wording import timeout

# A form with one token in it; a reply on one line.
LONGEST = 4_096


@dataclass(frozen=True, slots=True)
class Replies:
    """Takes votes that carry a token. `key` reads the key that signs tokens, when it is needed."""

    desk: Desk
    key: Callable[[], bytes]
    log: Logger

    # ------------------------------------------------------------------------------ by link

    def page(self, request: Request) -> Response:
        """Answers a request for a link's page, or the press of its button."""
        try:
            if request.method in ("GET", "HEAD"):
                return self._ask(request, request.parameter("t"))
            if request.method == "POST":
                return self._decide(request)
            raise BadRequest("A link is opened, or its button pressed; there is nothing else.", 405)
        except BadLink as error:
            self._refused(request, "", str(error))
            expired = isinstance(error, Expired)
            heading = "This link's time is up" if expired else "This link does not work"
            return shown(410 if expired else 403, page.trouble(heading, str(error)))
        except BadRequest as error:
            self._refused(request, "", str(error))
            return shown(error.status, page.trouble("That is no vote", str(error)))

    def _ask(self, request: Request, token: str) -> Response:
        """Shows what the link would decide. Reads, and changes nothing."""
        claim = self._claim(token)
        decision = self.desk.audit.get(claim.decision)
        if decision is None:
            return self._unknown(request, claim)
        refusal = weigh(decision, self._vote(claim), self.desk.policy, self.desk.stamp()).refusal
        if refusal:
            return self._outcome(200, Reply(False, refusal, decision), decision, token)
        terms = self.desk.policy.terms(decision.control, decision.severity)
        shown_page = page.approval_request(
            decision,
            claim.choice,
            token=token,
            vote="one vote, shared by everybody who has this link"
            if claim.person == LINK
            else f"the vote of {claim.person}",
            timeout=timeout(decision, terms),
        )
        return shown(200, shown_page)

    def _decide(self, request: Request) -> Response:
        form = request.within(LONGEST).form()
        if request.speculative:
            raise BadRequest("No vote is cast before a person asks for it.")
        token, pressed = form.get("t", ""), form.get("answer", "")
        if not token or not pressed:
            raise BadRequest(NOT_THE_BUTTON)
        claim = self._claim(token)
        if pressed != claim.choice.value:
            raise BadRequest(NOT_THE_BUTTON)
        reply = self.desk.vote(claim.decision, self._vote(claim))
        if not reply.counted:
            self._refused(request, claim.decision, reply.text)
        if reply.decision is None:
            return self._unknown(request, claim)
        return self._outcome(200 if reply.counted else 409, reply, reply.decision, token)

    def _unknown(self, request: Request, claim: Claim) -> Response:
        trouble = f"There is no decision {claim.decision} here."
        self._refused(request, claim.decision, trouble)
        return shown(404, page.trouble("Nothing to decide", trouble))

    def _outcome(self, status: int, reply: Reply, decision: Decision, token: str) -> Response:
        heading = _heading(reply, decision)
        html = page.outcome(decision, heading, reply.text, good=reply.counted, token=token)
        return shown(status, html)

    def _refused(self, request: Request, decision: str, why: str) -> None:
        self.log.warning(
            "refused a %s from %s to %s: %s",
            request.method,
            request.source or "unknown",
            decision or "a link",
            why,
        )

    # ------------------------------------------------------------------------------- by SNS

    def message(self, body: str) -> Reply:
        """Takes the vote in an SNS message: JSON, or `revert DECISION TOKEN` on one line."""
        try:
            decision, choice, token = _said(body)
            claim = self._claim(token)
            if claim.decision != decision:
                raise BadRequest("The token is another decision's.")
            if claim.choice.value != choice:
                raise BadRequest(f"The token is for {claim.choice.value}, not for {choice}.")
        except (BadLink, BadRequest) as error:
            self.log.warning("refused a reply by sns: %s", error)
            return Reply(False, str(error))
        reply = self.desk.vote(decision, self._vote(claim, via="sns"))
        if not reply.counted:
            self.log.warning("refused a reply by sns to %s: %s", decision, reply.text)
        return reply

    # ------------------------------------------------------------------------------- shared

    def _claim(self, token: str) -> Claim:
        return links.read(token, self.key(), self.desk.stamp())

    def _vote(self, claim: Claim, *, via: str = "link") -> Vote:
        return Vote(
            person=claim.person,
            choice=claim.choice,
            via=via,
            at=self.desk.stamp(),
            fingerprint=claim.fingerprint,
            token=claim.nonce,
        )


def shown(status: int, html: str) -> Response:
    """A page as a response that may load and run nothing."""
    headers = {"Content-Security-Policy": page.POLICY}
    return Response(status, html, "text/html; charset=utf-8", headers)


def _heading(reply: Reply, decision: Decision) -> str:
    if decision.status is Status.ASKED:
        return "Your vote counts" if reply.counted else "This vote does not count"
    if not reply.counted:
        return "This is decided already"
    reverting = decision.status is Status.APPROVED
    return "It is being reverted" if reverting else "The change stands"


def _said(body: str) -> tuple[str, str, str]:
    """The decision, the choice and the token in a message. Raises `BadRequest`."""
    if len(body) > LONGEST:
        raise BadRequest("The reply is longer than any vote needs to be.")
    words = body.split()
    if len(words) == 3 and words[0].lower() in set(Choice):
        return words[1], words[0].lower(), words[2]
    try:
        found = parsed(body)
    except ValueError:
        found = None
    if not isinstance(found, Mapping):
        raise BadRequest("A reply is `revert DECISION TOKEN`, `accept DECISION TOKEN`, or JSON.")
    said = text(found, "decision"), text(found, "choice"), text(found, "token")
    if not all(said):
        raise BadRequest("A reply as JSON has `decision`, `choice` and `token`.")
    return said
