"""One AWS call: the client protocol, our errors for AWS's answers, and responses as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from driftguard.documents import Document, Json

from .permissions import actions_of

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

_REFUSED = frozenset(
    """
    AccessDenied AccessDeniedException UnauthorizedOperation Client.UnauthorizedOperation
    AuthorizationError AuthorizationErrorException NotAuthorized UnauthorizedAccess
    """.split()  # noqa: SIM905
)

# The credentials were not taken, which says nothing of what they may do: they are over, or AWS does
# not know them yet, or no longer.
# Source: AWS Identity and Access Management User Guide, "Troubleshoot IAM"; EC2 API Reference,
# "Error codes for the Amazon EC2 API"; Amazon S3 API Reference, "Error responses".
_STALE = frozenset(
    """
    ExpiredToken ExpiredTokenException RequestExpired TokenRefreshRequired InvalidToken
    UnrecognizedClient UnrecognizedClientException InvalidClientTokenId InvalidAccessKeyId
    """.split()  # noqa: SIM905
)

# S3 refuses what its block forbids with the code of a missing permission.
# Source: Amazon S3 User Guide, "Troubleshoot access denied (403 Forbidden) errors in Amazon S3".
_BLOCKED = "block public access"


class Client(Protocol):
    """A boto3 client: its methods are made at run time from the service's model."""

    @property
    def meta(self) -> Any: ...

    def __getattr__(self, operation: str) -> Callable[..., Any]: ...


class AwsError(Exception):
    """A call that did not succeed. The message names the call, and what to do where we know.

    `retried`: this is the answer to another attempt of the SDK's, after one that failed and may
    have had its effect all the same. `withheld`: what AWS said, where the message must not quote
    it; it is compared with, and never shown.
    """

    def __init__(
        self, message: str, *, code: str = "", retried: bool = False, withheld: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retried = retried
        self.withheld = withheld


class Throttled(AwsError):
    """AWS asked us to slow down or to wait, or was out of order, beyond the SDK's own retries."""


class Refused(AwsError):
    """A permission is missing; the message names it."""


class Malformed(AwsError):
    """The SDK would not send the call: a fault of ours, which no other attempt mends."""


class Unreachable(AwsError):
    """No answer from the service: the network, a time-out, or no credentials."""


class Stale(Unreachable):
    """The call's credentials were not taken; fresh ones may be."""


def camel_to_snake(operation: str) -> str:
    """boto3's method name for an API operation: `PutBucketAcl` → `put_bucket_acl`."""
    from botocore import xform_name

    return str(xform_name(operation))


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
    from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        raise _in_words(service, operation, error) from error
    except ResponseParserError:
        # The error quotes the answer, and the answer may hold what nobody else is to read.
        raise Unreachable(f"{service}:{operation} got an answer that cannot be read") from None
    except ParamValidationError as error:
        raise Malformed(
            f"{service}:{operation} was not called: Driftguard made it wrongly, please report it: "
            f"{error}",
            code="ParamValidation",
        ) from error
    except (BotoCoreError, TimeoutError) as error:
        raise Unreachable(f"{service}:{operation} got no answer: {error}") from error


def _in_words(service: str, operation: str, error: ClientError) -> AwsError:
    answered = error.response.get("Error", {})
    code, message = str(answered.get("Code", "")), str(answered.get("Message", ""))
    answer = error.response.get("ResponseMetadata", {})
    status, retried = answer.get("HTTPStatusCode", 0), bool(answer.get("RetryAttempts", 0))
    if code in _THROTTLED or status >= 500:
        return Throttled(f"{service}:{operation} was throttled ({code}): {message}", code=code)
    if code in _STALE:
        return Stale(
            f"{service}:{operation} did not take the credentials ({code}): {message}", code=code
        )
    if code in _REFUSED and _BLOCKED in message.lower():
        return AwsError(
            f"{service}:{operation} was refused by S3 Block Public Access, and by no missing "
            f"permission: {message}",
            code=code,
        )
    if code in _REFUSED:
        return Refused(
            f"not allowed to call {service}:{operation}: {message or code}. "
            f"Give the role the permission {_wanted(service, operation)}",
            code=code,
        )
    return AwsError(f"{service}:{operation} failed ({code}): {message}", code=code, retried=retried)


def _wanted(service: str, operation: str) -> str:
    return " or ".join(sorted(actions_of(service, operation)))


def plain(value: object) -> Json:
    """A boto3 response as JSON: datetimes as ISO 8601, tuples as lists, metadata dropped."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items() if k != "ResponseMetadata"}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    iso = getattr(value, "isoformat", None)
    return str(iso()) if callable(iso) else str(value)


def document(value: object) -> Document:
    """Like `plain`, for what is known to be an object."""
    flat = plain(value)
    return flat if isinstance(flat, Mapping) else {}
