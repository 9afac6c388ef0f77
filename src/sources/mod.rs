//! Data sources, one file each: what a user may set, what is known beforehand, how samples are made or read.
//!
//! A source's knobs are the fields of its type, so the configuration, a run's identity and the sampling share them:
//! none can be forgotten in one place. [`Source`] is the list of all; [`schema`] puts their knobs side by side into the
//! configuration's `data`.

pub mod csv;
pub mod csv_format;
pub mod error;
pub mod facts;
pub mod fashion_mnist;
pub mod gaussians;
pub mod glyphs;
pub mod idx;
pub mod idx_files;
pub mod idx_format;
pub mod labels;
pub mod mnist;
pub mod order;
pub mod published;
pub mod samples;
pub mod schema;
pub mod spirals;
pub mod teacher;
pub mod traits;
pub mod words;

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::json;

use facts::DataFacts;
use published::Published;
use schema::{Described, described};
use traits::{FromFiles, Generated};

/// Where samples come from, with the knobs of that source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "source", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each type says what it is")]
pub enum Source {
    Mnist(mnist::Mnist),
    FashionMnist(fashion_mnist::FashionMnist),
    Idx(idx::Idx),
    Csv(csv::Csv),
    Gaussians(gaussians::Gaussians),
    Spirals(spirals::Spirals),
    Teacher(teacher::Teacher),
    Glyphs(glyphs::Glyphs),
}

impl Source {
    /// How it comes by its samples.
    pub fn kind(&self) -> Kind<'_> {
        match self {
            Self::Mnist(_) => Kind::Published(&mnist::MNIST),
            Self::FashionMnist(_) => Kind::Published(&fashion_mnist::FASHION_MNIST),
            Self::Idx(source) => Kind::Own(source),
            Self::Csv(source) => Kind::Own(source),
            Self::Gaussians(source) => Kind::Generated(source),
            Self::Spirals(source) => Kind::Generated(source),
            Self::Teacher(source) => Kind::Generated(source),
            Self::Glyphs(source) => Kind::Generated(source),
        }
    }
}

/// How a source comes by its samples.
#[derive(Clone, Copy)]
pub enum Kind<'a> {
    /// It generates them, anew for each seed.
    Generated(&'a dyn Generated),
    /// It reads published files, below the folder of the data sets.
    Published(&'static Published),
    /// It reads files of the user's own.
    Own(&'a dyn FromFiles),
}

impl<'a> Kind<'a> {
    /// The source, if it reads files.
    pub fn from_files(self) -> Option<&'a dyn FromFiles> {
        match self {
            Self::Generated(_) => None,
            Self::Published(set) => Some(set),
            Self::Own(source) => Some(source),
        }
    }
}

/// Every source in order: its name, what it is, its knobs.
pub fn list() -> Vec<Described> {
    described(schema_for!(Source).get("oneOf"))
}

impl Source {
    /// Every source in order, with its defaults.
    pub fn all() -> Vec<Self> {
        list().iter().filter_map(|source| Self::named(&source.name)).collect()
    }

    /// The source of that name, with its defaults.
    pub fn named(name: &str) -> Option<Self> {
        serde_json::from_value(json!({ "source": name })).ok()
    }

    /// Its name in configurations.
    pub fn name(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        value["source"].as_str().unwrap_or_default().to_owned()
    }

    /// Whether samples are read from files, the same for every seed.
    pub fn is_file(&self) -> bool {
        self.kind().from_files().is_some()
    }

    /// Fills the knobs whose defaults are in the files.
    pub fn settle(&mut self, facts: &DataFacts) {
        if let Self::Idx(source) = self {
            source.settle(facts);
        }
    }
}

/// The published data sets, in order.
pub fn published_sets() -> Vec<&'static Published> {
    let published = |source: &Source| match source.kind() {
        Kind::Published(set) => Some(set),
        Kind::Generated(_) | Kind::Own(_) => None,
    };
    Source::all().iter().filter_map(published).collect()
}

#[cfg(test)]
mod tests {
    use super::samples::{Features, Samples};
    use super::schema::optional;
    use super::*;
    use crate::random::stream;

    fn features(samples: &Samples) -> Vec<f64> {
        match &samples.features {
            Features::Bytes(bytes) => bytes.iter().map(|byte| f64::from(*byte)).collect(),
            Features::Floats(floats) => floats.iter().map(|x| f64::from(*x)).collect(),
            Features::Doubles(doubles) => doubles.clone(),
        }
    }

    #[test]
    fn every_number_among_the_knobs_has_a_range_and_its_default_is_within() {
        for Described { name, knobs, .. } in list() {
            let defaults = serde_json::to_value(Source::named(&name).expect("a source")).expect("JSON");
            for (knob, schema) in &knobs {
                let takes = |kind: &str| {
                    schema["type"] == kind || schema["type"].as_array().is_some_and(|t| t.contains(&json!(kind)))
                };
                if !takes("integer") && !takes("number") {
                    continue;
                }
                let bound = |keys: [&str; 2]| keys.iter().find_map(|key| schema[*key].as_f64());
                let (least, most) = (bound(["minimum", "exclusiveMinimum"]), bound(["maximum", "exclusiveMaximum"]));
                let (Some(least), Some(most)) = (least, most) else { panic!("{name}.{knob} has no range: {schema}") };
                let is_within = |default: f64| least <= default && default <= most;
                assert!(defaults[knob].as_f64().is_none_or(is_within), "{name}.{knob}: {}", defaults[knob]);
            }
        }
    }

    #[test]
    fn generated_samples_are_as_the_facts_say_and_the_first_do_not_depend_on_the_count() {
        let mut generated = 0;
        for source in Source::all() {
            let Kind::Generated(kind) = source.kind() else { continue };
            let (facts, name) = (kind.facts(), source.name());
            let sampler = kind.sampler(&mut stream(1, "task"));
            let draw = |count: usize| sampler(count, &mut stream(1, "samples"));
            let (few, many) = (draw(20), draw(300));
            let values = 20 * facts.shape.len();
            assert_eq!((features(&few).len(), few.labels.len()), (values, 20), "{name}");
            assert_eq!(features(&few), features(&many)[..values], "{name}");
            assert_eq!(few.labels, many.labels[..20], "{name}");
            assert!(many.labels.iter().all(|label| usize::from(*label) < facts.classes), "{name}");
            assert_eq!(matches!(few.features, Features::Bytes(_)), facts.images, "{name}");
            generated += 1;
        }
        assert!(generated >= 4, "{generated} sources are generated");
    }

    #[test]
    fn a_knob_of_several_sources_has_one_type_and_range() {
        let sources = list();
        for (key, knob) in sources.iter().flat_map(|source| &source.knobs) {
            let bare = |knob| optional(knob, String::new());
            for other in sources.iter().filter_map(|source| source.knobs.get(key)) {
                assert_eq!(bare(other), bare(knob), "{key}");
            }
        }
    }

    #[test]
    fn every_source_and_knob_says_what_it_is() {
        for source in list() {
            assert!(!source.what.is_empty(), "{} has no documentation", source.name);
            for (key, knob) in &source.knobs {
                assert!(knob["description"].is_string(), "{}.{key} has no documentation", source.name);
            }
        }
    }

    #[test]
    fn published_sets_are_named_as_their_sources() {
        for source in Source::all() {
            if let Kind::Published(set) = source.kind() {
                assert_eq!(set.name, source.name());
            }
        }
    }
}
