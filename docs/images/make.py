"""Pictures of what the product shows, made by the product: `make pictures`. Needs Chromium for the page.

Runs the flagship job in rehearsal in a folder of its own, takes the beginning of what `troupe results` prints as an
SVG, and the first screen of the page that `troupe population` writes as a PNG.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
JOB, RUN = "jobs/gazpacho_concept_test.yaml", "gazpacho-concept-test-rehearsal"
COLUMNS = 156
LINES_SHOWN = 31
PAGE_WIDTH, PAGE_HEIGHT = 1100, 900


def main() -> None:
    """Write both pictures."""
    with tempfile.TemporaryDirectory(prefix="trp") as name:
        folder = Path(name)
        for part in ("jobs", "populations"):
            shutil.copytree(PROJECT / part, folder / part)
        _troupe(folder, "run", JOB, "--rehearse", "--json")
        _terminal(_troupe(folder, "results", RUN, FORCE_COLOR="1"))
        _troupe(folder, "population", "populations/us_adults.yaml", "--html", "page.html")
        _page(folder / "page.html")


def _troupe(folder: Path, *arguments: str, **more: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "COLUMNS": str(COLUMNS), **more}
    command = [sys.executable, "-m", "troupe_batch.cli", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def _terminal(shown: str) -> None:
    text = Text.from_ansi("\n".join(shown.rstrip().splitlines()[:LINES_SHOWN]))
    console = Console(record=True, width=max(COLUMNS, *(line.cell_len for line in text.split())), file=io.StringIO())
    console.print(text, soft_wrap=True)
    svg = console.export_svg(title=f"troupe results {RUN}")
    # Fonts from elsewhere would be asked for by whoever looks at the picture.
    (HERE / "results.svg").write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL), encoding="utf-8")


def _page(page: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("no Chromium on PATH: the picture of the page is left as it is")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    size = f"--window-size={PAGE_WIDTH},{PAGE_HEIGHT}"
    target = f"--screenshot={HERE / 'population_report.png'}"
    with tempfile.TemporaryDirectory() as profile:
        arguments = [browser, *options, f"--user-data-dir={profile}", size, target, page.as_uri()]
        subprocess.run(arguments, check=True, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
