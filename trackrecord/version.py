"""The version of the client, in a place that everything may import."""

from __future__ import annotations

__version__ = "0.1.0"
