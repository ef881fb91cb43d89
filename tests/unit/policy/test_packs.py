"""What each pack means, held against the controls themselves; and that none says more."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from driftguard import controls
from driftguard.model import Autonomy
from driftguard.policy.compiled import from_compiled
from driftguard.policy.model import Policy
from driftguard_cli import shipped
from driftguard_cli.generate import packs
from driftguard_cli.policy_file import loader
from tests.support.world import ROOT

EVERY = {control.id: control for control in controls.every()}
SAFE = {name for name, control in EVERY.items() if not control.revert}


@cache
def pack(name: str) -> Policy:
    return from_compiled(loader.read(shipped.packs()[name]))


def granted(name: str, autonomy: Autonomy) -> set[str]:
    return {control for control, level in pack(name).autonomy.items() if level is autonomy}


def test_these_packs_ship_and_each_begins_with_what_it_is_for() -> None:
    assert set(shipped.packs()) == {
        "cis",
        "data-perimeter",
        "earned",
        "revert",
        "starter",
        "watch",
    }
    for name, path in shipped.packs().items():
        first, *rest = path.read_text().split("\nversion: 1\n")[0].splitlines()
        assert first == "# yaml-language-server: $schema=../guard.schema.json"
        assert len(" ".join(rest)) > 100, f"{name} does not say what it is for"
        assert f"POLICY=policies/packs/{name}.yaml sam build" in " ".join(rest)


def test_a_pack_is_listed_and_explained_on_its_page() -> None:
    page = (ROOT / "docs" / "how-to" / "packs.md").read_text()
    assert set(re.findall(r"^\| `([a-z-]+)` \|", page, re.M)) == set(shipped.packs())


def test_starter_reverts_what_is_critical_asks_about_what_is_high_and_observes_the_rest() -> None:
    assert pack("starter").default is Autonomy.OBSERVE
    critical = {name for name, control in EVERY.items() if control.severity >= 90}
    high = {name for name, control in EVERY.items() if control.severity >= 70}
    contain = {name for name, control in EVERY.items() if control.contains}
    assert granted("starter", Autonomy.REVERT) == critical & SAFE - contain
    assert granted("starter", Autonomy.ASK) == high - (critical & SAFE - contain)
    assert {"iam.leaked-key", "cloudtrail.stopped"} <= granted("starter", Autonomy.REVERT)
    assert "ec2.open-ingress" in granted("starter", Autonomy.ASK)


# Security Hub's control for each recommendation of CIS AWS Foundations 3.0.0 that is guarded.
# Source: AWS Security Hub User Guide, related requirements in the pages on controls.
BY_RECOMMENDATION = {
    "1.2": "Account.1",
    "1.4": "IAM.4",
    "1.8": "IAM.15",
    "1.10": "IAM.5",
    "1.14": "IAM.3",
    "1.15": "IAM.2",
    "1.20": "IAM.28",
    "2.1.1": "S3.5",
    "2.1.4": "S3.1",
    "2.1.4, buckets": "S3.8",
    "2.2.1": "EC2.7",
    "2.3.1": "RDS.3",
    "2.3.3": "RDS.2",
    "3.1": "CloudTrail.1",
    "3.2": "CloudTrail.4",
    "3.3": "Config.1",
    "3.4": "CloudTrail.7",
    "3.5": "CloudTrail.2",
    "3.6": "KMS.4",
    "3.7": "EC2.6",
    "5.1": "EC2.21",
    "5.2": "EC2.53",
    "5.3": "EC2.54",
    "5.4": "EC2.2",
    "5.6": "EC2.8",
}


def test_cis_sets_exactly_the_controls_whose_references_name_a_recommendation() -> None:
    named = set(BY_RECOMMENDATION.values())
    assert named <= packs.CIS
    of_cis = {name for name, one in EVERY.items() if named & set(one.references.security_hub)}
    assert set(pack("cis").autonomy) == of_cis
    assert granted("cis", Autonomy.REVERT) == of_cis & SAFE
    assert granted("cis", Autonomy.ASK) == of_cis - SAFE
    guarded = {one for name in of_cis for one in EVERY[name].references.security_hub}
    assert named - guarded == set(), "a recommendation that no control guards"
    assert pack("cis").default is Autonomy.OBSERVE


# No stranger gets at data by these alone: they reach a network, look up a name, or stole a key.
NOT_DATA = re.compile(
    r"""
    ^(?:aoss\.public-network|dms\.public-instance|ec2\.subnet-auto-public-ip|eks\.public-endpoint
    |kafka\.public-access|lightsail\.public-(?:database|port)|mq\.public-broker
    |rds\.public-instance|redshift(?:serverless)?\.public|emr\.bpa-off
    |ec2\.vpc-bpa-(?:exclusion|weakened)|ec2\.nacl-open|ec2\.open-(?:ingress|egress)
    |ec2\.default-sg-opened|ec2\.vpn-open-to-all|route53\..*|iam\.leaked-key)$
    """,
    re.X,
)


def test_the_data_perimeter_has_every_control_about_strangers() -> None:
    told = re.compile(
        r"stranger|foreign|everybody|\bpublic\b|outside the|shared with|open by|from outside$", re.I
    )
    about_strangers = {
        name
        for name, control in EVERY.items()
        if (told.search(control.title) or re.search(r"\.public|external|-shared", name))
        and not NOT_DATA.match(name)
    }
    chosen = set(pack("data-perimeter").autonomy)
    assert about_strangers - chosen == set()
    assert {"iam.trust-external", "logs.public-policy", "ram.external-share"} <= chosen


def test_the_data_perimeter_reverts_what_it_safely_can_and_trusts_nobody_by_itself() -> None:
    policy = pack("data-perimeter")
    chosen = set(policy.autonomy)
    assert granted("data-perimeter", Autonomy.REVERT) == chosen & SAFE
    assert granted("data-perimeter", Autonomy.ASK) == chosen - SAFE
    assert policy.default is Autonomy.OBSERVE
    assert not any(vars_of(policy))


def vars_of(policy: Policy) -> tuple[object, ...]:
    trusted = policy.trusted
    return (trusted.accounts, trusted.organizations, trusted.principals)


@pytest.mark.parametrize("name", ["starter", "cis", "data-perimeter"])
def test_nothing_reverts_at_once_under_a_pack_for_newcomers(name: str) -> None:
    rollout = pack(name).bounds.rollout
    assert rollout.ask >= 4 * 24 * 3600


def test_a_pack_that_has_lost_its_block_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "policies" / "packs"
    folder.mkdir(parents=True)
    (folder / "cis.yaml").write_text("version: 1\n")
    with pytest.raises(ValueError, match=r"cis\.yaml has lost its block"):
        packs.packs(tmp_path, ())
