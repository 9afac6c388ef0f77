#!/usr/bin/env python3
"""Runs the cells of scripts/explore.ipynb, and compares what it finds with what `bn-exp compare` says.

Usage:
    scripts/check_notebook.py [--program target/release/bn-exp]

Needs pandas and polars. Exit status: 0 they agree, 1 they do not or a cell fails, 2 something is missing.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import needs

try:
    import pandas
    import polars
except ImportError as missing:
    needs.stop_without(missing)

ROOT = Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "target" / "release" / "bn-exp")
    program = parser.parse_args().program.resolve()
    os.chdir(ROOT)
    found = {}
    for cell in json.loads((ROOT / "scripts" / "explore.ipynb").read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), found)
    command = [program, "compare", "results/published/quickstart", "--format", "json"]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    contrasts = said["experiments"][0]["contrasts"]
    contrast = next(one for one in contrasts if (one["a"], one["b"]) == ("bn", "affine"))
    if abs(contrast["difference"] - found["difference"]) > 1e-12:
        sys.exit(f"the notebook finds {found['difference']}, the program {contrast['difference']}")
    own = [one["difference"] for one in contrast["differences"]]
    if not all(abs(a - b) < 1e-12 for a, b in zip(own, found["differences"], strict=True)):
        sys.exit("the notebook finds other differences of seeds")
    if found["table"].height != 15:
        sys.exit("the table in polars has other rows")
    print(f"the notebook and the program agree: bn - affine {contrast['difference']:+.4f}")


if __name__ == "__main__":
    main()
