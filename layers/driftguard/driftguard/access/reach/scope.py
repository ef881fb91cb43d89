"""What a policy is attached to: which actions and resources its statements can be about at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..document import Statement
from .budget import Budget
from .constraint import Constraint, among
from .key_state import KeyState, narrowed

ACTION, RESOURCE = "(action)", "(resource)"


@dataclass(frozen=True, slots=True)
class Service:
    """What differs from service to service in a policy on its resources.

    `prefix` begins the actions, "*" where a policy is about the actions of any service. `parts` are
    what the ARNs of a resource's parts have after its own. `published`: the service calls a policy
    public by a list of its own. `inside`: only our own network comes as far as the policy.
    """

    prefix: str
    parts: tuple[str, ...] = ()
    published: bool = False
    inside: bool = False


# Sources: Service Authorization Reference (actions and resource types of each service); Amazon S3
# User Guide, "Blocking public access to your Amazon S3 storage" (buckets and access points alike);
# AWS PrivateLink Guide, "Control access to VPC endpoints using endpoint policies".
SERVICES: Final[Mapping[str, Service]] = {
    "acm-pca": Service("acm-pca"),
    "apigateway": Service("execute-api", ("/*",)),
    "backup": Service("backup"),
    "codeartifact": Service("codeartifact", ("/*",)),
    "dynamodb": Service("dynamodb", ("/*",)),
    "ecr": Service("ecr"),
    "ecr-registry": Service("ecr", ("/*",)),
    "efs": Service("elasticfilesystem"),
    "es": Service("es", ("/*",)),
    "eventbridge": Service("events"),
    "events": Service("events"),
    "glacier": Service("glacier"),
    "glue": Service("glue", ("/*",)),
    "iam-trust": Service("sts"),
    "kinesis": Service("kinesis", ("/*",)),
    "kms": Service("kms"),
    "lambda": Service("lambda", (":*",)),
    "logs": Service("logs", (":*",)),
    "logs-destination": Service("logs"),
    "opensearch": Service("es", ("/*",)),
    "s3": Service("s3", ("/*",), published=True),
    "s3-access-point": Service("s3", ("/*",), published=True),
    "s3-multi-region-access-point": Service("s3", ("/*",), published=True),
    "secretsmanager": Service("secretsmanager"),
    "ses": Service("ses"),
    "sns": Service("sns"),
    "sqs": Service("sqs"),
    "vpc-endpoint": Service("*", ("/*", ":*"), inside=True),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """The service and, where it is known, the resource that a policy is attached to."""

    service: str
    resource: str | None = None

    def tests_on(self, statement: Statement, budget: Budget) -> tuple[Constraint, ...]:
        """What an Allow's actions and resources ask of a request to this resource.

        A statement that names only actions or resources of something else is judged as if they were
        of this one: AWS would refuse it.
        """
        asked = tests_of(statement)
        whole = (self._actions(), self._resources())
        found: list[Constraint] = []
        for test, all_of_it in zip(asked, whole, strict=True):
            state = KeyState(missing=False)
            within = None if all_of_it is None else narrowed(state, all_of_it, budget)
            is_about_it = within is not None and narrowed(within, test, budget) is not None
            if all_of_it is not None and (is_about_it or test.complement):
                found.append(all_of_it)
            found.append(test)
        return tuple(found)

    @property
    def kind(self) -> Service:
        """What is known of the service; a name that is not listed begins its own actions."""
        return SERVICES.get(self.service) or Service(self.service, ("/*", ":*"))

    def _actions(self) -> Constraint:
        return among(ACTION, (f"{self.kind.prefix}:*",))

    def _resources(self) -> Constraint | None:
        if self.resource is None:
            return None
        parts = (f"{self.resource}{part}" for part in self.kind.parts)
        return among(RESOURCE, (self.resource, *parts))


def tests_of(statement: Statement) -> tuple[Constraint, Constraint]:
    """What a statement's actions and resources ask of a request."""
    return (
        among(ACTION, statement.actions, excluded=statement.actions_excluded),
        among(RESOURCE, statement.resources, excluded=statement.resources_excluded),
    )
