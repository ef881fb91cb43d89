"""`driftguard access …`: one JSON case a line in, one answer a line out, whatever it holds."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from driftguard.access import network
from driftguard_cli.commands import access
from driftguard_cli.errors import Misuse, Trouble
from tests.support.each import each
from tests.support.properties import thoroughly

COMMANDS = ("policy", "acl", "security-group")
OPEN: dict[str, dict[str, object]] = {
    "policy": {"public": True, "external": True},
    "acl": {"public": True},
    "security-group": {"risky": True, "revoke": []},
}
ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
PARTNER = "999999999999"


@dataclass(frozen=True)
class Said:
    answers: list[dict[str, object]]
    exit_code: int


def ask(command: str, *cases: object, options: tuple[str, ...] = ()) -> Said:
    """Ask with these lines: objects are written as JSON, text and bytes as they are."""
    lines = (c if isinstance(c, str | bytes) else json.dumps(c) for c in cases)
    data = b"\n".join(line.encode() if isinstance(line, str) else line for line in lines)
    result = CliRunner().invoke(access.app, [command, *options], input=data)
    return Said([json.loads(line) for line in result.stdout.splitlines()], result.exit_code)


def policy_for(principal: object) -> dict[str, object]:
    statement = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::b/*",
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def policy_case(**changes: object) -> dict[str, object]:
    return {
        "id": "p",
        "service": "s3",
        "policy": policy_for("*"),
        "account": "111111111111",
    } | changes


def acl_case(**changes: object) -> dict[str, object]:
    return {
        "id": "a",
        "kind": "bucket",
        "acl": None,
        "request_headers": {"x-amz-acl": "public-read"},
        "prior": "private",
        "pab_bucket": None,
        "pab_account": None,
        "ownership": "ObjectWriter",
        "bucket_policy_public": False,
    } | changes


def group_case(**changes: object) -> dict[str, object]:
    ranges = [{"CidrIp": "0.0.0.0/0"}, {"CidrIp": "203.0.113.0/24"}]
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": ranges}
    return {
        "id": "g",
        "ip_permissions": [ssh],
        "direction": "ingress",
        "allowed_public_ports": [80, 443],
        "prefix_lists": {},
    } | changes


CASES: dict[str, Callable[..., dict[str, object]]] = {
    "policy": policy_case,
    "acl": acl_case,
    "security-group": group_case,
}


def test_a_policy_for_everyone_is_public() -> None:
    said = ask("policy", policy_case())
    assert said.exit_code == 0
    (answer,) = said.answers
    assert list(answer) == ["id", "public", "external", "because"]
    assert answer["id"] == "p" and answer["public"] is True and answer["because"]


def test_a_policy_may_come_as_text() -> None:
    text = json.dumps(policy_for("*"))
    said = ask("policy", policy_case(policy=None, policy_text=text), policy_case(policy=text))
    assert [answer["public"] for answer in said.answers] == [True, True]


def test_a_policy_text_that_cannot_be_read_is_public() -> None:
    said = ask("policy", policy_case(policy=None, policy_text="{"))
    assert said.answers[0]["public"] is True


def test_an_account_is_external_until_it_is_trusted() -> None:
    case = policy_case(policy=policy_for({"AWS": PARTNER}))
    trust = ("--trusted-account", "222222222222", "--trusted-account", PARTNER)
    assert ask("policy", case).answers[0]["external"] is True
    assert ask("policy", case, options=trust).answers[0]["external"] is False


def test_an_account_may_be_a_number_that_lost_its_zeros() -> None:
    own = policy_case(policy=policy_for({"AWS": "000000000007"}), account=7)
    assert ask("policy", own).answers[0] == {
        "id": "p",
        "public": False,
        "external": False,
        "because": [],
    }


def test_an_acl_is_judged_by_its_effect() -> None:
    said = ask(
        "acl",
        acl_case(),
        acl_case(id="blocked", pab_account={"BlockPublicAcls": True}),
        acl_case(id=3, kind="object", request_headers=None, prior="public-read"),
        acl_case(acl={"Owner": {"ID": "x"}, "Grants": []}, request_headers=None),
        acl_case(ownership="BucketOwnerEnforced", bucket_policy_public="true"),
    )
    assert said.exit_code == 0
    assert [(a["id"], a["public"]) for a in said.answers] == [
        ("a", True),
        ("blocked", False),
        (3, True),
        ("a", False),
        ("a", True),
    ]
    assert said.answers[0]["because"] == ["the ACL grants READ to everyone"]


OPEN_ACL = {"Owner": {"ID": "o"}, "Grants": [{"Grantee": {"URI": ALL_USERS}, "Permission": "READ"}]}


@pytest.mark.parametrize("at", ["pab_bucket", "pab_account"])
@pytest.mark.parametrize(
    ("more", "public"),
    [
        ({}, True),
        ({"BlockPublicAcls": True}, True),
        ({"IgnorePublicAcls": True}, False),
        ({"BlockPublicAcls": True, "IgnorePublicAcls": True}, False),
    ],
)
def test_13_a_block_on_new_acls_leaves_the_acl_in_force_alone(
    at: str, more: dict[str, bool], public: bool
) -> None:
    in_force = {"id": 1, "kind": "bucket", "acl": OPEN_ACL, at: more}
    nulls = in_force | {"prior": None, "request_headers": None}
    assert [a["public"] for a in ask("acl", in_force, nulls).answers] == [public, public]


def test_13_an_acl_beside_the_prior_one_is_a_call_that_may_be_refused() -> None:
    asked = {"id": 1, "kind": "bucket", "acl": OPEN_ACL, "prior": "private"}
    blocked = asked | {"pab_bucket": {"BlockPublicAcls": True}}
    assert [a["public"] for a in ask("acl", asked, blocked).answers] == [True, False]


REPEATED = (
    '{"Statement": [{"Effect": "Allow", "Effect": "Deny", "Principal": "*", "Action": "s3:*"}]}',
    '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Condition": {"Bool": '
    '{"aws:PrincipalIsAWSService": "false", "aws:PrincipalIsAWSService": "true"}}}}',
    '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*"}], "Statement": []}',
)


@pytest.mark.parametrize("written", REPEATED)
def test_13_a_key_given_twice_is_not_lost_in_a_policy_that_comes_as_an_object(written: str) -> None:
    line = f'{{"id": 1, "service": "s3", "account": "111111111111", "policy": {written}}}'
    text = policy_case(id=1, policy=None, policy_text=written)
    as_object, as_text = ask("policy", line, text).answers
    assert as_object == as_text
    assert as_object["public"] is True
    assert "is given twice in one object" in str(as_object["because"])


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (
            "policy",
            '{"id": 1, "service": "s3", "account": "111111111111", "policy": {}, "policy": {}}',
        ),
        ("acl", '{"id": 1, "kind": "bucket", "acl": {"Grants": [], "Grants": []}}'),
        ("security-group", '{"id": 1, "ip_permissions": [{"FromPort": 22, "FromPort": 80}]}'),
    ],
)
def test_13_a_case_that_gives_a_key_twice_is_answered_as_open(command: str, line: str) -> None:
    (answer,) = ask(command, line).answers
    assert OPEN[command].items() <= answer.items()
    assert "is given twice" in str(answer["error"])


def test_fields_that_have_a_usual_value_may_be_missing() -> None:
    nothing_asked = {"id": 1, "kind": "bucket", "acl": None}
    grant = {"x-amz-grant-read": f'uri="{ALL_USERS}"'}
    said = ask("acl", nothing_asked, {"id": 2, "kind": "object", "request_headers": grant})
    assert [answer["public"] for answer in said.answers] == [False, True]
    said = ask("security-group", {"id": 1, "ip_permissions": group_case()["ip_permissions"]})
    assert said.answers[0]["risky"] is True


def test_a_security_group_comes_with_the_least_to_revoke() -> None:
    said = ask("security-group", group_case())
    assert said == Said(
        [
            {
                "id": "g",
                "risky": True,
                "revoke": [
                    {
                        "IpProtocol": "tcp",
                        "FromPort": 22,
                        "ToPort": 22,
                        "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
                    }
                ],
                "because": ["0.0.0.0/0 is open to the internet on tcp 22"],
            }
        ],
        0,
    )


def test_the_case_decides_direction_ports_and_prefix_lists() -> None:
    list_only = [{"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": "pl-1"}]}]
    said = ask(
        "security-group",
        group_case(direction="egress"),
        group_case(allowed_public_ports=[22]),
        group_case(allowed_public_ports=[], ip_permissions=None),
        group_case(ip_permissions=list_only, prefix_lists={"pl-1": ["0.0.0.0/1"]}),
        group_case(ip_permissions=list_only, prefix_lists=None, allowed_public_ports=None),
    )
    assert [answer["risky"] for answer in said.answers] == [False, False, False, True, False]
    assert said.answers[0] == {"id": "g", "risky": False, "revoke": [], "because": []}
    assert said.answers[3]["revoke"] == list_only
    assert said.exit_code == 0


MALFORMED: dict[str, tuple[str, object, str]] = {
    "no JSON": ("acl", "{nonsense", "not JSON"),
    "half an object": ("acl", '{"id": 1', "not JSON"),
    "no UTF-8": ("acl", b'{"id": "\xff"}', "not JSON"),
    "not a number": ("acl", '{"id": NaN}', "NaN"),
    "too deep": ("acl", "[" * 200_000, "not JSON"),
    "a list": ("acl", "[]", "a list"),
    "a number": ("security-group", "5", "a number"),
    "null": ("policy", "null", "null"),
    "text": ("policy", '"id"', "a string"),
    "no id": ("acl", {"kind": "bucket", "acl": None}, '"id" is missing'),
    "no kind": ("acl", {"id": 1, "acl": None}, '"kind" is missing'),
    "an unknown kind": ("acl", acl_case(kind="folder"), "folder"),
    "neither ACL nor headers": ("acl", {"id": 1, "kind": "bucket"}, '"acl" and'),
    "an ACL that is a list": ("acl", acl_case(acl=[]), '"acl" is a list'),
    "headers that are text": ("acl", acl_case(request_headers="x"), '"request_headers"'),
    "settings that are true": ("acl", acl_case(pab_bucket=True), '"pab_bucket" is true or false'),
    "a prior that is a number": ("acl", acl_case(prior=5), '"prior" is a number'),
    "a flag that is a number": ("acl", acl_case(bucket_policy_public=1), "write true or false"),
    "no service": ("policy", {"id": 1, "policy": {}, "account": "111111111111"}, '"service"'),
    "an unknown service": ("policy", policy_case(service="s4"), "secretsmanager"),
    "an empty service": ("policy", policy_case(service=" "), "an empty string"),
    "no policy": ("policy", policy_case(policy=None), '"policy_text" are missing'),
    "a policy that is a list": ("policy", policy_case(policy=[]), '"policy" is a list'),
    "no account": ("policy", {"id": 1, "service": "s3", "policy": {}}, '"account" is missing'),
    "a short account": ("policy", policy_case(account="123"), "12 digits"),
    "an account that is none": ("policy", policy_case(account=True), "12 digits"),
    "no permissions": ("security-group", {"id": 1}, '"ip_permissions" is missing'),
    "permissions of text": ("security-group", group_case(ip_permissions=["x"]), "IpPermission"),
    "permissions that are a number": ("security-group", group_case(ip_permissions=0), "list of"),
    "an unknown direction": ("security-group", group_case(direction="both"), "egress"),
    "ports that are one": ("security-group", group_case(allowed_public_ports=22), "list of ports"),
    "prefix lists in a list": ("security-group", group_case(prefix_lists=[]), '"prefix_lists"'),
}


@each(("command", "line", "hint"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_line_is_answered_as_open_and_the_others_are_answered_as_ever(
    command: str, line: object, hint: str
) -> None:
    good = CASES[command]
    said = ask(command, good(id="first"), line, "", "  ", good(id="last"))
    first, wrong, last = said.answers
    assert (first["id"], last["id"]) == ("first", "last")
    assert "error" not in first and "error" not in last
    expected = line.get("id") if isinstance(line, dict) else None
    assert wrong == {"id": expected, "line": 2, "error": wrong["error"], **OPEN[command]}
    assert hint in str(wrong["error"])
    assert said.exit_code == 1


def test_blank_lines_are_skipped_but_counted() -> None:
    assert ask("acl", "", "\t\r", "").answers == []
    assert ask("acl", "", "x").answers[0]["line"] == 2


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm() -> None:
    line = b"\xef\xbb\xbf" + json.dumps(acl_case()).encode() + b"\r"
    assert ask("acl", line, acl_case()).exit_code == 0


def test_a_defect_in_a_judge_ends_one_answer_and_not_the_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("oh")

    monkeypatch.setattr(network, "openings", broken)
    said = ask("security-group", group_case(id=1), group_case(id=2))
    assert [answer["id"] for answer in said.answers] == [1, 2]
    assert all(answer["risky"] for answer in said.answers)
    assert said.exit_code == 1


def test_an_answer_comes_before_the_next_case_is_asked() -> None:
    program = "from driftguard_cli.commands.access import app; app()"
    paths = os.pathsep.join(path for path in sys.path if path)
    with subprocess.Popen(
        [sys.executable, "-c", program, "acl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
        text=True,
    ) as process:
        assert process.stdin and process.stdout
        for number in range(3):
            process.stdin.write(json.dumps(acl_case(id=number)) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait() == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_says_what_goes_in_and_out(command: str) -> None:
    result = CliRunner().invoke(access.app, [command, "--help"])
    assert result.exit_code == 0
    assert "In:" in result.stdout and "Out:" in result.stdout


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(sorted({*policy_case(), *acl_case(), *group_case()})), inner
        )
    ),
    max_leaves=10,
)


@thoroughly
@given(st.sampled_from(COMMANDS), st.lists(json_values, max_size=4))
def test_there_is_one_answer_a_line_whatever_is_asked(command: str, values: list[object]) -> None:
    said = ask(command, *(json.dumps(value) for value in values))
    assert len(said.answers) == len(values)
    for answer in said.answers:
        assert "id" in answer
        if "error" in answer:
            assert OPEN[command].items() <= answer.items()
    assert said.exit_code == any("error" in answer for answer in said.answers)


@thoroughly
@given(st.sampled_from(COMMANDS), st.data())
def test_one_wrong_field_never_ends_the_stream(command: str, data: st.DataObject) -> None:
    case = CASES[command]()
    field = data.draw(st.sampled_from(sorted(case)))
    said = ask(command, {**case, field: data.draw(json_values)}, case)
    assert len(said.answers) == 2
    assert "error" not in said.answers[1]
    assert "please report" not in str(said.answers[0].get("error"))


# ------------------------------------------------------------------------------------ of files


def of_files(tmp_path: Path, *options: str, **policies: object) -> Said:
    paths = []
    for name, document in policies.items():
        path = tmp_path / f"{name}.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        paths.append(str(path))
    result = CliRunner().invoke(access.app, ["policy", *paths, *options])
    return Said([json.loads(line) for line in result.stdout.splitlines()], result.exit_code)


OURS = "arn:aws:iam::111111111111:role/app"


@pytest.mark.parametrize(
    ("principal", "options", "public", "external", "exit_code"),
    [
        ("*", ("--account", "111111111111"), True, False, 1),
        ({"AWS": OURS}, ("--account", "111111111111"), False, False, 0),
        ({"AWS": OURS}, (), False, True, 1),
        ({"AWS": OURS}, ("--trusted-account", "111111111111"), False, False, 0),
        ({"AWS": PARTNER}, ("--account", "111111111111"), False, True, 1),
    ],
)
def test_a_file_that_lets_a_stranger_in_exits_1(
    tmp_path: Path,
    principal: object,
    options: tuple[str, ...],
    public: bool,
    external: bool,
    exit_code: int,
) -> None:
    said = of_files(tmp_path, "--service", "s3", *options, bucket=policy_for(principal))
    (answer,) = said.answers
    assert (answer["public"], answer["external"], said.exit_code) == (public, external, exit_code)
    assert answer["id"] == str(tmp_path / "bucket.json")


def test_every_file_is_answered_and_one_open_file_is_enough(tmp_path: Path) -> None:
    said = of_files(
        tmp_path,
        *("--service", "S3", "--account", "111111111111"),
        broken="{",
        closed=policy_for({"AWS": OURS}),
        open=policy_for("*"),
    )
    assert [one["public"] for one in said.answers] == [True, False, True]
    assert said.exit_code == 1


def test_files_need_a_service_and_must_be_there(tmp_path: Path) -> None:
    for arguments, kind in (
        ([str(tmp_path / "a.json")], Misuse),
        ([str(tmp_path / "a.json"), "--service", "s4"], Misuse),
        ([str(tmp_path / "a.json"), "--service", "s3"], Trouble),
    ):
        raised = CliRunner().invoke(access.app, ["policy", *arguments]).exception
        assert type(raised) is kind
        assert "`--service`" in str(raised) or "cannot be read" in str(raised)
