"""Where output goes: data to stdout, talk and progress to stderr, and JSON on request."""

from __future__ import annotations

import sys
from typing import Any

import orjson
from rich.console import Console
from rich.markup import escape


def talk() -> Console:
    """The console for everything that is not data."""
    return Console(stderr=True, highlight=False)


def data() -> Console:
    """The console for tables; as wide as the terminal, or 120 columns in a pipe."""
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=120)


def say(text: str) -> None:
    """One line to stderr, as it is."""
    talk().print(escape(text), soft_wrap=True)


def say_error(text: str) -> None:
    """An error message to stderr, each line of it marked."""
    console = talk()
    for line in text.splitlines() or ["failed"]:
        console.print(f"[bold red]error:[/] {escape(line)}", soft_wrap=True)


def print_json(value: Any) -> None:
    """The value as indented JSON on stdout."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    sys.stdout.buffer.write(orjson.dumps(value, default=str, option=options) + b"\n")
    sys.stdout.buffer.flush()
