"""Whatever a phone answers, or somebody in its name: Discord shows words, pings nobody and hides no link."""

import pytest

from bot.domain.inbound import Kind, Trust
from bot.domain.plain import visible
from bot.services.arrivals import Acted
from tests.conftest import Size
from tests.flow.hostile import hostile_strings
from tests.flow.post import arrives
from tests.flow.test_answers import texted
from tests.flow.town import Town

pytestmark = pytest.mark.slow


async def test_hostile_answers_are_shown_as_words(town: Town, size: Size) -> None:
    text = await texted(town)
    expected = 0
    for words in hostile_strings(size.pick(400, plain=20), seed=8):
        for trust in (Trust.ADDRESSED, Trust.UNPROVEN):
            shown = bool(visible(words[:4000]))
            acted = await arrives(town, Kind.REPLY, town.bob, text, words, trust, wake=False)
            expected += shown and trust is Trust.ADDRESSED
            assert acted is (Acted.REPLY if shown else Acted.IGNORED) or trust is Trust.UNPROVEN
    await town.says(town.founder, "phone unblock", user=town.bob)
    await town.alice.dm(lambda _: len(town.alice.dms) == expected, timeout_s=30)
    for post in town.alice.dms:
        head, _, quote = post.content.partition("\n")
        assert head == f"{town.bob.mention} answered from their phone:"
        assert all(line.startswith(">") for line in quote.split("\n"))
        assert post.flags & 1 << 2  # no embeds
    assert town.world.discord.gate.count("POST", r"/channels/\d+/messages", 400) == 0
