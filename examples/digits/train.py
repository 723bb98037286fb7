"""Train a small neural network on scikit-learn's handwritten digits."""

import argparse
import json
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

GREY_LEVELS = 16.0
"""Pixels are counts from 0 to 16: https://scikit-learn.org/stable/datasets/toy_dataset.html#digits-dataset"""


def main() -> None:
    """Train, writing a line of metrics per epoch and the weights at the end."""
    arguments = parse_arguments()
    digits = load_digits()
    # No random_state here or below: both draw from numpy's global generator, which envsnap seeds.
    train_x, val_x, train_y, val_y = train_test_split(
        digits.data / GREY_LEVELS, digits.target, test_size=0.25, stratify=digits.target
    )
    model = MLPClassifier(hidden_layer_sizes=(64,), learning_rate_init=arguments.lr)
    with Path("metrics.jsonl").open("w", encoding="utf-8") as metrics:
        for step in range(1, arguments.epochs + 1):
            model.partial_fit(train_x, train_y, classes=digits.target_names)
            accuracy = model.score(val_x, val_y)
            line = {"step": step, "loss": float(model.loss_), "val/accuracy": float(accuracy)}
            metrics.write(json.dumps(line) + "\n")
            print(f"epoch {step}: loss {model.loss_:.4f}, accuracy {accuracy:.4f}")
    save_weights(model)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--lr", type=float, default=0.005)
    return parser.parse_args()


def save_weights(model: MLPClassifier) -> None:
    """Write every layer's weights and biases to weights.npz."""
    weights = {f"layer{index}.weight": values for index, values in enumerate(model.coefs_)}
    biases = {f"layer{index}.bias": values for index, values in enumerate(model.intercepts_)}
    np.savez("weights.npz", **weights, **biases)


if __name__ == "__main__":
    main()
