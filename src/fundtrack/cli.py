"""The command line: a thin skin. Nothing here decides, and pandas is imported only when it is
needed.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fundtrack import __version__, several
from fundtrack.bounds import Bounds
from fundtrack.console import (
    FAILED,
    FOUND,
    Problem,
    attempt,
    end_when_told,
    or_stop,
    say,
    stop,
    tell,
)
from fundtrack.model import FundtrackError, Severity
from fundtrack.options import (
    LEDGER,
    WORKBOOK,
    Commands,
    currency,
    day,
    ledger_options,
    prints,
    reads_files,
)

if TYPE_CHECKING:
    from fundtrack.pipeline import Checked, Request


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(
    __version__, "-V", "--version", prog_name="fundtrack", message="%(prog)s %(version)s"
)
def main() -> None:
    """Checks how money for preventing violent extremism flows, and hands your workbook back
    annotated.

    Everything stays on this machine. Begin with `fundtrack check WORKBOOK`.
    """
    # A pipe on Windows may not know every character: show it escaped rather than stop.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    end_when_told()
    try:
        Path.cwd()
    except OSError:
        stop("The folder in which you stand is no longer there. Go to another one first.")


@main.command(
    short_help="Check workbooks, and write an annotated copy of each.",
    epilog="Example: fundtrack check samples/donor_faulty.xlsx --as-of 2024-12-31",
    sections={
        "What is checked, on what terms": "companions thresholds as_of reporting_currency "
        "password_file",
        "What is written": "output no_report redact workings max_notes force",
        "What is printed": "style verbose quiet fail_on",
        "Over time": "record ledger portfolio",
    },
)
@click.argument("workbooks", nargs=-1, required=True, type=WORKBOOK, metavar="WORKBOOK...")
@click.option(
    "-o",
    "--output",
    type=WORKBOOK,
    help="Where to write the annotated copy: a file, or a folder for several.",
)
@click.option(
    "--with",
    "companions",
    multiple=True,
    type=WORKBOOK,
    metavar="FILE",
    help="A further file of the same portfolio (settings, organisations, rates, restricted "
    "sheets). Repeatable.",
)
@click.option(
    "--thresholds", type=WORKBOOK, metavar="FILE", help="A workbook or CSV with a thresholds sheet."
)
@click.option(
    "--as-of",
    callback=day,
    metavar="DATE",
    help="The reference date, as YYYY-MM-DD; wins over the settings.",
)
@click.option(
    "--reporting-currency",
    callback=currency,
    metavar="CODE",
    help="The currency of all totals; wins over the settings.",
)
@prints(
    "text",
    "json",
    "csv",
    says="Text for people; all as JSON, or the findings as CSV, for programs.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "never"]),
    default="error",
    show_default=True,
    help="The least severity that makes the exit code 1.",
)
@click.option("--no-report", is_flag=True, help="Do not write the annotated copy.")
@click.option(
    "--redact",
    is_flag=True,
    help="Write and print what may be shared instead (STEM.shared.xlsx): no names, no cells, no "
    "restricted sheets, no counts under 5.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Replace an existing file that fundtrack did not make, or in which work would be lost.",
)
@click.option(
    "--max-notes",
    default=1000,
    show_default=True,
    metavar="N",
    type=click.IntRange(0),
    help="At most so many notes in a sheet, on the worst findings.",
)
@click.option(
    "--workings",
    type=click.Choice(["auto", "all"]),
    default="auto",
    show_default=True,
    help="List the rows behind every figure: up to 50,000 of them, or all.",
)
@click.option(
    "--jobs",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    metavar="N",
    help="Workbooks to check side by side.",
)
@click.option("--record", is_flag=True, help="Keep the run in the ledger (see --ledger).")
@click.option(
    "--ledger",
    metavar="PATH|URL",
    help="The ledger: a file, or postgresql+psycopg://...; fundtrack.db unless given. Without "
    "--record, earlier answers are shown and nothing is kept.",
)
@click.option(
    "--portfolio",
    metavar="NAME",
    help="Whose figures these are in the ledger; the organisation of the settings unless given.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="List every finding.")
@reads_files
def check(
    workbooks: Sequence[Path],
    output: Path | None,
    companions: Sequence[Path],
    thresholds: Path | None,
    as_of: date | None,
    reporting_currency: str | None,
    style: str,
    fail_on: str,
    no_report: bool,
    redact: bool,
    force: bool,
    max_notes: int,
    workings: str,
    jobs: int,
    record: bool,
    ledger: str | None,
    portfolio: str | None,
    quiet: bool,
    verbose: bool,
    bounds: Bounds,
    password: str | None,
) -> None:
    """Check workbooks, and write an annotated copy (STEM.checked.xlsx) beside each.

    Reads .xlsx, .xlsm, .xltx, .xltm, .xlsb, .xls, .ods and .csv. The input is never changed.
    Exit code: 0 nothing found at the level of --fail-on, 1 something found, 2 a file could not be
    checked.
    """
    from fundtrack import copies, pipeline
    from fundtrack.accountability import Keeping
    from fundtrack.model import Options

    if output is not None and len(workbooks) > 1 and not copies.is_folder(output):
        raise click.BadParameter(
            "for several workbooks, name a folder that is there.", param_hint="--output"
        )
    if redact and (record or ledger):
        raise click.BadParameter(
            "what is made to be shared is not kept; record in a check of its own.",
            param_hint="--redact",
        )
    keeping = None
    if record or ledger:
        keeping = Keeping(ledger or LEDGER, _now(), record, portfolio, bounds, password)
    requests = [
        pipeline.Request(
            path=path,
            companions=(*companions, *([thresholds] if thresholds else [])),
            options=Options(as_of=as_of, reporting_currency=reporting_currency),
            output=output,
            report=not no_report,
            force=force,
            max_notes=max_notes,
            max_workings=None if workings == "all" else pipeline.Request.max_workings,
            keeping=keeping,
            redact=redact,
            bounds=bounds,
            password=password,
        )
        for path in workbooks
    ]
    for copy, original in several.to_be_replaced(requests).items():
        requests = [request for request in requests if request.path != copy]
        if not quiet:
            tell(
                f"{copy}: Left out, as the new copy of {original} replaces it. What reviewers "
                "wrote in it goes along."
            )
    if wrong := several.clash(requests):
        raise click.BadParameter(wrong, param_hint="WORKBOOK")
    done, failed = or_stop("--jobs", lambda: _run_all(requests, jobs, quiet=quiet))
    if done and not quiet:
        say(_printed(done, style, verbose=verbose), nl=style != "csv")
    gc.freeze()  # what is left goes all at once: walking through it first takes a while
    level = None if fail_on == "never" else Severity(fail_on)
    found = level and any(c.worst and c.worst.rank <= level.rank for c in done)
    sys.exit(FAILED if failed else FOUND if found else 0)


def _run_all(requests: Sequence[Request], jobs: int, *, quiet: bool) -> tuple[list[Checked], bool]:
    """Every request's outcome in order; what fails is told on standard error and the rest goes
    on.
    """
    from fundtrack.report.text import safe

    done: list[Checked] = []
    failed = False
    # Without a console (pythonw) there is no standard error.
    visible = bool(sys.stderr and sys.stderr.isatty()) and not quiet
    bar: Any = click.progressbar(
        several.outcomes(requests, jobs),
        length=len(requests),
        label="Checking",
        file=sys.stderr,
        hidden=not visible,
    )
    with bar:
        for outcome in bar:
            if isinstance(outcome, Problem):
                tell(outcome)
                failed = True
            else:
                done.append(outcome)
                if outcome.kept.trouble:
                    first = "The copy was written, but the" if outcome.outputs else "The"
                    told = f"{outcome.assessment.file}: {first} ledger could not be used"
                    tell(f"{told}: {safe(outcome.kept.trouble)}")
                    failed = True
    return done, failed


def _printed(done: Sequence[Checked], style: str, *, verbose: bool) -> str:
    from fundtrack import rules
    from fundtrack.report import records, text

    if style == "json":
        return records.as_json([c.assessment for c in done], _today(), [c.outputs for c in done])
    if style == "csv":
        return records.as_csv([c.assessment for c in done])
    from fundtrack.report import history as told

    return "\n\n".join(
        text.summary(c.assessment, c.outputs, rules.FAMILIES, verbose=verbose)
        + (f"\n{told.recorded(c.kept.recorded)}" if c.kept.recorded else "")
        for c in done
    )


def _today() -> str:
    """The day of the run, for the JSON and the ledger; no check sees it."""
    return _now()[:10]


def _now() -> str:
    """The moment of the run, ISO. SOURCE_DATE_EPOCH fixes it."""
    now = datetime.now(UTC).astimezone()
    with suppress(KeyError, ValueError, OverflowError, OSError):  # not there, or no time
        now = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), UTC)
    return now.isoformat(timespec="seconds")


@main.command(
    short_help="Show how a workbook would be read.",
    epilog="Example: fundtrack inspect samples/donor_faulty.xlsx",
)
@click.argument("workbook", type=WORKBOOK)
@click.option(
    "--with",
    "companions",
    multiple=True,
    type=WORKBOOK,
    metavar="FILE",
    help="A further file. Repeatable.",
)
@prints("text", "json")
@reads_files
def inspect(
    workbook: Path,
    companions: Sequence[Path],
    style: str,
    bounds: Bounds,
    password: str | None,
) -> None:
    """Show how a workbook would be read: sheets, heading rows, columns, and what is ignored."""
    from fundtrack import pipeline
    from fundtrack.report import records, text

    mapped = or_stop(
        workbook.name, lambda: pipeline.inspect(workbook, companions, bounds, password)
    )
    if style == "json":
        say(records.inspected(mapped))
    else:
        said = [f"{f.severity.value}: {f.message} {f.remedy}" for f in mapped.faults]
        say(text.inspection(mapped.sheets, said, mapped.layout_title, mapped.remarks))


@main.command(
    short_help="Explain a check: the brief's words, numbers, sources.",
    epilog="Example: fundtrack explain DUR-01",
)
@click.argument("check_id", metavar="CHECK")
def explain(check_id: str) -> None:
    """Explain a check: what is asked, the brief's words, the numbers and their sources, how to fix
    it.
    """
    from fundtrack import pages

    page = pages.explain(check_id.strip())
    if page is None:
        alike = pages.alike(check_id)
        hint = f" Did you mean {alike}?" if alike else ""
        stop(f"There is no check “{check_id}”.{hint} `fundtrack checks` lists them all.")
    say(page)


@main.command(epilog="Example: fundtrack checks --family DUR")
@click.option("--family", metavar="LETTERS", help="Only one family, such as LOC.")
@prints("text", "json", "csv")
def checks(family: str | None, style: str) -> None:
    """List every check."""
    from fundtrack import pages, rules

    if family and family.upper() not in rules.FAMILIES:
        stop(f"There is no family “{family}”. The families are {', '.join(rules.FAMILIES)}.")
    say(pages.catalogue(family.upper() if family else None, style), nl=style != "csv")


@main.command(
    short_help="Make a workbook to fill.",
    epilog="Example: fundtrack template donor -o grants-2025.xlsx --modules safety",
)
@click.argument("kind", required=False, type=click.Choice(["donor", "programme"]))
@click.option(
    "-o",
    "--output",
    type=WORKBOOK,
    help="Where to write it; KIND-template.xlsx in this folder unless given.",
)
@click.option(
    "--modules",
    metavar="NAMES",
    help="Sheets beyond the core, with commas: security, events, safety, learning, programme, "
    "police. All of the kind unless given.",
)
@click.option(
    "--from",
    "source",
    type=WORKBOOK,
    metavar="WORKBOOK",
    help="Fill it with what this file holds: an export, or a workbook of an older template.",
)
@click.option("--force", is_flag=True, help="Replace an existing file.")
@reads_files
def template(
    kind: str | None,
    output: Path | None,
    modules: str | None,
    source: Path | None,
    force: bool,
    bounds: Bounds,
    password: str | None,
) -> None:
    """Make a workbook to fill, with lists, checks while you type, and a live summary."""
    from fundtrack.template import make

    if kind is None and source is None:
        raise click.UsageError("Say which: fundtrack template donor, or programme.")
    wanted = None if modules is None else [m.strip() for m in modules.split(",") if m.strip()]
    done = or_stop(
        str(source or output or kind),
        lambda: make(kind, wanted, source, output, force=force, bounds=bounds, password=password),
    )
    say(f"The template: {done.path}")
    if source is not None:
        moved = ", ".join(f"{sheet} {count:,}" for sheet, count in done.rows.items())
        say(f"Rows moved: {moved or 'none'}.")
        say(
            f"Left behind or not told: {done.left}; columns still to be filled: {done.questions}. "
            "The sheet Read me lists them."
        )


@main.command(epilog="Example: fundtrack strip grants.checked.xlsx -o grants.xlsx")
@click.argument("checked", type=WORKBOOK)
@click.option(
    "-o",
    "--output",
    type=WORKBOOK,
    help="Where to write it; beside the copy unless given.",
)
@click.option("--force", is_flag=True, help="Replace an existing file.")
@reads_files
def strip(
    checked: Path, output: Path | None, force: bool, bounds: Bounds, password: str | None
) -> None:
    """Give the original back from an annotated copy."""
    from fundtrack import pipeline

    goal, left = or_stop(
        checked.name,
        lambda: pipeline.strip(checked, output, force=force, bounds=bounds, password=password),
    )
    say("\n".join([f"The original: {goal}", *left]))


@main.command(
    short_help="Tell whether figures were changed since the check.",
    epilog="Example: fundtrack verify grants.checked.xlsx",
)
@click.argument("checked", type=WORKBOOK)
@prints("text", "json")
@reads_files
def verify(checked: Path, style: str, bounds: Bounds, password: str | None) -> None:
    """Tell whether the figures of an annotated copy are still those that were checked.

    Saving it in another program changes nothing; a changed figure, row or sheet does. Only the
    original sheets are compared. Exit code: 0 unchanged, 1 altered, 2 cannot be told.
    """
    from fundtrack import pipeline
    from fundtrack.report import records, text

    found = or_stop(
        checked.name, lambda: pipeline.verify(checked, bounds=bounds, password=password)
    )
    say(records.verified(found) if style == "json" else text.verified(found))
    sys.exit(0 if found.same else FOUND)


@main.command(
    short_help="Record earlier checks from their JSON.",
    epilog="Example: fundtrack record grants.json",
)
@click.argument("runs", nargs=-1, required=True, type=WORKBOOK, metavar="JSON...")
@ledger_options
def record(runs: Sequence[Path], ledger: str, portfolio: str | None) -> None:
    """Record earlier checks from what `check --format json` printed.

    `check --record` does it at once, and can tell more surely why a finding is no longer there.
    """
    from fundtrack import accountability
    from fundtrack.accountability import Keeping
    from fundtrack.report import history as told

    keeping = Keeping(ledger, _now(), portfolio=portfolio)
    done = or_stop(ledger, lambda: accountability.record(runs, keeping))
    say("\n".join(told.recorded(one) for one in done))


@main.command(
    short_help="Take reviewers' answers into the ledger.",
    epilog="Example: fundtrack review grants.checked.xlsx",
)
@click.argument("copies", nargs=-1, required=True, type=WORKBOOK, metavar="CHECKED...")
@ledger_options
@reads_files
def review(
    copies: Sequence[Path],
    ledger: str,
    portfolio: str | None,
    bounds: Bounds,
    password: str | None,
) -> None:
    """Take the reviewers' answers from annotated copies into the ledger.

    The next `check --record` shows them again. Where two reviewers differ, both answers are kept
    and shown. Exit code: 0, also with conflicts; 2 a copy could not be read.
    """
    from fundtrack import accountability
    from fundtrack.accountability import Keeping
    from fundtrack.report import history as told

    failed = False
    for path in copies:
        keeping = Keeping(ledger, _now(), portfolio=portfolio, bounds=bounds, password=password)
        done = attempt(path.name, partial(accountability.review, path, keeping))
        if isinstance(done, Problem):
            tell(done)
            failed = True
        else:
            say(told.reviewed(*done))
    sys.exit(FAILED if failed else 0)


@main.command(
    short_help="Show what was found, answered and put right.",
    epilog="Example: fundtrack history --by organisation",
)
@ledger_options
@click.option("--since", callback=day, metavar="DATE", help="From the checks of this day on.")
@click.option("--until", callback=day, metavar="DATE", help="Up to the checks of this day.")
@click.option(
    "--as-of",
    callback=day,
    metavar="DATE",
    help="The day for ages and overdue actions; that of the last check unless given.",
)
@click.option(
    "--by", "by", type=click.Choice(["finding", "organisation", "check"]), help="List them by this."
)
@click.option(
    "--diff",
    nargs=2,
    metavar="A B",
    help="Compare two checks: numbers, days, “previous” or “last”.",
)
@prints("text", "json", "csv")
@click.option(
    "-o", "--output", type=WORKBOOK, metavar="FILE.xlsx", help="Write a workbook with charts."
)
@click.option("--force", is_flag=True, help="Replace an existing file.")
def history(
    ledger: str,
    portfolio: str | None,
    since: date | None,
    until: date | None,
    as_of: date | None,
    by: str | None,
    diff: tuple[str, str] | None,
    style: str,
    output: Path | None,
    force: bool,
) -> None:
    """Show what was found, answered and put right, check after check.

    Counts, ages, overdue actions and the key figures over time. `--by` lists every finding,
    organisation or check.
    """
    from fundtrack import accountability
    from fundtrack.report import history as told

    def work() -> str:
        if diff:
            if output:
                raise FundtrackError("-o", "--diff prints, and writes no workbook.", "Leave one.")
            return told.difference(
                accountability.compare(ledger, *diff, portfolio=portfolio), style
            )
        found = accountability.history(
            ledger, portfolio=portfolio, since=since, until=until, as_of=as_of
        )
        if output:
            return told.workbook(found, output, force=force)
        return told.page(found, by, style)

    say(or_stop(ledger, work), nl=style != "csv" or output is not None)
