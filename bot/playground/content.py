"""What a message may consist of: checked for every way a message can be made, so that none is laxer."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.playground.errors import SlackError
from bot.playground.validate import check_blocks, check_view, complaint
from bot.playground.workspace import Block, Message, Workspace

MOST_TEXT = 40_000
MOST_TEXT_UPDATE = 4_000
METADATA_BYTES = 1_024  # Slack's own limit is in no document that could be read: stay far below any


@dataclass(frozen=True, slots=True)
class Content:
    """Checked content; None where the caller left it out."""

    text: str | None
    blocks: list[Block] | None
    attachments: list[Block] | None
    metadata: dict[str, Any] | None


def check_content(
    workspace: Workspace,
    *,
    text: Any,
    blocks: Any,
    attachments: Any = None,
    metadata: Any = None,
    most_text: int = MOST_TEXT,
    text_needed: bool = True,
) -> Content:
    """Raise SlackError for anything that Slack refuses, and for blocks without `text` (Slack only warns there)."""
    if text is not None and not isinstance(text, str):
        raise SlackError("invalid_arguments", ["[ERROR] must provide a string [json-pointer:/text]"])
    if blocks is not None:
        if not isinstance(blocks, list):
            raise SlackError("invalid_blocks_format")
        refuse_blocks(workspace, blocks, "message")
    if attachments is not None:
        _check_attachments(workspace, attachments)
    if not text and text_needed:
        why = "text is missing: notifications and screen readers have nothing to read (Slack only warns here)"
        raise SlackError("no_text", [complaint(why, "/text")] if blocks or attachments else ())
    if text and len(text) > most_text:
        raise SlackError("msg_too_long")
    if metadata is not None:
        _check_metadata(metadata)
    return Content(text, with_ids(workspace, blocks), attachments, metadata)


def _check_attachments(workspace: Workspace, attachments: Any) -> None:
    if not isinstance(attachments, list) or not all(isinstance(entry, dict) for entry in attachments):
        raise SlackError("invalid_attachments")
    if len(attachments) > 100:
        raise SlackError("too_many_attachments")
    for index, attachment in enumerate(attachments):
        if "blocks" in attachment:
            refuse_blocks(workspace, attachment["blocks"], "message", f"/attachments/{index}/blocks")


def _check_metadata(metadata: Any) -> None:
    good = isinstance(metadata, dict) and set(metadata) == {"event_type", "event_payload"}
    if not good or not isinstance(metadata["event_type"], str) or not isinstance(metadata["event_payload"], dict):
        raise SlackError("invalid_metadata_format")
    if len(json.dumps(metadata).encode()) > METADATA_BYTES:
        raise SlackError("metadata_too_large")


def refuse_blocks(workspace: Workspace, blocks: Any, surface: str, pointer: str = "/blocks") -> None:
    """`invalid_blocks` with a pointer for every complaint, files that are not ready yet included."""
    found = check_blocks(blocks, surface, pointer)
    if not found:
        found = [complaint("invalid slack file", place) for place in _bad_files(workspace, blocks, pointer)]
    if found:
        raise SlackError("invalid_blocks", found)


def refuse_view(workspace: Workspace, view: Any) -> dict[str, Any]:
    """The view as Slack keeps it, or SlackError."""
    found = check_view(view)
    if found == ["view_too_large"]:
        raise SlackError("view_too_large")
    if not found:
        places = _bad_files(workspace, view["blocks"], "/view/blocks")
        found = [complaint("invalid slack file", place) for place in places]
    if found:
        raise SlackError("invalid_arguments" if isinstance(view, dict) else "invalid_view", found)
    return {**view, "blocks": with_ids(workspace, view["blocks"]) or []}


def _bad_files(workspace: Workspace, blocks: list[Block], pointer: str) -> Iterator[str]:
    for index, block in enumerate(blocks):
        images = [block, block.get("accessory") or {}, *block.get("elements", ())]
        for image in images:
            named = image.get("slack_file") if isinstance(image, dict) else None
            if named and not _file_ready(workspace, named):
                yield f"{pointer}/{index}/slack_file"


def _file_ready(workspace: Workspace, named: dict[str, str]) -> bool:
    now = workspace.now()
    for file in workspace.files.values():
        if named.get("id") == file.id or named.get("url", "-").endswith(f"/{file.id}/{file.name}"):
            return file.ready(now) and file.mimetype in ("image/png", "image/jpeg", "image/gif")
    return False


def with_ids(workspace: Workspace, blocks: list[Block] | None) -> list[Block] | None:
    """A copy in which every block and every interactive element has an id, as Slack hands them out."""
    if blocks is None:
        return None
    filled: list[Block] = copy.deepcopy(blocks)
    for block in filled:
        block.setdefault("block_id", workspace.next_id("b"))
        inner = block.get("elements", []) if block["type"] == "actions" else []
        for element in [*inner, block.get("accessory"), block.get("element")]:
            if isinstance(element, dict) and element.get("type") != "image":
                element.setdefault("action_id", workspace.next_id("a"))
    return filled


def as_slack_sees(message: Message) -> dict[str, Any]:
    """The message object of the Web API and of events, without metadata."""
    body: dict[str, Any] = {
        "type": "message",
        "user": message.user,
        "text": message.text,
        "ts": message.ts,
        "team": "T0PLAY",
    }
    if message.bot_id:
        body |= {"bot_id": message.bot_id, "app_id": "A0PLAY"}
    optional = {
        "client_msg_id": message.client_msg_id,
        "blocks": message.blocks,
        "attachments": message.attachments,
        "thread_ts": message.thread_ts,
        "edited": message.edited,
        "files": [{"id": file} for file in message.files],
        "reactions": [{"name": n, "users": u, "count": len(u)} for n, u in message.reactions.items()],
    }
    return body | {name: value for name, value in optional.items() if value}
