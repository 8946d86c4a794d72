"""Play the story against the real bot, on one terminal; on request stay up for whoever types."""

import asyncio
import contextlib
import io
import random
import signal
import sys
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from bot import exits, log
from bot.sandbox import cast
from bot.sandbox.prompt import Prompt
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.smtp_script import Step, refuse
from bot.sandbox.stage import Stage
from bot.sandbox.story import steps
from bot.sandbox.transcript import Transcript

STEP_S = 10.0
FAILED = 1
OPENING = (
    "This is the real bot. Discord, the carriers, the phone and the mailbox are pretended, all on this "
    "machine; nothing leaves it. Names, words and numbers are other ones in every run."
)
PROVEN = (
    "Proven: over Discord's own protocol the bot took commands, kept the carrier list and a proved phone "
    "in its store, sent each text by SMTP to the address that the carrier list makes, and brought what the "
    "phone answered from a mailbox, by IMAP, to whoever had texted; and all of that survived a restart."
)
NEXT = "Next: `python3 -m bot setup` asks for your Discord token and mail account, then `python3 -m bot run`."


class StoryFailed(Exception):
    """A step failed; the words name it in one line."""

    def __init__(self, number: int, title: str, reason: str) -> None:
        plain = " ".join(reason.split()) or "it gave no reason"
        super().__init__(f'The story stopped at step {number}, "{title}": {plain}')


def main(once: bool, port: int | None, refused: bool = False) -> int:
    """Play the story; without `once` then prompt for more. With `refused` the carriers refuse every text."""
    log.configure("text", "error")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an old terminal may not know the phone's frame
    try:
        asyncio.run(_demo(once, port or 0, refused))
    except StoryFailed as failed:
        print(failed, file=sys.stderr)
        return FAILED
    except (KeyboardInterrupt, asyncio.CancelledError):
        print()
        return FAILED if once else exits.OK
    except _PortTaken:
        print(f"Port {port} cannot be used here; choose another, or leave --port out.", file=sys.stderr)
        return exits.UNAVAILABLE
    return exits.OK


class _PortTaken(Exception):
    """The port that was asked for is not to be had."""


async def _demo(once: bool, port: int, refused: bool) -> None:
    _leave_when_told()
    rng = random.SystemRandom()
    sandbox = Sandbox(rng)
    try:
        await sandbox.start(port)
    except OSError as taken:
        raise _PortTaken from taken
    try:
        if refused:
            sandbox.carriers.tell(refuse(Step.RCPT, "550 5.1.1 The pretend carrier was told to refuse"))
        show = Transcript(sys.stdout)
        await play(sandbox, show, rng, None if once else Prompt.invite)
    finally:
        await sandbox.stop()


def _leave_when_told() -> None:
    """Let SIGTERM and a closed terminal end the demo as Ctrl-C does, so that nothing is left behind."""
    demo = asyncio.current_task()
    for name in ("SIGTERM", "SIGHUP"):
        if demo is not None and hasattr(signal, name):
            with contextlib.suppress(NotImplementedError):  # Windows has no such handlers
                asyncio.get_running_loop().add_signal_handler(getattr(signal, name), demo.cancel)


async def play(
    sandbox: Sandbox,
    show: Transcript,
    rng: random.Random,
    then: Callable[[Stage], Coroutine[Any, Any, None]] | None = None,
) -> None:
    """Play every step in a started sandbox, then go on with `then`; raises StoryFailed."""
    with tempfile.TemporaryDirectory(prefix="textbridge-demo-") as folder:
        stage = Stage(sandbox, Path(folder), cast.choose(rng), show)
        show.paragraph(OPENING)
        try:
            for number, (title, act) in enumerate(steps(stage), 1):
                show.step(number, title)
                await perform(stage, number, title, act(stage), STEP_S)
            show.line()
            show.paragraph(PROVEN)
            show.line(NEXT)
            if then is not None:
                await perform(stage, number + 1, "Your turn", then(stage), None)
        finally:
            await stage.abandon()


async def perform(
    stage: Stage, number: int, title: str, act: Coroutine[Any, Any, None], timeout_s: float | None
) -> None:
    """Do one step; whatever goes wrong in it, the bot's end included, is StoryFailed."""
    step = asyncio.create_task(act)
    fallen = asyncio.create_task(stage.fallen.wait())
    try:
        await asyncio.wait({step, fallen}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if fallen.done():
            raise StoryFailed(number, title, "the bot ended by itself")
        if not step.done():
            raise StoryFailed(number, title, f"it took longer than {timeout_s:g} s")
        # Read, not raised: a newcomer gets one line even where the demo itself is wrong.
        if (failure := step.exception()) is not None:
            raise StoryFailed(number, title, str(failure) or type(failure).__name__)
    finally:
        step.cancel()
        fallen.cancel()
        await asyncio.gather(step, fallen, return_exceptions=True)
