"""The registries that these tests begin with are those of the HTTP edge's tests."""

from tests.api.conftest import scene, small

__all__ = ["scene", "small"]
