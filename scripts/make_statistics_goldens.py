#!/usr/bin/env python3
"""Writes the values that the statistics' tests compare with: SciPy's, statsmodels' and lifelines'.

Usage:
    scripts/make_statistics_goldens.py [--output tests/goldens/statistics.json]

The file is an object of lists of cases; every case holds what goes in and what came out:
    sign_flip      differences -> p (scipy.stats.permutation_test, permutation_type "samples", exact)
    exchange       two arms' selection and value, [seed][candidate], more being better -> chosen differences, p,
                   p_flips of those differences' signs, and p_of_shifts [[theta, p], ...] of the hypothesis that the first arm is the second plus theta
                   (scipy.stats.permutation_test, "samples", exact, of a statistic that is handed whole records and
                   chooses leave-one-seed-out anew)
    power          n, effect -> power of the two-sided paired t test at 0.05 (statsmodels.stats.power.TTestPower)
    bca            values, means (of resamples), confidence -> low, high: SciPy's own resamples are random,
                   so the formula is put together from scipy.stats.norm and numpy.quantile; `scipy` is what
                   scipy.stats.bootstrap itself says of the same values with 100,000 resamples
    wilson         count, n, confidence -> low, high (statsmodels.stats.proportion.proportion_confint)
    holm           p -> corrected (statsmodels.stats.multitest.multipletests)
    kaplan_meier   times (null: never), budget -> curve [[time, share], ...], restricted_mean
                   (lifelines.KaplanMeierFitter, lifelines.utils.restricted_mean_survival_time)
    effect         differences -> effect (paired Cohen's d as pingouin and others define it: mean over SD),
                   superiority (share of positive differences, ties half, by numpy)
    factorial      outcomes of 2x2 per seed -> effects, from the coefficients of an ordinary least squares
                   fit with effect coding (statsmodels)
"""

import argparse
import json
import sys
from pathlib import Path

import needs

try:
    import numpy as np
    import statsmodels.api as sm
    from lifelines import KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time
    from scipy import stats
    from statsmodels.stats.multitest import multipletests
    from statsmodels.stats.power import TTestPower
    from statsmodels.stats.proportion import proportion_confint
except ImportError as missing:
    needs.stop_without(missing)

rng = np.random.default_rng(20)


def floats(values):
    return [float(v) for v in values]


def sign_flip(n, shift):
    differences = rng.normal(shift, 1.0, n).round(3)
    test = stats.permutation_test(
        (differences,), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    return {"differences": floats(differences), "p": float(test.pvalue)}


def exchange(n, candidates, spread):
    """Two arms whose best candidates may differ; `spread` is how much candidates differ."""
    shape = (2, n, candidates)
    level = spread * rng.normal(0.0, 1.0, (2, 1, candidates)) + rng.normal(0.0, 0.3, (1, n, 1))
    selection = (level + rng.normal(0.0, 0.5, shape)).round(3)
    value = (level + rng.normal(0.0, 0.5, shape)).round(3)
    value[0] += 0.4

    def chosen_differences(order, theta):
        """Of the records in this order: those of arm 0 lowered by theta."""
        arms = np.asarray(order, dtype=int) // n
        seeds = np.asarray(order, dtype=int) % n
        read = []
        for row in range(2):
            rows = selection[arms[row], seeds[row]]
            values = value[arms[row], seeds[row]] - theta * (arms[row] == 0)[:, None]
            others = rows.sum(axis=0) - rows
            read.append(values[np.arange(n), others.argmax(axis=1)])
        return read[0] - read[1]

    def p_of(theta):
        def statistic(first, second):
            differences = chosen_differences([first, second], theta)
            return abs(differences.sum()) / np.sqrt((differences**2).sum())

        test = stats.permutation_test(
            (np.arange(n), np.arange(n, 2 * n)),
            statistic,
            permutation_type="samples",
            n_resamples=np.inf,
            alternative="greater",
            vectorized=False,
        )
        return float(test.pvalue)

    seen = chosen_differences([np.arange(n), np.arange(n, 2 * n)], 0.0)
    shifts = [-0.8, -0.3, 0.1, 0.45, 0.7, 1.5]
    return {
        "candidates": candidates,
        "selection": selection.reshape(2, -1).tolist(),
        "value": value.reshape(2, -1).tolist(),
        "differences": floats(seen),
        "p": p_of(0.0),
        "p_flips": float(
            stats.permutation_test((seen,), np.sum, permutation_type="samples", n_resamples=np.inf).pvalue
        ),
        "p_of_shifts": [[theta, p_of(theta)] for theta in shifts],
    }


def power(n, effect):
    return {"n": n, "effect": effect, "power": float(TTestPower().power(effect_size=effect, nobs=n, alpha=0.05))}


def bca(n, confidence):
    values = rng.exponential(1.0, n)
    means = rng.choice(values, (400, n)).mean(axis=1)
    mean = values.mean()
    share = ((means < mean).sum() + (means <= mean).sum()) / (2 * len(means))
    z0 = stats.norm.ppf(share)
    left_out = np.array([np.delete(values, i).mean() for i in range(n)])
    off = left_out.mean() - left_out
    a = (off**3).sum() / (6 * (off**2).sum() ** 1.5)
    ends = []
    for tail in ((1 - confidence) / 2, (1 + confidence) / 2):
        z = z0 + stats.norm.ppf(tail)
        ends.append(float(np.quantile(means, stats.norm.cdf(z0 + z / (1 - a * z)))))
    whole = stats.bootstrap(
        (values,), np.mean, confidence_level=confidence, n_resamples=100_000, method="BCa", rng=np.random.default_rng(1)
    ).confidence_interval
    return {
        "values": floats(values),
        "means": floats(means),
        "confidence": confidence,
        "low": ends[0],
        "high": ends[1],
        "scipy": [float(whole.low), float(whole.high)],
    }


def wilson(count, n, confidence):
    low, high = proportion_confint(count, n, alpha=1 - confidence, method="wilson")
    return {"count": count, "n": n, "confidence": confidence, "low": float(low), "high": float(high)}


def holm(p):
    return {"p": p, "corrected": floats(multipletests(p, method="holm")[1])}


def kaplan_meier(times, budget):
    durations = [budget if t is None else t for t in times]
    observed = [t is not None for t in times]
    fitted = KaplanMeierFitter().fit(durations, observed)
    table = fitted.survival_function_["KM_estimate"]
    falls = [[float(t), float(s)] for t, s in table.items() if fitted.event_table.loc[t, "observed"] > 0]
    mean = float(restricted_mean_survival_time(fitted, t=budget))
    return {"times": times, "budget": budget, "curve": falls, "restricted_mean": mean}


def effect(n):
    differences = rng.normal(0.3, 1.0, n).round(1)
    share = ((differences > 0).sum() + 0.5 * (differences == 0).sum()) / n
    return {
        "differences": floats(differences),
        "effect": float(differences.mean() / differences.std(ddof=1)),
        "superiority": float(share),
    }


def factorial(n):
    outcomes = rng.normal(0.0, 1.0, (n, 2, 2)) + np.array([[0.0, 0.5], [1.0, 2.0]])
    rows = [(a - 0.5, b - 0.5, outcomes[s, a, b]) for s in range(n) for a in (0, 1) for b in (0, 1)]
    a, b, y = (np.array(column) for column in zip(*rows))
    fit = sm.OLS(y, sm.add_constant(np.column_stack([a, b, a * b]))).fit()
    return {
        "neither": floats(outcomes[:, 0, 0]),
        "first": floats(outcomes[:, 1, 0]),
        "second": floats(outcomes[:, 0, 1]),
        "both": floats(outcomes[:, 1, 1]),
        "effects": floats(fit.params[1:]),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("tests/goldens/statistics.json"))
    options = parser.parse_args()
    cases = {
        "sign_flip": [sign_flip(n, shift) for n in (2, 5, 6, 10, 13) for shift in (0.0, 0.7)],
        "exchange": [exchange(n, k, s) for n, k, s in ((6, 1, 0.0), (6, 3, 0.2), (8, 2, 0.0), (8, 5, 0.4), (10, 3, 1.0))],
        "power": [power(n, d) for n, d in ((8, 1.5), (10, 1.0), (10, 0.5))],
        "bca": [bca(n, c) for n in (20, 25, 40) for c in (0.9, 0.95)],
        "wilson": [wilson(k, n, c) for k, n in ((0, 10), (3, 10), (10, 10), (1, 200)) for c in (0.9, 0.95)],
        "holm": [holm([0.01, 0.04, 0.03, 0.005]), holm([0.5, 0.5]), holm([0.049]), holm([0.02, 0.02, 0.9, 0.0001])],
        "kaplan_meier": [
            kaplan_meier([100.0, None, 50.0, 100.0, 300.0, None], 1000.0),
            kaplan_meier([5.0, 7.0, 9.0], 20.0),
            kaplan_meier([1000.0, None, 400.0], 1000.0),
        ],
        "effect": [effect(n) for n in (3, 8, 20)],
        "factorial": [factorial(n) for n in (1, 6)],
    }
    lines = []
    for name, list_of_cases in cases.items():
        inner = ",\n".join("  " + json.dumps(case) for case in list_of_cases)
        lines.append(f'"{name}": [\n{inner}\n]')
    options.output.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"wrote {options.output}", file=sys.stderr)


if __name__ == "__main__":
    main()
