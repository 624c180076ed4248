"""Files that people name: never a device or a pipe, never outside of the project, never without end."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from troupe_batch.errors import SpecError
from troupe_batch.plain_files import named_file, project_of, read_plain
from troupe_batch.planning.loading import load_job
from troupe_batch.population import load_population
from troupe_batch.simulation.record.documents import read_documents
from troupe_batch.spec_files import read_text_file

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes need rights there")
SECRET = "API_KEY=sk-secret"  # noqa: S105 -- invented

JOB = """schema: troupe_batch/job/1
id: talk
population: {{schema: troupe_batch/population/1, id: two, size: 2, dimensions: {{a: {{type: categorical, {a}}}}}}}
{more}
study:
  kind: interview
  script: [{{say: How are you?}}]
  {documents}
"""
SHARES = "values: {x: 0.5, y: 0.5}, source: 'assumption: halves'"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `config.ini`, beside which lies a secret, and from which nobody works."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.txt").write_text(SECRET)
    folder = tmp_path / "project"
    (folder / "jobs").mkdir(parents=True)
    (folder / "documents").mkdir()
    (folder / "config.ini").touch()
    return folder


def with_document(project: Path, name: str) -> Path:
    job = project / "jobs" / "job.yaml"
    job.write_text(JOB.format(a=SHARES, more="", documents=f"documents: [{{file: '{name}'}}]"))
    return job


def a_link_out(path: Path) -> None:
    path.symlink_to("../../secret.txt")


def a_link_to_the_environment(path: Path) -> None:
    path.symlink_to("/proc/self/environ")


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (a_link_out, "outside of the project"),
        (a_link_to_the_environment, "outside of the project"),
        (a_device, "outside of the project"),
        (a_pipe, "this is a device, a pipe or a socket; name a regular file"),
        (a_socket, "this is a device, a pipe or a socket; name a regular file"),
    ],
)
def test_a_document_is_a_regular_file_of_the_project(project: Path, make: Callable[[Path], None], said: str) -> None:
    make(project / "jobs" / "brochure.txt")

    with pytest.raises(SpecError, match=said) as refused:
        load_job(with_document(project, "brochure.txt"))

    assert refused.value.mistakes[0].place == "study.documents[0].file"
    assert refused.value.mistakes[0].line is not None
    assert "sk-secret" not in str(refused.value)


@pytest.mark.parametrize("name", ["../../secret.txt", "/proc/self/environ", "../documents/../../secret.txt"])
def test_a_path_out_of_the_project_is_refused_with_a_cure(project: Path, name: str) -> None:
    with pytest.raises(SpecError, match=r"outside of the project .*; copy it into the project, or put `config\.ini`"):
        load_job(with_document(project, name))


def test_documents_elsewhere_in_the_project_are_read_also_through_links(project: Path) -> None:
    (project / "documents" / "fees.txt").write_text("Tea costs 2 euros.")
    (project / "jobs" / "fees.txt").symlink_to("../documents/fees.txt")

    for name in ("../documents/fees.txt", "fees.txt", str(project / "documents" / "fees.txt")):
        job = load_job(with_document(project, name))
        assert "Tea costs 2 euros." in str(job.spec.study)


def test_a_folder_of_documents_leads_nowhere_else(project: Path) -> None:
    (project / "documents" / "more.txt").symlink_to("../../secret.txt")

    with pytest.raises(SpecError, match="outside of the project"):
        read_documents(project / "documents")


@pytest.mark.parametrize(
    "part",
    [
        "dimensions: {{a: {{type: categorical, given: b, table: '{0}', source: s}}, b: {{type: categorical, {1}}}}}",
        "dimensions: {{a: {{type: categorical, {1}}}}}\ncontrols: [{{dims: a, table: '{0}', source: s}}]",
        "seed_data: {{path: '{0}', source: s}}\ndimensions: {{a: {{type: record, column: a}}}}",
        "people: ['{0}']",
        "dimensions: {{a: {{type: categorical, {1}}}}}\npersona: {{fragments: [{{file: '{0}', share: 1.0}}]}}",
    ],
)
@pytest.mark.parametrize("name", ["../../secret.csv", "link.csv", "pipe.csv"])
def test_what_a_population_file_names_is_a_regular_file_of_the_project(project: Path, part: str, name: str) -> None:
    (project.parent / "secret.csv").write_text(SECRET)
    (project / "jobs" / "link.csv").symlink_to("/proc/self/environ")
    os.mkfifo(project / "jobs" / "pipe.csv")
    file = project / "jobs" / "people.yaml"
    size = "" if part.startswith("people:") else "size: 2\n"
    head = f"schema: troupe_batch/population/1\nid: p\n{size}sources: [{{id: s, citation: c}}]\n"
    file.write_text(f"{head}{part.format(name, SHARES)}\n")

    with pytest.raises(SpecError, match=r"outside of the project|a device, a pipe or a socket") as refused:
        load_population(file)
    assert "sk-secret" not in str(refused.value)


def test_the_respondents_of_a_rehearsal_lie_in_the_project(project: Path) -> None:
    job = project / "jobs" / "job.yaml"
    job.write_text(JOB.format(a=SHARES, more="rehearsal: {respondents: ../../secret.txt}", documents=""))

    with pytest.raises(SpecError, match=r"rehearsal\.respondents: .*outside of the project"):
        load_job(job)


def test_a_file_without_end_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(2**20 + 1))

    assert len(read_plain(path, most_bytes=2**21, cure="")) == 2**20 + 1
    with pytest.raises(SpecError, match="the file is larger than 1 MiB; split it"):
        read_plain(path, most_bytes=2**20, cure="split it")


def test_the_project_is_the_nearest_folder_with_a_mark_then_the_working_folder_then_the_own_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    monkeypatch.chdir("/")

    assert project_of(deep) == deep
    monkeypatch.chdir(tmp_path / "a")
    assert project_of(deep) == tmp_path / "a"
    (tmp_path / "a" / "b" / ".git").mkdir()
    assert project_of(deep) == tmp_path / "a" / "b"
    (deep / "config.ini").touch()
    assert project_of(deep) == deep


def test_a_home_is_no_project_whatever_lies_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    study = home / "study"
    study.mkdir(parents=True)
    (home / ".git").mkdir()
    (home / "key").write_text(SECRET)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)

    assert project_of(study) == study
    with pytest.raises(SpecError, match="outside of the project"):
        named_file(study, "../key")


@pytest.mark.parametrize("name", ["\x00", "a\x00b.yaml", "x" * 5_000, "\ud800.yaml"])
def test_a_name_that_no_file_can_have_is_a_mistake_of_the_file_that_names_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpecError):
        read_text_file(named_file(tmp_path, name))
