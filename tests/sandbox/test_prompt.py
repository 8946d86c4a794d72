"""The demo's prompt, typed into on a real terminal; and how a typed line is understood."""

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import UserError
from bot.sandbox.answer import Choice
from bot.sandbox.typed import button_meant, choice_meant, read_command, value_of
from tests.conftest import telling

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[2]
WAIT_S = 20


class Terminal:
    """The demo on a pseudo-terminal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ours, theirs = pty.openpty()
        self.demo = subprocess.Popen(
            [sys.executable, CHECKOUT / "bot", "demo"],
            cwd="/",
            env={
                "HOME": "/nonexistent",
                "PATH": "/usr/bin:/bin",
                "BOT_NO_BOOTSTRAP": "1",
                "TMPDIR": str(folder),
            },
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Read until the pattern is shown; what was before is gone then."""
        ends = time.monotonic() + WAIT_S
        while not (found := re.search(pattern, self.shown)):
            assert self._read(ends - time.monotonic()), f"no {pattern!r} came; shown is:\n{self.shown}"
        self.shown = self.shown[found.end() :]
        return found

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._ours, f"{line}\n".encode())

    def press(self, key: bytes) -> None:
        """Press one key."""
        os.write(self._ours, key)

    def left(self) -> int:
        """Wait until the demo has left; returns its exit code."""
        ends = time.monotonic() + WAIT_S
        while self._read(ends - time.monotonic()):
            pass
        return self.demo.wait(timeout=WAIT_S)

    def close(self) -> None:
        """End whatever is left."""
        if self.demo.poll() is None:
            self.demo.kill()
        self.demo.wait()
        os.close(self._ours)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._ours], [], [], max(0.0, seconds))[0]:
            return False
        with contextlib.suppress(OSError):  # Linux ends a terminal that everybody left with EIO
            if piece := os.read(self._ours, 1 << 16):
                self.shown += piece.decode().replace("\r\n", "\n")
                return True
        return False


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    one = Terminal(tmp_path)
    yield one
    one.close()


def test_a_newcomer_texts_and_registers_at_the_prompt(terminal: Terminal) -> None:
    admin = terminal.wait_for(r"Now you: you are @([\w.]+)")[1]
    her = terminal.wait_for(r"/text @([\w.]+) hello")[1]
    sender = terminal.wait_for(r"be @([\w.]+)")[1]
    prompt = re.escape(f"\n@{admin}> ")
    terminal.wait_for(prompt)

    terminal.type(f"/text @{her} see you at the message: board")
    terminal.wait_for(rf"On its way to @{her}")
    terminal.wait_for(rf"┌ @{her}'s phone ─+┐\n +│ @{admin} in .* │\n +│ see you at the message: board +│\n")
    terminal.wait_for(rf"Handed to @{her}'s\s+carrier")
    terminal.wait_for(prompt)

    terminal.type("/phone sent")
    terminal.wait_for(rf"just now to @{her}: taken by the carrier\n")

    terminal.type("reply with pleasure")
    terminal.wait_for(rf"@{her}'s phone answers\.\n")
    dm = (
        rf"to @{admin} by DM:\n.* @{her} answered from their phone:\n +> with pleasure\n"
        r" +\[ Reply \] \[ Stop \]\n"
    )
    changed = rf"@{her} answered your text\.\n"
    terminal.wait_for(f"{dm}(.|\n)*{changed}|{changed}(.|\n)*{dm}")  # either may come first
    terminal.wait_for(prompt)
    terminal.type("press Reply")
    terminal.wait_for("What their phone shows: ")
    terminal.type("see you")
    terminal.wait_for(rf"┌ @{her}'s phone ─+┐\n +│ @{admin} in .* │\n +│ see you +│\n")
    terminal.wait_for(prompt)
    terminal.type("press Stop")
    terminal.wait_for(rf"You'll see no more answers from @{her} ")
    terminal.type("/carrier list country:US search:verizon")
    terminal.wait_for(r"US Verizon \(vtext\.com\): active")
    terminal.type("/carrier enable att")
    terminal.wait_for(r"picks AT&T .* from what is offered\n")
    terminal.wait_for(r"Evidence: (.|\n)*\[ Yes, do it \]\n\n@")
    terminal.type("press no")
    terminal.wait_for("There is no such button; type: press Yes, do it")
    terminal.type("press yes")
    terminal.wait_for(r"AT&T is on for everyone\.")

    terminal.wait_for(prompt)
    terminal.type("/phone register verizon")
    terminal.wait_for("Your Verizon number: ")
    terminal.type("206 555 0150")
    terminal.wait_for(r"I agree\? \(yes/no\) ")
    terminal.type("perhaps")
    terminal.wait_for("Type yes or no.")
    terminal.type("no")
    terminal.wait_for("Without your agreement no code is sent.")
    terminal.wait_for(prompt)
    terminal.type("/phone register verizon")
    terminal.wait_for("Your Verizon number: ")
    terminal.type("206 555 0150")
    terminal.wait_for(r"I agree\? \(yes/no\) ")
    terminal.type("yes")
    terminal.wait_for(r"\[ Enter code \]\n")
    code = terminal.wait_for(r"│ ([0-9]{6}) is your Textbridge code")[1]
    terminal.type("press Enter code")
    terminal.wait_for("The six digits: ")
    terminal.type(code)
    terminal.wait_for("Your phone is registered")
    terminal.type("/phone show")
    terminal.wait_for(r"Your phone: \+1\*\*\*0150, Verizon\.")

    terminal.type(f"be @{sender}")
    terminal.wait_for(rf"\n@{re.escape(sender)}> ")
    terminal.type("/carrier list")
    terminal.wait_for("'carrier' is hidden from ")
    terminal.type(f"/text @{admin} good evening")
    terminal.wait_for(r"┌ a phone ending in 0150 ─+┐\n +│ .*│\n +│ good evening")
    terminal.type("press Reply")  # the DM with that button is somebody else's
    terminal.wait_for("There is no such button|There is no button")
    terminal.type("reply STOP")
    terminal.wait_for("a phone ending in 0150 answers")
    terminal.wait_for(rf"to @{admin} by DM:\n.* STOP came from your phone")
    terminal.type("/text @stranger hello")
    terminal.wait_for("Nobody here is called @stranger; here are @")
    terminal.type("/text @textbridge hello")
    terminal.wait_for("That's a bot")
    terminal.type("be @textbridge")
    terminal.wait_for("Nobody here is called @textbridge")
    terminal.type("quit")
    terminal.wait_for("Bye")
    assert (terminal.left(), list(terminal.folder.iterdir())) == (0, [])
    assert "Traceback" not in terminal.shown


@pytest.mark.ci
@pytest.mark.parametrize("how", telling(["ctrl-d", "terminate", "interrupt", "closed"], 2))
def test_the_prompt_is_left_without_a_trace(terminal: Terminal, how: str) -> None:
    terminal.wait_for(r"\n@[\w.]+> ")
    if how == "ctrl-d":
        terminal.press(b"\x04")
    else:
        signals = {"interrupt": signal.SIGINT, "terminate": signal.SIGTERM, "closed": signal.SIGHUP}
        terminal.demo.send_signal(signals[how])
    assert (terminal.left(), list(terminal.folder.iterdir())) == (0, [])
    assert re.fullmatch(r"\s*(Bye\.)?\s*", terminal.shown)


def option(name: str, kind: int = 3, required: bool = False, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "required": required, **more}


TEXT = {"name": "text", "type": 1, "options": [option("user", 6, True), option("message", 3, True)]}
PAUSE = option("pause", 1, options=[option("hours", 4)])
EDIT = option("edit", 1, options=[option("carrier", 3, True), option("name"), option("status")])
REGISTERED = [
    TEXT,
    {"name": "phone", "type": 1, "options": [PAUSE, option("show", 1)]},
    {"name": "carrier", "type": 1, "options": [EDIT]},
    {"name": "Text this person", "type": 2},
]


@pytest.mark.parametrize(
    ("line", "path", "values"),
    [
        ("/text @bob dinner at 7", "text", {"user": "@bob", "message": "dinner at 7"}),
        ("/text @bob user: wrong", "text", {"user": "@bob", "message": "user: wrong"}),
        ("/text user:@bob message:a  b", "text", {"user": "@bob", "message": "a  b"}),
        ("/text message:hi user:@bob", "text", {"user": "@bob", "message": "hi"}),
        ("/phone  show", "phone show", {}),
        ("/phone pause", "phone pause", {}),
        ("/phone pause 3", "phone pause", {"hours": "3"}),
        ("/carrier edit t-mobile name:T Mobile status:active", "carrier edit", {
            "carrier": "t-mobile", "name": "T Mobile", "status": "active"}),
    ],
)  # fmt: skip
def test_a_typed_line_is_understood(line: str, path: str, values: dict[str, str]) -> None:
    typed = read_command(line, REGISTERED)
    assert (typed.path, typed.values) == (path, values)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("/nix", "There is no /nix; there are /text, /phone, /carrier."),
        ("/", "There is no /; there are /text, /phone, /carrier."),
        ("/phone", "/phone is followed by one of: pause, show."),
        ("/phone nix", "/phone is followed by one of: pause, show."),
        ("/phone show me", "/phone show takes nothing more."),
        ("/text", "Type it as: /text user message"),
        ("/text @bob", "Type it as: /text user message"),
        ("/text message:hello", "Type it as: /text user message"),
        ("/carrier edit name:x", "Type it as: /carrier edit carrier [name] [status]"),
    ],
)
def test_a_line_that_is_not_understood_is_answered_with_what_to_type(line: str, sentence: str) -> None:
    with pytest.raises(UserError) as mistake:
        read_command(line, REGISTERED)
    assert str(mistake.value) == sentence


def test_values_become_what_a_client_sends() -> None:
    people = {"@bob": object()}
    status = option("status", choices=[{"name": "In use", "value": "active"}])
    assert value_of(option("user", 6), "@bob", people.__getitem__) is people["@bob"]
    assert value_of(option("hours", 4), "-3", people.get) == -3
    assert value_of(option("name"), "Any Words", people.get) == "Any Words"
    assert [value_of(status, typed, people.get) for typed in ("in use", "ACTIVE")] == ["active", "active"]
    for one, typed in ((option("hours", 4), "soon"), (status, "broken"), (option("attachment", 11), "x.png")):
        with pytest.raises(UserError, match=f"^{one['name']} "):
            value_of(one, typed, people.get)


def test_only_a_choice_that_fits_what_was_typed_is_picked() -> None:
    offered = [Choice("US Mobile (US)", "us-mobile"), Choice("AT&T (US, retired)", "us-att")]
    assert choice_meant("carrier", "att", offered).value == "us-att"
    assert choice_meant("carrier", "us-mob", offered).value == "us-mobile"
    with pytest.raises(UserError) as mistake:
        choice_meant("carrier", "Verizon", offered)
    assert str(mistake.value) == (
        "No carrier is called Verizon; offered are: US Mobile (US), AT&T (US, retired)."
    )


def test_a_button_is_meant_by_how_its_label_begins() -> None:
    assert button_meant("YES", ["Yes, do it", "Enter code"]) == "Yes, do it"
    for typed, labels in (("e", ["Enter code", "End"]), ("no", ["Yes, do it"]), ("yes", [])):
        with pytest.raises(UserError, match="There is no "):
            button_meant(typed, labels)
