//! The watch over a release, as its page shows it.

use super::release::trigger_view;
use crate::lens::{Lens, status, verdict};
use interlock_domain::{
    operations::{self as domain, Phase},
    reason::Outcome,
};
use interlock_wire::{
    operations::Watch,
    reason::{Severity, Status},
};

fn state(it: &domain::Watch) -> Status {
    match (it.phase, it.outcome) {
        (Phase::Deploying, _) => status("deploying", Severity::Info, false),
        (Phase::Stabilising { .. }, _) => status("stabilising", Severity::Info, false),
        (Phase::Ended, Some(Outcome::Pass)) => status("passed", Severity::Good, true),
        (Phase::Ended, Some(Outcome::Fail)) => status("failed", Severity::Bad, true),
        (Phase::Ended, Some(Outcome::Inconclusive)) => status("inconclusive", Severity::Warning, true),
        (Phase::Ended, None) => status("stopped", Severity::Neutral, true),
    }
}

pub fn watch(lens: &Lens, it: &domain::Watch) -> Watch {
    let ends = match it.phase {
        Phase::Stabilising { until } => Some(until),
        Phase::Deploying | Phase::Ended => None,
    };
    Watch {
        id: it.id.to_string(),
        release: lens.release(it.release),
        status: state(it),
        started_at: it.begun,
        ends_at: ends,
        ended_at: it.ended,
        verdict: it.outcome.map(verdict),
        interval_s: it.spec.interval_s,
        looks: it.looks,
        usable: it.usable,
        triggers: it.triggers.iter().map(|trigger| trigger_view(lens, trigger, &it.fired)).collect(),
    }
}
