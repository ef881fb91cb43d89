"""`driftguard scan`: judges code as the guard would, before it is deployed.

`subjects` and `functions` read what is scanned. `sources` chooses the source of advisories.
`secrets` finds secrets in a folder's files. `verdict` judges all of it as the controls do.
`telling`, `documents` and `sarif` write the verdict for people and for programs.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError

from driftguard.analysis.advisories.provider import Advisories
from driftguard.aws.calls import AwsError
from driftguard.aws.client import Aws
from driftguard.controls.mechanisms.vulnerable_library import Judge, LibrarySettings, today

from ...aws_options import on_aws
from ...errors import Trouble
from ...policy_file.at_hand import PolicyAtHand, PolicyOption
from ...stack import JsonOption
from ...terminal import Console
from . import sources
from .documents import as_cyclonedx, as_json
from .functions import deployed, is_function
from .sarif import as_sarif
from .secrets import exposures
from .subjects import at_path
from .telling import summary, tell
from .verdict import EXIT_CODES, Outcome, Subject, Verdict, judged

# Whose settings say what is flagged.
_CONTROL = "lambda.insecure-library"
_WIDE = 160


class Format(StrEnum):
    """The formats of the verdict."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"
    CYCLONEDX = "cyclonedx"


@on_aws
def scan(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="A folder; a zip, jar or wheel; an image as .tar[.gz]; a requirements or lock "
            "file; function:NAME[:QUALIFIER], or a function's ARN.",
        ),
    ],
    advisories: Annotated[
        str,
        typer.Option(
            envvar=sources.VARIABLE,
            metavar="URL|FOLDER|s3://BUCKET/PREFIX",
            help="Where known vulnerabilities are looked up.",
        ),
    ] = "",
    min_severity: Annotated[
        int | None,
        typer.Option(min=0, max=100, help="Flag this severity and worse; else by policy."),
    ] = None,
    fix_available: Annotated[
        bool | None,
        typer.Option(
            "--fix-available/--fixed-or-not", help="Flag only what is fixed; else by policy."
        ),
    ] = None,
    judge_as: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="NAME|ARN",
            help="What the code will be deployed as: the policy may allow advisories for it.",
        ),
    ] = "",
    tag: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A tag that the code will be deployed with."),
    ] = None,
    policy: PolicyOption = None,
    form: Annotated[Format, typer.Option("--format", help="The output format.")] = Format.TABLE,
    output: Annotated[
        Path | None,
        typer.Option(help="Write the document to this file, and print the table."),
    ] = None,
    secrets: Annotated[
        bool, typer.Option("--secrets/--no-secrets", help="Look for secrets in a folder's files.")
    ] = False,
    as_json_: JsonOption = False,
) -> None:
    """Find libraries with known vulnerabilities in code, as the guard would once it runs.

    Exits 0 if the code is clean; 1 if a vulnerability is flagged, or a secret is in
    the open; 2 if something could not be checked, or the arguments are wrong. Code
    that could not be checked is never clean: an archive that cannot be read, a
    package without a version, advisories that cannot be downloaded.

    Example: driftguard scan function.zip --advisories https://api.osv.dev --format sarif
    """
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    form = Format.JSON if as_json_ else form
    try:
        at_hand = PolicyAtHand.found(policy)
        settings = at_hand.policy.settings_of(_CONTROL, LibrarySettings)
        if min_severity is not None:
            settings = replace(settings, min_severity=min_severity)
        if fix_available is not None:
            settings = replace(settings, fix_available=fix_available)
        if secrets and not Path(what).is_dir():
            raise Trouble("--secrets is for a folder.")
        if is_function(what) and (judge_as or tag):
            raise Trouble("--as and --tag are for what is not deployed yet.")
        aws = Aws()
        source = sources.advisories(advisories, aws)
        tags = _tags(tag or ())
        with _progress(f"reading {what}"):
            subject = deployed(what, aws) if is_function(what) else at_path(what, judge_as, tags)
        verdict = _judged(subject, source, settings, Path(what) if secrets else None)
        _tell(verdict, at_hand.origin, form, output, stderr)
    except (Trouble, AwsError, BotoCoreError) as error:
        stderr.print(f"driftguard: {error}", markup=False)
        raise typer.Exit(EXIT_CODES[Outcome.UNKNOWN]) from None
    raise typer.Exit(EXIT_CODES[verdict.outcome])


def _judged(
    subject: Subject, source: Advisories, settings: LibrarySettings, folder: Path | None
) -> Verdict:
    judge = Judge(settings, subject.resource, today(), subject.tags)
    exposed = None
    if folder:
        with _progress(f"looking for secrets in {folder}"):
            exposed = exposures(folder)
    with _progress(f"asking about {len(subject.inventory.items):,} packages"):
        return judged(subject, source, judge, exposed)


def _tell(
    verdict: Verdict, policy: str, form: Format, output: Path | None, stderr: Console
) -> None:
    # What goes into a file or a pipe has all the room it wants.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
    if form is Format.TABLE and output is None:
        tell(verdict, policy, console)
        return
    document = _document(verdict, policy, form)
    if output is None:
        typer.echo(document)
        stderr.print(f"{verdict.outcome.value}: {summary(verdict, policy)}", markup=False)
        return
    try:
        output.write_text(f"{document}\n", encoding="utf-8")
    except OSError as error:
        raise Trouble(f"{output} could not be written: {error.strerror}.") from error
    tell(verdict, policy, console)


def _document(verdict: Verdict, policy: str, form: Format) -> str:
    if form is Format.SARIF:
        return as_sarif(verdict)
    if form is Format.CYCLONEDX:
        return as_cyclonedx(verdict)
    if form is Format.JSON:
        return as_json(verdict, policy)
    console = Console(highlight=False, width=_WIDE, color_system=None)
    with console.capture() as captured:
        tell(verdict, policy, console)
    return captured.get().rstrip("\n")


def _tags(given: list[str] | tuple[str, ...]) -> Mapping[str, str]:
    tags = {}
    for tag in given:
        key, equals, value = tag.partition("=")
        if not (key and equals):
            raise Trouble(f"--tag {tag}: a tag is KEY=VALUE.")
        tags[key] = value
    return tags


@contextlib.contextmanager
def _progress(doing: str) -> Iterator[None]:
    """Something moves on stderr while somebody watches; nothing otherwise."""
    if not sys.stderr.isatty():
        yield
        return
    console = Console(stderr=True, highlight=False)
    with console.status(f"{doing} …"):
        yield
