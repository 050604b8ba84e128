//! `note`: texts that people wrote.

use super::act;
use crate::{context::Global, failure::Done};
use interlock_wire::erasure::{Basis, Erase};

/// On what ground, as it is typed.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Ground {
    /// The person asked for it
    Request,
    /// It has been kept as long as it may be
    Retention,
    /// It should never have been kept
    Unlawful,
    /// The reason says
    Other,
}

impl From<Ground> for Basis {
    fn from(it: Ground) -> Self {
        match it {
            Ground::Request => Basis::Request,
            Ground::Retention => Basis::Retention,
            Ground::Unlawful => Basis::Unlawful,
            Ground::Other => Basis::Other,
        }
    }
}

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Take a text off the desk; entries that refer to it say that it was redacted
    #[command(
        after_help = "Example:\n  interlock note redact not_01h --basis unlawful --reason \"It told of an illness\""
    )]
    Redact {
        /// Id of the note: `interlock account export` and `interlock ledger knew` name them
        id: String,
        #[arg(long, value_enum, default_value = "other")]
        basis: Ground,
        /// Names nobody; kept with the entry that says that it was done
        #[arg(long, short)]
        reason: String,
    },
}

pub async fn run(verb: Verb, global: &Global) -> Done {
    match verb {
        Verb::Redact { id, basis, reason } => {
            act(global, "notes", &id, "redact", &Erase { basis: basis.into(), reason }).await
        }
    }
}
