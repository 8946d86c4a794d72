"""Use the town."""

from tests.flow.fixtures import any_store_url, any_town, store_url, town

__all__ = ["any_store_url", "any_town", "store_url", "town"]
