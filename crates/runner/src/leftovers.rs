//! Ends processes of steps that were running when the runner itself was killed.
//!
//! Invariants: only processes whose environment carries the step's key are touched, so that a process id used anew is safe; a
//! daemon that a step deliberately put into a session of its own is left alone when the step's group is known.
//! Deliberately absent: systems without `/proc`. There nothing is found, and the journal still keeps a finished step from running
//! twice.

use crate::process::KEY_VARIABLE;
use rustix::process::{Pid, Signal, kill_process};
use std::time::{Duration, Instant};

/// Ends what is left of the step `key`: processes of group `group`, or all that carry the key when the group is not known.
/// Blocks for up to `grace` before it kills. Returns how many processes there were.
pub fn end(key: &str, group: Option<u32>, grace: Duration) -> usize {
    let found = find(key, group);
    signal(&found, Signal::TERM);
    let until = Instant::now() + grace;
    while Instant::now() < until && !find(key, group).is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    signal(&find(key, group), Signal::KILL);
    found.len()
}

fn signal(processes: &[Pid], signal: Signal) {
    for pid in processes {
        // It can only fail because the process is gone, which is what is wanted.
        let _ = kill_process(*pid, signal);
    }
}

fn find(key: &str, group: Option<u32>) -> Vec<Pid> {
    let mark = format!("{KEY_VARIABLE}={key}");
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<i32>().ok()?, entry.path())))
        .filter(|(_, path)| {
            let environ = std::fs::read(path.join("environ")).unwrap_or_default();
            environ.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
        })
        .filter(|(_, path)| {
            let stat = std::fs::read_to_string(path.join("stat")).unwrap_or_default();
            group.is_none_or(|group| group_of(&stat) == Some(group)) && state_of(&stat) != Some('Z')
        })
        .filter_map(|(pid, _)| Pid::from_raw(pid))
        .collect()
}

/// The fields after the command in parentheses, which may itself contain anything: proc_pid_stat(5).
fn after_command(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace()
}

fn state_of(stat: &str) -> Option<char> {
    after_command(stat).next()?.chars().next()
}

fn group_of(stat: &str) -> Option<u32> {
    after_command(stat).nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_may_contain_anything() {
        let stat = "12 (a) b) S 1 34 56 0";
        assert_eq!((state_of(stat), group_of(stat)), (Some('S'), Some(34)));
        assert_eq!(group_of(""), None);
    }
}
