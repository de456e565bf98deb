"""Several workbooks: which of them cannot be checked together, and one after the other or side by
side in processes of their own.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fundtrack.console import FAILED, Problem, attempt, deaf, end_when_told, line

if TYPE_CHECKING:
    from fundtrack.pipeline import Checked, Request


def to_be_replaced(requests: Sequence[Request]) -> dict[Path, Path]:
    """The copies of last time, where somebody names all files of a folder, and of which file each
    is: a new one replaces it.
    """
    if len(requests) < 2:
        return {}
    from fundtrack import copies

    inputs = {copies.identity(request.path): request.path for request in requests}
    found: dict[Path, Path] = {}
    for request in sorted(requests, key=lambda r: len(r.path.name)):  # a copy's name is longer
        copy = inputs.get(_goal(request)) if request.report and request.path not in found else None
        if copy and copies.is_copy(copy, request.bounds, request.password):
            found[copy] = request.path
    return found


def clash(requests: Sequence[Request]) -> str | None:
    """What is wrong where the copy of a workbook would be that of another, or another workbook
    itself; None where all is well.
    """
    from fundtrack import copies

    if len(requests) < 2:
        return None
    inputs = {copies.identity(request.path): request.path for request in requests}
    met: dict[str, Path] = {}
    for request in requests:
        if not request.report:
            continue
        goal = _goal(request)
        first = met.setdefault(goal, request.path)
        if first is not request.path:
            what = f"{first} and {request.path} would have the same copy."
        elif goal in inputs:
            what = f"The copy of {request.path} would replace {inputs[goal]}."
        else:
            continue
        return f"{what} Check them one by one, each with its own --output."
    return None


def _goal(request: Request) -> str:
    from fundtrack import copies

    return copies.identity(copies.place(request.path, request.output, shared=request.redact))


def outcomes(requests: Sequence[Request], jobs: int) -> Iterator[Checked | Problem]:
    """What came of each request, in their order: its check, or one line on why there is none."""
    if min(jobs, len(requests)) > 1:
        return _side_by_side(requests, jobs)
    return map(_run, requests)


def _side_by_side(requests: Sequence[Request], jobs: int) -> Iterator[Checked | Problem]:
    from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
    from multiprocessing import active_children, get_context

    # Begun afresh, as on Windows: a copy of a process that has run threads may hang.
    fresh = get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(requests)), mp_context=fresh) as pool:
        try:
            with deaf():  # so are the processes that begin meanwhile: this one decides for all
                futures = [(r, pool.submit(_run_beside, r)) for r in requests]
            for request, future in futures:
                try:
                    yield future.result()
                except BrokenExecutor:  # the system ends a process that takes too much memory
                    yield line(
                        f"{request.path}: The process that checked it, or one beside it, was "
                        "ended, perhaps for want of memory. Check it without --jobs."
                    )
        except BaseException:  # nobody waits any more for what they do
            for worker in active_children():
                worker.terminate()
            raise


def _run_beside(request: Request) -> Checked | Problem:
    """As `_run`, in a process of its own, which ends without a word when it is told to."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Windows does not hand deafness down
    end_when_told()
    try:
        return _run(request)
    except KeyboardInterrupt:
        os._exit(FAILED)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _run(request: Request) -> Checked | Problem:
    from fundtrack import pipeline

    return attempt(str(request.path), lambda: pipeline.check(request))
