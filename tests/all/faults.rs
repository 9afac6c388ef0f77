//! What a user may get wrong: found before anything is created, with a message that says what and where.

use std::io::Write;

use crate::common::{Lab, Outcome, small, with, without};
use bn_exp::config::Experiment;
use bn_exp::config::resolve::synthetic_facts;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

/// Holds that `run` refuses this text: status 2, nothing on stdout, nothing in `--out`, and these words.
#[track_caller]
fn refused_text(text: &str, args: &[&str], words: &[&str]) -> String {
    let lab = Lab::new();
    let outcome = lab.with_config("run", text, args).expect(2).complains(words);
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.starts_with("error: "), "{}", outcome.stderr);
    assert!(!lab.path("results").exists(), "something was created:\n{}", outcome.stderr);
    outcome.stderr
}

#[track_caller]
fn refused(config: &Value, words: &[&str]) -> String {
    refused_text(&config.to_string(), &[], words)
}

#[track_caller]
fn refused_with(path: &str, value: Value, words: &[&str]) -> String {
    refused(&with(small(), path, value), words)
}

#[track_caller]
fn accepted(config: &Value) {
    Lab::new().plan(config, &[]).expect(0);
}

fn cnn() -> Value {
    with(
        with(small(), "data", json!({ "source": "glyphs", "train": 20, "validation": 10, "test": 10 })),
        "model",
        json!({ "kind": "cnn", "channels": [2] }),
    )
}

// The text.

#[test]
fn text_that_is_not_json_is_refused_with_line_and_column() {
    refused_text("{\n  \"name\": \"t\",\n  oops\n}", &[], &["config.json", "not JSON", "line 3 column 3"]);
    refused_text("", &[], &["not JSON", "line 1 column 0", "it is empty", "bn-exp init"]);
    for (text, hint) in [
        ("{\n // mine\n \"name\": \"t\"}", "no comments"),
        ("# mine\n{}", "no comments"),
        ("{'name': 't'}", "double quotes"),
        ("{\"name\": t}", "double quotes"),
        ("{\"norm\": True}", "true, false or null"),
        ("{\"lr\": .5}", "0.5"),
        ("a,b,label\n1,2,x\n", "docs/data.md"),
    ] {
        refused_text(text, &[], &["not JSON", hint]);
    }
    refused_text(&format!("{} x", small()), &[], &["not JSON", "trailing"]);
}

#[test]
fn json_that_is_not_an_object_is_refused() {
    for text in ["[]", "3", "\"mnist\"", "null"] {
        refused_text(text, &[], &["an object"]);
    }
}

#[test]
fn a_missing_configuration_is_refused_by_its_path() {
    let lab = Lab::new();
    let outcome =
        lab.call(&["run", "--config", "nowhere/c.json"]).expect(2).complains(&["nowhere/c.json", "No such file"]);
    assert!(outcome.stdout.is_empty() && !lab.path("results").exists());
    lab.call(&["run"]).expect(2).complains(&["CONFIG"]);
}

/// A device that never ends is read up to 16 MiB.
#[test]
#[cfg(target_os = "linux")]
fn a_configuration_without_an_end_is_cut_off() {
    for command in ["run", "plan"] {
        Lab::new().call(&[command, "--config", "/dev/zero"]).expect(2).complains(&["/dev/zero is longer than 16 MiB"]);
    }
}

#[test]
fn an_instruction_level_that_is_not_there_is_refused_by_every_command() {
    let lab = Lab::new();
    lab.write("config.json", small().to_string());
    lab.run(&small(), &[]).expect(0);
    for args in [
        "run --config config.json",
        "plan --config config.json",
        "compare results/t",
        "collect results/t --out x",
        "schema",
        "data list",
    ] {
        let output = lab.command().args(args.split(' ')).env("BN_EXP_SIMD", "sse").output().expect("the program");
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args}: {words}");
        assert!(words.starts_with("error: BN_EXP_SIMD asks for `sse`; this machine has "), "{words}");
    }
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one() {
    refused_with("model.activaton", json!("relu"), &["model.activaton", "unknown key", "`activation`"]);
    refused_with("trian", json!({}), &["trian", "unknown key", "`train`"]);
    refused_with("optimizer.lrate", json!(1), &["optimizer.lrate", "unknown key"]);
    let entry = json!([{ "name": "x", "base": "bn", "train_onyl": ["weight"] }]);
    refused_with("variants", entry, &["variants[0].train_onyl", "unknown key", "`train_only`"]);
    refused_with("model.activation", json!("rleu"), &["model.activation", "\"rleu\"", "tanh", "did you mean `relu`"]);
    refused_with("variants", json!(["bm"]), &["variants[0]", "\"bm\"", "affine", "did you mean `bn`"]);
    refused_with("data.source", json!("minst"), &["data.source", "\"minst\"", "did you mean `mnist`"]);
}

#[test]
fn a_key_written_twice_is_refused() {
    let text = small().to_string().replacen("\"lr\":0.1", "\"lr\":0.1,\"lr\":0.2", 1);
    refused_text(&text, &[], &["optimizer.lr", "twice"]);
}

#[test]
fn required_keys_that_are_missing_are_all_named() {
    let bare = refused(&json!({}), &[]);
    for key in ["name", "data", "model", "variants", "optimizer", "train"] {
        assert!(bare.contains(&format!("\n  {key}: missing")), "{key}:\n{bare}");
    }
    for key in ["data.source", "model.kind", "optimizer.kind", "optimizer.lr"] {
        refused(&without(small(), key), &[key, "missing"]);
    }
    refused(&without(small(), "model.hidden"), &["model.hidden"]);
    refused(&without(cnn(), "model.channels"), &["model.channels"]);
}

#[test]
fn several_faults_are_reported_at_once() {
    let config = with(with(small(), "model.activaton", json!("relu")), "optimizer.lr", json!(-1));
    let config = with(with(config, "train.batch_size", json!(0)), "seeds", json!("many"));
    refused(&config, &["4 faults", "model.activaton", "optimizer.lr", "train.batch_size", "seeds"]);
    let config = with(with(small(), "name", json!("../x")), "seeds", json!([1, 1]));
    refused(&with(config, "compare.select", json!(["x"])), &["3 faults", "name", "seeds[1]", "compare.select"]);
}

#[test]
fn values_out_of_range_are_refused_with_what_is_allowed() {
    for (path, value, words) in [
        ("optimizer.lr", json!(0), "0 is out of range; allowed: above 0, at most 1000000"),
        ("optimizer.lr", json!(-0.1), "-0.1 is out of range; allowed: above 0"),
        ("optimizer.lr", json!(1e30), "1e+30 is out of range; allowed: above 0, at most 1000000"),
        ("optimizer.momentum", json!(1), "1 is out of range; allowed: at least 0, below 1"),
        ("norm.momentum", json!(1.5), "1.5 is out of range; allowed: at least 0, at most 1"),
        ("norm.epsilon", json!(-1e-5), "out of range; allowed: at least 0, at most 1"),
        ("train.batch_size", json!(0), "0 is out of range; allowed: at least 1, at most 1000000"),
        ("train.steps", json!(0), "0 is out of range; allowed: at least 1"),
        ("train.steps", json!(-3), "-3 is out of range; allowed: at least 1"),
        ("train.diverged_above", json!(1), "1 is out of range; allowed: above 1"),
        ("data.train", json!(1), "1 is out of range; allowed: at least 2"),
        ("data.noise", json!(-1), "-1 is out of range; allowed: at least 0"),
        (
            "log.landscape_every",
            json!(2_000_000_000),
            "2000000000 is out of range; allowed: at least 0, at most 1000000000",
        ),
        ("log.probe_size", json!(1), "1 is out of range; allowed: at least 2"),
        ("compare.target_accuracy", json!(97), "97 is out of range; allowed: at least 0, at most 1"),
        ("seeds", json!(0), "0 is out of range; allowed: at least 1"),
    ] {
        refused_with(path, value, &[&format!("{path}: "), words]);
    }
    refused_with("model.hidden", json!([4, 0]), &["model.hidden[1]: 0 is out of range; allowed: at least 1"]);
    refused_with("model.hidden", json!([]), &["model.hidden: ", "empty"]);
    refused_with("variants", json!([]), &["variants: ", "empty"]);
    refused_with("seeds", json!([]), &["seeds: ", "empty"]);
    refused_with("seeds", json!([-1]), &["seeds[0]: -1 is out of range"]);
}

#[test]
fn values_of_another_type_are_refused() {
    refused_with("train.steps", json!(1.5), &["train.steps: 1.5 is not a whole number"]);
    refused_with("train.steps", json!("12"), &["train.steps: \"12\" is not a whole number"]);
    refused_with("optimizer.lr", json!("fast"), &["optimizer.lr: \"fast\" is not a number"]);
    refused_with("optimizer.nesterov", json!(1), &["optimizer.nesterov: 1 is not true or false"]);
    refused_with("model.hidden", json!(100), &["model.hidden: 100 is not a list"]);
    refused_with("name", json!(3), &["name: 3 is not text"]);
    refused_with("data", json!("mnist"), &["data: \"mnist\" is not an object"]);
}

// What contradicts itself.

#[test]
fn duplicates_are_refused() {
    refused_with("variants", json!(["bn", "none", "bn"]), &["variants[2]", "`bn` appears twice"]);
    let renamed = json!(["bn", { "name": "bn", "base": "affine" }]);
    refused_with("variants", renamed, &["variants[1]", "`bn` appears twice"]);
    refused_with("seeds", json!([3, 4, 3]), &["seeds[2]", "seed 3 appears twice"]);
    refused_with("sweep", json!({ "optimizer.lr": [0.1, 0.2, 0.10] }), &["sweep.optimizer.lr[2]", "appears twice"]);
    refused_with("sweep", json!({ "optimizer.lr": [1, 1.0] }), &["sweep.optimizer.lr[1]", "appears twice"]);
    refused_with("sweep", json!({ "model.hidden": [[4], [4]] }), &["sweep.model.hidden[1]", "appears twice"]);
}

#[test]
fn sweep_values_that_make_the_same_run_are_refused() {
    let config = with(small(), "sweep", json!({ "model.init": [{ "scheme": "he" }, {}] }));
    refused(&config, &["sweep", "same settings"]);
}

#[test]
fn a_sweep_of_an_unknown_path_is_refused_with_the_nearest_known_one() {
    refused_with("sweep", json!({ "optimizer.lrr": [1] }), &["sweep.optimizer.lrr", "`optimizer.lr`"]);
    refused_with("sweep", json!({ "seeds": [1, 2] }), &["sweep.seeds", "not a key of"]);
    refused_with("sweep", json!({ "model": [{}] }), &["sweep.model"]);
    refused_with("sweep", json!({ "compare.metric": ["test_loss"] }), &["sweep.compare.metric", "not a key of"]);
    refused_with("sweep", json!({ "": [1] }), &["sweep."]);
}

#[test]
fn a_wrong_value_in_a_sweep_is_refused_by_its_place() {
    let out = json!({ "optimizer.lr": [0.1, -0.1] });
    refused_with("sweep", out, &["sweep.optimizer.lr[1]: -0.1 is out of range; allowed: above 0"]);
    refused_with("sweep", json!({ "optimizer.lr": 0.1 }), &["sweep.optimizer.lr", "a list"]);
    refused_with("sweep", json!({ "optimizer.lr": [] }), &["sweep.optimizer.lr", "at least one"]);
    refused_with(
        "sweep",
        json!({ "model.activation": ["relu", "gelu"] }),
        &["sweep.model.activation[1]", "\"gelu\"", "relu"],
    );
    for missing in ["NA", "null", "None", "nan"] {
        refused_with("sweep", json!({ "data.label": ["a", missing] }), &["sweep.data.label[1]", "a missing value"]);
    }
    for text in ["y\n2", "y\u{200f}", "\u{202e}y", "\u{1b}[31m", "y\u{200b}", "\u{feff}=y", "y\u{ad}"] {
        refused_with("sweep", json!({ "data.label": ["a", text] }), &["sweep.data.label[1]", "a control character"]);
        refused_with("data", json!({ "source": "csv", "file": text }), &["data.file", "a control character"]);
    }
    for missing in ["N/A", "<NA>", "n/a", "#N/A"] {
        refused_with("sweep", json!({ "data.label": ["a", missing] }), &["sweep.data.label[1]", "a missing value"]);
    }
    refused_with("sweep", json!({ "data.train": [50, null] }), &["sweep.data.train[1]", "null", "a missing value"]);
    // Fine by itself, impossible here: the sweep point is named.
    let point = json!({ "train.batch_size": [10, 61] });
    refused_with("sweep", point, &["train.batch_size", "61", "60", "(at train.batch_size = 61)"]);
    // At every point but the first it is one fault.
    let points = json!({ "train.batch_size": [10, 61], "optimizer.lr": [0.1, 0.2, 0.3] });
    let first = "(at train.batch_size = 61, optimizer.lr = 0.1, and at 2 more)";
    refused_with("sweep", points, &["the configuration has 1 fault\n", first]);
}

#[test]
fn a_knob_of_an_arm_is_needed_there_and_refused_elsewhere() {
    refused_with("variants", json!(["ghost", "bn"]), &["variants[0].batch: missing; arm ghost needs it"]);
    let misplaced = json!([{ "name": "bn", "batch": 4 }]);
    refused_with("variants", misplaced, &["variants[0].batch: has no meaning with arm bn"]);
    let unequal = json!([{ "name": "ghost", "batch": 7 }]);
    refused_with("variants", unequal, &["variant ghost", "7 samples at a time", "do not divide train.batch_size"]);
    let single = json!([{ "name": "ghost", "batch": 1 }]);
    refused_with(
        "variants",
        single,
        &["variants: variant ghost", "statistics of one sample would be taken over one value alone"],
    );
}

#[test]
fn knobs_of_any_arm_are_refused_where_they_have_no_meaning() {
    let one = |entry: Value, words: &[&str]| refused(&with(small(), "variants", json!([entry])), words);
    for arm in ["none", "standardize"] {
        one(json!({ "name": arm, "gamma": 0.5 }), &["variants[0].gamma", "has no γ and β"]);
        one(json!({ "name": arm, "beta": 0.5 }), &["variants[0].beta", "has no γ and β"]);
    }
    one(json!({ "name": "affine_init", "gamma": 0.5 }), &["variants[0].gamma", "from the first minibatch"]);
    one(json!({ "name": "refresh", "every": 0 }), &["variants[0].every", "at least 1"]);
    one(json!({ "name": "refresh" }), &["variants[0].every", "missing"]);
    one(json!({ "name": "refresh", "every": 2, "keep": "weights" }), &["variants[0].keep", "function, parameters"]);
    one(json!({ "name": "bn", "keep": "function" }), &["variants[0].keep", "no meaning with arm bn"]);
    one(json!({ "name": "bn", "scale_rows": { "factor": 0.1 } }), &["variants[0].scale_rows.share", "missing"]);
    one(json!({ "name": "bn", "scale_rows": { "share": 1.5 } }), &["variants[0].scale_rows.share", "at most 1"]);
    one(json!({ "name": "bn", "scale_rows": { "share": 0.5, "spread": 0.5 } }), &["scale_rows.spread", "at least 1"]);
    // Knobs that would change nothing.
    let wide = with(small(), "model.hidden", json!([4, 7]));
    let share = |share: f64| {
        let entry = json!([{ "name": "bn", "scale_rows": { "share": share, "factor": 0.1 } }]);
        with(wide.clone(), "variants", entry)
    };
    refused(&share(0.14), &["variants: variant bn", "0.14 of 7 channels", "at least 0.143"]);
    accepted(&share(0.143));
    for knob in ["gamma", "beta"] {
        let residual = |hidden: Value| {
            let entry = json!([{ "name": "affine", knob: 0.5 }]);
            with(with(with(small(), "model.hidden", hidden), "model.residual", json!(true)), "variants", entry)
        };
        refused(&residual(json!([5])), &["variants: variant affine", knob, "at least two widths"]);
        accepted(&residual(json!([5, 5])));
    }
}

#[test]
fn a_start_from_which_nothing_could_ever_train_is_refused() {
    let silent = json!([{ "name": "bn", "gamma": 0, "beta": 0.0 }]);
    let config = with(with(small(), "model.hidden", json!([5, 5])), "variants", silent);
    let residual = with(config.clone(), "model.residual", json!(true));
    let after = "after_activation";
    let never = ["variants: variant bn: block 0", "no input could ever reach the output"];
    refused(&config, &never);
    refused(&with(config.clone(), "model.norm_position", json!(after)), &never);
    refused(&with(config.clone(), "variants", json!([{ "name": "bn", "gamma": 0, "beta": -0.1 }])), &never);
    let branch = Lab::new().plan(&residual, &[]).expect(0);
    branch.complains(&["residual branches of bn", "can never train", "after_activation"]);
    // Where φ has a derivative at β the first block could train, but the second makes 0 of what is the same for every sample.
    let nothing = |arm: &str| [format!("variants: variant {arm}: block 1"), "norm makes 0 of that".to_owned()];
    let sees = |config: &Value, arm: &str| refused(config, &nothing(arm).each_ref().map(String::as_str));
    let of =
        |arm: &str, beta: f64| with(config.clone(), "variants", json!([{ "name": arm, "gamma": 0, "beta": beta }]));
    sees(&with(config.clone(), "model.activation", json!("tanh")), "bn");
    sees(&with(of("affine", 0.0), "model.activation", json!("identity")), "affine");
    sees(&of("bn", 0.1), "bn");
    sees(&of("weight_std", 0.1), "weight_std");
    sees(&of("frozen", 0.1), "frozen");
    let cnn = |kernel: usize| {
        let images = json!({ "source": "glyphs", "train": 60, "validation": 20, "test": 20 });
        let model = json!({ "kind": "cnn", "channels": [3, 4], "kernel": kernel });
        with(with(of("bn", 0.1), "data", images), "model", model)
    };
    sees(&cnn(1), "bn");
    let stays = |arm: &str| json!([{ "name": arm, "gamma": 0, "beta": 0.5, "train_only": ["weight"] }]);
    for arm in ["affine", "noisy"] {
        refused(
            &with(config.clone(), "variants", stays(arm)),
            &["block 0", "train_only leaves it out", "add \"gamma\""],
        );
    }
    // A skip connection carries the input past it; one block, noise, or an arm that does not make 0 of it lets it train.
    let fits = |config: &Value| accepted(config);
    fits(&with(residual, "model.norm_position", json!(after)));
    fits(&of("affine", 0.1));
    // At the border of a convolution zeros are added; weight decay moves x away from what is subtracted; φ(0) is ½.
    fits(&cnn(3));
    fits(&with(of("frozen", 0.1), "optimizer.weight_decay", json!(0.1)));
    fits(&with(with(of("affine", 0.0), "model.activation", json!("sigmoid")), "model.norm_position", json!(after)));
    fits(&with(of("affine", 0.0), "model.activation", json!("sigmoid")));
    fits(&with(config.clone(), "variants", json!([{ "name": "noisy", "gamma": 0 }])));
    let single = with(config, "model.hidden", json!([5]));
    fits(&with(single.clone(), "model.norm_position", json!(after)));
    fits(&with(single, "model.activation", json!("tanh")));
}

#[test]
fn swept_texts_that_are_read_together_as_something_else_are_refused() {
    for values in [json!(["2024-01-31", "2024-02-01"]), json!(["yes", "no"]), json!(["0b1", "0b10"])] {
        let config = with(small(), "data", json!({ "source": "idx", "dir": "." }));
        refused(
            &with(config, "sweep", json!({ "data.dir": values })),
            &["sweep.data.dir", "would read these texts as"],
        );
    }
}

#[test]
fn margins_targets_and_weights_that_decide_everything_beforehand_are_refused() {
    let compare = |key: &str, value: f64| json!({ "metric": "test_accuracy", key: value });
    refused_with("compare", compare("equivalence_margin", 2.0), &["compare.equivalence_margin", "2 % is 0.02"]);
    accepted(&with(small(), "compare", json!({ "metric": "test_loss", "equivalence_margin": 2.0 })));
    refused_with("compare", compare("target_accuracy", 0.0), &["compare.target_accuracy", "before any training"]);
    let data = json!({ "source": "gaussians", "dimension": 1, "train": 60, "validation": 30, "test": 30 });
    let config = with(with(small(), "data", data), "variants", json!(["affine", "weight_std"]));
    refused(&config, &["variant weight_std: block 0", "standardises the weights into a channel"]);
    accepted(&with(config, "data.dimension", json!(2)));
}

#[test]
fn lists_of_steps_are_steps_of_training() {
    for key in
        ["batch_every", "evaluate_every", "activations_every", "gradients_every", "landscape_every", "snapshot_every"]
    {
        let path = format!("log.{key}");
        let is_of_minibatches = ["batch_every", "gradients_every", "landscape_every"].contains(&key);
        let (last, beyond) = if is_of_minibatches {
            (11, "step 12 is beyond the last minibatch, 11")
        } else {
            (12, "step 13 is beyond the 12 steps of training")
        };
        refused_with(&path, json!([1, last + 1]), &[&path, beyond]);
        accepted(&with(small(), &path, json!([1, last])));
        refused_with(&path, json!([]), &[&path, "the list is empty"]);
        refused_with(&path, json!([1.5]), &[&format!("{path}[0]"), "not a whole number"]);
        refused_with(&path, json!("often"), &[&path, "not a whole number or a list"]);
    }
}

#[test]
fn selecting_by_anything_but_an_axis_is_refused() {
    refused_with("compare.select", json!(["optimizer.lr"]), &["compare.select", "`optimizer.lr` is not an axis"]);
    let config = with(small(), "sweep", json!({ "optimizer.lr": [0.1, 0.2] }));
    refused(
        &with(config, "compare.select", json!(["optimzer.lr"])),
        &["compare.select", "did you mean `optimizer.lr`"],
    );
    // What is learned, and what is logged, is no way to train.
    for (axis, values) in [("data.random_labels", json!([false, true])), ("log.evaluate_every", json!([2, 4]))] {
        let config = with(small(), "sweep", json!({ axis: values }));
        refused(&with(config, "compare.select", json!([axis])), &["compare.select", axis, "Leave it out"]);
    }
    let config = with(small(), "sweep", json!({ "data.scaling": ["none", "standardize"] }));
    Lab::new().plan(&with(config, "compare.select", json!(["data.scaling"])), &[]).expect(0);
}

#[test]
fn the_length_of_training_is_given_once() {
    refused_with("train.epochs", json!(2), &["train", "both `steps` and `epochs`"]);
    refused(&without(small(), "train.steps"), &["train", "neither `steps` nor `epochs`"]);
}

#[test]
fn a_batch_larger_than_the_training_split_is_refused() {
    refused_with("train.batch_size", json!(61), &["train.batch_size", "61", "60"]);
    accepted(&with(small(), "train.batch_size", json!(60)));
}

#[test]
fn networks_take_only_their_own_keys() {
    refused(&with(cnn(), "model.hidden", json!([4])), &["model.hidden"]);
    refused(&with(cnn(), "model.residual", json!(true)), &["model.residual"]);
    for (key, value) in [("channels", json!([4])), ("kernel", json!(3)), ("pool", json!("max")), ("dense", json!([4]))]
    {
        refused_with(&format!("model.{key}"), value, &[&format!("model.{key}")]);
    }
    refused_with("model.norm_position", json!("after_pool"), &["model.norm_position", "pool"]);
}

#[test]
fn convolutions_need_images_odd_kernels_and_something_left_to_pool() {
    accepted(&cnn());
    let vectors = with(cnn(), "data", small()["data"].clone());
    refused(&vectors, &["model.kind", "images"]);
    for kernel in [2, 4] {
        refused(&with(cnn(), "model.kernel", json!(kernel)), &["model.kernel", &kernel.to_string(), "odd"]);
    }
    // 28, 14, 7, 3, 1, and then nothing.
    accepted(&with(cnn(), "model.channels", json!([1, 1, 1, 1])));
    refused(&with(cnn(), "model.channels", json!([1, 1, 1, 1, 1])), &["model.channels", "block 4", "1×1"]);
}

#[test]
fn a_list_of_pools_has_one_for_each_convolution() {
    let pools = |list: Value| with(with(cnn(), "model.channels", json!([2, 3])), "model.pool", list);
    accepted(&pools(json!(["none", "average"])));
    refused(&pools(json!(["max"])), &["model.pool", "1 entries", "2 convolutions"]);
    refused(&pools(json!(["max", "none", "max"])), &["model.pool", "3 entries"]);
    refused(&pools(json!([])), &["model.pool", "empty"]);
    refused(&pools(json!(["max", "mean"])), &["model.pool[1]", "mean"]);
    let after = |list: Value| with(pools(list), "model.norm_position", json!("after_pool"));
    accepted(&after(json!(["none", "max"])));
    refused(&after(json!(["none", "none"])), &["model.norm_position", "pool"]);
    // The same network is the same run.
    let facts = |data: &_| Ok(synthetic_facts(data).expect("drawn digits"));
    let identity = |pool: Value| {
        let experiment = Experiment::parse(&pools(pool).to_string(), &[], &facts).unwrap();
        experiment.points[0].identity.clone()
    };
    assert_eq!(identity(json!(["max", "max"])), identity(json!("max")));
    assert_ne!(identity(json!(["max", "none"])), identity(json!(["none", "max"])));
}

#[test]
fn options_without_meaning_here_are_refused() {
    refused_with("model.init", json!({ "std": 0.1 }), &["model.init.std", "normal"]);
    refused_with("model.init", json!({ "scheme": "normal" }), &["model.init.std", "missing"]);
    let adam = |key: &str, value: Value| with(with(small(), "optimizer.kind", json!("adam")), key, value);
    refused(&adam("optimizer.momentum", json!(0.9)), &["optimizer.momentum", "beta1"]);
    refused(&adam("optimizer.nesterov", json!(true)), &["optimizer"]);
    refused_with("optimizer.nesterov", json!(true), &["optimizer.nesterov", "momentum"]);
    refused_with("optimizer.schedule", json!("step"), &["optimizer.step_every", "missing"]);
    refused_with("optimizer.step_every", json!(3), &["optimizer.step_every", "schedule step"]);
    for (key, value) in
        [("dir", json!("x")), ("dimension", json!(3)), ("offset", json!(1)), ("teacher_width", json!(3))]
    {
        refused_with(&format!("data.{key}"), value, &[&format!("data.{key}"), "spirals"]);
    }
    refused_with("data.scaling", json!("unit"), &["data.scaling", "images"]);
}

#[test]
fn names_that_would_leave_the_results_folder_are_refused() {
    let long = "x".repeat(81);
    for name in ["../x", "..", ".", ".x", "a/b", "/tmp/x", "a\\b", "C:x", "", " ", "a b", "ä", "a\nb", long.as_str()] {
        refused_with("name", json!(name), &["name: ", "cannot name a folder", "allowed"]);
        let variants = json!([{ "name": name, "base": "bn" }]);
        refused_with("variants", variants, &["variants[0].name: ", "cannot name a folder"]);
    }
    refused_text(&small().to_string(), &["--set", "name=../x"], &["name", "cannot name a folder"]);
    accepted(&with(small(), "name", json!("a-b_c.9")));
}

#[test]
fn a_variant_that_does_not_name_an_arm_needs_a_base() {
    refused_with("variants", json!([{ "name": "mine" }]), &["variants[0].base", "`mine` is not the name of an arm"]);
    accepted(&with(small(), "variants", json!([{ "name": "bn", "bias": true }])));
}

#[test]
fn train_only_that_names_no_tensor_is_refused() {
    let only = |entry: &str| json!([{ "name": "x", "base": "affine", "train_only": [entry] }]);
    refused_with("variants", only("gama"), &["variants[0].train_only[0]", "\"gama\"", "gamma"]);
    refused_with("variants", only("blocks.9.weight"), &["variants", "blocks.9.weight", "blocks.0.weight"]);
    refused_with("variants", only("blocks.0.bias"), &["variants", "blocks.0.bias"]);
    refused_with("variants", json!([{ "name": "x", "base": "bn", "train_only": [] }]), &["train_only", "empty"]);
    refused_with("variants", json!([{ "name": "x", "base": "none", "train_only": ["gamma"] }]), &["variants", "gamma"]);
    accepted(&with(small(), "variants", only("blocks.0.norm.gamma")));
}

#[test]
fn batch_statistics_of_one_sample_are_refused_by_block_and_batch_size() {
    for arm in ["bn", "standardize"] {
        let config = with(with(small(), "train.batch_size", json!(1)), "variants", json!([arm]));
        refused(&config, &["train.batch_size", arm, "block 0", "linear", "a batch of 1"]);
    }
    let without_batches = with(with(small(), "train.batch_size", json!(1)), "variants", json!(["none", "affine"]));
    accepted(&without_batches);
    // A feature map has more than one value a channel; the dense layers behind it have not.
    let one = with(cnn(), "train.batch_size", json!(1));
    accepted(&one);
    refused(&with(one, "model.dense", json!([4])), &["train.batch_size", "block 1", "linear"]);
}

#[test]
fn a_validation_split_of_one_sample_is_refused_as_it_has_no_batch_statistics() {
    refused(&with(small(), "data.validation", json!(1)), &["data.validation", "at least 2"]);
}

#[test]
fn a_plan_of_more_than_a_million_runs_is_refused() {
    refused_with("seeds", json!(1_000_000), &["3000000 runs", "1000000"]);
    let many: Vec<_> = (1..=200).map(|i| json!(f64::from(i) / 1000.0)).collect();
    let sweep = json!({ "optimizer.lr": many, "optimizer.weight_decay": many, "norm.momentum": many });
    refused_with("sweep", sweep, &["sweep", "8000000 points", "10000"]);
}

#[test]
fn a_network_larger_than_the_machines_memory_is_refused() {
    refused_with("model.hidden", json!(vec![65_536; 1000]), &["model", "GiB of memory", "this machine has"]);
    let sweep = json!({ "model.hidden": [[4], vec![65_536; 1000]] });
    refused_with("sweep", sweep, &["model", "GiB of memory"]);
}

#[test]
fn set_with_a_bad_path_or_value_is_refused() {
    let text = small().to_string();
    refused_text(&text, &["--set", "optimizer.lrr=1"], &["optimizer.lrr", "unknown key", "lr`"]);
    refused_text(&text, &["--set", "optimizer.lr.x=1"], &["--set optimizer.lr.x", "`optimizer.lr` is not an object"]);
    refused_text(&text, &["--set", "optimizer..lr=1"], &["optimizer..lr", "not a dotted path"]);
    refused_text(&text, &["--set", "=1"], &["not a dotted path"]);
    refused_text(&text, &["--set", "optimizer.lr"], &["optimizer.lr", "PATH=VALUE"]);
    refused_text(&text, &["--set", "optimizer.lr=-1"], &["optimizer.lr", "-1", "above 0"]);
    refused_text(&text, &["--set", "optimizer.lr=fast"], &["optimizer.lr", "\"fast\" is not a number"]);
}

#[test]
fn a_bad_dotted_path_is_one_fault() {
    refused_text(&small().to_string(), &["--set", "foo..x=1"], &["1 fault", "not a dotted path"]);
}

#[test]
fn a_fault_found_in_the_network_names_the_file_as_any_other_does() {
    refused_with("train.batch_size", json!(1), &["config.json"]);
    refused_with("train.batch_size", json!(0), &["config.json"]);
}

#[test]
fn options_out_of_range_are_refused() {
    let text = small().to_string();
    for arg in ["--jobs=0", "--jobs=-1", "--jobs=many"] {
        refused_text(&text, &[arg], &["--jobs"]);
    }
    refused_text(&text, &["--nonsense"], &["--nonsense"]);
}

// Data.

/// Fails with 1, having created nothing and trained nothing.
#[track_caller]
fn fails(lab: &Lab, outcome: Outcome, words: &[&str]) {
    let outcome = outcome.expect(1).complains(words);
    assert_eq!(outcome.stdout, "");
    assert!(!outcome.stderr.contains("[1/"), "training had begun:\n{}", outcome.stderr);
    assert!(!lab.path("results").exists(), "something was created");
}

#[test]
fn a_missing_mnist_is_reported_before_anything_is_created_and_the_message_says_how_to_get_it() {
    let fashion = with(small(), "data", json!({ "source": "fashion-mnist" }));
    let lab = Lab::new();
    let outcome = lab.run(&fashion, &["--data-dir", "sets"]);
    fails(&lab, outcome, &["Fashion-MNIST", "train-images", "bn-exp data fetch fashion-mnist --data-dir 'sets'"]);
    let config = with(small(), "data", json!({ "source": "mnist" }));
    let lab = Lab::new();
    let outcome = lab.run(&config, &["--data-dir", "sets"]);
    assert!(outcome.stderr.contains("bn-exp data fetch mnist --data-dir 'sets'"), "{}", outcome.stderr);
    fails(&lab, outcome, &["MNIST", "sets/mnist", "train-images-idx3-ubyte", "--data-dir", "BN_EXP_DATA_DIR"]);
    let lab = Lab::new();
    let outcome = lab.run(&config, &[]);
    fails(&lab, outcome, &["cache", "bn-exp/mnist"]);
    let lab = Lab::new();
    lab.write("sets/mnist/train-images-idx3-ubyte.gz", "");
    let outcome = lab.run(&config, &["--data-dir", "sets"]);
    fails(&lab, outcome, &["sets/mnist/train-images-idx3-ubyte.gz"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_found_before_training() {
    for blocked in ["results", "results/t", "results/t/runs"] {
        let lab = Lab::new();
        lab.write(blocked, "a file");
        let outcome = lab.run(&small(), &[]).expect(1).complains(&["cannot write", "results/t"]);
        assert!(outcome.stdout.is_empty() && !outcome.stderr.contains("[1/"), "{}", outcome.stderr);
        assert_eq!(lab.text(blocked), "a file");
    }
}

/// A file as IDX has it: big-endian words, then bytes.
fn idx(words: &[u32], data: &[u8]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).chain(data.iter().copied()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const FILES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// Forty training and twelve test images of 3×2 in three classes, told apart by their brightness.
fn files() -> [Vec<u8>; 4] {
    let labels = |count: u8| -> Vec<u8> { (0..count).map(|i| i % 3).collect() };
    let pixels =
        |count: u8| -> Vec<u8> { labels(count).iter().flat_map(|l| [l * 100, 7, l * 50, 0, 255, l * 30]).collect() };
    [
        idx(&[0x803, 40, 3, 2], &pixels(40)),
        idx(&[0x801, 40], &labels(40)),
        idx(&[0x803, 12, 3, 2], &pixels(12)),
        idx(&[0x801, 12], &labels(12)),
    ]
}

fn idx_config() -> Value {
    with(small(), "data", json!({ "source": "idx", "dir": "set" }))
}

#[test]
fn idx_files_are_read_gzipped_or_plain_whatever_their_names_end_in() {
    let mut tables = Vec::new();
    for (is_gzip, ending) in [(false, ""), (true, ".gz"), (false, ".gz"), (true, "")] {
        let lab = Lab::new();
        for (name, bytes) in FILES.iter().zip(files()) {
            lab.write(format!("set/{name}{ending}"), if is_gzip { gzip(&bytes) } else { bytes });
        }
        lab.run(&idx_config(), &[]).expect(0);
        tables.push(lab.text("results/t/curves.csv"));
    }
    assert!(tables.iter().all(|table| *table == tables[0]));
    assert!(tables[0].lines().count() > 50);
}

#[test]
fn validation_is_the_end_of_the_idx_training_file() {
    let lab = Lab::new();
    for (name, bytes) in FILES.iter().zip(files()) {
        lab.write(format!("set/{name}"), bytes);
    }
    let record = || lab.json("results/t/experiment.json")["configuration"]["data"].clone();
    lab.run(&idx_config(), &[]).expect(0);
    assert_eq!((&record()["train"], &record()["validation"], &record()["test"]), (&json!(36), &json!(4), &json!(12)));
    let all = with(idx_config(), "data.validation", json!(39));
    lab.run(&all, &["--set", "name=u"]).expect(2).complains(&["data.validation", "39", "40"]);
}

#[test]
fn a_missing_idx_folder_or_file_is_named() {
    let lab = Lab::new();
    let outcome = lab.run(&idx_config(), &[]);
    fails(&lab, outcome, &["set", "there is no such folder, and so no train-images-idx3-ubyte", "data.dir"]);
    lab.write("set", "a file");
    fails(&lab, lab.run(&idx_config(), &[]), &["in set: it is a file, and not a folder"]);
    for missing in FILES {
        let lab = Lab::new();
        for (name, bytes) in FILES.iter().zip(files()).filter(|(name, _)| **name != missing) {
            lab.write(format!("set/{name}"), bytes);
        }
        let outcome = lab.run(&idx_config(), &[]);
        fails(&lab, outcome, &[&format!("{missing} is missing")]);
    }
    let outcome = Lab::new().run(&without(idx_config(), "data.dir"), &[]).complains(&["data.dir"]);
    assert!(matches!(outcome.code, Some(1 | 2)), "{outcome:?}");
}

/// Replaces one of the four files, plain and gzipped; either must be refused by the file's name and these words.
#[track_caller]
fn refuses(file: usize, bytes: &[u8], words: &[&str]) {
    for is_gzip in [false, true] {
        let lab = Lab::new();
        for (i, (name, good)) in FILES.iter().zip(files()).enumerate() {
            let bytes = if i == file { bytes } else { &good };
            lab.write(format!("set/{name}"), if is_gzip { gzip(bytes) } else { bytes.to_vec() });
        }
        let outcome = lab.run(&idx_config(), &[]).complains(&[&format!("set/{}", FILES[file])]);
        fails(&lab, outcome, words);
    }
}

#[test]
fn idx_files_of_the_wrong_length_are_refused() {
    for file in 0..4 {
        let whole = &files()[file];
        refuses(file, &whole[..whole.len() - 1], &["truncated", &whole.len().to_string()]);
        refuses(file, &[whole.as_slice(), &[0]].concat(), &["or more", &whole.len().to_string()]);
        refuses(file, &whole[..6], &["header", "6"]);
        refuses(file, &[], &["header"]);
    }
}

#[test]
fn a_truncated_gzip_file_is_refused() {
    let lab = Lab::new();
    for (i, (name, bytes)) in FILES.iter().zip(files()).enumerate() {
        let whole = gzip(&bytes);
        lab.write(format!("set/{name}.gz"), if i == 0 { &whole[..whole.len() - 5] } else { &whole });
    }
    let outcome = lab.run(&idx_config(), &[]);
    fails(&lab, outcome, &["set/train-images-idx3-ubyte.gz", "gzip", "damage"]);
}

#[test]
fn idx_files_under_one_anothers_names_are_refused() {
    let [images, labels, ..] = files();
    refuses(0, &labels, &["expected samples (images)", "labels", "mislabelled"]);
    refuses(3, &images, &["expected labels", "images", "mislabelled"]);
    refuses(1, &idx(&[0x1234_0801, 40], &[0; 40]), &["magic number", "0x12340801"]);
}

#[test]
fn idx_files_with_a_zero_dimension_are_refused() {
    refuses(0, &idx(&[0x803, 0, 3, 2], &[]), &["sizes of at least 1", "0×3×2"]);
    refuses(0, &idx(&[0x803, 40, 0, 2], &[]), &["sizes of at least 1", "40×0×2"]);
    refuses(2, &idx(&[0x803, 12, 3, 0], &[]), &["sizes of at least 1", "12×3×0"]);
    refuses(1, &idx(&[0x801, 0], &[]), &["sizes of at least 1", "found 0"]);
    refuses(0, &idx(&[0x803, 40, 5000, 1], &[0; 200_000]), &["4096 rows", "40×5000×1"]);
}

#[test]
fn idx_files_of_different_data_sets_are_refused() {
    refuses(1, &idx(&[0x801, 39], &[0; 39]), &["40 labels", "39 labels"]);
    refuses(3, &idx(&[0x801, 13], &[0; 13]), &["12 labels", "13 labels"]);
    refuses(2, &idx(&[0x803, 12, 2, 3], &[0; 72]), &["3×2", "2×3"]);
    refuses(
        3,
        &idx(&[0x801, 12], &[0, 1, 2, 0, 1, 2, 0, 3, 2, 0, 1, 2]),
        &["labels from 0 to 2", "label 3 at index 7"],
    );
}

#[test]
fn an_arm_that_other_programs_would_not_read_as_a_name_is_refused() {
    let named = |name: &str| with(small(), "variants", json!([{ "name": name, "base": "none" }, "bn"]));
    for name in ["None", "NA", "NULL", "null", "NaN", "nan"] {
        refused(&named(name), &["variants[0].name", "a missing value", "choose another name"]);
    }
    for name in ["true", "False", "T"] {
        refused(&named(name), &["variants[0].name", "true or false"]);
    }
    for name in ["i", "L", "infi", "nani", "v1L", "1-2", "x1p3"] {
        Lab::new().plan(&with(small(), "variants", json!([{ "name": name, "base": "bn" }])), &[]).expect(0);
    }
    // The last ones are numbers to R: a hexadecimal float, complex numbers, whole ones.
    let of_r = ["0x1p3", "0x1.8p-1", "1i", "2.5e3i", "2-1i", "1L", "0x1L"];
    for name in ["1", "1e5", "0.5", "inf", "Infinity", "0x10", "0XfF"].into_iter().chain(of_r) {
        refused(&named(name), &["variants[0].name", "a number"]);
    }
    for name in ["none", "na", "Null-arm", "t", "x1", "nanobot"] {
        Lab::new().run(&named(name), &["--quiet"]).expect(0);
    }
    // Only together: a column in which one of them is text is text.
    let both = |names: [&str; 2]| {
        let arms = [("none", names[0]), ("bn", names[1])].map(|(base, name)| json!({ "name": name, "base": base }));
        with(small(), "variants", json!(arms))
    };
    for (names, what) in [
        (["yes", "No"], "true or false"),
        (["t", "f"], "true or false"),
        (["2024-01-01", "2024-1-31T10"], "dates"),
        (["31-01-2024", "01.02.24"], "dates"),
        (["0b1", "0b11"], "numbers"),
        (["1_000", "2_000"], "numbers"),
    ] {
        refused(&both(names), &["variants: ", what, "choose other names"]);
    }
    for names in [["yes", "bn"], ["t", "u"], ["2024-01-01", "before"], ["1-2", "3-4"], ["v1.2.3", "v1.2.4"]] {
        Lab::new().run(&both(names), &["--quiet"]).expect(0);
    }
}

#[test]
fn numbers_that_vanish_in_single_precision_are_refused() {
    let adam = with(small(), "optimizer", json!({ "kind": "adam", "lr": 0.1 }));
    refused(&with(adam.clone(), "optimizer.epsilon", json!(0.0)), &["optimizer.epsilon", "above 0"]);
    for (config, path, value, words) in [
        (small(), "optimizer.lr", json!(1e-50), "optimizer.lr: 1e-50 is 0 in f32"),
        (
            with(small(), "data", json!({ "source": "gaussians", "offset": 1.0 })),
            "data.offset",
            json!(1e-50),
            "data.offset: 1e-50 is 0 in f32",
        ),
        (small(), "optimizer.weight_decay", json!(1e-60), "optimizer.weight_decay: 1e-60 is 0 in f32"),
        (small(), "norm.epsilon", json!(1e-300), "norm.epsilon: 1e-300 is 0 in f32"),
        (
            small(),
            "variants",
            json!([{ "name": "g", "base": "bn", "gamma": 1e-50 }]),
            "variants[0].gamma: 1e-50 is 0 in f32",
        ),
        (
            small(),
            "variants",
            json!(["bn", { "name": "b", "base": "bn", "beta": 1e-42 }]),
            "variants[1].beta: 1e-42 loses",
        ),
        (
            small(),
            "variants",
            json!([{ "name": "s", "base": "bn", "scale_rows": { "share": 0.5, "factor": 1.000_000_000_001 } }]),
            "variants[0].scale_rows.factor: 1.000000000001e0 is 1 in f32",
        ),
        (adam.clone(), "optimizer.epsilon", json!(1e-320), "is 0 in f32"),
        (adam.clone(), "optimizer.epsilon", json!(1e-40), "loses digits in f32"),
        (adam.clone(), "optimizer.beta2", json!(0.999_999_999_99), "is 1 in f32"),
        (small(), "sweep", json!({ "optimizer.lr": [0.1, 0.100_000_000_001] }), "are one number in f32"),
        (
            small(),
            "variants",
            json!([{ "name": "a", "base": "bn", "gamma": 0.1 }, { "name": "b", "base": "bn", "gamma": 0.100_000_000_001 }]),
            "variants[1]: `b` and `a` are one arm in f32",
        ),
    ] {
        let config = with(config, path, value);
        refused(&config, &[words]);
        // In double precision they are what they are.
        Lab::new().run(&with(config, "model.precision", json!("f64")), &["--quiet"]).expect(0);
    }
    // Nothing vanishes: 0 is 0, 1 is 1, and what is swept is not what stands below it.
    Lab::new().run(&with(small(), "norm.momentum", json!(1.0)), &["--quiet"]).expect(0);
    let gaussians = with(small(), "data", json!({ "source": "gaussians", "train": 60, "validation": 30, "test": 30 }));
    let swept = with(gaussians, "sweep", json!({ "data.separation": [1.0, 1.000_000_000_01] }));
    Lab::new().run(&swept, &["--quiet"]).expect(0);
}

#[test]
fn an_experiment_that_other_programs_would_not_read_as_a_name_is_refused() {
    let texts = [
        ("NA", "a missing value"),
        ("T", "true or false"),
        ("01", "a number"),
        ("1e5", "a number"),
        ("0x1f", "a number"),
    ];
    for (text, what) in texts {
        let words = format!("pandas, R or polars would read it as {what} in the tables; of a path, begin with ./");
        refused(&with(small(), "sweep", json!({ "data.dir": ["a", text] })), &["sweep.data.dir[1]", &words]);
    }
    for name in ["NA", "None", "nan", "true"] {
        refused(&with(small(), "name", json!(name)), &[&format!("name: pandas, R or polars would read {name:?} as")]);
    }
    Lab::new().run(&with(small(), "name", json!("2024")), &["--quiet"]).expect(0);
}

#[test]
fn generated_data_too_small_for_its_classes_is_warned_about() {
    let data = json!({ "source": "gaussians", "classes": 12, "train": 60, "validation": 30, "test": 10 });
    let outcome = Lab::new().run(&with(small(), "data", data), &["--quiet"]).expect(0);
    let said = "the test split (10 samples) cannot have all 12 classes";
    assert_eq!(outcome.stderr.matches(said).count(), 1, "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("the training split"), "{}", outcome.stderr);
    // With as many samples as classes, hardly any draw has all of them.
    let data = json!({ "source": "gaussians", "classes": 12, "train": 600, "validation": 12, "test": 600 });
    let outcome = Lab::new().run(&with(small(), "data", data), &["--quiet"]).expect(0);
    let said = "the validation split (12 samples) lacks some of the 12 classes with some seeds";
    assert_eq!(outcome.stderr.matches(said).count(), 1, "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("the training split") && !outcome.stderr.contains("the test split"));
}

/// A norm that divides by 0 where a batch has one value: what is no number is neither right nor wrong.
#[test]
fn where_a_loss_is_no_number_there_is_no_accuracy() {
    let data =
        json!({ "source": "gaussians", "train": 300, "validation": 60, "test": 4, "classes": 3, "dimension": 6 });
    let model = json!({ "kind": "mlp", "hidden": [16, 16], "norm_position": "after_activation" });
    let config = with(with(with(small(), "data", data), "model", model), "norm.epsilon", json!(0));
    let config = with(with(config, "variants", json!(["bn"])), "train.batch_size", json!(100));
    let lab = Lab::new();
    lab.run(&with(config, "seeds", json!(8)), &["--quiet"]).expect(0);
    let runs = lab.table("results/t/runs.csv");
    let empty = runs.column("test_loss_batch").iter().filter(|loss| loss.is_empty()).count();
    assert!(empty > 0, "no batch has a channel with one value");
    for row in &runs.rows {
        assert_eq!(row["test_loss_batch"].is_empty(), row["test_accuracy_batch"].is_empty(), "{row:?}");
        assert!(!row["test_accuracy"].is_empty());
    }
}

/// What is not known at first is not the best of all evaluations.
#[test]
fn an_evaluation_without_accuracy_is_not_the_best() {
    let data =
        json!({ "source": "gaussians", "train": 64, "validation": 100, "test": 20, "classes": 2, "dimension": 4 });
    let model = json!({ "kind": "mlp", "hidden": [6], "norm_position": "after_activation" });
    let config = with(with(with(small(), "data", data), "model", model), "norm.epsilon", json!(0));
    let config = with(with(config, "variants", json!(["layer_norm"])), "optimizer.lr", json!(0.3));
    let config = with(with(config, "train", json!({ "batch_size": 16, "steps": 300 })), "seeds", json!([2]));
    let lab = Lab::new();
    lab.run(&with(config, "log", json!({ "evaluate_every": 20 })), &["--quiet"]).expect(0);
    let curves = lab.table("results/t/curves.csv");
    let first = curves.only(&[("split", "validation"), ("step", "0"), ("mode", "running_stats")]);
    assert!(first[0]["loss"].is_empty() && first[0]["accuracy"].is_empty(), "the first evaluation is known: {first:?}");
    let run = &lab.table("results/t/runs.csv").rows[0];
    assert_eq!((&*run["status"], &*run["best_validation_accuracy"]), ("completed", "1.0"), "{run:?}");
}

#[test]
fn the_primary_arm_is_one_of_the_variants() {
    let config = with(small(), "compare", json!({ "primary": "bm" }));
    refused(&config, &["compare.primary: `bm` is not one of `variants`; did you mean `bn`?"]);
    Lab::new().run(&with(small(), "compare", json!({ "primary": "bn" })), &["--quiet"]).expect(0);
    let baseline = with(small(), "compare", json!({ "primary": "affine" }));
    refused(&baseline, &["compare.primary: `affine` is the arm that the others are held against"]);
}

#[test]
fn words_of_other_programs_are_known() {
    refused_with("variants", json!(["batchnorm"]), &["variants[0]", "did you mean `bn`?"]);
    refused_with("metric", json!("test_loss"), &["metric", "did you mean `compare.metric`?"]);
    refused_with("compare.metric", json!("accuracy"), &["compare.metric", "did you mean `test_accuracy`?"]);
    refused_with("seeds", json!("0-3"), &["seeds", "a list is written so: [0, 1, 2, 3]"]);
    refused_with("seeds", json!("0..99"), &["seeds", "a list is written so: [0, 1, …]"]);
}

#[test]
fn what_is_no_table_is_told_from_a_table_with_a_fault() {
    let of = |bytes: &[u8], words: &[&str]| {
        let lab = Lab::new();
        lab.write("t.csv", bytes);
        let data = json!({ "source": "csv", "file": "t.csv", "label": "kind" });
        lab.plan(&with(small(), "data", data), &[]).expect(1).complains(words);
    };
    of(b"x,y,kind,\n1,2,a,\n3,4,b,\n", &["column 4 has no name", "end with a comma"]);
    of(b"sep=,\nx,y,kind\n1,2,a\n", &["`sep=`", "Excel"]);
    of(b",x,kind\n0,2,a\n1,2,b\n", &["column 1 has no name", "index=False"]);
    of(&[0x1f, 0x8b, 8, 0, 0], &["compressed by gzip", "gunzip"]);
    of(b"PK\x03\x04rest", &["spreadsheet", "save the table as CSV"]);
    let data = json!({ "source": "csv", "file": "none/t.csv", "label": "kind" });
    let outcome = Lab::new().plan(&with(small(), "data", data), &[]);
    outcome.expect(1).complains(&["cannot read none/t.csv", "at the folder where bn-exp is called, /"]);
}
