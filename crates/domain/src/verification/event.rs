//! What has happened in analyses.

use super::{Compared, Resolution, Summary, Verdict};
use crate::{
    core::{Subject, World, payload},
    reason::NoteRef,
    release::CanarySpec,
};
use interlock_ids::{AnalysisId, DeploymentId, Digest, Name, ReleaseId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Event {
    #[serde(rename = "verification.begun")]
    Begun(Begun),
    #[serde(rename = "verification.concluded")]
    Concluded(Concluded),
    #[serde(rename = "verification.resolved")]
    Resolved(Resolved),
    #[serde(rename = "verification.stopped")]
    Stopped(Stopped),
}

payload! {
    /// A wave is being judged. Since 0.1.
    Begun {
        analysis: AnalysisId,
        release: ReleaseId,
        deployment: DeploymentId,
        environment: Name,
        wave: u32,
        spec: CanarySpec,
        compared: Vec<Compared>,
    }
    /// The judge's verdict. Since 0.1.
    Concluded { analysis: AnalysisId, verdict: Verdict, summary: Summary, evidence: Digest }
    /// A person decided what the judge could not. Since 0.1.
    Resolved { analysis: AnalysisId, resolution: Resolution, reason: NoteRef }
    /// It ended without a verdict. Since 0.1.
    Stopped { analysis: AnalysisId }
}

impl Event {
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Begun(_) => "verification.begun",
            Event::Concluded(_) => "verification.concluded",
            Event::Resolved(_) => "verification.resolved",
            Event::Stopped(_) => "verification.stopped",
        }
    }

    pub fn subjects(&self, world: &World) -> Vec<Subject> {
        let analysis = match self {
            Event::Begun(it) => return vec![Subject::Deployment(it.deployment), Subject::Release(it.release)],
            Event::Concluded(it) => it.analysis,
            Event::Resolved(it) => it.analysis,
            Event::Stopped(it) => it.analysis,
        };
        let analysis = world.verification.analysis(analysis);
        analysis.into_iter().flat_map(|it| [Subject::Deployment(it.deployment), Subject::Release(it.release)]).collect()
    }
}
