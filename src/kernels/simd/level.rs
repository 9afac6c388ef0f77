//! Instruction levels: which there are, which this machine has, which is in use.

use std::sync::OnceLock;

/// A set of instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// What every processor of the target has.
    Portable,
    /// x86-64 with AVX2 and FMA: 8 floats at once.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ and VL: 16 floats at once.
    Avx512,
}

impl Level {
    /// All of them, best first.
    pub const ALL: [Self; 3] = [Self::Avx512, Self::Avx2, Self::Portable];

    /// Its name in `BN_EXP_SIMD` and the tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// Whether this machine can run it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// Those this machine can run, best first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|level| level.is_available())
    }
}

/// `BN_EXP_SIMD` names a level that is unknown, or that this machine does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("BN_EXP_SIMD asks for `{asked}`; this machine has {available}")]
pub struct LevelError {
    asked: String,
    available: String,
}

/// The level that `BN_EXP_SIMD` asks for, or the best.
///
/// # Errors
/// If it asks for one that is unknown or that this machine does not have.
pub fn requested() -> Result<Level, LevelError> {
    let best = Level::available().next().unwrap_or(Level::Portable);
    let Some(asked) = std::env::var_os("BN_EXP_SIMD").filter(|asked| !asked.is_empty()) else { return Ok(best) };
    Level::available().find(|level| asked == level.name()).ok_or_else(|| LevelError {
        asked: asked.to_string_lossy().into_owned(),
        available: Level::available().map(Level::name).collect::<Vec<_>>().join(", "),
    })
}

/// The level in use: found once, the same until the program ends.
///
/// # Panics
/// If `BN_EXP_SIMD` asks for a level that is not available. [`requested`] finds that out beforehand.
pub fn level() -> Level {
    #[cfg(test)]
    if let Some(level) = FORCED.get() {
        return level;
    }
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| requested().unwrap_or_else(|error| panic!("{error}")))
}

#[cfg(test)]
thread_local! {
    /// The level that a test asks for: [`super::super::testing::at_each_level`].
    pub static FORCED: std::cell::Cell<Option<Level>> = const { std::cell::Cell::new(None) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portable_is_always_there() {
        assert!(Level::available().any(|level| level == Level::Portable));
    }
}
