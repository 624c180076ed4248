"""Words for a fault that all calls of a kind meet: the server's own, the share, and the setting that helps."""

from __future__ import annotations

from collections.abc import Sequence

from troupe_batch.errors import EndpointUnsuitable
from troupe_batch.llm.chat import ChatReply, ChatRequest, ReplyStatus, SchemaMode
from troupe_batch.llm.embeddings import EmbeddingRequest
from troupe_batch.llm.tallies import SystematicFault, SystematicFaultKind
from troupe_batch.symptoms import Symptom, alike

_STATUS = {
    SystematicFaultKind.REJECTED: "failed",
    SystematicFaultKind.UNREADABLE: str(ReplyStatus.UNREADABLE),
    SystematicFaultKind.CUT_OFF: str(ReplyStatus.TRUNCATED),
    SystematicFaultKind.PROMPT_CUT: str(ReplyStatus.OK),
}
_NAMED = 8
_LONGEST_WORDS = 400

FURTHER_RUN = "what stands in the plan makes it a further run: give the same command with --retry"
"""How a run goes on whose job, or model, was changed."""
_LOOK = "`troupe failed` shows the calls"
_ANYWAY = "OpenAI.STOP_EARLY=no goes on all the same"


def unsuitable(fault: SystematicFault, request: ChatRequest, *, is_every: bool) -> EndpointUnsuitable:
    """The error that stops the job. `request` is one of those that were hit; `is_every`: no other kind fares better."""
    what = "all requests" if is_every else _kind_of(request)
    if isinstance(request, EmbeddingRequest):
        what = f"requests for embeddings to {request.endpoint.model}"
    found = _FOUND[fault.kind](fault, request, what)
    words = alike(fault.words) if fault.kind is SystematicFaultKind.REJECTED else None
    symptom = Symptom(_STATUS[fault.kind], fault.since, words, fault.prompt_tokens)
    return EndpointUnsuitable(f"{found}; {_ANYWAY}", symptom=symptom, spoiled=fault.keys)


def thinking_of(reply: ChatReply) -> str:
    """How much of a reply was hidden reasoning, as the end of a sentence; empty where none was counted."""
    usage = reply.usage
    return "" if usage is None else _thinking(usage.reasoning_tokens, usage.completion_tokens)


def more_room(*, has_thought: bool) -> str:
    """What to change where replies are cut off."""
    effort = "reasoning_effort: none, " if has_thought else ""
    return f"set {effort}a larger max_completion_tokens or on_length: retry_larger in the model section of the job"


def _thinking(thought: int, written: int) -> str:
    return f", and {thought:,} of the {written:,} tokens were hidden reasoning" if thought else ""


def _rejected(fault: SystematicFault, request: ChatRequest, what: str) -> str:
    words = fault.words[:_LONGEST_WORDS]
    return f"{fault.hit} times in a row {what} failed alike, and none succeeded: {words}; {_cure_of(words, request)}"


def _unreadable_advice(fault: SystematicFault, request: ChatRequest, what: str) -> str:
    return (
        f"{fault.hit} replies in a row to {what} could not be read, the last because {fault.words[:_LONGEST_WORDS]}; "
        f"{_LOOK}; set reasoning_effort: none in the model section of the job, or {_less_of_schemas(request)}"
    )


def _cut_off(fault: SystematicFault, request: ChatRequest, what: str) -> str:
    limit = request.parameters.max_completion_tokens
    at = f" at max_completion_tokens = {limit:,}" if limit else ""
    share = f"{fault.hit} of {fault.of} replies ({fault.hit / fault.of:.0%}) to {what} were cut off{at}"
    thinking = _thinking(fault.thought, fault.written)
    return f"{share}{thinking}; {more_room(has_thought=bool(thinking))} ({FURTHER_RUN})"


def _prompt_cut(fault: SystematicFault, request: ChatRequest, _: str) -> str:
    shortest, longest = fault.lengths[0], fault.lengths[-1]
    if fault.prompt_tokens is not None and shortest != longest:
        found = f"{fault.prompt_tokens:,} tokens for each of {fault.hit} prompts of {shortest:,} to {longest:,} bytes"
    else:
        found = f"fewer tokens than {fault.hit} prompts of {shortest:,} to {longest:,} bytes have in any language"
    return (
        f"{request.endpoint.model} does not read prompts to their end: the endpoint counts {found}; give the model a "
        "larger context (Ollama: OLLAMA_CONTEXT_LENGTH; llama.cpp: --ctx-size; LM Studio: Context Length) and the same "
        "command again, or make the prompts shorter with `asking: block` or less `memory` in the job"
    )


_FOUND = {
    SystematicFaultKind.REJECTED: _rejected,
    SystematicFaultKind.UNREADABLE: _unreadable_advice,
    SystematicFaultKind.CUT_OFF: _cut_off,
    SystematicFaultKind.PROMPT_CUT: _prompt_cut,
}

_SHORTER = (
    "take a model, or a server, with a larger context, or make the prompts shorter with `asking: block`, or less "
    "`memory`, in the job"
)
_LESS_SCHEMA = ""  # depends on what is asked for now
_PARAMETER = f"change the parameter that it names in the model section of the job ({FURTHER_RUN})"
_CURES: Sequence[tuple[tuple[str, ...], str]] = (
    (("context length", "context_length", "context size", "too long", "maximum context", "context window"), _SHORTER),
    (("schema", "response_format", "json", "grammar", "structured"), _LESS_SCHEMA),
    (("temperature", "top_p", "reasoning", "effort", "max_tokens", "max_completion_tokens"), _PARAMETER),
)


def _cure_of(words: str, request: ChatRequest) -> str:
    if isinstance(request, EmbeddingRequest):
        return (
            "name a model for embeddings that the endpoint has in OpenAI.EMBEDDING_MODEL, or do without by "
            f"Cognition.ENABLE_CONTINUOUS_CONTEXTUAL_SEMANTIC_MEMORY_RETRIEVAL=no ({FURTHER_RUN})"
        )
    said = words.casefold()
    cure = next((cure for signs, cure in _CURES if any(sign in said for sign in signs)), None)
    if cure == _LESS_SCHEMA:
        cure = _less_of_schemas(request)
    return f"{cure}; {_LOOK}" if cure else f"{_LOOK}; `troupe doctor` says what this endpoint can do"


def _less_of_schemas(request: ChatRequest) -> str:
    """The next of the schema modes, which asks for less of the server."""
    after = {SchemaMode.STRICT: SchemaMode.JSON, SchemaMode.JSON: SchemaMode.NONE}.get(request.endpoint.schema_mode)
    other = "take a model that holds to JSON schemas"
    change = other if after is None else f"set OpenAI.SCHEMA_MODE = {after}, which asks for less, or {other}"
    return f"{change} ({FURTHER_RUN})"


def _kind_of(request: ChatRequest) -> str:
    """Requests like this one, by the questions or parts that their schema asks for."""
    schema = request.reply_schema
    if schema is None:
        return "requests for plain text"
    names = [*schema.schema.get("properties", ())]
    shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    return f"requests for {shown} (schema {schema.name!r})" if names else f"requests of the schema {schema.name!r}"
