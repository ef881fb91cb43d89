"""The page docs/controls.md, made from the controls."""

from __future__ import annotations

from collections.abc import Sequence

from driftguard.controls.control import AnyControl

_INTRODUCTION = """\
# The controls

`make generate` writes this page from the controls' own declarations. To change an entry, change the
control.

- *Revert* says whether the control can revert the risky change. If it cannot, it asks
  people.
- *Baseline* says whether the control compares with a recorded state and so needs a baseline.
- *Swept* says whether the daily sweep can list the control's resources. The sweep finds resources
  that are risky, or differ from a pinned baseline, even if no event reported the change.
- *Proven* says how the tests run the round trip (risky change, revert, undo, exactly the state
  before). `emulator`: against an emulator of the service. **stub**: no emulator has the API, so the
  calls are only checked against the service's model. No test of this project runs against AWS
  itself.

"""


def as_markdown(every: Sequence[AnyControl]) -> str:
    """Return the page docs/controls.md: one table a service, with one line a control."""
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
    return page


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
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def revert_in_words(control: AnyControl) -> str:
    """Return `yes`, or `no` and the reason why the control cannot revert."""
    return f"no: {control.revert}" if control.revert else "yes"
