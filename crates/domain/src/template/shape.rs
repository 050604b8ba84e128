//! The shape of a release: everything about it but its name, its text, its builds, its window and its class.

use crate::release::{Model, RollbackPlan, Spec, Trigger, WatchSpec};
use interlock_ids::Name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    pub environment: Name,
    pub services: BTreeSet<Name>,
    pub pipeline: Name,
    pub model: Model,
    pub length_s: u32,
    pub triggers: Vec<Trigger>,
    pub rollback: RollbackPlan,
    pub watch: WatchSpec,
}

impl Shape {
    pub fn of(spec: &Spec) -> Self {
        Self {
            environment: spec.environment.clone(),
            services: spec.items.iter().map(|it| it.service.clone()).collect(),
            pipeline: spec.pipeline.clone(),
            model: spec.model.clone(),
            length_s: spec.length_s,
            triggers: spec.triggers.clone(),
            rollback: spec.rollback.clone(),
            watch: spec.watch,
        }
    }
}

/// In what a release differs from a shape, in words; empty if it matches exactly.
pub fn differences(shape: &Shape, spec: &Spec) -> Vec<String> {
    let it = Shape::of(spec);
    let mut found = Vec::new();
    let listed = |all: &BTreeSet<Name>| all.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(", ");
    let mut differ = |what: &str, same: bool, wanted: String, given: String| {
        if !same {
            found.push(format!("{what} ({given} instead of {wanted})"));
        }
    };
    differ(
        "environment",
        it.environment == shape.environment,
        shape.environment.to_string(),
        it.environment.to_string(),
    );
    differ("services", it.services == shape.services, listed(&shape.services), listed(&it.services));
    differ("pipeline", it.pipeline == shape.pipeline, shape.pipeline.to_string(), it.pipeline.to_string());
    differ("length", it.length_s == shape.length_s, format!("{} s", shape.length_s), format!("{} s", it.length_s));
    let mut part = |what: &str, same: bool| differ(what, same, "that of the template".into(), "another".into());
    part("model", it.model == shape.model);
    part("triggers", it.triggers == shape.triggers);
    part("rollback plan", it.rollback == shape.rollback);
    part("watch", it.watch == shape.watch);
    found
}
