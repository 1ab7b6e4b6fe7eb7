"""Run the items of a batch side by side, until all have succeeded or somebody stops it."""

from __future__ import annotations

import itertools
import select
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from rla.batch import job_run
from rla.batch.ahead import Ahead
from rla.batch.code_state import Capture
from rla.batch.ending import end_run
from rla.batch.events import BatchReport, Failure, Listener
from rla.batch.free_memory import MemoryGate
from rla.batch.interrupts import Interrupts
from rla.batch.job_run import Claims, JobRun
from rla.batch.ledger import Ledger
from rla.batch.outcome import Outcome
from rla.batch.running import Running
from rla.batch.slots import Slots
from rla.batch.starting import ReadyJob, give_up, let_go, make_ready
from rla.batch.workload import Item, Workload
from rla.core import states
from rla.core.layout import JobTreePaths
from rla.core.manifest import State
from rla.core.wording import counted
from rla.errors import RlaError
from rla.jobs.executor import Executor, StartedJob
from rla.jobs.job import JobResult

_LONG: Final = 30.0
_SHORT: Final = 0.02
_GLANCE: Final = 0.2
"""Seconds between looks at what tells nothing by itself: output that is shown, memory, jobs of earlier calls."""
_HEARTBEAT: Final = 60.0
_IN_A_ROW: Final = 3
"""So many items that cannot even be started: then it is not the items, and the others wait for a better day."""


@dataclass(frozen=True)
class BatchOptions:
    """How a batch is run.

    Attributes:
        retries: How often an item that failed is run again.
        halt: After how many failures nothing more is started.
        timeout: How long a job may run, in seconds.
        memory_free: How many bytes of memory must be free for a job to start.
    """

    retries: int = 0
    halt: int | None = None
    timeout: float | None = None
    memory_free: int | None = None


@dataclass(frozen=True)
class _Next:
    item: Item
    attempt: int


class BatchRunner:
    """One call's work on a batch. Made, perhaps told of jobs that go on already, and run once."""

    def __init__(  # noqa: PLR0913 - what it works with, each by its name
        self,
        workload: Workload,
        tree: JobTreePaths,
        slots: Slots,
        options: BatchOptions,
        *,
        executor: Executor,
        ledger: Ledger,
        listener: Listener,
        code: Callable[[], Capture],
    ) -> None:
        """Prepare.

        Args:
            workload: What is run.
            tree: Where its runs lie.
            slots: How many at once.
            options: How.
            executor: What runs the jobs.
            ledger: The rows.
            listener: Hears what happens.
            code: The state of the code and the environment, asked for each run.
        """
        self._workload = workload
        self._slots = slots
        self._options = options
        self._executor = executor
        self._ledger = ledger
        self._listener = listener
        self._code = code
        self._claims = Claims(tree, workload)
        self._environment = job_run.inherited_environment()
        self._again: deque[_Next] = deque()
        known = slots.are_alike and workload.foreseen and options.memory_free is None
        self._ahead = Ahead(possible=known)
        self._running: list[Running] = []
        self._report = BatchReport()
        self._stopped = False
        self._not_begun = 0
        self._beat = time.monotonic() + _HEARTBEAT
        self._memory = MemoryGate(options.memory_free, listener.noted)
        self._poll: select.poll | None = select.poll() if hasattr(select, "poll") else None

    def adopt(self, run: JobRun, job: StartedJob) -> None:
        """Take over a job that goes on since an earlier call; its time has gone on, too."""
        limit = self._options.timeout
        begun = time.monotonic() - (time.time() - run.manifest().started)
        deadline = None if limit is None else begun + limit
        self._running.append(Running(run, job, self._slots.take(), limit, deadline, begun=begun))
        self._watch(job.sentinel)
        self._listener.adopted(run, job.pid)

    def run(self, items: Iterator[Item], interrupts: Interrupts) -> BatchReport:
        """Run items until there are no more, or it is stopped.

        Args:
            items: What to run, in this order.
            interrupts: One stops the batch and asks its jobs to end, two kill them.
        """
        upcoming = iter(items)
        self._watch(interrupts.wake)
        try:
            self._go_on(upcoming, interrupts)
        finally:
            self._give_up(self._ahead.take())
        self._report.left = len(self._again) + sum(1 for _ in upcoming) if self._stopped else 0
        return self._report

    def _go_on(self, upcoming: Iterator[Item], interrupts: Interrupts) -> None:
        heard = 0
        while True:
            heard = self._obey(interrupts, heard)
            self._start_what_may(upcoming)
            self._make_one_ready(upcoming)
            if not self._running and (self._stopped or not self._again):  # else it is memory that they wait for
                break
            self._wait(interrupts)
            self._look()
            self._ledger.flush()

    # --- starting

    def _start_what_may(self, upcoming: Iterator[Item]) -> None:
        self._give_up(self._ahead.take_stale())
        while not self._stopped and self._slots.is_any_free and self._has_next(upcoming) and self._memory.opens():
            slot = self._slots.take()
            if slot is None:
                return
            if self._start(slot.environment):
                self._running[-1].slot = slot
            else:
                self._slots.give_back(slot)

    def _has_next(self, upcoming: Iterator[Item]) -> bool:
        return self._ahead.due is not None or self._has_unready(upcoming)

    def _has_unready(self, upcoming: Iterator[Item]) -> bool:
        if not self._again:
            self._again.extend(_Next(item, 1) for item in itertools.islice(upcoming, 1))
        return bool(self._again)

    def _make_one_ready(self, upcoming: Iterator[Item]) -> None:
        """While all slots are taken by jobs that take no time."""
        if self._ahead.is_wanted and not self._stopped and self._running and self._has_unready(upcoming):
            ready = self._made_ready({})
            if ready is not None:
                self._ahead.keep(ready)

    def _give_up(self, ready: ReadyJob | None) -> None:
        if ready is not None:
            give_up(ready)
            self._again.appendleft(_Next(ready.run.item, ready.run.attempt))

    def _made_ready(self, environment: Mapping[str, str]) -> ReadyJob | None:
        """The next item as a job that waits; one that cannot be started has failed, and is told like any other."""
        following = self._again.popleft()
        run = None
        try:
            code = self._code()
            run = self._claims.claim(following.item, following.attempt)
            run.code = code
            return make_ready(run, self._workload, self._executor, {**self._environment, **environment})
        except RlaError as error:
            self._not_started(following, run, error)
            return None

    def _start(self, environment: Mapping[str, str]) -> bool:
        """Start the next item."""
        ready = self._ahead.take() or self._made_ready(environment)
        if ready is None:
            return False
        run, job = ready.run, ready.job
        try:
            let_go(ready, self._workload)
        except RlaError as error:
            self._not_started(_Next(run.item, run.attempt), run, error)
            return False
        self._not_begun = 0
        limit = self._options.timeout
        deadline = None if limit is None else time.monotonic() + limit
        self._running.append(Running(run, job, None, limit, deadline))
        self._watch(job.sentinel)
        self._ledger.put(run.manifest(), State(heartbeat=run.manifest().started), run.paths.place, new=True)
        self._listener.started(run, job.pid)
        return True

    def _not_started(self, following: _Next, run: JobRun | None, error: RlaError) -> None:
        outcome = Outcome(states.FAILED, JobResult(None, time.time()), str(error))
        if run is not None and run.paths.manifest.exists():
            state = job_run.write_end(run, outcome)
            self._ledger.put(run.manifest(), state, run.paths.place, new=True)
            self._listener.ended(run, outcome, again=False)
        else:
            self._listener.noted(f"{following.item.label}: {error}")
        self._count(following.item, outcome, run)
        self._not_begun += 1
        if self._not_begun == _IN_A_ROW and not self._stopped:
            self._stopped = True
            self._listener.noted(f"{_IN_A_ROW} jobs in a row could not be started: nothing more is started")

    # --- while jobs run

    def _watch(self, descriptor: int | None) -> None:
        if self._poll is not None and descriptor is not None:
            self._poll.register(descriptor, select.POLLIN)

    def _wait(self, interrupts: Interrupts) -> None:
        """Until something happens, or it is time to look."""
        patience = self._patience()
        if self._poll is None:
            time.sleep(min(patience, _SHORT))
            return
        self._poll.poll(patience * 1000)
        interrupts.drain()

    def _patience(self) -> float:
        now = time.monotonic()
        until = [now + _LONG, self._beat]
        dates = [date for running in self._running for date in (running.deadline, running.ask_again)]
        until += [date for date in (*dates, self._ledger.due, self._ahead.due) if date is not None]
        if self._memory.is_shut or any(
            running.run.item.shown or running.job.sentinel is None for running in self._running
        ):
            until.append(now + _GLANCE)
        return max(0.0, min(until) - now)

    def _obey(self, interrupts: Interrupts, heard: int) -> int:
        """The first interrupt asks the jobs to end, every later one kills them."""
        count = interrupts.count
        if count == heard:
            return heard
        self._stopped = self._report.interrupted = True
        for running in self._running:
            (running.ask if count == 1 else running.kill)()
        jobs = counted(len(self._running), "job")
        said = f"asked {jobs} to end" if count == 1 else f"killed {jobs}"
        advice = "; interrupt again to kill them" if count == 1 and self._running else ""
        self._listener.noted(f"interrupted: {said}{advice}")
        return count

    def _look(self) -> None:
        beats = time.monotonic() >= self._beat
        for running in list(self._running):
            running.watch_time()
            sentinel = running.job.sentinel
            outcome = running.outcome()
            while running.run.item.shown and running.show(self._listener) and outcome is not None:
                pass  # all that is left of one that has ended
            if outcome is not None:
                if sentinel is not None and self._poll is not None:
                    self._poll.unregister(sentinel)
                self._end(running, outcome)
            elif beats:
                self._say_alive(running)
        if beats:
            self._beat = time.monotonic() + _HEARTBEAT

    def _say_alive(self, running: Running) -> None:
        run = running.run
        state = job_run.read_state(run.paths)
        state.state, state.heartbeat = states.RUNNING, time.time()
        self._ledger.put(run.manifest(), state, run.paths.place)

    # --- ends

    def _end(self, running: Running, outcome: Outcome) -> None:
        run = running.run
        self._ahead.learn(time.monotonic() - running.begun)
        self._running.remove(running)
        if running.slot is not None:
            self._slots.give_back(running.slot)
        outcome, state = end_run(self._workload, run, self._workload.judge(run, outcome))
        self._ledger.put(run.manifest(), state, run.paths.place)
        again = outcome.may_be_retried and run.attempt <= self._options.retries and not self._stopped
        self._listener.ended(run, outcome, again=again)
        if again:
            self._again.append(_Next(run.item, run.attempt + 1))
        else:
            self._count(run.item, outcome, run)

    def _count(self, item: Item, outcome: Outcome, run: JobRun | None) -> None:
        failure = None
        if not outcome.succeeded:
            directory = None if run is None else run.paths.log
            failure = Failure(item.label, outcome.state, outcome.error or "", directory)
        self._report.add(failure, outcome.state)
        halt = self._options.halt
        if halt is not None and self._report.failed >= halt and not self._stopped:
            self._stopped = True
            self._listener.noted(f"halted after {counted(self._report.failed, 'failure')}: nothing more is started")
