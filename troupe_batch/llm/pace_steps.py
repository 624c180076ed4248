"""Steps in which a pace is learned from what becomes of calls.

    start       few calls in flight, twice as many every 2.5 seconds at most, until the first sign of trouble
    refused     429, 503: half as many in flight, and hardly fewer a second than the endpoint has just taken
    refused still, and nothing taken: one call at a time asks whether it is over, ever rarer
    lost        a time-out: half as many in flight after a pause, as the endpoint may still be at work for nobody
    slow        calls take more than twice as long as they can: somewhat fewer in flight
    going well  one more in flight per window of success, and slowly more a second

What is known to be good is returned to at once; growth beyond it is paid for by success. A refusal costs what eighty
successes bring in, so that about one call in a hundred is refused however the endpoint counts, by bucket or by minute.

Additive increase and multiplicative decrease: Chiu and Jain 1989. That only what left after the last step back is a new
sign: Jacobson 1988. Latencies as a sign: Brakmo and Peterson 1995 (TCP Vegas).
"""

from __future__ import annotations

from dataclasses import replace

from troupe_batch.llm.pace import Pace, PaceMember, PaceReport, binned, in_flight, since

_GONE_S = 10.0
_DOUBLING_S = 2.5
# What a success brings in and what time does, in refusals; what can be saved and owed at most.
_PER_SUCCESS, _PER_S, _MOST_CREDIT, _LEAST_CREDIT = 0.012, 1 / 30, 1.0, -4.0
# So many calls say how many a second are taken; this is the error of the count.
_ENOUGH, _SAFE = 20, 0.97
_FEWER, _FEWEST, _FEWER_IN_DOUBT = 0.95, 0.7, 0.9
_FEWER_AT_ONCE, _GOOD, _ENOUGH_FOR_RATE = 0.85, 0.9, 1.3
_RECENT_S, _MINUTE_S = 10.0, 60.0
_GROWTH_PER_S, _RETURN_PER_S = 0.005, 0.1
# After so long without trouble growth becomes faster, by as much again every ten seconds.
_CALM_S, _FASTER_EVERY_S, _FASTEST = 20.0, 10.0, 3.0
_SLOW, _TOO_SLOW, _LEAST_WHEN_SLOW, _EASED = 2.0, 2.5, 4.0, 0.8
# A call that takes so much of the time-out is a warning where calls are slower than they were.
_NEAR_TIMEOUT, _AT_TIMEOUT, _SLOWER = 0.4, 0.6, 1.3
_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _PAUSE_SHARE = 1.5, 30.0, 0.5
_NEW_PAUSE_S, _LONGEST_DRAIN_S, _DRAIN_SHARE = 0.5, 5.0, 0.25


def after(pace: Pace, report: PaceReport, who: str, member: PaceMember, *, timeout_s: float) -> Pace:
    """The pace once a process has said how its calls went; `member.seen_s` is now."""
    now_s = member.seen_s
    members = {one: known for one, known in pace.members.items() if now_s - known.seen_s < _GONE_S and one != who}
    if member.wanted:
        members[who] = member
    pace = _with_successes(replace(pace, members=members), report, now_s)
    trouble = report.refused + report.lost
    if trouble and report.epoch != pace.epoch:
        # Others have said so already: these calls had left before their process heard of it.
        return replace(pace, credit=max(_LEAST_CREDIT, pace.credit - trouble))
    if trouble:
        return _stepped_back(pace, report, now_s, timeout_s)
    return _grown(_eased(pace, now_s, timeout_s), report, now_s, timeout_s)


def _with_successes(pace: Pace, report: PaceReport, now_s: float) -> Pace:
    paid = max(_PER_SUCCESS * report.served, _PER_S * since(pace.told_s, now_s)) if report.served else 0.0
    return replace(
        pace,
        credit=min(_MOST_CREDIT, pace.credit + paid),
        taken=pace.taken + report.taken,
        bins=binned(pace.bins, report.taken, now_s),
        proved=pace.proved + report.proved,
        is_probing=pace.is_probing and not report.proved,
        succeeded_s=now_s if report.served else pace.succeeded_s,
        began_s=now_s if pace.began_s is None else pace.began_s,
        trouble_s=now_s if pace.trouble_s is None else pace.trouble_s,
        grown_s=now_s if pace.grown_s is None else pace.grown_s,
        told_s=now_s,
        slowness=pace.slowness.after(report.latencies, window=pace.window),
        quotas=pace.quotas if report.quotas is None else report.quotas,
    )


def _stepped_back(pace: Pace, report: PaceReport, now_s: float, timeout_s: float) -> Pace:
    if not report.refused and pace.credit >= report.lost and pace.slowness.factor < _SLOWER:
        # A single loss where all goes well is bad luck.
        return replace(pace, credit=pace.credit - report.lost)
    credit = max(_LEAST_CREDIT, pace.credit - report.refused - report.lost)
    pace = replace(pace, credit=credit, epoch=pace.epoch + 1, grown_s=now_s)
    if pace.epoch > 1 and pace.taken <= 0:
        return _blocked(pace, report, now_s)
    is_sure = pace.taken >= _ENOUGH
    is_rate = bool(report.refused) and not (is_sure and report.is_crowded)
    is_new = is_rate and pace.rate is None
    slower = _fewer_a_second(pace, now_s) if is_rate else pace
    drain_s = min(_LONGEST_DRAIN_S, _DRAIN_SHARE * timeout_s) if report.lost else 0.0
    wait_s = max(drain_s, _NEW_PAUSE_S if is_new else 0.0, report.pause_s or 0.0)
    return replace(
        slower,
        window=_narrower(slower, report, now_s, is_rate=is_rate, is_new=is_new),
        known_good=_known_good(pace, is_rate=is_rate),
        is_probing=is_new,
        trouble_s=now_s,
        taken=0,
        proved=0,
        paused_until_s=max(pace.paused_until_s, now_s + wait_s),
        is_asked=report.pause_s is not None,
    )


def _narrower(pace: Pace, report: PaceReport, now_s: float, *, is_rate: bool, is_new: bool) -> float:
    if is_new:
        return 1.0
    if report.refused and not is_rate:
        return max(1.0, _FEWER_AT_ONCE * pace.window)
    half = max(1.0, pace.window / 2)
    if not report.refused or pace.taken < _ENOUGH:
        return half
    # Those that the rate takes are not too many.
    taken = pace.taken / max(since(pace.trouble_s, now_s), 0.1)
    return min(pace.window, max(half, in_flight(min(taken, pace.rate or taken), pace.slowness.mean_s)))


def _known_good(pace: Pace, *, is_rate: bool) -> float:
    """Where it was a matter of calls a second, those in flight are beside the point."""
    if pace.known_good is None:
        return max(1.0, pace.window / 2)
    return pace.known_good if is_rate else pace.window


def _blocked(pace: Pace, report: PaceReport, now_s: float) -> Pace:
    """Nothing has been taken since the last step back. Where a minute is full, a new one begins by its end."""
    pause_s = min(_LONGEST_PAUSE_S, max(_FIRST_PAUSE_S, _PAUSE_SHARE * since(pace.trouble_s, now_s)))
    minute_s = pace.minute_ends_s - now_s
    pause_s = min(pause_s, minute_s) if minute_s > _FIRST_PAUSE_S else pause_s
    pause_s = pause_s if report.pause_s is None else report.pause_s
    return replace(
        _fewer_a_second(pace, now_s, is_blocked=True) if report.refused else pace,
        window=max(1.0, pace.window / 2) if report.lost else pace.window,
        is_probing=True,
        paused_until_s=max(pace.paused_until_s, now_s + pause_s),
        is_asked=report.pause_s is not None,
    )


def _fewer_a_second(pace: Pace, now_s: float, *, is_blocked: bool = False) -> Pace:
    """Fewer calls a second: hardly fewer than were taken of late, which is what the endpoint allows."""
    recent_s = max(1.0, min(_RECENT_S, since(pace.began_s, now_s)))
    recent = _SAFE * pace.taken_in(recent_s, now_s) / recent_s
    usual = _FEWER * pace.taken_in(_MINUTE_S, now_s) / _MINUTE_S
    if pace.rate is None:
        is_known = is_blocked or pace.taken_in(recent_s, now_s) >= _ENOUGH
        return replace(pace, rate=max(recent, usual) or None, hoped=usual) if is_known else pace
    if is_blocked:
        return replace(pace, rate=min(pace.rate, max(recent, pace.hoped)))
    if pace.taken >= _ENOUGH:
        fewer = max(_FEWEST * pace.rate, min(_FEWER * pace.rate, recent))
        return replace(pace, rate=fewer, hoped=min(_FEWER * pace.rate, usual))
    taken = _SAFE * pace.taken / max(since(pace.trouble_s, now_s), 0.1)
    return replace(pace, rate=max(pace.rate / 2, min(_FEWER_IN_DOUBT * pace.rate, taken)))


def _eased(pace: Pace, now_s: float, timeout_s: float) -> Pace:
    """Somewhat fewer calls in flight where calls take far longer than they can; once in the time of a call."""
    slowness = pace.slowness
    is_late = slowness.factor > _SLOWER and slowness.mean_s > _AT_TIMEOUT * timeout_s
    is_due = since(pace.grown_s, now_s) > slowness.mean_s and pace.window > _LEAST_WHEN_SLOW
    if not is_due or not (is_late or slowness.factor > _TOO_SLOW):
        return pace
    fewer = max(_LEAST_WHEN_SLOW, pace.window * max(_EASED, _SLOW / slowness.factor))
    return replace(pace, window=min(fewer, pace.window), known_good=pace.window, grown_s=now_s)


def _grown(pace: Pace, report: PaceReport, now_s: float, timeout_s: float) -> Pace:
    if not report.served or pace.is_probing:
        return pace
    passed_s = min(_DOUBLING_S, since(pace.grown_s, now_s))
    window = pace.window
    is_used = report.is_full and pace.under_way >= pace.window / 2
    if is_used and not _is_near_its_end(pace, report, timeout_s):
        window = _wider(pace, report.served, now_s, passed_s)
    return replace(pace, window=window, rate=_faster(pace, report, now_s, passed_s), grown_s=now_s)


def _is_near_its_end(pace: Pace, report: PaceReport, timeout_s: float) -> bool:
    """Whether more calls in flight would only wait longer, or run into the time-out."""
    slowness = pace.slowness
    is_near = max(slowness.mean_s, report.latencies.longest_s) > _NEAR_TIMEOUT * timeout_s
    return slowness.factor > _SLOW or (is_near and (slowness.factor > _SLOWER or not slowness.is_known))


def _wider(pace: Pace, served: int, now_s: float, passed_s: float) -> float:
    if pace.known_good is None:
        quick = pace.window + served
        # Where the endpoint names its limits, calls in flight can do no harm.
        return quick if pace.quotas.requests else min(quick, pace.window * 2.0 ** (passed_s / _DOUBLING_S))
    good = max(_GOOD * pace.known_good, _ENOUGH_FOR_RATE * pace.needed())
    if pace.window < good:
        return min(pace.window + served, good)
    return pace.window + _haste(pace, now_s) * served / pace.window if pace.credit >= 0 else pace.window


def _faster(pace: Pace, report: PaceReport, now_s: float, passed_s: float) -> float | None:
    if pace.rate is None or not report.is_held_back:
        return pace.rate
    back = min(pace.hoped, pace.rate * (1.0 + _RETURN_PER_S * passed_s))
    growth = _GROWTH_PER_S * _haste(pace, now_s) if pace.credit >= 0 else 0.0
    return max(pace.rate * (1.0 + growth * passed_s), back)


def _haste(pace: Pace, now_s: float) -> float:
    return min(_FASTEST, 1.0 + max(0.0, since(pace.trouble_s, now_s) - _CALM_S) / _FASTER_EVERY_S)
