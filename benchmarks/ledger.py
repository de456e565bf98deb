"""Measures the ledger: what recording adds to a check, and how soon a page of history is there.

    python benchmarks/ledger.py

A register with some 10,000 findings is checked; runs in which a tenth of them comes and goes are
recorded until the ledger holds a hundred. Then the register is checked without and with --record,
and asked for its history. Whole processes, so that start-up counts; ratios are what to compare.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import portfolio
from measure import FUNDTRACK, best

from fundtrack.ledger import Run, Store, record

ROWS, FAULTS, MOMENT = 24_000, 0.5, "2025-01-01T00:00:00+00:00"


def main(runs: int, place: str | None) -> None:
    """Prints a table of what was measured."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = place or str(Path(folder) / "fundtrack.db")
        register, told = Path(folder) / "register.xlsx", Path(folder) / "run.json"
        portfolio.write(register, ROWS, FAULTS)
        check = [*FUNDTRACK, "check", str(register), "--no-report"]
        plain = _printed([*check, "--format", "json"], told)
        taken = [_recorded(plain, ledger, number) for number in range(1, runs)]
        alone = best([*check, "-q"])
        kept = best([*check, "-q", "--record", "--ledger", ledger], 1)
        ask = [*FUNDTRACK, "history", "--ledger", ledger]
        page, since = best(ask), best([*ask, "--since", "2024-01-01"])
        listed = best([*ask, "--by", "check"])
        print(f"{len(plain['findings']):,} findings, {runs} runs, a tenth of them changing")
        print(f"  check                             {alone:6.2f} s   1.00")
        print(f"  check --record                    {kept:6.2f} s   {kept / alone:.2f}   (limit 2)")
        print(f"  recording a run by itself, median {statistics.median(taken):6.2f} s")
        print(f"  recording the last ten, median    {statistics.median(taken[-10:]):6.2f} s")
        print(f"  fundtrack history                 {page:6.2f} s   (limit 1)")
        print(f"  the same, --since                 {since:6.2f} s   (limit 1)")
        print(f"  the same, --by check              {listed:6.2f} s   (limit 1)")
        if not place:
            print(
                f"  size of the ledger                {Path(ledger).stat().st_size / 1e6:6.1f} MB"
            )


def _printed(command: list[str], file: Path) -> dict:
    with file.open("wb") as stream:
        subprocess.run(command, stdout=stream, check=False)
    return json.loads(file.read_text(encoding="utf-8"))


def _recorded(plain: dict, ledger: str, number: int) -> float:
    """Records a run with nine tenths of the findings, and gives the seconds that it took."""
    rng = random.Random(number)
    found = [f for f in plain["findings"] if rng.random() < 0.9]
    book = plain["workbook"] | {"values_digest": f"{number:064x}"}
    run = Run(plain | {"findings": found, "workbook": book})
    start = time.perf_counter()
    record(Store(ledger, new=True), run, MOMENT, under=None)
    return time.perf_counter() - start


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--ledger", help="a PostgreSQL URL, instead of a file that is made for it")
    arguments = parser.parse_args()
    main(arguments.runs, arguments.ledger)
