"""Bodies of errors, whatever their shape: the codes, the words, the parameter and the wait that they name.

Shapes, and where they were read: OpenAI `{"error": {message, type, param, code}}` (SDK, types/shared/error_object.py);
Azure `innererror.code` (learn.microsoft.com, content filtering); OpenRouter `metadata` with `raw`, `reasons`,
`error_type` and `limit_source` (openrouter.ai/docs, errors and debugging); Gemini a list with one error, `status` and
`details` (ai.google.dev, rate limits); Anthropic `details.error_code` (platform.claude.com, errors); vLLM
`{"object": "error", message, type, code}`; FastAPI `detail`, a text or a list of `{loc, msg, type}`; Ollama and xAI an
`error` that is a text; MiniMax `base_resp`; Cloudflare `errors`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

# Error pages and echoes have any length; what is said of a failure stands at the beginning.
_LONGEST_WORDS, _LONGEST_CODE, _LONGEST_BODY = 4_000, 100, 200_000
_DEEPEST = 6
_INSIDE = ("error", "errors", "detail", "base_resp")
_WORDS = ("message", "msg", "error_description", "error_msg", "status_msg", "reason", "title")
_CODES = (
    "code", "type", "status", "error_code", "error_type", "limit_source", "provider_code", "quotaId", "reason",
    "blockReason",
)  # fmt: skip
_FURTHER = ("innererror", "inner_error", "details", "metadata", "violations", "raw", "cause", "promptFeedback")
# Gateways put the error of the service behind them into their words, as JSON or as Python shows a dict.
_CODE_IN_WORDS = re.compile(r"""['"](?:code|type|status|reason|quotaId|error_code)['"]:\s?['"]([\w.\-]{2,80})""")
_LITELLM = re.compile(r"\blitellm\.(\w{3,60})")
_PAGE, _NO_CHOICES = "web page", "choices: null"
# What stands in every reply, beside an error or not.
_OF_REPLIES = ("id", "object", "model", "created", "usage", "choices", "type", "status", "system_fingerprint")
_TITLE = re.compile(r"<title>([^<]{1,300})", re.IGNORECASE)


class NoReply(Exception):
    """A body that came as a good answer and is none: `body` is its JSON, or its text. It never leaves the provider."""

    def __init__(self, body: Any) -> None:
        super().__init__("no reply")
        self.body = body


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """Body of a failed answer. `codes` are all that it names, in one spelling: lower case, letters and digits alone.

    `code` is the foremost, as written; `status` is the one inside the body where it has one; `names_wait` holds what
    may say when to come back (a text or a number of seconds), `by` the service behind a gateway.
    """

    code: str | None = None
    codes: frozenset[str] = frozenset()
    words: str = ""
    parameter: str | None = None
    status: int | None = None
    names_wait: tuple[str, ...] = ()
    by: str | None = None

    def __bool__(self) -> bool:
        return bool(self.codes or self.words or self.status)


NOTHING = ErrorBody()


def body_of(content: bytes) -> Any:
    """The JSON of a body, the events of a stream as a list, or else its text: of a web page the title alone."""
    content = content[:_LONGEST_BODY]
    try:
        return orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        text = content.decode(errors="replace").strip()
    if events := _events(text):
        return events
    if text.startswith("<"):
        title = _TITLE.search(text[:_LONGEST_WORDS])
        return {"code": _PAGE, "message": " ".join(title[1].split()) if title else ""}
    return text[:_LONGEST_WORDS]


def read_error(body: Any) -> ErrorBody:
    """What the body of an answer says that is known to be an error."""
    return _said_at(body, 0)


def error_inside(body: Any) -> ErrorBody:
    """The error in a body that came as a good answer and is no reply; `NOTHING` where it says none."""
    if isinstance(body, list):
        return next(filter(None, map(error_inside, body)), NOTHING)
    if not isinstance(body, Mapping):
        return _said_at(body, 0) if isinstance(body, str) else NOTHING
    inside = body.get("error") or next(filter(None, (one.get("error") for one in _mappings(body.get("choices")))), None)
    if inside and body.get("choices"):
        return _said_at({"error": inside}, 0)
    said = (
        NOTHING if body.get("choices") else _said_at({name: body[name] for name in body if name not in _OF_REPLIES}, 0)
    )
    if not said and "choices" in body and body["choices"] is None:
        return ErrorBody(
            codes=frozenset((code_of(_NO_CHOICES),)), words=f"the reply has no answer in it ({_NO_CHOICES})"
        )
    return said


def code_of(written: object) -> str:
    """A code in the one spelling in which codes are compared."""
    return "".join(letter for letter in str(written)[:_LONGEST_CODE].lower() if letter.isalnum())


def _said_at(body: Any, depth: int) -> ErrorBody:
    if depth > _DEEPEST or body in (None, "", [], {}):
        return NOTHING
    if isinstance(body, str):
        return _read_text(body, depth)
    if isinstance(body, list):
        return _joined_body(_said_at(one, depth + 1) for one in body[:20])
    if not isinstance(body, Mapping):
        return NOTHING
    own = _read_own(body)
    inside = [_said_at(body[name], depth + 1) for name in _INSIDE if _says_something(body.get(name))]
    inside += [_said_at(body[name], depth + 1) for name in _WORDS if isinstance(body.get(name), Mapping | list)]
    further = [_said_at(body[name], depth + 1) for name in _FURTHER if isinstance(body.get(name), list | Mapping | str)]
    return _joined_body([*inside, own, *further])


def _read_text(text: str, depth: int) -> ErrorBody:
    text = text[:_LONGEST_WORDS]
    if text.lstrip().startswith(("{", "[")):
        try:
            return _said_at(orjson.loads(text), depth + 1)
        except orjson.JSONDecodeError:
            pass
    found = [*_CODE_IN_WORDS.findall(text)[:20], *_LITELLM.findall(text)[:5]]
    return ErrorBody(codes=frozenset(map(code_of, found)), words=text)


def _read_own(body: Mapping[str, Any]) -> ErrorBody:
    """What stands in this object itself."""
    named = [body[name] for name in _CODES if isinstance(body.get(name), str | int) and body[name] not in (True, "")]
    texts = [body[name] for name in _WORDS if isinstance(body.get(name), str)]
    numbers = [int(one) for one in named if str(one).isascii() and str(one).isdigit()]
    codes = [one for one in map(_named_text, named) if one is not None and not one.isdigit() and one != "error"]
    said = _joined_body(_read_text(text, 0) for text in texts[:3])
    if body.get("reasons") or body.get("flagged_input"):  # moderation, in the words of OpenRouter
        codes.append("flagged_input")
    waits = [body.get("retryDelay"), body.get("resets_at"), *_reset_headers(body.get("headers"))]
    provider = body.get("provider_name")
    return replace(
        said,
        code=codes[0] if codes else said.code,
        codes=said.codes | frozenset(map(code_of, codes)),
        parameter=_place(body.get("loc")) or _named_text(body.get("param")),
        status=next((one for one in numbers if 400 <= one <= 599), None),
        names_wait=tuple(str(one) for one in waits if isinstance(one, str | int | float)),
        by=provider if isinstance(provider, str) else None,
    )


def _joined_body(parts: Iterable[ErrorBody]) -> ErrorBody:
    """All of them as one; what is said first goes first."""
    every = [part for part in parts if part is not NOTHING]
    words = dict.fromkeys(part.words for part in every if part.words)
    return ErrorBody(
        code=next((part.code for part in every if part.code), None),
        codes=frozenset().union(*(part.codes for part in every)),
        words="; ".join(words)[:_LONGEST_WORDS],
        parameter=next((part.parameter for part in every if part.parameter), None),
        status=next((part.status for part in every if part.status), None),
        names_wait=tuple(wait for part in every for wait in part.names_wait),
        by=next((part.by for part in every if part.by), None),
    )


def _events(text: str) -> list[Any]:
    """The JSON of the events of a stream, for services that stream though nobody asked them to."""
    events = []
    for line in text.splitlines()[:1_000]:
        if line.startswith("data:"):
            try:
                events.append(orjson.loads(line[5:]))
            except orjson.JSONDecodeError:
                continue
    return events


def _reset_headers(headers: Any) -> list[Any]:
    """What the headers of the service behind a gateway say of the end of a limit."""
    if not isinstance(headers, Mapping):
        return []
    return [value for name, value in headers.items() if str(name).lower() in ("x-ratelimit-reset", "retry-after")]


def _place(loc: Any) -> str | None:
    """The field at a place in the body of the request, as FastAPI writes it."""
    return ".".join(map(str, loc[1:])) if isinstance(loc, list) and len(loc) > 1 and loc[0] == "body" else None


def _named_text(value: Any) -> str | None:
    """The text; None where there is none, or only the word for nothing of a proxy written in Python."""
    return value if isinstance(value, str) and value not in ("", "None", "null") else None


def _says_something(inside: Any) -> bool:
    """Whether this is an error at all: MiniMax sends a `base_resp` with each good answer, of status 0."""
    is_fine = isinstance(inside, Mapping) and inside.get("status_code") == 0
    return not is_fine and inside not in (None, False, True)


def _mappings(values: Any) -> list[Mapping[str, Any]]:
    return [value for value in values if isinstance(value, Mapping)] if isinstance(values, list) else []
