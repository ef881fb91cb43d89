"""Where the command line answers and undoes: over a function URL that asks IAM who is calling.

AWS verifies the request's signature and says whose it is (`requestContext.authorizer.iam.userArn`);
the policy's people say which person that is. What a caller writes about itself counts for nothing.

Source: AWS Lambda Developer Guide, "Control access to Lambda function URLs".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from .approvals import undo_refusal
from .aws import Client, told_apart
from .desk import Desk, Reply
from .intake import Log
from .model import Answer, Document, Json, Verdict
from .operators import Act
from .trail import text
from .verdicts import undo_message
from .web import BadRequest, Request, Response, as_json

LONGEST = 16_384
# Keeping for longer is an exemption to write into the policy, where it is reviewed.
LONGEST_KEEP = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Console:
    """Takes answers and undos from callers whom IAM has verified. `queue` is SQS's client."""

    desk: Desk
    queue: Callable[[], Client]
    changes_queue: str
    log: Log

    def handle(self, request: Request) -> Response:
        """One request: POST /answer, /undo or /act, JSON in and out."""
        try:
            if not request.caller:
                raise BadRequest("IAM has not said who is calling: sign the request.", 403)
            asked = {"/answer": self._answer, "/undo": self._undo, "/act": self._act}.get(
                request.path
            )
            if asked is None:
                raise BadRequest("There is /answer, /undo and /act here, and nothing else.", 404)
            if request.method != "POST":
                raise BadRequest("What is asked of the guard is posted.", 405)
            reply = asked(request.caller, request.within(LONGEST).document())
        except BadRequest as error:
            self.log.warning("refused a call of %s: %s", request.caller or "nobody", error)
            return as_json(error.status, {"counted": False, "text": str(error)})
        if not reply.counted:
            self.log.warning("refused a call of %s: %s", request.caller, reply.text)
        told: dict[str, Json] = {
            "counted": reply.counted,
            "text": reply.text,
            "decision": reply.decision.id if reply.decision else None,
            "status": reply.decision.status.value if reply.decision else None,
            "person": self._name(request.caller),
        }
        return as_json(200 if reply.counted else 409, told)

    def _answer(self, caller: str, said: Document) -> Reply:
        try:
            verdict = Verdict(text(said, "verdict"))
        except ValueError:
            raise BadRequest("A verdict is `revert` or `keep`.") from None
        decision, fingerprint = text(said, "decision"), text(said, "fingerprint")
        if not decision or not fingerprint:
            raise BadRequest("An answer names the `decision` and the `fingerprint` it was shown.")
        answer = Answer(
            person=self._name(caller),
            verdict=verdict,
            via="console",
            at=self.desk.stamp(),
            fingerprint=fingerprint,
            until=self._until(said, verdict),
            identity=caller,
            reason=text(said, "reason")[:1000],
        )
        return self.desk.answer(decision, answer)

    def _until(self, said: Document, verdict: Verdict) -> str:
        """The end of a keep that is for a while; "" for one that is for good."""
        seconds = said.get("keep_for_seconds")
        if seconds is None:
            return ""
        if verdict is not Verdict.KEEP or type(seconds) is not int or seconds <= 0:
            raise BadRequest("Only a keep is for a while, for a whole number of seconds.")
        if seconds > LONGEST_KEEP.total_seconds():
            raise BadRequest("A keep is for a year at most; exempt it in the policy instead.")
        return self.desk.stamp(timedelta(seconds=seconds))

    def _undo(self, caller: str, said: Document) -> Reply:
        """Passes an undo on to the guard, if the caller may ask for it."""
        decision = self.desk.audit.get(text(said, "decision"))
        if decision is None:
            return Reply(False, f"There is no decision {text(said, 'decision')}.")
        person = self.desk.policy.person(iam=caller)
        refusal = undo_refusal(decision, person, caller, self.desk.policy)
        if refusal:
            return Reply(False, refusal, decision)
        by = f"{person.name} ({caller})" if person else caller
        message = undo_message(decision.id, by=by, reason=text(said, "reason")[:1000])
        with told_apart("sqs", "SendMessage"):
            self.queue().send_message(QueueUrl=self.changes_queue, MessageBody=json.dumps(message))
        return Reply(True, "The guard has been asked to undo it.", decision)

    def _act(self, caller: str, said: Document) -> Reply:
        """What an operator does to the guard itself, for whom the policy's people name one."""
        person = self.desk.policy.person(iam=caller)
        if person is None and self.desk.policy.people:
            return Reply(False, f"{caller} is nobody in the policy's people")
        name = person.name if person else ""
        return self.desk.act(Act(text(said, "act"), said, name, caller, self.desk.now()))

    def _name(self, caller: str) -> str:
        person = self.desk.policy.person(iam=caller)
        return person.name if person else ""
