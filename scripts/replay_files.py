#!/usr/bin/env python3
"""Checks that bn-exp reads a user's own files as NumPy and pandas do, and trains on those numbers.

Usage:
    scripts/replay_files.py [--program target/release/bn-exp]

Writes one data set in many forms (IDX of every type and rank, CSV), trains on each with --trace, and
replays the training in PyTorch, in f64, from the arrays that were written (for CSV: from what pandas
reads) and not from the files. All losses must agree to 1e-8.

Needs pandas beside what requirements.txt lists.
Exit status: 0 all agree, 1 some deviate, 2 something missing.
"""

import argparse
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import needs

try:
    import numpy as np
    import pandas as pd
    import replay_pytorch
except ImportError as missing:
    needs.stop_without(missing)

ROOT = Path(__file__).resolve().parent.parent
CODES = {"u1": 0x08, "i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}
COUNTS = {"train": 200, "test": 60}
MLP = {"kind": "mlp", "hidden": [12, 8], "precision": "f64"}
CNN = {"kind": "cnn", "channels": [3, 4], "pool": ["none", "max"], "precision": "f64"}


def idx(array, dtype):
    """The bytes of an IDX file."""
    sizes = b"".join(struct.pack(">I", size) for size in array.shape)
    return struct.pack(">I", CODES[dtype] << 8 | array.ndim) + sizes + array.astype(dtype).tobytes()


def images(part, *shape):
    """Images of bytes in which a class is bright in places of its own, and their classes."""
    draw = np.random.default_rng(len(part))
    labels = draw.integers(0, 4, COUNTS[part])
    patterns = np.random.default_rng(0).integers(0, 200, (4, *shape))
    return patterns[labels] + draw.integers(0, 56, (COUNTS[part], *shape)), labels


def cases():
    """Name, model, scaling, transpose, (array, labels) of a part → what to write, and what the network should see of it."""
    grey = lambda part: images(part, 6, 7)
    colour = lambda part: images(part, 6, 7, 3)
    first = lambda x: x.transpose(0, 3, 1, 2)
    yield "bytes", MLP, None, False, grey, ("u1", "u1"), lambda x: x / 255
    yield "bytes-cnn", CNN, "standardize", False, grey, ("u1", "i1"), "image"
    yield "32-bit bytes", MLP, None, False, grey, (">i4", ">i4"), lambda x: x / 255
    yield "16 bits", CNN, None, False, lambda p: (grey(p)[0] * 90 - 9000, grey(p)[1]), (">i2", ">i2"), "image"
    yield "32 bits", MLP, None, False, lambda p: (grey(p)[0] * 8_000_001, grey(p)[1]), (">i4", "u1"), "image"
    yield "8 bits", MLP, "none", False, lambda p: (grey(p)[0] // 2 - 100, grey(p)[1]), ("i1", "u1"), lambda x: x * 1.0
    yield "floats", CNN, None, False, lambda p: (grey(p)[0] / 300 - 0.3, grey(p)[1]), (">f4", "u1"), np.float32
    yield "doubles", CNN, "standardize", False, lambda p: (grey(p)[0] / 300 - 0.3, grey(p)[1]), (">f8", "u1"), "image"
    yield "vectors", MLP, "standardize", False, lambda p: images(p, 30), ("u1", "u1"), "vector"
    yield "colour", CNN, None, False, colour, ("u1", "u1"), lambda x: first(x) / 255
    yield "colour, doubles", MLP, None, False, lambda p: (colour(p)[0] / 7, colour(p)[1]), (">f8", "u1"), first
    yield "channels first", CNN, None, False, lambda p: (first(colour(p)[0]), colour(p)[1]), ("u1", "u1"), lambda x: x / 255
    yield "on its side", CNN, None, True, grey, ("u1", "u1"), lambda x: x.swapaxes(1, 2) / 255
    yield "colour on its side", CNN, None, True, colour, ("u1", "u1"), lambda x: first(x).swapaxes(2, 3) / 255
    yield "from one", MLP, None, False, lambda p: (grey(p)[0], grey(p)[1] + 1), ("u1", "u1"), lambda x: x / 255
    yield "gaps", MLP, None, False, lambda p: (grey(p)[0], grey(p)[1] ** 2 * 7 - 5), ("u1", ">i2"), lambda x: x / 255
    eight = lambda y: np.stack([y, *[np.arange(len(y)) % 3] * 7], 1)
    yield "QMNIST", MLP, None, False, lambda p: (grey(p)[0], eight(grey(p)[1])), ("u1", ">i4"), lambda x: x / 255


def standardized(values, axis):
    """Less the mean, divided by the SD; what is constant becomes 0."""
    first, is_constant = values[0], values.max(axis=axis) == values.min(axis=axis)
    # The mean of equal values may be off by a rounding.
    mean = np.where(is_constant, first if axis == 0 else values.flat[0], values.mean(axis=axis))
    return (values - mean) / np.where(is_constant, 1.0, values.std(axis=axis))


def write_idx(folder, of, dtypes):
    folder.mkdir()
    for part in COUNTS:
        array, labels = of(part)
        (folder / f"some-{part}-images-idx{array.ndim}").write_bytes(idx(array, dtypes[0]))
        (folder / f"some-{part}-labels-idx{labels.ndim}").write_bytes(idx(labels, dtypes[1]))


def write_csv(folder, labels):
    """Tables of numbers as people have them: wide ranges, many digits, a constant column."""
    for part, count in COUNTS.items():
        draw = np.random.default_rng(count)
        x, y = images(part, 5)
        table = pd.DataFrame(x * draw.normal(1, 0.1, x.shape), columns=list("abcde"))
        table["big"] = 1.6e9 + y * 3600 + draw.normal(0, 9, count)
        table["small"] = draw.normal(0, 1e-12, count) * (1 + y)
        table["constant"] = 0.1
        table.insert(3, "kind", np.array(labels)[y])
        table.to_csv(folder / f"{part}.csv", index=False)


def train(program, folder, data, model):
    """Trains in f64 and returns the run folders."""
    config = {
        "name": "t", "data": {"validation": 20, **data}, "model": model, "variants": ["affine", "bn"],
        "optimizer": {"kind": "sgd", "lr": 0.05}, "train": {"batch_size": 20, "steps": 60}, "seeds": 1,
        "log": {"batch_every": 1, "evaluate_every": 0, "activations_every": 0, "gradients_every": 0},
    }
    (folder / "config.json").write_text(json.dumps(config))
    command = [program, "run", "--config", "config.json", "--out", "out", "--trace", "--quiet"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bn-exp failed on {data}:\n{done.stderr}")
    return sorted((folder / "out" / "t" / "runs").iterdir())


def judge(name, run, samples, classes):
    """Replays a run from these arrays, all rows of the training file as the network should see them."""
    _, trace = replay_pytorch.load_run(run)
    rows = trace["split/train"]
    assert sorted(set(rows)) == sorted(rows) and rows.max() < len(samples), "rows of the file, each at most once"
    features = samples(rows).reshape(len(rows), -1)
    labels = replay_pytorch.torch.from_numpy(classes[rows])
    replay_pytorch.training_split = lambda *_: (features.astype(np.float64), labels)
    replay_pytorch.scaled = lambda values, *_: replay_pytorch.torch.from_numpy(values).__getitem__
    replayed = replay_pytorch.replay(run)
    result = replay_pytorch.compare_losses(replayed, replay_pytorch.recorded_losses(run))
    verdict = "agrees" if result["agrees"] else "DEVIATES"
    print(f"{name:20} {run.name.split('-')[0]:7} loss {result['max_relative']:.1e}  {verdict}")
    return result["agrees"]


class Samples:
    """All samples of the training file; those of the training split as the network should see them."""

    def __init__(self, array, seen):
        self.array, self.seen = array, seen

    def __len__(self):
        return len(self.array)

    def __call__(self, rows):
        if self.seen in ("image", "vector"):
            return standardized(self.array[rows].astype(np.float64), None if self.seen == "image" else 0)
        return self.seen(self.array)[rows]


def main():
    parser = argparse.ArgumentParser(description="Check that a user's own files are read as NumPy and pandas do.")
    parser.add_argument("--program", type=Path, default=ROOT / "target" / "release" / "bn-exp")
    program = parser.parse_args().program.resolve()
    if not program.is_file():
        sys.exit(f"{program} is not there; build it with `cargo build --release`")
    verdicts = []
    for name, model, scaling, transpose, of, dtypes, seen in cases():
        with tempfile.TemporaryDirectory() as folder:
            write_idx(Path(folder) / "set", of, dtypes)
            data = {"source": "idx", "dir": "set", "transpose": transpose, **({"scaling": scaling} if scaling else {})}
            array, labels = of("train")
            labels = labels if labels.ndim == 1 else labels[:, 0]
            classes = np.unique(labels, return_inverse=True)[1]
            for run in train(program, Path(folder), data, model):
                verdicts.append(judge(name, run, Samples(array, seen), classes))
    for labels in ([0, 1, 2, 3], [7, 10, 9, -1], ["b", "é", "a b", "B"]):
        for test in ({"test_file": "test.csv"}, {}):
            with tempfile.TemporaryDirectory() as folder:
                write_csv(Path(folder), labels)
                data = {"source": "csv", "file": "train.csv", "label": "kind", **test}
                table = pd.read_csv(Path(folder) / "train.csv")
                kinds = table.pop("kind")
                names = sorted(set(kinds), key=lambda kind: kind.encode() if isinstance(kind, str) else kind)
                classes = np.array([names.index(kind) for kind in kinds])
                for run in train(program, Path(folder), data, MLP):
                    verdicts.append(judge(f"csv {labels[0]} {len(test)}", run, Samples(table.to_numpy(), "vector"), classes))
    print(f"{sum(verdicts)} of {len(verdicts)} runs agree")
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
