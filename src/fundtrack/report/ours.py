"""How what fundtrack wrote is known again, also after another program has saved it."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

from fundtrack.ooxml import Package, SheetPart, children, sheet_of
from fundtrack.report.parts.files import refuse_input, refuse_other
from fundtrack.report.parts.original import ORIGINAL
from fundtrack.report.sheets.page import ALWAYS, ROLES

# The highlights' formula: always true, since N() of a text is 0. `strip` knows them by it.
MARKER = 'N("fundtrack")=0'
# A hidden name for each added sheet: it follows the sheet when it is renamed or moved in Excel.
NAME_PREFIX = "fundtrack_"
SHARED_PREFIX = "fundtrack_shared_"  # in a workbook made to be shared
_NAMES = re.compile(rf"{NAME_PREFIX}({'|'.join(ROLES)})(?:_\d+)?", re.IGNORECASE)
_FIRST_CELL = re.compile(
    rb"""<(?:\w+:)?c\b([^<>]{0,500}?\br\s{0,9}=\s{0,9}["']A1["'][^<>]{0,500})>"""
    rb"""((?:(?!<(?:\w+:)?c[\s>]).){0,200000}?)</(?:\w+:)?c>""",
    re.DOTALL,
)
# Found by a pattern, since a large workbook has many; [1] is the namespace's prefix. As all
# patterns that meet a stranger's bytes, it never looks past the next of its kind: the end of one
# that is not closed would be sought to the end of the part, again and again.
SHARED_STRING = re.compile(
    rb"<((?:\w+:)?)si(?:\s[^<>]*)?(?:/>|>[^<]*(?:<(?!/?\1si[\s/>])[^<]*)*</\1si>)"
)


def is_annotated(package: Package) -> bool:
    """Say whether fundtrack made this workbook, even if another program has saved it since."""
    return package.has(ORIGINAL) or bool(sheets_by_role(package, copies=False))


def role_of(name: str) -> str | None:
    """Give the role of the added sheet to which a hidden name leads; None where it is another."""
    match = _NAMES.fullmatch(name)
    return match[1].lower() if match else None


def sheets_by_role(package: Package, *, copies: bool = True) -> dict[str, str]:
    """Give the sheets that fundtrack added: name as it is now -> role, such as "findings".

    A person's `copies` of them have hidden names of their own. Where a program has dropped the
    names on saving, the sheets are known by their own: all roles must be there, each with the
    heading that it begins with.
    """
    found = {
        sheet_of(name.text or ""): role
        for name in children(package.workbook, "definedNames", "definedName")
        if (role := role_of(name.get("name", ""))) and (copies or name.get("localSheetId") is None)
    }
    return found or _sheets_by_heading(package)


def _sheets_by_heading(package: Package) -> dict[str, str]:
    roles = {name: role for role, (name, _) in ROLES.items()}
    found = {
        sheet.name: role
        for sheet in package.sheets
        if (role := roles.get(re.sub(r" \d+$", "", sheet.name)))
        and sheet.kind == "worksheet"
        and sheet.part
        and _begins(package, role, sheet)
    }
    return found if set(ALWAYS) <= set(found.values()) else {}


def _begins(package: Package, role: str, sheet: SheetPart) -> bool:
    """Say whether the sheet's first cell holds what the added sheet of that role begins with."""
    cell, (_, beginning) = _FIRST_CELL.search(package.read(sheet.part)), ROLES[role]
    if cell is None:
        return False
    text = cell[2]
    part = package.part_of_kind("sharedStrings")
    if re.search(rb"""\bt\s*=\s*["']s["']""", cell[1]) and part is not None:
        number = re.search(rb"\d{1,9}", text)
        strings = SHARED_STRING.finditer(package.read(part))
        found = next(islice(strings, int(number[0]), None), None) if number else None
        text = found[0] if found else b""
    return re.sub(rb"<[^<>]*>", b"", text).startswith(beginning.encode())


def refuse_target(path: Path, target: Path, *others: Path, force: bool) -> None:
    """Raise FundtrackError where writing the target would lose a file that is not ours, or one that
    was read (`path` and `others`), or where no file can be written.
    """
    refuse_input(target, path, *others)
    refuse_other(target, _is_ours, "fundtrack did not make it", force=force)


def _is_ours(package: Package) -> bool:
    return is_annotated(package) or bool(names_of(package, SHARED_PREFIX))


def names_of(package: Package, prefix: str) -> dict[str, str]:
    """Give the workbook's defined names that begin so: name -> what it refers to."""
    return {
        element.get("name", ""): element.text or ""
        for element in children(package.workbook, "definedNames", "definedName")
        if element.get("name", "").lower().startswith(prefix)
        and element.get("localSheetId") is None  # a person's copy of a sheet has names of its own
    }
