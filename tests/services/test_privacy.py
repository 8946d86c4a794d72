"""What is kept of a person is theirs to see, to take and to end."""

import gzip
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import answer_channels, inbound, listing, policies, replies, texts
from bot.db.base import Base
from bot.db.crypto import is_pseudonym
from bot.db.inbound import Taken
from bot.db.person_tables import PERSON_COLUMNS
from bot.db.reply_tables import Reply as Answer
from bot.db.scrub import scrub
from bot.db.store import Store
from bot.db.tables import (
    Audit,
    CodeUse,
    Consent,
    DomainRequest,
    GuildBlock,
    Lane,
    ListedSender,
    Mark,
    Notice,
    OutboxItem,
    Registration,
    TextRow,
    UrgentSender,
    Verification,
)
from bot.domain.catalogue import Form
from bot.domain.outcome import Reply, Step
from bot.domain.states import State
from bot.domain.words import CODE_SENT, REFUSAL
from bot.services import bridge, bridge_pages, carrier_test, carriers, gateway_domains, phone, privacy
from bot.services.carrier_change import Actor, Change
from bot.services.notices import words_for
from tests.services.test_phone_removal import DORA, DORAS_NUMBER, a_full_life, cells_with_dora, sealed_values
from tests.services.world import (
    ANN,
    BOB,
    CARL,
    GUILD,
    NUMBERS,
    OTHER_GUILD,
    Road,
    World,
    answer_token,
    interactions,
    work,
)

# What may hold her id after /privacy erase, and why: PRIVACY.md says the same.
STAYS = {
    ("blocks", "blocked_id"),  # others' blocks are theirs: an erased pest must not be let in again
    ("usages", "key"),  # counters against abuse, until they end
    ("code_uses", "key"),
    ("guild_blocks", "person_id"),  # as others' blocks
}
DORA_ADMIN = Actor(DORA, GUILD, is_editor=False, is_admin=True)
DORA_EDITOR = Actor(DORA, OTHER_GUILD, is_editor=True, is_admin=True)


async def a_fuller_life(world: World) -> tuple[int, int]:
    """Give Dora a row under each of PERSON_COLUMNS; returns a text to her and one from her."""
    found = await a_full_life(world)
    now = world.clock()
    for actor, name, domain in (
        (DORA_ADMIN, "Hers", "one.example.net"),
        (DORA_ADMIN, "Wished", "wish.example.net"),
        (DORA_EDITOR, "Far", "far.example.net"),
    ):
        add = Change(name=name, domain=domain, country="US", form=Form.NATIONAL)
        await world.write(carriers.add, world.shelf, actor, add, now, confirmed=True)
        await world.write(world.shelf.refresh)
    probe = carrier_test.Probe(next(interactions), DORA_ADMIN, "dora", "us-one", answer_token(world.clock))
    await world.write(carrier_test.send, probe, world.rules, now)
    await world.write(refuse_her)
    await world.write(answer_each_other, *found, now)
    await world.write(trust_each_other, now)
    await world.write(answer_channels.add, [(found[1], GUILD, 5)], now)
    await world.write(listing.introduce, [(DORA, ANN, found[0]), (BOB, DORA, found[1])])
    return found


async def trust_each_other(session: AsyncSession, now: datetime) -> None:
    """Let Dora list people and be listed, and bar members as an admin and be barred elsewhere."""
    for one, other in ((DORA, BOB), (BOB, DORA)):
        session.add(ListedSender(person_id=one, guild_id=GUILD, subject_id=other, is_role=False))
        session.add(UrgentSender(person_id=one, granted_id=other, at=now))
    session.add(Consent(person_id=BOB, kind="urgent", wording="1", other_id=DORA, at=now))
    session.add(GuildBlock(guild_id=GUILD, person_id=CARL, blocked_by=DORA, at=now))
    await bridge.block(session, OTHER_GUILD, ANN, DORA, now)


async def answer_each_other(session: AsyncSession, to_dora: int, from_dora: int, now: datetime) -> None:
    """Let Dora's phone have answered, and be answered to; each wants to hear no more."""
    same: dict[str, Any] = {"pictures": (), "proven": True, "held": False, "at": now}
    await replies.add(session, text=(to_dora, DORA, ANN, GUILD), words="canary answer", **same)
    await replies.add(session, text=(from_dora, BOB, DORA, GUILD), words="canary of Bob", **same)
    await replies.mute(session, DORA, BOB, now)
    await replies.mute(session, ANN, DORA, now)
    await replies.let_go_on(session, DORA, now)
    await inbound.take(session, Taken("INBOX", 1, 7, "<a@b>", "done", "reply", "mail_id", DORA, to_dora), now)


async def refuse_her(session: AsyncSession) -> None:
    """Let a gateway have refused her, and somebody else."""
    session.add(Lane(domain="wish.example.net", refused=f"{BOB} {DORA} -{DORA}"))


def key_of(table: str, row: Any) -> tuple[str, ...]:
    return (table, *(str(row[column.name]) for column in Base.metadata.tables[table].primary_key.columns))


async def rows_with_dora(world: World) -> set[tuple[str, ...]]:
    """Name every row of the store that holds her id in any cell, or that of a text that does."""
    found, hers = set(), set()
    async with world.store.read() as session:
        for table in Base.metadata.sorted_tables:
            for row in (await session.execute(table.select())).mappings():
                named = any(str(DORA) in re.findall(r"\d+", str(value)) for value in row.values())
                if named and table.name == "texts":
                    hers.add(row["id"])
                if named or row.get("text_id") in hers:
                    found.add(key_of(table.name, row))
    return found


async def test_the_export_is_all_that_the_store_has_of_a_person(world: World) -> None:
    await a_fuller_life(world)
    async with world.store.read() as session:
        kept = await privacy.collect(session, DORA)
    tables = {held.called: held.table.__tablename__ for held in PERSON_COLUMNS}
    given = {
        key_of(tables.get(called) or called.partition("(")[2].rstrip(")"), row)
        for called, rows in kept.items()
        for row in rows
    }
    missing = await rows_with_dora(world) - given
    codes = {
        key_of("outbox", {"id": row.id}) for row in await world.rows(OutboxItem, OutboxItem.queue == -DORA)
    }
    others = {("blocks", "13", str(DORA)), ("usages", f"pair:{ANN}:{DORA}"), ("lanes", "wish.example.net")}
    others |= {key_of("replies", {"id": row.id}) for row in await world.rows(Answer, Answer.to_id == DORA)}
    others |= {("reply_mutes", str(ANN), str(DORA)), ("guild_blocks", str(OTHER_GUILD), str(DORA))}
    others |= {("listed_senders", str(BOB), str(GUILD), str(DORA)), ("urgent_senders", str(BOB), str(DORA))}
    others |= {
        key_of("consents", {"id": row.id}) for row in await world.rows(Consent, Consent.other_id == DORA)
    }
    barred = await world.rows(Audit, Audit.subject == str(DORA))
    others |= {key_of("audit", {"id": row.id}) for row in barred}
    about = {row for row in missing if row[0] in ("notices", "attempts")}  # others' news of texts to her
    assert missing - about == codes | others
    assert [held.called for held in PERSON_COLUMNS if held.given and not kept[held.called]] == []
    assert {row["person_id"] for row in kept["phones"]} == {DORA}
    assert [row["number"] for row in kept["phones"]] == [DORAS_NUMBER]


async def test_an_export_opens_words_and_leaves_keys_out(world: World) -> None:
    await a_fuller_life(world)
    async with world.store.read() as session:
        kept = await privacy.collect(session, DORA)
    export = await privacy.write_export(kept, DORA, world.clock())
    read = json.loads(export.content)
    assert (export.name, read["discord_id"], read["kept"]) == ("textbridge.json", str(DORA), kept)
    said = export.content.decode()
    assert "canary" in said
    assert "from Dora" in said
    waiting = await world.code_of(DORA)
    index = world.store.vault.number_index(DORAS_NUMBER).hex()
    for secret in (waiting, "answer-token", index, "2065550189", NUMBERS[BOB]):
        assert secret not in said
    assert "canary" not in repr(export)


async def test_an_export_too_large_for_discord_is_packed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privacy, "LARGEST_PLAIN_BYTES", 10)
    export = await privacy.write_export({"phones": [{"number": "+1"}]}, DORA, world.clock())
    assert export.name == "textbridge.json.gz"
    assert json.loads(gzip.decompress(export.content))["kept"] == {"phones": [{"number": "+1"}]}


async def test_nothing_kept_tells_a_free_number_from_one_that_takes_no_codes(world: World) -> None:
    for person in (21, 22, 23):
        assert await world.ask_code(person, typed_number=NUMBERS[ANN]) == CODE_SENT
    shown = []
    for person, number in ((31, NUMBERS[ANN]), (32, NUMBERS[BOB])):
        await world.ask_code(person, typed_number=number)
        async with world.store.read() as session:
            kept = json.dumps(await privacy.collect(session, person))
            shown.append((await privacy.show(session, person, world.shelf), kept))
    assert [len(await world.rows(OutboxItem, OutboxItem.queue == -person)) for person in (31, 32)] == [0, 1]
    free, capped = shown
    assert free[0] == capped[0]
    names = re.compile(r'"(?:id|person_id|handle)": [^,}]+|person:?\d+')
    assert names.sub("", free[1]) == names.sub("", capped[1])


async def test_erasing_leaves_only_what_must_stay(world: World, road: Road) -> None:
    to_her, from_her = await a_fuller_life(world)
    assert (await world.standing(to_her))[0] == State.QUEUED
    assert await world.write(privacy.erase, DORA, world.clock()) == privacy.ERASED
    assert await cells_with_dora(world) == STAYS
    opened = " ".join(await sealed_values(world))
    for trace in (DORAS_NUMBER, "2065550189", "canary", "from Dora"):
        assert trace not in opened
    for table, where in (
        (Registration, Registration.person_id == DORA),
        (Verification, Verification.person_id == DORA),
        (TextRow, TextRow.sender_id == DORA),
        (OutboxItem, OutboxItem.text_id == from_her),
        (Notice, Notice.person_id == DORA),
    ):
        assert await world.rows(table, where) == []
    # Her senders hear the one refusal, without her name.
    async with world.store.read() as session:
        assert words_for((await texts.standings(session, [to_her]))[to_her]) == REFUSAL
    assert to_her in {notice.text_id for notice in await world.notices(ANN)}
    assert await world.refused(ANN, DORA) == REFUSAL
    await work(world.relay(road), 3)
    assert road.taken == []
    assert "that person" in await world.write(phone.sent, ANN)


async def test_proof_stays_under_a_name_that_only_the_person_finds(world: World) -> None:
    await a_fuller_life(world)
    await world.write(privacy.erase, DORA, world.clock())
    pseudonym = world.store.vault.pseudonym(DORA)
    assert is_pseudonym(pseudonym)
    ledger = await world.rows(Consent, Consent.person_id == pseudonym)
    assert [row.kind for row in ledger] == ["register", "verified", "allow everyone", "register", "erased"]
    assert {row.actor_id for row in await world.rows(Audit, Audit.guild_id == GUILD)} == {pseudonym}
    (barred,) = await world.rows(Audit, Audit.action == "block")
    assert (barred.actor_id, barred.subject) == (ANN, str(pseudonym))
    async with world.store.read() as session:
        assert (await bridge_pages.audit(session, GUILD, 1)).words.count(" somebody: ") == 2
        assert f" <@{ANN}>: block somebody\n" in (await bridge_pages.audit(session, OTHER_GUILD, 1)).words
    async with world.store.read() as session:
        kept = await privacy.collect(session, DORA)
    found = kept["lines of what you agreed to or took back"]
    assert [row["kind"] for row in found] == [row.kind for row in ledger]
    # Whoever is told of an answer to what she asked: nobody.
    (request,) = await world.rows(DomainRequest)
    await world.write(gateway_domains.answer, world.shelf, 1, request.id, world.clock(), allow=True)
    assert await world.notices(pseudonym) == []
    (asked,) = await world.rows(Notice, Notice.request_id == request.id)
    assert asked.words.startswith("somebody, an admin of")
    assert (await world.rows(Lane, Lane.domain == "wish.example.net"))[0].refused == str(BOB)


async def test_a_mail_on_the_road_while_its_sender_or_recipient_is_erased_ends_quietly(
    world: World, road: Road
) -> None:
    await world.register(BOB)
    await world.register(DORA, typed_number=DORAS_NUMBER)
    to_her, from_her = await world.text(ANN, DORA), await world.text(DORA, BOB)
    road.open.clear()
    road.answer = lambda _: Reply(Step.RCPT, 451)
    relay = world.relay(road)
    await relay.one_pass()
    await road.begun.wait()
    await world.write(privacy.erase, DORA, world.clock())
    road.open.set()
    await relay.finish()
    world.clock.forward(minutes=1)
    await work(relay, 2)
    assert len(road.tried) == 2
    assert await world.standing(to_her) == (State.CANCELLED, "", 0)
    assert await world.rows(TextRow, TextRow.id == from_her) == []
    assert await cells_with_dora(world) <= STAYS | {("lanes", "refused")}


async def test_erasing_nothing_says_so_and_writes_no_ledger(world: World) -> None:
    await world.write(privacy.erase, DORA, world.clock())
    assert await world.rows(Consent) == []
    async with world.store.read() as session:
        assert (await privacy.show(session, DORA, world.shelf)).startswith("Nothing is kept of you here.")


async def test_erasing_lifts_no_limit(world: World) -> None:
    for _ in range(4):
        await world.ask_code(DORA, typed_number=DORAS_NUMBER)
        await world.write(privacy.erase, DORA, world.clock())
    (uses,) = await world.rows(CodeUse, CodeUse.key.startswith("number:"))
    assert len(uses.times.split(",")) == 3


def bytes_of(store: Store) -> bytes:
    path = Path(str(store.engine.url.database))
    return b"".join(each.read_bytes() for each in sorted(path.parent.glob(f"{path.name}*")))


@pytest.mark.parametrize("shared_store", ["sqlite"], indirect=True)
async def test_no_file_of_sqlite_keeps_what_was_erased(world: World) -> None:
    for person in range(100, 160):
        await world.register(person, typed_number=f"206 555 0{person}")
    await a_fuller_life(world)
    for sender in (BOB, ANN):
        await world.text(sender, 100, "somebody else's")
    sealed = [row.number_sealed for row in await world.rows(Registration, Registration.person_id == DORA)]
    theirs = OutboxItem.queue.in_([DORA, -DORA]) | (OutboxItem.sender_id == DORA)
    sealed += [row.words_sealed for row in await world.rows(OutboxItem, theirs) if row.words_sealed]
    sealed += [row.answer_sealed for row in await world.rows(TextRow, TextRow.sender_id == DORA)]
    # Others' blocks of her would stay.
    await world.write(phone.unblock, CARL, DORA)
    await world.write(policies.lift, OTHER_GUILD, DORA)
    index = world.store.vault.number_index(DORAS_NUMBER)
    canaries = [index, *filter(None, sealed), DORA.to_bytes(4), f"<@{DORA}>".encode()]
    assert len(canaries) > 6
    before = bytes_of(world.store)
    assert all(canary in before for canary in canaries)
    await world.write(privacy.erase, DORA, world.clock())
    await scrub(world.store)
    after = bytes_of(world.store)
    assert [canary for canary in canaries if canary in after] == []
    assert await world.rows(Mark, Mark.name == "scrub") == []
