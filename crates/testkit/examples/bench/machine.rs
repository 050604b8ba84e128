//! The machine while it is measured.

use std::{fs, io::Write, path::Path, time::Instant};

/// The load average of the last minute; nothing where there is none.
pub fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

/// The median time of writing and synchronising 4 KiB, in microseconds.
pub fn fdatasync_us(folder: &Path) -> std::io::Result<f64> {
    let path = folder.join("fdatasync.tmp");
    let mut file = fs::File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..100 {
        let begun = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    fs::remove_file(path)?;
    Ok(super::share(&mut times, 0.5).round())
}

/// Processor time this process has taken so far, in seconds, in steps of a hundredth; nothing where that cannot be told.
pub fn processor_s() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // After the name, which may hold anything, the 12th and 13th fields: time in the program and in the system, in ticks.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
    Some(ticks / 100.0)
}

/// Resident memory of this process, in bytes; nothing where that cannot be told.
pub fn resident() -> Option<u64> {
    resident_of(std::process::id())
}

/// The same of another process.
pub fn resident_of(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
