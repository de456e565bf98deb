"""Runs the outside readers in a process of its own, with limits on its memory and time.

The limits hold on every platform: the process is watched and ended from here. Where the system can
limit memory by itself, the process asks for that too (`readers`).
"""

from __future__ import annotations

import contextlib
import io
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import IO, Any

import psutil

from fundtrack import readers
from fundtrack.bounds import MB, Bounds

_LOOK = 0.02  # seconds between two looks at the memory
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows would flash a console
# -P: nothing is imported from the folder in which the user stands, where strangers' files lie.
_COMMAND = [sys.executable, "-P", "-X", "utf8", str(Path(readers.__file__))]


class Overrun(Exception):  # noqa: N818 - not an error of the program: what a file came to
    """The process was ended, or broke: the bound `name` says which, None for a crash."""

    def __init__(self, name: str | None) -> None:
        self.name = name
        super().__init__(name)


def run(task: str, data: bytes, given: Any, bounds: Bounds) -> Any:
    """What `readers` gives for the task. Raises Unread as it does, Overrun where it was stopped."""
    order = pickle.dumps((task, given, bounds.memory_mb), protocol=5)
    end = time.monotonic() + bounds.seconds
    with (
        subprocess.Popen(
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a Rust panic prints there
            creationflags=_NO_WINDOW,
        ) as process,
        ThreadPoolExecutor(2) as pipes,  # read while it is written: neither may wait for the other
    ):
        assert process.stdin is not None and process.stdout is not None
        pipes.submit(_sent, process.stdin, order, data)
        answering = pipes.submit(process.stdout.read)
        over = None
        try:
            while not over and not wait([answering], _LOOK).done:
                over = _over(process.pid, end, bounds)
        except BaseException:  # nobody would watch it any more
            process.kill()
            raise
        if over:
            process.kill()
        answer = answering.result()
    if over or process.returncode or not answer:
        raise Overrun(over)
    kind, value = _Plain(io.BytesIO(answer)).load()
    if kind == "unread":
        raise readers.Unread(*value)
    return value


def _sent(pipe: IO[bytes], *pieces: bytes) -> None:
    with contextlib.suppress(OSError), pipe:  # it may have ended before it had read all
        for piece in pieces:
            pipe.write(piece)


def _over(pid: int, end: float, bounds: Bounds) -> str | None:
    if time.monotonic() > end:
        return "seconds"
    try:
        return (
            "memory_mb" if psutil.Process(pid).memory_info().rss > bounds.memory_mb * MB else None
        )
    except psutil.Error:  # it has just ended
        return None


class _Plain(pickle.Unpickler):
    """Loads nothing but values of cells, whatever a broken reader might send."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "datetime" and name in ("date", "datetime", "time", "timedelta"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name}")
