"""URLs as messages may show them: without passwords, tokens and signatures."""

from __future__ import annotations

import re

_QUERY_VALUE = re.compile(r"(?<==)[^&#]+")
_URL = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]{0,30}://\S+")
_LONGEST_TEXT = 2_000
# A path of theirs is a number, so that every @ ends a password, whatever characters stand in it.
_WITHOUT_PATHS = ("redis", "rediss", "redis+socket", "valkey", "valkeys", "sentinel", "amqp", "amqps")


def shown_url(text: str) -> str:
    """The text with all that can be a secret in a URL replaced by ***; text that is no URL stays as it is.

    Everything before the last @ of the host part goes, user names included: some services take the token as the name.
    A password may hold / ? and # although it should not, and is hidden to its end.
    """
    scheme, mark, rest = text.partition("://")
    if not mark:
        return text
    end = _end_of_user_info(scheme, rest)
    address, query_mark, query = rest[end:].partition("?")
    hidden = "***@" if end else ""
    return f"{scheme}://{hidden}{address}{query_mark}{_QUERY_VALUE.sub('***', query)}"


def without_secrets(text: str) -> str:
    """A text of others in which every URL is as `shown_url` shows it, cut to a length."""
    return _URL.sub(lambda found: shown_url(found[0]), text[:_LONGEST_TEXT])


def _end_of_user_info(scheme: str, rest: str) -> int:
    """Where the host begins: behind the @ that ends the user's name and password; 0 where there is none."""
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in host and scheme.casefold() not in _WITHOUT_PATHS:
        return host.rindex("@") + 1
    name, colon, port = host.partition(":")
    is_cut_off = bool(colon) and not (name and port.isdecimal())
    if scheme.casefold() in _WITHOUT_PATHS or is_cut_off:
        return rest.rfind("@") + 1
    return 0
