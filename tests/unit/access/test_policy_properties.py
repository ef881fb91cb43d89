"""What holds for every policy, not only for those we thought of."""

import copy
import ipaddress
import json
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from driftguard.access.policy import Trusted, Verdict, judge, without
from tests.support.properties import thoroughly

OWN, OTHER, FRIEND = "111122223333", "999988887777", "444455556666"
SERVICES = ("s3", "sqs", "kms", "lambda", "iam-trust", "efs")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=20,
)
services = st.sampled_from(SERVICES)
names = st.sampled_from(
    [
        "*",
        OWN,
        int(OWN),
        f"arn:aws:iam::{OWN}:root",
        f"arn:aws:iam::{OWN}:role/deploy",
        OTHER,
        f"arn:aws:iam::{OTHER}:root",
        f"arn:aws:iam::{OTHER}:role/backup",
        f"arn:aws:iam::{FRIEND}:user/eve",
        "arn:aws:iam::*:role/x",
        "AIDACKCEVSQ6C2EXAMPLE",
        "somebody",
    ]
)
families = {
    "AWS": names,
    "Service": st.sampled_from(["s3.amazonaws.com", "sns.amazonaws.com"]),
    "Federated": st.sampled_from(
        [f"arn:aws:iam::{OWN}:oidc-provider/gitlab.com", "accounts.google.com"]
    ),
    "CanonicalUser": st.sampled_from(
        ["79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"]
    ),
}
principals = st.just("*") | st.fixed_dictionaries(
    {},
    optional={
        family: st.lists(named, min_size=1, max_size=3) | named
        for family, named in families.items()
    },
).filter(bool)
patterns = st.sampled_from(["*", "x:Get*", "x:GetOne", "x:Put?", "x:PutA", "x:List*"])
resources = st.sampled_from(["*", "arn:r", "arn:r/*", "arn:r/a/*", "arn:r/a/b"])
ADDRESSES = [
    "0.0.0.0/0",
    "0.0.0.0/1",
    "10.0.0.0/8",
    "52.0.0.0/8",
    "203.0.113.0/24",
    "::/0",
    "2001:db8::/48",
]
VALUES = {
    "aws:PrincipalOrgID": ["o-ours12345", "o-*"],
    "aws:PrincipalAccount": [OWN, OTHER, FRIEND, "*", "${aws:PrincipalAccount}"],
    "aws:PrincipalArn": [f"arn:aws:iam::{OWN}:role/*", f"arn:aws:iam::{OTHER}:role/x", "arn:*"],
    "aws:SourceArn": ["arn:aws:s3:::bucket", f"arn:aws:sns:us-east-1:{OWN}:*", "*"],
    "aws:SourceVpc": ["vpc-1", "vpc-*"],
    "aws:userid": ["AIDACKCEVSQ6C2EXAMPLE", "AROADBQP57FF2AEXAMPLE:*"],
    "aws:PrincipalTag/team": ["blue", "*"],
    "gitlab.com:sub": ["project_path:ours/*", "project_path:*"],
    "accounts.google.com:aud": ["app"],
}
STRING_OPERATORS = ["StringEquals", "StringLike", "StringNotEquals", "StringNotLike", "ArnLike"]


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["text", "address", "null"]))
        if kind == "text":
            key = draw(st.sampled_from(sorted(VALUES)))
            operator = draw(st.sampled_from(STRING_OPERATORS))
            values: Any = draw(st.lists(st.sampled_from(VALUES[key]), min_size=1, max_size=2))
            prefix = draw(st.sampled_from(["", "", "ForAnyValue:", "ForAllValues:"]))
            operator = prefix + operator + draw(st.sampled_from(["", "", "IfExists"]))
        elif kind == "address":
            key, operator = "aws:SourceIp", draw(st.sampled_from(["IpAddress", "NotIpAddress"]))
            values = draw(st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=3))
        else:
            key, operator = draw(st.sampled_from(sorted(VALUES))), "Null"
            values = draw(st.sampled_from(["true", "false"]))
        made.setdefault(operator, {})[key] = values
    return made


@st.composite
def statements(draw: st.DrawFn, effect: str | None = None) -> dict[str, Any]:
    return {
        "Sid": draw(st.text("abc", min_size=1, max_size=3)),
        "Effect": effect or draw(st.sampled_from(["Allow", "Allow", "Deny"])),
        draw(st.sampled_from(["Principal"] * 6 + ["NotPrincipal"])): draw(principals),
        draw(st.sampled_from(["Action"] * 4 + ["NotAction"])): draw(
            st.lists(patterns, min_size=1, max_size=3)
        ),
        draw(st.sampled_from(["Resource"] * 4 + ["NotResource"])): draw(
            st.lists(resources, min_size=1, max_size=2)
        ),
        "Condition": draw(conditions()),
    }


def policies(**options: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.lists(statements(**options), min_size=1, max_size=4).map(
        lambda made: {"Version": "2012-10-17", "Id": "kept", "Statement": made}
    )


def openness(verdict: Verdict) -> int:
    return {"closed": 0, "external": 1, "public": 2}[verdict.answer]


@thoroughly
@given(services, json_values)
def test_no_json_makes_it_raise(service: str, document: Any) -> None:
    judge(service, document, account=OWN)
    judge(service, json.dumps(document), account=OWN)


@thoroughly
@given(services, st.text(max_size=60))
def test_no_text_makes_it_raise(service: str, document: str) -> None:
    judge(service, document, account=OWN)


@thoroughly
@given(
    services,
    st.fixed_dictionaries(
        {},
        optional={
            "Effect": st.sampled_from(["Allow", "Deny"]) | json_values,
            "Principal": principals | json_values,
            "NotPrincipal": json_values,
            "Action": patterns | json_values,
            "Resource": json_values,
            "Condition": json_values
            | st.dictionaries(
                st.sampled_from(
                    [
                        *STRING_OPERATORS,
                        "Null",
                        "Bool",
                        "IpAddress",
                        "NumericLessThan",
                        "DateEquals",
                    ]
                ),
                st.dictionaries(
                    st.sampled_from([*VALUES, "aws:SourceIp", "aws:CurrentTime"]), json_values
                ),
            ),
        },
    ),
)
def test_no_statement_makes_it_raise(service: str, statement: Any) -> None:
    judge(service, {"Statement": statement}, account=OWN)
    verdict = judge(service, {"Statement": [statement, statement]}, account=OWN)
    without(service, {"Statement": [statement, statement]}, verdict.openings, account=OWN)


@thoroughly
@given(services, policies(), statements(effect="Deny"), st.integers(0, 4))
def test_adding_a_deny_never_opens(
    service: str, policy: dict[str, Any], deny: dict[str, Any], place: int
) -> None:
    more = copy.deepcopy(policy)
    more["Statement"].insert(place, deny)
    assert openness(judge(service, more, account=OWN)) <= openness(
        judge(service, policy, account=OWN)
    )


@thoroughly
@given(services, policies(), statements(effect="Allow"))
def test_adding_an_allow_never_closes(
    service: str, policy: dict[str, Any], allow: dict[str, Any]
) -> None:
    more = {**policy, "Statement": [*policy["Statement"], allow]}
    assert openness(judge(service, more, account=OWN)) >= openness(
        judge(service, policy, account=OWN)
    )


@thoroughly
@given(
    services,
    st.lists(st.ip_addresses(network="0.0.0.0/0") | st.ip_addresses(v=6), min_size=1, max_size=4),
    st.integers(0, 32),
    st.integers(1, 8),
)
def test_widening_a_range_never_closes(
    service: str, addresses: list[Any], prefix: int, wider: int
) -> None:
    def judged(length: int) -> Verdict:
        ranges = [
            str(
                ipaddress.ip_network(
                    f"{address}/{max(0, length * (1 if address.version == 4 else 4))}", strict=False
                )
            )
            for address in addresses
        ]
        allow = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "x:Get",
            "Resource": "*",
            "Condition": {"IpAddress": {"aws:SourceIp": ranges}},
        }
        return judge(service, {"Statement": allow}, account=OWN)

    assert openness(judged(max(0, prefix - wider))) >= openness(judged(prefix))


@thoroughly
@given(services, policies(), st.randoms())
def test_the_spelling_does_not_matter(service: str, policy: dict[str, Any], random: Any) -> None:
    spelt = {"Version": policy["Version"], "Statement": []}
    for statement in policy["Statement"]:
        other = dict(statement)
        other["Condition"] = {
            random.choice([operator.lower(), operator.upper()]): {
                random.choice([key.lower(), key.upper()]): _respelt(values, random)
                for key, values in keys.items()
            }
            for operator, keys in statement["Condition"].items()
        }
        for name in ("Principal", "NotPrincipal"):
            if isinstance(other.get(name), dict):
                other[name] = {
                    family: _respelt(_own_again(listed, random), random)
                    for family, listed in other[name].items()
                }
        for name in ("Action", "Resource"):
            if name in other:
                other[name] = _respelt(other[name], random)
        items = list(other.items())
        random.shuffle(items)
        spelt["Statement"].append(dict(items))
    random.shuffle(spelt["Statement"])
    before, after = judge(service, policy, account=OWN), judge(service, spelt, account=OWN)
    assert before.answer == after.answer
    assert len(before.openings) == len(after.openings)
    assert judge(service, json.dumps(spelt), account=OWN).answer == before.answer


def _respelt(values: Any, random: Any) -> Any:
    """A list of one as the one, one as a list of one, and a longer list in another order."""
    if not isinstance(values, list):
        return random.choice([values, [values]])
    if len(values) == 1:
        return random.choice([values, values[0]])
    return random.sample(values, len(values))


def _own_again(listed: Any, random: Any) -> Any:
    spellings = [OWN, int(OWN), f"arn:aws:iam::{OWN}:root", f"arn:aws-cn:iam::{OWN}:root"]
    if isinstance(listed, list):
        return [_own_again(one, random) for one in listed]
    return random.choice(spellings) if listed in spellings else listed


@thoroughly
@given(services, policies())
def test_without_closes_what_it_was_given_and_leaves_the_rest(
    service: str, policy: dict[str, Any]
) -> None:
    before = copy.deepcopy(policy)
    verdict = judge(service, policy, account=OWN)
    assume(verdict.openings)
    left = without(service, policy, verdict.openings, account=OWN)
    assert policy == before
    if left is None:
        assert service not in ("kms", "iam-trust")
        return
    again = judge(service, left, account=OWN)
    assert again.answer == "closed"
    assert left["Statement"]
    assert {name: value for name, value in left.items() if name != "Statement"} == {
        name: value for name, value in policy.items() if name != "Statement"
    }
    touched = {opening.index for opening in verdict.openings}
    untouched = [s for index, s in enumerate(policy["Statement"]) if index not in touched]
    kept = left["Statement"]
    assert isinstance(kept, list)
    assert [s for s in kept if s in untouched] == untouched


@thoroughly
@given(services, policies(), st.data())
def test_taking_one_opening_away_leaves_the_others(
    service: str, policy: dict[str, Any], data: st.DataObject
) -> None:
    verdict = judge(service, policy, account=OWN)
    assume(len(verdict.openings) > 1)
    one = data.draw(st.sampled_from(verdict.openings))
    left = without(service, policy, [one], account=OWN)
    assert left is not None
    reasons = {(o.audience, o.principals) for o in judge(service, left, account=OWN).openings}
    rest = {(o.audience, o.principals) for o in verdict.openings if o is not one}
    assert reasons == rest


@thoroughly
@given(services, policies())
def test_trusting_more_never_opens(service: str, policy: dict[str, Any]) -> None:
    trusted = Trusted(
        accounts=frozenset({OTHER}), principals=frozenset({f"arn:aws:iam::{FRIEND}:user/eve"})
    )
    more = judge(service, policy, account=OWN, trusted=trusted)
    assert openness(more) <= openness(judge(service, policy, account=OWN))


@thoroughly
@given(services, policies())
def test_without_nothing_changes_nothing(service: str, policy: dict[str, Any]) -> None:
    assert without(service, policy, (), account=OWN) == policy


@thoroughly
@given(services, policies())
def test_denying_everything_to_everyone_closes(service: str, policy: dict[str, Any]) -> None:
    everything = {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}
    more = {**policy, "Statement": [*policy["Statement"], everything]}
    assert judge(service, more, account=OWN).answer == "closed"
