//! timing.csv: what depends on clock and machine.

use super::run::{RunRecord, Timing};
use crate::config::names::read_instead;
use crate::printable;
use crate::table::{Row, Table, float, number, optional};

/// One row of timing.csv.
#[derive(Debug, Clone, PartialEq)]
pub struct TimingRow {
    /// Updates done.
    pub steps: usize,
    /// Clock and machine.
    pub timing: Timing,
    /// Microseconds a training step; none without steps.
    pub us_per_step: Option<f64>,
    /// Instruction level of the kernels.
    pub simd: String,
    /// Version of the program.
    pub program_version: String,
}

impl TimingRow {
    /// The row of a run.
    pub fn of(run: &RunRecord) -> Self {
        Self {
            steps: run.steps,
            timing: Timing {
                started_at: printable::cell("time", &run.timing.started_at),
                host: host(&run.timing.host),
                ..run.timing
            },
            us_per_step: run.timing.us_per_step(run.steps),
            simd: printable::cell("level", &run.simd),
            program_version: printable::cell("version", &run.program_version),
        }
    }
}

/// The name of a machine as a cell: after the word `host`, where it would be read as something else, such as a number.
fn host(name: &str) -> String {
    let name = printable::cell("host", name);
    if !name.is_empty() && read_instead(&name).is_some() { format!("host: {name}") } else { name }
}

impl Row for TimingRow {
    const TABLE: Table = Table {
        file: "timing.csv",
        columns: &[
            "steps",
            "train_seconds",
            "evaluate_seconds",
            "probe_seconds",
            "us_per_step",
            "peak_rss_bytes",
            "started_at",
            "host",
            "simd",
            "threads",
            "program_version",
        ],
    };

    fn cells(&self) -> Vec<String> {
        let timing = &self.timing;
        vec![
            self.steps.to_string(),
            float(timing.train_seconds),
            float(timing.evaluate_seconds),
            float(timing.probe_seconds),
            float(self.us_per_step),
            timing.peak_rss_bytes.map(|bytes| bytes.to_string()).unwrap_or_default(),
            timing.started_at.clone(),
            timing.host.clone(),
            self.simd.clone(),
            timing.threads.to_string(),
            self.program_version.clone(),
        ]
    }

    fn parse(cells: &[&str]) -> Option<Self> {
        let &[steps, train, evaluate, probe, us_per_step, peak, started_at, host, simd, threads, version] = cells
        else {
            return None;
        };
        let timing = Timing {
            train_seconds: number(train)?,
            evaluate_seconds: number(evaluate)?,
            probe_seconds: number(probe)?,
            peak_rss_bytes: optional(peak)?,
            started_at: started_at.to_owned(),
            host: host.to_owned(),
            threads: threads.parse().ok()?,
        };
        Some(Self {
            steps: steps.parse().ok()?,
            timing,
            us_per_step: optional(us_per_step)?,
            simd: simd.to_owned(),
            program_version: version.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_machine_is_read_as_text() {
        for (name, cell) in
            [("node-7", "node-7"), ("NA", "host: NA"), ("0042", "host: 0042"), ("=x", "host: =x"), ("", "")]
        {
            assert_eq!(host(name), cell);
        }
    }
}
