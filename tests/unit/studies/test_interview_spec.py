"""The interview part of a job file: what fits, what does not, and files that are read into it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.doubles.studies import spec_of
from troupe_batch.errors import SpecError
from troupe_batch.studies.interview import InterviewSpec, InterviewStudy

HEAD = "kind: interview\n"
ASK = "ask: {id: q, type: open, text: Why?}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("script: []", "script: this is empty; at least 1 belongs here"),
        ("script: [{say: Hi, show: A hat}]", "say, show, think, goal, move_to, context, ask stand together: say, show"),
        ("script: [{silent: true}]", "are all missing; write exactly one of them"),
        ("script: [{show: A hat, silent: true}]", "`silent` belongs to say; `show` is without an act"),
        ("script: [{say: Hi, act: true}]", "people act after `say` anyway; remove `act`"),
        ("script: [{say: Hi}, {syy: Ho}]", "unknown field 'syy'; did you mean `say`?"),
        ("script: [{show: A hat}]", "script: nobody ever acts in this script"),
        (f"script: [{{{ASK}}}, {{{ASK}}}]", "script[1].ask.id: this question id stands twice"),
        ("script: [{ask: {id: Name, type: open, text: Who?}}]", "`Name` is a column of its own in the data"),
        ("script: [{ask: {id: Seat, type: open, text: Who?}}]", "`Seat` is a column of its own in the data"),
        ("script: [{ask: {id: actions, type: open, text: A?}}]", "`actions` is a part of every reply"),
        (
            "script: [{ask: {id: q, type: open, text: A?, dont_know: No idea}}]",
            "script[0].ask.dont_know: an open question is answered aloud",
        ),
        ("script: [{ask: {id: q, text: A?}}]", "script[0].ask: a question needs a `type`"),
        ("script: [{say: Hi}]\ndocuments: [{text: A}]", "a document without a file needs a `name`"),
        ("script: [{say: Hi}]\ndocuments: [{name: A}]", "`text` and `file` are both missing"),
        (
            "script: [{say: Hi}]\ndocuments: [{name: a.md, text: A}, {file: x/A.md}]",
            "documents[1]: two documents have the same name",
        ),
        ("script: [{say: Hi}]\ntools: [calendar, calendar]", "tools[1]: this tool stands twice"),
        (
            "script: [{say: Hi}]\ntools: [hammer]",
            "tools[0]: `word_processor` or `calendar` or `memory` belongs here (found",
        ),
        (
            """
            script: [{say: Hi}]
            extraction: [{id: a, from: world, objective: A, fields: [{id: x, type: text, text: X}]}]
            """,
            "extraction[0].from: there is no world in this study",
        ),
        (
            """
            script: [{say: Hi}]
            extraction:
              - {id: a, objective: A, fields: [{id: x, type: text, text: X}]}
              - {id: A, objective: A, fields: [{id: x, type: number, text: X}]}
            """,
            "extraction[1].fields[0]: `x` is text in `a` and number here, and both are one column",
        ),
        (
            """
            script: [{say: Hi}]
            extraction:
              - {id: a, objective: A, fields: [{id: x, type: text, text: X}, {id: Status, type: text, text: X}]}
            """,
            "extraction[0].fields[1].id: `Status` is a column of its own in the data; choose another id",
        ),
        (
            "script: [{say: Hi}]\ndocuments: [brochure.pdf]",
            "(found 'brochure.pdf'); write `{file: brochure.pdf}` or `{name: Prices, text: Tea costs 2 euros.}`",
        ),
        ("script: [{say: Hi}]\narms: [{id: a, material: A}, {id: A, material: B}]", "arms[1].id: this arm id stands"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_its_cure(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        spec_of(HEAD + dedent(text))

    assert message in str(caught.value)


def test_the_file_of_a_document_is_read_when_the_job_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "prices.md").write_text("# Prices\nTea: 2 euros", encoding="utf-8")
    spec = spec_of(HEAD + "script: [{say: Hi}]\ndocuments: [{file: prices.md}, {name: rules, text: None.}]")

    resolved = spec.resolved(tmp_path)

    assert [(one.title, one.text, one.file) for one in resolved.documents] == [
        ("prices.md", "# Prices\nTea: 2 euros", None),
        ("rules", "None.", None),
    ]
    assert spec.documents[0].text is None
    with pytest.raises(ValueError, match="call `resolved` first"):
        InterviewStudy(spec, seed=1)


def test_a_document_that_is_not_there_or_too_long_is_a_spec_error(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("word " * 100_001, encoding="utf-8")

    for name, problem in (("nowhere.md", "cannot be read"), ("long.txt", "500,000 is the most; cut it")):
        spec = spec_of(HEAD + f"script: [{{say: Hi}}]\ndocuments: [{{file: {name}}}]")
        with pytest.raises(SpecError) as caught:
            spec.resolved(tmp_path)
        assert name in str(caught.value)
        assert problem in str(caught.value)


def test_all_bad_documents_are_named_each_at_its_place(tmp_path: Path) -> None:
    spec = spec_of(HEAD + "script: [{say: Hi}]\ndocuments: [{file: a.md}, {name: B, text: B}, {file: c.xls}]")

    with pytest.raises(SpecError) as caught:
        spec.resolved(tmp_path)

    assert [one.place for one in caught.value.mistakes] == ["study.documents[0].file", "study.documents[2].file"]


def test_a_spec_reads_back_from_its_own_json() -> None:
    spec = spec_of(
        HEAD
        + "interviewer: Nora\n"
        + "script:\n"
        + "  - {context: It rains.}\n"
        + "  - {context: [It rains., It is late.], act: true}\n"
        + "  - {ask: {id: q, type: single, text: Tea?, options: [A, B]}}\n"
        + "  - {say: Why?, when: {question: q, is: A}}\n"
        + "  - {say: Why not?, when: [{question: q, is: [B]}]}\n"
        + "documents: [{name: a, text: b}]\ntools: [calendar]\n"
        + "extraction: [{id: a, from: person, objective: A, fields: [{id: x, type: text, text: X}]}]\n"
    )

    dumped = spec.model_dump(mode="json", by_alias=True)

    assert InterviewSpec.model_validate(dumped) == spec
