"""Writes tests/golden/stats.txt: what SciPy says of the tests in src/compare/stats.rs.

    pip install scipy==1.17.1 && python3 scripts/golden_stats.py > tests/golden/stats.txt
"""

import numpy
import scipy
from scipy import stats

rng = numpy.random.default_rng(20261126)


def line(kind, *parts):
    print("|".join([kind, *(" ".join(repr(float(x)) for x in part) for part in parts)]))


def holm(p):
    order, corrected, floor = numpy.argsort(p), numpy.zeros(len(p)), 0.0
    for rank, i in enumerate(order):
        floor = min(1.0, max(floor, (len(p) - rank) * p[i]))
        corrected[i] = floor
    return corrected


def power(delta, df, alpha):
    t = stats.t.isf(alpha / 2, df)
    below = stats.nct.cdf(-t, df, delta)  # not a number where it is too small to matter
    return stats.nct.sf(t, df, delta) + numpy.nan_to_num(below)


def tested(result):
    low, high = result.confidence_interval(0.95)
    return [result.statistic, result.pvalue, result.df, low, high]


print(f"# SciPy {scipy.__version__}, by scripts/golden_stats.py")
for n in [2, 3, 4, 5, 8, 10, 20, 50] * 5:
    differences = rng.normal(rng.choice([0, 0.003, 0.1]), rng.choice([1e-3, 0.02, 0.2]), n)
    line("paired", differences, tested(stats.ttest_1samp(differences, 0)))
for n in [2, 3, 5, 12, 30] * 10:
    a = rng.normal(0.5, rng.choice([1e-3, 0.02, 0.1]), n)
    b = rng.normal(0.5 + rng.choice([0, 0.01, 0.2]), rng.choice([1e-3, 0.02]), rng.integers(2, 20))
    line("welch", a, b, tested(stats.ttest_ind(b, a, equal_var=False)))
for n in [1, 2, 3, 5, 15] * 5:
    p = rng.random(n) ** 3
    line("holm", p, holm(p))
for df in [1, 1.3, 2, 2.7, 4, 9, 19.5, 60, 999]:
    for delta in [0, 0.5, 2, 3.5, 6]:
        for alpha in [0.05, 0.01]:
            line("power", [delta, df, alpha], [power(delta, df, alpha)])
for effect in [0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40]:
    n = next((n for n in range(2, 1001) if power(effect * n**0.5, n - 1, 0.05) >= 0.8), float("nan"))
    line("seeds", [effect, 1], [n])
for n in [1, 2, 5, 8, 40, 400, 10_000]:
    for n_right in sorted({0, 1, n // 3, n - 1, n}):
        interval = stats.binomtest(n_right, n).proportion_ci(0.95, method="wilson")
        line("wilson", [n_right, n], [interval.low, interval.high])
