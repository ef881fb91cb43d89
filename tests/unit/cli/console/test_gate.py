"""Who gets in to the console, over real HTTP; and what its pages may do."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from driftguard_cli.commands.console import server
from driftguard_cli.commands.console.gate import COOKIE, HEADERS
from driftguard_cli.errors import Trouble
from tests.support.console import Visitor


def entry(visitor: Visitor) -> str:
    parts = urlsplit(visitor.gate.address)
    return f"{parts.path}?{parts.query}"


def test_who_was_let_in_sees_the_page_and_nothing_of_it_is_kept_or_loaded_from_elsewhere(
    visitor: Visitor,
) -> None:
    answer = visitor.get("")
    assert answer.status == 200
    assert "Waiting for people" in answer.words
    for name, value in HEADERS.items():
        assert answer.headers[name.lower()] == value
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    for loaded in ("style=", "<style", "onclick", "javascript:", "http://", "<script>"):
        assert loaded not in answer.body.replace("http://www.w3.org/2000/svg", ""), loaded
    assert "server" not in answer.headers


def test_without_the_cookie_nothing_is_shown(stranger: Visitor) -> None:
    for path in ("", "decisions", "static/console.js", "jobs/sweep", "nowhere"):
        answer = stranger.get(path)
        assert answer.status == 403, path
        assert "lets in the one browser" in answer.body
        assert stranger.get(path, cookie=f"{COOKIE}=guessed").status == 403, path


def test_the_token_is_taken_once(stranger: Visitor) -> None:
    path = entry(stranger)
    stranger.enter()
    again = stranger.send("GET", path, cookie=None)
    assert again.status == 403
    assert "set-cookie" not in again.headers
    assert "somebody else on this machine used it" in again.body


def test_a_browser_that_looks_ahead_does_not_use_up_the_token(stranger: Visitor) -> None:
    assert stranger.send("GET", entry(stranger), sec_purpose="prefetch").status == 403
    assert stranger.enter().get("").status == 200


def test_a_wrong_token_is_refused(stranger: Visitor) -> None:
    path = f"{stranger.gate.base}/enter?{urlencode({'token': 'guessed'})}"
    assert stranger.send("GET", path).status == 403
    assert stranger.send("GET", f"{stranger.gate.base}/enter").status == 403


def test_the_cookie_is_the_browsers_alone_and_bound_to_a_path_nobody_guesses(
    stranger: Visitor,
) -> None:
    kept = stranger.send("GET", entry(stranger)).headers["set-cookie"]
    assert {part.strip().lower() for part in kept.split(";")[1:]} == {
        "httponly",
        "samesite=strict",
        f"path={stranger.gate.base.lower()}",
    }
    assert len(stranger.gate.base) > 20


def test_another_name_that_was_rebound_to_this_machine_is_not_answered(visitor: Visitor) -> None:
    port = visitor.gate.host.partition(":")[2]
    for name in ("evil.example", "localhost", "127.0.0.1", f"evil.example:{port}", f"[::1]:{port}"):
        answer = visitor.get("", host=name)
        assert answer.status == 400, name
        assert "Waiting" not in answer.body


def test_a_page_of_somebody_else_neither_reads_nor_posts(visitor: Visitor) -> None:
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
        assert visitor.get("", origin=origin).status == 403, origin
        assert visitor.post("sweep", {}, origin=origin).status == 403, origin
    assert visitor.site.jobs.last("sweep") is None


def test_not_even_where_the_browser_sends_the_cookie_along(visitor: Visitor) -> None:
    assert visitor.get("", sec_fetch_site="cross-site").status == 403
    assert visitor.get("", sec_fetch_site="same-site").status == 403
    assert visitor.get("", sec_fetch_site="same-origin").status == 200
    assert visitor.get("", sec_fetch_site="none").status == 200


def test_a_form_that_does_not_say_where_it_comes_from_is_refused(visitor: Visitor) -> None:
    assert visitor.post("sweep", {}, origin=None).status == 403


def test_a_form_without_the_right_csrf_token_does_nothing(visitor: Visitor) -> None:
    for path in ("sweep", "history", "jobs/sweep", "exceptions/freeze", "decisions/dg-1/approve"):
        for token in ("", "guessed", "ü"):
            answer = visitor.post(path, {"csrf": token, "reason": "x"})
            assert answer.status == 403, path
            assert "not of this console" in answer.words
    assert visitor.site.jobs.last("sweep") is None


def test_nothing_but_reading_and_posting_is_answered(visitor: Visitor) -> None:
    for method in ("PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"):
        answer = visitor.send(method, f"{visitor.gate.base}/", origin=visitor.gate.origin)
        assert answer.status == 405, method


def test_a_form_that_is_too_large_or_no_form_is_refused_in_words(visitor: Visitor) -> None:
    assert visitor.post("sweep", {"control": "x" * 70_000}).status == 413
    path = f"{visitor.gate.base}/sweep"
    broken = visitor.send("POST", path, "a=1&" * 60, origin=visitor.gate.origin)
    assert broken.status == 400
    assert "cannot be read" in broken.words


def test_nobody_on_another_machine_can_reach_it() -> None:
    with server.listening(0) as taken:
        assert taken.getsockname()[0] == "127.0.0.1"
        port = taken.getsockname()[1]
        with pytest.raises(Trouble, match=f"Port {port} of 127.0.0.1 cannot be used"):
            server.listening(port).__enter__()
        with socket.socket() as other, pytest.raises(OSError):
            other.settimeout(1)
            other.connect(("127.0.0.2", port))


def test_the_browser_gets_the_address_by_a_file_that_only_this_user_can_read() -> None:
    given: list[tuple[str, int, str]] = []

    def browse(uri: str) -> None:
        file = Path(urlsplit(uri).path)
        given.append((uri, file.stat().st_mode & 0o777, file.read_text()))

    with server.opened("http://127.0.0.1:1/x?token=secret", browse):
        ((uri, mode, page),) = given
        assert uri.startswith("file:")
        assert "secret" not in uri
        assert mode == 0o600
        assert 'content="0;url=http://127.0.0.1:1/x?token=secret"' in page
    assert not Path(urlsplit(uri).path).exists()
