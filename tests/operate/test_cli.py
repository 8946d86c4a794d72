"""What is typed is understood, or refused with 64."""

import pytest

from bot.operate.cli import SECRET_FLAGS, SETUP_FLAGS, parse
from bot.operate.setup import NAMES


@pytest.mark.parametrize(
    ("typed", "size", "rest"),
    [
        ("test", "tenth", []),
        ("test --ci", "ci", []),
        ("test --long -k foo", "long", ["-k", "foo"]),
        (
            "test -x tests/test_log.py --ci -p no:timeout",
            "ci",
            ["-x", "tests/test_log.py", "-p", "no:timeout"],
        ),
        ("test --co -q --lf", "tenth", ["--co", "-q", "--lf"]),
    ],
)
def test_pytest_gets_what_is_not_ours(typed: str, size: str, rest: list[str]) -> None:
    args = parse(typed.split())
    assert (args.size, args.rest) == (size, rest)


@pytest.mark.parametrize(
    "typed",
    [
        "test --ci --long",
        "demo --onc",
        "demo --port 70000",
        "demo --port",
        "setup --smtp-host a b",
        "setup --discord-token a --discord-token-file b",
        "keys",
        "keys new now",
        "run --fast",
        "keys turn",
        "proof",
        "proof bob",
        "erase 123456789012345678",
        "erase everybody 123456789012345678",
        "doctor --jsn",
    ],
)
def test_wrong_usage_leaves_with_64(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(typed.split())
    assert left.value.code == 64
    assert capsys.readouterr().err.count("\n") == 1


def test_what_was_typed_wrong_is_not_repeated_where_it_may_be_a_secret(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        parse(["setup", "--discord-tokn=canary"])
    assert "canary" not in capsys.readouterr().err


def test_the_flags_of_setup_are_its_settings() -> None:
    assert {flag.replace("-", "_").upper() for flag in SETUP_FLAGS} == set(NAMES)
    assert set(SECRET_FLAGS) <= set(SETUP_FLAGS)
    args = parse(["setup", "--smtp-password-file", "f", "--smtp-from", "a@b.c"])
    assert (args.SMTP_PASSWORD_FILE, args.SMTP_PASSWORD, args.SMTP_FROM) == ("f", None, "a@b.c")
