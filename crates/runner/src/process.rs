//! Runs one program in a process group of its own, with a time limit and bounded output.
//!
//! Invariants: when `run` returns, or is dropped, the group is dead, children in the background included; the environment holds
//! PATH, HOME, LANG, what the step declares and the step's key, nothing else; no amount of output blocks the program or grows
//! memory; a program that reads no input does not block the runner.
//! Deliberately absent: shells, users and sandboxes. Whoever wants them names `sh`, `sudo` or `bwrap` as the program.

use crate::fault::{Code, Fault, excerpt};
use crate::output::{Budget, Lines, Piece, Transcript};
use crate::protocol::{End, Line, Said, parse};
use interlock_wire::runner::Outcome;
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessGroup};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout, timeout_at};

/// The variable by which a process is recognised as a step's after the runner has died.
pub const KEY_VARIABLE: &str = "INTERLOCK_STEP_KEY";
/// How long output may stay silent, after the program has ended, before it is taken to be held open by a process that left the
/// group.
const SILENCE: Duration = Duration::from_millis(500);
const TERM: i32 = 15;
const KILL: i32 = 9;
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Where programs may be found.
#[derive(Clone, Debug, Default)]
pub struct Programs {
    pub dirs: Vec<PathBuf>,
    pub only_dirs: bool,
}

impl Programs {
    /// The file `name` means: an absolute path, a path below one of `dirs`, or a plain name found in `dirs` or on `path`.
    ///
    /// # Errors
    /// R301 not found, R302 not executable, R311 no such name possible, R315 outside `dirs` when only these are allowed.
    pub fn find(&self, name: &str, path: &str) -> Result<PathBuf, Fault> {
        let given = Path::new(name);
        if name.is_empty() || name.contains('\0') || given.components().any(|part| part.as_os_str() == "..") {
            return Err(Fault::failed(Code::CommandInvalid, format!("`{}` is not a program's name", excerpt(name))));
        }
        let places: Vec<PathBuf> = if given.is_absolute() {
            vec![given.to_path_buf()]
        } else {
            let own = self.dirs.iter().map(|dir| dir.join(given));
            let system = path.split(':').filter(|dir| dir.starts_with('/')).map(|dir| Path::new(dir).join(given));
            if name.contains('/') || self.only_dirs { own.collect() } else { own.chain(system).collect() }
        };
        let Some(found) = places.iter().find(|place| place.is_file()) else {
            let message = format!("program `{}` is not on this machine", excerpt(name));
            return Err(Fault::failed(Code::ProgramMissing, message));
        };
        let real = found.canonicalize().unwrap_or_else(|_| found.clone());
        let inside = |dir: &PathBuf| dir.canonicalize().is_ok_and(|dir| real.starts_with(dir));
        if self.only_dirs && !self.dirs.iter().any(inside) {
            let message = format!("program `{}` is outside the runner's program directories", excerpt(name));
            return Err(Fault::failed(Code::ProgramNotAllowed, message));
        }
        match found.metadata() {
            Ok(meta) if meta.permissions().mode() & 0o111 != 0 => Ok(found.clone()),
            _ => {
                let message = format!("`{}` is not executable", found.display());
                Err(Fault::failed(Code::ProgramNotExecutable, message))
            }
        }
    }
}

/// One run of a program.
pub struct Run<'a> {
    /// Program and arguments.
    pub command: &'a [String],
    pub programs: &'a Programs,
    pub env: &'a BTreeMap<String, String>,
    pub key: &'a str,
    pub dir: &'a Path,
    pub deadline: Instant,
    /// Between asking the group to end and killing it.
    pub grace: Duration,
    /// How much of each output stream is kept, in bytes.
    pub output_limit: usize,
}

/// A program found, with its environment, not yet started: what can be refused is refused before anything is journaled.
pub struct Ready<'a> {
    run: Run<'a>,
    command: CommandWrap,
    input: Vec<u8>,
}

impl<'a> Run<'a> {
    /// Finds the program and prepares its environment.
    ///
    /// # Errors
    /// As [`Programs::find`]; R311 for an empty command or text that no process can be given.
    pub fn prepare(self) -> Result<Ready<'a>, Fault> {
        let invalid = |what: &str| Err(Fault::failed(Code::CommandInvalid, what.to_owned()));
        let Some((name, arguments)) = self.command.split_first() else {
            return invalid("the command is empty");
        };
        if arguments.iter().chain(self.env.values()).any(|text| text.contains('\0')) {
            return invalid("an argument or a variable's value contains a zero byte");
        }
        if let Some(bad) = self.env.keys().find(|name| name.is_empty() || name.contains(['=', '\0'])) {
            return invalid(&format!("`{}` is not a variable's name", excerpt(bad)));
        }
        let own = |name: &str| std::env::var(name).ok();
        let path = self.env.get("PATH").cloned().or_else(|| own("PATH")).unwrap_or_else(|| PATH.into());
        let program = self.programs.find(name, &path)?;
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).env_clear().env("PATH", path).current_dir(self.dir);
        for name in ["HOME", "LANG"] {
            own(name).map(|value| command.env(name, value));
        }
        command.envs(self.env).env(KEY_VARIABLE, self.key);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut command = CommandWrap::from(command);
        command.wrap(ProcessGroup::leader()).wrap(KillOnDrop);
        Ok(Ready { run: self, command, input: Vec::new() })
    }
}

/// Kills the whole group however the run ends.
struct Group {
    child: Box<dyn ChildWrapper>,
    armed: bool,
}

impl Group {
    fn signal(&self, signal: i32) {
        // The only way to fail is that nobody is left in the group, which is what is wanted.
        let _ = self.child.signal(signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.armed {
            self.signal(KILL);
        }
    }
}

impl Ready<'_> {
    /// What the program finds on its standard input.
    pub fn input(&mut self, input: Vec<u8>) {
        self.input = input;
    }

    /// Runs the program to its end. `spawned` is told the id of the process group at once.
    ///
    /// # Errors
    /// R302 when the system cannot execute the file; what the program itself did wrong is in the answer, for
    /// [`crate::protocol::judge`].
    pub async fn run(mut self, to: &Transcript, spawned: impl FnOnce(u32)) -> Result<(End, Said), Fault> {
        let child = self.spawn().await?;
        let mut group = Group { child, armed: true };
        group.child.id().map(spawned);
        if let Some(mut stdin) = group.child.stdin().take() {
            let input = std::mem::take(&mut self.input);
            // A program that does not read its input is free to.
            tokio::spawn(async move { drop(stdin.write_all(&input).await) });
        }
        let ear = Arc::new(Ear::new(self.run.output_limit, to.clone()));
        let mut readers = vec![];
        if let Some(stdout) = group.child.stdout().take() {
            readers.push(tokio::spawn(listen(stdout, ear.clone(), true)));
        }
        if let Some(stderr) = group.child.stderr().take() {
            readers.push(tokio::spawn(listen(stderr, ear.clone(), false)));
        }
        let _aborting = Abort(readers.iter().map(|reader| reader.abort_handle()).collect());

        let ended = timeout_at(self.run.deadline, group.child.inner_mut().wait()).await;
        let end = match ended {
            Ok(Ok(status)) => match (status.code(), status.signal()) {
                (Some(code), _) => End::Exited(code),
                (None, signal) => End::Signalled(signal.unwrap_or_default()),
            },
            Ok(Err(error)) => {
                let message = format!("the program's end could not be awaited: {error}");
                return Err(Fault::inconclusive(Code::RunnerDefect, message));
            }
            Err(_) => {
                group.signal(TERM);
                if timeout(self.run.grace, group.child.inner_mut().wait()).await.is_err() {
                    group.signal(KILL);
                    let _ = group.child.inner_mut().wait().await;
                }
                End::TimedOut
            }
        };
        group.signal(KILL);
        let _ = timeout(SILENCE, group.child.wait()).await;
        group.armed = false;

        for reader in readers {
            ear.drain(reader).await;
        }
        Ok((end, ear.finish()))
    }

    async fn spawn(&mut self) -> Result<Box<dyn ChildWrapper>, Fault> {
        let mut tries = 0;
        loop {
            match self.command.spawn() {
                Ok(child) => return Ok(child),
                // The file is still open for writing in a process that is just being started elsewhere.
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy && tries < 20 => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) => {
                    let name = self.run.command.first().map(|name| excerpt(name)).unwrap_or_default();
                    let why = match error.kind() {
                        ErrorKind::NotFound => "the interpreter in its first line is not on this machine".to_owned(),
                        _ => error.to_string(),
                    };
                    return Err(Fault::failed(Code::ProgramNotExecutable, format!("`{name}` cannot be run: {why}")));
                }
            }
        }
    }
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Changed => "changed",
        Outcome::Unchanged => "unchanged",
        Outcome::Failed => "failed",
        Outcome::Inconclusive => "inconclusive",
    }
}

struct Abort(Vec<tokio::task::AbortHandle>);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.iter().for_each(tokio::task::AbortHandle::abort);
    }
}

/// Listens to both streams.
struct Ear {
    heard: Mutex<Heard>,
    to: Transcript,
    /// Counts pieces read, to tell a busy stream from a silent one.
    beat: AtomicU64,
}

struct Heard {
    said: Said,
    out: Option<Budget>,
    err: Option<Budget>,
    held_open: bool,
}

impl Ear {
    fn new(limit: usize, to: Transcript) -> Self {
        let budget = || Some(Budget::new(limit));
        let heard = Heard { said: Said::default(), out: budget(), err: budget(), held_open: false };
        Self { heard: Mutex::new(heard), to, beat: AtomicU64::new(0) }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, piece: Piece<'_>, stdout: bool) {
        let heard = &mut *self.locked();
        if !stdout {
            if let Some(budget) = &mut heard.err {
                budget.add_bytes(piece.bytes, piece.ends, &self.to);
            }
            return;
        }
        let Some(budget) = &mut heard.out else { return };
        let text = if piece.continues { std::borrow::Cow::Borrowed("") } else { String::from_utf8_lossy(piece.bytes) };
        let line = parse(&text, piece.whole());
        heard.said.hear(&line);
        match line {
            Line::Text => budget.add_bytes(piece.bytes, piece.ends, &self.to),
            Line::Log(text) => budget.add(&text, true, &self.to),
            Line::Fact { name, value } => budget.add(&format!("[fact] {name} = {value}"), true, &self.to),
            Line::Result { outcome, message } => {
                budget.add(&format!("[result] {}: {message}", outcome_name(outcome)), true, &self.to);
            }
            Line::Broken(why) => {
                budget.add_bytes(piece.bytes, piece.ends, &self.to);
                budget.add(&format!("[interlock: {why}]"), true, &self.to);
            }
        }
    }

    /// Waits for a reader to reach the end of its stream, as long as anything comes.
    async fn drain(&self, mut reader: tokio::task::JoinHandle<()>) {
        let hard = Instant::now() + 10 * SILENCE;
        loop {
            let before = self.beat.load(Ordering::Relaxed);
            if timeout(SILENCE, &mut reader).await.is_ok() {
                return;
            }
            if self.beat.load(Ordering::Relaxed) == before || Instant::now() > hard {
                reader.abort();
                self.locked().held_open = true;
                return;
            }
        }
    }

    fn finish(&self) -> Said {
        let mut heard = self.locked();
        if let Some(out) = heard.out.take() {
            out.finish("stdout", &self.to);
        }
        if let Some(err) = heard.err.take() {
            err.finish("stderr", &self.to);
        }
        if heard.held_open {
            self.to.line("[interlock: a process that left the program's group holds its output open; what it writes is not kept]");
        }
        std::mem::take(&mut heard.said)
    }
}

async fn listen(mut stream: impl AsyncRead + Unpin, ear: Arc<Ear>, stdout: bool) {
    let mut lines = Lines::default();
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read) = stream.read(&mut buffer).await {
        if read == 0 {
            break;
        }
        ear.beat.fetch_add(1, Ordering::Relaxed);
        let hear = |piece: Piece<'_>| ear.hear(piece, stdout);
        if stdout { lines.push(&buffer[..read], hear) } else { lines.push_block(&buffer[..read], hear) }
    }
    lines.end(|piece| ear.hear(piece, stdout));
}
