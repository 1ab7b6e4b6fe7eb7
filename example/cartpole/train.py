"""Train CartPole-v1 with 2 learning rates and 3 seeds, each one run of the database."""

from __future__ import annotations

import argparse
from collections import deque

import gymnasium
import numpy as np
from policy import Policy

import rla
from rla import logger, time_step_holder

LEARNING_RATES = (0.01, 0.001)
SEEDS = (0, 1, 2)
SOLVED = 400.0
"""Mean return over the last 20 episodes that counts as solved; 500 is the most there is."""


def discounted(rewards: list[float], discount: float) -> list[float]:
    """The return that follows each step of an episode."""
    returns, total = [], 0.0
    for reward in reversed(rewards):
        total = reward + discount * total
        returns.append(total)
    return returns[::-1]


def make_policy(seed: int, use_torch: bool) -> Policy:
    """The NumPy policy, or its twin in torch, which has the same methods."""
    if not use_torch:
        return Policy(seed)
    from torch_policy import TorchPolicy  # noqa: PLC0415 - torch is an option

    return TorchPolicy(seed)


def train(lr: float, seed: int, steps: int, data_root: str | None = None, use_torch: bool = False) -> float:
    """Train one policy as one run; returns the mean return of its last 20 episodes."""
    hyperparameters = {
        "env_id": "CartPole-v1",
        "lr": lr,
        "seed": seed,
        "steps": steps,
        "discount": 0.99,
        "episodes_per_update": 4,
        "framework": "torch" if use_torch else "numpy",
    }
    with rla.init("cartpole", hyperparameters, track=["env_id", "lr", "seed"], data_root=data_root):
        env = gymnasium.make(hyperparameters["env_id"])
        policy, rng = make_policy(seed, use_torch), np.random.default_rng(seed)
        last_returns: deque[float] = deque(maxlen=20)
        observation, _ = env.reset(seed=seed)
        step = 0
        while step < steps:
            observations, actions, returns = [], [], []
            for _ in range(hyperparameters["episodes_per_update"]):
                rewards, done = [], False
                while not done:
                    action = int(rng.random() < policy.action_probability(observation))
                    observations.append(observation)
                    actions.append(action)
                    observation, reward, terminated, truncated, _ = env.step(action)
                    rewards.append(float(reward))
                    done = terminated or truncated
                step += len(rewards)
                last_returns.append(sum(rewards))
                returns += discounted(rewards, hyperparameters["discount"])
                observation, _ = env.reset()
            rate = lr * max(0.0, 1.0 - step / steps)
            losses = policy.learn(np.array(observations, np.float64), np.array(actions), np.array(returns), rate)
            time_step_holder.set_time(step)
            logger.record_tabular("episode_return", last_returns[-1])
            logger.record_tabular("mean_return", float(np.mean(last_returns)))
            logger.logkvs(losses, prefix="train/")
            logger.dump_tabular()
        env.close()
    return float(np.mean(last_returns))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", default=None, help="the database; by default it is found, or ./rla_data made")
    parser.add_argument("--steps", type=int, default=150_000, help="environment steps of each run")
    parser.add_argument("--torch", action="store_true", help="train a torch model instead of the NumPy one")
    arguments = parser.parse_args()
    solved = []
    for lr in LEARNING_RATES:
        results = [train(lr, seed, arguments.steps, arguments.data_root, arguments.torch) for seed in SEEDS]
        print(f"lr {lr}: mean return of the last 20 episodes, by seed: {', '.join(f'{r:.1f}' for r in results)}")
        solved.append(min(results) >= SOLVED)
    if not any(solved):
        raise SystemExit(f"no learning rate reached a mean return of {SOLVED} on every seed")


if __name__ == "__main__":
    main()
