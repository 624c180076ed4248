"""A study in which every text is out to act on the terminal, taken through every command: none of it acts."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import unicodedata
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from troupe_batch.cli.main import run_command
from troupe_batch.shown_text import shown

# Titles, links and the clipboard of a terminal, colours and blinking, 8-bit controls, text that turns round, markup.
CONTROLS = "\x1b]0;owned\x07\x1b]8;;http://127.0.0.1/\x1b\\link\x1b]8;;\x1b\\\x1b]52;c;cGFzcw==\x07\x1b[5;45m\r\b\x7f"
TURNED = "\x9b5;45m\x9d0;owned\x9c safe\u202egpj.exe\u2066\u200b"
MARKUP = "[other] [/x] [bold red] [link=http://127.0.0.1/]here[/link] :smile: \\[x"
ATTACK = f"{CONTROLS}{TURNED}{MARKUP}"
# What a label, or the name of a category, may hold: the reader of files refuses the rest.
LABELS = [f"one {TURNED}", f"two {MARKUP}", "[/x]", "[other]"]
CATEGORIES = [f"a {MARKUP}", "[other]", "[/x]", "[bold red]"]
JOB = "job [bold red]\x1b]0;owned\x07\u202e.yaml"
TALK = "talk [bold red]\x9b5m.yaml"
# A folder and a file in it, whose path reads like the end of a tag.
TOWN = "town [/x]\u202e.yaml"

# Our own colours have these codes; blinking (5) and a background (45) come from elsewhere.
_COLOUR = re.compile(r"\x1b\[(?:0|1|2|3|4|22|23|24|3[0-7]|39|9[0-7])(?:;(?:0|1|2|3|4|3[0-7]|39|9[0-7]))*m")
# How a bar of progress draws itself anew: the cursor goes up, a line is wiped, the cursor hides.
_BAR = re.compile(r"\r?\x1b\[(?:2K|\d*A|\?25[lh])")

POPULATION: dict[str, Any] = {
    "schema": "troupe_batch/population/1",
    "id": "town",
    "title": f"Town {MARKUP}",
    "size": 12,
    "sources": [{"id": "none", "citation": f"Invented for this test {MARKUP}"}],
    "dimensions": {
        "area": {"type": "categorical", "values": dict.fromkeys(CATEGORIES, 0.25), "source": "none"},
        "age": {"type": "numeric", "integer": True, "bins": {"20-40": 1.0}, "source": "none"},
    },
}
BASE: dict[str, Any] = {"schema": "troupe_batch/job/1", "title": TURNED + MARKUP, "population": TOWN, "people": 8}
SURVEY: dict[str, Any] = {
    **BASE,
    "id": "survey",
    "units_per_shard": 2,
    "responses": {"facts": ["area"]},
    "rehearsal": {"respondents": "respondents.yaml"},
    "study": {
        "introduction": TURNED + MARKUP,
        "arms": [{"id": "a", "title": TURNED + MARKUP, "material": TURNED + MARKUP}, {"id": "b", "material": MARKUP}],
        "questions": [
            {"id": "one", "type": "single", "text": TURNED + MARKUP, "options": LABELS},
            {"id": "many", "type": "multi", "text": MARKUP, "options": LABELS, "dont_know": f"dk {TURNED}"},
            {"id": "scale", "type": "rating", "text": MARKUP, "labels": LABELS, "best": "last"},
            {"id": "number", "type": "numeric", "text": MARKUP, "unit": TURNED, "minimum": 0, "maximum": 9},
            {"id": "why", "type": "open", "text": f"{MARKUP} {{brand}} {TURNED}"},
        ],
    },
}
ACTING: dict[str, Any] = {
    **BASE,
    "id": "talk",
    "rehearsal": {"respondents": "respondents.yaml"},
    "study": {
        "kind": "world",
        "introduction": MARKUP,
        "people_per_world": 2,
        "steps": 2,
        "moderator": f"M {MARKUP}",
        "documents": [{"name": f"D {TURNED}{MARKUP}", "text": TURNED + MARKUP}],
        "tools": ["word_processor"],
        "script": [
            {"at": 1, "say": TURNED + MARKUP},
            {"at": 2, "ask": {"id": "mood", "type": "open", "text": TURNED + MARKUP}},
        ],
        "extraction": [
            {
                "id": "found",
                "from": "world",
                "objective": MARKUP,
                "fields": [
                    {"id": "what", "type": "text", "text": MARKUP},
                    {"id": "kind", "type": "category", "text": MARKUP, "labels": LABELS},
                ],
            }
        ],
    },
}
RESPONDENTS: dict[str, Any] = {
    "schema": "troupe_batch/respondents/1",
    "title": ATTACK,
    "questions": {name: {"type": "text", "templates": [ATTACK]} for name in ("why", "mood")},
    "acts": {"talk": 0.5, "think": 0.5, "faculties": {"WRITE_DOCUMENT": 0.4}, "lines": [ATTACK, f"{ATTACK} again"]},
    "extractions": {"fields": {"what": {"type": "text", "templates": [ATTACK]}}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hostile")
    files = {TOWN: POPULATION, JOB: SURVEY, TALK: ACTING, "respondents.yaml": RESPONDENTS}
    for name, content in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    with contextlib.chdir(root):
        for job in (JOB, TALK):
            assert run_command(["run", job, "--rehearse", "--inline", "--json"]) == 0
    return root


@pytest.fixture(params=["piped", "in colour"])
def here(folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "400")
    if request.param == "in colour":
        monkeypatch.setenv("FORCE_COLOR", "1")
    return folder


def said_by(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command says on stdout and stderr; nothing in it acts on a terminal but colours of ours."""
    capsys.readouterr()
    run_command([*words])
    both = capsys.readouterr()
    text = _BAR.sub("", _COLOUR.sub("", both.out + both.err))
    acting = sorted({one for one in text if one not in "\n\t" and _acts(one)})
    assert acting == [], f"{words}: {text[:3000]!r}"
    assert "Traceback" not in text
    return text


def _acts(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.usefixtures("here")
def test_a_population_shows_each_category_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("population", TOWN), ("population", TOWN, "--json"), ("population", "profile", TOWN)):
        text = said_by(capsys, *words)

        for category in CATEGORIES:
            assert (json.dumps(category) if "--json" in words else category) in text


@pytest.mark.usefixtures("here")
def test_a_plan_shows_wording_and_labels_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    text = said_by(capsys, "plan", JOB)

    for label in [*LABELS, *CATEGORIES, TURNED + MARKUP]:
        assert shown(label) in text
    said_by(capsys, "plan", JOB, "--json")
    said_by(capsys, "plan", TALK)


@pytest.mark.usefixtures("here")
def test_results_show_each_label_and_what_was_said_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    survey, talk = said_by(capsys, "results", "survey-rehearsal"), said_by(capsys, "results", "talk-rehearsal")

    for label in LABELS:
        assert shown(label) in survey
    assert "[bold red]" in talk
    for run in ("survey-rehearsal", "talk-rehearsal"):
        said_by(capsys, "results", run, "--json")


@pytest.mark.parametrize("name", ["survey-rehearsal", "talk-rehearsal"])
@pytest.mark.usefixtures("here")
def test_commands_on_a_run_are_safe(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["status"], ["status", name], ["verify", name], ["watch", name], ["population", "profile", name]):
        for options in ([], ["--json"]):
            said_by(capsys, *words, *options)
    said_by(capsys, "run", JOB if name.startswith("survey") else TALK, "--rehearse", "--inline")
    said_by(capsys, "run", JOB if name.startswith("survey") else TALK, "--rehearse", "--inline", "--retry")


@pytest.mark.usefixtures("here")
def test_documents_are_files_with_plain_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said_by(capsys, "documents", "talk-rehearsal", str(tmp_path / "out [other]\x1b]0;a\x07"))
    said_by(capsys, "documents", "talk-rehearsal", str(tmp_path / "json [other]\x9b"), "--json")

    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert files
    assert [file.name for file in files if any(map(_acts, file.name))] == []


@pytest.mark.usefixtures("here")
def test_one_person_who_is_asked_is_safe(capsys: pytest.CaptureFixture[str]) -> None:
    text = said_by(capsys, "ask", f"{TOWN}#3", TURNED + MARKUP, "--rehearse", "--show-prompt")

    assert "[rehearsal]" in text
    assert shown(TURNED + MARKUP) in text
    said_by(capsys, "ask", f"{TOWN}#3", TURNED + MARKUP, "--rehearse", "--json")


@pytest.mark.usefixtures("here")
def test_settings_and_checks_are_safe(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROUPE_OPENAI_MODEL", ATTACK)
    monkeypatch.setenv("TROUPE_OPENAI_BASE_URL", "http://127.0.0.1:9/" + ATTACK)
    monkeypatch.setenv("TROUPE_STORAGE_URL", "runs [other]\x1b]0;a\x07")
    for words in (
        ["config"],
        ["config", "--changed"],
        ["config", "--json"],
        ["doctor"],
        ["doctor", "--json"],
        ["doctor", "--ask"],
    ):
        said_by(capsys, *words)
    text = said_by(capsys, "config", "--changed")

    assert shown(ATTACK) in text


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "words",
    [
        [ATTACK],
        ["plan", ATTACK],
        ["run", ATTACK, "--rehearse"],
        ["submit", ATTACK],
        ["population", ATTACK],
        ["population", "compile", ATTACK],
        ["population", "freeze", ATTACK, "--to", ATTACK],
        ["results", ATTACK],
        ["status", ATTACK],
        ["verify", ATTACK],
        ["watch", ATTACK],
        ["documents", ATTACK, "out"],
        ["ask", ATTACK, "?"],
        ["init", ATTACK],
        ["schema", ATTACK],
        ["completion", ATTACK],
        ["plan", JOB, "--set", ATTACK],
        ["plan", JOB, "--set", f"OpenAI.TIMEOUT={ATTACK}"],
        ["plan", JOB, f"--{ATTACK}"],
        ["config", "--config", ATTACK],
        ["rehearse", "--respondents", ATTACK],
        ["rehearse", "--fault", ATTACK],
        ["rehearse", "--host", ATTACK],
    ],
    ids=lambda words: " ".join(word if word.isprintable() else "X" for word in words)[:40],
)
def test_what_is_typed_is_safe(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.suppress(SystemExit):  # of argparse
        said_by(capsys, *words)


@pytest.mark.usefixtures("here")
def test_mistakes_in_files_are_quoted_safely(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken [other]\x1b]0;owned\x07.yaml"
    bad: list[Any] = [
        {**SURVEY, ATTACK: ATTACK},
        {**SURVEY, "id": ATTACK},
        {**SURVEY, "population": ATTACK},
        {**SURVEY, "study": {ATTACK: ATTACK, "questions": [{"id": ATTACK, "type": ATTACK, "text": ATTACK}]}},
        {**SURVEY, "study": {"questions": [{"id": "q", "type": "single", "text": "?", "options": [ATTACK, "b"]}]}},
        {**POPULATION, "dimensions": {ATTACK: {"type": ATTACK, "values": {ATTACK: ATTACK}}}},
        {**RESPONDENTS, "questions": {"why": {"type": "text", "templates": ["{}"], ATTACK: 1}}},
        ATTACK,
    ]
    texts = [yaml.safe_dump(content, sort_keys=False) for content in bad]

    for text in [*texts, f"a: '{ATTACK}", f"title: {TURNED}\n  {MARKUP}: ["]:
        broken.write_text(text, encoding="utf-8")
        for words in (["plan", str(broken)], ["population", str(broken)], ["run", str(broken), "--rehearse"]):
            assert said_by(capsys, *words)


@pytest.mark.usefixtures("here")
def test_a_demography_and_a_proposal_are_safe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demography, prose = tmp_path / "land [other]\x1b]0;a\x07.json", tmp_path / "notes [other]\x9b.txt"
    content = {ATTACK: {ATTACK: "40%", "b": "60%"}, "Country": ATTACK, "Left": {ATTACK: ATTACK}}
    demography.write_text(json.dumps({"title": ATTACK, "source": ATTACK, "content": content}))
    prose.write_text(f"Of the people {ATTACK} 40 percent are {ATTACK}.", encoding="utf-8")

    said_by(capsys, "population", "compile", str(demography), "--force")
    said_by(capsys, "population", "compile", "--from-text", str(prose), "--rehearse", "--force")


class Endpoint(BaseHTTPRequestHandler):
    """A model server that refuses, talks nonsense and fails in turn, each time with a text that is out to act."""

    asked = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        Endpoint.asked += 1
        message = {"role": "assistant", "content": None, "refusal": ATTACK}
        if Endpoint.asked % 3 == 0:
            message = {"role": "assistant", "content": ATTACK, "refusal": None}
        status = 400 if Endpoint.asked % 3 == 1 else 200
        usage = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}
        choices = [{"index": 0, "finish_reason": ATTACK, "message": message}]
        reply = {"id": ATTACK, "object": "chat.completion", "created": 1, "model": ATTACK, "system_fingerprint": ATTACK}
        failure = {"error": {"message": ATTACK, "type": ATTACK, "code": ATTACK, "param": ATTACK}}
        body = json.dumps(failure if status == 400 else {**reply, "choices": choices, "usage": usage}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the library's name
        pass


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    serving = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    serving.join()


@pytest.mark.usefixtures("here")
def test_what_a_server_says_is_safe(
    endpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-synthetic-key-of-a-test")
    monkeypatch.setenv("TROUPE_OPENAI_BASE_URL", endpoint)
    monkeypatch.setenv("TROUPE_STORAGE_URL", str(tmp_path / "runs [other]\x9b5m"))
    run = ["run", JOB, "--inline", "--run-id", "told", "--set", "Budget.MAX_USD=1", "--set", "Budget.PROMPT_PRICE=1"]

    said_by(capsys, *run, "--set", "Budget.COMPLETION_PRICE=1")
    told = said_by(capsys, *run, "--set", "Budget.COMPLETION_PRICE=1", "--set", "OpenAI.PROBE=no")

    assert "refused" in told
    assert shown("\x1b]0;owned") in told
    for words in (["status", "told"], ["results", "told"], ["verify", "told"]):
        said_by(capsys, *words)
        said_by(capsys, *words, "--json")
    said_by(capsys, "ask", f"{TOWN}#1", "?")
