"""Commands on runs in which people act: small rehearsals, as a user would make and look at them."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from docx import Document

from troupe_batch.cli.main import run_command

PROJECT = Path(__file__).resolve().parents[3]
LABEL = "Synthetic document of a simulated person: a placeholder of a rehearsal."
WRITERS = "synthetic-documents-rehearsal"
ALONE = "alone-rehearsal"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two runs: three people who write documents, and two worlds of one who is asked something."""
    root = tmp_path_factory.mktemp("project")
    for name in ("jobs", "populations"):
        shutil.copytree(PROJECT / name, root / name)
    write(root, "synthetic_documents", people=3)
    script = [{"at": 1, "ask": {"id": "mood", "type": "open", "text": "How are you?"}}]
    extraction = [
        {
            "id": "tone",
            "from": "person",
            "objective": "The tone",
            "fields": [{"id": "tone", "type": "text", "text": "Tone"}],
        }
    ]
    world = {"kind": "world", "people_per_world": 1, "steps": 1, "script": script, "extraction": extraction}
    write(root, "synthetic_documents", "alone", id="alone", people=2, study=world, rehearsal=None)
    with contextlib.chdir(root):
        for job in ("synthetic_documents", "alone"):
            assert run_command(["run", f"jobs/{job}.yaml", "--rehearse", "--inline", "--json"]) == 0
    return root


@pytest.fixture(autouse=True)
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


def write(root: Path, job: str, name: str | None = None, **changes: Any) -> None:
    content = {**yaml.safe_load((root / "jobs" / f"{job}.yaml").read_text(encoding="utf-8")), **changes}
    kept = {key: value for key, value in content.items() if value is not None}
    (root / "jobs" / f"{name or job}.yaml").write_text(yaml.safe_dump(kept), encoding="utf-8")


def documents(capsys: pytest.CaptureFixture[str], folder: Path, *options: str) -> list[Path]:
    capsys.readouterr()
    assert run_command(["documents", WRITERS, str(folder), "--json", *options]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["synthetic"] is True
    assert said["folder"] == str(folder)
    files = [Path(file) for file in said["files"]]
    assert sorted(files) == sorted(folder.iterdir())
    return files


@pytest.mark.parametrize("file_format", ["md", "txt"])
def test_documents_in_text_bear_the_label(tmp_path: Path, file_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    files = documents(capsys, tmp_path / "out", "--format", file_format)

    assert files
    for file in files:
        assert file.suffix == f".{file_format}"
        assert LABEL in file.read_text(encoding="utf-8")


def test_documents_are_markdown_where_nothing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert {file.suffix for file in documents(capsys, tmp_path / "out")} == {".md"}


def test_documents_for_word_bear_the_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in documents(capsys, tmp_path / "out", "--format", "docx"):
        assert LABEL in [paragraph.text for paragraph in Document(str(file)).paragraphs]


def test_documents_as_json_bear_the_label_and_name_their_author(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [json.loads(file.read_text()) for file in documents(capsys, tmp_path / "out", "--format", "json")]

    assert {one["person_id"] for one in found} <= {"p000000", "p000001", "p000002"}
    for one in found:
        assert (one["synthetic"], one["label"]) == (True, LABEL)
        assert one["title"]
        assert one["content"]


def test_how_many_documents_were_written_is_said_to_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["documents", WRITERS, str(tmp_path / "out")]) == 0

    number = len(list((tmp_path / "out").iterdir()))
    assert f"documents of simulated people written to {tmp_path / 'out'}: {number}" in capsys.readouterr().err


def test_a_run_in_which_nobody_wrote_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["documents", ALONE, str(tmp_path / "out")]) == 2

    assert "has written a document; give people `tools: [word_processor]`" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()


def test_documents_of_a_run_that_is_not_there_are_said_to_be_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["documents", "nothing", str(tmp_path / "out")]) == 2

    assert "no run 'nothing'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_format_that_is_none_is_refused(tmp_path: Path) -> None:
    assert run_command(["documents", WRITERS, str(tmp_path / "out"), "--format", "pdf"]) == 2


def test_results_without_questions_and_findings_are_the_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = len(documents(capsys, tmp_path / "out"))
    assert run_command(["results", WRITERS]) == 0

    shown = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:] for line in shown.splitlines() if line.strip()}
    assert rows["WRITE_DOCUMENT"][0] == str(written)
    assert rows["DONE"] == ["9"]
    said = " ".join(shown.split())
    assert f"{written} documents were written; as files: troupe documents {WRITERS} FOLDER" in said
    assert run_command(["results", WRITERS, "--json"]) == 0
    [table] = json.loads(capsys.readouterr().out)
    assert (table["synthetic"], table["cases"], table["documents"]) == (True, 3, written)


def test_worlds_of_one_are_called_worlds(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["results", ALONE]) == 0

    assert "2 simulated respondents in 2 worlds, 2 of 2 answers and" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("run_id", "counted"),
    [
        (ALONE, r"2 units, 2 answers, \d findings, \d+ events; "),
        (WRITERS, r"3 units, \d+ events; "),
    ],
)
def test_verify_says_what_it_counted_and_leaves_out_what_there_is_none_of(
    run_id: str, counted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["verify", run_id]) == 0

    said = " ".join(capsys.readouterr().err.split())
    assert re.match(f"{run_id}: rows of {counted}everything planned has its row exactly once, no file altered", said), (
        said
    )
