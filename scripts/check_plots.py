#!/usr/bin/env python3
"""Draws what scripts/plot.py draws, as the documents say and otherwise, and holds the drawn numbers against the tables.

Usage:
    scripts/check_plots.py [--program target/release/bn-exp]

A short quickstart is trained, in which runs diverge. The tables are read here without pandas. Needs matplotlib and pandas.
Exit status: 0 all is right, 1 something is not, 2 something is missing.
"""

import argparse
import contextlib
import csv
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import needs

try:
    import matplotlib.image
    import plot
except ImportError as missing:
    needs.stop_without(missing, "requirements-plot.txt")

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "scripts" / "plot.py"
BEGINNINGS = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}


def rows(folder, table, **where):
    with open(folder / f"{table}.csv", newline="") as file:
        return [row for row in csv.DictReader(file) if all(row[column] == value for column, value in where.items())]


def drawn(program, *arguments):
    """The paths that a call writes, each a picture."""
    done = subprocess.run([sys.executable, SCRIPT, *arguments, "--program", program], capture_output=True, text=True)
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    assert "Warning" not in done.stderr, done.stderr
    paths = [Path(line) for line in done.stdout.splitlines()]
    for path in paths:
        beginning = BEGINNINGS[path.suffix[1:]]
        assert path.read_bytes().startswith(beginning), f"{path} is not what its name says"
        if path.suffix == ".png":
            picture = matplotlib.image.imread(path)
            assert min(picture.shape[:2]) > 150 and picture[..., :3].std() > 0.01, f"{path} is empty"
    return paths


def documented(program, folder):
    """Every call of plot.py in README and docs, on these results."""
    calls = 0
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for line in page.read_text().splitlines():
            words = line.split()
            if line.startswith(".venv/bin/python scripts/plot.py"):
                named = [str(folder) if word == "results/quickstart" else word for word in words[2:]]
                paths = drawn(program, *named)
                wanted = 2 if "--figures" in words else len(plot.FIGURES)
                assert len(paths) == wanted, f"{line}: {paths}"
                calls += 1
    assert calls >= 2, "the documents no longer say how to draw"


def refused(program, folder, words, *arguments):
    command = [sys.executable, SCRIPT, folder, *arguments, "--program", program]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr, f"{arguments}: {done.stderr}"


def figures(program, folder, *arguments):
    """Every figure as matplotlib has it, by its name."""
    kept = {}

    def keep(figure, title, handles, caption, path):
        kept[path.stem] = figure
        figure.caption = " ".join(caption)
        return path

    plot.finish = keep
    sys.argv = ["plot.py", str(folder), "--out", "numbers", "--program", str(program), *arguments]
    with contextlib.redirect_stdout(None):
        assert plot.main() == 0
    return kept


def same(found, expected, what):
    """Whether two sequences are the same numbers; what is not a number is a gap."""
    found, expected = list(found), list(expected)
    is_same = lambda a, b: math.isnan(a) and not math.isfinite(b) or math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-15)
    assert len(found) == len(expected) and all(map(is_same, found, expected)), f"{what}: {found} drawn, {expected} in the tables"


def best_rates(folder):
    """The rate of each arm with its best mean validation accuracy, a diverged run counting as guessing."""
    classes = {run["id"]: run["classes"] for run in json.loads((folder / "experiment.json").read_text())["runs"]}
    scores = {}
    for run in rows(folder, "runs"):
        accuracy = float(run["validation_accuracy"] or 1 / classes[run["run_id"]])
        scores.setdefault(run["variant"], {}).setdefault(run[plot.RATE], []).append(accuracy)
    return {arm: max(by_rate, key=lambda rate: statistics.mean(by_rate[rate])) for arm, by_rate in scores.items()}


def diverged(folder):
    """The share of runs that diverged, of each arm at each rate."""
    by_cell = {}
    for run in rows(folder, "runs"):
        by_cell.setdefault((run["variant"], run[plot.RATE]), []).append(run["status"] == "diverged")
    return [(*cell, statistics.mean(map(int, flags))) for cell, flags in by_cell.items()]


def check_differences(figure, program, folder):
    said = subprocess.run([program, "compare", folder, "--format", "json"], check=True, capture_output=True, text=True)
    contrasts = json.loads(said.stdout)["experiments"][0]["contrasts"]
    seeds, intervals, means = figure.axes[0].lines[0:-1:3], figure.axes[0].lines[1:-1:3], figure.axes[0].lines[2:-1:3]
    assert len(contrasts) == len(means) == 2
    low, high = figure.axes[0].get_xlim()
    for line in figure.axes[0].lines:
        assert all(low <= x <= high for x in line.get_xdata()), f"{line.get_xdata()} is outside what is shown, {low} to {high}"
    for contrast, line, interval, mean in zip(contrasts, seeds, intervals, means):
        same(line.get_xdata(), [one["difference"] for one in contrast["differences"]], "differences of seeds")
        same(interval.get_xdata(), contrast["interval"] or [contrast["difference"]] * 2, "interval")
        same(mean.get_xdata(), [contrast["difference"]], "mean difference")


def check_best(figure, folder, rates):
    ended = {run["run_id"]: run["status"] for run in rows(folder, "runs")}
    wanted = [("train", "loss"), ("validation", "loss"), ("train", "accuracy"), ("validation", "accuracy")]
    for panel, (split, column) in zip(figure.axes, wanted, strict=True):
        worst = math.inf if column == "loss" else -math.inf
        for line, band, (arm, rate) in zip(panel.lines, panel.collections, rates.items(), strict=True):
            where = {"variant": arm, plot.RATE: rate, "split": split, "mode": "running_stats"}
            evaluations = rows(folder, "curves", **where)
            runs = {row["run_id"] for row in rows(folder, "runs", variant=arm, **{plot.RATE: rate})}
            medians = []
            for step in sorted({int(row["step"]) for row in evaluations}):
                values = {row["run_id"]: float(row[column]) for row in evaluations if int(row["step"]) == step and row[column]}
                cut = [worst for run in runs - set(values) if ended[run] == "diverged"]
                medians.append(statistics.median([*values.values(), *cut]))
            same(line.get_ydata(), medians, f"{split} {column} of {arm}")
            first = [float(row[column]) for row in evaluations if row["step"] == "0" and row[column]]
            low, _, high = statistics.quantiles(first, n=4, method="inclusive") if len(first) > 1 else first * 3
            drawn = [y for path in band.get_paths() for x, y in path.vertices if x == 0]
            same([min(drawn), max(drawn)], [low, high], f"band of {split} {column} of {arm} at the start")


def check_learning_rate(figure, folder, arms):
    panel = figure.axes[-1]
    for line, arm in zip([line for line in panel.lines if line.get_marker() != "_"], arms, strict=True):
        by_rate = {}
        for run in rows(folder, "runs", variant=arm):
            by_rate.setdefault(float(run[plot.RATE]), []).append(float(run["test_accuracy"] or -math.inf))
        same(line.get_ydata(), [statistics.median(by_rate[rate]) for rate in sorted(by_rate)], f"test accuracy of {arm}")


def check_percentiles(figure, folder, rates, channel=None):
    last = str(max(int(row["block"]) for row in rows(folder, "activations", site="norm_output")))
    for panel, (arm, rate) in zip(figure.axes, rates.items(), strict=True):
        where = {"variant": arm, plot.RATE: rate, "site": "norm_output", "block": last}
        if channel is None:
            found = rows(folder, "activations", channel="all", **where)
        else:
            found = rows(folder, "activations", channel=channel, **where)
            found = [row for row in found if row["seed"] == found[0]["seed"]]
        steps = sorted({int(row["step"]) for row in found})
        for line, column in zip(panel.lines, ("p85", "p50", "p15"), strict=True):
            at = [[float(row[column]) for row in found if int(row["step"]) == step and row[column]] for step in steps]
            same(line.get_ydata(), [statistics.median(values) for values in at], f"{column} of {arm}")


def check_depth(figure, folder, rates):
    # Each panel has its own blocks: the last has a gradient, and no norm.
    for panel in figure.axes:
        drawn = [block for line in panel.lines for block in line.get_xdata()]
        assert panel.get_xlim()[1] < max(drawn) + 1, f"an empty place beside block {max(drawn)}"
    panels = [("activations", {"site": site, "channel": "all"}, "std") for site in ("norm_input", "norm_output")]
    panels += [("gradients", {"tensor": "weight"}, column) for column in ("norm", "update_ratio")]
    for panel, (table, where, column) in zip(figure.axes, panels, strict=True):
        lines = iter(panel.lines)
        for arm, rate in rates.items():
            found = rows(folder, table, variant=arm, **{plot.RATE: rate}, **where)
            steps = [int(row["step"]) for row in found]
            for step in (min(steps), max(steps)):
                by_block = {}
                for row in found:
                    if int(row["step"]) == step:
                        by_block.setdefault(int(row["block"]), []).append(float(row[column]))
                same(next(lines).get_ydata(), [statistics.median(by_block[b]) for b in sorted(by_block)], f"{column} of {arm}")


def check_diverged(found, folder, rate):
    """Every figure says how many of the runs that it shows have diverged, arm by arm."""
    for name, figure in found.items():
        for arm in {run["variant"] for run in rows(folder, "runs")}:
            ended = [run["status"] == "diverged" for run in rows(folder, "runs", variant=arm, **{plot.RATE: rate})]
            said = f"{arm} {sum(ended)} of {len(ended)}"
            assert (said in figure.caption) == any(ended), f"{name} does not say {said}: {figure.caption}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "target" / "release" / "bn-exp")
    program = parser.parse_args().program.resolve()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        shorter = ["--set", "seeds=6", "--set", "train.steps=120", "--out", "results", "--quiet"]
        subprocess.run([program, "run", "quickstart", *shorter], check=True, stdout=subprocess.DEVNULL)
        folder = Path("results/quickstart")
        documented(program, folder)
        for format in BEGINNINGS:
            at = ["--arms", "bn", "affine", "--at", "optimizer.lr=0.30", "--format", format, "--size", "5x4"]
            assert len(drawn(program, folder, "--out", format, *at)) == len(plot.FIGURES)
        published = drawn(program, ROOT / "results/published/quickstart", "--out", "published")
        assert [path.stem for path in published] == ["differences", "learning_rate"], published
        refused(program, folder, "there is no arm bm; arms: none, affine, bn", "--arms", "bm")
        refused(program, folder, "fits no sweep point", "--at", "optimizer.lr=7")
        refused(program, folder, "is not WIDTHxHEIGHT", "--size", "7")
        refused(program, Path("results"), "is a folder of experiments: quickstart")
        refused(program, Path("nothing"), "is not a folder")

        rates = best_rates(folder)
        found = figures(program, folder)
        check_differences(found["differences"], program, folder)
        # Eight seeds, of which some are beyond their interval.
        eight = ROOT / "results/published/quickstart"
        check_differences(figures(program, eight, "--figures", "differences", "--out", "eight")["differences"], program, eight)
        check_best(found["best"], folder, rates)
        check_learning_rate(found["learning_rate"], folder, rates)
        check_percentiles(found["percentiles"], folder, rates)
        one = figures(program, folder, "--channel", "1", "--figures", "percentiles")
        check_percentiles(one["percentiles"], folder, rates, channel="1")
        refused(program, folder, "channel 9999 of block", "--channel", "9999", "--figures", "percentiles")
        # Letters grow with the figure.
        wide = figures(program, folder, "--size", "12x6.75", "--figures", "best")
        assert wide["best"].axes[0].yaxis.label.get_size() > found["best"].axes[0].yaxis.label.get_size() + 3
        # There one run alone ended at the accuracy of guessing, far below all medians.
        panel = figures(program, eight, "--figures", "learning_rate", "--out", "eight")["learning_rate"].axes[-1]
        shown = panel.get_ylim()
        medians = [y for line in panel.lines if line.get_marker() != "_" for y in line.get_ydata()]
        medians = [y for y in medians if math.isfinite(y)]
        assert shown[1] - shown[0] < 2 * (max(medians) - min(medians)), f"{shown} for accuracies of {medians}"
        check_depth(found["depth"], folder, rates)
        # Where some runs of an arm have diverged, and some have not.
        mixed = next(rate for arm, rate, share in diverged(folder) if 0 < share < 1)
        at_mixed = figures(program, folder, "--at", f"{plot.RATE}={mixed}", "--figures", "best", "depth", "percentiles")
        check_best(at_mixed["best"], folder, dict.fromkeys(rates, mixed))
        check_diverged(at_mixed, folder, mixed)
    print(f"all figures are drawn, and hold the numbers of the tables: {', '.join(sorted(found))}")


if __name__ == "__main__":
    main()
