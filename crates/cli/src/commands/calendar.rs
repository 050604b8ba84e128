//! `calendar`: may one ship then, when may one; lockdowns.

use super::{act, act_plainly, release, tell};
use crate::{
    client::{Client, segment},
    context::Global,
    failure::{Done, Failure},
    render::{Paint, machine, print, refusal, show, time},
    when::when,
};
use interlock_wire::{
    calendar::{
        AskException, CallLockdown, CheckAnswer, CheckRequest, ClosedPlan, Feed, FeedRequest, ImportRequest, Imported,
        LockdownPreview, PreviewLockdown, ScopeSpec, WindowKind,
    },
    length::Length,
    reason::{Because, Nothing, Receipt},
};
use jiff::Timestamp;
use std::path::Path;

/// What ships, and where.
#[derive(Debug, clap::Args)]
pub struct What {
    #[arg(long, short)]
    environment: String,
    /// May be given more than once
    #[arg(long, short, required = true)]
    service: Vec<String>,
    /// How long it takes [default: 1h]
    #[arg(long)]
    length: Option<Length>,
}

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Say whether one may ship then: exit code 0 if so, 1 if not
    #[command(after_help = "Example:\n  interlock calendar check --environment production --service checkout --at +2h")]
    Check {
        #[command(flatten)]
        what: What,
        #[arg(long, value_parser = when, default_value = "now", allow_hyphen_values = true)]
        at: Timestamp,
    },
    /// Name the next free slots
    #[command(
        after_help = "Example:\n  interlock calendar slots --environment production --service checkout --length 2h --from now"
    )]
    Slots {
        #[command(flatten)]
        what: What,
        #[arg(long, value_parser = when, default_value = "now", allow_hyphen_values = true)]
        from: Timestamp,
    },
    /// Stop everything in a scope, now, until it is lifted
    #[command(
        after_help = "Example:\n  interlock calendar lockdown --environment production --reason \"Power failure\""
    )]
    Lockdown {
        #[arg(long, short, required_unless_present = "preview")]
        reason: Option<String>,
        /// Empty: all. May be given more than once
        #[arg(long, short)]
        environment: Vec<String>,
        /// Empty: all. May be given more than once
        #[arg(long, short)]
        service: Vec<String>,
        /// Only say what it would stop
        #[arg(long)]
        preview: bool,
    },
    /// Take over the calendar of another program (.ics): its events become the calendar's windows
    #[command(
        after_help = "Example:\n  interlock calendar import holidays.ics --name holidays --owner hr --kind holiday --zone Europe/Berlin --dry-run"
    )]
    Import {
        /// The file; `-` for standard input
        file: String,
        /// Name of the calendar; one that exists is replaced
        #[arg(long, short)]
        name: String,
        /// The group that answers for it
        #[arg(long)]
        owner: String,
        /// What its events are, unless their categories say so
        #[arg(long, value_parser = kind)]
        kind: WindowKind,
        /// IANA time zone of whole days and of times without a zone
        #[arg(long)]
        zone: String,
        /// Empty: all. May be given more than once
        #[arg(long, short)]
        environment: Vec<String>,
        /// Empty: all. May be given more than once
        #[arg(long, short)]
        service: Vec<String>,
        /// Only say what would change, and which plans it would close
        #[arg(long)]
        dry_run: bool,
    },
    /// Fill a calendar from the address of another program's calendar, again and again
    #[command(
        after_help = "Example:\n  interlock calendar subscribe https://example.org/holidays.ics --name holidays --owner hr --kind holiday --zone Europe/Berlin --every 6h"
    )]
    Subscribe {
        /// `https://…`, without name and password: it is in the ledger for good
        address: String,
        /// Name of the calendar
        #[arg(long, short)]
        name: String,
        /// The group that answers for it
        #[arg(long)]
        owner: String,
        /// What its events are, unless their categories say so
        #[arg(long, value_parser = kind)]
        kind: WindowKind,
        /// IANA time zone of whole days and of times without a zone
        #[arg(long)]
        zone: String,
        /// How long between two readings: 5m to 7d
        #[arg(long, default_value = "6h")]
        every: Length,
        /// Empty: all. May be given more than once
        #[arg(long, short)]
        environment: Vec<String>,
        /// Empty: all. May be given more than once
        #[arg(long, short)]
        service: Vec<String>,
    },
    /// Read a calendar's feed now, and say what has changed
    #[command(after_help = "Example:\n  interlock calendar refresh holidays")]
    Refresh { name: String },
    /// Read a calendar's feed no more; its windows stay
    #[command(after_help = "Example:\n  interlock calendar unsubscribe holidays")]
    Unsubscribe { name: String },
    /// Remove a calendar: its windows hold no more
    #[command(after_help = "Example:\n  interlock calendar remove holidays")]
    Remove { name: String },
    /// Ask that a release be let through one occurrence of a window
    #[command(
        after_help = "Example:\n  interlock calendar except --release spring --calendar finance --window quarter-end --occurrence 2026-03-30T22:00:00Z --until 2026-03-31T06:00:00Z --reason \"The auditors need the correction\""
    )]
    Except {
        /// Name or id
        #[arg(long)]
        release: String,
        #[arg(long)]
        calendar: String,
        #[arg(long)]
        window: String,
        /// When the occurrence begins, exactly: a refusal names it
        #[arg(long, value_parser = when, allow_hyphen_values = true)]
        occurrence: Timestamp,
        /// When the exception ends: at the latest with the occurrence
        #[arg(long, value_parser = when, allow_hyphen_values = true)]
        until: Timestamp,
        #[arg(long, short)]
        reason: String,
    },
    /// Grant an exception, with the role that the window names
    #[command(after_help = "Example:\n  interlock calendar grant exc_01h --reason \"Agreed with controlling\"")]
    Grant {
        id: String,
        #[arg(long, short)]
        reason: String,
    },
    /// Refuse an exception
    #[command(after_help = "Example:\n  interlock calendar refuse exc_01h --reason \"It can wait until Tuesday\"")]
    Refuse {
        id: String,
        #[arg(long, short)]
        reason: String,
    },
    /// Take an exception back, or the request for one
    #[command(after_help = "Example:\n  interlock calendar end exc_01h --reason \"Not needed any more\"")]
    End {
        id: String,
        #[arg(long, short)]
        reason: String,
    },
    /// Lift a lockdown
    #[command(after_help = "Example:\n  interlock calendar lift lck_01h")]
    Lift { id: String },
}

pub async fn run(verb: Verb, global: &Global) -> Done {
    match verb {
        Verb::Check { what, at } => {
            let answer = ask(&global.client()?, &what, at).await?;
            match machine(global.output, &answer)? {
                Some(text) => print(&text),
                None => print(&told(&answer, at)),
            }
            if answer.allowed { Ok(()) } else { Err(Failure::Failed(format!("closed at {}", time(at)))) }
        }
        Verb::Slots { what, from } => {
            let answer = ask(&global.client()?, &what, from).await?;
            show(global.output, &answer.slots, |it| release::slots(it))
        }
        Verb::Lockdown { environment, service, preview: true, .. } => {
            let ask = PreviewLockdown { scope: scope(environment, service) };
            let it: LockdownPreview = global.client()?.post("/lockdowns/preview", &ask).await?;
            match machine(global.output, &it)? {
                Some(text) => print(&text),
                None => print(&stopped(&it)),
            }
            Ok(())
        }
        Verb::Import { file, name, owner, kind, zone, environment, service, dry_run } => {
            let text = crate::manifest::read(Path::new(&file))?;
            let scope = scope(environment, service);
            let ask = ImportRequest { owner, text, kind, zone, scope, dry_run };
            let it: Imported = global.client()?.post(&format!("/calendars/{name}/import"), &ask).await?;
            match machine(global.output, &it)? {
                Some(text) => print(&text),
                None => print(&imported(&it)),
            }
            Ok(())
        }
        Verb::Lockdown { reason, environment, service, preview: false } => {
            let (scope, reason) = (scope(environment, service), reason.unwrap_or_default());
            let done: Receipt = global.client()?.post("/lockdowns", &CallLockdown { scope, reason }).await?;
            tell(global, &done).await
        }
        Verb::Subscribe { address, name, owner, kind, zone, every, environment, service } => {
            let scope = scope(environment, service);
            let ask = FeedRequest { owner, address, kind, zone, scope, every };
            let done: Receipt =
                global.client()?.post(&format!("/calendars/{}/subscribe", segment(&name)), &ask).await?;
            tell(global, &done).await
        }
        Verb::Refresh { name } => {
            let path = format!("/calendars/{}/refresh", segment(&name));
            let it: Feed = global.client()?.post(&path, &Nothing {}).await?;
            match machine(global.output, &it)? {
                Some(text) => print(&text),
                None => print(&fed(&it)),
            }
            it.failing.map_or(Ok(()), |why| Err(Failure::Inconclusive(format!("the feed cannot be read: {why}"))))
        }
        Verb::Unsubscribe { name } => {
            let path = format!("/calendars/{}/unsubscribe", segment(&name));
            let done: Receipt = global.client()?.post(&path, &Nothing {}).await?;
            tell(global, &done).await
        }
        Verb::Remove { name } => act_plainly(global, "calendars", &name, "remove").await,
        Verb::Except { release, calendar, window, occurrence, until, reason } => {
            let ask = AskException { release, calendar, window, occurrence, until, reason };
            let done: Receipt = global.client()?.post("/exceptions", &ask).await?;
            tell(global, &done).await
        }
        Verb::Grant { id, reason } => act(global, "exceptions", &id, "grant", &Because { reason }).await,
        Verb::Refuse { id, reason } => act(global, "exceptions", &id, "refuse", &Because { reason }).await,
        Verb::End { id, reason } => act(global, "exceptions", &id, "end", &Because { reason }).await,
        Verb::Lift { id } => act_plainly(global, "lockdowns", &id, "lift").await,
    }
}

fn scope(environments: Vec<String>, services: Vec<String>) -> ScopeSpec {
    ScopeSpec {
        environments: environments.into_iter().collect(),
        services: services.into_iter().collect(),
        ..Default::default()
    }
}

fn kind(text: &str) -> Result<WindowKind, String> {
    serde_json::from_value(serde_json::Value::from(text.replace('-', "_")))
        .map_err(|_| "give freeze, holiday, fiscal-close, contract-renewal or maintenance".into())
}

fn plans(closes: &[ClosedPlan]) -> Vec<String> {
    let now = Timestamp::now();
    let one = |it: &ClosedPlan| {
        let owner = it.owner.as_ref().map(|it| format!(" of {}", it.name)).unwrap_or_default();
        let mut lines = vec![format!("  closes {}{owner}, planned for {}", it.release.name, time(it.window.start))];
        lines.extend(refusal::blockers(&it.reasons, Paint::stdout(), now));
        lines
    };
    closes.iter().flat_map(one).collect()
}

fn stopped(it: &LockdownPreview) -> String {
    if it.closes.is_empty() && it.holds.is_empty() {
        return "It would stop nothing that is planned or running.".into();
    }
    let mut lines = plans(&it.closes);
    lines.extend(it.holds.iter().map(|it| format!("  holds the running deployment of {}", it.name)));
    lines.join("\n")
}

fn fed(it: &Feed) -> String {
    let Some(at) = it.changed_at else { return "Nothing was read yet".into() };
    let [added, changed, removed] = it.counts;
    let mut lines = vec![format!(
        "Last changed {}: {added} added, {changed} changed, {removed} removed; {} events are no windows",
        time(at),
        it.left_out
    )];
    for (sign, names) in [("+", &it.added), ("~", &it.changed), ("-", &it.removed)] {
        lines.extend(names.iter().map(|name| format!("  {sign} {name}")));
    }
    lines.join("\n")
}

fn imported(it: &Imported) -> String {
    let done = if it.receipt.is_some() { "Imported into" } else { "Would change" };
    let mut lines = vec![format!(
        "{done} calendar {}: {} added, {} changed, {} removed, {} as before, {} left out",
        it.calendar,
        it.added.len(),
        it.changed.len(),
        it.removed.len(),
        it.unchanged,
        it.left_out.len()
    )];
    lines.extend(it.added.iter().map(|it| format!("  + {} {}", it.name, it.reason)));
    lines.extend(it.changed.iter().map(|it| format!("  ~ {} {}", it.after.name, it.after.reason)));
    lines.extend(it.removed.iter().map(|it| format!("  - {} {}", it.name, it.reason)));
    lines.extend(it.left_out.iter().map(|it| format!("  left out {} ({}): {}", it.summary, it.uid, it.why)));
    lines.extend(plans(&it.closes));
    lines.join("\n")
}

async fn ask(client: &Client, what: &What, at: Timestamp) -> Done<CheckAnswer> {
    check(client, &what.environment, &what.service, at, what.length).await
}

/// May these services ship to an environment at `at`, and when may they from then on?
///
/// # Errors
/// As any request.
pub async fn check(
    client: &Client,
    environment: &str,
    services: &[String],
    at: Timestamp,
    length: Option<Length>,
) -> Done<CheckAnswer> {
    let services = services.iter().cloned().collect();
    let request =
        CheckRequest { services, environment: environment.into(), at: Some(at), from: None, until: None, length };
    client.post("/calendar/check", &request).await
}

fn told(it: &CheckAnswer, at: Timestamp) -> String {
    let now = Timestamp::now();
    let mut lines = vec![format!("{} is {}", time(at), if it.allowed { "open" } else { "closed" })];
    lines.extend(refusal::blockers(&it.reasons, Paint::stdout(), now));
    lines.extend(it.next_close.map(|at| format!("  closes {}", time(at))));
    lines.extend(it.next_open.map(|at| format!("  opens {}", time(at))));
    lines.extend(refusal::slots(&it.slots, now));
    lines.join("\n")
}
