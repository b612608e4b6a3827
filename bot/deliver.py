"""The only caller of Slack's Web API. Every failure is passing or permanent, and says whether Slack may have acted."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.webhook import WebhookClient

from bot.blocks import Message
from bot.limits import UPLOAD_ALT, cut, escape, line
from bot.parts import Block

EVENT = "trackrecord"  # the type of our metadata
_OURS = uuid.UUID("5d7c7f0e-3f0b-4f59-9d5c-3a1f6f0b8d11")  # name space of our client_msg_ids
_READY_S = 30.0  # a file that Slack has not looked at by then is given up
_PAGES = 5  # of a channel's history, 100 messages each, are searched for a message of ours

# Slack's error names that pass by themselves. Of the first it is not known whether Slack acted before it failed.
_UNSURE = frozenset({"internal_error", "fatal_error", "request_timeout", "service_unavailable"})
_PASSING = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded", "team_added_to_org", "accesslimited"})


class DeliveryError(Exception):
    """Slack did not do it. `permanent`: it never will. `unknown`: it may have done it, look before trying again."""

    def __init__(
        self, error: str, *, permanent: bool = False, unknown: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(error)
        self.error = error
        self.permanent = permanent
        self.unknown = unknown
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are in the workspace."""

    bot_user: str
    bot_id: str
    team: str


class Slack:
    """One workspace's Web API. `base_url` ends with a slash; without `token` only response_urls can be used."""

    def __init__(self, token: str | None, base_url: str, timeout_s: int = 20) -> None:
        # No retry handler: the usual one posts twice when an answer is lost.
        self._client = WebClient(token=token, base_url=base_url, timeout=timeout_s, retry_handlers=[])
        if is_loopback(base_url):
            self._client.proxy = None
        self._identity: Identity | None = None
        self._names: dict[str, str] = {}

    @property
    def identity(self) -> Identity | None:
        """Who we are, if Slack has told us already; never asks."""
        return self._identity

    def introduce(self) -> Identity:
        """Ask Slack who we are, once."""
        if self._identity is None:
            told = self._call(self._client.auth_test)
            self._identity = Identity(told.get("user_id", ""), told.get("bot_id", ""), told.get("team_id", ""))
        return self._identity

    def post(self, channel: str, message: Message, *, key: str, thread: str = "") -> tuple[str, str]:
        """Post a message; (channel, ts) as Slack names it. `key` goes along, so that `find` can find it."""
        arguments: dict[str, Any] = {"thread_ts": thread} if thread else {}
        told = self._call(
            self._client.chat_postMessage,
            channel=channel,
            text=message.text,
            blocks=message.blocks,
            metadata={"event_type": EVENT, "event_payload": {"key": key}},
            unfurl_links=False,
            unfurl_media=False,
            client_msg_id=str(uuid.uuid5(_OURS, key)),
            **arguments,
        )
        return str(told["channel"]), str(told["ts"])

    def update(self, channel: str, ts: str, message: Message) -> None:
        """Put another message in a posted one's place."""
        self._call(self._client.chat_update, channel=channel, ts=ts, text=message.text, blocks=message.blocks)

    def delete(self, channel: str, ts: str) -> None:
        """Take back a message of ours; one that is gone already is fine."""
        try:
            self._call(self._client.chat_delete, channel=channel, ts=ts)
        except DeliveryError as error:
            if error.error not in ("message_not_found", "channel_not_found"):
                raise

    def find(self, channel: str, key: str, since: datetime, thread: str = "") -> str | None:
        """The ts of the message that went out with this key, None when there is none."""
        cursor = ""
        for _ in range(_PAGES):
            arguments: dict[str, Any] = {"channel": channel, "include_all_metadata": True, "limit": 100}
            arguments |= {"oldest": f"{since.timestamp() - 60:.6f}"} | ({"cursor": cursor} if cursor else {})
            if thread:
                told = self._call(self._client.conversations_replies, ts=thread, **arguments)
            else:
                told = self._call(self._client.conversations_history, **arguments)
            for message in told.get("messages", ()):
                metadata = message.get("metadata") or {}
                if metadata.get("event_type") == EVENT and (metadata.get("event_payload") or {}).get("key") == key:
                    return str(message["ts"])
            cursor = (told.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                break
        return None

    def respond(self, url: str, message: Message, *, replace: bool = False, in_channel: bool = False) -> None:
        """Answer through a response_url (five times within thirty minutes). Only the asker sees it, or the channel."""
        body = {
            "text": message.text,
            "blocks": message.blocks,
            "response_type": "in_channel" if in_channel else "ephemeral",
            "replace_original": replace,
        }
        self._respond(url, body)

    def withdraw(self, url: str) -> None:
        """Remove the message that a response_url belongs to."""
        self._respond(url, {"delete_original": True})

    def _respond(self, url: str, body: dict[str, Any]) -> None:
        client = WebhookClient(url, timeout=self._client.timeout, retry_handlers=[])
        if is_loopback(url):
            client.proxy = None
        try:
            told = client.send_dict(body)
        except (OSError, HTTPException, SlackClientError) as error:
            raise DeliveryError(f"no answer from the response_url ({type(error).__name__})", unknown=True) from error
        if told.status_code != 200:
            passing = told.status_code == 429 or told.status_code >= 500
            after = _seconds(told.headers.get("Retry-After")) if told.status_code == 429 else None
            raise DeliveryError(
                f"response_url: HTTP {told.status_code} {told.body[:100]}",
                permanent=not passing,
                unknown=told.status_code >= 500,
                retry_after=after,
            )

    def upload(self, content: bytes, *, filename: str, title: str, alt: str) -> str:
        """Upload a picture that only the bot sees; its id once Slack has looked at it and a message may show it."""
        told = self._call(
            self._client.files_upload_v2,
            content=content,
            filename=filename,
            title=cut(line(title), UPLOAD_ALT),
            alt_txt=cut(line(alt), UPLOAD_ALT),
        )
        file = str(told["files"][0]["id"])
        pause, waited = 0.25, 0.0
        while not (self._call(self._client.files_info, file=file).get("file") or {}).get("mimetype"):
            if waited > _READY_S:
                raise DeliveryError("the picture did not become ready")
            time.sleep(pause)
            waited, pause = waited + pause, min(pause * 1.5, 4.0)
        return file

    def send_file(self, channel: str, content: bytes, *, filename: str, comment: str, thread: str = "") -> None:
        """Post a file into a channel or thread."""
        arguments: dict[str, Any] = {"thread_ts": thread} if thread else {}
        self._call(
            self._client.files_upload_v2,
            channel=channel,
            content=content,
            filename=filename,
            title=filename,
            initial_comment=escape(cut(line(comment), 300)),
            **arguments,
        )

    def direct(self, user: str) -> str:
        """The channel of the direct messages with a user."""
        return str(self._call(self._client.conversations_open, users=user)["channel"]["id"])

    def home(self, user: str, blocks: list[Block]) -> None:
        """Show these blocks on the user's Home tab."""
        self._call(self._client.views_publish, user_id=user, view={"type": "home", "blocks": blocks})

    def name_of(self, user: str) -> str:
        """The name that a user goes by; the id itself where Slack does not tell."""
        if user not in self._names:
            try:
                told = self._call(self._client.users_info, user=user).get("user") or {}
            except DeliveryError:
                return user
            self._names[user] = (told.get("profile") or {}).get("display_name") or told.get("name") or user
        return self._names[user]

    def _call(self, method: Callable[..., Any], **arguments: Any) -> Mapping[str, Any]:
        try:
            told = method(**arguments).data
        except SlackApiError as error:
            raise _failure(error) from error
        except (OSError, HTTPException, SlackClientError) as error:
            # Nobody knows whether it reached Slack: the answer is lost, not the request.
            raise DeliveryError(f"no answer from Slack ({type(error).__name__})", unknown=True) from error
        return told if isinstance(told, Mapping) else {}


def _failure(error: SlackApiError) -> DeliveryError:
    response: Any = error.response
    status = int(getattr(response, "status_code", 200) or 200)
    data = getattr(response, "data", response)
    name = str(data.get("error", "")) if isinstance(data, Mapping) else ""
    if status == 429 or name in ("ratelimited", "rate_limited"):
        headers = {key.lower(): value for key, value in dict(getattr(response, "headers", {})).items()}
        return DeliveryError("ratelimited", retry_after=_seconds(headers.get("retry-after")) or 1.0)
    if status >= 500 or name in _UNSURE or not name:
        return DeliveryError(name or f"HTTP {status}", unknown=True)
    needed = f" (needs {data['needed']})" if name == "missing_scope" and data.get("needed") else ""
    return DeliveryError(name + needed, permanent=name not in _PASSING)


def _seconds(text: Any) -> float | None:
    try:
        return max(0.0, float(text))
    except (TypeError, ValueError):
        return None


def is_loopback(url: str) -> bool:
    """A server on this machine is never behind the proxy that the environment names."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
