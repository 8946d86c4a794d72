"""What is offered while somebody types: by the country of their Discord's language, then by use."""

from sqlalchemy import insert, select

from bot.db.tables import Registration
from bot.sandbox.world import MANAGE_GUILD
from bot.services.use_counts import FEWEST_SEEN
from tests.flow.town import Town

COUNTRY_OF = {
    "en-US": "us",
    "en-GB": "gb",
    "de": "de",
    "pt-BR": "br",
    "it": "it",
    "sv-SE": "se",
    "hi": "in",
    "es-419": "us",
}

# Fits "mobile", and is not the first to do so.
RARE = "us-xfinity-mobile"
PRESSES = 200


async def test_carriers_of_the_persons_country_come_first(town: Town) -> None:
    for locale, country in COUNTRY_OF.items():
        visitor = town.world.discord.person(f"visitor_{len(locale)}{country}", locale=locale)
        town.world.discord.join(town.guild, visitor, MANAGE_GUILD)
        for command in ("phone register", "carrier show"):
            choices = await visitor.autocomplete(town.guild, command, "carrier", "")
            assert 0 < len(choices) <= 25
            assert all(1 <= len(choice.name) <= 100 for choice in choices)
            assert str(choices[0].value).startswith(f"{country}-"), (locale, command)


async def test_what_many_use_comes_first_after_the_bot_has_counted(town: Town) -> None:
    choices = await town.bob.autocomplete(town.guild, "phone register", "carrier", "mobile")
    assert choices[0].value != RARE
    await town.register(town.bob)
    async with town.store() as store, store.write() as session:
        (mine,) = (await session.execute(select(Registration.__table__))).mappings()
        rows = [
            {"id": n, "person_id": n, "number_index": n.to_bytes(8, "big"), "carrier": RARE}
            for n in range(1, FEWEST_SEEN + 1)
        ]
        await session.execute(insert(Registration), [dict(mine) | row for row in rows])
    await town.restart()
    for _ in range(PRESSES):
        choices = await town.bob.autocomplete(town.guild, "phone register", "carrier", "mobile")
        if choices[0].value == RARE:
            break
    assert choices[0].value == RARE
