"""Does the benchmark beside the peers work, without installing one? A peer of a few lines takes their place."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from load import bench_peers
from load.conformance import environments
from load.conformance.environments import Peer
from load.kernel import journeys_of

PEER = f"""
import sys
sys.path.append({str(Path(environments.__file__).parent / "peers")!r})
from protocol import mixed_of, serve

def timed(rows):
    print("a greeting")
    mixed = mixed_of(rows)
    assert 0 < sum(row.conversions for row in mixed) < len(rows)
    return {{"heuristics": lambda: sorted(row.path for row in rows), "markov": lambda: 1 / BROKEN}}

serve(lambda rows: {{}}, timed)
"""


def peer_in(folder: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> Peer:
    monkeypatch.setattr(environments, "CACHE", folder)
    (folder / "few_lines" / "bin").mkdir(parents=True)
    (folder / "few_lines" / "bin" / "python").symlink_to(sys.executable)
    (folder / "few_lines.py").write_text(PEER.replace("BROKEN", broken))
    return Peer("a few lines 1.0", "few_lines", folder)


def test_each_call_is_timed_in_turns_with_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touches, conversions = journeys_of(200, seed=1)
    request, ours = bench_peers._rows(touches, conversions), bench_peers._ours(touches, conversions)
    peer = peer_in(tmp_path, monkeypatch, "1")
    found = list(bench_peers.measure(peer, request, ours, 2))
    names = ["heuristics_weights", "heuristics_five_models", "markov_markov"]
    assert [figure.name for figure in found] == [f"peer_few_lines_{name}" for name in names]
    for figure in found:
        assert (figure.n, figure.rounds) == (200, 2)
        assert figure.against.startswith("a few lines 1.0: its ")
        assert figure.against_value
        assert figure.ratio


def test_a_peer_that_dies_says_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touches, conversions = journeys_of(200, seed=1)
    request, ours = bench_peers._rows(touches, conversions), bench_peers._ours(touches, conversions)
    peer = peer_in(tmp_path, monkeypatch, "0")
    with pytest.raises(RuntimeError, match=r"(?s)a few lines 1\.0 stopped: .*ZeroDivisionError"):
        list(bench_peers.measure(peer, request, ours, 1))
