//! Networks as lists of blocks, a = pool(φ(norm(Wu))), with every derivative written out.
//!
//! [`network`] is where to start. A [`block`] is one layer; its map is [`linear`] or a [`conv`]olution;
//! [`norm`] holds the arms. Parameters of the whole network are one slice ([`parameters`]),
//! activations and gradients live in a [`workspace`], so that nothing is allocated or copied
//! between forward and backward.

pub mod block;
pub mod conv;
pub mod fused;
pub mod init;
pub mod linear;
pub mod memory;
pub mod network;
pub mod norm;
pub mod parameters;
pub mod workspace;

pub use network::{Network, NetworkError};
pub use norm::Statistics;
pub use workspace::Workspace;
