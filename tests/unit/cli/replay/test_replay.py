"""`driftguard replay`: what it says of a history, and what it leaves out."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from driftguard.controls.control import Control
from driftguard_cli.errors import Trouble
from tests.support.histories import EC2, arn, described, json_lines, log_file, opened, replayed
from tests.support.records import envelope, record, session_of


def test_a_finding_says_what_happened_and_what_the_policy_grants(tmp_path: Path) -> None:
    event = opened(eventID="e-1")
    said = replayed(log_file(tmp_path / "trail.json.gz", described(), event))
    assert said.findings == [
        {
            "event_id": "e-1",
            "event_time": "2026-11-24T12:00:00Z",
            "event_name": "AuthorizeSecurityGroupIngress",
            "control": "ec2.open-ingress",
            "resource": arn(),
            "certainty": "evident",
            "autonomy": "revert",
        }
    ]
    assert said.exit_code == 0
    assert "2 records read, 1 skipped (1 read-only), 0 unreadable; " in said.errors


def test_a_harmless_record_is_no_finding(tmp_path: Path) -> None:
    said = replayed(log_file(tmp_path / "trail.json.gz", opened(cidr="10.0.0.0/8")))
    assert said.findings == []


def test_a_record_that_hides_what_was_done_is_a_finding(tmp_path: Path) -> None:
    omitted = {"reason": "requestParameters too large", "omitted": True, "originalSize": 130731}
    padded = record("iam.amazonaws.com", "PutRolePolicy", omitted)
    (found,) = map(json.loads, replayed(log_file(tmp_path / "t.json.gz", padded)).told.splitlines())
    assert (found["control"], found["certainty"]) == ("iam.admin-inline", "possible")
    assert found["resource"] == "arn:aws:iam:us-east-1:123456789012:*"


def test_failed_and_read_only_calls_are_skipped(tmp_path: Path) -> None:
    failed = opened(errorCode="Client.UnauthorizedOperation")
    said = replayed(log_file(tmp_path / "t.json.gz", failed, opened(readOnly=True)))
    assert said.findings == []
    assert "2 skipped (1 read-only, 1 failed)" in said.errors


class TestTheGuardsOwn:
    role = "arn:aws:iam::123456789012:role/driftguard-RemediatorRole-1ABC"

    def of(self, role: str, session: str) -> dict[str, Any]:
        identity = session_of(role)
        identity["arn"] = identity["arn"].removesuffix("session") + session
        return opened(userIdentity=identity)

    def test_a_session_named_after_a_decision_is_skipped(self, tmp_path: Path) -> None:
        own = self.of(self.role, f"dg-{'0a' * 12}")
        assert "1 the guard's own" in replayed(log_file(tmp_path / "t.json.gz", own)).errors

    def test_a_role_of_that_name_in_any_other_session_is_not(self, tmp_path: Path) -> None:
        posing = self.of(self.role, "alice")
        assert replayed(log_file(tmp_path / "t.json.gz", posing)).groups == ["sg-1"]

    def test_a_role_that_is_named_is_the_only_one(self, tmp_path: Path) -> None:
        named = self.of("arn:aws:iam::123456789012:role/ours", "x")
        other = self.of(self.role, f"dg-{'0a' * 12}")
        path = log_file(tmp_path / "t.json.gz", named, other)
        said = replayed(path, own_role="arn:aws:iam::123456789012:role/ours")
        assert [one["event_id"] for one in said.findings] == [other["eventID"]]


class TestThePolicy:
    def test_sets_the_autonomy_of_each_control(self, tmp_path: Path) -> None:
        path = log_file(tmp_path / "t.json.gz", opened())
        policy = "version: 1\ncontrols:\n  ec2.open-ingress: {autonomy: observe}\n"
        assert [one["autonomy"] for one in replayed(path, policy=policy).findings] == ["observe"]

    def test_settings_of_a_control_hold(self, tmp_path: Path) -> None:
        path = log_file(tmp_path / "t.json.gz", opened())
        policy = (
            "version: 1\ncontrols: {ec2.open-ingress: {settings: {allowed_public_ports: [22]}}}\n"
        )
        assert replayed(path, policy=policy).findings == []

    @pytest.mark.parametrize(
        ("until", "autonomy"), [("2026-11-24", "observe"), ("2026-11-23", "revert")]
    )
    def test_an_exemption_holds_if_it_did_when_the_change_was_made(
        self, tmp_path: Path, until: str, autonomy: str
    ) -> None:
        policy = (
            "version: 1\ndefaults: {autonomy: revert}\nexemptions:\n"
            f"  - {{control: ec2.open-ingress, resource: sg-1, until: {until}, reason: a test}}\n"
        )
        said = replayed(log_file(tmp_path / "t.json.gz", opened()), policy=policy)
        assert [one["autonomy"] for one in said.findings] == [autonomy]
        assert ("1 exempted by the policy" in said.errors) == (autonomy == "observe")

    def test_that_is_not_valid_is_trouble(self, tmp_path: Path) -> None:
        path = log_file(tmp_path / "t.json.gz", opened())
        with pytest.raises(Trouble, match=r"policy\.yaml:1: .*version"):
            replayed(path, policy="version: 7\n")


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        ("2026-11-24", "", ["sg-2", "sg-3"]),
        ("", "2026-11-24", ["sg-1", "sg-2"]),
        ("2026-11-24T12:00:00Z", "2026-11-24T12:00:00Z", ["sg-2"]),
        ("2026-11-24T13:00:00+01:00", "", ["sg-2", "sg-3"]),
        ("2026-11-24T12:00:01", "2026-11-25", ["sg-3"]),
    ],
)
def test_only_the_time_asked_for_counts(
    tmp_path: Path, since: str, until: str, found: list[str]
) -> None:
    times = ("2026-11-23T23:59:59Z", "2026-11-24T12:00:00Z", "2026-11-25T00:00:00Z")
    events = [opened(f"sg-{n}", eventTime=time) for n, time in enumerate(times, start=1)]
    path = log_file(tmp_path / "t.json.gz", *events)
    assert replayed(path, since=since, until=until).groups == found


def test_a_time_that_is_none_is_trouble(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=r"yesterday.*2026-11-24"):
        replayed(log_file(tmp_path / "t.json.gz"), since="yesterday")


def test_files_whose_day_is_outside_are_not_opened(tmp_path: Path) -> None:
    trail = tmp_path / "AWSLogs" / "123456789012" / "CloudTrail" / "us-east-1" / "2026" / "01"
    log_file(trail / "05" / "a.json.gz", opened("sg-1", eventTime="2026-01-05T01:00:00Z"))
    (trail / "01").mkdir()
    (trail / "01" / "b.json.gz").write_bytes(b"\x1f\x8bdamaged")
    said = replayed(tmp_path, since="2026-01-04")
    assert (said.groups, said.exit_code) == (["sg-1"], 0)


def test_an_event_logged_by_two_trails_counts_once(tmp_path: Path) -> None:
    event = opened()
    log_file(tmp_path / "one" / "t.json.gz", event)
    log_file(tmp_path / "two" / "t.json.gz", event)
    said = replayed(tmp_path)
    assert said.groups == ["sg-1"]
    assert "2 records read" in said.errors
    assert "delivered again and told once" in said.errors


def test_findings_come_in_the_order_of_the_input(tmp_path: Path) -> None:
    for name in ("b/2.json.gz", "b/10.json.gz", "a/z.jsonl", "c.json.gz"):
        if name.endswith("gz"):
            log_file(tmp_path / name, opened(f"sg-{name}x"), opened(f"sg-{name}y"))
        else:
            (tmp_path / name).parent.mkdir()
            (tmp_path / name).write_text(json_lines([envelope(opened(f"sg-{name}x"))]))
    groups = [
        one["resource"].partition("security-group/")[2] for one in replayed(tmp_path).findings
    ]
    assert groups == [
        "sg-a/z.jsonlx",
        "sg-b/10.json.gzx",
        "sg-b/10.json.gzy",
        "sg-b/2.json.gzx",
        "sg-b/2.json.gzy",
        "sg-c.json.gzx",
        "sg-c.json.gzy",
    ]


def test_the_table_names_who_and_when(tmp_path: Path) -> None:
    alice, later = opened("sg-1"), opened("sg-2", eventTime="2026-12-01T08:30:00Z")
    deployer = opened("sg-3", userIdentity=session_of("arn:aws:iam::123456789012:role/deployer"))
    said = replayed(log_file(tmp_path / "t.json.gz", alice, deployer, later), table=True)
    (row,) = (line for line in said.told.splitlines() if "ec2.open-ingress" in line)
    for word in ("revert", "3", "0", "alice (2), role/deployer", "2026-11-24", "2026-12-01"):
        assert word in row


class TestWhatCannotBeRead:
    def test_is_named_and_the_rest_goes_on(self, tmp_path: Path) -> None:
        lines = [json.dumps(opened("sg-1")), '{"eventName": "Auth', "", "null"]
        lines += [json.dumps({"Records": [described(), 7]}), json.dumps(opened("sg-2"))]
        path = tmp_path / "h.jsonl"
        path.write_text("\n".join(lines))
        said = replayed(path)
        assert said.groups == ["sg-1", "sg-2"]
        assert said.exit_code == 1
        told = said.errors.splitlines()
        assert told[0].startswith(f"{path}: line 2: not JSON (Unterminated string")
        assert told[1] == f"{path}: line 4: expected a CloudTrail record (a JSON object), got null"
        assert told[2].startswith(f"{path}: line 5, record 2: expected a CloudTrail record")
        assert "3 records read, 1 skipped (1 read-only), 3 unreadable" in told[3]

    def test_a_damaged_file_does_not_stop_the_others(self, tmp_path: Path) -> None:
        whole = log_file(tmp_path / "a.json.gz", opened("sg-1")).read_bytes()
        (tmp_path / "b.json.gz").write_bytes(whole[:-20])
        (tmp_path / "c.json").write_bytes(b"PK\x03\x04\x00\x00")
        log_file(tmp_path / "d.json.gz", opened("sg-4"))
        (tmp_path / "e.json.gz").write_bytes(b"\x1f\x8bnothing like it")
        said = replayed(tmp_path)
        assert said.groups == ["sg-1", "sg-4"]
        assert f"{tmp_path}/b.json.gz: the gzip data ends too early" in said.errors
        assert f"{tmp_path}/c.json: neither JSON nor CSV" in said.errors
        assert f"{tmp_path}/e.json.gz: the gzip data is damaged" in said.errors
        assert said.exit_code == 1

    def test_records_before_the_break_of_a_file_are_read(self, tmp_path: Path) -> None:
        path = tmp_path / "broken.json"
        whole = json.dumps({"Records": [opened("sg-1"), opened("sg-2")]}, separators=(",", ":"))
        path.write_text(whole[:-9])
        said = replayed(path)
        assert said.groups == ["sg-1"]
        assert f"{path}: line 1, record 2: not JSON" in said.errors

    def test_many_problems_of_one_file_are_summed_up(self, tmp_path: Path) -> None:
        (tmp_path / "noise.jsonl").write_text("noise\n" * 150)
        said = replayed(tmp_path)
        assert len(said.errors.splitlines()) == 102
        assert "and 50 more like these" in said.errors
        assert "150 unreadable" in said.errors

    def test_a_folder_that_cannot_be_listed_does_not_stop_the_others(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log_file(tmp_path / "a" / "t.json.gz", opened("sg-1"))
        log_file(tmp_path / "b" / "t.json.gz", opened("sg-2"))
        listed = Path.iterdir

        def refused(folder: Path) -> object:
            if folder.name == "a":
                raise PermissionError(13, "Permission denied")
            return listed(folder)

        monkeypatch.setattr(Path, "iterdir", refused)
        said = replayed(tmp_path)
        assert (said.groups, said.exit_code) == (["sg-2"], 1)
        assert f"{tmp_path}/a: cannot be listed: Permission denied" in said.errors

    def test_a_place_that_is_not_there_is_trouble(self) -> None:
        with pytest.raises(Trouble, match=r"There is no file or folder /nowhere\."):
            replayed("/nowhere")

    def test_a_control_that_fails_on_a_record_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(*_: object) -> object:
            raise KeyError("port")

        from driftguard.controls import control

        open_ingress: Control[Any] = control("ec2.open-ingress")
        monkeypatch.setattr(type(open_ingress), "screen", fails)
        said = replayed(log_file(tmp_path / "t.json.gz", opened(eventID="e-1")))
        assert "ec2.open-ingress cannot judge AuthorizeSecurityGroupIngress e-1" in said.errors
        assert said.exit_code == 1


class TestWhatIsNoneOfItsBusiness:
    def test_digests_and_insights_events_are_passed_over(self, tmp_path: Path) -> None:
        digest = tmp_path / "digest.json.gz"
        digest.write_bytes(gzip.compress(b'{"digestStartTime": "2026-11-24T12:00:00Z"}'))
        insight = {"eventVersion": "1.08", "eventType": "AwsCloudTrailInsight", "eventID": "e"}
        log_file(tmp_path / "insight.json.gz", insight)
        said = replayed(tmp_path)
        assert (said.findings, said.exit_code) == ([], 0)
        assert "1 Insights events" in said.errors

    def test_other_files_of_a_folder_are_not_opened(self, tmp_path: Path) -> None:
        (tmp_path / "README.md").write_text("# hello")
        log_file(tmp_path / "AWSLogs" / "CloudTrail-Digest" / "x.json.gz", "digest")
        assert replayed(tmp_path).exit_code == 0

    def test_an_empty_file_holds_no_records(self, tmp_path: Path) -> None:
        (tmp_path / "empty.json").write_bytes(b"")
        (tmp_path / "empty.json.gz").write_bytes(gzip.compress(b" \n"))
        assert "0 records read" in replayed(tmp_path).errors


def test_old_and_odd_records_are_judged_as_far_as_they_go(tmp_path: Path) -> None:
    redacted = record(EC2, "AuthorizeSecurityGroupIngress", "HIDDEN_DUE_TO_SECURITY_REASONS")
    nothing = record(EC2, "AuthorizeSecurityGroupIngress", None)
    old = {k: v for k, v in opened("sg-9").items() if k not in ("readOnly", "eventCategory")}
    no_identity = opened("sg-8", userIdentity=None)
    said = replayed(log_file(tmp_path / "t.json.gz", redacted, nothing, old, no_identity))
    assert (said.groups, said.exit_code) == (["sg-9", "sg-8"], 0)
