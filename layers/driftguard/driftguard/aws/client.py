"""Makes sessions and clients once and late, and words AWS's refusals so that people can act.

The guard's own clients read. The remediator's clients write, and so do those of the granting and
the containment role, and only while one plan's session is open: they are separate clients whose
credentials exist for the length of `acting_on`. All live as long as the Lambda is warm, so no
client is ever built twice.

botocore is imported when the first client is made, and not before: a change that its own record
proves harmless never pays for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

from driftguard.documents import Document
from driftguard.frozen import dataclass
from driftguard.model import Call, Place, Plan

from .calls import AwsError, Client, Response, Stale, camel_to_snake, invoke, told_apart
from .time_limit import PATIENT, Patience, TimeLimit

if TYPE_CHECKING:
    from .remediator import Remediator

# Whose credentials a client signs with.
GUARD: Final = "guard"
REMEDIATOR: Final = "remediator"
GRANTING: Final = "granting"
CONTAINMENT: Final = "containment"


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one account's configuration in one region, with the guard's own role."""

    aws: Aws
    account: str
    region: str

    def read(
        self, service: str, operation: str, /, *, absent: tuple[str, ...] = (), **parameters: object
    ) -> Response | None:
        """The response, or None where AWS answers with one of the `absent` error codes."""
        try:
            client = self.aws.client(service, self.region)
            return invoke(client, service, operation, parameters, absent=absent)
        except Stale:
            self.aws.renew()
            client = self.aws.client(service, self.region)
            return invoke(client, service, operation, parameters, absent=absent)

    def pages(
        self, service: str, operation: str, key: str, /, **parameters: object
    ) -> Iterator[Response]:
        """Every element under `key` over all pages of a listing."""
        client = self.aws.client(service, self.region)
        paginator = client.get_paginator(camel_to_snake(operation))
        with told_apart(service, operation):
            for page in paginator.paginate(**parameters):
                yield from page.get(key, [])


def _no_salt(aws: Aws) -> bytes:
    raise AwsError("nothing says what secrets are to be fingerprinted with")


def _no_conduct(aws: Aws, record: str) -> Document:
    return {}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the stack tells controls beside the account's own state.

    `salt` gives what secrets are fingerprinted with, when it is needed. `advisories` is where known
    vulnerabilities are looked up: the address of an OSV API, `s3://bucket/prefix` of a copy, or ""
    for nowhere. `state_table` keeps what was looked up, and `place` is where the guard stands.
    `own_roles` are the ARNs of the stack's roles. `conduct` gives what is remembered of
    a principal's conduct, by the sort key of its record.
    """

    salt: Callable[[Aws], bytes] = _no_salt
    advisories: str = ""
    state_table: str = ""
    place: Place = Place("", "")
    own_roles: tuple[str, ...] = ()
    conduct: Callable[[Aws, str], Document] = _no_conduct


_NOWHERE = Surroundings()


class Aws:
    """Everything of AWS that one warm Lambda, or one run of the command line, holds on to."""

    def __init__(
        self,
        remediator_role_arn: str = "",
        surroundings: Surroundings = _NOWHERE,
        patience: Patience = PATIENT,
        granting_role_arn: str = "",
        containment_role_arn: str = "",
    ) -> None:
        self.surroundings = surroundings
        self.time = TimeLimit(patience)
        self._roles = {
            REMEDIATOR: remediator_role_arn,
            GRANTING: granting_role_arn,
            CONTAINMENT: containment_role_arn,
        }
        self._salt = b""
        # By service, region and whose credentials sign.
        self._clients: dict[tuple[str, str, str], Client] = {}
        self._sessions: _Sessions | None = None

    def client(self, service: str, region: str = "") -> Client:
        """The guard's own client for a service, built at its first use."""
        return self._client(service, region, GUARD)

    def renew(self) -> None:
        """Has the guard's own clients made anew, with the credentials that the environment has now.

        The remediator's stay: a plan's session may be open.
        """
        if self._sessions is not None:
            self._sessions.renew()
        self._clients = {key: client for key, client in self._clients.items() if key[2] != GUARD}

    def reader(self, account: str, region: str) -> Reader:
        """Reads for the controls' `observe`."""
        return Reader(self, account, region)

    def salt(self) -> bytes:
        """The salt for fingerprints of secrets: read when the first secret is found, then kept."""
        if not self._salt:
            self._salt = self.surroundings.salt(self)
        return self._salt

    @contextmanager
    def acting_on(
        self, plan: Plan, decision: str, region: str, *, contains: bool = False
    ) -> Iterator[Remediator]:
        """A session of the remediator role that can make this plan's calls, and nothing else.

        Calls that give rights are made in a session of the granting role; all calls of a plan that
        `contains`, in one of the containment role. The session policy names the plan's actions and
        ARNs; `SourceIdentity` is the decision's id, so that the account's own CloudTrail ties each
        change to the decision behind it.
        """
        # Only here: a harmless event changes nothing, and does not pay for it.
        from .granting import by_hand, contained_by_hand, granting
        from .remediator import Remediator

        def whose(call: Call) -> str:
            if contains:
                return CONTAINMENT
            return GRANTING if granting(call) else REMEDIATOR

        calls: dict[str, list[Call]] = {}
        for step in plan.steps:
            calls.setdefault(whose(step.call), []).append(step.call)
        if GRANTING in calls and not self._roles[GRANTING]:
            raise AwsError(by_hand(calls[GRANTING]), code="NoGrantingRole")
        if CONTAINMENT in calls and not self._roles[CONTAINMENT]:
            raise AwsError(contained_by_hand(calls[CONTAINMENT]), code="NoContainmentRole")
        with ExitStack() as sessions:
            for who, its_calls in calls.items():
                given = self._assumed(self._roles[who], its_calls, decision, region)
                sessions.enter_context(self._all().plan_credentials[who].lent(given))
            yield Remediator(lambda call, service: self.acting_client(service, region, whose(call)))

    def _assumed(self, role: str, calls: list[Call], decision: str, region: str) -> Any:
        """Credentials of a role that can make these calls only. Raises `AwsError`."""
        from .remediator import SESSION_POLICY_LIMIT, compact, session_policy

        policy = compact(session_policy(calls))
        if len(policy) > SESSION_POLICY_LIMIT:
            raise AwsError(
                f"the plan touches too much for one session: its policy has {len(policy):,} "
                f"characters, and STS takes {SESSION_POLICY_LIMIT:,}",
                code="PackedPolicyTooLarge",
            )
        with told_apart("sts", "AssumeRole"):
            answer = self.client("sts", region).assume_role(
                RoleArn=role,
                RoleSessionName=decision,
                SourceIdentity=decision,
                Policy=policy,
                DurationSeconds=900,
            )
        return answer["Credentials"]

    def acting_client(self, service: str, region: str, who: str) -> Client:
        """The client of a role that plans run under: usable only inside `acting_on`."""
        return self._client(service, region, who)

    def _all(self) -> _Sessions:
        if self._sessions is None:
            self._sessions = _Sessions(self.time)
        return self._sessions

    def _client(self, service: str, region: str, who: str) -> Client:
        key = (service, region, who)
        if key not in self._clients:
            self._clients[key] = self._all().make(service, region, who)
        return self._clients[key]


# -------------------------------------------------------------------------------- sessions


class _Sessions:
    """A botocore session for each role, over one loader: a service's model is parsed once for all.

    boto3 itself is neither used nor shipped: it adds resources and transfers, and their imports.
    """

    def __init__(self, time_limit: TimeLimit) -> None:
        from botocore.config import Config
        from botocore.session import get_session

        from .credentials import PlanCredentials

        acting = (REMEDIATOR, GRANTING, CONTAINMENT)
        self.plan_credentials = {who: PlanCredentials(who) for who in acting}
        self._by_role: dict[str, Any] = {GUARD: get_session()}
        self._time_limit, patience = time_limit, time_limit.patience
        self._config = Config(
            retries={"mode": "standard", "max_attempts": patience.attempts},
            connect_timeout=patience.connect,
            read_timeout=patience.read,
        )

    def renew(self) -> None:
        """Reads the guard's own credentials anew when its next client is made."""
        self._by_role[GUARD] = self._beside()

    def _beside(self) -> Any:
        """A session that shares what the guard's has parsed."""
        from botocore.session import get_session

        anew = get_session()
        loader = self._by_role[GUARD].get_component("data_loader")
        anew.register_component("data_loader", loader)
        return anew

    def make(self, service: str, region: str, who: str) -> Client:
        if who not in self._by_role:
            acting = self._by_role[who] = self._beside()
            acting.register_component("credential_provider", self.plan_credentials[who])
        client: Client = self._by_role[who].create_client(
            service, region_name=region or None, config=self._config
        )
        self._time_limit.hold(client, service)
        literal = any(name.startswith("AWS_ENDPOINT_URL") for name in os.environ)
        if literal and service == "s3control":
            client.meta.events.register("before-call.s3-control", _to_the_literal_host)
        return client


def _to_the_literal_host(params: dict[str, Any], **_: object) -> None:
    """Takes the account id off the host again, because a custom endpoint is a literal address."""
    params["url"] = re.sub(r"//\d{12}\.", "//", params["url"])


# --------------------------------------------------------------------------- responses as JSON
