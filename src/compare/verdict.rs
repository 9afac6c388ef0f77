//! A contrast in one sentence, computed from its estimate and p and from nothing else.

use super::contrasts::Contrast;
use super::load::Loaded;
use crate::config::resolve::serde_name;
use crate::stats::permutation::smallest_p;

/// What was found, plainly; also when nothing was.
pub fn sentence(contrast: &Contrast, loaded: &Loaded, confidence: f64) -> String {
    let Contrast { a, b, n, .. } = contrast;
    let metric = serde_name(&loaded.metric).replace('_', " ");
    let alpha = 1.0 - confidence;
    let Some(p) = contrast.p else {
        return format!("{a} − {b}: no seed has a {metric} in both arms");
    };
    let size = match &contrast.estimate {
        Some(e) => {
            let interval = e.interval.map(|(low, high)| {
                format!(", {:.0} % interval {} to {}", confidence * 100.0, signed(low), signed(high))
            });
            format!("{} in {metric}{}", signed(e.mean), interval.unwrap_or_default())
        }
        None => format!("{metric} compared by ranks, as runs diverged"),
    };
    let is_better = (contrast.direction > 0.0) == loaded.more_is_better();
    let conclusion = if smallest_p(*n) > alpha {
        let seeds = if *n == 1 { "1 seed" } else { &format!("{n} seeds") };
        format!("undecided: with {seeds} p cannot fall below {}", p_value(smallest_p(*n)))
    } else if p < alpha {
        format!("{a} is {} than {b}", if is_better { "better" } else { "worse" })
    } else {
        "no difference is shown with these seeds".to_owned()
    };
    format!("{a} − {b}: {size} (p = {}, {n} pair{}): {conclusion}", p_value(p), if *n == 1 { "" } else { "s" })
}

/// p to four places; below that, its order of magnitude.
pub fn p_value(p: f64) -> String {
    if p < 1e-4 { format!("{p:.0e}") } else { format!("{p:.4}") }
}

fn signed(x: f64) -> String {
    // No "−0.0000": adding 0 takes the sign from what rounds to nothing.
    format!("{:+.4}", (x * 1e4).round() / 1e4 + 0.0).replace('-', "−")
}
