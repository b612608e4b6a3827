"""chat.*: post, update, delete, whisper, unfurl."""

from __future__ import annotations

from typing import Any

from bot.playground.content import MOST_TEXT_UPDATE, as_slack_sees, check_content, refuse_blocks
from bot.playground.errors import SlackError
from bot.playground.methods.call import Call, Method
from bot.playground.workspace import BOT, BOT_USER, Channel, Message


def _thread(call: Call, channel: Channel) -> str | None:
    thread_ts = call.string("thread_ts", "") or None
    if thread_ts is not None:
        parent = channel.find(thread_ts)
        if parent is None or parent.ephemeral_for is not None:
            raise SlackError("thread_not_found")
        return parent.thread_ts or thread_ts
    return None


def _too_fast(call: Call, channel: Channel) -> None:
    if call.workspace.options.rate_limit and call.workspace.now() - channel.last_post_at < 1.0:
        raise SlackError("ratelimited", status=429, retry_after=1)


def _content_of(call: Call, **how: Any) -> Any:
    return check_content(
        call.workspace,
        text=call.args.get("text"),
        blocks=call.nested("blocks", "invalid_blocks_format"),
        attachments=call.nested("attachments", "invalid_attachments"),
        metadata=call.nested("metadata", "invalid_metadata_format"),
        **how,
    )


def post_message(call: Call) -> dict[str, Any]:
    """Post as the app."""
    channel = call.channel()
    content = _content_of(call)
    _too_fast(call, channel)
    message = Message(
        ts=call.workspace.next_ts(),
        channel=channel.id,
        user=BOT_USER,
        text=content.text or "",
        blocks=content.blocks or [],
        attachments=content.attachments or [],
        thread_ts=_thread(call, channel),
        metadata=content.metadata,
        client_msg_id=call.string("client_msg_id", "") or None,  # kept, never used: Slack promises nothing
        bot_id=BOT,
    )
    call.workspace.post(message)
    return {"channel": channel.id, "ts": message.ts, "message": as_slack_sees(message)}


def post_ephemeral(call: Call) -> dict[str, Any]:
    """Whisper to one member: not kept in history, never updated."""
    channel = call.channel()
    user = call.string("user")
    if user not in call.workspace.users:
        raise SlackError("user_not_found")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    if call.args.get("metadata"):
        raise SlackError("invalid_arguments", ["[ERROR] metadata is not allowed on ephemeral messages"])
    content = _content_of(call)
    thread_ts = _thread(call, channel)
    ts = call.workspace.next_ts()
    if thread_ts is not None and not call.workspace.replies(channel, thread_ts):
        call.workspace.journal.add("lost", ts=ts, why="an ephemeral message in a thread without replies is not shown")
        return {"message_ts": ts}
    message = Message(ts, channel.id, BOT_USER, content.text or "", content.blocks or [], content.attachments or [])
    message.thread_ts, message.ephemeral_for, message.bot_id = thread_ts, user, BOT
    call.workspace.post(message)
    return {"message_ts": ts}


def _own(call: Call, channel: Channel, error: str) -> Message:
    message = channel.find(call.string("ts"))
    if message is None or message.ephemeral_for is not None:
        raise SlackError("message_not_found")
    if message.user != BOT_USER:
        raise SlackError(error)
    return message


def update(call: Call) -> dict[str, Any]:
    """Change an own message. What is left out stays; an empty list removes."""
    channel = call.channel()
    message = _own(call, channel, "cant_update_message")
    content = _content_of(call, most_text=MOST_TEXT_UPDATE)
    message.text = content.text or message.text
    message.blocks = message.blocks if content.blocks is None else content.blocks
    message.attachments = message.attachments if content.attachments is None else content.attachments
    message.metadata = content.metadata or message.metadata
    message.edited = {"user": BOT_USER, "ts": call.workspace.next_ts()}
    call.workspace.journal.add("update", ts=message.ts, channel=channel.id, text=message.text)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": as_slack_sees(message)}


def delete(call: Call) -> dict[str, Any]:
    """Take an own message away."""
    channel = call.channel()
    message = _own(call, channel, "cant_delete_message")
    channel.messages.remove(message)
    call.workspace.journal.add("delete", ts=message.ts, channel=channel.id)
    return {"channel": channel.id, "ts": message.ts}


def unfurl(call: Call) -> dict[str, Any]:
    """Show previews under a message that carries links; a second call for the same link replaces the first."""
    unfurls = call.nested("unfurls", "invalid_unfurls_format")
    if not isinstance(unfurls, dict) or not unfurls:
        raise SlackError("missing_unfurls")
    channel = call.channel()
    message = channel.find(call.string("ts"))
    if message is None:
        raise SlackError("cannot_find_message")
    for url, preview in unfurls.items():
        if url.replace("&", "&amp;") not in message.text:
            raise SlackError("cannot_unfurl_url")
        if not isinstance(preview, dict):
            raise SlackError("invalid_unfurls_format")
        refuse_blocks(call.workspace, preview.get("blocks", []), "message", f"/unfurls/{url}/blocks")
    message.unfurls |= unfurls
    call.workspace.journal.add("unfurl", ts=message.ts, channel=channel.id)
    return {}


def permalink(call: Call) -> dict[str, Any]:
    """Where a message can be looked at."""
    wanted = call.string("message_ts")
    channel = call.channel(member=False)
    if channel.find(wanted) is None:
        raise SlackError("message_not_found")
    link = f"{call.base_url}/archives/{channel.id}/p{wanted.replace('.', '')}"
    return {"channel": channel.id, "permalink": link}


CHAT = (
    Method("chat.postMessage", ("chat:write",), post_message),
    Method("chat.postEphemeral", ("chat:write",), post_ephemeral),
    Method("chat.update", ("chat:write",), update),
    Method("chat.delete", ("chat:write",), delete),
    Method("chat.unfurl", ("links:write",), unfurl),
    Method("chat.getPermalink", (), permalink),
)
