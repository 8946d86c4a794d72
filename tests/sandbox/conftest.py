"""Fixtures of the sandbox's tests."""

from tests.standin.standin import sandbox

__all__ = ["sandbox"]
