"""What the commands have in common: how their help looks, how they end, and the options that
several of them take.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import click

from fundtrack.bounds import Bounds, bytes_of
from fundtrack.console import or_stop, printing, stop

LEDGER = "fundtrack.db"
WORKBOOK = click.Path(path_type=Path, readable=False)  # the reader says it better

_Run = Callable[..., Any]
_OPTIONS = "Options"
_LIMITS = "Limits on what is read, to raise for a file whose sender you trust"


class Command(click.Command):
    """Shows its options under headings, and last the limits, which few ever need."""

    def __init__(self, *args: Any, sections: Mapping[str, str] | None = None, **given: Any) -> None:
        super().__init__(*args, **given)
        self.sections = {
            name: head for head, names in (sections or {}).items() for name in names.split()
        }

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each option below the heading that names it, in the order of the headings."""
        heads = [*dict.fromkeys(self.sections.values()), _OPTIONS, _LIMITS]
        lines: dict[str, list[tuple[str, str]]] = {head: [] for head in heads}
        for option in self.get_params(ctx):
            line = option.get_help_record(ctx) if isinstance(option, click.Option) else None
            if line:
                limit = option.name in {f"max_{name}" for name in Bounds.options()}
                head = _LIMITS if limit else self.sections.get(option.name or "", _OPTIONS)
                lines[head].append((line[0], line[1].removesuffix("  [x>=1]")))
        for head, below in lines.items():
            if below:
                with formatter.section(head):
                    formatter.write_dl(below)


class Commands(click.Group):
    """Shows the commands in the order of a user's work, not of the alphabet."""

    command_class = Command

    def main(self, *args: Any, **given: Any) -> Any:
        """Runs a command line; what is wrong with it is told, where there is anywhere to tell."""
        with printing():
            return super().main(*args, **given)

    def make_context(self, *args: Any, **given: Any) -> click.Context:
        """Takes the words of the command line; `--help` and `--version` are printed by this."""
        with printing():
            return super().make_context(*args, **given)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command; whoever stops it gets one line, and everything is as it was before."""
        try:
            with printing():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            stop("Stopped before the end. Nothing was left half-written.")

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order in which they are defined."""
        return list(self.commands)


def day(_: click.Context, __: click.Parameter, value: str | None) -> date | None:
    """A day of the command line."""
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise click.BadParameter("write the day as YYYY-MM-DD, such as 2024-12-31.") from None


def currency(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """A currency's code of the command line, in capitals."""
    if value is None:
        return None
    from fundtrack import schema

    code = value.strip().upper()
    if code not in schema.codelists()["currency"].codes:
        raise click.BadParameter(f"“{value}” is not a currency code of ISO 4217, such as EUR.")
    return code


def reads_files(command: _Run) -> _Run:
    """Adds the password and the limits of what is read: `password` and `bounds` for the command."""

    @functools.wraps(command)
    def run(*args: Any, password_file: Path | None, **given: Any) -> Any:
        limits = Bounds(**{name: given.pop(f"max_{name}") for name in Bounds.options()})
        password = _password(password_file) if password_file else None
        return command(*args, bounds=limits, password=password, **given)

    for option, default, says in reversed(Bounds.options().values()):
        told = f"{says.removesuffix('.')} ({default:,})."
        run = click.option(option, default=default, type=click.IntRange(1), metavar="N", help=told)(
            run
        )
    return click.option(
        "--password-file",
        type=WORKBOOK,
        metavar="FILE",
        help="A text file whose first line is the password of protected workbooks.",
    )(run)


def _password(path: Path) -> str:
    content = or_stop(path.name, lambda: bytes_of(path, Bounds(file_mb=1)))
    return next(iter(content.decode("utf-8-sig", "replace").splitlines()), "")


def prints(*styles: str, says: str | None = None) -> Callable[[_Run], _Run]:
    """In which form a result is printed: `style` for the command."""
    return click.option(
        "--format",
        "style",
        type=click.Choice(styles),
        default="text",
        show_default=True,
        help=says,
    )


def ledger_options(command: _Run) -> _Run:
    """Which ledger, and whose figures in it."""
    command = click.option(
        "--portfolio", metavar="NAME", help="The name of the portfolio in the ledger."
    )(command)
    return click.option(
        "--ledger",
        default=LEDGER,
        show_default=True,
        metavar="PATH|URL",
        help="The ledger: a file, or postgresql+psycopg://...",
    )(command)
