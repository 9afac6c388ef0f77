//! Faults of a configuration, collected so that all are reported at once.

use std::fmt;

/// One fault: where it is, and what is wrong and allowed there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Dotted path into the configuration.
    pub path: String,
    /// What is wrong, with the value and what is allowed.
    pub message: String,
    /// The points of the sweep at which it arises; empty if it arises at the first.
    pub at: Vec<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, message, at } = self;
        let path = if path.is_empty() { "the whole" } else { path };
        write!(f, "{path}: {message}")?;
        match &at[..] {
            [] => Ok(()),
            [only] => write!(f, " (at {only})"),
            [first, others @ ..] => write!(f, " (at {first}, and at {} more)", others.len()),
        }
    }
}

/// Everything that is wrong with a configuration. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError(pub Vec<Problem>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = if self.0.len() == 1 { "1 fault" } else { &format!("{} faults", self.0.len()) };
        write!(f, "the configuration has {faults}")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// The text is not JSON.
#[derive(Debug, thiserror::Error)]
#[error("the configuration is not JSON: {0}")]
pub struct SyntaxError(String);

impl SyntaxError {
    /// Adds what may have been meant, by the text where the reader stopped.
    pub fn of(error: &serde_json::Error, text: &str) -> Self {
        let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
        // The reader may have stopped within a word.
        let (before, _) = line.split_at_checked(error.column().saturating_sub(1)).unwrap_or_default();
        let rest = &line[before.trim_end_matches(char::is_alphanumeric).len()..];
        let hint = if text.trim().is_empty() {
            "; it is empty. `bn-exp init` writes one to begin with"
        } else if !text.trim_start().starts_with(['{', '#', '/']) {
            "; it begins with { and ends with }. Data of your own stand in a file beside it: docs/data.md"
        } else if ["//", "/*", "#"].iter().any(|comment| rest.starts_with(comment)) {
            "; JSON has no comments. Words of your own may stand in `description`"
        } else if rest.starts_with('\'') {
            "; names and words stand in double quotes"
        } else if ["True", "False", "None"].iter().any(|word| rest.starts_with(word)) {
            "; it is written true, false or null"
        } else if rest.starts_with('.') {
            "; a number begins with a digit, as 0.5"
        } else if rest.starts_with(char::is_alphabetic) {
            "; words stand in double quotes"
        } else {
            ""
        };
        Self(format!("{error}{hint}"))
    }
}

/// Most faults that are reported; a text of a megabyte can have a hundred thousand.
pub const MOST: usize = 100;

/// Collects problems; turned into an error if there are any.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Notes a fault at `path`. The same fault is noted once. After [`MOST`] faults one more says that there are others.
    pub fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.push(Problem { path: path.into(), message: message.into(), at: Vec::new() });
    }

    fn push(&mut self, problem: Problem) {
        if self.0.len() > MOST || self.0.contains(&problem) {
            return;
        }
        let is_room = self.0.len() < MOST;
        let message = || format!("these are the first {MOST}; correct them first");
        let more = || Problem { path: "and more".into(), message: message(), at: Vec::new() };
        self.0.push(if is_room { problem } else { more() });
    }

    /// Takes over what is new in `other`, and at which point of the sweep it arises. A fault that was found at another point
    /// is not a new one.
    pub fn absorb(&mut self, other: Self, point: Option<&str>) {
        for problem in other.0 {
            let is_same = |known: &&mut Problem| (&known.path, &known.message) == (&problem.path, &problem.message);
            match (self.0.iter_mut().find(is_same), point) {
                (Some(known), Some(point)) if !known.at.is_empty() => known.at.push(point.to_owned()),
                (Some(_), _) => {}
                (None, point) => self.push(Problem { at: point.map(str::to_owned).into_iter().collect(), ..problem }),
            }
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

/// The known word that was meant: the only one that begins with `word`, or the nearest to it, if it is near enough.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let known: Vec<&str> = known.into_iter().collect();
    let mut begun = known.iter().filter(|candidate| word.len() > 1 && candidate.to_lowercase().starts_with(&word));
    if let (Some(only), None) = (begun.next(), begun.next()) {
        return Some(only);
    }
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 1.max(candidate.len().min(word.len()) / 3))
        .map(|(_, candidate)| candidate)
}

/// Values and keys by the words that others have for them.
const CALLED: [(&str, &str); 6] = [
    ("arms", "variants"),
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
const ALSO: [(&str, &str); 4] =
    [("learning_rate", "lr"), ("eps", "epsilon"), ("learningrate", "lr"), ("seed", "seeds")];

/// `; did you mean …?`: the paths that end in `word`, as `optimizer.lr` does in `lr`, or the nearest one.
pub fn named_like<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    ending_in(word, known.clone()).unwrap_or_else(|| did_you_mean(word, known))
}

/// The same for only the paths that end in `word`; `None` if there is no such path.
pub fn ending_in<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let last = word.rsplit('.').next().unwrap_or(word).to_lowercase().replace('-', "_");
    let last = ALSO.iter().find(|(other, _)| *other == last).map_or(last.as_str(), |(_, key)| key);
    let alike = known.into_iter().filter(|path| path.rsplit('.').next() == Some(last));
    let alike: Vec<String> = alike.map(|path| format!("`{path}`")).collect();
    (!alike.is_empty()).then(|| format!("; did you mean {}?", alike.join(" or ")))
}
