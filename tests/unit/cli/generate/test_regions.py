"""12.19: which events come in us-east-1 only is said wherever somebody decides where to deploy."""

from __future__ import annotations

import re

import pytest

from driftguard.conduct.telling import SOURCE as CONDUCT
from driftguard.controls import every
from driftguard_cli.generate.template import ONLY_IN_US_EAST_1, rule_name
from tests.support.each import each
from tests.support.template import of_type
from tests.support.world import ROOT

# What a function of the stack sends comes by no rule.
WATCHED = {trigger.source for control in every() for trigger in control.triggers} - {CONDUCT}


def test_only_what_is_watched_is_listed() -> None:
    assert ONLY_IN_US_EAST_1 <= WATCHED


@pytest.mark.parametrize("source", sorted(ONLY_IN_US_EAST_1))
def test_the_readme_names_each_service(source: str) -> None:
    readme = (ROOT / "README.md").read_text()
    (paragraph,) = re.findall(r"^\*\*Regions\.\*\* .*?\n\n", readme, re.M | re.S)
    service = source.removesuffix(".amazonaws.com").removeprefix("aws.")
    assert f"(`{service}`)" in paragraph
    named = set(re.findall(r"\(`([a-z0-9]+)`\)", paragraph))
    listed = {one.removesuffix(".amazonaws.com").removeprefix("aws.") for one in ONLY_IN_US_EAST_1}
    assert named == listed


@each("source", sorted(WATCHED))
def test_the_rule_of_such_a_service_says_so(source: str) -> None:
    description = of_type("AWS::Events::Rule")[rule_name(source)]["Description"]
    assert ("us-east-1 only" in description) == (source in ONLY_IN_US_EAST_1)
