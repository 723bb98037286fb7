"""Train a small convolutional network on Fashion-MNIST for one epoch."""

import argparse
import gzip
import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

CLASSES = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle-boot",
)
"""In the order of the labels: https://github.com/zalandoresearch/fashion-mnist#labels"""

IMAGE_MAGIC, LABEL_MAGIC = 0x00000803, 0x00000801
"""Unsigned bytes (08) in three dimensions and in one: the IDX format, as MNIST's authors describe it."""

SIDE = 28
"""Height and width of an image in pixels."""


class Network(nn.Module):
    """Two convolutions and a linear layer: 20 thousand weights."""

    def __init__(self) -> None:
        """Initialise the layers from torch's global generator, which envsnap seeds."""
        super().__init__()
        self.first = nn.Conv2d(1, 16, kernel_size=3, padding=1)
        self.second = nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.classify = nn.Linear(32 * (SIDE // 4) ** 2, len(CLASSES))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Turn images, (N, 1, 28, 28), into scores, (N, 10)."""
        half = functional.max_pool2d(functional.relu(self.first(images)), 2)
        quarter = functional.max_pool2d(functional.relu(self.second(half)), 2)
        return self.classify(quarter.flatten(start_dim=1))


def main() -> None:
    """Train for one epoch, then write the accuracy on the test images and the weights."""
    arguments = parse_arguments()
    model = Network()
    images, labels = load(arguments.data, "train", arguments.limit)
    train(model, images, labels, arguments)
    accuracy = evaluate(model, *load(arguments.data, "t10k"))
    Path("accuracy.json").write_text(json.dumps(accuracy, indent=2) + "\n", encoding="utf-8")
    save_file(model.state_dict(), "model.safetensors")
    print(f"accuracy {accuracy['accuracy']:.4f} on the test images")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder with the four IDX files")
    parser.add_argument("--lr", type=float, default=0.001)
    parser.add_argument("--limit", type=int, default=50_000, help="train on the first images only")
    parser.add_argument("--batch-size", type=int, default=64)
    return parser.parse_args()


def load(folder: Path, split: str, limit: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Read a split's first images, (N, 1, 28, 28) from 0 to 1, and their labels, (N,)."""
    pixels = read_idx(folder / f"{split}-images-idx3-ubyte.gz", IMAGE_MAGIC)
    labels = read_idx(folder / f"{split}-labels-idx1-ubyte.gz", LABEL_MAGIC)
    if pixels.shape != (len(labels), SIDE, SIDE):
        raise SystemExit(f"{folder}: {split} has images of shape {pixels.shape} for {len(labels)} labels")
    scaled = pixels[:limit, np.newaxis].astype(np.float32) / 255
    return torch.from_numpy(scaled), torch.from_numpy(labels[:limit].astype(np.int64))


def read_idx(path: Path, magic: int) -> NDArray[np.uint8]:
    """Read a gzip-compressed IDX file of bytes: a magic number, each dimension's size, the values."""
    try:
        content = gzip.decompress(path.read_bytes())
    except FileNotFoundError as error:
        raise SystemExit(f"{path} is missing: run python fetch_data.py first") from error
    dimensions = magic & 0xFF
    found, *shape = (int(word) for word in np.frombuffer(content, dtype=">u4", count=1 + dimensions))
    if found != magic:
        raise SystemExit(f"{path} starts with {found:#010x}, not {magic:#010x}: it is no such IDX file")
    values = np.frombuffer(content, dtype=np.uint8, offset=4 * (1 + dimensions))
    if values.size != np.prod(shape):
        raise SystemExit(f"{path} holds {values.size} bytes, its header promises {shape}")
    return values.reshape(shape)


def train(model: Network, images: torch.Tensor, labels: torch.Tensor, arguments: argparse.Namespace) -> None:
    """Pass once over the images in random order, writing every step's loss to metrics.jsonl."""
    optimizer = torch.optim.Adam(model.parameters(), lr=arguments.lr)
    batches = torch.randperm(len(images)).split(arguments.batch_size)
    with Path("metrics.jsonl").open("w", encoding="utf-8") as metrics:
        for step, batch in enumerate(batches, start=1):
            loss = functional.cross_entropy(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            metrics.write(json.dumps({"step": step, "loss": loss.item()}) + "\n")
            if step % 100 == 0:
                print(f"step {step} of {len(batches)}: loss {loss.item():.4f}")


def evaluate(model: Network, images: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    """Return the accuracy as a whole and for each class."""
    with torch.inference_mode():
        predicted = torch.cat([model(part).argmax(dim=1) for part in images.split(500)])
    right = (predicted == labels).double()
    accuracy = {"accuracy": right.mean().item()}
    for label, name in enumerate(CLASSES):
        accuracy[f"accuracy/{name}"] = right[labels == label].mean().item()
    return accuracy


if __name__ == "__main__":
    main()
