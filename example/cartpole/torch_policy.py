"""The same policy in torch: `train.py --torch` trains this one."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[np.float64]


class TorchPolicy:
    """A 4-32-2 network trained with REINFORCE and Adam."""

    def __init__(self, seed: int, hidden: int = 32) -> None:
        torch.manual_seed(seed)
        self.network = torch.nn.Sequential(torch.nn.Linear(4, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, 2))
        self.optimizer = torch.optim.Adam(self.network.parameters())

    def action_probability(self, observation: Array) -> float:
        """The probability of pushing right, for one observation of shape `(4,)`."""
        with torch.no_grad():
            logits = self.network(torch.as_tensor(observation, dtype=torch.float32))
        return float(torch.softmax(logits, 0)[1])

    def learn(self, observations: Array, actions: NDArray[np.int64], returns: Array, lr: float) -> dict[str, float]:
        """One REINFORCE step on a batch of shape `(steps, 4)`, `(steps,)`, `(steps,)`."""
        advantages = torch.as_tensor((returns - returns.mean()) / (returns.std() + 1e-8), dtype=torch.float32)
        chosen = torch.distributions.Categorical(
            logits=self.network(torch.as_tensor(observations, dtype=torch.float32))
        )
        loss = -(chosen.log_prob(torch.as_tensor(actions)) * advantages).mean()
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {"policy_loss": loss.item(), "entropy": chosen.entropy().mean().item()}
