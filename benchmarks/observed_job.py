"""A training job of fixed work for measuring what the observer costs: small operations, and files read all along.

Usage: python observed_job.py [STEPS]. The default takes about 30 seconds on one core of a server. It needs torch and
numpy, writes its data into a temporary folder, and prints its last loss, which depends on the seed alone.
"""

import copy
import random
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

STEPS = 50_000
FILES = 400
BATCH = 64


def write_shards(folder: Path) -> list[Path]:
    """Write the data: one small file for each batch."""
    generator = np.random.default_rng(1)
    paths = [folder / f"shard-{number:03d}.npy" for number in range(FILES)]
    for path in paths:
        np.save(path, generator.standard_normal((BATCH, 33)).astype(np.float32))
    return paths


def train(paths: list[Path], steps: int) -> float:
    """Take ``steps`` steps, each on a file that is read anew; return the last loss."""
    model = nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    best, last = copy.deepcopy(model.state_dict()), float("inf")
    for step in range(steps):
        batch = torch.from_numpy(np.load(random.choice(paths)))  # noqa: S311 - picks a batch
        loss = nn.functional.mse_loss(model(batch[:, :32]), batch[:, 32:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 0 and loss.item() < last:
            best, last = copy.deepcopy(model.state_dict()), loss.item()
    model.load_state_dict(best)
    return last


def main(arguments: list[str]) -> None:
    """Run the job."""
    random.seed(1)
    torch.manual_seed(1)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        print(f"{train(write_shards(Path(folder)), int(arguments[0]) if arguments else STEPS):.6f}")


if __name__ == "__main__":
    main(sys.argv[1:])
