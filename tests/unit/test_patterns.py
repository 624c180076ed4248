"""Every regular expression of the library, on text that was made to keep it busy: the work grows as the text does.

Texts of models and endpoints have no bound of their own, and patterns run on the loop that renews leases. The measure
is CPU time of this process relative to the same pattern on a text a quarter as long: that ratio is 4 for linear work
and 16 for quadratic, on any machine.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

import troupe_batch

LONGEST = 100_000
# Where a pattern never sees a longer text: cut before it is matched, or a label or value of a file of the user's own.
BOUNDED = {
    "troupe_batch.llm.http_errors.": 4_000,
    "troupe_batch.llm.error_bodies.": 4_000,
    "troupe_batch.llm.error_table.": 4_000,
    "troupe_batch.llm.waits.": 4_000,
    "troupe_batch.llm.plain_refusals.": 400,
    "troupe_batch.simulation.world.addressing.": 200,
    "troupe_batch.factory.contradictions._BEGINNING": 300,
    "troupe_batch.factory.contradictions._OPEN": 1_000,
    "troupe_batch.simulation.record.documents._SENTENCES": 1_001,
    "troupe_batch.simulation.record.documents._WORDS": 1_001,
    "troupe_batch.simulation.judging.propositions.": 10_000,
    "troupe_batch.demography.figures.": 100,
    "troupe_batch.demography.": 200,
    "troupe_batch.population.": 200,
    "troupe_batch.planning.": 500,
    "troupe_batch.studies.": 10_000,
    "troupe_batch.rehearsal.": 500,
    "troupe_batch.truths.": 500,
}
PIECES = [*"a0(<*[$#_", " ", "\n", "\t", '"', "{{", "a ", "A. ", ". ", "a, ", "://", "a-", "1,", "< "]
# Under this the clock says more of the machine than of the pattern.
NOTICEABLE_S = 0.05
MOST_GROWTH = 9.0


def patterns() -> dict[str, re.Pattern[Any]]:
    found: dict[str, re.Pattern[Any]] = {}
    for module in pkgutil.walk_packages(troupe_batch.__path__, "troupe_batch."):
        # Entry points act when they are imported, and `celery_app` wants the settings of a fleet: neither has patterns.
        if not module.name.endswith((".__main__", ".celery_app")):
            for name, value in vars(importlib.import_module(module.name)).items():
                for number, pattern in enumerate(inside(value)):
                    found.setdefault(f"{module.name}.{name}" + (f"[{number}]" if number else ""), pattern)
    return {name: pattern for name, pattern in found.items() if pattern not in seen_before(found, name)}


def seen_before(found: Mapping[str, re.Pattern[Any]], name: str) -> list[re.Pattern[Any]]:
    names = list(found)
    return [found[other] for other in names[: names.index(name)]]


def inside(value: object) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from inside(one)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from inside(one)
    elif is_dataclass(value) and not isinstance(value, type):
        for part in fields(value):
            yield from inside(getattr(value, part.name))


PATTERNS = patterns()


@pytest.mark.parametrize("name", PATTERNS)
def test_the_work_of_a_pattern_grows_as_its_text_does(name: str) -> None:
    longest = next((length for prefix, length in BOUNDED.items() if name.startswith(prefix)), LONGEST)

    slow = [piece for piece in PIECES if is_out_of_bounds(PATTERNS[name], piece, longest)]

    assert slow == [], f"{name} takes more than linear time on repeated {slow}: cut the text first, or mend the pattern"


def test_a_quadratic_pattern_would_be_found() -> None:
    assert is_out_of_bounds(re.compile(r"\s*;\s*"), " ", LONGEST)
    assert not is_out_of_bounds(re.compile(r";\s*"), " ", LONGEST)


def is_out_of_bounds(pattern: re.Pattern[Any], piece: str, longest: int) -> bool:
    """Doubles the text from small to `longest`, and stops as soon as the work has grown too much."""
    length, before_s = min(1_500, longest), 0.0
    while True:
        needed_s = cpu_s(pattern.findall, text_of(pattern, piece, length))
        if needed_s > NOTICEABLE_S and needed_s > MOST_GROWTH * max(before_s, NOTICEABLE_S / 16):
            return True
        if length >= longest:
            return False
        length, before_s = min(4 * length, longest), needed_s


def text_of(pattern: re.Pattern[Any], piece: str, length: int) -> Any:
    text = "<" + (piece * length)[:length]
    return text.encode() if isinstance(pattern.pattern, bytes) else text


def cpu_s(work: Callable[[Any], object], text: Any) -> float:
    started = time.process_time()
    work(text)
    return time.process_time() - started
