"""Services and dying gateways, as people meet them."""

import re

from sqlalchemy import select

from bot.db.tables import Consent
from bot.domain.words import CODE_SENT
from tests.flow.town import BOB, CAROL, REGISTERED, Town

CLICKSEND, THROUGH = "clicksend", "sms.clicksend.com"
NEEDS = "It needs an account whose list of allowed senders has the sending address (that is SMTP_FROM)."
PICK = "Name your carrier: type /phone register, choose carrier and pick yours from the list that appears."
FILLED = {"consent": ["agreed"]}


async def choices(town: Town, typed: str) -> list[str]:
    found = await town.bob.autocomplete(town.guild, "phone register", "carrier", typed)
    assert len(found) <= 25
    assert all(1 <= len(choice.name) <= 100 for choice in found)
    return [str(choice.value) for choice in found]


async def test_one_command_switches_a_service_on_and_nobody_needs_a_carrier(any_town: Town) -> None:
    town = any_town
    assert await town.says(town.bob, "phone register") == PICK
    assert CLICKSEND not in await choices(town, "")
    assert CLICKSEND not in await choices(town, "at&t")
    said = await town.says(town.editor, "carrier enable", carrier="ClickSend")
    assert said == f"ClickSend is on for everyone: /phone register works without naming a carrier. {NEEDS}"
    assert (await choices(town, ""))[0] == CLICKSEND
    assert (await choices(town, "at&t"))[:2] == [CLICKSEND, "us-att"]

    asked = await town.bob.slash(town.guild, "phone register")
    assert "through this bot, ClickSend and my carrier" in asked.modal.texts[0]
    sent = await (await town.bob.submit(asked.modal, {"number": BOB, **FILLED})).settled()
    assert sent.content == CODE_SENT
    phone = town.phone(f"+1{BOB}", THROUGH)
    code = await town.code_on(phone)
    assert (await town.type_code(town.bob, code)).startswith(REGISTERED)
    answer = await town.text(town.alice, town.bob, "see https://example.net")
    await answer.settled(lambda a: a.content.startswith("Handed"))
    assert phone.texts[1:] == [town.first("@alice in Home\nsee https://example.net")]
    assert "ClickSend" in await town.says(town.bob, "phone show")
    async with town.store() as store, store.read() as session:
        ledger = set(await session.scalars(select(Consent.wording).where(Consent.person_id == town.bob.id)))
    assert [wording for wording in ledger if not wording.endswith(CLICKSEND)] == []


async def test_a_number_of_any_country_goes_through_a_service(town: Town) -> None:
    await town.says(town.editor, "carrier enable", carrier=CLICKSEND)
    asked = await town.carol.slash(town.guild, "phone register")
    sent = await (await town.carol.submit(asked.modal, {"number": "+44 7400 123456", **FILLED})).settled()
    assert sent.content == CODE_SENT
    assert (await town.code_on(town.phone("+447400123456", THROUGH))).isdigit()


async def test_a_service_that_wants_secrets_is_listed_as_not_supported_with_the_reason(town: Town) -> None:
    reasons = {
        "bulkgate": "It wants the password of the account in the Subject.",
        "lox24": "It wants the key of the account in the address.",
        "gb-esendex": "It wants a secret token in the text.",
        "puzzel": "It wants the id of the account in the address.",
    }
    for slug, reason in reasons.items():
        assert ", not supported)" in await town.says(town.admin, "carrier list", search=slug)
        assert reason in await town.says(town.admin, "carrier show", carrier=slug)
        refused = await town.says(town.editor, "carrier enable", carrier=slug)
        assert refused.endswith(f"cannot be used here. {reason}")
        assert await town.says(town.bob, "phone register", carrier=slug) == refused
    assert town.world.carriers.mails == []


async def test_att_is_refused_with_its_date_and_the_way_out(town: Town) -> None:
    said = await town.says(town.bob, "phone register", carrier="us-att")
    assert said.startswith("AT&T is marked retired since 2025-06-17.")
    assert "Ask an admin for a service" in said
    await town.says(town.editor, "carrier enable", carrier=CLICKSEND)
    said = await town.says(town.bob, "phone register", carrier="us-att")
    assert said.startswith("AT&T is marked retired since 2025-06-17.")
    assert said.endswith(
        "ClickSend carries texts instead: use /phone register with ClickSend as the carrier."
    )


async def test_verizon_counts_down_to_its_end(town: Town) -> None:
    asked = await town.bob.slash(town.guild, "phone register", carrier="us-verizon")
    found = re.search(r"closes on 2027-03-31, in (\d+) days\.", asked.modal.texts[0])
    assert found
    shown = await town.says(town.admin, "carrier show", carrier="us-verizon")
    assert f"closes on 2027-03-31, in {found[1]} days." in shown


async def test_t_mobile_registers_with_a_warning_once_an_editor_enabled_it_and_sends(any_town: Town) -> None:
    town = any_town
    refused = await town.says(town.carol, "phone register", carrier="us-t-mobile")
    assert refused.startswith("T-Mobile is marked failing since 2024-12.")
    asked = await (
        await town.editor.slash(town.guild, "carrier enable", carrier="us-t-mobile", force=True)
    ).settled()
    assert "2024-12" in asked.content
    assert "Evidence: " in asked.content
    pressed = await town.editor.press(asked, "Yes, do it")
    await pressed.settled(lambda a: a.content.startswith("T-Mobile is on for everyone."))
    form = await town.carol.slash(town.guild, "phone register", carrier="us-t-mobile")
    assert "An editor enabled it all the same; the code shows whether it works." in form.modal.texts[0]
    phone = await town.register(town.carol, CAROL, "us-t-mobile", "tmomail.net")
    answer = await town.text(town.alice, town.carol, "it works")
    await answer.settled(lambda a: a.content.startswith("Handed"))
    assert phone.texts[-1] == town.first("@alice in Home\nit works")


async def test_a_link_is_refused_to_a_carrier_before_the_carrier_refuses_it(town: Town) -> None:
    await town.register(town.bob)
    said = (await town.text(town.alice, town.bob, "see https://example.net")).content
    assert said == "Their carrier turns texts with links away as spam. Take the link out, then send it again."
    assert len(town.world.carriers.mails) == 1
