"""Conditions on real workers: a survey with a block behind a screener, and an interview with an expression."""

from __future__ import annotations

from tests.acceptance.project import Project

SCREENER = [
    {"id": "drinks", "type": "multi", "text": "What did you drink?", "options": ["Tea", "Coffee"]},
    {"id": "home", "type": "single", "text": "Where?", "options": ["At home", "Out"]},
]
LIKING = {"id": "liking", "type": "rating", "text": "How?", "labels": ["Not", "Rather", "Much"], "when": "age >= 40"}
WHY = {"id": "why", "type": "open", "text": "Why?", "when": {"question": "liking", "at_least": 2}}
PLACE = {"id": "place", "type": "single", "text": "Where do you live?", "options": ["Town", "Country"]}
BLOCKS = [
    {"id": "screener", "questions": SCREENER},
    {"id": "tea", "when": "'Tea' in drinks", "questions": [LIKING, WHY]},
    {"id": "closing", "questions": [PLACE]},
]


def test_a_block_behind_a_screener_is_asked_of_those_who_pass_it_in_as_many_calls_as_its_cuts(project: Project) -> None:
    job = project.write_job("screened", study={"kind": "survey", "blocks": BLOCKS})

    done = project.troupe("run", job, "--rehearse", "--json")

    assert done.code == 0, done.err
    run = done.json["run_id"]
    assert project.verify(run) == 0
    people = project.table(run, "people").set_index("person_id")["age"]
    responses = project.table(run, "responses").set_index("person_id")
    passed = responses["drinks__1"].astype(bool)
    is_40 = people.loc[responses.index] >= 40
    likes = passed & is_40
    liked = likes & (responses["liking"] >= 2)
    assert 0 < liked.sum() < likes.sum() < passed.sum() < 60
    assert (responses["liking__status"] == likes.map({True: "answered", False: "skipped"})).all()
    assert (responses["why__status"] == liked.map({True: "answered", False: "skipped"})).all()
    assert responses["place"].notna().all()

    # One call for those whom their age alone keeps from the block; then cut before it, and before `why` where `liking`
    # is asked.
    made = project.table(run, "llm_calls").groupby("unit_id").size()
    assert (made == (1 + is_40 + likes).set_axis(responses["unit_id"]).reindex(made.index)).all()

    answers = project.table(run, "answers").set_index(["unit_id", "question_id"])
    skipped = answers[answers["status"] == "skipped"]
    reasons = set(skipped.xs("liking", level="question_id")["reason"])
    assert reasons == {"asked only where 'Tea' in drinks", "asked only where age >= 40"}
    assert skipped[["label", "call_key", "option_order"]].isna().all(axis=None)

    shown = project.troupe("results", run, "--json")
    [table] = [one["columns"][0] for one in shown.json if one["question"]["id"] == "liking"]
    assert (table["answered"], table["absences"]) == (likes.sum(), {"skipped": 60 - likes.sum()})
    assert sum(share["count"] for share in table["shares"]) == likes.sum()


def test_an_expression_decides_who_is_asked_in_an_interview(project: Project) -> None:
    script = [
        {"ask": PLACE},
        {"ask": SCREENER[0]},
        {"ask": {"id": "why", "type": "open", "text": "Why?"}, "when": "place == 'Town' and 'Tea' in drinks"},
    ]
    job = project.write_job("asked", people=30, study={"kind": "interview", "script": script})

    done = project.troupe("run", job, "--rehearse", "--json")

    assert done.code == 0, done.err
    run = done.json["run_id"]
    assert project.verify(run) == 0
    responses = project.table(run, "responses")
    fits = (responses["place"] == "Town") & responses["drinks__1"]
    assert 0 < fits.sum() < 30
    assert ((responses["why__status"] == "skipped") == ~fits).all()
    reasons = project.table(run, "answers").query("status == 'skipped'")["reason"]
    assert set(reasons) == {"asked only where place == 'Town' and 'Tea' in drinks"}
