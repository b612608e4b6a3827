"""A small real Bolt app: enough of every feature to show that the stand-in speaks Slack to Slack's own libraries."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from matplotlib.figure import Figure
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.request import BoltRequest
from slack_sdk import WebClient

from bot.playground import Playground


def png() -> bytes:
    """A real little chart."""
    figure = Figure(figsize=(6.4, 3.2), dpi=120, layout="constrained")
    axes = figure.subplots()
    names, values = ["brave-otter-42", "calm-heron-7", "quick-lynx-19"], [92.4, 91.9, 90.8]
    axes.barh(names[::-1], values[::-1], color=["#94a3b8", "#94a3b8", "#4f46e5"], height=0.6)
    axes.set_xlim(88, 93.5)
    axes.set_xlabel("test accuracy, %")
    axes.spines[["top", "right"]].set_visible(False)
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def cell(text: str) -> dict[str, str]:
    return {"type": "raw_text", "text": text}


BEST = [
    {"type": "header", "text": plain("Best of milestone-1: test accuracy")},
    {
        "type": "section",
        "text": {"type": "mrkdwn", "text": "*brave-otter-42* by <@UADA>: *92.4 %*, :white_check_mark: verified"},
        "fields": [
            {"type": "mrkdwn", "text": "*Commit*\n`3f2a9c1e`"},
            {"type": "mrkdwn", "text": "*When*\n<!date^1763900000^{date_short_pretty} at {time}|23 Nov>"},
        ],
        "accessory": {"type": "button", "action_id": "show", "text": plain("Open run"), "value": "brave-otter-42"},
    },
    {
        "type": "table",
        "column_settings": [{"align": "left"}, {"align": "right"}, {"align": "left"}, {"align": "left"}],
        "rows": [
            [cell("run"), cell("accuracy"), cell("verdict"), cell("owner")],
            [cell("brave-otter-42"), cell("92.4 %"), cell("verified"), cell("ada")],
            [cell("calm-heron-7"), cell("91.9 %"), cell("verified"), cell("ben")],
            [cell("quick-lynx-19"), cell("90.8 %"), cell("verified"), cell("chen")],
        ],
    },
    {
        "type": "context",
        "elements": [
            {
                "type": "mrkdwn",
                "text": "12 verified of 31 runs · 2 unverified runs are higher · <https://example.org/runs|why>",
            }
        ],
    },
]
BUTTONS = {
    "type": "actions",
    "elements": [
        {"type": "button", "action_id": "share", "text": plain("Share"), "style": "primary", "value": "best"},
        {"type": "button", "action_id": "slow", "text": plain("Repeat it"), "value": "x"},
        {
            "type": "static_select",
            "action_id": "metric",
            "placeholder": plain("Another metric"),
            "options": [{"text": plain("accuracy"), "value": "accuracy"}, {"text": plain("loss"), "value": "loss"}],
        },
    ],
}
MODAL = {
    "type": "modal",
    "callback_id": "compare",
    "title": plain("Compare runs"),
    "submit": plain("Compare"),
    "close": plain("Cancel"),
    "blocks": [
        {
            "type": "input",
            "block_id": "left",
            "label": plain("First run"),
            "element": {"type": "plain_text_input", "action_id": "run", "placeholder": plain("brave-otter-42")},
        },
        {
            "type": "input",
            "block_id": "right",
            "label": plain("Second run"),
            "element": {"type": "external_select", "action_id": "run", "min_query_length": 0},
        },
        {
            "type": "input",
            "block_id": "what",
            "optional": True,
            "label": plain("What to compare"),
            "element": {
                "type": "checkboxes",
                "action_id": "parts",
                "options": [{"text": plain(w), "value": w} for w in ("parameters", "code", "packages")],
            },
        },
    ],
}
HOME = {
    "type": "home",
    "blocks": [
        {"type": "header", "text": plain("Your projects")},
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "*milestone-1*: best verified is *92.4 %* (brave-otter-42)"},
        },
        {"type": "divider"},
        {
            "type": "actions",
            "elements": [
                {"type": "button", "action_id": "home_help", "text": plain("What can I ask?"), "value": "help"}
            ],
        },
    ],
}


def make_app(slack: Playground, seen: list[dict[str, Any]]) -> App:
    """The app; every payload it hears lands in `seen`."""
    client = WebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])
    app = App(client=client, signing_secret=slack.signing_secret, listener_executor=ThreadPoolExecutor(16))

    @app.middleware
    def remember(body: dict[str, Any], next: Any) -> None:
        seen.append(body)
        next()

    @app.command("/best")
    def best(ack: Any, command: dict[str, Any], client: WebClient) -> None:
        ack()
        posted = client.chat_postMessage(
            channel=command["channel_id"], text="brave-otter-42 is best: 92.4 %", blocks=[*BEST, BUTTONS]
        )
        file = client.files_upload_v2(filename="best.png", content=png(), alt_txt="Bars: 92.4, 91.9, 90.8 %")["file"][
            "id"
        ]
        end = time.monotonic() + 10
        while not client.files_info(file=file)["file"]["mimetype"] and time.monotonic() < end:
            time.sleep(0.1)
        image = {
            "type": "image",
            "slack_file": {"id": file},
            "alt_text": "Bars: brave-otter-42 92.4 %, calm-heron-7 91.9 %",
        }
        client.chat_update(
            channel=posted["channel"],
            ts=posted["ts"],
            text="brave-otter-42 is best: 92.4 %",
            blocks=[*BEST, image, BUTTONS],
        )

    @app.command("/quiet")
    def quiet(ack: Any, respond: Any) -> None:
        ack({"text": "Only you see this.", "response_type": "ephemeral"})
        respond(text="And this.")

    @app.command("/compare")
    def compare(ack: Any, command: dict[str, Any], client: WebClient) -> None:
        ack()
        client.views_open(trigger_id=command["trigger_id"], view=MODAL)

    @app.command("/sleep")
    def sleep(ack: Any) -> None:
        time.sleep(1.5)
        ack()

    @app.options("run")
    def runs(ack: Any, payload: dict[str, Any]) -> None:
        names = ["brave-otter-42", "calm-heron-7", "quick-lynx-19"]
        ack(options=[{"text": plain(n), "value": n} for n in names if payload["value"] in n])

    @app.view("compare")
    def compared(ack: Any, view: dict[str, Any], body: dict[str, Any], client: WebClient) -> None:
        left = view["state"]["values"]["left"]["run"]["value"]
        if left == "nonsense":
            ack(response_action="errors", errors={"left": "There is no such run."})
            return
        ack()
        right = view["state"]["values"]["right"]["run"]["selected_option"]["value"]
        client.chat_postMessage(channel=body["user"]["id"], text=f"{left} and {right} differ in lr.")

    @app.action("share")
    def share(ack: Any, respond: Any) -> None:
        ack()
        respond(text="Shared by a button.", response_type="in_channel")

    @app.action("slow")
    def slow(ack: Any, body: dict[str, Any], client: WebClient) -> None:
        ack()
        client.chat_postMessage(
            channel=body["channel"]["id"],
            thread_ts=body["message"]["ts"],
            text="```git checkout 3f2a9c1e\npython train.py --seed 7```",
        )

    @app.action("show")
    @app.action("metric")
    @app.action("home_help")
    def noted(ack: Any) -> None:
        ack()

    @app.shortcut("check_claim")
    def check(ack: Any, shortcut: dict[str, Any], respond: Any) -> None:
        ack()
        respond(text=f"No verified run backs this: {shortcut['message']['text']}")

    @app.event("app_home_opened")
    def home(event: dict[str, Any], client: WebClient) -> None:
        client.views_publish(user_id=event["user"], view=HOME)

    @app.event("app_mention")
    def mention(event: dict[str, Any], say: Any) -> None:
        say(text=f"You asked: {event['text']}", thread_ts=event.get("thread_ts", event["ts"]))

    @app.event("member_joined_channel")
    @app.event("link_shared")
    @app.event("message")
    def message() -> None:
        return None

    return app


@contextmanager
def by_socket(app: App, slack: Playground) -> Iterator[SocketModeHandler]:
    """The app over Socket Mode."""
    handler = SocketModeHandler(app, slack.app_token, web_client=WebClient(base_url=slack.api_url), ping_interval=1)
    handler.connect()
    slack.wait_for(lambda _: slack.journal.entries("connected"), 10)
    try:
        yield handler
    finally:
        # Slack's client takes up to three seconds to notice that it is closed; nobody has to wait for it.
        threading.Thread(target=handler.close, daemon=True).start()


@contextmanager
def by_http(app: App) -> Iterator[str]:
    """The app behind signed HTTP requests; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            headers = {name.lower(): [value] for name, value in self.headers.items()}
            answer = app.dispatch(BoltRequest(body=body, headers=headers))
            content = (answer.body or "").encode()
            self.send_response(answer.status)
            for name, values in answer.headers.items():
                self.send_header(name, values[0])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/slack/events"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
