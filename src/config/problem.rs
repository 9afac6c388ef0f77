//! Faults of a configuration, collected so that all are reported at once.

use std::fmt;

/// One fault: where it is, and what is wrong and allowed there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Dotted path into the configuration.
    pub path: String,
    /// What is wrong, with the value and what is allowed.
    pub message: String,
}

/// Everything that is wrong with a configuration. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError(pub Vec<Problem>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = if self.0.len() == 1 { "1 fault" } else { &format!("{} faults", self.0.len()) };
        write!(f, "the configuration has {faults}")?;
        for Problem { path, message } in &self.0 {
            let path = if path.is_empty() { "the whole" } else { path };
            write!(f, "\n  {path}: {message}")?;
        }
        Ok(())
    }
}

/// The text is not JSON.
#[derive(Debug, thiserror::Error)]
#[error("the configuration is not JSON: {0}")]
pub struct SyntaxError(pub String);

/// Most faults that are reported; a text of a megabyte can have a hundred thousand.
pub const MOST: usize = 100;

/// Collects problems; turned into an error if there are any.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Notes a fault at `path`. The same fault is noted once. After [`MOST`] faults one more says that there are others.
    pub fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        let problem = Problem { path: path.into(), message: message.into() };
        if self.0.len() > MOST || self.0.contains(&problem) {
            return;
        }
        let is_room = self.0.len() < MOST;
        let more =
            || Problem { path: "and more".into(), message: format!("these are the first {MOST}; correct them first") };
        self.0.push(if is_room { problem } else { more() });
    }

    /// Takes over what is new in `other`, saying at which sweep point it arises.
    pub fn absorb(&mut self, other: Self, point: Option<&str>) {
        for problem in other.0.into_iter().filter(|p| !self.0.contains(p)).collect::<Vec<_>>() {
            let at = point.map(|p| format!(" (at {p})")).unwrap_or_default();
            self.add(problem.path, problem.message + &at);
        }
    }

    /// Whether nothing has been noted so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was noted, as an error.
    pub fn into_error(self) -> ConfigError {
        ConfigError(self.0)
    }

    /// `Ok` if nothing was noted.
    pub fn into_result(self) -> Result<(), ConfigError> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }
}

/// The known word nearest to `word`, if it is near enough to be what was meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 1.max(candidate.len().min(word.len()) / 2))
        .map(|(_, candidate)| candidate)
}

/// Values by the words that others have for them.
const CALLED: [(&str, &str); 5] = [
    ("batchnorm", "bn"),
    ("batch_norm", "bn"),
    ("batch_normalization", "bn"),
    ("accuracy", "test_accuracy"),
    ("loss", "test_loss"),
];

/// `; did you mean `x`?`, or nothing.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let plain = word.to_lowercase().replace('-', "_");
    let called = CALLED.iter().find(|(other, value)| *other == plain && known.contains(value)).map(|(_, value)| *value);
    called.or_else(|| nearest(word, known)).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default()
}

/// Keys by the words that other programs have for them.
const ALSO: [(&str, &str); 3] = [("learning_rate", "lr"), ("eps", "epsilon"), ("learningrate", "lr")];

/// `; did you mean …?`: the paths that end in `word`, as `optimizer.lr` does in `lr`, or the nearest one.
pub fn named_like<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    ending_in(word, known.clone()).unwrap_or_else(|| did_you_mean(word, known))
}

/// The same of paths that end in `word` alone; none if there is no such path.
pub fn ending_in<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let last = word.rsplit('.').next().unwrap_or(word).to_lowercase().replace('-', "_");
    let last = ALSO.iter().find(|(other, _)| *other == last).map_or(last.as_str(), |(_, key)| key);
    let alike = known.into_iter().filter(|path| path.rsplit('.').next() == Some(last));
    let alike: Vec<String> = alike.map(|path| format!("`{path}`")).collect();
    (!alike.is_empty()).then(|| format!("; did you mean {}?", alike.join(" or ")))
}
