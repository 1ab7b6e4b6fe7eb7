"""Which errors are a signal handler's."""

from __future__ import annotations

import functools
import signal

import pytest

from rla.core.interrupts import pass_interrupt_on


class PreemptedError(Exception):
    pass


def handle(number, frame):
    raise PreemptedError


class Handler:
    def __call__(self, number, frame):
        raise PreemptedError

    def method(self, number, frame):
        raise PreemptedError


@pytest.fixture
def handled():
    """Install a handler for one test."""
    before = signal.getsignal(signal.SIGUSR1)
    yield lambda handler: signal.signal(signal.SIGUSR1, handler)
    signal.signal(signal.SIGUSR1, before)


def caught(call) -> Exception:
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def interrupted():
    signal.raise_signal(signal.SIGUSR1)


@pytest.mark.parametrize(
    "handler",
    [handle, Handler(), Handler().method, functools.partial(handle)],
    ids=["function", "object", "method", "partial"],
)
def test_what_a_handler_raised_is_raised_again(handled, handler):
    handled(handler)
    error = caught(interrupted)
    with pytest.raises(PreemptedError) as passed:
        pass_interrupt_on(error)
    assert passed.value is error


def test_so_is_what_became_the_cause_of_another_error(handled):
    def wrapped():
        try:
            interrupted()
        except PreemptedError as error:
            raise OSError("ffmpeg did not take a frame") from error

    handled(handle)
    with pytest.raises(PreemptedError):
        pass_interrupt_on(caught(wrapped))


def test_an_error_of_recording_is_not_even_while_a_handler_s_is_dealt_with(handled):
    def recording():
        return 1 / 0

    handled(handle)
    try:
        interrupted()
    except PreemptedError:
        pass_interrupt_on(caught(recording))
