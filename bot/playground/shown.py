"""What one person sees of the workspace, as JSON for the page."""

from __future__ import annotations

from typing import Any

from bot.playground.clicks import state_values
from bot.playground.methods.views import as_json as view_json
from bot.playground.options import Command
from bot.playground.workspace import APP, BOT_USER, TEAM, Channel, File, Message, User, View, Workspace

MOST_MESSAGES = 300


def command_json(command: Command) -> dict[str, str]:
    """A command as the composer offers it."""
    return {"name": command.name, "summary": command.summary, "usage": command.usage}


def user_json(user: User) -> dict[str, Any]:
    """A member as the page draws it."""
    return {
        "id": user.id,
        "name": user.name,
        "real_name": user.real_name,
        "color": user.color,
        "tz": user.tz,
        "is_bot": user.is_bot,
    }


def file_json(workspace: Workspace, file: File) -> dict[str, Any]:
    """A file; `url` is where the page finds it."""
    return {
        "id": file.id,
        "name": file.name,
        "title": file.title or file.name,
        "mimetype": file.mimetype,
        "size": file.length,
        "alt_txt": file.alt_txt,
        "ready": file.ready(workspace.now()),
        "url": f"/playground/files/{file.id}",
    }


def message_json(workspace: Workspace, channel: Channel, message: Message, user: str) -> dict[str, Any]:
    """A message with all it carries."""
    replies = workspace.replies(channel, message.ts)
    files = [workspace.files[file] for file in message.files if file in workspace.files]
    return {
        "ts": message.ts,
        "user": message.user,
        "text": message.text,
        "blocks": message.blocks,
        "attachments": message.attachments,
        "thread_ts": message.thread_ts,
        "ephemeral_for": message.ephemeral_for,
        "notice": message.notice,
        "bot_id": message.bot_id,
        "edited": message.edited,
        "metadata": message.metadata,
        "unfurls": message.unfurls,
        "files": [file_json(workspace, file) for file in files],
        "reactions": [{"name": name, "users": users} for name, users in message.reactions.items()],
        "reply_count": len(replies),
        "reply_users": list(dict.fromkeys(reply.user for reply in replies))[:4],
        "latest_reply": replies[-1].ts if replies else None,
        "mine": message.user == user,
    }


def channel_json(workspace: Workspace, channel: Channel, user: str) -> dict[str, Any]:
    """A channel with the latest messages that this person may see."""
    seen = [message for message in channel.messages if message.ephemeral_for in (None, user)]
    return {
        "id": channel.id,
        "name": channel.name,
        "is_im": channel.is_im,
        "is_private": channel.is_private,
        "topic": channel.topic,
        "members": channel.members,
        "bot_in": BOT_USER in channel.members,
        "messages": [message_json(workspace, channel, message, user) for message in seen[-MOST_MESSAGES:]],
    }


def shown_view(view: View) -> dict[str, Any]:
    """A modal or Home tab with what is in its fields."""
    return view_json(view, state_values(view.body["blocks"], view.values)) | {"error": view.error}


def state_json(workspace: Workspace, user: str) -> dict[str, Any]:
    """Everything that one person sees."""
    home = workspace.home.get(user)
    options = workspace.options
    return {
        "revision": workspace.journal.count,
        "team": {"id": TEAM, "name": "Playground"},
        "app": {"id": APP, "user": BOT_USER, "name": options.app_name},
        "me": user,
        "users": [user_json(member) for member in workspace.users.values()],
        "channels": [
            channel_json(workspace, channel, user) for channel in workspace.channels.values() if user in channel.members
        ],
        "home": shown_view(home) if home else None,
        "views": [shown_view(view) for view in workspace.modals(user)],
        "commands": [command_json(command) for command in options.commands],
        "shortcuts": [{"name": entry.name, "callback_id": entry.callback_id} for entry in options.shortcuts],
        "files": {file.id: file_json(workspace, file) for file in workspace.files.values() if file.content},
    }
