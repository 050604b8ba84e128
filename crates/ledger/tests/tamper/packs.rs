//! Whoever changes an evidence pack is found out, and told where: with the ledger's key from elsewhere, and in what is proven even
//! if the liar holds that key.
//!
//! Each round takes a sound pack, does one harm chosen by a seed, and knows which file, and which position, must be named.

use super::Seeded;
use interlock_ledger::{
    Batch, Checkpoint, Digest, Ledger, MemoryLedger, NewEntry, SigningKey,
    cosign::WitnessSigner,
    pack::{self, Contents, Entry, Listed, Manifest, Names, Omitted, Outcome, Report, Scope, Trust, Witnesses},
    proof_of_many,
};
use interlock_verify::tar::{self, File};
use std::collections::BTreeMap;

const ORIGIN: &str = "test.example/ledger";
const SIZE: u64 = 60;
const EARLIER: u64 = 23;
/// Times of entries are minutes of an hour.
const PERIOD: (u64, u64) = (10, 40);

fn time(minute: u64) -> String {
    format!("2026-03-02T{:02}:{:02}:00Z", 9 + minute / 60, minute % 60)
}

fn evidence(position: u64) -> Vec<u8> {
    format!("output of step {position}\n").into_bytes()
}

/// The policy set as the entry holds it; its digest is over the packs alone.
fn policies() -> (String, String) {
    let packs = r#"[{"files":{"rules.cedar":"@id(\"house.rule\")\n@control(\"SOX-1\")\nforbid (principal, action, resource);\n"},"name":"house","version":"1.0.0"}]"#;
    (Digest::of(packs.as_bytes()).to_string(), packs.to_owned())
}

fn body(position: u64, flavour: &str) -> Vec<u8> {
    let (set, packs) = policies();
    let event = match position % 5 {
        _ if position == 0 => format!(r#"{{"kind":"policy.installed","data":{{"digest":"{set}","packs":{packs}}}}}"#),
        1 => format!(
            r#"{{"kind":"deployment.steps_reported","data":{{"output":"{}","flavour":"{flavour}"}}}}"#,
            Digest::of(&evidence(position))
        ),
        2 => format!(
            r#"{{"kind":"release.planned","data":{{"ruling":{{"outcome":"pass","policy_set":"{set}","facts":"sha256:00","policies":["house.rule"],"blockers":[]}}}}}}"#
        ),
        _ => format!(r#"{{"kind":"calendar.put","data":{{"n":{position},"flavour":"{flavour}"}}}}"#),
    };
    let (at, account) = (time(position), position % 3);
    format!(r#"{{"v":1,"at":"{at}","by":{{"account":"acc_{account}"}},"sub":"sub_{position}","event":{event}}}"#)
        .into_bytes()
}

fn ledger(flavour: &str) -> MemoryLedger {
    let ledger = MemoryLedger::new(ORIGIN, [7; 32]).unwrap();
    let entries = (0..SIZE).map(|position| NewEntry { body: body(position, flavour) }).collect();
    ledger.append(0, &Batch { entries, ..Default::default() }).unwrap();
    ledger
}

fn witness() -> WitnessSigner {
    WitnessSigner::from_seed("witness.example/w1", &[9; 32]).unwrap()
}

fn checkpoint_at(ledger: &MemoryLedger, size: u64) -> Checkpoint {
    Checkpoint::sign(&SigningKey::from_seed(ORIGIN, &[7; 32]).unwrap(), size, ledger.root_at(size).unwrap())
}

/// A pack of a period, or of scattered entries.
fn made(ledger: &MemoryLedger, of_period: bool) -> Vec<u8> {
    let (from, to) = PERIOD;
    let scope = match of_period {
        true => {
            Scope::Period { from: time(from).parse().unwrap(), to: time(to).parse().unwrap(), first: from, end: to }
        }
        false => Scope::Release { id: "rel_1".into(), name: "first".into() },
    };
    let positions: Vec<u64> = match of_period {
        true => std::iter::once(0).chain(from - 1..to + 1).collect(),
        false => vec![0, 3, 6, 7, 21, 22, 33, 41, 56, 59],
    };
    let entries: Vec<_> = positions.iter().map(|at| ledger.read(*at, 1).unwrap().remove(0)).collect();
    let mut checkpoint = ledger.checkpoint().unwrap();
    let line = witness().cosign(checkpoint.text(), 1_772_500_000);
    checkpoint.note.push_str(&line);
    let earlier = checkpoint_at(ledger, EARLIER);
    let named = positions.iter().filter(|at| **at % 5 == 1).map(|at| evidence(*at));
    let contents = Contents {
        scope,
        verifier_key: ledger.verifying_key().to_string(),
        witnesses: Witnesses { required: 1, keys: vec![witness().public().to_string()] },
        earlier: Some((earlier, ledger.consistency(EARLIER, SIZE).unwrap())),
        proof: proof_of_many(ledger, SIZE, &entries).unwrap(),
        checkpoint,
        names: Some(Names::from([("acc_1".to_owned(), "Ana".to_owned())])),
        evidence: named.map(|it| (Digest::of(&it), it)).collect::<BTreeMap<_, _>>(),
        omitted: Vec::<Omitted>::new(),
        entries: entries.into_iter().map(|it| Entry { position: it.position, body: it.body }).collect(),
    };
    pack::write(contents, |text| ledger.sign(text).map_err(|error| error.to_string())).unwrap()
}

/// A pack taken apart, to be put together again by a liar.
struct Apart {
    files: Vec<File>,
    manifest: Manifest,
}

impl Apart {
    fn of(bytes: &[u8]) -> Self {
        let files = tar::read(bytes).unwrap();
        Self { manifest: serde_json::from_slice(&files[0].bytes).unwrap(), files }
    }

    fn bytes(&mut self, path: &str) -> &mut Vec<u8> {
        &mut self.files.iter_mut().find(|it| it.path == path).unwrap().bytes
    }

    fn lines(&mut self, path: &str) -> Vec<String> {
        String::from_utf8(self.bytes(path).clone()).unwrap().lines().map(str::to_owned).collect()
    }

    fn set_lines(&mut self, path: &str, lines: &[String]) {
        *self.bytes(path) = lines.iter().flat_map(|it| [it.as_bytes(), b"\n"].concat()).collect();
    }

    /// With a manifest that fits, signed by this key.
    fn signed_by(mut self, key: &SigningKey) -> Vec<u8> {
        let listed =
            |it: &File| Listed { path: it.path.clone(), bytes: it.bytes.len() as u64, digest: Digest::of(&it.bytes) };
        self.manifest.files = self.files[2..].iter().map(listed).collect();
        self.files[0].bytes = self.manifest.encode();
        self.files[1].bytes = key.sign(&Manifest::statement(&self.files[0].bytes)).into_bytes();
        tar::write(&self.files).unwrap()
    }

    fn together(self) -> Vec<u8> {
        tar::write(&self.files).unwrap()
    }
}

struct Sound {
    packs: [Vec<u8>; 2],
    forked: Vec<u8>,
    trust: Trust,
    insider: SigningKey,
    stranger: SigningKey,
}

fn sound() -> Sound {
    let (honest, fork) = (ledger("plain"), ledger("other"));
    let trust = Trust {
        key: Some(honest.verifying_key()),
        witnesses: vec![witness().public()],
        required: None,
        earlier: Some(checkpoint_at(&honest, EARLIER).note),
    };
    let packs = [made(&honest, true), made(&honest, false)];
    for it in &packs {
        let report = pack::check(it, &trust);
        assert_eq!(report.outcome, Outcome::Pass, "{report:#?}");
    }
    Sound {
        packs,
        forked: made(&fork, true),
        trust,
        insider: SigningKey::from_seed(ORIGIN, &[7; 32]).unwrap(),
        stranger: SigningKey::from_seed(ORIGIN, &[8; 32]).unwrap(),
    }
}

/// What must be named: a file, and a position if there is one.
struct Named(&'static str, Option<u64>);

fn flip(bytes: &mut [u8], random: &mut Seeded) {
    let at = random.below(bytes.len() as u64) as usize;
    bytes[at] ^= 1 << random.below(8);
}

/// Flips a bit so that the text stays one.
fn flip_text(bytes: &mut [u8], random: &mut Seeded) {
    let letters: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at].is_ascii_lowercase()).collect();
    let at = letters[random.below(letters.len() as u64) as usize];
    bytes[at] = if bytes[at] == b'q' { b'k' } else { b'q' };
}

/// The text with one letter exchanged.
fn altered(text: &str, random: &mut Seeded) -> String {
    let mut bytes = text.as_bytes().to_vec();
    flip_text(&mut bytes, random);
    String::from_utf8(bytes).unwrap()
}

/// One seeded harm: the harmed pack, what was done, and what must be named.
fn one_harm(sound: &Sound, seed: u64) -> (Vec<u8>, String, Named) {
    let mut random = Seeded(seed.wrapping_mul(7_919) + 1);
    let which = random.below(2) as usize;
    let mut it = Apart::of(&sound.packs[which]);
    // Half of the liars hold the ledger's key: then only what is proven can tell.
    let key = if random.below(2) == 0 { &sound.insider } else { &sound.stranger };
    let mut lines = it.lines("entries.jsonl");
    let count = lines.len() as u64;
    let proof = pack::Proof::decode(&String::from_utf8(it.bytes("proof.txt").clone()).unwrap()).unwrap();
    let at = random.below(count) as usize;
    let position = proof.leaves[at].0;
    match seed % 20 {
        0 => {
            let mut bytes = sound.packs[which].clone();
            flip(&mut bytes, &mut random);
            (bytes, "flip a bit anywhere".into(), Named("", None))
        }
        1 => {
            let at = 2 + random.below(it.files.len() as u64 - 2) as usize;
            let file = &mut it.files[at];
            flip(&mut file.bytes, &mut random);
            let path = Box::leak(file.path.clone().into_boxed_str());
            (it.together(), format!("flip a bit in {path}"), Named(path, None))
        }
        2 => {
            lines[at] = altered(&lines[at], &mut random);
            it.set_lines("entries.jsonl", &lines);
            (it.signed_by(key), format!("alter entry {position}"), Named("entries.jsonl", Some(position)))
        }
        3 => {
            lines.remove(at);
            it.set_lines("entries.jsonl", &lines);
            (it.signed_by(key), format!("drop entry {position}"), Named("entries.jsonl", Some(position)))
        }
        4 => {
            let other = (at + 1 + random.below(count - 1) as usize) % count as usize;
            lines.swap(at, other);
            it.set_lines("entries.jsonl", &lines);
            let first = proof.leaves[at.min(other)].0;
            (it.signed_by(key), format!("swap {position} with another"), Named("entries.jsonl", Some(first)))
        }
        5 => {
            lines.insert(at, lines[at].clone());
            it.set_lines("entries.jsonl", &lines);
            (it.signed_by(key), format!("double entry {position}"), Named("entries.jsonl", None))
        }
        6 => {
            let mut bytes = sound.packs[which].clone();
            bytes.truncate(random.below(bytes.len() as u64) as usize);
            (bytes, "cut off".into(), Named("", None))
        }
        7 => {
            let file = it.files.remove(2 + random.below(it.files.len() as u64 - 2) as usize);
            let path = Box::leak(file.path.into_boxed_str());
            (it.together(), format!("drop {path}"), Named(path, None))
        }
        8 => {
            it.files.push(File { path: "extra.txt".into(), bytes: b"x".to_vec() });
            (it.together(), "add a file".into(), Named("extra.txt", None))
        }
        9 => {
            let at = 2 + random.below(it.files.len() as u64 - 3) as usize;
            it.files.swap(at, at + 1);
            let path = Box::leak(it.files[at].path.clone().into_boxed_str());
            (it.together(), format!("move {path}"), Named(path, None))
        }
        10 => (it.signed_by(&sound.stranger), "sign again with another key".into(), Named("manifest.note", None)),
        11 => {
            let note = Checkpoint::sign(&sound.stranger, it.manifest.size, it.manifest.root).note;
            *it.bytes("checkpoint") = note.into_bytes();
            (it.signed_by(key), "a checkpoint by another key".into(), Named("checkpoint", None))
        }
        12 => (sound.forked.clone(), "a pack of a fork under the same key".into(), Named("earlier.checkpoint", None)),
        13 => {
            let mut other = Apart::of(&sound.packs[1 - which]);
            *it.bytes("proof.txt") = other.bytes("proof.txt").clone();
            (it.signed_by(key), "the proof of another pack".into(), Named("proof.txt", None))
        }
        14 => {
            let path = ["index.html", "index.csv", "controls.csv"][random.below(3) as usize];
            flip_text(it.bytes(path), &mut random);
            (it.signed_by(key), format!("change {path}"), Named(path, None))
        }
        15 => {
            let path = it.files.iter().find(|it| it.path.starts_with("policies/")).unwrap().path.clone();
            let path = Box::leak(path.into_boxed_str());
            flip_text(it.bytes(path), &mut random);
            (it.signed_by(key), "swap a policy's text".into(), Named(path, None))
        }
        16 => {
            let pieces: Vec<String> =
                it.files.iter().map(|it| it.path.clone()).filter(|it| it.starts_with("evidence/")).collect();
            let path = Box::leak(pieces[random.below(pieces.len() as u64) as usize].clone().into_boxed_str());
            flip(it.bytes(path), &mut random);
            (it.signed_by(key), "change evidence".into(), Named(path, None))
        }
        17 => {
            let mut hashes = it.lines("consistency.txt");
            let at = random.below(hashes.len() as u64) as usize;
            hashes[at] = Digest::of(&seed.to_be_bytes()).to_string();
            it.set_lines("consistency.txt", &hashes);
            (it.signed_by(key), "change the consistency proof".into(), Named("consistency.txt", None))
        }
        18 => {
            // The entry and its listed hash, by one who knows the first thing about packs.
            lines[at] = altered(&lines[at], &mut random);
            let mut proof = proof;
            proof.leaves[at].1 = Digest::leaf(lines[at].as_bytes());
            it.set_lines("entries.jsonl", &lines);
            *it.bytes("proof.txt") = proof.encode().into_bytes();
            (it.signed_by(key), format!("rewrite {position} with its hash"), Named("proof.txt", None))
        }
        _ => {
            // A period that is said to end before what happened in it.
            let mut it = Apart::of(&sound.packs[0]);
            let (from, to) = PERIOD;
            let (first, end) = if random.below(2) == 0 { (from + 1, to) } else { (from, to - 1) };
            let scope = Scope::Period { from: time(from).parse().unwrap(), to: time(to).parse().unwrap(), first, end };
            it.manifest.scope = scope;
            (it.signed_by(key), "shorten the period".into(), Named("manifest.json", None))
        }
    }
}

fn names(report: &Report, wanted: &Named) -> bool {
    let Named(file, position) = wanted;
    let fits = |it: &pack::Fault| {
        it.is_damage() && (file.is_empty() || it.file == *file) && position.is_none_or(|at| it.position == Some(at))
    };
    report.faults().any(fits)
}

/// `LEDGER_TAMPER_ROUNDS` asks for more rounds than the 400 of an everyday run.
#[test]
fn every_seeded_harm_to_a_pack_is_found_and_located() {
    let rounds = std::env::var("LEDGER_TAMPER_ROUNDS").map_or(400, |it| it.parse().unwrap());
    let sound = sound();
    let mut missed = Vec::new();
    for seed in 0..rounds {
        let (bytes, what, wanted) = one_harm(&sound, seed);
        assert!(!sound.packs.contains(&bytes), "seed {seed}: {what}: nothing was harmed");
        let report = pack::check(&bytes, &sound.trust);
        if report.outcome != Outcome::Fail || !names(&report, &wanted) {
            missed.push(format!("seed {seed}: {what}: {} {:?} {:#?}", wanted.0, wanted.1, report));
        }
    }
    assert!(missed.is_empty(), "{} of {rounds} missed; the first: {}", missed.len(), missed[0]);
}

#[test]
fn what_was_not_shown_is_inconclusive() {
    let sound = sound();
    let outcome = |trust: &Trust| pack::check(&sound.packs[0], trust).outcome;
    assert_eq!(outcome(&sound.trust), Outcome::Pass);
    let without_key = Trust { key: None, ..sound.trust.clone() };
    assert_eq!(outcome(&without_key), Outcome::Inconclusive);
    let without_witness = Trust { witnesses: Vec::new(), ..sound.trust.clone() };
    assert_eq!(outcome(&without_witness), Outcome::Inconclusive, "the organisation requires one");
    let two = Trust { required: Some(2), ..sound.trust.clone() };
    assert_eq!(outcome(&two), Outcome::Inconclusive);
    let none = Trust { required: Some(0), witnesses: Vec::new(), ..sound.trust };
    assert_eq!(outcome(&none), Outcome::Pass);
}
