//! The demo world as it really is: Node processes, router, customers. One world for all of it, since it takes seconds to
//! bring up.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is the report")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures::future::join_all;
use interlock_demo::client::{get_json, get_text, post_json, put_json};
use interlock_demo::world::{Target, run_step};
use interlock_demo::{World, WorldConfig};
use serde_json::{Value, json};

fn config() -> WorldConfig {
    WorldConfig {
        program: PathBuf::from(env!("CARGO_BIN_EXE_demo-part")),
        prefix: Vec::new(),
        with_load: true,
        ..WorldConfig::of_this_program().unwrap()
    }
}

/// Process numbers whose command line names `directory`.
fn processes_of(directory: &Path) -> Vec<String> {
    let text = directory.display().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(&text) {
            found.push(line);
        }
    }
    found
}

async fn order(instance: &str, basket: &Value) -> (u16, Value) {
    post_json(&format!("{instance}/checkout"), &json!({ "basket": basket })).await.unwrap()
}

async fn basket(router: &str, product: &str, quantity: u32) -> Value {
    let item = json!({ "product": product, "quantity": quantity });
    loop {
        let (status, body) = post_json(&format!("{router}/basket/items"), &item).await.unwrap();
        // One query in two thousand runs into its time limit.
        if status == 201 {
            return body["basket"].clone();
        }
        assert_eq!(status, 503, "{body}");
    }
}

fn differing_totals(answers: &[(u16, Value)]) -> usize {
    answers.iter().filter(|(status, body)| *status == 500 && body["error"].to_string().contains("differs")).count()
}

fn journal(target: &Target) -> Vec<Value> {
    let text = fs::read_to_string(target.journal()).unwrap();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Orders one after the other and all at once, straight at one instance; gives the wrong totals of each.
async fn wrong_totals(router: &str, instance: &str) -> (usize, usize) {
    let products = ["lantern", "whistle", "timetable", "watch"];
    let baskets = join_all((0..40).map(|n| basket(router, products[n % 4], 1 + n as u32 / 4))).await;
    let mut alone = Vec::new();
    for basket in baskets.iter().take(12) {
        alone.push(order(instance, basket).await);
    }
    let together = join_all(baskets.iter().map(|basket| order(instance, basket))).await;
    (differing_totals(&alone), differing_totals(&together))
}

async fn tell(world: &World, target: &Target, operation: &str, key: &str, version: &str) -> String {
    let order = target.order(world.description(), operation, key, version).unwrap();
    let result = run_step(&world.description().steps.join("deploy-instance.mjs"), &order).await.unwrap();
    result["outcome"].as_str().unwrap().to_owned()
}

async fn version_of(target: &Target) -> Value {
    get_json(&format!("{}/version", target.address())).await.unwrap()["version"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_world_comes_up_deploys_fails_only_under_traffic_and_goes_down() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().canonicalize().unwrap();
    let mut said = Vec::new();
    let world = World::up(&data, &config(), &mut |line| said.push(line)).await.unwrap();
    let outcome = tokio::spawn(story(world.clone(), data.clone())).await;
    world.down().await.unwrap();
    if let Err(error) = outcome {
        std::panic::resume_unwind(error.into_panic());
    }
    assert_eq!(processes_of(&data), Vec::<String>::new());
    assert!(
        world.status().await.instances.values().all(|instance| instance.pid.is_none() && instance.version.is_none())
    );
}

async fn story(world: World, data: PathBuf) {
    let description = world.description().clone();
    let status = world.status().await;
    assert!(status.is_complete(), "{status:?}");
    assert_eq!(status.instances.len(), 15);
    assert!(status.instances.values().all(|instance| instance.version.as_deref() == Some("1.0.0")));

    // Up once more: nothing starts anew, nothing is signed anew.
    let signature = fs::read(&description.artefacts["checkout"]["1.2.0"].signature_file).unwrap();
    let mut said = Vec::new();
    let again = World::up(&data, &config(), &mut |line| said.push(line)).await.unwrap();
    assert_eq!(said, Vec::<String>::new());
    assert_eq!(again.status().await, status);
    assert_eq!(fs::read(&description.artefacts["checkout"]["1.2.0"].signature_file).unwrap(), signature);

    deployment(&world, &description.frontend("staging")).await;
    interruption(&world).await;
    smoke(&world).await;
    the_flaw(&world).await;
    weights(&world).await;
    let stats = get_json(&format!("{}/stats", description.load())).await.unwrap();
    assert!(stats["total"]["requests"].as_u64().unwrap() > 50, "{stats}");
}

async fn deployment(world: &World, router: &str) {
    let target = world.description().targets.iter().find(|target| target.name == "staging-checkout-1").unwrap().clone();
    assert_eq!(tell(world, &target, "check", "d1", "1.1.0").await, "changed");
    assert_eq!(tell(world, &target, "apply", "d1", "1.1.0").await, "changed");
    assert_eq!(tell(world, &target, "apply", "d1", "1.1.0").await, "unchanged");
    assert_eq!(tell(world, &target, "check", "d1", "1.1.0").await, "unchanged");
    assert_eq!(tell(world, &target, "verify", "d1", "1.1.0").await, "unchanged");
    assert_eq!(version_of(&target).await, "1.1.0");
    let (status, placed) = order(&target.address(), &basket(router, "watch", 1).await).await;
    assert!(status == 201 && placed["arrives"].is_string() || status == 503, "{placed}");
    assert_eq!(tell(world, &target, "undo", "d2", "1.0.0").await, "changed");
    assert_eq!(tell(world, &target, "undo", "d2", "1.0.0").await, "unchanged");
    assert_eq!(version_of(&target).await, "1.0.0");

    let entries = journal(&target);
    let phases: Vec<_> =
        entries.iter().map(|entry| (entry["key"].as_str().unwrap(), entry["phase"].as_str().unwrap())).collect();
    let first = "first-installation/staging-checkout-1";
    let expected = [
        (first, "begun"),
        (first, "completed"),
        ("d1", "begun"),
        ("d1", "completed"),
        ("d2", "begun"),
        ("d2", "completed"),
    ];
    assert_eq!(phases, expected);

    // Two hands with the same order at the same moment: one does it.
    let outcomes = join_all((0..3).map(|_| tell(world, &target, "apply", "d3", "1.1.0"))).await;
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "changed").count(), 1, "{outcomes:?}");
    assert_eq!(
        journal(&target).iter().filter(|entry| entry["key"] == "d3" && entry["phase"] == "completed").count(),
        1
    );

    // Bytes that are not the ones ordered change nothing.
    let mut forged = target.order(world.description(), "apply", "d4", "1.2.0").unwrap();
    forged["artifact_path"] = json!(world.description().artefacts["checkout"]["1.2.1"].file);
    let refused =
        run_step(&world.description().steps.join("deploy-instance.mjs"), &forged).await.unwrap_err().to_string();
    assert!(refused.contains("nothing was changed"), "{refused}");
    assert_eq!(version_of(&target).await, "1.1.0");
}

/// A step killed in the middle, and the same order once more: the version is there, and was completed once.
async fn interruption(world: &World) {
    let target = world.description().targets.iter().find(|target| target.name == "staging-basket-1").unwrap().clone();
    let program = world.description().steps.join("deploy-instance.mjs");
    let order = target.order(world.description(), "apply", "k1", "1.1.0").unwrap();
    let mut child = Command::new("node").arg(program).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(order.to_string().as_bytes()).unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    while !journal(&target).iter().any(|entry| entry["key"] == "k1") && Instant::now() < until {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    tell(world, &target, "apply", "k1", "1.1.0").await;
    assert_eq!(tell(world, &target, "apply", "k1", "1.1.0").await, "unchanged");
    assert_eq!(version_of(&target).await, "1.1.0");
    let completed =
        journal(&target).iter().filter(|entry| entry["key"] == "k1" && entry["phase"] == "completed").count();
    assert_eq!(completed, 1, "{:?}", journal(&target));
}

async fn smoke(world: &World) {
    for target in world.description().targets.iter().filter(|target| target.environment == "staging") {
        let order = target.order(world.description(), "apply", "smoke", "1.0.0").unwrap();
        let result = run_step(&world.description().steps.join("smoke.mjs"), &order).await.unwrap();
        assert_eq!(result["outcome"], "unchanged", "{result}");
    }
}

async fn the_flaw(world: &World) {
    let target = world.description().targets.iter().find(|target| target.name == "staging-checkout-1").unwrap().clone();
    let router = world.description().frontend("staging");
    for (version, flawed) in [("1.1.0", false), ("1.2.0", true), ("1.2.1", false)] {
        tell(world, &target, "apply", version, version).await;
        assert_eq!(version_of(&target).await, version);
        let (alone, together) = wrong_totals(&router, &target.address()).await;
        assert_eq!(alone, 0, "{version}: orders one after the other");
        assert_eq!(together > 0, flawed, "{version}: {together} of 40 orders at once had a wrong total");
        let (_, metrics) = get_text(&format!("{}/metrics", target.address())).await.unwrap();
        let counted = metrics.lines().any(|line| {
            line.starts_with("http_requests_total") && line.contains("code=\"500\"") && !line.ends_with(" 0")
        });
        assert_eq!(counted, flawed, "{metrics}");
        assert!(metrics.contains(&format!("version=\"{version}\"")));
    }
}

async fn weights(world: &World) {
    let pool = format!("{}/pools/staging-catalogue", world.description().router_admin());
    let staging = world.description().frontend("staging");
    let answer =
        put_json(&format!("{pool}/servers/staging-catalogue-1/weight"), &json!({ "weight": 0 })).await.unwrap();
    assert_eq!(answer["servers"]["staging-catalogue-1"]["weight"], 0);
    assert_eq!(get_json(&format!("{pool}/servers/staging-catalogue-1/weight")).await.unwrap(), json!({ "weight": 0 }));
    assert_eq!(get_text(&format!("{staging}/products")).await.unwrap().0, 503);
    assert!(put_json(&format!("{pool}/servers/staging-catalogue-1/weight"), &json!({ "weight": 101 })).await.is_err());
    assert!(put_json(&format!("{pool}/servers/other/weight"), &json!({ "weight": 1 })).await.is_err());
    assert!(put_json(&format!("{pool}/servers/staging-catalogue-1/weight"), &json!({ "wieght": 1 })).await.is_err());
    put_json(&format!("{pool}/servers/staging-catalogue-1/weight"), &json!({ "weight": 30 })).await.unwrap();
}
