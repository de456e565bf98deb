"""What every test module may ask for: `write` makes a workbook, `judge` makes one and judges it."""

from __future__ import annotations

import shutil
import subprocess
from itertools import count

import pytest
from click.testing import CliRunner
from hypothesis import settings

from books import book
from fundtrack.cli import main
from fundtrack.model import Options
from fundtrack.pipeline import assess

settings.register_profile("fundtrack", deadline=None, database=None)
settings.load_profile("fundtrack")


@pytest.fixture
def write(tmp_path):
    """Writes a workbook from the tables given (see `books.book`) and gives its path."""
    numbers = count(1)

    def make(**given):
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        return book(folder, **given)

    return make


@pytest.fixture
def judge(write):
    """Writes a workbook from the tables given and gives its assessment."""

    def run(options: Options | None = None, **given):
        return assess(write(**given), options=options)

    return run


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command in an empty folder; a failure of fundtrack itself would show its traceback."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FUNDTRACK_DEBUG", "1")

    def go(*arguments, code=0):
        result = CliRunner().invoke(main, [str(a) for a in arguments])
        assert result.exit_code == code, result.output
        return result

    return go


@pytest.fixture
def soffice(tmp_path):
    """Converts a workbook by LibreOffice, as another office would; skips where there is none.

    Gives its path; `more` workbooks are converted by the same call into the same folder.
    """
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("LibreOffice is not on this machine")

    def convert(path, kind, *more):
        profile = (tmp_path / "profile").as_uri()  # of its own, so that tests run side by side
        folder = tmp_path / "converted"
        command = [program, f"-env:UserInstallation={profile}", "--headless", "--convert-to", kind]
        subprocess.run([*command, "--outdir", folder, path, *more], check=True, capture_output=True)
        return folder / f"{path.stem}.{kind}"

    return convert


def pytest_addoption(parser):
    parser.addoption("--snapshots", action="store_true", help="write the snapshots anew")
