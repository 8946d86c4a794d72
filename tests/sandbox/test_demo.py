"""The demo plays its story with the real bot, tells it differently each time, and names what fails."""

import asyncio
import io
import os
import random
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.commands.quoting import quoted
from bot.config import Config
from bot.domain.keywords import keyword
from bot.domain.names import domain_problem, name_problem
from bot.domain.render import LONGEST_SERVER_UNITS
from bot.domain.segments import fits
from bot.sandbox import story
from bot.sandbox.cast import choose
from bot.sandbox.demo import StoryFailed, perform, play
from bot.sandbox.smtp_script import Step, refuse
from bot.sandbox.stage import Stage
from bot.sandbox.transcript import Transcript
from tests.standin.standin import Standin

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[2]
PROCESS_S = 50


def demo(folder: Path, *words: str, start: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Run the demo as a newcomer would, with next to no environment; its temporary files go to `folder`."""
    env = {"HOME": "/nonexistent", "PATH": "/usr/bin:/bin", "BOT_NO_BOOTSTRAP": "1", "TMPDIR": str(folder)}
    return subprocess.run(
        [sys.executable, *start, "demo", *words],
        cwd=CHECKOUT if start[0] == "-m" else "/",
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PROCESS_S,
        check=False,
    )


@pytest.mark.ci
def test_two_runs_tell_the_story_with_other_names_words_numbers_and_codes(tmp_path: Path) -> None:
    runs = [
        demo(tmp_path, "--once", start=("-m", "bot")),
        demo(tmp_path, start=(str(CHECKOUT / "bot"),)),  # from another folder; not on a terminal is as --once
    ]
    assert [(run.returncode, run.stderr) for run in runs] == [(0, ""), (0, "")]
    for chosen in (
        r"│ ([0-9]{6}) is your Textbridge code",
        r"2\. @(\S+) enables",
        r"6\. @(\S+) texts @(\S+)",
    ):
        first, second = (re.search(chosen, run.stdout) for run in runs)
        assert first is not None
        assert second is not None
        assert first.groups() != second.groups()
    titles = [re.sub(r"@\S+", "@", " ".join(re.findall(r"(?m)^\d\. .*", run.stdout))) for run in runs]
    assert titles[0] == titles[1]
    for run in runs:
        assert "Invite the bot" not in run.stdout
        assert "python3 -m bot setup" in run.stdout.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.ci
def test_the_command_line_shows_a_story_that_fails(tmp_path: Path) -> None:
    run = demo(tmp_path, "--once", "--refuse", start=("-m", "bot"))
    assert run.returncode not in (0, 64)
    assert re.fullmatch(
        r'The story stopped at step 5, "@\S+ types the code that her phone shows": .*\n', run.stderr
    )
    assert "Proven" not in run.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = demo(tmp_path, "--once", "--port", port, start=("-m", "bot"))
    assert (run.returncode, run.stdout) == (69, "")
    assert run.stderr == f"Port {port} cannot be used here; choose another, or leave --port out.\n"


async def told(sandbox: Standin) -> str:
    paper = io.StringIO()
    await play(sandbox, Transcript(paper), random.Random())
    return paper.getvalue()


async def test_the_story_shows_what_it_says(sandbox: Standin) -> None:
    paper = await told(sandbox)
    mails = sandbox.carriers.mails
    assert len(mails) == 3
    assert {mail.recipient.partition("@")[2] for mail in mails} == {"tmomail.net"}
    (phone,) = {mail.recipient for mail in mails}
    code, *texts = sandbox.phones.phone(phone).texts
    assert f"The six digits: {code[:6]}" in paper
    for words in texts:
        assert all(f"│ {line.ljust(5)}" in paper for line in words.split("\n"))
    assert [words.count("\nReply STOP to stop.") for words in texts] == [1, 0]
    (answer,) = re.findall(r"@\S+ +types on her phone: (.*)\n", paper)
    assert f"answered from their phone:\n> {answer}\n[ Reply ] [ Stop ]\n" in re.sub(r"(?m)^ +", "", paper)
    assert len(re.findall(r"Textbridge +@\S+ answered your text\.\n", paper)) == 1
    assert len(sandbox.mailbox.mails) == 1
    assert "Evidence: " in paper
    assert paper.count("tmomail.net): failing 2024-12, enabled") == 1
    assert paper.index("On its way to @") < paper.index("Handed to @")
    assert "<@" not in paper
    assert "**" not in paper.replace("+1***0", "")


@pytest.mark.parametrize(
    ("taken", "step"),
    [
        (0, r'5, "@\S+ types the code'),
        (1, r'6, "@\S+ texts @\S+": .*Not sent\.'),
        (2, r'10, "@\S+ answers her by the button'),
    ],
)
async def test_a_carrier_that_refuses_stops_the_story_at_the_step_it_spoils(
    sandbox: Standin, taken: int, step: str
) -> None:
    def after(_mail: object) -> None:
        if len(sandbox.carriers.mails) == taken:
            sandbox.carriers.tell(refuse(Step.RCPT, "550 5.1.1 no such number"))

    after(None) if not taken else sandbox.carriers.listeners.append(after)
    with pytest.raises(StoryFailed, match=f"^The story stopped at step {step}") as failed:
        await told(sandbox)
    assert "\n" not in str(failed.value)


async def test_an_answer_that_does_not_come_stops_the_story_at_its_step(
    sandbox: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hidden(_mail: object) -> None:
        sandbox.mailbox.folder = "Elsewhere"  # the bot finds its folder no more, and answers lie unread
        sandbox.mailbox.hang_up()

    monkeypatch.setattr(story, "WAIT_S", 2.0)
    sandbox.carriers.listeners.append(hidden)
    with pytest.raises(
        StoryFailed, match=r'step 7, "@\S+ answers on her phone": waited 2\.0 s in vain for a DM'
    ):
        await told(sandbox)


class WrongToken(Standin):
    """A sandbox whose settings hold a token that its Discord does not know."""

    def config(self, store_url: str, **changes: Any) -> Config:
        return super().config(store_url, discord_token=self.discord.token[::-1], **changes)


async def test_a_bot_that_cannot_log_in_stops_the_story_at_its_start() -> None:
    async with WrongToken() as sandbox:
        with pytest.raises(StoryFailed, match='at step 1, "The bot starts and logs in": the bot '):
            await told(sandbox)


async def test_a_step_ends_with_the_bot_or_with_its_time(sandbox: Standin, tmp_path: Path) -> None:
    stage = Stage(sandbox, tmp_path, choose(random.Random()), Transcript(io.StringIO()))
    for_ever = asyncio.Event()
    with pytest.raises(StoryFailed, match=r'step 3, "waiting": it took longer than 0\.01 s'):
        await perform(stage, 3, "waiting", for_ever.wait(), 0.01)
    stage.fallen.set()
    with pytest.raises(StoryFailed, match='step 4, "waiting": the bot ended by itself'):
        await perform(stage, 4, "waiting", for_ever.wait(), 10)


async def test_a_mistake_of_the_story_itself_is_one_line_too(sandbox: Standin, tmp_path: Path) -> None:
    stage = Stage(sandbox, tmp_path, choose(random.Random()), Transcript(io.StringIO()))

    async def wrong() -> None:
        raise KeyError("two\nlines")

    with pytest.raises(StoryFailed) as failed:
        await perform(stage, 1, "wrong", wrong(), 10)
    assert str(failed.value).splitlines() == [str(failed.value)]


def test_every_cast_is_one_that_discord_and_the_bot_take() -> None:
    numbers = {choose(random.Random(seed)).number for seed in range(500)}
    assert len(numbers) > 90
    for seed in range(500):
        cast = choose(random.Random(seed))
        handles = [cast.admin, cast.owner_of_phone, cast.sender]
        assert len(set(handles)) == 3
        assert all(re.fullmatch(r"[a-z0-9_.]{2,32}", handle) for handle in handles)
        assert len(cast.server) <= LONGEST_SERVER_UNITS
        assert re.fullmatch(r"20655501[0-9]{2}", cast.number)
        assert cast.typed_number.replace(" ", "") == cast.number
        assert (name_problem(cast.carrier_name), domain_problem(cast.carrier_domain)) == (None, None)
        head = f"@{cast.sender} in {cast.server}\n"
        assert fits(f"{head}{cast.text}\n{story.HOW_TO_STOP}")
        assert fits(f"{head}{cast.answer_back}")
        assert quoted(cast.answer, 200) == f"> {cast.answer}"
        assert keyword(cast.answer) is None


def test_a_transcript_shows_what_a_client_shows_and_lets_nothing_steer_the_terminal() -> None:
    paper = io.StringIO()
    show = Transcript(paper, {7: "maya"})
    show.answers("**Bold** for <@7> and <@!7>, <t:1:R>; not <@8>: +1***0123\x1b[2J", ["One", "Two"])
    assert "Bold for @maya and @maya, just now; not @unknown: +1***0123[2J\n" in paper.getvalue()
    assert "[ One ] [ Two ]" in paper.getvalue()
    show.phone("a phone", f"first\x1b\n{os.linesep}{'x' * 130}")
    drawn = [line.strip() for line in paper.getvalue().splitlines() if line.strip()[:1] in set("┌│└")]
    assert len(drawn) == 7
    assert len({len(line) for line in drawn}) == 1
    assert "\x1b" not in paper.getvalue()
