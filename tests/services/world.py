"""A small world around the real services: a clock, a mail server that answers as told, people with phones."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.store import Store
from bot.db.tables import Attempt, Base, Notice, OutboxItem, TextRow
from bot.domain.catalogue import Carrier, Gateway, Kind, Status
from bot.domain.catalogue import Form as AddressForm
from bot.domain.catalogue_file import Catalogue
from bot.domain.limits import Limits
from bot.domain.outcome import Reply, Step
from bot.domain.standing import OpenAnswer
from bot.services import registration, texting
from bot.services.delivery import Pace, Ports, Relay
from bot.services.permit import Sendable
from bot.services.shelf import Shelf

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
GUILD, OTHER_GUILD = 700, 701
ANN, BOB, CARL = 11, 12, 13
NUMBERS = {ANN: "206 555 0101", BOB: "206 555 0102", CARL: "206 555 0103"}
BROKE = Reply(Step.BODY, None)
TAKEN = Reply(Step.BODY, 250, "2.0.0 Ok")
CATALOGUE = Catalogue(
    (
        Carrier(slug="us-one", name="One", country="US", status=Status.ACTIVE,
                gateway=Gateway("one.example.net", AddressForm.NATIONAL)),
        Carrier(slug="us-two", name="Two", country="US", status=Status.UNKNOWN,
                gateway=Gateway("two.example.net", AddressForm.PLUS)),
        Carrier(slug="us-failing", name="Failing", country="US", status=Status.FAILING,
                status_date=date(2024, 12, 1), status_date_parts=2, evidence=("https://example.org/gone",),
                gateway=Gateway("failing.example.net", AddressForm.NATIONAL)),
        Carrier(slug="us-retired", name="Retired", country="US", status=Status.RETIRED,
                status_date=date(2025, 6, 17), gateway=Gateway("retired.example.net", AddressForm.NATIONAL)),
        Carrier(slug="us-closing", name="Closing", country="US", status=Status.ACTIVE,
                retires_on=date(2027, 3, 31), gateway=Gateway("closing.example.net", AddressForm.NATIONAL)),
        Carrier(slug="de-open", name="Offen", country="DE", gateway=Gateway("offen.example.net")),
        Carrier(slug="any-service", name="Service", kind=Kind.SERVICE, needs="an account",
                gateway=Gateway("service.example.net", AddressForm.PLUS)),
        Carrier(slug="us-pager", name="Pager", country="US", kind=Kind.PAGING,
                gateway=Gateway("pager.example.net", AddressForm.NATIONAL)),
    )
)  # fmt: skip
UNPACED = Pace(gateway=0)
# Distinct ids like Discord's, never seen twice in one run.
interactions = count(1_000_000)


@dataclass(slots=True)
class Clock:
    """A clock that only the test moves."""

    at: datetime = START

    def __call__(self) -> datetime:
        """Read it."""
        return self.at

    def forward(self, **how: float) -> datetime:
        """Let time pass: forward(minutes=5)."""
        self.at += timedelta(**how)
        return self.at


@dataclass
class Road:
    """The mail server, as the relay sees it: records what it is given and answers as told."""

    answer: Callable[[Sendable], Reply] = lambda _: TAKEN
    probe_answer: Reply | None = None
    tried: list[Sendable] = field(default_factory=list)
    taken: list[Sendable] = field(default_factory=list)
    probes: int = 0
    sending: set[asyncio.Future[Reply]] = field(default_factory=set)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Let mails through from the start."""
        self.open.set()

    def put(
        self, mail: Sendable, lane: str, urgent: bool, until: float, end: Callable[[Reply], None]
    ) -> None:
        """Take one mail, or not, a little later."""
        sending = asyncio.ensure_future(self.send(mail))
        self.sending.add(sending)
        sending.add_done_callback(self.sending.discard)
        sending.add_done_callback(
            lambda done: end(BROKE if done.cancelled() or done.exception() else done.result())
        )

    def cut(self) -> None:
        """Break every line."""
        for sending in list(self.sending):
            sending.cancel()

    async def send(self, mail: Sendable) -> Reply:
        """Answer a mail as told."""
        self.tried.append(mail)
        self.begun.set()
        await self.open.wait()
        reply = self.answer(mail)
        if reply == TAKEN:
            self.taken.append(mail)
        return reply

    async def probe(self) -> Reply | None:
        """Answer a probe."""
        self.probes += 1
        return self.probe_answer

    def said(self) -> list[str]:
        """List the words that were taken, without our first line."""
        return [mail.words.partition("\n")[2] or mail.words for mail in self.taken]


@dataclass(slots=True)
class World:
    """One store with people, guilds and a catalogue."""

    store: Store
    clock: Clock
    shelf: Shelf
    limits: Limits | None = None
    expires: timedelta = timedelta(hours=12)

    @property
    def rules(self) -> texting.Rules:
        """Return what the operator set."""
        return texting.Rules(self.limits, self.expires, self.shelf)

    async def write(self, act: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run one service call in a transaction of its own."""
        async with self.store.write() as session:
            return await act(session, *args, **kwargs)

    async def rows(self, table: type[Base], *where: Any) -> list[Any]:
        """List a table's rows."""
        async with self.store.read() as session:
            key = list(table.__table__.primary_key.columns)
            found = (await session.scalars(select(table).where(*where).order_by(*key))).all()
            session.expunge_all()
            return list(found)

    async def ask_code(self, person: int, **changes: Any) -> str:
        """Fill in the registration form and return what it answers; UserError comes through."""
        return str(await self.write(self._begin, person, changes))

    async def _begin(self, session: AsyncSession, person: int, changes: dict[str, Any]) -> str:
        values: dict[str, Any] = {
            "person_id": person, "handle": f"person{person}",
            "typed_number": NUMBERS.get(person, "206 555 0199"),
            "guild_id": GUILD, "carrier_slug": "us-one", "form": None, "consented": True,
        }  # fmt: skip
        ask = registration.Ask(**values | changes)
        return str(await registration.begin(session, ask, self.shelf, self.limits, "US", self.clock()))

    async def code_of(self, person: int) -> str:
        """Read the code from the mail that waits to go to a person's phone."""
        return str(await self.write(self._code_of, person))

    async def _code_of(self, session: AsyncSession, person: int) -> str:
        unsent = (OutboxItem.queue == -person) & OutboxItem.words_sealed.is_not(None)
        mail = (await session.scalars(select(OutboxItem).where(unsent).order_by(OutboxItem.id))).all()[-1]
        return self.store.vault.open(mail.words_sealed)[:6]

    async def type_code(self, person: int, code: str) -> registration.Checked:
        """Type a code into the form."""
        checked: registration.Checked = await self.write(
            registration.check_code, person, code, self.shelf, self.clock()
        )
        return checked

    async def register(self, person: int, **changes: Any) -> None:
        """Register a phone the whole way, at once, and take the code's mail away."""
        async with self.store.write() as session:
            await self._begin(session, person, changes)
            code = await self._code_of(session, person)
            assert (await registration.check_code(session, person, code, self.shelf, self.clock())).proven
            await session.execute(delete(OutboxItem).where(OutboxItem.queue == -person))

    def request(self, sender: int, to: int, words: str = "dinner at 7", **changes: Any) -> texting.Request:
        """Make what /text makes."""
        values: dict[str, Any] = {
            "interaction_id": next(interactions), "sender_id": sender, "sender_handle": f"person{sender}",
            "recipient_id": to, "recipient_is_member": True, "recipient_is_bot": False, "guild_id": GUILD,
            "guild_name": "Chess club", "words": words, "answer": answer_token(self.clock),
        }  # fmt: skip
        return texting.Request(**values | changes)

    async def accept(self, *requests: texting.Request) -> list[Any]:
        """Decide on requests in one transaction."""
        answers: list[Any] = await self.write(texting.accept, requests, self.rules, self.clock())
        return answers

    async def text(self, sender: int, to: int, words: str = "dinner at 7", **changes: Any) -> int:
        """Have a text accepted; returns its id."""
        (answer,) = await self.accept(self.request(sender, to, words, **changes))
        assert isinstance(answer, texting.Accepted), answer
        return answer.text.id

    async def refused(self, sender: int, to: int, words: str = "dinner at 7", **changes: Any) -> str:
        """Have a text refused; returns the sentence."""
        (answer,) = await self.accept(self.request(sender, to, words, **changes))
        assert isinstance(answer, texting.Refused), answer
        return answer.sentence

    def relay(
        self,
        road: Road,
        owner: int = 1,
        connections: int = 4,
        jitter: float = 0.5,
        pace: Pace = UNPACED,
    ) -> Relay:
        """Build a relay on this store."""
        ports = Ports(road.put, lambda: None, road.probe, self.clock, lambda: jitter)
        return Relay(self.store, self.shelf, ports, owner, connections, pace)

    async def standing(self, text_id: int) -> tuple[str, str, int]:
        """Tell state, reason and parts sent of a text."""
        (row,) = await self.rows(TextRow, TextRow.id == text_id)
        return row.state, row.reason, row.parts_sent

    async def items(self, text_id: int) -> list[str]:
        """List the states of a text's mails."""
        return [row.state for row in await self.rows(OutboxItem, OutboxItem.text_id == text_id)]

    async def attempts(self) -> list[tuple[str, str, int | None]]:
        """List outcome, step and code of the tries that were logged."""
        return [(row.outcome, row.step, row.code) for row in await self.rows(Attempt)]

    async def notices(self, person: int) -> list[Any]:
        """List what waits to be said to a person."""
        return await self.rows(Notice, Notice.person_id == person, Notice.told_at.is_(None))


async def work(relay: Relay, passes: int = 1) -> None:
    """Let a relay make passes, each to its end."""
    for _ in range(passes):
        await relay.one_pass()
        await relay.finish()


async def work_on(relay: Relay, clock: Clock, passes: int, **step: float) -> None:
    """Let a relay make passes, with a step of time after each."""
    for _ in range(passes):
        await work(relay)
        clock.forward(**step)


def answer_token(clock: Clock, token: str = "answer-token") -> OpenAnswer:
    """Make a Discord answer that can be edited for 14 minutes."""
    return OpenAnswer(token, clock() + timedelta(minutes=14))
