"""Which text a mail is about: by a proof of ours, or a registered number; what is forged reaches nobody."""

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from bot.db.people import HALTED, STOPPED
from bot.db.tables import Inbound, Registration, Reply, Suppression, Verification
from bot.domain.inbound import Belonging, Kind, Trust
from bot.domain.returns import Returns
from bot.domain.states import State
from bot.inbox_role import InboxRole
from bot.services import privacy
from bot.services.inbox import MOST_A_MINUTE, MOST_ACTS, MOST_OCTETS, SHORT_OCTETS
from tests.conftest import telling
from tests.db.stores import sqlite_first
from tests.flow.mailroom import bounce
from tests.peers.imap_script import ImapScript
from tests.services.postroom import AUTHSERV, PATTERN, PHONE, Postroom, opened
from tests.services.world import ANN, BOB, CARL, GUILD, NUMBERS, World

pytestmark = sqlite_first

PASSED = f"Authentication-Results: {AUTHSERV}; dmarc=pass header.from=one.example.net\r\n"
FAILED = f"Authentication-Results: {AUTHSERV}; dmarc=fail header.from=one.example.net\r\n"
CARLS = "2065550103@one.example.net"
PLAIN = "bot@example.org"


@pytest.fixture
async def room(world: World) -> AsyncIterator[Postroom]:
    async with opened(world) as (_, postroom):
        yield postroom


async def closed(role: InboxRole) -> None:
    role.mailbox.close()
    await role.reader.close()


async def belonging(room: Postroom, raw: bytes) -> Belonging | None:
    """Let a mail come in, and one behind it that is surely ours; say whom the first was taken for."""
    server: ImapScript = room.server
    async with room.at_work():
        server.deliver(raw)
        (last,) = server.deliver(room.reply(room.address(-BOB), "last", number=77))
        await server.seen(last)
    found = [one.belonging for one in room.acted if one.reading.words != "last"]
    first = server.mails[last - 1]
    assert (r"\Seen" in first.flags) is bool(found)
    return found[0] if found else None


def about(text_id: int | None, trust: Trust) -> Belonging:
    if text_id is None:
        return Belonging(trust, BOB)
    return Belonging(trust, BOB, text_id, ANN, GUILD)


async def test_an_answer_to_a_texts_address_belongs_to_it(room: Postroom) -> None:
    text_id = await room.text()
    await room.text("a later one")
    for author in (PHONE, "somebody@phones.example", "MAILER-DAEMON@one.example.net"):
        room.acted.clear()
        raw = room.reply(room.address(text_id), "ok", number=len(author), author=author)
        assert await belonging(room, raw) == about(text_id, Trust.ADDRESSED)


async def test_the_address_of_our_own_words_belongs_to_the_phone_that_got_them(room: Postroom) -> None:
    assert await belonging(room, room.reply(room.address(-BOB))) == about(None, Trust.ADDRESSED)
    room.acted.clear()
    other = room.reply(room.address(-BOB), number=2, author="2065550144@one.example.net")
    assert await belonging(room, other) == replace(about(None, Trust.ADDRESSED), earlier=True)


async def code_address(room: Postroom, asker: int, number: str) -> str:
    """Have somebody ask for a code; returns where answers to it go."""
    await room.world.ask_code(asker, typed_number=number)
    (waiting,) = await room.world.rows(Verification, Verification.person_id == asker)
    return room.address(-waiting.id)


async def test_a_code_s_address_belongs_to_the_number_it_went_to(room: Postroom) -> None:
    to, author = await code_address(room, ANN, "206 555 0144"), "2065550144@one.example.net"
    went_to = room.world.store.vault.number_index("+12065550144")
    for number, written in enumerate((author, "eve@phones.example"), 1):
        found = await belonging(room, room.reply(to, "STOP", number=number, author=written))
        assert found == Belonging(Trust.ADDRESSED, 0, code_index=went_to)
        room.acted.clear()
    assert [row.number_index for row in await room.world.rows(Suppression)] == [went_to]


async def test_an_answer_that_names_our_message_id_belongs_to_its_text(room: Postroom) -> None:
    text_id = await room.text()
    mail_id = room.returns.mail_id("ab" * 16, text_id)
    for number, name in enumerate(("In-Reply-To", "References"), 1):
        room.acted.clear()
        more = f"{name}: <1@x.example> <{mail_id}@example.org>\r\n"
        raw = room.reply(PLAIN, "ok", author="x@phones.example", more=more, number=number)
        assert await belonging(room, raw) == about(text_id, Trust.MAIL_ID)


async def test_a_bounce_that_names_our_mail_only_within_returns_its_text(room: Postroom) -> None:
    text_id = await room.text()
    returned = (
        f"Message-ID: <{room.returns.mail_id('ab' * 16, text_id)}@example.org>\r\n\r\ndinner\r\n".encode()
    )
    assert await belonging(room, bounce(PLAIN, returned)) == about(text_id, Trust.MAIL_ID)
    assert (await room.world.standing(text_id))[0] == State.BOUNCED


async def test_a_bounce_of_the_operators_own_mail_is_left_alone(room: Postroom) -> None:
    returned = b"Message-ID: <CAF+personal@mail.example>\r\n\r\nto mum\r\n"
    assert await belonging(room, bounce(PLAIN, returned)) is None
    assert room.server.mails[1].flags == set()


async def test_a_registered_number_that_is_vouched_for_means_its_last_conversation(room: Postroom) -> None:
    await room.text("first")
    room.world.clock.forward(minutes=1)
    text_id = await room.text("second")
    assert await belonging(room, room.reply(PLAIN, more=PASSED)) == about(text_id, Trust.PROVEN)
    for number, more in enumerate(
        ("", FAILED, FAILED + PASSED, PASSED.replace(AUTHSERV, "mx.evil.example")), 2
    ):
        room.acted.clear()
        raw = room.reply(PLAIN, more=more, number=number)
        assert await belonging(room, raw) == about(text_id, Trust.UNPROVEN)


async def test_without_a_trusted_server_nothing_is_proven(room: Postroom) -> None:
    text_id, room.trusted = await room.text(), None
    assert await belonging(room, room.reply(PLAIN, more=PASSED)) == about(text_id, Trust.UNPROVEN)


async def test_a_registered_number_without_texts_means_its_person(room: Postroom) -> None:
    assert await belonging(room, room.reply(PLAIN, more=PASSED)) == about(None, Trust.PROVEN)


@pytest.mark.parametrize(
    "author",
    telling(
        [
            "2065550102@evil.example",
            "2065550102@one.example.net.evil.example",
            "2065550199@one.example.net",
            "2065550102x@one.example.net",
            "bob@one.example.net",
            "",
        ],
        2,
    ),
)
async def test_other_authors_are_nobody(room: Postroom, author: str) -> None:
    await room.text()
    assert await belonging(room, room.reply(PLAIN, author=author, more=PASSED)) is None
    assert room.server.mails[1].flags == set()


def forged(room: Postroom, text_id: int) -> list[str]:
    good = room.address(text_id)
    place = len("bot+") + 3
    other = "a" if good[place] != "a" else "b"
    strange = Returns(PATTERN, lambda words: bytes(32))
    return [
        good[:place] + other + good[place + 1 :],
        room.returns.address(text_id, room.world.clock() - timedelta(days=31)),
        room.address(text_id + 1),  # a good proof of what is no text
        strange.address(text_id, room.world.clock()),
        good.replace("@example.org", "@example.com"),
        good.replace("bot+", "bot+x"),
    ]


async def test_forged_and_ended_tokens_are_nobodys(room: Postroom) -> None:
    text_id = await room.text()
    for number, to in enumerate(forged(room, text_id), 1):
        raw = room.reply(to, author="eve@phones.example", number=number)
        assert await belonging(room, raw) is None
        assert await belonging(room, bounce(to, mail_id=f"dsn-{number}@mx.example.org")) is None
    assert (await room.world.standing(text_id))[0] == State.ACCEPTED
    assert room.acted == [one for one in room.acted if one.reading.words == "last"]


async def test_another_registered_phone_may_not_use_a_texts_address(room: Postroom) -> None:
    await room.world.register(CARL)
    text_id = await room.text()
    found = await belonging(room, room.reply(room.address(text_id), author=CARLS, more=PASSED))
    assert found == Belonging(Trust.PROVEN, CARL)
    assert await room.world.rows(Reply) == []


async def test_a_stop_to_a_code_that_somebody_else_asked_for_counts_from_a_registered_phone(
    room: Postroom,
) -> None:
    await room.world.register(CARL)
    to = await code_address(room, ANN, NUMBERS[CARL])
    found = await belonging(room, room.reply(to, "STOP", author=CARLS))
    assert found is not None
    assert (found.trust, found.person_id) == (Trust.ADDRESSED, CARL)
    (carls,) = await room.world.rows(Registration, Registration.person_id == CARL)
    assert carls.state == STOPPED
    assert await room.world.rows(Verification) == []


async def test_a_late_mail_leaves_no_trace_of_whoever_was_erased(room: Postroom) -> None:
    text_id = await room.text()
    await room.world.write(privacy.erase, BOB, room.world.clock())
    for number, about in enumerate((-BOB, text_id), 1):
        found = await belonging(room, room.reply(room.address(about), "STOP", number=number))
        assert found is not None
        assert found.person_id == 0
        room.acted.clear()
    assert {row.person_id for row in await room.world.rows(Inbound)} == {0}


@pytest.mark.parametrize(("headers", "trust"), [("", Trust.UNPROVEN), (PASSED, Trust.PROVEN)])
async def test_a_registered_phone_that_answers_somebody_else_s_code_is_heard_as_itself(
    room: Postroom, headers: str, trust: Trust
) -> None:
    """No more than its number says: whoever asked for the code knows its address too."""
    raw = room.reply(room.address(-CARL), "STOP", more=headers)
    assert await belonging(room, raw) == about(None, trust)
    (row,) = await room.world.rows(Registration)
    assert row.state == (STOPPED if trust is Trust.PROVEN else HALTED)


async def test_a_bounce_without_a_proof_moves_no_text(room: Postroom) -> None:
    text_id = await room.text()
    raw = bounce(PLAIN).replace(b"MAILER-DAEMON@mx.example.org", PHONE.encode())
    found = await belonging(room, PASSED.encode() + raw)
    assert found in (None, about(text_id, Trust.PROVEN))
    assert (await room.world.standing(text_id))[0] == State.ACCEPTED


async def test_a_mail_that_comes_twice_acts_once(room: Postroom) -> None:
    text_id, server = await room.text(), room.server
    async with room.at_work():
        for _ in range(2):
            (uid,) = server.deliver(room.reply(room.address(text_id)))
            await server.seen(uid)
    async with room.at_work():
        (uid,) = server.deliver(room.reply(room.address(text_id)))
        await server.seen(uid)
    assert len(room.acted) == 1
    assert await room.endings() == ["done"]


async def test_a_mail_that_is_too_big_is_neither_read_nor_marked(room: Postroom) -> None:
    to, server = room.address(await room.text()), room.server
    assert await belonging(room, room.reply(to, "x" * MOST_OCTETS)) is None
    assert server.asked.count("BODY 1") == 0
    assert await room.endings() == ["big", "done"]


async def test_more_answers_a_minute_than_anybody_types_are_left_but_a_stop_is_not(room: Postroom) -> None:
    to, server = room.address(await room.text()), room.server
    async with room.at_work():
        many = [room.reply(to, f"n{number}", number=number) for number in range(MOST_A_MINUTE + 5)]
        uids = server.deliver(*many)
        (stop,) = server.deliver(room.reply(to, "STOP", number=99))
        await server.seen(stop)
        room.world.clock.forward(minutes=2)
        (later,) = server.deliver(room.reply(to, "later", number=100))
        await server.seen(later)
    kinds = [one.reading.kind for one in room.acted]
    assert kinds == [Kind.REPLY] * MOST_A_MINUTE + [Kind.STOP, Kind.REPLY]
    assert (await room.endings()).count("too_many") == 5
    left = [uid for uid in uids if not server.mails[uid].flags]
    assert left == uids[MOST_A_MINUTE:]


async def test_forged_mails_use_up_nothing_of_what_a_phone_may_send(room: Postroom) -> None:
    to, server = room.address(await room.text()), room.server
    async with room.at_work():
        server.deliver(*(room.reply(PLAIN, "forged", number=number) for number in range(MOST_A_MINUTE * 2)))
        (uid,) = server.deliver(room.reply(to, "mine", number=99))
        await server.seen(uid)
    assert [one.reading.words for one in room.acted] == ["forged"] * MOST_A_MINUTE + ["mine"]


async def test_of_forged_mails_in_great_number_the_long_ones_are_not_fetched(room: Postroom) -> None:
    to, server = room.address(await room.text()), room.server
    long = "x" * SHORT_OCTETS
    async with room.at_work():
        short = [room.reply(PLAIN, "forged", number=number) for number in range(MOST_A_MINUTE - 1)]
        _, *many = server.deliver(
            *short, *(room.reply(PLAIN, long, number=number) for number in range(50, 54))
        )
        server.deliver(room.reply(PLAIN, "STOP", number=98))
        (uid,) = server.deliver(room.reply(to, long, number=99))
        await server.seen(uid)
    fetched = [server.asked.count(f"BODY {each}") for each in many[-4:]]
    assert fetched == [1, 0, 0, 0]
    kinds = [(one.belonging.trust, one.reading.kind) for one in room.acted[MOST_A_MINUTE:]]
    assert kinds == [(Trust.UNPROVEN, Kind.STOP), (Trust.ADDRESSED, Kind.REPLY)]


async def test_a_store_that_is_away_for_long_costs_no_mail(room: Postroom) -> None:
    to, role = room.address(await room.text()), room.role()
    room.server.deliver(room.reply(to))
    room.failing = [OperationalError("INSERT", {}, OSError("disk full")) for _ in range(MOST_ACTS * 3)]
    for _ in range(MOST_ACTS * 3):
        with pytest.raises(OperationalError):
            await role.inbox.look()
    await role.inbox.look()
    await closed(role)
    assert await room.endings() == ["done"]


async def test_a_mail_that_a_bug_cannot_deal_with_holds_up_the_others_for_a_few_tries(room: Postroom) -> None:
    to, role = room.address(await room.text()), room.role()
    room.server.deliver(room.reply(to, "bad", number=1), room.reply(to, "good", number=2))
    room.failing = [RuntimeError("a bug") for _ in range(MOST_ACTS)]
    for _ in range(MOST_ACTS):
        with pytest.raises(RuntimeError):
            await role.inbox.look()
    await role.inbox.look()
    await closed(role)
    assert await room.endings() == ["given_up", "done"]
    assert [one.reading.words for one in room.acted] == ["good"]
    assert [mail.flags for mail in room.server.mails.values()] == [set(), {r"\Seen"}]


async def test_nothing_private_is_logged(room: Postroom, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    text_id = await room.text()
    to, server = room.address(text_id), room.server
    async with room.at_work():
        server.deliver(room.reply(PLAIN, "other", number=5, author="mum@family.example"))
        server.deliver(
            room.reply(to, "canary words"), room.reply(to, "x" * MOST_OCTETS, number=2), bounce(to)
        )
        await server.seen(4)
        server.faults["SEARCH"] = ["garbage"]
        server.folder = "Elsewhere"
        await server.did("EXAMINE", server.said.count("EXAMINE") + 2)
    token = to.partition("+")[2].partition("@")[0]
    assert "inbox: reply 2, addressed: reply" in caplog.text
    for private in (token, "canary", "2065550102", "one.example", "family", "mum", "bridge", PLAIN, "dsn-1"):
        assert private not in caplog.text


async def test_what_came_in_is_kept_without_its_words(room: Postroom) -> None:
    text_id = await room.text()
    await belonging(room, room.reply(room.address(text_id), "dinner is off"))
    (row, _) = await room.world.rows(Inbound)
    assert (row.person_id, row.text_id, row.kind, row.trust) == (BOB, text_id, "reply", "addressed")
    columns = [getattr(row, column.name) for column in Inbound.__table__.columns]
    written = b" ".join(each if isinstance(each, bytes) else str(each).encode() for each in columns)
    assert not any(word in written for word in (b"dinner", b"2065550102", b"example"))


async def test_where_an_answer_quotes_our_proof_its_reader_does_not_get_it(room: Postroom) -> None:
    """Whoever knew it could say STOP, or START, in the phone's name."""
    to = room.address(await room.text())
    await belonging(room, room.reply(to, f"ok, but who is {to}"))
    (first, _) = room.acted
    assert first.reading.words == "ok, but who is bot+…@example.org"
