"""response_url: five answers within thirty minutes to something a person did."""

from __future__ import annotations

from typing import Any

from bot.playground.content import check_content
from bot.playground.errors import SlackError
from bot.playground.workspace import BOT, BOT_USER, Message, ResponseUrl, Workspace

MOST_USES = 5
LIFETIME_S = 1800.0


def use_response_url(workspace: Workspace, key: str, body: Any) -> None:
    """One use of a response_url; raises SlackError with Slack's status when it is used up, old or wrong."""
    made = workspace.response_urls.get(key)
    if made is None:
        raise SlackError("invalid_token", status=404)
    if workspace.now() - made.made_at > LIFETIME_S:
        raise SlackError("expired_url", status=404)
    if made.uses >= MOST_USES:
        raise SlackError("used_url", status=404)
    made.uses += 1
    try:
        say_response(workspace, made, body)
    except SlackError as error:
        error.status = 400
        raise


def say_response(workspace: Workspace, made: ResponseUrl, body: Any) -> None:
    """Carry out a response: a new message, or a change of the message whose button was pressed.

    The response_url of a slash command has no original message: `replace_original` then says something new,
    as on Slack (bolt-python issue 1268, bolt-js issue 2287).
    """
    if not isinstance(body, dict):
        raise SlackError("invalid_payload")
    original = workspace.channels[made.channel].find(made.source_ts) if made.source_ts else None
    if body.get("delete_original") in (True, "true"):
        if original is not None:
            workspace.channels[made.channel].messages.remove(original)
            workspace.journal.add("delete", ts=original.ts, channel=made.channel)
        return
    kind = body.get("response_type", "ephemeral")
    if kind not in ("ephemeral", "in_channel"):
        raise SlackError("invalid_arguments", ["[ERROR] response_type must be ephemeral or in_channel"])
    content = check_content(
        workspace,
        text=body.get("text"),
        blocks=body.get("blocks"),
        attachments=body.get("attachments"),
        metadata=body.get("metadata"),
    )
    if body.get("replace_original") in (True, "true"):
        if original is not None:
            original.text, original.blocks = content.text or "", content.blocks or []
            original.attachments = content.attachments or []
            workspace.journal.add("update", ts=original.ts, channel=made.channel, text=original.text)
            return
        why = "the response_url of a slash command has no original message to replace"
        workspace.journal.add("warning", why=why, channel=made.channel)
    message = Message(workspace.next_ts(), made.channel, BOT_USER, content.text or "", content.blocks or [])
    message.attachments, message.metadata, message.bot_id = content.attachments or [], content.metadata, BOT
    message.ephemeral_for = made.user if kind == "ephemeral" else None
    wanted = body.get("thread_ts") or made.thread_ts
    message.thread_ts = str(wanted) if wanted else None
    workspace.post(message)
