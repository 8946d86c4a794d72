"""What comes in at the moment at which its phone is erased leaves nothing of it behind."""

import asyncio

import pytest
from sqlalchemy import text as sql

from bot.db.store import open_store
from bot.db.tables import Reply
from bot.domain.inbound import Kind, Trust
from bot.services import privacy
from bot.services.arrivals import Acted
from tests.db.stores import KEY
from tests.services.arriving import arrives, sent
from tests.services.world import ANN, BOB, Road, World

pytestmark = pytest.mark.peer
WAITS = sql("SELECT count(*) FROM pg_locks WHERE NOT granted")


@pytest.mark.parametrize("shared_store", ["postgresql"], indirect=True)
@pytest.mark.parametrize("trust", [Trust.UNPROVEN, Trust.ADDRESSED])
async def test_an_answer_that_comes_as_its_phone_is_erased_is_not_kept(
    world: World, road: Road, store_url: str, trust: Trust
) -> None:
    await world.register(BOB)
    text_id = await sent(world, road)
    other = await open_store(store_url, [KEY])
    async with other.write() as session:
        await privacy.erase(session, BOB, world.clock())
        coming = asyncio.create_task(arrives(world, Kind.REPLY, text_id, "see you", trust=trust))
        async with asyncio.timeout(10):
            while not coming.done() and not await session.scalar(WAITS):
                await asyncio.wait({coming}, timeout=0.02)
    assert await coming is Acted.IGNORED
    assert await world.rows(Reply) == []
    assert [notice for notice in await world.notices(ANN) if notice.reply_id is not None] == []
    await other.close()
