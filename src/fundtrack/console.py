"""What is said on the terminal, and how a run ends there: whoever stops it, and whatever fails."""

from __future__ import annotations

import _thread
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn, TextIO, TypeVar

import click

from fundtrack.model import FundtrackError

FOUND, FAILED = 1, 2  # exit codes
_SOON = 0.05  # seconds until a stop that was passed over comes again
Result = TypeVar("Result")


def say(text: str, *, nl: bool = True) -> None:
    """Prints a result. A reader who has seen enough (`| head`) changes nothing of the verdict."""
    try:
        click.echo(text, nl=nl)
    except OSError as error:
        _unprinted(error)


@contextmanager
def printing() -> Iterator[None]:
    """Where what is said cannot be printed, that ends the run: see `_unprinted`."""
    try:
        yield
    except OSError as error:
        if os.environ.get("FUNDTRACK_DEBUG"):
            raise
        _unprinted(error)
        sys.exit(0)


def _unprinted(error: OSError) -> None:
    """Stops, unless it is only that nobody reads on; of that Windows says that it is invalid."""
    _mute(sys.stdout)
    if error.errno not in (errno.EPIPE, errno.EINVAL):
        stop(
            f"What is to be said cannot be printed ({error.strerror}). Make room, or send it "
            "elsewhere."
        )


def tell(problem: str) -> None:
    """Prints a problem, where there is anywhere to print it."""
    try:
        click.echo(f"fundtrack: {problem}", err=True)
    except OSError:
        _mute(sys.stderr)


def _mute(stream: TextIO | None) -> None:
    """Sends what waits in a stream nowhere: at its end Python would try again, and complain."""
    if stream is None:
        return
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def stop(problem: str) -> NoReturn:
    """Prints a problem, and ends with the exit code of what could not be done."""
    tell(problem)
    sys.exit(FAILED)


class Problem(str):
    """One line on why something could not be done."""

    __slots__ = ()


def attempt(file: str, work: Callable[[], Result]) -> Result | Problem:
    """What `work` gives, or one line on why it could not; `file` is named where it cannot say."""
    try:
        return work()
    except FundtrackError as error:
        return line(str(error))
    except MemoryError:
        return line(
            f"{file}: It does not fit into memory. Close other programs, or split the workbook."
        )
    except Exception as error:
        if os.environ.get("FUNDTRACK_DEBUG"):
            raise
        from fundtrack.words import place_of

        return line(
            f"{file}: fundtrack itself failed ({place_of(error)}). Nothing was changed. Please "
            "report this line, without the workbook."
        )


def or_stop(file: str, work: Callable[[], Result]) -> Result:
    """What `work` gives; where it cannot, says why and ends."""
    done = attempt(file, work)
    if isinstance(done, Problem):
        stop(done)
    return done


def line(text: str) -> Problem:
    """The text on one line, whatever a file's name holds."""
    from fundtrack.report.text import safe

    return Problem(safe(text).replace("\n", "\\n"))


def _hears_signals() -> bool:
    return threading.current_thread() is threading.main_thread()


def end_when_told() -> None:
    """Lets SIGTERM (the machine shuts down) tidy up like Ctrl-C instead of killing at once."""
    if _hears_signals():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        if sys.unraisablehook is sys.__unraisablehook__:
            sys.unraisablehook = _heard_again


def _heard_again(unraised: sys.UnraisableHookArgs) -> None:
    """Where Ctrl-C is met by code that cannot fail (Python cleans up), it comes once more."""
    if unraised.exc_type is KeyboardInterrupt:
        again = threading.Timer(_SOON, _stop_again)
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(unraised)


def _stop_again() -> None:
    if sys.platform == "win32":  # where a signal to oneself would end the process at once
        _thread.interrupt_main(signal.SIGTERM)
    else:
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def deaf() -> Iterator[None]:
    """Ctrl-C does nothing for a moment."""
    if not _hears_signals():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
