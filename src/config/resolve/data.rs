//! `data`: counts, scaling, and the knobs of the source.

use crate::config::file::{DataFile, Precision, Scaling};
use crate::config::names::serde_name;
use crate::config::problem::Problems;
use crate::config::settings::{Data, DataFacts, Values};

/// Largest value that a network of single precision is given unscaled. A norm adds up the squares of a minibatch, and
/// squares beyond 3e38 are infinite. Then bn would fail and an arm without statistics would not, for a reason that lies in
/// neither.
const LARGEST_UNSCALED: f64 = 1e15;

/// Fills what is open and checks the rest.
pub(super) fn resolve(file: &mut DataFile, precision: Precision, facts: &DataFacts, problems: &mut Problems) -> Data {
    file.source.settle(facts);
    let (train, validation, test) = counts(file, facts, problems);
    let scaling = *file.scaling.get_or_insert(match facts.values {
        Values::Bytes if facts.images => Scaling::Unit,
        Values::Bytes | Values::Measured => Scaling::Standardize,
        Values::Scaled => Scaling::None,
    });
    if facts.values != Values::Bytes && matches!(scaling, Scaling::Unit | Scaling::Binary) {
        let (scaling, source) = (serde_name(&scaling), file.source.name());
        let message = format!("{scaling} is for images of bytes; the numbers of this data.source {source} are others");
        problems.add("data.scaling", message + ": `standardize` or `none`");
    }
    if scaling == Scaling::None && precision == Precision::F32 && facts.largest > LARGEST_UNSCALED {
        let remedy = "`standardize` scales them; model.precision f64 takes them as they are";
        let message =
            format!("the data have values up to {:e}, whose squares single precision cannot add up", facts.largest);
        problems.add("data.scaling", format!("{message}: {remedy}"));
    }
    for (count, path) in [(validation, "data.validation"), (test, "data.test")] {
        if count == 1 {
            problems.add(path, "1 sample has no batch statistics; at least 2 are needed");
        }
    }
    let DataFile { source, random_labels, .. } = file.clone();
    let DataFacts { shape, classes, memory, .. } = *facts;
    Data { source, shape, classes, train, validation, test, scaling, random_labels, memory }
}

/// Training, validation and test samples.
fn counts(file: &mut DataFile, facts: &DataFacts, problems: &mut Problems) -> (usize, usize, usize) {
    let Some(in_file) = facts.training_file else {
        let train = *file.train.get_or_insert(5000);
        let validation = *file.validation.get_or_insert(1000);
        return (train, validation, *file.test.get_or_insert(1000));
    };
    let default = file.source.kind().from_files().map_or(0, |source| source.validation(in_file));
    let validation = *file.validation.get_or_insert(default);
    let left = in_file.saturating_sub(validation);
    let train = file.train.unwrap_or(left).min(left);
    if train < 2 {
        problems.add(
            "data.validation",
            format!(
                "{validation} samples for validation leave {left} of {in_file} to train on (those for testing are not among \
                 them); at least 2 are needed. {} would leave most",
                in_file / 10
            ),
        );
    }
    let in_test = facts.test_file.unwrap_or(0);
    let test = file.test.unwrap_or(in_test).min(in_test);
    (file.train, file.test) = (Some(train), Some(test));
    (train, validation, test)
}
