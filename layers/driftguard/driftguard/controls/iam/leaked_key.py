"""IAM: access keys that are known to have leaked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from ...aws import Reader, document
from ...model import Call, Certainty, Change, Document, Facet, Plan, Risk, Step, Suspect
from ...trail import items, mapping, text
from ..control import Control, NoSettings, References, Trigger, resource
from .principals import GONE, IAM, USERS

QUARANTINE = "AWSCompromisedKeyQuarantine"
REVOCATION = "DriftguardRevokeOlderSessions"

# A session issued between our reading of the clock and the key going inactive must be caught too.
_MARGIN = timedelta(seconds=60)


class LeakedKey(Control[NoSettings]):
    """AWS found an access key in public: in a Health event, or by quarantining its user.

    The key goes inactive (it is never deleted), and sessions that were issued with it are cut off.
    Roles that the key assumed elsewhere are beyond the user's policies; the advice says so.
    """

    id = "iam.leaked-key"
    title = "Access key exposed in public"
    severity = 95
    references = References(
        security_hub=("IAM.3",),
        attack=("T1552", "T1078.004"),
    )
    triggers: tuple[Trigger, ...] = (
        Trigger("aws.health", "AWS_RISK_CREDENTIALS_EXPOSED"),
        Trigger(IAM, "AttachUserPolicy"),
        Trigger(IAM, "PutUserPolicy"),
    )
    reads: tuple[str, ...] = (
        "iam:GetAccessKeyLastUsed",
        "iam:GetUser",
        "iam:GetUserPolicy",
        "iam:ListAccessKeys",
        "iam:ListAttachedUserPolicies",
        "iam:ListUserPolicies",
    )
    writes = {
        "iam:UpdateAccessKey": USERS,
        "iam:PutUserPolicy": USERS,
        "iam:DeleteUserPolicy": USERS,
    }
    settings = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Suspect]:
        if change.source == IAM:
            attached = text(change.request, "policyArn", "policyName").rpartition("/")[2]
            user = text(change.request, "userName")
            if user and attached.startswith(QUARANTINE):
                where = resource(change, "iam.user", user, f"iam::{{account}}:user/{user}")
                yield Suspect(where, Certainty.EVIDENT)
            return
        for entity in items(change.request.get("affectedEntities")):
            key = text(entity, "entityValue")
            if key.startswith(("AKIA", "ASIA")):
                # IAM has no ARN for a key; this one only names it in the record.
                tail = f"iam::{{account}}:access-key/{key}"
                where = resource(change, "iam.access-key", key, tail)
                yield Suspect(where, Certainty.EVIDENT, {"key": key})
            elif key:
                where = resource(change, "iam.user", key, f"iam::{{account}}:user/{key}")
                yield Suspect(where, Certainty.EVIDENT, {"named": True})

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        key = text(suspect.hint, "key")
        if key:
            used = reader.read("iam", "GetAccessKeyLastUsed", AccessKeyId=key, absent=GONE)
            if used is None:
                return None
            user = text(document(used), "UserName")
        else:
            user = suspect.resource.id
        found = reader.read("iam", "GetUser", UserName=user, absent=GONE) if user else None
        if found is None:
            # A key without a user is the root user's: nobody else can switch it off.
            return {"user": user, "root": True, "exposed": [key]} if key else None
        keys: list[Document] = [
            {"id": text(one, "AccessKeyId"), "status": text(one, "Status")}
            for one in map(
                document, reader.pages("iam", "ListAccessKeys", "AccessKeyMetadata", UserName=user)
            )
        ]
        keys.sort(key=lambda one: text(one, "id"))
        if not key and not suspect.hint.get("named") and not self._quarantined(reader, user):
            return None
        policy = reader.read(
            "iam", "GetUserPolicy", UserName=user, PolicyName=REVOCATION, absent=GONE
        )
        return {
            "user": user,
            "arn": text(mapping(document(found), "User"), "Arn"),
            "root": False,
            "keys": keys,
            "exposed": [one["id"] for one in keys if key in ("", text(one, "id"))],
            "revocation": document(policy).get("PolicyDocument"),
        }

    def _quarantined(self, reader: Reader, user: str) -> bool:
        names = [
            text(document(one), "PolicyName")
            for one in reader.pages(
                "iam", "ListAttachedUserPolicies", "AttachedPolicies", UserName=user
            )
        ]
        names += [
            str(one)
            for one in reader.pages("iam", "ListUserPolicies", "PolicyNames", UserName=user)
        ]
        return any(name.startswith(QUARANTINE) for name in names)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Risk | None:
        if state["root"]:
            return Risk("an access key of the root user was found in public", (state["exposed"],))
        active = [text(one, "id") for one in self._exposed(state) if one["status"] == "Active"]
        if active:
            return Risk(
                f"access key {', '.join(active)} of {state['user']} was found in public",
                tuple(active),
            )
        if state["exposed"] and state["revocation"] is None:
            return Risk(f"sessions issued with an exposed key of {state['user']} still work")
        return None

    def plan(
        self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: NoSettings
    ) -> Plan:
        state = facet.state
        if state["root"]:
            return Plan((), advice="Sign in as the root user and delete its access key.")
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
            Step(switch(key, "Inactive"), (switch(key, "Active"),))
            for key in (
                text(one, "id") for one in self._exposed(state) if one["status"] == "Active"
            )
        ]
        put_back = delete if before is None else put(json.dumps(before))
        steps.append(Step(put(_revocation(facet.read_at)), (put_back,)))
        kept = tuple(
            f"key {text(one, 'id')} ({text(one, 'status')})"
            for one in items(state["keys"])
            if one not in self._exposed(state)
        )
        advice = (
            "Rotate what used the key, and look for roles that it assumed: their sessions live on."
        )
        return Plan(tuple(steps), kept=kept, advice=advice)

    def _exposed(self, state: Document) -> list[Document]:
        exposed = state["exposed"]
        assert isinstance(exposed, (list, tuple))
        return [one for one in items(state["keys"]) if one["id"] in exposed]


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
