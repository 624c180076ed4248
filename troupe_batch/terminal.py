"""Door to the terminal, the only one: whatever is printed through it is text, never markup or a control sequence."""

from __future__ import annotations

from typing import Any, Self

import rich.console
import rich.table
import rich.text

from troupe_batch.shown_text import shown


class SafeText(rich.text.Text):
    """Text with a style. What acts or hides in it is spelled out: it may come from a file, a model or a server."""

    def __init__(self, text: str = "", *arguments: Any, **options: Any) -> None:
        super().__init__(shown(text), *arguments, **options)

    def append(self, text: rich.text.Text | str, style: Any = None) -> Self:
        """Adds more of it."""
        super().append(shown(text) if isinstance(text, str) else text, style)
        return self


class TextTable(rich.table.Table):
    """A table whose cells go over several lines where they find no room, and are never cut."""

    def add_column(self, header: Any = "", footer: Any = "", **options: Any) -> None:
        """Adds a column."""
        super().add_column(header, footer, **{"overflow": "fold", **options})


class Terminal(rich.console.Console):
    """A console that reads neither markup nor names of emoji in strings, and shows them as `SafeText` does."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **options: Any) -> rich.text.Text:
        """The string, as it may be shown: also where it is a cell, a header or a title."""
        return super().render_str(shown(text), **{**options, "markup": False, "emoji": False})
