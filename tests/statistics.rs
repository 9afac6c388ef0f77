//! Every statistic against SciPy, statsmodels and lifelines on the same numbers
//! (`scripts/make_statistics_goldens.py`).

use bn_exp::stats::factorial::Corners;
use bn_exp::stats::{bootstrap, describe, effect, multiple, permutation, proportion, survival};
use serde_json::Value;

fn cases(name: &str) -> Vec<Value> {
    let text = include_str!("goldens/statistics.json");
    let all: Value = serde_json::from_str(text).unwrap();
    let cases = all[name].as_array().unwrap().clone();
    assert!(!cases.is_empty(), "no cases of {name}");
    cases
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn assert_close(found: f64, expected: f64, case: &Value) {
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found}, expected {expected}: {case}");
}

fn assert_interval(found: Option<(f64, f64)>, case: &Value) {
    let (low, high) = found.unwrap();
    assert_close(low, number(&case["low"]), case);
    assert_close(high, number(&case["high"]), case);
}

#[test]
fn sign_flip_p_is_scipys_exact_permutation_test() {
    for case in cases("sign_flip") {
        assert_close(permutation::sign_flip(&numbers(&case["differences"])).unwrap(), number(&case["p"]), &case);
    }
}

#[test]
fn students_interval_is_scipys() {
    for case in cases("t_interval") {
        let found = describe::estimate(&numbers(&case["values"]), number(&case["confidence"])).unwrap();
        assert_close(found.mean, number(&case["mean"]), &case);
        assert_interval(found.interval, &case);
    }
}

#[test]
fn bca_ends_are_those_of_the_formula_and_near_scipys_own() {
    for case in cases("bca") {
        let (values, confidence) = (numbers(&case["values"]), number(&case["confidence"]));
        assert_interval(Some(bootstrap::bca(&values, &mut numbers(&case["means"]), confidence)), &case);
        // Resamples of our own: the ends move by chance, some hundredths of the interval's width.
        let (low, high) = bootstrap::mean_interval(&values, confidence).unwrap();
        let scipy = numbers(&case["scipy"]);
        let within = 0.05 * (scipy[1] - scipy[0]);
        assert!((low - scipy[0]).abs() < within && (high - scipy[1]).abs() < within, "{low} {high} {scipy:?}");
    }
}

#[test]
fn wilson_is_statsmodels() {
    for case in cases("wilson") {
        let (count, n) = (case["count"].as_u64().unwrap() as usize, case["n"].as_u64().unwrap() as usize);
        assert_interval(proportion::wilson(count, n, number(&case["confidence"])), &case);
    }
}

#[test]
fn holm_is_statsmodels() {
    for case in cases("holm") {
        let p: Vec<Option<f64>> = numbers(&case["p"]).into_iter().map(Some).collect();
        for (found, expected) in multiple::holm(&p).into_iter().zip(numbers(&case["corrected"])) {
            assert_close(found.unwrap(), expected, &case);
        }
    }
}

#[test]
fn kaplan_meier_and_restricted_mean_are_lifelines() {
    for case in cases("kaplan_meier") {
        let times: Vec<Option<f64>> = case["times"].as_array().unwrap().iter().map(Value::as_f64).collect();
        let curve = survival::kaplan_meier(&times);
        let expected = case["curve"].as_array().unwrap();
        assert_eq!(curve.len(), expected.len(), "{case}");
        for (found, expected) in curve.iter().zip(expected) {
            assert_close(found.time, number(&expected[0]), &case);
            assert_close(found.share, number(&expected[1]), &case);
        }
        let mean = survival::restricted_mean(&times, number(&case["budget"])).unwrap();
        assert_close(mean, number(&case["restricted_mean"]), &case);
    }
}

#[test]
fn effect_sizes_are_numpys() {
    for case in cases("effect") {
        let differences = numbers(&case["differences"]);
        assert_close(effect::paired_effect(&differences).unwrap(), number(&case["effect"]), &case);
        assert_close(effect::superiority(&differences).unwrap(), number(&case["superiority"]), &case);
    }
}

#[test]
fn effects_of_two_switches_are_the_coefficients_of_a_least_squares_fit() {
    for case in cases("factorial") {
        let column = |name: &str| numbers(&case[name]);
        let (neither, first, second, both) = (column("neither"), column("first"), column("second"), column("both"));
        let seeds: Vec<Corners> = (0..neither.len())
            .map(|i| Corners { neither: neither[i], first: first[i], second: second[i], both: both[i] })
            .collect();
        let mean = |effect: fn(&Corners) -> f64| seeds.iter().map(effect).sum::<f64>() / seeds.len() as f64;
        let expected = numbers(&case["effects"]);
        assert_close(mean(Corners::first_effect), expected[0], &case);
        assert_close(mean(Corners::second_effect), expected[1], &case);
        assert_close(mean(Corners::interaction), expected[2], &case);
    }
}
