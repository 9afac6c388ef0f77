//! The sections of the configuration that decide a run's numbers.

use serde_json::Value;

use super::check::less_defaults;
use super::settings::Source;

pub use super::names::SECTIONS;

/// These sections alone.
pub(super) fn sections(value: &Value) -> Value {
    Value::Object(SECTIONS.iter().filter_map(|s| value.get(*s).map(|v| ((*s).to_owned(), v.clone()))).collect())
}

/// What decides a run's numbers, less constant defaults. For data in files it is the content, not the place.
pub(super) fn identity(resolved: &Value, schema: &Value, source: &Source, fingerprint: Option<String>) -> Value {
    let mut identity = sections(&less_defaults(resolved, schema));
    let places = source.kind().from_files().map_or(&[][..], |source| source.place_keys());
    for key in places {
        if let (Some(fingerprint), Some(place)) = (&fingerprint, identity["data"].get_mut(*key)) {
            *place = Value::from(fingerprint.as_str());
        }
    }
    identity
}
