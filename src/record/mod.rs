//! What is on disk: an experiment's folder, its runs, its tables.
//!
//! [`layout`] knows every path, [`tables`] every table. [`run`] is the record of one run, [`metrics`] its scores, [`found`]
//! its state on disk, [`resume`] an unfinished run; [`experiment`] is the record of the whole, which [`replanned`] holds
//! against its own plan, [`discard`] says who owns a folder. [`collect`] makes the root tables from the runs, [`merge`] one
//! folder of several, whose plan [`joint_plan`] finds, with what stands beside each run; [`trained`] makes a network from the folder of a run.

pub mod beside;
pub mod collect;
pub mod curves;
pub(crate) mod damage;
pub mod discard;
pub mod experiment;
pub mod found;
pub mod joint_plan;
pub mod layout;
pub mod leading;
pub mod machine;
pub mod merge;
pub mod metrics;
pub mod replanned;
pub mod resume;
mod root_tables;
pub mod run;
pub mod runs;
pub mod stamp;
pub mod tables;
pub mod tensors;
pub mod timing;
pub mod trained;

/// Version of the folder's layout and of the tables' columns.
pub const SCHEMA_VERSION: u32 = 1;
