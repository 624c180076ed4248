"""Prompt templates: Markdown files with Jinja2 in a folder beside the code, read when first needed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2


class Templates:
    """The templates of one folder."""

    def __init__(self, folder: Path, prefix: str) -> None:
        """`prefix` begins the names of the templates in a plan."""
        self._folder = folder
        self._prefix = prefix

    def render(self, template: str, **facts: Any) -> str:
        """The text of a template such as `system.md`, with these facts in it."""
        return self._environment.get_template(template).render(**facts).strip()

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """SHA-256 (hex) of each template, by name: a plan holds them, so a change cannot hide."""
        return digests_in(self._folder, self._prefix)

    @cached_property
    def _environment(self) -> jinja2.Environment:
        import jinja2  # noqa: PLC0415 -- who renders nothing need not load it

        # Prompts are plain text for a model: HTML escaping would put `&#39;` into people's questions.
        return jinja2.Environment(  # noqa: S701 -- not HTML, see above
            loader=jinja2.FileSystemLoader(self._folder),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )


def digests_in(folder: Path, prefix: str) -> Mapping[str, str]:
    """SHA-256 (hex) of each Markdown file in the folder, named `prefix/file`."""
    return {
        f"{prefix}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.md"))
    }


_OWN = Templates(Path(__file__).parent / "prompts", "simulation")


def render(template: str, **facts: Any) -> str:
    """The text of a template of the simulation such as `act.md`, with these facts in it."""
    return _OWN.render(template, **facts)
