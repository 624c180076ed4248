import logging

from troupe_batch.log_format import FactsFormatter


def line(message: str, **facts: object) -> str:
    record = logging.LogRecord("troupe_batch.x", logging.WARNING, __file__, 1, message, None, None)
    vars(record).update(facts)
    return FactsFormatter().format(record)


def test_a_line_is_the_sentence_and_then_its_facts_with_the_action_first() -> None:
    shown = line("A call is tried again.", attempt=2, action="retry", reason="too many requests")

    assert shown.endswith(
        "WARNING troupe_batch.x: A call is tried again. action=retry attempt=2 reason='too many requests'"
    )


def test_a_line_without_facts_ends_with_its_sentence() -> None:
    assert line("Nothing more.").endswith("troupe_batch.x: Nothing more.")


def test_a_fact_never_breaks_the_line() -> None:
    assert "\n" not in line("A shard failed.", reason="first\nsecond")
