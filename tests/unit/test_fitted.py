"""Tables at every width: no label and no digit is ever cut."""

from __future__ import annotations

import io

from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from troupe_batch.terminal import FittedTable, SafeText, Terminal

WORD = st.text("abcdefgé漢字-", min_size=1, max_size=30)
LABEL = st.lists(WORD, min_size=1, max_size=5).map(" ".join)
CELL = st.one_of(
    st.integers(0, 10**9).map("{:,}".format),
    st.tuples(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100)).map("{0[0]}% [{0[1]}% to {0[2]}%]".format),
    st.floats(-999, 999).map("{:,.2f}".format),
)


@st.composite
def tables(draw: st.DrawFn) -> FittedTable:
    together = draw(st.integers(1, 2))
    heads = draw(st.lists(WORD, min_size=1, max_size=8))
    heads = [head for head in heads for _ in range(together)]
    labels = draw(st.lists(LABEL, min_size=1, max_size=6))
    # A few cells go round the table: a draw for each of them would take longer than what is tested.
    cells = draw(st.lists(CELL, min_size=1, max_size=9))
    rows = [
        [SafeText(cells[(row * 7 + column) % len(cells)]) for column in range(len(heads))] for row in range(len(labels))
    ]
    return FittedTable(heads, list(zip(labels, rows, strict=True)), together)


def rendered(table: FittedTable, width: int) -> list[str]:
    shown = io.StringIO()
    Terminal(file=shown, width=width, force_terminal=False, legacy_windows=False).print(table)
    return shown.getvalue().splitlines()


def joined(text: str) -> str:
    return "".join(text.split())


def cut(line: str, start: int, stop: int) -> str:
    """What stands in these cells of a terminal, of which some characters take two."""
    at, found = 0, ""
    for character in line:
        if start <= at < stop:
            found += character
        at += cell_len(character)
    return found


@given(tables(), st.integers(40, 200))
@example(FittedTable(["all", "a" * 60], [("Definitely would not buy it", [SafeText("12% [3% to 21%]")] * 2)]), 40)
def test_every_label_head_and_figure_is_there_at_every_width(table: FittedTable, width: int) -> None:
    lines = rendered(table, width)
    blocks = table.blocks(width)

    assert all(cell_len(line) <= width for line in lines)
    assert "…" not in "".join(lines)
    assert [column for block in blocks for column in block.columns] == list(range(len(table.heads)))
    starts = [place for place, line in enumerate(lines) if line.strip("─ ") == "" and "─" in line]
    assert len(starts) == len(blocks)
    for number, (block, start) in enumerate(zip(blocks, starts, strict=True)):
        end = starts[number + 1] if number + 1 < len(starts) else len(lines)
        body = lines[start + 1 : end]
        labels = joined("".join(cut(line, 1, 1 + block.label) for line in body))
        assert labels.startswith(joined("".join(label for label, _ in table.rows)))
        left = 1 + block.label + 3
        for column, wide in zip(block.columns, block.widths, strict=True):
            shown = joined("".join(cut(line, left, left + wide) for line in body))
            assert shown.startswith(joined("".join(cells[column].plain for _, cells in table.rows)))
            above = lines[starts[number - 1] if number else 0 : start]
            head = joined("".join(cut(line, left, left + wide) for line in above))
            assert head.endswith(joined(table.heads[column]))
            left += wide + 3


@given(tables(), st.integers(40, 200))
def test_a_number_stands_on_one_line_wherever_it_finds_room(table: FittedTable, width: int) -> None:
    text = "\n".join(rendered(table, width))

    for block in table.blocks(width):
        for column, wide in zip(block.columns, block.widths, strict=True):
            for _, cells in table.rows:
                for word in cells[column].plain.split():
                    assert cell_len(word) > wide or word in text


@given(tables())
def test_columns_that_belong_together_are_never_parted(table: FittedTable) -> None:
    for block in table.blocks(60):
        assert len(block.columns) % table.together == 0


def test_four_arms_at_120_columns_keep_their_labels_and_figures() -> None:
    labels = ["Definitely would not buy", "Probably would not buy", "Might or might not buy", "Definitely would buy"]
    cells = [SafeText(f"{share}% [{share - 9}% to {share + 9}%]") for share in (21, 32, 43, 54, 65)]
    table = FittedTable(["all", "tomato", "watermelon", "cucumber", "plain"], [(label, cells) for label in labels])

    text = "\n".join(rendered(table, 120))

    for label in labels:
        assert label in text
    assert text.count("21% [12% to 30%]") == text.count("65% [56% to 74%]") == len(labels)
