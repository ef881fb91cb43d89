"""The controls over secrets in the open: what they find, keep, put back, and leave alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import boto3
import pytest
from moto.iam.models import iam_backends

from driftguard.approvals.desk import Desk
from driftguard.aws.calls import Refused
from driftguard.controls import control, is_known
from driftguard.documents import stamp
from driftguard.engine.guard import Guard
from driftguard.events.commands import Undo
from driftguard.model import Autonomy, Change, Choice, Decision, Finding, Status, Vote
from driftguard.policy.model import Person
from driftguard.state.baseline import baseline_of
from driftguard.state.keys import baseline_key
from tests.scenarios.model import STRANGER
from tests.scenarios.secrets import keys_of
from tests.support.each import each
from tests.support.records import change, ec2, finding_of_guardduty, iam, told_by_guardduty
from tests.support.secrets import placed
from tests.support.secrets.emitting import failing
from tests.support.secrets.made_up import BASE62, MARKED, key_id, secret_access_key, some
from tests.support.world import ACCOUNT, Fakes, World

EVERY = sorted(placed.PLACES)
OMITTED = {"reason": "requestParameters too large", "omitted": "true", "originalSize": "149893"}
every_control = pytest.mark.parametrize("control_id", EVERY)


def token() -> str:
    """A token that shows what it is wherever it stands."""
    return MARKED[0].made(Random())[1]


@pytest.fixture
def guard(world: World) -> Guard:
    """It reverts whatever it can; what is asked, bob may answer."""
    return world.with_policy(
        lambda given: replace(
            given,
            autonomy={},
            default=Autonomy.REVERT,
            may_cut=frozenset({"ecs.service-with-secret", "ssm.secret-in-plain-parameter"}),
            people=(Person("bob"), Person("carol")),
        )
    )


@pytest.fixture
def asking(guard: Guard) -> Guard:
    return replace(guard, policy=replace(guard.policy, default=Autonomy.ASK))


def decided(guard: Guard, change: Change, control_id: str) -> Decision | None:
    """This control's decision on the change."""
    found = [one for one in guard.handle(change) if one.control == control_id]
    assert len(found) <= 1
    return found[0] if found else None


def certain(found: Decision | None) -> Decision:
    assert found is not None
    return found


def keep(guard: Guard, decision: Decision, **more: Any) -> None:
    """Bob lets it stand: it was asked about before a request needed a remediation, and is open."""
    if decision.status is Status.OBSERVED:
        until = stamp(guard.now() + timedelta(days=1))
        open_ = replace(decision, status=Status.ASKED, expires=until)
        decision = guard.audit.append(open_, event="asked-anew", note="")
    desk = Desk(guard.audit, guard.state, guard.policy, guard.now)
    vote = Vote("bob", Choice.ACCEPT, "slack", guard.stamp(), decision.before, **more)
    assert desk.vote(decision.id, vote).counted


def candidates(control_id: str, change: Change) -> list[str]:
    one = control(control_id)
    return [candidate.resource.id for candidate in one.screen(change, one.settings())]


# ------------------------------------------------------------------------- what a record proves

SSM = "ssm.secret-in-plain-parameter"
LAMBDA = "lambda.secret-in-environment"
USER_DATA = "ec2.secret-in-user-data"
BUILD = "codebuild.secret-in-environment"
STACK = "cloudformation.secret-in-parameters-or-outputs"
DEFINITION = "ecs.secret-in-task-definition"
SERVICE = "ecs.service-with-secret"

update_function = "UpdateFunctionConfiguration20150331v2"
made_instances = {"instancesSet": {"items": [{"instanceId": "i-1"}, {"instanceId": "i-2"}]}}
arn = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/shop/1"


def run(**request: Any) -> Change:
    return ec2("RunInstances", request, responseElements=made_instances)


def registering(**container: Any) -> Change:
    told = {"taskDefinitionArn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:task-definition/web:3"}
    asked = {"family": "web", "containerDefinitions": [{"name": "web", "image": "w", **container}]}
    more = {"responseElements": {"taskDefinition": told}}
    return placed.ecs("RegisterTaskDefinition", asked, **more)


def building(environment: Any = None, **source: Any) -> Change:
    asked = {"name": "release", "environment": environment, "source": source or None}
    return placed.codebuild("UpdateProject", {k: v for k, v in asked.items() if v is not None})


def stacking(name: str = "CreateStack", **request: Any) -> Change:
    asked = {"stackName": "shop", **request}
    more = {"responseElements": {"stackId": arn}}
    return change("cloudformation.amazonaws.com", name, asked, **more)


def variables(*types: str) -> Any:
    told = [{"name": "A", "value": placed.HIDDEN, **({"type": t} if t else {})} for t in types]
    return {"image": "standard:7.0", "environmentVariables": told}


@each(
    ("control_id", "change", "found"),
    [
        # CloudTrail writes an empty environment whether there was one or not.
        (LAMBDA, placed.lambda_(update_function, {"functionName": "f", "environment": {}}), ["f"]),
        (LAMBDA, placed.lambda_(update_function, {"functionName": "f", "timeout": 3}), []),
        (
            LAMBDA,
            placed.lambda_(
                update_function,
                {"functionName": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f:live"}
                | {"environment": {}},
            ),
            ["f"],
        ),
        (
            LAMBDA,
            placed.lambda_(
                "CreateFunction20150331", OMITTED, responseElements={"functionName": "f"}
            ),
            ["f"],
        ),
        (USER_DATA, run(userData="<sensitiveDataRemoved>"), ["i-1"]),
        (USER_DATA, run(instanceType="t3.micro"), []),
        (USER_DATA, run(launchTemplate={"launchTemplateId": "lt-1", "version": "7"}), ["i-1"]),
        (USER_DATA, run(**OMITTED), ["i-1"]),
        (
            USER_DATA,
            ec2("ModifyInstanceAttribute", {"instanceId": "i-1", "userData": "<hidden>"}),
            ["i-1"],
        ),
        (
            USER_DATA,
            ec2("ModifyInstanceAttribute", {"instanceId": "i-1", "attribute": "userData"}),
            ["i-1"],
        ),
        (
            USER_DATA,
            ec2("ModifyInstanceAttribute", {"instanceId": "i-1", "attribute": "instanceType"}),
            [],
        ),
        (SSM, placed.ssm("PutParameter", {"name": "/a/b", "type": "String"}), ["/a/b"]),
        (SSM, placed.ssm("PutParameter", {"name": "a", "type": "StringList"}), ["a"]),
        (SSM, placed.ssm("PutParameter", {"name": "a", "overwrite": True}), ["a"]),
        (SSM, placed.ssm("PutParameter", {"name": "a", "type": "SecureString"}), []),
        (BUILD, building(variables("PLAINTEXT")), ["release"]),
        (BUILD, building(variables("SECRETS_MANAGER", "")), ["release"]),
        (BUILD, building(variables("SECRETS_MANAGER", "PARAMETER_STORE")), []),
        (BUILD, building({"environmentVariables": placed.HIDDEN}), ["release"]),
        (BUILD, building(placed.HIDDEN), ["release"]),
        (BUILD, building({"image": "standard:7.0"}), []),
        (BUILD, building(type="GITHUB", location="https://github.com/a/b.git"), []),
        (BUILD, building(type="GITHUB", location="https://bot:x@github.com/a/b.git"), ["release"]),
        (BUILD, building(type="NO_SOURCE", buildspec="version: 0.2\nenv: {}"), ["release"]),
        (BUILD, building(type="GITHUB", buildspec="ci/buildspec.yml"), []),
        (BUILD, building(), []),
        (STACK, stacking(parameters=[{"parameterKey": "A"}]), ["shop"]),
        (STACK, stacking(parameters=[]), []),
        (STACK, stacking(parameters=[{"parameterKey": "A", "usePreviousValue": True}]), []),
        (STACK, stacking(parameters=placed.HIDDEN), ["shop"]),
        (STACK, stacking("UpdateStack", templateURL="https://s3.amazonaws.com/a"), []),
        (STACK, stacking(**OMITTED), ["shop"]),
        (STACK, placed.stack_done(arn, "UPDATE_COMPLETE"), ["shop"]),
        (STACK, placed.stack_done(arn, "UPDATE_IN_PROGRESS"), []),
        (STACK, placed.stack_done(arn, "DELETE_COMPLETE"), []),
        (DEFINITION, registering(environment=[]), ["web:3"]),
        (DEFINITION, registering(environment=placed.HIDDEN), ["web:3"]),
        (DEFINITION, registering(command=["run"]), ["web:3"]),
        (DEFINITION, registering(logConfiguration={"logDriver": "splunk"}), ["web:3"]),
        (DEFINITION, registering(logConfiguration={"logDriver": "awslogs"}), []),
        (DEFINITION, registering(secrets=[{"name": "A", "valueFrom": "arn"}]), []),
        (SERVICE, placed.ecs("UpdateService", {"service": "web", "desiredCount": 4}), []),
        (
            SERVICE,
            placed.ecs("UpdateService", {"service": "web", "taskDefinition": "web:3"}),
            ["default/web"],
        ),
    ],
)
def test_what_the_record_proves_harmless_is_not_looked_at(
    control_id: str, change: Change, found: list[str]
) -> None:
    assert candidates(control_id, change) == found
    if control_id != SERVICE:
        assert candidates("iam.key-in-configuration", change) == found


# ------------------------------------------------------------------------------- what is found


@every_control
def test_a_secret_is_found_and_told_by_kind_place_and_fingerprint(
    guard: Guard, control_id: str
) -> None:
    decision = certain(decided(guard, placed.PLACES[control_id]("Token", token()), control_id))

    assert decision.status is Status.OBSERVED, decision.reason
    (exposed,) = decision.state["exposed"]  # type: ignore[misc, union-attr]
    assert set(exposed) == {"kind", "place", "fingerprint"}
    assert exposed["kind"] == "GitHub token"
    assert exposed["place"] in decision.summary
    assert "otate" in decision.plan.advice


@every_control
def test_an_ordinary_value_leads_to_nothing(guard: Guard, control_id: str) -> None:
    assert decided(guard, placed.PLACES[control_id]("Stage", "production"), control_id) is None


@pytest.mark.parametrize(
    ("container", "place"),
    [
        ({"command": ["mysql", "--password=" + some(Random(), BASE62, 16)]}, "web.command"),
        ({"entryPoint": ["curl", "-u", "bot:" + some(Random(), BASE62, 20)]}, "web.entryPoint"),
        ({"dockerLabels": {"deploy-token": token()}}, "web.dockerLabels.deploy-token"),
        (
            {"logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": token()}}},
            "web.logConfiguration.splunk-token",
        ),
        (
            {"healthCheck": {"command": ["CMD-SHELL", f"curl -H 'x: {token()}' localhost"]}},
            "web.healthCheck",
        ),
    ],
)
def test_all_that_people_write_into_a_container_is_read(
    guard: Guard, container: dict[str, Any], place: str
) -> None:
    decision = certain(decided(guard, placed.definition(container), DEFINITION))
    assert f" in {place}" in decision.summary


def test_the_address_and_the_inline_specification_of_a_build_are_read(guard: Guard) -> None:
    secret, other = (some(Random(), BASE62, 24) for _ in range(2))
    change = placed.project(
        "STAGE",
        "prod",
        location=f"https://bot:{secret}@github.com/example/shop.git",
        buildspec=f"version: 0.2\nenv:\n  variables:\n    API_TOKEN: {other}\n",
    )

    decision = certain(decided(guard, change, BUILD))

    assert "in source.location" in decision.summary
    assert "in source.buildspec:4" in decision.summary


def test_of_many_secrets_a_few_are_named_and_all_are_kept(guard: Guard) -> None:
    many = {f"TOKEN_{number}": token() for number in range(8)}
    decision = certain(decided(guard, placed.function(**many), LAMBDA))
    assert decision.summary.endswith(", and 3 more")
    assert len(decision.state["exposed"]) == 8  # type: ignore[arg-type]


def test_a_gone_resource_is_nothing_to_look_at(guard: Guard) -> None:
    for made, gone in (
        (placed.function(API_TOKEN=token()), lambda: delete("lambda", FunctionName="orders")),
        (placed.parameter(token()), lambda: delete("ssm", Name="/shop/setting")),
        (placed.project("API_TOKEN", token()), lambda: delete("codebuild", name="release")),
        (placed.stack("ApiToken", token()), lambda: delete("cloudformation", StackName="shop")),
    ):
        gone()
        assert list(guard.handle(made)) == []


def delete(service: str, **named: str) -> None:
    what = {"lambda": "function", "ssm": "parameter", "codebuild": "project"}.get(service, "stack")
    getattr(boto3.client(service), f"delete_{what}")(**named)


@every_control
def test_what_cannot_be_read_to_its_end_is_told_of_and_never_clean(
    guard: Guard, control_id: str
) -> None:
    with failing():
        decision = certain(
            decided(guard, placed.PLACES[control_id]("Setting", token()), control_id)
        )
        again = decided(guard, placed.PLACES[control_id]("Setting", token()), control_id)

    assert decision.status is Status.OBSERVED
    assert "failed with ValueError" in decision.summary
    assert decision.plan.steps == ()
    assert again is not None
    assert (
        baseline_of(guard.state.record(baseline_key(control_id, decision.candidate.resource)))
        is None
    )


# --------------------------------------------------------------------- what a person let stand


@every_control
def test_an_accepted_secret_is_not_told_of_again_and_a_new_one_beside_it_is(
    asking: Guard, control_id: str
) -> None:
    first, second = token(), token()
    put = placed.PLACES[control_id]
    decision = certain(decided(asking, put("Setting", first), control_id))
    keep(asking, decision)

    where = decision.candidate.resource
    baseline = baseline_of(asking.state.record(baseline_key(control_id, where)))
    assert baseline is not None
    assert (
        baseline.state
        == baseline.anchor
        == {
            name: one
            for name, one in decision.state.items()
            if name not in control(control_id).momentary
        }
    )
    if where.kind in ("ec2.instance", "ecs.task-definition"):
        # Each launch and each revision is another resource.
        return
    assert decided(asking, put("Setting", first), control_id) is None

    again = certain(decided(asking, put("Setting", f"{first} {second}"), control_id))

    assert again.status is Status.OBSERVED
    new, kept = (
        {one["fingerprint"] for one in each.state["exposed"]}  # type: ignore[union-attr]
        for each in (again, decision)
    )
    assert kept < new
    assert len(new) == 2


def test_a_secret_kept_for_a_time_is_no_baseline(asking: Guard) -> None:
    decision = certain(decided(asking, placed.function(API_TOKEN=token()), LAMBDA))
    keep(asking, decision, until="2999-01-01T00:00:00.000Z")
    assert not asking.state.record(baseline_key(LAMBDA, decision.candidate.resource)).version


def test_a_kept_secret_of_a_control_that_is_no_more_does_not_stop_the_answer(
    asking: Guard,
) -> None:
    decision = certain(decided(asking, placed.function(API_TOKEN=token()), LAMBDA))
    no_more = replace(decision, id="dg-" + "0" * 24, control="lambda.no-more", version=0, head="")
    assert not is_known(no_more.control)
    keep(asking, asking.audit.append(no_more, event="decided", note=""))
    assert certain(asking.audit.get(no_more.id)).status is Status.DENIED


def test_a_parameters_new_values_make_no_versions_of_its_baseline(guard: Guard) -> None:
    for value in ("one", "two", "three"):
        assert decided(guard, placed.parameter(value), SSM) is None
    (candidate,) = control(SSM).screen(placed.parameter("four"), control(SSM).settings())
    assert guard.state.record(baseline_key(SSM, candidate.resource)).version == 1


# ---------------------------------------------------------------------------- what is put back


def value_of(name: str = "/shop/setting") -> str:
    return str(boto3.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])


def test_the_newest_earlier_value_without_a_secret_comes_back(guard: Guard) -> None:
    for value in ("one", "two", token()):
        placed.parameter(value)
    decision = certain(decided(guard, placed.parameter(token()), SSM))
    assert decision.status is Status.REVERTED, decision.reason
    assert value_of() == "two"


def test_a_parameter_that_never_was_clean_is_told_of(guard: Guard) -> None:
    placed.parameter(token())
    decision = certain(decided(guard, placed.parameter(token()), SSM))
    assert decision.status is Status.OBSERVED
    assert decision.plan.steps == ()


def test_a_parameter_changed_since_the_revert_is_not_written_over_by_its_undo(
    guard: Guard,
) -> None:
    placed.parameter("one")
    decision = certain(decided(guard, placed.parameter(token()), SSM))
    placed.parameter("somebody's")

    undone = guard.undo(Undo(decision.id, "bob", "a test"))

    assert undone.status is Status.REVERTED
    assert value_of() == "somebody's"


def running() -> str:
    (found,) = boto3.client("ecs").describe_services(cluster="shop", services=["web"])["services"]
    return str(found["taskDefinition"]).rpartition("/")[2]


def test_a_service_deployed_since_the_revert_is_not_changed_by_its_undo(guard: Guard) -> None:
    placed.service(placed.variable("STAGE", "one"))
    decision = certain(decided(guard, placed.service(placed.variable("T", token())), SERVICE))
    assert running() == "web:1"
    placed.service(placed.variable("STAGE", "three"))

    undone = guard.undo(Undo(decision.id, "bob", "a test"))

    assert undone.status is Status.REVERTED
    assert running() == "web:3"


def test_a_service_that_codedeploy_deploys_is_told_of(guard: Guard, fakes: Fakes) -> None:
    placed.service(placed.variable("STAGE", "one"))
    change = placed.service(placed.variable("T", token()))
    told = boto3.client("ecs").describe_services(cluster="shop", services=["web"])["services"][0]
    blue_green = {**told, "deploymentController": {"type": "CODE_DEPLOY"}}
    fakes.install({("ecs", "DescribeServices"): lambda _: {"services": [blue_green]}})

    decision = certain(decided(guard, change, SERVICE))

    assert decision.status is Status.OBSERVED
    assert decision.plan.steps == ()


# ------------------------------------------------------------------------------- access keys

KEY = "iam.key-in-configuration"


def statuses(user: str) -> dict[str, str]:
    found = boto3.client("iam").list_access_keys(UserName=user)["AccessKeyMetadata"]
    return {one["AccessKeyId"]: one["Status"] for one in found}


@pytest.mark.parametrize("control_id", [one for one in EVERY if one != SERVICE])
def test_a_key_of_this_account_goes_inactive_wherever_it_stands(
    guard: Guard, control_id: str
) -> None:
    ((id_, secret),) = keys_of("backup")
    change = placed.PLACES[control_id]("Keys", f"{id_}:{secret}")

    found = {one.control: one for one in guard.handle(change)}

    assert found[KEY].status is Status.REVERTED, found[KEY].reason
    assert statuses("backup") == {id_: "Inactive"}
    # The configuration still holds the secret: that is for the service's own control.
    assert found[control_id].status is Status.OBSERVED
    assert found[control_id].state["exposed"][0]["key_id"] == id_  # type: ignore[index, call-overload]


def test_all_keys_of_a_user_are_dealt_with_in_one_plan_and_come_back(guard: Guard) -> None:
    ((one, secret),) = keys_of("backup")
    second = boto3.client("iam").create_access_key(UserName="backup")["AccessKey"]
    other, other_secret = second["AccessKeyId"], second["SecretAccessKey"]
    text = f"[a]\nid = {one}\nkey = {secret}\n" + "#\n" * 500
    change = placed.function(CREDENTIALS=f"{text}[b]\nid = {other}\nkey = {other_secret}\n")

    decision = certain(decided(guard, change, KEY))

    assert decision.status is Status.REVERTED, decision.reason
    assert decision.attempt == 1
    assert set(statuses("backup").values()) == {"Inactive"}
    guard.undo(Undo(decision.id, "bob", "both are mine"))
    assert set(statuses("backup").values()) == {"Active"}
    assert boto3.client("iam").list_user_policies(UserName="backup")["PolicyNames"] == []


def test_an_id_without_its_secret_is_left_alone(guard: Guard) -> None:
    ((id_, _),) = keys_of("backup")
    assert list(guard.handle(placed.function(ACCESS_KEY_ID=id_))) == []
    assert statuses("backup") == {id_: "Active"}


def test_a_key_of_another_account_is_not_ours_to_switch_off(guard: Guard) -> None:
    theirs = iam_backends[STRANGER]["aws"]
    theirs.create_user(REGION_OF_IAM, "robot", "/", {})
    key = theirs.create_access_key("robot")

    change = placed.function(KEY=f"{key.access_key_id}:{key.secret_access_key}")
    (decision,) = guard.handle(change)

    assert decision.control == LAMBDA
    assert key.status == "Active"


REGION_OF_IAM = "us-east-1"


def test_a_key_that_is_nobodys_is_left_to_the_services_own_control(guard: Guard) -> None:
    dice = Random()
    change = placed.function(KEY=f"{key_id(dice)}:{secret_access_key(dice)}")
    assert [one.control for one in guard.handle(change)] == [LAMBDA]


def test_a_temporary_key_cannot_be_switched_off_here(guard: Guard) -> None:
    dice = Random()
    change = placed.function(KEY=f"{key_id(dice, 'AS')}:{secret_access_key(dice)}")
    assert [one.control for one in guard.handle(change)] == [LAMBDA]


def test_a_missing_permission_is_no_strangers_key(guard: Guard, fakes: Fakes) -> None:
    ((id_, secret),) = keys_of("backup")
    fakes.install({("sts", "GetAccessKeyInfo"): lambda _: {"Error": {"Code": "AccessDenied"}}})
    with pytest.raises(Refused, match="sts:GetAccessKeyInfo"):
        list(guard.handle(placed.function(KEY=f"{id_}:{secret}")))


def test_a_kept_key_is_not_asked_about_again_and_a_new_one_beside_it_is(asking: Guard) -> None:
    (one, secret), (other, other_secret) = keys_of("backup", "reports")
    kept, new = f"{one}:{secret}", f"{other}:{other_secret}"
    keep(asking, certain(decided(asking, placed.function(KEY=kept), KEY)))
    assert decided(asking, placed.function(KEY=kept), KEY) is None

    decision = certain(decided(asking, placed.function(KEY=kept, OTHER=new), KEY))

    assert other in decision.summary
    assert one not in decision.summary
    named = {step.call.parameters.get("AccessKeyId") for step in decision.plan.steps}
    assert named == {other, None}


def test_a_key_that_was_inactive_when_it_was_seen_is_not_accepted(guard: Guard) -> None:
    ((id_, secret),) = keys_of("backup")
    text = f"{id_}:{secret}"
    assert certain(decided(guard, placed.function(KEY=text), KEY)).status is Status.REVERTED
    assert decided(guard, placed.function(KEY=text), KEY) is None
    boto3.client("iam").update_access_key(UserName="backup", AccessKeyId=id_, Status="Active")
    again = certain(decided(guard, placed.function(KEY=text), KEY))
    assert again.status is Status.REVERTED
    assert statuses("backup") == {id_: "Inactive"}


# ------------------------------------------------------------------------------- GuardDuty

LEAKED = "iam.leaked-key"
EVIDENT = (
    "CredentialAccess:IAMUser/CompromisedCredentials",
    "Recon:IAMUser/TorIPCaller",
    "UnauthorizedAccess:IAMUser/MaliciousIPCaller",
)
SUSPECTED = (
    "Exfiltration:IAMUser/AnomalousBehavior",
    "PenTest:IAMUser/KaliLinux",
    "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
)


@pytest.mark.parametrize("finding", EVIDENT)
def test_a_key_that_a_known_stranger_uses_goes_inactive(
    guard: Guard, fakes: Fakes, finding: str
) -> None:
    ((id_, _),) = keys_of("backup")
    change = finding_of_guardduty(finding, id_, "backup")
    fakes.install({("guardduty", "GetFindings"): lambda _: told_by_guardduty(change)})
    (decision,) = guard.handle(change)
    assert decision.status is Status.REVERTED, decision.reason
    assert finding in decision.summary
    assert statuses("backup") == {id_: "Inactive"}


@pytest.mark.parametrize("finding", SUSPECTED)
def test_what_guardduty_only_candidates_is_asked_about_whatever_policy_grants(
    guard: Guard, fakes: Fakes, finding: str
) -> None:
    ((id_, _),) = keys_of("backup")
    change = finding_of_guardduty(finding, id_, "backup")
    fakes.install({("guardduty", "GetFindings"): lambda _: told_by_guardduty(change)})
    (decision,) = guard.handle(change)
    assert decision.status is Status.ASKED
    assert decision.plan.steps
    assert statuses("backup") == {id_: "Active"}
    assert [one.guardrail for one in decision.rulings] == ["uncertain"]


@pytest.mark.parametrize(
    ("answered", "why"),
    [
        (lambda _: {"Findings": []}, "GuardDuty knows no such finding about this key"),
        (lambda found: told(found, Type="Recon:IAMUser/UserPermissions"), "knows no such finding"),
        (lambda found: told(found, AccountId=STRANGER), "knows no such finding"),
        (lambda found: told(found, Service={"Archived": True}), "knows no such finding"),
        (lambda found: told(found, Resource={}), "knows no such finding"),
        (lambda _: {"Error": {"Code": "BadRequestException"}}, "could not be asked"),
        (lambda _: {"Error": {"Code": "AccessDeniedException"}}, "could not be asked"),
    ],
)
def test_a_finding_that_guardduty_does_not_know_switches_no_key_off(
    guard: Guard, fakes: Fakes, answered: Any, why: str
) -> None:
    """12.1: a forged GuardDuty finding made any user's key inactive."""
    ((id_, _),) = keys_of("backup")
    change = finding_of_guardduty(EVIDENT[0], id_, "backup")
    fakes.install({("guardduty", "GetFindings"): lambda _: answered(change)})
    (decision,) = guard.handle(change)
    assert decision.status is Status.ASKED
    assert why in decision.reason
    assert decision.plan.steps
    assert statuses("backup") == {id_: "Active"}


def told(change: Change, **more: Any) -> dict[str, Any]:
    """GetFindings' answer about another finding than the one that was claimed."""
    (found,) = told_by_guardduty(change)["Findings"]
    return {"Findings": [{**found, **more}]}


def test_a_finding_that_is_told_again_joins_the_open_question(asking: Guard, fakes: Fakes) -> None:
    ((id_, _),) = keys_of("backup")
    change = finding_of_guardduty(SUSPECTED[0], id_, "backup")
    fakes.install({("guardduty", "GetFindings"): lambda _: told_by_guardduty(change)})
    first, again = (asking.handle(replace(change, id=f"event-{count}")) for count in (1, 9))
    assert [one.id for one in first] == [one.id for one in again]


def test_temporary_credentials_of_a_federated_user_are_for_people_to_revoke(guard: Guard) -> None:
    finding = "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS"
    id_ = key_id(Random(), "AS")
    (decision,) = guard.handle(finding_of_guardduty(finding, id_, "web", kind="FederatedUser"))
    assert decision.status is Status.OBSERVED
    assert decision.plan.steps == ()
    assert "Revoke the older sessions" in decision.plan.advice
    assert f"{id_} of web" in decision.summary


@pytest.mark.parametrize("prefix", ["AK", "AS"])
def test_the_root_user_is_never_acted_on(guard: Guard, prefix: str) -> None:
    key = key_id(Random(), prefix)
    (decision,) = guard.handle(finding_of_guardduty(EVIDENT[0], key, "root", kind="Root"))
    assert decision.status is Status.OBSERVED
    assert decision.plan.steps == ()
    assert "root user" in decision.summary
    assert "Sign in as the root user" in decision.plan.advice


@pytest.mark.parametrize(
    ("finding", "more"),
    [
        ("Discovery:IAMUser/AnomalousBehavior", {}),
        ("Policy:IAMUser/RootCredentialUsage", {"kind": "Root"}),
        ("UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B", {}),
        ("Backdoor:EC2/C&CActivity.B", {}),
        (EVIDENT[0], {"archived": True}),
        (EVIDENT[0], {"additionalInfo": {"sample": True}}),
        (EVIDENT[0], {"additionalInfo": {"value": '{"sample":true}', "type": "default"}}),
        (EVIDENT[0], {"kind": "AWSAccount"}),
    ],
)
def test_other_findings_and_samples_cost_no_look(finding: str, more: dict[str, Any]) -> None:
    assert candidates(LEAKED, finding_of_guardduty(finding, key_id(Random()), "bob", **more)) == []


def test_a_finding_of_a_member_account_is_that_accounts_own_business() -> None:
    change = finding_of_guardduty(EVIDENT[0], key_id(Random()), "bob")
    theirs = replace(change, request={**change.request, "accountId": STRANGER})
    assert candidates(LEAKED, theirs) == []


# --------------------------------------------------------------------------------- old keys

OLD = "iam.old-key"


def aged(user: str, id_: str, days: int) -> None:
    """Makes a key so many days old."""
    for key in iam_backends[ACCOUNT]["aws"].users[user].access_keys:
        if key.access_key_id == id_:
            key.create_date -= timedelta(days=days)


def made_key(user: str) -> Change:
    """The user makes another key."""
    made = boto3.client("iam").create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    told = {"accessKey": {"userName": user, "accessKeyId": made, "status": "Active"}}
    return iam("CreateAccessKey", {"userName": user}, responseElements=told)


@pytest.mark.parametrize(("days", "is_told"), [(90, False), (91, True)])
def test_a_working_key_older_than_policy_allows_is_told_of(
    guard: Guard, days: int, is_told: bool
) -> None:
    ((id_, _),) = keys_of("backup")
    aged("backup", id_, days)

    decision = decided(guard, made_key("backup"), OLD)

    assert (decision is not None) == is_told
    assert statuses("backup")[id_] == "Active"
    if decision is not None:
        assert decision.status is Status.OBSERVED
        assert f"{id_} ({days} days)" in decision.summary


def test_an_old_key_that_is_inactive_is_nothing_to_ask_about(guard: Guard) -> None:
    ((id_, _),) = keys_of("backup")
    aged("backup", id_, 400)
    boto3.client("iam").update_access_key(UserName="backup", AccessKeyId=id_, Status="Inactive")
    assert decided(guard, made_key("backup"), OLD) is None


@pytest.mark.parametrize(("days", "found"), [(0, []), (30, ["backup"])])
def test_with_no_age_in_the_policy_no_key_is_looked_at(days: int, found: list[str]) -> None:
    one = control(OLD)
    change = iam("CreateAccessKey", {"userName": "backup"})
    settings = one.settings(max_age_days=days)
    assert [candidate.resource.id for candidate in one.screen(change, settings)] == found


def test_a_key_switched_on_again_is_looked_at_and_one_switched_off_is_not() -> None:
    asked = {"userName": "backup", "accessKeyId": key_id(Random())}
    on, off = (iam("UpdateAccessKey", {**asked, "status": s}) for s in ("Active", "Inactive"))
    assert candidates(OLD, on) == ["backup"]
    assert candidates(OLD, off) == []


def test_who_makes_a_key_for_themselves_is_known_by_the_record() -> None:
    assert candidates(OLD, iam("CreateAccessKey", None)) == ["alice"]


def test_assessing_is_pure_over_any_baseline() -> None:
    """A fingerprint that is known is no risk, whatever else the baseline holds."""
    one = control(LAMBDA)
    state = {"exposed": [{"kind": "password", "place": "A", "fingerprint": "f"}]}
    assert isinstance(one.assess(state, None, one.settings()), Finding)
    assert isinstance(one.assess(state, {"exposed": []}, one.settings()), Finding)
    assert one.assess(state, state, one.settings()) is None
