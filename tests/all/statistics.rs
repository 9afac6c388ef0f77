//! Every statistic against SciPy, statsmodels and lifelines on the same numbers
//! (`scripts/make_statistics_goldens.py`).

use bn_exp::stats::permutation::ALL;
use bn_exp::stats::sample::Sample;
use bn_exp::stats::selection::Record;
use bn_exp::stats::{bootstrap, effect, exchange, factorial, multiple, permutation, proportion, survival};
use serde_json::Value;

fn cases(name: &str) -> Vec<Value> {
    let text = include_str!("../goldens/statistics.json");
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

fn sample(values: &[f64]) -> Sample<'_> {
    Sample::new(values).expect("a sample")
}

#[test]
fn sign_flip_p_is_scipys_exact_permutation_test() {
    for case in cases("sign_flip") {
        let orbit = permutation::sign_flips(sample(&numbers(&case["differences"])), ALL);
        assert_close(orbit.p(0.0), number(&case["p"]), &case);
    }
}

#[test]
fn the_exchange_of_whole_records_is_scipys_exact_permutation_test_with_the_choice_inside() {
    for case in cases("exchange") {
        let record = |arm: usize| Record {
            candidates: case["candidates"].as_u64().unwrap() as usize,
            selection: numbers(&case["selection"][arm]),
            value: numbers(&case["value"][arm]),
        };
        let tested = exchange::test(&[&record(0), &record(1)], exchange::DIFFERENCE, ALL).unwrap();
        for (found, expected) in tested.differences.iter().zip(numbers(&case["differences"])) {
            assert_close(*found, expected, &case);
        }
        let flips = permutation::sign_flips(sample(&tested.differences), ALL);
        let orbit = &tested.orbits()[0];
        assert_close(orbit.p(0.0), number(&case["p"]), &case);
        assert_close(flips.p(0.0), number(&case["p_flips"]), &case);
        assert_close(tested.p(), number(&case["p"]).max(number(&case["p_flips"])), &case);
        let (low, high) = tested.interval(0.95).unwrap();
        for shift in case["p_of_shifts"].as_array().unwrap() {
            let [theta, p] = [0, 1].map(|i| number(&shift[i]));
            assert_close(orbit.p(theta), p, &case);
            assert!(p <= 0.05 || low <= theta && theta <= high, "{low} {high} {case}");
        }
    }
}

#[test]
fn bca_ends_are_those_of_the_formula_and_near_scipys_own() {
    for case in cases("bca") {
        let (values, confidence) = (numbers(&case["values"]), number(&case["confidence"]));
        assert_interval(Some(bootstrap::bca(sample(&values), &mut numbers(&case["means"]), confidence)), &case);
        // Resamples of our own: the ends move by chance, some hundredths of the interval's width.
        let (low, high) = bootstrap::mean_interval(sample(&values), confidence).unwrap();
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
    // 0 and 1 are ends, and not nearly so.
    for n in 1..50 {
        let ends = [0, n].map(|count| proportion::wilson(count, n, 0.95).unwrap());
        assert_eq!((ends[0].0, ends[1].1), (0.0, 1.0), "{n}");
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
        assert_close(effect::paired_effect(sample(&differences)).unwrap(), number(&case["effect"]), &case);
        assert_close(effect::superiority(&differences).unwrap(), number(&case["superiority"]), &case);
    }
}

#[test]
fn effects_of_two_switches_are_the_coefficients_of_a_least_squares_fit() {
    for case in cases("factorial") {
        let record = |name: &str| {
            let value = numbers(&case[name]);
            Record { candidates: 1, selection: value.clone(), value }
        };
        let arms = ["neither", "first", "second", "both"].map(record);
        let arms: Vec<&Record> = arms.iter().collect();
        let effects = [factorial::FIRST, factorial::SECOND, factorial::INTERACTION];
        for (effect, expected) in effects.into_iter().zip(numbers(&case["effects"])) {
            let tested = exchange::test(&arms, effect, ALL).unwrap();
            assert_close(sample(&tested.differences).mean(), expected, &case);
        }
    }
}
