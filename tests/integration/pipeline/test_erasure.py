"""An erased person is gone, with all that names it; what others have, and the money where it is kept, stays."""

from __future__ import annotations

import time

import pytest

from app.errors import BadInput, NotFound
from app.ingest.dead_letters import DeadLetter, Source
from app.ingest.events import Adjustment, Batch, encode_batch
from app.ledger.erasing import Erasing
from app.ledger.keys import conversion_key
from app.storage.erasures import erasure
from tests.integration.pipeline.conftest import NOON, join, meet, order, touch
from tests.integration.pipeline.gone import erase, until_gone, where

KEY = conversion_key("Order Completed", "1")


def channels(pipeline, tenant):
    return {row["order_id"]: row["channels"] for row in pipeline.ledger(tenant)}


class TestErasure:
    def sent(self):
        ours = [meet("a:x", "u:1", NOON - 50), join("u:0", "u:1", NOON - 50)]
        ours += [touch("a:x", NOON - 60, "ad", id="m1", source="s1"), touch("u:0", NOON - 9, "mail", id="m2")]
        ours += [order("u:1", NOON, "1", 500, id="m3")]
        others = [meet("a:x", "u:2", NOON - 5), touch("a:x", NOON - 4, "other", id="m4", source="s2")]
        others += [order("u:2", NOON, "2", 700, id="m5"), order("u:3", NOON + 9, "1", 900, id="m6")]
        return ours, others

    def test_removed_is_as_if_the_person_had_never_been(self, pipeline):
        tenant, fresh = pipeline.tenant(), pipeline.tenant()
        ours, others = self.sent()
        pipeline.send(tenant, *ours, *others)
        pipeline.send(fresh, *others)
        pipeline.settle()
        row = erase(pipeline, tenant, "0")
        assert pipeline.ledger(tenant) == pipeline.ledger(fresh)
        assert pipeline.daily(tenant) == pipeline.daily(fresh)
        gone = until_gone(pipeline, tenant, row)
        assert pipeline.ledger(tenant) == pipeline.ledger(fresh)
        assert pipeline.daily(tenant) == pipeline.daily(fresh)
        assert '"after":0' in gone.proof
        assert gone.work == ""
        for text in ("u:0", "u:1", "m1", "m2", "m3"):
            assert where(pipeline, tenant, text) == []
        assert where(pipeline, tenant, "m4")
        assert where(pipeline, tenant, "u:2")

    def test_anonymised_keeps_the_money_and_nobody(self, pipeline):
        tenant = pipeline.tenant()
        ours, others = self.sent()
        pipeline.send(tenant, *ours, *others)
        pipeline.settle()
        row = erase(pipeline, tenant, "1", mode="anonymise")
        for _ in range(2):
            assert channels(pipeline, tenant) == {"1": [], "2": ["other"]}
            assert [row["sources"] for row in pipeline.ledger(tenant)] == [[], ["s2"]]
            assert {r["order_id"]: r["gross_minor"] for r in pipeline.ledger(tenant)} == {"1": 500, "2": 700}
            until_gone(pipeline, tenant, row)
        for text in ("u:0", "u:1", "m1", "m2", "m3"):
            assert where(pipeline, tenant, text) == []
        pipeline.send(tenant, adjustments=[Adjustment("r", "retract", "1", "", "", NOON + 1)])
        pipeline.settle()
        assert pipeline.ledger(tenant)[0]["retracted"] == 1

    def test_nothing_brings_the_person_back(self, pipeline):
        tenant, fresh = pipeline.tenant(), pipeline.tenant()
        ours, others = self.sent()
        pipeline.send(tenant, *ours, *others)
        pipeline.send(fresh, *others)
        pipeline.settle()
        row = erase(pipeline, tenant, "1")
        letter = Batch(tenant.tenant_id, NOON, 1, 4000, events=[touch("u:1", NOON - 3, "letter")])
        for _ in range(2):
            # the same again; the inbox of then, with messages that were never stored; at an earlier time
            pipeline.send(tenant, *ours, touch("u:1", NOON - 70, "ad", id="m1"))
            pipeline.inbox.accept(tenant.tenant_id, encode_batch(letter), 1)
            pipeline.settle()
            assert pipeline.ledger(tenant) == pipeline.ledger(fresh)
            until_gone(pipeline, tenant, row)
        assert where(pipeline, tenant, "u:1") == []

    def test_who_comes_back_begins_anew(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, touch("u:1", NOON - 9, "old"), order("u:1", NOON, "1"))
        pipeline.settle()
        until_gone(pipeline, tenant, erase(pipeline, tenant, "1"))
        later = Batch(tenant.tenant_id, time.time_ns() // 1_000_000 + 1000, 1, 4000)
        later = Batch(
            *[getattr(later, name) for name in ("tenant_id", "received_ms", "rules_version")],
            4000,
            events=[touch("u:1", NOON - 5, "new"), order("u:1", NOON + 1, "1")],
        )
        pipeline.inbox.accept(tenant.tenant_id, encode_batch(later), 2)
        pipeline.settle()
        assert channels(pipeline, tenant) == {"1": ["new"]}

    def test_what_waited_in_the_inbox_is_not_stored(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, order("u:1", NOON, "1"))
        pipeline.settle()
        pipeline.send(tenant, touch("u:1", NOON - 1), order("u:1", NOON, "2"), order("u:2", NOON, "3"))
        row = erase(pipeline, tenant, "1")
        context = pipeline.context
        Erasing(context.redis, context.storage, context.settings, context.registry).step()
        assert erasure(context.storage, tenant.tenant_id, row.erasure_id).state == "hidden"
        pipeline.settle()
        assert channels(pipeline, tenant) == {"3": []}
        until_gone(pipeline, tenant, row)

    def test_dead_letters_go_too(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, order("u:1", NOON, "1"))
        pipeline.settle()
        letters = pipeline.context.dead_letters
        posted = '{"dialect": "segment", "received_ms": 1, "posted": {"userId": "%s", "type": "x"}}'
        for user in ("1", "2"):
            letters.add(DeadLetter(tenant.tenant_id, "unknown_type", "", "", Source.EDGE.value, posted % user))
        until_gone(pipeline, tenant, erase(pipeline, tenant, "1"))
        (left,) = [letter for _, letter in letters.read(tenant_id=tenant.tenant_id)]
        assert '"2"' in left.body

    def test_an_id_must_name_one_person(self, pipeline):
        tenant = pipeline.tenant()
        pipeline.send(tenant, meet("a:x", "u:1", NOON), meet("a:x", "u:2", NOON + 1), touch("a:1", NOON))
        pipeline.settle()
        for id, kind in (("x", ""), ("1", "")):
            with pytest.raises(BadInput, match=r"device|userId"):
                erase(pipeline, tenant, id, kind=kind)
        with pytest.raises(NotFound):
            erase(pipeline, tenant, "9")
