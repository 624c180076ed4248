from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from troupe_batch.errors import SpecError
from troupe_batch.rehearsal import load_respondents, misfit, parse_respondents, true_distribution
from troupe_batch.rehearsal.prompt import Prompt
from troupe_batch.seeded import DrawStream
from troupe_batch.truths.conditions import parse_condition

PROJECT = Path(__file__).resolve().parents[3]
FIRST = "schema: troupe_batch/respondents/1\n"


@pytest.mark.parametrize(
    ("question", "complaint"),
    [
        ("{type: choise, base: {a: 1}}", "type"),
        ("{type: choice, base: {a: 1}, bias: 3}", "unknown field 'bias'"),
        ("{type: choice}", "base: this field is required"),
        ("{type: choice, base: {a: 0}}", "above 0"),
        ("{type: choice, base: {a: -1}}", "write 0 or more"),
        ("{type: choice, base: {a: .nan}}", "finite number"),
        ("{type: choice, base: {a: 1}, shifts: [{slope: 1}]}", "say for whom"),
        (
            "{type: choice, base: {a: 1}, shifts: [{when: {age: '>=x'}, slope: 1}]}",
            "age: '>=x' compares with no number",
        ),
        ("{type: choice, base: {a: 1}, shifts: [{when: {age: '~('}, slope: 1}]}", "no regular expression"),
        ("{type: choice, base: {a: 1}, shifts: [{when: {age: 9..3}, slope: 1}]}", "ends before it begins"),
        ("{type: choice, base: {a: 1}, shifts: [{when: {age: []}, slope: 1}]}", "empty list"),
        ("{type: choice, base: {a: 1}, shifts: [{material: x, labels: {b: 1}}]}", "'b' is no label of base"),
        ("{type: choice, base: {a: 1}, position: {0: 1}}", "position"),
        ("{type: choice, base: {Don't know: 1}, dont_know: {rate: 0.1}}", "leave it out of base"),
        ("{type: choice, base: {a: 1}, refusal_rate: 2}", "refusal_rate"),
        ("{type: multi, base: {a: 2}}", "2 is too large; write 1 or less"),
        ("{type: multi, base: {a: 1}, exclusive: [b]}", "'b' is no option of base"),
        ("{type: numeric, distribution: normal, mean: 1}", "needs `sd`"),
        ("{type: numeric, distribution: uniform, low: 1, high: 2, sd: 1}", "`sd` belongs to normal"),
        ("{type: numeric, distribution: uniform, low: 2, high: 2}", "`low` must be below `high`"),
        ("{type: text, templates: []}", "at least 1"),
        ("{type: text, templates: ['{}']}", "is empty"),
    ],
)
def test_every_mistake_is_named_with_its_line(question: str, complaint: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_respondents(f"{FIRST}questions:\n  q: {question}\n", "made.yaml")

    assert complaint in str(caught.value)
    assert str(caught.value).startswith("made.yaml:3: questions.q")


@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        ("title: x", "say how respondents behave: give `questions`, or one of acts, extractions, judgements"),
        ("acts: {thinks: 1}", "acts.thinks: unknown field 'thinks'; did you mean `think`?"),
        ("acts: {talk: 1.5}", "acts.talk"),
        ("acts: {faculties: {TALK: 1}}", "TALK is no faculty's action; set `talk` beside `faculties`"),
        ("acts: {faculties: {DONE: 1}}", "every act ends in DONE"),
        ("acts: {faculties: {RECALL: 2}}", "acts.faculties.RECALL"),
        ("acts: {lines: ['I am {}']}", "lines[0]: {} is empty"),
        ("acts: {lines: [{text: x, weight: 0}]}", "at least one line needs a weight above 0"),
        ("acts: {lines: [{text: x, when: {age: '>=x'}}]}", "age: '>=x' compares with no number"),
        ("extractions: {fields: {a: {type: multi, base: {b: 1}}}}", "extractions.fields.a"),
        ("extractions: {findings: {count: {0: 0}}}", "at least one number needs a weight above 0"),
        ("extractions: {findings: {count: {-1: 1}}}", "extractions.findings.count"),
        ("extractions: {findings: {count: {many: 1}}}", "extractions.findings.count"),
    ],
)
def test_mistakes_in_what_people_do_and_what_is_found_are_named_too(section: str, complaint: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_respondents(FIRST + section, "made.yaml")

    assert complaint in str(caught.value)


@settings(max_examples=200)
@given(
    st.recursive(
        st.sampled_from([None, True, 0, 1, -1, 0.5, "a", "choice", ">=5", "~(", "first", ""]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "base", "shifts", "when", "position", "labels", "dont_know", "rate", "a"]),
                inner,
            )
        ),
        max_leaves=12,
    )
)
def test_no_file_breaks_the_loader_in_any_other_way_than_a_spec_error(question: object) -> None:
    text = FIRST + yaml.safe_dump({"questions": {"q": question}})

    try:
        respondents = parse_respondents(text)
    except SpecError:
        return
    truth = respondents.questions["q"]
    labels = list(getattr(truth, "base", ()))
    yes_or_no = {"type": "object", "properties": {label: {"type": "boolean"} for label in labels}}
    nodes: list[Any] = [{"enum": labels}, yes_or_no, {"type": "number"}, {"type": "string"}]
    makers = [maker for node in nodes if (maker := truth.maker("q", node))]
    assert len([maker(Prompt([]), DrawStream(1)) for maker in makers]) == 1


def test_the_digest_knows_what_can_change_an_answer_and_nothing_else() -> None:
    def digest(questions: str, title: str = "") -> str:
        return parse_respondents(f"{FIRST}title: {title!r}\nquestions: {questions}").digest

    plain = digest("{q: {type: choice, base: {a: 1, b: 2}}}")

    assert digest("{q: {type: choice, base: {a: 1.0, b: 2.0}}}", "another title") == plain
    # The order of base is the order of the scale.
    assert digest("{q: {type: choice, base: {b: 2, a: 1}}}") != plain
    assert digest("{q: {type: choice, base: {a: 1, b: 2}, position: {first: 0.1}}}") != plain


def test_the_digest_knows_how_people_act_and_what_is_found() -> None:
    questions = "questions: {q: {type: choice, base: {a: 1, b: 2}}}\n"
    sections = [
        "",
        "acts: {}",
        "acts: {talk: 0.5}",
        "acts: {talk: 0.5, lines: [a]}",
        "acts: {talk: 0.5, lines: [{text: a, weight: 2}]}",
        "acts: {talk: 0.5, faculties: {RECALL: 0.5}}",
        "extractions: {}",
        "extractions: {findings: {count: {1: 1}}}",
        "extractions: {fields: {a: {type: text, templates: [x]}}}",
        "judgements: {check: {value: {type: choice, base: {'yes': 1, 'no': 1}}}}",
    ]

    digests = [parse_respondents(f"{FIRST}{questions}{section}").digest for section in sections]

    assert len(set(digests)) == len(sections)
    assert parse_respondents(f"{FIRST}{questions}title: x\nacts: {{talk: 0.50, think: 0.3}}").digest == digests[2]


def test_a_file_may_speak_of_acts_alone() -> None:
    respondents = parse_respondents(FIRST + "acts: {talk: 1, faculties: {RECALL: 0.5}}")

    assert respondents.acts is not None
    assert (respondents.acts.rate_of("RECALL"), respondents.acts.rate_of("ORDER_TAXI")) == (0.5, 0.05)


@pytest.mark.parametrize(
    ("written", "holds", "fails"),
    [
        (">=55", ["55", "55.0", "1,000", "$60"], ["54", "many", ""]),
        ("<18", ["17"], ["18", "x"]),
        ("18..34", ["18", "34"], ["17", "34.5", "x"]),
        ("!=South", ["North"], ["south"]),
        ("South", ["south", " South "], ["South East"]),
        (34, ["34", "34.0"], ["35"]),
        (True, ["yes", "True"], ["no"]),
        ("~nurse|teacher", ["Head Nurse", "teacher"], ["cook"]),
        (["a", ">5"], ["A", "6"], ["b", "5"]),
    ],
)
def test_conditions_hold_for_what_they_say(written: str, holds: list[str], fails: list[str]) -> None:
    condition = parse_condition(written)

    assert all(condition(text) for text in holds)
    assert not any(condition(text) for text in fails)


def test_a_label_that_the_file_does_not_know_is_reported_before_a_run() -> None:
    respondents = parse_respondents(FIRST + "questions: {q: {type: choice, base: {a: 1}, dont_know: {rate: 0.1}}}")

    assert misfit(respondents, "q", ["a", "Don't know"]) is None
    assert misfit(respondents, "q", ["a", "b"]) == "the respondent file has no label 'b'; it knows: a"
    assert misfit(respondents, "unheard of", ["b"]) is None


def test_the_respondents_of_the_flagship_job_fit_its_questions() -> None:
    respondents = load_respondents(PROJECT / "jobs" / "gazpacho_respondents.yaml")
    job = yaml.safe_load((PROJECT / "jobs" / "gazpacho_concept_test.yaml").read_text())

    for question in job["study"]["questions"]:
        labels = question.get("labels") or question.get("options") or []
        assert misfit(respondents, question["id"], labels) is None
    materials = [arm["material"] for arm in job["study"]["arms"]]
    scale = list(job["study"]["questions"][0]["labels"])
    everyday, premium = (true_distribution(respondents, "purchase_likelihood", {}, scale, m) for m in materials)
    assert everyday != premium
    assert "invented" in respondents.title.lower()


def test_the_examples_of_the_guide_load_and_its_code_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    guide = (PROJECT / "docs" / "rehearsal.md").read_text()
    for name, example in re.findall(r"```yaml\n# (\S+\.yaml)\n(.*?)```", guide, re.DOTALL):
        (tmp_path / name).write_text(example)
    monkeypatch.chdir(tmp_path)

    for code in re.findall(r"```python\n(.*?)```", guide, re.DOTALL):
        exec(compile(code, "docs/rehearsal.md", "exec"), {})  # noqa: S102 -- the guide is ours

    shown = capsys.readouterr().out
    assert "[rehearsal] " in shown
    assert "{'welcomed': 0.5, 'divided': 0.3, 'rejected': 0.2}" in shown
    assert '{"type":"DONE","target":null,"content":null}' in shown
