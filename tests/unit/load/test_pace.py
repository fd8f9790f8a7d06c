"""Are batches planned for their own moment, whatever happens to others?"""

from __future__ import annotations

import pytest

from load.pace import Stage, plan
from load.poster import answered, head


def test_stages_follow_each_other_at_their_rates():
    planned = plan([Stage("sustained", 400, 2), Stage("burst", 2_000, 1)], batch=20)
    assert [one.number for one in planned] == list(range(140))
    assert sum(one.stage == "sustained" for one in planned) == 40
    assert planned[39].at_s == pytest.approx(1.95)
    assert (planned[40].at_s, planned[41].at_s) == (2.0, pytest.approx(2.01))


def test_an_answer_counts_when_it_is_whole():
    whole = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n{...}"
    assert answered(whole) == "200"
    assert [answered(whole[:end]) for end in range(len(whole))] == [""] * len(whole)


def test_the_head_takes_the_length():
    assert head("http://localhost:80", "wk_1").__mod__(17).endswith(b"Content-Length: 17\r\n\r\n")
    assert b"Host: localhost:80\r\n" in head("http://localhost:80", "wk_1") % 1
