"""The page docs/controls.md, made from the controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from driftguard.aws.granting import gives_rights
from driftguard.controls.control import AnyControl, Busy

from .shapes import Shape

_INTRODUCTION = """\
# The controls

`make generate` writes this page from the controls' own declarations. To change an entry, change the
control.

- *Revert* says whether the control can revert the risky change. If it cannot, it tells people.
  *Grants*: its revert, or the undo of it, has calls that give somebody rights. Without `MayGrant`
  people get the commands for those ([README](../README.md#deploying)).
- *Baseline* says whether the control compares with a recorded state and so needs a baseline.
- *Swept* says whether the daily sweep can list the control's resources. The sweep finds resources
  that are risky, or differ from a pinned baseline, even if no event reported the change.
- *Proven* says how the tests run the round trip (risky change, revert, undo, exactly the state
  before). `emulator`: against an emulator of the service. **stub**: no emulator has the API, so the
  calls are only checked against the service's model. No test of this project runs against AWS
  itself.

"""


_CARE = """
## What a revert can cut

- *Cuts* says what the control's revert can cut beside the access that the change opened. Such a
  revert runs by itself only if the guard has looked and nothing uses that; else people are asked
  (unless the policy says `may_cut` for the control).
- *In use* says how the guard tells, and *asks* what people must find out where it cannot.

| control | cuts | in use | asks |
|---|---|---|---|
"""

_TIME = """
## What a revert waits for, and what the events rest on

- *Settles* says for how long AWS works on a change after it has answered. Until then a read may
  answer with the state before: the guard waits, and says so.
- *Busy* lists the answers that mean "try again later", with the words that tell them apart.
- *Shape* says what the example events in `events/` rest on. **inferred**: no published
  record of the event was found, so its shape follows from the API's model and from how CloudTrail
  usually writes.
  `events/shapes.json` names the source of each.

| control | settles | busy | shape |
|---|---|---|---|
"""


def as_markdown(every: Sequence[AnyControl], shapes: Mapping[str, Shape]) -> str:
    """Return the page docs/controls.md: one table a service, with one line a control.

    `shapes` says what each control's example events rest on.
    """
    services: dict[str, list[AnyControl]] = {}
    for control in every:
        services.setdefault(control.id.partition(".")[0], []).append(control)
    stubbed = sum(control.proven == "stub" for control in every)
    page = _INTRODUCTION + f"{len(every)} controls in {len(services)} services; "
    page += f"{stubbed} of them proven with a stub only.\n"
    for service, found in services.items():
        page += f"\n## {service}\n\n"
        page += (
            "| control | what | severity | woken by | revert | baseline | swept | proven | see |\n"
        )
        page += "|---|---|---|---|---|---|---|---|---|\n"
        page += "".join(_row(control) for control in found)
    page += _CARE + "".join(_care(control) for control in every if control.cuts.what)
    return page + _TIME + "".join(_time(control, shapes[control.id]) for control in every)


def _row(control: AnyControl) -> str:
    references = control.references
    names = dict.fromkeys(trigger.name for trigger in control.triggers)
    cells = (
        f"`{control.id}`",
        control.title,
        str(control.severity),
        ", ".join(names),
        revert_in_words(control),
        "needed" if control.baselined else "",
        "yes" if control.swept else "",
        control.proven if control.proven == "emulator" else "**stub**",
        ", ".join((*references.security_hub, *references.attack, *references.stratus)),
    )
    return _line(cells)


def _care(control: AnyControl) -> str:
    told_by = control.cuts.told_by or "nothing tells"
    return _line((f"`{control.id}`", control.cuts.what, told_by, control.cuts.question))


def _time(control: AnyControl, shape: Shape) -> str:
    settling = control.settling
    waits = f"{_length(settling.seconds)}: {settling.how}" if settling.seconds else ""
    busy = ", ".join(busy_in_words(answer) for answer in control.busy)
    sure = f"**{shape}**" if shape is Shape.INFERRED else str(shape)
    return _line((f"`{control.id}`", waits, busy, sure))


def _length(seconds: int) -> str:
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def busy_in_words(answer: Busy) -> str:
    """Return a busy answer as its error code, with the words of its message that count."""
    return f"`{answer.code}`" + (f" ({answer.says})" if answer.says else "")


def revert_in_words(control: AnyControl) -> str:
    """Return `yes`, and whether it takes calls that give rights; or `no` and the reason."""
    if control.revert:
        return f"no: {control.revert}"
    grants = any(gives_rights(action, arns) for action, arns in control.writes.items())
    return "yes, grants" if grants else "yes"
