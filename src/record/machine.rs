//! What is recorded of the machine and the program beside results.

use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use sysinfo::CpuRefreshKind;

use crate::printable::is_plain;

/// Version of the program.
pub const PROGRAM_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Git revision the program was built from, if it was built in a checkout.
pub fn git_revision() -> Option<String> {
    option_env!("BN_EXP_GIT_REVISION").map(str::to_owned)
}

/// Name of this machine.
pub fn host() -> String {
    sysinfo::System::host_name().unwrap_or_else(|_| "unknown".to_owned())
}

/// Processor, cores and system of this machine, such as `AMD EPYC 7B13, 2 cores, Linux (Debian 12)`; what the system does
/// not tell is left out.
pub fn description() -> String {
    static DESCRIBED: LazyLock<String> = LazyLock::new(described);
    DESCRIBED.clone()
}

fn described() -> String {
    let mut system = sysinfo::System::new().ok();
    let processor = system.as_mut().and_then(|system| {
        system.refresh_cpu_list(CpuRefreshKind::nothing());
        system.cpus().first().map(|cpu| cpu.brand().trim().to_owned())
    });
    let cores = std::thread::available_parallelism().ok().map(|cores| match cores.get() {
        1 => "1 core".to_owned(),
        cores => format!("{cores} cores"),
    });
    let parts = [processor, cores, sysinfo::System::long_os_version().ok()];
    let told = parts.into_iter().flatten().filter(|part| !part.is_empty() && is_plain(part));
    told.collect::<Vec<_>>().join(", ")
}

/// Memory of this machine, in bytes; 0 if it cannot be told.
pub fn memory_bytes() -> u64 {
    sysinfo::System::new().map_or(0, |mut system| {
        system.refresh_memory();
        system.total_memory()
    })
}

/// Bytes that are free on the disk that a folder is on, or will be; `None` if it cannot be told.
pub fn free_disk_bytes(folder: &Path) -> Option<u64> {
    let there = std::path::absolute(folder).ok()?.ancestors().find_map(|path| path.canonicalize().ok())?;
    fs4::available_space(there).ok()
}

/// Most memory this process has held so far, in bytes, where the system tells.
pub fn peak_memory_bytes() -> Option<u64> {
    let status = crate::files::read_text(std::path::Path::new("/proc/self/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Now, as RFC 3339 in UTC; empty if the clock shows no time that can be written so.
pub fn now() -> String {
    utc(SystemTime::now())
}

/// A time between 1970 and 9999; empty for any other, which a clock may show.
fn utc(time: SystemTime) -> String {
    const YEAR_10000: Duration = Duration::from_secs(253_402_300_800);
    let is_sound = time.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|since| since < YEAR_10000);
    if is_sound { humantime::format_rfc3339_seconds(time).to_string() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_clock_shows_is_no_reason_to_stop() {
        let after = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(utc(after(0)), "1970-01-01T00:00:00Z");
        assert_eq!(utc(after(253_402_300_799)), "9999-12-31T23:59:59Z");
        assert_eq!(utc(after(253_402_300_800)), "");
        assert_eq!(utc(SystemTime::UNIX_EPOCH - Duration::from_nanos(1)), "");
    }
}
