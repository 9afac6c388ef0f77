//! Data sets of a user's own: read as they are found, split so that the order of a file does not matter.

use std::collections::BTreeSet;

use bn_exp::random::{shuffle, stream};
use serde_json::{Value, json};

use crate::common::{Lab, small, with};

/// A file as IDX has it: type and rank, sizes, then the numbers.
fn idx(code: u8, sizes: &[usize], data: &[u8]) -> Vec<u8> {
    let head = [0, 0, code, sizes.len() as u8].into_iter();
    head.chain(sizes.iter().flat_map(|size| (*size as u32).to_be_bytes())).chain(data.iter().copied()).collect()
}

const TRAINING: usize = 60;
const TEST: usize = 24;

/// Images of 5×6 with their labels, four classes that are told apart by where they are bright.
fn images(count: usize) -> (Vec<u8>, Vec<u8>) {
    let label = |i: usize| (i * 7 % 4) as u8;
    let pixel = |i: usize, j: usize| {
        if j % 4 == usize::from(label(i)) { 180 + (i * 31 + j) % 70 } else { (i * 13 + j * 5) % 60 }
    };
    let pixels = (0..count).flat_map(|i| (0..30).map(move |j| pixel(i, j) as u8)).collect();
    (pixels, (0..count).map(label).collect())
}

fn config(folder: &str) -> Value {
    let data = json!({ "source": "idx", "dir": folder, "validation": 12 });
    with(with(small(), "data", data), "seeds", json!(1))
}

/// Writes the training and the test part of a set, each as images and labels.
fn write(lab: &Lab, folder: &str, of: impl Fn(usize) -> [Vec<u8>; 2]) {
    for (part, count) in [("train", TRAINING), ("t10k", TEST)] {
        let [images, labels] = of(count);
        lab.write(format!("{folder}/{part}-images-idx3-ubyte"), images);
        lab.write(format!("{folder}/{part}-labels-idx1-ubyte"), labels);
    }
}

fn plain(count: usize) -> [Vec<u8>; 2] {
    let (pixels, labels) = images(count);
    [idx(0x08, &[count, 5, 6], &pixels), idx(0x08, &[count], &labels)]
}

/// The curves of all runs of a configuration, less the runs' ids.
fn curves(lab: &Lab, config: &Value, name: &str) -> Vec<String> {
    lab.run(&with(config.clone(), "name", json!(name)), &["--trace"]).expect(0);
    let text = lab.text(format!("results/{name}/curves.csv"));
    text.lines().filter_map(|line| Some(line.split_once(',')?.1.to_owned())).collect()
}

/// The permutation of so many rows.
fn order(count: usize) -> Vec<i64> {
    let mut rows: Vec<i64> = (0..count as i64).collect();
    shuffle(&mut rows, &mut stream(0, "split"));
    rows
}

// What a file may be.

#[test]
fn the_same_images_in_any_form_train_the_same() {
    let lab = Lab::new();
    write(&lab, "plain", plain);
    let expected = curves(&lab, &config("plain"), "plain");
    assert!(expected.len() > 20);

    let wide = |count| {
        let (pixels, labels) = images(count);
        let numbers = |bytes: &[u8]| bytes.iter().flat_map(|b| i32::from(*b).to_be_bytes()).collect::<Vec<u8>>();
        let shorts = labels.iter().flat_map(|b| i16::from(*b).to_be_bytes()).collect::<Vec<u8>>();
        [idx(0x0c, &[count, 5, 6], &numbers(&pixels)), idx(0x0b, &[count], &shorts)]
    };
    let from_one = |count| {
        let (pixels, labels) = images(count);
        [
            idx(0x08, &[count, 5, 6, 1], &pixels),
            idx(0x08, &[count, 1], &labels.iter().map(|l| l + 1).collect::<Vec<_>>()),
        ]
    };
    let with_gaps = |count| {
        let (pixels, labels) = images(count);
        [
            idx(0x08, &[count, 1, 5, 6], &pixels),
            idx(0x08, &[count], &labels.iter().map(|l| 3 * l + 4).collect::<Vec<_>>()),
        ]
    };
    let many_labels = |count| {
        let (pixels, labels) = images(count);
        let row = |l: &u8| [i32::from(*l), 9, 8, 7, 6, 5, 4, 3];
        let labels = labels.iter().flat_map(row).flat_map(i32::to_be_bytes).collect::<Vec<u8>>();
        [idx(0x08, &[count, 5, 6], &pixels), idx(0x0c, &[count, 8], &labels)]
    };
    let on_their_side = |count: usize| {
        let (pixels, labels) = images(count);
        let turned = (0..count).flat_map(|i| (0..30).map(move |j| (i, j)));
        let turned: Vec<u8> = turned.map(|(i, j)| pixels[30 * i + 6 * (j % 5) + j / 5]).collect();
        [idx(0x08, &[count, 6, 5], &turned), idx(0x08, &[count], &labels)]
    };
    write(&lab, "wide", wide);
    write(&lab, "from-one", from_one);
    write(&lab, "with-gaps", with_gaps);
    write(&lab, "many-labels", many_labels);
    write(&lab, "on-their-side", on_their_side);
    for name in ["wide", "from-one", "with-gaps", "many-labels"] {
        assert!(curves(&lab, &config(name), name) == expected, "{name}");
    }
    let turned = with(config("on-their-side"), "data.transpose", json!(true));
    assert!(curves(&lab, &turned, "on-their-side") == expected);
    assert!(curves(&lab, &config("on-their-side"), "not-turned") != expected, "otherwise nothing was turned");
    for (name, note) in
        [("from-one", "labels from 1 to 4 are classes when 1"), ("with-gaps", "labels 4, 7, 10, 13 became")]
    {
        lab.plan(&config(name), &[]).expect(0).complains(&["note: ", "renumbered", note]);
    }
    assert!(!lab.plan(&config("plain"), &[]).expect(0).stderr.contains("note"));
}

#[test]
fn floats_are_taken_as_they_are_and_divided_bytes_are_the_same() {
    let lab = Lab::new();
    write(&lab, "plain", plain);
    write(&lab, "floats", |count| {
        let (pixels, labels) = images(count);
        let floats = pixels.iter().flat_map(|b| (f64::from(*b) / 255.0).to_be_bytes()).collect::<Vec<u8>>();
        [idx(0x0e, &[count, 5, 6], &floats), idx(0x08, &[count], &labels)]
    });
    let double = |folder: &str| with(config(folder), "model.precision", json!("f64"));
    let expected = curves(&lab, &double("plain"), "plain");
    assert!(curves(&lab, &double("floats"), "floats") == expected);
    assert_eq!(lab.json("results/floats/experiment.json")["configuration"]["data"]["scaling"], "none");
    let refused = lab.run(&with(config("floats"), "data.scaling", json!("unit")), &[]).expect(2);
    refused.complains(&["data.scaling", "images of bytes", "standardize"]);
    // Of values whose squares are infinite, bn would fail and an arm without statistics would not.
    write(&lab, "huge", |count| {
        let (pixels, labels) = images(count);
        let floats = pixels.iter().flat_map(|b| (f32::from(*b) * 1e36).to_be_bytes()).collect::<Vec<u8>>();
        [idx(0x0d, &[count, 5, 6], &floats), idx(0x08, &[count], &labels)]
    });
    lab.plan(&config("huge"), &[]).expect(2).complains(&["data.scaling", "squares", "standardize"]);
    lab.plan(&double("huge"), &[]).expect(0);
    lab.plan(&with(config("huge"), "data.scaling", json!("standardize")), &[]).expect(0);
    // A test file in other units is trained with, and named.
    let warned =
        |folder: &str| lab.run(&with(config(folder), "name", json!(format!("warned-{folder}"))), &[]).expect(0).stderr;
    assert!(!warned("floats").contains("another size"));
    write(&lab, "units", |count| {
        let (pixels, labels) = images(count);
        let unit = if count == TEST { 1.0 } else { 255.0 };
        let floats = pixels.iter().flat_map(|b| (f64::from(*b) / unit).to_be_bytes()).collect::<Vec<u8>>();
        [idx(0x0e, &[count, 5, 6], &floats), idx(0x08, &[count], &labels)]
    });
    let said = warned("units");
    assert!(said.contains("the test samples are of another size than the training samples (pixels: mean 0."), "{said}");
    // Where a network that always names one class does well, guessing is no measure.
    write(&lab, "one-sided", |count| {
        let labels: Vec<u8> = (0..count).map(|i| if i % 8 == 0 { (i / 8 % 3 + 1) as u8 } else { 0 }).collect();
        [idx(0x08, &[count, 5, 6], &images(count).0), idx(0x08, &[count], &labels)]
    });
    let said = warned("one-sided");
    assert!(said.contains("88 % of the test samples are of label 0") && said.contains("counts as 0.25"), "{said}");
    // Convolutions take them too.
    let cnn = with(double("floats"), "model", json!({ "kind": "cnn", "channels": [2], "precision": "f64" }));
    let bytes = with(cnn.clone(), "data.dir", json!("plain"));
    assert!(curves(&lab, &cnn, "floats-cnn") == curves(&lab, &bytes, "bytes-cnn"));
}

#[test]
fn rows_of_numbers_are_vectors_each_feature_with_its_own_scale() {
    let lab = Lab::new();
    write(&lab, "vectors", |count| {
        let (pixels, labels) = images(count);
        [idx(0x08, &[count, 30], &pixels), idx(0x08, &[count], &labels)]
    });
    let table = |count: usize| {
        let (pixels, labels) = images(count);
        let header: String = (0..30).map(|j| format!("x{j},")).collect();
        let rows = pixels.chunks(30).zip(labels).map(|(row, label)| {
            let cells: String = row.iter().map(|x| format!("{x},")).collect();
            format!("{cells}{label}\n")
        });
        format!("{header}label\n{}", rows.collect::<String>())
    };
    lab.write("train.csv", table(TRAINING));
    lab.write("test.csv", table(TEST));
    let vectors = with(config("vectors"), "data.scaling", json!("standardize"));
    let data = json!({ "source": "csv", "file": "train.csv", "test_file": "test.csv", "validation": 12 });
    let csv = with(config("vectors"), "data", data);
    assert!(curves(&lab, &vectors, "vectors") == curves(&lab, &csv, "csv"));
    let record = lab.json("results/csv/experiment.json");
    assert_eq!(record["configuration"]["data"]["scaling"], "standardize");
    let refused = lab.run(&with(vectors, "model", json!({ "kind": "cnn", "channels": [2] })), &[]).expect(2);
    refused.complains(&["model.kind", "cnn needs images"]);
    let turned = lab.run(&with(config("vectors"), "data.transpose", json!(true)), &[]).expect(1);
    turned.complains(&["train-images-idx3-ubyte: expected images, as data.transpose is true, found vectors"]);
}

#[test]
fn idx_files_are_found_under_the_names_that_people_give_them() {
    let (train, test) = (plain(TRAINING), plain(TEST));
    for names in [
        ["train-images.idx3-ubyte", "train-labels.idx1-ubyte", "t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"],
        [
            "emnist-letters-train-images-idx3-ubyte",
            "emnist-letters-train-labels-idx1-ubyte",
            "emnist-letters-test-images-idx3-ubyte",
            "emnist-letters-test-labels-idx1-ubyte",
        ],
        ["train_images.idx", "train_labels.idx", "test_images.idx", "test_labels.idx"],
    ] {
        let lab = Lab::new();
        for (name, bytes) in names.iter().zip(train.iter().chain(&test)) {
            lab.write(format!("set/{name}"), bytes);
        }
        lab.write("set/readme-train-images.txt", "not IDX");
        lab.run(&config("set"), &[]).expect(0);
        lab.write("set/other-train-images-idx3-ubyte", &train[0]);
        let refused = lab.run(&with(config("set"), "name", json!("u")), &[]).expect(1);
        refused.complains(&["set has several files that may be the training images", names[0], "other-train-images"]);
    }
}

#[test]
fn what_has_no_meaning_is_named_with_what_can_be_done() {
    let (pixels, labels) = images(TRAINING);
    let refused = |images: Vec<u8>, labels: Vec<u8>, words: &[&str]| {
        let lab = Lab::new();
        write(&lab, "set", plain);
        lab.write("set/train-images-idx3-ubyte", images);
        lab.write("set/train-labels-idx1-ubyte", labels);
        lab.run(&config("set"), &[]).expect(1).complains(words);
    };
    let [good_images, good_labels] = plain(TRAINING);
    let n = TRAINING;
    refused(idx(0x0a, &[n, 5, 6], &pixels), good_labels.clone(), &["train-images", "types", "0x0a"]);
    refused(idx(0x08, &[n, 1, 5, 6, 1], &pixels), good_labels.clone(), &["1 to 4 sizes, found 5", "save the array"]);
    refused(idx(0x08, &[n / 6, 6, 6, 5], &pixels), good_labels.clone(), &["1 to 4 channels", "10×6×6×5", "vector"]);
    let one_hot: Vec<u8> = labels.iter().flat_map(|l| (0..4).map(move |c| u8::from(c == *l))).collect();
    refused(good_images.clone(), idx(0x08, &[n, 4], &one_hot), &["train-labels", "60×4", "QMNIST", "one whole number"]);
    let halves: Vec<u8> = labels.iter().flat_map(|l| (f32::from(*l) + 0.5).to_be_bytes()).collect();
    refused(good_images.clone(), idx(0x0d, &[n], &halves), &["train-labels", "whole numbers", "at index 0"]);
    let floats: Vec<u8> = pixels.iter().flat_map(|_| f32::NAN.to_be_bytes()).collect();
    refused(idx(0x0d, &[n, 5, 6], &floats), good_labels, &["train-images", "finite", "NaN at index 0"]);
    refused(good_images, idx(0x08, &[n], &vec![3; n]), &["two different labels", "only label 3"]);
}

// How it is split.

#[test]
fn the_order_of_a_file_does_not_matter() {
    let lab = Lab::new();
    write(&lab, "sorted", |count| {
        let (pixels, labels) = images(count);
        let mut rows: Vec<(u8, &[u8])> = labels.into_iter().zip(pixels.chunks(30)).collect();
        rows.sort_by_key(|(label, _)| *label);
        let labels: Vec<u8> = rows.iter().map(|(label, _)| *label).collect();
        let pixels: Vec<u8> = rows.iter().flat_map(|(_, row)| row.iter().copied()).collect();
        [idx(0x08, &[count, 5, 6], &pixels), idx(0x08, &[count], &labels)]
    });
    let quarter = |row: &i64| row * 4 / TRAINING as i64;
    // Validation is the tail of the permuted file, training its head, whatever is kept of it.
    let capped = with(config("sorted"), "data.train", json!(20));
    for (config, name, kept) in [(config("sorted"), "all", TRAINING - 12), (capped, "capped", 20)] {
        let run = lab.run(&with(config, "name", json!(name)), &["--trace"]).expect(0);
        assert!(!run.stderr.contains("has none of label"), "{}", run.stderr);
        for variant in ["none", "bn"] {
            let trace = lab.tensors(lab.run_folder(name, variant, 0).join("trace.safetensors"));
            let rows = trace["split/train"].i64();
            assert_eq!(rows, order(TRAINING)[..kept], "{name}");
            assert_eq!(rows.iter().map(quarter).collect::<BTreeSet<_>>().len(), 4);
        }
    }
}

#[test]
fn a_split_that_lacks_a_class_is_named() {
    let lab = Lab::new();
    write(&lab, "set", plain);
    let few = with(config("set"), "data.validation", json!(2));
    let warning = "warning: the validation split (2 samples) has none of label ";
    lab.run(&few, &[]).expect(0).complains(&[warning]);
    let more = with(config("set"), "data.classes", json!(5));
    let more = lab.run(&with(more, "name", json!("u")), &[]).expect(0);
    let splits =
        ["the training split (48 samples)", "the validation split (12 samples)", "the test split (24 samples)"];
    more.complains(&splits.map(|split| format!("{split} has none of label 4")).each_ref().map(String::as_str));
    let random = with(few, "data.random_labels", json!(true));
    assert!(!lab.run(&with(random, "name", json!("v")), &[]).expect(0).stderr.contains("has none of label"));
}

#[test]
fn the_stated_classes_decide_where_the_test_file_has_a_label_of_its_own() {
    let lab = Lab::new();
    write(&lab, "set", |count| {
        let (pixels, mut labels) = images(count);
        if count == TRAINING {
            labels.iter_mut().for_each(|l| *l %= 3);
        }
        [idx(0x08, &[count, 5, 6], &pixels), idx(0x08, &[count], &labels)]
    });
    let refused = lab.run(&config("set"), &[]).expect(1);
    refused.complains(&["t10k-labels", "labels from 0 to 2, as in training", "label 3 at index", "state data.classes"]);
    let stated = lab.run(&with(config("set"), "data.classes", json!(4)), &[]).expect(0);
    stated.complains(&["the training split (48 samples) has none of label 3"]);
    assert_eq!(lab.json(lab.run_folder("t", "bn", 0).join("run.json"))["classes"], 4);
}

// Tables.

/// Two hundred rows of two features with a label that follows from them.
fn table(label: impl Fn(bool) -> String) -> String {
    let row = |i: usize| {
        let (x, y) = ((i * 37 % 101) as f64 / 10.0, (i * 53 % 97) as f64 * 1e3);
        format!("{x},{},{y}\n", label(x * 1e4 > y))
    };
    format!("width,kind,mass\n{}", (0..200).map(row).collect::<String>())
}

fn csv_config(data: &Value) -> Value {
    let mut all = json!({ "source": "csv", "file": "a.csv", "label": "kind" });
    all.as_object_mut().unwrap().extend(data.as_object().unwrap().clone());
    with(with(small(), "data", all), "seeds", json!(1))
}

#[test]
fn a_table_is_divided_by_lot_and_its_labels_may_be_text() {
    let lab = Lab::new();
    lab.write("a.csv", table(|is_wide| u8::from(is_wide).to_string()));
    lab.write("text.csv", table(|is_wide| if is_wide { "\"wide, it is\"" } else { "narrow" }.to_owned()));
    lab.write("quoted.csv", format!("\u{feff}{}", table(|w| format!(" {}.0 ", u8::from(w))).replace('\n', "\r\n")));
    let expected = curves(&lab, &csv_config(&json!({})), "numbers");
    let swapped: Vec<String> = {
        let text = with(csv_config(&json!({ "file": "text.csv" })), "name", json!("text"));
        lab.plan(&text, &[])
            .expect(0)
            .complains(&["note: ", "labels \"narrow\", \"wide, it is\" became the classes 0 to 1"]);
        curves(&lab, &text, "text")
    };
    assert!(swapped == expected);
    assert!(curves(&lab, &csv_config(&json!({ "file": "quoted.csv" })), "quoted") == expected);
    let data = &lab.json("results/numbers/experiment.json")["configuration"]["data"];
    assert_eq!([&data["train"], &data["validation"], &data["test"]], [&json!(144), &json!(16), &json!(40)]);
    let trace = lab.tensors(lab.run_folder("numbers", "bn", 0).join("trace.safetensors"));
    assert_eq!(trace["split/train"].i64(), order(200)[..144]);
}

#[test]
fn a_table_is_known_by_its_content_and_each_label_column_is_read() {
    let lab = Lab::new();
    let text = table(|is_wide| u8::from(is_wide).to_string());
    lab.write("a.csv", &text);
    lab.write("b.csv", &text);
    lab.run(&csv_config(&json!({})), &[]).expect(0);
    lab.run(&csv_config(&json!({ "file": "b.csv" })), &[]).expect(0).says(&["nothing to do"]);
    lab.write("a.csv", text.replacen("0,", "0.5,", 1));
    lab.run(&csv_config(&json!({})), &[])
        .expect(2)
        .complains(&["would drop", "the content of the data files: SHA-256"]);
    let header = "x,y,z,a,b\n";
    let rows = (0..40).map(|i| format!("{},{},{},{},{}\n", i % 7, i % 5, i % 3, i % 2, i * i % 3 % 2));
    lab.write("two.csv", format!("{header}{}", rows.collect::<String>()));
    let swept = with(csv_config(&json!({ "file": "two.csv" })), "sweep", json!({ "data.label": ["a", "b"] }));
    lab.run(&with(swept, "name", json!("two")), &[]).expect(0);
    let table = lab.table("results/two/curves.csv");
    let losses = |label: &str| {
        let rows = table.only(&[("data.label", label), ("variant", "bn")]);
        rows.iter().map(|row| row["loss"].clone()).collect::<Vec<_>>()
    };
    assert!(losses("a").len() > 10 && losses("a") != losses("b"));
}

#[test]
fn integers_are_bytes_where_both_files_hold_nothing_else_and_images_alone_are_divided() {
    let wide = |count: usize, sizes: &[usize], largest: i32| {
        let (pixels, labels) = images(count);
        let mut pixels: Vec<i32> = pixels.into_iter().map(i32::from).collect();
        pixels[0] = largest;
        let bytes: Vec<u8> = pixels.iter().flat_map(|pixel| pixel.to_be_bytes()).collect();
        [idx(0x0c, &[&[count], sizes].concat(), &bytes), idx(0x08, &[count], &labels)]
    };
    let (image, vector) = (&[5, 6][..], &[30][..]);
    for (training, test, scaling) in [
        (plain(TRAINING), wide(TEST, image, 255), "unit"),
        (wide(TRAINING, image, 255), wide(TEST, image, 256), "standardize"),
        (wide(TRAINING, image, -1), wide(TEST, image, 255), "standardize"),
        (wide(TRAINING, vector, 255), wide(TEST, vector, 255), "standardize"),
    ] {
        let lab = Lab::new();
        write(&lab, "own", |count| if count == TRAINING { training.clone() } else { test.clone() });
        lab.run(&config("own"), &["--quiet"]).expect(0);
        assert_eq!(lab.json("results/t/experiment.json")["configuration"]["data"]["scaling"], scaling);
    }
    // Integers of two types may mean two things.
    for (training, test) in [(plain(TRAINING), wide(TEST, image, 256)), (wide(TRAINING, image, -1), plain(TEST))] {
        let lab = Lab::new();
        write(&lab, "own", |count| if count == TRAINING { training.clone() } else { test.clone() });
        let refused = lab.run(&config("own"), &["--quiet"]).expect(1);
        refused.complains(&["unsigned bytes", "32-bit integers", "save both files in one type"]);
    }
}

#[test]
fn folders_under_the_usual_names_do_not_hide_the_files() {
    let lab = Lab::new();
    let (train, test) = (plain(TRAINING), plain(TEST));
    let usual =
        ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];
    for (name, bytes) in usual.iter().zip(train.iter().chain(&test)) {
        lab.write(format!("own/{}", name.replacen("-idx", ".idx", 1)), bytes);
        lab.write(format!("own/{name}/{name}"), bytes);
    }
    lab.run(&with(small(), "data", json!({ "source": "idx", "dir": "own" })), &[]).expect(0);
}

#[test]
fn what_is_no_number_or_label_is_an_error_with_row_and_column() {
    let whole = table(|is_wide| u8::from(is_wide).to_string());
    let refused = |text: String, words: &[&str]| {
        let lab = Lab::new();
        lab.write("a.csv", text);
        lab.run(&csv_config(&json!({})), &[]).expect(1).complains(&["a.csv"]).complains(words);
        assert!(!lab.path("results").exists());
    };
    let line = |n: usize| whole.lines().nth(n).unwrap().to_owned();
    let with_line = |n: usize, new: &str| whole.replacen(&format!("{}\n", line(n)), &format!("{new}\n"), 1);
    for (cell, words) in [
        ("", "missing value"),
        ("NA", "missing value"),
        ("nan", "missing value"),
        ("NaN", "missing value"),
        ("inf", "not finite"),
        ("-Infinity", "not finite"),
        ("1e400", "not finite"),
        ("abc", "\"abc\" is not a number"),
        ("1 000", "not a number"),
        ("0x10", "not a number"),
    ] {
        refused(with_line(3, &format!("1,0,{cell}")), &["row 3 (line 4), column `mass`", words]);
    }
    for (label, words) in
        [("", "missing value"), ("NA", "missing value"), ("inf", "not finite"), ("1.5", "not a whole one")]
    {
        refused(with_line(2, &format!("1,{label},2")), &["row 2 (line 3), column `kind`", words]);
    }
    refused(with_line(5, "1,0"), &["row 5 (line 6) has 2 cells, the header 3"]);
    // A cell too many or too few is told, and not what the others seem to be then.
    refused(with_line(5, "2,1,0,5"), &["row 5 (line 6) has 4 cells, the header 3"]);
    refused(with_line(5, "x,1.5"), &["row 5 (line 6) has 2 cells, the header 3"]);
    refused(with_line(2, "1,202401020000000001,2"), &["row 2 (line 3), column `kind`", "too large"]);
    refused(with_line(5, "\n\n1,0,x"), &["row 5 (line 8), column `mass`"]);
    refused(with_line(5, "1,\"a,1"), &["row 5 (line 6), column `kind`", "several lines", "never closed"]);
    let open = with_line(5, "1,\"a,1").replace('\n', "\r");
    refused(open, &["row 5", "column `kind`", "several lines", "never closed"]);
    refused(with_line(5, "1,\"a\nb\",1"), &["row 5 (line 6), column `kind`", "several lines"]);
    refused(with_line(5, "1,0,2,3"), &["row 5 (line 6) has 4 cells"]);
    refused(whole.split_once('\n').unwrap().1.to_owned(), &["the first row has numbers", "a row with names"]);
    refused("5.1,kind,3.5\n4.9,other,3\n".into(), &["the first row has numbers", "a row with names"]);
    // The names that pandas gives are names, and the first row is none of the samples.
    let counted = whole.replacen("width,kind,mass", "0,kind,1", 1);
    assert_ne!(counted, whole);
    let lab = Lab::new();
    lab.write("a.csv", counted);
    lab.run(&csv_config(&json!({})), &[]).expect(0);
    // As well where the labels have a number for a name, too; and where data.label does not say which, they are a sample.
    lab.write("a.csv", whole.replacen("width,kind,mass", "0,1,2", 1));
    lab.run(&csv_config(&json!({ "label": "1" })), &["--fresh", "--yes"]).expect(0);
    lab.run(&csv_config(&json!({ "label": null })), &["--fresh", "--yes"])
        .expect(1)
        .complains(&["the first row has numbers"]);
    refused(whole.replacen("width,kind,mass", "0,kind,2", 1), &["the first row has numbers", "data.label"]);
    for missing in ["NA", "N/A", "None", "NULL", "null", "?"] {
        refused(format!("{missing},kind,3.5\n4.9,other,3\n"), &["the first row has numbers"]);
    }
    refused(whole.replace(',', ";"), &["one column", "commas"]);
    refused(whole.replacen("width", "mass", 1), &["columns 1 and 3 are both called `mass`"]);
    refused(whole.replacen("width", "", 1), &["column 1 has no name", "index=False"]);
    refused(whole.replacen("kind", "sort", 1), &["no column `kind`", "data.label", "width, sort, mass"]);
    refused(String::new(), &["empty"]);
    refused("width,kind,mass\n1,0,2\n".into(), &["1 rows", "at least 2"]);
    refused(whole.lines().take(11).map(|l| format!("{l}\n")).collect(), &["10 rows", "data.test_file"]);
    let many = (0..300).map(|i| format!("1,{i},2\n")).collect::<String>();
    refused(format!("width,kind,mass\n{many}"), &["257 different labels", "at most 256", "data.label"]);
    let lab = Lab::new();
    lab.write("a.csv", [whole.as_bytes(), b"\xff,1,1\n"].concat());
    lab.run(&csv_config(&json!({})), &[]).expect(1).complains(&["a.csv: line 202 is not UTF-8", "0xff"]);
    lab.run(&csv_config(&json!({ "file": "none.csv" })), &[]).expect(1).complains(&["none.csv"]);
    lab.run(&csv_config(&json!({ "file": null })), &[]).expect(2).complains(&["data.file", "missing"]);
}

#[test]
fn a_column_that_counts_the_rows_is_a_feature_and_is_named() {
    let lab = Lab::new();
    let table = |number: fn(usize) -> usize| {
        let row = |i: usize| format!("{},{},{}\n", 0.5 + (i % 7) as f64, number(i), i % 2);
        format!("x,id,y\n{}", (0..40).map(row).collect::<String>())
    };
    let config = with(small(), "data", json!({ "source": "csv", "file": "own.csv", "label": "y" }));
    let plan = |text: String| {
        lab.write("own.csv", text);
        lab.write("own.json", config.to_string());
        lab.call(&["plan", "own.json"]).expect(0).stderr
    };
    // Where rows were taken out of a file, the numbers of the others have gaps; a file may be shuffled or turned round.
    let gaps: [fn(usize) -> usize; 2] = [|i| 3 * i, |i| i + i / 39];
    let shuffled: [fn(usize) -> usize; 3] = [|i| 40 - i, |i| i * 7 % 41, |i| 5 + i * 11 % 53];
    let counted: [fn(usize) -> usize; 3] = [|i| i, |i| i + 1, |i| 1000 + i];
    for number in counted.into_iter().chain(gaps).chain(shuffled) {
        let told = plan(table(number));
        assert!(told.contains("column `id` numbers the rows"), "{told}");
    }
    for number in [|i: usize| i / 2, |i: usize| i * i % 1009, |i: usize| i % 39] {
        let told = plan(table(number));
        assert!(!told.contains("numbers the rows"), "{told}");
    }
}

/// Many tables have their labels in the first column.
#[test]
fn a_last_column_that_is_hardly_one_of_labels_is_named() {
    let rows = |label: &dyn Fn(usize) -> String| {
        (0..120).map(|i| format!("{},{i}.5,{}\n", i % 3, label(i))).collect::<String>()
    };
    let lab = Lab::new();
    lab.write("a.csv", format!("class,weight,proline\n{}", rows(&|i| (200 + i / 2).to_string())));
    let last = || csv_config(&json!({ "label": null }));
    let outcome = lab.plan(&last(), &[]).expect(0);
    let taken = "column `proline`, the last, was taken for the labels";
    outcome.complains(&[taken, "60 different ones in 120 rows", "name it in data.label"]);
    assert!(!lab.plan(&csv_config(&json!({ "label": "class" })), &[]).expect(0).stderr.contains(taken));
    lab.write("a.csv", format!("class,weight,proline\n{}", rows(&|_| "0".to_owned())));
    let outcome = lab.plan(&last(), &[]).expect(1);
    outcome.complains(&["only label 0", "column `proline`", "data.label names another"]);
}

#[test]
fn a_test_file_has_the_same_columns() {
    let lab = Lab::new();
    let whole = table(|is_wide| u8::from(is_wide).to_string());
    lab.write("a.csv", &whole);
    lab.write("b.csv", whole.replacen("mass", "weight", 1));
    let config = csv_config(&json!({ "test_file": "b.csv" }));
    lab.run(&config, &[]).expect(1).complains(&["b.csv", "expected `mass` as column 3, as in a.csv", "found `weight`"]);
    lab.write("b.csv", "width,kind,mass\n1,0,2\n2,7,3\n3,1,3\n");
    let run = lab.run(&config, &[]).expect(0);
    run.complains(&["note: ", "labels 0, 1, 7 became", "the training split (180 samples) has none of label 7"]);
}

/// Labels that are written otherwise in the test file would be classes that nothing was trained for.
#[test]
fn a_test_file_has_labels_of_the_training_file() {
    let lab = Lab::new();
    let whole = table(|is_wide| if is_wide { "Wide".into() } else { "Narrow".into() });
    lab.write("a.csv", &whole);
    lab.write("b.csv", whole.replace("Wide", "wide").replace("Narrow", "narrow"));
    let config = csv_config(&json!({ "test_file": "b.csv" }));
    lab.run(&config, &[]).expect(1).complains(&["b.csv", "labels that are in a.csv, too", "none of them", "\"wide\""]);
    lab.write("b.csv", whole.replace("Wide", "wide"));
    lab.run(&config, &[]).expect(0).complains(&["the training split (180 samples) has none of label \"wide\""]);
}

/// A lost point, a number for what is missing, and features that are used as they are.
#[test]
fn training_values_far_from_all_others_and_large_features_are_named() {
    let lab = Lab::new();
    let whole = table(|is_wide| u8::from(is_wide).to_string());
    let lines: Vec<&str> = whole.lines().collect();
    let train = format!("{}\n", lines.join("\n"));
    lab.write("b.csv", &train);
    let said = |name: &str, text: &str, scaling: &str| {
        lab.write("a.csv", text);
        let config = csv_config(&json!({ "test_file": "b.csv", "scaling": scaling }));
        lab.run(&with(config, "name", json!(name)), &[]).expect(0).stderr
    };
    let sound = said("sound", &train, "standardize");
    assert!(!sound.contains("training split) is ") && !sound.contains("as they are"), "{sound}");
    // Wherever the row comes to lie, it is of training here.
    let cells: Vec<&str> = lines[1].split(',').collect();
    let slip = train.replacen(lines[1], &format!("99999.5,{}", cells[1..].join(",")), 1);
    let told = [said("slip", &slip, "standardize"), said("large", &train, "none")];
    assert!(
        told[0].contains("99999.5") && told[0].contains("if it is a slip or stands for a missing value"),
        "{}",
        told[0]
    );
    assert!(told[1].contains("the features are used as they are, and reach "), "{}", told[1]);
}

#[test]
fn samples_that_were_trained_on_and_columns_in_other_units_are_named() {
    let lab = Lab::new();
    let row =
        |i: usize, unit: f64| format!("{},{},{}\n", (i * 7 % 41) as f64 * unit, (i * i % 43) as f64 * unit, i % 2);
    let table = |rows: std::ops::Range<usize>, unit: f64| {
        format!("width,height,y\n{}", rows.map(|i| row(i, unit)).collect::<String>())
    };
    lab.write("train.csv", table(0..60, 1.0));
    let said = |name: &str, test: String| {
        lab.write("test.csv", test);
        let config =
            csv_config(&json!({ "file": "train.csv", "test_file": "test.csv", "label": "y", "validation": 10 }));
        lab.run(&with(config, "name", json!(name)), &[]).expect(0).stderr
    };
    // A fifth of the file is for validation: the other rows are trained on.
    let repeated = said("same", table(0..60, 1.0));
    assert!(
        repeated.contains("50 of the 60 test samples have the same values as samples of the training"),
        "{repeated}"
    );
    let new = said("new", table(60..120, 1.0));
    assert!(!new.contains("same values") && !new.contains("another size"), "{new}");
    // A slip of the pen is no result of an arm's.
    lab.write("test.csv", table(60..119, 1.0) + "1e12,1,0\n");
    let config = csv_config(&json!({ "file": "train.csv", "test_file": "test.csv", "label": "y", "validation": 10 }));
    let slip = lab.run(&with(config, "name", json!("slip")), &[]).expect(1).stderr;
    assert!(slip.contains("column `width` of sample 60 of its file (test split) is 1e12"), "{slip}");
    assert!(!lab.path("results/slip/runs.csv").exists(), "nothing was trained");
    let units = said("units", table(60..120, 100.0));
    assert!(units.contains("(column `width`: mean "), "{units}");
}
