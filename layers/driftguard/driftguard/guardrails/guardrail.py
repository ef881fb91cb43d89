"""A guardrail as data: its check, and everything that other code has to know of it.

Named tuples, as in `policy/bounds.py`: they cost a cold start half of what frozen dataclasses do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from driftguard.model import Autonomy, Ruling

from .circumstances import Circumstances
from .needs import Needs, anything


class AtMost(NamedTuple):
    """The answer of a check: the most autonomy it allows, and why."""

    limit: Autonomy
    reason: str


Check: TypeAlias = Callable[[Circumstances], AtMost | None]


class Guardrail(NamedTuple):
    """One guardrail.

    For rulings and documents:

    - `name`: stands in rulings, messages and the audit record.
    - `check`: the limit and its reason; None where the guardrail has nothing to say.
    - `lowers`: what it is about, in Markdown.
    - `at_most`: the lowest limit of its rulings, or in words what the limit depends on.
    - `policy_key`: the key of the policy that holds its terms, "" for none.
    - `parameter`: the stack's parameter that holds its terms, "" for none.

    For `driftguard explain`:

    - `needs`: what it has to know beside the record and the policy.
    - `sure_when_it_speaks`: what it says without that holds with it too.

    For the decision:

    - `exempts`: what it holds to an observation counts as exempted.
    - `of_what_is_earned`: it asks about what the guard had earned to revert. Whoever accepts such a
      change says that the control errs, so that it takes two people.
    - `trips`: what a decision trips on which this guardrail has ruled (see `judge`).
    - `takes_no_place`: a revert on which it has ruled does not count against the circuit breaker.
    - `of_the_finding`: its ruling is the finding's own limit, and is read back from the record.

    For an act that was decided earlier (see `engine/recheck.py`):

    - `waits_for_approval`: it only waits for somebody's yes, and a timeout that reverts is one.
    - `counts_itself`: it counts what was begun already, so would hold that back for its own sake.
    - `of_the_day`: its ruling is of the record and the anomaly baseline as of the decision.

    For what it held back:

    - `judged_anew`: once it no longer holds, what it held back is judged anew.
    - `looks_again`: when what it alone held back is looked at again (ISO 8601, UTC; see
      `engine/preparing.py`); until then it is told at once, whatever a channel's budget.

    For messages and metrics:

    - `outlasts_timeout`: no timeout reverts what it has held back.
    - `left_to_people`: what it holds back, only people can take back, and not by a vote.
    - `urgent`: its decisions are told one by one, and to everybody.
    - `in_digests`: its reasons stand in a digest of many decisions.
    - `alarms`: the CloudWatch metric that counts its rulings and has an alarm, "" for none.
    """

    name: str
    check: Check
    lowers: str
    at_most: Autonomy | str = "as set"
    policy_key: str = ""
    parameter: str = ""
    needs: Needs = anything
    sure_when_it_speaks: bool = False
    exempts: bool = False
    trips: Callable[[Circumstances], str] | None = None
    takes_no_place: bool = False
    of_the_finding: bool = False
    of_what_is_earned: bool = False
    waits_for_approval: bool = False
    counts_itself: bool = False
    of_the_day: bool = False
    judged_anew: bool = False
    looks_again: Callable[[Circumstances], str] | None = None
    outlasts_timeout: bool = False
    left_to_people: bool = False
    urgent: bool = False
    in_digests: bool = False
    alarms: str = ""

    @property
    def lowest(self) -> Autonomy:
        """The lowest limit that it may rule."""
        return self.at_most if isinstance(self.at_most, Autonomy) else Autonomy.OBSERVE

    def ruling(self, case: Circumstances) -> Ruling | None:
        """Its ruling on the case; None if it has nothing to say."""
        said = self.check(case)
        return None if said is None else Ruling(self.name, said.limit, said.reason)
