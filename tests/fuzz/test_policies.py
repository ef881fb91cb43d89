"""Fuzz: any policy file is compiled, or refused with every problem and its line."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from driftguard.policy import compiled
from driftguard_cli.policy_file import loader
from driftguard_cli.policy_file.loader import PolicyError
from tests.support.fuzzing import in_portions, junk, mutated, mutated_text, tried

# Everything that a policy can say, in parts: small files are tried faster.
PARTS: tuple[dict[str, Any], ...] = (
    {"defaults": {"autonomy": "ask"}},
    {"trusted": {"accounts": ["111122223333"], "organizations": ["o-a1b2c3d4e5"]}},
    {
        "controls": {
            "ec2.open-ingress": {
                "autonomy": "revert",
                "settings": {"allowed_public_ports": [80, 443]},
            }
        }
    },
    {"circuit_breaker": {"window": "1h", "control": 20, "account": 50, "whole": 100}},
    {"flapping": {"reverts": 3, "window": "1h"}},
    {"ownership": {"autonomy": "ask", "roles": ["arn:aws:iam::*:role/deploy"]}},
    {"baselines": {"max_age": "90d", "required": False}},
    {"rollout": {"observe": "1d", "ask": "7d"}},
    {"sweep": {"autonomy": "observe", "most": 100}},
    {"break_glass": [{"actor": "arn:aws:iam::*:role/break-glass", "reason": "Runbook 7"}]},
    {"protected": [{"resources": ["*:db:ledger*"], "autonomy": "ask", "reason": "Ask first."}]},
    {
        "change_windows": [
            {
                "name": "night",
                "days": ["sat", "sun"],
                "opens": "00:00",
                "closes": "24:00",
                "zone": "Europe/Berlin",
                "autonomy": "ask",
            }
        ]
    },
    {"in_use": [{"controls": ["ec2.open-ingress"], "autonomy": "ask"}]},
    {"pinned": [{"controls": ["s3.versioning-suspended"], "tags": {"env": "prod"}}]},
    {"anomalies": {"routine": True, "unusual": True}},
    {"earned": {"threshold": 0.95, "outcomes": 20, "sampling": 0.02}},
    {
        "exemptions": [
            {
                "control": "s3.public-policy",
                "resource": "arn:aws:s3:::site",
                "until": "2027-01-31",
                "reason": "The site.",
            }
        ]
    },
    {
        "people": [
            {"name": "alice", "slack": ["U0ALICE"], "iam": ["arn:aws:iam::111122223333:user/a"]}
        ],
        "approvals": {"approvers": ["alice"], "quorum": 1, "expires": "24h"},
    },
)

# What YAML itself reads in some way of its own.
TAGGED = (
    "!!int",
    "!!float",
    "!!timestamp",
    "!!bool",
    "!!binary",
    "&a",
    "*a",
    "&a [*a]",
    "<<",
    "!x",
)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: next(iter(part)))
def test_each_part_is_a_policy(part: dict[str, Any]) -> None:
    """Else nothing but its mistakes would be mutated."""
    loader.compiled(yaml.safe_dump({"version": 1, **part}))


@in_portions
def test_any_policy_file_is_compiled_or_refused_with_its_lines(
    portion: int, tmp_path: Path
) -> None:
    file = tmp_path / "guard.yaml"

    def once(dice: Random) -> None:
        policy: Any = {"version": 1}
        for part in dice.sample(PARTS, dice.randrange(1, 4)):
            policy |= part
        policy = mutated(dice, policy)
        written = written_as(dice, policy)
        try:
            file.write_bytes(written.encode(errors="surrogatepass"))
            document = loader.read(file)
        except PolicyError as error:
            lines = len(written.splitlines()) + 2
            assert error.problems
            for problem in error.problems:
                assert problem.what.strip(), written
                assert 0 <= problem.line <= lines, written
        else:
            compiled.from_compiled(document)

    tried("policies", portion, once)


def written_as(dice: Random, policy: Any) -> str:
    """The policy as YAML text, now and then with something wrong in the text itself."""
    try:
        written = yaml.dump(policy, Dumper=yaml.CSafeDumper)
    except (yaml.YAMLError, RecursionError, UnicodeEncodeError):
        written = str(junk(dice))
    if dice.random() < 0.1:
        written = written.replace(": ", f": {dice.choice(TAGGED)} ", 1)
    return mutated_text(dice, written) if dice.random() < 0.3 else written
