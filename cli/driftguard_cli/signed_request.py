"""Requests to the stack's signed API, signed with the caller's own IAM identity.

Source: AWS Lambda Developer Guide, "Invoking Lambda function URLs": signed with Signature Version 4
for the service `lambda`.
"""

from __future__ import annotations

import json

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, HTTPClientError
from botocore.httpsession import URLLib3Session
from botocore.session import get_session
from botocore.utils import get_environ_proxies

from driftguard.documents import Document, Json

from .errors import Trouble
from .stack import Stack


def ask(deployed: Stack, path: str, said: Document) -> Document:
    """Return the answer: whether the request counted, why, and the decision's status."""
    url = deployed.output("SignedApiUrl").rstrip("/") + path
    request = AWSRequest(
        "POST", url, headers={"Content-Type": "application/json"}, data=json.dumps(said)
    )
    try:
        credentials = get_session().get_credentials()
        if credentials is None:
            raise Trouble("There are no AWS credentials to sign the request with.")
        SigV4Auth(credentials.get_frozen_credentials(), "lambda", deployed.region).add_auth(request)
        # Long enough for a cold start; what was not answered may still have been recorded.
        http = URLLib3Session(proxies=get_environ_proxies(url), timeout=30)
        answer = http.send(request.prepare())
    except (BotoCoreError, HTTPClientError) as error:
        raise Trouble(
            f"The signed API at {url} gave no answer: {error}. Look at how the decision stands "
            "with `driftguard audit show` before you try again."
        ) from error
    try:
        reply: Json = json.loads(answer.content)
    except ValueError:
        reply = None
    if isinstance(reply, dict) and "counted" in reply:
        return reply
    if answer.status_code == 403:
        raise Trouble(
            f"IAM does not let you call the signed API at {url}. You need lambda:InvokeFunctionUrl "
            "and lambda:InvokeFunction on the function "
            f"{deployed.output('SignedApiFunction')}; docs/approvals.md has the policy."
        )
    raise Trouble(f"The signed API at {url} failed ({answer.status_code}); see its log.")
