//! What may happen to templates.

use super::*;
use crate::{
    change::Class,
    core::{self, Context, World},
    policy::{Question, authorise},
    reason::{Blocker, Meaning, NoteRef, Refusal, RefusalKind, digest_of, only_by_system, sign},
    release,
};
use interlock_ids::{Name, ReleaseId};
use interlock_policy::{Fact, Facts};

pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::Propose { template, from, bar, reason } => propose(world, ctx, template, *from, *bar, *reason),
        Command::Approve { template, reason } => approve(world, ctx, template, *reason),
        Command::Withdraw { template, reason } => {
            let account = world.people.acting(&ctx.actor)?.id;
            authorise(world, ctx, Question::new("template.propose", "Template", template))?;
            let known = find(world, template)?;
            if known.standing == Standing::Withdrawn {
                return Ok(Vec::new());
            }
            let (template, version) = (template.clone(), known.version);
            Ok(vec![Event::Withdrawn(Withdrawn { template, version, account, reason: *reason })])
        }
        Command::Reckon { release, good } => {
            only_by_system(ctx, "the record of a template")?;
            reckon(world, *release, *good)
        }
    }
}

/// A standard change that has ended counts for its template: well if it stands, badly if it was taken back or a rollback was tried.
/// One that was cancelled says nothing.
pub fn react(world: &World, event: &core::Event) -> Vec<Command> {
    let (release, good) = match event {
        core::Event::Release(release::Event::Closed(it)) => {
            (it.release, it.reason.is_none() && world.rollback.of_release(it.release).is_none())
        }
        core::Event::Release(release::Event::RolledBack(it)) => (it.release, false),
        _ => return Vec::new(),
    };
    let named = world.release.release(release).filter(|it| it.spec.class == Class::Standard);
    let named = named.filter(|it| it.spec.template.is_some());
    named.map(|_| Command::Reckon { release, good }).into_iter().collect()
}

fn find<'a>(world: &'a World, name: &Name) -> Result<&'a Template, Refusal> {
    world.template.template(name).ok_or_else(|| Refusal::not_found("template", name))
}

fn propose(
    world: &World,
    ctx: &Context,
    template: &Name,
    from: ReleaseId,
    bar: u32,
    reason: NoteRef,
) -> Result<Vec<Event>, Refusal> {
    let account = world.people.acting(&ctx.actor)?.id;
    authorise(world, ctx, Question::new("template.propose", "Template", template))?;
    let release = world.release.release(from).ok_or_else(|| Refusal::not_found("release", from))?;
    let mut wrong = Vec::new();
    if !(500..=999).contains(&bar) {
        let message = format!("the bar is {bar} thousandths");
        wrong.push(Blocker::new("bar-out-of-range", message, "500 to 999 thousandths, such as 900", "you"));
    }
    // Of a release that is over, the world keeps no more than lists need: its shape would be a torn one.
    if release.stage.is_terminal() {
        let message = format!("release `{}` is over, and its plan is put aside", release.spec.name);
        wrong.push(Blocker::new("release-over", message, "propose it from a release that is still open", "you"));
    }
    if !wrong.is_empty() {
        return Err(Refusal::new(RefusalKind::Invalid, "the template cannot be proposed like this", wrong));
    }
    let shape = Shape::of(&release.spec);
    let before = world.template.template(template);
    if before.is_some_and(|it| it.shape == shape && it.bar == bar && it.standing != Standing::Withdrawn) {
        return Ok(Vec::new());
    }
    let version = before.map_or(1, |it| it.version + 1);
    Ok(vec![Event::Proposed(Proposed { template: template.clone(), version, from, shape, bar, account, reason })])
}

fn approve(world: &World, ctx: &Context, name: &Name, reason: NoteRef) -> Result<Vec<Event>, Refusal> {
    let account = world.people.acting(&ctx.actor)?.id;
    let template = find(world, name)?;
    let facts = [
        ("is_proposer", Fact::Bool(world.people.same_person(account, template.proposed_by))),
        ("signed", Fact::Bool(ctx.actor.proof.is_some())),
    ];
    let facts = Facts(facts.into_iter().map(|(name, fact)| (name.to_owned(), fact)).collect());
    let ruling = authorise(world, ctx, Question::new("template.approve", "Template", name).with(facts))?;
    if template.standing != Standing::Proposed {
        let message = format!("template `{name}` is {} and waits for no approval", template.standing.as_str());
        let blocker = Blocker::new("template-status", message, "nothing; another version is proposed first", "you");
        return Err(Refusal::blocked("nothing is approved", vec![blocker]));
    }
    let record = serde_json::json!({
        "record": "interlock-template-v1", "template": name, "version": template.version, "bar": template.bar,
        "shape": template.shape,
    });
    let Some(signature) = sign(ctx, Meaning::Approval, digest_of(&record)) else {
        let message = "this is signed, and the request did not prove who you are";
        let blocker = Blocker::new("not-signed", message, "your password is given with it", "you");
        return Err(Refusal::new(RefusalKind::Denied, message, vec![blocker]));
    };
    let (template, version) = (name.clone(), template.version);
    Ok(vec![Event::Approved(Approved { template, version, account, reason, signature, ruling })])
}

fn reckon(world: &World, release: ReleaseId, good: bool) -> Result<Vec<Event>, Refusal> {
    let named = world.release.release(release).and_then(|it| it.spec.template.clone());
    let Some(known) = named.and_then(|name| world.template.template(&name)) else { return Ok(Vec::new()) };
    // What was asked for before this version was there has not used it.
    let drafted = world.release.release(release).map(|it| it.drafted);
    let concerned = known.approved.is_some_and(|at| drafted.is_some_and(|drafted| drafted >= at));
    if !concerned || known.uses.iter().any(|(used, _)| *used == release) {
        return Ok(Vec::new());
    }
    let (template, version) = (known.name.clone(), known.version);
    let mut events = vec![Event::Used(Used { template: template.clone(), version, release, good })];
    let mut uses = known.uses.clone();
    uses.push((release, good));
    let now = trust(&uses);
    let (uses, good, lower) = (now.uses, now.good, now.millionths());
    match (known.standing, now.reaches(known.bar)) {
        (Standing::Probation, true) => events.push(Event::Earned(Earned { template, version, uses, good, lower })),
        (Standing::Earned, false) => events.push(Event::Lost(Lost { template, version, uses, good, lower })),
        _ => {}
    }
    Ok(events)
}
