"""Words that a text mentions, in scripts with blanks between words and without."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Thai, Lao, Burmese, Khmer, then kana and the characters of Chinese and Japanese.
_WITHOUT_BLANKS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3031-\u3035\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_UNSPACED = re.compile(f"[{_WITHOUT_BLANKS}]")
_SPACED_LETTER = rf"[^\W{_WITHOUT_BLANKS}]"


def mentions(text: str, words: Sequence[str]) -> bool:
    """Whether one of the words, or phrases, stands in the text as a whole; capitals and spacing do not count.

    In scripts that put nothing between words, such as those of Chinese, Japanese and Thai, any part is a word.
    """
    plain = " ".join(text.split())
    return any(re.search(_pattern(" ".join(word.split())), plain, re.IGNORECASE) is not None for word in words)


def _pattern(word: str) -> str:
    """The word, with a border on each side that has to do with letters of a script that puts blanks between words."""
    before = "" if _UNSPACED.match(word[:1]) else rf"(?<!{_SPACED_LETTER})"
    behind = "" if _UNSPACED.match(word[-1:]) else rf"(?!{_SPACED_LETTER})"
    return f"{before}{re.escape(word)}{behind}"
