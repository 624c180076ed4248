"""Commands and code of the README and the guides do what they say."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from troupe_batch.settings import load_settings

PROJECT = Path(__file__).resolve().parents[2]
GUIDES = [
    "README.md",
    "docs/tutorial.md",
    "docs/python.md",
    "docs/people_and_worlds.md",
    "docs/panels.md",
    "docs/enrichment.md",
]
# As a notebook does it: `await` may stand at the top level.
NOTEBOOK = """
import ast, asyncio, inspect, pathlib, types
code = compile(pathlib.Path("page.py").read_text(), "page.py", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
ran = eval(code, {"__name__": "__main__"})
if inspect.iscoroutine(ran):
    asyncio.run(ran)
"""


@dataclass(frozen=True)
class Fence:
    language: str
    text: str


def fences_of(guide: str) -> list[Fence]:
    text = (PROJECT / guide).read_text(encoding="utf-8")
    return [
        Fence(language, body) for language, body in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    ]


@pytest.mark.parametrize("guide", GUIDES)
def test_what_the_guide_shows_works_from_top_to_bottom(project: Any, guide: str) -> None:
    code: list[str] = []
    for fence in fences_of(guide):
        if fence.language == "yaml":
            save(project.folder, fence.text)
        elif fence.language == "console":
            for command in re.findall(r"^\$ (.+)$", fence.text, re.MULTILINE):
                run(project, command)
        elif fence.language == "python":
            # Blocks of a page share their names, as the cells of a notebook do.
            code.append(fence.text)
            (project.folder / "page.py").write_text("\n".join(code), encoding="utf-8")
            python = [sys.executable, "-c", NOTEBOOK]
            clean = {k: v for k, v in os.environ.items() if not k.startswith(("TROUPE_", "OPENAI_", "AZURE_"))}
            environment = {**clean, "PYTHONPATH": str(PROJECT)}
            done = subprocess.run(
                python, cwd=project.folder, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr[-3000:]


def save(folder: Path, text: str) -> None:
    """A YAML fence whose first line names a file becomes that file."""
    named = re.match(r"# (\S+\.yaml)\n", text)
    assert named, text
    (folder / named[1]).write_text(text, encoding="utf-8")


def run(project: Any, command: str) -> None:
    program, *words = shlex.split(command)
    if program == "make":
        # The tests are run by one of the two; that both exist and start with the installation is what can be shown.
        shown = subprocess.run(["make", "-n", *words], cwd=PROJECT, capture_output=True, text=True, check=False)
        assert shown.returncode == 0, shown.stderr
        return
    assert program == "troupe", command
    done = project.troupe(*words)
    assert done.code == 0, f"{command}: {done.err[-3000:]}"


@pytest.mark.parametrize("guide", sorted(path.name for path in (PROJECT / "docs").glob("*.md")))
def test_settings_that_a_guide_shows_are_read(guide: str, tmp_path: Path) -> None:
    for number, fence in enumerate(fences_of(f"docs/{guide}")):
        if fence.language == "ini":
            file = tmp_path / f"config{number}.ini"
            file.write_text(fence.text, encoding="utf-8")

            settings = load_settings(environment={}, config_file=file)

            assert any(settings.origin(option) != "default" for option, _ in settings.values())


def test_the_readme_is_short_and_its_job_has_twenty_lines() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    [job] = [fence for fence in fences_of("README.md") if fence.language == "yaml"]

    assert len(readme.splitlines()) <= 150
    assert len(job.text.splitlines()) <= 21


def test_the_site_leads_to_every_document() -> None:
    site = tomllib.loads((PROJECT / "zensical.toml").read_text(encoding="utf-8"))
    pages = {path.relative_to(PROJECT / "docs").as_posix() for path in (PROJECT / "docs").rglob("*.md")}

    # Each decision is reached from their list.
    decisions = {page for page in pages if page.startswith("decisions/")} - {"decisions/README.md"}
    assert set(_pages(site["project"]["nav"])) == pages - decisions
    listed = (PROJECT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    assert [page for page in sorted(decisions) if page.removeprefix("decisions/") not in listed] == []


def _pages(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [page for part in (nav.values() if isinstance(nav, dict) else nav) for page in _pages(part)]


def test_the_index_leads_to_every_guide() -> None:
    index = (PROJECT / "docs" / "index.md").read_text(encoding="utf-8")
    guides = {path.name for path in (PROJECT / "docs").glob("*.md")} - {"index.md"}

    assert [name for name in sorted(guides) if f"]({name}" not in index] == []


def test_links_between_the_documents_lead_somewhere() -> None:
    for page in [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
