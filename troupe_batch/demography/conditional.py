"""Shares by another block's categories: "Viewed as Top Priority": {Democrats: 78%, Republicans: 21%} are no whole."""

from __future__ import annotations

import re

from troupe_batch.demography.distributions import NOT_STATED, yes_no
from troupe_batch.demography.draft import Draft, Made
from troupe_batch.demography.naming import topic_of
from troupe_batch.demography.outline import Section
from troupe_batch.demography.parts import SumFit, fit_of, parts_of
from troupe_batch.demography.report import ValueOutcome

# Blocks by whose categories other figures are usually broken down.
_DEMOGRAPHIC = re.compile(
    r"\bage\b|gender|\bsex\b|\brac|ethnic|educat|income|region|urban|geograph|polit|party|affiliation|relig|marital"
)


def demographic_blocks(root: Section) -> list[tuple[Section, frozenset[str]]]:
    """Blocks that other figures may be broken down by, and their categories in a form to compare."""
    blocks = []
    for group in root.walk():
        parts = parts_of(group.figures)
        if parts is not None and len(parts.parts) > 1 and _DEMOGRAPHIC.search(topic_of(group.path[-1:])):
            blocks.append((group, frozenset(_folded_label(part.label) for part in parts.parts)))
    return blocks


def broken_down_by(group: Section, draft: Draft, blocks: list[tuple[Section, frozenset[str]]]) -> Section | None:
    """The block by whose categories the figures of this one are broken down; None where they are parts of a whole."""
    parts = parts_of(draft.open(group.figures))
    if parts is None or parts.is_counts or len(parts.parts) < 2:
        return None
    labels = {_folded_label(part.label) for part in parts.parts}
    for block, categories in blocks:
        is_whole = labels == categories and fit_of(parts) in (SumFit.EXACT, SumFit.ROUNDED)
        if block is not group and labels <= categories and not is_whole:
            return block
    return None


def by_category(group: Section, draft: Draft, block: Section) -> None:
    """A yes or no whose share differs by the category of another dimension, if each of its categories has a figure."""
    parts = parts_of(draft.open(group.figures))
    if parts is None:
        return
    told = f"shares among the categories of {block.place}, not parts of a whole"
    found = next(((name, made) for name, made in draft.made.items() if made.order == block.order), None)
    if found is None:
        draft.record(ValueOutcome.LEFT_OUT, group, parts.leaves, f"{told}, and that block is left out")
        return
    parent, made = found
    shares = {_folded_label(part.label): part.value for part in parts.parts}
    categories = categories_of(made)
    if missing := [label for label in categories if _folded_label(label) not in shares]:
        why = f"{told}, and there is no figure for {', '.join(missing)}"
        draft.record(ValueOutcome.LEFT_OUT, group, parts.leaves, why)
        return
    table = {label: yes_no(shares[_folded_label(label)])["values"] for label in categories}
    fields = {"type": "categorical", "given": parent, "unit": "percent", "table": table}
    draft.add(
        group, parts.leaves, (" ".join(group.path[-2:]), group.title), fields, f"{told}: yes or no, given {parent}"
    )


def categories_of(made: Made) -> list[str]:
    """The categories of a dimension of plain shares; of any other its place, which is no category of anything."""
    values = made.fields.get("values")
    # What is no plain list of categories (ages cut to others, tables) has no figure for all of its categories here.
    if not isinstance(values, dict):
        return [made.place]
    return [*values, *([NOT_STATED] if str(made.fields.get("on_sum")).startswith("residual:") else [])]


def _folded_label(label: str) -> str:
    return re.sub(r"[^\w]+", " ", label.casefold()).strip().removesuffix("s")
