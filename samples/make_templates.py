"""Writes the templates under templates/xlsx/ anew: python samples/make_templates.py."""

from pathlib import Path

from fundtrack import template

GOAL = Path(__file__).parents[1] / "templates" / "xlsx"


def main() -> None:
    for kind in template.KINDS:
        data = template.build(kind, template.chosen(kind))
        (GOAL / f"{kind}.xlsx").write_bytes(data)
        print(f"{kind}.xlsx {len(data):,} bytes")


if __name__ == "__main__":
    main()
