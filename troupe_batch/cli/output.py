"""Output of commands: data to stdout, talk and progress to stderr, and JSON on request."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

import click
import orjson

from troupe_batch.shown_text import shown, shown_json
from troupe_batch.terminal import SafeText, Terminal

_MOST_LINES = 200

_PIPED_COLUMNS = 160


def talk() -> Terminal:
    """The console for everything that is not data."""
    return Terminal(stderr=True)


def data() -> Terminal:
    """The console for tables; as wide as the terminal or as COLUMNS says, in a pipe without it 160 columns."""
    stated = os.environ.get("COLUMNS", "")
    is_known = sys.stdout.isatty() or (stated.isdecimal() and int(stated) > 0)
    return Terminal() if is_known else Terminal(width=_PIPED_COLUMNS)


def say(text: str) -> None:
    """One line to stderr, as it is."""
    talk().print(text, soft_wrap=True)


def say_warnings(warnings: Iterable[str]) -> None:
    """What may not be meant so, each on a line to stderr."""
    console = talk()
    for warning in warnings:
        console.print(
            SafeText("warning:", style="bold yellow").append(f" {warning}", "not bold default"), soft_wrap=True
        )


def say_error(text: str) -> None:
    """An error message to stderr, each line of it marked."""
    console = talk()
    lines = text.split("\n") or ["failed"]
    for line in lines[:_MOST_LINES]:
        console.print(SafeText("error:", style="bold red").append(f" {line}", "not bold default"), soft_wrap=True)
    if len(lines) > _MOST_LINES:
        console.print(f"and {len(lines) - _MOST_LINES:,} more lines", soft_wrap=True)


def print_text(text: str, most: int | None = None) -> None:
    """Text of any length to stdout, such as a prompt or what a model said; the values of JSON have it unaltered."""
    click.echo(shown(text, most))


def print_json(value: Any) -> None:
    r"""The value as indented JSON on stdout; what would act on a terminal stands in it as `\u` escapes."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    text = orjson.dumps(value, default=str, option=options).decode()
    sys.stdout.buffer.write(f"{shown_json(text)}\n".encode())
    sys.stdout.buffer.flush()
