//! What can go wrong while the demo world is built, started or stopped. Each message names what was attempted, on what,
//! and what to do next where there is something to do.

use std::io;
use std::path::{Path, PathBuf};

/// Every failure of this crate.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file or directory could not be read, written or moved.
    #[error("cannot {action} {}: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
    /// A program the demo needs is not installed.
    #[error("the demo needs `{program}` and cannot run it ({source}); install {hint} and start again")]
    MissingProgram { program: String, hint: &'static str, source: io::Error },
    /// A program ran and reported failure.
    #[error("`{command}` failed ({status}): {output}")]
    Command { command: String, status: String, output: String },
    /// A file of the demo world does not have the expected content.
    #[error("{} is not what the demo wrote: {reason}; remove the data directory and start again", path.display())]
    Damaged { path: PathBuf, reason: String },
    /// A part of the world did not start, or did not answer.
    #[error("{what} did not start: {reason}")]
    NotStarted { what: String, reason: String },
    /// An argument or configuration is out of range.
    #[error("{0}")]
    Invalid(String),
    /// A network address could not be used.
    #[error("cannot {action} {address}: {source}; another program may use the port")]
    Address { action: &'static str, address: String, source: io::Error },
    /// An HTTP exchange with a part of the world failed.
    #[error("{method} {url}: {reason}")]
    Http { method: &'static str, url: String, reason: String },
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, DemoError>;

/// Gives an I/O error the path and the attempt it belongs to.
pub(crate) trait OnPath<T> {
    fn on(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T> OnPath<T> for io::Result<T> {
    fn on(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| DemoError::File { action, path: path.to_owned(), source })
    }
}
