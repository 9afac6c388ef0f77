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
        return format!("{a} − {b}: no seed has finished in both arms");
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
        format!("undecided: with {n} seed{} p cannot fall below {:.2}", if *n == 1 { "" } else { "s" }, smallest_p(*n))
    } else if p < alpha {
        format!("{a} is {} than {b}", if is_better { "better" } else { "worse" })
    } else {
        "no difference is shown with these seeds".to_owned()
    };
    format!("{a} − {b}: {size} (p = {p:.4}, {n} pair{}): {conclusion}", if *n == 1 { "" } else { "s" })
}

fn signed(x: f64) -> String {
    format!("{x:+.4}").replace('-', "−")
}
