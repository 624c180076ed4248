"""Names that nobody has: a mistake where the endpoint has never answered, an outage where it has."""

from __future__ import annotations

import socket

import httpx2
import pytest

from troupe_batch.llm.wrong_address import mistake

_URL = httpx2.URL("http://nobody.invalid:8000/v1")


def not_found(number: int) -> Exception:
    """As the SDK raises it: the reason is what caused it."""
    error = ConnectionError("cannot connect")
    error.__cause__ = socket.gaierror(number, "no")
    return error


def test_a_name_that_nobody_has_is_a_mistake() -> None:
    said = mistake(not_found(socket.EAI_NONAME), _URL, has_answered=False)

    assert said is not None
    assert said.startswith("no machine is known by the name nobody.invalid; check OpenAI.BASE_URL")


@pytest.mark.parametrize(("number", "has_answered"), [(socket.EAI_NONAME, True), (socket.EAI_AGAIN, False)])
def test_a_name_that_is_not_known_for_now_is_an_outage(number: int, *, has_answered: bool) -> None:
    assert mistake(not_found(number), _URL, has_answered=has_answered) is None
