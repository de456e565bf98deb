"""The database behind the ledger: its tables, its versions, and what can go wrong with it.

SQLite keeps it in one file, PostgreSQL serves a team. Rows are only ever added. A write is one
transaction, and only one is under way at a time: SQLite locks the file, PostgreSQL an advisory
lock.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event as events
from sqlalchemy import exc
from sqlalchemy.pool import NullPool

from fundtrack.ledger.damage import is_damaged
from fundtrack.model import FundtrackError
from fundtrack.words import place_of

PATIENCE = 30  # seconds that a write waits for another one
# Of PostgreSQL: “fund”, and the schema, as a server may keep several ledgers.
_LOCK = "SELECT pg_advisory_xact_lock(1718972004, hashtext(current_schema()))"

_tables = sa.MetaData()
_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _table(name: str, *items: Any) -> sa.Table:
    return sa.Table(f"fundtrack_{name}", _tables, *items)


def _reference(name: str, table: str) -> sa.Column[Any]:
    return sa.Column(name, _Id, sa.ForeignKey(f"fundtrack_{table}.id"), nullable=False)


versions = _table("version", sa.Column("version", sa.Integer, primary_key=True))

# --- Version 1: checks and what became of findings ------------------------------------------------

portfolios = _table(
    "portfolio",
    sa.Column("id", _Id, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.UniqueConstraint("name", "kind"),
)
runs = _table(
    "run",
    sa.Column("id", _Id, primary_key=True, autoincrement=False),
    _reference("portfolio_id", "portfolio"),
    sa.Column("number", sa.Integer, nullable=False),  # within the portfolio, from 1
    sa.Column("recorded", sa.Text, nullable=False),  # moment, ISO
    sa.Column("checked", sa.Text, nullable=False),  # day, ISO
    sa.Column("reference_date", sa.Text),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("values_digest", sa.Text, nullable=False),
    sa.Column("fundtrack", sa.Text, nullable=False),
    sa.Column("guidance", sa.Text, nullable=False),
    sa.Column("settings", sa.Text, nullable=False),  # JSON
    sa.Column("thresholds", sa.Text, nullable=False),  # JSON
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.UniqueConstraint("portfolio_id", "number"),
)
results = _table(
    "result",
    sa.Column("run_id", _Id, sa.ForeignKey(runs.c.id), primary_key=True),
    sa.Column("check_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("unit", sa.Text),
    sa.Column("low", sa.Float),
    sa.Column("high", sa.Float),
    sa.Column("threshold", sa.Float),
)
findings = _table(
    "finding",
    sa.Column("id", _Id, primary_key=True, autoincrement=False),
    _reference("portfolio_id", "portfolio"),
    sa.Column("finding", sa.Text, nullable=False),  # the stable id
    sa.Column("check_id", sa.Text, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("table_name", sa.Text),
    sa.Column("sheet", sa.Text),
    sa.Column("field", sa.Text),
    sa.Column("heading", sa.Text),
    sa.Column("record", sa.Text),  # its key; none for a restricted sheet
    sa.Column("record_digest", sa.Text),
    sa.Column("organisation", sa.Text),
    sa.UniqueConstraint("portfolio_id", "finding"),
)
changes = _table(
    "change",
    sa.Column("run_id", _Id, sa.ForeignKey(runs.c.id), primary_key=True),
    sa.Column("finding_id", _Id, sa.ForeignKey(findings.c.id), primary_key=True),
    sa.Column("portfolio_id", _Id, nullable=False),
    sa.Column("what", sa.Text, nullable=False),  # history.What
    sa.Column("state", sa.Text, nullable=False),  # history.State
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("until", sa.Text),  # the end of the exception that accepts it
    sa.Column("reason", sa.Text),
    sa.Index("fundtrack_change_by_finding", "portfolio_id", "finding_id", "run_id"),
)
counts = _table(
    "count",
    sa.Column("run_id", _Id, sa.ForeignKey(runs.c.id), primary_key=True),
    sa.Column("what", sa.Text, primary_key=True),  # history.What, or history.State
    sa.Column("severity", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
)

# --- Version 2: reviewers' answers ----------------------------------------------------------------

answers = _table(
    "answer",
    sa.Column("id", _Id, primary_key=True, autoincrement=False),
    _reference("portfolio_id", "portfolio"),
    sa.Column("finding", sa.Text, nullable=False),
    sa.Column("seen", _Id, nullable=False),  # the last answer that the copy could show
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("response", sa.Text),
    sa.Column("action", sa.Text),
    sa.Column("due", sa.Text),
    sa.Column("role", sa.Text),
    sa.Column("reviewed_on", sa.Text),
    sa.Column("source", sa.Text, nullable=False),  # name of the copy
    sa.Column("recorded", sa.Text, nullable=False),
    sa.Index("fundtrack_answer_by_finding", "portfolio_id", "finding"),
)


def _create(*tables: sa.Table) -> Callable[[sa.Connection], None]:
    return lambda connection: _tables.create_all(connection, tables=tables, checkfirst=False)


# What takes the tables from the version before to each version. A step that has been released is
# never changed: later ones alter what it made.
STEPS: dict[int, Callable[[sa.Connection], None]] = {
    1: _create(portfolios, runs, results, findings, changes, counts),
    2: _create(answers),
}
VERSION = max(STEPS)


class Store:
    """A ledger, by the path of a file or the URL of a PostgreSQL server.

    Every method raises FundtrackError, in one line, for whatever the database refuses.
    """

    def __init__(self, place: str, *, new: bool = False) -> None:
        """Names a ledger; with `new`, one that is not there is made at the first write."""
        self.name, self._url = _url(place)
        self._file = Path(self._url.database or "") if self._is_sqlite else None
        self._new = new
        self.remarks: list[str] = []

    @property
    def _is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction that no other write runs beside; all of it is kept, or nothing."""
        with self._told(), self._connected(write=True) as connection, connection.begin():
            if not self._is_sqlite:
                connection.exec_driver_sql(_LOCK)
            self._migrate(connection)
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One view of the ledger that writes beside it do not change."""
        with self._told(), self._connected(write=False) as connection:
            behind = self._version(connection) < VERSION
            connection.rollback()
            if not behind:
                with connection.begin():
                    yield connection
                return
        with self.writing():  # an older ledger is brought forward first
            pass
        with self._told(), self._connected(write=False) as connection, connection.begin():
            yield connection

    @contextmanager
    def _connected(self, *, write: bool) -> Iterator[sa.Connection]:
        engine = self._engine(write=write)
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()

    def _engine(self, *, write: bool) -> sa.Engine:
        if self._file is None:
            isolation = "READ COMMITTED" if write else "REPEATABLE READ"
            return sa.create_engine(self._url, poolclass=NullPool, isolation_level=isolation)
        return self._sqlite(write=write)

    def _sqlite(self, *, write: bool) -> sa.Engine:
        assert self._file is not None
        if not self._file.exists() and not (self._new and write):
            raise FundtrackError(
                self.name,
                "There is no such ledger.",
                "`fundtrack check WORKBOOK --record` begins one; --ledger names another place.",
            )
        if self._file.is_dir():
            raise FundtrackError(self.name, "It is a folder.", "Name a file, such as fundtrack.db.")
        if self._file.exists() and not self._file.is_file():  # opening a pipe might wait for ever
            raise FundtrackError(self.name, "It is not a regular file.", "Name another file.")
        url, fixed = self._url, _cannot_be_written(self._file)
        if fixed and not write:  # SQLite may read such a file only if nobody writes to it meanwhile
            target = self._file.absolute().as_uri()
            url = sa.URL.create(
                "sqlite", database=target, query={"mode": "ro", "immutable": "1", "uri": "true"}
            )
        engine = sa.create_engine(url, poolclass=NullPool, connect_args={"timeout": PATIENCE})

        @events.listens_for(engine, "connect")
        def _(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # transactions begin where we say so
            cursor = connection.cursor()
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.execute("PRAGMA synchronous=FULL")
            if write:
                self._write_ahead(cursor)
            cursor.close()

        @events.listens_for(engine, "begin")
        def _(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

        return engine

    def _write_ahead(self, cursor: Any) -> None:
        """Readers go on while somebody writes; where a drive cannot, they wait for each other."""
        mode = cursor.execute("PRAGMA journal_mode").fetchone()[0]
        for _ in range(PATIENCE * 20):
            if mode == "wal":
                return
            try:
                mode = cursor.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            except Exception as error:  # the driver's own class is not to be imported for this
                if "locked" not in str(error):
                    raise
                time.sleep(0.05)  # another process is making it: this statement does not wait
            else:
                if mode != "wal":
                    self.remarks.append(
                        f"{self.name} lies on a drive without write-ahead logging: it is as safe, "
                        "but whoever reads and whoever writes wait for each other."
                    )
                    return

    def _version(self, connection: sa.Connection) -> int:
        names = sa.inspect(connection).get_table_names()
        if versions.name not in names:
            ours = [n for n in names if n.startswith("fundtrack_")]
            if (names and self._is_sqlite) or ours:
                raise FundtrackError(
                    self.name,
                    "It is a database, but not a ledger of fundtrack.",
                    "Name another file with --ledger.",
                )
            if not self._new:
                raise FundtrackError(
                    self.name,
                    "There is no ledger in it yet.",
                    "`fundtrack check WORKBOOK --record` begins one.",
                )
            return 0
        version = connection.execute(sa.select(sa.func.max(versions.c.version))).scalar() or 0
        if version > VERSION:
            raise FundtrackError(
                self.name,
                f"It was written by a newer fundtrack (version {version} of the ledger; this one "
                f"knows {VERSION}).",
                "Update fundtrack; the ledger was not touched.",
            )
        return int(version)

    def _migrate(self, connection: sa.Connection) -> None:
        version = self._version(connection)
        if version == 0 and not sa.inspect(connection).has_table(versions.name):
            versions.create(connection)
        for step in range(version + 1, VERSION + 1):
            STEPS[step](connection)
            connection.execute(versions.insert().values(version=step))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns what a database says into a line for the user."""
        try:
            yield
        except exc.NoSuchModuleError as error:
            raise FundtrackError(self.name, *_NOT_KNOWN) from error
        except (exc.IntegrityError, ValueError, KeyError, TypeError) as error:
            raise self._unexpected(error) from error
        except exc.SQLAlchemyError as error:
            said = str(getattr(error, "orig", None) or error)
            raise FundtrackError(self.name, *self._why(said)) from error
        except ModuleNotFoundError as error:
            raise FundtrackError(
                self.name,
                "A ledger on a PostgreSQL server needs a driver that is not installed.",
                'Install it with `pip install "fundtrack[postgres]"`.',
            ) from error
        except OSError as error:
            raise FundtrackError(
                self.name, f"It cannot be used: {error.strerror}.", "See that it can be written."
            ) from error

    def _unexpected(self, error: Exception) -> Exception:
        """What was never written so: the ledger is damaged, or else the fault is ours."""
        if os.environ.get("FUNDTRACK_DEBUG"):
            return error
        with self._connected(write=False) as connection:
            if is_damaged(connection, _tables):
                return FundtrackError(self.name, *_DAMAGED)
        return FundtrackError(
            self.name,
            f"fundtrack itself failed ({place_of(error)}); the ledger is sound and not changed.",
            "Please report this line, without the ledger.",
        )

    def _why(self, said: str) -> tuple[str, str]:
        for words, reason, cure in _SAID if self._is_sqlite else ():
            if words in said:
                return reason, cure
        first = " ".join(said.split())[:200]
        if self._is_sqlite:
            return f"The database refused: {first}.", "Nothing was written."
        return f"The server refused, or was not reached: {first}.", "Nothing was written."


_NOT_KNOWN = (
    "That kind of database is not known.",
    "Name a file, or a server as postgresql+psycopg://USER@HOST/DATABASE.",
)
_DAMAGED = (
    "The file is damaged.",
    "Put back a copy of it from before; fundtrack never repairs a ledger by guessing.",
)
_SAID = (
    (
        "locked",
        f"Somebody else has been writing to it for {PATIENCE} seconds.",
        "Try again in a moment; nothing was written.",
    ),
    (
        "readonly",
        "It cannot be written: the file or its folder is read-only.",
        "Make both writable, or name another place with --ledger; nothing was written.",
    ),
    (
        "full",
        "The disk is full.",
        "Make room and record again; nothing that was recorded before is lost.",
    ),
    (
        "disk I/O",
        "The disk did not take what was written: it may be full, or gone.",
        "Make room and record again; nothing that was recorded before is lost.",
    ),
    (
        "unable to open",
        "It cannot be opened: the folder is not there, or may not be written to.",
        "Name a file in a folder that is there with --ledger.",
    ),
    (
        "not a database",
        "It is not a ledger: the file holds something else.",
        "Name another file with --ledger.",
    ),
    # Names and values that fundtrack did not write.
    *((w, *_DAMAGED) for w in ("malformed", "no such", "already exists", "decode")),
)


def _url(place: str) -> tuple[str, sa.URL]:
    """How a ledger is called in messages (never with a password), and where it is."""
    if "://" not in place:
        return _named(place), sa.URL.create("sqlite", database=place)
    try:
        url = sa.make_url(place)
    except exc.ArgumentError as error:
        raise FundtrackError("--ledger", *_NOT_KNOWN) from error
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    name = url.render_as_string(hide_password=True)
    if url.drivername not in ("postgresql+psycopg", "sqlite"):
        raise FundtrackError(name, *_NOT_KNOWN)
    if url.drivername == "sqlite":
        _named(url.database or "")
    return name, url


def _named(file: str) -> str:
    """The name of a file that can be one: what SQLite keeps in memory would be lost at the end."""
    if not file.strip() or "\0" in file or file.startswith((":", "file:")):
        raise FundtrackError("--ledger", "It names no file.", "Name one, such as fundtrack.db.")
    return file


def _cannot_be_written(file: Path) -> bool:
    beside = file.with_name(f"{file.name}-wal")
    waiting = beside.exists() and beside.stat().st_size > 0
    return not waiting and not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK))


def next_id(connection: sa.Connection, table: sa.Table) -> int:
    """The id after the last; safe, as only one write is under way."""
    return int(connection.execute(sa.select(sa.func.max(table.c.id))).scalar() or 0) + 1


def add(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Adds rows, of which there may be none."""
    if rows:
        connection.execute(table.insert(), rows)
