"""The HTTP edge: JSON in, JSON out, under /api/v1; deny by default."""

from registry.api.app import create_app

__all__ = ["create_app"]
