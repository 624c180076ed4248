"""What the terminal says of the prose about people."""

from __future__ import annotations

import dataclasses
from typing import Any

from troupe_batch.analysis import Duplicates, ProseCounts, SimilarPair
from troupe_batch.report.prose import prose

PLAIN = ProseCounts(
    level="bio",
    people=200,
    written=200,
    repaired=0,
    left_out=0,
    missing=0,
    unchecked=0,
    left_out_ids=(),
    contradicted={},
    prompt_tokens=1_000,
    cached_tokens=850,
    texts=200,
    duplicates=Duplicates(200),
)


def shown(**changes: Any) -> list[str]:
    return prose(dataclasses.replace(PLAIN, **changes)).plain.splitlines()


def test_a_run_without_trouble_takes_two_lines() -> None:
    assert shown() == [
        "Prose: a bio about 200 of 200 people; 85% of the prompt tokens came from the endpoint's cache",
        "Near-duplicates: 0 of 200 texts (0.0%)",
    ]


def test_what_was_mended_left_out_or_missing_is_said_with_examples() -> None:
    lines = shown(
        written=190,
        repaired=12,
        left_out=9,
        missing=1,
        unchecked=2,
        left_out_ids=("p1", "p2", "p3"),
        contradicted={"age": 15, "region": 6},
        level="full",
    )

    assert "a full persona about 190 of 200 people, 12 of them written again because" in lines[0]
    assert lines[1] == "Contradicted at first: age 15, region 6"
    assert "the text about 9 people contradicted the facts twice (p1, p2, p3, …); they answered as" in lines[2]
    assert lines[3].startswith("Not checked: whether the text about 2 people contradicts the facts could not be told;")
    assert lines[4] == "Missing: no text was had about 1 person; `llm_calls` says why"


def test_many_near_duplicates_are_a_warning_with_examples() -> None:
    few = Duplicates(200, 4, 2, 2, (SimilarPair("p1", "p9", 0.91),))
    many = Duplicates(190, 10, 3, 6, (SimilarPair("p1", "p9", 0.91),))

    quiet = prose(dataclasses.replace(PLAIN, duplicates=few))
    loud = prose(dataclasses.replace(PLAIN, duplicates=many))

    assert quiet.plain.endswith("4 of 200 texts (2.0%) in 2 clusters, the largest of 2; for example p1 and p9 (0.91)")
    assert "10 of 190 texts looked at, of 200 (5.3%)" in loud.plain
    assert "More than 2%: these people are less different than their facts" in loud.plain
    assert any("yellow" in str(span.style) for span in loud.spans)
    assert not any("yellow" in str(span.style) for span in quiet.spans)


def test_where_the_endpoint_counted_no_tokens_nothing_is_said_of_its_cache() -> None:
    assert shown(prompt_tokens=0, cached_tokens=0)[0] == "Prose: a bio about 200 of 200 people"
