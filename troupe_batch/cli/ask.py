"""`troupe ask`: one person, one question."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from troupe_batch.cli.exit_codes import FAILED, OK
from troupe_batch.cli.options import json_option, read_settings, rehearse_option, settings_options
from troupe_batch.cli.output import print_json, print_text, say, say_error
from troupe_batch.studies.study import AnswerStatus
from troupe_batch.use_cases.asking import AskReport, ask_person, find_person

_MOST_CHARACTERS = 20_000


@click.command("ask")
@click.argument("person")
@click.argument("question")
@click.option("--show-prompt", is_flag=True, help="Print the messages that are sent.")
@click.option("--only-prompt", is_flag=True, help="Print the messages and call no model.")
@rehearse_option
@json_option
@settings_options
def command(
    *,
    person: str,
    question: str,
    show_prompt: bool,
    only_prompt: bool,
    rehearse: bool,
    as_json: bool,
    config_file: Path | None,
    assignments: tuple[str, ...],
) -> int:
    r"""Ask one person one question. PERSON is an agent file, or a population file and a number.

    \b
    Examples:
      troupe ask populations/us_adults.yaml#17 "What did you have for breakfast?" --rehearse --show-prompt
      troupe ask Lisa.agent.json "What do you do for a living?"
    """
    settings = read_settings(config_file, assignments)
    asked = asyncio.run(ask_person(settings, find_person(person), question, rehearse=rehearse, only_prompt=only_prompt))
    if as_json:
        print_json(_as_json(asked))
    else:
        _show_answer(asked, with_prompt=show_prompt or only_prompt)
    return OK if asked.answer is None or asked.answer.status is AnswerStatus.ANSWERED else FAILED


def _show_answer(asked: AskReport, *, with_prompt: bool) -> None:
    if with_prompt:
        for message in asked.messages:
            click.secho(f"--- {message.role}", fg="cyan")
            print_text(message.content)
        click.secho("---", fg="cyan")
    if asked.answer is None:
        return
    if asked.answer.status is AnswerStatus.ANSWERED:
        say(f"{asked.person.name or asked.person.person_id} (simulated) says:")
        print_text(asked.answer.text or "", _MOST_CHARACTERS)
    else:
        say_error(f"no answer: {asked.answer.status}: {asked.answer.reason}")


def _as_json(asked: AskReport) -> dict[str, object]:
    answer = asked.answer
    return {
        "person_id": asked.person.person_id,
        "name": asked.person.name,
        "synthetic": True,
        "messages": [{"role": message.role, "content": message.content} for message in asked.messages],
        "status": answer.status if answer else None,
        "reason": answer.reason if answer else None,
        "text": answer.text if answer else None,
    }
