"""files.*: an address to upload to, completion, and information that becomes true only after a while."""

from __future__ import annotations

import mimetypes
import secrets
from typing import Any

from bot.playground.errors import SlackError
from bot.playground.methods.call import Call, Method
from bot.playground.workspace import BOT, BOT_USER, File, Message

MOST_BYTES = 50_000_000
MOST_ALT = 1_000


def as_json(call: Call, file: File) -> dict[str, Any]:
    """The file object; `mimetype` stays empty until Slack has processed the file."""
    ready = file.ready(call.workspace.now())
    return {
        "id": file.id,
        "name": file.name,
        "title": file.title or file.name,
        "mimetype": file.mimetype if ready else "",
        "filetype": file.name.rsplit(".", 1)[-1] if ready else "",
        "size": file.length,
        "user": BOT_USER,
        "alt_txt": file.alt_txt,
        "url_private": f"{call.base_url}/files-pri/{file.id}/{file.name}",
        "permalink": f"{call.base_url}/files-pri/{file.id}/{file.name}",
        "channels": file.channels,
        "is_public": bool(file.channels),
    }


def upload_url(call: Call) -> dict[str, Any]:
    """Where to send the bytes."""
    name = call.string("filename")
    try:
        length = int(call.string("length"))
    except ValueError as cause:
        raise SlackError("invalid_arguments", ["[ERROR] must provide a number [json-pointer:/length]"]) from cause
    if not 0 < length <= MOST_BYTES:
        raise SlackError("file_upload_size_restricted" if length > MOST_BYTES else "invalid_arguments")
    alt = call.string("alt_txt", "")
    if len(alt) > MOST_ALT:
        raise SlackError("alt_txt_too_large")
    file = File(call.workspace.next_id("F"), name, length, alt, secrets.token_urlsafe(18))
    call.workspace.files[file.id] = file
    return {"upload_url": f"{call.base_url}/upload/v1/{file.key}", "file_id": file.id}


def complete(call: Call) -> dict[str, Any]:
    """Finish uploads. Without a channel the file stays private to the app."""
    listed = call.nested("files", "invalid_arguments")
    if not isinstance(listed, list) or not listed:
        raise SlackError("invalid_arguments", ["[ERROR] missing required field: files"])
    files = [_uploaded(call, entry) for entry in listed]
    named = call.string("channel_id", "") or call.string("channels", "")
    channels = [_channel(call, wanted) for wanted in named.split(",") if wanted]
    now = call.workspace.now()
    for file, entry in zip(files, listed, strict=True):
        file.title = str(entry.get("title") or file.name)
        file.mimetype = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        file.ready_at = now + call.workspace.options.file_delay_s
        file.channels += [channel for channel in channels if channel not in file.channels]
    for channel in channels:
        call.workspace.post(
            Message(
                ts=call.workspace.next_ts(),
                channel=channel,
                user=BOT_USER,
                text=call.string("initial_comment", ""),
                thread_ts=call.string("thread_ts", "") or None,
                files=[file.id for file in files],
                bot_id=BOT,
            )
        )
    return {"files": [as_json(call, file) for file in files]}


def _uploaded(call: Call, entry: Any) -> File:
    file = call.workspace.files.get(str(entry.get("id"))) if isinstance(entry, dict) else None
    if file is None or file.content is None:
        raise SlackError("file_not_found")
    if file.ready_at is not None:
        raise SlackError("file_already_completed")
    return file


def _channel(call: Call, wanted: str) -> str:
    channel = call.workspace.channels.get(wanted)
    if channel is None:
        raise SlackError("channel_not_found")
    if BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    return channel.id


def _known(call: Call) -> File:
    file = call.workspace.files.get(call.string("file"))
    if file is None or file.ready_at is None:
        raise SlackError("file_not_found")
    return file


def info(call: Call) -> dict[str, Any]:
    """One file."""
    return {"file": as_json(call, _known(call)), "comments": [], "response_metadata": {"next_cursor": ""}}


def listed_files(call: Call) -> dict[str, Any]:
    """Every completed file."""
    files = [as_json(call, file) for file in call.workspace.files.values() if file.ready_at is not None]
    return {"files": files, "paging": {"count": len(files), "total": len(files), "page": 1, "pages": 1}}


def delete(call: Call) -> dict[str, Any]:
    """Forget a file."""
    del call.workspace.files[_known(call).id]
    return {}


FILES = (
    Method("files.getUploadURLExternal", ("files:write",), upload_url),
    Method("files.completeUploadExternal", ("files:write",), complete),
    Method("files.info", ("files:read",), info),
    Method("files.list", ("files:read",), listed_files),
    Method("files.delete", ("files:write",), delete),
)
