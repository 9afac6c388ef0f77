//! Tells the program the git revision it is built from, so that results can name it.

use std::fs;
use std::path::Path;
use std::process::Command;

/// What the program is built from.
const SOURCES: [&str; 5] = ["src", "configs", "build.rs", "Cargo.toml", "Cargo.lock"];

fn main() {
    println!("cargo::rerun-if-changed=.git/HEAD");
    println!("cargo::rerun-if-changed=.git/logs/HEAD");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    if let Some(revision) = revision(Path::new(".git")) {
        let mark = if has_changed() { "-dirty" } else { "" };
        println!("cargo::rustc-env=BN_EXP_GIT_REVISION={revision}{mark}");
    }
}

/// The commit that HEAD names, read from the files git keeps, without running git.
fn revision(git: &Path) -> Option<String> {
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(reference) = head.trim().strip_prefix("ref: ") else { return Some(head.trim().to_owned()) };
    if let Ok(commit) = fs::read_to_string(git.join(reference)) {
        return Some(commit.trim().to_owned());
    }
    let packed = fs::read_to_string(git.join("packed-refs")).ok()?;
    let line = packed.lines().find(|line| line.ends_with(reference))?;
    line.split_whitespace().next().map(str::to_owned)
}

/// Whether the sources are others than those of the commit. Without git there is no knowing, and no mark.
fn has_changed() -> bool {
    let status = Command::new("git").args(["status", "--porcelain", "--"]).args(SOURCES).output();
    status.is_ok_and(|output| output.status.success() && !output.stdout.is_empty())
}
