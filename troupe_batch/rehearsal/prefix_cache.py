"""Prefix cache of an endpoint, by both rules of OpenAI: of older models, and from GPT-5.6 on.

Older models serve the longest beginning that any earlier prompt had, from 1,024 tokens on in steps of 128, and storing
costs nothing. From GPT-5.6 on a beginning is served only where it ends at a breakpoint of the request and was stored at
one under the same `prompt_cache_key`; what is stored is said in `cache_write_tokens`. A breakpoint is set by a content
part, and another one stands at the end of the newest message of the user unless the mode is `explicit`. (Read in
https://developers.openai.com/api/docs/guides/prompt-caching in November 2026.) What is stored is known once its reply
has been sent, and until others displace it: nothing is rehearsed of its lifetime of half an hour.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import orjson

BYTES_PER_TOKEN = 4
FIRST_CACHED_TOKENS = 1_024
CACHE_STEP_TOKENS = 128
BREAKPOINTS_SINCE = (5, 6)
"""The first version of `gpt` whose models have breakpoints."""

# Also behind the name of a team, or before that of a fine-tuned model.
_VERSION = re.compile(r"(?<![A-Za-z0-9])gpt-(\d{1,3})(?:\.(\d{1,3}))?(?![.\d])")
_OPTIONS, _BREAKPOINT, _KEY = "prompt_cache_options", "prompt_cache_breakpoint", "prompt_cache_key"
_HINTS = (b'"prompt_cache_', b'"cache_control"')
_LONGEST_KEY = 64
_MOST_WRITTEN, _MOST_LOOKED_AT = 4, 80
_CAN_BE_MARKED = ("text", "image_url", "input_audio", "file", "refusal")
_ASKING = ("user", "tool")


class CachingRefused(Exception):
    """The request says of caching what the API does not take; `param` is the place."""

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True, slots=True)
class Controls:
    """Controls of caching in a request to a model with breakpoints: how many bytes of its prompt each of them ends.

    `candidates` may be read, shortest first; those of `written` are stored where they are not yet.
    """

    key: str
    candidates: tuple[int, ...]
    written: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Tokens of a prompt that were read, and what is to be stored of it; None where that is not counted.

    `links` are to be kept once the reply is out.
    """

    read: int = 0
    written: int | None = None
    links: tuple[bytes, ...] = ()


class PrefixCache:
    """Cache of beginnings of prompts; bounded, the least recently used one is forgotten first."""

    def __init__(self, size: int = 100_000) -> None:
        self._size = size
        # Not a dict: one that loses its first entry over and over looks through all the holes for the next.
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def found(self, model: str, prompt: bytes, controls: Controls | None = None) -> Found:
        """How it is with this prompt; `controls` where the model has breakpoints."""
        return self._in_steps(model, prompt) if controls is None else self._at_breakpoints(model, prompt, controls)

    def keep(self, found: Found) -> None:
        """Remembers what a prompt begins with, from now on."""
        for link in found.links:
            if link in self._seen:
                self._seen.move_to_end(link)
                continue
            self._seen[link] = None
            if len(self._seen) > self._size:
                self._seen.popitem(last=False)

    def forget(self) -> None:
        """As if nothing had been asked yet."""
        self._seen.clear()

    def _in_steps(self, model: str, prompt: bytes) -> Found:
        tokens = len(prompt) // BYTES_PER_TOKEN
        cached = start = 0
        is_known = True
        chain, links = model.encode(), list[bytes]()
        for length in range(FIRST_CACHED_TOKENS, tokens + 1, CACHE_STEP_TOKENS):
            end = length * BYTES_PER_TOKEN
            # Chained: each link stands for the whole prefix up to it, and every byte is hashed once.
            chain = hashlib.blake2b(chain + prompt[start:end], digest_size=8).digest()
            start = end
            is_known = is_known and chain in self._seen
            cached = length if is_known else cached
            links.append(chain)
        return Found(cached, None, tuple(links))

    def _at_breakpoints(self, model: str, prompt: bytes, controls: Controls) -> Found:
        hashed = hashlib.blake2b(f"{model}\0{controls.key}\0".encode(), digest_size=8)
        read = start = 0
        links: dict[int, bytes] = {}
        for end in sorted({*controls.candidates, *controls.written}):
            hashed.update(prompt[start:end])
            start = end
            if end // BYTES_PER_TOKEN < FIRST_CACHED_TOKENS:
                continue
            links[end] = hashed.digest()
            if links[end] in self._seen:
                read = end // BYTES_PER_TOKEN
        longest = max((end // BYTES_PER_TOKEN for end in controls.written if end in links), default=0)
        kept = [link for end, link in links.items() if end in controls.written or link in self._seen]
        return Found(read, max(0, longest - read), tuple(kept))


def without_hints(body: bytes) -> bytes:
    """The body as it would be without a word on caching, which changes no answer; as it is where it is no JSON."""
    if not any(hint in body for hint in _HINTS):
        return body
    try:
        data = orjson.loads(body)
        kept = {name: value for name, value in data.items() if not name.startswith("prompt_cache_")}
        kept["messages"] = [{**message, "content": _unmarked(message["content"])} for message in data["messages"]]
        return orjson.dumps(kept)
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return body


def _unmarked(content: Any) -> Any:
    """The content of a message without marks; a single text is one again."""
    if not isinstance(content, list):
        return content
    parts = [{name: part[name] for name in part if name not in (_BREAKPOINT, "cache_control")} for part in content]
    is_one_text = len(parts) == 1 and parts[0].keys() == {"type", "text"}
    return parts[0]["text"] if is_one_text else parts


def has_breakpoints(model: str) -> bool:
    """Whether the model is of GPT-5.6 or a later version."""
    version = _VERSION.search(model)
    return version is not None and (int(version[1]), int(version[2] or 0)) >= BREAKPOINTS_SINCE


def read_controls(data: Mapping[str, Any], schema: bytes, model: str) -> Controls | None:
    """What the request says of caching, None where its model knows no breakpoints; CachingRefused where it may not."""
    key = data.get(_KEY)
    if key is not None and not isinstance(key, str):
        raise CachingRefused(f"{_KEY} must be a string", _KEY)
    if key and len(key) > _LONGEST_KEY:
        long = f"Expected a string with maximum length {_LONGEST_KEY}, but got a string with length {len(key)} instead."
        raise CachingRefused(f"Invalid '{_KEY}': string too long. {long}", _KEY)
    messages: Sequence[Mapping[str, Any]] = data["messages"]
    marks = list(_marks(messages))
    if not has_breakpoints(model):
        _refuse_new_fields(data, marks, model)
        return None
    is_explicit = _is_explicit(data.get(_OPTIONS))
    ends = [_end_of_part(messages[number], part) for number, part in marks]
    starts = list(accumulate((len(_message_bytes(one)) for one in messages), initial=len(schema)))
    marked = [starts[number] + end for (number, _), end in zip(marks, ends, strict=True)]
    asked = [] if is_explicit else [n for n, message in enumerate(messages) if message.get("role") in _ASKING]
    implicit = [starts[number + 1] for number in asked]
    most = _MOST_WRITTEN - len(implicit[-1:])
    candidates = sorted({*marked, *implicit})[-_MOST_LOOKED_AT:]
    return Controls(key or "", tuple(candidates), (*marked[-most:], *implicit[-1:]))


def prompt_bytes(schema: bytes, messages: Sequence[Mapping[str, Any]]) -> bytes:
    """The prompt as the model reads it: the schema stands before all messages, and each message names its role."""
    return schema + b"".join([_message_bytes(message) for message in messages])


def _message_bytes(message: Mapping[str, Any]) -> bytes:
    return f"<|{message.get('role')}|>\n{text_of(message)}\n".encode()


def text_of(message: Mapping[str, Any], parts: int | None = None) -> str:
    """The text of a message; of its first `parts` content parts where so many are given."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = (part.get("text") for part in content[:parts] if isinstance(part, dict))
        return "\n".join(text for text in texts if isinstance(text, str))
    return ""


def _end_of_part(message: Mapping[str, Any], part: int) -> int:
    """After how many bytes of the message, as the model reads it, the content part ends; the last one ends it all."""
    if part == len(message["content"]) - 1:
        return len(_message_bytes(message))
    return len(f"<|{message.get('role')}|>\n{text_of(message, part + 1)}".encode())


def _marks(messages: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, int]]:
    """The content parts with a breakpoint, by the numbers of message and part."""
    for number, message in enumerate(messages):
        content = message.get("content")
        for place, part in enumerate(content if isinstance(content, list) else ()):
            if not isinstance(part, dict) or part.get(_BREAKPOINT) is None:
                continue
            param = f"messages[{number}].content[{place}].{_BREAKPOINT}"
            if part.get("type") not in _CAN_BE_MARKED:
                raise CachingRefused(f"a content part of type {part.get('type')!r} takes no breakpoint", param)
            if not isinstance(part[_BREAKPOINT], dict) or part[_BREAKPOINT].get("mode") != "explicit":
                raise CachingRefused("the mode of a breakpoint must be 'explicit'", f"{param}.mode")
            yield number, place


def _is_explicit(options: Any) -> bool:
    if options is None:
        return False
    if not isinstance(options, dict) or options.get("mode", "implicit") not in ("implicit", "explicit"):
        raise CachingRefused(f"the mode of {_OPTIONS} must be 'implicit' or 'explicit'", f"{_OPTIONS}.mode")
    if options.get("ttl", "30m") != "30m":
        raise CachingRefused(f"the ttl of {_OPTIONS} must be '30m'", f"{_OPTIONS}.ttl")
    return options.get("mode") == "explicit"


def _refuse_new_fields(data: Mapping[str, Any], marks: Sequence[tuple[int, int]], model: str) -> None:
    if data.get(_OPTIONS) is not None:
        raise CachingRefused(f"Unsupported parameter: '{_OPTIONS}' is not supported with {model}.", _OPTIONS)
    if marks:
        number, place = marks[0]
        param = f"messages[{number}].content[{place}].{_BREAKPOINT}"
        raise CachingRefused(f"Unsupported parameter: '{param}' is not supported with {model}.", param)
