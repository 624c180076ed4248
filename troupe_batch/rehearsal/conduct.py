"""All that made-up respondents do, compiled: which replies they make to which schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from troupe_batch.rehearsal.act_specs import Acts
from troupe_batch.rehearsal.acts import ACT, act_parts
from troupe_batch.rehearsal.findings import EXTRACTION, FindingsReader, extraction_parts
from troupe_batch.rehearsal.judgements import (
    ASSIGNED,
    CONTRADICTIONS,
    assigned_parts,
    contradiction_parts,
    judgement_parts,
)
from troupe_batch.rehearsal.reply_plan import ReplyPlan, no_parts
from troupe_batch.rehearsal.respondents import Respondents
from troupe_batch.truths.truth import QuestionTruth


@dataclass(frozen=True)
class Conduct:
    """How respondents answer, act, and are read and judged; by default as a server without a file."""

    questions: Mapping[str, QuestionTruth] = field(default_factory=dict)
    acts: Acts = field(default_factory=Acts)
    reader: FindingsReader = field(default_factory=FindingsReader)
    judgements: Mapping[str, Mapping[str, QuestionTruth]] = field(default_factory=dict)

    @classmethod
    def of(cls, respondents: Respondents | None) -> Conduct:
        """What the file says."""
        if respondents is None:
            return cls()
        reader = FindingsReader.of(respondents.extractions)
        return cls(respondents.questions, respondents.acts or Acts(), reader, respondents.judgements or {})

    def plan(self, name: str, schema: dict[str, Any], *, is_strict: bool) -> ReplyPlan:
        """How replies to the schema of this name are made; SchemaRejected where there are none."""
        if name == ACT:
            acting = partial(act_parts, acts=self.acts, questions=self.questions)
            return ReplyPlan(schema, self.questions, is_strict=is_strict, parts=acting)
        if name == EXTRACTION:
            return ReplyPlan(schema, {}, is_strict=is_strict, parts=partial(extraction_parts, reader=self.reader))
        if name == CONTRADICTIONS:
            found = partial(contradiction_parts, truths=self.judgements.get(name, {}))
            return ReplyPlan(schema, {}, is_strict=is_strict, parts=found)
        if name in self.judgements:
            judged = partial(judgement_parts, truths=self.judgements[name])
            return ReplyPlan(schema, {}, is_strict=is_strict, parts=judged)
        parts = assigned_parts if name == ASSIGNED else no_parts
        return ReplyPlan(schema, self.questions, is_strict=is_strict, parts=parts)
