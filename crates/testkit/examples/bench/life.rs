//! Lives of releases, by the thousand: one is lived through, and written again and again under other ids and names.
//!
//! Invariant: what is written are entries as the core makes them; only ids and the release's name differ from life to life.
//! Deliberately absent: deciding each of them. What deciding costs is measured elsewhere.

use interlock_domain::{
    core::Command,
    deployment::{self, Pipeline, PipelineStep, StepOutcome},
    operations,
    release::{self, Model},
};
use interlock_ids::{AccountId, DeploymentId, Id, Release, ReleaseId};
use interlock_ledger::{Batch, Ledger, NewEntry, OpenOptions, SqliteLedger};
use interlock_testkit::{
    golden,
    house::{House, digest, name},
    shop, story,
};
use jiff::{SignedDuration, Timestamp};
use std::{collections::BTreeMap, error::Error, path::Path};

const BATCH: usize = 5000;

/// An entry as text, cut where an id stands that is another one in another life.
struct Template(Vec<Piece>);

enum Piece {
    Text(String),
    /// A prefix, and which id of the life it is.
    Id(&'static str, u16),
    Name,
}

/// The name of the release in the transcript.
const NAMED: &str = "\"spring\"";

/// Cuts the entries of a life.
fn templates(bodies: &[String], kept: &str) -> Vec<Template> {
    let mut slots: BTreeMap<String, u16> = BTreeMap::new();
    bodies.iter().map(|body| Template(cut(body, kept, &mut slots))).collect()
}

fn cut(body: &str, kept: &str, slots: &mut BTreeMap<String, u16>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = body;
    let mut text = String::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(NAMED) {
            pieces.extend([Piece::Text(std::mem::take(&mut text)), Piece::Name]);
            rest = after;
            continue;
        }
        let found = interlock_ids::PREFIXES.iter().find(|prefix| {
            let id = rest.strip_prefix(**prefix).and_then(|it| it.strip_prefix('_')).and_then(|it| it.get(..26));
            id.is_some_and(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
        });
        match found {
            // What was there before the release is the same in every life.
            Some(prefix) if !kept.contains(&rest[..prefix.len() + 27]) => {
                let id = &rest[..prefix.len() + 27];
                let next = u16::try_from(slots.len()).unwrap_or(u16::MAX);
                let slot = *slots.entry(id.to_owned()).or_insert(next);
                pieces.extend([Piece::Text(std::mem::take(&mut text)), Piece::Id(prefix, slot)]);
                rest = &rest[id.len()..];
            }
            _ => {
                let length = rest.chars().next().map_or(1, char::len_utf8);
                text.push_str(&rest[..length]);
                rest = &rest[length..];
            }
        }
    }
    pieces.push(Piece::Text(text));
    pieces
}

impl Template {
    fn body(&self, life: u64) -> Vec<u8> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Name => out.push_str(&format!("\"r-{life}\"")),
                Piece::Id(prefix, slot) => {
                    let mut random = [0; 10];
                    random[..2].copy_from_slice(&slot.to_be_bytes());
                    random[2..].copy_from_slice(&life.to_be_bytes());
                    let id = Id::<Release>::new(1_772_442_000_000 + life, random).to_string();
                    out.push_str(prefix);
                    out.push_str(&id["rel".len()..]);
                }
            }
        }
        out.into_bytes()
    }
}

/// Entries as they are stored.
pub type Bodies = Vec<Vec<u8>>;

/// A release in waves, judged and watched, from draft to closed; the entries before it, and its own.
pub fn in_waves() -> Result<(Bodies, Bodies), Box<dyn Error>> {
    let mut empty = House::new(2026);
    shop::open(&mut empty);
    let before = empty.world().position;
    let transcript = std::fs::read_to_string(golden::folder().join("transcripts/ships-in-waves.txt"))?;
    let sentences: Vec<&str> = transcript.lines().take_while(|line| !line.starts_with("# No evidence")).collect();
    let house = story::live(&sentences.join("\n"))?;
    let bodies = house.engine().ledger().read(0, 10_000)?.into_iter().map(|entry| entry.body).collect::<Vec<_>>();
    let (shop, own) = bodies.split_at(usize::try_from(before)?);
    Ok((shop.to_vec(), own.to_vec()))
}

/// The smallest life there is: one target, one step, a watch without triggers. Whoever looks at it needs an account, so `admin`'s
/// token is in the entries before it.
pub fn small(token: impl Fn(AccountId, Timestamp) -> Command) -> Result<(Bodies, Bodies), Box<dyn Error>> {
    let mut house = House::new(2027);
    shop::open(&mut house);
    // It has to be good when the program is started.
    house.set_clock(Timestamp::now());
    let until = house.now() + SignedDuration::from_hours(24 * 300);
    house.ok("admin", token(house.account("admin"), until));
    let steps: Vec<PipelineStep> =
        house.world().deployment.pipelines.values().flat_map(|it| it.steps.clone()).collect();
    let deploy = steps.into_iter().filter(|step| step.name.as_str() == "deploy").collect();
    let pipeline = Pipeline { name: name("short"), max_parallel: 1, ahead: 1, steps: deploy };
    house.ok("admin", Command::Deployment(deployment::Command::PutPipeline { pipeline }));
    let before = house.world().position;
    let mut spec = shop::spec(&house, "spring", "1.1.0");
    (spec.environment, spec.pipeline, spec.model) = (name("staging"), name("short"), Model::BigBang);
    let (id, start): (ReleaseId, _) = (house.fresh(), house.now());
    let life = [
        release::Command::Draft { release: id, spec },
        release::Command::Plan { release: id, start },
        release::Command::Freeze { release: id },
        release::Command::Authorise { release: id },
    ];
    house.all_ok("rita", life.map(Command::Release).into());
    let deployment: DeploymentId = house.fresh();
    house.ok("olu", Command::Deployment(deployment::Command::Start { deployment, release: id }));
    house.work(10, |_| StepOutcome::Changed);
    house.wait(SignedDuration::from_secs(120));
    let world = house.world();
    let watch = world.operations.of_release(id).ok_or("nothing is being watched")?;
    let end =
        operations::Command::End { watch: watch.id, fence: watch.fence, looks: 12, usable: 12, evidence: digest(52) };
    house.ok("system", Command::Operations(end));
    let stage = house.world().release.release(id).map(|it| it.stage);
    if stage != Some(release::Stage::Closed) {
        return Err(format!("the release is not closed but {stage:?}").into());
    }
    let bodies: Bodies = house.engine().ledger().read(0, 10_000)?.into_iter().map(|entry| entry.body).collect();
    let (shop, own) = bodies.split_at(usize::try_from(before)?);
    Ok((shop.to_vec(), own.to_vec()))
}

/// Writes lives into a new ledger until `enough` says so of the entries and the lives written; how many there are of either.
pub fn write(
    path: &Path,
    (before, own): (Bodies, Bodies),
    enough: impl Fn(u64, u64) -> bool,
) -> Result<(u64, u64), Box<dyn Error>> {
    let text =
        |bodies: &[Vec<u8>]| bodies.iter().map(|it| String::from_utf8_lossy(it).into_owned()).collect::<Vec<_>>();
    let templates = templates(&text(&own), &text(&before).concat());
    let ledger = SqliteLedger::create(path, OpenOptions::default())?;
    let mut head = 0;
    let mut append = |bodies: &mut Vec<Vec<u8>>| -> Result<u64, Box<dyn Error>> {
        let entries = bodies.drain(..).map(|body| NewEntry { body }).collect();
        head = ledger.append(head, &Batch { entries, ..Default::default() })?.size;
        Ok(head)
    };
    let mut waiting = before;
    let (mut written, mut life) = (0, 0);
    while !enough(written + waiting.len() as u64, life) {
        waiting.extend(templates.iter().map(|template| template.body(life)));
        life += 1;
        if waiting.len() >= BATCH {
            written = append(&mut waiting)?;
        }
    }
    Ok((append(&mut waiting)?, life))
}
