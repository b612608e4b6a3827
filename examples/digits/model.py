"""A network with one hidden layer, trained by plain gradient descent: small enough to read, honest enough to fail."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Network:
    """64 pixels -> `hidden` units (ReLU) -> 10 classes (softmax)."""

    def __init__(self, hidden: int, random: np.random.Generator) -> None:
        self.w1 = random.normal(0, np.sqrt(2 / 64), (64, hidden))
        self.b1 = np.zeros(hidden)
        self.w2 = random.normal(0, np.sqrt(1 / hidden), (hidden, 10))
        self.b2 = np.zeros(10)

    def forward(self, pictures: Floats) -> tuple[Floats, Floats]:
        """Hidden activations (n, hidden) and class probabilities (n, 10)."""
        active = np.maximum(pictures @ self.w1 + self.b1, 0)
        scores = active @ self.w2 + self.b2
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        return active, odds / odds.sum(axis=1, keepdims=True)

    def classes(self, pictures: Floats) -> NDArray[np.intp]:
        """The digit that each picture is read as."""
        return self.forward(pictures)[1].argmax(axis=1)

    def learn(self, pictures: Floats, labels: NDArray[np.intp], rate: float, decay: float) -> None:
        """One step down the gradient of the cross entropy of this batch."""
        active, probabilities = self.forward(pictures)
        error = probabilities
        error[np.arange(len(labels)), labels] -= 1
        error /= len(labels)
        back = (error @ self.w2.T) * (active > 0)
        self.w2 -= rate * (active.T @ error + decay * self.w2)
        self.b2 -= rate * error.sum(axis=0)
        self.w1 -= rate * (pictures.T @ back + decay * self.w1)
        self.b1 -= rate * back.sum(axis=0)

    def score(self, pictures: Floats, labels: NDArray[np.intp]) -> tuple[float, float]:
        """Cross entropy and accuracy. A network that answers NaN has no accuracy either: NaN, not one in ten."""
        probabilities = self.forward(pictures)[1]
        loss = float(-np.log(probabilities[np.arange(len(labels)), labels] + 1e-12).mean())
        if not np.isfinite(loss):
            return loss, float("nan")
        return loss, float((probabilities.argmax(axis=1) == labels).mean())

    def save(self, path: str) -> None:
        """All weights in one file."""
        np.savez(path, w1=self.w1, b1=self.b1, w2=self.w2, b2=self.b2)
