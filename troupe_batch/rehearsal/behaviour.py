"""What a made-up respondent does, as exact probabilities: the truth that a study run in rehearsal should recover.

A label k of a choice has log-odds `log(base_k) + shifts + position`, and its probability is their softmax; then the
don't-know rate is taken off all labels alike and given to the don't-know label, where that is shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import NormalDist

from troupe_batch.rehearsal.conditions import Condition, parse_condition
from troupe_batch.rehearsal.draws import Draws
from troupe_batch.rehearsal.question_specs import (
    PLACEHOLDER,
    ChoiceQuestion,
    DontKnow,
    MultiQuestion,
    NumericQuestion,
    Question,
    Scope,
    TextQuestion,
    TextTemplate,
)
from troupe_batch.rehearsal.respondents import Respondents

Facts = Mapping[str, str]

EXTRACTIONS = "extractions."

_STANDARD_NORMAL = NormalDist()


@dataclass(frozen=True)
class Within:
    """A compiled scope: tells whether something holds for a person with given facts who was shown a material."""

    conditions: tuple[tuple[str, Condition], ...]
    material: str | None

    @classmethod
    def of(cls, scope: Scope) -> Within:
        """The scope, with its conditions read once."""
        conditions = tuple((fact, parse_condition(written)) for fact, written in scope.when.items())
        return cls(conditions, _flat(scope.material) if scope.material else None)

    def __call__(self, facts: Facts, material: str) -> bool:
        """Whether all of it holds; a fact that the person does not have makes its condition fail."""
        if self.material is not None and self.material not in _flat(material):
            return False
        for fact, condition in self.conditions:
            text = facts.get(fact)
            if text is None or not condition(text):
                return False
        return True


@dataclass(frozen=True)
class Choice:
    """Behaviour of a single choice or a rating."""

    labels: dict[str, int]
    base: tuple[float, ...]
    shifts: tuple[tuple[Within, tuple[float, ...]], ...]
    position: Mapping[str, float]
    dont_know: DontKnow | None
    refusal_rate: float

    @classmethod
    def of(cls, spec: ChoiceQuestion) -> Choice:
        """Compiled from its spec; the slope is centred on the middle of the scale."""
        labels = {label: index for index, label in enumerate(spec.base)}
        middle = (len(labels) - 1) / 2
        shifts = tuple(
            (Within.of(s), tuple(s.slope * (k - middle) + s.labels.get(label, 0.0) for label, k in labels.items()))
            for s in spec.shifts
        )
        base = tuple(math.log(weight) if weight > 0 else -math.inf for weight in spec.base.values())
        return cls(labels, base, shifts, spec.position, spec.dont_know, spec.refusal_rate)

    def problem(self, shown: Sequence[str]) -> str | None:
        """Why this behaviour cannot answer a question with these labels, or None."""
        return _unknown_label(shown, self.labels, self.dont_know)

    def probabilities(self, facts: Facts, material: str, shown: Sequence[str]) -> list[float]:
        """The probability of each label, in the order shown; sums to 1."""
        log_odds = list(self.base)
        for within, effects in self.shifts:
            if within(facts, material):
                log_odds = [a + b for a, b in zip(log_odds, effects, strict=True)]
        dont_know = self.dont_know.label if self.dont_know else None
        substantive = [log_odds[self.labels[label]] for label in shown if label != dont_know]
        _add_position(substantive, self.position)
        peak = max(substantive, default=0.0)
        # All shown labels may have weight 0 in the base when only some of them are shown.
        odds = [math.exp(value - peak) for value in substantive] if peak > -math.inf else [1.0] * len(substantive)
        rate = self.dont_know.rate if self.dont_know and dont_know in shown else 0.0
        scale = (1.0 - rate) / sum(odds) if odds else 0.0
        answers = iter(odds)
        return [rate if label == dont_know else next(answers) * scale for label in shown]


@dataclass(frozen=True)
class Multi:
    """Behaviour of a question with several answers."""

    options: dict[str, float]
    exclusive: tuple[str, ...]
    shifts: tuple[tuple[Within, Mapping[str, float]], ...]
    position: Mapping[str, float]
    dont_know: DontKnow | None
    refusal_rate: float

    @classmethod
    def of(cls, spec: MultiQuestion) -> Multi:
        """Compiled from its spec."""
        options = {option: _logit(p) for option, p in spec.base.items()}
        shifts = tuple((Within.of(s), s.options) for s in spec.shifts)
        return cls(options, tuple(spec.exclusive), shifts, spec.position, spec.dont_know, spec.refusal_rate)

    def problem(self, shown: Sequence[str]) -> str | None:
        """Why this behaviour cannot answer a question with these options, or None."""
        return _unknown_label(shown, self.options, self.dont_know)

    def probabilities(self, facts: Facts, material: str, shown: Sequence[str]) -> list[float]:
        """The probability that each option is drawn, in the order shown, before exclusive options rule out others."""
        active = [effects for within, effects in self.shifts if within(facts, material)]
        log_odds = [self.options[option] + sum(e.get(option, 0.0) for e in active) for option in shown]
        _add_position(log_odds, self.position)
        return [_logistic(value) for value in log_odds]

    def taken(self, chances: Mapping[str, float], draws: Draws, ruled: Sequence[str] = ()) -> dict[str, bool]:
        """Whether each option is taken; an exclusive one that is drawn stands alone, so does one of `ruled`."""
        drawn = {option: draws.uniform() < chance for option, chance in chances.items()}
        alone = next((option for option in (*self.exclusive, *ruled) if drawn.get(option)), None)
        return drawn if alone is None else {option: option == alone for option in drawn}

    def shares(self, chances: Mapping[str, float]) -> dict[str, float]:
        """The exact probability that each option is taken in the end."""
        shares, left = {}, 1.0
        for option in self.exclusive:
            if option in chances:
                shares[option] = left * chances[option]
                left *= 1 - chances[option]
        return {option: shares.get(option, left * chance) for option, chance in chances.items()}


@dataclass(frozen=True)
class Number:
    """Behaviour of a numeric question."""

    quantile_of: Callable[[float], float]
    shifts: tuple[tuple[Within, float, float], ...]
    decimals: int
    dont_know: DontKnow | None
    refusal_rate: float

    @classmethod
    def of(cls, spec: NumericQuestion) -> Number:
        """Compiled from its spec."""
        shifts = tuple((Within.of(s), s.times, s.add) for s in spec.shifts)
        return cls(_quantiles(spec), shifts, spec.decimals, spec.dont_know, spec.refusal_rate)

    def quantile(self, facts: Facts, material: str, u: float) -> float:
        """The number below which a share `u` of such people answer, before bounds and rounding."""
        number = self.quantile_of(min(max(u, 1e-12), 1 - 1e-12))
        for within, times, add in self.shifts:
            if within(facts, material):
                number = number * times + add
        return number


@dataclass(frozen=True)
class Text:
    """Behaviour of an open question."""

    templates: tuple[tuple[Within, str], ...]
    words: Mapping[str, Sequence[str]]
    dont_know: DontKnow | None
    refusal_rate: float
    _names: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, spec: TextQuestion) -> Text:
        """Compiled from its spec."""
        written = [t if isinstance(t, TextTemplate) else TextTemplate(text=t) for t in spec.templates]
        templates = tuple((Within.of(t), t.text) for t in written)
        names = {t.text: tuple(PLACEHOLDER.findall(t.text)) for t in written}
        return cls(templates, spec.words, spec.dont_know, spec.refusal_rate, names)

    def text(self, facts: Facts, material: str, draws: Draws) -> str | None:
        """One fitting template, filled in; None where none fits or all need a fact that the person lacks."""
        fitting = [
            text
            for within, text in self.templates
            if within(facts, material) and all(n in facts or n in self.words for n in self._names[text])
        ]
        if not fitting:
            return None
        return filled(draws.choice(fitting), facts, self.words, draws)


Behaviour = Choice | Multi | Number | Text


def filled(template: str, facts: Facts, words: Mapping[str, Sequence[str]], draws: Draws) -> str:
    """The template with each placeholder replaced: by a word of its list, drawn, or by the fact."""
    return PLACEHOLDER.sub(lambda m: draws.choice(words[m[1]]) if m[1] in words else facts[m[1]], template)


def compile_behaviour(respondents: Respondents) -> dict[str, Behaviour]:
    """The behaviour of each question, with its conditions and logarithms worked out once."""
    return compiled_all(respondents.questions)


def compiled_all(specs: Mapping[str, Question]) -> dict[str, Behaviour]:
    """The behaviour that each of the specs describes."""
    return {name: _compiled(spec) for name, spec in specs.items()}


def true_distribution(
    respondents: Respondents,
    question_id: str,
    facts: Mapping[str, object],
    shown_order: Sequence[str],
    material: str = "",
) -> dict[str, float]:
    """The exact probability of each shown label, for a person with these facts under this arm's material.

    Choice: sums to 1, don't know included when it is shown. Multi: the share that takes each option, don't-know
    answers (who take none) included in the base. Refusals are outside of it. ValueError for other question types.
    """
    behaviour = _compiled(_spec_of(respondents, question_id))
    texts = {name: str(value) for name, value in facts.items()}
    if isinstance(behaviour, Choice):
        if problem := behaviour.problem(shown_order):
            raise ValueError(f"question {question_id!r}: {problem}")
        return dict(zip(shown_order, behaviour.probabilities(texts, material, shown_order), strict=True))
    if isinstance(behaviour, Multi):
        rate = behaviour.dont_know.rate if behaviour.dont_know else 0.0
        drawn = zip(shown_order, behaviour.probabilities(texts, material, shown_order), strict=True)
        return {option: (1 - rate) * share for option, share in behaviour.shares(dict(drawn)).items()}
    raise ValueError(f"question {question_id!r} has no labels; see true_quantile for numbers")


def true_quantile(
    respondents: Respondents, question_id: str, facts: Mapping[str, object], u: float, material: str = ""
) -> float:
    """The u-quantile of a numeric question for a person with these facts, before bounds and rounding."""
    behaviour = _compiled(_spec_of(respondents, question_id))
    if not isinstance(behaviour, Number):
        raise ValueError(f"question {question_id!r} is not numeric")  # noqa: TRY004 -- the value is wrong, not its type
    return behaviour.quantile({name: str(value) for name, value in facts.items()}, material, u)


def misfit(respondents: Respondents, question_id: str, labels: Sequence[str]) -> str | None:
    """Why the file cannot answer a choice or multi question with these labels; None where it can or is silent on it."""
    try:
        behaviour = _compiled(_spec_of(respondents, question_id))
    except KeyError:
        return None
    return behaviour.problem(labels) if isinstance(behaviour, Choice | Multi) else None


def _spec_of(respondents: Respondents, name: str) -> Question:
    """The spec of a question, or of a field of extractions under `extractions.<field id>`; KeyError without one."""
    if name not in respondents.questions and name.startswith(EXTRACTIONS) and respondents.extractions:
        return respondents.extractions.fields[name.removeprefix(EXTRACTIONS)]
    return respondents.questions[name]


def _compiled(spec: Question) -> Behaviour:
    if isinstance(spec, ChoiceQuestion):
        return Choice.of(spec)
    if isinstance(spec, MultiQuestion):
        return Multi.of(spec)
    return Number.of(spec) if isinstance(spec, NumericQuestion) else Text.of(spec)


def _quantiles(spec: NumericQuestion) -> Callable[[float], float]:
    # The spec's own validator has made sure that the parameters of its shape are there.
    if spec.mean is not None and spec.sd is not None:
        return NormalDist(spec.mean, spec.sd).inv_cdf
    if spec.median is not None and spec.sigma is not None:
        median, sigma = spec.median, spec.sigma
        return lambda u: median * math.exp(sigma * _STANDARD_NORMAL.inv_cdf(u))
    low, high = spec.low or 0.0, spec.high or 0.0
    return lambda u: low + (high - low) * u


def _add_position(log_odds: list[float], position: Mapping[str, float]) -> None:
    for place, effect in position.items():
        index = 0 if place == "first" else len(log_odds) - 1 if place == "last" else int(place) - 1
        if 0 <= index < len(log_odds):
            log_odds[index] += effect


def _unknown_label(shown: Sequence[str], known: Mapping[str, object], dont_know: DontKnow | None) -> str | None:
    for label in shown:
        if label not in known and not (dont_know and label == dont_know.label):
            return f"the respondent file has no label {label!r}; it knows: {', '.join(known)}"
    return None


def _logit(p: float) -> float:
    if p in (0.0, 1.0):
        return math.inf if p else -math.inf
    return math.log(p / (1 - p))


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0


@lru_cache(maxsize=256)
def _flat(text: str) -> str:
    """For comparing texts: one case, single blanks."""
    return " ".join(text.casefold().split())
