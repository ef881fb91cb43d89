"""What tags decide: those that cannot be read, and those on what somebody has taken over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.aws.calls import AwsError
from driftguard.aws.tags import tags_of
from driftguard.guardrails import actors, declared, plans
from driftguard.guardrails.circumstances import Circumstances
from driftguard.guardrails.judgment import judge
from driftguard.model import Autonomy, Resource, Status, Use
from driftguard.policy.bounds import Bounds, ChangeWindow, Exemption, Limit, Ownership, Scope
from driftguard.state.keys import StateRecords
from tests.support.each import each
from tests.support.guardrails.circumstances import CONTROL, HERE, allowing, circumstances, of
from tests.support.guardrails.held import Held, opened, shows
from tests.support.guardrails.strategies import LEVELS, TAGS, situations
from tests.support.properties import thoroughly
from tests.support.world import ACCOUNT, REGION, Fakes, World

PROD = {"env": "prod"}
INSTANCE = "containment.instance"
ALWAYS = ChangeWindow("office hours", Scope(tags=PROD), Autonomy.OBSERVE, opens=0, closes=1440)


def contained(**bounds: Any) -> Circumstances:
    """An instance of production is compromised, and the policy grants its containment."""
    return circumstances(control=INSTANCE, contains=True, tags=PROD, policy=allowing(**bounds))


# ------------------------------------------------------------------------ tags that are unread


@of(declared.unread_tags)
def test_people_are_asked_where_tags_count_and_cannot_be_read() -> None:
    """Cloud Custodian #6826: it acts before the tags are there that would have held it back."""
    ruling = declared.unread_tags(circumstances(tags_unread="GetResources: AccessDenied"))
    assert ruling is not None
    assert ruling.limit is Autonomy.ASK
    assert ruling.reason == "its tags count here, and could not be read: GetResources: AccessDenied"


@of(declared.unread_tags)
@pytest.mark.parametrize("tags", [None, {}, PROD])
def test_tags_that_were_read_or_count_for_nothing_hold_nothing(tags: Any) -> None:
    assert declared.unread_tags(circumstances(tags=tags)) is None


def test_the_last_delivery_asks_people_where_tags_cannot_be_read(held: Held, fakes: Fakes) -> None:
    """An earlier one comes again: what passes by itself costs nobody a question."""
    fakes.install(
        {
            ("resourcegroupstaggingapi", "GetResources"): lambda _: {
                "Error": {"Code": "AccessDeniedException"}
            }
        }
    )
    held.within(protected=(Limit(Scope(tags=PROD), Autonomy.OBSERVE, "production"),))
    change = opened(held.group)
    with pytest.raises(AwsError, match="GetResources"):
        held.world.handle(change, held.guard)
    (decision,) = held.guard.handle(change, last_chance=True)
    assert decision.status is Status.ASKED
    shows(held.world, decision, declared.unread_tags, "its tags count here, and could not be read")


def test_an_access_entry_has_the_tags_of_its_cluster(world: World, fakes: Fakes) -> None:
    """The ARN of an entry ends in an id that no record tells, so its own cannot be read."""
    asked: list[Any] = []

    def found(parameters: Any) -> Any:
        asked.extend(parameters["ResourceARNList"])
        tags = [{"Key": "env", "Value": "prod"}]
        mapped = {"ResourceARN": parameters["ResourceARNList"][0], "Tags": tags}
        return {"ResourceTagMappingList": [mapped]}

    fakes.install({("resourcegroupstaggingapi", "GetResources"): found})
    begins = f"arn:aws:eks:{REGION}:{ACCOUNT}"
    entry = f"{begins}:access-entry/shop/role/{ACCOUNT}/deploy"
    resource = Resource("eks.access-entry", "shop/role/deploy", ACCOUNT, REGION, entry)
    assert tags_of(resource, world.guard.aws.reader(ACCOUNT, REGION)) == PROD
    assert asked == [f"{begins}:cluster/shop"]


# ------------------------------------------------- tags on what behaves as compromised


@each(
    ("check", "bounds"),
    [
        (declared.protected, {"protected": (Limit(Scope(tags=PROD), Autonomy.OBSERVE, "prod"),)}),
        (declared.change_window, {"change_windows": (ALWAYS,)}),
        (plans.in_use, {"in_use": (Limit(Scope(tags=PROD), Autonomy.OBSERVE, ""),)}),
        (actors.ownership, {"ownership": Ownership(Autonomy.OBSERVE, tags=PROD)}),
    ],
)
def test_a_tag_has_people_asked_about_a_containment_and_hides_nothing(
    check: Any, bounds: dict[str, Any]
) -> None:
    """Whoever took an instance over may well be able to tag it."""
    case = replace(contained(**bounds), use=Use("a load balancer"))
    ruling = check(case)
    assert ruling is not None
    assert ruling.limit is Autonomy.ASK
    assert "about a containment a tag has people asked" in ruling.reason
    # Of anything but a containment the entry says what it says.
    plain = check(replace(case, contains=False, control=CONTROL))
    assert plain.limit is Autonomy.OBSERVE
    assert "tag has people asked" not in plain.reason


@each(
    ("controls", "limit"),
    [
        (("*",), Autonomy.ASK),
        (("*instance",), Autonomy.ASK),
        (("ec2.*", "*"), Autonomy.ASK),
        # The author names what is contained: then a tag may have people only told.
        ((INSTANCE,), Autonomy.OBSERVE),
        (("containment.*",), Autonomy.OBSERVE),
        (("*", "containment.*"), Autonomy.OBSERVE),
        # It names another one, and this one only by `*`.
        (("*", "containment.user"), Autonomy.ASK),
    ],
)
def test_an_entry_that_names_containments_means_them(
    controls: tuple[str, ...], limit: Autonomy
) -> None:
    scope = Scope(controls=controls, tags=PROD)
    ruling = declared.protected(contained(protected=(Limit(scope, Autonomy.OBSERVE, "prod"),)))
    assert ruling is not None
    assert ruling.limit is limit


def test_the_strictest_entry_counts_as_it_counts_here() -> None:
    by_tag = Limit(Scope(tags=PROD), Autonomy.OBSERVE, "by tag")
    by_name = Limit(Scope(resources=("sg-*",)), Autonomy.OBSERVE, "by name")
    for order in ((by_tag, by_name), (by_name, by_tag)):
        ruling = declared.protected(contained(protected=order))
        assert ruling is not None
        assert (ruling.limit, ruling.reason) == (Autonomy.OBSERVE, "protected: by name")


SOME_TAGS = st.sampled_from([PROD, {"env": "*"}, {"team": "web"}, {"env": "test", "team": "*"}])
LIMITS = st.just(()) | st.tuples(
    st.tuples(SOME_TAGS, LEVELS).map(lambda one: Limit(Scope(tags=one[0]), one[1], "a reason"))
)
WINDOWS = st.just(()) | st.tuples(
    st.tuples(SOME_TAGS, LEVELS).map(
        lambda one: ALWAYS._replace(scope=Scope(tags=one[0]), autonomy=one[1])
    )
)
BY_TAG = st.tuples(LIMITS, LIMITS, WINDOWS, LEVELS, SOME_TAGS).map(
    lambda one: Bounds(
        protected=one[0],
        in_use=one[1],
        change_windows=one[2],
        ownership=Ownership(one[3], tags=one[4]),
    )
)
NOTHING_REMEMBERED = st.just(StateRecords(HERE))


@thoroughly
@given(
    situations(
        contains=st.just(True),
        remembered=NOTHING_REMEMBERED,
        tags=st.none(),
        tags_unread=st.just(""),
    ),
    BY_TAG,
    TAGS,
    st.sampled_from(["", "AccessDenied"]),
)
def test_tags_only_lower_a_containment_and_to_a_question_at_most(
    case: Circumstances, bounds: Bounds, tags: dict[str, str], unread: str
) -> None:
    """Whoever can tag what they have taken over gains a question, and nothing is hidden."""
    policy = replace(case.policy, bounds=bounds, exemptions=())
    without = judge(replace(case, policy=policy, tags={})).autonomy
    tagged = judge(replace(case, policy=policy, tags=tags)).autonomy
    assert min(without, Autonomy.ASK) <= tagged <= without
    unknown = judge(replace(case, policy=policy, tags=None, tags_unread=unread)).autonomy
    assert unknown == (min(without, Autonomy.ASK) if unread else without)


@thoroughly
@given(situations(), TAGS)
def test_no_tag_takes_anything_further_than_it_goes_without(
    case: Circumstances, tags: dict[str, str]
) -> None:
    assert judge(replace(case, tags=tags)).autonomy <= judge(replace(case, tags={})).autonomy


def test_an_exemption_by_tag_names_its_control_and_so_means_it() -> None:
    one = Exemption(INSTANCE, "*", "2999-01-01", "a honeypot", tags={"use": "honeypot"})
    policy = replace(allowing(), exemptions=(one,))
    case = circumstances(control=INSTANCE, contains=True, policy=policy, tags={"use": "honeypot"})
    assert judge(case).autonomy is Autonomy.OBSERVE


def test_the_tagging_api_is_asked_for_what_no_policy_names_by_name(held: Held) -> None:
    """A tag that is set between two changes counts for the second."""
    held.within(protected=(Limit(Scope(tags=PROD), Autonomy.ASK, "production"),))
    assert held.decided().status is Status.REVERTED
    boto3.client("ec2").create_tags(Resources=[held.group], Tags=[{"Key": "env", "Value": "prod"}])
    assert held.decided().status is Status.ASKED
