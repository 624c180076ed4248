"""JSON Schemas of the files that users write, as editors read them; `troupe schema` prints what stands here."""

from __future__ import annotations

from importlib import resources

KINDS = ("job", "population", "respondents")


def schema_text(kind: str) -> str:
    """The JSON Schema of this kind of file."""
    return resources.files(__name__).joinpath(schema_file(kind)).read_text(encoding="utf-8")


def schema_file(kind: str) -> str:
    """The name of the file that holds it."""
    return f"{kind}.schema.json"
