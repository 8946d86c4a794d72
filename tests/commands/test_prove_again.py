"""A quiet phone is proved again with a button, and a server that the bot left is forgotten."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.domain.words import QUIET_TOLD, REFUSAL
from tests.flow.town import REGISTERED, Town

YEAR = timedelta(days=366)


async def days_of_looks(town: Town, ahead: timedelta) -> None:
    """Let the clock and the daily look move on together, as in a bot that runs all year."""
    yesterday = (town.clock() + ahead - timedelta(days=1)).date().isoformat()
    async with town.store() as store, store.write() as session:
        await session.execute(text("DELETE FROM marks WHERE name = 'quiet phones'"))
        await session.execute(
            text("INSERT INTO marks (name, value) VALUES ('quiet phones', :day)"), {"day": yesterday}
        )
    town.clock.jump(ahead)


async def test_a_phone_that_was_quiet_for_a_year_is_proved_again_with_the_button(town: Town) -> None:
    number, carrier, gateway = "2065550101", "us-google-fi", "msg.fi.google.com"
    phone = await town.register(town.bob, number, carrier, gateway)
    await days_of_looks(town, YEAR)
    assert (await town.bob.dm()).content == QUIET_TOLD
    assert (await town.text(town.alice, town.bob, "anybody there?")).content == REFUSAL
    shown = await (await town.bob.slash(town.guild, "phone show")).settled()
    assert "must be proved again" in shown.content
    assert shown.buttons == ["Prove it again"]
    await town.restart()
    sent = await (await town.bob.press(shown, "Prove it again")).settled()
    assert sent.content.startswith("If that phone can take texts, a code is on its way.")
    typing = await town.bob.press(sent, "Enter code")
    code = await town.code_on(phone, 2)
    done = await (await town.bob.submit(typing.modal, {"code": code})).settled()
    assert done.content.startswith(REGISTERED)
    again = await town.text(town.alice, town.bob, "there you are")
    await again.settled(lambda a: a.content.startswith("Handed"))
    pressed = await (await town.bob.press(shown, "Prove it again")).settled()
    assert pressed.content == "There is nothing to prove again. /phone show says how your phone stands."


async def test_a_server_that_threw_the_bot_out_is_forgotten_after_thirty_days(town: Town) -> None:
    await town.register(town.bob)
    await town.says(town.bob, "phone allow", guild=town.other_guild)
    await town.world.discord.expel(town.guild)
    await town.log.said("guilds: 1 left")
    await days_of_looks(town, timedelta(days=31))
    await town.log.said(f"guild {town.guild.id}: what was kept of it is deleted")
    said = ""
    for _ in range(50):  # it is logged a moment before it is committed
        said = await town.says(town.bob, "phone show", town.other_guild)
        if "Members of 1 server may text you." in said:
            return
    pytest.fail(said)
