"""When is a worker said to make no progress?"""

from workers.liveness import STALLED_S, Progress


def test_a_worker_that_takes_messages_is_well():
    progress = Progress(ticked_s=0.0, moved_s=0.0, room=2)
    for second in range(100):
        progress.ticked_s = float(second)
        progress.note(taken=second, waiting=50, now_s=float(second))
        assert progress.complaint(float(second)) == ""


def test_a_worker_with_nothing_to_do_is_well():
    progress = Progress(ticked_s=0.0, moved_s=0.0)
    progress.note(taken=0, waiting=0, now_s=100.0)
    progress.ticked_s = 100.0
    assert progress.complaint(100.0) == ""


def test_a_worker_whose_pool_is_busy_is_well():
    progress = Progress(ticked_s=100.0, moved_s=0.0, room=2, busy=2)
    progress.note(taken=0, waiting=9, now_s=100.0)
    assert progress.complaint(100.0) == ""


def test_a_loop_that_does_not_tick_is_a_complaint():
    progress = Progress(ticked_s=0.0, moved_s=0.0)
    assert progress.complaint(STALLED_S) == ""
    assert "has not ticked" in progress.complaint(STALLED_S + 1)


def test_messages_that_wait_beside_a_free_pool_are_a_complaint():
    progress = Progress(ticked_s=0.0, moved_s=0.0, room=2, busy=1)
    progress.ticked_s = STALLED_S + 1
    progress.note(taken=0, waiting=1, now_s=STALLED_S + 1)
    assert "messages have waited" in progress.complaint(STALLED_S + 1)
