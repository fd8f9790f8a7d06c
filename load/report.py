"""How did a load go? A table for people and one JSON object for programs, from the same figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from load.account import Account
from load.credit_time import Credited
from load.figures import percentile
from load.open_loop import Posted
from load.pace import Stage
from load.report_time import Reported

P95_LIMIT_MS = 200.0
SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Report:
    """What was posted, what became of it, and how long that took.

    Parameters
    ----------
    credited : of every order that was seen to be credited; times from when it was due to be sent.
    asked : orders that were asked for through the API.
    reported : the attribution reports that were asked for while the load ran.
    failure : what was wrong with one of the orders, or of the reports.
    """

    stages: Sequence[Stage]
    batch: int
    posted: Sequence[Posted]
    account: Account
    credited: Sequence[Credited]
    asked: int
    reported: Sequence[Reported]
    failure: str

    @property
    def is_good(self) -> bool:
        """Every event is where it belongs, no post was refused, and the edge answered in time."""
        slow = [name for name, times in self._posts().items() if not times["p95_ms"] <= P95_LIMIT_MS]
        return not (slow or self._refused() or self.failure) and not self.account.amiss

    def lines(self) -> list[str]:
        """For people."""
        lines = [f"{'stage':<12}{'events/s':>10}{'posts':>8}" + "".join(f"{f'{name} ms':>9}" for name in SHARES)]
        lines[0] += "   from when a post was due"
        for stage in self.stages:
            one = self._posts()[stage.name]
            times = "".join(f"{one[f'{name}_ms']:>9.1f}" for name in SHARES)
            verdict = "within" if one["p95_ms"] <= P95_LIMIT_MS else "OVER"
            row = f"{stage.name:<12}{stage.rate:>10,.0f}{one['posts']:>8,}{times}"
            lines.append(f"{row}   p95 {verdict} {P95_LIMIT_MS:.0f} ms")
        again = sum(one.stage == "again" for one in self.posted)
        lines.append(f"posts not answered 200: {self._refused() or 'none'}; posted a second time: {again}")
        lines += self.account.lines()
        for name, what in (("stored", "it was stored"), ("credited", "its credit was readable")):
            for stage in self.stages:
                one = self._delays(name, stage)
                times = ", ".join(f"{share} {one[f'{share}_s']:.2f} s" for share in SHARES)
                row = f"from when an order was due until {what}: {times} ({one['orders']:,} orders)"
                lines.append(f"{stage.name}, {row}" if len(self.stages) > 1 else row)
        if self._unseen:
            lines.append(f"of {self._unseen:,} more it is not known: Redis was away, or their run too short to be seen")
        reports = self._reports()
        times = ", ".join(f"{share} {reports[f'{share}_ms']:.0f} ms" for share in SHARES)
        lines.append(f"the attribution report, asked for every five seconds: {times} ({reports['asked']} reports)")
        lines.append(f"of these {reports['reconciled']} reconcile; the ledger grew while the others were read")
        told = self.failure or "each of them credited, and each report with the orders credited before it"
        return [*lines, f"asked for through the API just after: {self.asked} orders, {told}"]

    def json(self) -> str:
        """For programs."""
        told = {
            "name": "load",
            "batch": self.batch,
            "stages": [
                asdict(stage)
                | self._posts()[stage.name]
                | {name: self._delays(name, stage) for name in ("stored", "credited")}
                for stage in self.stages
            ],
            "refused": self._refused(),
            "amiss": self.account.amiss + sum(self._refused().values()),
            "account": asdict(self.account),
            "stored": self._delays("stored"),
            "credited": self._delays("credited"),
            "unseen": self._unseen,
            "asked": self.asked,
            "reports": self._reports(),
            "failure": self.failure,
            "good": self.is_good,
        }
        return msgspec.json.encode(told).decode()

    @property
    def _unseen(self) -> int:
        """Orders that are credited, and whose run was not seen."""
        return max(self.account.credited - len(self.credited), 0)

    def _posts(self) -> dict[str, dict[str, Any]]:
        found = {}
        for stage in self.stages:
            times = [one.milliseconds for one in self.posted if one.stage == stage.name and one.status == "200"]
            shares = {f"{name}_ms": round(percentile(times, share), 2) for name, share in SHARES.items()}
            found[stage.name] = {"posts": len(times), **shares}
        return found

    def _delays(self, name: str, stage: Stage | None = None) -> dict[str, Any]:
        """Of the orders of a stage, or of all."""
        times = [getattr(one, f"{name}_s") for one in self.credited if stage is None or one.stage == stage.name]
        return {"orders": len(times)} | {
            f"{share_name}_s": round(percentile(times, share), 3) for share_name, share in SHARES.items()
        }

    def _reports(self) -> dict[str, Any]:
        times = [one.milliseconds for one in self.reported]
        return {"asked": len(times), "reconciled": sum(one.reconciled for one in self.reported)} | {
            f"{share_name}_ms": round(percentile(times, share), 1) for share_name, share in SHARES.items()
        }

    def _refused(self) -> dict[str, int]:
        return dict(Counter(one.status for one in self.posted if one.status != "200"))
