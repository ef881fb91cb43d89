"""Hard cases for "is this policy open?", each with the AWS document that decides it."""

from dataclasses import dataclass
from typing import Any, Literal

Answer = Literal["public", "external", "closed"]
Policy = dict[str, Any] | str

OWN = "111122223333"
OTHER = "999988887777"
BUCKET, OBJECTS = "arn:aws:s3:::our-bucket", "arn:aws:s3:::our-bucket/*"
QUEUE = f"arn:aws:sqs:us-east-1:{OWN}:our-queue"
TOPIC = f"arn:aws:sns:us-east-1:{OWN}:our-topic"
FUNCTION = f"arn:aws:lambda:us-east-1:{OWN}:function:our-function"
GITHUB = f"arn:aws:iam::{OWN}:oidc-provider/token.actions.githubusercontent.com"
GITLAB = f"arn:aws:iam::{OWN}:oidc-provider/gitlab.com"
CLUSTER = "oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
SAML = f"arn:aws:iam::{OWN}:saml-provider/company"

# The documents, by their titles.
S3 = 'Amazon S3 User Guide: The meaning of "public"'
PRINCIPALS = "IAM User Guide: JSON policy elements: Principal"
NOT_PRINCIPAL = "IAM User Guide: JSON policy elements: NotPrincipal"
NOT_ACTION = "IAM User Guide: JSON policy elements: NotAction"
NOT_RESOURCE = "IAM User Guide: JSON policy elements: NotResource"
OPERATORS = "IAM User Guide: JSON policy elements: Condition operators"
SETS = "IAM User Guide: Set operators for multivalued context keys"
SEVERAL = "IAM User Guide: Conditions with multiple context keys or values"
KEYS = "IAM User Guide: AWS global condition context keys"
VARIABLES = "IAM User Guide: Policy variables"
EVALUATION = "IAM User Guide: Policy evaluation logic"
GRAMMAR = "IAM User Guide: Grammar of the IAM JSON policy language"
ARNS = "IAM User Guide: Identify AWS resources with ARNs"
IDENTIFIERS = "IAM User Guide: IAM identifiers"
DEPUTY = "IAM User Guide: The confused deputy problem"
EXTERNAL_ID = "IAM User Guide: Access to AWS accounts owned by third parties"
OIDC = "IAM User Guide: Create a role for OpenID Connect federation"
SAML_ROLE = "IAM User Guide: Create a role for SAML 2.0 federation"
FEDERATION_KEYS = "IAM User Guide: IAM and AWS STS condition context keys"
COGNITO = "Amazon Cognito Developer Guide: Role trust and permissions"
KMS = "AWS KMS Developer Guide: AWS KMS condition keys"
KEY_POLICY = "AWS KMS Developer Guide: Key policies in AWS KMS"
URLS = "AWS Lambda Developer Guide: Control access to Lambda function URLs"
LAMBDA = "AWS Lambda Developer Guide: Resource-based IAM policies"
SNS = "Amazon SNS Developer Guide: Example cases for Amazon SNS access control"
SQS = "Amazon SQS Developer Guide: Examples of Amazon SQS policies"
EFS = "Amazon EFS User Guide: Blocking public access to file systems"
SECRETS = "AWS Secrets Manager User Guide: Resource-based policies"
ECR = "Amazon ECR User Guide: Private repository policies"


@dataclass(frozen=True)
class Case:
    id: str
    service: str
    policy: Policy
    expected: Answer
    source: str
    account: str = OWN


ACTIONS = {
    "s3": "s3:GetObject",
    "sns": "sns:Publish",
    "sqs": "sqs:SendMessage",
    "kms": "kms:Decrypt",
    "lambda": "lambda:InvokeFunction",
    "secretsmanager": "secretsmanager:GetSecretValue",
    "ecr": "ecr:BatchGetImage",
    "iam-trust": "sts:AssumeRole",
    "efs": "elasticfilesystem:ClientMount",
}
RESOURCES = {"s3": OBJECTS, "sns": TOPIC, "sqs": QUEUE, "lambda": FUNCTION}
WITHOUT_RESOURCE = {"ecr", "iam-trust"}

_cases: list[Case] = []


def statement(service: str, principal: Any, condition: Any = None, **other: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"Effect": "Allow", "Principal": principal, "Action": ACTIONS[service]}
    if service not in WITHOUT_RESOURCE:
        made["Resource"] = RESOURCES.get(service, "*")
    if condition is not None:
        made["Condition"] = condition
    made.update(other)
    return {name: value for name, value in made.items() if value is not None}


def deny(service: str, principal: Any = "*", condition: Any = None, **other: Any) -> dict[str, Any]:
    return statement(service, principal, condition, **{"Effect": "Deny", **other})


def policy(*statements: Any, version: str = "2012-10-17") -> dict[str, Any]:
    return {"Version": version, "Statement": list(statements)}


def case(name: str, service: str, made: Policy, expected: Answer, source: str) -> None:
    _cases.append(Case(f"{service}-{name}", service, made, expected, source))


def everyone(name: str, services: str, condition: Any, expected: Answer, source: str) -> None:
    """The same condition on an Allow for everyone, in several services."""
    for service in services.split():
        case(name, service, policy(statement(service, "*", condition)), expected, source)


def to(
    name: str, service: str, principal: Any, expected: Answer, source: str, **other: Any
) -> None:
    case(name, service, policy(statement(service, principal, **other)), expected, source)


def denied(
    name: str, service: str, expected: Answer, source: str, *more: Any, **allow: Any
) -> None:
    """An Allow for everyone, and statements that deny."""
    case(name, service, policy(statement(service, "*", **allow), *more), expected, source)


ALL = "s3 sns sqs kms lambda secretsmanager ecr iam-trust efs"
UNLISTED = "sns sqs kms lambda secretsmanager ecr"

# Everyone, in every spelling
everyone("unconditioned", ALL, None, "public", PRINCIPALS)
everyone("empty-condition", "s3 sqs", {}, "public", GRAMMAR)
to("aws-star", "s3", {"AWS": "*"}, "public", PRINCIPALS)
to("aws-star-in-list", "sqs", {"AWS": ["*"]}, "public", PRINCIPALS)
to("star-beside-own", "s3", {"AWS": [f"arn:aws:iam::{OWN}:root", "*"]}, "public", PRINCIPALS)
to("star-beside-service", "sns", {"Service": "s3.amazonaws.com", "AWS": "*"}, "public", PRINCIPALS)
to("star-family", "sqs", {"*": "*"}, "public", PRINCIPALS)
to("every-service", "sqs", {"Service": "*"}, "public", PRINCIPALS)
to("every-provider", "iam-trust", {"Federated": "*"}, "public", PRINCIPALS)
to("wildcard-account", "s3", {"AWS": "arn:aws:iam::*:root"}, "public", PRINCIPALS)
to("wildcard-account-role", "kms", {"AWS": "arn:aws:iam::*:role/admin"}, "public", PRINCIPALS)
to("wildcard-part-of-account", "s3", {"AWS": "arn:aws:iam::1111*:root"}, "public", PRINCIPALS)
to("principal-as-list", "s3", ["*"], "public", GRAMMAR)
to("any-facebook-user", "s3", {"Federated": "graph.facebook.com"}, "public", S3)
case(
    "not-principal",
    "s3",
    policy(statement("s3", None, NotPrincipal={"AWS": OTHER})),
    "public",
    NOT_PRINCIPAL,
)
case(
    "not-principal-own",
    "sqs",
    policy(statement("sqs", None, NotPrincipal={"AWS": OWN})),
    "public",
    NOT_PRINCIPAL,
)
case(
    "not-principal-everyone",
    "sqs",
    policy(statement("sqs", None, NotPrincipal="*")),
    "closed",
    NOT_PRINCIPAL,
)
case(
    "not-principal-in-org",
    "sqs",
    policy(
        statement(
            "sqs",
            None,
            {"StringEquals": {"aws:PrincipalOrgID": "o-ours12345"}},
            NotPrincipal={"AWS": OTHER},
        )
    ),
    "closed",
    NOT_PRINCIPAL,
)
case(
    "single-statement",
    "s3",
    {"Version": "2012-10-17", "Statement": statement("s3", "*")},
    "public",
    GRAMMAR,
)
case("no-version", "sqs", {"Statement": [statement("sqs", "*")]}, "public", GRAMMAR)
case(
    "second-statement",
    "s3",
    policy(statement("s3", {"AWS": OWN}), statement("s3", "*")),
    "public",
    S3,
)

# The own account, in every spelling
for name, own in {
    "bare": OWN,
    "number": int(OWN),
    "hyphens": "1111-2222-3333",
    "root": f"arn:aws:iam::{OWN}:root",
    "china": f"arn:aws-cn:iam::{OWN}:root",
    "gov": f"arn:aws-us-gov:iam::{OWN}:root",
    "user": f"arn:aws:iam::{OWN}:user/team/alice",
    "role": f"arn:aws:iam::{OWN}:role/deploy",
    "session": f"arn:aws:sts::{OWN}:assumed-role/deploy/run-1",
    "federated-user": f"arn:aws:sts::{OWN}:federated-user/bob",
}.items():
    to(f"own-{name}", "s3", {"AWS": own}, "closed", PRINCIPALS)
    to(f"own-{name}", "iam-trust", {"AWS": [own]}, "closed", PRINCIPALS)
for name, other in {
    "bare": OTHER,
    "number": int(OTHER),
    "root": f"arn:aws:iam::{OTHER}:root",
    "china": f"arn:aws-cn:iam::{OTHER}:root",
    "user": f"arn:aws:iam::{OTHER}:user/mallory",
    "role": f"arn:aws:iam::{OTHER}:role/backup",
    "session": f"arn:aws:sts::{OTHER}:assumed-role/backup/run-1",
}.items():
    to(f"other-{name}", "s3", {"AWS": other}, "external", PRINCIPALS)
    to(f"other-{name}", "kms", {"AWS": [f"arn:aws:iam::{OWN}:root", other]}, "external", PRINCIPALS)
to("deleted-user", "s3", {"AWS": "AIDACKCEVSQ6C2EXAMPLE"}, "closed", IDENTIFIERS)
to("deleted-role", "iam-trust", {"AWS": "AROADBQP57FF2AEXAMPLE"}, "closed", IDENTIFIERS)
to(
    "canonical-user",
    "s3",
    {"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"},
    "external",
    PRINCIPALS,
)
to(
    "origin-access-identity",
    "s3",
    {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity EH1HDMB1FH2TC"},
    "closed",
    S3,
)
to("nobody", "sqs", {"AWS": []}, "closed", GRAMMAR)

# Services
to("service", "s3", {"Service": "cloudtrail.amazonaws.com"}, "closed", S3)
to(
    "service",
    "iam-trust",
    {"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]},
    "closed",
    PRINCIPALS,
)
to("service-bare", "lambda", {"Service": "s3.amazonaws.com"}, "closed", DEPUTY)
to(
    "service-own-source",
    "lambda",
    {"Service": "s3.amazonaws.com"},
    "closed",
    DEPUTY,
    condition={"StringEquals": {"aws:SourceAccount": OWN}, "ArnLike": {"aws:SourceArn": BUCKET}},
)
to(
    "service-other-source",
    "sqs",
    {"Service": "sns.amazonaws.com"},
    "external",
    DEPUTY,
    condition={"ArnEquals": {"aws:SourceArn": f"arn:aws:sns:us-east-1:{OTHER}:their-topic"}},
)
to(
    "service-other-account",
    "lambda",
    {"Service": "s3.amazonaws.com"},
    "external",
    DEPUTY,
    condition={"StringEquals": {"aws:SourceAccount": OTHER}},
)
to(
    "alexa-token",
    "lambda",
    {"Service": "alexa-appkit.amazon.com"},
    "closed",
    LAMBDA,
    condition={"StringEquals": {"lambda:EventSourceToken": "amzn1.ask.skill.1234"}},
)

# What pins everyone down
FIXED = {
    "org": {"StringEquals": {"aws:PrincipalOrgID": "o-ours12345"}},
    "account": {"StringEquals": {"aws:PrincipalAccount": OWN}},
    "account-number": {"StringEquals": {"aws:PrincipalAccount": int(OWN)}},
    "principal-arn": {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{OWN}:role/deploy"}},
    "vpc": {"StringEquals": {"aws:SourceVpc": "vpc-91237329"}},
    "vpce": {"StringEquals": {"aws:SourceVpce": ["vpce-1a2b3c4d", "vpce-5e6f7a8b"]}},
    "source-arn": {"ArnEquals": {"aws:SourceArn": TOPIC}},
    "source-account": {"StringEquals": {"aws:SourceAccount": OWN}},
    "source-owner": {"StringEquals": {"AWS:SourceOwner": OWN}},
    "userid": {"StringEquals": {"aws:userid": "AIDACKCEVSQ6C2EXAMPLE"}},
    "address": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    "one-address": {"IpAddress": {"aws:SourceIp": "203.0.113.7"}},
    "address-6": {"IpAddress": {"aws:SourceIp": "2001:db8:1234::/48"}},
    "like-without-wildcard": {"StringLike": {"aws:SourceVpc": "vpc-91237329"}},
    "mixed-case": {"stringequals": {"AWS:SOURCEVPC": "vpc-91237329"}},
    "ignoring-case": {"StringEqualsIgnoreCase": {"aws:principalorgid": "O-OURS12345"}},
    "any-value": {"ForAnyValue:StringEquals": {"aws:PrincipalOrgID": "o-ours12345"}},
    "org-path": {
        "ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-ours12345/r-ab12/ou-ab12-11111111/*"}
    },
}
for name, condition in FIXED.items():
    everyone(f"fixed-{name}", "s3 sqs", condition, "closed", S3 if "org-path" not in name else KEYS)
everyone(
    "fixed-kms-key",
    "s3",
    {
        "StringEquals": {
            "s3:x-amz-server-side-encryption-aws-kms-key-id": f"arn:aws:kms:us-east-1:{OWN}:key/1"
        }
    },
    "closed",
    S3,
)
everyone("access-point", "s3", {"StringEquals": {"s3:DataAccessPointAccount": OWN}}, "closed", S3)
everyone(
    "access-point-wildcard",
    "s3",
    {"StringLike": {"s3:DataAccessPointArn": f"arn:aws:s3:us-west-2:{OWN}:accesspoint/*"}},
    "closed",
    S3,
)
everyone(
    "access-point-anyone",
    "s3",
    {"StringLike": {"s3:DataAccessPointArn": "arn:aws:s3:us-west-2:*:accesspoint/*"}},
    "public",
    S3,
)
everyone(
    "other-account",
    "s3 sqs kms",
    {"StringEquals": {"aws:PrincipalAccount": OTHER}},
    "external",
    KEYS,
)
everyone(
    "own-and-other-account",
    "sqs",
    {"StringEquals": {"aws:PrincipalAccount": [OWN, OTHER]}},
    "external",
    SEVERAL,
)
everyone(
    "other-source-account",
    "sns",
    {"StringEquals": {"aws:SourceAccount": OTHER}},
    "external",
    DEPUTY,
)
everyone(
    "other-principal-arn",
    "s3",
    {"StringEquals": {"aws:PrincipalArn": f"arn:aws:iam::{OTHER}:role/backup"}},
    "external",
    KEYS,
)

# Wildcards and variables in values
WILD = {
    "vpc": {"StringLike": {"aws:SourceVpc": "vpc-*"}},
    "vpce-question-mark": {"StringLike": {"aws:SourceVpce": "vpce-1a2b3c4?"}},
    "org": {"StringLike": {"aws:PrincipalOrgID": "o-*"}},
    "account": {"StringLike": {"aws:PrincipalAccount": "*"}},
    "account-question-marks": {"StringLike": {"aws:SourceAccount": "????????????"}},
    "source-arn-account": {"ArnLike": {"aws:SourceArn": "arn:aws:sns:us-east-1:*:our-topic"}},
    "arn-equals-is-like": {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:*:*:our-topic"}},
    "source-arn-star": {"StringLike": {"aws:SourceArn": "*"}},
    "any-bucket": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}},
    "bucket-prefix": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::our-bucket*"}},
    "principal-arn-account": {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/deploy"}},
    "one-of-two": {"StringLike": {"aws:SourceVpc": ["vpc-91237329", "vpc-*"]}},
    "variable": {"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}},
    "variable-user": {"StringLike": {"aws:userid": "${aws:userid}"}},
    "org-path-any": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-*/*"}},
    "org-path-star": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "*"}},
    "userid": {"StringLike": {"aws:userid": "*:session"}},
}
for name, condition in WILD.items():
    everyone(f"wild-{name}", "s3 sqs", condition, "public", VARIABLES if "variable" in name else S3)
# S3 wants fixed values; elsewhere a wildcard after the account lets no stranger in.
AFTER_ACCOUNT = {
    "source-arn": {"ArnLike": {"aws:SourceArn": f"arn:aws:sns:us-east-1:{OWN}:*"}},
    "principal-arn": {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OWN}:role/*"}},
    "role-sessions": {"StringLike": {"aws:userid": "AROADBQP57FF2AEXAMPLE:*"}},
}
for name, condition in AFTER_ACCOUNT.items():
    everyone(f"after-account-{name}", "s3", condition, "public", S3)
    everyone(f"after-account-{name}", "sqs kms", condition, "closed", ARNS)
everyone(
    "bucket-any-account",
    "sqs sns",
    {"ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:our-bucket"}},
    "closed",
    SQS,
)
everyone(
    "equals-takes-no-wildcard",
    "sqs",
    {"StringEquals": {"aws:PrincipalOrgID": "o-*"}},
    "closed",
    OPERATORS,
)
everyone(
    "resource-account-variable",
    "sqs",
    {"StringEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}},
    "closed",
    VARIABLES,
)
everyone(
    "same-org-as-resource",
    "sqs",
    {"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}},
    "closed",
    KEYS,
)

# What anyone can meet
LOOSE = {
    "tls": {"Bool": {"aws:SecureTransport": "true"}},
    "tls-boolean": {"Bool": {"aws:SecureTransport": True}},
    "mfa": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    "mfa-age": {"NumericLessThan": {"aws:MultiFactorAuthAge": 3600}},
    "since": {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}},
    "until": {"DateLessThan": {"aws:CurrentTime": "2099-01-01T00:00:00Z"}},
    "referer": {"StringLike": {"aws:Referer": "https://www.example.com/*"}},
    "user-agent": {"StringEquals": {"aws:UserAgent": "our-secret-agent"}},
    "region": {"StringEquals": {"aws:RequestedRegion": "eu-central-1"}},
    "tag": {"StringEquals": {"aws:PrincipalTag/team": "blue"}},
    "principal-type": {"StringEquals": {"aws:PrincipalType": "AssumedRole"}},
    "user-name": {"StringEquals": {"aws:username": "alice"}},
    "called-via": {"ForAnyValue:StringEquals": {"aws:CalledVia": "athena.amazonaws.com"}},
    "via-service": {"Bool": {"aws:ViaAWSService": "true"}},
    "not-a-service": {"Bool": {"aws:PrincipalIsAWSService": "false"}},
    "private-address-in-a-vpc": {"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/16"}},
    "own-resource": {"StringEquals": {"aws:ResourceAccount": OWN}},
    "source-identity": {"StringEquals": {"sts:SourceIdentity": "alice"}},
    "unknown-operator": {"StringEqual": {"aws:SourceVpc": "vpc-91237329"}},
    "unreadable-value": {"StringEquals": {"aws:SourceVpc": {"Ref": "Vpc"}}},
    "empty-operator": {"StringEquals": {}},
}
for name, condition in LOOSE.items():
    everyone(f"loose-{name}", "s3 sqs", condition, "public", KEYS)

# Missing keys
MISSING = {
    "equals-if-exists": {"StringEqualsIfExists": {"aws:SourceVpc": "vpc-91237329"}},
    "org-if-exists": {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-ours12345"}},
    "address-if-exists": {"IpAddressIfExists": {"aws:SourceIp": "203.0.113.0/24"}},
    "arn-if-exists": {"ArnLikeIfExists": {"aws:SourceArn": TOPIC}},
    "all-values": {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-ours12345"}},
    "all-values-paths": {"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": "o-ours12345/*"}},
    "not-equals": {"StringNotEquals": {"aws:PrincipalAccount": OTHER}},
    "not-like": {"StringNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{OTHER}:*"}},
    "arn-not-like": {"ArnNotLike": {"aws:SourceArn": TOPIC}},
    "not-equals-own": {"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}},
    "not-address": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    "must-exist": {"Null": {"aws:PrincipalOrgID": "false"}},
    "must-exist-boolean": {"Null": {"aws:SourceVpce": False}},
    "must-be-missing": {"Null": {"aws:SourceArn": "true"}},
}
for name, condition in MISSING.items():
    everyone(f"missing-{name}", "s3 sqs", condition, "public", SETS if "all" in name else OPERATORS)
everyone(
    "demanded-all-values",
    "sqs s3",
    {
        "Null": {"aws:PrincipalOrgID": "false"},
        "ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-ours12345"},
    },
    "closed",
    SETS,
)
everyone(
    "demanded-if-exists",
    "sqs",
    {
        "Null": {"aws:SourceVpce": "false"},
        "StringEqualsIfExists": {"aws:SourceVpce": "vpce-1a2b3c4d"},
    },
    "closed",
    OPERATORS,
)

# Address ranges
for name, (ranges, expected) in {
    "everything": (["0.0.0.0/0"], "public"),
    "everything-6": (["::/0"], "public"),
    "one-of-many": (["203.0.113.0/24", "0.0.0.0/0"], "public"),
    "two-halves": (["0.0.0.0/1", "128.0.0.0/1"], "public"),
    "one-half": (["0.0.0.0/1"], "public"),
    "slash-7": (["52.0.0.0/7"], "public"),
    "slash-8": (["52.0.0.0/8"], "closed"),
    "adjoining-slash-8": (["52.0.0.0/8", "53.0.0.0/8"], "public"),
    "all-slash-8": ([f"{first}.0.0.0/8" for first in range(256)], "public"),
    "every-second-slash-8": ([f"{first}.0.0.0/8" for first in range(0, 256, 2)], "public"),
    "slash-31-6": (["2001:db8::/31"], "public"),
    "slash-32-6": (["2001:db8::/32"], "closed"),
    "unique-local-6": (["fc00::/7"], "public"),
    "reserved": (["240.0.0.0/4"], "public"),
    "multicast": (["224.0.0.0/4"], "public"),
    "private-10": (["10.0.0.0/8"], "closed"),
    "private-all": (["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"], "closed"),
    "private-and-more": (["10.0.0.0/7"], "public"),
    "carrier-nat": (["100.64.0.0/10"], "closed"),
    "documentation": (["192.0.2.0/24", "198.51.100.0/24"], "closed"),
    "host-bits": (["203.0.113.5/24"], "closed"),
    "unreadable": (["203.0.113.0/33"], "public"),
    "star": (["*"], "public"),
}.items():
    everyone(f"range-{name}", "s3 sqs", {"IpAddress": {"aws:SourceIp": ranges}}, expected, S3)  # type: ignore[arg-type]
everyone(
    "range-but-few",
    "s3 sqs",
    {
        "IpAddress": {"aws:SourceIp": "0.0.0.0/0"},
        "NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"},
    },
    "public",
    OPERATORS,
)
everyone(
    "range-but-all",
    "sqs",
    {
        "IpAddress": {"aws:SourceIp": "0.0.0.0/0"},
        "NotIpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]},
    },
    "closed",
    OPERATORS,
)
everyone(
    "all-but-two-halves",
    "s3",
    {"NotIpAddress": {"aws:SourceIp": ["0.0.0.0/1"]}},
    "public",
    OPERATORS,
)

# Several conditions: AND across keys and operators, OR among values
everyone(
    "and-keys",
    "s3 sqs",
    {"StringEquals": {"aws:PrincipalTag/team": "blue", "aws:PrincipalOrgID": "o-ours12345"}},
    "closed",
    SEVERAL,
)
everyone(
    "and-operators",
    "s3 sqs",
    {"Bool": {"aws:SecureTransport": "true"}, "IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    "closed",
    SEVERAL,
)
everyone(
    "and-wild-fixed",
    "s3 sqs",
    {
        "StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"},
        "StringEquals": {"aws:PrincipalAccount": OWN},
    },
    "closed",
    SEVERAL,
)
everyone(
    "all-loose",
    "s3 sqs",
    {
        "Bool": {"aws:SecureTransport": "true"},
        "StringLike": {"aws:SourceVpc": "vpc-*"},
        "IpAddress": {"aws:SourceIp": "0.0.0.0/0"},
    },
    "public",
    SEVERAL,
)
everyone(
    "fixed-in-two-cases",
    "s3",
    {"StringEquals": {"aws:SourceVpc": "vpc-91237329"}, "stringlike": {"aws:sourcevpc": "vpc-*"}},
    "closed",
    SEVERAL,
)
everyone(
    "source-other-but-own-account",
    "sqs",
    {
        "ArnLike": {"aws:SourceArn": "arn:aws:s3:::our-bucket"},
        "StringEquals": {"aws:SourceAccount": OWN},
    },
    "closed",
    SQS,
)
IMPOSSIBLE = {
    "equal-and-not": {
        "StringEquals": {"aws:username": "alice"},
        "StringNotEquals": {"aws:username": "alice"},
    },
    "two-values-at-once": {
        "StringEquals": {"aws:PrincipalAccount": OTHER},
        "StringEqualsIgnoreCase": {"aws:PrincipalAccount": OWN},
    },
    "there-and-missing": {
        "StringEquals": {"aws:PrincipalTag/team": "blue"},
        "Null": {"aws:PrincipalTag/team": "true"},
    },
    "two-accounts": {
        "StringEquals": {"aws:PrincipalAccount": OTHER},
        "ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OWN}:role/deploy"},
    },
    "no-value": {"StringEquals": {"aws:PrincipalTag/team": []}},
    "late-and-early": {
        "DateGreaterThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"},
        "DateLessThan": {"aws:CurrentTime": "2029-01-01T00:00:00Z"},
    },
    "true-and-false": {
        "Bool": {"aws:SecureTransport": "true"},
        "StringEquals": {"aws:SecureTransport": "false"},
    },
}
for name, condition in IMPOSSIBLE.items():
    everyone(f"impossible-{name}", "s3 sqs", condition, "closed", SEVERAL)
everyone(
    "long-over",
    "sqs",
    {"DateLessThan": {"aws:CurrentTime": "2019-06-30T00:00:00Z"}},
    "closed",
    OPERATORS,
)
to(
    "other-with-own-account",
    "s3",
    {"AWS": OTHER},
    "closed",
    SEVERAL,
    condition={"StringEquals": {"aws:PrincipalAccount": OWN}},
)
to(
    "other-over-tls",
    "s3",
    {"AWS": OTHER},
    "external",
    S3,
    condition={"Bool": {"aws:SecureTransport": "true"}},
)
to(
    "other-from-addresses",
    "s3",
    {"AWS": OTHER},
    "external",
    S3,
    condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
)

# Deny
for service in ("s3", "sqs", "kms"):
    denied("denied", service, "closed", EVALUATION, deny(service))
    denied("denied-first", service, "closed", EVALUATION, deny(service, {"AWS": "*"}, Action="*"))
    denied("denied-service", service, "closed", EVALUATION, deny(service, Action=f"{service}:*"))
    denied(
        "denied-action", service, "public", EVALUATION, deny(service, Action=f"{service}:Delete*")
    )
    denied(
        "denied-tls",
        service,
        "public",
        EVALUATION,
        deny(service, condition={"Bool": {"aws:SecureTransport": "false"}}),
    )
    denied(
        "denied-outside-org",
        service,
        "closed",
        EVALUATION,
        deny(service, condition={"StringNotEquals": {"aws:PrincipalOrgID": "o-ours12345"}}),
    )
    denied(
        "denied-but-own",
        service,
        "closed",
        NOT_PRINCIPAL,
        deny(service, None, NotPrincipal={"AWS": f"arn:aws:iam::{OWN}:root"}),
    )
    denied(
        "denied-but-other",
        service,
        "external",
        NOT_PRINCIPAL,
        deny(service, None, NotPrincipal={"AWS": f"arn:aws:iam::{OTHER}:root"}),
    )
    denied("denied-other-only", service, "public", EVALUATION, deny(service, {"AWS": OTHER}))
case("deny-comes-first", "s3", policy(deny("s3"), statement("s3", "*")), "closed", EVALUATION)
denied("denied-case", "s3", "closed", EVALUATION, deny("s3", Action="S3:GETOBJECT"))
denied("denied-wildcard", "s3", "closed", EVALUATION, deny("s3", Action="s3:Get*"))
denied("denied-narrower-wildcard", "s3", "public", EVALUATION, deny("s3"), Action="s3:Get*")
denied(
    "denied-some-objects", "s3", "public", EVALUATION, deny("s3", Resource=f"{BUCKET}/private/*")
)
denied("denied-all-objects", "s3", "closed", EVALUATION, deny("s3", Resource="*"))
denied("denied-bucket-only", "s3", "public", EVALUATION, deny("s3", Resource=BUCKET))
denied(
    "denied-one-of-two",
    "s3",
    "public",
    EVALUATION,
    deny("s3"),
    Action=["s3:GetObject", "s3:PutObject"],
)
denied(
    "denied-in-two-parts",
    "s3",
    "closed",
    EVALUATION,
    deny("s3", Action="s3:Get*"),
    deny("s3", Action="s3:Put*"),
    Action=["s3:GetObject", "s3:PutObject"],
)
denied(
    "denied-not-action", "s3", "closed", NOT_ACTION, deny("s3", Action=None, NotAction="s3:List*")
)
denied(
    "denied-not-this-action",
    "s3",
    "public",
    NOT_ACTION,
    deny("s3", Action=None, NotAction="s3:Get*"),
)
denied(
    "denied-not-resource",
    "s3",
    "closed",
    NOT_RESOURCE,
    deny("s3", Resource=None, NotResource="arn:aws:s3:::another/*"),
)
denied(
    "denied-not-this-resource",
    "s3",
    "public",
    NOT_RESOURCE,
    deny("s3", Resource=None, NotResource=f"{BUCKET}/public/*"),
)
denied("denied-not-anyone", "s3", "public", NOT_PRINCIPAL, deny("s3", None, NotPrincipal="*"))
denied(
    "denied-same-condition",
    "s3",
    "closed",
    EVALUATION,
    deny("s3", condition={"Bool": {"aws:SecureTransport": "true"}}),
    condition={"Bool": {"aws:SecureTransport": "true"}},
)
case(
    "denied-other",
    "s3",
    policy(statement("s3", {"AWS": f"arn:aws:iam::{OTHER}:role/x"}), deny("s3", {"AWS": OTHER})),
    "closed",
    EVALUATION,
)
case(
    "denied-other-role",
    "s3",
    policy(statement("s3", {"AWS": OTHER}), deny("s3", {"AWS": f"arn:aws:iam::{OTHER}:role/x"})),
    "external",
    EVALUATION,
)
case("only-deny", "s3", policy(deny("s3")), "closed", EVALUATION)

# What an Allow grants
case(
    "all-but-an-action",
    "sqs",
    policy(statement("sqs", "*", Action=None, NotAction="sqs:DeleteQueue")),
    "public",
    NOT_ACTION,
)
case(
    "all-but-every-action",
    "sqs",
    policy(statement("sqs", "*", Action=None, NotAction="*")),
    "closed",
    NOT_ACTION,
)
case(
    "all-but-every-resource",
    "s3",
    policy(statement("s3", "*", Resource=None, NotResource="*")),
    "closed",
    NOT_RESOURCE,
)
case(
    "all-but-a-resource",
    "s3",
    policy(statement("s3", "*", Resource=None, NotResource=BUCKET)),
    "public",
    NOT_RESOURCE,
)
case("no-actions", "s3", policy(statement("s3", "*", Action=[])), "closed", GRAMMAR)
case(
    "any-action",
    "s3",
    policy(statement("s3", "*", Action="s3:ListBucket", Resource=BUCKET)),
    "public",
    S3,
)

# Documents that AWS refuses, or nobody can read
case("no-statements", "s3", policy(), "closed", GRAMMAR)
case("empty-object", "s3", {}, "public", GRAMMAR)
case("not-json", "s3", "{", "public", GRAMMAR)
case("empty-text", "sqs", "", "public", GRAMMAR)
case("json-list", "s3", "[]", "public", GRAMMAR)
case(
    "key-given-twice",
    "s3",
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Effect":"Allow",'
    f'"Principal":{{"AWS":"{OWN}"}},"Action":"s3:GetObject","Resource":"*"}}]}}',
    "public",
    GRAMMAR,
)
case(
    "principal-given-twice",
    "s3",
    '{"Statement":{"Effect":"Allow","Principal":"*","Principal":'
    f'{{"AWS":"{OWN}"}},"Action":"s3:*","Resource":"*"}}}}',
    "public",
    GRAMMAR,
)
case(
    "effect-misspelt",
    "s3",
    policy(statement("s3", {"AWS": OWN}, Effect="allow")),
    "public",
    GRAMMAR,
)
case("effect-missing", "s3", policy(statement("s3", {"AWS": OWN}, Effect=None)), "public", GRAMMAR)
case("principal-missing", "s3", policy(statement("s3", None)), "public", GRAMMAR)
case("action-missing", "s3", policy(statement("s3", {"AWS": OWN}, Action=None)), "public", GRAMMAR)
case("statement-a-text", "s3", policy("Allow"), "public", GRAMMAR)
case(
    "text",
    "sqs",
    f'{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{OWN}"}},"Action":"sqs:*"}}}}',
    "closed",
    GRAMMAR,
)
case(
    "byte-order-mark",
    "sqs",
    '\ufeff{"Statement":{"Effect":"Allow","Principal":"*","Action":"sqs:*"}}',
    "public",
    GRAMMAR,
)

# KMS
everyone("caller-account", "kms", {"StringEquals": {"kms:CallerAccount": OWN}}, "closed", KMS)
everyone(
    "caller-account-mixed-case", "kms", {"stringEquals": {"KMS:callerAccount": OWN}}, "closed", KMS
)
everyone("caller-other", "kms", {"StringEquals": {"kms:CallerAccount": OTHER}}, "external", KMS)
everyone(
    "via-service",
    "kms",
    {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}},
    "public",
    KMS,
)
everyone(
    "aws-managed",
    "kms",
    {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com", "kms:CallerAccount": OWN}},
    "closed",
    KMS,
)
everyone(
    "encryption-context",
    "kms",
    {"StringEquals": {"kms:EncryptionContext:app": "ours"}},
    "public",
    KMS,
)
everyone("grant-for-resource", "kms", {"Bool": {"kms:GrantIsForAWSResource": True}}, "public", KMS)
case(
    "default",
    "kms",
    policy(statement("kms", {"AWS": f"arn:aws:iam::{OWN}:root"}, Action="kms:*")),
    "closed",
    KEY_POLICY,
)

# Lambda
for auth in ("NONE", "AWS_IAM"):
    to(
        f"url-{auth.lower()}",
        "lambda",
        "*",
        "public",
        URLS,
        condition={"StringEquals": {"lambda:FunctionUrlAuthType": auth}},
        Action="lambda:InvokeFunctionUrl",
    )
everyone(
    "url-in-org",
    "lambda",
    {
        "StringEquals": {
            "lambda:FunctionUrlAuthType": "AWS_IAM",
            "aws:PrincipalOrgID": "o-ours12345",
        }
    },
    "closed",
    URLS,
)
everyone("via-url", "lambda", {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}, "public", URLS)
to(
    "url-other",
    "lambda",
    {"AWS": f"arn:aws:iam::{OTHER}:role/example"},
    "external",
    URLS,
    condition={"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}},
)
everyone(
    "source-function",
    "lambda",
    {"ArnEquals": {"lambda:SourceFunctionArn": FUNCTION}},
    "closed",
    LAMBDA,
)
everyone(
    "api-gateway",
    "lambda",
    {"ArnLike": {"aws:SourceArn": f"arn:aws:execute-api:us-east-1:{OWN}:abc123/*/GET/items"}},
    "closed",
    LAMBDA,
)

# SNS, SQS, Secrets Manager, ECR
everyone("legacy-owner", "sns", {"StringEquals": {"AWS:SourceOwner": OWN}}, "closed", SNS)
everyone("endpoint", "sns", {"StringLike": {"sns:Endpoint": "*@example.com"}}, "public", SNS)
everyone("protocol", "sns", {"StringEquals": {"sns:Protocol": "https"}}, "public", SNS)
everyone("own-topic", "sqs", {"ArnEquals": {"aws:SourceArn": TOPIC}}, "closed", SQS)
everyone(
    "other-topic",
    "sqs",
    {"ArnEquals": {"aws:SourceArn": f"arn:aws:sns:us-east-1:{OTHER}:t"}},
    "external",
    SQS,
)
to("other", "sqs", {"AWS": [OTHER, OWN]}, "external", SQS)
everyone(
    "stage",
    "secretsmanager",
    {"StringEquals": {"secretsmanager:VersionStage": "AWSCURRENT"}},
    "public",
    SECRETS,
)
to("other-role", "secretsmanager", {"AWS": f"arn:aws:iam::{OTHER}:role/app"}, "external", SECRETS)
to("other-pull", "ecr", {"AWS": f"arn:aws:iam::{OTHER}:root"}, "external", ECR)
everyone("service-caller", "sqs", {"Bool": {"aws:PrincipalIsAWSService": "true"}}, "closed", KEYS)
everyone(
    "service-name",
    "s3 sqs",
    {"StringEquals": {"aws:PrincipalServiceName": "cloudtrail.amazonaws.com"}},
    "closed",
    KEYS,
)
everyone("source-org", "sns", {"StringEquals": {"aws:SourceOrgID": "o-ours12345"}}, "closed", KEYS)
everyone("endpoint-account", "sqs", {"StringEquals": {"aws:VpceAccount": OWN}}, "closed", KEYS)

everyone(
    "mount-target",
    "efs",
    {"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}},
    "closed",
    EFS,
)
case(
    "percent-encoded",
    "iam-trust",
    "%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22AWS%22%3A%22"
    f"{OWN}%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%7D",
    "closed",
    "IAM API Reference: GetRole",
)

# Trust
everyone(
    "external-id",
    "iam-trust",
    {"StringEquals": {"sts:ExternalId": "Unique-9f3c"}},
    "public",
    EXTERNAL_ID,
)
to(
    "other-external-id",
    "iam-trust",
    {"AWS": OTHER},
    "external",
    EXTERNAL_ID,
    condition={"StringEquals": {"sts:ExternalId": "Unique-9f3c"}},
)
everyone(
    "org", "iam-trust", {"StringEquals": {"aws:PrincipalOrgID": "o-ours12345"}}, "closed", KEYS
)


def web(name: str, provider: str, condition: Any, expected: Answer, source: str = OIDC) -> None:
    to(
        name,
        "iam-trust",
        {"Federated": provider},
        expected,
        source,
        condition=condition,
        Action="sts:AssumeRoleWithWebIdentity",
    )


def github(name: str, sub: Any, expected: Answer, operator: str = "StringLike") -> None:
    host = "token.actions.githubusercontent.com"
    web(
        f"github-{name}",
        GITHUB,
        {"StringEquals": {f"{host}:aud": "sts.amazonaws.com"}, operator: {f"{host}:sub": sub}},
        expected,
    )


web("github-nothing", GITHUB, None, "public")
web(
    "github-audience-only",
    GITHUB,
    {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}},
    "public",
)
web(
    "github-subject-only",
    GITHUB,
    {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:our-org/our-repo:*"}},
    "closed",
)
github("repo", "repo:our-org/our-repo:ref:refs/heads/main", "closed", "StringEquals")
github("any-branch", "repo:our-org/our-repo:*", "closed")
github("any-repo", "repo:our-org/*", "closed")
github("anyone", "repo:*", "public")
github("star", "*", "public")
github("any-org", "repo:*/our-repo:ref:refs/heads/main", "public")
github("org-prefix", "repo:our-org*", "public")
github("one-of-two", ["repo:our-org/*", "repo:*"], "public")
github("if-exists", "repo:our-org/*", "public", "StringLikeIfExists")
github("all-values", "repo:our-org/*", "public", "ForAllValues:StringLike")
github("not-like", "repo:evil/*", "public", "StringNotLike")
github("equals-with-star", "repo:our-org/*", "closed", "StringEquals")
web(
    "github-mixed-case",
    GITHUB,
    {"stringlike": {"Token.Actions.GithubUserContent.com:SUB": "repo:our-org/*"}},
    "closed",
)
web(
    "gitlab-audience-only",
    GITLAB,
    {"StringEquals": {"gitlab.com:aud": "https://gitlab.com"}},
    "public",
)
web(
    "gitlab-group", GITLAB, {"StringLike": {"gitlab.com:sub": "project_path:our-group/*"}}, "closed"
)
web(
    "gitlab-anyone",
    GITLAB,
    {"StringLike": {"gitlab.com:sub": "project_path:*:ref_type:branch"}},
    "public",
)
web(
    "wrong-provider",
    GITHUB,
    {"StringEquals": {"gitlab.com:sub": "project_path:our-group/x"}},
    "closed",
)
web("cluster-nothing", f"arn:aws:iam::{OWN}:oidc-provider/{CLUSTER}", None, "public")
web(
    "cluster-account",
    f"arn:aws:iam::{OWN}:oidc-provider/{CLUSTER}",
    {
        "StringEquals": {
            f"{CLUSTER}:sub": "system:serviceaccount:prod:app",
            f"{CLUSTER}:aud": "sts.amazonaws.com",
        }
    },
    "closed",
)
web(
    "cluster-any-account",
    f"arn:aws:iam::{OWN}:oidc-provider/{CLUSTER}",
    {"StringLike": {f"{CLUSTER}:sub": "system:serviceaccount:*:*"}},
    "public",
)
web(
    "other-provider-account",
    f"arn:aws:iam::{OTHER}:oidc-provider/login.example.com",
    {"StringEquals": {"login.example.com:aud": "app"}},
    "external",
)
web(
    "own-issuer",
    f"arn:aws:iam::{OWN}:oidc-provider/login.example.com",
    {"StringEquals": {"login.example.com:aud": "app"}},
    "closed",
)
web("cognito-nothing", "cognito-identity.amazonaws.com", None, "public", COGNITO)
web(
    "cognito-authenticated-only",
    "cognito-identity.amazonaws.com",
    {"ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"}},
    "public",
    COGNITO,
)
web(
    "cognito-pool",
    "cognito-identity.amazonaws.com",
    {
        "StringEquals": {"cognito-identity.amazonaws.com:aud": "us-east-1:12345678-ffff"},
        "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"},
    },
    "closed",
    COGNITO,
)
web(
    "cognito-any-pool",
    "cognito-identity.amazonaws.com",
    {"StringLike": {"cognito-identity.amazonaws.com:aud": "us-east-1:*"}},
    "public",
    COGNITO,
)
web("google-nothing", "accounts.google.com", None, "public")
web(
    "google-app",
    "accounts.google.com",
    {"StringEquals": {"accounts.google.com:aud": "66677788899900pro0"}},
    "closed",
)
web(
    "facebook-app",
    "graph.facebook.com",
    {"StringEquals": {"graph.facebook.com:app_id": "1112223333"}},
    "closed",
    FEDERATION_KEYS,
)
web(
    "from-our-network",
    "accounts.google.com",
    {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    "closed",
)
to("saml-nothing", "iam-trust", {"Federated": SAML}, "public", SAML_ROLE)
to(
    "saml-audience",
    "iam-trust",
    {"Federated": SAML},
    "closed",
    SAML_ROLE,
    condition={"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
)
to(
    "saml-any-audience",
    "iam-trust",
    {"Federated": SAML},
    "public",
    SAML_ROLE,
    condition={"StringLike": {"SAML:aud": "*"}},
)
to(
    "saml-kind-only",
    "iam-trust",
    {"Federated": SAML},
    "public",
    FEDERATION_KEYS,
    condition={"StringEquals": {"SAML:sub_type": "persistent"}},
)

CASES = tuple(_cases)
