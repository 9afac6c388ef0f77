#!/usr/bin/env python3
"""Replays a whole catalogue of trainings in PyTorch: arms, networks, optimisers, initialisations,
norm positions, data sources.

Usage:
    scripts/replay_cases.py [--program target/release/bn-exp] [--only NAME] [--write]

tests/goldens/replay_cases.json names the cases: each changes a base configuration. Every case is
trained by bn-exp with --trace, 200 steps in f64 and 20 in f32, and replayed by replay_pytorch.py.
One line a run says the largest relative deviation of a batch loss; f64 is judged to 1e-8 over all
200 steps, f32 to 1e-5 over the first 10, or up to the first at which the sign of a ReLU's input is a
matter of rounding.

Cases with a batch norm right after the activation use tanh, and batches of 2 a convolution: where a
ReLU unit is all but dead, or x̂ can only be ±1, dividing by a tiny SD amplifies rounding from step to
step, and PyTorch itself, its initial weights moved by one last bit, can end as far from where it was.
The same goes for ghost batches of 4 samples in a fully connected net, so the base has groups of 8.

--write keeps PyTorch's f64 losses in tests/goldens/replay_losses.json, against which `cargo test`
holds the program where PyTorch is not at hand.

Exit status: 0 all agree, 1 some deviate, 2 wrong usage or something missing.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import replay_pytorch

ROOT = Path(__file__).resolve().parent.parent
GOLDENS = ROOT / "tests" / "goldens"


def train(program, base, change, precision, steps, folder):
    """Trains a case and returns its run folders."""
    config = {**base, **change}
    config["model"] = {**config["model"], "precision": precision}
    config["train"] = {**config["train"], "steps": steps}
    path = Path(folder) / "config.json"
    path.write_text(json.dumps(config))
    command = [program, "run", "--config", path, "--out", folder, "--trace", "--quiet", "--jobs", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bn-exp failed on {change}:\n{done.stderr}")
    return sorted((Path(folder) / config["name"] / "runs").iterdir())


def judge(name, run, precision):
    """Replays one run; returns its line, whether it agrees, the variant and PyTorch's losses."""
    replayed = replay_pytorch.replay(run)
    losses = replay_pytorch.compare_losses(replayed, replay_pytorch.recorded_losses(run))
    parameters = replay_pytorch.compare_parameters(replayed, run / "checkpoint.safetensors")
    population = replay_pytorch.compare_population(run)
    agrees = losses["agrees"] and all(part is None or part["agrees"] for part in (parameters, population))
    variant = json.loads((run / "run.json").read_text())["variant"]["name"]
    line = (
        f"{name:24} {variant:18} {precision}  {losses['judged']:3} steps  "
        f"loss {losses['max_relative']:.1e}  parameters {parameters['max_relative'] if parameters else float('nan'):.1e}  "
        f"population {population['max_relative'] if population else float('nan'):.1e}  "
        f"{'agrees' if agrees else 'DEVIATES'}"
    )
    return line, agrees, variant, replayed["losses"]


def replay_case(program, base, name, change):
    """Trains and replays a case in both precisions: {precision: [what `judge` says of each run]}."""
    found = {}
    for precision, steps in (("f64", 200), ("f32", 20)):
        with tempfile.TemporaryDirectory() as folder:
            runs = train(program, base, change, precision, steps, folder)
            found[precision] = [judge(name, run, precision) for run in runs]
    return found


def main():
    parser = argparse.ArgumentParser(description="Replay the catalogue of trainings in PyTorch.")
    parser.add_argument("--program", type=Path, default=ROOT / "target" / "release" / "bn-exp")
    parser.add_argument("--only", help="replay this case only")
    parser.add_argument("--write", action="store_true", help="keep PyTorch's losses for `cargo test`")
    options = parser.parse_args()
    if not options.program.is_file():
        sys.exit(f"{options.program} is not there; build it with `cargo build --release`")
    catalogue = json.loads((GOLDENS / "replay_cases.json").read_text())
    cases = {name: case for name, case in catalogue["cases"].items() if options.only in (None, name)}
    if not cases:
        print(f"no case {options.only!r} in {GOLDENS / 'replay_cases.json'}", file=sys.stderr)
        return 2
    kept, deviating, judged = {}, 0, 0
    # A process a core: PyTorch's own threads gain nothing on nets of this size.
    with ProcessPoolExecutor() as pool:
        arguments = (options.program.resolve(), catalogue["base"])
        replayed = {name: pool.submit(replay_case, *arguments, name, change) for name, change in cases.items()}
        for name, result in replayed.items():
            for precision, runs in result.result().items():
                for line, agrees, variant, losses in runs:
                    print(line, flush=True)
                    judged += 1
                    deviating += not agrees
                    if precision == "f64":
                        kept.setdefault(name, {})[variant] = losses
    if options.write and options.only is None:
        lines = (f" {json.dumps(name)}: {json.dumps(losses, separators=(',', ':'))}" for name, losses in kept.items())
        (GOLDENS / "replay_losses.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{judged - deviating} of {judged} runs agree")
    return 1 if deviating else 0


if __name__ == "__main__":
    sys.exit(main())
