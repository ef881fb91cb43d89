"""Pages behind a link: what would be decided, by which plan, one button, and what came of it.

Plain HTML that works on a phone, with a screen reader, without JavaScript, in light and dark, and
loads nothing from anywhere. Whatever a page shows of a record is escaped: others write the names
and tags in an account.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape

from driftguard.documents import plain
from driftguard.model import Call, Choice, Decision, Resource

from .message import console
from .message.difference import Difference, of_plan
from .wording import moment, severity_name

_STYLE = """
:root{color-scheme:light dark;--page:#f4f5f7;--card:#fff;--ink:#1a1f27;--soft:#566070;
--line:#dde1e7;--act:#0b5cad;--act-ink:#fff;--warn:#a3341f;--good:#1d6b3f;--code:#f0f2f5}
@media(prefers-color-scheme:dark){:root{--page:#0f1318;--card:#181d24;--ink:#e8ebf0;--soft:#9ca7b6;
--line:#2b323c;--act:#6cb0f5;--act-ink:#0b1622;--warn:#f0937f;--good:#77cf9d;--code:#10151b}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
header,main{max-width:38rem;margin:0 auto;padding:0 1.25rem}
header{display:flex;align-items:center;gap:.5rem;padding-top:1.25rem;font-weight:600;color:var(--soft)}
header svg{width:1.35rem;height:1.35rem}
main{background:var(--card);border:1px solid var(--line);border-radius:.9rem;margin:1rem auto 2rem;
padding:1.5rem 1.25rem 1.25rem}
@media(max-width:40rem){main{margin:1rem .75rem 2rem}}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .6rem;letter-spacing:-.01em}
h2{font-size:.8rem;margin:1.6rem 0 .4rem;color:var(--soft);text-transform:uppercase;
letter-spacing:.06em}
p{margin:0 0 .8rem}
.lead{font-size:1.06rem}
.mark{color:var(--warn);font-weight:600;margin-bottom:.3rem}
.good{color:var(--good)}
.who{color:var(--soft);overflow-wrap:anywhere}
.who b{color:var(--ink);font-weight:600}
dl{margin:1.2rem 0 0;padding-top:.9rem;border-top:1px solid var(--line);font-size:.9rem}
dt{color:var(--soft);margin-top:.4rem}
dd{margin:0;overflow-wrap:anywhere}
@media(min-width:34rem){dl{display:grid;grid-template-columns:max-content 1fr;gap:.4rem 1.2rem}
dt{margin:0}}
ol{margin:0;padding:0;list-style:none}
ol li{margin:0 0 .5rem}
ul{margin:0;padding:0 0 0 1.15rem}
ul li{margin:0 0 .15rem}
li{overflow-wrap:anywhere}
li::marker{color:var(--soft)}
.call{background:var(--code);border:1px solid var(--line);border-radius:.5rem;padding:.7rem .8rem;
font:.86rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.call b{display:block;margin-bottom:.15rem}
.call span{display:block;padding-left:1rem;text-indent:-1rem;color:var(--soft)}
.call i{font-style:normal;color:var(--ink)}
form{margin-top:1.5rem}
button{width:100%;min-height:3.1rem;padding:.6rem 1rem;border:0;border-radius:.6rem;font:inherit;
font-weight:650;background:var(--act);color:var(--act-ink);cursor:pointer}
button.accept{background:none;color:var(--warn);border:2px solid currentColor}
button:hover{filter:brightness(1.08)}
:focus-visible{outline:3px solid var(--act);outline-offset:3px;border-radius:.3rem}
.note{color:var(--soft);font-size:.9rem;margin:.9rem 0 0}
a{color:var(--act)}
""".replace("\n", "")

_SHIELD = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path fill="currentColor" d="M12 1.8 3.6 5v6.2c0 '
    "5.2 3.5 9.4 8.4 11 4.9-1.6 8.4-5.8 8.4-11V5L12 1.8Zm-1.2 14.1-3.9-3.9 1.5-1.5 2.4 2.4 "
    '5-5 1.5 1.5-6.5 6.5Z"/></svg>'
)

# The page's own style by its hash, a form back to where it came from, and nothing else.
POLICY = (
    "default-src 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_ASKS = {Choice.REVERT: "Revert this change?", Choice.ACCEPT: "Accept this change?"}
_BUTTON = {Choice.REVERT: "Revert it", Choice.ACCEPT: "Accept it"}


def approval_request(
    decision: Decision, choice: Choice, *, token: str, vote: str, timeout: str
) -> str:
    """The page that shows what would be decided, and the button that decides it.

    `vote` says whose vote it would be; `timeout` what happens when nobody votes.
    """
    agreed = {cast.person for cast in decision.votes if cast.choice is choice}
    missing = decision.quorum - len(agreed)
    more = (
        f" {decision.quorum} people must agree, and {missing} are missing."
        if decision.quorum > 1
        else ""
    )
    return _page(
        _ASKS[choice],
        f'<p class="mark">{_e(_severity(decision))} · {_e(decision.title)}</p>',
        f"<h1>{_e(_ASKS[choice])}</h1>",
        f'<p class="lead">{_e(decision.summary)}</p>',
        f'<p class="who">{_who(decision)}</p>',
        _plan(decision) if choice is Choice.REVERT else _accepted(decision),
        '<form method="post" action="answer">',
        f'<input type="hidden" name="t" value="{_e(token)}">',
        f'<button class="{choice.value}" name="answer" value="{choice.value}">'
        f"{_e(_BUTTON[choice])}</button></form>",
        f'<p class="note">{_e(f"This counts as {vote}.{more}")} {_e(timeout)}</p>',
        _facts(decision),
    )


def outcome(decision: Decision, heading: str, words: str, *, good: bool, token: str) -> str:
    """The page that says what came of a vote, or why votes are closed."""
    return _page(
        heading,
        f'<p class="mark{" good" if good else ""}">{_e(decision.title)}</p>',
        f"<h1>{_e(heading)}</h1>",
        f'<p class="lead">{_e(_sentence(words))}</p>',
        f'<p><a href="answer?t={_e(token)}">See how it stands</a></p>',
        _facts(decision),
    )


def trouble(heading: str, words: str) -> str:
    """The page for a link or a request that leads nowhere. It shows no decision."""
    return _page(heading, f"<h1>{_e(heading)}</h1>", f'<p class="lead">{_e(_sentence(words))}</p>')


# ------------------------------------------------------------------------------------ parts


def _page(title: str, *parts: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex, nofollow">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{_e(title)} · Driftguard</title><style>{_STYLE}</style></head><body>"
        f"<header>{_SHIELD}Driftguard</header><main>{''.join(parts)}</main></body></html>"
    )


def _plan(decision: Decision) -> str:
    plan = decision.plan
    calls = "".join(f'<li class="call">{_call(one)}</li>' for one in of_plan(plan.steps))
    return (
        f"<h2>What will be done</h2><ol>{calls}</ol>"
        + _list("What is left alone", map(_e, plan.untouched))
        + _list("To do by hand", [_e(plan.advice)] if plan.advice else [])
    )


def _accepted(decision: Decision) -> str:
    return _list(
        "What will be done", ["Nothing. The resource stays as it is now, and so does the risk."]
    ) + _list("What would have been done", [_call_line(step.call) for step in decision.plan.steps])


def _list(heading: str, items: Iterable[str]) -> str:
    shown = "".join(f"<li>{item}</li>" for item in items)
    return f"<h2>{_e(heading)}</h2><ul>{shown}</ul>" if shown else ""


def _call(changed: Difference) -> str:
    parts = [("goes", part) for part in changed.goes] + [("comes", part) for part in changed.comes]
    lines = "".join(f"<span>{verb} <i>{_e(part)}</i></span>" for verb, part in parts)
    more = f"<span>and {changed.unnamed} more</span>" if changed.unnamed else ""
    return f"<b>{_e(changed.call)}</b>{lines}{more}"


def _call_line(call: Call) -> str:
    return _e(f"{call.service}:{call.operation}")


def _who(decision: Decision) -> str:
    """Who made the change, by which call, from where and when."""
    actor = decision.actor
    if actor.is_unattributed:
        return (
            f"{_e(decision.change_name.capitalize())}, {_time(decision.change_time)}: "
            "actor and time unknown."
        )
    return (
        f"<b>{_e(actor.session or 'Somebody unknown')}</b> called {_e(decision.change_name)} "
        f"from <b>{_e(actor.source or 'an unknown place')}</b>"
        f"{_e(f', with {actor.agent}' if actor.agent else '')}, {_time(decision.change_time)}."
    )


def _facts(decision: Decision) -> str:
    resource = decision.candidate.resource
    rows: Sequence[tuple[str, str]] = (
        ("Resource", _e(resource.arn)),
        ("Account", _e(f"{resource.account} {resource.region}".strip())),
        ("Control", _e(decision.control)),
        ("Decision", _e(decision.id)),
        ("Look at it", _console(resource)),
    )
    return (
        f"<dl>{''.join(f'<dt>{name}</dt><dd>{value}</dd>' for name, value in rows if value)}</dl>"
    )


def _console(resource: Resource) -> str:
    address = console.link(resource)
    opened = 'target="_blank" rel="noopener noreferrer"'
    return f'<a href="{_e(address)}" {opened}>in the AWS console</a>' if address else ""


def _severity(decision: Decision) -> str:
    name = severity_name(decision.severity).capitalize()
    return f"{name}, {decision.severity} of 100"


def _time(stamp: str) -> str:
    return f'<time datetime="{_e(stamp)}">{_e(moment(stamp))}</time>'


def _sentence(words: str) -> str:
    """The words with a capital at the start and a stop at the end."""
    sentence = words.strip()
    return (
        f"{sentence[:1].upper()}{sentence[1:]}{'' if sentence.endswith(('.', '!', '?')) else '.'}"
    )


def _e(text: str) -> str:
    return escape(plain(text), quote=True)
