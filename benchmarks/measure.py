"""Measures fundtrack against calamine reading the same file into Python objects, in the same run.

    python benchmarks/measure.py

Each figure is the best of three whole processes, so that start-up counts. Memory is the peak of the
process (Linux and macOS only). The ratios are what to compare between machines; seconds are not.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import portfolio

READ = (
    "import sys; from python_calamine import CalamineWorkbook as W; b = W.from_path(sys.argv[1]);"
    "x = [b.get_sheet_by_name(n).to_python(skip_empty_area=False) for n in b.sheet_names]"
)
PEAK = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)
COPY = """
import gc, sys, time
from pathlib import Path
from python_calamine import CalamineWorkbook
from fundtrack import pipeline, read, report, rules

def seconds(work):
    start = time.perf_counter()
    kept = work()
    return time.perf_counter() - start

def objects():
    book = CalamineWorkbook.from_path(path)
    return [book.get_sheet_by_name(n).to_python(skip_empty_area=False) for n in book.sheet_names]

def copying():
    target, package = path.with_suffix(".copy.xlsx"), read.workbook(path).package  # as in a check
    return seconds(
        lambda: report.annotate(path, judged, target, package=package, families=rules.FAMILIES)
    )

gc.disable()
path = Path(sys.argv[1])
reading = min(seconds(objects) for _ in range(3))
workbook = read.workbook(path)
judged = pipeline._assessed(workbook, [], pipeline.Request(path))[0]
print(reading, min(copying() for _ in range(3)), len(judged.findings))
"""
FUNDTRACK = [sys.executable, "-m", "fundtrack"]


def best(command: list[str], times: int = 3) -> float:
    """Seconds of the fastest of several whole processes."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, check=False)
        taken.append(time.perf_counter() - start)
        if done.returncode not in (0, 1):
            sys.exit(done.stderr.decode())
    return min(taken)


def peak_megabytes(command: list[str]) -> float | None:
    """The most memory that a process held, or None where the system does not tell."""
    if sys.platform == "win32":
        return None
    done = subprocess.run([sys.executable, "-c", PEAK, *command], capture_output=True, check=True)
    kilobytes = int(done.stdout) / (1024 if sys.platform == "darwin" else 1)
    return kilobytes / 1024


def copied(path: Path) -> tuple[float, float, int]:
    """Seconds of calamine's reading and of writing the copy, in one process; and the findings."""
    done = subprocess.run([sys.executable, "-c", COPY, str(path)], capture_output=True, check=True)
    read, copy, findings = done.stdout.decode().split()
    return float(read), float(copy), int(findings)


def main(rows: int) -> None:
    """Prints a table of what was measured."""
    with tempfile.TemporaryDirectory() as folder:
        big, small, many = (Path(folder) / f"{name}.xlsx" for name in ("big", "small", "many"))
        portfolio.write(big, rows, 0.01)
        portfolio.write(small, 500, 0.01)
        portfolio.write(many, rows, 0.5)
        read = best([sys.executable, "-c", READ, str(big)])
        check = [*FUNDTRACK, "check", str(big)]
        bare = best([*check, "--no-report"])
        full = best(check)
        crowded = copied(many)
        print(f"{rows:,} grants of {len(portfolio.HEADINGS)} columns, 1% of them with a fault")
        print(f"  calamine into Python objects    {read:6.2f} s   1.00")
        print(f"  fundtrack check --no-report     {bare:6.2f} s   {bare / read:.2f}")
        print(f"  fundtrack check, annotated copy {full:6.2f} s   {full / read:.2f}   (limit 3)")
        if memory := peak_megabytes(check):
            print(f"  peak memory                     {memory:6.0f} MB       (limit 1000)")
        print(f"the same, every second with a fault: {crowded[2]:,} findings, none folded")
        print(f"  calamine into Python objects    {crowded[0]:6.2f} s   1.00")
        ratio = crowded[1] / crowded[0]
        print(f"  the copy, after judging         {crowded[1]:6.2f} s   {ratio:.2f}   (limit 1)")
        print("small things")
        usage = best([*FUNDTRACK, "--help"], 5)
        little = best([*FUNDTRACK, "check", str(small)])
        print(f"  fundtrack --help                {usage:6.3f} s   (limit 0.25)")
        print(f"  500 grants, annotated copy      {little:6.2f} s   (limit 2)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    main(parser.parse_args().rows)
