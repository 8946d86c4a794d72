"""A phone is registered only by the code that it showed."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot.db.tables import CodeUse, Consent, Mark, OptIn, OutboxItem, Registration, Verification
from bot.domain.catalogue import Carrier, Form, Gateway
from bot.domain.catalogue_file import Catalogue
from bot.domain.consent import EVERYONE, NOBODY, WORDING_VERSION
from bot.domain.errors import UserError
from bot.domain.words import CARRIER_CHANGED, CODE_SENT, EVICTED, REFUSAL
from bot.services import carriers, phone
from bot.services.carrier_change import Actor, Change
from bot.services.shelf import Shelf
from tests.services.world import ANN, BOB, CARL, GUILD, NUMBERS, OTHER_GUILD, Clock, World

WRONG = "000000"


async def wrong_code(world: World, person: int) -> str:
    right = await world.code_of(person)
    return WRONG if right != WRONG else "000001"


async def test_the_right_code_makes_a_registration_that_opts_in_where_it_was_asked(world: World) -> None:
    assert await world.ask_code(ANN) == CODE_SENT
    assert await world.rows(Registration) == []
    checked = await world.type_code(ANN, f" {await world.code_of(ANN)} ")
    assert checked.proven
    assert "registered" in checked.sentence
    (phone,) = await world.rows(Registration)
    assert (phone.person_id, phone.carrier) == (ANN, "us-one")
    assert (phone.domain, phone.form) == ("one.example.net", "national")
    assert (phone.state, phone.version, phone.country, phone.paused_until) == ("active", 1, "US", None)
    assert world.store.vault.open(phone.number_sealed) == "+12065550101"
    (opt_in,) = await world.rows(OptIn)
    assert (opt_in.person_id, opt_in.guild_id, opt_in.audience) == (ANN, GUILD, EVERYONE)
    ledger = [(row.person_id, row.kind, row.wording, row.guild_id) for row in await world.rows(Consent)]
    assert ledger == [(ANN, kind, WORDING_VERSION, GUILD) for kind in ("register", "verified")]
    assert await world.rows(Verification) == []


async def test_registered_in_a_dm_no_server_may_text_yet(world: World) -> None:
    await world.ask_code(ANN, guild_id=None)
    checked = await world.type_code(ANN, await world.code_of(ANN))
    assert "/phone allow" in checked.sentence
    assert await world.rows(OptIn) == []


async def test_a_code_lives_ten_minutes(world: World, clock: Clock) -> None:
    await world.ask_code(ANN)
    code = await world.code_of(ANN)
    clock.forward(minutes=10)
    assert "run out" in (await world.type_code(ANN, code)).sentence
    await world.ask_code(ANN)
    code = await world.code_of(ANN)
    clock.forward(minutes=10, seconds=-1)
    assert (await world.type_code(ANN, code)).proven


async def test_five_wrong_codes_and_the_right_one_is_too_late(world: World) -> None:
    await world.ask_code(ANN)
    right, wrong = await world.code_of(ANN), await wrong_code(world, ANN)
    said = [(await world.type_code(ANN, wrong)).sentence for _ in range(5)]
    assert [sentence.split(";")[-1].split(".")[0].strip() for sentence in said[:4]] == [
        "4 tries left", "3 tries left", "2 tries left", "1 try left",
    ]  # fmt: skip
    assert "last try" in said[4]
    assert not (await world.type_code(ANN, right)).proven
    assert await world.rows(Registration) == []


async def test_the_fifth_try_may_be_right(world: World) -> None:
    await world.ask_code(ANN)
    for _ in range(4):
        await world.type_code(ANN, await wrong_code(world, ANN))
    assert (await world.type_code(ANN, await world.code_of(ANN))).proven


async def test_fifty_wrong_codes_at_once_have_five_tries_between_them(world: World) -> None:
    await world.ask_code(ANN)
    right, wrong = await world.code_of(ANN), await wrong_code(world, ANN)
    answers = await asyncio.gather(*(world.type_code(ANN, wrong) for _ in range(50)))
    assert sum("isn't right" in answer.sentence for answer in answers) == 5
    assert not (await world.type_code(ANN, right)).proven


async def test_the_right_code_typed_twice_at_once_registers_once(world: World) -> None:
    await world.ask_code(ANN)
    code = await world.code_of(ANN)
    answers = await asyncio.gather(*(world.type_code(ANN, code) for _ in range(5)))
    assert sum(answer.proven for answer in answers) == 1
    assert len(await world.rows(Registration)) == 1


async def test_a_code_is_no_use_to_somebody_else(world: World) -> None:
    await world.ask_code(ANN)
    await world.ask_code(BOB)
    if await world.code_of(ANN) != await world.code_of(BOB):
        assert not (await world.type_code(BOB, await world.code_of(ANN))).proven
    assert "No code is waiting" in (await world.type_code(CARL, await world.code_of(ANN))).sentence


async def test_of_a_code_only_a_mac_and_a_sealed_mail_are_kept(world: World) -> None:
    await world.ask_code(ANN)
    code = (await world.code_of(ANN)).encode()
    (waiting,), (mail,) = await world.rows(Verification), await world.rows(OutboxItem)
    cells = [getattr(row, column.name) for row in (waiting, mail) for column in row.__table__.columns]
    plain = b"|".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells)
    assert code not in plain
    index = world.store.vault.number_index("+12065550101")
    assert waiting.code_mac == world.store.vault.code_mac(ANN, index, code.decode())
    assert mail.priority == 0
    assert mail.expires_at == world.clock() + timedelta(minutes=10)


async def test_a_new_code_kills_the_earlier_one_of_the_same_person(world: World) -> None:
    await world.ask_code(ANN)
    first = await world.code_of(ANN)
    await world.ask_code(ANN, typed_number="206 555 0150")
    assert [row.state for row in await world.rows(OutboxItem)] == ["cancelled", "waiting"]
    if first != await world.code_of(ANN):
        assert not (await world.type_code(ANN, first)).proven
    assert (await world.type_code(ANN, await world.code_of(ANN))).proven


async def test_a_new_code_kills_the_earlier_one_for_the_same_number(world: World) -> None:
    await world.ask_code(ANN)
    first = await world.code_of(ANN)
    await world.ask_code(BOB, typed_number=NUMBERS[ANN])
    assert "No code is waiting" in (await world.type_code(ANN, first)).sentence
    assert (await world.type_code(BOB, await world.code_of(BOB))).proven


@pytest.mark.parametrize(("earlier", "later"), [(ANN, BOB), (BOB, ANN)])
async def test_who_proves_a_number_later_has_it(world: World, earlier: int, later: int) -> None:
    number = NUMBERS[CARL]
    await world.register(earlier, typed_number=number)
    await world.ask_code(later, typed_number=number)
    checked = await world.type_code(later, await world.code_of(later))
    assert (checked.proven, checked.evicted) == (True, earlier)
    assert [row.person_id for row in await world.rows(Registration)] == [later]
    assert [notice.words for notice in await world.notices(earlier)] == [EVICTED]
    assert await world.notices(later) == []


async def test_a_race_for_one_number_has_one_winner(world: World) -> None:
    number = NUMBERS[CARL]

    async def race(person: int) -> bool:
        await world.ask_code(person, typed_number=number)
        try:
            code = await world.code_of(person)
        except IndexError:
            return False
        return (await world.type_code(person, code)).proven

    proven = await asyncio.gather(race(ANN), race(BOB))
    winners = [person for person, won in zip((ANN, BOB), proven, strict=True) if won]
    holders = [row.person_id for row in await world.rows(Registration)]
    assert len(holders) == 1
    assert holders[0] in winners
    evicted = [person for person in winners if person not in holders]
    assert [bool(await world.notices(person)) for person in (ANN, BOB)] == [p in evicted for p in (ANN, BOB)]


async def test_two_people_may_swap_their_numbers_at_once(world: World) -> None:
    for _ in range(3):
        await world.register(ANN)
        await world.register(BOB)
        await world.ask_code(ANN, typed_number=NUMBERS[BOB])
        await world.ask_code(BOB, typed_number=NUMBERS[ANN])
        codes = [await world.code_of(ANN), await world.code_of(BOB)]
        checked = await asyncio.gather(world.type_code(ANN, codes[0]), world.type_code(BOB, codes[1]))
        assert all(check.proven for check in checked)
        phones = await world.rows(Registration)
        held = {phone.person_id: world.store.vault.open(phone.number_sealed) for phone in phones}
        assert held == {ANN: "+12065550102", BOB: "+12065550101"}
        world.clock.forward(days=20)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"carrier_slug": "us-retired"}, "retired since 2025-06-17"),
        ({"carrier_slug": "us-failing"}, "failing since 2024-12"),
        ({"carrier_slug": "any-service"}, "not switched on"),
        ({"carrier_slug": "us-pager"}, "pages for pagers"),
        ({"carrier_slug": "us-nowhere"}, "no such carrier"),
        ({"consented": False}, "agreement"),
        ({"typed_number": "12"}, "number"),
        ({"typed_number": "+49 1512 3456789"}, "United States"),
    ],
)
async def test_what_cannot_be_registered_writes_nothing(
    world: World, change: dict[str, str], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        await world.ask_code(ANN, **change)
    for table in (Verification, OutboxItem, Consent, CodeUse, Mark):
        assert await world.rows(table) == []


async def test_a_form_that_is_not_known_is_picked_from_the_choices(world: World) -> None:
    german = {"carrier_slug": "de-open", "typed_number": "01512 3456789"}
    forms = []
    for form in (None, Form.TRUNK, Form.COUNTRY, Form.PREFIX):
        await world.ask_code(ANN, form=form, **german)
        forms.append((await world.rows(Verification))[0].form)
        world.clock.forward(days=1)
    assert forms == ["trunk", "trunk", "country", "trunk"]
    await world.ask_code(ANN, form=Form.COUNTRY, carrier_slug="us-one")
    assert (await world.rows(Verification))[0].form == "national"


async def test_a_number_that_does_not_fit_the_gateways_form_is_refused_before_anything_is_written(
    world: World,
) -> None:
    gateway = Gateway("short.example.net", Form.NATIONAL)
    world.shelf = Shelf(
        Catalogue((Carrier(slug="fo-short", name="Short", country="FO", gateway=gateway),)), frozenset()
    )
    with pytest.raises(UserError, match="doesn't fit Short's gateway"):
        await world.ask_code(ANN, carrier_slug="fo-short", typed_number="211234")
    for table in (Verification, OutboxItem, CodeUse, Consent):
        assert await world.rows(table) == []


async def test_who_lost_their_number_is_texted_by_nobody_until_they_allow_it_again(world: World) -> None:
    await world.register(ANN, typed_number=NUMBERS[CARL])
    await world.write(phone.allow, ANN, OTHER_GUILD, NOBODY, world.clock())
    await world.register(BOB, typed_number=NUMBERS[CARL])
    await world.register(ANN, guild_id=None)
    assert await world.refused(BOB, ANN) == REFUSAL
    kept = [(row.person_id, row.guild_id, row.audience) for row in await world.rows(OptIn)]
    assert kept == [(ANN, OTHER_GUILD, NOBODY), (BOB, GUILD, EVERYONE)]


async def test_registering_again_does_not_undo_an_explicit_nobody(world: World) -> None:
    await world.register(ANN)
    await world.write(phone.allow, ANN, GUILD, NOBODY, world.clock())
    await world.ask_code(ANN)
    checked = await world.type_code(ANN, await world.code_of(ANN))
    assert checked.proven
    assert "nobody in this server" in checked.sentence
    assert "/phone allow" in checked.sentence
    assert await world.refused(BOB, ANN) == REFUSAL


async def test_no_command_tells_a_capped_number_from_a_free_one(world: World) -> None:
    for person in (1, 2, 3):
        await world.ask_code(person, typed_number=NUMBERS[ANN])
    said = []
    for person, number in ((BOB, NUMBERS[BOB]), (CARL, NUMBERS[ANN])):
        sentences = [await world.ask_code(person, typed_number=number)]
        sentences.append(await world.write(phone.show, person, world.shelf, world.clock()))
        wrong = WRONG if person == CARL else await wrong_code(world, BOB)
        sentences += [(await world.type_code(person, wrong)).sentence for _ in range(6)]
        await world.ask_code(person, typed_number=number)
        sentences.append(await world.write(phone.remove, person, world.clock()))
        said.append(sentences)
    assert said[0] == said[1]


async def test_a_code_for_a_capped_number_proves_nothing_and_kills_no_code(world: World) -> None:
    for person in (ANN, 2, 3):
        await world.ask_code(person, typed_number=NUMBERS[ANN])
    await world.ask_code(BOB, typed_number=NUMBERS[ANN])
    alive = [row.person_id for row in await world.rows(Verification)]
    assert sorted(alive) == [3, BOB]
    (decoy,) = await world.rows(Verification, Verification.person_id == BOB)
    assert decoy.code_mac == b""
    assert world.store.vault.open(decoy.number_sealed) == ""
    assert len(decoy.number_index) == 32
    assert await world.rows(OutboxItem, OutboxItem.queue == -BOB) == []
    assert (await world.type_code(3, await world.code_of(3))).proven


@pytest.mark.parametrize("how", ["disabled", "removed", "moved"])
async def test_a_code_does_not_register_a_phone_whose_carrier_was_closed_meanwhile(
    world: World, how: str
) -> None:
    await world.ask_code(ANN)
    await world.ask_code(BOB, carrier_slug="us-two")
    code = await world.code_of(ANN)
    editor = Actor(CARL, GUILD, is_editor=True, is_admin=False)
    arguments: tuple[Any, ...] = (world.shelf, editor, "us-one")
    if how == "disabled":
        await world.write(carriers.switch, *arguments, False, world.clock(), confirmed=True)
    elif how == "removed":
        await world.write(carriers.remove, *arguments, world.clock(), confirmed=True)
    else:
        change = Change(domain="moved.example.net")
        await world.write(carriers.edit, *arguments, change, world.clock(), confirmed=True)
    checked = await world.type_code(ANN, code)
    assert not checked.proven
    assert "/phone register" in checked.sentence
    assert await world.rows(Registration) == []
    assert [row.person_id for row in await world.rows(Verification)] == [BOB]
    told = [notice.words for notice in await world.notices(ANN)]
    if how == "removed":
        assert [words.partition(",")[0] for words in told] == ["The bot no longer sends texts through One"]
    else:
        assert told == ([] if how == "disabled" else [CARRIER_CHANGED])
    assert await world.notices(BOB) == []
