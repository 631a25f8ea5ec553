"""The books of a chaos test: what was asked, what was promised, and what became of it."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

QUEUED, PROCESSING, COMPLETED = "QUEUED", "PROCESSING", "COMPLETED"
FINAL = frozenset({COMPLETED, "FAILED", "CANCELLED"})
RANK = {QUEUED: 0, PROCESSING: 1} | dict.fromkeys(FINAL, 2)


@dataclass(frozen=True)
class Sight:
    """A job, as somebody saw it at one moment."""

    job_id: str
    status: str
    result: str | None = None
    code: str | None = None
    #: what the test called it when it asked; travels in the job's metadata
    key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """The sums. Every set that should be empty is empty in a clean one."""

    attempted: int
    acknowledged: int
    #: nobody heard a 202, and yet it was accepted: allowed
    recovered: frozenset[str]
    #: a 202, and no end
    lost: frozenset[str]
    #: one key, several jobs
    doubled: frozenset[str]
    #: jobs that nobody asked for
    unexpected: frozenset[str]
    #: what no reader may ever see, in words
    regressions: tuple[str, ...]
    #: prompts that the model was asked more often than allowed
    overasked: dict[str, int]
    outcomes: dict[str, int]
    model_calls: int

    @property
    def is_clean(self) -> bool:
        faults = (self.lost, self.doubled, self.unexpected, self.regressions, self.overasked)
        return not any(faults)

    def __str__(self) -> str:
        lines = [
            (
                f"attempted {self.attempted}, acknowledged {self.acknowledged}, "
                f"recovered {len(self.recovered)}; model calls {self.model_calls}; "
                f"outcomes {dict(sorted(self.outcomes.items()))}"
            )
        ]
        for name in ("lost", "doubled", "unexpected"):
            found = sorted(getattr(self, name))
            lines.append(f"{name} {len(found)}{_some(found)}")
        lines.append(f"regressions {len(self.regressions)}{_some(self.regressions)}")
        lines.append(f"overasked {len(self.overasked)}{_some(map(str, self.overasked.items()))}")
        return "\n".join(lines)


def _some(words: Iterable[str], most: int = 12) -> str:
    listed = list(words)
    more = f", … {len(listed) - most} more" if len(listed) > most else ""
    return f": {', '.join(listed[:most])}{more}" if listed else ""


@dataclass
class Ledger:
    """Kept by the test, in the order of events; the arithmetic is in `report`."""

    attempted: set[str] = field(default_factory=set[str])
    #: key -> the job ids that were answered with a 202
    acknowledged: dict[str, set[str]] = field(
        default_factory=lambda: defaultdict[str, set[str]](set)
    )
    #: job id -> the last sight of it
    seen: dict[str, Sight] = field(default_factory=dict[str, Sight])
    regressions: list[str] = field(default_factory=list[str])

    def attempt(self, key: str) -> None:
        self.attempted.add(key)

    def acknowledge(self, key: str, job_id: str) -> None:
        self.acknowledged[key].add(job_id)

    def vanished(self, job_id: str) -> None:
        """A reader was told that there is no such job."""
        self.regressions.append(f"{job_id}: 404 after 202")

    def see(self, now: Sight) -> None:
        """Compare with the last sight: time goes forward, and a finished job never changes."""
        before = self.seen.get(now.job_id)
        self.seen[now.job_id] = now
        if now.result is not None and now.status != COMPLETED:
            self.regressions.append(f"{now.job_id}: a result while {now.status}")
        if before is None:
            return
        if RANK[now.status] < RANK[before.status]:
            self.regressions.append(f"{now.job_id}: {before.status} -> {now.status}")
        elif before.status in FINAL and _verdict(now) != _verdict(before):
            self.regressions.append(f"{now.job_id}: {_verdict(before)} became {_verdict(now)}")

    @property
    def job_ids(self) -> set[str]:
        """Everything that a 202 named."""
        return set[str]().union(*self.acknowledged.values())

    @property
    def unfinished(self) -> set[str]:
        """What a 202 named and nobody has seen the end of."""
        return {job_id for job_id in self.job_ids if not self._is_final(job_id)}

    def report(
        self, *, everything: Iterable[Sight], asked: Iterable[str] = (), at_most: int = 5
    ) -> Report:
        """Close the books.

        `everything` is what the system itself lists; `asked` the key of every call that reached
        the model; `at_most` how often it may be asked one thing.
        """
        for sight in everything:
            self.see(sight)
        jobs_of: dict[str | None, set[str]] = defaultdict(set)
        for sight in self.seen.values():
            jobs_of[sight.key].add(sight.job_id)
        known = {key for key in jobs_of if key is not None}
        calls = Counter(asked)
        return Report(
            attempted=len(self.attempted),
            acknowledged=len(self.job_ids),
            recovered=frozenset((known & self.attempted) - set(self.acknowledged)),
            lost=frozenset(self.unfinished),
            doubled=frozenset(self._doubled(jobs_of)),
            unexpected=frozenset(map(str, set(jobs_of) - self.attempted)),
            regressions=tuple(self.regressions),
            overasked={key: count for key, count in calls.items() if count > at_most},
            outcomes=Counter(sight.code or sight.status for sight in self.seen.values()),
            model_calls=calls.total(),
        )

    def _doubled(self, jobs_of: dict[str | None, set[str]]) -> set[str]:
        keys = {key for key in self.attempted if len(jobs_of[key]) > 1}
        return keys | {key for key, ids in self.acknowledged.items() if len(ids) > 1}

    def _is_final(self, job_id: str) -> bool:
        sight = self.seen.get(job_id)
        return sight is not None and sight.status in FINAL


def _verdict(sight: Sight) -> str:
    return f"{sight.status}({sight.result or sight.code or ''})"
