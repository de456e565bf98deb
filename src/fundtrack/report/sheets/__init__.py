"""The sheets that the report adds: built as a workbook of their own, then grafted on."""
