"""Cases of the kinds in which "is this open?" once went wrong, each with the document that decides.

A row is a name, the service, the answer, and the policy as an Allow with what differs from "anyone
may do anything", or as whole statements.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .policy_cases import (
    CLUSTER,
    COGNITO,
    EVALUATION,
    GITHUB,
    KEYS,
    NOT_PRINCIPAL,
    OPERATORS,
    OTHER,
    OWN,
    PRINCIPALS,
    SETS,
    VARIABLES,
    Answer,
)

SHARED = "IAM User Guide: Identity-provider controls for shared OIDC providers"
GITHUB_SUBJECTS = "GitHub Docs: OpenID Connect reference"
RESOURCE = "IAM User Guide: JSON policy elements: Resource"
PERIMETER = "AWS whitepaper: Building a Data Perimeter on AWS"
AUTHORIZATION = "Service Authorization Reference; AWS PrivateLink Guide: Endpoint policies"
ORG = "o-ours12345"


@dataclass(frozen=True)
class Case:
    id: str
    service: str
    policy: Mapping[str, Any]
    expected: Answer
    source: str
    resource: str | None = None


def allow(condition: Any = None, **other: Any) -> dict[str, Any]:
    made = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", **other}
    if condition is not None:
        made["Condition"] = condition
    return {name: value for name, value in made.items() if value is not None}


def deny(condition: Any = None, **other: Any) -> dict[str, Any]:
    return allow(condition, **{"Effect": "Deny", **other})


def policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def by_condition(
    kind: str,
    source: str,
    rows: Mapping[str, tuple[Any, Answer]],
    service: str = "sqs",
    **other: Any,
) -> Iterator[Case]:
    """An Allow for everyone under each condition."""
    for name, (condition, expected) in rows.items():
        made = policy(allow(condition, **other))
        yield Case(f"{kind}-{name}", service, made, expected, source)


def by_denies(
    kind: str,
    source: str,
    rows: Mapping[str, tuple[Any, Answer]],
    service: str = "sqs",
    **other: Any,
) -> Iterator[Case]:
    """An Allow for everyone beside each list of statements."""
    for name, (denies, expected) in rows.items():
        made = policy(allow(**other), *denies)
        yield Case(f"{kind}-{name}", service, made, expected, source)


def federated(
    kind: str, source: str, rows: Mapping[str, tuple[str, Any, Answer]]
) -> Iterator[Case]:
    """A role that tokens of a provider may assume under each condition."""
    for name, (provider, condition, expected) in rows.items():
        made = allow(
            condition,
            Principal={"Federated": provider},
            Action="sts:AssumeRoleWithWebIdentity",
            Resource=None,
        )
        yield Case(f"{kind}-{name}", "iam-trust", policy(made), expected, source)


def provider(host: str) -> str:
    return f"arn:aws:iam::{OWN}:oidc-provider/{host}"


def _multivalued() -> Iterator[Case]:
    keys = {
        "tag-keys": "aws:TagKeys",
        "called-via": "aws:CalledVia",
        "leading-keys": "dynamodb:LeadingKeys",
        "context-keys": "kms:EncryptionContextKeys",
        "object-tag-keys": "s3:RequestObjectTagKeys",
        "transitive-tags": "sts:TransitiveTagKeys",
        "amr": "login.example.com:amr",
    }
    two = {"ForAnyValue:StringEquals": "a", "ForAnyValue:StringLike": "b*"}
    neither = {"ForAnyValue:StringEquals": "a", "ForAllValues:StringNotLike": "a*"}
    empty = {"ForAllValues:StringEquals": "a", "ForAllValues:StringLike": "b*"}
    demanded = {**empty, "Null": "false"}
    for name, key in keys.items():
        for kind, tests, expected in (
            ("two-values", two, "public"),
            ("some-and-none", neither, "closed"),
            ("no-values", empty, "public"),
            ("values-that-are-both", demanded, "closed"),
        ):
            condition = {operator: {key: value} for operator, value in tests.items()}
            made = policy(allow(condition))
            yield Case(f"multivalued-{kind}-{name}", "sqs", made, expected, SETS)  # type: ignore[arg-type]
    single = {operator: {"aws:PrincipalTag/team": value} for operator, value in two.items()}
    yield Case("multivalued-not", "sqs", policy(allow(single)), "closed", SETS)
    paths = {
        "ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{ORG}/r-a/*"},
        "ForAnyValue:StringEquals": {"aws:PrincipalOrgPaths": "o-theirs1234/r-b/"},
    }
    yield Case("multivalued-paths", "sqs", policy(allow(paths)), "closed", SETS)


def _patterns() -> Iterator[Case]:
    bucket = "arn:aws:s3:::wares"
    rows: dict[str, tuple[Any, Any, Answer]] = {
        "one-letter": (f"{bucket}/*", [bucket, f"{bucket}/?"], "public"),
        "two-letters-or-more": (f"{bucket}/*", [f"{bucket}/?", f"{bucket}/??*"], "public"),
        "every-length": (f"{bucket}/*", [f"{bucket}/", f"{bucket}/?", f"{bucket}/??*"], "closed"),
        "one-letter-or-more": (f"{bucket}/?*", f"{bucket}/*?", "closed"),
        "split-by-letter": (f"{bucket}/a?", [f"{bucket}/a*", "arn:none"], "closed"),
        "wider-by-a-star": (f"{bucket}/a*b", f"{bucket}/*b", "closed"),
        "narrower-by-a-letter": (f"{bucket}/*b", f"{bucket}/a*b", "public"),
        "two-halves-that-miss": (f"{bucket}/*", [f"{bucket}/a*", f"{bucket}/*b"], "public"),
    }
    for name, (allowed, denied, expected) in rows.items():
        for known in (None, bucket):
            made = policy(
                allow(Action="s3:GetObject", Resource=allowed),
                deny(Action="s3:*", Resource=denied),
            )
            suffix = "-known" if known else ""
            yield Case(f"patterns-{name}{suffix}", "s3", made, expected, RESOURCE, known)
    tags = {
        "overlap": ("a*", "*b", "public"),
        "contradict": ("a*", "b*", "closed"),
        "question-mark-and-star": ("a?", "a*b", "public"),
        "lengths": ("a??", "a?", "closed"),
        "star-in-the-middle": ("a*c*e", "a*d*e", "public"),
    }
    for name, (one, other, expected_) in tags.items():
        key = "aws:PrincipalTag/team"
        condition = {"StringLike": {key: one}, "ForAllValues:StringLike": {key: other}}
        made = policy(allow(condition))
        yield Case(f"patterns-values-{name}", "sqs", made, expected_, OPERATORS)  # type: ignore[arg-type]
    left = {"StringLike": {"aws:PrincipalTag/t": ["a*", "b*"]}}
    for name, unlike, expected_ in (
        ("all-taken", ["?*"], "closed"),
        ("one-left", ["a*"], "public"),
        ("each-taken", ["a", "a?*", "b*"], "closed"),
    ):
        condition = {**left, "StringNotLike": {"aws:PrincipalTag/t": unlike}}
        made = policy(allow(condition))
        yield Case(f"patterns-less-{name}", "sqs", made, expected_, OPERATORS)  # type: ignore[arg-type]


def _providers() -> Iterator[Case]:
    by_subject = {
        "agent.buildkite.com": "organization:ours:pipeline:app:*",
        "app.terraform.io": "organization:ours:project:*",
        "gitlab.com": "project_path:ours/app:*",
        "oidc.codefresh.io": "account:64884faa:pipeline:*",
        "proidc.upbound.io": "mcp:ours/control:*",
        "scalr.io": "account:ours:environment:*",
        "studio.datachain.ai/api": "credentials:ours/*",
        "token.actions.githubusercontent.com": "repo:ours/app:*",
        "tokens.cloud.shisho.dev": "job:ours:*",
        "vstoken.actions.githubusercontent.com": "repo:ours/app:*",
        "oidc-configuration.audit-log.githubusercontent.com": "https://github.com/ours/*",
    }
    rows: dict[str, tuple[str, Any, Answer]] = {}
    for host, subject in by_subject.items():
        here = provider(host)
        whole = subject.replace("*", "x")
        rows |= {
            f"{host}-nothing": (here, None, "public"),
            f"{host}-audience": (here, {"StringEquals": {f"{host}:aud": "ours"}}, "public"),
            f"{host}-subject": (here, {"StringEquals": {f"{host}:sub": whole}}, "closed"),
            f"{host}-tenant": (here, {"StringLike": {f"{host}:sub": subject}}, "closed"),
            f"{host}-any": (here, {"StringLike": {f"{host}:sub": "*:x"}}, "public"),
            f"{host}-label": (
                here,
                {"StringLike": {f"{host}:sub": subject.partition("ours")[0][:5] + "*"}},
                "public",
            ),
        }
    for host in ("api.pulumi.com/oidc", "sandboxes.cloud", "oidc.vercel.com"):
        here = provider(host)
        rows |= {
            f"{host}-nothing": (here, None, "public"),
            f"{host}-audience": (here, {"StringEquals": {f"{host}:aud": "aws:ours"}}, "closed"),
            f"{host}-any": (here, {"StringLike": {f"{host}:aud": "*"}}, "public"),
            f"{host}-subject": (here, {"StringLike": {f"{host}:sub": "*:prod"}}, "public"),
            f"{host}-if-exists": (
                here,
                {"StringEqualsIfExists": {f"{host}:aud": "aws:ours"}},
                "public",
            ),
        }
    sentinel = "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d"
    rows |= {
        "sentinel-audience": (
            provider(sentinel),
            {"StringEquals": {f"{sentinel}:aud": "api://1462b192-27f7-4cb9-8523-0f4ecb54b47e"}},
            "public",
        ),
        "sentinel-session": (
            provider(sentinel),
            {"StringEquals": {"sts:RoleSessionName": "MicrosoftSentinel_0a1b"}},
            "closed",
        ),
        "session-of-another": (
            provider("gitlab.com"),
            {"StringEquals": {"sts:RoleSessionName": "MicrosoftSentinel_0a1b"}},
            "public",
        ),
        "cluster-is-ours": (provider(CLUSTER), {"StringEquals": {f"{CLUSTER}:aud": "x"}}, "closed"),
    }
    yield from federated("providers", SHARED, rows)
    host = "token.actions.githubusercontent.com"
    subjects: dict[str, tuple[str, Answer]] = {
        "workflow-first": ("workflow:deploy:repo:ours/app:ref:refs/heads/x", "public"),
        "environment-first": ("environment:prod:repo:ours/app", "public"),
        "branch-first": ("ref:refs/heads/main:repository:ours/app", "public"),
        "actor-first": ("actor:alice:repository_owner:ours", "public"),
        "reusable-workflow-first": ("job_workflow_ref:ours/flows/.github/x.yml@main", "public"),
        "owner-first": ("repository_owner:ours:ref:refs/heads/main", "closed"),
        "owner-alone": ("repository_owner:ours", "closed"),
        "owner-id-first": ("repository_owner_id:12:workflow:deploy", "closed"),
        "enterprise-first": ("enterprise:ours:repo:x", "closed"),
    }
    yield from federated(
        "github",
        GITHUB_SUBJECTS,
        {
            name: (GITHUB, {"StringEquals": {f"{host}:sub": subject}}, expected)
            for name, (subject, expected) in subjects.items()
        },
    )
    yield from federated(
        "amr",
        COGNITO,
        {
            "pool-and-kinds": (
                "cognito-identity.amazonaws.com",
                {
                    "StringEquals": {"cognito-identity.amazonaws.com:aud": "eu-west-1:1"},
                    "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "a*"},
                    "ForAnyValue:StringEquals": {"cognito-identity.amazonaws.com:amr": "b"},
                },
                "closed",
            ),
            "kinds-alone": (
                "cognito-identity.amazonaws.com",
                {
                    "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "login.*"},
                    "ForAnyValue:StringEquals": {"cognito-identity.amazonaws.com:amr": "x"},
                },
                "public",
            ),
        },
    )


def _arns() -> Iterator[Case]:
    role = f"iam::{OWN}:role"
    rows: dict[str, tuple[Any, Answer]] = {
        "text-partition": ({"StringLike": {"aws:PrincipalArn": f"arn:*:{role}/*"}}, "public"),
        "arn-partition": ({"ArnLike": {"aws:PrincipalArn": f"arn:*:{role}/*"}}, "closed"),
        "arn-equals-partition": ({"ArnEquals": {"aws:PrincipalArn": f"arn:*:{role}/*"}}, "closed"),
        "text-fixed-start": ({"StringLike": {"aws:PrincipalArn": f"arn:aws:{role}/*"}}, "closed"),
        "text-any-of-account": (
            {"StringLike": {"aws:PrincipalArn": f"arn:aws:iam::{OWN}:*"}},
            "closed",
        ),
        "text-service": (
            {"StringLike": {"aws:PrincipalArn": f"arn:aws:*::{OWN}:role/x"}},
            "public",
        ),
        "text-source": ({"StringLike": {"aws:SourceArn": f"arn:aws:*:*:{OWN}:*"}}, "public"),
        # Read as an ARN, the text has room for its account in one place alone.
        "text-and-arn-source": (
            {
                "StringLike": {"aws:SourceArn": f"arn:aws:*:*:{OWN}:*"},
                "ArnEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:*:t"},
            },
            "closed",
        ),
        "text-and-wide-arn-source": (
            {
                "StringLike": {"aws:SourceArn": f"arn:aws:*:*:{OWN}:*"},
                "ArnLike": {"aws:SourceArn": "arn:aws:sns:us-east-1:*:t*"},
            },
            "public",
        ),
        "arn-source": ({"ArnLike": {"aws:SourceArn": f"arn:aws:*:*:{OWN}:*"}}, "closed"),
        "text-equals": ({"StringEquals": {"aws:PrincipalArn": f"arn:aws:{role}/*"}}, "closed"),
        "arn-in-the-account": (
            {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}},
            "public",
        ),
        "arn-unfinished": ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OWN}*"}}, "public"),
        "arn-contradicts": (
            {
                "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/a"},
                "StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/*"},
            },
            "closed",
        ),
        # As texts these two overlap: the star of the one takes in ":role/a".
        "arn-star-keeps-within": (
            {
                "ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:a"},
                "ArnEquals": {"aws:SourceArn": "arn:aws:sns:*:*:b:a"},
            },
            "closed",
        ),
    }
    yield from by_condition("arns", OPERATORS, rows)


def _networks() -> Iterator[Case]:
    other = {"aws:PrincipalAccount": OTHER}
    ours: dict[str, dict[str, Any]] = {
        "endpoint": {"StringEquals": {"aws:VpceAccount": OWN}},
        "endpoint-org": {"StringEquals": {"aws:VpceOrgID": ORG}},
        "endpoint-paths": {"ForAnyValue:StringLike": {"aws:VpceOrgPaths": f"{ORG}/*"}},
        "vpc-arn": {"ArnEquals": {"aws:SourceVpcArn": f"arn:aws:ec2:eu-west-1:{OWN}:vpc/vpc-1"}},
        "access-point": {"StringEquals": {"s3:DataAccessPointAccount": OWN}},
        "vpc": {"StringEquals": {"aws:SourceVpc": "vpc-1a2b3c4d"}},
        "addresses": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    }
    for name, condition in ours.items():
        named = {**condition}
        named["StringEquals"] = {**condition.get("StringEquals", {}), **other}
        for kind, made, expected in (
            ("alone", allow(condition), "closed"),
            ("named", allow(named), "external"),
            ("principal", allow(condition, Principal={"AWS": OTHER}), "external"),
        ):
            yield Case(f"networks-{kind}-{name}", "sqs", policy(made), expected, KEYS)  # type: ignore[arg-type]
    theirs = {"StringEquals": {"aws:VpceAccount": OTHER}}
    yield from by_condition("networks", KEYS, {"theirs": (theirs, "external")})


def _principals() -> Iterator[Case]:
    def refused(principal: Any) -> list[dict[str, Any]]:
        return [deny(Principal=principal)]

    yield from by_denies(
        "principals",
        PRINCIPALS,
        {
            "part-of-an-account": (refused({"AWS": "1111*"}), "public"),
            "question-marks": (refused({"AWS": "????????????"}), "public"),
            "any-root": (refused({"AWS": "arn:aws:iam::*:root"}), "public"),
            "every-service": (refused({"Service": "*"}), "public"),
            "two-stars": (refused({"AWS": "**"}), "public"),
            "star": (refused({"AWS": "*"}), "closed"),
            "star-in-a-list": (refused({"AWS": [OTHER, "*"]}), "closed"),
            "one-account": (refused({"AWS": OTHER}), "public"),
            "nobody": (refused({"AWS": []}), "public"),
        },
    )
    named = {"StringEquals": {"aws:PrincipalAccount": OTHER}}
    arn = f"arn:aws:iam::{OTHER}:role/x"
    by_arn = {"StringEquals": {"aws:PrincipalArn": arn}}
    for name, condition, denied, expected in (
        ("account-by-condition", named, OTHER, "closed"),
        ("root-by-condition", named, f"arn:aws:iam::{OTHER}:root", "closed"),
        ("role-by-condition", by_arn, arn, "closed"),
        ("role-of-denied-account", by_arn, OTHER, "closed"),
        ("another-role", by_arn, f"arn:aws:iam::{OTHER}:role/y", "external"),
        ("session", by_arn, f"arn:aws:sts::{OTHER}:assumed-role/x/s", "external"),
    ):
        made = policy(allow(condition), deny(Principal={"AWS": denied}))
        yield Case(f"principals-{name}", "sqs", made, expected, PRINCIPALS)  # type: ignore[arg-type]


def _values() -> Iterator[Case]:
    tag = "aws:PrincipalTag/team"

    def two(one: str, value: Any, other: str, value_too: Any, key: str = tag) -> Any:
        return {one: {key: value}, other: {key: value_too}}

    ignore = "StringEqualsIgnoreCase"
    yield from by_condition(
        "case",
        OPERATORS,
        {
            "fits-another-spelling": (two(ignore, "Blue", "StringLike", "blue*"), "public"),
            "not-the-written-one": (two(ignore, "Blue", "StringNotEquals", "Blue"), "public"),
            "equals-another": (two(ignore, "Blue", "StringEquals", "bLUE"), "public"),
            "not-in-any-case": (
                two(ignore, "Blue", "StringNotEqualsIgnoreCase", "bLUE"),
                "closed",
            ),
            "another-word": (two(ignore, "Blue", "StringEquals", "red"), "closed"),
            "another-length": (two(ignore, "Blue", "StringLike", "blue?"), "closed"),
            "without-letters": (two(ignore, "12", "StringNotEquals", "12"), "closed"),
        },
    )
    account = "aws:PrincipalAccount"
    yield from by_condition(
        "zeros",
        OPERATORS,
        {
            "added": (
                two("StringEquals", "000123456789", "StringNotEquals", "123456789"),
                "public",
            ),
            "left-out": (two("StringEquals", "0012", "StringLike", "12"), "closed"),
            "no-account": ({"StringEquals": {account: "123456789"}}, "closed"),
            "number": ({"StringEquals": {account: 123456789}}, "closed"),
            "with-hyphens": ({"StringEquals": {account: "9999-8888-7777"}}, "closed"),
            "numbers-are-equal": (
                two("NumericEquals", "007", "NumericNotEquals", "7", "s3:max-keys"),
                "closed",
            ),
        },
    )
    yield from by_condition(
        "anonymous",
        KEYS,
        {
            "beside-an-account": ({"StringEquals": {account: ["anonymous", OTHER]}}, "public"),
            "with-an-organization": (
                {"StringEquals": {account: ["anonymous", OTHER], "aws:PrincipalOrgID": ORG}},
                "external",
            ),
            "beside-ours-with-arn": (
                {
                    "StringEquals": {account: ["anonymous", OWN]},
                    "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"},
                },
                "closed",
            ),
            "alone": ({"StringEquals": {account: "anonymous"}}, "public"),
            "alone-with-a-tag": ({"StringEquals": {account: "anonymous", tag: "x"}}, "closed"),
            "from-our-network": (
                {"StringEquals": {account: "anonymous", "aws:SourceVpce": "vpce-1a2b"}},
                "closed",
            ),
            "kind": ({"StringEquals": {"aws:PrincipalType": "Anonymous"}}, "public"),
            "not-anonymous": ({"StringNotEquals": {account: "anonymous"}}, "public"),
        },
    )


def _always_there() -> Iterator[Case]:
    account = "aws:PrincipalAccount"
    yield from by_condition(
        "always",
        KEYS,
        {
            "account": ({"StringEqualsIfExists": {account: OWN}}, "closed"),
            "account-all-values": ({"ForAllValues:StringEquals": {account: OWN}}, "closed"),
            "account-other": ({"StringEqualsIfExists": {account: OTHER}}, "external"),
            "userid": ({"StringEqualsIfExists": {"aws:userid": "AIDACKCEVSQ6C2EXAMPLE"}}, "closed"),
            "arn-of-anybody": (
                {"ArnLikeIfExists": {"aws:PrincipalArn": f"arn:aws:iam::{OWN}:role/*"}},
                "public",
            ),
            "organization": ({"StringEqualsIfExists": {"aws:PrincipalOrgID": ORG}}, "public"),
            "address": ({"IpAddressIfExists": {"aws:SourceIp": "203.0.113.0/24"}}, "public"),
            "tls-missing": ({"Null": {"aws:SecureTransport": "true"}}, "closed"),
        },
    )
    arn = {"ArnLikeIfExists": {"aws:PrincipalArn": f"arn:aws:iam::{OWN}:role/*"}}
    signed = policy(allow(arn, Principal={"AWS": OTHER}))
    yield Case("always-arn-of-an-account", "sqs", signed, "closed", KEYS)


def _addresses() -> Iterator[Case]:
    key = "aws:SourceIp"
    narrow, wide = "203.0.113.0/24", "0.0.0.0/0"
    yield from by_condition(
        "addresses",
        OPERATORS,
        {
            "narrow-and-wide": (
                {"IpAddress": {key: narrow}, "IpAddressIfExists": {key: wide}},
                "closed",
            ),
            "wide-and-narrow": (
                {"IpAddress": {key: wide}, "IpAddressIfExists": {key: narrow}},
                "closed",
            ),
            "apart": (
                {"IpAddress": {key: narrow}, "ForAnyValue:IpAddress": {key: "198.51.100.0/24"}},
                "closed",
            ),
            "wide-and-wide": (
                {"IpAddress": {key: "0.0.0.0/1"}, "ForAnyValue:IpAddress": {key: wide}},
                "public",
            ),
            "half-less-that-half": (
                {"IpAddress": {key: "0.0.0.0/1"}, "NotIpAddress": {key: "0.0.0.0/1"}},
                "closed",
            ),
            "both-versions": (
                {"IpAddress": {key: wide}, "ForAnyValue:IpAddress": {key: "::/0"}},
                "closed",
            ),
        },
    )


def _variables() -> Iterator[Case]:
    same = {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}
    org = {"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}
    back = {"StringEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}}
    for name, condition, principal, expected in (
        ("same-account", same, "*", "closed"),
        ("same-account-named", same, {"AWS": OTHER}, "closed"),
        ("same-account-back", back, {"AWS": OTHER}, "closed"),
        ("same-organization", org, {"AWS": OTHER}, "closed"),
        (
            "any-case",
            {"stringequals": {"AWS:resourceaccount": "${AWS:PRINCIPALACCOUNT}"}},
            "*",
            "closed",
        ),
        (
            "caller-is-caller",
            {"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}},
            "*",
            "public",
        ),
        (
            "tag-is-tag",
            {"StringEquals": {"aws:ResourceTag/t": "${aws:PrincipalTag/t}"}},
            "*",
            "public",
        ),
        (
            "source",
            {"StringEquals": {"aws:SourceAccount": "${aws:ResourceAccount}"}},
            "*",
            "closed",
        ),
        ("another-account", {"StringEquals": {"aws:ResourceAccount": OTHER}}, "*", "closed"),
    ):
        made = policy(allow(condition, Principal=principal))
        yield Case(f"variables-{name}", "sqs", made, expected, VARIABLES)  # type: ignore[arg-type]
    saml = f"arn:aws:iam::{OWN}:saml-provider/idp"
    yield from by_condition(
        "federated-provider",
        KEYS,
        {
            "ours": ({"StringEquals": {"aws:FederatedProvider": saml}}, "closed"),
            "ours-by-arn": ({"ArnEquals": {"aws:FederatedProvider": saml}}, "closed"),
            "theirs": (
                {"StringEquals": {"aws:FederatedProvider": saml.replace(OWN, OTHER)}},
                "external",
            ),
            "anybody's": (
                {"StringEquals": {"aws:FederatedProvider": "accounts.google.com"}},
                "public",
            ),
            "any-account": (
                {"ArnLike": {"aws:FederatedProvider": "arn:aws:iam::*:saml-provider/idp"}},
                "public",
            ),
            "if-exists": ({"StringEqualsIfExists": {"aws:FederatedProvider": saml}}, "public"),
        },
    )


def _denies() -> Iterator[Case]:
    outside = {"StringNotEquals": {"aws:PrincipalOrgID": ORG}}
    account, paths = "aws:PrincipalAccount", "aws:PrincipalOrgPaths"
    service = {"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}
    via = {"BoolIfExists": {"aws:ViaAWSService": "false"}}
    network = {
        "StringNotEqualsIfExists": {"aws:SourceVpc": "vpc-1a2b3c4d"},
        "NotIpAddressIfExists": {"aws:SourceIp": "203.0.113.0/24"},
    }
    tls = {"Bool": {"aws:SecureTransport": "false"}}
    cases: dict[str, tuple[Any, Answer]] = {
        "account": ([deny({"StringNotEquals": {account: OWN}})], "closed"),
        "accounts": ([deny({"StringNotEquals": {account: [OWN, OTHER]}})], "external"),
        "account-like": ([deny({"StringNotLike": {account: "1111*"}})], "public"),
        "organization": ([deny(outside)], "closed"),
        "organization-if-exists": (
            [deny({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORG}})],
            "closed",
        ),
        "organization-or-services": ([deny({**outside, **service})], "closed"),
        "organization-of-the-resource": (
            [deny({"StringNotEquals": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}})],
            "closed",
        ),
        "account-of-the-resource": (
            [deny({"StringNotEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}})],
            "closed",
        ),
        "paths-of-all": (
            [deny({"ForAllValues:StringNotLike": {"aws:PrincipalOrgPaths": f"{ORG}/*"}})],
            "closed",
        ),
        # Nobody outside an organization has a path, so that none of theirs can differ.
        "paths-of-some": (
            [deny({"ForAnyValue:StringNotLike": {"aws:PrincipalOrgPaths": f"{ORG}/*"}})],
            "public",
        ),
        # Who has a path of ours is in our organization.
        "paths-of-others-in-it": (
            [
                deny({"ForAnyValue:StringNotLikeIfExists": {paths: f"{ORG}/*"}}),
                deny({"StringEquals": {"aws:PrincipalOrgID": ORG}}),
            ],
            "closed",
        ),
        "paths-of-theirs-in-ours": (
            [
                deny({"ForAllValues:StringNotLike": {paths: "o-theirs1234/r-a/*"}}),
                deny(outside),
            ],
            "closed",
        ),
        "perimeter": (
            [
                deny(
                    {
                        "StringNotEqualsIfExists": {
                            "aws:PrincipalOrgID": ORG,
                            account: [OTHER],
                        },
                        **service,
                    }
                )
            ],
            "external",
        ),
        "perimeter-ours": (
            [deny({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORG}, **service}), deny(tls)],
            "closed",
        ),
        "network": ([deny(network)], "closed"),
        "network-or-services": ([deny({**network, **service})], "closed"),
        # A stranger may call through a service, with credentials of their own.
        "network-or-via-services": ([deny({**network, **via})], "public"),
        "network-or-both-services": (
            [
                deny(
                    {
                        **network,
                        "BoolIfExists": {
                            "aws:PrincipalIsAWSService": "false",
                            "aws:ViaAWSService": "false",
                        },
                    }
                )
            ],
            "public",
        ),
        "addresses": ([deny({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}})], "closed"),
        "wide-addresses": ([deny({"NotIpAddress": {"aws:SourceIp": "0.0.0.0/1"}})], "public"),
        "some-addresses": ([deny({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})], "public"),
        "halves": (
            [deny(tls), deny({"Bool": {"aws:SecureTransport": "true"}})],
            "closed",
        ),
        "tls": ([deny(tls)], "public"),
        "two-tests": ([deny({**outside, **tls})], "public"),
        "each-test-apart": ([deny(outside), deny(tls)], "closed"),
        "one-action": ([deny(outside, Action="sqs:Send*")], "public"),
        "all-actions-in-two": (
            [deny(outside, Action="sqs:S*"), deny(outside, NotAction="sqs:S*", Action=None)],
            "closed",
        ),
        "one-principal": ([deny(outside, Principal={"AWS": OTHER})], "public"),
        "arn": (
            [deny({"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{OWN}:role/*"}})],
            "closed",
        ),
        "arn-as-text": (
            [deny({"StringNotLike": {"aws:PrincipalArn": f"arn:aws*:iam::{OWN}:role/*"}})],
            "public",
        ),
        # A role's path may hold colons, which the star of a text crosses and the one of an ARN does
        # not.
        "arn-as-text-and-not-as-arn": (
            [
                deny({"StringNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}}),
                deny({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}}),
            ],
            "public",
        ),
        "missing-key": ([deny({"Null": {"aws:PrincipalOrgID": "true"}})], "public"),
        "missing-endpoint": (
            [deny({"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}})],
            "closed",
        ),
        "endpoint-if-there": (
            [deny({"ForAnyValue:StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}})],
            "public",
        ),
        "tag": ([deny({"StringNotEquals": {"aws:PrincipalTag/team": "blue"}})], "public"),
        "unknown-operator": ([deny({"StringNotEqual": {account: OWN}})], "public"),
        "unreadable": ([deny({"StringNotEquals": {account: {"Ref": "Own"}}})], "public"),
        "past": (
            [deny({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}})],
            "closed",
        ),
        "to-come": (
            [deny({"DateGreaterThan": {"aws:CurrentTime": "2099-01-01T00:00:00Z"}})],
            "public",
        ),
        "services-only": ([deny({"Bool": {"aws:PrincipalIsAWSService": "false"}})], "public"),
        "services-only-if-exists": ([deny(service)], "public"),
    }
    # A request without credentials has no aws:PrincipalIsAWSService, so `Bool` spares it; with
    # `…IfExists` it does not.
    cases["services-only-if-exists"] = ([deny(service)], "closed")
    for where in ("sqs", "s3", "kms"):
        rows = {
            name: row
            for name, row in cases.items()
            if where == "sqs" or ("action" not in name and name != "past")
        }
        yield from by_denies(f"denies-{where}", f"{EVALUATION}; {PERIMETER}", rows, where)
    spared = {"NotPrincipal": {"AWS": [OWN, f"arn:aws:iam::{OTHER}:role/x"]}, "Principal": None}
    yield from by_denies(
        "denies",
        NOT_PRINCIPAL,
        {
            "spared": ([deny(**spared)], "external"),
            # A Deny opens nothing, and the second one alone closes.
            "spared-and-outside": ([deny(**spared), deny(outside)], "closed"),
            "spared-then-denied": ([deny(**spared), deny(Principal={"AWS": OTHER})], "closed"),
            "spared-under-tls": ([deny(tls, **spared)], "public"),
            # Whoever has credentials has this key, so the first Deny is about those that the
            # second one spares.
            "spared-and-every-signed-request": (
                [deny({"Null": {"aws:PrincipalIsAWSService": "false"}}), deny(**spared)],
                "closed",
            ),
        },
    )
    theirs = {"Principal": {"AWS": OTHER}}
    organization, role = "aws:PrincipalOrgID", f"arn:aws:iam::{OTHER}:role/x"
    others_paths = {"ForAllValues:StringNotLike": {paths: "o-theirs1234/r-a/*"}}
    all_but_role = {"NotPrincipal": {"AWS": role}, "Principal": None}
    yield from by_denies(
        "denies-named",
        EVALUATION,
        {
            "account": ([deny({"StringNotEquals": {account: OWN}})], "closed"),
            "organization": ([deny(outside)], "external"),
            "role": (
                [deny({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OTHER}:role/*"}})],
                "external",
            ),
            # A federated user's ARN is one of STS.
            "users-and-roles": (
                [deny({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OTHER}:*"}})],
                "external",
            ),
            "every-arn": (
                [deny({"ArnLike": {"aws:PrincipalArn": f"arn:*:*::{OTHER}:*"}})],
                "closed",
            ),
            "paths-of-its-organization": (
                [deny(others_paths), deny({"StringNotEquals": {organization: "o-theirs1234"}})],
                "external",
            ),
            "paths-of-another-organization": (
                [deny(others_paths), deny({"StringNotEquals": {organization: "o-more123456"}})],
                "closed",
            ),
            "paths-of-any-organization": (
                [
                    deny({"ForAllValues:StringNotLike": {paths: "o-*/r-a/*"}}),
                    deny({"StringNotEquals": {organization: "o-theirs1234"}}),
                ],
                "external",
            ),
            "all-but-a-role": ([deny(**all_but_role)], "external"),
            "all-but-a-role-that-is-denied-by-name": (
                [deny(**all_but_role), deny(Principal={"AWS": role})],
                "closed",
            ),
            "all-but-a-role-that-is-denied-by-its-arn": (
                [deny(**all_but_role), deny({"ArnEquals": {"aws:PrincipalArn": role}})],
                "closed",
            ),
            "all-but-one-role-and-all-but-another": (
                [
                    deny(**all_but_role),
                    deny(**{**all_but_role, "NotPrincipal": {"AWS": role + "y"}}),
                ],
                "closed",
            ),
        },
        **theirs,
    )


def _services() -> Iterator[Case]:
    prefixes = {
        "acm-pca": "acm-pca",
        "apigateway": "execute-api",
        "backup": "backup",
        "codeartifact": "codeartifact",
        "ecr-registry": "ecr",
        "events": "events",
        "glacier": "glacier",
        "kinesis": "kinesis",
        "logs-destination": "logs",
        "s3-access-point": "s3",
        "s3-multi-region-access-point": "s3",
        "ses": "ses",
        "vpc-endpoint": "s3",
    }
    for service, prefix in prefixes.items():
        inside = service == "vpc-endpoint"
        one, all_of_it = f"{prefix}:One", f"{prefix}:*"
        everybody: Answer = "closed" if inside else "public"
        for name, statements, expected in (
            ("everybody", [allow(Action=one)], everybody),
            ("another", [allow(Action=one, Principal={"AWS": OTHER})], "external"),
            ("ours", [allow(Action=one, Principal={"AWS": OWN})], "closed"),
            ("denied", [allow(Action="*"), deny(Action=all_of_it)], "closed"),
            (
                "organization",
                [allow({"StringEquals": {"aws:PrincipalOrgID": ORG}}, Action=one)],
                "closed",
            ),
        ):
            if inside and name == "denied":
                continue
            made = policy(*statements)
            yield Case(f"services-{service}-{name}", service, made, expected, AUTHORIZATION)  # type: ignore[arg-type]


CASES: tuple[Case, ...] = (
    *_services(),
    *_multivalued(),
    *_patterns(),
    *_providers(),
    *_arns(),
    *_networks(),
    *_principals(),
    *_values(),
    *_always_there(),
    *_addresses(),
    *_variables(),
    *_denies(),
)
