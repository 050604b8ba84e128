//! `release`: a release from draft to its end.

use super::{act, act_plainly, change, tell};
use crate::{
    client::{Client, segment},
    context::Global,
    failure::{Done, Failure},
    manifest,
    render::{Paint, progress, refusal, show, table::table, time, verdict_severity, verdict_word},
    when::when,
};
use interlock_wire::{
    criterion::{Criteria, GrantException},
    deployment::SkipStep,
    ledger::EntryRow,
    reason::{Because, Nothing, Receipt},
    release::{DraftRelease, Explanation, Gates, PlanRelease, Release},
};
use jiff::Timestamp;
use std::{path::PathBuf, time::Duration};

/// Which release.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// Id or name
    pub release: String,
}

/// Which release, and why.
#[derive(Debug, clap::Args)]
pub struct Why {
    /// Id or name
    pub release: String,
    /// Why; kept with the entry
    #[arg(long, short)]
    pub reason: String,
}

/// Whether to stay until it is over.
#[derive(Debug, clap::Args)]
pub struct Limit {
    /// Give up after so many seconds, with exit code 3
    #[arg(long, default_value_t = 3600, value_name = "SECONDS")]
    timeout: u64,
}

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Put a release together from a manifest
    #[command(
        after_help = "Example:\n  interlock release draft -f release.yaml\n  interlock release draft -f release.yaml --start +1h"
    )]
    Draft {
        #[arg(short, long, value_name = "PATH")]
        file: PathBuf,
        /// Plan it at once: both or neither
        #[arg(long, value_parser = when, allow_hyphen_values = true)]
        start: Option<Timestamp>,
    },
    /// Give it a window, or move it
    #[command(
        after_help = "Example:\n  interlock release plan 2026-11-checkout --start 2026-11-23T18:00:00Z\n  interlock release plan 2026-11-checkout --start now"
    )]
    Plan {
        #[command(flatten)]
        which: Which,
        /// now, +2h, or RFC 3339
        #[arg(long, visible_alias = "at", value_parser = when, allow_hyphen_values = true)]
        start: Timestamp,
    },
    /// Fix its scope
    #[command(after_help = "Example:\n  interlock release freeze 2026-11-checkout")]
    Freeze(Which),
    /// Show its gates with every reason
    #[command(visible_alias = "gate", after_help = "Example:\n  interlock release gates 2026-11-checkout")]
    Gates(Which),
    /// Show its criteria: what evidence has to show, and what it shows now
    #[command(after_help = "Example:\n  interlock release criteria 2026-11-checkout")]
    Criteria(Which),
    /// Let commits through a code freeze
    #[command(
        after_help = "Example:\n  interlock release except 2026-11-checkout --criterion code-freeze --commit 4f2a9c… --reason \"Fixes the leak\""
    )]
    Except {
        #[command(flatten)]
        why: Why,
        /// Name of the criterion
        #[arg(long)]
        criterion: String,
        /// Full object id; again for more
        #[arg(long = "commit", required = true, value_name = "ID")]
        commits: Vec<String>,
    },
    /// Say why it is where it is and what happens next
    #[command(after_help = "Example:\n  interlock release explain 2026-11-checkout")]
    Explain(Which),
    /// Approve its change
    #[command(
        after_help = "Example:\n  interlock release approve 2026-11-checkout --reason \"Tests read, rollback rehearsed\"\n  interlock release approve 2026-11-checkout -r fine --condition \"Customer service is told\""
    )]
    Approve {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        decision: change::Approval,
    },
    /// Reject its change
    #[command(
        after_help = "Example:\n  interlock release reject 2026-11-checkout --reason \"No way back for the schema\""
    )]
    Reject(Why),
    /// Say that a condition of an approval is met
    #[command(after_help = "Example:\n  interlock release meet 2026-11-checkout con_01h --evidence \"Mail of 10:12\"")]
    Meet {
        #[command(flatten)]
        which: Which,
        /// Id of the condition, or the beginning of its text; may be left out if only one is open
        condition: Option<String>,
        #[arg(long)]
        evidence: String,
    },
    /// Issue its permit
    #[command(after_help = "Example:\n  interlock release authorise 2026-11-checkout")]
    Authorise(Which),
    /// Take its permit back
    #[command(
        after_help = "Example:\n  interlock release revoke-permit 2026-11-checkout --reason \"Supplier is down\""
    )]
    RevokePermit(Why),
    /// Begin its deployment
    #[command(after_help = "Example:\n  interlock release deploy 2026-11-checkout --wait")]
    Deploy {
        #[command(flatten)]
        which: Which,
        /// Stay until its life is over
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        patience: Limit,
    },
    /// Pause its deployment
    #[command(after_help = "Example:\n  interlock release pause 2026-11-checkout --reason \"Looking at the logs\"")]
    Pause(Why),
    /// Go on with its deployment
    #[command(after_help = "Example:\n  interlock release resume 2026-11-checkout")]
    Resume(Which),
    /// Try failed targets again
    #[command(after_help = "Example:\n  interlock release retry 2026-11-checkout --reason \"Disk was full\"")]
    Retry(Why),
    /// Leave out the step on which a target has failed
    #[command(after_help = "Example:\n  interlock release skip 2026-11-checkout --unit 3 --reason \"Done by hand\"")]
    Skip {
        #[command(flatten)]
        why: Why,
        /// Number of the target in the deployment
        #[arg(long)]
        unit: u32,
    },
    /// End its deployment where it is
    #[command(after_help = "Example:\n  interlock release abort 2026-11-checkout --reason \"Wrong window\"")]
    Abort(Why),
    /// Take it back
    #[command(
        visible_alias = "roll-back",
        after_help = "Example:\n  interlock release rollback 2026-11-checkout --reason \"Orders fail\" --wait"
    )]
    Rollback {
        #[command(flatten)]
        why: Why,
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        patience: Limit,
    },
    /// Call it off before it ships
    #[command(after_help = "Example:\n  interlock release cancel 2026-11-checkout --reason \"Not needed any more\"")]
    Cancel(Why),
    /// Close it when the watch could not tell
    #[command(
        after_help = "Example:\n  interlock release close 2026-11-checkout --reason \"No traffic at night; checked by hand\""
    )]
    Close(Why),
    /// Everything that happened to it, as sentences
    #[command(after_help = "Example:\n  interlock release timeline 2026-11-checkout")]
    Timeline(Which),
    /// Follow it until its life is over
    #[command(after_help = "Example:\n  interlock release watch 2026-11-checkout")]
    Watch(Which),
    /// Wait until its life is over: 0 when it closed well, 1 when it was taken back or called off, 3 when that took too long
    #[command(after_help = "Example:\n  interlock release wait 2026-11-checkout --timeout 1800")]
    Wait {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        patience: Limit,
    },
}

pub async fn run(verb: Verb, global: &Global) -> Done {
    match verb {
        Verb::Draft { file, start } => {
            let it = manifest::release(&manifest::read(&file)?)?;
            let draft = DraftRelease { name: it.metadata.name, spec: it.spec, start };
            let done: Receipt = global.client()?.post("/releases", &draft).await?;
            tell(global, &done).await
        }
        Verb::Plan { which, start } => act(global, "releases", &which.release, "plan", &PlanRelease { start }).await,
        Verb::Freeze(it) => act_plainly(global, "releases", &it.release, "freeze").await,
        Verb::Authorise(it) => act_plainly(global, "releases", &it.release, "authorise").await,
        Verb::RevokePermit(it) => because(global, it, "revoke-permit").await,
        Verb::Cancel(it) => because(global, it, "cancel").await,
        Verb::Close(it) => because(global, it, "close").await,
        Verb::Gates(it) => {
            let gates: Gates = read(global, &it.release, "/gates").await?;
            show(global.output, &gates, told)
        }
        Verb::Criteria(it) => {
            let criteria: Criteria = read(global, &it.release, "/criteria").await?;
            show(global.output, &criteria, stated)
        }
        Verb::Except { why, criterion, commits } => {
            let body = GrantException { criterion, commits, reason: why.reason };
            act(global, "releases", &why.release, "except", &body).await
        }
        Verb::Explain(it) => {
            let explanation: Explanation = read(global, &it.release, "/explain").await?;
            show(global.output, &explanation, explained)
        }
        Verb::Timeline(it) => {
            let rows: Vec<EntryRow> =
                global.client()?.list(&format!("/releases/{}/timeline", segment(&it.release)), usize::MAX).await?;
            show(global.output, &rows, |rows| super::ledger::lines(rows))
        }
        Verb::Approve { which, decision } => {
            let id = change_of(&global.client()?, &which.release).await?;
            change::approve(global, &id, decision).await
        }
        Verb::Reject(it) => {
            let id = change_of(&global.client()?, &it.release).await?;
            change::reject(global, &id, it.reason).await
        }
        Verb::Meet { which, condition, evidence } => {
            let id = change_of(&global.client()?, &which.release).await?;
            change::meet(global, &id, condition.as_deref(), evidence).await
        }
        Verb::Deploy { which, wait, patience } => {
            act_plainly(global, "releases", &which.release, "deploy").await?;
            if wait { finish(global, &which.release, &patience).await } else { Ok(()) }
        }
        Verb::Pause(it) => deployment(global, &it.release, "pause", &Because { reason: it.reason }).await,
        Verb::Retry(it) => deployment(global, &it.release, "retry", &Because { reason: it.reason }).await,
        Verb::Abort(it) => deployment(global, &it.release, "abort", &Because { reason: it.reason }).await,
        Verb::Resume(it) => deployment(global, &it.release, "resume", &Nothing {}).await,
        Verb::Skip { why, unit } => {
            deployment(global, &why.release, "skip", &SkipStep { unit, reason: why.reason }).await
        }
        Verb::Rollback { why, wait, patience } => {
            let release = why.release.clone();
            because(global, why, "roll-back").await?;
            if !wait {
                return Ok(());
            }
            let it = follow(global, &release, &patience).await?;
            if it.row.status.value == "rolled_back" { Ok(()) } else { Err(Failure::Failed(it.row.sentence)) }
        }
        Verb::Watch(it) => follow(global, &it.release, &Limit { timeout: u64::from(u32::MAX) }).await.map(drop),
        Verb::Wait { which, patience } => finish(global, &which.release, &patience).await,
    }
}

async fn read<T: serde::de::DeserializeOwned>(global: &Global, release: &str, below: &str) -> Done<T> {
    global.client()?.get(&format!("/releases/{}{below}", segment(release))).await
}

async fn because(global: &Global, why: Why, action: &str) -> Done {
    act(global, "releases", &why.release, action, &Because { reason: why.reason }).await
}

/// The change a release carries.
///
/// # Errors
/// There is no such release, or it carries none.
pub async fn change_of(client: &Client, release: &str) -> Done<String> {
    let it: Release = client.get(&format!("/releases/{}", segment(release))).await?;
    it.change
        .map(|change| change.row.id)
        .ok_or_else(|| Failure::Failed(format!("release `{release}` carries no change")))
}

/// Acts on the deployment that runs for a release: the one that takes it back, if there is one.
async fn deployment(global: &Global, release: &str, action: &str, body: &impl serde::Serialize) -> Done {
    let it: Release = read(global, release, "").await?;
    let undoing = it.rollback.current.and_then(|it| it.deployment);
    let running = undoing
        .or(it.deployment)
        .ok_or_else(|| Failure::Failed(format!("release `{release}` has not been deployed yet")))?;
    act(global, "deployments", &running.id, action, body).await
}

async fn follow(global: &Global, release: &str, patience: &Limit) -> Done<Release> {
    let patience = progress::Patience { limit: Duration::from_secs(patience.timeout), away: Duration::from_secs(60) };
    let mut say = |line: String| {
        eprintln!("{}  {line}", Timestamp::now().to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S"))
    };
    progress::follow(&global.client()?, release, patience, |it| it.row.status.is_terminal, &mut say).await
}

async fn finish(global: &Global, release: &str, patience: &Limit) -> Done {
    let it = follow(global, release, patience).await?;
    if it.row.status.value == "closed" { Ok(()) } else { Err(Failure::Failed(it.row.sentence)) }
}

/// Gates with the reasons of those that are shut.
pub fn told(it: &Gates) -> String {
    let paint = Paint::stdout();
    let mut lines = vec![paint.bold(&it.sentence), String::new()];
    for gate in &it.gates {
        // Padded before it is painted: a terminal does not count what paints.
        let word = format!("{:<12}", verdict_word(gate.verdict));
        lines.push(format!(
            "  {}  {}: {}",
            paint.severity(verdict_severity(gate.verdict), &word),
            gate.name,
            gate.description
        ));
        lines.extend(
            refusal::blockers(&gate.ruling.blockers, paint, Timestamp::now())
                .into_iter()
                .map(|line| format!("              {line}")),
        );
    }
    lines.join("\n")
}

/// Criteria with what each says of each build.
fn stated(it: &Criteria) -> String {
    let (paint, now) = (Paint::stdout(), Timestamp::now());
    if it.criteria.is_empty() {
        return format!("Release {} states no criteria.", it.release.name);
    }
    let mut lines = Vec::new();
    for criterion in &it.criteria {
        let word = format!("{:<12}", verdict_word(criterion.verdict));
        let word = paint.severity(verdict_severity(criterion.verdict), &word);
        lines.push(format!("  {word}  {}: {}", paint.bold(&criterion.name), criterion.wanted));
        for result in &criterion.results {
            let made = result.made.map(|at| format!(", made {}", time(at))).unwrap_or_default();
            let until = result.until.map(|at| format!(", good until {}", time(at))).unwrap_or_default();
            lines.push(format!("{:16}{} {}: {}{made}{until}", "", result.service.name, result.version, result.found));
            lines.extend(result.excepted.iter().map(|it| format!("{:18}let pass: {it}", "")));
            let blockers: Vec<_> = result.blocker.iter().cloned().collect();
            lines.extend(refusal::blockers(&blockers, paint, now).into_iter().map(|line| format!("{:16}{line}", "")));
        }
    }
    for it in &it.exceptions {
        let by = it.by.as_ref().map_or("Interlock", |it| it.name.as_str());
        lines.push(format!("  Exception from {} by {by}, {}: {}", it.criterion, time(it.at), it.reason));
    }
    lines.join("\n")
}

fn explained(it: &Explanation) -> String {
    let now = Timestamp::now();
    let mut lines = vec![it.sentence.clone()];
    lines.extend(refusal::blockers(&it.blockers, Paint::stdout(), now));
    lines.push(format!("Next: {}", it.next));
    lines.extend(refusal::slots(&it.slots, now));
    lines.join("\n")
}

/// The slots of an answer as a table.
pub fn slots(all: &[interlock_wire::reason::Span]) -> String {
    let rows: Vec<Vec<String>> = all.iter().map(|it| vec![time(it.start), time(it.end)]).collect();
    table(&["from", "to"], &rows)
}
