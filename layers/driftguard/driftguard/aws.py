"""Sessions and clients, made once and late; what AWS refuses, said in words a person can act on.

The guard's own clients read. The remediator's clients write, and only while one plan's session is
open: they are separate clients whose credentials exist for the length of `acting_on`. Both live as
long as the Lambda is warm, so no client is ever built twice.

boto3 is imported when the first client is made, and not before: a change that its own record
proves harmless never pays for it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from .held import wanted
from .model import Call, Document, Json, Plan
from .permissions import actions_of, grants_of

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

# What boto3 takes and gives: JSON, and datetimes and bytes beside it.
Response: TypeAlias = "Mapping[str, object]"

_THROTTLED = frozenset(
    """
    Throttling ThrottlingException ThrottledException RequestThrottled RequestThrottledException
    RequestLimitExceeded TooManyRequestsException ProvisionedThroughputExceededException
    TransactionInProgressException BandwidthLimitExceeded LimitExceededException SlowDown
    PriorRequestNotComplete EC2ThrottledException InternalError InternalFailure
    InternalServerError ServiceUnavailable ServiceUnavailableException
    """.split()  # noqa: SIM905 - a list of twenty lines reads worse
)
# What a resource is busy with will pass: a database being made or modified takes no other change.
_SETTLING = frozenset(
    {
        ("cloudtrail", "ConflictException"),
        ("dynamodb", "ContinuousBackupsUnavailableException"),
        ("dynamodb", "ResourceInUseException"),
        ("efs", "IncorrectFileSystemLifeCycleState"),
        ("lambda", "ResourceConflictException"),
        ("lambda", "ResourceInUseException"),
        ("rds", "InvalidDBClusterStateFault"),
        ("rds", "InvalidDBInstanceState"),
        ("redshift", "InvalidClusterState"),
        ("wafv2", "WAFUnavailableEntityException"),
    }
)
_REFUSED = frozenset(
    """
    AccessDenied AccessDeniedException UnauthorizedOperation Client.UnauthorizedOperation
    AuthorizationError AuthorizationErrorException NotAuthorized UnauthorizedAccess
    """.split()  # noqa: SIM905
)


# Source: AWS STS API Reference, "AssumeRole".
SESSION_POLICY_LIMIT = 2048


class Client(Protocol):
    """A boto3 client: its methods are made at run time from the service's model."""

    @property
    def meta(self) -> Any: ...

    def __getattr__(self, operation: str) -> Callable[..., Any]: ...


class AwsError(Exception):
    """A call that did not succeed. The message names the call, and what to do where we know."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Throttled(AwsError):
    """AWS asked us to slow down or to wait, or was out of order, beyond the SDK's own retries."""


class Refused(AwsError):
    """A permission is missing; the message names it."""


class Unreachable(AwsError):
    """No answer from the service: the network, a time-out, or no credentials."""


def camel_to_snake(operation: str) -> str:
    """boto3's method name for an API operation: `PutBucketAcl` → `put_bucket_acl`."""
    from botocore import xform_name

    return str(xform_name(operation))


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


@dataclass(frozen=True, slots=True)
class SaltIn:
    """The salt that is kept in a secret of AWS Secrets Manager, by its ARN or name."""

    secret: str

    def __call__(self, aws: Aws) -> bytes:
        # Only here: most changes hold no secret.
        from .secrets import salt_in

        return salt_in(self.secret, aws)


def _no_salt(aws: Aws) -> bytes:
    raise AwsError("nothing says what secrets are to be fingerprinted with")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the stack tells controls beside the account's own state.

    `salt` gives what secrets are fingerprinted with, when it is needed. `advisories` is where known
    vulnerabilities are looked up: the address of an OSV API, `s3://bucket/prefix` of a copy, or ""
    for nowhere.
    """

    salt: Callable[[Aws], bytes] = _no_salt
    advisories: str = ""
    state_table: str = ""


_NOWHERE = Surroundings()


class Aws:
    """Everything of AWS that one warm Lambda, or one run of the command line, holds on to."""

    def __init__(
        self, remediator_role_arn: str = "", surroundings: Surroundings = _NOWHERE
    ) -> None:
        self.surroundings = surroundings
        self._remediator_role_arn = remediator_role_arn
        self._salt = b""
        self._clients: dict[tuple[str, str, bool], Client] = {}
        self._sessions: _Sessions | None = None

    def client(self, service: str, region: str = "") -> Client:
        """The guard's own client for a service, built at its first use."""
        return self._client(service, region, acting=False)

    def reader(self, account: str, region: str) -> Reader:
        """Reads for the controls' `observe`."""
        return Reader(self, account, region)

    def salt(self) -> bytes:
        """What secrets are fingerprinted with: asked for when the first one is found, and kept."""
        if not self._salt:
            self._salt = self.surroundings.salt(self)
        return self._salt

    @contextmanager
    def acting_on(self, plan: Plan, decision: str, region: str) -> Iterator[Remediator]:
        """A session of the remediator role that can make this plan's calls, and nothing else.

        The session policy names the plan's actions and ARNs; `SourceIdentity` is the decision's
        id, so that the account's own CloudTrail ties each change to the decision behind it.
        """
        credentials = self._both().plan_credentials
        policy = _compact(session_policy(step.call for step in plan.steps))
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
            yield Remediator(self, region)

    def acting_client(self, service: str, region: str) -> Client:
        """The remediator's client: usable only inside `acting_on`."""
        return self._client(service, region, acting=True)

    def _both(self) -> _Sessions:
        if self._sessions is None:
            self._sessions = _Sessions()
        return self._sessions

    def _client(self, service: str, region: str, *, acting: bool) -> Client:
        key = (service, region, acting)
        if key not in self._clients:
            self._clients[key] = self._both().make(service, region, acting=acting)
        return self._clients[key]


@dataclass(frozen=True, slots=True)
class Remediator:
    """Makes the calls of the plan whose session is open."""

    aws: Aws
    region: str

    def make(self, call: Call) -> bool:
        """Makes the call. False: it was already so (one of the call's `settled_by` codes)."""
        client = self.aws.acting_client(call.service, self.region)
        parameters: Mapping[str, object] = call.parameters
        if any(True for _ in wanted(call.parameters)):
            # Only here: few plans name what they do not hold.
            from .fetching import fetched

            parameters = {name: fetched(one, self._client) for name, one in call.parameters.items()}
            with _unquoted(call):
                return self._send(client, call, parameters)
        return self._send(client, call, parameters)

    def _send(self, client: Client, call: Call, parameters: Mapping[str, object]) -> bool:
        answer = invoke(client, call.service, call.operation, parameters, absent=call.settled_by)
        return answer is not None

    def _client(self, service: str) -> Client:
        return self.aws.acting_client(service, self.region)


def session_policy(calls: Iterable[Call]) -> dict[str, Any]:
    """The IAM policy that allows exactly these calls on their ARNs; one statement a set of ARNs."""
    allowed: dict[tuple[str, ...], set[str]] = {}
    for call in calls:
        for action, arns in grants_of(call):
            allowed.setdefault(arns, set()).add(action)
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": sorted(actions), "Resource": list(arns)}
            for arns, actions in allowed.items()
        ],
    }


def _compact(policy: Mapping[str, Any]) -> str:
    """Without spaces: STS takes session policies of at most 2,048 characters."""
    return json.dumps(policy, separators=(",", ":"))


def invoke(
    client: Client,
    service: str,
    operation: str,
    parameters: Mapping[str, object],
    *,
    absent: tuple[str, ...] = (),
) -> Response | None:
    """One call. None where AWS answers with an `absent` code; our own error for any other."""
    try:
        with told_apart(service, operation):
            answer: Response = getattr(client, camel_to_snake(operation))(**parameters)
            return answer
    except AwsError as error:
        if error.code in absent:
            return None
        raise


@contextmanager
def told_apart(service: str, operation: str) -> Iterator[None]:
    """Turns the SDK's errors into ours: throttled, refused, unreachable, or what AWS said."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        raise _in_words(service, operation, error) from error
    except ResponseParserError:
        # The error quotes the answer, and the answer may hold what nobody else is to read.
        raise Unreachable(f"{service}:{operation} got an answer that cannot be read") from None
    except BotoCoreError as error:
        raise Unreachable(f"{service}:{operation} got no answer: {error}") from error


@contextmanager
def _unquoted(call: Call) -> Iterator[None]:
    """Errors without what AWS says: it may quote a parameter that no plan was to hold."""
    try:
        yield
    except AwsError as error:
        told = f"{call.service}:{call.operation} failed ({error.code or type(error).__name__})"
        if isinstance(error, Refused):
            told += f". Give the role the permission {_wanted(call.service, call.operation)}"
        raise type(error)(told, code=error.code) from None


def _in_words(service: str, operation: str, error: ClientError) -> AwsError:
    told = error.response.get("Error", {})
    code, message = str(told.get("Code", "")), str(told.get("Message", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _THROTTLED or status >= 500:
        return Throttled(f"{service}:{operation} was throttled ({code}): {message}", code=code)
    if (service, code) in _SETTLING:
        return Throttled(f"{service}:{operation} must wait ({code}): {message}", code=code)
    if code in _REFUSED:
        return Refused(
            f"not allowed to call {service}:{operation}: {message or code}. "
            f"Give the role the permission {_wanted(service, operation)}",
            code=code,
        )
    return AwsError(f"{service}:{operation} failed ({code}): {message}", code=code)


def _wanted(service: str, operation: str) -> str:
    return " or ".join(sorted(actions_of(service, operation)))


# -------------------------------------------------------------------------------- sessions


class _Sessions:
    """Two boto3 sessions over one loader, so that a service's model is parsed once for both."""

    def __init__(self) -> None:
        from boto3 import Session
        from botocore.config import Config
        from botocore.session import get_session

        from .credentials import PlanCredentials

        reading, acting = get_session(), get_session()
        acting.register_component("data_loader", reading.get_component("data_loader"))
        self.plan_credentials = PlanCredentials()
        acting.register_component("credential_provider", self.plan_credentials)
        self._reading = Session(botocore_session=reading)
        self._acting = Session(botocore_session=acting)
        self._config = Config(
            retries={"mode": "standard", "max_attempts": 4}, connect_timeout=3, read_timeout=10
        )

    def make(self, service: str, region: str, *, acting: bool) -> Client:
        session: Any = self._acting if acting else self._reading
        client: Client = session.client(service, region_name=region or None, config=self._config)
        literal = any(name.startswith("AWS_ENDPOINT_URL") for name in os.environ)
        if literal and service == "s3control":
            client.meta.events.register("before-call.s3-control", _to_the_literal_host)
        return client


def _to_the_literal_host(params: dict[str, Any], **_: object) -> None:
    """Takes the account id off the host again: an endpoint of one's own is a literal address."""
    params["url"] = re.sub(r"//\d{12}\.", "//", params["url"])


# --------------------------------------------------------------------------- responses as JSON


def plain(value: object) -> Json:
    """A boto3 response as JSON: datetimes as ISO 8601, tuples as lists, metadata dropped."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items() if k != "ResponseMetadata"}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    iso = getattr(value, "isoformat", None)
    return str(iso()) if callable(iso) else str(value)


def document(value: object) -> Document:
    """Like `plain`, for what is known to be an object."""
    flat = plain(value)
    return flat if isinstance(flat, Mapping) else {}
