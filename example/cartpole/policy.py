"""A small softmax policy in NumPy, trained with REINFORCE and Adam."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Policy:
    """A 4-32-2 network: tanh inside, a probability for each of two actions at the end."""

    def __init__(self, seed: int, hidden: int = 32) -> None:
        rng = np.random.default_rng(seed)
        self.weights = [
            rng.normal(0.0, 0.5, (4, hidden)),
            np.zeros(hidden),
            rng.normal(0.0, 0.1, (hidden, 2)),
            np.zeros(2),
        ]
        self.moments = [(np.zeros_like(w), np.zeros_like(w)) for w in self.weights]
        self.updates = 0

    def action_probability(self, observation: Array) -> float:
        """The probability of pushing right, for one observation of shape `(4,)`."""
        w1, b1, w2, b2 = self.weights
        logits = np.tanh(observation @ w1 + b1) @ w2 + b2
        return float(1.0 / (1.0 + np.exp(logits[0] - logits[1])))

    def learn(self, observations: Array, actions: NDArray[np.int64], returns: Array, lr: float) -> dict[str, float]:
        """One REINFORCE step on a batch of shape `(steps, 4)`, `(steps,)`, `(steps,)`."""
        w1, b1, w2, b2 = self.weights
        hidden = np.tanh(observations @ w1 + b1)
        logits = hidden @ w2 + b2
        exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = exponents / exponents.sum(axis=1, keepdims=True)
        advantages = (returns - returns.mean()) / (returns.std() + 1e-8)
        slope = probabilities.copy()
        slope[np.arange(len(actions)), actions] -= 1.0
        slope *= advantages[:, None] / len(actions)
        inner = (slope @ w2.T) * (1.0 - hidden**2)
        self._adam([observations.T @ inner, inner.sum(0), hidden.T @ slope, slope.sum(0)], lr)
        chosen = probabilities[np.arange(len(actions)), actions]
        return {
            "policy_loss": float(-(np.log(chosen + 1e-8) * advantages).mean()),
            "entropy": float(-(probabilities * np.log(probabilities + 1e-8)).sum(axis=1).mean()),
        }

    def _adam(self, gradients: list[Array], lr: float) -> None:
        """Source: Kingma & Ba 2015, algorithm 1, with their defaults."""
        self.updates += 1
        for weight, gradient, (mean, square) in zip(self.weights, gradients, self.moments, strict=True):
            mean[...] = 0.9 * mean + 0.1 * gradient
            square[...] = 0.999 * square + 0.001 * gradient**2
            unbiased = mean / (1.0 - 0.9**self.updates)
            weight[...] -= lr * unbiased / (np.sqrt(square / (1.0 - 0.999**self.updates)) + 1e-8)
