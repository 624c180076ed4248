from __future__ import annotations

import redis

from troupe_batch.dispatch.fleet import FleetKeys
from troupe_batch.dispatch.worker_presence import WorkerPresence

FLEET = FleetKeys("a.")


def test_a_worker_shows_with_its_slots_until_it_leaves(redis_url: str) -> None:
    presence = WorkerPresence(redis_url, FLEET, worker="w@a", slots=3, process="p")
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.lpush(FLEET.shards_list, "one", "two")

        queued = presence.beat()
        shown = client.zrange(FLEET.workers, 0, -1)
        presence.leave()
        left = client.exists(FLEET.workers)

    assert queued == 2
    assert shown == ["w@a 3 p"]
    assert not left


def test_of_a_whole_fleet_one_worker_asks_to_look_after_open_runs(redis_url: str) -> None:
    workers = [WorkerPresence(redis_url, FLEET, worker=f"w@{n}", slots=1, process="p") for n in range(5)]
    idle = [w.should_send_tend_hint() for w in workers]
    with redis.Redis.from_url(redis_url) as client:
        client.zadd(FLEET.runs, {"gazpacho": 1})

    asked = [w.should_send_tend_hint() for w in workers]
    for worker in workers:
        worker.leave()

    assert idle == [False] * 5
    assert asked == [True, False, False, False, False]


def test_a_worker_takes_no_harm_from_an_absent_redis() -> None:
    presence = WorkerPresence("unix:///nowhere/redis.sock", FLEET, worker="w@a", slots=1, process="p")

    assert presence.beat() is None
    assert not presence.should_send_tend_hint()
    presence.leave()


def test_two_workers_of_one_name_are_two(redis_url: str) -> None:
    twins = [WorkerPresence(redis_url, FLEET, worker="w@a", slots=6, process=process) for process in ("p1", "p2")]
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        for one in twins:
            one.beat()
        shown = client.zcard(FLEET.workers)
        twins[0].leave()
        left = client.zrange(FLEET.workers, 0, -1)

    assert (shown, left) == (2, ["w@a 6 p2"])
    twins[1].leave()
