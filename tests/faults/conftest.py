"""Give fault tests the runner."""

from tests.faults.process import runner

__all__ = ["runner"]
