"""`--region` and `--profile`: where a command works, on every command that talks to AWS.

They can stand before the command or after it. Without them the environment and the shared
configuration decide, as they do for the AWS command line.

Sources: AWS SDKs and Tools Reference Guide, "AWS Region" and "Using shared config and credentials
files to globally configure AWS SDKs and tools"; boto3 documentation, "Credentials".
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from .errors import Misuse

RegionOption = Annotated[
    str,
    typer.Option(
        "--region",
        metavar="REGION",
        help="The AWS region. Else AWS_REGION, AWS_DEFAULT_REGION, or the profile's.",
    ),
]
ProfileOption = Annotated[
    str,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="The profile of ~/.aws/config. Else AWS_PROFILE, or the environment's keys.",
    ),
]

_REGION, _PROFILE = "driftguard.region", "driftguard.profile"
# Keys in the environment would win over a profile that is named there, but not over `--profile`.
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_SET = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", *_KEYS)


def remember(context: typer.Context, region: str, profile: str) -> None:
    """Keeps what was said before the command; what is said after it wins."""
    context.meta.update({_REGION: region, _PROFILE: profile})


def on_aws(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with the options `--region` and `--profile`, working where they say."""

    @functools.wraps(command)
    def told_where(*, _at: typer.Context, _region: str, _profile: str, **given: Any) -> None:
        before = _at.meta
        with working_in(_region or before.get(_REGION, ""), _profile or before.get(_PROFILE, "")):
            command(**given)

    more: dict[str, tuple[Any, Any]] = {
        "_at": (typer.Context, inspect.Parameter.empty),
        "_region": (RegionOption, ""),
        "_profile": (ProfileOption, ""),
    }
    own = inspect.signature(command, eval_str=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for name, (kind, default) in more.items()
    ]
    # What Typer reads a command's options from.
    told_where.__signature__ = own.replace(parameters=[*own.parameters.values(), *added])  # type: ignore[attr-defined]
    told_where.__annotations__ = {
        **{name: parameter.annotation for name, parameter in own.parameters.items()},
        **{name: kind for name, (kind, _) in more.items()},
    }
    return told_where


@contextmanager
def working_in(region: str = "", profile: str = "") -> Iterator[None]:
    """Has every AWS session that is made meanwhile work in this region, with this profile.

    Sessions are made late and in many rooms, and all of them read the environment. The region is
    resolved once, here, so that no two of them can differ.
    """
    before = {name: os.environ[name] for name in _SET if name in os.environ}
    try:
        if profile:
            for name in (*_KEYS, "AWS_DEFAULT_PROFILE"):
                os.environ.pop(name, None)
            os.environ["AWS_PROFILE"] = profile
        _known(profile_in_force())
        if resolved := region or region_in_force():
            os.environ |= {"AWS_REGION": resolved, "AWS_DEFAULT_REGION": resolved}
        yield
    finally:
        for name in _SET:
            os.environ.pop(name, None)
        os.environ |= before


def region_in_force() -> str:
    """The region that the environment or the profile names; "" if none does."""
    if named := os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"):
        return named
    from botocore.session import get_session

    return str(get_session().get_config_variable("region") or "")


def _known(profile: str) -> None:
    """Raises `Trouble` if there is no such profile."""
    if not profile:
        return
    from botocore.session import get_session

    if profile not in get_session().available_profiles:
        raise Misuse(
            f"There is no profile `{profile}` in ~/.aws/config or ~/.aws/credentials. It comes "
            "from --profile or AWS_PROFILE; `aws configure list-profiles` names yours."
        )


def needed_region() -> str:
    """The region that the command works in. Raises `Trouble` if nothing names one."""
    if found := region_in_force():
        return found
    raise Misuse(
        "No region is set. Name one with --region, set AWS_REGION, or give the profile a region "
        "with `aws configure set region`."
    )


def profile_in_force() -> str:
    """The profile that is named; "" where the environment's own credentials count."""
    return os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE") or ""
