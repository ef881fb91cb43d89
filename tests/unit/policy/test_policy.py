"""The policy file: what is right is compiled, what is wrong is named with its line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from driftguard.model import Actor, Autonomy, Resource
from driftguard.policy.compiled import from_compiled
from driftguard.policy.model import Exemption
from driftguard_cli.main import app
from driftguard_cli.policy_file import loader, schema
from driftguard_cli.policy_file.schema import PolicyFile
from tests.support.world import ROOT, shipped_policy

FIVE = (
    "ec2.open-ingress",
    "s3.public-policy",
    "s3.public-acl",
    "s3.bucket-bpa-off",
    "iam.leaked-key",
)


def test_the_shipped_policy_reverts_the_five_and_asks_for_whatever_comes_later() -> None:
    policy = shipped_policy()
    assert {policy.granted(one) for one in FIVE} == {Autonomy.REVERT}
    assert policy.granted("something.new") is Autonomy.ASK


def test_the_shipped_schema_is_up_to_date() -> None:
    stored = json.loads((ROOT / "policies" / "guard.schema.json").read_text())
    assert stored == json.loads(json.dumps(schema.schema()))


def test_the_shipped_policy_contains_sessions_and_asks_briefly_about_whatever_it_contains() -> None:
    policy = shipped_policy()
    assert policy.granted("containment.role-sessions") is Autonomy.REVERT
    assert "containment.role-sessions" in policy.may_cut
    assert policy.granted("containment.user") is Autonomy.ASK
    assert policy.terms("containment.user", 95).seconds == 3600
    assert policy.terms("iam.leaked-key", 95).seconds == 86_400


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        (
            "version: 1\ndefault:\n  autonomy: ask\n",
            "2: default: unknown key `default`; did you mean `defaults`?",
        ),
        (
            "version: 1\ncontrols:\n  ec2.open-ingres:\n    autonomy: ask\n",
            "3: controls.ec2.open-ingres: there is no control `ec2.open-ingres`; "
            "did you mean `ec2.open-ingress`?",
        ),
        (
            "version: 1\npreparations: {ask_at_once: [rds.protection]}\n",
            "2: preparations: no control is called `rds.protection`; did you mean "
            "`rds.protection-off`?",
        ),
        (
            "version: 1\ncontrols:\n  ec2.open-ingress:\n    autonomy: revrt\n",
            "4: controls.ec2.open-ingress.autonomy: `revrt` is not one of observe, ask, earned, "
            "revert; did you mean `revert`?",
        ),
        (
            "version: 1\ncontrols:\n  ec2.open-ingress:\n    settings:\n      ports: [1]\n",
            "5: controls.ec2.open-ingress.settings.ports: unknown key `ports`",
        ),
        (
            "version: 1\nexemptions:\n  - control: s3.public-acl\n    resource: x\n"
            "    until: 2027-01-01\n",
            "3: exemptions.0.reason: `reason` is missing",
        ),
        (
            "version: 1\nexemptions:\n  - control: s3.acl\n    resource: x\n"
            "    until: 2027-01-01\n    reason: because\n",
            "3: exemptions.0.control: there is no control `s3.acl`",
        ),
        (
            "version: 1\nexemptions:\n  - control: s3.public-acl\n    resource: x\n"
            "    until: soon\n    reason: because\n",
            "5: exemptions.0.until: ",
        ),
        ("version: 2\n", "1: version: `2` is not one of 1"),
        (
            "version: 1\nversion: 1\n",
            "2: version: `version` is given twice; the first is in line 1",
        ),
        ("version: [1\n", "2: not valid YAML"),
        ("a: b: c\n", "1: not valid YAML"),
        ("- 1\n", "1: a policy is a mapping"),
        ("", "1: a policy is a mapping"),
        ("defaults: {}\n", "1: version: `version` is missing"),
    ],
)
def test_what_is_wrong_is_named_with_line_and_nearest_right_key(
    written: str, complaint: str
) -> None:
    with pytest.raises(loader.PolicyError) as caught:
        loader.compiled(written, "guard.yaml")
    assert f"guard.yaml:{complaint}" in str(caught.value)


@pytest.mark.parametrize(
    "written",
    [
        "flapping: {reverts: 51}",
        "flapping: {window: 31d}",
        "approvals: {expires: 0s}",
        "approvals: {expires: 367d}",
        "approvals: {expires: 999999999d}",
    ],
)
def test_terms_that_could_never_be_met_are_refused(written: str) -> None:
    """Fifty reverts of a thing are remembered, for thirty days; nobody waits for ever."""
    with pytest.raises(loader.PolicyError):
        loader.compiled(f"version: 1\n{written}\n")


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("people: {bob: {}}", "2: people: must be a list"),
        ("people: [bob]", "2: people.0: must be a mapping of keys to values"),
        ("people: [{name: bob, iam: [bob]}]", "2: people.0.iam.0: `bob` is no ARN; write one like"),
        ("people: [{name: 5}]", "2: people.0.name: must be text; put a number in quotes"),
        ("approvals: {quorum: two}", "2: approvals.quorum: must be a whole number"),
        ("approvals: {quorum: 0}", "2: approvals.quorum: must be at least 1"),
        ("earned: {threshold: high}", "2: earned.threshold: must be a number"),
        ("controls: [s3.public-acl]", "2: controls: must be a mapping of keys to values"),
        (
            "exemptions:\n  - {control: s3.public-acl, resource: b, until: soon, reason: because}",
            "3: exemptions.0.until: must be a day (2027-01-31) or a time (2027-01-31T18:00:00Z)",
        ),
        (
            "exemptions:\n  - {control: s3.public-acl, resource: b, until: 2027-01-01, reason: x}",
            "3: exemptions.0.reason: must have at least 3 characters",
        ),
        (
            "people: [{name: bob}]\napprovals:\n  quorum: 2",
            "4: approvals.quorum: 2 must agree, but only 1 may vote",
        ),
        (
            "people: [{name: bob}]\napprovals:\n  rules:\n    - approvers: [bob, rob]",
            "5: approvals.rules.0.approvers.1: approver `rob` is not in people; did you mean",
        ),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_the_file(written: str, complaint: str) -> None:
    with pytest.raises(loader.PolicyError) as caught:
        loader.compiled(f"version: 1\n{written}\n", "guard.yaml")
    assert f"guard.yaml:{complaint}" in str(caught.value)


# Values of every type, for keys of every type.
VALUES = st.sampled_from(
    ["x", "", 5, -1, 1.5, True, None, [], ["x"], [5], {}, {"x": 1}, float("nan"), "2027-01-01"]
)


@given(key=st.sampled_from(sorted(set(PolicyFile.model_fields) - {"version"})), value=VALUES)
def test_no_complaint_speaks_of_python(key: str, value: object) -> None:
    try:
        loader.compiled(yaml.safe_dump({"version": 1, key: value}))
    except loader.PolicyError as error:
        assert not re.search("Input should|valid (tuple|dict|string)|instance of", str(error))


def test_an_exemption_that_is_over_or_exempts_everything_is_told_and_stays_valid(
    tmp_path: Path,
) -> None:
    file = tmp_path / "guard.yaml"
    file.write_text(
        "version: 1\nexemptions:\n"
        "  - {control: s3.public-acl, resource: '*', until: 2020-01-01, reason: because}\n"
        "  - {control: s3.public-acl, resource: ours, until: 2099-01-01, reason: because}\n"
    )
    result = CliRunner().invoke(app, ["policy", "check", str(file)])
    assert result.exit_code == 0
    over, wide = result.stderr.splitlines()
    assert over.startswith(f"{file}:3: exemptions.0.until: it ended on 2020-01-01")
    assert wide.startswith(f"{file}:3: exemptions.0.resource: it exempts everything that")


def test_a_tag_that_keeps_people_from_being_asked_about_a_containment_is_told(
    tmp_path: Path,
) -> None:
    file = tmp_path / "guard.yaml"
    file.write_text(
        """version: 1
protected:
  - {controls: ["containment.*"], tags: {env: prod}, autonomy: observe, reason: ours}
  - {controls: ["containment.*"], tags: {env: prod}, autonomy: ask, reason: ours}
  - {controls: ["containment.*"], resources: [i-1], autonomy: observe, reason: ours}
  - {tags: {env: prod}, autonomy: observe, reason: ours}
change_windows:
  - {name: w, opens: "01:00", closes: "02:00", autonomy: observe, tags: {a: b},
     controls: [containment.user]}
exemptions:
  - {control: containment.user, resource: "*", tags: {a: b}, until: 2099-01-01, reason: because}
  - {control: containment.user, resource: bob, until: 2099-01-01, reason: because}
"""
    )
    result = CliRunner().invoke(app, ["policy", "check", str(file)])
    assert result.exit_code == 0
    told = [line.partition(": whoever may set")[0] for line in result.stderr.splitlines()]
    assert told == [
        f"{file}:3: protected.0.tags",
        f"{file}:8: change_windows.0.tags",
        f"{file}:11: exemptions.0.tags",
    ]


def test_a_quorum_of_principals_is_told_to_be_weaker_than_one_of_people(tmp_path: Path) -> None:
    file = tmp_path / "guard.yaml"
    file.write_text("version: 1\napprovals:\n  rules:\n    - quorum: 2\n")
    result = CliRunner().invoke(app, ["policy", "check", str(file)])
    assert result.exit_code == 0
    assert result.stderr.startswith(f"{file}:4: approvals.rules.0.quorum: without `people` each")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("version: 1\nuntil: 2026-02-30", "policy:2: not valid YAML: `2026-02-30` is no timestamp"),
        ("version: !!int x", "policy:1: not valid YAML: `x` is no int"),
        ("a: &a [*a]", "policy:1: nested too deep, or within itself"),
        ("[" * 5_000, "policy:1: nested too deep, or within itself"),
    ],
)
def test_what_yaml_cannot_make_a_value_of_is_named(written: str, said: str) -> None:
    with pytest.raises(loader.PolicyError) as caught:
        loader.compiled(written)
    assert str(caught.value).startswith(said)


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "guard.yaml"
    path.write_bytes(b"version: 1 # caf\xe9")
    with pytest.raises(loader.PolicyError, match="not UTF-8"):
        loader.read(path)


def test_an_exemption_lasts_to_the_end_of_days() -> None:
    exemption = "{control: s3.public-policy, resource: x, reason: for good, until: 9999-12-31}"
    made = loader.compiled(f"version: 1\nexemptions: [{exemption}]")
    assert made["exemptions"][0]["until"].startswith("9999-12-31T23:59")


def test_every_problem_is_named_at_once() -> None:
    written = "version: 1\nx: 1\ndefaults:\n  y: 1\ncontrols:\n  z: {}\n"
    with pytest.raises(loader.PolicyError) as caught:
        loader.compiled(written)
    assert [one.line for one in caught.value.problems] == [2, 4, 6]


def test_check_exits_1_on_any_error_and_names_the_file(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 1\nx: 1\n")
    told = CliRunner().invoke(app, ["policy", "check", str(bad)])
    assert told.exit_code == 1
    assert f"{bad}:2: x: unknown key `x`" in told.stderr
    as_json = CliRunner().invoke(app, ["policy", "check", str(bad), "--json"])
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["problems"][0]["line"] == 2


def test_check_names_a_file_that_is_not_there(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["policy", "check", str(tmp_path / "none.yaml")])
    assert told.exit_code == 1
    assert "No such file" in told.stderr


def test_check_accepts_the_shipped_policy() -> None:
    told = CliRunner().invoke(app, ["policy", "check", str(ROOT / "policies" / "guard.yaml")])
    assert told.exit_code == 0, told.stderr


def test_a_day_lasts_to_its_end_and_a_time_is_exact() -> None:
    written = """
version: 1
exemptions:
  - {control: s3.public-acl, resource: a, until: 2027-01-31, reason: by day}
  - {control: s3.public-acl, resource: b, until: 2027-01-31T12:00:00+01:00, reason: by time}
"""
    by_day, by_time = from_compiled(loader.compiled(written)).exemptions
    assert by_day.until == "2027-02-01T00:00:00.000Z"
    assert by_time.until == "2027-01-31T11:00:00.000Z"


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [
        ("arn:aws:s3:::wares", True),
        ("wares", True),
        ("ware?", True),
        ("arn:aws:s3:::w*", True),
        ("ware", False),
        ("WARES", False),
        ("arn:aws:s3:::wares-2", False),
    ],
)
def test_an_exemption_is_never_wider_than_what_was_named(pattern: str, covered: bool) -> None:
    bucket = Resource("s3.bucket", "wares", "123456789012", "us-east-1", "arn:aws:s3:::wares")
    one = Exemption("s3.public-acl", pattern, "2027-01-01", "x")
    assert one.covers("s3.public-acl", bucket, "2026-01-01", Actor()) is covered
    assert not one.covers("s3.public-policy", bucket, "2026-01-01", Actor())
    assert not one.covers("s3.public-acl", bucket, "2027-01-01", Actor())


@pytest.mark.parametrize("pack", sorted((ROOT / "policies" / "packs").glob("*.yaml")), ids=str)
def test_every_pack_is_valid(pack: Path) -> None:
    assert from_compiled(loader.read(pack))
