"""Work on the road to the mail server in a process of its own: what mail/own_road.py talks to."""

import asyncio
import contextlib
import gc
import json
import logging
import mmap
import os
import signal
import socket
import sys
from datetime import UTC, datetime
from functools import partial
from typing import Any

from bot.domain.account import SmtpConfig
from bot.domain.outcome import Reply, Step
from bot.mail.door import Timeouts
from bot.mail.frames import LENGTH_OCTETS, framed
from bot.mail.render import Letter, render
from bot.mail.smtp import Road

# Run as a program it is called __main__.
_log = logging.getLogger("bot.mail.road_process")
# How long words on mails wait for each other, where many are under way: the bot wakes for each lot of them.
GATHER_S, MANY = 0.001, 32


class _Talk(logging.Handler):
    """What goes to the bot: words on mails, in lots, and what is logged, which only the bot writes down."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        super().__init__()
        self._writer = writer
        self._sent: list[int] = []
        self.under_way = 0

    def say(self, *words: Any) -> None:
        self._writer.write(framed(json.dumps(words).encode("ascii")))

    def emit(self, record: logging.LogRecord) -> None:
        # Libraries write payloads and credentials below INFO.
        ours = record.name.partition(".")[0] == "bot" or record.levelno >= logging.INFO
        if not ours or self._writer.is_closing():
            return
        kind = record.exc_info[0] if record.exc_info else None
        words = record.getMessage() if kind is None else f"{record.getMessage()} ({kind.__name__})"
        self.say("log", record.name, record.levelno, words)

    def ended(self, number: int, reply: Reply) -> None:
        self.under_way -= 1
        if reply.step is Step.BODY and reply.code == 250:
            if not self._sent:
                wait_s = GATHER_S if self.under_way >= MANY else 0.0
                asyncio.get_running_loop().call_later(wait_s, self.say_sent)
            self._sent.append(number)
        else:
            self.say("end", number, reply.step, reply.code, reply.text)

    def say_sent(self) -> None:
        if self._sent:
            sent, self._sent = self._sent, []
            self.say("sent", sent)

    async def leave(self) -> None:
        """Let all that was said come through, then hang up."""
        await self._writer.drain()
        self._writer.close()


class _Service:
    """Does what the bot says."""

    def __init__(self, config: SmtpConfig, timeouts: Timeouts, marks: mmap.mmap, talk: _Talk) -> None:
        self._sender, self._marks, self._talk = config.sender, marks, talk
        self._domains: frozenset[str] = frozenset()
        self._road = Road(config, lambda: self._domains, timeouts)
        self._doing: set[asyncio.Task[None]] = set()

    def hear(self, kind: str, rest: list[Any]) -> None:
        match kind:
            case "post":
                for letter in rest[0]:
                    self._post(*letter)
            case "domains":
                self._domains = frozenset(rest[0])
            case "recall":
                self._road.recall()
            case "probe":
                self._do(self._probe())
            case "close":
                self._do(self._close(*rest))
            case "ping":
                self._talk.say("pong")

    def _post(
        self,
        number: int,
        recipient: str,
        words: str,
        mail_id: str,
        at: float,
        answers_to: str,
        lane: str,
        urgent: bool,
        until: float,
    ) -> None:
        end = partial(self._talk.ended, number)
        self._talk.under_way += 1
        letter = Letter(recipient, words, mail_id, datetime.fromtimestamp(at, UTC), answers_to)
        try:
            mail = render(self._sender, letter)
        except Exception:  # noqa: BLE001 - one mail that cannot be made must not stop the others
            _log.exception("smtp: a mail could not be made")
            end(Reply(Step.MAIL, None))
            return
        body_goes = partial(self._marks.__setitem__, number % len(self._marks), 1)
        self._road.put(mail, lane, end, urgent=urgent, until=until, body_goes=body_goes)

    def _do(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)

    async def _probe(self) -> None:
        failed = await self._road.probe()
        self._talk.say("probed", failed and [failed.step, failed.code, failed.text])

    async def _close(self, before_dot: float, after_dot: float) -> None:
        await self._road.close(before_dot, after_dot)
        self._talk.say_sent()
        await self._talk.leave()


async def _serve(here: socket.socket, marks: mmap.mmap) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=here)
    talk, service = _Talk(writer), None
    logging.getLogger().addHandler(talk)
    while frame := await _frame(reader):
        kind, *rest = json.loads(frame)
        if service is not None:
            try:
                service.hear(kind, rest)
            except Exception:
                # A bug: the bot hears what it was, ends all that we had, and begins another process.
                _log.exception("smtp: %r could not be done", kind)
                await writer.drain()
                raise
        else:
            config, timeouts, level = rest
            logging.getLogger().setLevel(level)
            service = _Service(SmtpConfig(**config), Timeouts(**timeouts), marks, talk)
            talk.say("pong")


async def _frame(reader: asyncio.StreamReader) -> bytes:
    """Return what the bot says next, or nothing where it is gone."""
    try:
        length = int.from_bytes(await reader.readexactly(LENGTH_OCTETS), "big")
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, OSError):
        return b""


def _work(here: int, marks: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the bot says when to end
    new_loop = None
    with contextlib.suppress(ImportError):
        import uvloop

        new_loop = uvloop.new_event_loop
    # Its own failures hold raw arguments; and what we load by now stays.
    logging.raiseExceptions = False
    gc.freeze()
    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(_serve(socket.socket(fileno=here), mmap.mmap(marks, 0)))
    finally:
        # With no goodbye to the server: where the bot died, the next one takes up what is open.
        os._exit(0)


if __name__ == "__main__":
    _work(*map(int, sys.argv[1:]))
