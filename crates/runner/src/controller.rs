//! The port to whoever hands out the work: the engine next door, or a server far away.
//!
//! Invariants: each call may be repeated without harm; an error means "ask again later", never "give up".

use async_trait::async_trait;
use interlock_wire::runner::{Lease, LeaseRequest, OutputChunk, PermitKey, ReportAck, ReportBatch};

/// Hands out steps and takes in answers.
#[async_trait]
pub trait Controller: Send + Sync {
    /// Steps to do now, and what was revoked. May hold the answer back for a while when there is nothing to do.
    async fn lease(&self, request: LeaseRequest) -> Result<Lease, ControllerError>;
    /// Takes in reports; a report it does not acknowledge comes again.
    async fn report(&self, batch: ReportBatch) -> Result<ReportAck, ControllerError>;
    /// Takes in output, in order of offset per key; the same piece may come again.
    async fn output(&self, chunks: Vec<OutputChunk>) -> Result<(), ControllerError>;
    /// Whether a lease request may take reports along, and whether little output may travel within its report.
    fn takes_reports(&self) -> bool {
        false
    }
    /// The keys permits are signed with now, each with the one that vouches for it.
    async fn permit_keys(&self) -> Result<Vec<PermitKey>, ControllerError> {
        Ok(Vec::new())
    }
}

/// The other side did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControllerError {
    /// It could not be asked, or did not answer.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// It answered no.
    #[error("the server refused with status {status}: {message}")]
    Refused { status: u16, code: String, message: String },
}

impl ControllerError {
    /// Whether the server says that this runner may do nothing any more.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "runner-revoked")
    }
}
