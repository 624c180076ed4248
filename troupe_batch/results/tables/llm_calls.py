"""Table of calls: every request to a model that led to the rows, with its usage and cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import pyarrow as pa

from troupe_batch.results.columns import RAW_REPLY, RUN, UNIT, column, column_field
from troupe_batch.results.shard_rows import ShardRows, UnitColumns
from troupe_batch.results.table import Schemas, Table


class CallsTable(Table):
    """One row per request; how many there are is not planned, so nothing recounts them."""

    name = "llm_calls"
    doc = "one row per request to a model"
    group_rows = 65_536
    columns = pa.schema(
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
            column_field(
                "cost_usd", pa.float64(), "What the call cost now (0 for a hit); null where no price is known."
            ),
            column_field("latency_s", pa.float64(), "Seconds from sending to the reply."),
            column_field("attempts", pa.int16(), "Calls sent for it, repair included."),
            column_field("is_repaired", pa.bool_(), "Whether the first reply was unreadable and the second was not."),
            column_field("finish_reason", pa.string(), "Why the model stopped, in the endpoint's words."),
            column_field("key", pa.string(), "Key of the reply in the cache.", nullable=False),
            column_field("sample", pa.string(), "Which independent draw was asked for.", nullable=False),
            RAW_REPLY,
        ]
    )

    def arrays(self, rows: ShardRows, units: UnitColumns, schemas: Schemas) -> Mapping[str, pa.Array]:
        """The calls, unit by unit."""
        calls, schema = rows.calls, schemas.of(self.name)
        where = pa.array(rows.call_units, pa.int64())
        columns = {"unit_id": units.units["unit_id"].take(where)}
        if schemas.contents.design.seats == 1:
            columns["person_id"] = units.seated["person_id"].take(where)
        else:
            columns["person_id"] = pa.array([call.person_id for call in calls], pa.string())
        columns["question_ids"] = column(_asked_ids(rows, schemas), schema.field("question_ids"))
        for name in ("purpose", "key", "sample", "status", "reason"):
            columns[name] = column([getattr(call, name) for call in calls], schema.field(name))
        usages = [call.reply.usage if call.reply is not None else None for call in calls]
        replies = [call.reply for call in calls]
        for field in schema:
            if field.name not in columns and field.name != "run_id":
                source = usages if field.name.endswith("_tokens") else replies
                values = [getattr(one, field.name) if one is not None else None for one in source]
                columns[field.name] = pa.array(values, field.type)
        return columns


def _asked_ids(rows: ShardRows, schemas: Schemas) -> list[list[str]]:
    """The questions that each call answers."""
    # Equal keys are equal requests, so they answer the same questions, whosever units they belong to.
    asked: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for answer in rows.answers:
        if answer.call_key is not None:
            asked[answer.call_key][answer.question_id] = None
    known = {question.id for question in schemas.questions}
    return [list(asked.get(call.key) or [part for part in call.asks if part in known]) for call in rows.calls]
