//! Sentences and what they do. The first word is who does it, the second what; the rest follows from that.

use crate::{
    house::{House, digest, name, time},
    shop,
};
use interlock_domain::{
    calendar::{self, Calendar, Schedule, Window, WindowKind, WindowScope},
    change::{self, Decision},
    core::Command,
    deployment::{self, StepOutcome},
    environment, learning, operations,
    reason::{Outcome, Refusal, Slot},
    release,
    rollback::{self, CriterionResult},
    verification::{self, Summary, Verdict},
};
use interlock_engine::Receipt;
use jiff::SignedDuration;

/// What a sentence may speak of because of those before it.
#[derive(Default)]
pub struct Stage {
    slots: Vec<Slot>,
}

/// What came of a sentence.
pub enum Answer {
    Written,
    Refused(Box<Refusal>),
    Text(String),
}

/// Does what a sentence says.
///
/// # Errors
/// Nobody understands it.
pub fn say(house: &mut House, stage: &mut Stage, sentence: &str) -> Result<Answer, String> {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    if let Some(answer) = by_itself(house, &words)? {
        return Ok(answer);
    }
    let [who, words @ ..] = words.as_slice() else { return Err("an empty sentence".into()) };
    let commands = by_somebody(house, stage, words).ok_or_else(|| format!("nobody understands `{sentence}`"))?;
    Ok(match house.submit(who, commands) {
        Ok(_) => Answer::Written,
        Err(refusal) => {
            if !refusal.slots.is_empty() {
                stage.slots = refusal.slots.clone();
            }
            Answer::Refused(Box::new(refusal))
        }
    })
}

/// Sentences that are not a person's.
fn by_itself(house: &mut House, words: &[&str]) -> Result<Option<Answer>, String> {
    let written = |_: Receipt| Answer::Written;
    Ok(Some(match words {
        ["wait", length] => {
            let length: SignedDuration = length.parse().map_err(|error| format!("`{length}` is no length: {error}"))?;
            house.wait(length);
            Answer::Written
        }
        ["the", "clock", "says", moment] => {
            let length = time(moment).duration_since(house.now());
            house.wait(length);
            Answer::Written
        }
        ["the", "server", "crashes"] => {
            let same = house.crash();
            Answer::Text(format!(
                "opened again from the ledger: the world is {}",
                if same { "the same" } else { "another" }
            ))
        }
        ["the", "runner", "works"] => work(house, u32::MAX, 1000, |_| StepOutcome::Changed),
        ["the", "runner", "takes", count] => {
            let count = count.parse().map_err(|_| format!("`{count}` is no number"))?;
            work(house, count, 1, |_| StepOutcome::Changed)
        }
        ["the", "runner", "works", "and", step, outcome @ ("fails" | "cannot-tell")] => {
            let bad = if *outcome == "fails" { StepOutcome::Failed } else { StepOutcome::Inconclusive };
            let step = step.to_string();
            work(house, u32::MAX, 1000, move |it| if it == step { bad } else { StepOutcome::Changed })
        }
        ["the", "judge", "says", verdict] => {
            written(house.ok("system", Command::Verification(judged(house, verdict)?)))
        }
        ["the", "criteria", "say", outcome] => written(house.ok("system", Command::Rollback(checked(house, outcome)?))),
        ["the", "watch", "sees", figures @ ("enough" | "nothing")] => {
            let usable = if *figures == "enough" { 12 } else { 0 };
            return watched(house, usable).map(Some);
        }
        ["what", "is", "owed"] => {
            let owed = interlock_domain::core::owed(&house.world());
            let keys: Vec<String> = owed.iter().map(interlock_domain::core::Obligation::key).collect();
            Answer::Text(if keys.is_empty() { "nothing".into() } else { keys.join("\n") })
        }
        _ => return Ok(None),
    }))
}

fn work(house: &mut House, capacity: u32, rounds: usize, outcome: impl Fn(&str) -> StepOutcome) -> Answer {
    for _ in 0..rounds {
        if house.work(capacity, &outcome).len() < 2 {
            break;
        }
    }
    Answer::Written
}

fn judged(house: &House, verdict: &str) -> Result<verification::Command, String> {
    let world = house.world();
    let open = world
        .verification
        .open
        .iter()
        .next()
        .and_then(|id| world.verification.analysis(*id))
        .ok_or("nothing is being judged")?;
    let (verdict, text, errors) = match verdict {
        "pass" => (Verdict::Pass, "no worse than the old version", 0.0),
        "fail" => (Verdict::Fail, "the new version of checkout is worse", 9.0),
        "inconclusive" => (Verdict::Inconclusive, "too few requests", 0.0),
        other => return Err(format!("a judge does not say `{other}`")),
    };
    let summary = Summary {
        text: text.into(),
        log10_evidence: errors / 3.0,
        looks: 10,
        usable: 10,
        requests_new: 400,
        requests_old: 3600,
        culprits: Vec::new(),
        excess_bad_requests: errors,
    };
    Ok(verification::Command::Conclude { analysis: open.id, fence: open.fence, verdict, summary, evidence: digest(50) })
}

fn checked(house: &House, outcome: &str) -> Result<rollback::Command, String> {
    let world = house.world();
    let open = world
        .rollback
        .open
        .iter()
        .next()
        .and_then(|id| world.rollback.rollback(*id))
        .ok_or("nothing is being taken back")?;
    let outcome = match outcome {
        "pass" => Outcome::Pass,
        "fail" => Outcome::Fail,
        "inconclusive" => Outcome::Inconclusive,
        other => return Err(format!("criteria do not say `{other}`")),
    };
    let results = open
        .criteria
        .iter()
        .map(|it| CriterionResult { name: it.name.clone(), outcome, message: String::new() })
        .collect();
    Ok(rollback::Command::Conclude { rollback: open.id, fence: open.fence, results, evidence: digest(51) })
}

fn watched(house: &mut House, usable: u32) -> Result<Answer, String> {
    let world = house.world();
    let watch = world
        .operations
        .open
        .iter()
        .next()
        .and_then(|id| world.operations.watch(*id))
        .ok_or("nothing is being watched")?;
    let end = operations::Command::End { watch: watch.id, fence: watch.fence, looks: 12, usable, evidence: digest(52) };
    Ok(match house.submit("system", vec![Command::Operations(end)]) {
        Ok(_) => Answer::Written,
        Err(refusal) => Answer::Refused(Box::new(refusal)),
    })
}

/// What somebody wants, as commands.
fn by_somebody(house: &mut House, stage: &Stage, words: &[&str]) -> Option<Vec<Command>> {
    let one = |command: Command| Some(vec![command]);
    let release = |named: &str| shop::release(house, named);
    let changed = |named: &str| house.world().change.of_release(release(named)).map(|it| it.id);
    let deployed = |named: &str| house.world().release.release(release(named)).and_then(|it| it.deployment);
    match words {
        ["drafts", named, "of", version] => {
            let spec = shop::spec(house, named, version);
            one(Command::Release(release::Command::Draft { release: house.fresh(), spec }))
        }
        ["registers", version] => {
            shop::register(house, version);
            Some(Vec::new())
        }
        ["plans", named, "at", moment] => {
            one(Command::Release(release::Command::Plan { release: release(named), start: time(moment) }))
        }
        ["plans", named, "now"] => {
            one(Command::Release(release::Command::Plan { release: release(named), start: house.now() }))
        }
        ["plans", named, "into", "slot", number] => {
            let slot = stage.slots.get(number.parse::<usize>().ok()?.checked_sub(1)?)?;
            one(Command::Release(release::Command::Plan { release: release(named), start: slot.start }))
        }
        ["freezes", named] => one(Command::Release(release::Command::Freeze { release: release(named) })),
        ["authorises", named] => one(Command::Release(release::Command::Authorise { release: release(named) })),
        ["cancels", named] => {
            let reason = house.note("it is not needed");
            one(Command::Release(release::Command::Cancel { release: release(named), reason }))
        }
        ["approves", named, rest @ ..] => {
            let conditions = match rest {
                [] => Vec::new(),
                ["if", text @ ..] => vec![(house.fresh(), house.note(&text.join(" ")))],
                _ => return None,
            };
            let reason = house.note("it is sound");
            let decide = change::Command::Decide {
                change: changed(named)?,
                decision: Decision::Approve,
                reason,
                conditions,
                on_behalf_of: None,
                seen: None,
            };
            one(Command::Change(decide))
        }
        ["withdraws", "from", named] => {
            let reason = house.note("something new is known");
            one(Command::Change(change::Command::Withdraw { change: changed(named)?, reason }))
        }
        ["meets", "the", "condition", "of", named] => {
            let world = house.world();
            let change = world.change.of_release(release(named))?;
            let condition = change.conditions.iter().find(|it| it.met.is_none())?.id;
            let evidence = house.note("see the report");
            one(Command::Change(change::Command::MeetCondition { change: change.id, condition, evidence }))
        }
        ["deploys", named] => {
            one(Command::Deployment(deployment::Command::Start { deployment: house.fresh(), release: release(named) }))
        }
        [verb @ ("pauses" | "resumes" | "retries" | "aborts"), named] => {
            let (deployment, reason) = (deployed(named)?, house.note("it is better so"));
            one(Command::Deployment(match *verb {
                "pauses" => deployment::Command::Pause { deployment, reason },
                "resumes" => deployment::Command::Resume { deployment },
                "retries" => deployment::Command::Retry { deployment, reason },
                _ => deployment::Command::Abort { deployment, reason: Some(reason) },
            }))
        }
        ["takes", named, "back"] => {
            let reason = house.note("customers complain");
            // Who it was is in the entry; the cause names the account as well.
            let cause = rollback::Cause::Person { account: house.account("olu") };
            one(Command::Rollback(rollback::Command::Start { release: release(named), cause, reason: Some(reason) }))
        }
        ["completes", "the", "review", "of", named] => {
            let review = *house.world().learning.by_release.get(&release(named))?;
            let (root_cause, factors) = (house.note("a missing index"), vec![house.note("load differs in staging")]);
            one(Command::Learning(learning::Command::Complete { review, root_cause, factors, actions: Vec::new() }))
        }
        ["freezes", "everything", "from", start, "to", end] => {
            let window = Window {
                name: name("quarter-end"),
                kind: WindowKind::Freeze,
                schedule: Schedule::Once { start: time(start), end: time(end) },
                scope: WindowScope::default(),
                reason: "books are closed".into(),
                customer: None,
                exceptions_by: None,
                holds_rollback: false,
            };
            let calendar = Calendar {
                name: name("finance"),
                owner: name("team"),
                source: "manifest".into(),
                windows: vec![window],
            };
            one(Command::Calendar(calendar::Command::PutCalendar { calendar }))
        }
        ["calls", "a", "lockdown"] => {
            let (lockdown, reason) = (house.fresh(), house.note("a power cut"));
            one(Command::Calendar(calendar::Command::CallLockdown { lockdown, scope: WindowScope::default(), reason }))
        }
        ["lifts", "the", "lockdown"] => {
            let world = house.world();
            let lockdown = world.calendar.lockdowns.values().find(|it| it.lifted.is_none())?.id;
            one(Command::Calendar(calendar::Command::LiftLockdown { lockdown }))
        }
        ["claims", place, "for", length] => {
            let until = house.now() + length.parse::<SignedDuration>().ok()?;
            let (claim, purpose) = (house.fresh(), house.note("a load test"));
            one(Command::Environment(environment::Command::Claim { claim, environment: name(place), until, purpose }))
        }
        _ => None,
    }
}
