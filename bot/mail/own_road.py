"""Hand mails over from a process of their own, which neither waits for the bot's work nor holds it up."""

import asyncio
import itertools
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from bot.domain.account import SmtpConfig
from bot.domain.outcome import Reply, Step
from bot.mail.door import Timeouts
from bot.mail.render import Letter
from bot.mail.road_child import MARKS, PROGRAM, RoadChild
from bot.mail.road_child import pays as pays
from bot.mail.smtp import Road

_log = logging.getLogger(__name__)
SENT = Reply(Step.BODY, 250)
# For the ends of a close to come through, besides what its own waits take.
CLOSE_S = 2.0
_STOPPED = Reply(Step.STOPPED, None)
End = Callable[[Reply], None]


class OwnRoad:
    """A Road (mail/smtp.py) that another process works on, from the first mail or probe to close().

    Where the process dies, a mail whose body had begun to go out ends as one on which the line broke there,
    every other as if no server were there; the next probe or mail begins another. It dies where we die.
    Where there can be no such process, we look after the road ourselves from then on.
    """

    def __init__(
        self,
        config: SmtpConfig,
        domains: Callable[[], Collection[str]],
        timeouts: Timeouts | None = None,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self._config, self._domains, self._program = config, domains, program
        self._timeouts = timeouts or Timeouts()
        self._numbers = itertools.count()
        self._ends: dict[int, End] = {}
        self._probes: list[asyncio.Future[Reply | None]] = []
        self._letters: list[list[Any]] = []  # to be told together
        self._told: Collection[str] | None = None  # the domains that the process knows
        self._child: RoadChild | None = None
        self._living: asyncio.Task[None] | None = None
        self._near: Road | None = None  # our own, where no process comes up
        self._stopping = False

    def begin(self) -> None:
        """See that the process is there, or will be in a moment."""
        if self._near is None:
            self._begun()

    def _begun(self) -> RoadChild:
        if self._child is None:
            level = logging.getLogger().getEffectiveLevel()
            greeting = ("config", asdict(self._config), asdict(self._timeouts), level)
            self._child = RoadChild(greeting, self._hear, self._program)
            self._living = asyncio.create_task(self._live(self._child), name="road process")
        return self._child

    def post(self, letter: Letter, lane: str, end: End, *, urgent: bool, until: float) -> None:
        """Make a mail and let it go when its turn comes; see Road.put()."""
        if self._near is not None:
            self._near.post(letter, lane, end, urgent=urgent, until=until)
            return
        if self._stopping:
            end(_STOPPED)
            return
        child, number = self._begun(), next(self._numbers)
        self._ends[number] = end
        child.marks[number % MARKS] = 0
        recipient, words, mail_id, at, answers_to = letter
        if not self._letters:
            asyncio.get_running_loop().call_soon(self._tell_letters)
        self._letters.append(
            [number, recipient, words, mail_id, at.timestamp(), answers_to, lane, urgent, until]
        )

    def _tell_letters(self) -> None:
        letters, self._letters = self._letters, []
        if letters:
            self._tell("post", letters)

    def _tell(self, *words: Any) -> None:
        """Tell the process, and before that where texts may go, if that has changed."""
        child, domains = self._begun(), self._domains()
        if domains is not self._told:
            self._told = domains
            child.say("domains", sorted(domains))
        child.say(*words)

    def recall(self) -> None:
        """Give back every mail that has not begun."""
        if self._near is not None:
            self._near.recall()
        if self._child is not None and not self._stopping:
            self._tell_letters()
            self._tell("recall")

    async def probe(self) -> Reply | None:
        """Make sure of a connection; the Reply says why that failed."""
        if self._near is not None:
            return await self._near.probe()
        if self._stopping:
            return _STOPPED
        probe: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
        self._probes.append(probe)
        self._tell("probe")
        return await probe

    async def close(self, before_dot: float, after_dot: float) -> None:
        """Begin nothing more; open dialogues get `before_dot` seconds, those past the dot `after_dot`."""
        self._tell_letters()
        self._stopping = True
        if self._near is not None:
            await self._near.close(before_dot, after_dot)
        child, living = self._child, self._living
        if child is None or living is None:
            return
        if child.is_up:
            child.say("close", before_dot, after_dot)
            await asyncio.wait({living}, timeout=after_dot + CLOSE_S)
        living.cancel()
        await asyncio.wait({living})

    def _hear(self, kind: str, rest: list[Any]) -> None:
        match kind, rest:
            case "sent", [numbers]:
                self._end_all(numbers, SENT)
            case "end", [number, step, code, words]:
                self._end_all([number], Reply(Step(step), code, words))
            case "probed", [said]:
                _answer(self._probes.pop(0), said and Reply(Step(said[0]), said[1], said[2]))
            case "log", [name, level, words]:
                logging.getLogger(name).log(level, "%s", words)
            case "pong", []:
                pass
            case _:
                raise ValueError(kind)

    def _end_all(self, numbers: Iterable[int], reply: Reply) -> None:
        for number in numbers:
            end = self._ends.pop(number)
            try:
                end(reply)
            except Exception:  # noqa: BLE001 - a bug of whoever asked must not keep the word from the others
                _log.exception("smtp: the word on a mail (%r) was not taken", reply)

    async def _live(self, child: RoadChild) -> None:
        try:
            await child.live()
        finally:
            self._wind_up(child)

    def _wind_up(self, child: RoadChild) -> None:
        """End all that the process had, by what it had done of it."""
        self._child, self._told, self._letters = None, None, []
        gone = _STOPPED
        if not self._stopping and child.has_worked:
            mails = len(self._ends)
            _log.error(
                "smtp: the process that sends ended (exit code %s), with %d mails", child.exit_code, mails
            )
            gone = Reply(Step.CONNECT, None, "Ended")
        elif not self._stopping:
            _log.warning("smtp: no process of its own can be had; mails go out from this one")
            self._near = Road(self._config, self._domains, self._timeouts)
        begun = [each for each in self._ends if child.marks[each % MARKS]]
        others = [each for each in self._ends if not child.marks[each % MARKS]]
        self._end_all(begun, Reply(Step.BODY, None))
        self._end_all(others, gone)
        child.marks.close()
        probes, self._probes = self._probes, []
        for probe in probes:
            _answer(probe, gone)


def _answer(probe: "asyncio.Future[Reply | None]", said: Reply | None) -> None:
    if not probe.done():  # who asked may have given up
        probe.set_result(said)
