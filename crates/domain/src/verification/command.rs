//! What can be asked for about analyses.

use super::{Summary, Verdict};
use crate::{core::Fence, reason::NoteRef};
use interlock_ids::{AnalysisId, DeploymentId, Digest};
use serde::{Deserialize, Serialize};

/// What a person decides when the judge could not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    Proceed,
    Rollback,
    MeasureAgain,
}

#[derive(Clone, Debug)]
pub enum Command {
    /// Begins to judge a wave; follows from its deployment.
    Begin {
        deployment: DeploymentId,
        wave: u32,
    },
    /// The judge's verdict, from the shell that measured.
    Conclude {
        analysis: AnalysisId,
        fence: Fence,
        verdict: Verdict,
        summary: Summary,
        evidence: Digest,
    },
    Resolve {
        analysis: AnalysisId,
        resolution: Resolution,
        reason: NoteRef,
    },
    /// The deployment ended otherwise.
    Stop {
        analysis: AnalysisId,
    },
}
