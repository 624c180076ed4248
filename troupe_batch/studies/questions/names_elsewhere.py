"""Names of forms of questions and rules of flow in other tools, and what to write here in their place."""

from __future__ import annotations

from collections.abc import Mapping

_CONDITION = "write `when`, with what must hold for those who are asked, such as `when: \"drink == 'Tea'\"`"
_NO_JUMPS = (
    "nobody jumps: give the questions that not everybody is asked, or their block, a `when`, such as "
    "`when: \"drink == 'Tea'\"`"
)
_ROWS = "there is no grid yet: write one question per row, of `type: rating` or `single`, with the same labels"
_TRADE_OFF = "there are no choice tasks yet: show each alternative as an arm, or ask one `type: single` per task"

FLOW: Mapping[str, str] = {
    **dict.fromkeys(("if", "show_if", "display_logic", "condition"), _CONDITION),
    **dict.fromkeys(("skip", "skip_if", "skip_to", "goto", "go_to", "terminate", "screener"), _NO_JUMPS),
}


def in_our_spelling(word: str) -> str:
    """The word as names of forms are written here: `Multiple choice` and `multiple-choice` are `multiple_choice`."""
    return word.strip().lower().replace("-", "_").replace(" ", "_")


# A form that is called one of these takes it over: see `QuestionForm.called_elsewhere`.
NO_FORMS: Mapping[str, str] = {
    **dict.fromkeys(("matrix", "grid"), _ROWS),
    **dict.fromkeys(
        ("constant_sum", "allocation"), "there is no sum yet: write one question of `type: numeric` per item"
    ),
    **dict.fromkeys(("maxdiff", "best_worst", "conjoint", "cbc", "choice_task"), _TRADE_OFF),
    **dict.fromkeys(
        ("descriptive", "statement", "info", "html"),
        "nothing is asked there: write it in `introduction`, or as `material` of an arm",
    ),
}
