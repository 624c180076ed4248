"""URLs as messages may show them: without passwords, tokens and signatures."""

from __future__ import annotations

import re

_USER_INFO = re.compile(r"(?<=://)[^/?#]*@")
_QUERY_VALUE = re.compile(r"(?<==)[^&#]+")


def shown_url(text: str) -> str:
    """The text with all that can be a secret in a URL replaced by ***; text that is no URL stays as it is.

    Everything before the last @ of the host part goes, user names included: some services take the token as the name.
    """
    if "://" not in text:
        return text
    address, mark, query = text.partition("?")
    return _USER_INFO.sub("***@", address) + mark + _QUERY_VALUE.sub("***", query)
