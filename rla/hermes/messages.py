"""Pass on what a batch tells, and send a message where a job asks for one."""

from __future__ import annotations

from collections.abc import Sequence

from rla.batch.events import BatchReport, Listener
from rla.batch.job_run import JobRun
from rla.batch.outcome import Outcome
from rla.notify.notifier import Notifier

_SHOWN = 5


class Messages:
    """Stands between a batch and its listener."""

    def __init__(self, chat_ids: Sequence[str], listener: Listener, batch: str, *, on: bool) -> None:
        """Find out who is to be told.

        Raises:
            ConfigError: Nobody can be told.
            MissingDependencyError: An address needs a package.
        """
        self._listener = listener
        self._batch = batch
        self._notifier = Notifier([])
        if on:
            from rla.notify.secrets import targets  # noqa: PLC0415 - only for those who ask for messages

            found = targets(chat_ids)
            if not found:
                listener.noted("-m: nobody is to be told: set chat_id or RLA_NOTIFY_URLS")
            self._notifier = Notifier(found)

    def started(self, run: JobRun, pid: int) -> None:
        """A job has begun."""
        self._listener.started(run, pid)

    def adopted(self, run: JobRun, pid: int) -> None:
        """A job that goes on since an earlier call was taken over."""
        self._listener.adopted(run, pid)

    def ended(self, run: JobRun, outcome: Outcome, *, again: bool) -> None:
        """A job has ended."""
        self._listener.ended(run, outcome, again=again)
        if run.item.payload.options.message and not again:
            seconds = outcome.result.ended - run.created.timestamp()
            last = f"\n{outcome.error.splitlines()[-1]}" if outcome.error else ""
            self._notifier.tell(f"{run.identifier} {outcome.state} after {seconds:.0f} s: {run.item.label}{last}")

    def noted(self, text: str) -> None:
        """Something else happened."""
        self._listener.noted(text)

    def printed(self, data: bytes, *, error: bool) -> None:
        """A job whose output is shown has printed something."""
        self._listener.printed(data, error=error)

    def finish(self, report: BatchReport) -> None:
        """Tell of the batch, once, and wait until all is sent."""
        ends = ", ".join(f"{count} {state}" for state, count in sorted(report.ends.items())) or "nothing was run"
        failures = "".join(f"\n{failure}" for failure in report.failures[:_SHOWN])
        self._notifier.tell(f"batch {self._batch}: {ends}{failures}")
        self._notifier.close()
        for trouble in self._notifier.troubles:
            self._listener.noted(trouble)
