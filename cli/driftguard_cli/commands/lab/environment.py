"""The environment variables that lead each process of the lab to the right emulator.

Nothing in the lab may ever reach a real account: whatever the person's own environment says about
AWS is left out, the credentials are made up, and every endpoint is on this machine.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from botocore.utils import CLIENT_NAME_TO_HYPHENIZED_SERVICE_ID_OVERRIDES

from .errors import LabError

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
# Where the guarded account is told a finding that its GuardDuty then knows.
KNOW_FINDING = "/_driftguard/guardduty/findings"

# The guarded account: what controls read and change. All else is the pipeline's own emulator:
# dynamodb, sqs, sns, events, lambda, logs, scheduler, cloudwatch, cloudformation. Controls over
# those guard that emulator's queues, topics, tables and functions, beside the pipeline's own.
_GUARDED = """
    accessanalyzer account autoscaling backup bedrock cloudfront cloudtrail codebuild config dms
    ec2 ecr ecr-public ecs efs eks elasticache elb elbv2 emr es glue guardduty health iam inspector2
    kms macie2 opensearch organizations ram rds redshift redshift-serverless rolesanywhere route53
    route53domains route53resolver s3 s3control sagemaker secretsmanager securityhub ssm sso-admin
    sts wafv2
"""
GUARDED = frozenset(_GUARDED.split())

# What would lead somebody's tools, or ours, to other endpoints, credentials or code.
_LEFT_OUT = ("AWS_", "SAM_", "MOTO_", "MINISTACK_", "LOCALSTACK_", "LAMBDA_", "DRIFTGUARD_")
_LEFT_OUT_TOO = {
    *("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"),
    *("GATEWAY_PORT", "EDGE_PORT", "SERVICES"),
    *("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES"),
}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the two emulators listen, and the recorder, which stands before both."""

    pipeline: str
    account: str
    recorder: str

    def __post_init__(self) -> None:
        for endpoint in (self.pipeline, self.account, self.recorder):
            if urlsplit(endpoint).hostname != "127.0.0.1":
                raise LabError(f"The lab only speaks to this machine, and {endpoint} is not on it.")

    def of(self, service: str) -> str:
        """Where a boto3 service is played."""
        return self.account if service in GUARDED else self.pipeline


def endpoint_variable(service: str) -> str:
    """The variable that gives one boto3 service its endpoint: `s3control` is `…_S3_CONTROL`."""
    name = CLIENT_NAME_TO_HYPHENIZED_SERVICE_ID_OVERRIDES.get(service, service)
    return "AWS_ENDPOINT_URL_" + name.replace("-", "_").upper()


def tools(root: Path) -> Path:
    """Where the emulators and sam are: the checkout's own environment, as `make setup` makes it.

    A command that was installed elsewhere finds them there too.
    """
    own = root / ".venv" / "bin"
    return own if (own / "python").exists() else Path(sys.executable).parent


def credentials() -> dict[str, str]:
    """Made-up credentials, no configuration files, no metadata service."""
    return {
        "AWS_ACCESS_KEY_ID": "lab",
        "AWS_SECRET_ACCESS_KEY": "lab",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def to_guarded(endpoints: Endpoints) -> dict[str, str]:
    """Sends the guarded services to the guarded account."""
    return {endpoint_variable(service): endpoints.account for service in sorted(GUARDED)}


def for_people(endpoints: Endpoints) -> dict[str, str]:
    """What to export so that the command line, boto3 or the AWS CLI speak to the lab.

    The recorder passes each call on to the emulator that plays its service.
    """
    return {**credentials(), "AWS_ENDPOINT_URL": endpoints.recorder}


def for_pipeline(endpoints: Endpoints, calls: Path) -> dict[str, str]:
    """For the emulator that runs the stack; its Lambda functions inherit it.

    What a function calls of AWS is written to `calls`.
    """
    return {
        **credentials(),
        **to_guarded(endpoints),
        "LAB_CALLS": str(calls),
        "PYTHONPATH": str(Path(__file__).with_name("witness")),
        "GATEWAY_PORT": str(urlsplit(endpoints.pipeline).port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "MINISTACK_REGION": REGION,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }


def for_recorder(root: Path) -> dict[str, str]:
    """For the recorder, which is the checkout's own, whichever command started the lab."""
    folders = (root, root / "layers" / "driftguard", root / "cli")
    return {**credentials(), "PYTHONPATH": os.pathsep.join(map(str, folders))}


def for_account(root: Path) -> dict[str, str]:
    """For the emulator that plays the guarded account; `root` is the checkout with its rules."""
    return {
        **for_recorder(root),
        "MOTO_ACCOUNT_ID": ACCOUNT_ID,
        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
    }


def for_sam(endpoints: Endpoints, home: Path, tools: Path, policy: Path) -> dict[str, str]:
    """For `sam build` and `sam deploy`: everything they call is the pipeline's emulator."""
    return {
        **credentials(),
        "AWS_ENDPOINT_URL": endpoints.pipeline,
        "DRIFTGUARD_BUILD_FOR": "host",
        "POLICY": str(policy),
        "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "SAM_CLI_TELEMETRY": "0",
        # How often it asks for the stack's progress, in seconds; 5 by default.
        "SAM_CLI_POLL_DELAY": "0.5",
        "__SAM_CLI_APP_DIR": str(home),
    }


def clean(extra: Mapping[str, str], temporary: Path | None = None) -> dict[str, str]:
    """This process's environment without anything about AWS, and `extra` on top.

    What a process leaves lying about goes to the `temporary` folder, where one is given.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in _LEFT_OUT_TOO and not name.startswith(_LEFT_OUT)
    }
    direct = ",".join(filter(None, (inherited.get("NO_PROXY"), "127.0.0.1,localhost")))
    scratch = {"TMPDIR": str(temporary)} if temporary else {}
    return {**inherited, "NO_PROXY": direct, "no_proxy": direct, **scratch, **extra}
