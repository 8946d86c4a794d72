"""Show how the bot reads a mail, what a phone shows of a text, what a server's answer means."""

import argparse
import json
import re
import sys
from pathlib import Path

from bot import exits

_HANDLE, _SERVER = "sender", "Server"  # stand for whoever sends
_ANSWER = re.compile(r"\s*([2-5]\d\d)(?:[ -](.*))?", re.DOTALL)


def add_inspect(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    actions = parser.add_subparsers(dest="action", required=True, parser_class=type(parser))
    mail = actions.add_parser("mail", description="Print how each mail is read: one JSON object a line.")
    mail.add_argument("files", metavar="FILE", nargs="+", help="a mail as it came, with its headers")
    text = actions.add_parser("text", description="Print what a phone shows of a text.")
    text.add_argument("words", metavar="TEXT")
    answer = actions.add_parser("answer", description="Print what the relay makes of a server's answer.")
    answer.add_argument("words", metavar="ANSWER", help='as "552 5.2.0 message refused"')


def inspect(args: argparse.Namespace) -> int:
    """Do what was asked for; returns the exit code. No settings are needed."""
    if args.action == "mail":
        return max([_mail(file) for file in args.files])
    return _text(args.words) if args.action == "text" else _answer(args.words)


def _mail(file: str) -> int:
    from bot.mail.parts import LARGEST_BYTES
    from bot.mail.reading import read

    try:
        with Path(file).open("rb") as opened:
            raw = opened.read(LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "this is no file's name"
        print(f"{_printable(file)}: cannot be read ({why}); check the name.", file=sys.stderr)
        return exits.USAGE
    reading = read(raw)
    _print(
        file=file,
        kind=reading.kind,
        text=reading.words,
        number=reading.number,
        bounce=reading.bounce,
        status=reading.status,
        reason=reading.reason,
        recipients=list(reading.recipients),
        message_id=reading.mail_id,
        pictures=len(reading.pictures),
    )
    return exits.OK


def _text(words: str) -> int:
    from bot.domain.errors import UserError
    from bot.domain.plain import plain
    from bot.domain.render import chat_parts
    from bot.domain.segments import is_gsm7

    try:
        shows = chat_parts(_HANDLE, _SERVER, plain(words, {}))
    except UserError as mistake:
        print(mistake, file=sys.stderr)
        return exits.USAGE
    encoding = "GSM-7" if all(map(is_gsm7, shows)) else "UCS-2"
    _print(segments=len(shows), encoding=encoding, shows=list(shows))
    return exits.OK


def _answer(words: str) -> int:
    from bot.domain.outcome import Reply, Step, decide

    found = _ANSWER.fullmatch(words)
    if found is None:
        print('An answer begins with its code, as "552 5.2.0 message refused".', file=sys.stderr)
        return exits.USAGE
    code, said = int(found[1]), found[2] or ""
    steps = {step: decide(Reply(step, code, said)) for step in (Step.MAIL, Step.RCPT, Step.BODY)}
    usual = Step.BODY if code < 400 else Step.RCPT
    _print(code=code, enhanced=Reply(usual, code, said).enhanced, outcome=steps[usual], steps=steps)
    return exits.OK


def _print(**shown: object) -> None:
    print(json.dumps(shown), flush=True)


def _printable(name: str) -> str:
    return name.encode("ascii", "backslashreplace").decode("ascii")
