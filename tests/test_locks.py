"""The lock files pin everything by hash, name no address, and follow pyproject.toml."""

import re
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.txt", "requirements-dev.txt")
PINNED = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)==([0-9][0-9a-z.]*)(?: ; [a-z_]+[^:@]*)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")


def wrong_lines(lock: str) -> list[str]:
    """Return each line that is no pinned requirement followed by its hashes."""
    wrong = []
    before_was_open = False
    for line in lock.splitlines():
        if not (HASH.fullmatch(line) if before_was_open else PINNED.fullmatch(line)):
            wrong.append(line)
        before_was_open = line.endswith("\\")
    return wrong + (["an open end"] if before_was_open else [])


def versions(lock: str) -> dict[str, str]:
    return {found[1]: found[2] for line in lock.splitlines() if (found := PINNED.fullmatch(line))}


def names(requirements: list[str]) -> set[str]:
    written = {re.split(r"[\[><=!~; ]", requirement, maxsplit=1)[0] for requirement in requirements}
    return {re.sub(r"[-_.]+", "-", name).lower() for name in written}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_pins_and_hashes_alone(name: str) -> None:
    lock = (CHECKOUT / name).read_text("utf-8")
    assert wrong_lines(lock) == []
    assert len(versions(lock)) > 20


@pytest.mark.parametrize(
    "planted",
    [
        "--index-url https://pypi.example.org/simple",
        "--find-links /opt/wheels",
        "idna @ file:///opt/wheels/idna.whl \\",
        "idna @ https://example.org/idna.whl \\",
        "idna>=3 \\",
        "idna==3.20",
        "-e .",
        "    # via aiohttp",
    ],
)
def test_a_planted_line_is_found(planted: str) -> None:
    lock = f"idna==3.20 \\\n    --hash=sha256:{'0' * 64}\n"
    assert wrong_lines(lock) == []
    assert wrong_lines(f"{lock}{planted}\n")


def test_the_locks_follow_pyproject() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    run, dev = (versions((CHECKOUT / name).read_text("utf-8")) for name in LOCKS)
    assert names(project["project"]["dependencies"]) <= run.keys()
    assert names(project["dependency-groups"]["dev"]) <= dev.keys()
    assert not names(project["dependency-groups"]["dev"]) & run.keys()
    assert run.items() <= dev.items()


def test_no_other_lock_stands_beside_them() -> None:
    others = ("uv.lock", "pylock.toml", "poetry.lock", "Pipfile.lock", ".python-version")
    assert [name for name in others if (CHECKOUT / name).exists()] == []


def test_the_worker_is_the_only_process() -> None:
    assert (CHECKOUT / "Procfile").read_text("utf-8") == "worker: python -m bot run\n"
