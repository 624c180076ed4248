"""The columns of the tables of a dataset: name, type and meaning of each."""

from __future__ import annotations

import pyarrow as pa


def category() -> pa.DataType:
    """Text from a list that is fixed for the run (`categories_of`); pandas reads it as a categorical."""
    return pa.dictionary(pa.int32(), pa.string())


def column_field(name: str, kind: pa.DataType, description: str, *, nullable: bool = True) -> pa.Field:
    """A column that says what it holds."""
    return pa.field(name, kind, nullable=nullable, metadata={"description": description})


def described(field: pa.Field, description: str, **metadata: str) -> pa.Field:
    """The same column with other words about it."""
    return field.with_metadata({"description": description, **metadata})


RUN = column_field("run_id", category(), "The run that made the row.", nullable=False)
UNIT = [
    column_field("unit_id", pa.string(), "The unit: one person in one arm and replicate.", nullable=False),
    column_field("unit_index", pa.int64(), "Number of the unit in the plan, from 0.", nullable=False),
    column_field("person_id", pa.string(), "The simulated person; key of `people`.", nullable=False),
    column_field("person_index", pa.int64(), "Number of the person in the population, from 0.", nullable=False),
    column_field("arm", pa.string(), "Experimental arm; null where the study has none."),
    column_field("replicate", pa.int32(), "Independent repetition of the same unit, from 0.", nullable=False),
]

WEIGHT = column_field(
    "weight",
    pa.float64(),
    "How many people of the population the person stands for, 1 on average; 1 for all where no strata are oversampled.",
    nullable=False,
)
RESPONSE_KEYS = pa.schema([*UNIT, WEIGHT])

PEOPLE = pa.schema(
    [
        UNIT[2],
        UNIT[3],
        column_field("name", pa.string(), "Invented name."),
        column_field("persona", pa.string(), "The whole persona as JSON, in TinyTroupe's format.", nullable=False),
    ]
)

ANSWERS = pa.schema(
    [
        RUN,
        *UNIT,
        WEIGHT,
        column_field("question_id", category(), "The question.", nullable=False),
        column_field("question_type", category(), "`single`, `multi`, `rating`, `numeric` or `open`.", nullable=False),
        column_field(
            "status",
            category(),
            "`answered`, `skipped`, `screened_out`, `refused`, `unreadable`, `failed` or `not_run`. "
            "Only `answered` rows carry a value.",
            nullable=False,
        ),
        column_field("reason", pa.string(), "Why there is no answer; beside an answer, a remark on how it was read."),
        column_field("code", pa.int32(), "Code of the chosen option (single, rating); null for don't know."),
        column_field("label", category(), "Label of the chosen option (single, rating)."),
        column_field("number", pa.float64(), "The number given (numeric)."),
        column_field("text", pa.string(), "The text given (open)."),
        column_field("selected", pa.list_(pa.string()), "Labels of the selected options, possibly none (multi)."),
        column_field("is_dont_know", pa.bool_(), "Whether the answer was don't know; null where there is no answer."),
        column_field("distribution", pa.list_(pa.float64()), "Chances that the model stated, summing to 1."),
        column_field("distribution_labels", pa.list_(pa.string()), "Labels in the order of `distribution`."),
        column_field("option_order", pa.list_(pa.string()), "Options in the order in which they were shown."),
        column_field("position", pa.int16(), "Place of the chosen option in `option_order`, from 0."),
        column_field("sample", pa.string(), "Which independent draw the reply is."),
        column_field(
            "cache", category(), "`miss`: asked now; `hit`: from the cache; `joined`: shared; `off`: no cache."
        ),
        column_field("call_key", pa.string(), "The reply's key in `llm_calls` and in the cache."),
        column_field("is_rehearsal", pa.bool_(), "True for placeholder answers of a rehearsal.", nullable=False),
    ]
)

RAW_REPLY = column_field(
    "raw_reply",
    pa.string(),
    "First 400 characters of a reply that is no answer, as they came; null where it is one, or none came.",
)

LLM_CALLS = pa.schema(
    [
        RUN.with_type(pa.string()),
        UNIT[0],
        UNIT[2],
        column_field("purpose", pa.string(), "What the call was for.", nullable=False),
        column_field("question_ids", pa.list_(pa.string()), "Questions answered by the call.", nullable=False),
        column_field("model", pa.string(), "The model as the endpoint names it."),
        column_field("status", pa.string(), "How the reply ended, or how the call failed.", nullable=False),
        column_field("reason", pa.string(), "What was wrong, where something was."),
        column_field("cache", pa.string(), "`miss`, `hit`, `joined` or `off`; null where no reply came."),
        column_field(
            "prompt_tokens", pa.int64(), "Tokens read, as the endpoint counted; for a hit, of the first time."
        ),
        column_field("cached_tokens", pa.int64(), "Of these, served from the endpoint's prompt cache."),
        column_field("completion_tokens", pa.int64(), "Tokens written, as the endpoint counted."),
        column_field("reasoning_tokens", pa.int64(), "Of these, hidden reasoning."),
        column_field("cost_usd", pa.float64(), "What the call cost now (0 for a hit); null where no price is known."),
        column_field("latency_s", pa.float64(), "Seconds from sending to the reply."),
        column_field("attempts", pa.int16(), "Calls sent for it, repair included."),
        column_field("is_repaired", pa.bool_(), "Whether the first reply was unreadable and the second was not."),
        column_field("finish_reason", pa.string(), "Why the model stopped, in the endpoint's words."),
        column_field("key", pa.string(), "Key of the reply in the cache.", nullable=False),
        column_field("sample", pa.string(), "Which independent draw was asked for.", nullable=False),
        RAW_REPLY,
    ]
)


_UNIT_OF_ANY_SIZE = described(UNIT[0], "The unit: one person, or one world, in one arm and replicate.")

EVENTS = pa.schema(
    [
        RUN,
        _UNIT_OF_ANY_SIZE,
        UNIT[1],
        UNIT[4],
        UNIT[5],
        column_field("order", pa.int32(), "Place of the event among those of its unit, from 0.", nullable=False),
        column_field(
            "step",
            pa.int32(),
            "Step of the world that it belongs to, from 1, also of what comes before that step; in interviews, number "
            "of the item of the script that it belongs to, from 1; null outside of both.",
        ),
        column_field("simulated_time", pa.timestamp("us"), "When it happened, in the time of the simulation."),
        column_field("kind", category(), "`stimulus`, `action`, `change` or `failure`.", nullable=False),
        column_field(
            "type", pa.string(), "Which stimulus, action or change it is, such as `TALK`; what failed.", nullable=False
        ),
        column_field(
            "status",
            category(),
            "`happened`; `undelivered`: the target is out of reach; `repeated`: just done, so left out; `failed`.",
            nullable=False,
        ),
        column_field("reason", pa.string(), "Why it did not happen."),
        column_field("actor_id", pa.string(), "Who acted or spoke; null for the world itself."),
        column_field("actor", pa.string(), "Their name, as people hear it."),
        column_field("target_id", pa.string(), "Whom it was for; null for everyone there."),
        column_field("target", pa.string(), "Their name."),
        column_field("content", pa.string(), "What was said, thought, shown or done."),
        column_field(
            "details",
            pa.string(),
            "Further parts of the action as JSON, such as the title of a document. "
            "Of `DONE`: what each check of the act scored, and why.",
        ),
        column_field("quality", pa.float64(), "Lowest score (0 to 9) of the checks that the act passed through."),
        column_field("attempts", pa.int16(), "How many times the act was generated, where acts are checked."),
        column_field(
            "call_key",
            pa.string(),
            "Key in `llm_calls` of the reply that brought it, or that could not be used; null for stimuli.",
        ),
        column_field("is_rehearsal", pa.bool_(), "True for placeholder events of a rehearsal.", nullable=False),
    ]
)

EXTRACTIONS = pa.schema(
    [
        RUN,
        _UNIT_OF_ANY_SIZE,
        UNIT[1],
        column_field("person_id", pa.string(), "Whom the finding is about; null for a whole world."),
        column_field("person_index", pa.int64(), "Their number in the population, from 0; null for a whole world."),
        UNIT[4],
        UNIT[5],
        column_field("extraction", category(), "The extraction of the job that it is from.", nullable=False),
        column_field(
            "number", pa.int32(), "Number of the finding within its extraction and target, from 0; null for none."
        ),
        column_field(
            "status",
            category(),
            "`found`, `none_found`, `refused`, `unreadable`, `failed` or `not_run`. Only `found` rows carry values.",
            nullable=False,
        ),
        column_field("reason", pa.string(), "Why there is no finding."),
        column_field("call_key", pa.string(), "The reply's key in `llm_calls` and in the cache."),
        column_field("is_rehearsal", pa.bool_(), "True for placeholder findings of a rehearsal.", nullable=False),
    ]
)

SEAT = column_field("seat", pa.int16(), "Place of the person in the world, from 0.")
SEAT_NAME = column_field("seat_name", category(), "Name of the seat in the job; null where it has none.")


def with_seats(schema: pa.Schema, *, has_seats: bool) -> pa.Schema:
    """The columns of a table where units are worlds of several people; as they are where each unit is one person."""
    if not has_seats:
        return schema
    fields = list(schema)
    fields[schema.get_field_index("unit_id")] = described(
        schema.field("unit_id"), "The unit: one world in one arm and replicate."
    )
    if "person_index" in schema.names:
        place = schema.get_field_index("person_index")
        fields[place + 1 : place + 1] = [SEAT.with_nullable(fields[place].nullable), SEAT_NAME]
    else:
        place = schema.get_field_index("person_id")
        fields[place] = described(fields[place], "Whose call it was; null where it was made for the world.")
        fields[place] = fields[place].with_nullable(nullable=True)
    return pa.schema(fields)
