"""fundtrack checks how money for preventing violent extremism flows, workbook by workbook."""

__version__ = "0.1.0"
