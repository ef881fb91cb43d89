"""Deleted principals are left out of a policy, and nobody is let in by that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.access.dead_principals import without_dead
from driftguard.access.policy import judge
from tests.support.properties import thoroughly

OWN, OTHER = "111122223333", "999988887777"
ROLE, USER = "AROAEXAMPLE0000000001", "AIDAEXAMPLE0000000002"
LIVING = f"arn:aws:iam::{OWN}:role/deploy"


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statement(effect: str, element: str, principal: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": effect, element: principal, "Action": "s3:*", "Resource": "*", **more}


@pytest.mark.parametrize(
    ("effect", "element", "principal", "left"),
    [
        ("Allow", "Principal", {"AWS": [ROLE, LIVING]}, ("Principal", {"AWS": [LIVING]})),
        ("Allow", "Principal", {"AWS": ROLE}, None),
        ("Allow", "Principal", {"AWS": [ROLE, USER]}, None),
        (
            "Allow",
            "Principal",
            {"AWS": ROLE, "Service": "s3.amazonaws.com"},
            ("Principal", {"Service": "s3.amazonaws.com"}),
        ),
        ("Deny", "Principal", {"AWS": [USER, LIVING]}, ("Principal", {"AWS": [LIVING]})),
        ("Deny", "Principal", {"AWS": USER}, None),
        # Nobody is spared any more: everybody is denied, as AWS does already.
        ("Deny", "NotPrincipal", {"AWS": ROLE}, ("Principal", "*")),
        ("Deny", "NotPrincipal", {"AWS": [ROLE, LIVING]}, ("NotPrincipal", {"AWS": [LIVING]})),
        # Everybody but nobody: to write that down would be to open it.
        ("Allow", "NotPrincipal", {"AWS": [ROLE]}, None),
        ("Allow", "NotPrincipal", {"AWS": [ROLE, LIVING]}, ("NotPrincipal", {"AWS": [LIVING]})),
    ],
)
def test_kind_5_an_id_is_left_out_and_never_opens_anything(
    effect: str, element: str, principal: Any, left: tuple[str, Any] | None
) -> None:
    """Kind 5: AWS refuses a document that names a deleted user or role."""
    beside = statement("Allow", "Principal", {"AWS": LIVING}, Sid="Beside")
    written, dead = without_dead(policy(statement(effect, element, principal), beside))
    named = principal["AWS"] if isinstance(principal["AWS"], list) else [principal["AWS"]]
    assert set(dead) == {ROLE, USER} & set(named)
    kept = json.loads(written)["Statement"]
    if left is None:
        assert kept == [beside]
    else:
        assert kept == [statement(effect, *left), beside]


def test_a_policy_of_the_dead_alone_leaves_nothing() -> None:
    assert without_dead(policy(statement("Allow", "Principal", {"AWS": ROLE}))) == ("", (ROLE,))


@pytest.mark.parametrize(
    "written",
    ["", "not JSON", "[]", "{}", policy(statement("Allow", "Principal", {"AWS": LIVING}))],
)
def test_what_names_no_deleted_principal_stays_to_the_byte(written: str) -> None:
    assert without_dead(written) == (written, ())


def test_an_id_elsewhere_in_the_document_stays() -> None:
    """A condition compares texts: AWS takes whatever stands there."""
    spares = {"StringNotLike": {"aws:userId": f"{ROLE}:*"}}
    written = policy(statement("Deny", "Principal", "*", Condition=spares))
    assert without_dead(written) == (written, ())


names = st.sampled_from([ROLE, USER, LIVING, OTHER, f"arn:aws:iam::{OWN}:root", "*"])
listed = names | st.lists(names, min_size=1, max_size=3)
principals = (
    st.just("*")
    | st.fixed_dictionaries({"AWS": listed})
    | st.fixed_dictionaries({"AWS": listed, "Service": st.just("s3.amazonaws.com")})
)
statements = st.builds(
    statement,
    st.sampled_from(["Allow", "Deny"]),
    st.sampled_from(["Principal", "NotPrincipal"]),
    principals,
)
CALLERS = (LIVING, f"arn:aws:iam::{OWN}:role/other", f"arn:aws:iam::{OTHER}:user/eve", "anonymous")


def allowed(written: str, caller: str) -> bool:
    """AWS's evaluation, in as far as these documents need it: a deleted id matches nobody."""
    if not written:
        return False
    found = json.loads(written)["Statement"]
    effects = {one["Effect"] for one in found if matches(one, caller)}
    return effects == {"Allow"}


def matches(one: dict[str, Any], caller: str) -> bool:
    element = "Principal" if "Principal" in one else "NotPrincipal"
    is_named = any(means(name, caller) for name in named_in(one[element]))
    return is_named is (element == "Principal")


def named_in(principal: Any) -> Iterator[str]:
    found = principal if isinstance(principal, str) else principal.get("AWS", [])
    yield from [found] if isinstance(found, str) else found


def means(name: str, caller: str) -> bool:
    if name == "*":
        return True
    account = caller.split(":")[4] if caller.startswith("arn:") else ""
    return name == caller or (bool(account) and name in (account, f"arn:aws:iam::{account}:root"))


@thoroughly
@given(st.lists(statements, min_size=1, max_size=4))
def test_kind_5_leaving_ids_out_lets_nobody_in(found: list[dict[str, Any]]) -> None:
    before = policy(*found)
    after, dead = without_dead(before)
    assert not any(id_ in after for id_ in (ROLE, USER))
    assert set(dead) == {id_ for id_ in (ROLE, USER) if id_ in before}
    for caller in CALLERS:
        assert allowed(before, caller) or not allowed(after, caller)
    if after and dead:
        opened = judge("s3", after, account=OWN)
        assert judge("s3", before, account=OWN).public or not opened.public


@given(st.lists(statements, min_size=1, max_size=4))
def test_nobody_is_denied_what_no_statement_was_given_up_for(found: list[dict[str, Any]]) -> None:
    """Only an Allow for everybody but deleted ones is given up beyond what AWS reads."""
    before = policy(*found)
    given_up = any(
        one["Effect"] == "Allow"
        and "NotPrincipal" in one
        and set(named_in(one["NotPrincipal"])) <= {ROLE, USER}
        for one in found
    )
    after, _ = without_dead(before)
    if not given_up:
        assert [allowed(before, one) for one in CALLERS] == [allowed(after, one) for one in CALLERS]
