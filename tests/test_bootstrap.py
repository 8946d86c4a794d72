"""The private environment: made once, repaired, shared, entered; what is missing is one line."""

import ast
import json
import tomllib
from pathlib import Path

import pytest

from tests.checkout import BASE_PYTHON, CHECKOUT, TIMEOUT_S, SmallCheckout, odd_python, old, without
from tests.conftest import telling

pytestmark = pytest.mark.slow

SETTING_UP = "Setting up a private environment in .venv (once, about 20 s)…\n"
OLD_SYNTAX = ("bot/__init__.py", "bot/__main__.py", "bot/bootstrap.py", "bot/exits.py")


@pytest.fixture
def checkout(tmp_path: Path) -> SmallCheckout:
    return SmallCheckout.make(tmp_path / "check out")


@pytest.fixture(scope="module")
def made_by_two(tmp_path_factory: pytest.TempPathFactory) -> tuple[SmallCheckout, list[tuple[int, str]]]:
    """Start twice at once in a fresh checkout; returns exit codes and errors too."""
    checkout = SmallCheckout.make(tmp_path_factory.mktemp("made") / "check out")
    starts = [checkout.start("demo") for _ in range(2)]
    errors = [start.communicate(timeout=TIMEOUT_S)[1] for start in starts]
    return checkout, [(start.returncode, said) for start, said in zip(starts, errors, strict=True)]


@pytest.fixture(scope="module")
def made(made_by_two: tuple[SmallCheckout, object]) -> SmallCheckout:
    return made_by_two[0]


@pytest.mark.parametrize("name", OLD_SYNTAX)
def test_old_pythons_can_read_the_start(name: str) -> None:
    source = (CHECKOUT / name).read_text("utf-8")
    tree = ast.parse(source, feature_version=(3, 6))
    bare = [
        note.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for note in [node.returns, *(arg.annotation for arg in node.args.args)]
        if note is not None and not isinstance(note, ast.Constant)
    ]
    assert bare == []


@pytest.mark.ci
def test_two_starts_at_once_share_one_set_up(
    made_by_two: tuple[SmallCheckout, list[tuple[int, str]]],
) -> None:
    ends = made_by_two[1]
    assert [code for code, _ in ends] == [0, 0]
    errors = sorted(errors for _, errors in ends)
    assert errors[0] == SETTING_UP
    assert errors[1].startswith("Waiting for another start")
    assert errors[1].count("\n") == 1


def test_a_later_start_says_nothing_and_runs_inside(made: SmallCheckout) -> None:
    process = made.start("demo", "--port", "7")
    said, errors = process.communicate(timeout=20)
    pid, prefix, folder, once, port = said.splitlines()
    assert (process.returncode, errors) == (0, "")
    assert int(pid) == process.pid  # the same process all along, so that signals reach it
    assert (prefix, folder) == (str(made.folder / ".venv"), str(made.folder))
    assert (once, port) == ("True", "7")


def test_tests_add_their_packages_once(made: SmallCheckout) -> None:
    before = made.stamp.read_text()
    made.run("test", "--no-such-option")
    assert set(json.loads(made.stamp.read_text())) - set(json.loads(before)) == {"requirements-dev.txt"}
    assert made.run("demo")[2] == ""


def test_another_lock_is_another_set_up(made: SmallCheckout) -> None:
    for lock in ("requirements.txt", "requirements-dev.txt"):
        (made.folder / lock).write_text("# newer\n")
    assert made.run("demo")[::2] == (0, SETTING_UP)
    assert made.run("demo")[::2] == (0, "")


@pytest.mark.parametrize(
    "half", telling(["a break while installing", "an upgrade of the machine's Python"], 1)
)
@pytest.mark.ci
def test_a_half_made_environment_is_repaired(made: SmallCheckout, half: str) -> None:
    if half == "a break while installing":
        made.stamp.unlink()
        next((made.folder / ".venv").glob("lib/python*/site-packages/pip/__main__.py")).unlink()
    else:
        made.python.unlink()
    assert made.run("demo")[::2] == (0, SETTING_UP)
    assert made.run("demo")[::2] == (0, "")


def test_run_installs_nothing_and_says_what_to_do(checkout: SmallCheckout, tmp_path: Path) -> None:
    bare = odd_python(tmp_path / "bare", without("discord"))
    code, said, errors = checkout.run("run", python=bare)
    assert (code, said) == (69, "")
    assert errors.count("\n") == 1
    assert "python3 -m bot setup --packages" in errors
    assert not (checkout.folder / ".venv").exists()


@pytest.mark.ci
@pytest.mark.parametrize("spoilt_by", [old(8), old(10), without("ensurepip"), without("venv")])
def test_another_python_on_the_path_takes_over(made: SmallCheckout, tmp_path: Path, spoilt_by: str) -> None:
    for lock in ("requirements.txt", "requirements-dev.txt"):
        (made.folder / lock).write_text(f"# {tmp_path.name}\n")
    odd = odd_python(tmp_path / "odd", spoilt_by)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "python3.12").symlink_to(BASE_PYTHON)
    path = f"{odd.parent}:{tmp_path / 'new'}:/usr/bin:/bin"
    assert made.run("demo", python=odd, path=path)[::2] == (0, SETTING_UP)


@pytest.mark.parametrize(
    ("spoilt_by", "words"),
    [(old(9), "Python 3.11 or newer; this is 3.9"), (without("ensurepip"), "apt install python3-venv")],
)
def test_without_another_one_a_line_says_what_is_missing(
    checkout: SmallCheckout, tmp_path: Path, spoilt_by: str, words: str
) -> None:
    odd = odd_python(tmp_path / "odd", spoilt_by)
    code, said, errors = checkout.run("demo", python=odd, path=str(odd.parent))
    assert (code, said, errors.count("\n")) == (69, "", 1)
    assert words in errors


def test_no_network_is_one_line(made: SmallCheckout, tmp_path: Path) -> None:
    checkout = made.copy(tmp_path / "copied")
    for lock in ("requirements.txt", "requirements-dev.txt"):
        (checkout.folder / lock).write_text(f"no-such-package==1 \\\n    --hash=sha256:{'0' * 64}\n")
    code, _, errors = checkout.run("demo", PIP_NO_INDEX="1", PIP_CONFIG_FILE="/dev/null")
    assert code == 69
    assert errors.startswith(SETTING_UP + "The packages could not be installed (is there a network?): ")
    assert errors.count("\n") == 2
    assert not checkout.stamp.exists()


def test_an_image_brings_its_own_packages(checkout: SmallCheckout) -> None:
    code, said, errors = checkout.run("demo", BOT_NO_BOOTSTRAP="1")
    assert (code, errors) == (0, "")
    assert str(checkout.folder / ".venv") not in said
    assert not (checkout.folder / ".venv").exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "usage: "),
        (["demmo"], "There is no such command; there are demo, test, setup, run"),
        (["demo", "--twice"], "demo does not take --twice"),
        (["demo", "--port", "x"], "use a port"),
        (["keys", "old"], "type `keys new`"),
        (["run", "now"], "run does not take now"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_installed(
    checkout: SmallCheckout, words: list[str], complaint: str
) -> None:
    code, said, errors = checkout.run(*words)
    assert (code, said) == (64, "")
    assert complaint in errors
    assert not (checkout.folder / ".venv").exists()


def test_help_is_no_mistake(checkout: SmallCheckout) -> None:
    for word in ("help", "--help"):
        code, said, errors = checkout.run(word)
        assert (code, errors) == (0, "")
        assert "keys new" in said
        assert "--refuse" in said


@pytest.mark.parametrize(("command", "words"), [("run", "that `setup` wrote"), ("keys", "SECRET_KEY")])
def test_the_help_of_a_command_says_what_it_does(checkout: SmallCheckout, command: str, words: str) -> None:
    code, said, errors = checkout.run(command, "--help")
    assert (code, errors) == (0, "")
    assert words in said


def test_the_version_is_the_projects(checkout: SmallCheckout) -> None:
    version = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert checkout.run("--version") == (0, f"Textbridge {version}\n", "")
