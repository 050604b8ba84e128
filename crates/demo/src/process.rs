//! Processes that outlive their starter: started in a group of their own, known by a pid file, ended with their group.
//!
//! Invariant: nothing is ever signalled that this world did not start. A process number is used only while its command
//! line names a path inside the world (numbers are used again), where `/proc` can tell.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::error::{DemoError, OnPath, Result};
use crate::files::write_whole;

const POLL: Duration = Duration::from_millis(20);

/// A pid file and the text that must be in the command line of the process it names.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    pub pid_file: PathBuf,
    pub marker: String,
}

fn command_line(pid: i32) -> Option<Vec<String>> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    Some(bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect())
}

/// Whether `pid` is running; a process that ended and was not collected yet is not.
pub(crate) fn is_alive(pid: i32) -> bool {
    if pid <= 1 || kill(Pid::from_raw(pid), None).is_err() {
        return false;
    }
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return !Path::new("/proc/self/stat").exists();
    };
    // The state follows the program's name, which is in parentheses and may hold anything.
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    !matches!(state, Some('Z' | 'X'))
}

impl Handle {
    /// The running process, if it is ours.
    pub fn running(&self) -> Option<i32> {
        let pid = fs::read_to_string(&self.pid_file).ok()?.trim().parse::<i32>().ok()?;
        if !is_alive(pid) {
            return None;
        }
        match command_line(pid) {
            Some(words) => words.iter().any(|word| word.contains(&self.marker)).then_some(pid),
            None => (!Path::new("/proc/self/cmdline").exists()).then_some(pid),
        }
    }

    /// Asks the process group to end, and makes it after `grace`. Gives whether there was one.
    pub fn stop(&self, grace: Duration) -> Result<bool> {
        let Some(pid) = self.running() else {
            let _absent_already = fs::remove_file(&self.pid_file);
            return Ok(false);
        };
        end(&[pid], grace)?;
        let _absent_already = fs::remove_file(&self.pid_file);
        Ok(true)
    }
}

/// Ends the groups led by `pids` (and `pids` themselves, should they lead none).
pub(crate) fn end(pids: &[i32], grace: Duration) -> Result<()> {
    // ESRCH says that it is gone already, which is what was wanted.
    let signal = |signal: Signal| {
        for pid in pids.iter().filter(|pid| is_alive(**pid)) {
            if killpg(Pid::from_raw(*pid), signal).is_err() {
                let _gone = kill(Pid::from_raw(*pid), signal);
            }
        }
    };
    for (what, limit) in [(Signal::SIGTERM, grace), (Signal::SIGKILL, Duration::from_secs(5))] {
        signal(what);
        let until = Instant::now() + limit;
        while Instant::now() < until {
            if !pids.iter().any(|pid| is_alive(*pid)) {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
    }
    let left: Vec<_> = pids.iter().filter(|pid| is_alive(**pid)).collect();
    if left.is_empty() {
        return Ok(());
    }
    Err(DemoError::Invalid(format!(
        "processes {left:?} of the demo do not end, not even when killed; end them by hand"
    )))
}

/// Starts a program that outlives this process, unless it runs already. Its output is appended to `log`.
pub(crate) fn start_detached(handle: &Handle, program: &Path, arguments: &[String], log: &Path) -> Result<bool> {
    if handle.running().is_some() {
        return Ok(false);
    }
    if let Some(parent) = log.parent() {
        fs::create_dir_all(parent).on("make directory", parent)?;
    }
    let output = fs::OpenOptions::new().create(true).append(true).open(log).on("open", log)?;
    let errors = output.try_clone().on("open", log)?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .map_err(|source| DemoError::MissingProgram {
            program: program.display().to_string(),
            hint: "it (build the project)",
            source,
        })?;
    write_whole(&handle.pid_file, child.id().to_string().as_bytes())?;
    // Collects the process should it end before we do.
    std::thread::spawn(move || child.wait());
    Ok(true)
}

/// Processes whose command line runs a script below `directory` with Node. Empty where there is no `/proc`.
pub(crate) fn node_processes_below(directory: &Path) -> Vec<i32> {
    let prefix = format!("{}/", directory.display());
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            let Some(words) = command_line(*pid) else { return false };
            let is_node = words.first().and_then(|word| Path::new(word).file_name()).is_some_and(|name| name == "node");
            is_node && words.iter().any(|word| word.starts_with(&prefix) && word.ends_with(".mjs")) && is_alive(*pid)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_started_once_and_ended_whole() {
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("part.sh");
        let ready = directory.path().join("child.pid");
        fs::write(&script, format!("sleep 600 & echo $! > {0}.next; mv {0}.next {0}; wait\n", ready.display()))
            .unwrap();
        let handle = Handle { pid_file: directory.path().join("part.pid"), marker: script.display().to_string() };
        let arguments = [script.display().to_string()];
        let start =
            || start_detached(&handle, Path::new("/bin/sh"), &arguments, &directory.path().join("log")).unwrap();
        assert!(start());
        assert!(!start(), "it runs already");
        let until = Instant::now() + Duration::from_secs(10);
        while !ready.exists() && Instant::now() < until {
            std::thread::yield_now();
        }
        let child = fs::read_to_string(&ready).unwrap().trim().parse::<i32>().unwrap();
        assert!(is_alive(child));
        assert!(handle.stop(Duration::from_secs(5)).unwrap());
        assert!(!handle.stop(Duration::from_secs(5)).unwrap());
        let until = Instant::now() + Duration::from_secs(5);
        while is_alive(child) && Instant::now() < until {
            std::thread::yield_now();
        }
        assert!(!is_alive(child), "the child of the part was left behind");
    }

    #[test]
    fn a_process_number_that_belongs_to_another_program_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let handle =
            Handle { pid_file: directory.path().join("pid"), marker: "/no/such/path/in/any/command".to_owned() };
        fs::write(&handle.pid_file, std::process::id().to_string()).unwrap();
        assert_eq!(handle.running(), None);
        assert!(!handle.stop(Duration::ZERO).unwrap());
    }
}
