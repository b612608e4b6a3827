"""Signed HTTP requests with Slack's own Bolt, and the three retries of an event."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from slack_sdk.signature import SignatureVerifier

from bot.playground import Playground, start
from bot.playground.delivery import Outcome
from tests.playground.small_app import by_http, make_app

CHANNEL = "C0MILESTONE"


@contextmanager
def listening(status: int, headers: dict[str, str], heard: list[dict[str, Any]]) -> Iterator[str]:
    """A server that answers everything with one status."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            heard.append({name.lower(): value for name, value in self.headers.items()} | {"body": body})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/slack/events"
    finally:
        server.shutdown()
        server.server_close()


def test_bolt_takes_our_signature_and_answers(slack: Playground) -> None:
    seen: list[dict[str, Any]] = []
    with by_http(make_app(slack, seen)) as url:
        slack.deliver_to(url)
        assert slack.send_command("UADA", CHANNEL, "/quiet now").status == 200
        assert seen[0]["text"] == "now"
        slack.send_command("UADA", CHANNEL, "/compare")
        view = slack.wait_for(lambda workspace: workspace.modals("UADA"))[0]
        assert slack.submit_view("UADA", view.id, {"left": {"run": "nonsense"}, "right": {"run": "b"}})[1] == {
            "left": "There is no such run."
        }
        slack.open_home("UADA")
        slack.wait_for(lambda workspace: workspace.home.get("UADA"))
        slack.send_message("UADA", CHANNEL, "@trackrecord hello")
        slack.wait_for(lambda _: [m for m in slack.messages(CHANNEL) if "You asked" in m.text])


def test_a_wrong_secret_is_noticed(slack: Playground) -> None:
    with start(signing_secret="another") as stranger, by_http(make_app(slack, [])) as url:
        outcome = stranger.send_command("UADA", CHANNEL, "/quiet", to=url)
        assert (outcome.error, outcome.status) == ("dispatch_failed", 401)


def test_the_signature_is_slacks(slack: Playground) -> None:
    heard: list[dict[str, Any]] = []
    with listening(200, {}, heard) as url:
        slack.send_command("UADA", CHANNEL, "/best ü & more", to=url)
    request = heard[0]
    verifier = SignatureVerifier(slack.signing_secret)
    assert verifier.is_valid(request["body"], request["x-slack-request-timestamp"], request["x-slack-signature"])
    assert not verifier.is_valid(
        request["body"] + " ", request["x-slack-request-timestamp"], request["x-slack-signature"]
    )
    assert request["content-type"] == "application/x-www-form-urlencoded"
    assert "x-slack-retry-num" not in request


def test_an_event_that_fails_comes_three_times_more(slack: Playground) -> None:
    heard: list[dict[str, Any]] = []
    with listening(500, {}, heard) as url:
        slack.deliver_to(url)
        slack.send_message("UADA", CHANNEL, "hello")
        slack.wait_for(lambda _: len(slack.journal.entries("delivery")) == 4)
    assert [request.get("x-slack-retry-num") for request in heard] == [None, "1", "2", "3"]
    assert {request.get("x-slack-retry-reason") for request in heard[1:]} == {"http_error"}
    assert len({request["body"] for request in heard}) == 1


def test_no_retry_stops_them(slack: Playground) -> None:
    heard: list[dict[str, Any]] = []
    with listening(500, {"X-Slack-No-Retry": "1"}, heard) as url:
        slack.deliver_to(url)
        slack.send_message("UADA", CHANNEL, "hello")
        slack.send_message("UADA", CHANNEL, "again")
        slack.wait_for(lambda _: len(slack.journal.entries("delivery")) == 2)
    assert len(heard) == 2


def test_nobody_listens(slack: Playground) -> None:
    outcome: Outcome = slack.send_command("UADA", CHANNEL, "/best", to="http://127.0.0.1:9/slack/events")
    assert (outcome.status, outcome.error) == (502, "dispatch_failed")
    assert 'failed with the error "dispatch_failed"' in slack.messages(CHANNEL)[-1].text


def test_an_answer_that_slack_would_refuse_is_named(slack: Playground) -> None:
    app = make_app(slack, [])

    @app.command("/bad")
    def bad(ack: Any) -> None:
        ack(text="x", blocks=[{"type": "nonsense"}])

    with by_http(app) as url:
        assert slack.send_command("UADA", CHANNEL, "/bad", to=url).error == "invalid_blocks"
    assert "unsupported type" in slack.messages(CHANNEL)[-1].text
