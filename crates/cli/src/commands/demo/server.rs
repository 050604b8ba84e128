//! The demo's server: `interlock serve` as a process of its own, so that it can be stopped, killed and started again like any.

use crate::{
    client::{Auth, Client},
    failure::{Done, Failure},
};
use interlock_wire::session::Health;
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};
use tokio::process::{Child, Command};

const READY: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(40);
pub const LOG: &str = "server.log";

/// A server that runs. Dropping it ends it, and not gently.
pub struct Server {
    child: Child,
    pub address: String,
    data: PathBuf,
}

impl Server {
    /// Starts it on a data directory and waits until it can write.
    ///
    /// # Errors
    /// It ends, or is not ready within a minute: its log says why.
    pub async fn start(data: &Path, listen: SocketAddr) -> Done<Self> {
        let program = std::env::current_exe()
            .map_err(|error| Failure::Failed(format!("the running program cannot be found: {error}")))?;
        let log = data.join(LOG);
        fs::create_dir_all(data).map_err(|error| Failure::io("making", data, &error))?;
        let failed = |error| Failure::io("opening", &log, &error);
        let output = fs::OpenOptions::new().create(true).append(true).open(&log).map_err(failed)?;
        let errors = output.try_clone().map_err(failed)?;
        let child = Command::new(program)
            .args([
                "serve",
                "--name",
                "The Shop",
                "--origin",
                "shop.example/interlock",
                "--allow-private-targets",
                "--data",
            ])
            .arg(data)
            .args(["--listen", &listen.to_string()])
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            // Ctrl-C in the terminal is for us; the server is stopped afterwards, in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Failure::Failed(format!("the server cannot be started: {error}")))?;
        let mut server = Self { child, address: format!("http://{listen}"), data: data.to_owned() };
        server.ready().await?;
        Ok(server)
    }

    async fn ready(&mut self) -> Done {
        let client = self.client()?;
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().map_err(|error| Failure::Failed(error.to_string()))? {
                return Err(Failure::Failed(format!("the server ended ({status}): {}", self.last_words())));
            }
            if client.get::<Health>("/ready").await.is_ok() {
                return Ok(());
            }
            if begun.elapsed() > READY {
                return Err(Failure::Inconclusive(format!(
                    "the server was not ready within {} s: {}",
                    READY.as_secs(),
                    self.last_words()
                )));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn last_words(&self) -> String {
        let text = fs::read_to_string(self.data.join(LOG)).unwrap_or_default();
        let last: Vec<&str> = text.lines().rev().take(5).collect();
        last.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Nobody yet, at this server.
    ///
    /// # Errors
    /// The HTTP client cannot be set up.
    pub fn client(&self) -> Done<Client> {
        Ok(Client::new(&self.address, Auth::Nobody)?.with_tries(1))
    }

    /// Asks it to end, and waits.
    ///
    /// # Errors
    /// It does not end in time, or ends badly.
    pub async fn stop(mut self) -> Done {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself just now; its status tells.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        match tokio::time::timeout(STOP, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(Failure::Failed(format!("the server ended badly ({status}): {}", self.last_words()))),
            Ok(Err(error)) => Err(Failure::Failed(format!("the server's end was not seen: {error}"))),
            Err(_) => Err(Failure::Inconclusive(format!("the server did not end within {} s", STOP.as_secs()))),
        }
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// It cannot be killed.
    pub async fn kill(mut self) -> Done {
        self.child.kill().await.map_err(|error| Failure::Failed(format!("the server cannot be killed: {error}")))
    }

    /// Waits until it ends by itself.
    pub async fn ended(&mut self) -> Option<ExitStatus> {
        self.child.wait().await.ok()
    }
}
