"""An endpoint that repeats what it was sent: nothing of it is stored or logged."""

from __future__ import annotations

import pytest

from tests.doubles.models import request
from tests.integration.llm.fault_server import FaultServer, error
from troupe_batch.errors import RequestRejected
from troupe_batch.llm.provider import OpenAIProvider


async def test_a_refusal_that_echoes_the_key_and_the_prompt_gives_neither_away(
    server: FaultServer, provider: OpenAIProvider
) -> None:
    told = "Marisol keeps bees near Teruel and votes as she likes"
    said = f"bad content {told!r} from key sk-secret-0123456789 / {b'sk-secret-0123456789'.hex()}"
    server.answers = [error(400, {"message": said, "code": "bad"})]

    with pytest.raises(RequestRejected) as caught:
        await provider.complete(request(told, schema=None))

    assert str(caught.value).endswith("bad content '[prompt]' from key [key] / [key]")
    assert "secret" not in str(caught.value.__cause__)
    assert "Teruel" not in str(caught.value.__cause__)
