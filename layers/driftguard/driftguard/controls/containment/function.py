"""Containment of a Lambda function: it is not invoked any more, and its sources wait.

Sources: AWS Lambda Developer Guide, "Configuring reserved concurrency for a function", "How Lambda
handles errors and retries with asynchronous invocation"; Amazon GuardDuty User Guide, "Remediating
a potentially compromised Lambda function".
"""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.aws.client import Reader
from driftguard.documents import Document, documents, mapping, text
from driftguard.model import Candidate, Certainty, Change, Finding, Observation, Plan, Use

from ..control import Control, Cuts, References, resource
from ..iam.stranger_findings import TRIGGER
from ..lambda_ import names
from . import findings, function_plan
from .finding_types import Target
from .findings import ContainmentSettings, claimed_of, told

_SOURCES = ("arn:{partition}:lambda:{region}:{account}:event-source-mapping:*",)

_NOT_CUT = (
    "Not cut: invocations that run already, for up to 15 minutes, and copies of the function at "
    "the edge (Lambda@Edge). Lambda tries asynchronous invocations again for six hours, unless the "
    "function says less; then they are dropped, or go to its dead-letter queue. The code and its "
    "environment stay as they are: look at them, and at who changed them last."
)


_OWN = (
    "The guard does not stop itself: look at its code and at who changed it last, and deploy it "
    "anew from a source that you trust."
)


class Function(Control[ContainmentSettings]):
    """GuardDuty reports that a function behaves as compromised.

    Its reserved concurrency becomes 0, so that nothing invokes it, and its event source mappings
    that are on go off, so that queues and streams keep what it has not read. An undo gives the
    former concurrency back, or none, and switches those mappings on again. A function of the guard
    itself is never contained.
    """

    id = "containment.function"
    title = "A function is compromised"
    severity = 90
    references = References(attack=("T1648", "T1496"))
    triggers = (TRIGGER,)
    reads = (*findings.READS, *function_plan.READS)
    volatile = function_plan.VOLATILE | {findings.TOLD}
    writes = {
        "lambda:DeleteFunctionConcurrency": names.FUNCTIONS,
        "lambda:DeleteProvisionedConcurrencyConfig": names.FUNCTIONS,
        "lambda:PutFunctionConcurrency": names.FUNCTIONS,
        "lambda:PutProvisionedConcurrencyConfig": names.FUNCTIONS,
        "lambda:UpdateEventSourceMapping": _SOURCES,
    }
    contains = True
    # No emulator has provisioned concurrency.
    proven = "stub"
    cuts = Cuts(
        "everything that invokes the function",
        told_by="whether event sources invoke it",
        question="what invokes the function?",
    )
    busy = names.BUSY
    settings = ContainmentSettings

    def screen(self, change: Change, settings: ContainmentSettings) -> Iterable[Candidate]:
        hint = claimed_of(change, Target.FUNCTION, settings)
        if hint is None:
            return
        if name := function_in(change.request, change.account):
            where = f"lambda:{{region}}:{{account}}:function:{name}"
            found = resource(change, "lambda.function", name, where)
            yield Candidate(found, Certainty.EVIDENT, hint)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        function = candidate.resource
        state = function_plan.state_of(function, reader)
        if state is None:
            return None
        said = told(
            candidate.hint,
            reader,
            lambda found: function_in(found, reader.account) == function.id,
        )
        ours = text(state, "role") in reader.aws.surroundings.own_roles
        return {**state, "own": ours, findings.TOLD: said}

    def in_use(self, candidate: Candidate, state: Document, reader: Reader) -> Use:
        if any(one["state"] == "Enabled" for one in documents(state, "sources")):
            return Use("event sources invoke it")
        return Use(unknown=self.cuts.question)

    def assess(
        self, state: Document, baseline: Document | None, settings: ContainmentSettings
    ) -> Finding | None:
        left = function_plan.left(state)
        if not left or not findings.stands(state, settings):
            return None
        summary = f"function {state['function']} is compromised: {'; '.join(left)}"
        return findings.finding(state, settings, Target.FUNCTION, summary, self.severity)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: ContainmentSettings,
    ) -> Plan:
        state = observation.state
        if state["own"]:
            return Plan((), advice=f"It is one of Driftguard's own functions. {_OWN}")
        role = text(state, "role").rpartition("/")[2]
        beside = (
            f"Sessions of its role {role} that were issued before work elsewhere: see "
            "containment.role-sessions."
        )
        return Plan(
            function_plan.steps(candidate.resource, state),
            untouched=("the function's code, versions, aliases and permissions",),
            advice=f"{beside} {_NOT_CUT}",
        )


def function_in(found: Document, account: str) -> str:
    """The name of the account's function that a finding, as events have it, is about; "" for none.

    The ARN may name a version or an alias: all of the function is contained.
    """
    details = mapping(mapping(found, "resource"), "lambdaDetails")
    parts = text(details, "functionArn").split(":")
    return parts[6] if len(parts) > 6 and parts[4] == account else ""


CONTROLS = (Function(),)
