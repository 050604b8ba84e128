//! What may happen to runners.

use super::*;
use crate::{
    core::{By, Context, World},
    policy::{Question, authorise},
    reason::{Blocker, Refusal, RefusalKind, only_by_system},
};
use interlock_ids::{Digest, Name};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// The runner within the server; nobody far away may be called so.
pub const LOCAL: &str = "local";
/// The longest an invitation may wait.
const INVITATION: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long the former key is taken after a rotation: requests on their way, an answer that got lost.
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);
const LABELS: usize = 50;
const LABEL: usize = 100;

pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::Invite { runner, token, labels, until } => invite(
            world,
            Invited {
                runner: runner.clone(),
                token: *token,
                labels: labels.clone(),
                until: *until,
                account: ctx.actor.account_id(),
            },
            ctx,
        ),
        Command::Withdraw { runner } => {
            manage(world, runner, ctx)?;
            if world.runner.invitations.contains_key(runner) {
                return Ok(vec![Event::Withdrawn(Withdrawn { runner: runner.clone() })]);
            }
            Err(Refusal::not_found("invitation of a runner", runner))
        }
        Command::Enrol { token, key } => enrol(world, token, *key, ctx),
        Command::RotateKey { runner, key } => rotate(world, runner, *key, ctx),
        Command::Revoke { runner, reason } => {
            manage(world, runner, ctx)?;
            match find(world, runner)?.revoked {
                Some(_) => Ok(Vec::new()),
                None => Ok(vec![Event::Revoked(Revoked { runner: runner.clone(), reason: *reason })]),
            }
        }
        Command::Drain { runner, drained } => {
            manage(world, runner, ctx)?;
            let it = in_force(world, runner)?;
            Ok(match (it.drained, *drained) {
                (false, true) => vec![Event::Drained(Drained { runner: runner.clone() })],
                (true, false) => vec![Event::Undrained(Undrained { runner: runner.clone() })],
                _ => Vec::new(),
            })
        }
    }
}

fn manage(world: &World, runner: &Name, ctx: &Context) -> Result<(), Refusal> {
    authorise(world, ctx, Question::new("runner.manage", "Runner", runner)).map(drop)
}

fn find<'a>(world: &'a World, name: &Name) -> Result<&'a Runner, Refusal> {
    world.runner.runner(name).ok_or_else(|| Refusal::not_found("runner", name))
}

fn in_force<'a>(world: &'a World, name: &Name) -> Result<&'a Runner, Refusal> {
    let it = find(world, name)?;
    match it.revoked {
        None => Ok(it),
        Some(at) => {
            let message = format!("runner `{name}` was revoked at {at}");
            let clears = "invite it anew, and let it enrol";
            let blocker = Blocker::new("runner-revoked", message.clone(), clears, "an administrator");
            Err(Refusal::new(RefusalKind::Blocked, message, vec![blocker]))
        }
    }
}

fn invite(world: &World, wanted: Invited, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    let runner = &wanted.runner;
    manage(world, runner, ctx)?;
    if let Some(known) = world.runner.runner(runner).filter(|it| it.revoked.is_none()) {
        let message = format!("there is a runner `{runner}` already, enrolled at {}", known.enrolled);
        let clears = "choose another name, or revoke that one first";
        let blocker = Blocker::new("runner-exists", message.clone(), clears, "an administrator");
        return Err(Refusal::new(RefusalKind::Blocked, message, vec![blocker]));
    }
    let mut found = Vec::new();
    let mut problem =
        |code: &str, message: String, clears: &str| found.push(Blocker::new(code, message, clears, "you"));
    if runner.as_str() == LOCAL {
        problem("runner-name", format!("`{LOCAL}` is the runner within the server"), "choose another name");
    }
    let latest = ctx.now.checked_add(INVITATION).unwrap_or(ctx.now);
    if wanted.until <= ctx.now || wanted.until > latest {
        problem(
            "invitation-length",
            format!("the invitation would be good until {}", wanted.until),
            "make it good for at most seven days from now",
        );
    }
    if let Some(message) = labels_wrong(&wanted.labels) {
        problem("labels", message, "give at most 50 labels; names and values have 1 to 100 printable characters");
    }
    match found.is_empty() {
        true => Ok(vec![Event::Invited(wanted)]),
        false => Err(Refusal::new(RefusalKind::Invalid, format!("runner `{runner}` cannot be invited so"), found)),
    }
}

/// What is wrong with labels, if anything is.
pub(crate) fn labels_wrong(labels: &BTreeMap<String, String>) -> Option<String> {
    let text = |text: &String| (1..=LABEL).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if labels.len() > LABELS {
        return Some(format!("there are {} labels", labels.len()));
    }
    let bad = labels.iter().find(|(name, value)| !text(name) || !text(value))?;
    Some(format!("the label `{}` has a name or a value that cannot be", bad.0.chars().take(40).collect::<String>()))
}

fn enrol(world: &World, token: &Digest, key: Key, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    only_by_system(ctx, "enrolling a runner")?;
    let Some(invitation) = world.runner.invitation(token).filter(|it| ctx.now < it.until) else {
        let message = "the invitation is not known, was used, or has run out".to_owned();
        let clears = "ask for a new invitation; if nobody you know has used it, have the runner revoked that did";
        let blocker = Blocker::new("invitation-unknown", message.clone(), clears, "an administrator");
        return Err(Refusal::new(RefusalKind::Denied, message, vec![blocker]));
    };
    free(world, key, &invitation.runner)?;
    let (runner, labels) = (invitation.runner.clone(), invitation.labels.clone());
    Ok(vec![Event::Enrolled(Enrolled { runner, token: *token, key, labels })])
}

fn rotate(world: &World, runner: &Name, key: Key, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    let own = matches!(&ctx.actor.by, By::Runner(name) if name == runner);
    if !own {
        let message = "a runner's key is replaced by the runner itself";
        let blocker = Blocker::new("not-this-runner", message, "sign with the runner's key", "the runner");
        return Err(Refusal::new(RefusalKind::Denied, message, vec![blocker]));
    }
    let it = in_force(world, runner)?;
    if it.key == key {
        return Ok(Vec::new());
    }
    free(world, key, runner)?;
    let overlap: Timestamp = ctx.now.checked_add(OVERLAP).unwrap_or(ctx.now);
    Ok(vec![Event::KeyRotated(KeyRotated { runner: runner.clone(), key, overlap })])
}

/// Two runners never share a key: whoever copied one would be the other.
fn free(world: &World, key: Key, runner: &Name) -> Result<(), Refusal> {
    let taken = |it: &Runner| it.key == key || it.former.is_some_and(|(former, _)| former == key);
    match world.runner.runners.values().find(|it| taken(it)) {
        None => Ok(()),
        Some(other) => {
            let message = format!("the key of runner `{runner}` is, or was, that of runner `{}`", other.name);
            Err(Refusal::invalid("runner-key-taken", message, "make a key of its own: empty its data directory"))
        }
    }
}
