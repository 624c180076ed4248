from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troupe_batch.dispatch.celery_queue import label_of, make_app
from troupe_batch.dispatch.coordination import Holder
from troupe_batch.dispatch.fleet import FleetKeys, QueueSettings, RunKeys
from troupe_batch.dispatch.flower import FlowerSettings, flower_command
from troupe_batch.dispatch.redis_client import broker_url
from troupe_batch.dispatch.run_status import RunStatus, Stop
from troupe_batch.dispatch.worker_processes import WorkerCommand
from troupe_batch.dispatch.worker_runtime import RunFacts, ShardProgress
from troupe_batch.errors import SettingsError, StopReason

counts = st.integers(0, 2**40)
progresses = st.builds(
    ShardProgress, counts, counts, counts, counts, counts, counts, st.floats(0, 1e6, allow_nan=False)
)


@given(progresses)
def test_progress_survives_redis(progress: ShardProgress) -> None:
    assert ShardProgress.unpacked(progress.packed()) == progress


def test_progress_of_an_older_worker_reads_with_zeros() -> None:
    assert ShardProgress.unpacked("3 15") == ShardProgress(units=3, answers=15)


@given(st.integers(1, 50), st.integers(1, 20))
def test_shards_cover_every_unit_once(units: int, units_per_shard: int) -> None:
    facts = RunFacts(-(-units // units_per_shard), units, units_per_shard)

    covered = [unit for shard in range(facts.shards) for unit in facts.units_of(shard)]

    assert covered == list(range(units))


def test_flower_shows_a_shard_in_words() -> None:
    assert label_of("gazpacho", 2, RunFacts(40, 7_950, 200)) == "run=gazpacho shard=3/40 units=400..599"
    assert label_of("gazpacho", 39, RunFacts(40, 7_950, 200)) == "run=gazpacho shard=40/40 units=7800..7949"


@pytest.mark.parametrize(
    ("ours", "celery"),
    [
        ("redis://broker:6379/1", "redis://broker:6379/1"),
        ("unix:///tmp/a/redis.sock", "redis+socket:///tmp/a/redis.sock?virtual_host=0"),
        ("unix:///tmp/a/redis.sock?db=2", "redis+socket:///tmp/a/redis.sock?virtual_host=2"),
    ],
)
def test_celery_reads_the_same_server_from_its_own_form_of_the_url(ours: str, celery: str) -> None:
    assert broker_url(ours) == celery


def test_holder_survives_redis() -> None:
    holder = Holder("ab12", "worker@host-3", "5f0c:17:88")

    assert Holder.parse(str(holder)) == holder


def test_fleets_on_one_redis_share_nothing_but_the_truth_about_runs() -> None:
    one, two = FleetKeys("a."), FleetKeys("b.")

    assert not {one.shards_queue, one.extract_queue, one.workers, one.runs} & {
        two.shards_queue,
        two.extract_queue,
        two.workers,
        two.runs,
    }
    assert RunKeys("r", "a.").hints != RunKeys("r", "b.").hints
    assert RunKeys("r", "a.")["leases"] == RunKeys("r", "b.")["leases"]


def test_no_message_becomes_visible_again_while_its_task_may_still_run() -> None:
    settings = QueueSettings("redis://h", shard_limit_s=9_000)

    conf = make_app(settings).conf

    assert conf.broker_transport_options["visibility_timeout"] > conf.task_time_limit > conf.task_soft_time_limit


def test_settings_that_decide_over_loss_are_said_out_loud() -> None:
    conf = make_app(QueueSettings("redis://h")).conf

    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert not conf.worker_cancel_long_running_tasks_on_connection_loss
    assert conf.accept_content == ["json"]
    assert not conf.result_backend
    assert conf.broker_connection_max_retries is None


def test_a_run_with_quarantined_shards_settles_without_being_complete() -> None:
    status = RunStatus("r", total_shards=3, committed_shards=2, quarantined={1: "bad"})

    assert status.is_settled
    assert not status.is_complete
    assert status.needs_extraction


def test_a_stopped_run_settles_only_when_nobody_is_at_work() -> None:
    stop = Stop(StopReason.BUDGET_SPENT, "10 USD")

    assert not RunStatus("r", 3, 1, leased_shards=1, stop=stop).is_settled
    assert RunStatus("r", 3, 1, stop=stop).needs_extraction
    assert RunStatus("r", 3, 1, stop=stop, extracted_shards=1).is_finished


def test_an_interrupted_run_keeps_its_dataset_for_the_resume() -> None:
    status = RunStatus("r", 3, 1, stop=Stop(StopReason.INTERRUPTED, "Ctrl-C"))

    assert status.is_finished
    assert not status.needs_extraction


def test_a_complete_run_is_finished_only_with_its_dataset() -> None:
    assert not RunStatus("r", 3, 3).is_finished
    assert not RunStatus("r", 3, 3, extracted_shards=2).is_finished
    assert RunStatus("r", 3, 3, extracted_shards=3).is_finished
    assert RunStatus("r", 3, 3, extraction_failure="disk full").is_finished


def test_a_worker_listens_to_its_own_fleet_only() -> None:
    arguments = WorkerCommand(FleetKeys("mine."), concurrency=3, name="w").arguments()

    assert arguments[arguments.index("-Q") + 1] == "mine.shards,mine.extract"
    assert arguments[arguments.index("-c") + 1] == "3"


def test_flower_beyond_this_machine_needs_a_password() -> None:
    with pytest.raises(SettingsError, match="FLOWER_PASSWORD"):
        flower_command(FlowerSettings(Path("f.db"), address="0.0.0.0"))  # noqa: S104 - refused, which is the point


def test_flowers_password_is_not_on_the_command_line() -> None:
    command, env = flower_command(FlowerSettings(Path("f.db"), user="u", password="geheim"))  # noqa: S106 - no real one

    assert not any("geheim" in part for part in command)
    assert env == {"FLOWER_BASIC_AUTH": "u:geheim"}
