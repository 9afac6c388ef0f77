//! What the command-line tests share: a folder of their own, the program in it, its tables and tensors.

pub mod arms;

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};
use tempfile::TempDir;

/// Tables whose bytes depend on the configuration alone.
pub const REPRODUCIBLE: [&str; 5] = ["runs.csv", "curves.csv", "activations.csv", "gradients.csv", "landscape.csv"];

/// All tables of the root.
pub const TABLES: [&str; 6] =
    ["runs.csv", "curves.csv", "activations.csv", "gradients.csv", "landscape.csv", "timing.csv"];

/// Six runs of a few milliseconds.
pub fn small() -> Value {
    json!({
        "name": "t",
        "data": { "source": "spirals", "train": 60, "validation": 30, "test": 30 },
        "model": { "kind": "mlp", "hidden": [4] },
        "variants": ["none", "affine", "bn"],
        "optimizer": { "kind": "sgd", "lr": 0.1 },
        "train": { "batch_size": 10, "steps": 12 },
        "seeds": 2,
        "log": { "batch_every": 1, "evaluate_every": 5, "activations_every": 5, "gradients_every": 5, "landscape_every": 5 }
    })
}

/// The same with one key, by its dotted path, set to a value.
pub fn with(mut config: Value, path: &str, value: Value) -> Value {
    let mut node = &mut config;
    for key in path.split('.') {
        node = node.as_object_mut().expect("an object on the way").entry(key).or_insert_with(|| json!({}));
    }
    *node = value;
    config
}

/// The same without one key, by its dotted path.
pub fn without(mut config: Value, path: &str) -> Value {
    let (parent, key) = path.rsplit_once('.').map_or(("", path), |(parent, key)| (parent, key));
    let pointer = if parent.is_empty() { String::new() } else { format!("/{}", parent.replace('.', "/")) };
    let object = config.pointer_mut(&pointer).and_then(Value::as_object_mut).expect("an object");
    object.remove(key).expect("a key to remove");
    config
}

/// Removes a run's own digest from its record: what is changed in it then counts, as in records of earlier programs.
pub fn unsigned(record: &mut Value) {
    record.as_object_mut().expect("an object").remove("record_sha256").expect("a digest to remove");
}

/// Says that the test that runs here tests nothing, and why, where `cargo test` shows it: what a passing test prints by
/// `eprintln!` is hidden.
pub fn say_not_tested(why: &str) {
    let thread = std::thread::current();
    let line = format!("\nNOT TESTED: {}: {why}\n", thread.name().unwrap_or("a test"));
    std::io::stderr().write_all(line.as_bytes()).expect("standard error can be written to");
}

/// The folder that holds the real `mnist/`: `BN_EXP_DATA_DIR`, or `../shared/data`. Without one, says that the test that
/// runs here tests nothing.
pub fn mnist_dir() -> Option<PathBuf> {
    let named = std::env::var_os("BN_EXP_DATA_DIR").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let found = named.into_iter().chain([beside]).find(|folder| folder.join("mnist").is_dir());
    if found.is_none() {
        say_not_tested("there is no mnist/ in BN_EXP_DATA_DIR or ../shared/data");
    }
    found.map(|folder| folder.canonicalize().expect("a folder"))
}

/// How the program ended and what it said.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        let Self { stdout, stderr, .. } = &self;
        assert_eq!(self.code, Some(code), "\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
        self
    }

    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        let Self { stdout, stderr, .. } = &self;
        for word in words {
            assert!(stdout.contains(word), "{word:?} is not on stdout\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
        }
        self
    }

    #[track_caller]
    pub fn complains(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not on stderr:\n{}", self.stderr);
        }
        self
    }
}

/// An empty folder, in which the program is run; it knows of no data set.
pub struct Lab {
    folder: TempDir,
}

impl Lab {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// A path below the folder.
    pub fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(below)
    }

    pub fn write(&self, below: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(&path, bytes).expect("a file written");
        path
    }

    #[track_caller]
    /// Copies a folder with all that is in it.
    pub fn copy(&self, from: &str, to: &str) {
        for (path, (bytes, _)) in self.files(from) {
            let below = path.strip_prefix(from).unwrap_or(&path).to_owned();
            self.write(Path::new(to).join(below), bytes);
        }
    }

    pub fn bytes(&self, below: impl AsRef<Path>) -> Vec<u8> {
        let path = self.path(below);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    #[track_caller]
    pub fn text(&self, below: impl AsRef<Path>) -> String {
        String::from_utf8(self.bytes(below)).expect("UTF-8")
    }

    #[track_caller]
    pub fn json(&self, below: impl AsRef<Path>) -> Value {
        serde_json::from_slice(&self.bytes(below)).expect("JSON")
    }

    #[track_caller]
    pub fn table(&self, below: impl AsRef<Path>) -> Table {
        Table::parse(&self.bytes(below))
    }

    #[track_caller]
    pub fn tensors(&self, below: impl AsRef<Path>) -> BTreeMap<String, Tensor> {
        tensors(&self.bytes(below))
    }

    /// The program, about to start in the folder.
    pub fn command(&self) -> assert_cmd::Command {
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("bn-exp");
        command
            .current_dir(self.folder.path())
            .env_remove("BN_EXP_DATA_DIR")
            .env("HOME", self.folder.path())
            .env("XDG_CACHE_HOME", self.path("cache"))
            // Wide enough for every sentence and table to stay on its line.
            .env("COLUMNS", "1000")
            .write_stdin("");
        command
    }

    pub fn call(&self, args: &[&str]) -> Outcome {
        outcome(self.command().args(args))
    }

    /// `bn-exp run` with this configuration, into `results/`.
    pub fn run(&self, config: &Value, args: &[&str]) -> Outcome {
        self.with_config("run", &config.to_string(), args)
    }

    /// `bn-exp plan` likewise.
    pub fn plan(&self, config: &Value, args: &[&str]) -> Outcome {
        self.with_config("plan", &config.to_string(), args)
    }

    pub fn with_config(&self, command: &str, config: &str, args: &[&str]) -> Outcome {
        self.write("config.json", config);
        outcome(self.command().args([command, "--config", "config.json"]).args(args))
    }

    /// Names of the run folders of `results/<name>`, sorted; none before there is one.
    pub fn runs(&self, name: &str) -> Vec<String> {
        let mut ids: Vec<_> = std::fs::read_dir(self.path(format!("results/{name}/runs")))
            .into_iter()
            .flatten()
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        ids.sort_unstable();
        ids
    }

    /// Folder of the only run of an arm and seed, below the lab's.
    #[track_caller]
    pub fn run_folder(&self, name: &str, variant: &str, seed: u64) -> PathBuf {
        let start = format!("{variant}-s{seed}-");
        let found: Vec<_> = self.runs(name).into_iter().filter(|id| id.starts_with(&start)).collect();
        assert_eq!(found.len(), 1, "runs called {start}…: {found:?}");
        PathBuf::from(format!("results/{name}/runs/{}", found[0]))
    }

    /// Every file below a folder but the empty locks, with its content and the time it was last written.
    pub fn files(&self, below: &str) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
        fn walk(folder: &Path, root: &Path, out: &mut BTreeMap<PathBuf, (Vec<u8>, SystemTime)>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    walk(&path, root, out);
                } else if path.extension().is_none_or(|extension| extension != "lock") && !path.ends_with(".lock") {
                    let time = path.metadata().and_then(|m| m.modified()).expect("a time");
                    let name = path.strip_prefix(root).expect("a file below the folder").to_owned();
                    out.insert(name, (std::fs::read(&path).expect("a file"), time));
                }
            }
        }
        let (root, mut out) = (self.path(below), BTreeMap::new());
        walk(&root, &root, &mut out);
        out
    }

    /// The same of everything that depends on neither clock nor machine: content alone.
    pub fn reproducible(&self, below: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let depends = |path: &Path| {
            path.extension().is_some_and(|e| e == "json") || path.file_name().is_some_and(|n| n == "timing.csv")
        };
        self.files(below)
            .into_iter()
            .filter(|(path, _)| !depends(path))
            .map(|(path, (bytes, _))| (path, bytes))
            .collect()
    }
}

fn outcome(command: &mut assert_cmd::Command) -> Outcome {
    let output = command.output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Fails with the names of what differs rather than with all bytes.
#[track_caller]
pub fn assert_same_files(a: &BTreeMap<PathBuf, Vec<u8>>, b: &BTreeMap<PathBuf, Vec<u8>>) {
    assert!(!a.is_empty(), "there are no files to compare");
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(a), names(b));
    let differing: Vec<_> = a.iter().filter(|(path, bytes)| b[*path] != **bytes).map(|(path, _)| path).collect();
    assert!(differing.is_empty(), "these differ: {differing:?}");
}

/// A CSV file.
#[derive(Debug)]
pub struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<HashMap<String, String>>,
}

impl Table {
    #[track_caller]
    pub fn parse(bytes: &[u8]) -> Self {
        let mut reader = csv::Reader::from_reader(bytes);
        let columns: Vec<String> = reader.headers().expect("a header").iter().map(str::to_owned).collect();
        let row = |row: csv::Result<csv::StringRecord>| {
            columns.iter().cloned().zip(row.expect("a row").iter().map(str::to_owned)).collect()
        };
        let rows = reader.records().map(row).collect();
        Self { columns, rows }
    }

    /// The cells of one column.
    #[track_caller]
    pub fn column(&self, name: &str) -> Vec<&str> {
        assert!(self.columns.iter().any(|c| c == name), "no column {name} in {:?}", self.columns);
        self.rows.iter().map(|row| row[name].as_str()).collect()
    }

    /// The rows with these cells.
    pub fn only<'a>(&'a self, cells: &[(&str, &str)]) -> Vec<&'a HashMap<String, String>> {
        self.rows.iter().filter(|row| cells.iter().all(|(column, cell)| row[*column] == *cell)).collect()
    }

    /// Run ids in the order of their first row.
    pub fn ids(&self) -> Vec<&str> {
        let mut ids = self.column("run_id");
        ids.dedup();
        ids
    }
}

/// A cell as a number.
#[track_caller]
pub fn number(cell: &str) -> f64 {
    cell.parse().unwrap_or_else(|_| panic!("{cell:?} is no number"))
}

/// A tensor of a safetensors file.
#[derive(Debug, PartialEq)]
pub struct Tensor {
    pub dtype: String,
    pub shape: Vec<u64>,
    pub data: Vec<u8>,
}

impl Tensor {
    pub fn f32(&self) -> Vec<f32> {
        assert_eq!(self.dtype, "F32");
        self.data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().expect("four bytes"))).collect()
    }

    pub fn f64(&self) -> Vec<f64> {
        assert_eq!(self.dtype, "F64");
        self.data.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().expect("eight bytes"))).collect()
    }

    pub fn i64(&self) -> Vec<i64> {
        assert_eq!(self.dtype, "I64");
        self.data.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().expect("eight bytes"))).collect()
    }
}

/// The tensors of a safetensors file, read by hand: the header's length in eight bytes, the header, the data.
#[track_caller]
pub fn tensors(bytes: &[u8]) -> BTreeMap<String, Tensor> {
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).expect("a JSON header");
    let data = &bytes[8 + length..];
    let whole = |value: &Value| value.as_u64().expect("a whole number");
    let tensor = |(name, entry): (&String, &Value)| {
        let [from, to] = [0, 1].map(|i| whole(&entry["data_offsets"][i]) as usize);
        let dtype = entry["dtype"].as_str().expect("a type").to_owned();
        let shape: Vec<u64> = entry["shape"].as_array().expect("a shape").iter().map(whole).collect();
        let size = if dtype == "U8" { 1 } else { dtype[1..].parse::<u64>().expect("a size") / 8 };
        assert_eq!(shape.iter().product::<u64>() * size, (to - from) as u64, "{name}");
        (name.clone(), Tensor { dtype, shape, data: data[from..to].to_vec() })
    };
    let object = header.as_object().expect("an object");
    object.iter().filter(|(name, _)| *name != "__metadata__").map(tensor).collect()
}
