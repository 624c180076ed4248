"""A compiled population as a YAML file that a person can read: each dimension below what it was made from."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import yaml

_WIDTH = 110


def spec_text(spec: Mapping[str, Any], head: str, comments: Mapping[str, str]) -> str:
    """The file: `head` as a comment on top, then every field; `comments` stand above the dimensions that they name."""
    lines = [_comment(head, "")]
    for field, value in spec.items():
        if field != "dimensions":
            lines.append(_yaml({field: value}, ""))
            continue
        lines.append("dimensions:\n")
        for name, dimension in value.items():
            if comment := comments.get(name):
                lines.append(_comment(comment, "  "))
            lines.append(_yaml({name: dimension}, "  ") + "\n")
    return "".join(lines).rstrip("\n") + "\n"


def _yaml(value: Mapping[str, Any], indent: str) -> str:
    text = yaml.dump(dict(value), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return textwrap.indent(text, indent)


def _comment(text: str, indent: str) -> str:
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, _WIDTH) or [""]]
    return "".join(f"{indent}# {line}".rstrip() + "\n" for line in lines)


class _Dumper(yaml.SafeDumper):
    """Writes equal parts out in full instead of pointing from one to the other."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 -- yaml's signature
        return True
