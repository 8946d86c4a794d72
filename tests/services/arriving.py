"""Mails that come in, for tests of what they do."""

from typing import Any

from bot.domain.envelope import Envelope
from bot.domain.inbound import Arrived, Belonging, Bounce, Kind, Reading, Trust
from bot.services.arrivals import Acted, Rules, act
from bot.services.belonging import anew
from tests.services.world import ANN, BOB, Road, World, work

HARD = {"bounce": Bounce.HARD, "status": "5.1.1", "reason": "unknown"}
SOFT = {"bounce": Bounce.SOFT, "status": "5.2.2", "reason": "full"}
POLICY = {"bounce": Bounce.SOFT, "status": "5.7.1", "reason": "policy"}


async def arrives(
    world: World,
    kind: Kind,
    text_id: int | None,
    words: str = "",
    *,
    trust: Trust = Trust.ADDRESSED,
    person: int = BOB,
    envelope: Envelope | None = None,
    code_to: str = "",
    **more: Any,
) -> Acted:
    """Let a mail come in that belongs to a text, or to a phone alone."""
    code_index = world.store.vault.number_index(code_to) if code_to else None
    belonging = Belonging(trust, person, text_id, code_index=code_index)
    rules, now = Rules(world.shelf, None), world.clock()
    async with world.store.write() as session:
        reading, named = Reading(kind, words, **more), await anew(session, belonging)
        return await act(session, Arrived(envelope or Envelope(), reading, named), now, rules)


async def sent(world: World, road: Road, sender: int = ANN, **changes: Any) -> int:
    """Have a text to Bob taken by the carrier."""
    text = await world.text(sender, BOB, **changes)
    await work(world.relay(road))
    return text
