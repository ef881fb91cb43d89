"""Lists can be read at any width: a table where it fits, else one block a row."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard import controls
from driftguard.approvals.incidents import Incident
from driftguard.model import Call, Plan, Resource, Status, Step
from driftguard.policy.bounds import Exemption
from driftguard_cli.commands import exempt, sweep
from driftguard_cli.commands.audit import listing
from driftguard_cli.commands.incident import shown
from driftguard_cli.rows import Rows, severity_in_words
from driftguard_cli.terminal import Console
from tests.support.audit import a_decision, group
from tests.support.golden import assert_golden

GOLDEN = Path(__file__).with_name("golden")
BUCKET = "arn:aws:s3:::orders-and-invoices-of-the-shop-eu-west-1"
ROLE = "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0a1b2c"


def printed(rows: object, width: int) -> str:
    console = Console(file=StringIO(), width=width, highlight=False, color_system=None)
    console.print(rows)
    assert isinstance(console.file, StringIO)
    # What stands at the end of a line for nobody to see is no difference.
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def decisions() -> Rows:
    bucket = Resource("s3.bucket", BUCKET.rpartition(":")[2], "123456789012", "", BUCKET)
    return listing._rows(
        [
            a_decision(
                3,
                "2026-11-24T12:31:05.000Z",
                severity=95,
                control="s3.public-acl",
                resource=bucket,
                status=Status.ASKED,
                summary="everybody may list the bucket and read what is in it",
            ),
            a_decision(2, "2026-11-24T12:00:05.000Z", status=Status.REVERTED),
            a_decision(
                1,
                "2026-11-23T08:15:00.000Z",
                severity=40,
                control="iam.role-trusts-external-account",
                status=Status.FAILED,
                resource=group("sg-0a1b2c3d4e5f60718"),
                summary="the account 210987654321, which is not trusted, may assume the role",
            ),
        ]
    )


def found() -> Rows:
    by_id = {control.id: control for control in controls.every()}
    role = Resource("iam.role", ROLE.rpartition("/")[2], "123456789012", "", ROLE)
    return sweep._rows(
        [
            sweep.Found(by_id["ec2.open-ingress"], group(), "port 22 is open to 0.0.0.0/0"),
            sweep.Found(
                by_id["iam.trust-external"],
                role,
                "210987654321, which is not trusted, may assume the role",
                exempt="2027-01-01T00:00:00.000Z",
            ),
        ]
    )


IN_AN_INCIDENT = (
    a_decision(
        1,
        "2026-11-24T12:31:05.000Z",
        severity=95,
        control="iam.trust-external",
        status=Status.ASKED,
        summary="the account 210987654321, which is not trusted, may assume the role",
        plan=Plan((Step(Call("iam", "UpdateAssumeRolePolicy", {}, on=()), ()),)),
    ),
    a_decision(
        2,
        "2026-11-24T12:33:15.000Z",
        control="s3.public-acl",
        resource=Resource("s3.bucket", BUCKET.rpartition(":")[2], "123456789012", "", BUCKET),
        status=Status.OBSERVED,
        summary="everybody may list the bucket and read what is in it",
    ),
)


def incident_list() -> Rows:
    listed = shown.Listed(IN_AN_INCIDENT[0].id, IN_AN_INCIDENT[0].decided, IN_AN_INCIDENT)
    return shown.list_rows([listed])


def incident_show() -> Rows:
    return shown.rows(Incident(IN_AN_INCIDENT[0].id, IN_AN_INCIDENT))


def exemptions() -> Rows:
    entries = [
        Exemption(
            "s3.public-acl",
            BUCKET,
            "2026-12-01T09:00:00.000Z",
            "the launch on Tuesday; security agreed",
            actor="arn:aws:iam::123456789012:role/deployer",
            tags={"team": "shop", "stage": "production"},
            by="carol",
            id="ex-0a1b2c3d",
        ),
        Exemption("ec2.open-ingress", "sg-0123", "2026-11-01T00:00:00.000Z", "a test"),
    ]
    return exempt._rows(
        [exempt.Listed(entry, "policies/guard.yaml") for entry in entries],
        "2026-11-24T00:00:00.000Z",
    )


@pytest.mark.parametrize("width", [80, 100, 140])
@pytest.mark.parametrize(
    ("name", "made"),
    [
        *(("audit-list", decisions), ("sweep", found), ("exempt-list", exemptions)),
        *(("incident-list", incident_list), ("incident-show", incident_show)),
    ],
)
def test_a_list_looks_as_when_somebody_last_looked(name: str, made: object, width: int) -> None:
    assert callable(made)
    assert_golden(GOLDEN / f"{name}.{width}.txt", printed(made(), width))


words = st.text("abcdefgh-:/", min_size=1, max_size=60)


@given(
    rows=st.lists(st.tuples(words, words, words, words), min_size=1, max_size=5),
    width=st.integers(70, 200),
)
def test_no_line_is_too_long_and_what_is_copied_stays_whole(
    rows: list[tuple[str, str, str, str]], width: int
) -> None:
    made = Rows("status", "what", "by", "decision", heading=("status",), whole=("decision",))
    for fields in rows:
        made.add(*fields)
    lines = printed(made, width).splitlines()
    assert max(map(len, lines)) <= width
    for *_, decision in rows:
        assert any(decision in line for line in lines)


@given(
    rows=st.lists(st.tuples(words, words, words), min_size=1, max_size=5),
    width=st.integers(60, 200),
)
def test_no_field_is_broken_into_pieces_of_a_few_characters(
    rows: list[tuple[str, str, str]], width: int
) -> None:
    made = Rows("one", "two", "three", heading=("one",))
    for fields in rows:
        made.add(*fields)
    shown = printed(made, width)
    for fields in rows:
        for field in fields:
            assert field[:20] in shown


@pytest.mark.parametrize(
    ("severity", "name"),
    [
        (100, "critical"),
        (90, "critical"),
        (89, "high"),
        (70, "high"),
        (69, "medium"),
        (40, "medium"),
        (39, "low"),
        (1, "low"),
        (0, "informational"),
    ],
)
def test_a_severity_has_security_hubs_name(severity: int, name: str) -> None:
    assert severity_in_words(severity).plain == name
