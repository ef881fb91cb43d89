"""Serves the signed API: votes, undos and operators' acts, over a URL that IAM authorizes.

AWS verifies the request's signature and says whose it is (`requestContext.authorizer.iam.userArn`);
the policy says which person that is. Whatever a caller writes about itself is ignored.

Source: AWS Lambda Developer Guide, "Control access to Lambda function URLs".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from driftguard.approvals.act import Act, Unfit
from driftguard.approvals.command_queue import CommandQueue
from driftguard.approvals.containing import Answered
from driftguard.approvals.desk import Desk
from driftguard.approvals.requester import Reply, Requester, not_named
from driftguard.documents import Document, Json, text
from driftguard.logger import Logger
from driftguard.model import Choice, Vote
from driftguard.policy.makers import principal_of

from .http import BadRequest, Request, Response, as_json

# Bytes that a request has at most.
LONGEST = 16_384
# What is accepted for longer is an exemption to write into the policy, where it is reviewed.
LONGEST_ACCEPTANCE = timedelta(days=366)
# Characters of a reason that are kept.
LONGEST_REASON = 1000


@dataclass(frozen=True, slots=True)
class SignedApi:
    """Takes votes, undos and operators' acts from callers whom IAM has verified.

    `operator_role` is the name of the stack's own role for operators, "" where it has none. A
    session of it may only wake the guard: whoever made a change could vote on it as another role.
    """

    desk: Desk
    commands: CommandQueue
    log: Logger
    operator_role: str = ""

    def handle(self, request: Request) -> Response:
        """Handles one request: POST /answer, /contain, /undo, /wake, /act or /confirm, in JSON."""
        try:
            if not request.caller:
                raise BadRequest("IAM has not said who is calling: sign the request.", 403)
            actions: dict[str, Callable[[str, Document], Reply | Answered]] = {
                "/answer": self._vote,
                "/contain": self._contain,
                "/undo": self._undo,
                "/wake": self._wake,
                "/act": self._act,
                "/confirm": self._confirm,
            }
            action = actions.get(request.path)
            if action is None:
                listed = ", ".join(actions)
                raise BadRequest(f"There is {listed} here, and nothing else.", 404)
            if request.method != "POST":
                raise BadRequest("Requests to the guard are posted.", 405)
            if self._is_nobody(request.caller) and request.path != "/wake":
                raise BadRequest(
                    f"A session of {self.operator_role} handles dead letters, and is nobody's own "
                    "word: sign the request as yourself.",
                    403,
                )
            reply: Reply | Answered = action(request.caller, request.within(LONGEST).document())
        except Unfit as error:
            reply = Reply(False, str(error))
        except BadRequest as error:
            self.log.warning("refused a call of %s: %s", request.caller or "nobody", error)
            return as_json(error.status, {"counted": False, "text": str(error)})
        if not reply.counted:
            self.log.warning("refused a call of %s: %s", request.caller, reply.text)
        body = {**_as_json(reply), "person": self._name(request.caller)}
        return as_json(200 if reply.counted else 409, body)

    def _is_nobody(self, caller: str) -> bool:
        """Whether the caller is a session of the stack's role for operators."""
        return bool(self.operator_role) and f":assumed-role/{self.operator_role}/" in caller

    def _vote(self, caller: str, said: Document) -> Reply:
        try:
            choice = Choice(text(said, "choice"))
        except ValueError:
            raise BadRequest("A vote is `revert` or `accept`.") from None
        decision, fingerprint = text(said, "decision"), text(said, "fingerprint")
        if not decision or not fingerprint:
            raise BadRequest("A vote names the `decision` and the `fingerprint` that it is about.")
        until = self._until(said, choice)
        return self.desk.vote(decision, self._cast(caller, said, choice, fingerprint, until))

    def _contain(self, caller: str, said: Document) -> Answered:
        """One answer to an incident: a vote to revert all of it that waits, as it was shown."""
        decision, fingerprint = text(said, "incident"), text(said, "fingerprint")
        if not decision or not fingerprint:
            raise BadRequest("An answer names the `incident` and the `fingerprint` shown of it.")
        vote = self._cast(caller, said, Choice.REVERT, "", "")
        return self.desk.contain(decision, vote, fingerprint)

    def _cast(
        self, caller: str, said: Document, choice: Choice, fingerprint: str, until: str
    ) -> Vote:
        return Vote(
            # Without people, each principal is one: whoever may assume a role names its sessions.
            person=self._name(caller) if self.desk.policy.people else principal_of(caller),
            choice=choice,
            via="api",
            at=self.desk.stamp(),
            fingerprint=fingerprint,
            until=until,
            identity=caller,
            reason=text(said, "reason")[:LONGEST_REASON],
        )

    def _until(self, said: Document, choice: Choice) -> str:
        """When an acceptance for a while ends; "" for one for good."""
        seconds = said.get("accept_for_seconds")
        if seconds is None:
            return ""
        if choice is not Choice.ACCEPT or type(seconds) is not int or seconds <= 0:
            raise BadRequest("Only `accept` is for a while, for a whole number of seconds.")
        if seconds > LONGEST_ACCEPTANCE.total_seconds():
            raise BadRequest("An acceptance lasts a year at most; exempt it in the policy instead.")
        return self.desk.stamp(timedelta(seconds=seconds))

    def _undo(self, caller: str, said: Document) -> Reply:
        requester = Requester(caller, self.desk.policy.person(iam=caller))
        reason = text(said, "reason")[:LONGEST_REASON]
        return self.desk.request_undo(text(said, "decision"), requester, reason, self.commands)

    def _wake(self, caller: str, said: Document) -> Reply:
        """Wakes the guard for a decision: whoever may call may, because the record commands."""
        return self.desk.wake(text(said, "decision"), self.commands)

    def _act(self, caller: str, said: Document) -> Reply:
        """Does an operator's act; where the policy names people, only for one of them."""
        operator = self._operator(caller)
        name = operator.person.name if operator.person else ""
        act = Act(text(said, "act"), said, name, caller, self.desk.now())
        return self.desk.acting.act(act, self.commands)

    def _confirm(self, caller: str, said: Document) -> Reply:
        """Agrees to an act that somebody proposed, as it was shown to the caller."""
        return self.desk.acting.confirm(
            text(said, "decision"),
            self._operator(caller),
            text(said, "fingerprint"),
            text(said, "reason")[:LONGEST_REASON],
            self.commands,
        )

    def _operator(self, caller: str) -> Requester:
        """The caller, who may act; raises `Unfit` for who is none of the policy's people."""
        operator = Requester(caller, self.desk.policy.person(iam=caller))
        if operator.person is None and self.desk.policy.people:
            raise Unfit(not_named(caller))
        return operator

    def _name(self, caller: str) -> str:
        person = self.desk.policy.person(iam=caller)
        return person.name if person else ""


def _as_json(reply: Reply | Answered) -> dict[str, Json]:
    """What came of a request, without who made it."""
    if isinstance(reply, Reply):
        return {
            "counted": reply.counted,
            "text": reply.text,
            "decision": reply.decision.id if reply.decision else None,
            "status": reply.decision.status.value if reply.decision else None,
        }
    each: list[Json] = [{**_as_json(of_one), "decision": one.id} for one, of_one in reply.replies]
    return {"counted": reply.counted, "text": reply.text, "decisions": each}
