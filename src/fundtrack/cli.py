"""The command line: a thin skin. Nothing here decides, and pandas is imported only when it is
needed.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fundtrack import __version__
from fundtrack.model import FundtrackError, Severity

if TYPE_CHECKING:
    from fundtrack.pipeline import Checked, Request

FOUND, FAILED = 1, 2


class Commands(click.Group):
    """Shows the commands in the order of a user's work, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order in which they are defined."""
        return list(self.commands)


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


def _day(_: click.Context, __: click.Parameter, value: str | None) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise click.BadParameter("write the day as YYYY-MM-DD, such as 2024-12-31.") from None


def _currency(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    from fundtrack import schema

    code = value.strip().upper()
    if code not in schema.codelists()["currency"].codes:
        raise click.BadParameter(f"“{value}” is not a currency code of ISO 4217, such as EUR.")
    return code


WORKBOOK = click.Path(path_type=Path)


@main.command(epilog="Example: fundtrack check samples/donor_faulty.xlsx --as-of 2024-12-31")
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
    callback=_day,
    metavar="DATE",
    help="The reference date, as YYYY-MM-DD; wins over the settings.",
)
@click.option(
    "--reporting-currency",
    callback=_currency,
    metavar="CODE",
    help="The currency of all totals; wins over the settings.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "csv"]),
    default="text",
    show_default=True,
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "never"]),
    default="error",
    show_default=True,
    help="The least severity that makes the exit code 1.",
)
@click.option("--no-report", is_flag=True, help="Do not write the annotated copy.")
@click.option("--force", is_flag=True, help="Replace an existing file that fundtrack did not make.")
@click.option(
    "--max-notes",
    default=1000,
    show_default=True,
    help="At most so many notes a sheet, the worst first.",
)
@click.option(
    "--jobs",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Workbooks to check side by side.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="List every finding.")
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
    force: bool,
    max_notes: int,
    jobs: int,
    quiet: bool,
    verbose: bool,
) -> None:
    """Check workbooks, and write an annotated copy (STEM.checked.xlsx) beside each.

    Reads .xlsx, .xlsm, .xlsb, .xls, .ods and .csv. The input is never changed. Exit code: 0
    nothing found at
    the level of --fail-on, 1 something found, 2 a file could not be checked.
    """
    from fundtrack import pipeline
    from fundtrack.model import Options

    if output is not None and len(workbooks) > 1 and not output.is_dir():
        raise click.BadParameter(
            "for several workbooks, name a folder that is there.", param_hint="--output"
        )
    requests = [
        pipeline.Request(
            path=path,
            companions=(*companions, *([thresholds] if thresholds else [])),
            options=Options(as_of=as_of, reporting_currency=reporting_currency),
            output=output,
            report=not no_report,
            force=force,
            max_notes=max_notes,
        )
        for path in workbooks
    ]
    done, failed = _run_all(requests, jobs, quiet=quiet)
    if done and not quiet:
        click.echo(_printed(done, style, verbose=verbose), nl=style != "csv")
    gc.freeze()  # what is left goes all at once: walking through it first takes a while
    level = None if fail_on == "never" else Severity(fail_on)
    found = level and any(
        not f.accepted and f.severity.rank <= level.rank
        for c in done
        for f in c.assessment.findings
    )
    sys.exit(FAILED if failed else FOUND if found else 0)


def _run_all(requests: Sequence[Request], jobs: int, *, quiet: bool) -> tuple[list[Checked], bool]:
    """Every request's outcome in order; what fails is told on standard error and the rest goes
    on.
    """
    from concurrent.futures import ProcessPoolExecutor

    done: list[Checked] = []
    failed = False
    visible = sys.stderr.isatty() and not quiet
    pool = ProcessPoolExecutor(min(jobs, len(requests))) if jobs > 1 and len(requests) > 1 else None
    results = pool.map(_run, requests) if pool else map(_run, requests)
    bar: Any = click.progressbar(
        results, length=len(requests), label="Checking", file=sys.stderr, hidden=not visible
    )
    with bar:
        for outcome in bar:
            if isinstance(outcome, str):
                click.echo(f"fundtrack: {outcome}", err=True)
                failed = True
            else:
                done.append(outcome)
    if pool:
        pool.shutdown()
    return done, failed


def _run(request: Request) -> Checked | str:
    from fundtrack import pipeline

    outcome: Checked | str = _guarded(str(request.path), lambda: pipeline.check(request))
    return outcome


def _guarded(file: str, work: Callable[[], Any]) -> Any:
    """What `work` gives, or one line on why it could not."""
    from fundtrack.report.text import safe

    try:
        return work()
    except FundtrackError as error:
        return safe(str(error))
    except MemoryError:
        return safe(
            f"{file}: It does not fit into memory. Close other programs, or split the workbook."
        )
    except Exception as error:
        if os.environ.get("FUNDTRACK_DEBUG"):
            raise
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = (
            f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
        )
        return safe(
            f"{file}: fundtrack itself failed ({type(error).__name__}{where}). Nothing was "
            f"changed. Please report this "
            "line, without the workbook."
        )


def _printed(done: Sequence[Checked], style: str, *, verbose: bool) -> str:
    from fundtrack import rules
    from fundtrack.report import records, text

    if style == "json":
        return records.as_json([c.assessment for c in done], _today(), [c.outputs for c in done])
    if style == "csv":
        return records.as_csv([c.assessment for c in done])
    return "\n\n".join(
        text.summary(c.assessment, c.outputs, rules.FAMILIES, verbose=verbose) for c in done
    )


def _today() -> str:
    """The day of the run, for the JSON alone; no check sees it. SOURCE_DATE_EPOCH fixes it."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    now = (
        datetime.fromtimestamp(int(epoch), UTC)
        if epoch and epoch.isdigit()
        else datetime.now(UTC).astimezone()
    )
    return now.date().isoformat()


def _stop(problem: str) -> None:
    click.echo(f"fundtrack: {problem}", err=True)
    sys.exit(FAILED)


@main.command(epilog="Example: fundtrack inspect samples/donor_faulty.xlsx")
@click.argument("workbook", type=WORKBOOK)
@click.option(
    "--with",
    "companions",
    multiple=True,
    type=WORKBOOK,
    metavar="FILE",
    help="A further file. Repeatable.",
)
@click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def inspect(workbook: Path, companions: Sequence[Path], style: str) -> None:
    """Show how a workbook would be read: sheets, heading rows, columns, and what is ignored."""
    import json

    from fundtrack import pipeline
    from fundtrack.report import records, text

    mapped = _guarded(workbook.name, lambda: pipeline.inspect(workbook, companions))
    if isinstance(mapped, str):
        _stop(mapped)
    elif style == "json":
        faults = [
            {"check": f.check, "message": f.message, "remedy": f.remedy} for f in mapped.faults
        ]
        sheets = [records.sheet(s) for s in mapped.sheets]
        click.echo(
            json.dumps(
                {"layout": mapped.layout, "kind": mapped.kind, "sheets": sheets, "faults": faults},
                indent=2,
            )
        )
    else:
        said = [f"{f.severity.value}: {f.message} {f.remedy}" for f in mapped.faults]
        click.echo(text.inspection(mapped.sheets, said, mapped.layout_title))


@main.command(epilog="Example: fundtrack explain DUR-01")
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
        _stop(f"There is no check “{check_id}”.{hint} `fundtrack checks` lists them all.")
    click.echo(page)


@main.command(epilog="Example: fundtrack checks --family DUR")
@click.option("--family", metavar="LETTERS", help="Only one family, such as LOC.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "csv"]),
    default="text",
    show_default=True,
)
def checks(family: str | None, style: str) -> None:
    """List every check."""
    from fundtrack import pages, rules

    if family and family.upper() not in rules.FAMILIES:
        _stop(f"There is no family “{family}”. The families are {', '.join(rules.FAMILIES)}.")
    click.echo(pages.catalogue(family.upper() if family else None, style), nl=style != "csv")


@main.command(epilog="Example: fundtrack strip grants.checked.xlsx -o grants.xlsx")
@click.argument("checked", type=WORKBOOK)
@click.option(
    "-o",
    "--output",
    type=WORKBOOK,
    help="Where to write it; beside the copy unless given.",
)
@click.option("--force", is_flag=True, help="Replace an existing file.")
def strip(checked: Path, output: Path | None, force: bool) -> None:
    """Give the original back from an annotated copy."""
    from fundtrack import pipeline

    written = _guarded(checked.name, lambda: pipeline.strip(checked, output, force=force))
    if isinstance(written, str):
        _stop(written)
    click.echo(f"The original: {written}")


@main.command(epilog="Example: fundtrack template donor -o grants-2025.xlsx --modules safety")
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
def template(
    kind: str | None, output: Path | None, modules: str | None, source: Path | None, force: bool
) -> None:
    """Make a workbook to fill, with lists, checks while you type, and a live summary."""
    from fundtrack import pipeline

    if kind is None and source is None:
        raise click.UsageError("Say which: fundtrack template donor, or programme.")
    wanted = None if modules is None else [m.strip() for m in modules.split(",") if m.strip()]
    done = _guarded(
        str(source or output or kind),
        lambda: pipeline.template(kind, wanted, source, output, force=force),
    )
    if isinstance(done, str):
        _stop(done)
    click.echo(f"The template: {done.path}")
    if source is not None:
        moved = ", ".join(f"{sheet} {count:,}" for sheet, count in done.rows.items())
        click.echo(f"Rows moved: {moved or 'none'}.")
        click.echo(
            f"Left behind or not told: {done.left}; columns still to be filled: {done.questions}. "
            "The sheet Read me lists them."
        )
