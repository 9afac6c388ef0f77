#!/usr/bin/env python3
"""Reads every table that bn-exp writes with pandas, polars, pyarrow and DuckDB, and compares each cell.

Usage:
    scripts/read_tables.py [--program target/release/bn-exp]

Two experiments are trained that hold what such programs guess wrongly about: learning rates of which some are
whole numbers, an axis of lists, an arm called none, runs that diverge and one that fails, empty cells, and reasons with
commas. Python's csv module says what each cell holds. Programs that are not installed are passed over, and this is said.

Exit status: 0 all agree, 1 a cell is read otherwise, 2 something is missing.
"""

import argparse
import csv
import importlib
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

BASE = {
    "data": {"source": "gaussians", "train": 200, "validation": 60, "test": 60},
    "model": {"kind": "mlp", "hidden": [8, 8]},
    "optimizer": {"kind": "sgd", "lr": 0.1},
    "train": {"batch_size": 20, "steps": 30},
    "log": {"landscape_every": 10},
    "seeds": 2,
}
EXPERIMENTS = {
    "rates": {"variants": ["none", "bn"], "sweep": {"optimizer.lr": [1, 0.3, 1e6]}},
    "lists": {
        "variants": ["affine", {"name": "narrow", "base": "bn"}],
        "sweep": {"model.hidden": [[8], [8, 4]], "norm.epsilon": [0, 1], "train.batch_size": [20.0, 40]},
    },
}
TABLES = ["runs", "curves", "activations", "gradients", "landscape", "timing"]
# Columns of whole numbers and of words; an axis is what the configuration says, everything else is a float.
WHOLE = {"seed", "step", "steps", "block", "parameters", "diverged_at_step", "best_validation_step", "steps_to_target",
         "peak_rss_bytes", "threads", "train.batch_size"}
WORDS = {"run_id", "variant", "status", "reason", "split", "mode", "site", "channel", "tensor", "metric", "started_at", "host", "simd",
         "program_version", "model.hidden"}


def with_pandas(path):
    # Its default is faster, and in some versions off by the last digit.
    frame = importlib.import_module("pandas").read_csv(path, float_precision="round_trip")
    return {name: (str(frame[name].dtype), frame[name].tolist()) for name in frame.columns}


def with_polars(path):
    # The whole column decides about its type, as by default only the first hundred rows do.
    frame = importlib.import_module("polars").read_csv(path, infer_schema_length=None)
    return {name: (str(frame[name].dtype), frame[name].to_list()) for name in frame.columns}


def with_pyarrow(path):
    table = importlib.import_module("pyarrow.csv").read_csv(path)
    return {name: (str(table.schema.field(name).type), table[name].to_pylist()) for name in table.column_names}


def with_duckdb(path):
    relation = importlib.import_module("duckdb").read_csv(str(path))
    rows = relation.fetchall()
    columns = zip(relation.columns, map(str, relation.types))
    return {name: (dtype, [row[i] for row in rows]) for i, (name, dtype) in enumerate(columns)}


READERS = {"pandas": with_pandas, "polars": with_polars, "pyarrow": with_pyarrow, "duckdb": with_duckdb}


def agrees(name, cell, value):
    """Whether a reader's value is what the cell holds."""
    is_missing = value is None or isinstance(value, float) and math.isnan(value)
    if cell == "":
        # A reader of text cannot know an empty word from none.
        return is_missing or value == ""
    if name in WORDS:
        # A channel's index may be read as a number, and a time as a time.
        return not is_missing and (str(value) == cell or name in ("channel", "started_at", "program_version"))
    return not is_missing and not isinstance(value, (str, bool)) and float(value) == float(cell)


def compare(table, columns):
    """What is wrong with a table as a reader read it."""
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        return ["no rows: BASE switches nothing on that fills it"]
    header = list(rows[0])
    if list(columns) != header:
        return [f"columns {list(columns)}"]
    faults = []
    for name, (dtype, values) in columns.items():
        cells = [row[name] for row in rows]
        if len(values) != len(cells):
            faults.append(f"{len(values)} rows, not {len(cells)}")
            break
        wrong = [(i, cell, value) for i, (cell, value) in enumerate(zip(cells, values)) if not agrees(name, cell, value)]
        if wrong:
            i, cell, value = wrong[0]
            faults.append(f"column {name} ({dtype}), row {i + 2}: {cell!r} is read as {value!r}")
        # What the column is must not depend on which values a sweep happens to hold.
        is_float = any(word in dtype.lower() for word in ("float", "double"))
        if name not in WHOLE and name not in WORDS and any(cells) and not is_float:
            faults.append(f"column {name} is read as {dtype}, not as floats")
    return faults


def main():
    parser = argparse.ArgumentParser(description="Read every table with the programs that people use.")
    parser.add_argument("--program", type=Path, default=Path("target/release/bn-exp"))
    options = parser.parse_args()
    if not options.program.is_file():
        print(f"{options.program} is not there; build it with `cargo build --release`", file=sys.stderr)
        return 2
    readers = {}
    for name, reader in READERS.items():
        try:
            importlib.import_module(name)
            readers[name] = reader
        except ImportError:
            print(f"{name} is not installed: not tried")
    if not readers:
        return 2
    count, faults = 0, []
    with tempfile.TemporaryDirectory() as folder:
        for name, change in EXPERIMENTS.items():
            config = Path(folder) / f"{name}.json"
            config.write_text(json.dumps({"name": name, **BASE, **change}))
            done = subprocess.run([options.program, "run", "--config", config, "--out", folder, "--quiet"], capture_output=True)
            if done.returncode not in (0, 1):
                print(done.stderr.decode(), file=sys.stderr)
                return 2
            for table in [Path(folder) / name / f"{table}.csv" for table in TABLES]:
                for reader, read in readers.items():
                    count += 1
                    try:
                        found = compare(table, read(table))
                    except Exception as error:  # noqa: BLE001: whatever the reader stumbles over is the finding
                        found = [f"cannot be read: {error}"]
                    faults += [f"{name}/{table.name} with {reader}: {fault}" for fault in found]
    print("\n".join(faults))
    print(f"{count} readings by {', '.join(readers)}: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
