"""Starts the pipeline's emulator, put right where it is unlike AWS in what matters to us.

Run by path, by the emulator's own interpreter, so it imports nothing of ours. What differs then:

- A function URL's address is one that this machine can reach, wherever the stack hands it on.
- A schedule comes within a second of its time, not of ten.
- The code of a published version of a function is that version's, not `$LATEST`'s: what GetFunction
  says of it can be downloaded, and has the hash that is told.
- A URL with `AuthType: AWS_IAM` says who is calling (`requestContext.authorizer.iam`): whose the
  access key of the request's signature is, as the guarded account's STS knows it. The signature
  itself is not checked, but it must be for Lambda, as AWS demands.

Sources: AWS Lambda Developer Guide, "Invoking Lambda function URLs" and "Control access to Lambda
function URLs"; AWS Lambda API Reference, "GetFunction" (`Qualifier`).
"""

from __future__ import annotations

import json
import os
import re
from functools import cache
from typing import Any

from ministack import app
from ministack.services import lambda_svc, scheduler

_HERE = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}/_aws/lambda-url/"
_SIGNED = re.compile(
    r"^AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/"
)

_create, _event = lambda_svc._create_function_url_config, lambda_svc._build_function_url_event
_handle = lambda_svc.handle_function_url_request
_get_function = lambda_svc._get_function


def create(function: str, data: dict[str, Any], qualifier: str | None) -> Any:
    """Makes a function URL that can be reached."""
    answer = _create(function, data, qualifier)
    if answer[0] != 201:
        return answer
    config = lambda_svc._function_urls[lambda_svc._url_config_key(function, qualifier)]
    identifier = config["FunctionUrl"].split("://", 1)[1].split(".", 1)[0]
    config["FunctionUrl"] = f"{_HERE}{identifier}/"
    return lambda_svc.json_response(config, status=201)


def identifier_of(url: str) -> str:
    """The id in a function URL as we made it."""
    return url.removeprefix(_HERE).rstrip("/")


async def handle(identifier: str, method: str, path: str, headers: Any, *more: Any) -> Any:
    """Refuses what is not signed for Lambda where the URL wants IAM's word."""
    if _wants_iam(identifier):
        signed = _SIGNED.match(headers.get("authorization", ""))
        if signed is None or signed["service"] != "lambda":
            return 403, {"Content-Type": "application/json"}, b'{"Message":"Forbidden"}'
    return await _handle(identifier, method, path, headers, *more)


def event(identifier: str, account: str, region: str, method: str, *more: Any) -> dict[str, Any]:
    """The event of a request, with the caller where IAM has verified them."""
    made: dict[str, Any] = _event(identifier, account, region, method, *more)
    signed = _SIGNED.match(made["headers"].get("authorization", ""))
    if _wants_iam(identifier) and signed:
        made["requestContext"]["authorizer"] = {"iam": _caller(signed["key"])}
    return made


def _wants_iam(identifier: str) -> bool:
    found = lambda_svc.resolve_function_url(identifier)
    return found is not None and found[4].get("AuthType") == "AWS_IAM"


@cache
def _caller(access_key: str) -> dict[str, object]:
    """Whose an access key is, in the members that AWS gives."""
    import boto3

    sts = boto3.client("sts", aws_access_key_id=access_key, aws_secret_access_key="lab")
    identity = sts.get_caller_identity()
    return {
        "accessKey": access_key,
        "accountId": identity["Account"],
        "callerId": identity["UserId"],
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": identity["Arn"],
        "userId": identity["UserId"],
    }


# --------------------------------------------------------------------- the code of a version


def get_function(name: str, qualifier: str | None = None) -> Any:
    """GetFunction's answer, with the address of the code that the qualifier means."""
    answer = _get_function(name, qualifier)
    status, _, body = answer
    code = json.loads(body).get("Code", {}) if status == 200 and qualifier else {}
    if "Location" not in code:
        return answer
    head, _, query = code["Location"].partition("?")
    found = json.loads(body)
    found["Code"]["Location"] = f"{head}:{qualifier}?{query}"
    return lambda_svc.json_response(found)


def serve_code(function: str, account_id: str, region: str) -> Any:
    """The code at such an address: `orders`, `orders:2` or `orders:live`."""
    name, _, qualifier = function.partition(":")
    known = lambda_svc._functions.get_scoped(account_id, region, name)
    record, _ = lambda_svc._effective_func_record_for_qualifier(known, qualifier or None)
    if record is None:
        return 404, {"Content-Type": "text/plain"}, b"Function not found"
    return 200, {"Content-Type": "application/zip"}, record.get("code_zip") or b""


def main() -> None:
    """Starts the emulator."""
    scheduler._SCHEDULE_TICK_INTERVAL = 1
    lambda_svc._create_function_url_config = create
    lambda_svc._function_url_id = identifier_of
    lambda_svc.handle_function_url_request = handle
    lambda_svc._build_function_url_event = event
    lambda_svc._get_function = get_function
    lambda_svc.serve_function_code = serve_code
    app.main()


if __name__ == "__main__":
    main()
