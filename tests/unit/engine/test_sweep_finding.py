"""What the sweep found is decided once, by the same code as a change, and by nobody's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from driftguard.approvals.desk import Desk
from driftguard.channels import page
from driftguard.channels.message.text import as_text
from driftguard.channels.slack import blocks
from driftguard.channels.wording import timeout
from driftguard.controls import control
from driftguard.documents import stamp
from driftguard.engine.errors import Busy, Foreign
from driftguard.engine.guard import Guard
from driftguard.engine.sweep_finding import CHANGE
from driftguard.events.commands import LookAt, Undo
from driftguard.model import Actor, Autonomy, Choice, Decision, Resource, Status, Vote
from driftguard.policy.bounds import Anomalies, BreakGlass, Earning, Exemption, Scope
from driftguard.policy.model import Terms
from driftguard.state.baseline import baseline_of
from driftguard.state.keys import (
    StateRecord,
    anomaly_baseline_key,
    baseline_key,
    circuit_breaker_key,
    grants_key,
    history_key,
    trust_key,
)
from driftguard.sweep.look import sweep
from tests.support.answering import answering
from tests.support.guardrails.circumstances import GRANTED
from tests.support.guardrails.held import CONTROL, new_group, opened
from tests.support.records import flat_ingress
from tests.support.sweeping import open_up, sweeping
from tests.support.world import ACCOUNT, HERE, REGION, World


def group_of(id_: str) -> Resource:
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/{id_}"
    return Resource("ec2.security-group", id_, ACCOUNT, REGION, arn)


def is_open(group: str) -> bool:
    (found,) = boto3.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return bool(found["IpPermissions"])


def look(guard: Guard, group: str) -> Decision | None:
    return guard.look_at(LookAt(CONTROL, group_of(group)))


def found(guard: Guard, group: str) -> Decision:
    decision = look(guard, group)
    assert decision is not None
    return decision


def outcome(guard: Guard, group: str) -> str:
    """What the sweep says of the group."""
    (one,) = [
        each
        for each in sweep(guard, REGION, only=[control(CONTROL)])
        if each.resource is not None and each.resource.id == group
    ]
    return one.outcome


def answered(guard: Guard, decision: Decision, choice: Choice, **more: Any) -> Decision:
    desk = Desk(guard.audit, guard.state, guard.policy, guard.now)
    vote = Vote("bob", choice, "slack", guard.stamp(), decision.before, **more)
    reply = desk.vote(decision.id, vote)
    assert reply.counted, reply.text
    assert reply.decision is not None
    return reply.decision


# ------------------------------------------------------------------------------ the decision


def test_a_new_deployment_only_observes_what_was_there_before_it(world: World) -> None:
    """The shipped policy reverts an opened group; what it finds open, it changes nothing of."""
    group = new_group("old")
    open_up(group)
    decision = found(world.guard, group)
    assert decision.status is Status.OBSERVED
    assert decision.granted is Autonomy.REVERT
    assert [one.guardrail for one in decision.rulings] == ["unattributed"]
    assert decision.reason.startswith("found by the sweep")
    assert (decision.change_name, decision.actor) == (CHANGE, Actor.unattributed())
    assert is_open(group)


def test_what_was_found_is_asked_about_and_reverted_once_approved(world: World) -> None:
    group = new_group("web")
    open_up(group)
    asking = sweeping(world, Autonomy.ASK)
    decision = found(asking, group)
    assert decision.status is Status.ASKED
    answered(asking, decision, Choice.REVERT)
    assert asking.carry_out(decision.id).status is Status.REVERTED
    assert not is_open(group)


def test_where_policy_says_so_it_is_reverted_at_once_and_counts_against_the_circuit_breaker(
    world: World,
) -> None:
    group = new_group("web")
    open_up(group)
    decision = found(sweeping(world, Autonomy.REVERT), group)
    assert decision.status is Status.REVERTED
    assert not is_open(group)
    assert len(world.state.record(circuit_breaker_key(HERE)).document["reverts"]) == 1  # type: ignore[arg-type]


def test_what_is_clean_when_the_guard_looks_leads_to_nothing(world: World) -> None:
    """It is the state then that counts, whatever the sweep saw."""
    assert look(world.guard, new_group("shut")) is None
    assert look(world.guard, "sg-0123456789abcdef0") is None


def test_what_belongs_to_another_account_is_not_looked_at(world: World) -> None:
    theirs = replace(group_of("sg-1"), account="999999999999")
    with pytest.raises(Foreign):
        world.guard.look_at(LookAt(CONTROL, theirs))


# --------------------------------------------------------------------- one state, one decision


def keep(guard: Guard, decision: Decision) -> Decision:
    return answered(guard, decision, Choice.ACCEPT)


def leave_open(guard: Guard, decision: Decision) -> Decision:
    return decision


def let_expire(guard: Guard, decision: Decision) -> Decision:
    """Nobody votes, however often people are asked."""
    for weeks in range(1, 9):
        late = replace(guard, now=lambda: guard.now() + timedelta(weeks=weeks))  # noqa: B023
        decision = late.expire(decision.id)
        if decision.status is not Status.ASKED:
            break
    return decision


def undo(guard: Guard, decision: Decision) -> Decision:
    answered(guard, decision, Choice.REVERT)
    guard.carry_out(decision.id)
    return guard.undo(Undo(decision.id, "bob", "it is meant"))


@pytest.mark.parametrize(
    ("settle", "status"),
    [
        (leave_open, Status.ASKED),
        (keep, Status.DENIED),
        (let_expire, Status.EXPIRED),
        (undo, Status.UNDONE),
    ],
)
@pytest.mark.parametrize("event", [False, True], ids=["found", "an event told"])
def test_what_people_were_asked_about_is_not_put_to_them_again(
    world: World, settle: Callable[[Guard, Decision], Decision], status: Status, event: bool
) -> None:
    """However often it is found, by however many sweeps; until its state is another."""
    asking = replace(sweeping(world, Autonomy.REVERT), ceiling=Autonomy.ASK)
    group = new_group("web")
    if event:
        decision = world.one(opened(group), asking)
    else:
        open_up(group)
        decision = found(asking, group)
    assert decision.status is Status.ASKED
    assert settle(asking, decision).status is status
    for _ in range(3):
        assert outcome(asking, group) == "standing"
        assert look(asking, group) is None
    open_up(group, 3389)
    assert outcome(asking, group) == "risky"
    assert found(asking, group).status is Status.ASKED


def test_what_was_observed_when_it_was_made_is_not_decided_on_by_nobodys_name(
    world: World,
) -> None:
    """Somebody broke the glass: that the sweep knows nobody must not take it from them."""
    group = new_group("web")
    alice = flat_ingress(group, 22, "0.0.0.0/0").actor
    guard = sweeping(
        world,
        Autonomy.REVERT,
        bounds={"break_glass": (BreakGlass(alice.principal, "the runbook"),)},
    )
    assert world.one(opened(group), guard).status is Status.OBSERVED
    assert outcome(guard, group) == "standing"
    assert look(guard, group) is None
    assert is_open(group)


def test_what_was_reverted_and_is_back_without_an_event_is_decided_on_again(
    world: World,
) -> None:
    reverting = sweeping(world, Autonomy.REVERT)
    group = new_group("web")
    first = world.one(opened(group), reverting)
    assert first.status is Status.REVERTED
    decided = {first.id}
    for _ in range(3):
        open_up(group)
        assert outcome(reverting, group) == "risky"
        again = found(reverting, group)
        assert again.id not in decided
        decided.add(again.id)
    # By then it is flapping, like any other, and stays as it is safe.
    assert again.status is Status.REVERTED
    assert "flapping" in again.reason


def test_more_is_done_about_what_was_found_once_policy_allows_more(world: World) -> None:
    """Observed at first, asked about once people want that, and then no more."""
    group = new_group("old")
    open_up(group)
    watching = sweeping(world, Autonomy.OBSERVE)
    assert found(watching, group).status is Status.OBSERVED
    assert outcome(watching, group) == "standing"
    assert look(watching, group) is None
    asking = sweeping(world, Autonomy.ASK)
    assert outcome(asking, group) == "risky"
    assert keep(asking, found(asking, group)).status is Status.DENIED
    assert look(sweeping(world, Autonomy.REVERT), group) is None


def test_what_is_kept_for_a_while_is_asked_about_after_that(world: World) -> None:
    group = new_group("web")
    open_up(group)
    asking = sweeping(world, Autonomy.ASK)
    until = stamp(world.clock.now() + timedelta(days=7))
    answered(asking, found(asking, group), Choice.ACCEPT, until=until)
    world.clock.pass_by(days=6)
    assert outcome(asking, group) == "standing"
    assert look(asking, group) is None
    world.clock.pass_by(days=2)
    assert outcome(asking, group) == "risky"
    assert found(asking, group).status is Status.ASKED


@pytest.mark.parametrize("event", [False, True], ids=["found", "an event told"])
def test_what_is_exempt_is_left_alone_until_the_exemption_ends(world: World, event: bool) -> None:
    group = new_group("honeypot")
    until = stamp(world.clock.now() + timedelta(days=1))
    actor = flat_ingress(group, 22, "0.0.0.0/0").actor.principal if event else "*"
    spared = Exemption(CONTROL, group, until, "a honeypot", actor=actor)
    guard = sweeping(world, Autonomy.ASK, exemptions=(spared,))
    if event:
        assert world.one(opened(group), guard).status is Status.EXEMPTED
    else:
        open_up(group)
        assert found(guard, group).status is Status.EXEMPTED
    assert outcome(guard, group) == "standing"
    assert look(guard, group) is None
    world.clock.pass_by(days=2)
    assert outcome(guard, group) == "risky"
    assert found(guard, group).status is Status.ASKED


def test_what_stands_is_known_for_as_long_as_it_is_swept(world: World) -> None:
    """The memory of one thing ends after a month; what is swept meanwhile keeps it."""
    group = new_group("web")
    open_up(group)
    first = found(world.guard, group)
    key = history_key(CONTROL, group_of(group))
    ends = world.state.record(key).expires
    for _ in range(6):
        world.clock.pass_by(days=10)
        assert outcome(world.guard, group) == "standing"
    assert world.state.record(key).expires > ends
    assert world.state.record(key).expires > world.clock.now().timestamp()
    assert look(world.guard, group) is None
    assert first.status is Status.OBSERVED


def test_two_guards_that_are_told_at_once_decide_once(world: World) -> None:
    """The second had read what is remembered before the first wrote. Its message comes again."""
    group = new_group("web")
    open_up(group)
    asking = sweeping(world, Autonomy.ASK)
    met = Event()
    decided: list[Decision | None] = []
    reader = asking.aws.reader

    def overtaken(account: str, region: str) -> Any:
        if not met.is_set():
            met.set()
            decided.append(look(asking, group))
        return reader(account, region)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(asking.aws, "reader", overtaken)
        with pytest.raises(Busy):
            look(asking, group)
    (first,) = decided
    assert first is not None
    assert look(asking, group) is None
    assert [one.id for one in asking.audit.of_day(first.decided[:10])] == [first.id]


def test_a_change_that_is_decided_on_while_the_guard_looks_is_not_found_beside_it(
    world: World,
) -> None:
    """Its event comes between the look and the record: the sweep's has nothing to add."""
    group = new_group("web")
    change = opened(group)
    asking = replace(sweeping(world, Autonomy.ASK), ceiling=Autonomy.ASK)
    met = Event()
    reader = asking.aws.reader

    def overtaken(account: str, region: str) -> Any:
        if not met.is_set():
            met.set()
            world.one(change, asking)
        return reader(account, region)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(asking.aws, "reader", overtaken)
        assert look(asking, group) is None
    (only,) = asking.audit.of_day(asking.stamp()[:10])
    assert only.actor == change.actor


def test_an_event_that_comes_late_joins_the_request_about_what_was_found(
    world: World,
) -> None:
    group = new_group("web")
    asking = replace(sweeping(world, Autonomy.ASK), ceiling=Autonomy.ASK)
    change = opened(group)
    request = found(asking, group)
    assert world.one(change, asking).id == request.id
    assert world.log(request) == ["decided", "again"]


def test_what_people_were_asked_about_anew_is_not_found_a_second_time(world: World) -> None:
    group = new_group("web")
    open_up(group)
    asking = sweeping(world, Autonomy.ASK)
    request = found(asking, group)
    answered(asking, request, Choice.REVERT)
    open_up(group, 3389)
    assert asking.carry_out(request.id).status is Status.ASKED
    assert outcome(asking, group) == "standing"
    assert look(asking, group) is None


# -------------------------------------------------------------------------------- nobody


def test_nobodys_anomalies_are_not_learned(world: World) -> None:
    group = new_group("web")
    open_up(group)
    anomalies = Anomalies(unusual=True, unusual_over=0, routine=True, routine_under=100)
    asking = sweeping(world, Autonomy.ASK, bounds={"anomalies": anomalies})
    decision = found(asking, group)
    keep(asking, decision)
    assert decision.severity == control(CONTROL).severity
    assert world.state.record(anomaly_baseline_key(HERE, ACCOUNT, CONTROL)).version == 0
    # And what is only observed is not asked about for being unheard of.
    granted = {CONTROL: Autonomy.OBSERVE}
    watching = replace(asking, policy=replace(asking.policy, autonomy=granted))
    other = new_group("other")
    open_up(other)
    assert found(watching, other).status is Status.OBSERVED


def test_what_people_say_of_it_is_kept_under_a_kind_of_its_own(world: World) -> None:
    group = new_group("web")
    open_up(group)
    asking = sweeping(world, Autonomy.ASK)
    answered(asking, found(asking, group), Choice.REVERT)
    records = world.state.record(trust_key(HERE, CONTROL)).document["records"]
    assert list(records) == ["RevokeSecurityGroupIngress by unattributed"]  # type: ignore[arg-type]


def test_earned_autonomy_takes_back_one_unjudged_find_at_a_time(world: World) -> None:
    """What stood for years may well be meant: the first revert is for people to judge."""
    record = {"good": 200.0, "bad": 0.0, "since": 200.0, "against": 0.0, "at": world.guard.stamp()}
    known = {"records": {"RevokeSecurityGroupIngress by user": record}}
    world.state.write(StateRecord(trust_key(HERE, CONTROL), known))
    world.state.write(StateRecord(grants_key(HERE), GRANTED))
    earning = Earning(threshold=0.8, outcomes=10, sampling=0.0)
    guard = sweeping(
        world,
        Autonomy.REVERT,
        bounds={"earning": earning},
        earned=frozenset({CONTROL}),
    )
    statuses = []
    for name in ("first", "second"):
        group = new_group(name)
        open_up(group)
        statuses.append(found(guard, group).status)
    assert statuses == [Status.REVERTED, Status.ASKED]


def test_it_is_resumed_where_a_worker_died(world: World) -> None:
    """The message comes again: its own decision is taken up, and none beside it is made."""
    group = new_group("web")
    open_up(group)
    reverting = sweeping(world, Autonomy.REVERT)

    original = BaseClient._make_api_call

    def killed(client: BaseClient, operation: str, parameters: Any) -> Any:
        if operation == "RevokeSecurityGroupIngress":
            raise KeyboardInterrupt
        return original(client, operation, parameters)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(BaseClient, "_make_api_call", killed)
        with pytest.raises(KeyboardInterrupt):
            look(reverting, group)
    with pytest.raises(Busy):
        look(reverting, group)
    world.clock.pass_by(minutes=5)
    resumed = found(reverting, group)
    assert resumed.status is Status.REVERTED
    assert not is_open(group)
    assert len(list(reverting.audit.of_day(resumed.decided[:10]))) == 1


# -------------------------------------------------------------------------------- baselines


def table() -> str:
    boto3.client("dynamodb").create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
    )
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders"


def test_a_departure_from_a_pinned_baseline_is_found(world: World) -> None:
    """Not a risk by itself: another port closed is another state than what was recorded."""
    group = new_group("pinned")
    open_up(group, 443)
    guard = sweeping(world, Autonomy.ASK, bounds={"pinned": (Scope(controls=(CONTROL,)),)})
    assert outcome(guard, group) == "recorded"
    open_up(group, 80)
    assert outcome(guard, group) == "risky"
    decision = found(guard, group)
    assert decision.status is Status.OBSERVED
    assert decision.summary.startswith("departs from its pinned baseline")
    assert outcome(guard, group) == "standing"


def test_a_baselined_thing_that_was_weakened_is_found_and_its_baseline_stays(
    world: World,
) -> None:
    arn = table()
    guard = sweeping(world, Autonomy.ASK)
    only = [control("dynamodb.protection-off")]
    list(sweep(guard, REGION, only=only))
    boto3.client("dynamodb").update_table(TableName="orders", DeletionProtectionEnabled=False)
    (weak,) = [one for one in sweep(guard, REGION, only=only) if one.outcome == "risky"]
    assert weak.resource is not None
    decision = guard.look_at(LookAt(weak.control, weak.resource))
    assert decision is not None
    assert decision.status is Status.ASKED
    known = baseline_of(world.state.record(baseline_key(only[0].id, weak.resource)))
    assert known is not None
    assert known.state == {"deletion_protection": True}
    assert weak.resource.arn == arn


# ---------------------------------------------------------------------------------- telling


def test_people_read_that_nobody_knows_who_made_it(world: World) -> None:
    group = new_group("web")
    open_up(group)
    decision = found(sweeping(world, Autonomy.ASK), group)
    asked = page.approval_request(decision, Choice.REVERT, token="t", vote="link", timeout="")
    for told in (as_text(decision), asked):
        assert "ound by the sweep" in told
        assert "actor and time unknown" in told
        assert "unknown from unknown" not in told
    assert "actor and time unknown" in str(blocks.message(decision, None))


def test_a_timeout_never_reverts_what_was_found_unless_policy_would_have(world: World) -> None:
    """And what people are told of the timeout action says so."""
    terms = Terms(timeout_action="revert")
    group = new_group("web")
    open_up(group)
    asking = sweeping(world, Autonomy.ASK, approvals=(terms,))
    decision = found(asking, group)
    assert timeout(decision, terms).endswith("asked again, if the risk still stands.")
    assert let_expire(asking, decision).status is Status.EXPIRED
    assert is_open(group)


def test_a_key_that_only_grew_old_is_found_though_nothing_ever_happened(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    iam = boto3.client("iam")
    iam.create_user(UserName="ci")
    key = iam.create_access_key(UserName="ci")["AccessKey"]
    settings = {"iam.old-key": {"max_age_days": 90}}
    guard = sweeping(world, Autonomy.ASK, settings=settings)
    only = [control("iam.old-key")]
    assert [one.outcome for one in sweep(guard, REGION, only=only)] == ["clean"]

    made = datetime.now(UTC) - timedelta(days=100)
    aged = {"AccessKeyId": key["AccessKeyId"], "Status": "Active", "CreateDate": made}
    answering(monkeypatch, "ListAccessKeys", {"AccessKeyMetadata": [aged]})
    (old,) = sweep(guard, REGION, only=only)
    assert old.resource is not None
    decision = guard.look_at(LookAt(old.control, old.resource))
    assert decision is not None
    assert decision.status is Status.OBSERVED
    assert [one.outcome for one in sweep(guard, REGION, only=only)] == ["standing"]


def test_a_secret_that_no_event_told_of_is_found_by_the_same_fingerprint(world: World) -> None:
    """Nothing takes it back, so nobody is asked; the next sweep does not tell of it again."""
    value = "xoxb-" + "-".join(("123456789012", "123456789012", "abcdefABCDEF0123456789ab"))
    ssm = boto3.client("ssm")
    ssm.put_parameter(Name="/web/token", Value=value, Type="String")
    guard = sweeping(world, Autonomy.ASK)
    only = [control("ssm.secret-in-plain-parameter")]
    (bad,) = [one for one in sweep(guard, REGION, only=only) if one.outcome == "risky"]
    assert bad.resource is not None
    assert value not in bad.detail
    decision = guard.look_at(LookAt(bad.control, bad.resource))
    assert decision is not None
    assert decision.status is Status.OBSERVED
    assert "risky" not in {one.outcome for one in sweep(guard, REGION, only=only)}
