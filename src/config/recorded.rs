//! From the configuration in a run's record back to [`Settings`].

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::check::{check, schema};
use super::file::ConfigFile;
use super::problem::Problems;
use super::resolve::resolve;
use super::settings::{DataFacts, Settings, Shape};

/// Longest side of a sample, and most channels; more would not fit into any memory.
const MOST: usize = 1 << 20;

impl Settings {
    /// The settings of a run, from its resolved configuration (the sections that decide its numbers, no option open) and
    /// the shape and classes of its data. The data itself need not be there.
    ///
    /// # Errors
    /// [`super::ConfigError`] if a key is missing, unknown or out of range; if such data cannot exist.
    pub fn recorded(configuration: &Value, shape: Shape, classes: usize) -> anyhow::Result<Self> {
        let Shape { channels, height, width } = shape;
        let is_possible = [channels, height, width].iter().all(|side| (1..=MOST).contains(side));
        ensure!(is_possible, "no sample has {channels} channels of {height} × {width}");
        ensure!((1..=256).contains(&classes), "{classes} classes; 1 to 256 are allowed");
        // What belongs to the experiment and not to the run.
        let mut whole = json!({ "name": "recorded", "variants": ["none"] });
        let sections = configuration.as_object().context("the configuration is not an object")?;
        sections.iter().for_each(|(key, section)| whole[key.as_str()] = section.clone());
        let mut problems = Problems::default();
        check(&whole, &schema(), &mut problems);
        problems.into_result()?;
        let mut file: ConfigFile = serde_json::from_value(whole).context("the configuration passed its schema")?;
        // Every count is written down, so the files can be taken to hold just as many samples.
        let data = &file.data;
        let training_file = data.train.unwrap_or_default() + data.validation.unwrap_or_default();
        let (training_file, test_file) = (Some(training_file), data.test);
        let facts = DataFacts { shape, classes, training_file, test_file, ..DataFacts::drawings(1, 1, 1) };
        let mut problems = Problems::default();
        let settings = resolve(&mut file, facts, &mut problems);
        problems.into_result()?;
        settings.context("the configuration could not be resolved")
    }
}
