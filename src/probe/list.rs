//! Every probe, and every table that probes fill.

use super::Probe;
use super::activations::{ActivationProbe, ActivationRow};
use super::gradients::{GradientProbe, GradientRow};
use super::landscape::{LandscapeProbe, LandscapeRow};
use crate::config::Settings;
use crate::data::Dataset;
use crate::kernels::Scalar;
use crate::table::{Row, Table};

/// The tables that probes fill.
pub const TABLES: [Table; 3] = [ActivationRow::TABLE, GradientRow::TABLE, LandscapeRow::TABLE];

/// Every probe.
pub fn all<F: Scalar>(settings: &Settings, data: &Dataset) -> Vec<Box<dyn Probe<F>>> {
    vec![
        Box::new(ActivationProbe::new(settings, data)),
        Box::new(GradientProbe::new(settings)),
        Box::new(LandscapeProbe::new(settings)),
    ]
}
