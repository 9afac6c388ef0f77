//! Whatever a file holds, reading it ends, soon, without a panic and in memory that follows the file's length: sound
//! files, changed at random, and the worst by hand. What is done with each is in `common/inputs.rs`, as for the fuzz
//! targets. `PROPTEST_CASES=100000 cargo test --release --test properties` looks further.

#[path = "common/inputs.rs"]
mod inputs;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use bn_exp::config::resolve::synthetic_facts;
use bn_exp::config::{ConfigError, Experiment};
use bn_exp::data::Store;
use bn_exp::plan::plan;
use bn_exp::record::experiment::ExperimentRecord;
use bn_exp::record::run::RunRecord;
use bn_exp::record::{curves, resume, tensors};
use bn_exp::sources::idx_files::FILES;
use bn_exp::sources::idx_format::{self as idx, IdxError};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};

// What reading costs.

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting the bytes that this thread holds and has held at most.
struct Counting;

impl Counting {
    fn count(more: usize, less: usize) {
        let live = LIVE.get().wrapping_add(more).wrapping_sub(less);
        LIVE.set(live);
        // What a thread frees for another takes it below nothing.
        if live < isize::MAX as usize {
            PEAK.set(PEAK.get().max(live));
        }
    }
}

// SAFETY: every call goes to the system's allocator unchanged.
#[allow(unsafe_code, reason = "an allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size(), 0);
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Self::count(0, layout.size());
        // SAFETY: the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both may be there at once.
        Self::count(size, 0);
        Self::count(0, layout.size());
        // SAFETY: the caller's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What reading comes to, and the bytes that were held at once on the way.
fn cost_of<T>(read: impl FnOnce() -> T) -> (T, usize) {
    let before = LIVE.get();
    PEAK.set(before);
    let result = read();
    (result, PEAK.get() - before)
}

/// Most time that any input may take here; a hang takes longer, and a busy machine does not take so long.
const LONGEST: Duration = Duration::from_secs(10);

/// Bytes that a target may take, whatever it reads, and for each byte that it reads.
fn most(target: &str) -> (usize, usize) {
    match target {
        // A plan is as long as its limits allow: 20,000 runs are tried here.
        "configuration" => (256 << 20, 1000),
        // Two bits of a compressed file can stand for 258 bytes.
        "idx" => (1 << 20, 20 * 1032),
        "safetensors" => (1 << 20, 50),
        // The tests of a comparison try what they can of all exchanges.
        "tables" => (64 << 20, 500),
        _ => (1 << 20, 500),
    }
}

/// Reads an input as the target does, and holds what it costs.
#[track_caller]
fn hold(target: &str, bytes: &[u8]) {
    let (_, _, read) = inputs::TARGETS.iter().find(|(name, ..)| *name == target).expect("a target");
    let clock = Instant::now();
    let ((), cost) = cost_of(|| read(bytes));
    let (fixed, each) = most(target);
    assert!(cost <= fixed + each * bytes.len(), "{cost} bytes for {} of {target}", bytes.len());
    assert!(clock.elapsed() < LONGEST, "{:?} for {} bytes of {target}", clock.elapsed(), bytes.len());
}

// Sound files, changed.

/// The same cases each time, as many as `PROPTEST_CASES` says.
fn cases() -> ProptestConfig {
    let told = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { told.cases } else { 2000 };
    ProptestConfig { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(20), ..told }
}

fn samples(target: &str) -> Vec<Vec<u8>> {
    let (_, samples, _) = inputs::TARGETS.iter().find(|(name, ..)| *name == target).expect("a target");
    samples()
}

/// A change of bytes, at places that are shares of the length.
#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Cut(Index),
    Remove(Index, usize),
    Repeat(Index, usize, usize),
    Write(Index, Vec<u8>),
    /// What follows a place in another sound file.
    Splice(Index, Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let numbers = [0, 1, 255, 256, 4097, u64::from(u32::MAX), 1 << 60, u64::MAX];
    let written = prop_oneof![
        select(numbers.to_vec()).prop_map(|n| n.to_le_bytes().to_vec()),
        select(numbers.to_vec()).prop_map(|n| n.to_be_bytes().to_vec()),
        vec(any::<u8>(), 1..5),
    ];
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, bit)| Change::Flip(at, bit % 8)),
        any::<Index>().prop_map(Change::Cut),
        (any::<Index>(), 1..40usize).prop_map(|(at, length)| Change::Remove(at, length)),
        (any::<Index>(), 1..40usize, 1..200usize).prop_map(|(at, length, times)| Change::Repeat(at, length, times)),
        (any::<Index>(), written).prop_map(|(at, bytes)| Change::Write(at, bytes)),
        any::<[Index; 3]>().prop_map(|[at, other, from]| Change::Splice(at, other, from)),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change], others: &[Vec<u8>]) -> Vec<u8> {
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        match change {
            Change::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Change::Cut(at) => bytes.truncate(at.index(length)),
            Change::Remove(at, many) => drop(bytes.drain(at.index(length)..(at.index(length) + many).min(length))),
            Change::Repeat(at, many, times) => {
                let end = (at.index(length) + many).min(length);
                let repeated = bytes[at.index(length)..end].repeat(*times);
                bytes.splice(end..end, repeated);
            }
            Change::Write(at, written) => {
                let from = at.index(length);
                bytes.splice(from..(from + written.len()).min(length), written.iter().copied());
            }
            Change::Splice(at, other, from) => {
                let other = &others[other.index(others.len())];
                bytes.truncate(at.index(length));
                bytes.extend_from_slice(&other[from.index(other.len())..]);
            }
        }
    }
    bytes
}

/// A sound file of a target with some bytes changed.
fn with_changed_bytes(target: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let samples = samples(target);
    let others = samples.clone();
    (select(samples), vec(change(), 0..5)).prop_map(move |(sample, changes)| changed(sample, &changes, &others))
}

/// JSON that nobody expects. In text for `@number@` there is a number as no `Value` can be.
fn unexpected() -> impl Strategy<Value = Value> {
    let nested = (0..100).fold(json!([]), |inner, _| json!([inner]));
    let values = [
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1),
        json!(2),
        json!(1.5),
        json!(-0.0),
        json!(1e308),
        json!(5e-324),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1_000_000),
        json!(1_000_000_000),
        json!("@1e400@"),
        json!("@-1e999999999@"),
        json!("@1000000000000000000000000000000@"),
        json!(""),
        json!("a"),
        json!("../../a"),
        json!("\u{0}é\n,\""),
        json!("x".repeat(2000)),
        json!([]),
        json!({}),
        json!([1, 1]),
        json!(vec![0; 300]),
        json!({ "a": { "": 1 } }),
        nested,
    ];
    select(values.to_vec())
}

/// What is done to the value at a place.
#[derive(Debug, Clone)]
enum Edit {
    Replace(Index, Value),
    Remove(Index),
    /// Puts a copy of one value in the place of another.
    Copy(Index, Index),
    /// Repeats the entries of a list, or adds the entries of an object under other names.
    Extend(Index, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => (any::<Index>(), unexpected()).prop_map(|(at, value)| Edit::Replace(at, value)),
        1 => any::<Index>().prop_map(Edit::Remove),
        1 => any::<[Index; 2]>().prop_map(|[at, from]| Edit::Copy(at, from)),
        1 => (any::<Index>(), 1..50usize).prop_map(|(at, times)| Edit::Extend(at, times)),
    ]
}

/// JSON pointers of all values below the root.
fn places(value: &Value, pointer: &str, out: &mut Vec<String>) {
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    let children: Vec<(String, &Value)> = match value {
        Value::Object(object) => object.iter().map(|(key, child)| (escaped(key), child)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, child)| (i.to_string(), child)).collect(),
        _ => return,
    };
    for (key, child) in children {
        let pointer = format!("{pointer}/{key}");
        places(child, &pointer, out);
        out.push(pointer);
    }
}

/// The text after some edits; what is no JSON stays as it is.
fn edited(text: &[u8], edits: &[Edit]) -> Vec<u8> {
    let Ok(mut root) = serde_json::from_slice::<Value>(text) else { return text.to_vec() };
    for edit in edits {
        let mut all = Vec::new();
        places(&root, "", &mut all);
        if all.is_empty() {
            break;
        }
        let place = |at: &Index| all[at.index(all.len())].as_str();
        match edit {
            Edit::Replace(at, value) => *root.pointer_mut(place(at)).expect("a place") = value.clone(),
            Edit::Copy(at, from) => {
                let value = root.pointer(place(from)).cloned();
                *root.pointer_mut(place(at)).expect("a place") = value.expect("a place");
            }
            Edit::Remove(at) => {
                let (parent, key) = place(at).rsplit_once('/').expect("a place below the root");
                match root.pointer_mut(parent) {
                    Some(Value::Object(object)) => drop(object.shift_remove(key)),
                    Some(Value::Array(items)) => drop(items.remove(key.parse().expect("an index"))),
                    _ => {}
                }
            }
            Edit::Extend(at, times) => match root.pointer_mut(place(at)) {
                Some(Value::Array(items)) => *items = vec![std::mem::take(items); *times].concat(),
                Some(Value::Object(object)) => {
                    let copies = object.iter().map(|(key, value)| (format!("{key}{times}"), value.clone()));
                    let copies: Vec<_> = copies.collect();
                    object.extend(copies);
                }
                _ => {}
            },
        }
    }
    root.to_string().replace("\"@", "").replace("@\"", "").into_bytes()
}

/// A sound file of parts with zero bytes between them, the first of them JSON, which is edited.
fn with_edited_json(target: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    (select(samples(target)), vec(edit(), 1..5)).prop_map(|(sample, edits)| {
        let end = sample.iter().position(|byte| *byte == 0).unwrap_or(sample.len());
        [&edited(&sample[..end], &edits), &sample[end..]].concat()
    })
}

/// A saved run whose tensors are described otherwise.
fn with_edited_header() -> impl Strategy<Value = Vec<u8>> {
    (select(samples("safetensors")), vec(edit(), 1..5)).prop_map(|(sample, edits)| {
        let length = u64::from_le_bytes(sample[..8].try_into().expect("eight bytes")) as usize;
        let (header, data) = sample[8..].split_at(length);
        let header = edited(header, &edits);
        [&(header.len() as u64).to_le_bytes()[..], &header, data].concat()
    })
}

/// A saved run that says something else of itself, in a header of the length that it had.
fn with_edited_state() -> impl Strategy<Value = Vec<u8>> {
    (select(samples("safetensors")), vec(edit(), 1..3)).prop_map(|(sample, edits)| {
        let path = Path::new("resume.safetensors");
        let all = tensors::parse(&sample, path).expect("a sound file");
        let of = |tensor: tensors::Tensor| match tensor.name() {
            "header" => {
                let header = edited(tensor.raw(), &edits);
                tensors::Tensor::bytes("header", vec![header.len()], &header)
            }
            _ => tensor,
        };
        tensors::serialize(&all.into_iter().map(of).collect::<Vec<_>>()).expect("a file")
    })
}

/// What a cell may hold.
fn cell() -> impl Strategy<Value = &'static str> {
    let cells = [
        "",
        "NaN",
        "inf",
        "-1",
        "0",
        "1e308",
        "-1e308",
        "1e400",
        "5e-324",
        "18446744073709551616",
        "\"",
        "\"\"",
        "é",
        "a\nb",
        "completed",
        "diverged",
        "interrupted",
        "validation",
        ",",
        "\r",
    ];
    select(cells.to_vec())
}

/// A table of samples in which some cells hold something else.
fn with_changed_table() -> impl Strategy<Value = Vec<u8>> {
    (select(samples("csv")), vec((any::<Index>(), cell()), 1..6)).prop_map(|(sample, changes)| {
        let text = String::from_utf8(sample).expect("text");
        let mut cells: Vec<String> = text.split_inclusive([',', '\n']).map(str::to_owned).collect();
        for (at, new) in changes {
            let at = at.index(cells.len());
            let end =
                cells[at].chars().last().filter(|c| [',', '\n'].contains(c)).map(String::from).unwrap_or_default();
            cells[at] = format!("{new}{end}");
        }
        cells.concat().into_bytes()
    })
}

/// Tables in which some cells hold something else.
fn with_changed_cells() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<Index>(), cell());
    (select(samples("tables")), vec(change, 1..6)).prop_map(|(sample, changes)| {
        let text = String::from_utf8(sample).expect("text");
        let (record, tables) = text.split_once('\0').expect("two parts");
        let is_end = |c: char| [',', '\n', '\0'].contains(&c);
        let mut cells: Vec<String> = tables.split_inclusive(is_end).map(str::to_owned).collect();
        for (at, new) in changes {
            let at = at.index(cells.len());
            let end = cells[at].chars().last().filter(|c| is_end(*c)).map(String::from).unwrap_or_default();
            cells[at] = format!("{new}{end}");
        }
        let joined = cells.concat();
        format!("{record}\0{joined}").into_bytes()
    })
}

/// A folder of an IDX data set, one file of which may be changed; the rest is told once.
fn idx_folder() -> impl Strategy<Value = [Vec<u8>; 4]> {
    let words = |words: &[u32], data: Vec<u8>| -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).chain(data).collect()
    };
    let pair = |count: u32| {
        let images = words(&[0x803, count, 3, 2], (0..6 * count).map(|i| i as u8).collect());
        [images, words(&[0x801, count], (0..count).map(|i| (i % 3) as u8).collect())]
    };
    let [[a, b], [c, d]] = [pair(12), pair(4)];
    let others = vec![a, b, c, d];
    (0..4usize, vec(change(), 0..3), any::<bool>()).prop_map(move |(which, changes, is_compressed)| {
        let mut files = others.clone();
        files[which] = changed(files[which].clone(), &changes, &others);
        if is_compressed {
            files[which] = inputs::gzip(&files[which]);
        }
        files.try_into().expect("four files")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases().cases / 10, ..cases() })]

    #[test]
    fn any_idx_folder_is_loaded_or_refused(files in idx_folder()) {
        let lab = tempfile::tempdir().expect("a temporary folder");
        for (name, bytes) in FILES.iter().zip(&files) {
            std::fs::write(lab.path().join(name), bytes).expect("a file");
        }
        let mut config: Value = serde_json::from_slice(&inputs::configurations()[0]).expect("JSON");
        config["data"] = json!({ "source": "idx", "dir": lab.path(), "scaling": "standardize" });
        config["sweep"] = json!({});
        config["compare"] = json!({});
        let store = Store::new("nowhere");
        let (result, cost) = cost_of(|| -> anyhow::Result<()> {
            let experiment = Experiment::parse(&config.to_string(), &[], &|data| Ok(store.facts(data)?))?;
            let data = store.load(&experiment.points[0].settings.data, 0)?;
            assert!(data.train.labels.iter().all(|label| usize::from(*label) < data.classes));
            Ok(())
        });
        assert!(cost < 1 << 20, "{cost} bytes");
        drop(result.map_err(|error| format!("{error:#}")));
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_configuration_is_planned_or_refused(
        bytes in prop_oneof![1 => with_changed_bytes("configuration"), 3 => with_edited_json("configuration")],
    ) {
        hold("configuration", &bytes);
    }

    #[test]
    fn any_idx_file_is_read_or_refused(bytes in with_changed_bytes("idx")) {
        hold("idx", &bytes);
    }

    #[test]
    fn any_csv_file_is_read_or_refused(bytes in prop_oneof![with_changed_bytes("csv"), with_changed_table()]) {
        hold("csv", &bytes);
    }

    #[test]
    fn any_saved_run_is_continued_or_refused(
        bytes in prop_oneof![with_changed_bytes("safetensors"), with_edited_header(), with_edited_state()],
    ) {
        hold("safetensors", &bytes);
    }

    #[test]
    fn any_tables_are_compared_or_refused(
        bytes in prop_oneof![with_changed_bytes("tables"), with_edited_json("tables"), with_changed_cells()],
    ) {
        hold("tables", &bytes);
    }

    #[test]
    fn any_record_is_read_or_refused(
        bytes in prop_oneof![1 => with_changed_bytes("run_record"), 3 => with_edited_json("run_record")],
    ) {
        hold("run_record", &bytes);
    }

    #[test]
    fn bytes_of_no_kind_are_refused(bytes in vec(any::<u8>(), 0..300)) {
        inputs::TARGETS.iter().for_each(|(target, ..)| hold(target, &bytes));
    }
}

#[test]
fn sound_files_are_read() {
    for (target, samples, _) in inputs::TARGETS {
        samples().iter().for_each(|sample| hold(target, sample));
    }
}

// The worst, by hand.

fn words(image: [u32; 4]) -> Vec<u8> {
    image.iter().flat_map(|word| word.to_be_bytes()).collect()
}

#[test]
fn a_gzip_that_inflates_past_its_size_is_cut_off() {
    let mut bomb = words([0x803, 1, 1, 1]);
    bomb.resize(100_000_000, 0);
    let raw = inputs::gzip(&bomb);
    drop(bomb);
    let (result, cost) = cost_of(|| idx::inflate(raw, "a file"));
    assert!(matches!(result, Err(IdxError::Oversized { expected: 17, found: 18, .. })), "{result:?}");
    assert!(cost < 200_000, "{cost} bytes");
}

#[test]
fn an_idx_header_of_enormous_sizes_allocates_nothing() {
    let plain = words([0x803, u32::MAX, 4096, 4096]);
    for raw in [inputs::gzip(&plain), plain] {
        let (result, cost) = cost_of(|| idx::parse_samples(idx::inflate(raw, "a file")?, false, "a file"));
        assert!(matches!(result, Err(IdxError::Impossible { .. } | IdxError::Truncated { .. })), "{result:?}");
        assert!(cost < 200_000, "{cost} bytes");
    }
}

#[test]
fn a_safetensors_header_of_2_to_60_bytes_is_refused() {
    for claimed in [1 << 60, u64::MAX, 100_000_001, 1000] {
        let bytes = [&u64::to_le_bytes(claimed)[..], b"{}"].concat();
        let (error, cost) = cost_of(|| resume::parse(&bytes, Path::new("resume.safetensors"), "a-run").unwrap_err());
        assert!(format!("{error:#}").starts_with("resume.safetensors is damaged"), "{error:#}");
        assert!(cost < 20_000, "{cost} bytes");
    }
    let entry =
        json!({ "a": { "dtype": "F32", "shape": [1u64 << 62, 4], "data_offsets": [0, 1u64 << 60] } }).to_string();
    let bytes = [&(entry.len() as u64).to_le_bytes()[..], entry.as_bytes()].concat();
    assert!(tensors::parse(&bytes, Path::new("resume.safetensors")).is_err());
}

#[test]
fn json_nested_100_000_deep_is_refused() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        for text in [nested.clone(), open.repeat(100_000), format!("{{\"sweep\": {nested}}}")] {
            let refusal = refusal(&text);
            assert!(refusal.contains("recursion limit"), "{refusal}");
            for target in ["configuration", "run_record", "tables"] {
                hold(target, text.as_bytes());
            }
            hold("safetensors", &[&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat());
        }
    }
}

/// A sound configuration with one key, on the top level, set to this text.
fn configured(key: &str, text: &str) -> String {
    let mut config: Value = serde_json::from_slice(&inputs::configurations()[0]).expect("JSON");
    config[key] = json!("@");
    config.to_string().replace("\"@\"", text)
}

fn parsed(text: &str) -> anyhow::Result<Experiment> {
    Experiment::parse(text, &[], &|data| Ok(synthetic_facts(data).expect("a source that is no file")))
}

fn refusal(text: &str) -> String {
    format!("{:#}", parsed(text).expect_err("a fault"))
}

#[test]
fn numbers_that_no_float_or_count_holds_are_refused() {
    let huge = "1000000000000000000000000000000";
    for (key, text, words) in [
        ("seeds", "1e400", "number out of range"),
        ("seeds", huge, "seeds: 1e+30 is out of range"),
        ("seeds", "1000001", "seeds: 1000001 is out of range"),
        ("seeds", "[18446744073709551615]", "seeds[0]: 18446744073709551615 is out of range"),
        ("seeds", "-1", "seeds: -1 is out of range"),
        ("train", "{\"steps\": 18446744073709551615}", "train.steps: 18446744073709551615 is out of range"),
        ("train", "{\"epochs\": 1e30}", "train.epochs: 1e+30 is out of range"),
        ("sweep", "{\"optimizer.lr\": [0.1, 1e400]}", "number out of range"),
        ("sweep", "{\"optimizer.lr\": [0.1, 1e300]}", "sweep.optimizer.lr[1]: 1e+300 is out of range"),
        ("sweep", &format!("{{\"train.steps\": [{huge}]}}"), "sweep.train.steps[0]: 1e+30 is out of range"),
        ("sweep", "{\"model.hidden\": [[1e9]]}", "sweep.model.hidden[0][0]: 1000000000 is out of range"),
    ] {
        let refusal = refusal(&configured(key, text));
        assert!(refusal.contains(words), "{key} {text}: {refusal}");
    }
}

#[test]
fn of_a_hundred_thousand_faults_the_first_hundred_are_reported() {
    let text = configured("variants", &format!("[{}]", ["0"; 100_000].join(",")));
    hold("configuration", text.as_bytes());
    let ConfigError(problems) = parsed(&text).unwrap_err().downcast().expect("faults of the configuration");
    assert_eq!(problems.len(), 101);
    assert_eq!((problems[99].path.as_str(), problems[100].path.as_str()), ("variants[99]", "and more"));
}

#[test]
fn a_long_list_below_a_long_key_takes_no_longer_than_elsewhere() {
    let text = format!("{{\"{}\": [{}]}}", "a".repeat(1_000_000), ["0"; 1_000_000].join(","));
    hold("configuration", text.as_bytes());
}

#[test]
fn a_sweep_of_many_values_takes_the_time_of_its_points() {
    let values = |many: usize| (1..=many).map(|i| format!("0.{i:06}")).collect::<Vec<_>>().join(",");
    let clock = Instant::now();
    let text = configured("sweep", &format!("{{\"optimizer.lr\": [{}]}}", values(10_000)));
    assert_eq!(parsed(&text).unwrap().points.len(), 10_000);
    assert!(clock.elapsed() < LONGEST, "{:?}", clock.elapsed());
    let text = configured("sweep", &format!("{{\"optimizer.lr\": [{}]}}", values(100_001)));
    assert!(refusal(&text).contains("sweep: the axes cross to 100001 points; at most 100000 are allowed"));
}

#[test]
fn epochs_that_come_to_different_steps_can_be_run_again_from_their_record() {
    let mut config: Value = serde_json::from_slice(&inputs::configurations()[0]).expect("JSON");
    (config["train"], config["compare"]) = (json!({ "batch_size": 5, "epochs": 2 }), json!({}));
    config["sweep"] = json!({ "data.train": [20, 40] });
    let experiment = parsed(&config.to_string()).unwrap();
    let again = parsed(&experiment.configuration.to_string()).unwrap();
    assert_eq!(plan(&again).unwrap(), plan(&experiment).unwrap());
}

/// A sound record of an experiment, changed.
fn changed_record(change: impl Fn(&mut Value)) -> String {
    let mut record = serde_json::from_slice(inputs::records().last().expect("a record")).expect("JSON");
    change(&mut record);
    let parsed = ExperimentRecord::parse(record.to_string().as_bytes(), Path::new("experiment.json"));
    parsed.map_or_else(|error| format!("{error:#}"), |_| "sound".to_owned())
}

#[test]
fn a_record_with_names_of_folders_elsewhere_is_refused() {
    assert_eq!(changed_record(|_| ()), "sound");
    for name in ["", ".", "..", "../a", "/tmp/a", "a/b", "a\\b", "C:a", ".lock", "a\u{0}"] {
        let says = format!("{name:?} cannot name a folder");
        assert!(changed_record(|record| record["name"] = json!(name)).ends_with(&says), "{name}");
        assert!(changed_record(|record| record["runs"][1]["id"] = json!(name)).ends_with(&says), "{name}");
    }
}

#[test]
fn a_record_with_more_axes_than_values_is_refused() {
    let refusal = changed_record(|record| record["axes"] = json!(["optimizer.lr", "norm.epsilon"]));
    assert!(refusal.ends_with("does not have one value for each axis, or has no classes"), "{refusal}");
}

#[test]
fn a_run_of_a_later_layout_is_never_taken_for_a_damaged_one() {
    let path = Path::new("run.json");
    let error = RunRecord::parse(br#"{"schema_version": 2, "run": {"other": "fields"}}"#, path).unwrap_err();
    assert_eq!(error.to_string(), "run.json has schema version 2; this program knows up to 1");
    assert_eq!(RunRecord::parse(br#"{"schema_version": 1, "run_id": "a"}"#, path).unwrap(), None);
}

#[test]
fn curves_in_one_long_line_are_read_once() {
    let row = "1,0.5,validation,running_stats,1.0,0.1,";
    let clock = Instant::now();
    assert_eq!(curves::first_reaching(&row.repeat(500_000), 0.5).unwrap(), None);
    assert_eq!(
        curves::first_reaching(&format!("{row}\n7,0.5,validation,running_stats,1,0.5\r\n"), 0.5).unwrap(),
        Some(7)
    );
    assert!(clock.elapsed() < Duration::from_secs(1), "{:?}", clock.elapsed());
}

#[test]
fn a_run_saved_after_more_updates_than_it_has_is_not_continued() {
    let path = Path::new("resume.safetensors");
    let of = |tensor: tensors::Tensor| {
        if tensor.name() != "header" {
            return tensor;
        }
        let mut header: Value = serde_json::from_slice(tensor.raw()).expect("JSON");
        header["step"] = json!(1u64 << 40);
        let header = header.to_string();
        tensors::Tensor::bytes("header", vec![header.len()], header.as_bytes())
    };
    for sample in inputs::saved_runs() {
        let all = tensors::parse(&sample, path).expect("a sound file").into_iter().map(of).collect::<Vec<_>>();
        // Held there: what is continued has no more updates than its run.
        hold("safetensors", &tensors::serialize(&all).expect("a file"));
    }
}
