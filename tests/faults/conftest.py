"""Give fault tests the runner, and the small world around the services."""

from tests.faults.process import runner
from tests.mail.conftest import sink
from tests.services.conftest import clock, road, world

__all__ = ["clock", "road", "runner", "sink", "world"]
