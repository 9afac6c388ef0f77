//! Tells the program the git revision it is built from, so that results can name it.

use std::fs;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=.git/HEAD");
    println!("cargo::rerun-if-changed=.git/logs/HEAD");
    if let Some(revision) = revision(Path::new(".git")) {
        println!("cargo::rustc-env=BN_EXP_GIT_REVISION={revision}");
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
