"""IAM: access keys that are known to have leaked.

Sources: AWS Health User Guide, "AWS_RISK_CREDENTIALS_EXPOSED"; IAM User Guide, "AWS managed policy:
AWSCompromisedKeyQuarantineV3", "Revoke IAM role temporary security credentials".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, items, mapping, text
from driftguard.model import (
    NOT_IN_USE,
    Autonomy,
    Call,
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
    Step,
    Use,
)

from ..control import Control, Cuts, NoSettings, References, Trigger, resource
from . import corroboration
from .key_use import UNUSED_AFTER, last_use
from .principals import BUSY, GONE, IAM, USERS
from .stranger_findings import GUARDDUTY, LASTING, TEMPORARY, TRIGGER, used_by_strangers

# AWS's own policy, in any version and partition; a customer's policy may bear the same name.
_QUARANTINE = re.compile(r"arn:[a-z-]+:iam::aws:policy/AWSCompromisedKeyQuarantine\w*")
REVOCATION = "DriftguardRevokeOlderSessions"

# A session issued between our reading of the clock and the key going inactive must be caught too.
_MARGIN = timedelta(seconds=60)
# What IAM's credential report calls the root user, who is no user by IAM's other calls.
_ROOT = "<root_account>"

_END_SESSIONS = (
    "Temporary credentials cannot be switched off. Revoke the older sessions of their role, or "
    "deny those of their user, and look in CloudTrail for what was done with them."
)


_DOUBT = "AWS named the user, and not which of the keys: all of them would go inactive"


class LeakedKey(Control[NoSettings]):
    """An access key is known to be in the wrong hands.

    AWS found it in public (a Health event, or the quarantine of its user), or GuardDuty saw a
    stranger use it. The key goes inactive (it is never deleted), and sessions that were issued with
    it are cut off. Roles that the key assumed elsewhere are beyond the user's policies; the advice
    says so. Credentials of the root user are left to people, those of a role's session to
    `containment.role-sessions`, and people are asked if
    GuardDuty only suspects a leak, if only the user is named and not the key, or if nothing of
    AWS's own corroborates what the event claims.
    """

    id = "iam.leaked-key"
    title = "Access key exposed, or used by a stranger"
    severity = 95
    references = References(
        security_hub=("IAM.3",),
        attack=("T1552", "T1078.004"),
    )
    triggers: tuple[Trigger, ...] = (
        Trigger("aws.health", "AWS_RISK_CREDENTIALS_EXPOSED"),
        Trigger(IAM, "AttachUserPolicy"),
        TRIGGER,
    )
    reads: tuple[str, ...] = (
        *corroboration.READS,
        "iam:GetAccessKeyLastUsed",
        "iam:GetUser",
        "iam:GetUserPolicy",
        "iam:ListAccessKeys",
        "iam:ListAttachedUserPolicies",
    )
    # AWS may leave its mark only after its event, and people are not asked anew for that.
    volatile = frozenset({corroboration.DOUBT})
    reads_use = ("iam:GetAccessKeyLastUsed",)
    writes = {
        "iam:UpdateAccessKey": USERS,
        "iam:PutUserPolicy": USERS,
        "iam:DeleteUserPolicy": USERS,
    }
    cuts = Cuts(
        "a workload that uses the key",
        told_by="whether the key was used in the last 90 days",
        question="does anything of yours use the key, beside the stranger?",
    )
    busy = BUSY
    settings = NoSettings
    # What is said of a key where its change's record says no more.
    found = "was found in public"

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        if change.source == IAM:
            user = text(change.request, "userName")
            if user and _QUARANTINE.fullmatch(text(change.request, "policyArn")):
                where = resource(change, "iam.user", user, f"iam::{{account}}:user/{user}")
                yield Candidate(where, Certainty.EVIDENT)
            return
        if change.source == GUARDDUTY:
            yield from used_by_strangers(change)
            return
        for entity in items(change.request.get("affectedEntities")):
            key = text(entity, "entityValue")
            if key.startswith((LASTING, TEMPORARY)):
                # IAM has no ARN for a key; this one only names it in the record.
                tail = f"iam::{{account}}:access-key/{key}"
                where = resource(change, "iam.access-key", key, tail)
                yield Candidate(where, Certainty.EVIDENT, {"key": key})
            elif key:
                where = resource(change, "iam.user", key, f"iam::{{account}}:user/{key}")
                yield Candidate(where, Certainty.EVIDENT, {"named": True})

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        hint, key = candidate.hint, text(candidate.hint, "key")
        hinted = {name: hint[name] for name in ("finding", "suspected") if name in hint}
        if hint.get("root"):
            return {"user": "", "root": True, "exposed": [key], **hinted}
        if key.startswith(TEMPORARY):
            owner = text(hint, "owner")
            return {"user": owner, "root": False, "temporary": True, "exposed": [key], **hinted}
        state = self._of(candidate, key, reader)
        if state is None:
            return None
        doubt = "" if state["root"] else self._doubt(candidate, key, text(state, "user"), reader)
        return {**state, **hinted, **({corroboration.DOUBT: doubt} if doubt else {})}

    def _doubt(self, candidate: Candidate, key: str, user: str, reader: Reader) -> str:
        """Why nothing of AWS's own corroborates that the key leaked; "" if something does."""
        if "finding" in candidate.hint:
            return corroboration.of_guardduty(candidate.hint, key, reader)
        if self._quarantined(reader, user):
            return ""
        return f"{user} does not bear the quarantine policy that AWS attaches for an exposed key"

    def _of(self, candidate: Candidate, key: str, reader: Reader) -> Document | None:
        """The state of a key and its user, or of all keys of the user who is suspected."""
        if key:
            used = reader.read("iam", "GetAccessKeyLastUsed", AccessKeyId=key, absent=GONE)
            if used is None:
                return None
            user = text(document(used), "UserName").removeprefix(_ROOT)
        else:
            user = candidate.resource.id
        found = reader.read("iam", "GetUser", UserName=user, absent=GONE) if user else None
        if found is None:
            # A key without a user is the root user's: nobody else can switch it off.
            return {"user": user, "root": True, "exposed": [key]} if key else None
        keys: list[Document] = [
            {"id": text(described, "AccessKeyId"), "status": text(described, "Status")}
            for described in map(
                document, reader.pages("iam", "ListAccessKeys", "AccessKeyMetadata", UserName=user)
            )
        ]
        keys.sort(key=lambda owned: text(owned, "id"))
        if not key and not candidate.hint.get("named") and not self._quarantined(reader, user):
            return None
        policy = reader.read(
            "iam", "GetUserPolicy", UserName=user, PolicyName=REVOCATION, absent=GONE
        )
        return {
            "user": user,
            "arn": text(mapping(document(found), "User"), "Arn"),
            "root": False,
            "keys": keys,
            "exposed": [owned["id"] for owned in keys if key in ("", text(owned, "id"))],
            **({} if key else {"unnamed": True}),
            "revocation": document(policy).get("PolicyDocument"),
        }

    def _quarantined(self, reader: Reader, user: str) -> bool:
        attached = reader.pages(
            "iam", "ListAttachedUserPolicies", "AttachedPolicies", UserName=user
        )
        return any(_QUARANTINE.fullmatch(text(document(held), "PolicyArn")) for held in attached)

    def in_use(self, candidate: Candidate, state: Document, reader: Reader) -> Use:
        """Whether a workload uses an exposed key.

        IAM tells only of the last use. Where a stranger uses the key too, that may be theirs.
        """
        for key in self._active(state):
            if used := last_use(reader, key, UNUSED_AFTER):
                strangers = "finding" in state
                said = f"{key} was last used {used}"
                return Use(unknown=self.cuts.question) if strangers else Use(said)
        return NOT_IN_USE

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        finding = text(state, "finding")
        how = f"is used by a stranger (GuardDuty: {finding})" if finding else self.found
        why = _DOUBT if state.get("unnamed") else text(state, corroboration.DOUBT)
        at_most = Autonomy.ASK if why or state.get("suspected") else Autonomy.REVERT
        keys = _keys_exposed(state)
        if state["root"]:
            return Finding(f"an access key of the root user {how}", tuple(keys), at_most=at_most)
        if state.get("temporary"):
            whose = f" of {state['user']}" if state["user"] else ""
            return Finding(
                f"the temporary key {keys[0]}{whose} {how}", tuple(keys), at_most=at_most
            )
        if active := self._active(state):
            which = "an access key" if state.get("unnamed") else f"access key {', '.join(active)}"
            return Finding(
                f"{which} of {state['user']} {how}",
                tuple(active),
                at_most=at_most,
                at_most_why=why,
            )
        if keys and state["revocation"] is None:
            return Finding(
                f"sessions issued with an exposed key of {state['user']} still work",
                at_most=at_most,
                at_most_why=why,
            )
        return None

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        state = observation.state
        if state["root"]:
            return Plan((), advice="Sign in as the root user and delete its access key.")
        if state.get("temporary"):
            return Plan((), advice=_END_SESSIONS)
        user, on = text(state, "user"), (text(state, "arn"),)

        def switch(key: str, status: str) -> Call:
            parameters = {"UserName": user, "AccessKeyId": key, "Status": status}
            return Call("iam", "UpdateAccessKey", parameters, on=on)

        def put(document_text: str) -> Call:
            parameters = {
                "UserName": user,
                "PolicyName": REVOCATION,
                "PolicyDocument": document_text,
            }
            return Call("iam", "PutUserPolicy", parameters, on=on)

        delete = Call(
            "iam",
            "DeleteUserPolicy",
            {"UserName": user, "PolicyName": REVOCATION},
            on=on,
            settled_by=GONE,
        )
        before = state["revocation"]
        steps = [
            Step(switch(key, "Inactive"), (switch(key, "Active"),)) for key in self._active(state)
        ]
        put_back = delete if before is None else put(json.dumps(before))
        steps.append(Step(put(_revocation(observation.read_at)), (put_back,)))
        untouched = tuple(
            f"key {text(item, 'id')} ({text(item, 'status')})"
            for item in items(state["keys"])
            if item not in self._exposed(state)
        )
        advice = (
            "Rotate what used the key, and look for roles that it assumed: their sessions live on. "
            f"Sessions of the user that began after {observation.read_at} are not cut off."
        )
        return Plan(tuple(steps), untouched=untouched, advice=advice)

    def _exposed(self, state: Document) -> list[Document]:
        keys = _keys_exposed(state)
        return [item for item in items(state.get("keys")) if item["id"] in keys]

    def _active(self, state: Document) -> list[str]:
        exposed = self._exposed(state)
        return [text(item, "id") for item in exposed if item["status"] == "Active"]


def _keys_exposed(state: Document) -> list[str]:
    exposed = state["exposed"]
    return [str(key) for key in exposed] if isinstance(exposed, (list, tuple)) else []


def _revocation(read_at: str) -> str:
    """Denies everything to credentials issued before now. Keys carry no issue time: sessions do."""
    until = datetime.fromisoformat(read_at) + _MARGIN
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "RevokeOlderSessions",
                    "Effect": "Deny",
                    "Action": "*",
                    "Resource": "*",
                    "Condition": {
                        "DateLessThan": {"aws:TokenIssueTime": f"{until:%Y-%m-%dT%H:%M:%SZ}"}
                    },
                }
            ],
        }
    )


CONTROLS = (LeakedKey(),)
