"""Let a newcomer type as one of the sandbox's people, and show what Discord and the phones show."""

import asyncio
import contextlib
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

from bot.domain.errors import UserError
from bot.sandbox.answer import Answer
from bot.sandbox.forms import fill_in
from bot.sandbox.keyboard import Keyboard
from bot.sandbox.member import Person
from bot.sandbox.phones import shown
from bot.sandbox.smtp_talk import Mail
from bot.sandbox.stage import Stage
from bot.sandbox.typed import Typed, button_meant, choice_meant, read_command, value_of
from bot.sandbox.watch import SandboxError
from bot.sandbox.watched import Letterbox, Watched
from bot.sandbox.world import TOKEN_LIFE, Json

T = TypeVar("T")
FIRST_S, CLIMB_S = 4.0, 2.0
_BUTTON, _PERSON, _PHONE = "press", "be", "reply"


class Left(Exception):
    """The person wants to leave."""


class Prompt:
    """One terminal; answers and phones may speak up while the next line is being typed."""

    def __init__(self, stage: Stage, keyboard: Keyboard) -> None:
        self._stage, self._keyboard, self._show = stage, keyboard, stage.show
        self._me = stage.admin
        self._asking = ""  # what stands on the line that is being typed
        self._last: Watched | None = None
        self._letters: dict[int, Watched] = {}  # each person's last DM
        self._rang: Mail | None = None  # what a phone showed last
        self._followers: set[asyncio.Task[None]] = set()

    @classmethod
    async def invite(cls, stage: Stage) -> None:
        """Run a prompt on the terminal until the person leaves."""
        keyboard = Keyboard(sys.stdin.fileno())
        keyboard.start()
        await cls(stage, keyboard).run()

    async def run(self) -> None:
        """Read and obey lines."""
        listeners = self._stage.sandbox.carriers.listeners
        listeners.append(self._ring)
        self._begin(self._read_letters())
        self._greet()
        try:
            while True:
                await self._obey(await self._ask(f"\n@{self._me.username}>"))
        except Left:
            self._show.line("\nBye.")
        finally:
            listeners.remove(self._ring)
            for follower in self._followers:
                follower.cancel()
            await asyncio.gather(*self._followers, return_exceptions=True)

    async def _ask(self, words: str) -> str:
        """Ask for one line; raises Left where the terminal ends."""
        self._show.ask(words)
        self._asking = words
        try:
            line = await self._keyboard.line()
        finally:
            self._asking = ""
        if line is None:
            raise Left
        return line.strip()

    async def _obey(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        try:
            if line in ("quit", "exit"):
                raise Left
            if line.startswith("/"):
                await self._command(line)
            elif word == _BUTTON and rest:
                await self._press(rest.strip(" []"))
            elif word == _PERSON and rest:
                self._me = self._person(rest)
            elif word == _PHONE and rest:
                self._answer_from_phone(rest.strip())
            elif line:
                self._help()
        except (UserError, SandboxError) as mistake:
            self._show.line(f"   {mistake}")

    async def _command(self, line: str) -> None:
        typed = read_command(line, self._registered())
        values = {name: await self._value(typed, name) for name in typed.values}
        answer = await self._me.slash(self._stage.guild, typed.path, **values)
        await self._see(Watched(answer), answer, climbs=typed.path == "text")

    def _registered(self) -> list[Json]:
        return self._stage.sandbox.discord.world.commands_of([self._stage.guild.id, None])

    async def _value(self, typed: Typed, name: str) -> Any:
        option, value = typed.option(name), typed.values[name]
        if option.get("autocomplete"):
            choices = await self._me.autocomplete(self._stage.guild, typed.path, name, value)
            if choices and value not in [choice.value for choice in choices]:
                picked = choice_meant(name, value, choices)
                self._show.does(self._me.username, f"picks {picked.name} from what is offered")
                return picked.value
        return value_of(option, value, self._target)

    def _target(self, typed: str) -> Person:
        bot = self._stage.sandbox.discord.bot
        return bot if typed.strip() == f"@{bot.username}" else self._person(typed)

    def _person(self, typed: str) -> Person:
        handle = typed.strip().removeprefix("@").lower()
        people = self._stage.people
        if handle not in people:
            raise UserError(
                f"Nobody here is called @{handle}; here are {', '.join(f'@{p}' for p in people)}."
            )
        return people[handle]

    def _answer_from_phone(self, words: str) -> None:
        if self._rang is None:
            raise UserError("No phone has shown a text yet; send one with /text.")
        self._show.line(f"   {self._name_of(self._rang.recipient)} answers.")
        self._stage.sandbox.phones.answer(self._rang, words)

    async def _press(self, label: str) -> None:
        shown = [one for one in (self._last, self._letters.get(self._me.id)) if one]
        if not shown:
            raise UserError("There is no button to press yet.")
        last = next((one for one in shown if one.offers(label)), shown[0])
        before = len(last.shown.history)
        pressed = await self._me.press(last.shown, button_meant(label, last.buttons))
        if pressed.interaction.original is last.post:
            # The answer takes the place of what carried the button, and is followed already.
            await pressed.settled(lambda _: len(last.shown.history) > before, FIRST_S)
            self._print_news(last)
        else:
            await self._see(Watched(pressed), pressed)

    async def _see(self, watched: Watched, answer: Answer, climbs: bool = False) -> None:
        """Print what an answer shows, and go on printing it as it changes."""
        await answer.settled(lambda one: one.has_modal or watched.has_news(), FIRST_S)
        if answer.has_modal:
            values = await fill_in(answer.modal, self._ask, self._show)
            submitted = await self._me.submit(answer.modal, values)
            await self._see(Watched(submitted), submitted)
            return
        self._last = watched
        self._print_news(watched)
        if climbs:
            with contextlib.suppress(SandboxError):  # not by then: it is printed whenever it comes
                await answer.settled(lambda _: watched.has_news(), CLIMB_S)
            self._print_news(watched)
        self._begin(self._follow(watched))

    def _begin(self, following: Coroutine[Any, Any, None]) -> None:
        follower = asyncio.create_task(following)
        self._followers.add(follower)
        follower.add_done_callback(self._followers.discard)

    async def _follow(self, watched: Watched) -> None:
        with contextlib.suppress(SandboxError):  # Discord lets nobody edit it any more
            while True:
                await self._until(lambda: watched.has_news() or None)
                self._print_news(watched)

    async def _read_letters(self) -> None:
        """Print the DMs that come, whosever they are."""
        letterbox = Letterbox(list(self._stage.people.values()))
        while True:
            with contextlib.suppress(SandboxError):  # for a while nobody got one
                person, letter = await self._until(letterbox.new)
                self._letters[person.id] = letter
                self._print_news(letter, f"to @{person.username} by DM:")
                self._begin(self._follow(letter))

    async def _until(self, probe: Callable[[], T | None]) -> T:
        watch = self._stage.sandbox.discord.world.watch
        return await watch.until(probe, TOKEN_LIFE.total_seconds(), "news")

    def _print_news(self, watched: Watched, heading: str = "") -> None:
        for words in watched.news():
            with self._interrupting():
                if heading:
                    self._show.line(f"   {heading}")
                self._show.answers(words, watched.buttons)

    def _ring(self, mail: Mail) -> None:
        """Draw the phone that a mail went to."""
        self._rang = mail
        with self._interrupting():
            self._show.phone(self._name_of(mail.recipient), shown(mail.content))

    def _name_of(self, address: str) -> str:
        is_hers = address in self._stage.phone.addresses
        return self._stage.phone_name if is_hers else f"a phone ending in {address.partition('@')[0][-4:]}"

    @contextlib.contextmanager
    def _interrupting(self) -> Iterator[None]:
        """Print below the line that is being typed, and ask again."""
        if self._asking:
            self._show.line()
        yield
        if self._asking:
            self._show.ask(self._asking)

    def _greet(self) -> None:
        cast = self._stage.cast
        self._show.line()
        self._show.paragraph(
            f'Now you: you are @{self._me.username}, who runs "{cast.server}" and the bot. '
            "The bot stays up until you leave."
        )
        self._help()

    def _help(self) -> None:
        cast = self._stage.cast
        rows = {
            f"/text @{cast.owner_of_phone} hello": "send a text; the phone is drawn here",
            "/phone show, /phone sent": "your own phone; the texts you sent",
            "/carrier list, /help": "and every other command of the bot",
            f"{_BUTTON} Yes, do it": "press a button of the last answer, or of your last DM",
            f"{_PHONE} on my way": "answer from the phone that showed a text last; STOP works too",
            f"{_PERSON} @{cast.sender}": "type as somebody else",
            "help, quit": "this list; leave (so do Ctrl-C and Ctrl-D)",
        }
        widest = max(map(len, rows))
        for typed, does in rows.items():
            self._show.line(f"   {typed.ljust(widest)}  {does}")
