"""What a function takes, and what each call of it gets."""

from __future__ import annotations

import functools

import pytest

from rla.errors import GridError
from rla.sweep.thunk import call_of, check_parameters, signature_of

LOGGER = {"output_dir": "/out", "exp_name": "e"}


def plain(lr, gamma=0.9):
    return lr, gamma


def logged(lr, seed=0, logger_kwargs=None):
    return lr, seed, logger_kwargs


def anything(**settings):
    return settings


def made(env_fn, lr=0.1, seed=0):
    return env_fn, lr, seed


def named(env_name, lr=0.1):
    return env_name, lr


def call(function, **variant):
    return call_of(function, signature_of(function), {"seed": 3, **variant}, LOGGER)


def test_seed_and_logger_kwargs_go_only_to_a_function_that_takes_them():
    assert call(plain, lr=1).arguments == {"lr": 1}
    assert call(logged, lr=1).arguments == {"lr": 1, "seed": 3, "logger_kwargs": LOGGER}
    assert call(anything, lr=1).arguments == {"lr": 1, "seed": 3, "logger_kwargs": LOGGER}


def test_logger_kwargs_of_the_grid_join_those_that_are_given():
    given = call(logged, lr=1, logger_kwargs={"quiet": True, "exp_name": "mine"}).arguments["logger_kwargs"]
    assert given == {"output_dir": "/out", "exp_name": "mine", "quiet": True}


def test_an_environments_name_becomes_a_function_that_makes_it():
    made_call = call(made, env_name="CartPole-v1", env_kwargs={"render_mode": None})
    assert made_call.environment == ("CartPole-v1", {"render_mode": None})
    assert made_call.arguments == {"seed": 3}


def test_a_function_that_takes_the_name_itself_gets_the_name():
    named_call = call(named, env_name="CartPole-v1")
    assert named_call.environment is None
    assert named_call.arguments == {"env_name": "CartPole-v1"}


def test_env_kwargs_without_a_name_are_a_parameter_like_any_other():
    assert call(anything, env_kwargs={"a": 1}).arguments["env_kwargs"] == {"a": 1}


def test_the_variant_is_not_written_into():
    variant = {"lr": 1, "seed": 3, "env_name": "CartPole-v1"}
    call_of(made, signature_of(made), variant, LOGGER)
    assert variant == {"lr": 1, "seed": 3, "env_name": "CartPole-v1"}


@pytest.mark.parametrize(
    ("function", "given", "message"),
    [
        (plain, ["lr", "gama"], r"plain has no argument 'gama'; did you mean 'gamma'\?"),
        (plain, ["lr", "zzz"], "plain has no argument 'zzz'; it has 'lr', 'gamma'"),
        (plain, ["gamma"], "plain needs 'lr', which no parameter gives"),
        (plain, ["lr", "num_cpu"], "'num_cpu' says how to run plain"),
        (anything, ["data_dir"], "'data_dir' says how to run anything"),
        (anything, ["exp_name"], "'exp_name' says how to run anything"),
        (made, [], "made needs 'env_fn'"),
        (plain, ["lr", "env_name"], "plain has no argument 'env_name'"),
    ],
)
def test_parameters_that_a_function_does_not_take_are_refused(function, given, message):
    with pytest.raises(GridError, match=message):
        check_parameters(signature_of(function), given)


@pytest.mark.parametrize(
    ("function", "given"),
    [
        (plain, ["lr", "seed"]),
        (made, ["env_name", "env_kwargs"]),
        (named, ["env_name"]),
        (anything, ["lr", "env_name"]),
        (functools.partial(plain, 1), []),
    ],
)
def test_parameters_that_a_function_takes_are_accepted(function, given):
    check_parameters(signature_of(function), given)


def test_a_parameter_that_has_the_name_of_a_setting_is_accepted_where_the_function_names_it():
    def load(data_dir):
        return data_dir

    check_parameters(signature_of(load), ["data_dir"])


def test_what_cannot_be_called_is_refused():
    with pytest.raises(GridError, match="must be a function"):
        signature_of(3)


async def awaits(lr):
    """Does nothing until somebody awaits it."""


def yields(lr):
    yield lr


@pytest.mark.parametrize("function", [awaits, yields])
def test_a_function_that_a_call_does_not_run_is_refused(function):
    with pytest.raises(GridError, match="does not run it"):
        signature_of(function)


@pytest.mark.parametrize("key", ["logger_kwargs", "env_kwargs"])
def test_settings_that_are_no_dictionary_are_refused(key):
    with pytest.raises(GridError, match=f"'{key}' must be a dictionary; it is 3"):
        call(anything, **{key: 3})


def test_a_function_that_takes_no_names_is_refused():
    def by_place(lr, /):
        return lr

    with pytest.raises(GridError, match="cannot be given by name"):
        signature_of(by_place)


def test_a_partial_is_called_like_the_function_in_it():
    assert signature_of(functools.partial(plain, 1)).name == "plain"
