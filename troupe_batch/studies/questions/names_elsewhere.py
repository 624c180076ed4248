"""What forms of questions and rules of flow are called in other tools, and what to write here in their place."""

from __future__ import annotations

from collections.abc import Mapping

_NO_FLOW = (
    "a survey has no skip logic yet: everybody is asked every question; in a study of `kind: interview` a line of the "
    "script takes `when` beside its `ask`"
)
_ONE = "write `type: single`, with `options`"
_SEVERAL = "write `type: multi`, with `options`"
_SCALE = "write `type: rating`, with `labels` from one end to the other"
_ROWS = "there is no grid yet: write one question per row, of `type: rating` or `single`, with the same labels"
_RANKS = "there is no ranking yet: ask for the first choice with `type: single`, or rate each item with `type: rating`"
_TRADE_OFF = "there are no choice tasks yet: show each alternative as an arm, or ask one `type: single` per task"

FLOW: Mapping[str, str] = dict.fromkeys(
    ("when", "if", "show_if", "skip", "skip_if", "skip_to", "goto", "go_to", "display_logic", "terminate", "screener"),
    _NO_FLOW,
)


def in_our_spelling(word: str) -> str:
    """The word as the names below are written: `Multiple choice` and `multiple-choice` are `multiple_choice`."""
    return word.strip().lower().replace("-", "_").replace(" ", "_")


FORMS: Mapping[str, str] = {
    **dict.fromkeys(("single_choice", "radio", "dropdown", "choice", "select"), _ONE),
    "multiple_choice": f"for one answer {_ONE}; for several {_SEVERAL}",
    **dict.fromkeys(("checkbox", "checkboxes", "multi_choice", "multi_select", "multiselect"), _SEVERAL),
    **dict.fromkeys(("yes_no", "boolean", "bool"), 'write `type: single`, with `options: ["yes", "no"]`'),
    **dict.fromkeys(("matrix", "grid"), _ROWS),
    **dict.fromkeys(("scale", "likert", "linear_scale"), _SCALE),
    "slider": "write `type: numeric`, with `minimum` and `maximum`",
    "nps": "write `type: numeric`, with `integer: true`, `minimum: 0` and `maximum: 10`",
    **dict.fromkeys(("ranking", "rank", "rank_order", "top_k"), _RANKS),
    **dict.fromkeys(
        ("constant_sum", "allocation"), "there is no sum yet: write one question of `type: numeric` per item"
    ),
    **dict.fromkeys(("text", "free_text", "open_text", "open_ended", "textarea", "essay"), "write `type: open`"),
    **dict.fromkeys(("number", "integer", "int", "float"), "write `type: numeric`, with `minimum` and `maximum`"),
    "date": "write `type: open`, or `type: numeric` where a year will do",
    **dict.fromkeys(("maxdiff", "best_worst", "conjoint", "cbc", "choice_task"), _TRADE_OFF),
    "van_westendorp": "write its four prices as four questions of `type: numeric`",
    "gabor_granger": "write one question of `type: single` with yes and no per price, or an arm per price",
    **dict.fromkeys(
        ("descriptive", "statement", "info", "html"),
        "nothing is asked there: write it in `introduction`, or as `material` of an arm",
    ),
}
