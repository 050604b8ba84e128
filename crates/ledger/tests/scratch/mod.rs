//! Where the files of a test go: memory if the machine has a file system in it, since each commit is synchronised and a
//! thousand of them on a busy disk would take minutes. Nothing tested here depends on the medium.

use std::path::Path;
use tempfile::TempDir;

/// A fresh folder, removed when dropped.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.or_else(|_| tempfile::tempdir()).unwrap()
}
