//! `ledger world`, `ledger knew`, `ledger recompute`, `ledger erasures`: the ledger looked at in its own past.

use super::ledger::lines;
use crate::{
    client::{Client, query, segment},
    context::Global,
    failure::{Done, Failure},
    render::{Paint, object, show, time},
};
use interlock_domain::{
    core::{Actor, Command},
    people,
};
use interlock_engine::{Engine, Options};
use interlock_ids::{AccountId, NoteId};
use interlock_ledger::{OpenOptions, SqliteLedger};
use interlock_wire::{
    erasure::Erasures,
    reason::{Severity, Verdict},
    replay::{Knowledge, Recomputation, RecomputedRuling, WorldView},
};
use jiff::Timestamp;
use std::{path::Path, sync::Arc};

/// The world at a moment: `at` is a position or a time.
pub async fn world(at: Option<String>, object: Option<String>, global: &Global) -> Done {
    let position = at.as_deref().and_then(|text| text.parse::<u64>().ok());
    let moment = match at.as_deref().filter(|_| position.is_none()) {
        Some(text) => Some(crate::when::when(text).map_err(Failure::Usage)?),
        None => None,
    };
    let path = query(&[
        ("position", position.map(|it| it.to_string())),
        ("time", moment.map(|it: Timestamp| it.to_string())),
        ("object", object),
    ]);
    let it: WorldView = global.client()?.get(&format!("/ledger/world{path}")).await?;
    show(global.output, &it, told)
}

fn told(it: &WorldView) -> String {
    let paint = Paint::stdout();
    let at = it.at.map_or_else(|| "before anything happened".to_owned(), |at| format!("recorded up to {}", time(at)));
    let mut lines = vec![paint.bold(&format!("The world of {} entries of {}, {at}", it.position, it.size))];
    if let Some(found) = &it.object {
        lines.push(object::describe(found, paint, it.at.unwrap_or_else(Timestamp::now)));
        return lines.join("\n");
    }
    lines.extend(it.counts.iter().map(|count| format!("  {:<14}{}", count.name, count.count)));
    lines.push(format!("  {:<14}{}", "lockdowns", it.lockdowns));
    lines.extend(it.policy_set.as_ref().map(|set| format!("  {:<14}{set}", "policies")));
    for release in &it.releases {
        lines.push(format!("  release {:<24}{:<14}{}", release.name, release.status.label, release.sentence));
    }
    for deployment in &it.deployments {
        lines.push(format!(
            "  deployment of {} to {}: {}",
            deployment.name, deployment.environment.name, deployment.sentence
        ));
    }
    for it in &it.installed {
        lines.push(format!("  {}: {} {} on {} targets", it.environment.name, it.service.name, it.version, it.targets));
    }
    lines.join("\n")
}

/// What was known when an entry was decided.
pub async fn knew(position: u64, global: &Global) -> Done {
    let path = format!("/ledger/entries/{}/knowledge", segment(&position.to_string()));
    let it: Knowledge = global.client()?.get(&path).await?;
    show(global.output, &it, known)
}

fn known(it: &Knowledge) -> String {
    let paint = Paint::stdout();
    let mut all = vec![lines(std::slice::from_ref(&it.entry)), String::new()];
    let who = &it.decider;
    all.push(format!(
        "{} {}; roles {}; groups {}{}{}",
        paint.bold("Decided by"),
        who.who.name,
        listed(&who.roles),
        listed(&who.groups),
        if who.on_leave { "; on leave" } else { "" },
        if who.stands_in_for.is_empty() {
            String::new()
        } else {
            format!("; for {}", who.stands_in_for.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", "))
        }
    ));
    all.push(paint.bold("Rulings, and the same questions asked again:"));
    all.extend(it.rulings.iter().map(|it| format!("  {}", ruling(it, paint))));
    for it in &it.rulings {
        let facts = it.request.as_ref().and_then(|it| it["facts"].as_object()).into_iter().flatten();
        all.extend(facts.map(|(name, value)| format!("    {}: {name} = {value}", it.name)));
    }
    all.push(paint.bold(&format!("On record about it, {} documents:", it.documents.len())));
    if it.documents_left_out > 0 {
        all.push(format!("  ({} older ones are left out)", it.documents_left_out));
    }
    for document in &it.documents {
        all.push(format!("  #{:<7} {}  {}", document.position, time(document.at), document.summary));
        for one in &document.refers_to {
            let state = if one.there { "" } else { ", no longer there" };
            all.push(format!("           {} {}{state}", one.kind, one.id));
        }
    }
    all.push(paint.bold(&format!("Recorded later, and known to nobody then: {}", it.later.len())));
    all.push(lines(&it.later));
    all.join("\n")
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

fn ruling(it: &RecomputedRuling, paint: Paint) -> String {
    let (word, severity) = match it.verdict {
        Verdict::Pass => ("same", Severity::Good),
        Verdict::Fail => ("DIFFERENT", Severity::Bad),
        Verdict::Inconclusive => ("inconclusive", Severity::Warning),
    };
    format!(
        "#{} {}: {:?} by {}; {}: {}",
        it.position,
        it.name,
        it.recorded.verdict,
        listed(&it.recorded.policies),
        paint.severity(severity, word),
        it.why
    )
}

/// Recomputes the rulings of one entry, or of all.
pub async fn recompute(entry: Option<u64>, global: &Global) -> Done {
    let client = global.client()?;
    if let Some(position) = entry {
        let path = format!("/ledger/entries/{}/recomputed", segment(&position.to_string()));
        let all: Vec<RecomputedRuling> = client.get(&path).await?;
        show(global.output, &all, |all| match all.as_slice() {
            [] => format!("Entry {position} rests on no ruling that it records."),
            all => all.iter().map(|it| ruling(it, Paint::stdout())).collect::<Vec<_>>().join("\n"),
        })?;
        return judged(
            all.iter().filter(|it| it.verdict == Verdict::Fail).count() as u64,
            all.iter().filter(|it| it.verdict == Verdict::Inconclusive).count() as u64,
        );
    }
    let total = everything(&client).await?;
    show(global.output, &total, |it| {
        let mut lines = vec![format!(
            "{} rulings recomputed: {} the same to the byte, {} different, {} inconclusive",
            it.rulings, it.same, it.different, it.inconclusive
        )];
        lines.extend(it.not_the_same.iter().map(|it| ruling(it, Paint::stdout())));
        lines.join("\n")
    })?;
    judged(total.different, total.inconclusive)
}

fn judged(different: u64, inconclusive: u64) -> Done {
    match (different, inconclusive) {
        (0, 0) => Ok(()),
        (0, some) => Err(Failure::Inconclusive(format!("{some} rulings could not be recomputed"))),
        (some, _) => Err(Failure::Failed(format!("{some} rulings are different when they are recomputed"))),
    }
}

async fn everything(client: &Client) -> Done<Recomputation> {
    let mut total: Recomputation = client.get("/ledger/recomputed?from=0&count=10000").await?;
    while let Some(next) = total.next {
        let part: Recomputation = client.get(&format!("/ledger/recomputed?from={next}&count=10000")).await?;
        total.next = part.next;
        total.rulings += part.rulings;
        total.same += part.same;
        total.different += part.different;
        total.inconclusive += part.inconclusive;
        total.not_the_same.extend(part.not_the_same);
        total.not_the_same.truncate(100);
        if part.status.severity != Severity::Good {
            total.status = part.status;
        }
    }
    Ok(total)
}

/// What was forgotten so far: the list to keep beside backups.
pub async fn erasures(global: &Global) -> Done {
    let it: Erasures = global.client()?.get("/erasures").await?;
    show(global.output, &it, |it| serde_json::to_string_pretty(it).unwrap_or_default())
}

/// Reads the list that `interlock ledger erasures` wrote.
///
/// # Errors
/// The file cannot be read, or is no such list.
pub fn read_erasures(path: &Path) -> Done<Erasures> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::io("reading", path, &error))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::Usage(format!("`{}` is no list of erasures: {error}", path.display())))
}

/// Erases again, in a ledger that was just put back, what was erased after the backup was taken; how much that was.
///
/// # Errors
/// The ledger cannot be opened or written to. It is not to be served then.
pub async fn erase_again(ledger: &Path, list: &Erasures) -> Done<u64> {
    let broken = |error: String| {
        Failure::Failed(format!("erasing again failed: {error}; do not serve this ledger, restore it anew"))
    };
    let store = SqliteLedger::open(ledger, OpenOptions::default()).map_err(super::ledger::refused)?;
    let engine = Engine::open(Arc::new(store), Options::default()).map_err(|error| broken(error.to_string()))?;
    let world = engine.world();
    let basis = people::Basis::Other;
    let mut commands: Vec<people::Command> = Vec::new();
    let note = |position: u64| {
        let text = format!("done again after a restore; first done by entry {position} of the ledger that was lost");
        engine.desk().put_note(&text).map_err(|error| broken(error.to_string()))
    };
    for it in &list.people {
        let account: AccountId = it.id.parse().map_err(|_| broken(format!("`{}` is no account", it.id)))?;
        if world.people.account(account).is_some_and(|known| known.erased.is_none()) {
            commands.push(people::Command::ErasePerson { account, basis, reason: note(it.position)? });
        }
    }
    for it in &list.notes {
        let redacted: NoteId = it.id.parse().map_err(|_| broken(format!("`{}` is no note", it.id)))?;
        if engine.desk().note(redacted).is_some() {
            commands.push(people::Command::RedactNote { note: redacted, basis, reason: note(it.position)? });
        }
    }
    let count = commands.len() as u64;
    for command in commands {
        let done = engine.submit(Actor::system(), Command::People(command), None).await;
        done.map_err(|error| broken(error.to_string()))?;
    }
    engine.forget_again().map_err(|error| broken(error.to_string()))?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use interlock_domain::{people::AccountKind, policy};
    use interlock_engine::Person;
    use interlock_ids::Digest;
    use interlock_wire::erasure::Erased;

    #[tokio::test]
    async fn a_restore_erases_again_what_was_erased_after_the_backup() {
        let folder = tempfile::tempdir().unwrap();
        let (live, copy, back) =
            (folder.path().join("ledger.db"), folder.path().join("copy.db"), folder.path().join("back.db"));
        let (setup, until) = (Digest([7; 32]), Timestamp::now() + jiff::SignedDuration::from_hours(1));
        let store = Arc::new(SqliteLedger::create(&live, OpenOptions::default()).unwrap());
        let engine = Engine::open(store.clone(), Options::default()).unwrap();
        let admin: AccountId = engine.fresh();
        let gone: AccountId = engine.fresh();
        let spec = |roles: &str| people::AccountSpec {
            kind: AccountKind::Human,
            roles: [roles.parse().unwrap()].into(),
            groups: Default::default(),
            identities: Default::default(),
        };
        let found = people::Command::Found {
            organisation: "Shop".into(),
            time_zone_data: "x".into(),
            setup,
            setup_until: until,
        };
        let claim = people::Command::ClaimSetup { secret: setup, account: admin, spec: spec("administrator") };
        for command in [
            Command::People(found),
            Command::Policy(policy::Command::Install { packs: interlock_policy::shipped() }),
            Command::People(claim),
        ] {
            engine.submit(Actor::system(), command, None).await.unwrap();
        }
        let put = Command::People(people::Command::PutAccount { account: gone, spec: spec("developer") });
        engine.submit(Actor::account(admin), put, None).await.unwrap();
        let person =
            |account, login: &str, name: &str| Person { account, login: login.into(), name: name.into(), email: None };
        engine.desk().put_person(&person(admin, "ana", "Ana Ruiz")).unwrap();
        engine.desk().put_person(&person(gone, "zq", "Zebedee Quillfeather")).unwrap();
        let about = engine.desk().put_note("Zebedee Quillfeather was ill").unwrap();
        store.backup(&copy).unwrap();

        SqliteLedger::restore(&copy, &back).unwrap();
        let holds = |path: &Path| std::fs::read(path).unwrap().windows(12).any(|it| it == b"Quillfeather");
        assert!(holds(&back));
        let erased = |id: String, position| Erased { id, position };
        let list = Erasures {
            position: 9,
            people: vec![erased(gone.to_string(), 7)],
            notes: vec![erased(about.id.to_string(), 8), erased(engine.fresh::<interlock_ids::Note>().to_string(), 8)],
        };
        let file = folder.path().join("erasures.json");
        std::fs::write(&file, serde_json::to_string(&list).unwrap()).unwrap();
        assert_eq!(erase_again(&back, &read_erasures(&file).unwrap()).await.unwrap(), 2);
        assert!(!holds(&back));
        assert!(SqliteLedger::verify(&back).passed());
        let again =
            Engine::open(Arc::new(SqliteLedger::open(&back, OpenOptions::default()).unwrap()), Options::default())
                .unwrap();
        assert_eq!(again.desk().name(gone), format!("erased person {gone}"));
        assert_eq!((again.desk().name(admin).as_str(), again.desk().note(about.id)), ("Ana Ruiz", None));
        assert!(again.world().people.account(gone).unwrap().erased.is_some());
        // Once is enough.
        drop(again);
        assert_eq!(erase_again(&back, &list).await.unwrap(), 0);
    }

    #[test]
    fn what_is_no_list_of_erasures_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for text in ["", "{}", r#"{"position":1,"people":[],"notes":[],"more":1}"#] {
            std::fs::write(file.path(), text).unwrap();
            assert_eq!(read_erasures(file.path()).unwrap_err().exit_code(), 2, "{text}");
        }
    }
}
