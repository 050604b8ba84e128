//! Installing policy sets.

use super::{Event, Installed, Question, authorise};
use crate::{
    core::{By, Context, World},
    reason::{Blocker, Refusal, RefusalKind},
};
use interlock_policy::{Pack, PolicySet};

#[derive(Clone, Debug)]
pub enum Command {
    /// Puts a set of packs in force, in place of the one before. Interlock itself may do so once, when there is none.
    Install { packs: Vec<Pack> },
}

pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::Install { packs } => {
            let first = world.policy.packs().is_empty() && ctx.actor.by == By::System;
            if !first {
                authorise(world, ctx, Question::new("policy.install", "Organisation", "organisation"))?;
            }
            if packs.is_empty() {
                return Err(Refusal::invalid(
                    "no-packs",
                    "a policy set without packs permits nothing",
                    "name at least one pack",
                ));
            }
            let set = PolicySet::compile(packs).map_err(|errors| {
                let blockers: Vec<Blocker> = errors
                    .iter()
                    .map(|error| {
                        Blocker::new(
                            "policy-error",
                            format!("{} {}/{}:{}: {}", error.code, error.pack, error.file, error.line, error.what),
                            error.remedy.clone(),
                            "you",
                        )
                    })
                    .collect();
                Refusal::new(
                    RefusalKind::Invalid,
                    format!("the policy set does not compile: {} errors", blockers.len()),
                    blockers,
                )
            })?;
            let digest = set.digest().to_owned();
            if world.policy.set().is_some_and(|set| set.digest() == digest) {
                return Ok(Vec::new());
            }
            Ok(vec![Event::Installed(Installed { digest, packs: packs.clone() })])
        }
    }
}
