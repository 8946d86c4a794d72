"""The sandbox with everything that only tests need, watched by Discord's own description."""

import random
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import pytest

from bot.sandbox.discord_server import Discord
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.world import utc_now
from tests.standin.carriers import SubmissionSink
from tests.standin.faults import FaultyGate
from tests.standin.gateway import FaultyGateway
from tests.standin.openapi import Contract


class FaultyDiscord(Discord):
    """The pretend Discord with faults."""

    gateway_class = FaultyGateway
    gate_class = FaultyGate
    gateway: FaultyGateway
    gate: FaultyGate


class Standin(Sandbox):
    """The sandbox with faults, shards, resumption, and a contract that watches every exchange."""

    discord_class = FaultyDiscord
    sink_class = SubmissionSink
    discord: FaultyDiscord
    carriers: SubmissionSink

    def __init__(
        self, rng: random.Random | None = None, now: Callable[[], datetime] = utc_now, shards: int = 1
    ) -> None:
        super().__init__(rng, now, shards)
        self.contract = Contract()
        self.discord.gate.observers.append(self.contract.observe)
        self.discord.gateway.observers.append(self.contract.observe_event)

    def assert_clean(self) -> None:
        """Fail where an exchange broke Discord's description or rules."""
        assert self.contract.violations == [], "\n".join(self.contract.violations)
        self.discord.assert_clean()


@pytest.fixture
async def sandbox() -> AsyncIterator[Standin]:
    """Run a pretend world for one test; at its end nothing may have broken Discord's rules."""
    async with Standin() as world:
        yield world
    world.assert_clean()
