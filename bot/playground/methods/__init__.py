"""The Web API methods that the stand-in speaks, by Slack's own names."""

from __future__ import annotations

from bot.playground.methods.chat import CHAT
from bot.playground.methods.conversations import CONVERSATIONS
from bot.playground.methods.people import PEOPLE
from bot.playground.methods.uploads import FILES
from bot.playground.methods.views import VIEWS
from bot.playground.methods.workspace import WORKSPACE

METHODS = {
    method.name: method for family in (CHAT, CONVERSATIONS, PEOPLE, FILES, VIEWS, WORKSPACE) for method in family
}
