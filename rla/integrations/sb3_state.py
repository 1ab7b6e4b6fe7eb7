"""What a model of Stable-Baselines3 is at one moment, as values that a checkpoint holds without running code."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from rla.errors import ConfigError

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

_COUNTERS: Final = ("num_timesteps", "_n_updates", "_episode_num", "_n_calls")
_BUFFERS: Final = ("ep_info_buffer", "ep_success_buffer")
_STATISTICS: Final = ("mean", "var", "count")


def model_state(model: BaseAlgorithm) -> tuple[dict[str, Any], dict[str, Any]]:
    """The weights, and everything else that a checkpoint holds beside them.

    Returns:
        What is saved as ``model_dict`` (state dicts of the policy and its optimizers, and single tensors),
        and the related variables (counters, the episodes of the running means, normalisation).
    """
    names, tensors = model._get_torch_save_params()  # noqa: SLF001 - what its own save() asks
    del names
    variables = {name: _attribute(model, name) for name in tensors}
    related = {
        "counters": {name: getattr(model, name) for name in _COUNTERS if hasattr(model, name)},
        "buffers": {name: list(getattr(model, name) or ()) for name in _BUFFERS},
        "normalisation": {name: _statistics(part) for name, part in _running_means(model)},
        "pending": _pending(model),
    }
    return {"parameters": model.get_parameters(), "variables": variables}, related


def restore_state(model: BaseAlgorithm, weights: Any, related: Mapping[str, Any]) -> None:
    """Bring a model to a state of :func:`model_state`.

    Raises:
        ConfigError: The state is none, or of another kind of model.
    """
    if not isinstance(weights, Mapping) or "parameters" not in weights or "counters" not in related:
        raise ConfigError("the checkpoint was not saved by RLACallback: it holds no model of Stable-Baselines3")
    try:
        model.set_parameters(weights["parameters"])
    except (ValueError, RuntimeError, KeyError) as error:
        raise ConfigError(f"the checkpoint is of another kind of model: {error}") from error
    for name, tensor in weights["variables"].items():
        _attribute(model, name).data.copy_(tensor)
    for name, number in related["counters"].items():
        setattr(model, name, number)
    for name, episodes in related["buffers"].items():
        setattr(model, name, deque(episodes, maxlen=model._stats_window_size))  # noqa: SLF001
    for name, part in _running_means(model):
        for key, value in related["normalisation"].get(name, {}).items():
            setattr(part, key, value)
    for key, value in related["pending"].items():
        model.logger.record(key, value)


def _attribute(model: Any, name: str) -> Any:
    for part in name.split("."):
        model = getattr(model, part)
    return model


def _running_means(model: BaseAlgorithm) -> Iterator[tuple[str, Any]]:
    """The statistics of ``VecNormalize``, by name; none where the environment is not normalised."""
    normalised = model.get_vec_normalize_env()
    if normalised is None:
        return
    found = getattr(normalised, "obs_rms", None)
    for name, part in found.items() if isinstance(found, dict) else [("", found)] if found is not None else []:
        yield f"obs/{name}", part
    yield "return", normalised.ret_rms


def _statistics(part: Any) -> dict[str, Any]:
    return {name: getattr(part, name) for name in _STATISTICS}


def _pending(model: BaseAlgorithm) -> dict[str, float]:
    """Numbers that were recorded and not dumped: those of the last update, which the next row tells."""
    if not hasattr(model, "_logger"):
        return {}
    waiting = getattr(model.logger, "name_to_value", {})
    return {str(key): float(value) for key, value in waiting.items() if isinstance(value, int | float)}
