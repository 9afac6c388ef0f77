//! What `plan` expects is near what happens.

use std::path::Path;

use crate::common::{Lab, number, small, with};
use serde_json::{Value, json};

/// Bytes of a line of a plan such as `memory   about 32 MB with --jobs 2`.
#[track_caller]
fn planned(text: &str, of: &str) -> f64 {
    let line = text.lines().find(|line| line.starts_with(of)).unwrap_or_else(|| panic!("no {of}:\n{text}"));
    let words: Vec<&str> = line.split_whitespace().collect();
    let unit = [("kB", 1e3), ("MB", 1e6), ("GB", 1e9)].into_iter().find(|(name, _)| words[3] == *name);
    number(words[2]) * unit.expect("a unit").1
}

/// Bytes that a folder takes on disk.
#[cfg(unix)]
fn on_disk(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let own = 512 * path.symlink_metadata().expect("a file").blocks();
    let entries = std::fs::read_dir(path).into_iter().flatten().map(|entry| on_disk(&entry.expect("an entry").path()));
    own + entries.sum::<u64>()
}

/// Like the shipped configurations, and shorter.
fn cases() -> [Value; 6] {
    let glyphs = with(small(), "data", json!({ "source": "glyphs" }));
    let glyphs =
        with(with(glyphs, "train", json!({ "batch_size": 64, "steps": 100 })), "log", json!({ "channels": 10 }));
    let mlp = with(glyphs.clone(), "model.hidden", json!([100, 100, 100]));
    let cnn = with(glyphs, "model", json!({ "kind": "cnn", "channels": [16, 32] }));
    let vectors = with(small(), "data", json!({ "source": "gaussians", "dimension": 20 }));
    let vectors = with(with(vectors, "train.steps", json!(500)), "sweep", json!({ "data.offset": [0.0, 3.0] }));
    let wide = with(small(), "data", json!({ "source": "gaussians", "dimension": 300, "train": 8000 }));
    let wide = with(wide, "log", json!({ "activations_every": 0, "gradients_every": 0 }));
    // Of one seed, arms are trained at once. Behind the last norm nobody asks for statistics.
    let of_one_seed = with(with(mlp.clone(), "model.hidden", json!([2000, 2000])), "seeds", json!(1));
    let of_one_seed = with(
        with(of_one_seed, "train.steps", json!(20)),
        "log",
        json!({ "activations_every": 0, "landscape_every": 0 }),
    );
    let one_block = with(with(cnn.clone(), "model.channels", json!([64])), "model.pool", json!("none"));
    let one_block =
        with(with(one_block, "train", json!({ "batch_size": 16, "steps": 4 })), "log", json!({ "probe_size": 2 }));
    [mlp, cnn, vectors, wide, of_one_seed, one_block]
}

#[cfg(unix)]
#[test]
fn what_run_will_refuse_is_said_and_nothing_else() {
    let lab = Lab::new();
    assert_eq!(lab.plan(&small(), &[]).expect(0).stderr, "");
    lab.run(&small(), &[]).expect(0);
    assert_eq!(lab.plan(&small(), &["--set", "seeds=3"]).expect(0).stderr, "");
    // What does not fit a line goes on in its own column.
    lab.write("narrow.json", small().to_string());
    let output = lab.command().args(["plan", "narrow.json"]).env("COLUMNS", "60").output().expect("it starts");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let below = text.lines().skip_while(|line| !line.starts_with("seeds ")).skip(1);
    let below: Vec<&str> = below.take_while(|line| line.starts_with("  ")).collect();
    let is_in_column = |line: &&str| line.len() - line.trim_start().len() == 9;
    assert!(below.len() > 1 && below.iter().all(is_in_column), "{text}");
    let refused = lab.plan(&small(), &["--set", "train.steps=13"]).expect(0);
    refused.says(&["6 missing"]).complains(&["`bn-exp run` will refuse this", "train.steps: 12 before, 13 now"]);
    std::fs::remove_dir_all(lab.path("results/t/runs")).expect("removed");
    lab.plan(&small(), &["--set", "train.steps=13"]).expect(0).complains(&["will refuse this"]);
}

/// A run is trained by one thread: more of them do not make it shorter.
#[test]
fn one_run_takes_as_long_with_many_jobs() {
    let lab = Lab::new();
    let one = with(with(with(small(), "seeds", json!(1)), "variants", json!(["bn"])), "train.steps", json!(300_000));
    let seconds = |jobs: &str| {
        let text = lab.plan(&one, &["--jobs", jobs]).expect(0).stdout;
        let line = text.lines().find(|line| line.starts_with("time ")).expect("a time");
        let words: Vec<&str> = line.split_whitespace().collect();
        let unit = [("s", 1.0), ("min", 60.0), ("h", 3600.0)].into_iter().find(|(name, _)| words[3] == *name);
        number(words[2]) * unit.expect("a unit").1
    };
    // How fast the machine multiplies differs from call to call, but not sixteen times.
    let ratio = seconds("16") / seconds("1");
    assert!(ratio > 0.25, "{ratio}");
}

#[test]
fn planned_memory_and_disk_are_near_the_truth() {
    for config in cases() {
        let lab = Lab::new();
        let jobs = if config["seeds"] == 1 { "3" } else { "2" };
        let text = lab.plan(&config, &["--jobs", jobs]).expect(0).stdout;
        lab.run(&config, &["--jobs", jobs, "--quiet"]).expect(0);
        let timing = lab.table("results/t/timing.csv");
        let peak = timing.column("peak_rss_bytes").into_iter().map(number).fold(0.0, f64::max);
        let disk = on_disk(&lab.path("results/t")) as f64;
        for (of, truth, allowed) in [("memory", peak, 1.5), ("disk", disk, 1.3)] {
            let ratio = planned(&text, of) / truth;
            assert!(ratio < allowed && ratio > 1.0 / allowed, "{of}: {ratio} of {truth}\n{config}\n{text}");
        }
    }
}

/// However few samples are used, files are read as a whole.
#[test]
fn planned_memory_is_near_the_truth_for_files_of_ones_own() {
    let lab = Lab::new();
    let idx = |code: u8, sizes: &[usize], width: usize| {
        let header =
            [0, 0, code, sizes.len() as u8].into_iter().chain(sizes.iter().flat_map(|n| (*n as u32).to_be_bytes()));
        // The last byte of each number counts up to 200.
        let numbers = (0..sizes.iter().product::<usize>())
            .flat_map(move |i| (0..width).map(move |k| if k + 1 == width { (i % 200) as u8 } else { 0 }));
        header.chain(numbers).collect::<Vec<u8>>()
    };
    let labels = |n: usize| {
        [&[0, 0, 8, 1][..], &(n as u32).to_be_bytes(), &(0..n).map(|i| (i % 2) as u8).collect::<Vec<u8>>()].concat()
    };
    for (folder, code, width) in [("bytes", 0x08, 1), ("words", 0x0c, 4)] {
        for (part, count) in [("train", 40_000), ("t10k", 2000)] {
            lab.write(format!("{folder}/{part}-images-idx3-ubyte"), idx(code, &[count, 200], width));
            lab.write(format!("{folder}/{part}-labels-idx1-ubyte"), labels(count));
        }
    }
    let row = |i: usize| {
        (0..20).map(|j| format!("{:.9},", (i * 31 + j * 17) as f64 % 7.3)).collect::<String>() + &format!("{}\n", i % 2)
    };
    let header = (0..20).map(|j| format!("x{j},")).collect::<String>() + "y\n";
    lab.write("table.csv", header + &(0..100_000).map(row).collect::<String>());
    let sources = [
        json!({ "source": "idx", "dir": "bytes" }),
        json!({ "source": "idx", "dir": "words" }),
        json!({ "source": "csv", "file": "table.csv" }),
    ];
    for (i, source) in sources.into_iter().enumerate() {
        let config = with(with(small(), "data", source), "name", json!(format!("t{i}")));
        let capped = with(with(config, "data.train", json!(1000)), "data.validation", json!(100));
        let config =
            with(with(capped, "data.test", json!(100)), "log", json!({ "activations_every": 0, "gradients_every": 0 }));
        let text = lab.plan(&config, &["--jobs", "1"]).expect(0).stdout;
        lab.run(&config, &["--jobs", "1", "--quiet"]).expect(0);
        let peak = lab
            .table(format!("results/t{i}/timing.csv"))
            .column("peak_rss_bytes")
            .into_iter()
            .map(number)
            .fold(0.0, f64::max);
        let ratio = planned(&text, "memory") / peak;
        assert!(ratio < 1.5 && ratio > 1.0 / 1.5, "{ratio} of {peak}\n{config}\n{text}");
    }
}
