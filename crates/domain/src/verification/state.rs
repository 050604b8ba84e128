//! The analyses there are.

use super::{Event, Resolution};
use crate::{
    catalog::Metrics,
    core::{Fence, Map, Meta, Shared, edit},
    release::CanarySpec,
};
use interlock_ids::{AnalysisId, DeploymentId, Digest, Name, ReleaseId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the judge said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    Fail,
    /// The horizon came before an answer, or there was too little to measure.
    Inconclusive,
}

/// The verdict in figures; the whole course of evidence is in a blob.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// One sentence for people.
    pub text: String,
    /// log10 of the evidence that the new version is worse; convicts at 2.
    pub log10_evidence: f64,
    pub looks: u32,
    /// Looks at which both versions could be measured.
    pub usable: u32,
    pub requests_new: u64,
    pub requests_old: u64,
    /// Indicators that are worse, the worst first.
    pub culprits: Vec<String>,
    /// Bad requests that would not have been, so far.
    pub excess_bad_requests: f64,
}

/// Somewhere to measure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    pub target: Name,
    pub address: String,
}

/// One service's new and old targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    pub service: Name,
    pub metrics: Metrics,
    pub new: Vec<Place>,
    pub old: Vec<Place>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    pub id: AnalysisId,
    pub release: ReleaseId,
    pub deployment: DeploymentId,
    pub environment: Name,
    pub wave: u32,
    pub spec: CanarySpec,
    pub compared: Vec<Compared>,
    pub fence: Fence,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    pub verdict: Option<Verdict>,
    pub summary: Option<Summary>,
    pub evidence: Option<Digest>,
    /// What a person decided after an inconclusive verdict.
    pub resolution: Option<Resolution>,
    /// It was stopped before it had a verdict: it has none.
    pub stopped: bool,
}

/// What the shell is to measure, and for whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    pub analysis: AnalysisId,
    pub fence: Fence,
    pub release: ReleaseId,
    pub environment: Name,
    pub spec: CanarySpec,
    pub compared: Vec<Compared>,
    pub started: Timestamp,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub analyses: Map<AnalysisId, Analysis>,
    /// Those without a verdict.
    pub open: imbl::OrdSet<AnalysisId>,
    pub by_deployment: imbl::OrdMap<DeploymentId, imbl::Vector<AnalysisId>>,
}

impl State {
    pub fn analysis(&self, id: AnalysisId) -> Option<&Analysis> {
        self.analyses.get(&id).map(Arc::as_ref)
    }

    /// Drops what was compared in a deployment that is over, and the figures unless they tell why it was taken back.
    pub(crate) fn put_aside(&mut self, deployment: DeploymentId, shared: &Shared) {
        for id in self.by_deployment.get(&deployment).into_iter().flatten() {
            edit(&mut self.analyses, id, |analysis| {
                shared.environment(&mut analysis.environment);
                analysis.compared = Vec::new();
                if analysis.verdict == Some(Verdict::Pass) {
                    analysis.summary = None;
                }
            });
        }
    }

    pub(crate) fn apply(&mut self, event: &Event, meta: &Meta) {
        match event {
            Event::Begun(it) => {
                self.open.insert(it.analysis);
                self.by_deployment.entry(it.deployment).or_default().push_back(it.analysis);
                let analysis = Analysis {
                    id: it.analysis,
                    release: it.release,
                    deployment: it.deployment,
                    environment: it.environment.clone(),
                    wave: it.wave,
                    spec: it.spec.clone(),
                    compared: it.compared.clone(),
                    fence: 1,
                    started: meta.at,
                    ended: None,
                    verdict: None,
                    summary: None,
                    evidence: None,
                    resolution: None,
                    stopped: false,
                };
                self.analyses.insert(it.analysis, Arc::new(analysis));
            }
            Event::Concluded(it) => {
                self.open.remove(&it.analysis);
                edit(&mut self.analyses, &it.analysis, |analysis| {
                    analysis.ended = Some(meta.at);
                    analysis.verdict = Some(it.verdict);
                    analysis.summary = Some(it.summary.clone());
                    analysis.evidence = Some(it.evidence);
                });
            }
            Event::Resolved(it) => {
                edit(&mut self.analyses, &it.analysis, |analysis| analysis.resolution = Some(it.resolution));
                if it.resolution == Resolution::MeasureAgain {
                    self.open.insert(it.analysis);
                    edit(&mut self.analyses, &it.analysis, |analysis| {
                        analysis.fence += 1;
                        analysis.started = meta.at;
                        analysis.ended = None;
                        analysis.verdict = None;
                    });
                }
            }
            Event::Stopped(it) => {
                self.open.remove(&it.analysis);
                edit(&mut self.analyses, &it.analysis, |analysis| {
                    analysis.stopped = true;
                    analysis.ended = Some(meta.at);
                });
            }
        }
    }
}
