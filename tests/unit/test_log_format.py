import logging
from io import StringIO

from troupe_batch.log_format import FactsFormatter, FoldingHandler


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


def test_a_warning_that_repeats_is_one_line_and_a_count() -> None:
    out = StringIO()
    handler = FoldingHandler(out)
    for number in range(175):
        facts = {"action": "full", "reason": "disk is full", "unit_id": str(number)}
        handler.handle(logging.makeLogRecord({"msg": "A reply waits", "levelno": logging.WARNING, **facts}))
    other = {"msg": "Something else", "levelno": logging.WARNING, "action": "else"}
    handler.handle(logging.makeLogRecord(other))

    handler.close()

    lines = out.getvalue().splitlines()
    assert [line.partition("A reply waits")[1] for line in lines] == ["A reply waits", "", "A reply waits"]
    assert lines[-1].endswith("unit_id=174 more_like_it=174")


def test_the_count_comes_with_the_next_line_that_is_shown() -> None:
    out = StringIO()
    handler = FoldingHandler(out)
    for second in (0.0, 1.0, 2.0, 31.0):
        record = {"msg": "Redis is away", "levelno": logging.WARNING, "created": second}
        handler.handle(logging.makeLogRecord(record))

    assert len(out.getvalue().splitlines()) == 2
    assert out.getvalue().rstrip().endswith("more_like_it=2")
