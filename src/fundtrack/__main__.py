"""Lets `python -m fundtrack` do what the `fundtrack` command does."""

from fundtrack.cli import main

if __name__ == "__main__":
    main()
