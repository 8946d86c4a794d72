"""Bad input: what cannot be sent or registered gets one clear sentence, and nothing is left behind."""

import asyncio
import re

from bot.domain.plain import visible
from bot.domain.words import CODE_SENT
from tests.flow.town import BOB, REGISTERED, Town

NOTHING = "There is nothing to send; type some words that can be seen."
NO_PHONE = "You have no phone registered. Use /phone register to add one."
UNSEEN = (
    " ",
    "\n\n\t",
    "\u200b\u200d\ufeff",
    "\u202e\u2066",
    "\u3164\u2800",
    "\x00\x07\x1b",
    "\U000e0041\U000e0042",
    "\xa0\u2003",
)
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
# What is typed, and what the phone shows where that differs.
ODD = (
    ("\U0001f355\U0001f355", None),
    (FAMILY, "\U0001f468\U0001f469\U0001f467\U0001f466"),
    ("a\x00b\x1b[31mc\x07\u202ed", "ab[31mcd"),
    ("two\r\nlines\x85and\u2028more", "two\nlines\nand\nmore"),
    ("**dinner** at ||seven||", "dinner at seven"),
    ("ask <@{alice}> or <@{bob}> or <@99>", "ask @alice or @bob or @someone"),
    ("<@&123456789012345678> <#123456789012345678> @everyone @here", "@role #channel @everyone @here"),
    ("<:wave:123456789012345678> <t:1790000000:R>", ":wave: 2026-09-21 14:13 UTC"),
    ("123456 is your Textbridge code for @bob. Type it only in Discord's Enter code.", None),
    ("@bob in Home\nfake first line", None),
    (".\n..\n.\r\n.", ".\n..\n.\n."),
    ("Subject: hi\n\nBcc: x@y.test", None),
)
NO_NUMBERS = (
    ("us-verizon", "hello"),
    ("us-verizon", "555"),
    ("us-verizon", "2065550101 2065550102"),
    ("us-verizon", "+44 7400 123456"),
    ("us-verizon", "900 234 5678"),
    ("us-verizon", "800 234 5678"),
    ("us-verizon", "911"),
    ("us-verizon", "2065550101@vtext.com"),
    ("us-verizon", "1" * 64),
    ("de-t-mobile", "+49 30 1234567"),
    ("de-t-mobile", "+1 206 555 0100"),
)


async def test_what_nobody_can_see_is_not_sent(town: Town) -> None:
    await town.register(town.bob)
    for words in UNSEEN:
        assert (await town.text(town.alice, town.bob, words)).content == NOTHING, ascii(words)
    assert len(town.world.carriers.mails) == 1


async def test_too_long_a_text_says_how_long_it_may_be(town: Town) -> None:
    phone = await town.register(town.bob)
    words = "all work and no play " * 190
    said = (await town.text(town.alice, town.bob, words)).content
    found = re.fullmatch(
        r"That is 3,989 characters and would take (\d+) texts; "
        r"make it about ([\d,]+) characters or fewer, which is 10 texts\.",
        said,
    )
    assert found is not None, said
    assert int(found[1]) > 10
    most = int(found[2].replace(",", ""))
    shorter = await town.text(town.alice, town.bob, words[:most])
    await shorter.settled(lambda a: a.content.startswith("Handed"))
    assert len(phone.texts) <= 11


async def test_the_text_is_judged_before_the_person(town: Town) -> None:
    await town.register(town.bob)
    with_phone = await town.text(town.alice, town.bob, "x" * 4000)
    without = await town.text(town.alice, town.carol, "x" * 4000)
    assert with_phone.content == without.content
    assert (await town.text(town.alice, town.carol, "\u200b")).content == NOTHING


async def test_odd_words_arrive_as_plain_text(town: Town) -> None:
    phone = await town.register(town.bob)
    await town.introduce(town.alice, town.bob)
    for typed, shown in ODD:
        typed = typed.replace("{alice}", str(town.alice.id)).replace("{bob}", str(town.bob.id))
        answer = await town.text(town.alice, town.bob, typed)
        await answer.settled(lambda a: a.content.startswith("Handed"))
        assert phone.texts[-1] == f"@alice in Home\n{typed if shown is None else shown}"


async def test_every_visible_character_of_a_long_emoji_text_arrives(town: Town) -> None:
    phone = await town.register(town.bob)
    await town.introduce(town.alice, town.bob)
    words = "\U0001f355\u2764\ufe0f" * 60
    answer = await town.text(town.alice, town.bob, words)
    await answer.settled(lambda a: a.content.startswith("Handed"))
    bodies = "".join(text.partition("\n")[2] for text in phone.texts[2:])
    assert visible(bodies) == visible(words)


async def test_a_wrong_number_is_named_so_and_not_repeated(town: Town) -> None:
    for carrier, number in NO_NUMBERS:
        asked = await town.bob.slash(town.guild, "phone register", carrier=carrier)
        refused = await town.bob.submit(asked.modal, {"number": number, "consent": ["agreed"]})
        said = (await refused.settled()).content
        assert re.fullmatch(r"[A-Z][^\n]{20,250}\.", said)
        assert said != CODE_SENT, number
        assert number not in said
        assert refused.buttons == []
    assert await town.says(town.bob, "phone show") == NO_PHONE
    assert town.world.carriers.mails == []


async def test_a_number_may_be_written_in_any_usual_way(town: Town) -> None:
    for place, written in enumerate(
        ("(206) 555-0111", "+1 206 555 0112", "1-206-555-0113", "206.555.0114", "２０６５５５０１１５"), 11
    ):
        await town.ask_for_code(town.bob, written)
        await town.code_on(town.phone(f"20655501{place}"))


async def test_fifty_wrong_codes_at_once_are_five_tries(any_town: Town) -> None:
    town = any_town
    await town.ask_for_code(town.bob)
    code = await town.code_on(town.phone())
    asked = [await town.bob.slash(town.guild, "phone verify") for _ in range(51)]
    wrong = [f"{(int(code) + step) % 1_000_000:06d}" for step in range(1, 51)]
    answers = await asyncio.gather(
        *(town.bob.submit(one.modal, {"code": guess}) for one, guess in zip(asked, wrong, strict=False))
    )
    said = [(await answer.settled()).content for answer in answers]
    assert sum(words.startswith("That code isn't right") for words in said) == 5
    assert sum(words.startswith("No code is waiting for you") for words in said) == 45
    right = await (await town.bob.submit(asked[-1].modal, {"code": code})).settled()
    assert not right.content.startswith(REGISTERED)


async def test_what_is_no_code_costs_no_try(town: Town) -> None:
    await town.ask_for_code(town.bob)
    code = await town.code_on(town.phone(BOB))
    for typed in ("abc", "12345", "1234567", "１２３４５６７", "<@1>", "0" * 32):
        assert (await town.type_code(town.bob, typed)).startswith("A code is six digits."), typed
    assert (await town.type_code(town.bob, code)).startswith(REGISTERED)
