from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from troupe_batch.errors import FixTheInput
from troupe_batch.simulation.record.artifacts import ArtifactExporter, safe_name
from troupe_batch.simulation.record.documents import read_text
from troupe_batch.simulation.record.word_files import word_of_markdown

REPORT = """# Findings

Prices are *too* high,
and **nobody** pays them.
- first
* second
1. one
> said so
## End ##
"""


def test_each_format_is_written_as_such(tmp_path: Path) -> None:
    exporter = ArtifactExporter(tmp_path / "new" / "folder")

    paths = [exporter.export("Report", REPORT, each) for each in ("md", "txt")]
    paths.append(exporter.export("Report", {"title": "Ü", "pages": [1]}, "json"))

    assert [path.name for path in paths] == ["Report.md", "Report.txt", "Report.json"]
    assert paths[0].read_text(encoding="utf-8") == REPORT
    assert json.loads(paths[2].read_bytes()) == {"title": "Ü", "pages": [1]}
    assert "Ü".encode() in paths[2].read_bytes()


def test_a_word_file_has_the_structure_of_the_markdown(tmp_path: Path) -> None:
    path = ArtifactExporter(tmp_path).export("Report", REPORT, "docx")

    paragraphs = docx.Document(BytesIO(path.read_bytes())).paragraphs
    assert [(p.style.name if p.style else None, p.text) for p in paragraphs] == [
        ("Heading 1", "Findings"),
        ("Normal", "Prices are too high, and nobody pays them."),
        ("List Bullet", "first"),
        ("List Bullet", "second"),
        ("List Number", "one"),
        ("Quote", "said so"),
        ("Heading 2", "End"),
    ]
    runs = [(run.text, bool(run.bold), bool(run.italic)) for run in paragraphs[1].runs]
    assert ("too", False, True) in runs
    assert ("nobody", True, False) in runs
    assert read_text(path).startswith("# Findings\n\nPrices are too high")


@given(st.text("*# ->1.a\n\x00\x0b\ufffe\U0001f345", max_size=40))
def test_every_text_makes_a_word_file_that_opens(text: str) -> None:
    docx.Document(BytesIO(word_of_markdown(text)))


def test_the_same_content_twice_changes_nothing_in_any_format(tmp_path: Path) -> None:
    exporter = ArtifactExporter(tmp_path)
    for each in ("md", "docx", "json"):
        path = exporter.export("Report", REPORT, each)
        before = path.read_bytes()

        assert exporter.export("Report", REPORT, each) == path
        assert path.read_bytes() == before


def test_a_file_that_holds_something_else_is_never_overwritten_silently(tmp_path: Path) -> None:
    exporter = ArtifactExporter(tmp_path)
    path = exporter.export("Report", "first", "md")

    with pytest.raises(FixTheInput, match=r"Report\.md: the file exists"):
        exporter.export("Report", "second", "md")
    assert path.read_text() == "first\n"

    exporter.export("Report", "second", "md", overwrites=True)
    assert path.read_text() == "second\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Q1: plans / costs?", "Q1_ plans _ costs_"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("  Bilan d'été. ", "Bilan d_été"),
        ("nul.txt", "_nul.txt"),
        ("报告", "报告"),
        ("e\u0301", "\u00e9"),
    ],
)
def test_names_are_made_safe(name: str, expected: str) -> None:
    assert safe_name(name) == expected


@given(st.text("./\\\0ä a\n:", max_size=300))
def test_no_name_leads_out_of_the_folder_or_is_too_long(name: str) -> None:
    try:
        safe = safe_name(name)
    except FixTheInput:
        return
    assert Path("folder", f"{safe}.docx").resolve().parent == Path("folder").resolve()
    assert len(f"{safe}.docx".encode()) <= 130


@pytest.mark.parametrize("name", ["", "...", "///", "  "])
def test_a_name_of_which_nothing_is_left_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(FixTheInput, match="name of a file"):
        ArtifactExporter(tmp_path).export(name, "x", "md")


def test_content_that_does_not_fit_the_format_is_refused(tmp_path: Path) -> None:
    exporter = ArtifactExporter(tmp_path)

    with pytest.raises(FixTheInput, match="md holds text, not dict"):
        exporter.export("Report", {"a": 1}, "md")
    with pytest.raises(FixTheInput, match="cannot be written as JSON"):
        exporter.export("Report", {"a": object()}, "json")
    with pytest.raises(FixTheInput, match="known here: md, txt, docx, json"):
        exporter.export("Report", "x", "pdf")  # type: ignore[arg-type]  # what a typo does
    assert list(tmp_path.iterdir()) == []
