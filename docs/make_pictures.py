"""Makes the pictures of this folder again, from the annotated copy of the faulty programme sample.

    python docs/make_pictures.py

It needs LibreOffice (soffice) and poppler (pdftoppm, pdftotext). Each picture is the upper
part of a page as it prints.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import zipfile
from pathlib import Path

from fundtrack import pipeline

HERE = Path(__file__).parent
SAMPLE = HERE.parent / "samples" / "programme_faulty.xlsx"
# The picture, the words on the first page that is shown in it, its dots an inch and its height.
PICTURES = {
    "summary": ("Findings by family", 92, 690),
    "workings": ("how each sum and share", 110, 640),
}


def only_added(source: Path, target: Path) -> None:
    """A copy of an annotated copy in which the original sheets are hidden, so as not to print."""

    def hide(match: re.Match[str]) -> str:
        name = re.search('name="([^"]*)"', match[0])
        ours = name and name[1].startswith(("Summary", "Workings"))
        return match[0] if ours else match[0].replace("<sheet ", '<sheet state="hidden" ')

    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "xl/workbook.xml":
                text = data.decode().replace(' state="hidden"', "")
                data = re.sub("<sheet [^>]*>", hide, text).encode()
            new.writestr(name, data)


def page_with(pdf: Path, words: str) -> int:
    """The first page that holds the words, counted from 1."""
    text = subprocess.run(["pdftotext", str(pdf), "-"], check=True, capture_output=True).stdout
    pages = text.decode().split("\f")
    return next(number for number, page in enumerate(pages, 1) if words in page)


def main() -> None:
    """Writes the pictures beside this file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        request = pipeline.Request(SAMPLE, output=folder / "checked.xlsx")
        copy = Path(pipeline.check(request).outputs["report"])
        only_added(copy, folder / "added.xlsx")
        profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
        office = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", name]
        subprocess.run([*office, str(folder / "added.xlsx")], check=True, capture_output=True)
        pdf = folder / "added.pdf"
        for picture, (words, dots, height) in PICTURES.items():
            page = str(page_with(pdf, words))
            draw = ["pdftoppm", "-png", "-singlefile", "-r", str(dots), "-f", page, "-l", page]
            draw += ["-x", "0", "-y", "0", "-W", "9999", "-H", str(height)]
            subprocess.run([*draw, str(pdf), str(HERE / picture)], check=True)


if __name__ == "__main__":
    main()
