"""`driftguard access`: asks the access evaluators, one JSON case a line, one answer a line.

Every line gets exactly one answer, in order and at once. A line that cannot be judged is answered
as open to the world, with the reason, and the command exits 1 at the end. Policies can be given as
files, too, for pipelines: then the command exits 1 also where one lets a stranger in.
"""

import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, cast

import typer

from driftguard.access import acl as acls
from driftguard.access import network, policy
from driftguard.access.document import Repeating, parsed, repeated_keys

from ..errors import Misuse, Trouble

Case = Mapping[str, object]
Answer = dict[str, object]

# A name that is not listed is more often a slip than a service.
SERVICES = frozenset(policy.SERVICES)

app = typer.Typer(
    no_args_is_help=True,
    help="Is this policy, ACL or security group open to the world? JSON Lines in, JSON Lines out.",
)


class MalformedCaseError(ValueError):
    """A line is not a valid case. The message says what is wrong with it, and what to do."""


@app.command("policy")
def judge_policies(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="Files with a policy each, not standard input."),
    ] = None,
    service: Annotated[
        str, typer.Option(help="Whose policies the files are: s3, sqs, kms, …", metavar="SERVICE")
    ] = "",
    account: Annotated[
        str,
        typer.Option(metavar="ID", help="The account of the files' resources; else none is ours."),
    ] = "",
    trusted_account: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="An account that counts as your own. May be repeated."),
    ] = None,
) -> None:
    """Does a resource policy let in everyone, or an account outside of yours?

    In: {"id", "service", "policy": {…} or "policy_text": "…", "account"}.
    Out: {"id", "public", "external", "because": […]}.

    Exits 1 if a line could not be judged; the answer to that line is then the unsafe one. With
    files it exits 1 also if a policy lets somebody in.

    Example: driftguard access policy bucket.json --service s3 --account 123456789012
    """
    trusted = policy.Trusted(accounts=frozenset(trusted_account or ()))

    def judge(case: Case) -> Answer:
        verdict = policy.judge(
            _service(case),
            _document(case),
            account="" if files and not account else _account(case),
            trusted=trusted,
            resource=_optional_text(case, "resource"),
        )
        because = list(verdict.because)
        return {"public": verdict.public, "external": verdict.external, "because": because}

    unsafe: Answer = {"public": True, "external": True}
    if files:
        if service.strip().lower() not in SERVICES:
            raise Misuse(
                f"`--service` is `{service}`: write whose policies the files are, one of "
                + ", ".join(sorted(SERVICES))
            )
        cases = ({**_of_file(path), "service": service, "account": account} for path in files)
        _answer_files(judge, cases, unsafe)
    else:
        _answer_all(judge, unsafe)


@app.command("acl")
def judge_acls() -> None:
    """Is a bucket or an object open to everyone by its ACL, or after a call that asks for one?

    In: {"id", "kind": "bucket" or "object", "acl": {"Owner", "Grants"} or null,
    "request_headers": {…} or null, "prior": the canned ACL in force before,
    "pab_bucket": {…} or null, "pab_account": {…} or null, "ownership", "bucket_policy_public"}.
    Out: {"id", "public", "because": […]}.

    The answer is the effective one. A call that S3 would refuse leaves the prior ACL in force.
    An "acl" with neither "prior" nor "request_headers" is the ACL in force, and no call.

    Exits 1 if a line could not be judged; the answer to that line is then the unsafe one.
    """

    def judge(case: Case) -> Answer:
        _refuse_repeated(case)
        kind = _text(case, "kind").strip().lower()
        if kind not in ("bucket", "object"):
            raise MalformedCaseError(f'"kind" is {kind!r}: write "bucket" or "object"')
        if "acl" not in case and "request_headers" not in case:
            raise MalformedCaseError('"acl" and "request_headers" are missing: give one, or null')
        acl, headers = _object(case, "acl"), _object(case, "request_headers")
        prior = _optional_text(case, "prior")
        blocks = (_object(case, "pab_bucket"), _object(case, "pab_account"))
        ownership = _optional_text(case, "ownership")
        policy_public = _flag(case, "bucket_policy_public")
        if acl is not None and headers is None and prior is None:
            verdict = acls.judge(
                acl,
                public_access_blocks=blocks,
                ownership=ownership,
                bucket_policy_public=policy_public,
            )
        else:
            verdict = acls.judge_request(
                kind=kind,
                acl=acl,
                request_headers=headers,
                prior=prior,
                public_access_blocks=blocks,
                ownership=ownership,
                bucket_policy_public=policy_public,
            )
        return {"public": verdict.public, "because": list(verdict.because)}

    _answer_all(judge, {"public": True})


@app.command("security-group")
def judge_security_groups() -> None:
    """Does a security group let the internet reach a port that is not on the list?

    In: {"id", "ip_permissions": […], "direction": "ingress" or "egress",
    "allowed_public_ports": [80, 443], "prefix_lists": {"pl-…": […]}}.
    Out: {"id", "risky", "revoke": […], "because": […]}.

    What to revoke are boto3 IpPermissions with the offending sources, and nothing else.
    Egress is never risky: open egress is what AWS gives every new group.

    Exits 1 if a line could not be judged; the answer to that line is then the unsafe one.
    """

    def judge(case: Case) -> Answer:
        _refuse_repeated(case)
        found = network.openings(
            _permissions(case),
            direction=_direction(case),
            allowed_public_ports=_ports(case),
            prefix_lists=_prefix_lists(case),
        )
        because = [source.because for opening in found for source in opening.sources]
        revoke = [opening.revoke() for opening in found]
        return {"risky": bool(found), "revoke": revoke, "because": because}

    _answer_all(judge, {"risky": True, "revoke": []})


def _of_file(path: Path) -> dict[str, object]:
    try:
        return {"id": str(path), "policy_text": path.read_text("utf-8-sig")}
    except (OSError, UnicodeDecodeError) as error:
        raise Trouble(f"{path} cannot be read: {error}. Name files that hold a policy.") from error


def _answer_files(
    judge: Callable[[Case], Answer], cases: Iterator[Case], when_unsure: Answer
) -> None:
    """Answers every file; exits 1 at the end if one is open, or could not be judged."""
    closed = True
    for number, case in enumerate(cases, start=1):
        well, answer = _answer(judge, number, json.dumps(case).encode(), when_unsure)
        closed &= well and not (answer["public"] or answer["external"])
        typer.echo(json.dumps(answer))
    if not closed:
        raise typer.Exit(1)


def _answer_all(judge: Callable[[Case], Answer], when_unsure: Answer) -> None:
    """Answers every line of standard input; exits 1 at the end if a line could not be judged."""
    if sys.stdin.isatty():
        typer.echo("Reading cases from standard input, one JSON object a line.", err=True)
    all_well = True
    for number, line in _lines():
        well, answer = _answer(judge, number, line, when_unsure)
        all_well &= well
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()  # Whoever asks through a pipe waits for this line before the next.
    if not all_well:
        raise typer.Exit(1)


def _lines() -> Iterator[tuple[int, bytes]]:
    # Bytes, since one line in a wrong encoding must not cost the others their answers.
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if line.strip():
            yield number, line


def _answer(
    judge: Callable[[Case], Answer], number: int, line: bytes, when_unsure: Answer
) -> tuple[bool, Answer]:
    identity: object = None
    try:
        case = _case(line)
        identity = case.get("id")
        if identity is None:
            raise MalformedCaseError('"id" is missing: add one, so that the answer can be told')
        return True, {"id": identity, **judge(case)}
    except MalformedCaseError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - a defect in a judge must not end the stream
        reason = f"it cannot be judged ({type(error).__name__}: {error}): please report this case"
    return False, {"id": identity, "line": number, "error": reason, **when_unsure}


def _case(line: bytes) -> Case:
    try:
        case = parsed(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise MalformedCaseError(
            f"not JSON ({error}): write one JSON object a line, in UTF-8"
        ) from error
    if not isinstance(case, dict):
        raise MalformedCaseError(f"JSON, but {_kind(case)}: write one JSON object a line")
    if isinstance(case, Repeating):
        raise MalformedCaseError(f'the key "{case.repeated[0]}" is given twice: give it once')
    return case


def _refuse_repeated(value: object) -> None:
    """Refuses what gives a key twice: nobody knows which of the values is meant."""
    for key in repeated_keys(value):
        raise MalformedCaseError(f'the key "{key}" is given twice in one object: give it once')


def _text(case: Case, name: str) -> str:
    value = _required(case, name)
    if not isinstance(value, str) or not value.strip():
        raise MalformedCaseError(f'"{name}" is {_kind(value)}: write a string')
    return value


def _optional_text(case: Case, name: str) -> str | None:
    return None if case.get(name) in (None, "") else _text(case, name)


def _required(case: Case, name: str) -> object:
    if name not in case:
        raise MalformedCaseError(f'"{name}" is missing: add it')
    return case[name]


def _object(case: Case, name: str) -> Mapping[str, object] | None:
    value = case.get(name)
    if value is None or isinstance(value, Mapping):
        return value
    raise MalformedCaseError(f'"{name}" is {_kind(value)}: write an object, or null')


def _flag(case: Case, name: str) -> bool:
    value = case.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    raise MalformedCaseError(f'"{name}" is {_kind(value)}: write true or false')


def _document(case: Case) -> Mapping[str, object] | str:
    for name in ("policy_text", "policy"):
        value = case.get(name)
        if isinstance(value, str | Mapping):
            return value
        if value is not None:
            raise MalformedCaseError(f'"{name}" is {_kind(value)}: write the policy, or its text')
    raise MalformedCaseError('"policy" and "policy_text" are missing: give one of them')


def _service(case: Case) -> str:
    service = _text(case, "service").strip().lower()
    if service not in SERVICES:
        known = ", ".join(sorted(SERVICES))
        raise MalformedCaseError(f'"service" is {service!r}: write one of {known}')
    return service


def _account(case: Case) -> str:
    value = _required(case, "account")
    # JSON knows no leading zeros, so that a number has lost them.
    digits = f"{value:012d}" if type(value) is int else str(value).strip()
    if len(digits) != 12 or not (digits.isascii() and digits.isdigit()):
        raise MalformedCaseError(f'"account" is {value!r}: write the 12 digits of the account')
    return digits


def _permissions(case: Case) -> Sequence[Mapping[str, object]]:
    value = _required(case, "ip_permissions")
    permissions = [value] if isinstance(value, Mapping) else [] if value is None else value
    if not isinstance(permissions, list) or not all(isinstance(p, Mapping) for p in permissions):
        raise MalformedCaseError('"ip_permissions" must be a list of boto3 IpPermission objects')
    return permissions


def _direction(case: Case) -> str:
    direction = (_optional_text(case, "direction") or "ingress").strip().lower()
    if direction not in ("ingress", "egress"):
        raise MalformedCaseError(f'"direction" is {direction!r}: write "ingress" or "egress"')
    return direction


def _ports(case: Case) -> Collection[int]:
    value = case.get("allowed_public_ports")
    if value is None:
        return network.WEB_PORTS
    if not isinstance(value, list):
        raise MalformedCaseError(f'"allowed_public_ports" is {_kind(value)}: write a list of ports')
    return value


def _prefix_lists(case: Case) -> Mapping[str, Sequence[str]]:
    # What is in the lists may be anything: what the evaluator cannot read, it takes for open.
    return cast("Mapping[str, Sequence[str]]", _object(case, "prefix_lists") or {})


def _kind(value: object) -> str:
    """What a JSON value is, in JSON's own words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string" if value.strip() else "an empty string"
    return "a list" if isinstance(value, list) else "an object"
