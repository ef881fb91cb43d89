"""What people answer by link or by SNS. Both carry a signed token, and that is all they prove.

Opening a link shows a page and decides nothing, whoever or whatever opens it: a person, a mail
scanner, a browser that fetches ahead. Only the page's own form decides.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from . import links
from .approvals import LINK, weigh
from .desk import Desk, Reply
from .intake import Log
from .links import BadLink, Claim, Expired
from .messages import page
from .messages.words import silence
from .model import Answer, Decision, Json, Status, Verdict
from .trail import text
from .web import NOT_THE_BUTTON, BadRequest, Request, Response

# A form with one token in it; a reply on one line.
LONGEST = 4_096


@dataclass(frozen=True, slots=True)
class Replies:
    """Takes answers that carry a token. `key` is what tokens are signed with, read when needed."""

    desk: Desk
    key: Callable[[], bytes]
    log: Log

    # ------------------------------------------------------------------------------ by link

    def page(self, request: Request) -> Response:
        """The page behind a link, and what its button leads to."""
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
            return shown(error.status, page.trouble("That is no answer", str(error)))

    def _ask(self, request: Request, token: str) -> Response:
        """Shows what the link would decide. Reads, and changes nothing."""
        claim = self._claim(token)
        decision = self.desk.audit.get(claim.decision)
        if decision is None:
            return self._unknown(request, claim)
        refusal = weigh(decision, self._answer(claim), self.desk.policy, self.desk.stamp()).refusal
        if refusal:
            return self._outcome(200, Reply(False, refusal, decision), decision, token)
        terms = self.desk.policy.terms(decision.control, decision.severity)
        asked = page.question(
            decision,
            claim.verdict,
            token=token,
            voice="one voice, shared by everybody who has this link"
            if claim.person == LINK
            else claim.person,
            silence=silence(decision, terms),
        )
        return shown(200, asked)

    def _decide(self, request: Request) -> Response:
        form = request.within(LONGEST).form()
        if request.speculative:
            raise BadRequest("Nothing is decided ahead of a person.")
        token, pressed = form.get("t", ""), form.get("answer", "")
        if not token or not pressed:
            raise BadRequest(NOT_THE_BUTTON)
        claim = self._claim(token)
        if pressed != claim.verdict.value:
            raise BadRequest(NOT_THE_BUTTON)
        reply = self.desk.answer(claim.decision, self._answer(claim))
        if not reply.counted:
            self._refused(request, claim.decision, reply.text)
        if reply.decision is None:
            return self._unknown(request, claim)
        return self._outcome(200 if reply.counted else 409, reply, reply.decision, token)

    def _unknown(self, request: Request, claim: Claim) -> Response:
        told = f"There is no decision {claim.decision} here."
        self._refused(request, claim.decision, told)
        return shown(404, page.trouble("Nothing to decide", told))

    def _outcome(self, status: int, reply: Reply, decision: Decision, token: str) -> Response:
        heading = _heading(reply, decision)
        told = page.outcome(decision, heading, reply.text, good=reply.counted, token=token)
        return shown(status, told)

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
        """What an SNS message answers: JSON, or `revert DECISION TOKEN` on one line."""
        try:
            decision, verdict, token = _said(body)
            claim = self._claim(token)
            if claim.decision != decision:
                raise BadRequest("The token is another decision's.")
            if claim.verdict.value != verdict:
                raise BadRequest(f"The token is for {claim.verdict.value}, not for {verdict}.")
        except (BadLink, BadRequest) as error:
            self.log.warning("refused a reply by sns: %s", error)
            return Reply(False, str(error))
        reply = self.desk.answer(decision, self._answer(claim, via="sns"))
        if not reply.counted:
            self.log.warning("refused a reply by sns to %s: %s", decision, reply.text)
        return reply

    # ------------------------------------------------------------------------------- shared

    def _claim(self, token: str) -> Claim:
        return links.read(token, self.key(), self.desk.stamp())

    def _answer(self, claim: Claim, *, via: str = "link") -> Answer:
        return Answer(
            person=claim.person,
            verdict=claim.verdict,
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
        return "Your answer counts" if reply.counted else "This answer does not count"
    if not reply.counted:
        return "This is decided already"
    reverting = decision.status is Status.APPROVED
    return "It is being reverted" if reverting else "The change stands"


def _said(body: str) -> tuple[str, str, str]:
    """The decision, the verdict and the token in a message. Raises `BadRequest`."""
    if len(body) > LONGEST:
        raise BadRequest("The reply is longer than any answer needs to be.")
    words = body.split()
    if len(words) == 3 and words[0].lower() in set(Verdict):
        return words[1], words[0].lower(), words[2]
    try:
        found: Json = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, Mapping):
        raise BadRequest("A reply is `revert DECISION TOKEN`, `keep DECISION TOKEN`, or JSON.")
    said = text(found, "decision"), text(found, "verdict"), text(found, "token")
    if not all(said):
        raise BadRequest("A reply as JSON has `decision`, `verdict` and `token`.")
    return said
