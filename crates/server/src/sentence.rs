//! Entries in words: one sentence for each event, without the name of who did it (that stands beside), and how it is to be taken.
//! Invariant: every kind of event has a sentence; a note that was erased is simply not quoted.

mod artifact;

use crate::lens::Lens;
use interlock_domain::{
    calendar, catalog, change, core::Event, deployment, environment, intake, learning, operations, people, policy,
    reason, release, rollback, runner, verification,
};
use interlock_ids::{AnalysisId, ChangeId, DeploymentId, RollbackId, WatchId};
use interlock_wire::reason::Severity::{self, Bad, Good, Info, Neutral, Warning};

/// What happened, and how it is to be taken.
pub fn of(lens: &Lens, event: &Event) -> (String, Severity) {
    let (text, severity) = match event {
        Event::Reason(reason::Event::Refused(it)) => (format!("Refused {}: {}", it.action, it.summary), Warning),
        Event::Policy(policy::Event::Installed(it)) => {
            let packs: Vec<_> = it.packs.iter().map(|pack| format!("{} {}", pack.name, pack.version)).collect();
            (format!("Policies {} took force", packs.join(", ")), Info)
        }
        Event::People(it) => people(lens, it),
        Event::Intake(it) => intake(it),
        Event::Catalog(catalog::Event::ServicePut(it)) => {
            (format!("Service {} was entered or changed", it.service.name), Neutral)
        }
        Event::Catalog(catalog::Event::ServiceRemoved(it)) => (format!("Service {} was removed", it.service), Neutral),
        Event::Calendar(it) => calendar(lens, it),
        Event::Environment(it) => environment(lens, it),
        Event::Runner(it) => runner(lens, it),
        Event::Artifact(it) => artifact::of(lens, it),
        Event::Change(it) => change(lens, it),
        Event::Release(it) => release(lens, it),
        Event::Deployment(it) => deployment(lens, it),
        Event::Verification(it) => verification(lens, it),
        Event::Operations(it) => operations(lens, it),
        Event::Rollback(it) => rollback(lens, it),
        Event::Learning(it) => learning(lens, it),
    };
    (lens.with_names(&text), severity)
}

fn quoted(lens: &Lens, note: reason::NoteRef) -> String {
    lens.text(note).map(|text| format!(": “{text}”")).unwrap_or_default()
}

fn people(lens: &Lens, event: &people::Event) -> (String, Severity) {
    use people::Event as It;
    match event {
        It::Founded(it) => (format!("The ledger of {} began", it.organisation), Info),
        It::SetupClaimed(it) => (format!("{} became the first administrator", it.account), Info),
        It::AccountPut(it) => {
            let roles: Vec<_> = it.roles.iter().map(|role| role.as_str()).collect();
            let roles = if roles.is_empty() { "no roles".into() } else { format!("roles {}", roles.join(", ")) };
            (format!("Account {} was entered or changed, with {roles}", it.account), Neutral)
        }
        It::AccountsLinked(it) => (format!("Accounts {} and {} belong to one person", it.a, it.b), Info),
        It::AccountClosed(it) => (format!("Account {} was closed", it.account), Info),
        It::TokenIssued(it) => {
            (format!("Token “{}” was issued for {}, good until {}", it.name, it.account, it.expires), Neutral)
        }
        It::TokenRevoked(it) => {
            let name = lens
                .world
                .people
                .tokens
                .get(&it.token)
                .map_or_else(|| it.token.to_string(), |token| format!("“{}”", token.name));
            (format!("Token {name} was revoked"), Neutral)
        }
        It::Delegated(it) => {
            (format!("{} delegated decisions to {} from {} to {}", it.from, it.to, it.from_time, it.until), Info)
        }
        It::DelegationEnded(_) => ("A delegation was ended early".into(), Neutral),
        It::PersonErased(it) => (
            format!("The person behind {} was erased, {}{}", it.account, ground(it.basis), quoted(lens, it.reason)),
            Warning,
        ),
        It::NoteRedacted(it) => {
            (format!("A text was redacted, {}{}", ground(it.basis), quoted(lens, it.reason)), Warning)
        }
        It::ProviderPut(it) => {
            (format!("Identity provider {} ({}) was entered or changed", it.provider.name, it.provider.issuer), Info)
        }
        It::SubjectLinked(it) => (format!("{} was tied to a sign-in at {}", it.account, it.provider), Info),
        It::SignedIn(it) => {
            let roles: Vec<_> = it.roles.iter().map(|role| role.as_str()).collect();
            let roles = if roles.is_empty() { "no roles".into() } else { format!("roles {}", roles.join(", ")) };
            (format!("{} signed in by {}, which gives {roles}", it.account, it.provider), Neutral)
        }
        It::IssuerPut(it) => (
            format!(
                "Trusted issuer {} ({}) was entered or changed; it has {}",
                it.issuer.name,
                it.issuer.issuer,
                counted(it.issuer.rules.len(), "rule")
            ),
            Info,
        ),
        It::Admitted(it) => (format!("{} was let in by rule {} of issuer {}", it.account, it.rule, it.issuer), Neutral),
        It::LeavePut(it) => (format!("{} is away from {} to {}", it.account, it.from_time, it.until), Neutral),
    }
}

fn ground(basis: people::Basis) -> &'static str {
    match basis {
        people::Basis::Request => "as the person asked",
        people::Basis::Retention => "since it was kept long enough",
        people::Basis::Unlawful => "since it should not have been kept",
        people::Basis::Other => "for the reason given",
    }
}

fn intake(event: &intake::Event) -> (String, Severity) {
    match event {
        intake::Event::HookPut(it) => (format!("Webhook {} was entered or changed", it.hook.name), Info),
        intake::Event::Delivered(it) => {
            (format!("{} delivered {} ({}), verified", it.hook, it.what, it.delivery), Neutral)
        }
    }
}

fn calendar(lens: &Lens, event: &calendar::Event) -> (String, Severity) {
    match event {
        calendar::Event::CalendarPut(it) => (
            format!(
                "Calendar {} was entered or changed; it has {}",
                it.calendar.name,
                counted(it.calendar.windows.len(), "window")
            ),
            Neutral,
        ),
        calendar::Event::CalendarRemoved(it) => (format!("Calendar {} was removed", it.calendar), Neutral),
        calendar::Event::LockdownCalled(it) => (format!("A lockdown was called{}", quoted(lens, it.reason)), Bad),
        calendar::Event::LockdownLifted(_) => ("A lockdown was lifted".into(), Good),
    }
}

fn environment(lens: &Lens, event: &environment::Event) -> (String, Severity) {
    match event {
        environment::Event::EnvironmentPut(it) => (
            format!(
                "Environment {} was entered or changed; it has {}",
                it.environment.name,
                counted(it.environment.targets.len(), "target")
            ),
            Neutral,
        ),
        environment::Event::EnvironmentRemoved(it) => (format!("Environment {} was removed", it.environment), Neutral),
        environment::Event::Claimed(it) => {
            (format!("{} claimed {} until {}{}", it.account, it.environment, it.until, quoted(lens, it.purpose)), Info)
        }
        environment::Event::ClaimEnded(it) => {
            let name = lens
                .world
                .environment
                .claims
                .get(&it.claim)
                .map(|claim| format!(" on {}", claim.environment))
                .unwrap_or_default();
            (format!("The claim{name} was given back"), Neutral)
        }
    }
}

fn of_change(lens: &Lens, id: ChangeId) -> String {
    lens.world.change.change(id).map_or_else(|| id.to_string(), |it| lens.release(it.release).name)
}

fn change(lens: &Lens, event: &change::Event) -> (String, Severity) {
    use change::{Decision, Event as It, Level};
    match event {
        It::Opened(it) => {
            let impact = match it.impact.level {
                Level::Low => "low",
                Level::Medium => "medium",
                Level::High => "high",
            };
            let authors: Vec<_> = it.authorship.authors.iter().map(ToString::to_string).collect();
            let authors =
                if authors.is_empty() { String::new() } else { format!(", written by {}", authors.join(", ")) };
            (
                format!(
                    "A change of {impact} impact with {} was opened{authors}",
                    counted(it.authorship.commits as usize, "commit")
                ),
                Info,
            )
        }
        It::Decided(it) => {
            let for_whom = it.on_behalf_of.map(|id| format!(" on behalf of {id}")).unwrap_or_default();
            let conditions = if it.conditions.is_empty() {
                String::new()
            } else {
                format!(" with {}", counted(it.conditions.len(), "condition"))
            };
            let (done, severity) = match it.decision {
                Decision::Approve => ("approved", Good),
                Decision::Reject => ("rejected", Bad),
            };
            (format!("{} {done} the change{for_whom}{conditions}{}", it.account, quoted(lens, it.reason)), severity)
        }
        It::Withdrawn(it) => (
            format!(
                "{} took the decision on {} back{}",
                it.account,
                of_change(lens, it.change),
                quoted(lens, it.reason)
            ),
            Warning,
        ),
        It::ConditionMet(it) => (format!("{} met a condition{}", it.account, quoted(lens, it.evidence)), Good),
        It::Closed(it) => (format!("The change of {} was closed", of_change(lens, it.change)), Neutral),
    }
}

fn release(lens: &Lens, event: &release::Event) -> (String, Severity) {
    use release::Event as It;
    match event {
        It::Drafted(it) => {
            let items: Vec<_> =
                it.spec.items.iter().map(|item| format!("{} {}", item.service, lens.version(&item.digest))).collect();
            (format!("{} was put together for {}: {}", it.spec.name, it.spec.environment, items.join(", ")), Info)
        }
        It::Planned(it) => (format!("Planned from {} to {}", it.window.start, it.window.end), Info),
        It::Frozen(_) => ("The scope was fixed".into(), Info),
        It::Ready(it) => (format!("Every gate passes ({})", it.gates.len()), Good),
        It::HeldBack(it) => (format!("Held back: {}", first(&it.blockers)), Warning),
        It::Authorised(it) => (
            format!(
                "Authorised: permit {} is good from {} to {}",
                it.permit.id, it.permit.not_before, it.permit.not_after
            ),
            Good,
        ),
        It::PermitRevoked(it) => (format!("The permit was taken back: {}", it.reason), Bad),
        It::Deploying(_) => ("The deployment began".into(), Info),
        It::Stabilising(_) => ("Deployed everywhere; being watched".into(), Info),
        It::Closed(it) => {
            (format!("Closed: it stands{}", it.reason.map(|note| quoted(lens, note)).unwrap_or_default()), Good)
        }
        It::RolledBack(_) => ("Taken back".into(), Bad),
        It::Cancelled(it) => (format!("Cancelled: it will not ship{}", quoted(lens, it.reason)), Warning),
        It::PlanClosed(it) => (format!("The calendar closed its window: {}", first(&it.blockers)), Warning),
        It::PlanOpened(_) => ("The calendar allows its window again".into(), Good),
        It::ExceptionGranted(it) => {
            let commits = counted(it.commits.len(), "commit");
            (format!("{commits} let through {}{}", it.criterion, quoted(lens, it.reason)), Warning)
        }
    }
}

fn first(blockers: &[reason::Blocker]) -> String {
    match blockers {
        [] => "something stands in the way".into(),
        [only] => only.message.clone(),
        [first, rest @ ..] => format!("{} (and {} more)", first.message, rest.len()),
    }
}

fn place(lens: &Lens, deployment: DeploymentId, unit: u32) -> String {
    let known = lens.world.deployment.deployment(deployment).and_then(|it| it.units.get(unit as usize));
    known.map_or_else(|| format!("unit {unit}"), |it| format!("{} on {}", it.service, it.target))
}

fn runner(lens: &Lens, event: &runner::Event) -> (String, Severity) {
    use runner::Event as It;
    match event {
        It::Invited(it) => (format!("Runner {} was invited, until {}", it.runner, it.until), Info),
        It::Withdrawn(it) => (format!("The invitation of runner {} was taken back", it.runner), Neutral),
        It::Enrolled(it) => (format!("Runner {} enrolled with key {}", it.runner, hex::encode(&it.key.0[..8])), Info),
        It::KeyRotated(it) => (format!("Runner {} has a new key, {}", it.runner, hex::encode(&it.key.0[..8])), Info),
        It::Revoked(it) => (format!("Runner {} was revoked{}", it.runner, quoted(lens, it.reason)), Warning),
        It::Drained(it) => (format!("Runner {} gets no new steps", it.runner), Neutral),
        It::Undrained(it) => (format!("Runner {} gets steps again", it.runner), Neutral),
    }
}

fn wave_name(lens: &Lens, deployment: DeploymentId, wave: u32) -> String {
    let known = lens.world.deployment.deployment(deployment).and_then(|it| it.waves.get(wave as usize));
    known.map_or_else(|| format!("wave {}", wave + 1), |it| format!("wave {}", it.name))
}

fn deployment(lens: &Lens, event: &deployment::Event) -> (String, Severity) {
    use deployment::{Direction, Event as It, Status};
    match event {
        It::PipelinePut(it) => (format!("Pipeline {} was entered or changed", it.pipeline.name), Neutral),
        It::InstalledRecorded(it) => {
            (format!("What runs in {} was written down: {}", it.environment, counted(it.found.len(), "build")), Neutral)
        }
        It::Started(it) => {
            let targets = counted(it.units.len(), "target");
            match it.direction {
                Direction::Forward => (
                    format!("Deployment to {} began: {targets} in {}", it.environment, counted(it.waves.len(), "wave")),
                    Info,
                ),
                Direction::Back { .. } => (format!("Taking back in {} began: {targets}", it.environment), Warning),
            }
        }
        It::StepsLeased(it) => {
            (format!("{} handed to runner {}", counted(it.leases.len(), "step"), it.runner), Neutral)
        }
        It::StepsHandedOut(it) => {
            let runners: std::collections::BTreeSet<_> = it.leases.iter().map(|leased| &leased.runner).collect();
            let steps: u32 = it.leases.iter().map(|leased| 1 + leased.through.saturating_sub(leased.step)).sum();
            let who = match runners.first() {
                Some(only) if runners.len() == 1 => format!("runner {only}"),
                _ => counted(runners.len(), "runner"),
            };
            (format!("{} handed to {who}", counted(steps as usize, "step")), Neutral)
        }
        It::LeasesEnded(it) => (format!("{} given back", counted(it.units.len(), "lease")), Neutral),
        It::StepsReported(it) => reported(
            lens,
            it.deployment,
            &it.results.iter().map(|it| (it.unit, &it.result, it.last)).collect::<Vec<_>>(),
        ),
        It::StepsAnswered(it) => reported(
            lens,
            it.deployment,
            &it.results.iter().map(|it| (it.unit, &it.result, it.last)).collect::<Vec<_>>(),
        ),
        It::StepSkipped(it) => (
            format!("A failed step of {} was left out{}", place(lens, it.deployment, it.unit), quoted(lens, it.reason)),
            Warning,
        ),
        It::Retried(it) => (format!("Failed steps are tried again{}", quoted(lens, it.reason)), Info),
        It::PhaseEnded(it) => {
            let wave = wave_name(lens, it.deployment, it.wave);
            match it.status {
                Status::Judging => (format!("{wave} is being judged"), Info),
                Status::Baking { until } => (format!("{wave} waits until {until}"), Info),
                Status::Blocked => (format!("{wave} is blocked: a step failed"), Bad),
                Status::Stopping => ("Stopping: running steps are let finish".into(), Warning),
                Status::Running => (format!("{wave} goes on"), Info),
                Status::Succeeded => (format!("{wave} is done"), Good),
                Status::Aborted => (format!("{wave} was aborted"), Bad),
            }
        }
        It::Paused(it) => (format!("Paused{}", quoted(lens, it.reason)), Warning),
        It::Resumed(_) => ("Resumed".into(), Info),
        It::Held(it) => (format!("Held: {}", first(&it.blockers)), Warning),
        It::Unheld(_) => ("Goes on: nothing stands in the way any more".into(), Good),
        It::PermitRevoked(it) => (format!("The permit was revoked: {}", first(&it.blockers)), Warning),
        It::PermitRenewed(it) => (format!("Another permit was issued, good until {}", it.permit.not_after), Info),
        It::Ended(it) => {
            let why = it.reason.map(|note| quoted(lens, note)).unwrap_or_default();
            match it.status {
                Status::Succeeded => (format!("The deployment is done{why}"), Good),
                _ => (format!("The deployment was aborted{why}"), Bad),
            }
        }
        It::Archived(_) => ("Details were put aside; the ledger has them".into(), Neutral),
    }
}

fn reported(lens: &Lens, id: DeploymentId, results: &[(u32, &deployment::StepResult, bool)]) -> (String, Severity) {
    let step = |result: &deployment::StepResult| {
        let pipeline = lens.world.deployment.deployment(id).map(|found| &found.pipeline.steps);
        pipeline
            .and_then(|steps| steps.get(result.step as usize))
            .map_or_else(|| format!("step {}", result.step), |step| step.name.to_string())
    };
    let bad = results.iter().find(|(_, result, _)| !result.outcome.is_good());
    match (results, bad) {
        (_, Some((unit, result, last))) => {
            let code = result.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
            let what = format!("{} of {} failed{code}: {}", step(result), place(lens, id, *unit), result.message);
            (what, if *last { Bad } else { Warning })
        }
        ([(unit, result, _)], None) => {
            let done = if result.outcome == deployment::StepOutcome::Changed { "done" } else { "was done already" };
            (format!("{} of {} {done}", step(result), place(lens, id, *unit)), Neutral)
        }
        (many, None) => (format!("{} done", counted(many.len(), "step")), Neutral),
    }
}

fn verification(lens: &Lens, event: &verification::Event) -> (String, Severity) {
    use verification::{Event as It, Resolution, Verdict};
    let about = |id: AnalysisId| {
        lens.world
            .verification
            .analysis(id)
            .map_or_else(|| "The new version".into(), |it| wave_name(lens, it.deployment, it.wave))
    };
    match event {
        It::Begun(it) => {
            (format!("{}: the new version is compared with the old", wave_name(lens, it.deployment, it.wave)), Info)
        }
        It::Concluded(it) => {
            let (word, severity) = match it.verdict {
                Verdict::Pass => ("passed", Good),
                Verdict::Fail => ("failed", Bad),
                Verdict::Inconclusive => ("could not be judged", Warning),
            };
            (format!("{} {word}: {}", about(it.analysis), it.summary.text), severity)
        }
        It::Resolved(it) => {
            let what = match it.resolution {
                Resolution::Proceed => "go on",
                Resolution::Rollback => "take it back",
                Resolution::MeasureAgain => "measure again",
            };
            (format!("Decided to {what}{}", quoted(lens, it.reason)), Info)
        }
        It::Stopped(_) => ("The comparison ended without a verdict".into(), Neutral),
    }
}

fn operations(lens: &Lens, event: &operations::Event) -> (String, Severity) {
    use operations::Event as It;
    let release = |id: WatchId| {
        lens.world.operations.watch(id).map_or_else(String::new, |it| format!(" of {}", lens.release(it.release).name))
    };
    match event {
        It::WatchBegun(it) => (format!("The watch began: {}", counted(it.triggers.len(), "trigger")), Info),
        It::Stabilising(it) => (format!("The watch goes on until {}", it.until), Info),
        It::TriggerFired(it) => {
            let then = match it.action {
                release::TriggerAction::Page => "its owner is told",
                release::TriggerAction::Rollback => "the release is taken back",
            };
            (format!("Trigger {} fired at {:.4}: {then}", it.trigger, it.value), Bad)
        }
        It::WatchEnded(it) => {
            let (what, severity) = match it.outcome {
                Some(reason::Outcome::Pass) => ("ended well", Good),
                Some(reason::Outcome::Fail) => ("ended badly", Bad),
                Some(reason::Outcome::Inconclusive) => ("could not tell; a person decides", Warning),
                None => ("was stopped", Neutral),
            };
            (format!("The watch{} {what} ({} of {} looks gave data)", release(it.watch), it.usable, it.looks), severity)
        }
    }
}

/// Why a release is taken back, in words.
pub fn cause(lens: &Lens, cause: &rollback::Cause) -> String {
    match cause {
        rollback::Cause::Person { account } => format!("{} decided so", lens.person(*account).name),
        rollback::Cause::Trigger { trigger } => format!("trigger {trigger} fired"),
        rollback::Cause::Canary { analysis } => {
            let summary = lens.world.verification.analysis(*analysis).and_then(|it| it.summary.as_ref());
            summary.map_or_else(|| "the canary failed".into(), |it| it.text.clone())
        }
    }
}

fn rollback(lens: &Lens, event: &rollback::Event) -> (String, Severity) {
    use rollback::Event as It;
    let release = |id: RollbackId| {
        lens.world.rollback.rollback(id).map_or_else(String::new, |it| format!(" of {}", lens.release(it.release).name))
    };
    match event {
        It::Started(it) => {
            let why = it.reason.map(|note| quoted(lens, note)).unwrap_or_default();
            (format!("Rollback began: {}{why}", cause(lens, &it.cause)), Bad)
        }
        It::UndoBegun(_) => ("Targets are being taken back".into(), Warning),
        It::CheckBegun(it) => {
            (format!("Taken back on {}; the criteria are being checked", counted(it.targets.len(), "target")), Info)
        }
        It::Ended(it) => {
            let passed = it.results.iter().filter(|result| result.outcome == reason::Outcome::Pass).count();
            let (what, severity) = match it.outcome {
                reason::Outcome::Pass => ("succeeded", Good),
                reason::Outcome::Fail => ("failed", Bad),
                reason::Outcome::Inconclusive => ("could not be shown to have worked", Warning),
            };
            (
                format!(
                    "The rollback{} {what}: {passed} of {} passed",
                    release(it.rollback),
                    counted(it.results.len(), "criterion")
                ),
                severity,
            )
        }
    }
}

fn learning(lens: &Lens, event: &learning::Event) -> (String, Severity) {
    match event {
        learning::Event::ReviewOpened(it) => {
            (format!("A review of {} is due by {}", lens.release(it.release).name, it.due), Warning)
        }
        learning::Event::ReviewDone(it) => (
            format!(
                "The review was completed with {}{}",
                counted(it.actions.len(), "action"),
                quoted(lens, it.root_cause)
            ),
            Good,
        ),
    }
}

/// `1 window`, `3 windows`.
pub fn counted(count: usize, what: &str) -> String {
    match (count, what) {
        (1, _) => format!("1 {what}"),
        (_, "criterion") => format!("{count} criteria"),
        _ => format!("{count} {what}s"),
    }
}
