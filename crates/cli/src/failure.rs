//! Why a command did not do what was asked, and the exit code that says so.
//!
//! Invariant: the codes are documented and never change their meaning: 0 done, 1 refused, 2 wrong usage, 3 inconclusive or
//! timed out, 4 the server cannot be reached, 5 the server shows another past than before, 70 a bug of ours.

use interlock_wire::problem::Problem;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The server, or a file, says no, with every reason.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// Something on this machine could not be done: a file that cannot be read, a ledger that is damaged.
    #[error("{0}")]
    Failed(String),
    #[error("{0}")]
    Usage(String),
    /// Nobody can say, or it took too long.
    #[error("{0}")]
    Inconclusive(String),
    #[error("{0}")]
    Unreachable(String),
    /// The server's ledger contradicts what it showed before.
    #[error("{0}")]
    Forked(String),
    #[error("{0}")]
    Bug(String),
}

pub type Done<T = ()> = Result<T, Failure>;

impl Failure {
    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Refused(_) | Failure::Failed(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Inconclusive(_) => 3,
            Failure::Unreachable(_) => 4,
            Failure::Forked(_) => 5,
            Failure::Bug(_) => 70,
        }
    }

    /// What was attempted, on what, and what the machine said.
    pub fn io(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Failure::Failed(format!("{doing} `{}` failed: {error}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_documented_exit_code() {
        let text = String::new;
        let all = [
            (Failure::Failed(text()), 1),
            (Failure::Usage(text()), 2),
            (Failure::Inconclusive(text()), 3),
            (Failure::Unreachable(text()), 4),
            (Failure::Forked(text()), 5),
            (Failure::Bug(text()), 70),
        ];
        for (failure, code) in all {
            assert_eq!(failure.exit_code(), code);
        }
    }
}
