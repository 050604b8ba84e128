//! The templates there are, and how far each is trusted.

use super::{Event, Shape};
use crate::core::{Map, Meta, edit};
use crate::reason::NoteRef;
use interlock_ids::{AccountId, Name, ReleaseId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Uses that are looked back on: an old record hides nothing that is new.
pub(crate) const USES: usize = 100;
/// Confidence of the two-sided interval whose lower end is used: 95 % one-sided.
const CONFIDENCE: f64 = 0.90;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nobody has approved it.
    Proposed,
    /// It may be used, and every use is approved as a normal change.
    Probation,
    /// Its record spares its releases their approvals.
    Earned,
    Withdrawn,
}

impl Standing {
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Proposed => "proposed",
            Standing::Probation => "probation",
            Standing::Earned => "earned",
            Standing::Withdrawn => "withdrawn",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Template {
    pub name: Name,
    pub version: u32,
    pub shape: Shape,
    /// In thousandths.
    pub bar: u32,
    pub standing: Standing,
    pub from: ReleaseId,
    pub proposed_by: AccountId,
    pub proposed: Timestamp,
    pub reason: NoteRef,
    pub approved_by: Option<AccountId>,
    pub approved: Option<Timestamp>,
    /// The last uses, oldest first: which release, and whether it went well.
    pub uses: Vec<(ReleaseId, bool)>,
}

/// What a record of uses comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trust {
    pub uses: u32,
    pub good: u32,
    /// The lower bound of the success rate, 0 to 1; 0 without uses.
    pub lower: f64,
}

impl Trust {
    /// The bound in millionths, rounded down, as events hold it.
    pub fn millionths(&self) -> u32 {
        (self.lower * 1e6) as u32
    }

    /// Whether it reaches a bar in thousandths.
    pub fn reaches(&self, bar: u32) -> bool {
        self.millionths() >= bar * 1000
    }
}

/// The lower bound over the last uses, 95 % one-sided, of Clopper and Pearson's exact interval (Biometrika 1934), which never covers
/// less than it says: at a bar of 90 % that takes 29 uses without a failure.
pub fn trust(uses: &[(ReleaseId, bool)]) -> Trust {
    let last = &uses[uses.len().saturating_sub(USES)..];
    let good = last.iter().filter(|(_, good)| *good).count() as u64;
    let lower =
        interlock_stats::interval::clopper_pearson(good, last.len() as u64, CONFIDENCE).map_or(0.0, |it| it.low);
    Trust { uses: last.len() as u32, good: good as u32, lower }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub templates: Map<Name, Template>,
}

impl State {
    pub fn template(&self, name: &Name) -> Option<&Template> {
        self.templates.get(name).map(Arc::as_ref)
    }

    pub(crate) fn apply(&mut self, event: &Event, meta: &Meta) {
        match event {
            Event::Proposed(it) => {
                let template = Template {
                    name: it.template.clone(),
                    version: it.version,
                    shape: it.shape.clone(),
                    bar: it.bar,
                    standing: Standing::Proposed,
                    from: it.from,
                    proposed_by: it.account,
                    proposed: meta.at,
                    reason: it.reason,
                    approved_by: None,
                    approved: None,
                    uses: Vec::new(),
                };
                self.templates.insert(it.template.clone(), Arc::new(template));
            }
            Event::Approved(it) => edit(&mut self.templates, &it.template, |template| {
                template.standing = Standing::Probation;
                template.approved_by = Some(it.account);
                template.approved = Some(meta.at);
            }),
            Event::Withdrawn(it) => {
                edit(&mut self.templates, &it.template, |template| template.standing = Standing::Withdrawn)
            }
            Event::Used(it) => edit(&mut self.templates, &it.template, |template| {
                template.uses.push((it.release, it.good));
                let surplus = template.uses.len().saturating_sub(USES);
                template.uses.drain(..surplus);
            }),
            Event::Earned(it) => {
                edit(&mut self.templates, &it.template, |template| template.standing = Standing::Earned)
            }
            Event::Lost(it) => {
                edit(&mut self.templates, &it.template, |template| template.standing = Standing::Probation)
            }
        }
    }
}
