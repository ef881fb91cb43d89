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
# The call that replaces all permissions, where each other one adds one.
_WHOLE = "PutResourcePolicy"
# What a statement holds that AddPermission makes, and the kinds of principal that it takes.
_EXPRESSED = frozenset({"Sid", "Effect", "Principal", "Action", "Resource", "Condition"})
_ONE_KIND = ({"AWS"}, {"Service"})
# The keys that say whose resources Amazon S3 may come for.
# Source: IAM User Guide, "AWS global condition context keys".
_OF_ACCOUNTS = frozenset({"aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"})


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
        verdict = _verdict(asked or [], change.account, settings)
        if verdict.openings:
            # A whole policy replaces what was there: which of it is new, it does not say.
            sid = text(asked[0], "Sid") if asked and change.name != _WHOLE else ""
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
                which = f"Permission {text(statements[index], 'Sid') or index + 1}"
                return Plan((), advice=f"{which} could not be made again: look at it.")
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
        """The call that makes this statement; None if the parameters cannot express it.

        They take one principal and one action, and a statement without a Sid cannot be removed.
        """
        sid, action = text(statement, "Sid"), statement.get("Action")
        principal = _principal(statement.get("Principal"))
        if not (sid and isinstance(action, str) and principal) or {*statement} - _EXPRESSED:
            return None
        parameters: dict[str, Json] = {"StatementId": sid, "Action": action, "Principal": principal}
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


def _asked(change: Change) -> list[Document] | None:
    """The statements that a change made: as Lambda answered, else as it was asked for.

    None where the record does not tell them.
    """
    if change.name == _WHOLE:
        written = _parsed(text(change.request, "policy") or text(change.response, "policy"))
        return None if written is None else list(items(written.get("Statement")))
    answered = _parsed(text(change.response, "statement"))
    if answered is not None:
        return [answered]
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
    asked: Document = {
        "Sid": text(change.request, "statementId"),
        "Effect": "Allow",
        "Principal": who,
        "Action": action,
        **({"Condition": narrowed} if narrowed else {}),
    }
    return [asked]


def _parsed(written: str) -> Document | None:
    """The object that a text of JSON holds; None where it holds none."""
    try:
        found = json.loads(written)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _principal(value: Json) -> str:
    """A statement's one principal as AddPermission takes it; "" where there are several, or none.

    It takes an account, a user or role, a service or everybody.
    """
    if isinstance(value, Mapping):
        return _principal(next(iter(value.values()))) if {*value} in _ONE_KIND else ""
    if isinstance(value, (list, tuple)):
        return _principal(value[0]) if len(value) == 1 else ""
    return value if isinstance(value, str) else ""


def _is_for_any_bucket(statement: Document) -> bool:
    """Whether a statement lets Amazon S3 in for a bucket of any account.

    A bucket's ARN names no account, so a pattern of ARNs is everybody's buckets.
    Source: AWS Security Hub User Guide, Lambda.1.
    """
    services = mapping(statement, "Principal").get("Service")
    named = services if isinstance(services, (list, tuple)) else [services]
    if text(statement, "Effect") != "Allow" or _S3 not in named:
        return False
    return not any(
        _narrows(key.lower(), value)
        for operator, tested in mapping(statement, "Condition").items()
        if operator.lower() != "null" and "not" not in operator.lower()
        for key, value in (tested.items() if isinstance(tested, Mapping) else ())
    )


def _narrows(key: str, value: Json) -> bool:
    """Whether a condition on a key leaves only buckets of accounts, or one that it names."""
    patterns = value if isinstance(value, (list, tuple)) else [value]
    if key == "aws:sourcearn":
        names = [str(pattern).partition(":::")[2].partition("/")[0] for pattern in patterns]
        return all(name and "*" not in name and "?" not in name for name in names)
    return key in _OF_ACCOUNTS


def _verdict(statements: list[Document], account: str, settings: TrustSettings) -> policy.Verdict:
    written = {"Version": "2012-10-17", "Statement": statements}
    verdict = policy.judge("lambda", written, account=account, trusted=settings.trusted)
    for_anybody = [
        policy.Opening(index, sid, "public", (_S3,), f"{reason} of any account")
        for index, statement in enumerate(statements)
        if _is_for_any_bucket(statement)
        for sid in (text(statement, "Sid"),)
        for reason in (f"statement {sid or index + 1} lets Amazon S3 invoke it for a bucket",)
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
        triggers=(Trigger(LAMBDA, "AddPermission"), Trigger(LAMBDA, _WHOLE)),
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
