"""IAM: access keys of this account that stand in the open in some configuration.

Whoever finds one, the remedy is the leaked key's: it goes inactive, and its sessions are cut off.
The configuration itself is the business of the service's own control.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ...aws import AwsError, Reader, document
from ...model import Change, Document, Risk, Suspect
from ...trail import items, text
from .. import cloudformation, codebuild_secrets, ecs_secrets, ssm_secrets
from ..control import NoSettings, References
from ..ec2 import user_data
from ..lambda_ import environment
from ..open_secrets import Suspects, Values, exposed_in
from .leaked_key import LeakedKey
from .principals import GONE

# What each kind of resource shows, and which changes may have put a key there.
_WHERE: dict[str, tuple[Suspects, Values]] = {
    "lambda.amazonaws.com": (environment.function_changed, environment.environment),
    "ec2.amazonaws.com": (user_data.instances, user_data.user_data),
    "codebuild.amazonaws.com": (codebuild_secrets.projects, codebuild_secrets.variables),
    "ssm.amazonaws.com": (ssm_secrets.parameters, ssm_secrets.value),
    "cloudformation.amazonaws.com": (cloudformation.stacks, cloudformation.shown),
    "ecs.amazonaws.com": (ecs_secrets.definitions, ecs_secrets.in_definition),
}


class KeyInTheOpen(LeakedKey):
    """An access key of this account, with its secret, stands in a resource's configuration."""

    id = "iam.key-in-configuration"
    title = "Access key in the open in a configuration"
    severity = 92
    references = References(attack=("T1552.001", "T1078.004"))
    triggers = (
        *environment.TRIGGERS,
        *user_data.TRIGGERS,
        *codebuild_secrets.TRIGGERS,
        *ssm_secrets.TRIGGERS,
        *cloudformation.TRIGGERS,
        ecs_secrets.DEFINITION_TRIGGER,
    )
    reads = (
        *LeakedKey.reads,
        "cloudformation:DescribeStacks",
        "codebuild:BatchGetProjects",
        "ec2:DescribeInstanceAttribute",
        "ecs:DescribeTaskDefinition",
        "lambda:GetFunctionConfiguration",
        "ssm:GetParameter",
    )

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Suspect]:
        suspects, _ = _WHERE[change.source]
        for suspect in suspects(change):
            yield replace(suspect, hint={"source": change.source})

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        _, values = _WHERE[text(suspect.hint, "source")]
        found = values(suspect.resource, reader)
        if found is None:
            return None
        seen: list[Document] = []
        for key in dict.fromkeys(one.key_id for one in exposed_in(found, reader) if one.key_id):
            state = self._of_key(suspect, key, reader)
            if state is not None:
                seen.append(state)
        # One at a time: once it is inactive, the next look finds the next.
        return next((one for one in seen if _is_active(one)), seen[0] if seen else None)

    def _of_key(self, suspect: Suspect, key: str, reader: Reader) -> Document | None:
        """The key's state; None where it is no key of this account."""
        try:
            used = reader.read("iam", "GetAccessKeyLastUsed", AccessKeyId=key, absent=GONE)
        except AwsError as error:
            # Of a stranger's key IAM says nothing: it is not ours to switch off.
            if error.code in ("AccessDenied", "AccessDeniedException"):
                return None
            raise
        if used is None or not text(document(used), "UserName"):
            return None
        return super().observe(replace(suspect, hint={"key": key}), reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Risk | None:
        risk = super().assess(state, baseline, settings)
        if risk is None:
            return None
        return replace(risk, summary=risk.summary.replace("found in public", "found in the open"))


def _is_active(state: Document) -> bool:
    exposed = state["exposed"]
    assert isinstance(exposed, (list, tuple))
    return any(
        text(one, "status") == "Active" and one["id"] in exposed for one in items(state.get("keys"))
    )


CONTROLS = (KeyInTheOpen(),)
