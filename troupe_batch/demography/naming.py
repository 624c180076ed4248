"""Names of dimensions from the labels of a demography: "Interests and Hobbies > Reading" is `hobby_reading`."""

from __future__ import annotations

import re
from collections.abc import Collection

from troupe_batch.population.checks import RESERVED

MOST_CHARACTERS = 62
# Words that say what kind of table it is, not what it is about.
_OF_TABLES = re.compile(
    r"\b(distribution|composition|breakdown|split|shares?|percentages?|statistics|stats|levels?|data|by)\b"
)
_SAME = {
    "racial and ethnic": "race and ethnicity",
    "racial": "race",
    "ethnic": "ethnicity",
    "educational attainment": "education",
    "geographic": "geographic area",
    "ages": "age",
    "sexes": "sex",
}
_OF_ITEMS = (("hobb", "hobby"), ("interest", "interest"), ("activit", "activity"), ("leisure", "activity"))


def topic_of(path: Collection[str]) -> str:
    """What the block at a place is about, in lower case: its own label, or the one above where that says nothing."""
    for title in reversed(tuple(path)):
        topic = " ".join(_OF_TABLES.sub(" ", re.sub(r"\([^)]*\)", " ", title.casefold())).split())
        if topic:
            return _SAME.get(topic, topic)
    return "group"


def item_prefix(path: Collection[str]) -> str:
    """What stands before the items of a block in the names of their dimensions."""
    topic = topic_of(path)
    return next((prefix for part, prefix in _OF_ITEMS if part in topic), topic)


def dimension_name(*candidates: str, taken: Collection[str]) -> str:
    """The first candidate that can name a dimension and is free, else the last one cut and numbered."""
    used = {*(name.lower() for name in taken), *RESERVED}
    names = [slug(candidate) for candidate in candidates]
    for name in names:
        if len(name) <= MOST_CHARACTERS and name not in used:
            return name
    number, short = 1, names[0][: MOST_CHARACTERS - 4].rstrip("_")
    name = short
    while name in used:
        number += 1
        name = f"{short}_{number}"
    return name


def slug(text: str) -> str:
    """Letters, digits and single underscores, in lower case, beginning with a letter."""
    words = re.sub("['`\u2019]", "", text.casefold())
    name = re.sub(r"[\W_]+", "_", words).strip("_")
    if not name or not (name[0].isalpha()):
        name = f"group_{name}".rstrip("_")
    return name


def singular(topic: str) -> str:
    """The topic with its last word in the singular, where English forms the plural as usual."""
    if topic.endswith("ies") and len(topic) > 5:
        return topic[:-3] + "y"
    if topic.endswith("s") and not topic.endswith(("ss", "us", "is", "ics", "news")) and len(topic) > 3:
        return topic[:-1]
    return topic
