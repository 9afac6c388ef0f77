//! Writes what the fuzzer starts from: sound inputs for every target to `corpus/TARGET/`, and the words of all of them to
//! `corpus/words`, a dictionary.

#[path = "../../tests/common/inputs.rs"]
mod inputs;

use std::collections::BTreeSet;

fn main() -> std::io::Result<()> {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut words = BTreeSet::new();
    let mut look = |text: &str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        words.extend(text.split(|c| !is_part(c)).filter(|word| (2..=30).contains(&word.len())).map(str::to_owned));
    };
    look(&bn_exp::config::check::schema().to_string());
    for (target, samples, _) in inputs::TARGETS {
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder)?;
        for (i, sample) in samples().iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{i}")), sample)?;
            look(&String::from_utf8_lossy(sample));
        }
    }
    let hostile = ["1e400", "1e308", "-0.0", "null", "18446744073709551615", "1000000000000000000000000000000", "NaN"];
    words.extend(hostile.map(str::to_owned));
    let lines: String = words.iter().map(|word| format!("\"{word}\"\n")).collect();
    std::fs::write(corpus.join("words"), lines)
}
