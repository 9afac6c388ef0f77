//! Comparisons as JSON: everything that the text says, in names that scripts can rely on.

use serde_json::{Value, json};

use crate::compare::sentence::sentence;
use crate::compare::{Comparison, Options};

/// Version of this layout.
const SCHEMA_VERSION: u32 = 1;

/// `{"schema_version": 1, "experiments": [...]}`
pub fn comparisons(comparisons: &[Comparison], options: &Options) -> Value {
    let experiments: Vec<Value> = comparisons.iter().map(|comparison| experiment(comparison, options)).collect();
    let notes = super::explain::explain(comparisons, options);
    json!({ "schema_version": SCHEMA_VERSION, "confidence": options.confidence, "experiments": experiments, "notes": notes })
}

/// The values as they are, with a sentence for each contrast and each warning.
fn experiment(comparison: &Comparison, options: &Options) -> Value {
    let mut object = json!(comparison);
    for (i, contrast) in comparison.contrasts.iter().enumerate() {
        object["contrasts"][i]["sentence"] = json!(sentence(comparison, contrast, options.confidence));
    }
    for (i, warning) in comparison.warnings.iter().enumerate() {
        object["warnings"][i]["sentence"] = json!(warning.sentence());
    }
    object
}
