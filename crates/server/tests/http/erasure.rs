//! A person is erased: afterwards nothing in any file and nothing the API says holds a name, an address or a login, and everything
//! that was proved before is proved still.

use crate::support::*;
use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, StatusCode},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use interlock_domain::{
    artifact::{self, Artifact, Commit, Source},
    core::{Actor, Command},
};
use interlock_ledger::{Digest, Ledger as _, OpenOptions, SqliteLedger, VerifyingKey, checkpoint::Checkpoint, merkle};
use serde_json::{Value, json};
use std::{
    collections::{BTreeSet, HashMap},
    net::SocketAddr,
    path::Path,
    sync::{Arc, LazyLock},
};

const LOGIN: &str = "zebedee-quill";
const NAME: &str = "Zebedee Quillfeather";
const EMAIL: &str = "zq.quillfeather@shop.example";
const AGENT: &str = "zq-laptop/7";
const ADDRESS: &str = "192.0.2.177";

/// What must not be found: each text in lower case, in the encodings in which texts travel.
fn needles() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for text in [LOGIN, NAME, "Quillfeather", EMAIL, AGENT, ADDRESS] {
        let mut add = |how: &str, bytes: Vec<u8>| all.push((format!("{text} as {how}"), bytes.to_ascii_lowercase()));
        add("text", text.as_bytes().to_vec());
        add("hexadecimal", text.bytes().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect());
        add("UTF-16", text.encode_utf16().flat_map(u16::to_le_bytes).collect());
        let percent: String = text
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '-' || c == '.' {
                    c.to_string()
                } else {
                    format!("%{:02x}", c as u32)
                }
            })
            .collect();
        add("percent-encoding", percent.into_bytes());
        // Base64 at each of its three alignments, without the characters that depend on what stands beside.
        for shift in 0..3 {
            let padded = [vec![0; shift], text.as_bytes().to_vec()].concat();
            for encoded in [STANDARD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
                let whole = (padded.len() / 3) * 4;
                let from = if shift == 0 { 0 } else { 4 };
                all.push((format!("{text} as base64 at {shift}"), encoded.as_bytes()[from..whole].to_vec()));
            }
        }
    }
    all
}

/// Texts, and how each is told, by their first five bytes.
type Table = HashMap<[u8; 5], Vec<(String, Vec<u8>)>>;

/// The texts by their first five bytes, so that much can be looked through: those in which case matters not, and base64.
static BY_START: LazyLock<[Table; 2]> = LazyLock::new(|| {
    let mut all = [HashMap::new(), HashMap::new()];
    for (how, needle) in needles() {
        let Some(start) = needle.get(..5).and_then(|start| start.try_into().ok()) else { continue };
        let table: &mut Table = &mut all[usize::from(how.contains("base64"))];
        table.entry(start).or_default().push((how, needle));
    }
    all
});

/// Which of the texts some bytes hold.
fn found(bytes: &[u8]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (table, hay) in BY_START.iter().zip([bytes.to_ascii_lowercase(), bytes.to_vec()]) {
        for at in 0..hay.len().saturating_sub(4) {
            for (how, needle) in table.get(&hay[at..at + 5]).into_iter().flatten() {
                if hay[at..].starts_with(needle) {
                    all.insert(how.clone());
                }
            }
        }
    }
    all
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn found_in_files(folder: &Path) -> Vec<String> {
    let told = |path: std::path::PathBuf| {
        let found = found(&std::fs::read(&path).unwrap());
        (!found.is_empty()).then(|| format!("{}: {found:?}", path.display()))
    };
    files(folder).into_iter().filter_map(told).collect()
}

/// Addresses that stream and never end.
const STREAMS: [&str; 2] = ["/live", "/deployments/{id}/steps/{step}/output/live"];

/// Every address of the API that reads, with every object there is put in; with what it answered.
async fn everything(house: &House, who: &str) -> Vec<(String, Vec<u8>)> {
    let listed = include_str!("../../../../golden/endpoints.txt");
    let paths: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.strip_prefix("GET "))
        .filter_map(|rest| rest.split_whitespace().next())
        .filter(|path| !STREAMS.contains(path))
        .collect();
    let mut answers = Vec::new();
    let mut digests = BTreeSet::new();
    let mut with_answer = BTreeSet::new();
    for path in &paths {
        let Some((before, rest)) = path.split_once("/{") else {
            let queries: &[&str] = match *path {
                "/search" => &["?q=quill", "?q=check"],
                "/activity/export" => {
                    &["?form=csv", "?form=jsonl", "?form=cef", "?form=csv&personal=true", "?form=cef&personal=true"]
                }
                "/ledger/consistency" => &["?old=1"],
                "/calendar" => &["?from=2026-03-01T00:00:00Z&to=2026-03-20T00:00:00Z"],
                "/ledger/world" => &["", "?position=30", "?object=account/ana", "?object=release/second"],
                _ => &["", "?limit=500"],
            };
            for query in queries {
                let got = house.get(who, &format!("{path}{query}")).await;
                if got.status == 200 {
                    with_answer.insert(*path);
                    answers.push((format!("{path}{query}"), got.bytes));
                }
            }
            continue;
        };
        let rest = rest.split_once('}').unwrap().1;
        // The output of a step: what it printed, and nothing of people.
        if rest.contains('{') {
            continue;
        }
        let list = match before {
            "/ledger/entries" => "/ledger/entries?limit=500".to_owned(),
            "/manifests/schemas" => continue,
            other => format!("{other}?limit=500"),
        };
        let page = house.get(who, &list).await;
        let ids: Vec<String> = if before == "/blobs" || page.status != 200 {
            Vec::new()
        } else {
            let items = page.json()["items"].as_array().cloned().unwrap_or_default();
            let id = |it: &Value| {
                it["id"].as_str().map(str::to_owned).or_else(|| it["position"].as_u64().map(|n| n.to_string()))
            };
            items.iter().filter_map(id).collect()
        };
        for id in ids {
            let address = format!("{before}/{id}{rest}");
            let got = house.get(who, &address).await;
            if got.status == 200 {
                with_answer.insert(*path);
                answers.push((address, got.bytes));
            }
        }
    }
    for (_, body) in &answers {
        let text = String::from_utf8_lossy(body);
        digests
            .extend(text.split("sha256:").skip(1).filter_map(|rest| rest.get(..64).map(|hex| format!("sha256:{hex}"))));
    }
    for digest in digests {
        let got = house.get(who, &format!("/blobs/{digest}")).await;
        if got.status == 200 {
            with_answer.insert("/blobs/{digest}");
            answers.push((digest, got.bytes));
        }
    }
    // What had no object to be asked for is named, so that nobody takes it for looked at.
    let silent: Vec<&&str> = paths.iter().filter(|path| !with_answer.contains(**path)).collect();
    eprintln!("as {who}: {} answers of {} addresses; none from {silent:?}", answers.len(), with_answer.len());
    assert!(with_answer.len() > 40, "{with_answer:?}");
    answers
}

async fn as_zebedee(house: &House, method: &str, path: &str, body: Value) -> Got {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header("authorization", format!("Bearer {}", house.tokens[LOGIN]))
        .header("user-agent", AGENT)
        .header("idempotency-key", "once")
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::new(ADDRESS.parse().unwrap(), 4711)));
    house.send(request).await
}

/// Everything a person leaves behind: name, address, login, password, session, token, commits, texts, origins, an old blob.
async fn lived_in(ledger: Arc<SqliteLedger>) -> (House, String) {
    let mut house = House::shop_on(ledger.clone()).await;
    let account = json!({ "login": LOGIN, "spec": { "display_name": NAME, "email": EMAIL, "roles": ["developer", "approver"], "groups": ["orders"] }, "password": PASSWORD });
    assert_eq!(house.put("ana", "/accounts", account).await.status, 201);
    let token = house.post("ana", "/tokens", json!({ "name": "work", "account": LOGIN, "lasts": "30d" })).await.ok();
    house.tokens.insert(LOGIN.into(), token["secret"].as_str().unwrap().into());
    house.raw("POST", "/session", &[], Some(json!({ "login": LOGIN, "password": PASSWORD }))).await.ok();
    house.commit("v4", NAME, EMAIL);
    house.planned().await;
    // A build with commits by the person, in today's form.
    let body = json!({ "name": "third", "spec": house.spec(&house.build("v4", Some("v2")).await), "start": house.later(90_000) });
    assert_eq!(house.post("rita", "/releases", body).await.status, 201);
    // And one whose commits lie in a blob with names, as versions before 0.2 wrote it.
    let sha = "c".repeat(40);
    let former = json!([{ "sha": sha, "subject": "checkout: older", "author": NAME, "co_authors": [EMAIL], "at": "2026-03-01T10:00:00Z" }]);
    let details = ledger.put_blob(former.to_string().as_bytes()).unwrap();
    let bytes = ledger.put_blob(b"checkout older").unwrap();
    let identity = house.engine.desk().identity(EMAIL);
    let commit = Commit {
        sha: sha.clone(),
        author: identity,
        committer: identity,
        co_authors: vec![identity],
        at: house.now(),
        committed: None,
    };
    let source = Source {
        repository: house.repository_path(),
        commit: sha,
        since: None,
        commits: vec![commit],
        details: interlock_ids::Digest(details.0),
    };
    let artifact = Artifact {
        digest: interlock_ids::Digest(bytes.0),
        service: "checkout".parse().unwrap(),
        version: "0.9".into(),
        size: 14,
        signature: None,
        source: Some(source),
    };
    let dana = house.engine.desk().by_login("dana").unwrap().account;
    let register = Command::Artifact(artifact::Command::Register { artifact });
    house.engine.submit(Actor::account(dana), register, None).await.unwrap();
    // The person acts, and writes; somebody else writes about the person.
    let change = house.get("rita", "/releases/second").await.ok()["change"]["id"].as_str().unwrap().to_owned();
    house.post("rita", "/releases/second/freeze", json!({})).await.ok();
    as_zebedee(&house, "POST", &format!("/changes/{change}/approve"), json!({ "reason": "I read it from end to end" }))
        .await
        .ok();
    as_zebedee(&house, "PUT", "/accounts", json!({ "login": "x", "spec": { "display_name": "X" } })).await.json();
    as_zebedee(
        &house,
        "POST",
        &format!("/accounts/{LOGIN}/leave"),
        json!({ "start": house.later(1000), "end": house.later(2000) }),
    )
    .await
    .ok();
    house
        .post("amir", &format!("/changes/{change}/approve"), json!({ "reason": format!("{NAME} showed me the tests") }))
        .await
        .ok();
    let until = house.later(9000);
    house
        .post(
            "elin",
            "/environments/staging/claim",
            json!({ "until": until, "purpose": format!("for a test by {LOGIN}") }),
        )
        .await
        .ok();
    house.post("rita", "/releases/second/authorise", json!({})).await.ok();
    house.wait(3700);
    house.post("olu", "/releases/second/deploy", json!({})).await.ok();
    house.engine.snapshot().unwrap();
    (house, change)
}

#[tokio::test]
async fn an_erased_person_is_in_no_file_and_no_answer_and_what_was_proved_is_proved_still() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = Arc::new(SqliteLedger::create(&path, OpenOptions::default()).unwrap());
    let (house, change) = lived_in(ledger.clone()).await;
    // The search finds what is there: in plain, and in the exact bytes that an answer holds in base64.
    assert!(!found_in_files(folder.path()).is_empty());
    assert!(!found(format!("xx {}", STANDARD.encode(format!("it was {NAME}, at home"))).as_bytes()).is_empty());

    // Taken before: the proof of every entry, and a checkpoint.
    let key = VerifyingKey::parse(house.get("aude", "/ledger").await.ok()["verifier_key"].as_str().unwrap()).unwrap();
    let mut proofs = Vec::new();
    for position in 0..house.engine.head() {
        proofs.push(house.get("aude", &format!("/ledger/entries/{position}")).await.ok());
    }
    let before = ledger.checkpoint().unwrap();

    // What is held is told, with the texts that name the person.
    let held = house.get(LOGIN, &format!("/accounts/{LOGIN}/export")).await.ok();
    assert_eq!((&held["name"], &held["email"], &held["login"]), (&json!(NAME), &json!(EMAIL), &json!(LOGIN)));
    assert!(held["origins"].as_array().unwrap().iter().any(|it| it["address"] == ADDRESS && it["agent"] == AGENT));
    assert_eq!(held["entries_naming"], json!([]));
    assert!(held["texts"].to_string().contains("from end to end"));
    assert_eq!(held["commits_as"][0]["address"], EMAIL);
    assert_eq!(held["sessions"].as_array().unwrap().len(), 1);
    let named_in = held["named_in"].as_array().unwrap().clone();
    assert_eq!(named_in.len(), 2, "{named_in:#?}");
    house.get("dana", &format!("/accounts/{LOGIN}/export")).await.problem(403, "no-permission");

    // Only who may erases; what a text says about the person is redacted text by text.
    let erase = json!({ "basis": "request", "reason": "asked for in writing" });
    house.post("rita", &format!("/accounts/{LOGIN}/erase"), erase.clone()).await.problem(403, "no-permission");
    for text in &named_in {
        let address = format!("/notes/{}/redact", text["note"].as_str().unwrap());
        house.post("amir", &address, erase.clone()).await.problem(403, "no-permission");
        house.post("ana", &address, erase.clone()).await.ok();
    }
    house.post("ana", "/notes/not_00000000000000000000000000/redact", erase.clone()).await.problem(404, "not-found");
    interlock_server::http::take_names_out(&house.app).unwrap();
    let account = held["account"].as_str().unwrap();
    let done = house.post("ana", &format!("/accounts/{LOGIN}/erase"), erase.clone()).await.ok();
    assert_eq!(done["subject"]["name"], format!("erased person {account}"));
    assert_eq!(house.post("ana", &format!("/accounts/{account}/erase"), erase).await.ok()["entries"], json!([]));

    // Gone: from every file while the server runs, and from every answer, whoever asks.
    assert_eq!(found_in_files(folder.path()), Vec::<String>::new());
    for who in ["ana", "aude"] {
        for (address, body) in everything(&house, who).await {
            let found = found(&body);
            assert!(found.is_empty(), "{address}: {found:?}\n{}", String::from_utf8_lossy(&body));
        }
    }
    house
        .raw("POST", "/session", &[], Some(json!({ "login": LOGIN, "password": PASSWORD })))
        .await
        .problem(401, "wrong-credentials");
    assert_eq!(as_zebedee(&house, "POST", "/may", json!({})).await.status, StatusCode::UNAUTHORIZED.as_u16());

    // The account and what it did stay, under the pseudonym; the decision keeps its reason.
    let seen = house.get("aude", &format!("/accounts/{account}")).await.ok();
    assert_eq!(
        (&seen["status"]["value"], &seen["name"]),
        (&json!("erased"), &json!(format!("erased person {account}")))
    );
    let seen = house.get("aude", &format!("/changes/{change}")).await.ok();
    let theirs = seen["decisions"].as_array().unwrap().iter().find(|it| it["person"]["id"] == account).unwrap().clone();
    assert_eq!(theirs["reason"], "I read it from end to end");
    assert!(seen["decisions"].to_string().contains("(redacted, see entry "));
    let third = house.get("aude", "/releases/third").await.ok();
    assert!(third["commits"].to_string().contains(&format!("erased person {account}")), "{:#}", third["commits"]);
    // Whoever wrote a build cannot approve it, and that still holds of the erased author.
    assert!(third["change"]["authors"].to_string().contains(account) || third["change"].to_string().contains(account));

    // Everything proved before is proved still, and the ledger verifies.
    let hash = |text: &Value| Digest(digest(text.as_str().unwrap()).0);
    for entry in proofs {
        let proof = &entry["proof"];
        let checkpoint = Checkpoint::open(&key, proof["checkpoint"].as_str().unwrap()).unwrap();
        let leaf = Digest::leaf(&STANDARD.decode(entry["body"].as_str().unwrap()).unwrap());
        let path: Vec<Digest> = proof["hashes"].as_array().unwrap().iter().map(hash).collect();
        let position = entry["position"].as_u64().unwrap();
        assert!(merkle::verify_inclusion(&leaf, position, checkpoint.size, &path, &checkpoint.root));
        let now = house.get("aude", &format!("/ledger/entries/{position}")).await.ok();
        assert_eq!(now["body"], entry["body"]);
    }
    let now = ledger.head().unwrap();
    let grown = ledger.consistency(before.size, now.size).unwrap();
    assert!(merkle::verify_consistency(before.size, now.size, &before.root, &now.root, &grown));
    drop(house);
    drop(ledger);
    let report = SqliteLedger::verify(&path);
    assert!(report.passed(), "{:?}", report.faults);
    assert_eq!(found_in_files(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_crash_left_undone_is_done_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(SqliteLedger::create(&folder.path().join("ledger.db"), OpenOptions::default()).unwrap());
    let (house, _) = lived_in(ledger.clone()).await;
    let account = house.engine.desk().by_login(LOGIN).unwrap().account;
    let note = house.engine.desk().put_note(&format!("about {NAME}")).unwrap();
    let reason = house.engine.desk().put_note("asked for").unwrap();
    let basis = interlock_domain::people::Basis::Request;
    for command in [
        interlock_domain::people::Command::ErasePerson { account, basis, reason },
        interlock_domain::people::Command::RedactNote { note: note.id, basis, reason },
    ] {
        // Written, and then the machine stops.
        house.engine.submit(Actor::system(), Command::People(command), None).await.unwrap();
    }
    let desk = house.engine.desk();
    assert!(desk.person(account).unwrap().name == NAME && desk.note(note.id).is_some());
    let again = interlock_engine::Engine::open(ledger, interlock_engine::Options::default()).unwrap();
    assert_eq!(again.forget_again().unwrap(), 2);
    assert_eq!(again.forget_again().unwrap(), 0);
    assert_eq!(again.desk().name(account), format!("erased person {account}"));
    assert_eq!(again.desk().note(note.id), None);
    assert!(again.desk().by_login(LOGIN).is_none() && again.desk().origins(account).unwrap().is_empty());
    let list = house.get("aude", "/erasures").await.ok();
    assert_eq!(list["people"][0]["id"], account.to_string());
    assert_eq!(list["notes"][0]["id"], note.id.to_string());
}

#[tokio::test]
async fn origins_are_dropped_when_they_are_old() {
    let ledger = interlock_ledger::MemoryLedger::default();
    let (house, _) = {
        let mut house = House::shop_on(Arc::new(ledger)).await;
        house.tokens.insert(LOGIN.into(), house.tokens["rita"].clone());
        let body = json!({ "to": "amir", "start": house.now().to_string(), "end": house.later(86_400) });
        as_zebedee(&house, "POST", "/delegations", body).await.ok();
        (house, ())
    };
    let rita = house.engine.desk().by_login("rita").unwrap().account;
    assert_eq!(house.engine.desk().origins(rita).unwrap().len(), 1);
    assert_eq!(house.engine.desk().drop_origins("2026-03-01T00:00:00Z".parse().unwrap()).unwrap(), 0);
    house.wait(86_400);
    assert!(house.engine.desk().drop_origins(house.now()).unwrap() >= 1);
    assert!(house.engine.desk().origins(rita).unwrap().is_empty());
}
