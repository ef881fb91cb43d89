"""Judges the calls of this process as they are made, and refuses what AWS would refuse."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from driftguard.aws.client import CONTAINMENT, GRANTING, REMEDIATOR, Aws
from tests.support.iam.evaluator import Asked, Policies, Principal, Statement, listed, refusal
from tests.support.iam.requests import Parameters, asked_for, asked_for_plan
from tests.support.iam.template import Stack, of_the_tests

# moto calls permission sets parts of their instance; AWS does not.
_MOTOS_SETS = re.compile(r":instance/([\w-]+/ps-)")
# Who signs a plan's calls → the logical id of the role.
OF_PLANS = {
    REMEDIATOR: "RemediatorRole",
    GRANTING: "GrantingRole",
    CONTAINMENT: "ContainmentRole",
}
# What a role's trust policy has to allow, too.
_TRUSTED = ("sts:AssumeRole", "sts:SetSourceIdentity")


@dataclass(frozen=True)
class Judged:
    """One call: who made it, what IAM was asked for it, and why it is refused ("" if it is not)."""

    role: str
    service: str
    operation: str
    parameters: Parameters
    asked: tuple[Asked, ...]
    refused: str


@dataclass
class Judge:
    """Knows who may what in a stack, and keeps what was asked."""

    stack: Stack = field(default_factory=of_the_tests)
    made: list[Judged] = field(default_factory=list)
    _watched: list[tuple[Aws, str]] = field(default_factory=list)
    # Access key → what the session that it belongs to may at most.
    _sessions: dict[str, list[Statement]] = field(default_factory=dict)
    _by_action: dict[str, list[Statement]] = field(default_factory=dict)

    def watch(self, aws: Aws, role: str) -> None:
        """From now on the clients that `aws` holds act as a role, but for the remediator's."""
        self._watched = [(one, known) for one, known in self._watched if one is not aws]
        self._watched.append((aws, role))

    @contextmanager
    def acting(self, aws: Aws, role: str) -> Iterator[None]:
        """For a while, the clients that `aws` holds act as another role."""
        before = list(self._watched)
        self.watch(aws, role)
        try:
            yield
        finally:
            self._watched = before

    def judged(
        self,
        role: str,
        service: str,
        operation: str,
        parameters: Parameters,
        session: list[Statement] | None = None,
    ) -> Judged:
        """What AWS would say of a call of a role; of the remediator's, in a plan's session."""
        if session is None:
            ways = [(one,) for one in asked_for(service, operation, parameters)]
        else:
            ways = list(asked_for_plan(service, operation, parameters, session))
        refusals = (self._refused(one, role, session) for one in ways)
        asked = tuple(one for each in ways for one in each)
        judged = Judged(
            role, service, operation, parameters, asked, next(filter(None, refusals), "")
        )
        self.made.append(judged)
        return judged

    def _refused(self, ways: tuple[Asked, ...], role: str, session: list[Statement] | None) -> str:
        """Why none of the ways is allowed, or ""."""
        refusals = [self._refusal(one, role, session) for one in ways]
        return refusals[0] if all(refusals) else ""

    def _refusal(self, asked: Asked, role: str, session: list[Statement] | None) -> str:
        policies = Policies(
            identity=self._identity(role),
            boundary=self.stack.boundary(role),
            resource=self.stack.resource_policy(asked.resource),
            session=session,
            needs_both=asked.action in _TRUSTED,
        )
        why = refusal(asked, self.stack.principal(role), policies)
        return why and f"{role} may not {asked.action} on {asked.resource} {asked.context}: {why}"

    def _identity(self, role: str) -> list[Statement]:
        if role not in self._by_action:
            self._by_action[role] = self.stack.identity(role)
        return self._by_action[role]

    # ----------------------------------------------------------------------------- while it runs

    @contextmanager
    def enforced(self) -> Iterator[Judge]:
        """Judges every call of what is watched, and refuses as AWS does.

        It stands above the fakes that are installed when the block begins.
        """
        seam: Any = BaseClient
        below = seam._make_api_call

        def call(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
            role = self._role_of(client)
            if role is None:
                return below(client, operation, parameters)
            service = client.meta.service_model.service_name
            session = self._session_of(client) if role in OF_PLANS.values() else None
            judged = self.judged(role, service, operation, parameters, session)
            if judged.refused:
                said: Any = {"Error": {"Code": "AccessDenied", "Message": judged.refused}}
                raise ClientError(said, operation)
            answer = below(client, operation, parameters)
            if (service, operation) == ("sts", "AssumeRole"):
                policy = json.loads(_MOTOS_SETS.sub(r":permissionSet/\1", parameters["Policy"]))
                self._sessions[answer["Credentials"]["AccessKeyId"]] = policy["Statement"]
            return answer

        seam._make_api_call = call
        try:
            yield self
        finally:
            on_top, seam._make_api_call = seam._make_api_call, below
            assert on_top is call, "something was installed above the judge"

    def _role_of(self, client: BaseClient) -> str | None:
        for aws, role in self._watched:
            for (_, _, who), one in aws._clients.items():
                if one is client:
                    return OF_PLANS.get(who, role)
        return None

    def _session_of(self, client: BaseClient) -> list[Statement]:
        signer: Any = client._request_signer  # type: ignore[attr-defined]
        key = signer._credentials.get_frozen_credentials().access_key
        return self._sessions[key]

    # ---------------------------------------------------------------------- what came of it

    @property
    def refused(self) -> list[str]:
        return [one.refused for one in self.made if one.refused]

    def summary(self) -> Mapping[str, Counter[str]]:
        """Role → operation → how often it was made and allowed."""
        found: dict[str, Counter[str]] = {}
        for one in self.made:
            if not one.refused:
                found.setdefault(one.role, Counter())[f"{one.service}:{one.operation}"] += 1
        return found


def dropping(stack: Stack, role: str, actions: Iterable[str]) -> Stack:
    """The same stack, whose role has never been granted some actions."""
    gone = set(actions)

    class Without(Stack):
        def identity(self, one: str) -> list[Statement]:
            statements = super().identity(one)
            if one != role:
                return statements
            return [
                {**each, "Action": [name for name in listed(each["Action"]) if name not in gone]}
                if each["Effect"] == "Allow"
                else each
                for each in statements
            ]

    return Without(stack.text, stack.parameters, stack.names, stack.name)


__all__ = ["Judge", "Judged", "Principal", "dropping"]
