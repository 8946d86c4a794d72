"""A .env file is written privately, whole, and read back as it was meant."""

import io
import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from bot.operate.envfile import render, write_private

VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=30)


def read(text: str) -> dict[str, str | None]:
    return dict(dotenv_values(stream=io.StringIO(text), interpolate=False))


@given(st.dictionaries(st.sampled_from(["SMTP_PASSWORD", "SMTP_HOST", "OTHER"]), VALUES), VALUES)
def test_what_is_written_is_read_back(wanted: dict[str, str], old: str) -> None:
    before = render("# mine\nKEPT='a b'\n", {"SMTP_HOST": old})
    after = read(render(before, wanted))
    assert after == {"KEPT": "a b", "SMTP_HOST": old, **wanted}


def test_comments_and_order_stay_and_doubles_go() -> None:
    before = "# first\nexport SMTP_HOST=a\n\nOTHER=1 # why\nSMTP_HOST=b"
    assert render(before, {"SMTP_HOST": "c", "SMTP_PORT": "465"}) == (
        "# first\nSMTP_HOST=c\n\nOTHER=1 # why\n# Its port: 587 for starttls, 465 for tls.\nSMTP_PORT=465\n"
    )


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_failed_write_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_private(path, "new \ud800")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(".env", "old")]
