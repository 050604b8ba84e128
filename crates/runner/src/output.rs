//! What a step writes, kept in bounds: a transcript per step, and the cutting of two endless streams down to it. What its report
//! carries whole stays in memory: most steps write a line, and a file for each is what they would spend their time on.
//!
//! Invariants: memory and disk per step are bounded whatever a program writes; what is left out is counted and said; the
//! transcript is UTF-8, bytes that are not are replaced and counted; its digest is over exactly the text that is sent.
//! Deliberately absent: any waiting. A slow server never slows a program down, because output goes to the file first.

use interlock_ids::Digest;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{BufRead as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Longest line that is understood, in bytes; a longer one is log output, in pieces.
pub const LINE_MAX: usize = 64 << 10;
/// How much of the end goes into the report, in bytes.
pub const TAIL_MAX: usize = 4 << 10;

/// The full output of one step: in memory while its report can carry all of it, on disk from then on.
#[derive(Clone)]
pub struct Transcript {
    inner: Arc<Mutex<Written>>,
    path: Arc<PathBuf>,
    grown: Arc<Notify>,
}

struct Written {
    file: Option<File>,
    bytes: u64,
    hash: Sha256,
    /// The end of it; all of it as long as there is no file.
    tail: String,
    lost: Option<String>,
}

impl Transcript {
    /// A transcript at `path`, replacing what is there when it gets a file. `grown` is notified whenever text is added.
    pub fn new(path: PathBuf, grown: Arc<Notify>) -> Self {
        let written = Written { file: None, bytes: 0, hash: Sha256::new(), tail: String::new(), lost: None };
        Self { inner: Arc::new(Mutex::new(written)), path: Arc::new(path), grown }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Length so far, in bytes of UTF-8.
    pub fn bytes(&self) -> u64 {
        self.locked().bytes
    }

    /// What was written from an offset on, if it is in memory.
    pub fn in_memory(&self, from: u64) -> Option<String> {
        let inner = self.locked();
        let from = usize::try_from(from).ok()?;
        inner.file.is_none().then(|| inner.tail.get(from..).map(str::to_owned)).flatten()
    }

    /// Adds text. When the disk refuses, the transcript ends there and [`Transcript::finish`] says so.
    pub fn add(&self, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut inner = self.locked();
        if inner.lost.is_some() {
            return;
        }
        if let Err(error) = inner.write(&self.path, text) {
            inner.lost = Some(format!("the output could not be kept whole: {error}"));
            return;
        }
        inner.bytes += text.len() as u64;
        inner.hash.update(text.as_bytes());
        inner.tail.push_str(text);
        if inner.tail.len() > 2 * TAIL_MAX {
            cut_front(&mut inner.tail, TAIL_MAX);
        }
        drop(inner);
        self.grown.notify_one();
    }

    /// Adds a line.
    pub fn line(&self, text: &str) {
        self.add(&format!("{text}\n"));
    }

    /// Digest (`None` when nothing was written), the last [`TAIL_MAX`] bytes, and what was lost.
    pub fn finish(&self) -> (Option<Digest>, String, Option<String>) {
        let mut inner = self.locked();
        cut_front(&mut inner.tail, TAIL_MAX);
        let digest = (inner.bytes > 0).then(|| Digest(inner.hash.clone().finalize().into()));
        (digest, inner.tail.clone(), inner.lost.clone())
    }

    fn locked(&self) -> MutexGuard<'_, Written> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Written {
    fn write(&mut self, path: &Path, text: &str) -> std::io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None if self.tail.len() + text.len() <= TAIL_MAX => return Ok(()),
            None => {
                if let Some(parent) = path.parent() {
                    std::fs::create_dir_all(parent)?;
                }
                let mut file = File::create(path)?;
                file.write_all(self.tail.as_bytes())?;
                self.file.insert(file)
            }
        };
        file.write_all(text.as_bytes())
    }
}

fn cut_front(text: &mut String, keep: usize) {
    if text.len() > keep {
        let mut from = text.len() - keep;
        while !text.is_char_boundary(from) {
            from += 1;
        }
        text.drain(..from);
    }
}

/// Cuts a stream of bytes into lines no longer than [`LINE_MAX`].
#[derive(Default)]
pub struct Lines {
    pending: Vec<u8>,
    continued: bool,
}

/// One line, or a piece of one that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Without the newline.
    pub bytes: &'a [u8],
    /// Whether a newline (or the end of the stream) follows.
    pub ends: bool,
    /// Whether this goes on from the piece before.
    pub continues: bool,
}

impl Piece<'_> {
    /// Whether this is a line from its beginning to its end.
    pub fn whole(&self) -> bool {
        self.ends && !self.continues
    }
}

impl Lines {
    /// Takes in bytes and hands on every line or piece that is complete.
    pub fn push(&mut self, mut bytes: &[u8], mut each: impl FnMut(Piece<'_>)) {
        while !bytes.is_empty() {
            let room = (LINE_MAX - self.pending.len()) as u64;
            let read = bytes.take(room).read_until(b'\n', &mut self.pending).unwrap_or(0);
            bytes = &bytes[read..];
            if self.pending.last() == Some(&b'\n') {
                self.pending.pop();
                each(Piece { bytes: &self.pending, ends: true, continues: self.continued });
                self.pending.clear();
                self.continued = false;
            } else if self.pending.len() == LINE_MAX {
                // A character cut in two would count as invalid on both sides.
                let cut = match std::str::from_utf8(&self.pending) {
                    Err(error) if error.error_len().is_none() => error.valid_up_to(),
                    _ => LINE_MAX,
                };
                each(Piece { bytes: &self.pending[..cut], ends: false, continues: self.continued });
                self.pending.drain(..cut);
                self.continued = true;
            }
        }
    }

    /// Takes in bytes nobody reads as lines and hands on as many whole lines at once as there are; much faster than
    /// [`Lines::push`] for short lines.
    pub fn push_block(&mut self, bytes: &[u8], mut each: impl FnMut(Piece<'_>)) {
        let newline = bytes.iter().rposition(|byte| *byte == b'\n');
        let (whole, rest) = bytes.split_at(newline.map_or(0, |at| at + 1));
        if let Some(lines) = whole.strip_suffix(b"\n") {
            self.pending.extend_from_slice(lines);
            each(Piece { bytes: &self.pending, ends: true, continues: self.continued });
            self.pending.clear();
            self.continued = false;
        }
        self.push(rest, each);
    }

    /// Hands on what is left at the end of the stream.
    pub fn end(&mut self, mut each: impl FnMut(Piece<'_>)) {
        if !self.pending.is_empty() || self.continued {
            each(Piece { bytes: &self.pending, ends: true, continues: self.continued });
        }
        self.pending.clear();
        self.continued = false;
    }
}

/// Keeps the first and the last half of a stream's text within a limit.
pub struct Budget {
    head_left: usize,
    tail_max: usize,
    tail: Vec<u8>,
    dropped: u64,
    invalid: u64,
    headless: bool,
}

impl Budget {
    /// `limit` in bytes.
    pub fn new(limit: usize) -> Self {
        let half = limit / 2;
        Self { head_left: half, tail_max: half, tail: Vec::new(), dropped: 0, invalid: 0, headless: false }
    }

    /// Adds bytes that may be no UTF-8.
    pub fn add_bytes(&mut self, bytes: &[u8], newline: bool, to: &Transcript) {
        let text = String::from_utf8_lossy(bytes);
        if let std::borrow::Cow::Owned(_) = text {
            self.invalid += bytes.utf8_chunks().filter(|chunk| !chunk.invalid().is_empty()).count() as u64;
        }
        self.add(&text, newline, to);
    }

    /// Adds text: to the transcript while the first half lasts, else to the rolling last half.
    pub fn add(&mut self, text: &str, newline: bool, to: &Transcript) {
        let length = text.len() + usize::from(newline);
        if !self.headless && self.head_left >= length {
            self.head_left -= length;
            if newline {
                to.line(text)
            } else {
                to.add(text)
            }
            return;
        }
        self.headless = true;
        self.tail.extend_from_slice(text.as_bytes());
        if newline {
            self.tail.push(b'\n');
        }
        if self.tail.len() > 2 * self.tail_max {
            self.trim();
        }
    }

    fn trim(&mut self) {
        if self.tail.len() > self.tail_max {
            let cut = self.tail.len() - self.tail_max;
            self.tail.drain(..cut);
            self.dropped += cut as u64;
        }
    }

    /// Writes the last half, and what was left out or replaced, about the stream called `name`.
    pub fn finish(mut self, name: &str, to: &Transcript) {
        self.trim();
        if self.dropped > 0 {
            let cut = self.tail.iter().position(|byte| *byte & 0xC0 != 0x80).unwrap_or(self.tail.len());
            self.tail.drain(..cut);
            to.line(&format!("\n[interlock: {} bytes of {name} left out here]", self.dropped + cut as u64));
        }
        to.add(&String::from_utf8_lossy(&self.tail));
        if self.invalid > 0 {
            to.line(&format!(
                "[interlock: {} sequences of {name} were not UTF-8 and are shown as \u{FFFD}]",
                self.invalid
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn transcript(dir: &tempfile::TempDir) -> Transcript {
        Transcript::new(dir.path().join("output"), Arc::new(Notify::new()))
    }

    #[test]
    fn what_a_report_carries_whole_needs_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let transcript = transcript(&dir);
        transcript.add("a");
        transcript.line("bc");
        let (digest, tail, lost) = transcript.finish();
        assert!(!transcript.path().exists());
        assert_eq!(transcript.in_memory(1).as_deref(), Some("bc\n"));
        // sha256sum of "abc\n"
        let known = "sha256:edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb";
        assert_eq!(digest.map(|digest| digest.to_string()).as_deref(), Some(known));
        assert_eq!((tail.as_str(), lost), ("abc\n", None));
    }

    #[test]
    fn digest_is_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let transcript = transcript(&dir);
        let text: String = (0..1000).map(|n| format!("{n:09}\n")).collect();
        text.split_inclusive('\n').for_each(|line| transcript.add(line));
        let (digest, tail, lost) = transcript.finish();
        assert_eq!(std::fs::read_to_string(transcript.path()).unwrap(), text);
        assert_eq!(digest, Some(Digest(Sha256::digest(&text).into())));
        assert!(text.ends_with(&tail) && tail.len() == TAIL_MAX && lost.is_none());
        assert_eq!(transcript.in_memory(0), None);
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let to = transcript(&dir);
        let mut budget = Budget::new(200);
        (0..1000).for_each(|n| budget.add(&format!("{n:09}"), true, &to));
        budget.finish("stdout", &to);
        let text = to.in_memory(0).unwrap();
        assert!(text.starts_with("000000000\n") && text.ends_with("000000999\n"));
        assert!(text.contains("[interlock: 9800 bytes of stdout left out here]"), "{text}");
        assert!(text.len() < 300);
    }

    #[test]
    fn a_full_disk_is_said_and_the_step_goes_on() {
        let transcript = Transcript::new(PathBuf::from("/proc/nowhere/output"), Arc::new(Notify::new()));
        transcript.add(&"x".repeat(TAIL_MAX + 1));
        assert!(transcript.finish().2.unwrap().contains("could not be kept whole"));
    }

    proptest! {
        #[test]
        fn cutting_loses_nothing(parts in prop::collection::vec("[a-zé\n]{0,40}", 0..20), long in 0usize..200_000, block: bool) {
            let mut input: Vec<u8> = "é".repeat(long).into_bytes();
            parts.iter().for_each(|part| input.extend_from_slice(part.as_bytes()));
            let (mut lines, mut output, mut longest) = (Lines::default(), Vec::new(), 0);
            let mut each = |piece: Piece<'_>| {
                longest = longest.max(piece.bytes.len());
                assert!(std::str::from_utf8(piece.bytes).is_ok());
                output.extend_from_slice(piece.bytes);
                if piece.ends { output.push(b'\n') }
            };
            input.chunks(7777).for_each(|chunk| if block { lines.push_block(chunk, &mut each) } else { lines.push(chunk, &mut each) });
            lines.end(&mut each);
            if !input.is_empty() && input.last() != Some(&b'\n') { input.push(b'\n') }
            prop_assert_eq!(output, input);
            prop_assert!(longest <= LINE_MAX + 7777);
        }
    }
}
