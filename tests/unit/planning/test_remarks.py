"""A placeholder that nobody fills in is a warning with its place; ordinary braces are none."""

from __future__ import annotations

import json

import pytest

from troupe_batch.planning.remarks import unfilled_placeholders
from troupe_batch.spec_files import read_spec_text


def _warnings(text: str) -> list[str]:
    job = {"study": {"kind": "survey", "questions": [{"id": "q", "type": "open", "text": text}]}}
    return [str(one) for one in unfilled_placeholders(read_spec_text("job.json", json.dumps(job, indent=1)))]


PLACEHOLDERS = """
{brand}|{brand name}|{{ brand }}|{{brand.name}}|${brand}|${q://QID1/ChoiceGroup/Selected}|{TOKEN:FIRSTNAME}
[[brand]]|<<brand>>|<%= brand %>|%(brand)s|%brand%|{marque}|#{brand}|{品牌}
"""


@pytest.mark.parametrize("placeholder", PLACEHOLDERS.replace("\n", "|").strip("|").split("|"))
def test_a_placeholder_is_told_with_its_line(placeholder: str) -> None:
    (found,) = _warnings(f"Do you like {placeholder}?")

    assert found.startswith(f":8: study.questions[0].text: `{placeholder}` reaches people as it stands")


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "b": [2]}',
        "{1, 2}",
        "p { color: red; }",
        "if (x) {stop}",
        r"\frac{a}{b} of \textbf{all}",
        "{}",
        "Between 10% and 20% off, or 5%?",
        "3 << 4 and 5 >> 1",
        "a [note] and [see 3]",
        "{a, b}",
    ],
)
def test_ordinary_braces_are_not_accused(text: str) -> None:
    assert _warnings(text) == []


def test_every_wording_of_a_study_is_looked_at_and_names_are_not() -> None:
    job = """
study:
  kind: interview
  introduction: Hello {first_name}
  arms:
    - {id: a, title: "{not_read}", material: "Try {brand}"}
  script:
    - say: "{greeting}"
    - ask: {id: q, type: single, text: A?, options: [Yes, "{brand}"], dont_know: "{none}"}
"""

    found = [str(one).split("; ")[0] for one in unfilled_placeholders(read_spec_text("job.yaml", job))]

    ending = "reaches people as it stands: nothing fills it in"
    assert found == [
        f":4: study.introduction: `{{first_name}}` {ending}",
        f":6: study.arms[0].material: `{{brand}}` {ending}",
        f":8: study.script[0].say: `{{greeting}}` {ending}",
        f":9: study.script[1].ask.options[1]: `{{brand}}` {ending}",
        f":9: study.script[1].ask.dont_know: `{{none}}` {ending}",
    ]
