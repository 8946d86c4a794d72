"""`python3 -m bot test` runs pytest at the size asked for and keeps its exit code."""

import os
from pathlib import Path

import pytest

from bot.operate.checks import run_checks

pytestmark = pytest.mark.slow

# Without the plugins of the tests at large, each of which takes its time to load.
ENV = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "xdist.plugin"}
TEST = """\
import os


def test_size():
    assert os.environ["TEXTBRIDGE_TEST_SIZE"] == "long"
"""


@pytest.fixture
def project(tmp_path: Path) -> str:
    (tmp_path / "test_size.py").write_text(TEST)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.mypy]\nfiles = ["test_size.py"]\n[tool.ruff]\nline-length = 99\n'
    )
    return str(tmp_path)


def test_with_arguments_only_pytest_runs(project: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_checks("long", ["-q", "-p", "no:cacheprovider"], ENV, project) == 0
    assert run_checks("tenth", ["-q", "-p", "no:cacheprovider"], ENV, project) == 1
    assert run_checks("long", ["-k", "nothing"], ENV, project) == 5
    assert "ruff" not in capfd.readouterr().err


def test_without_arguments_everything_runs(project: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_checks("long", [], ENV, project) == 0
    Path(project, "broken.py").write_text("import os\n")
    assert run_checks("long", [], ENV, project) == 1
    out, errors = capfd.readouterr()
    assert out.count("1 passed") == 2
    assert errors.splitlines()[-1] == "failed: ruff check --quiet"
