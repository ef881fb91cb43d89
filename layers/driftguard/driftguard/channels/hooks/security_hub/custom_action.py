"""Takes Security Hub's custom action: somebody wants a finding reverted, and people are asked.

EventBridge is an open door: whoever may change a target can send any event, and no event says who
pressed the button. So an event is only a hint. The finding is read back from Security Hub, and what
follows is a command that has the guard look and ask (`engine/wanted.py`): never a vote.

- A finding of ours names its decision.
- A finding of one of Security Hub's own controls names resources; each of our controls that names
  that control among its references looks at them.

Somebody can choose the action for twenty findings at a time, and Security Hub sends an event for
each. An event that is about more is obeyed as far as that, and says what was left out.

Sources: AWS Security Hub User Guide, "Security Hub event types in EventBridge" (twenty at a time),
"EventBridge event formats for Security Hub CSPM", "Creating a custom action", "Defining a rule in
EventBridge", "Consolidated control findings"; AWS Security Hub API Reference, "GetFindings".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from driftguard.aws.calls import AwsError, Client, document, told_apart
from driftguard.controls.control import AnyControl, partition_of
from driftguard.documents import Document, documents, mapping, text
from driftguard.events.commands import ask_about_message, look_for_message
from driftguard.model import Decision, Place

from .asff import decision_in, product_arn

DETAIL_TYPE = "Security Hub Findings - Custom Action"
# The custom action's own id, which people give it when they make it.
ACTION = "DriftguardRevert"
NAME = "Driftguard: revert"
# As many findings as somebody can choose at a time, and resources as one finding has.
_FINDINGS, _RESOURCES = 20, 32
# So many commands follow from one event: more than a whole finding of any control asks for.
MOST = 100
# A finding of Security Hub's own controls: by the control, or by its place in a standard.
_GENERATORS = ("security-control/", "aws-foundational-security-best-practices/v/1.0.0/")


class Claim(NamedTuple):
    """A finding that an event says somebody has chosen: by its id and its product."""

    finding: str
    product: str


def action_arn(place: Place) -> str:
    """The ARN of the custom action in an account and region."""
    partition = partition_of(place.region)
    return f"arn:{partition}:securityhub:{place.region}:{place.account}:action/custom/{ACTION}"


def claims(event: Document, place: Place) -> list[Claim]:
    """The findings that an event is about, each once; none where it is not our action's here."""
    named = event.get("resources")
    if (
        text(event, "detail-type") != DETAIL_TYPE
        or Place(text(event, "account"), text(event, "region")) != place
        or not isinstance(named, list)
        or action_arn(place) not in named
    ):
        return []
    found = documents(mapping(event, "detail"), "findings")
    return list(dict.fromkeys(Claim(text(one, "Id"), text(one, "ProductArn")) for one in found))


@dataclass(frozen=True, slots=True)
class CustomAction:
    """Turns chosen findings into commands. `client` gives Security Hub's client.

    `controls` gives the controls of the guard, once they are needed.
    """

    client: Callable[[], Client]
    place: Place
    controls: Callable[[], Iterable[AnyControl]]

    def commands(self, claim: Claim) -> Iterator[Document]:
        """The commands that follow from a finding; none where nothing is to be looked at.

        Raises `AwsError` when Security Hub could not be asked.
        """
        finding = self._read_back(claim)
        if finding is None:
            return
        if claim.product == product_arn(self.place):
            decision = decision_in(claim.finding, self.place)
            if decision:
                yield ask_about_message(decision)
            return
        wanted = _security_control(finding, self.place)
        if not wanted:
            return
        arns = [text(one, "Id") for one in documents(finding, "Resources")[:_RESOURCES]]
        for control in self.controls():
            if control.swept and wanted in control.references.security_hub:
                for arn in dict.fromkeys(arns):
                    if arn:
                        yield look_for_message(control.id, arn, self.place.region)

    def _read_back(self, claim: Claim) -> Document | None:
        """The finding as Security Hub has it; None unless it is of this account and still active.

        A finding of another region, in the region that others are aggregated in, is for the guard
        of that region.
        """
        if not claim.finding or not claim.product:
            return None
        with told_apart("securityhub", "GetFindings"):
            answer = self.client().get_findings(
                Filters={
                    "Id": [{"Value": claim.finding, "Comparison": "EQUALS"}],
                    "ProductArn": [{"Value": claim.product, "Comparison": "EQUALS"}],
                    "AwsAccountId": [{"Value": self.place.account, "Comparison": "EQUALS"}],
                    "RecordState": [{"Value": "ACTIVE", "Comparison": "EQUALS"}],
                },
                MaxResults=10,
            )
        for found in documents(document(answer), "Findings"):
            if (
                Claim(text(found, "Id"), text(found, "ProductArn")) == claim
                and text(found, "AwsAccountId") == self.place.account
                and text(found, "RecordState") == "ACTIVE"
                and claim.product.split(":")[3:4] == [self.place.region]
            ):
                return found
        return None


def _security_control(finding: Document, place: Place) -> str:
    """The control of Security Hub that a finding is of; "" where it is no finding of its own."""
    partition = partition_of(place.region)
    own = f"arn:{partition}:securityhub:{place.region}::product/aws/securityhub"
    if text(finding, "ProductArn") != own:
        return ""
    id_ = text(mapping(finding, "Compliance"), "SecurityControlId")
    if id_:
        return id_
    generator = text(finding, "GeneratorId")
    found = (generator.removeprefix(one) for one in _GENERATORS if generator.startswith(one))
    return next(found, "")


class Obeyed(NamedTuple):
    """How many commands follow from an event, and the ids of findings that were too many for it."""

    sent: int
    left_out: tuple[str, ...]


def obeyed(
    event: Document,
    action: CustomAction,
    known: Callable[[Sequence[str]], Sequence[Decision]],
    send: Callable[[Document], None],
) -> Obeyed:
    """Sends the commands that follow from an event, up to `MOST`.

    `known` reads decisions from the record: what anybody imported under the id of a finding of ours
    names none. Raises `AwsError` once every finding was tried, where AWS could not be asked of one,
    or did not take a command.
    """
    sent, troubles, chosen = 0, list[AwsError](), claims(event, action.place)
    left_out = [claim.finding for claim in chosen[_FINDINGS:]]
    for claim in chosen[:_FINDINGS]:
        try:
            for command in action.commands(claim):
                decision = text(command, "decision")
                if decision and not known([decision]):
                    continue
                if sent == MOST:
                    left_out.append(claim.finding)
                    break
                send(command)
                sent += 1
        except AwsError as error:
            troubles.append(error)
    if troubles:
        raise AwsError("; ".join(dict.fromkeys(map(str, troubles)))) from troubles[0]
    return Obeyed(sent, tuple(left_out))
