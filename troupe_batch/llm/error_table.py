"""Meanings of the errors of model services: one table, read from the top; the first row that fits counts.

Gateways keep the status of an error and rewrite its code, or keep its words alone, so that each row knows all three.
Codes are compared in one spelling (lower case, letters and digits alone). Read in: OpenAI (SDK, types/beta/
session_turn_error.py; help.openai.com, usage and spend limits), Azure (learn.microsoft.com, content filtering),
Anthropic (platform.claude.com, errors), OpenRouter (openrouter.ai/docs, errors and limits), LiteLLM (docs.litellm.ai,
exception mapping); Groq, Gemini, Qwen and llama.cpp as quoted in the issue threads of their clients.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from troupe_batch.llm.error_bodies import ErrorBody


class Meaning(StrEnum):
    """Meaning of an error: what a caller can do about it."""

    BUSY = "busy"
    FAULTY = "faulty"
    FILTERED = "filtered"
    BILLING = "billing"
    PERIOD_SPENT = "period spent"
    KEY = "key"
    REGION = "region"
    PROXY = "proxy"
    NO_MODEL = "no model"
    NO_PATH = "no path"
    PLAIN_HTTP = "plain http"
    SCHEMA = "schema"
    TOO_LONG = "length"
    PARAMETER = "parameter"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One meaning and what tells it, under one of these statuses: a code, or the words.

    In codes * stands for any beginning or end; `also` are words of which some must stand beside those of `words`.
    """

    meaning: Meaning
    statuses: Collection[int]
    codes: tuple[str, ...] = ()
    words: re.Pattern[str] | None = None
    also: re.Pattern[str] | None = None
    needs_wait: bool = False

    def fits(self, status: int, said: ErrorBody, *, has_wait: bool) -> bool:
        """Whether this row tells what the answer means."""
        if status not in self.statuses or (self.needs_wait and not has_wait):
            return False
        if not self.codes and self.words is None:
            return True
        if any(fnmatchcase(code, name) for code in said.codes for name in self.codes):
            return True
        is_said = self.words is not None and self.words.search(said.words) is not None
        return is_said and (self.also is None or self.also.search(said.words) is not None)


def meaning_of(status: int, said: ErrorBody, *, has_wait: bool = False) -> Meaning:
    """What an answer with this status means that says this; `has_wait`: it also says when to come back."""
    status = said.status if status == 200 and said.status is not None else status
    return next(row.meaning for row in TABLE if row.fits(status, said, has_wait=has_wait))


def _phrases(*phrases: str) -> re.Pattern[str]:
    """Any of these phrases, each a regular expression of whole words."""
    # Letters of scripts without blanks between words may stand on either side.
    return re.compile(rf"(?<![a-z0-9_])(?:{'|'.join(phrases)})(?![a-z0-9_])", re.IGNORECASE)


_ANY = range(200, 600)
# What holds a model to a schema, and what goes wrong with it.
_COMPILED = r"\w{0,20}grammars?|guided[ _]\w{1,20}|structured[ _]?outputs?|llguidance|samplers|xgrammar|outlines"
_TROUBLE = (
    r"invalid|unsupported|not (?:supported|permitted|allowed|implemented)|fail\w{0,5}|cannot|unable|could not|errors?"
    r"|compil\w{1,7}|parse\w{0,2}|too (?:complex|many|deep|large)|unexpected|unknown|missing|unrecognized|must be"
    r"|(?:does|do) not support"
)
# What a server says of a path that it does not have: of a model it would say more.
_NOTHING_THERE = re.compile(
    r"^(?:404 ?)?(?:error|(?:the )?(?:requested )?(?:page|file|resource|url|route)? ?(?:was )?not found)?\.?$",
    re.IGNORECASE,
)

TABLE: tuple[ErrorRow, ...] = (
    # A gateway holds back what all calls in flight could cost together: that passes.
    ErrorRow(Meaning.BUSY, _ANY, ("openrouterinflightbudget", "inflightbudgetexhausted")),
    ErrorRow(Meaning.BUSY, (402,), needs_wait=True),
    ErrorRow(
        Meaning.PERIOD_SPENT,
        (200, 402, 403, 429, 503),
        ("*perday*", "*byday*", "*perweek*", "*permonth*", "*dailylimit*", "*monthlylimit*", "*dailyquota*"),
        _phrases(
            r"(?:\w{1,20} ?/ ?|(?:per|each|this)[ -])(?:day|week|month)", "RPD", "TPD", r"per 86400 ?s",
            r"(?:daily|weekly|monthly) (?:\w{1,20} ){0,2}(?:limit|quota|cap|allowance|allocation|requests)",
        ),
    ),
    # Gemini uses the words of an empty account for a limit of the minute too. A limit of 0: the plan has none at all.
    ErrorRow(Meaning.BILLING, (200, 429), words=_phrases("quota exceeded for metric"), also=_phrases("limit: 0")),
    ErrorRow(Meaning.BUSY, (200, 429, 500, 503), ("resourceexhausted",)),
    ErrorRow(
        Meaning.BUSY, (200, 429), words=_phrases("quota exceeded for metric"), also=_phrases(r"retry in \d\S{0,20}"),
    ),
    ErrorRow(
        Meaning.BILLING,
        (200, 400, 401, 402, 403, 412, 429, 500, 503),
        (
            "billing*", "*spendlimitexceeded", "*spendlimitreached", "*usagelimitexceeded", "creditbalance*",
            "insufficientquota*", "insufficientbalance*", "insufficientcredit*", "insufficientfunds",
            "paymentrequired", "insufficientuserquota", "exceededcurrentquota*", "*budgetexceeded*",
            "weightexceedsbudget", "arrearage", "accountoverdue*", "openroutercredits", "openrouterguardrailbudget",
            "openrouterworkspacebudget", "openrouterkeylimit", "*freetieronly",
        ),
        _phrases(
            r"insufficient (?:account )?(?:balance|credits?|funds|quota)", "credit balance is too low",
            "credit limit", r"exceeded your (?:current|monthly|included) (?:quota|spend|budget|included credits)",
            "budget exceeded", r"(?:no|out of|requires more) (?:prepaid |api )?credits",
            r"spend(?:ing)? (?:limit|cap)", "payment required",
            r"credits? (?:balance )?(?:is |are |has been |have been )?exhausted", "billing hard limit",
            "exceededbudget", r"specified (?:workspace )?api usage limits", "budget (?:limit |has been )?exceeded",
            r"balance (?:is )?(?:insufficient|not enough|too low)", r"(?:any|all available) credits",
            r"free (?:tier|quota) (?:\w{1,20} ){0,5}exhausted", "余额不足", "欠费",
        ),
    ),
    ErrorRow(
        Meaning.KEY,
        range(400, 500),
        ("accountdeactivated", "accessterminated", "accountsuspended"),
        _phrases(r"(?:account|organi[sz]ation|access) (?:\w{1,20} ){0,4}(?:deactivated|suspended|terminated)"),
    ),
    ErrorRow(
        Meaning.FILTERED,
        (200, 400, 403, 404, 422, 424, 451, 500),
        (
            "contentfilter*", "contentpolicy*", "*responsibleai*", "*datainspectionfailed", "promptblocked", "safety",
            "flaggedinput", "*moderation*", "contentblocked", "sensitivecontent*", "prohibitedcontent", "blocklist",
            "safetyviolation", "*policyviolation", "cyberpolicy", "biopolicy", "guardrailintervened",
            "*contentpolicyviolation*",
        ),
        _phrases(
            r"content (?:management|moderation|policy|filter\w{0,6})", r"(?:was|been|input|prompt|content) flagged",
            "flagged (?:by|as)", r"inappropriate (?:content|language)", r"(?:\w{1,30}\.)?DataInspectionFailed",
            r"(?:usage|safety|content) polic(?:y|ies)", r"safety (?:system|filters?|settings|reasons)",
            "new_sensitive", r"(?:input|output) new_sensitive", "prohibited use", r"sensitive (?:words?|content)",
            "guardrail policy", r"violated? (?:\w{1,20} ){0,3}guardrails?", "敏感",
        ),
    ),
    ErrorRow(
        Meaning.PLAIN_HTTP,
        (400, 403, 426, 497),
        words=_phrases(
            r"plain HTTP (?:request was sent )?to (?:an? |the )?(?:HTTPS|SSL)\S{0,20}",
            "HTTP request to an HTTPS server",
        ),
    ),
    ErrorRow(
        Meaning.REGION,
        (400, 401, 403, 451),
        ("unsupportedcountry*",),
        _phrases(
            r"(?:country|region|territory|location) (?:\w{1,10} ){0,2}not supported",
            r"not (?:available|supported|served) in your (?:country|region|location|territory)",
        ),
    ),
    ErrorRow(
        Meaning.KEY,
        (200, 400, 401, 403, 500),
        (
            "*invalidapikey", "incorrectapikey", "wrongapikey", "missingapikey", "apikeyinvalid", "apikeyexpired",
            "authenticationerror", "invalidauthentication", "unauthorized", "tokenexpired",
        ),
        _phrases(
            r"(?:invalid|incorrect|expired|no) (?:api|authentication) (?:key|token)",
            r"api key (?:is )?(?:not valid|invalid)",
        ),
    ),
    ErrorRow(
        Meaning.TOO_LONG,
        (200, 400, 404, 413, 422, 429, 500, 502),
        (
            "contextlength*", "*contextwindowexceeded*", "exceedcontextsize*", "stringabovemaxlength",
            "stringtoolong", "requesttoolarge", "prompttoolong", "inputtoolong", "tokenlimitexceeded",
        ),
        _phrases(
            r"context (?:length|window|size|limit)", r"(?:prompt|input|request) is too (?:long|large)",
            r"(?:request|entity|payload) too large", r"(?:input|prompt) (?:tokens?|length) (?:\w{1,20} ){0,4}exceeds?",
            "must be reduced in order to run", "reduce the length",
        ),
    ),
    # The model could not keep to the schema this time (Groq): another try may.
    ErrorRow(Meaning.FAULTY, (400, 422), ("jsonvalidatefailed", "jsongenerationfailed")),
    ErrorRow(
        Meaning.SCHEMA,
        (200, 400, 404, 415, 422),
        ("invalid*schema*", "*schemainvalid", "*schemaunsupported", "invalidgrammar*"),
        _phrases(_COMPILED, r"\w{0,20}schemas?", r"response_?format"),
        _phrases(_TROUBLE),
    ),
    # Of a server's own failure less is its fault: schemas are in many words.
    ErrorRow(
        Meaning.SCHEMA,
        (500, 501, 502),
        ("invalid*schema*", "invalidgrammar*"),
        _phrases(_COMPILED, r"json[ _-]?schemas?", r"response_?format"),
        _phrases(_TROUBLE),
    ),
    ErrorRow(
        Meaning.NO_MODEL,
        (200, 400, 403, 404, 422),
        ("modelnotfound*", "deploymentnotfound", "unknownmodel*", "invalidmodel*", "nosuchmodel"),
        _phrases(
            r"models?\W.{0,120}(?:does not exist|not found|not exist|no longer available|is not a valid|not available)",
            r"(?:unknown|invalid|no such) model", "not a valid model",
            r"no (?:allowed )?(?:endpoints|providers) (?:found|are)",
        ),
    ),
    ErrorRow(
        Meaning.PARAMETER,
        (200, 400, 422),
        ("unsupportedparam*", "unsupportedvalue", "unknownparameter", "invalidparameter", "extraforbidden"),
        _phrases(
            r"(?:unsupported|unknown|unrecogni[sz]ed|unexpected|invalid) (?:\w{1,12} )?(?:param(?:eter)?|argument)s?",
            r"(?:unsupported|unknown|unrecogni[sz]ed|unexpected) (?:\w{1,12} )?(?:name|field|value)s?", "extra inputs",
            r"(?:is|are|does|do|argument) not (?:supported?|permitted|allowed|recognized)", "cannot both be",
            "is unsupported",
        ),
    ),
    ErrorRow(
        Meaning.BUSY,
        (200, 400, 403, 424, 500, 502, 504),
        (
            "ratelimit*", "*overloaded*", "slowdown", "flexunavailable", "throttling*", "*resourceunavailable",
            "toomanyrequests*", "modelnotready*", "queueexceeded", "*capacity*", "insufficientsystemresource",
        ),
        _phrases(
            r"rate[ -]?limit\w{0,3}", "overloaded", "too many requests", "at capacity", "high demand",
            r"(?:try|retry)(?: again)? (?:later|in|after)", r"model is (?:currently )?loading",
        ),
    ),
    ErrorRow(Meaning.FILTERED, (200,), ("choicesnull",)),
    ErrorRow(Meaning.NO_MODEL, (500,), words=_phrases("requires more system memory")),
    ErrorRow(Meaning.NO_PATH, (200,), ("webpage",)),
    # What is left speaks by its status alone.
    ErrorRow(Meaning.BUSY, (409, 425, 429, 498, 503, 529)),
    ErrorRow(Meaning.BILLING, (402,)),
    ErrorRow(Meaning.PROXY, (407,)),
    ErrorRow(Meaning.KEY, (401, 403)),
    ErrorRow(Meaning.NO_PATH, (405, *range(300, 400))),
    ErrorRow(
        Meaning.NO_PATH, (200, 404), words=_phrases("unexpected endpoint or method", "cannot post", "no route matched")
    ),
    ErrorRow(Meaning.NO_PATH, (404,), words=_NOTHING_THERE),
    ErrorRow(Meaning.NO_MODEL, (404, 410)),
    ErrorRow(Meaning.FAULTY, (*range(200, 300), 408, *range(500, 600))),
    ErrorRow(Meaning.REJECTED, range(100, 1_000)),
)  # fmt: skip
