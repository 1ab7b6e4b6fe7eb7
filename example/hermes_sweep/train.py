"""Train one CartPole agent. hermes gives the identifier first:  python train.py IDENTIFIER --lr 0.01 --seed 0"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import gymnasium
import numpy as np

import rla
from rla import logger, time_step_holder

sys.path.insert(0, str(Path(__file__).parents[1] / "cartpole"))

from policy import Policy

DISCOUNT = 0.99
EPISODES_PER_UPDATE = 4


def play(env: gymnasium.Env, policy: Policy, rng: np.random.Generator) -> tuple[list, list, list]:
    """One episode: its observations, actions and rewards."""
    observation, _ = env.reset(seed=int(rng.integers(2**31)))
    observations, actions, rewards, done = [], [], [], False
    while not done:
        action = int(rng.random() < policy.action_probability(observation))
        observations.append(observation)
        actions.append(action)
        observation, reward, terminated, truncated, _ = env.step(action)
        rewards.append(float(reward))
        done = terminated or truncated
    return observations, actions, rewards


def returns_of(rewards: list[float]) -> list[float]:
    """The discounted return that follows each step."""
    found, total = [], 0.0
    for reward in reversed(rewards):
        total = reward + DISCOUNT * total
        found.append(total)
    return found[::-1]


def train(lr: float, seed: int, steps: int) -> list[float]:
    """Train a policy; the return of each episode."""
    env, policy, rng = gymnasium.make("CartPole-v1"), Policy(seed), np.random.default_rng(seed)
    scores: list[float] = []
    step = 0
    while step < steps:
        observations, actions, returns = [], [], []
        for _ in range(EPISODES_PER_UPDATE):
            seen, done, rewards = play(env, policy, rng)
            observations += seen
            actions += done
            returns += returns_of(rewards)
            scores.append(sum(rewards))
        step += len(actions)
        rate = lr * max(0.0, 1.0 - step / steps)
        losses = policy.learn(np.array(observations, np.float64), np.array(actions), np.array(returns), rate)
        time_step_holder.set_time(step)
        logger.record_tabular("mean_return", float(np.mean(scores[-20:])))
        logger.logkvs(losses, prefix="train/")
        logger.dump_tabular()
    env.close()
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("identifier", help="what hermes calls this experiment")
    parser.add_argument("--lr", type=float, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=150_000)
    arguments = parser.parse_args()
    hyperparameters = {"env_id": "CartPole-v1", "lr": arguments.lr, "seed": arguments.seed, "steps": arguments.steps}
    with rla.init("cartpole", hyperparameters):  # records into the row of the job
        scores = train(arguments.lr, arguments.seed, arguments.steps)
    Path(f"{arguments.identifier}.scores").write_text("".join(f"{score}\n" for score in scores), encoding="utf-8")
    print(f"mean return of the last 20 episodes: {np.mean(scores[-20:]):.1f}")


if __name__ == "__main__":
    main()
