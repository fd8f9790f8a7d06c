"""Which ids name nobody, and what becomes of the events that carry them?"""

from __future__ import annotations

from typing import Any

import pytest

from app.ingest.ids import names_nobody
from app.ingest.refusals import Refused
from tests.unit.ingest_edge.read import segment

NOBODY = ["null", "NULL", "undefined", "None", "NaN", "0", 0, "unknown", "Anonymous", "[object Object]", " ", " null "]


@pytest.mark.parametrize("id", NOBODY)
class TestNobody:
    def test_beside_an_id_it_is_dropped(self, id: Any) -> None:
        event = segment(userId=id, anonymousId="x")
        assert (event.user_id, event.anonymous_id) == ("a:x", "")
        event = segment(userId="1", anonymousId=id)
        assert (event.user_id, event.anonymous_id) == ("u:1", "")

    def test_alone_it_is_refused(self, id: Any) -> None:
        with pytest.raises(Refused) as caught:
            segment(userId=id, anonymousId=id)
        assert caught.value.code == "missing_id"

    def test_it_joins_nobody(self, id: Any) -> None:
        with pytest.raises(Refused, match="previousId"):
            segment(type="alias", userId="1", previousId=id)


@pytest.mark.parametrize("id", ["nullable", "00", "10", "u0", "none-of-us", "x", "-2", "guest-17", "Ünknown"])
def test_ids_that_only_look_alike_are_ids(id: str) -> None:
    assert not names_nobody(id)
    assert segment(userId=id).user_id == f"u:{id}"
