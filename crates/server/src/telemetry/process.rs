//! What Linux says about this process; on other systems nothing is known.

use std::fs;

/// Figures of the process, with the names that client libraries give them.
#[derive(Debug, Default)]
pub struct Process {
    pub resident_bytes: Option<u64>,
    pub virtual_bytes: Option<u64>,
    pub open_fds: Option<u64>,
    pub max_fds: Option<u64>,
    pub threads: Option<u64>,
    pub cpu_seconds: Option<f64>,
}

/// Looks at `/proc/self`.
pub fn read() -> Process {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = |name: &str| -> Option<u64> {
        let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
        rest.split_whitespace().next()?.parse().ok()
    };
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let max_fds = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    Process {
        resident_bytes: kib("VmRSS:").map(|it| it * 1024),
        virtual_bytes: kib("VmSize:").map(|it| it * 1024),
        threads: kib("Threads:"),
        open_fds: fs::read_dir("/proc/self/fd").ok().map(|it| it.count() as u64),
        max_fds: max_fds.and_then(|rest| rest.split_whitespace().next()?.parse().ok()),
        cpu_seconds: cpu(),
    }
}

/// Ticks of `/proc/self/stat` in a second: 100 on every Linux that we build for (proc(5), `USER_HZ`).
const TICKS: f64 = 100.0;

/// User and system time.
fn cpu() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may hold spaces.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some((ticks(11)? + ticks(12)?) as f64 / TICKS)
}
