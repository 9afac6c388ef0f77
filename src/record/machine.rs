//! What of the machine and the program is recorded beside results.

use std::time::SystemTime;

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

/// Memory of this machine, in bytes; 0 if it cannot be told.
pub fn memory_bytes() -> u64 {
    sysinfo::System::new().map_or(0, |mut system| {
        system.refresh_memory();
        system.total_memory()
    })
}

/// Most memory this process has held so far, in bytes, where the system tells.
pub fn peak_memory_bytes() -> Option<u64> {
    let status = crate::files::read_text(std::path::Path::new("/proc/self/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Now, as RFC 3339 in UTC.
pub fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}
