"""Word files of hostile size: the time that they take grows with the text, and what is unpacked is bounded."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import docx
import pytest

from troupe_batch.errors import FixTheInput, SpecError
from troupe_batch.simulation.record.artifacts import ArtifactExporter
from troupe_batch.simulation.record.documents import read_text
from troupe_batch.simulation.record.word_files import MOST_CHARACTERS, bounded, text_of_word, word_of_markdown

_FEW, _MANY = 3_000, 24_000


def _cpu_s(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


@pytest.mark.parametrize(
    "text",
    ["a\n\n", "*a* ", "**a** ", "- a\n", "1. a\n", "> a\n", "# a\n", "*", "**a ", "#", " ", "> ", "1) ", "a\t"],
)
def test_eight_times_the_text_takes_about_eight_times_the_time(text: str) -> None:
    # A file of its own takes a while to begin with, so that the few may take longer than their share; a quadratic
    # writer takes 64 times as long.
    few = min(_cpu_s(lambda: word_of_markdown(text * _FEW)) for _ in range(2))
    many = min(_cpu_s(lambda: word_of_markdown(text * _MANY)) for _ in range(2))

    assert many < 24 * few


def test_paragraphs_and_emphasis_come_back_as_they_were_written() -> None:
    written = word_of_markdown("# Title\n\nOne & <two> *three*\tfour **five**\n\n- six\n")

    paragraphs = docx.Document(BytesIO(written)).paragraphs

    assert [(p.style.name if p.style else "", p.text) for p in paragraphs] == [
        ("Heading 1", "Title"),
        ("Normal", "One & <two> three\tfour five"),
        ("List Bullet", "six"),
    ]
    assert [(r.text, r.italic, r.bold) for r in paragraphs[1].runs][1::2] == [
        ("three", True, None),
        ("five", None, True),
    ]


def test_a_text_that_is_too_long_for_a_word_file_is_refused_with_a_cure(tmp_path: Path) -> None:
    with pytest.raises(FixTheInput, match=r"'Long' cannot be written as docx: .*; cut it, or write it as md"):
        ArtifactExporter(tmp_path).export("Long", "a" * (MOST_CHARACTERS + 1), "docx")

    assert ArtifactExporter(tmp_path).export("Long", "a" * (MOST_CHARACTERS + 1), "md").exists()


def test_a_file_that_unpacks_to_gigabytes_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(5):
            archive.writestr(f"word/media/{number}.png", bytes(64 * 2**20))

    assert path.stat().st_size < 2**20
    with pytest.raises(SpecError, match=r"bomb\.docx: unpacks to more than 256 MiB; keep the pages that are needed"):
        read_text(path)


def test_a_cell_that_claims_a_billion_columns_is_one_cell() -> None:
    document = docx.Document()
    table = document.add_table(rows=1, cols=2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Fees", "2 euros"
    table.cell(0, 0)._tc.grid_span = 1_000_000_000
    file = BytesIO()
    document.save(file)

    assert text_of_word(file.getvalue()) == "Fees | 2 euros"


def test_a_cell_that_spans_rows_is_said_in_each_of_them() -> None:
    document = docx.Document()
    table = document.add_table(rows=3, cols=2)
    for row in range(3):
        table.cell(row, 1).text = f"n{row}"
    table.cell(0, 0).text = "all"
    table.cell(0, 0).merge(table.cell(2, 0))
    file = BytesIO()
    document.save(file)

    assert [line.split(" | ") for line in text_of_word(file.getvalue()).splitlines()] == [
        ["all", "n0"],
        ["all", "n1"],
        ["all", "n2"],
    ]


def test_a_table_of_many_rows_that_repeat_a_long_cell_is_cut_off(tmp_path: Path) -> None:
    document = docx.Document()
    table = document.add_table(rows=300, cols=1)
    table.rows[0].cells[0].text = "x" * 40_000
    for row in table._tbl.tr_lst:
        row.tc_lst[0].vMerge = "restart" if row is table._tbl.tr_lst[0] else "continue"
    path = tmp_path / "long.docx"
    document.save(str(path))

    with pytest.raises(SpecError, match="holds more than 10,000,000 characters"):
        read_text(path)


def test_pages_are_read_until_there_are_too_many_characters() -> None:
    read: list[int] = []

    def pages() -> Iterator[str]:
        for number in range(100):
            read.append(number)
            yield "x" * 1_000_000

    with pytest.raises(ValueError, match="holds more than 10,000,000 characters"):
        list(bounded(pages()))
    assert len(read) == 11
