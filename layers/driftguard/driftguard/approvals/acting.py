"""Carries out operators' acts: alone, or once enough people have agreed to exactly the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice, takewhile

from driftguard.audit import AuditTable, Conflict
from driftguard.aws.dynamodb import Moved
from driftguard.documents import stamp, text
from driftguard.events.commands import accept_message, release_message, undo_message
from driftguard.model import Decision, Resource, Status
from driftguard.policy.model import Policy
from driftguard.state import freezes
from driftguard.state.baseline import resource_of
from driftguard.state.keys import StateRecords, TooLarge
from driftguard.state.table import StateTable

from . import operators, undoing
from .act import CONTROL, RELEASE, UNDO, Act, Done, Made, Unfit
from .breadth import Need, lacking, needs, voter_of
from .command_queue import CommandQueue
from .requester import Reply, Requester
from .rules import UNDO_REQUESTED, UNDO_REQUESTS

# Acts that meet try again; more than a few rounds mean that something is wrong.
_ROUNDS = 20
# The log entry of somebody's agreement, while more must agree.
AGREED = "agreed"


@dataclass(frozen=True, slots=True)
class Acting:
    """Takes operators' acts for one guard."""

    audit: AuditTable
    state: StateTable
    policy: Policy
    now: Callable[[], datetime]

    def act(self, act: Act, commands: CommandQueue) -> Reply:
        """Carries out and records an act, or records it as a request that others must confirm.

        Raises `AwsError` when the queue does not take the command that an act needs.
        """
        for _ in range(_ROUNDS):
            try:
                undone = self._undone(act)
                wanted = self._needs(act, undone)
                self._must_count(act.person, act.identity, wanted, undone)
                what, known = self._worked_out(act, undone)
                missing = lacking(wanted, {voter_of(act.person, act.identity)})
                # Only an undo goes by an id that another act may have: of somebody else, or before
                # it was refused.
                standing = self.audit.get(act.id) if undone else None
                if not missing:
                    decision = operators.recorded(act, what, self.state.place, known)
                    if standing is not None:
                        decision = replace(decision, version=standing.version, head=standing.head)
                    return self._carry_out(act, what, decision, commands, undone)
                if standing is not None and standing.expires > self._stamp():
                    return self.confirm(
                        standing.id, self._requester(act), standing.before, act.reason, commands
                    )
                return self._propose(act, what, wanted, missing, known, standing)
            except (Unfit, TooLarge) as error:
                return Reply(False, str(error))
            except (Conflict, Moved):
                continue
        raise Conflict("too many people change the same at once; try again")

    def confirm(
        self,
        decision_id: str,
        requester: Requester,
        fingerprint: str,
        reason: str,
        commands: CommandQueue,
    ) -> Reply:
        """Records that somebody agrees to a proposed act, and carries it out if that is enough."""
        for _ in range(_ROUNDS):
            decision = self.audit.get(decision_id)
            if decision is None or decision.control != CONTROL:
                return Reply(False, f"There is no proposed act {decision_id}.")
            try:
                act = self._agreed(decision, requester, fingerprint)
                undone = self._undone(act)
                wanted = self._needs(act, undone)
                self._must_count(*act.agreed[-1], wanted, undone)
                what, known = self._worked_out(act, undone)
                if operators.effect(what) != text(decision.state, "effect"):
                    raise Unfit("What it is about has changed since: propose it anew.")
                if what.ends and what.ends <= self._stamp():
                    raise Unfit(f"It would have ended at {what.ends}.")
                vote = operators.agreement(
                    requester.person.name if requester.person else "",
                    requester.identity,
                    self._stamp(),
                    fingerprint,
                    reason,
                )
                decision = replace(decision, votes=(*decision.votes, vote), updated=self._stamp())
                voters = {voter_of(*person) for person in act.people}
                missing = lacking(wanted, voters)
                if missing:
                    written = self.audit.append(
                        decision, event=AGREED, note=missing, by=requester.name
                    )
                    return Reply(True, f"Thank you: {missing}.", written)
                done = operators.recorded(act, what, self.state.place, known)
                carried_out = replace(
                    done,
                    version=decision.version,
                    head=decision.head,
                    votes=decision.votes,
                    updated=decision.updated,
                )
                return self._carry_out(act, what, carried_out, commands, undone)
            except (Unfit, TooLarge) as error:
                return Reply(False, str(error), decision)
            except (Conflict, Moved):
                continue
        raise Conflict(f"{decision_id} is too busy to be confirmed")

    def _agreed(self, decision: Decision, requester: Requester, fingerprint: str) -> Act:
        """The act with one more who agrees. Raises `Unfit` where they cannot."""
        if decision.status is not Status.PROPOSED:
            raise Unfit(f"{decision.id} waits for nobody: it is {decision.status.value}.")
        if decision.expires <= self._stamp():
            raise Unfit(f"The request ended at {decision.expires}: propose it anew.")
        if fingerprint != decision.before:
            raise Unfit("That is not what was proposed: look at it again.")
        act = operators.proposal(decision)
        person = requester.person.name if requester.person else ""
        voter = voter_of(person, requester.identity)
        if any(voter == voter_of(*other) for other in act.people):
            raise Unfit(f"{voter} has agreed before.")
        return replace(act, agreed=(*act.agreed, (person, requester.identity)))

    def _undone(self, act: Act) -> tuple[Decision, ...]:
        """The decisions that an undo or a release is about; none for any other act."""
        if act.kind == RELEASE:
            # Only here: a release is rare.
            from . import incidents, releasing

            name = text(act.said, "incident")
            incident = incidents.found(self.audit, self.state, name) if name else None
            if incident is None:
                raise Unfit(f"There is no incident {name or '(unnamed)'}.")
            return releasing.subjects(act, incident)
        if act.kind != UNDO:
            return ()
        subject = undoing.subject(act)
        decision = self.audit.get(subject) if subject else None
        if decision is None:
            raise Unfit(f"There is no decision {subject or '(unnamed)'}.")
        return (decision,)

    def _needs(self, act: Act, undone: tuple[Decision, ...]) -> tuple[Need, ...]:
        if undone:
            return tuple(dict.fromkeys(undoing.need(one, self.policy) for one in undone))
        if act.kind == "unfreeze" and any(
            voter_of(*person) in self._who_froze(act) for person in act.people
        ):
            return ()
        return needs(act.kind, act.said, self.policy)

    def _who_froze(self, act: Act) -> set[str]:
        """Who set the freeze that an act lifts, as the audit record proves; nobody if it does not.

        Whoever may write the freeze's item can name anybody there. A freeze that was set over
        another is only theirs who set both: else whoever sets one more could lift all.
        """
        (key,) = operators.keys(act, self.state.place)
        record = self.state.record(key)
        setters: set[str] | None = None
        for _ in range(_ROUNDS):
            frozen = record.document
            id_ = freezes.named_decision(frozen)
            decision = self.audit.get(id_) if id_ else None
            is_lift = freezes.is_lifted(record)
            if decision is None or is_lift or not freezes.is_proven(record, decision):
                return set()
            these = self._agreed_to(decision)
            setters = these if setters is None else setters & these
            if "over" not in frozen:
                return setters
            over = freezes.named_decision(frozen, "over")
            before = self.audit.get(over) if over else None
            record = record.saying(before.state if before else {})
        return set()

    def _agreed_to(self, decision: Decision) -> set[str]:
        """Everybody who stands for an act in the record."""
        identities = {decision.actor.session, *(vote.identity for vote in decision.votes)}
        named = ((self.policy.person(iam=one), one) for one in identities)
        return {voter_of(person.name if person else "", one) for person, one in named}

    def _must_count(
        self, name: str, identity: str, wanted: tuple[Need, ...], undone: tuple[Decision, ...]
    ) -> None:
        """Raises `Unfit` where the agreement of a person, by name and ARN, counts for nothing."""
        for one in undone:
            if refusal := undoing.refusal(one, name, identity, self.policy):
                raise Unfit(refusal if len(undone) == 1 else f"{one.id}: {refusal}")
        voter = voter_of(name, identity)
        if wanted and not any(need.counts(voter) for need in wanted):
            raise Unfit(f"{voter} may not decide that: {lacking(wanted, ())}.")

    def _requester(self, act: Act) -> Requester:
        known = (person for person in self.policy.people if person.name == act.person)
        return Requester(act.identity, next(known, None))

    def _propose(
        self,
        act: Act,
        what: Done,
        wanted: tuple[Need, ...],
        missing: str,
        known: Resource | None,
        ended: Decision | None,
    ) -> Reply:
        """Records an act as a request; in the place of the one for the same that has `ended`."""
        ends = stamp(act.at + timedelta(seconds=min(need.seconds for need in wanted)))
        decision = operators.proposed(act, what, self.state.place, ends, known)
        decision = replace(decision, quorum=max(need.quorum for need in wanted))
        if ended is not None:
            decision = replace(decision, version=ended.version, head=ended.head)
        written = self.audit.append(
            decision, event="proposed", note=f"{what.summary}: {act.reason}", by=act.by
        )
        told = f"Proposed: {what.summary}. {missing}, until {ends}"
        return Reply(True, f"{told}: `driftguard confirm {written.id}`.", written)

    def _carry_out(
        self,
        act: Act,
        what: Done,
        decision: Decision,
        commands: CommandQueue,
        undone: tuple[Decision, ...],
    ) -> Reply:
        also = [*self.state.writes(*what.records)]
        requested: list[Decision] = []
        for one in undone:
            # In one transaction: the guard obeys the request in the log of what is to be undone.
            asked, event = one, UNDO_REQUESTED
            if act.kind == RELEASE:
                from . import releasing

                asked, event = releasing.asked(act, one)
            asked = replace(asked, updated=self._stamp())
            asked, writes = self.audit.prepared(asked, event=event, note=act.reason, by=act.by)
            also += writes
            if event in UNDO_REQUESTS:
                requested.append(asked)
        written = self.audit.append(
            decision,
            event=act.kind,
            note=f"{what.summary}: {act.reason}",
            by=act.by,
            also=also,
        )
        if act.kind == RELEASE:
            commands.send(release_message(text(act.said, "incident")))
            count = f"all {len(requested)}" if len(requested) > 1 else "it"
            return Reply(True, f"The guard has been asked to undo {count}.", written)
        if requested:
            (subject,) = requested
            commands.send(undo_message(subject.id, subject.version))
            return Reply(True, "The guard has been asked to undo it.", subject)
        if act.kind == operators.ACCEPT:
            commands.send(accept_message(written.id, written.version))
        return Reply(True, f"{what.title}: {what.summary}.", written)

    def _worked_out(self, act: Act, undone: tuple[Decision, ...]) -> tuple[Done, Resource | None]:
        """The effects of an act, and its resource where more is recorded of it than its ARN."""
        if act.kind == RELEASE:
            from . import releasing

            return releasing.done(act, undone), None
        if undone:
            return undoing.done(act, undone[0]), undone[0].candidate.resource
        remembered = self.state.recall(*operators.keys(act, self.state.place))
        if act.kind != operators.ACCEPT:
            return operators.done(act, remembered), None
        found = self._decided(act, operators.since_when(act, remembered) or "")
        known = resource_of(remembered[operators.keys(act, self.state.place)[0]])
        known = next((decision.candidate.resource for decision in found), known)
        return operators.done(act, remembered, self._made(act, found, remembered)), known

    def _decided(self, act: Act, since: str) -> list[Decision]:
        """The decisions of the act's control on its resource since then, newest first.

        The newest one is among them whenever it was made: it knows more of the resource.
        """
        from driftguard.audit.queries import Filters, Finder, Usage, plan

        filters = Filters(resource=text(act.said, "resource"), control=text(act.said, "control"))
        found = Finder(self.audit, Usage()).decisions(filters, plan(filters))
        newest = list(islice(found, 1))
        return [*newest, *takewhile(lambda decision: decision.decided >= since, found)]

    def _made(self, act: Act, found: list[Decision], remembered: StateRecords) -> list[Made]:
        """The recorded changes that led to the state an act accepts, newest first.

        A reverted change no longer stands. An event that is still on its way is not known here; if
        the accepting person made that change, the guard judges it by the earlier baseline.
        """
        since = operators.since_when(act, remembered) or ""
        return [
            Made(
                decision.id,
                decision.actor.name,
                any(self.policy.made_by(decision.makers, *person) for person in act.people),
            )
            for decision in found
            if decision.decided >= since and decision.status is not Status.REVERTED
        ]

    def _stamp(self) -> str:
        return stamp(self.now())
