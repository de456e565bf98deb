"""Kills a process that records, at any moment and many times, and looks what the ledger holds.

    python tests/crash.py RUN.json LEDGER KILLS

A child records run after run, each with other findings, and says so as soon as each is recorded.
Prints as JSON what was met: `kills`, of them `while_writing`; runs that were `recorded`; and what
must never be: runs that were said to be recorded and are `lost`, runs that are there in `part`.
"""

import json
import os
import random
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from fundtrack import accountability
from fundtrack.ledger import Run, Store, record

MOMENT = "2025-01-01T00:00:00+00:00"
# How long a child lives after it began, at most, in times of what recording takes. It is adapted,
# so that about every second child gets to record something, however busy the machine is.
LONGEST, LONGER, SHORTER = 1.5, 1.15, 0.87


def numbered(template, number):
    """The run of that number: which of the findings it has depends on nothing else."""
    chosen = random.Random(number)
    found = [f for f in template["findings"] if chosen.random() < 0.5]
    book = template["workbook"] | {"path": str(number), "values_digest": f"{number:064x}"}
    return template | {"findings": found, "workbook": book}


def child(template, place, number, pipe):
    """Records until it is killed, from that number on."""
    while True:
        os.write(pipe, f"begun {number}\n".encode())
        record(Store(place, new=True), Run(numbered(template, number)), MOMENT, under=None)
        os.write(pipe, f"recorded {number}\n".encode())
        number += 1


def moments(place):
    """What the ledger holds; nothing where it is not there yet."""
    with suppress(Exception):
        asked = dict.fromkeys(("portfolio", "since", "until", "as_of"))
        return accountability.history(place, **asked)[0].moments
    return []


def is_whole(template, at, moment):
    """Whether a run has all of its findings, under the next number."""
    whole = len(numbered(template, at)["findings"])
    found = sum(moment.counts.get(what, 0) for what in ("new", "still_open", "reopened"))
    return (moment.number, moment.file, found) == (at, str(at), whole)


def main(file, place, kills):
    template = json.loads(Path(file).read_text(encoding="utf-8"))
    for number in (1, 2):
        start = time.perf_counter()
        record(Store(place, new=True), Run(numbered(template, number)), MOMENT, under=None)
    takes = time.perf_counter() - start
    rng, longest = random.Random(7), LONGEST * takes
    met = {"kills": 0, "while_writing": 0, "recorded": 0, "lost": 0, "part": 0, "unread": 0}
    there = moments(place)
    for _ in range(kills):
        inlet, outlet = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(inlet)
            child(template, place, len(there) + 1, outlet)
        os.close(outlet)
        select.select([inlet], [], [], 30)  # it has begun
        time.sleep(rng.random() * longest)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        with os.fdopen(inlet, encoding="ascii") as said:
            lines = said.read().split("\n")[:-1]
        met["kills"] += 1
        met["while_writing"] += lines[-1].startswith("begun")
        acknowledged = [int(line.split()[1]) for line in lines if line.startswith("recorded")]
        longest *= SHORTER if acknowledged else LONGER
        there = moments(place)
        met["unread"] += not there
        met["lost"] += sum(n > len(there) for n in acknowledged)
        met["part"] += sum(not is_whole(template, *run) for run in list(enumerate(there, 1))[-5:])
        met["recorded"] = len(there)
    met["part"] += sum(not is_whole(template, *run) for run in enumerate(there, 1))
    sys.stdout.write(json.dumps(met))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
