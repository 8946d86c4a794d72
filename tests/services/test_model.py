"""Whatever happens in whatever order, no text is lost, doubled in silence, or sent where it must not go.

A small model is held against the real outbox, registrations, codes, lanes and breaker (dangers R17): the
clock and the mail server are pretended, and relays crash, restart, and lose commits.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.store import Store, open_store
from bot.db.tables import OutboxItem, TextRow
from bot.domain.consent import EVERYONE, NOBODY
from bot.domain.errors import UserError
from bot.domain.outcome import Outcome, Reply, Step, decide
from bot.domain.states import FINAL, Item, State
from bot.services import in_flight, phone
from bot.services.delivery import Pace, Ports, Relay
from bot.services.permit import Sendable
from bot.services.shelf import Shelf
from bot.services.texting import Accepted
from tests.conftest import Size
from tests.db.stores import KEY, Shared, empty_tables, sqlite_url
from tests.services.test_leases import FragileStore
from tests.services.world import CATALOGUE, GUILD, TAKEN, UNPACED, Clock, World

SENDERS, PEOPLE = (1, 2, 3), (11, 12, 13, 14)
CARRIERS = {11: "us-one", 12: "us-one", 13: "us-one", 14: "us-two"}
HEALED_WITHIN = timedelta(hours=6)
AWAY = Reply(Step.CONNECT, None)
QUOTA = Reply(Step.MAIL, 550, "5.4.5 Daily user sending limit exceeded")
LOST_LINE = Reply(Step.BODY, None)
REPLIES = [
    TAKEN,
    TAKEN,
    Reply(Step.RCPT, 451, "4.2.1 mailbox busy"),
    Reply(Step.RCPT, 450, "4.7.1 greylisted"),
    Reply(Step.MAIL, None),
    Reply(Step.RCPT, 550, "5.1.1 no such subscriber"),
    Reply(Step.RCPT, 550, "5.7.1 policy"),
    Reply(Step.BODY, 552, "5.2.0 AUP#POL"),
    LOST_LINE,
    AWAY,
    QUOTA,
]
PACES = [UNPACED, Pace(gateway=6), Pace(gateway=0, account=6)]
Open = Callable[[], Any]
_ROWS = (
    "SELECT id, lease_owner, state, turn IS NOT NULL, words_sealed IS NOT NULL, lease_owner IS NOT NULL"
    " FROM outbox"
)


class Troubled(FragileStore):
    """A store in which something may happen just before a commit."""

    def __init__(self, real: Store) -> None:
        super().__init__(real)
        self.during: Callable[[], None] | None = None

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        async with super().write() as session:
            yield session
            during, self.during = self.during, None
            if during is not None:
                during()


@dataclass(slots=True, eq=False)
class OnRoad:
    """A mail that was put on the road and has not ended."""

    mail: Sendable
    end: Callable[[Reply], None]
    begun: bool = False


@dataclass(slots=True)
class Kept:
    """A text that was accepted: for which proof of the number, and what may have become of it since."""

    sender: int
    recipient: int
    proof: int
    parts: int
    expires: Any
    refused: bool = False
    unsure: bool = False
    forbidden: bool = False


@dataclass(slots=True)
class People:
    """Who may be texted by whom, as people said."""

    proof: dict[int, int] = field(default_factory=dict)
    number: dict[int, str] = field(default_factory=dict)
    paused: set[int] = field(default_factory=set)
    blocked: set[tuple[int, int]] = field(default_factory=set)
    closed: set[int] = field(default_factory=set)
    proofs: int = 0

    def prove(self, person: int, number: str) -> None:
        """Take in that a person proved a number, whoever had it before."""
        for other, theirs in list(self.number.items()):
            if theirs == number and other != person:
                self.forget(other)
        if person not in self.proof:
            self.paused.discard(person)
        self.proofs += 1
        self.proof[person], self.number[person] = self.proofs, number

    def forget(self, person: int) -> None:
        self.proof.pop(person, None)
        self.number.pop(person, None)

    def may(self, sender: int, person: int) -> bool:
        return (
            person in self.proof
            and person not in self.paused
            and person not in self.closed
            and (person, sender) not in self.blocked
        )


def number_of(person: int, other: int = 0) -> str:
    return f"206 555 01{person + other * 20}"


async def people_with_phones(world: World) -> None:
    for person in PEOPLE:
        await world.register(person, typed_number=number_of(person), carrier_slug=CARRIERS[person])


class Outbox(RuleBasedStateMachine):
    """The real services on a real store, driven step by step beside the model."""

    runner: asyncio.Runner
    open: Open

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.people = Clock(), People()
        self.store: Store = self.run(self.open())
        self.fragile = Troubled(self.store)
        self.world = World(self.store, self.clock, Shelf(CATALOGUE, frozenset()))
        self.seen = World(self.fragile, self.clock, self.world.shelf)
        self.on_road: list[OnRoad] = []
        self.probe: Reply | None = None
        self.owner, self.sure = 0, True
        self.texts: dict[int, Kept] = {}
        self.part_of: dict[str, tuple[int, int]] = {}
        self.taken: Counter[str] = Counter()
        self.codes: dict[int, tuple[str, str]] = {}
        self.code_ends: Counter[str] = Counter()
        self.pace = UNPACED

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    @initialize(
        pace=st.sampled_from(PACES), behind_s=st.sampled_from([-1.0, 1e9]), connections=st.integers(1, 2)
    )
    def begin(self, pace: Pace, behind_s: float, connections: int) -> None:
        in_flight.BEHIND_LASTS_S = behind_s
        self.pace, self.connections = pace, connections
        for person in PEOPLE:
            self.people.prove(person, number_of(person))
        self.new_relay()

    def new_relay(self) -> None:
        self.owner += 1
        road: list[OnRoad] = []
        self.on_road = road

        def put(mail: Sendable, lane: str, urgent: bool, until: float, end: Callable[[Reply], None]) -> None:
            road.append(OnRoad(mail, end))

        def recall() -> None:
            for job in [job for job in road if not job.begun]:
                road.remove(job)
                job.end(Reply(Step.STOPPED, None))

        async def probe() -> Reply | None:
            return self.probe

        ports = Ports(put, recall, probe, self.clock, lambda: 0.5)
        self.relay = Relay(
            self.fragile,
            self.world.shelf,
            ports,
            self.owner,
            self.connections,
            self.pace,
        )

    # --- people

    @rule(sender=st.sampled_from(SENDERS), person=st.sampled_from(PEOPLE), parts=st.integers(1, 3))
    def write(self, sender: int, person: int, parts: int) -> None:
        self.keep_text(sender, person, parts)

    @rule(who=st.lists(st.tuples(st.sampled_from(SENDERS), st.sampled_from(PEOPLE)), min_size=2, max_size=6))
    def many_write(self, who: list[tuple[int, int]]) -> None:
        for sender, person in who:
            self.keep_text(sender, person, 1)

    def keep_text(self, sender: int, person: int, parts: int) -> None:
        words = "hello " * (20 * parts - 5)

        async def act() -> tuple[Any, list[Any]]:
            request = self.world.request(sender, person, words, answer=None)
            (answer,) = await self.world.accept(request)
            mails = await self.world.rows(OutboxItem, OutboxItem.text_id == request.interaction_id)
            return answer, mails

        answer, mails = self.run(act())
        assert isinstance(answer, Accepted) == self.people.may(sender, person)
        if isinstance(answer, Accepted):
            expires = self.clock() + self.world.expires
            self.texts[answer.text.id] = Kept(sender, person, self.people.proof[person], len(mails), expires)
            self.part_of |= {row.mail_id: (answer.text.id, row.part) for row in mails}

    @rule(person=st.sampled_from(PEOPLE), other=st.sampled_from([0, 1]))
    def ask_for_a_code(self, person: int, other: int) -> None:
        number = number_of(person, other)
        try:
            self.run(self.world.ask_code(person, typed_number=number, carrier_slug=CARRIERS[person]))
        except UserError:
            return
        self.codes.pop(person, None)
        waiting = OutboxItem.state == Item.WAITING
        mails = self.run(self.world.rows(OutboxItem, OutboxItem.queue == -person, waiting))
        if mails:
            self.codes[person] = (self.store.vault.open(mails[-1].words_sealed)[:6], number)
        self.changed()

    @precondition(lambda self: self.codes)
    @rule(data=st.data())
    def type_the_code(self, data: st.DataObject) -> None:
        person = data.draw(st.sampled_from(sorted(self.codes)))
        code, number = self.codes.pop(person)
        if self.run(self.world.type_code(person, code)).proven:
            self.people.prove(person, number)
        self.changed()

    @rule(person=st.sampled_from(PEOPLE), sender=st.sampled_from(SENDERS), how=st.integers(0, 6))
    def change_ones_mind(self, person: int, sender: int, how: int) -> None:
        people, now = self.people, self.clock()
        if how == 0:
            self.run(self.world.write(phone.block, person, sender, now))
            people.blocked.add((person, sender))
        elif how == 1:
            self.run(self.world.write(phone.unblock, person, sender))
            people.blocked.discard((person, sender))
        elif how == 6:
            self.run(self.world.write(phone.remove, person, now))
            people.forget(person)
            people.blocked = {pair for pair in people.blocked if pair[0] != person}
            people.closed.discard(person)
            self.codes.pop(person, None)
        elif person in people.proof:
            act: tuple[Any, ...] = {
                2: (phone.pause, person, None, now),
                3: (phone.resume, person),
                4: (phone.allow, person, GUILD, NOBODY, now),
                5: (phone.allow, person, GUILD, EVERYONE, now),
            }[how]
            self.run(self.world.write(*act))
            {2: people.paused.add, 3: people.paused.discard, 4: people.closed.add, 5: people.closed.discard}[
                how
            ](person)
        self.changed()

    def changed(self) -> None:
        """Let the relay ask again, as the bot does after each change."""
        for kept in self.texts.values():
            kept.forbidden |= not self.allowed(kept)

        async def recall() -> None:
            self.relay.recall()

        self.run(recall())

    def allowed(self, kept: Kept) -> bool:
        return (
            self.people.may(kept.sender, kept.recipient) and self.people.proof[kept.recipient] == kept.proof
        )

    # --- time and the mail server

    @rule(seconds=st.sampled_from([1, 1, 12, 62, 62, 660, 1_900, 15_000]))
    def let_time_pass(self, seconds: int) -> None:
        self.clock.forward(seconds=seconds)

    @rule(times=st.integers(1, 2))
    def work(self, times: int) -> None:
        async def passes() -> None:
            for _ in range(times):
                await self.relay.one_pass()

        self.run(passes())
        self.sure = True

    @rule(replies=st.lists(st.sampled_from(REPLIES), min_size=1, max_size=5), arrived=st.booleans())
    def work_and_answer(self, replies: list[Reply], arrived: bool) -> None:
        self.clock.forward(seconds=1)
        self.work(1)
        for place in range(len(self.on_road)):
            self.end(0, replies[place % len(replies)], arrived=arrived)

    @rule(reply=st.sampled_from(REPLIES))
    def answer_while_a_pass_is_committed(self, reply: Reply) -> None:
        def during() -> None:
            if self.on_road:
                self.end_now(0, reply, arrived=False)

        self.fragile.during = during
        self.work(1)
        # A pass that wrote nothing leaves it behind.
        self.fragile.during = None

    @rule(reply=st.sampled_from(REPLIES), arrived=st.booleans())
    def answer_one(self, reply: Reply, arrived: bool) -> None:
        if self.on_road:
            self.end(0, reply, arrived=arrived)
        self.probe = reply if reply == AWAY else None

    @rule(reply=st.sampled_from(REPLIES))
    def answer_all(self, reply: Reply) -> None:
        for _ in range(len(self.on_road)):
            self.end(0, reply, arrived=False)

    @rule()
    def take_on_the_wire(self) -> None:
        for job in self.on_road:
            self.begins(job)

    def end(self, place: int, reply: Reply, *, arrived: bool) -> None:
        async def end() -> None:
            self.end_now(place, reply, arrived=arrived)

        self.run(end())

    def end_now(self, place: int, reply: Reply, *, arrived: bool) -> None:
        """Let the server say something about a mail, which may have arrived though it says nothing."""
        job = self.on_road.pop(place)
        self.begins(job)
        self.hears(job.mail, reply, arrived=reply == TAKEN or (arrived and reply == LOST_LINE))
        job.end(reply)

    def begins(self, job: OnRoad) -> None:
        """Hold what goes on the wire against the model."""
        found = self.part_of.get(job.mail.mail_id)
        if not job.begun and found is None:
            assert "is your Textbridge code" in job.mail.words
            assert not self.code_ends[job.mail.mail_id], "a code that may have arrived goes again"
        elif not job.begun and found is not None:
            text_id, part = found
            assert self.allowed(self.texts[text_id]), "sent to one who may not be texted"
            before = [mail_id for mail_id, at in self.part_of.items() if at[0] == text_id and at[1] < part]
            assert all(self.taken[mail_id] for mail_id in before), "out of order"
        job.begun = True

    def hears(self, mail: Sendable, reply: Reply, *, arrived: bool) -> None:
        outcome = decide(reply)
        self.taken[mail.mail_id] += arrived
        found = self.part_of.get(mail.mail_id)
        if found is None:
            self.code_ends[mail.mail_id] += arrived or outcome is Outcome.AMBIGUOUS
            return
        kept = self.texts[found[0]]
        kept.refused |= outcome.startswith("refused") or outcome is Outcome.GATEWAY_GONE
        kept.unsure |= outcome is Outcome.AMBIGUOUS

    # --- trouble of our own

    @rule(kind=st.sampled_from(["crash", "crash past a dot", "restart", "full disk", "lost reply"]))
    def get_into_trouble(self, kind: str) -> None:
        if kind == "full disk":
            self.fragile.fails_next_commit = True
        elif kind == "lost reply":
            self.fragile.loses_next_commit = True
        elif kind == "restart":
            self.run(self.stop())
        elif kind == "crash past a dot" and self.on_road:
            self.begins(self.on_road[0])
            self.hears(self.on_road[0].mail, LOST_LINE, arrived=True)
        if kind in ("full disk", "lost reply"):
            self.run(self.fail())
        else:
            self.new_relay()

    async def stop(self) -> None:
        while self.on_road:
            job = self.on_road.pop()
            # As a line that is cut in the end.
            if job.begun:
                self.hears(job.mail, LOST_LINE, arrived=False)
            job.end(LOST_LINE if job.begun else Reply(Step.STOPPED, None))
        await self.relay.finish()

    async def fail(self) -> None:
        with pytest.raises(OperationalError):
            await self.relay.one_pass()
        self.sure = False

    # --- what must hold

    @invariant()
    def rows_are_sound(self) -> None:
        if not hasattr(self, "relay"):
            return
        rows = self.run(self.query(_ROWS))
        for state, has_turn, has_words, has_owner in {row[2:] for row in rows}:
            assert has_turn == has_words == (state in (Item.WAITING, Item.LEASED)), state
            assert has_owner == (state == Item.LEASED)
        ours = {row_id for row_id, owner, *_ in rows if owner == self.owner}
        if self.sure:
            assert ours == set(self.relay._flight.ids)

    def teardown(self) -> None:
        try:
            if hasattr(self, "relay"):
                self.heal()
        finally:
            self.run(self.store.close())

    def heal(self) -> None:
        """Let the server take everything: then every text ends, and as the model says."""
        end = self.clock() + HEALED_WITHIN
        self.probe = None
        while True:
            self.work(1)
            while self.on_road:
                self.end(0, TAKEN, arrived=True)
            self.work(1)
            if not self.on_road:
                if not self.run(self.query("SELECT 1 FROM outbox WHERE turn IS NOT NULL LIMIT 1")):
                    break
                assert self.clock() < end, "a text hangs"
                self.clock.forward(seconds=62)
        rows = {row.id: row for row in self.run(self.world.rows(TextRow))}
        assert rows.keys() == self.texts.keys()
        logged = Counter(self.run(self.query("SELECT mail_id FROM attempts WHERE outcome = 'ambiguous'")))
        for mail_id, copies in self.taken.items():
            assert copies <= 1 + logged[mail_id,], "sent again in silence"
        for text_id, kept in self.texts.items():
            self.judge(kept, rows[text_id].state, [m for m, (of, _) in self.part_of.items() if of == text_id])

    def judge(self, kept: Kept, state: str, mail_ids: list[str]) -> None:
        assert state in FINAL
        if state == State.ACCEPTED:
            assert all(self.taken[mail_id] for mail_id in mail_ids), "lost"
        elif state == State.CANCELLED:
            assert kept.forbidden
        elif state == State.EXPIRED:
            assert self.clock() >= kept.expires
        else:
            assert state == State.FAILED
            assert kept.refused or kept.unsure or kept.forbidden or self.owner > 1

    async def query(self, words: str) -> list[Any]:
        async with self.store.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(words))]


@asynccontextmanager
async def closing(store: Store) -> AsyncIterator[Store]:
    try:
        yield store
    finally:
        await store.close()


def examine(open_one: Open, runner: asyncio.Runner, examples: int, steps: int) -> None:
    """Run so many random lives of an outbox."""
    before = in_flight.BEHIND_LASTS_S
    try:
        run_state_machine_as_test(
            type("Life", (Outbox,), {"open": staticmethod(open_one), "runner": runner}),
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        in_flight.BEHIND_LASTS_S = before


def fresh(template: Path, path: Path) -> None:
    for old in path.parent.glob(f"{path.name}*"):
        old.unlink()
    shutil.copyfile(template, path)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.mark.slow
def test_on_sqlite(runner: asyncio.Runner, migrated_file: Path, tmp_path: Path, size: Size) -> None:
    template, path = tmp_path / "template.db", tmp_path / "store.db"
    shutil.copyfile(migrated_file, template)

    async def prepare() -> None:
        async with closing(await open_store(sqlite_url(template), [KEY])) as store:
            await people_with_phones(World(store, Clock(), Shelf(CATALOGUE, frozenset())))

    async def open_one() -> Store:
        fresh(template, path)
        store = await open_store(sqlite_url(path), [KEY])
        await store.writer.dispose()
        # No power fails here: the system keeps what was written.
        event.listen(store.writer.sync_engine, "connect", lambda c, _: c.execute("PRAGMA synchronous = OFF"))
        return store

    runner.run(prepare())
    examine(open_one, runner, size.pick(ci=200, long=20_000, plain=10), 50)


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.ci
def test_on_postgresql(runner: asyncio.Runner, shared_postgresql: Shared, size: Size) -> None:
    async def open_one() -> Store:
        empty_tables(shared_postgresql.url, keep="wrapped_keys")
        store = await open_store(shared_postgresql.url, [KEY])
        await people_with_phones(World(store, Clock(), Shelf(CATALOGUE, frozenset())))
        return store

    examine(open_one, runner, size.pick(ci=30, long=500), 30)
