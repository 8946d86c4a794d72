"""A press of a button that fails takes nothing away: what stood above it stays, and can be pressed again."""

from sqlalchemy import text as sql

from bot.domain.inbound import Kind, Trust
from tests.flow.post import arrives
from tests.flow.test_answers import texted
from tests.flow.town import Town


async def test_a_held_answer_stays_where_the_press_could_not_be_saved(town: Town) -> None:
    text = await texted(town)
    await arrives(town, Kind.REPLY, town.bob, text, "yes", Trust.UNPROVEN)
    asked = await town.bob.dm(lambda post: "nothing proves it" in post.content)
    async with town.store() as store:
        async with store.write() as session:
            await session.execute(sql("ALTER TABLE replies RENAME TO away"))
        pressed = await town.bob.press(asked, "It's mine, send it on")
        await pressed.settled(lambda _: pressed.followups)
        async with store.write() as session:
            await session.execute(sql("ALTER TABLE away RENAME TO replies"))
    (said,) = pressed.followups
    assert said.content == "The bot couldn't save that just now. Please try again in a minute."
    assert said.ephemeral
    assert asked.content.endswith("> yes")
    await town.bob.press(asked, "It's mine, send it on")
    assert (await town.alice.dm()).content == f"{town.bob.mention} answered from their phone:\n> yes"
    assert town.log.errors() == [
        "bot.services.desk: store: a command could not be carried out (OperationalError)"
    ]
    town.log.records.clear()
