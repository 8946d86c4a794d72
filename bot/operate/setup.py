"""Write .env by questions or flags: token, mail account, a fresh key; checked by the rules of Config."""

import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from getpass import getpass
from pathlib import Path

from bot.config import ConfigError, dotenv_path, load, problem_of
from bot.environment import Written, gather, read_dotenv
from bot.exits import OK, STOPPED, USAGE, WRONG_SETTINGS
from bot.operate.envfile import render, write_private
from bot.operate.invite import COMMANDS_MISSING, application_id_from_token, invite_url, is_bot_token
from bot.operate.keys import new_key
from bot.settings import BY_NAME, CHECKOUT

GMAIL = {"SMTP_HOST": "smtp.gmail.com", "SMTP_PORT": "587", "SMTP_SECURITY": "starttls"}
GMAIL_QUESTION = "Send by Gmail (yes or no)"
# Gmail shows an app password in four groups of four letters.
_APP_PASSWORD_LETTERS = 16


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for one setting; the answer to a hidden one does not show while it is typed."""

    name: str
    words: str
    hidden: bool = False
    optional: bool = False


QUESTIONS = (
    Question("DISCORD_TOKEN", "Discord bot token (developer portal, Bot > Reset Token)", hidden=True),
    Question("SMTP_HOST", "Mail server"),
    Question("SMTP_PORT", "Its port"),
    Question("SMTP_SECURITY", "Security: starttls, tls or none"),
    Question("SMTP_USERNAME", "Mail account (with Gmail the whole address)", optional=True),
    Question("SMTP_PASSWORD", "Its password (with Gmail an app password)", hidden=True, optional=True),
    Question("SMTP_FROM", "Address that phones see"),
)
NAMES = (*(question.name for question in QUESTIONS), "DATABASE_URL")

# Asks with these words; hides what is typed where told so.
Ask = Callable[[str, bool], str]
Say = Callable[[str], None]


def main(args: Namespace, env: Mapping[str, str]) -> int:
    """Write the checkout's .env as the command line says; returns the exit code."""
    names = {*NAMES, *(f"{name}_FILE" for name in NAMES)}
    found = gather(
        {name: value for name, value in vars(args).items() if name in names and value}, None, CHECKOUT
    )
    if found.problems:
        return _refuse(found.problems, print)
    flags = {**(GMAIL if args.gmail else {}), **found.values}
    return run_setup(flags, env, dotenv_path(env), ask=None if args.no_input else _ask, say=print)


def _ask(words: str, hidden: bool) -> str:
    return getpass(words) if hidden and sys.stdin.isatty() else input(words)


def run_setup(
    flags: Mapping[str, str], env: Mapping[str, str], path: Path, *, ask: Ask | None, say: Say
) -> int:
    """Collect the settings, check them all, write the file; returns the exit code. No `ask`: no questions."""
    noted = Written()
    before = read_dotenv(path, noted)
    from_env = gather(env, None, CHECKOUT)
    if noted.problems + from_env.problems:
        return _refuse(noted.problems + from_env.problems, say)
    known = {**before, **from_env.values, **flags}
    wanted = {name: known[name] for name in (*NAMES, "SECRET_KEY") if known.get(name)}
    if ask:
        try:
            wanted |= _ask_all(flags, known, ask, say)
        except EOFError:
            say("Set-up stopped, nothing is written: an answer is missing. With --no-input it asks nothing.")
            return USAGE
        except KeyboardInterrupt:
            say("\nSet-up stopped, nothing is written.")
            return STOPPED
    wanted = _complete(wanted, before)
    try:
        load({**before, **wanted}, dotenv=None)
    except ConfigError as error:
        return _refuse(error.problems, say)
    _write(path, before, wanted, say)
    _say_what_next(wanted.get("DISCORD_TOKEN", ""), say)
    return OK


def _ask_all(flags: Mapping[str, str], known: Mapping[str, str], ask: Ask, say: Say) -> dict[str, str]:
    """Ask what no flag says; what is known already is the default."""
    answers: dict[str, str] = {}
    for question in QUESTIONS:
        if question.name == "SMTP_HOST" and not {*flags} & {*GMAIL}:
            answers |= GMAIL if _is_gmail(known, ask, say) else {}
        said = question.name in flags or question.name in answers or known.get(f"{question.name}_FILE")
        if not said:
            answers[question.name] = _ask_one(question, {**known, **answers}, ask, say)
    return {name: answer for name, answer in answers.items() if answer}


def _is_gmail(known: Mapping[str, str], ask: Ask, say: Say) -> bool:
    default = "yes" if known.get("SMTP_HOST", GMAIL["SMTP_HOST"]) == GMAIL["SMTP_HOST"] else "no"
    while True:
        answer = ask(f"{GMAIL_QUESTION} [{default}]: ", False).strip().lower() or default
        if answer in {"yes", "y", "no", "n"}:
            return answer.startswith("y")
        say("Answer yes or no.")


def _ask_one(question: Question, known: Mapping[str, str], ask: Ask, say: Say) -> str:
    """Ask until the answer is right; an empty one takes what is shown in brackets."""
    default = known.get(question.name) or BY_NAME[question.name].default
    if question.name == "SMTP_FROM" and not default:
        default = known.get("SMTP_USERNAME", "")
    shown = "as it is" if default and question.hidden else default or ("none" if question.optional else "")
    words = f"{question.words} [{shown}]: " if shown else f"{question.words}: "
    while True:
        answer = ask(words, question.hidden).strip() or default
        if not answer and question.optional:
            return ""
        problem = problem_of(question.name, answer) if answer else "an answer is needed"
        if question.name == "DISCORD_TOKEN" and answer != default and problem is None:
            problem = _odd_token(answer, known)
        if problem is None:
            return answer
        say(f"{question.name}: {problem}")


def _odd_token(token: str, known: Mapping[str, str]) -> str | None:
    """Say what is wrong with a token for Discord itself; other servers have forms of their own."""
    usual = BY_NAME["DISCORD_API_URL"].default
    if is_bot_token(token) or known.get("DISCORD_API_URL", usual) != usual:
        return None
    return "this is not a bot token; copy it again from the developer portal, Bot > Reset Token"


def _complete(wanted: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """Add what follows from the answers: the sender of a mail account, a tidy app password, a key."""
    complete = dict(wanted)
    if not complete.get("SMTP_FROM") and "@" in complete.get("SMTP_USERNAME", ""):
        complete["SMTP_FROM"] = complete["SMTP_USERNAME"]
    letters = complete.get("SMTP_PASSWORD", "").replace(" ", "")
    if complete.get("SMTP_HOST") == GMAIL["SMTP_HOST"] and len(letters) == _APP_PASSWORD_LETTERS:
        complete["SMTP_PASSWORD"] = letters
    if not complete.get("SECRET_KEY") and not before.get("SECRET_KEY_FILE"):
        complete["SECRET_KEY"] = new_key()
    # What .env reads from a file stays there; both would be a mistake.
    return {name: value for name, value in complete.items() if not before.get(f"{name}_FILE")}


def _write(path: Path, before: Mapping[str, str], wanted: Mapping[str, str], say: Say) -> None:
    existed = path.exists()
    changed = {
        name: value for name, value in wanted.items() if (before.get(name) or BY_NAME[name].default) != value
    }
    write_private(path, render(path.read_text("utf-8-sig") if existed else "", changed))
    if existed:
        say(f"Changed in {path.name}: {', '.join(sorted(changed)) or 'nothing'}. The rest is as it was.")
    else:
        say(f"Wrote {path.name}, which only you can read.")
    if "SECRET_KEY" in changed:
        say("Keep a copy of its SECRET_KEY: without it nobody can read what the bot stored.")


def _say_what_next(token: str, say: Say) -> None:
    application_id = application_id_from_token(token)
    if application_id is not None:
        say(f"Add the bot to a server: {invite_url(application_id)}\n{COMMANDS_MISSING}")
    say("Start it: python3 -m bot run")


def _refuse(problems: list[str], say: Say) -> int:
    say("Nothing is written; these settings need another look:")
    for problem in problems:
        say(problem)
    return WRONG_SETTINGS
