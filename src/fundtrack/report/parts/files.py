"""Writes files: beside their target, then into its place; and what may not be replaced."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import re
import stat
import zlib
from collections.abc import Callable
from pathlib import Path

import psutil

from fundtrack.model import FundtrackError
from fundtrack.ooxml import Package


def refuse_place(target: Path) -> None:
    """Raise FundtrackError where no file can be written, whatever is forced.

    A folder, a pipe or a device is never replaced by a file.
    """
    name = target.name or str(target)
    try:
        there = target.parent.is_dir()
        mode = target.stat().st_mode if target.exists() else stat.S_IFREG
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise _unwritten(target, error) from error
    if not there:
        raise FundtrackError(
            name,
            f"cannot be written: there is no folder {target.parent.absolute()}.",
            "Make the folder first, or choose another with --output.",
        )
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
        raise FundtrackError(
            name, f"cannot be written: it is {what}.", "Choose another name with --output."
        )
    if ":" in name and os.name == "nt":  # it would be hidden behind another file
        raise FundtrackError(
            name, "cannot be written: it has a colon in its name.", "Choose another name."
        )


def _unwritten(target: Path, error: Exception) -> FundtrackError:
    long = getattr(error, "errno", None) == errno.ENAMETOOLONG
    # Windows finds no file where a path is too long; that its folder is there was looked up.
    if long or (isinstance(error, FileNotFoundError) and len(str(target.absolute())) > 240):
        return FundtrackError(
            f"{target.name[:40]}…",
            "cannot be written: its name or path is too long.",
            "Choose a shorter one with --output.",
        )
    return FundtrackError(
        target.name,
        f"cannot be written ({getattr(error, 'strerror', None) or error}).",
        "Close it in other programs, or choose another place with --output.",
    )


def refuse_input(target: Path, *inputs: Path) -> None:
    """Raise FundtrackError where the target is one of the files that are read, by any name."""
    refuse_place(target)
    for path in inputs:
        with contextlib.suppress(OSError, ValueError):  # one of the two is not there, or cannot be
            if path.samefile(target):
                raise FundtrackError(
                    target.name, "is the input itself.", "Choose another name with --output."
                )


def refuse_other(target: Path, ours: Callable[[Package], bool], told: str, *, force: bool) -> None:
    """Raise FundtrackError where the target is there and is not one of `ours`, unless `force`, or
    where no file can be written.
    """
    refuse_place(target)
    if force or not target.exists():
        return
    try:
        if ours(Package(target)):
            return
    except FundtrackError:
        pass  # what cannot be opened is not ours
    raise FundtrackError(
        target.name,
        f"exists already and {told}.",
        "Choose another name with --output, or replace it with --force.",
    )


def write_file(target: Path, data: bytes) -> None:
    """Write beside the target, flush, move into place. On any error nothing is left behind."""
    refuse_place(target)
    beside = _beside(target, str(os.getpid()))
    try:
        _clear_stale(target)
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except OSError as error:
        raise _unwritten(target, error) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def _beside(target: Path, process: str) -> Path:
    """Give the name under which a process writes a file that then becomes the target.

    It tells the machine too: in a shared folder, the same number is another process elsewhere.
    """
    place = zlib.crc32(f"{platform.node()}/{target.name}".encode("utf-8", "surrogatepass"))
    return target.with_name(f".{target.name[:50]}.{place:08x}-{process}.tmp")


def _clear_stale(target: Path) -> None:
    """Remove what runs on this machine left beside the target when they were killed."""
    ours = re.compile(re.escape(_beside(target, "N").name).replace("N\\.tmp", r"(\d{1,9})\.tmp"))
    with contextlib.suppress(OSError):  # the folder may be written to, but not listed
        for file in target.parent.iterdir():
            found = ours.fullmatch(file.name)
            if found and not psutil.pid_exists(int(found[1])):
                with contextlib.suppress(OSError):  # Windows keeps what is open
                    file.unlink()
