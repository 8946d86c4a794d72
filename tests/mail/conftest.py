"""The fixtures of the tests of the road to the mail server."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from bot.sandbox.smtp import Sink


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    """Run the carriers' mail server for one test."""
    carriers = Sink(lambda: datetime(2026, 11, 22, tzinfo=UTC))
    await carriers.start()
    yield carriers
    carriers.release()
    await carriers.stop()
