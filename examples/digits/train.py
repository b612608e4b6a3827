"""Train a small network on handwritten digits, and let the registry keep what was done."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from data import file_of, load
from model import Network

import trackrecord


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lr", type=float, default=0.1, help="learning rate")
    parser.add_argument("--hidden", type=int, default=16, help="units of the hidden layer")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch", type=int, default=16, help="pictures in a batch")
    parser.add_argument("--decay", type=float, default=1e-3, help="weight decay")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", choices=["test", "val"], default="test", help="the pictures to be measured on")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    np.random.seed(args.seed)
    random = np.random.default_rng(args.seed)
    pictures, labels = load(file_of("train"))
    others = load(file_of(args.split))
    network = Network(args.hidden, random)

    with trackrecord.run("milestone-1", params=vars(args)) as run:
        run.dataset("digits/train", path=file_of("train"), split="train")
        run.dataset(f"digits/{args.split}", path=file_of(args.split), split=args.split)
        for epoch in range(args.epochs):
            for batch in np.array_split(random.permutation(len(labels)), max(1, len(labels) // args.batch)):
                network.learn(pictures[batch], labels[batch], args.lr, args.decay)
            loss, accuracy = network.score(pictures, labels)
            measured = network.score(*others)[1]
            run.log({"train/loss": loss, "train/accuracy": accuracy, f"{args.split}/accuracy": measured}, step=epoch)
        Path("out").mkdir(exist_ok=True)
        network.save("out/weights.npz")
        run.artifact("out/weights.npz")
        run.predictions(network.classes(others[0]), metric=f"{args.split}/accuracy", step=args.epochs - 1)
    print(f"{args.split}/accuracy {measured:.2%} after {args.epochs} epochs")


if __name__ == "__main__":
    main()
