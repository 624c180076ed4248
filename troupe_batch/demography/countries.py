"""Country that a demography is about, by its name in a text, and the locale of names and prose there."""

from __future__ import annotations

import re
from functools import cache

# Country, further words for it and its people, locale. Where several languages are spoken, that of most people, or the
# one in which national surveys are written.
_TABLE = """
Argentina|Argentine|Argentinian|es_AR
Armenia|Armenian|hy_AM
Australia|Australian|en_AU
Austria|Austrian|de_AT
Azerbaijan|Azerbaijani|az_AZ
Bangladesh|Bangladeshi|bn_BD
Belgium|Belgian|nl_BE
Brazil|Brasil|Brazilian|pt_BR
Bulgaria|Bulgarian|bg_BG
Canada|Canadian|en_CA
Chile|Chilean|es_CL
China|Chinese|PRC|zh_CN
Colombia|Colombian|es_CO
Croatia|Croatian|hr_HR
Czechia|Czech|Czech Republic|cs_CZ
Denmark|Danish|da_DK
Egypt|Egyptian|ar_EG
Estonia|Estonian|et_EE
Ethiopia|Ethiopian|am_ET
Finland|Finnish|fi_FI
France|French|fr_FR
Georgia|Georgian|ka_GE
Germany|German|Deutschland|de_DE
Ghana|Ghanaian|tw_GH
Greece|Greek|el_GR
Hungary|Hungarian|hu_HU
Iceland|Icelandic|is_IS
India|Indian|en_IN
Indonesia|Indonesian|id_ID
Iran|Iranian|fa_IR
Ireland|Irish|en_IE
Israel|Israeli|he_IL
Italy|Italian|it_IT
Japan|Japanese|ja_JP
Kenya|Kenyan|en_KE
Latvia|Latvian|lv_LV
Lithuania|Lithuanian|lt_LT
Luxembourg|lb_LU
Malta|Maltese|mt_MT
Mexico|México|Mexican|es_MX
Nepal|Nepali|Nepalese|ne_NP
Netherlands|Dutch|Holland|nl_NL
New Zealand|New Zealander|New Zealanders|en_NZ
Nigeria|Nigerian|en_NG
Norway|Norwegian|no_NO
Pakistan|Pakistani|en_PK
Philippines|Filipino|Philippine|en_PH
Poland|Polish|pl_PL
Portugal|Portuguese|pt_PT
Romania|Romanian|ro_RO
Russia|Russian|Russian Federation|ru_RU
Saudi Arabia|Saudi|ar_SA
Slovakia|Slovak|sk_SK
Slovenia|Slovenian|sl_SI
South Africa|South African|zu_ZA
South Korea|Korea|Korean|South Korean|Republic of Korea|ko_KR
Spain|Spanish|España|es_ES
Sweden|Swedish|sv_SE
Switzerland|Swiss|de_CH
Taiwan|Taiwanese|zh_TW
Thailand|Thai|th_TH
Turkey|Türkiye|Turkish|tr_TR
Ukraine|Ukrainian|uk_UA
United Kingdom|UK|U.K.|Britain|Great Britain|British|England|en_GB
United States|United States of America|USA|U.S.A.|U.S.|US|American|en_US
Uzbekistan|Uzbek|uz_UZ
Vietnam|Viet Nam|Vietnamese|vi_VN
"""
# Where Faker has no names of people, the word lists of a country with much the same ones.
_NAMES_OF = {"en_AU": "en_GB", "en_CA": "en_US"}
# Of a word that is part of one of these, nothing follows: "Native American", "Latin America", "Indian Ocean".
_NO_COUNTRY = re.compile(
    r"\b(?:African|Native|Latin|South|North|Central|Asian|Mexican|Hispanic)[ -]American\w*|\bAmerican Samoa\b|"
    r"\bNew Mexico\b|\bNorth Korea\w*|\bNew England\b|\bFrench (?:Guiana|Polynesia)\b|\bAmerican Indians?\b|"
    r"\bState of Georgia\b"
)


def country_named(name: str) -> str | None:
    """The country that the name means, in the form that is used here; None for one that is not known."""
    return _countries().get(name.strip().removeprefix("the ").casefold())


def countries_in(text: str) -> tuple[str, ...]:
    """The countries that a text names, each once, in the order of the text."""
    found = (match.group(1) for match in _pattern().finditer(_NO_COUNTRY.sub(" ", text)))
    # "us" and "Us" are words.
    return tuple(dict.fromkeys(_countries()[word.casefold()] for word in found if word not in ("us", "Us")))


def locale_of(country: str) -> str | None:
    """The locale of names and prose in a country that is known here, else None."""
    return _locales().get(country)


def names_of(locale: str) -> str:
    """The locale whose names people of this locale have."""
    return _NAMES_OF.get(locale, locale)


@cache
def _country_rows() -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(line.split("|")) for line in _TABLE.strip().splitlines())


@cache
def _locales() -> dict[str, str]:
    return {row[0]: row[-1] for row in _country_rows()}


@cache
def _countries() -> dict[str, str]:
    return {word.casefold(): row[0] for row in _country_rows() for word in row[:-1]}


@cache
def _pattern() -> re.Pattern[str]:
    words = sorted(_countries(), key=len, reverse=True)
    plural = "|".join(re.escape(word) for word in words)
    return re.compile(rf"(?<![\w.])({plural})(?=s?(?![\w]))", re.IGNORECASE)
