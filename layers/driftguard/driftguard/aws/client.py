"""Makes sessions and clients once and late, and words AWS's refusals so that people can act.

The guard's own clients read. The remediator's clients write, and only while one plan's session is
open: they are separate clients whose credentials exist for the length of `acting_on`. Both live as
long as the Lambda is warm, so no client is ever built twice.

botocore is imported when the first client is made, and not before: a change that its own record
proves harmless never pays for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from driftguard.frozen import dataclass
from driftguard.model import Place, Plan

from .calls import AwsError, Client, Response, Stale, camel_to_snake, invoke, told_apart
from .time_limit import PATIENT, Patience, TimeLimit

if TYPE_CHECKING:
    from .remediator import Remediator


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


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the stack tells controls beside the account's own state.

    `salt` gives what secrets are fingerprinted with, when it is needed. `advisories` is where known
    vulnerabilities are looked up: the address of an OSV API, `s3://bucket/prefix` of a copy, or ""
    for nowhere. `state_table` keeps what was looked up, and `place` is where the guard stands.
    """

    salt: Callable[[Aws], bytes] = _no_salt
    advisories: str = ""
    state_table: str = ""
    place: Place = Place("", "")


_NOWHERE = Surroundings()


class Aws:
    """Everything of AWS that one warm Lambda, or one run of the command line, holds on to."""

    def __init__(
        self,
        remediator_role_arn: str = "",
        surroundings: Surroundings = _NOWHERE,
        patience: Patience = PATIENT,
    ) -> None:
        self.surroundings = surroundings
        self.time = TimeLimit(patience)
        self._remediator_role_arn = remediator_role_arn
        self._salt = b""
        self._clients: dict[tuple[str, str, bool], Client] = {}
        self._sessions: _Sessions | None = None

    def client(self, service: str, region: str = "") -> Client:
        """The guard's own client for a service, built at its first use."""
        return self._client(service, region, acting=False)

    def renew(self) -> None:
        """Has the guard's own clients made anew, with the credentials that the environment has now.

        The remediator's stay: a plan's session may be open.
        """
        if self._sessions is not None:
            self._sessions.renew()
        self._clients = {key: client for key, client in self._clients.items() if key[2]}

    def reader(self, account: str, region: str) -> Reader:
        """Reads for the controls' `observe`."""
        return Reader(self, account, region)

    def salt(self) -> bytes:
        """The salt for fingerprints of secrets: read when the first secret is found, then kept."""
        if not self._salt:
            self._salt = self.surroundings.salt(self)
        return self._salt

    @contextmanager
    def acting_on(self, plan: Plan, decision: str, region: str) -> Iterator[Remediator]:
        """A session of the remediator role that can make this plan's calls, and nothing else.

        The session policy names the plan's actions and ARNs; `SourceIdentity` is the decision's
        id, so that the account's own CloudTrail ties each change to the decision behind it.
        """
        # Only here: a harmless event changes nothing, and does not pay for it.
        from .remediator import SESSION_POLICY_LIMIT, Remediator, compact, session_policy

        credentials = self._both().plan_credentials
        policy = compact(session_policy(step.call for step in plan.steps))
        if len(policy) > SESSION_POLICY_LIMIT:
            raise AwsError(
                f"the plan touches too much for one session: its policy has {len(policy):,} "
                f"characters, and STS takes {SESSION_POLICY_LIMIT:,}",
                code="PackedPolicyTooLarge",
            )
        with told_apart("sts", "AssumeRole"):
            answer = self.client("sts", region).assume_role(
                RoleArn=self._remediator_role_arn,
                RoleSessionName=decision,
                SourceIdentity=decision,
                Policy=policy,
                DurationSeconds=900,
            )
        with credentials.lent(answer["Credentials"]):
            yield Remediator(lambda service: self.acting_client(service, region))

    def acting_client(self, service: str, region: str) -> Client:
        """The remediator's client: usable only inside `acting_on`."""
        return self._client(service, region, acting=True)

    def _both(self) -> _Sessions:
        if self._sessions is None:
            self._sessions = _Sessions(self.time)
        return self._sessions

    def _client(self, service: str, region: str, *, acting: bool) -> Client:
        key = (service, region, acting)
        if key not in self._clients:
            self._clients[key] = self._both().make(service, region, acting=acting)
        return self._clients[key]


# -------------------------------------------------------------------------------- sessions


class _Sessions:
    """Two botocore sessions over one loader, so that a service's model is parsed once for both.

    boto3 itself is neither used nor shipped: it adds resources and transfers, and their imports.
    """

    def __init__(self, time_limit: TimeLimit) -> None:
        from botocore.config import Config
        from botocore.session import get_session

        from .credentials import PlanCredentials

        reading, acting = get_session(), get_session()
        acting.register_component("data_loader", reading.get_component("data_loader"))
        self.plan_credentials = PlanCredentials()
        acting.register_component("credential_provider", self.plan_credentials)
        self._reading, self._acting = reading, acting
        self._time_limit, patience = time_limit, time_limit.patience
        self._config = Config(
            retries={"mode": "standard", "max_attempts": patience.attempts},
            connect_timeout=patience.connect,
            read_timeout=patience.read,
        )

    def renew(self) -> None:
        """Reads the guard's own credentials anew when its next client is made."""
        from botocore.session import get_session

        anew = get_session()
        anew.register_component("data_loader", self._reading.get_component("data_loader"))
        self._reading = anew

    def make(self, service: str, region: str, *, acting: bool) -> Client:
        session: Any = self._acting if acting else self._reading
        client: Client = session.create_client(
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
