//! Data sets in memory: loaded, split, scaled, and the order in which training sees them.
//!
//! [`store`] loads data sets and shares them, [`dataset`] splits and scales them, `unusual` says what of them is unusual, and
//! `strays` which single values are; [`batches`] orders the samples, [`fetch`] downloads what is published.

pub mod batches;
pub mod dataset;
pub mod fetch;
pub mod store;
mod strays;
mod unusual;

pub use dataset::{Dataset, RawFeatures, Scaler, Split};
pub use store::Store;
