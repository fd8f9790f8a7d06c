"""Are statements that are asked together all answered, in their order, each on a connection of its own?"""

from __future__ import annotations

import os
import threading

import pytest

from app.storage.client import Storage
from app.storage.connections import close_all
from app.storage.failures import StoragePermanent
from app.storage.statements import Statement
from app.storage.together import together
from config.settings import Settings

WRONG = Statement("wrong", "SELECT no_such_column")


def number(value: int):
    def ask(storage: Storage) -> tuple[int, int]:
        ((found,),) = storage.rows(Statement("number", f"SELECT {value}"))
        return found, id(storage)

    return ask


def test_answers_come_in_order_and_the_callers_connection_has_the_first(storage: Storage, settings: Settings) -> None:
    answers = together(storage, settings, [number(value) for value in range(9)])
    assert [value for value, _ in answers] == list(range(9))
    assert answers[0][1] == id(storage)
    assert id(storage) not in {of for _, of in answers[1:]}


def test_the_first_failure_is_raised_when_all_have_ended(storage: Storage, settings: Settings) -> None:
    ended = threading.Event()

    def late(one: Storage) -> None:
        one.rows(Statement("late", "SELECT sleep(0.2)"))
        ended.set()

    with pytest.raises(StoragePermanent, match="wrong"):
        together(storage, settings, [lambda one: one.rows(WRONG), late])
    assert ended.is_set()
    with pytest.raises(StoragePermanent, match="wrong"):
        together(storage, settings, [number(1), lambda one: one.rows(WRONG), number(2)])


def test_a_forked_child_has_threads_of_its_own(storage: Storage, settings: Settings) -> None:
    together(storage, settings, [number(1), number(2)])
    child = os.fork()
    if not child:
        fresh = Storage(settings)
        found = [value for value, _ in together(fresh, settings, [number(3), number(4), number(5)])]
        os._exit(0 if found == [3, 4, 5] else 1)
    assert os.waitpid(child, 0)[1] == 0
    close_all()
