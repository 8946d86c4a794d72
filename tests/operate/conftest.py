"""What the tests of operating use."""

from tests.services.conftest import clock, road, world

__all__ = ["clock", "road", "world"]
