//! Every test that needs no allocator of its own, in one program: one is linked sooner than eighteen. A module
//! is named as a filter: `cargo test gradients::`.

#[path = "../common/mod.rs"]
mod common;

mod arms;
mod calibration;
mod claims;
mod commands;
mod compare;
mod data;
mod documents;
mod export;
mod faults;
mod fetch;
mod first_minutes;
mod fold;
mod goldens;
mod gradients;
mod identities;
mod imports;
mod landscape;
mod library;
mod mnist;
mod pairing;
mod parts;
mod planning;
mod reading;
mod replay;
mod report;
mod run;
mod security;
mod shards;
mod statistics;
mod structure;
mod survive;
mod sweeps;
