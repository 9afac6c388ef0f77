//! One instruction, many numbers: kernels are written once over [`Vector`] and compiled for every
//! instruction level; which of them runs is chosen when the program starts.
//!
//! A kernel is a [`Task`], a struct of its arguments whose `run` is generic over the vector type.
//! [`run()`] calls it with the vectors of the machine's best level, or of the one that the environment
//! variable `BN_EXP_SIMD` names (`avx512`, `avx2`, `portable`). Results of two levels may differ in
//! the last bits, those of one level never do.
//!
//! A value of a vector type, and [`Has`], its proof, exist only inside such a call. That makes
//! arithmetic on them safe: whoever holds one runs on a processor that has the instructions.
//!
//! Code is compiled for a level only where it is inlined into the level's own function in `run`. So all that
//! a kernel calls must be `#[inline(always)]`; [`call`] starts a function of its own at the same level.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod has;
pub(super) mod level;
mod portable;
mod precision;
mod run;
mod vector;

pub use has::Has;
pub use level::{Level, LevelError, level, requested};
pub use portable::Lanes;
pub use run::{Task, call, run};
pub use vector::{Scalar, Vector};
#[cfg(target_arch = "x86_64")]
pub use {avx2::Avx2F32, avx2::Avx2F64, avx512::Avx512F32, avx512::Avx512F64};
