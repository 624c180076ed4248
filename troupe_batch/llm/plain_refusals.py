"""Refusals in plain words, as services say them that enforce no form of a reply.

By words, and with care: an apology or "as an AI" must stand beside "cannot" and beside what is declined, near the
beginning. People say that they cannot stand a soup; a model that declines cannot help, answer or take part.
"""

from __future__ import annotations

import re

# A refusal comes first; what a person says later in a long text is theirs.
_LOOKED_AT, _LONGEST = 400, 2_500
_CURLY = "\N{RIGHT SINGLE QUOTATION MARK}"
_BETWEEN = r"[^{}]{0,80}?"
_HELP = (
    "help|assist|comply|fulfil\\w{0,3}|provide|answer|engage|participate|continue|discuss|create|generate|respond"
    "|role-?play|pretend|portray|simulate|complete|produce|support|take part|do (?:that|this|so)|share|process"
)
# By language: what it begins with, that it cannot, and what.
_WAYS = (
    (
        "sorry|apologi[sz]e|apologies|unfortunately|regret|as an ai|as a language model",
        "can(?:no|')?t|can not|unable|not able|won't|will not|must decline|have to decline|not comfortable",
        _HELP,
    ),
    (
        "désolée?|excuse|malheureusement|regrette|en tant qu'(?:ia|intelligence|assistant|modèle)",
        "ne peux|ne suis pas|ne pourrai|ne puis|dois refuser|dois décliner",
        "aider|répondre|assister|fournir|satisfaire|participer|continuer|traiter|donner suite|accéder|refuser|décliner",
    ),
    (
        "desculp\\w{1,4}|lamento|sinto muito|infelizmente|como (?:uma? )?(?:ia|inteligência|modelo|assistente)",
        "não (?:posso|consigo|poderei|sou capaz|estou)|preciso recusar|devo recusar",
        "ajud\\w{1,5}|respond\\w{1,4}|atend\\w{1,4}|fornec\\w{1,4}|particip\\w{1,4}|continu\\w{1,4}|cumpr\\w{1,4}|recusar",
    ),
    (
        "lo siento|disculp\\w{1,5}|lamento|lamentablemente|como (?:una? )?(?:ia|inteligencia|modelo|asistente)",
        "no (?:puedo|podré|me es posible|estoy|soy capaz)|debo rechazar|debo declinar",
        "ayud\\w{1,5}|respond\\w{1,4}|asisti\\w{1,4}|particip\\w{1,4}|continu\\w{1,4}|cumpl\\w{1,4}|rechazar|declinar",
    ),
    (
        "tut mir leid|entschuldig\\w{1,6}|leider|bedau\\w{1,6}|als (?:eine? )?(?:ki|sprachmodell|künstliche)",
        "kann|darf|möchte|werde|muss|bin nicht",
        "nicht "
        + _BETWEEN
        + "(?:helfen|beantworten|unterstützen|nachkommen|teilnehmen|fortfahren|erfüllen)|weiterhelfen"
        "|ablehnen",
    ),
    (
        "mi dispiace|spiacente|scus\\w{1,4}|purtroppo|come (?:ia|intelligenza|modello|assistente)",
        "non (?:posso|sono in grado|mi è possibile)|devo (?:rifiutare|declinare)",
        "aiut\\w{1,5}|rispond\\w{1,4}|assist\\w{1,4}|forni\\w{1,4}|partecip\\w{1,4}|continu\\w{1,4}|soddisf\\w{1,4}|rifiutare",
    ),
    ("抱歉|对不起|遗憾|作为", "无法|不能|不可以|没法|不便", "帮助|回答|提供|协助|满足|讨论|继续|参与|回应|完成"),
    ("申し訳|すみません|恐れ入り|残念", "でき|かね|お断り", "ません|ます"),
)
_REFUSALS = tuple(
    re.compile(rf"(?<![A-Za-z])(?:{sorry}){_BETWEEN}(?:{cannot}){_BETWEEN}(?:{what})", re.IGNORECASE)
    for sorry, cannot, what in _WAYS
)
_DECLINED = re.compile(
    r"^\W{0,5}I (?:can(?:no|')t|can not|am unable to|am not able to|won't|will not|must decline to) "
    r"(?:help|assist|comply|fulfil\w{0,3}|participate|engage|role-?play) (?:you )?(?:(?:with|in) )?"
    r"(?:that|this|your|such)\b",
    re.IGNORECASE,
)


def declines(text: str) -> bool:
    """Whether the text as a whole is a refusal."""
    if len(text) > _LONGEST:
        return False
    beginning = " ".join(text[:_LOOKED_AT].replace(_CURLY, "'").split())
    return _DECLINED.search(beginning) is not None or any(way.search(beginning) for way in _REFUSALS)
