"""Door to the terminal, the only one: what goes through it is text, never markup or a control sequence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import rich.console
import rich.table
import rich.text
from rich import box
from rich.cells import cell_len
from rich.console import ConsoleOptions, RenderResult

from troupe_batch.shown_text import shown

_EDGES = 2
_GAP = 3
_LEAST_LABEL = 12


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


@dataclass(frozen=True, slots=True)
class Block:
    """Some of the columns, by number, side by side; and how wide the labels before them and each of them is."""

    label: int
    columns: tuple[int, ...]
    widths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FittedTable:
    """Rows of a label and a cell for each head. `together`: so many columns in a row are never parted.

    Labels and heads go over several lines where they must; cells, only where one alone finds no room beside the labels.
    """

    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[SafeText]]]
    together: int = 1

    def __rich_console__(self, console: object, options: ConsoleOptions) -> RenderResult:
        for block in self.blocks(options.max_width):
            yield self._rendered(block)

    def blocks(self, width: int) -> list[Block]:
        """How the columns are laid out on lines of this many characters."""
        room = width - _EDGES
        longest = max((cell_len(shown(label)) for label, _ in self.rows), default=0)
        least_label = max(1, min(longest, max(_LEAST_LABEL, room // 3)))
        groups = [
            self._fitting(range(start, min(start + self.together, len(self.heads))), room - least_label)
            for start in range(0, len(self.heads), self.together)
        ]
        lines: list[list[dict[int, int]]] = []
        for group in groups:
            if lines and least_label + sum(map(_width_taken, lines[-1])) + _width_taken(group) <= room:
                lines[-1].append(group)
            else:
                lines.append([group])
        found = []
        for line in lines:
            widths = {column: wide for group in line for column, wide in group.items()}
            label = max(1, min(longest, room - _width_taken(widths)))
            found.append(Block(label, tuple(widths), tuple(widths.values())))
        return found or [Block(max(1, min(longest, room)), (), ())]

    def _fitting(self, columns: range, room: int) -> dict[int, int]:
        """Column -> width: of its longest cell; where all together find no room, of its longest word; else shared."""
        for measure in (_line_width, _longest_word):
            widths = {column: max(map(measure, self._texts(column)), default=1) or 1 for column in columns}
            if _width_taken(widths) <= room:
                return widths
        return dict.fromkeys(columns, max(1, room // len(columns) - _GAP))

    def _texts(self, column: int) -> Iterator[str]:
        # A head may be broken between its words, and a long one within: it is read once, and makes no column wide.
        yield shown(self.heads[column])[: _LEAST_LABEL * 2]
        yield from (cells[column].plain for _, cells in self.rows)

    def _rendered(self, block: Block) -> TextTable:
        table = TextTable(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("", width=block.label)
        for column, width in zip(block.columns, block.widths, strict=True):
            table.add_column(SafeText(self.heads[column]), justify="right", width=width)
        for label, cells in self.rows:
            table.add_row(SafeText(label), *(cells[column] for column in block.columns))
        return table


def _width_taken(widths: dict[int, int]) -> int:
    """What the columns take, with the gap before each."""
    return sum(widths.values()) + _GAP * len(widths)


def _line_width(text: str) -> int:
    return max((cell_len(line) for line in text.splitlines()), default=0)


def _longest_word(text: str) -> int:
    return max((cell_len(word) for word in text.split()), default=0)
