"""The same registries as the HTTP edge's tests."""

from tests.api.conftest import scene, small

__all__ = ["scene", "small"]
