"""Workbooks that nobody should send: each made here, from a sheet's XML or an archive's bytes."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Mapping

from books import DEFAULTS
from fundtrack import schema

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOC = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
CELL = '<c r="{}" t="inlineStr"><is><t>{}</t></is></c>'
DOCTYPE = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x SYSTEM "http://example.org/x.dtd">'


def parts(sheet: str, **changed: str | bytes | None) -> dict[str, str | bytes]:
    """The parts of the smallest workbook: `sheet` is what stands inside its <worksheet>.

    Further parts are given as `xl__sharedStrings=...`; None leaves one out.
    """
    made = {
        "[Content_Types].xml": "<Types xmlns="
        '"http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_KIND}.worksheet+xml"/>'
        "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{_RELS}"><Relationship Id="rId1" '
        f'Type="{_DOC}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOC}"><sheets>'
        '<sheet name="Grants" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_RELS}">'
        f'<Relationship Id="rId1" Type="{_DOC}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{_DOC}/sharedStrings" Target="sharedStrings.xml"/>'
        f'<Relationship Id="rId3" Type="{_DOC}/styles" Target="styles.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_MAIN}">{sheet}</worksheet>',
    }
    return {name: data for name, data in {**made, **changed}.items() if data is not None}


def zipped(entries: Mapping[str, str | bytes], level: int = 6) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return stream.getvalue()


def sst(items: str, head: str = "") -> dict[str, str]:
    return {"xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}"{head}>{items}</sst>'}


GRANTS = next(t for t in schema.tables().values() if t.name == "grants")
HEADINGS = [f.title for f in GRANTS.fields]
ROW = {
    **DEFAULTS["grants"],
    "grant_id": "G1",
    "title": "A grant",
    "amount": "1000",
    "currency": "EUR",
}
_COLUMN = {f.name: i for i, f in enumerate(GRANTS.fields)}


def letter(index: int) -> str:
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def row_xml(number: int, values: Mapping[str, str]) -> str:
    cells = (
        f'<c r="{letter(_COLUMN[name])}{number}"><v>{value}</v></c>'
        if name == "amount"
        else CELL.format(f"{letter(_COLUMN[name])}{number}", value)
        for name, value in sorted(values.items(), key=lambda item: _COLUMN[item[0]])
    )
    return f'<row r="{number}">{"".join(cells)}</row>'


def register(*more: str, first: int = 1) -> str:
    """The cells of a register of one grant, then further rows."""
    heading = "".join(CELL.format(f"{letter(i)}{first}", t) for i, t in enumerate(HEADINGS))
    rows = [f'<row r="{first}">{heading}</row>', row_xml(first + 1, ROW), *more]
    return f"<sheetData>{''.join(rows)}</sheetData>"


def sheet(*more: str, head: str = "", tail: str = "") -> bytes:
    return zipped(parts(head + register(*more) + tail))


def grant(**values: str) -> bytes:
    """A register with one further grant whose cells hold these."""
    return sheet(row_xml(3, {**ROW, "grant_id": "G2", **values}))


def odd_cell(xml: str) -> bytes:
    """A register with a further row that holds just this cell, whatever it is."""
    return sheet(f'<row r="3">{CELL.format("A3", "G2")}{xml}</row>')


def typed(part: str, declaration: str) -> bytes:
    """A workbook one part of which declares a document type."""
    entries = {
        **parts(register()),
        **sst("<si><t>x</t></si>"),
        "docProps/core.xml": "<a/>",
        "xl/drawings/vmlDrawing1.vml": "<xml/>",
        "customXml/item1.xml": "<a/>",
        "xl/media/picture.svg": "<svg/>",
    }
    entries[part] = f'<?xml version="1.0"?>{declaration}{entries[part]}'
    return zipped(entries)


def typed_in_utf16(part: str) -> bytes:
    entries = parts(register())
    text = f'\ufeff<?xml version="1.0" encoding="UTF-16"?>{DOCTYPE}{entries[part]}'
    return zipped({**entries, part: text.encode("utf-16-le")})


def in_encoding(name: str, codec: str, mark: str = "") -> bytes:
    """A register whose sheet is in another encoding, with a letter that tells."""
    entries = parts(register(row_xml(3, {**ROW, "grant_id": "G2", "title": "Año"})))
    part = "xl/worksheets/sheet1.xml"
    text = f'{mark}<?xml version="1.0" encoding="{name}"?>{entries[part]}'
    return zipped({**entries, part: text.encode(codec, "xmlcharrefreplace")})


def with_header(data: bytes, offset: int, value: bytes, *, both: bool = True) -> bytes:
    """Another value in the directory's last header, and in the local one where both."""
    changed = bytearray(data)
    at = data.rindex(b"PK\x01\x02")
    changed[at + offset : at + offset + len(value)] = value
    if both:
        at = data.rindex(b"PK\x03\x04")
        changed[at + offset - 2 : at + offset - 2 + len(value)] = value
    return bytes(changed)


def overlapping(count: int = 40) -> bytes:
    """Entries that all share one compressed body (after Fifield's zip bomb)."""
    data = zipped({**parts(register()), "xl/bomb.xml": b" " * 9_000_000})
    first, last, end = data.index(b"PK\x01\x02"), data.rindex(b"PK\x01\x02"), data.rindex(b"PK\5\6")
    heads = [data[last:end].replace(b"bomb", b"%04d" % number) for number in range(count)]
    directory = data[first:last] + b"".join(heads)
    many = len(parts("")) + count
    tail = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, many, many, len(directory), first, 0)
    return data[:first] + directory + tail


def lying(data: bytes) -> bytes:
    """The directory claims that the last entry inflates to ten bytes."""
    return with_header(data, 24, struct.pack("<I", 10), both=False)


def nested(depth: int) -> str:
    return "<a>" * depth + "</a>" * depth


def ods(body: str, **more: str) -> bytes:
    # As the format asks: the media type first, and not compressed.
    spaces = " ".join(
        f'xmlns:{p}="urn:oasis:names:tc:opendocument:xmlns:{u}:1.0"'
        for p, u in [("office", "office"), ("table", "table"), ("text", "text")]
    )
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": f"<office:document-content {spaces}><office:body><office:spreadsheet>"
            f"{body}</office:spreadsheet></office:body></office:document-content>",
            "META-INF/manifest.xml": "<manifest:manifest xmlns:manifest="
            '"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
            **more,
        }
    )


_ODS_CELL = '<table:table-cell office:value-type="string"{}><text:p>x</text:p></table:table-cell>'


def ods_repeated(rows: int, columns: int) -> bytes:
    cell = _ODS_CELL.format(f' table:number-columns-repeated="{columns}"')
    return ods(
        f'<table:table table:name="Grants"><table:table-row table:number-rows-repeated="{rows}">'
        f"{cell}</table:table-row></table:table>"
    )


def compound(stream: bytes, *, loop: bool = False) -> bytes:
    """An OLE file with one stream called Workbook: what an .xls is."""
    size = max(4096, -(-len(stream) // 512) * 512)
    sectors = size // 512
    fat = [0xFFFFFFFD, 0xFFFFFFFE]
    fat += [i + 3 for i in range(sectors)]
    fat[-1] = 2 if loop else 0xFFFFFFFE
    fat += [0xFFFFFFFF] * (128 - len(fat) % 128)
    header = struct.pack(
        "<8s16sHHHHH6xIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"",
        0x3E,
        3,
        0xFFFE,
        9,
        6,
        0,
        1,
        1,
        0,
        4096,
        0xFFFFFFFE,
        0,
        0xFFFFFFFE,
        0,
    ) + struct.pack("<109I", 0, *[0xFFFFFFFF] * 108)

    def entry(name: str, kind: int, child: int, start: int, length: int) -> bytes:
        text = name.encode("utf-16-le") + b"\0\0"
        return struct.pack(
            "<64sHBBIII16sIQQIQ", text, len(text), kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child, b"",
            0, 0, 0, start, length,
        )  # fmt: skip

    directory = (
        entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry("Workbook", 2, 0xFFFFFFFF, 2, size)
    ).ljust(512, b"\0")
    return header + struct.pack(f"<{128}I", *fat[:128]) + directory + stream.ljust(size, b"\0")


def record(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def old_book(*records: bytes, sheet_records: bytes = b"") -> bytes:
    """An .xls with one sheet, Grants, that holds these records."""
    bof = record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 1997, 0, 6))
    name = b"Grants"
    extra = b"".join(records)
    at = len(bof) + len(extra) + 4 + 8 + len(name) + 4
    bound = record(0x85, struct.pack("<IBBBB", at, 0, 0, len(name), 0) + name)
    begin = record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 1997, 0, 6))
    end = record(0x0A, b"")
    return compound(bof + extra + bound + end + begin + sheet_records + end)


def number(row: int, column: int) -> bytes:
    return record(0x203, struct.pack("<HHHd", row, column, 0, 7.0))


# What is refused: name -> how it is made, a word of what is said.
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "one part inflates to 600 MB.xlsx": (
        lambda: zipped({**parts(register()), "xl/bomb.xml": b" " * 600_000_000}, 9),
        "--max-",
    ),
    "a header that lies about a bomb.xlsx": (
        lambda: lying(zipped({**parts(register()), "xl/bomb.xml": b" " * 40_000_000})),
        "--max-ratio",
    ),
    "many parts.xlsx": (
        lambda: zipped({**parts(register()), **{f"xl/p{n}.xml": "<a/>" for n in range(10_100)}}, 1),
        "--max-entries",
    ),
    "overlapping.xlsx": (overlapping, "overlaps"),
    "the same part twice.xlsx": (
        lambda: zipped({**parts(register()), "XL/WORKBOOK.XML": "<a/>"}),
        "there twice",
    ),
    "encrypted entry.xlsx": (
        lambda: with_header(zipped(parts(register())), 8, b"\x01\0"),
        "is encrypted",
    ),
    "another method.xlsx": (
        lambda: with_header(zipped(parts(register())), 10, b"\x0c\0"),
        "compression method 12",
    ),
    "wrong checksum of a picture.xlsx": (
        lambda: with_header(
            zipped({**parts(register()), "xl/media/a.png": b"abc" * 99}), 16, b"abcd"
        ),
        "checksum",
    ),
    **{
        f"entities in {part.replace('/', '_')}.xlsx": (
            lambda part=part: typed(part, DOCTYPE),
            "document type",
        )
        for part in (
            *parts(""),
            "xl/sharedStrings.xml",
            "docProps/core.xml",
            "xl/drawings/vmlDrawing1.vml",
            "customXml/item1.xml",
            "xl/media/picture.svg",
        )
    },
    "outside entity in the sheet.xlsx": (
        lambda: typed("xl/worksheets/sheet1.xml", OUTSIDE),
        "document type",
    ),
    "entities in UTF-16.xlsx": (
        lambda: typed_in_utf16("xl/worksheets/sheet1.xml"),
        "document type",
    ),
    "no core part.xlsx": (
        lambda: zipped(parts(register(), **{"xl/workbook.xml": None})),
        "no workbook part",
    ),
    "workbook outside the package.xlsx": (
        lambda: zipped(
            parts(
                register(),
                **{
                    "_rels/.rels": parts("")["_rels/.rels"]
                    .replace("xl/workbook.xml", "file:///etc/passwd")
                    .replace("/>", ' TargetMode="External"/>', 1)
                },
            )
        ),
        "cannot be read",
    ),
    "sheet leaves the package.xlsx": (
        lambda: zipped(
            parts(
                register(),
                **{
                    "xl/_rels/workbook.xml.rels": parts("")["xl/_rels/workbook.xml.rels"].replace(
                        "worksheets/sheet1.xml", "../../../../etc/passwd"
                    )
                },
            )
        ),
        "",
    ),
    "workbook is its own sheet.xlsx": (
        lambda: zipped(
            parts(
                register(),
                **{
                    "xl/_rels/workbook.xml.rels": parts("")["xl/_rels/workbook.xml.rels"].replace(
                        "worksheets/sheet1.xml", "workbook.xml"
                    )
                },
            )
        ),
        "",
    ),
    "deeply nested.xlsx": (
        lambda: zipped(parts(register(), **{"xl/workbook.xml": nested(5_000)})),
        "damaged",
    ),
    "row number in the billions.xlsx": (
        lambda: sheet('<row r="4294967295"><c r="A4294967295"><v>1</v></c></row>'),
        "",
    ),
    "column that no sheet has.xlsx": (lambda: odd_cell('<c r="ZZZZZZZ3"><v>1</v></c>'), ""),
    "a count of strings that lies.xlsx": (
        lambda: zipped(
            {**parts(register()), **sst("<si><t>x</t></si>", ' uniqueCount="4294967295"')}
        ),
        "broke the reader",
    ),
    "a long text in many cells.xlsx": (
        lambda: zipped(
            {
                **parts(
                    "<sheetData>"
                    + "".join(
                        f'<row r="{n}">'
                        + f'<c r="A{n}" t="s"><v>0</v></c><c r="B{n}" t="s"><v>0</v></c></row>'
                        for n in range(1, 200_000)
                    )
                    + "</sheetData>"
                ),
                **sst(f"<si><t>{'x' * 32_000}</t></si>"),
            }
        ),
        "memory",
    ),
    "many cells in opposite corners.xlsx": (
        lambda: zipped(
            parts(
                "<sheetData>"
                + "".join(
                    f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(1, 600_000, 7)
                )
                + "</sheetData>"
            )
        ),
        "",
    ),
    "far row without addresses.xlsx": (
        lambda: zipped(
            parts(
                '<sheetData><row r="1"><c><v>1</v></c></row>'
                '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
            )
        ),
        "",
    ),
    "repeated.ods": (lambda: ods_repeated(1_048_576, 16_384), ""),
    "entities.ods": (
        lambda: zipped(
            {
                "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
                "content.xml": f'<?xml version="1.0"?>{DOCTYPE}<a>&b;</a>',
            }
        ),
        "document type",
    ),
    "protected.ods": (
        lambda: ods("", **{"META-INF/manifest.xml": "<a><encryption-data/></a>"}),
        "password",
    ),
    "text.ods": (
        lambda: zipped(
            {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "<a/>"}
        ),
        "not a spreadsheet",
    ),
    "loop.xls": (lambda: compound(b"\x09\x08\x10\0" + b"\0" * 5000, loop=True), ""),
    "a count that lies.xls": (
        lambda: old_book(record(0xFC, struct.pack("<II", 2**32 - 1, 2**32 - 1))),
        "",
    ),
    "protected.xls": (lambda: old_book(record(0x2F, b"\1\0\1\0\1\0" + b"x" * 48)), "password"),
    "a page.xlsx": (lambda: b"<!DOCTYPE html><html><table></table></html>", "HTML page"),
    "a table.xlsx": (lambda: b"Grant ID,Amount\nG1,5\n", "CSV under the name"),
    "picture.xlsx": (lambda: b"\x89PNG\r\n\x1a\n" + b"\0" * 99, "damaged file"),
    "too many cells.csv": (lambda: b"a,b\n" + b",\n" * 11_000_000, "--max-cells"),
    "one very wide line.csv": (lambda: b"," * 30_000 + b"\n" * 30_000, "--max-cells"),
}
TEXTS = {
    "formula": "=HYPERLINK(&quot;http://example.org&quot;,&quot;x&quot;)",
    "command": "=cmd|' /C calc'!A0",
    "plus": "+1+1",
    "minus": "-2+3",
    "at": "@SUM(1)",
    "tab": "&#9;=1+1",
    "file link": "file:///C:/Windows/win.ini",
    "script link": "javascript:alert(1)",
    "control": "a_x001B_[31mred_x0007_",
    "lone surrogate": "a_xD800_b",
    "right to left": "abc\u202edcb\u2066\u200f",
    "combining": "e" + "\u0301" * 500,
    "emoji": "\U0001f600" * 300,
    "long": "x" * 40_000,
    "spaces": " \u00a0\u200b\ufeff ",
    "quotes": "&lt;script&gt;&quot;'&amp;amp;",
    "braces": "{value} {0} {heading} %s %(x)s",
}


def ods_register(*others: str) -> bytes:
    """As LibreOffice writes it: blank rows and columns to the end of the sheet, by their number."""

    def line(values: list[str]) -> str:
        cells = "".join(_ODS_CELL.format("").replace(">x<", f">{v}<") for v in values)
        end = f'<table:table-cell table:number-columns-repeated="{16_384 - len(values)}"/>'
        return f"<table:table-row>{cells}{end}</table:table-row>"

    rows = line(HEADINGS) + line([ROW.get(f.name, "") for f in GRANTS.fields])
    end = (
        '<table:table-row table:number-rows-repeated="1048574">'
        '<table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    )
    names = "".join(
        f'<table:table table:name="{name}">{line(["x"])}</table:table>' for name in others
    )
    return ods(f'<table:table table:name="Grants">{rows}{end}</table:table>{names}')


# What is read: a report and findings, or a line; never anything else.
_CELLS = {
    "error": '<c r="I3" t="e"><v>#SPILL!</v></c>',
    "uncalculated": '<c r="M3"><f>1+1</f></c>',
    "not a number": '<c r="M3"><v>NaN</v></c>',
    "infinite": '<c r="M3"><v>1e999</v></c>',
    "minus infinite": '<c r="M3"><v>-INF</v></c>',
    "large": '<c r="M3"><v>1e308</v></c><c r="N3"><v>-1e308</v></c>',
    "small": '<c r="M3"><v>5e-324</v></c>',
    "not numeric": '<c r="M3"><v>12,5</v></c>',
    "date of another age": '<c r="I3" t="d"><v>9999-12-31T00:00:00</v></c>',
    "no date": '<c r="I3" t="d"><v>2024-02-31</v></c>',
    "negative day": '<c r="I3" s="1"><v>-5</v></c>',
    "day past all": '<c r="I3" s="1"><v>1e15</v></c>',
    "no style": '<c r="I3" s="4000000000"><v>5</v></c>',
    "boolean": '<c r="I3" t="b"><v>1</v></c><c r="M3" t="b"><v>0</v></c>',
    "twice": '<c r="M3"><v>1</v></c><c r="M3"><v>2</v></c>',
    "in disorder": '<c r="M3"><v>1</v></c><c r="C3"><v>2</v></c><c r="B2"><v>3</v></c>',
    "lower case": '<c r="m3"><v>1</v></c>',
    "no address": '<c><v>1</v></c><c t="inlineStr"><is><t>x</t></is></c>',
    "quoted otherwise": "<c r='M3'><v>1</v></c>",
    "rich": '<c r="B3" t="inlineStr"><is><r><t>a</t></r><r><t>b</t></r></is></c>',
    "no value": '<c r="B3" t="inlineStr"/><c r="C3" t="str"/><c r="M3"><v/></c>',
    "a formula without end": '<c r="M3"><f>1+1</f><v>2</v></c>' + '<c r="N3"><f/></c>' * 3,
}
_NUMBERS = ["1,234.56", "1.234,56", "1 234,56", "1\u00a0234,56", "1'234.56", "1,23,456.78", "(5)"]
_DATES = [
    "31/12/2024",
    "12/31/2024",
    "31.12.2024",
    "2024/12/31",
    "31 déc. 2024",
    "0024-01-01",
    "99999-01-01",
    "-2024-01-01",
    "２０２４-01-01",
    "١٢/٣١/٢٠٢٤",
]


def named(*names: str) -> bytes:
    """A register, and further sheets of these names, legal or not."""
    entries = parts(register())
    lines = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="rId1"/>' for n, name in enumerate(names, 2)
    )
    book = str(entries["xl/workbook.xml"]).replace("</sheets>", f"{lines}</sheets>")
    return zipped({**entries, "xl/workbook.xml": book})


def linked() -> bytes:
    """External links, relationships to themselves and into the void, beside a sound sheet."""
    rels = (
        f'<Relationships xmlns="{_RELS}">'
        f'<Relationship Id="rId1" Type="{_DOC}/hyperlink" Target="file:///C:/x.exe" '
        'TargetMode="External"/>'
        f'<Relationship Id="rId2" Type="{_DOC}/comments" Target="../../../../etc/passwd"/>'
        f'<Relationship Id="rId3" Type="{_DOC}/vmlDrawing" Target="sheet1.xml"/>'
        f'<Relationship Id="rId4" Type="{_DOC}/image" Target="http://example.org/a.png" '
        'TargetMode="External"/></Relationships>'
    )
    tail = f'<hyperlinks><hyperlink ref="A2" xmlns:r="{_DOC}" r:id="rId1"/></hyperlinks>'
    return zipped({**parts(register() + tail), "xl/worksheets/_rels/sheet1.xml.rels": rels})


# What is read: a report and findings; one odd cell never makes a sheet unreadable.
READ: dict[str, Callable[[], bytes]] = {
    "sheet in UTF-16.xlsx": lambda: in_encoding("UTF-16", "utf-16-le", "\ufeff"),
    "sheet in Latin-1.xlsx": lambda: in_encoding("ISO-8859-1", "latin-1"),
    **{
        f"text {name}.xlsx": (lambda t=text: grant(title=t, grant_id=t))
        for name, text in TEXTS.items()
    },
    **{f"cell {name}.xlsx": (lambda x=xml: odd_cell(x)) for name, xml in _CELLS.items()},
    "numbers as text.xlsx": lambda: sheet(
        *(
            row_xml(n, {**ROW, "grant_id": f"N{n}", "title": t}).replace(
                "<v>1000</v>", f"<v>{t}</v>"
            )
            for n, t in enumerate(_NUMBERS, 3)
        )
    ),
    "dates as text.xlsx": lambda: sheet(
        *(
            row_xml(n, {**ROW, "grant_id": f"N{n}", "planned_end_date": t})
            for n, t in enumerate(_DATES, 3)
        )
    ),
    "names.xlsx": lambda: named(
        "It's 'quoted'", "'apostrophes'", "[brackets]", "x" * 31, "=1+1", "a &amp; &lt;b>", "{0}"
    ),
    "illegal names.xlsx": lambda: named("x" * 300, "a/b?*:\\", "Summary", "SUMMARY", "", "Grants"),
    "illegal names.ods": lambda: ods_register("[a]/*?:" + "x" * 40, "''", "History"),
    "links.xlsx": linked,
    "one cell in the far corner.xlsx": lambda: sheet(
        '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    ),
    "the whole sheet declared.xlsx": lambda: sheet(head='<dimension ref="A1:XFD1048576"/>'),
    "rows without end.xlsx": lambda: sheet(
        *(f'<row r="{n}" spans="1:16384" s="1" customFormat="1"/>' for n in range(3, 50_000))
    ),
    "nested archive.xlsx": lambda: zipped(
        {
            **parts(register()),
            "xl/embeddings/a.xlsx": zipped({"b.zip": zipped({"c": b" " * 10**7})}),
        }
    ),
    "a part that nothing leads to.xlsx": lambda: zipped(
        {**parts(register()), "xl/worksheets/sheet9.xml": "<worksheet><sheetData/></worksheet>"}
    ),
    "repeated at the end.ods": ods_register,
}
