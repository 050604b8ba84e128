//! A demo that runs while a suite does, with data of its own, and is stopped after it.

use crate::shell::{self, Run};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The demo builds three services and starts them before it is ready.
const PATIENCE: Duration = Duration::from_secs(180);

pub struct Demo {
    child: Child,
    pub url: String,
}

impl Demo {
    /// Starts the demo on a free port and waits until it is ready; why that cannot be.
    pub fn start(binary: &str, suite: &str) -> Result<Self, String> {
        let said = |error: std::io::Error| format!("the demo could not be started: {error}");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).map_err(said)?.port();
        let folder = shell::target().join("suites").join(suite);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(said)?;
        }
        std::fs::create_dir_all(&folder).map_err(said)?;
        let log = std::fs::File::create(folder.join("demo.log")).map_err(said)?;
        let mut command = Command::new(binary);
        command.arg("demo").arg("--data").arg(folder.join("data")).args(["--listen", &format!("127.0.0.1:{port}")]);
        command.current_dir(shell::root()).stdin(Stdio::null()).stdout(log.try_clone().map_err(said)?).stderr(log);
        let child = command.spawn().map_err(said)?;
        let mut demo = Self { child, url: format!("http://127.0.0.1:{port}") };
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Ok(Some(status)) = demo.child.try_wait() {
                return Err(format!(
                    "the demo ended before it was ready ({status}); see {}",
                    folder.join("demo.log").display()
                ));
            }
            if ready(port) {
                return Ok(demo);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Err(format!("the demo was not ready after {} s; see {}", PATIENCE.as_secs(), folder.join("demo.log").display()))
    }
}

fn ready(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /api/v1/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.take(64).read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Asked first, so that it can stop what it has started.
        let _ = Run::new("kill").args(["-TERM", &self.child.id().to_string()]).output();
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
