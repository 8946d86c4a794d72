"""People see and change their own registration."""

import re
from typing import Any

import pytest

from bot.db.tables import Block, Consent, OptIn, TextRow
from bot.domain.consent import EVERYONE, LISTED, NOBODY
from bot.domain.errors import UserError
from bot.domain.inbound import Kind, Trust
from bot.domain.stopping import CODE_AFTER, HALTED, stopped_words
from bot.domain.words import CODE_SENT, REFUSAL
from bot.services import carriers, phone
from bot.services.carrier_change import Change
from tests.services.arriving import arrives
from tests.services.editing import EDITOR
from tests.services.world import ANN, BOB, GUILD, NUMBERS, OTHER_GUILD, START, Clock, World

NO_PHONE = "You have no phone registered. Use /phone register to add one."


async def show(world: World, person: int) -> str:
    return str(await world.write(phone.show, person, world.shelf, world.clock()))


async def test_show_masks_the_number_and_says_how_things_stand(world: World, clock: Clock) -> None:
    assert await show(world, BOB) == NO_PHONE
    await world.ask_code(BOB)
    assert "code is on its way" in await show(world, BOB)
    await world.register(BOB)
    said = await show(world, BOB)
    assert said.splitlines()[0] == "Your phone: +1***0102, One."
    assert "1 server " in said
    assert not re.search(r"\d{5}", said)
    await world.write(phone.allow, BOB, OTHER_GUILD, EVERYONE, clock())
    assert "2 servers " in await show(world, BOB)
    await world.write(phone.pause, BOB, 2, clock())
    assert f"paused until <t:{int(START.timestamp()) + 7200}:f>" in await show(world, BOB)
    clock.forward(hours=2)
    assert "paused" not in await show(world, BOB)


async def test_show_says_what_to_do_where_a_phone_takes_no_texts(world: World, clock: Clock) -> None:
    await world.register(BOB)
    for on, said in ((False, "takes no texts while One is switched off"), (True, "Members of 1 server")):
        await world.write(carriers.switch, world.shelf, EDITOR, "us-one", on, clock(), confirmed=True)
        assert said in await show(world, BOB)
    change = Change(domain="two.example.net")
    await world.write(carriers.edit, world.shelf, EDITOR, "us-one", change, clock(), confirmed=True)
    assert "Use /phone register again." in await show(world, BOB)
    await world.ask_code(BOB)
    assert "takes no texts until you type the code that is on its way, with /phone verify" in await show(
        world, BOB
    )
    assert (await world.type_code(BOB, await world.code_of(BOB))).proven
    assert "takes no texts" not in await show(world, BOB)


async def test_show_says_who_here_may_text_and_whom_one_blocked(world: World, clock: Clock) -> None:
    async def here(guild: int | None = GUILD) -> str:
        return str(await world.write(phone.show, BOB, world.shelf, clock(), guild))

    await world.register(BOB)
    assert "Members of 1 server may text you." in await here()
    assert "In this server" not in await here()
    assert "In this server: nobody." in await here(OTHER_GUILD)
    await world.write(phone.allow, BOB, GUILD, LISTED, clock())
    assert "In this server: only people and roles you list." in await here()
    await world.write(phone.allow, BOB, GUILD, NOBODY, clock())
    assert "No server's members may text you. Use /phone allow in the server" in await here()
    assert "blocked" not in await here()
    for sender in range(3000, 3012):
        clock.forward(minutes=1)
        await world.write(phone.block, BOB, sender, clock())
    newest = ", ".join(f"<@{sender}>" for sender in range(3011, 3001, -1))
    assert f"You blocked {newest} and 2 more. /phone unblock lifts that." in await here()
    await world.write(phone.unblock, BOB, 3000)
    assert "and 1 more." in await here(None)
    assert "blocked" not in await show(world, ANN)


async def test_show_and_remove_tell_of_blocks_without_a_phone_too(world: World, clock: Clock) -> None:
    await world.write(phone.block, BOB, ANN, clock())
    assert await show(world, BOB) == f"{NO_PHONE}\nYou blocked <@{ANN}>. /phone unblock lifts that."
    said = await world.write(phone.remove, BOB, clock())
    assert said == "Removed: whom you blocked. You have no phone registered."
    assert await world.rows(Block) == []
    assert await world.write(phone.remove, BOB, clock()) == NO_PHONE


async def test_show_tells_of_a_code_that_waits_beside_a_phone(world: World, clock: Clock) -> None:
    await world.register(BOB)
    await world.ask_code(BOB, typed_number=NUMBERS[ANN])
    said = await show(world, BOB)
    assert said.startswith("Your phone: +1***0102, One.\n")
    assert "It stays so until you type the code that was asked for, with /phone verify." in said
    clock.forward(minutes=11)
    assert "code" not in await show(world, BOB)


async def test_a_code_that_never_comes_hides_no_stop(world: World, clock: Clock) -> None:
    await world.register(BOB)
    await arrives(world, Kind.STOP, None, trust=Trust.UNPROVEN)
    assert await world.ask_code(BOB) == CODE_SENT
    assert HALTED in await show(world, BOB)
    assert "type the code" not in await show(world, BOB)
    await arrives(world, Kind.STOP, None)
    stopped = stopped_words(clock() + CODE_AFTER)
    assert stopped in await show(world, BOB)
    # No code goes to it now, and one that asks anyway is told what one with a free number is told.
    assert await world.ask_code(BOB) == CODE_SENT
    assert f"{stopped} If a code comes, type it with /phone verify." in await show(world, BOB)


async def test_a_pause_ends_by_itself_or_by_resume(world: World, clock: Clock) -> None:
    await world.register(BOB)
    await world.write(phone.pause, BOB, 1, clock())
    assert await world.refused(ANN, BOB) == REFUSAL
    clock.forward(hours=1)
    await world.text(ANN, BOB)
    said = await world.write(phone.pause, BOB, None, clock())
    assert "until you resume" in said
    clock.forward(days=3650)
    assert await world.refused(ANN, BOB) == REFUSAL
    await world.write(phone.resume, BOB)
    await world.text(ANN, BOB)


@pytest.mark.parametrize("hours", [0, -1, 24 * 365 + 1, 10**9])
async def test_a_pause_of_no_sensible_length_is_refused(world: World, hours: int) -> None:
    await world.register(BOB)
    with pytest.raises(UserError, match="at least 1 hour and at most a year"):
        await world.write(phone.pause, BOB, hours, world.clock())


async def test_without_a_phone_there_is_nothing_to_change(world: World) -> None:
    calls: list[tuple[Any, ...]] = [
        (phone.pause, BOB, 1, START), (phone.resume, BOB), (phone.allow, BOB, GUILD, EVERYONE, START),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(UserError) as caught:
            await world.write(*call)
        assert str(caught.value) == NO_PHONE
    assert await world.rows(OptIn) == []


async def test_allow_narrows_and_widens_one_server_and_is_in_the_ledger(world: World) -> None:
    await world.register(BOB)
    await world.write(phone.allow, BOB, GUILD, NOBODY, world.clock())
    assert await world.refused(ANN, BOB) == REFUSAL
    await world.write(phone.allow, BOB, OTHER_GUILD, EVERYONE, world.clock())
    await world.text(ANN, BOB, guild_id=OTHER_GUILD)
    assert await world.refused(ANN, BOB) == REFUSAL
    await world.write(phone.allow, BOB, GUILD, EVERYONE, world.clock())
    await world.text(ANN, BOB)
    kinds = [(row.kind, row.guild_id) for row in await world.rows(Consent)][2:]
    assert kinds == [("allow nobody", GUILD), ("allow everyone", OTHER_GUILD), ("allow everyone", GUILD)]


async def test_a_block_may_be_made_twice_and_lifted_once(world: World) -> None:
    for _ in range(2):
        await world.write(phone.block, BOB, ANN, world.clock())
    assert len(await world.rows(Block)) == 1
    assert "can text you again" in await world.write(phone.unblock, BOB, ANN)
    assert "wasn't blocked" in await world.write(phone.unblock, BOB, ANN)
    with pytest.raises(UserError, match="can't block yourself"):
        await world.write(phone.block, BOB, BOB, world.clock())


async def test_sent_lists_the_last_twenty_newest_first_without_words(world: World) -> None:
    assert "no texts yet" in await world.write(phone.sent, ANN)
    await world.register(BOB)
    for number in range(22):
        await world.text(ANN, BOB, f"canary {number}")
        world.clock.forward(minutes=1)
    lines = (await world.write(phone.sent, ANN)).splitlines()
    assert len(lines) == 20
    first = int(START.timestamp()) + 21 * 60
    assert lines[0] == f"<t:{first}:R> to <@{BOB}>: waiting"
    assert "canary" not in "".join(lines)
    assert len(await world.rows(TextRow)) == 22
