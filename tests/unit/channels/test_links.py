"""Signed links: who made them, what they say, until when; and nothing else passes for one."""

from __future__ import annotations

import string
from base64 import urlsafe_b64encode
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from driftguard.channels import links
from driftguard.channels.links import Claim, Expired, Tampered
from driftguard.model import Choice
from tests.support.approving import Asked
from tests.support.world import World

KEY = b"k" * 64
NOW = "2026-11-24T12:00:00.000Z"
CLAIM = Claim("dg-1", Choice.REVERT, "f00d", "link", "once", "2026-11-25T12:00:00.000Z")


def test_a_link_says_what_was_signed() -> None:
    assert links.read(links.sign(CLAIM, KEY), KEY, NOW) == CLAIM


def test_a_link_is_safe_in_a_url_and_in_a_mail() -> None:
    token = links.sign(replace(CLAIM, person="Zoë & “Co” <a@b>"), KEY)
    assert set(token) <= set(string.ascii_letters + string.digits + "-_.")
    assert links.read(token, KEY, NOW).person == "Zoë & “Co” <a@b>"


def test_a_link_with_any_character_changed_is_refused() -> None:
    token = links.sign(CLAIM, KEY)
    for at, was in enumerate(token):
        for other in "A9-.":
            if other != was:
                with pytest.raises(Tampered):
                    links.read(token[:at] + other + token[at + 1 :], KEY, NOW)


@pytest.mark.parametrize(
    "token",
    ["", ".", "a.b", "ü.ü", "a" * 5_000, "e30.e30", " " + links.sign(CLAIM, KEY)],
    ids=["empty", "dot", "short", "not-ascii", "long", "json", "space"],
)
def test_what_is_no_link_is_refused(token: str) -> None:
    with pytest.raises(Tampered):
        links.read(token, KEY, NOW)


def test_a_link_cut_short_or_lengthened_is_refused() -> None:
    token = links.sign(CLAIM, KEY)
    for other in (token[:-1], token[1:], token + "A", token + "=", token.partition(".")[0]):
        with pytest.raises(Tampered):
            links.read(other, KEY, NOW)


def test_another_stacks_link_is_refused() -> None:
    with pytest.raises(Tampered):
        links.read(links.sign(CLAIM, b"o" * 64), KEY, NOW)


def test_a_claim_that_nobody_signed_is_refused() -> None:
    said, _, signature = links.sign(CLAIM, KEY).partition(".")
    keep = urlsafe_b64encode(b'["dg-1","accept","f00d","link","once","2999"]').rstrip(b"=").decode()
    assert keep != said
    with pytest.raises(Tampered):
        links.read(f"{keep}.{signature}", KEY, NOW)


def test_a_link_is_good_until_the_approval_request_closes() -> None:
    token = links.sign(CLAIM, KEY)
    links.read(token, KEY, "2026-11-25T11:59:59.999Z")
    with pytest.raises(Expired, match="good until 2026-11-25 12:00:00 UTC"):
        links.read(token, KEY, "2026-11-25T12:00:00.000Z")


def test_an_approval_requests_links_are_one_each_choice_and_used_up_together(
    world: World,
    group: str,
) -> None:
    decision = Asked(world, group).decision
    made = links.for_decision(decision, "https://x.example/", KEY)
    claims = {
        choice: links.read(parse_qs(urlsplit(url).query)["t"][0], KEY, world.guard.stamp())
        for choice, url in made.items()
    }
    assert set(claims) == set(Choice)
    assert all(claim.choice is choice for choice, claim in claims.items())
    assert {(c.decision, c.fingerprint, c.person, c.expires) for c in claims.values()} == {
        (decision.id, decision.before, "link", decision.expires)
    }
    assert len({claim.nonce for claim in claims.values()}) == 1
    assert all(url.startswith("https://x.example/answer?t=") for url in made.values())
    assert max(map(len, made.values())) < 400


def test_a_message_made_twice_has_the_same_links_and_every_person_their_own(
    world: World,
    group: str,
) -> None:
    decision = Asked(world, group).decision
    once = links.for_decision(decision, "https://x.example", KEY)
    assert once == links.for_decision(decision, "https://x.example", KEY)
    bobs = links.for_decision(decision, "https://x.example", KEY, person="bob")
    assert not set(once.values()) & set(bobs.values())
