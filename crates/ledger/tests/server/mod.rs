//! A PostgreSQL of a test's own: made in a temporary folder, reached through a socket there, ended with the process that uses
//! it, however that ends. One for each process of tests; each ledger gets a schema of its own.
//!
//! Where PostgreSQL is looked for: the folder in `INTERLOCK_POSTGRES_BIN`, then `/usr/lib/postgresql/<newest>/bin`. It refuses
//! to run as root; then it runs as `nobody`.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::{
    io::Write as _,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

const NOBODY: u32 = 65_534;

/// A server that runs until its process has ended.
pub struct Server {
    folder: PathBuf,
    /// Ends the server when the other end of its standard input is closed, which happens at the latest when we end.
    _keeper: Child,
}

/// Ends the server and removes its files once nobody holds the pipe any more.
const KEEPER: &str = r#"
"$1/postgres" -D "$2/data" >"$2/log" 2>&1 </dev/null & server=$!
cat >/dev/null
kill -INT "$server"; wait "$server"; rm -rf "$2"
"#;

/// The folder with the programs of PostgreSQL.
pub fn programs() -> Option<PathBuf> {
    if let Some(given) = std::env::var_os("INTERLOCK_POSTGRES_BIN") {
        return Some(given.into());
    }
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").is_file() && bin.join("postgres").is_file())
        .collect();
    found.sort();
    found.pop().map(|(_, bin)| bin)
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0)
}

/// Drops the rights of root, if there are any.
fn as_nobody(command: &mut Command) -> &mut Command {
    if is_root() { command.uid(NOBODY).gid(NOBODY) } else { command }
}

impl Server {
    /// Makes and starts one in memory, if the machine has a file system there. `settings`: further lines of its configuration.
    pub fn start(settings: &str) -> Result<Server, String> {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() {
            Server::start_in(memory, settings)
        } else {
            Server::start_in(&std::env::temp_dir(), settings)
        }
    }

    /// The same in a folder below `place`.
    pub fn start_in(place: &Path, settings: &str) -> Result<Server, String> {
        let bin = programs().ok_or("there is no PostgreSQL; install the package `postgresql` of your system")?;
        let folder = tempfile::Builder::new().prefix("interlock-pg-").tempdir_in(place);
        let folder = folder.map_err(|error| error.to_string())?.keep();
        if is_root() {
            chown(&folder, Some(NOBODY), Some(NOBODY)).map_err(|error| error.to_string())?;
        }
        let data = folder.join("data");
        let mut initdb = Command::new(bin.join("initdb"));
        initdb.arg("-D").arg(&data).args([
            "-U",
            "interlock",
            "--auth=trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]);
        let made = as_nobody(&mut initdb).current_dir(&folder).output().map_err(|error| error.to_string())?;
        if !made.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr)));
        }
        let configuration = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nmax_connections = 60\nshared_buffers = '32MB'\n{settings}\n",
            folder.display()
        );
        std::fs::OpenOptions::new()
            .append(true)
            .open(data.join("postgresql.conf"))
            .and_then(|mut file| file.write_all(configuration.as_bytes()))
            .map_err(|error| error.to_string())?;
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(&bin).arg(&folder).stdin(Stdio::piped()).current_dir(&folder);
        let keeper = as_nobody(&mut keeper).process_group(0).spawn().map_err(|error| error.to_string())?;
        let server = Server { folder, _keeper: keeper };
        server.await_ready(&bin)?;
        Ok(server)
    }

    fn await_ready(&self, bin: &Path) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let mut asked = Command::new(bin.join("pg_isready"));
            asked.arg("-q").arg("-h").arg(&self.folder).args(["-U", "interlock", "-d", "postgres"]);
            if asked.status().is_ok_and(|status| status.success()) {
                return Ok(());
            }
            if begun.elapsed() > Duration::from_secs(60) {
                let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                return Err(format!("PostgreSQL did not start: {log}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The address of a schema nobody has used yet.
    pub fn fresh(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        self.schema(&format!("t{}", NUMBER.fetch_add(1, Ordering::Relaxed)))
    }

    /// The address of a schema.
    pub fn schema(&self, name: &str) -> String {
        let host = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://interlock@{host}/postgres?schema={name}")
    }

    /// Runs a statement as the superuser; what it gives, as text.
    pub fn sql(&self, statement: &str) -> String {
        let bin = programs().unwrap_or_default();
        let mut psql = Command::new(bin.join("psql"));
        psql.arg("-h").arg(&self.folder).args([
            "-U",
            "interlock",
            "-d",
            "postgres",
            "-AtX",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
        ]);
        let said = psql.arg(statement).output().expect("psql is where the server is");
        assert!(said.status.success(), "{statement}: {}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    }
}

/// The server of this process; without PostgreSQL on the machine, none, and the line that says so.
pub fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    match SERVER.get_or_init(|| Server::start("fsync = off\nfull_page_writes = off")) {
        Ok(server) => Some(server),
        Err(why) if programs().is_none() => {
            println!("skipped: {why}");
            None
        }
        Err(why) => panic!("{why}"),
    }
}
