//! Networks as lists of blocks, a = pool(φ(norm(Wu))), with every derivative written out.
//!
//! [`network`] is where to start: forward, loss, backward. [`build`] makes a network from blocks. A [`block`] is one layer,
//! computed stage by stage ([`staged`]), or [`fused`]; its map is [`linear`] or a [`conv`]olution; [`norm`] holds the arms.
//! Parameters of the whole network are one slice ([`parameters`]). Activations and gradients live in a [`workspace`] made
//! by `spaces`, so that nothing is allocated or copied between forward and backward. [`walk`] stops between stages;
//! [`objective`] is the loss at any parameters.

pub mod block;
pub mod build;
pub mod conv;
pub mod error;
pub mod fold;
pub mod fused;
pub mod init;
pub mod input;
pub mod linear;
pub mod network;
pub mod norm;
pub mod objective;
pub mod parameters;
pub mod pass;
mod spaces;
pub mod staged;
pub mod stages;
pub mod start;
pub mod state;
pub mod walk;
pub mod workspace;

pub use error::NetworkError;
pub use network::Network;
pub use pass::{Pass, Statistics};
pub use workspace::Workspace;
