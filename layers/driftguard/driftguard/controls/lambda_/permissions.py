"""Functions that strangers may invoke, and layers that strangers may use.

Each permission is a statement of its own with one principal: the remediation removes it,
and the undo adds the same permission again. A change is judged by the permission that it added, and
by what was there before only the sweep does.

Sources: AWS Lambda Developer Guide, "Resource-based policy"; AWS Security Hub User Guide,
"Security Hub controls for Lambda", Lambda.1 (Amazon S3 needs `AWS:SourceAccount`: the name of a
bucket says nothing of whose it is).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from driftguard.access import policy
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, mapping, text
from driftguard.model import (
    NOT_IN_USE,
    Call,
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
    Step,
    Use,
)

from ..control import Busy, Control, Cuts, References, Trigger, TrustSettings
from .names import (
    BUSY,
    FUNCTIONS,
    GONE,
    LAMBDA,
    LAYERS,
    call,
    function_of,
    functions,
    layer_version_of,
    named,
)

# The condition that each parameter of AddPermission makes, in lower case.
_OF_FUNCTION = {
    ("arnlike", "aws:sourcearn"): "SourceArn",
    ("bool", "lambda:invokedviafunctionurl"): "InvokedViaFunctionUrl",
    ("stringequals", "aws:principalorgid"): "PrincipalOrgID",
    ("stringequals", "aws:sourceaccount"): "SourceAccount",
    ("stringequals", "lambda:eventsourcetoken"): "EventSourceToken",
    ("stringequals", "lambda:functionurlauthtype"): "FunctionUrlAuthType",
}
_OF_LAYER = {("stringequals", "aws:principalorgid"): "OrganizationId"}

# The request's parameters that narrow a permission, as the conditions that they become.
_NARROWING = {
    "sourceArn": ("ArnLike", "AWS:SourceArn"),
    "sourceAccount": ("StringEquals", "AWS:SourceAccount"),
    "principalOrgID": ("StringEquals", "aws:PrincipalOrgID"),
    "organizationId": ("StringEquals", "aws:PrincipalOrgID"),
    "functionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
}


# Where a state says which permission the change added.
_ADDED = "added"
_S3 = "s3.amazonaws.com"


@dataclass(frozen=True, kw_only=True)
class Permissions(Control[TrustSettings]):
    """A function's, or a layer version's, permissions let strangers in.

    `find` names the resource of a change; `what` is what the operations are called after
    (`AddPermission`, `GetPolicy`); `conditions` are those that a permission can have.
    """

    id: str
    title: str
    severity: int
    references: References
    triggers: tuple[Trigger, ...]
    reads: tuple[str, ...]
    writes: Mapping[str, tuple[str, ...]]
    find: Callable[[Change], Resource | None]
    what: str
    conditions: Mapping[tuple[str, str], str]
    cuts: Cuts = Cuts(
        "callers that a permission let in before",
        "the record names the permission that the change added, and that alone goes",
        "does anybody need the permission?",
    )
    busy: tuple[Busy, ...] = BUSY
    found_by: Callable[[Reader], Iterable[Resource]] | None = None
    settings: type[TrustSettings] = TrustSettings

    def screen(self, change: Change, settings: TrustSettings) -> Iterable[Candidate]:
        found, asked = self.find(change), _asked(change)
        if found is None:
            return
        verdict = _verdict([asked] if asked else [], change.account, settings)
        if verdict.openings:
            sid = text(asked or {}, "Sid")
            yield Candidate(found, Certainty.EVIDENT, {_ADDED: sid} if sid else {})
        elif asked is None or verdict.doubt:
            yield Candidate(found, Certainty.POSSIBLE)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        """The statements; there are none where the policy, or all of the function, is gone."""
        found = reader.read(
            "lambda", f"Get{self.what}Policy", absent=GONE, **named(candidate.resource)
        )
        written = json.loads(text(document(found), "Policy") or "{}")
        statements = sorted(
            items(written.get("Statement")), key=lambda statement: text(statement, "Sid")
        )
        state: Document = {"owner": candidate.resource.account, "statements": list(statements)}
        return {**state, **candidate.hint}

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        return self.found_by(reader) if self.found_by else ()

    @property
    def swept(self) -> bool:
        """Whether the sweep looks here: not at layers, of which each version is a resource."""
        return self.found_by is not None

    def assess(
        self, state: Document, baseline: Document | None, settings: TrustSettings
    ) -> Finding | None:
        openings = self._openings(state, settings)
        return Finding("; ".join(opening.reason for opening in openings)) if openings else None

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: TrustSettings,
    ) -> Plan:
        statements = list(items(observation.state["statements"]))
        openings = self._openings(observation.state, settings)
        gone = sorted({opening.index for opening in openings})
        steps = []
        for index in gone:
            again = self._again(candidate.resource, statements[index])
            if again is None:
                sid = text(statements[index], "Sid")
                return Plan((), advice=f"Permission {sid} could not be made again: look at it.")
            remove = call(
                candidate.resource,
                f"Remove{self.what}Permission",
                {"StatementId": statements[index]["Sid"]},
                GONE,
            )
            steps.append(Step(remove, (again,)))
        untouched = tuple(
            f"permission {text(statement, 'Sid')}"
            for index, statement in enumerate(statements)
            if index not in gone
        )
        return Plan(tuple(steps), untouched=untouched)

    def in_use(self, candidate: Candidate, state: Document, reader: Reader) -> Use:
        """What the change itself added can have nobody who depends on it."""
        return NOT_IN_USE if text(state, _ADDED) else Use(unknown=self.cuts.question)

    def _openings(self, state: Document, settings: TrustSettings) -> list[policy.Opening]:
        """The openings of a state; only that of the change, where it is known which it made."""
        added = text(state, _ADDED)
        statements = list(items(state["statements"]))
        found = _verdict(statements, text(state, "owner"), settings).openings
        return [opening for opening in found if added in ("", opening.sid)]

    def _again(self, resource_: Resource, statement: Document) -> Call | None:
        """The call that makes this statement; None if the parameters cannot express it."""
        parameters: dict[str, Json] = {
            "StatementId": statement["Sid"],
            "Action": statement["Action"],
            "Principal": _principal(statement.get("Principal")),
        }
        for operator, keys in mapping(statement, "Condition").items():
            for key, value in keys.items() if isinstance(keys, Mapping) else ():
                name = self.conditions.get((operator.lower(), key.lower()))
                if name is None:
                    return None
                boolean = name == "InvokedViaFunctionUrl"
                parameters[name] = str(value).lower() == "true" if boolean else value
        return call(
            resource_, f"Add{self.what}Permission", parameters, ("ResourceConflictException",)
        )


def _asked(change: Change) -> Document | None:
    """The statement that a change made: as Lambda answered, else as it was asked for."""
    try:
        answered = json.loads(text(change.response, "statement") or "null")
    except (ValueError, RecursionError):
        answered = None
    if isinstance(answered, dict):
        return answered
    principal, action = text(change.request, "principal"), text(change.request, "action")
    if not principal or not action:
        return None
    narrowed: dict[str, dict[str, Json]] = {}
    for parameter, (operator, key) in _NARROWING.items():
        if value := text(change.request, parameter):
            narrowed.setdefault(operator, {})[key] = value
    service = principal.endswith((".amazonaws.com", ".amazonaws.com.cn"))
    kind = "Service" if service else "AWS"
    who: Json = principal if principal == "*" else {kind: principal}
    return {
        "Sid": text(change.request, "statementId"),
        "Effect": "Allow",
        "Principal": who,
        "Action": action,
        **({"Condition": narrowed} if narrowed else {}),
    }


def _principal(value: Json) -> Json:
    """A statement's one principal as AddPermission takes it."""
    if isinstance(value, Mapping):
        (inner,) = value.values() or ("",)
        return _principal(inner)
    return value[0] if isinstance(value, (list, tuple)) and value else value


def _verdict(statements: list[Document], account: str, settings: TrustSettings) -> policy.Verdict:
    written = {"Version": "2012-10-17", "Statement": statements}
    verdict = policy.judge("lambda", written, account=account, trusted=settings.trusted)
    for_anybody = [
        policy.Opening(index, text(statement, "Sid"), "public", (_S3,), f"{reason} of any account")
        for index, statement in enumerate(statements)
        if _principal(statement.get("Principal")) == _S3 and not mapping(statement, "Condition")
        for reason in (f"statement {text(statement, 'Sid')} lets Amazon S3 invoke it for a bucket",)
    ]
    return replace(verdict, openings=(*verdict.openings, *for_anybody))


CONTROLS = (
    Permissions(
        id="lambda.public-invoke",
        title="Function that strangers may invoke",
        severity=88,
        references=References(
            security_hub=("Lambda.1",),
            attack=("T1098", "T1546"),
            stratus=("aws.persistence.lambda-backdoor-function",),
        ),
        triggers=(Trigger(LAMBDA, "AddPermission"),),
        reads=("lambda:GetPolicy", "lambda:ListFunctions"),
        found_by=functions,
        writes={"lambda:AddPermission": FUNCTIONS, "lambda:RemovePermission": FUNCTIONS},
        find=function_of,
        what="",
        conditions=_OF_FUNCTION,
    ),
    Permissions(
        id="lambda.public-layer",
        title="Layer that strangers may use",
        severity=70,
        references=References(attack=("T1537",)),
        triggers=(Trigger(LAMBDA, "AddLayerVersionPermission"),),
        reads=("lambda:GetLayerVersionPolicy",),
        writes={
            "lambda:AddLayerVersionPermission": LAYERS,
            "lambda:RemoveLayerVersionPermission": LAYERS,
        },
        find=layer_version_of,
        what="LayerVersion",
        conditions=_OF_LAYER,
    ),
)
