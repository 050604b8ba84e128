//! The life of a release over HTTP, from a draft to a review, by the people whose work it is.

use crate::support::*;
use interlock_domain::{
    core::{Actor, Command, Obligation, owed},
    reason::Outcome,
    rollback,
};
use interlock_ids::{Digest, Name};
use serde_json::{Value, json};

fn codes(problem: &Value) -> Vec<String> {
    problem["blockers"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap().to_owned()).collect()
}

fn action<'a>(object: &'a Value, name: &str) -> &'a Value {
    object["actions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == name)
        .unwrap_or_else(|| panic!("no action {name}: {object:#}"))
}

async fn release(house: &House) -> Value {
    house.get("rita", "/releases/second").await.ok()
}

/// Leases, and reports every step as done, until nothing is left. Gives the keys, in order.
async fn work(house: &House, outcome: &str) -> Vec<String> {
    let mut keys = Vec::new();
    loop {
        let lease = house
            .post(
                "runner-1",
                "/runners/lease",
                json!({ "runner": "runner-1", "capacity": 4, "running": [], "seen_revocations": 0 }),
            )
            .await
            .ok();
        let steps = lease["steps"].as_array().unwrap().clone();
        if steps.is_empty() {
            return keys;
        }
        let chunks: Vec<Value> = steps.iter().map(|step| json!({ "key": step["key"], "offset": 0, "text": format!("working on {}\n", step["target"]["name"].as_str().unwrap()) })).collect();
        assert_eq!(
            house.post("runner-1", "/runners/output", json!({ "runner": "runner-1", "chunks": chunks })).await.status,
            204
        );
        let report = |step: &Value| {
            json!({
                "key": step["key"], "deployment": step["deployment"], "target": step["target"]["name"], "step": step["step"], "fence": step["fence"],
                "attempt": step["attempt"], "outcome": outcome, "message": "as asked", "started_at": house.now().to_string(), "finished_at": house.now().to_string()
            })
        };
        let reports: Vec<Value> = steps.iter().map(report).collect();
        let ack =
            house.post("runner-1", "/runners/report", json!({ "runner": "runner-1", "reports": reports })).await.ok();
        assert_eq!(ack["accepted"].as_array().unwrap().len(), steps.len(), "{ack:#}");
        let again =
            house.post("runner-1", "/runners/report", json!({ "runner": "runner-1", "reports": reports })).await.ok();
        assert_eq!(
            again["accepted"].as_array().unwrap().len(),
            steps.len(),
            "the same report again is acknowledged again: {again:#}"
        );
        keys.extend(steps.iter().map(|step| step["key"].as_str().unwrap().to_owned()));
    }
}

/// What the shell answers that has checked the criteria.
async fn conclude(house: &House, outcome: Outcome) {
    let check = owed(&house.engine.world()).into_iter().find_map(|it| match it {
        Obligation::CheckCriteria(check) => Some(check),
        _ => None,
    });
    let check = check.expect("criteria are to be checked");
    let evidence = Digest(house.engine.ledger().put_blob(b"{}").unwrap().0);
    let result =
        |name: &Name| rollback::CriterionResult { name: name.clone(), outcome, message: "as it was found".into() };
    let results = check.criteria.iter().map(|it| result(&it.name)).collect();
    let command = rollback::Command::Conclude { rollback: check.rollback, fence: check.fence, results, evidence };
    house.engine.submit(Actor::system(), Command::Rollback(command), None).await.unwrap();
}

#[tokio::test]
async fn a_release_is_refused_in_a_freeze_and_accepted_in_the_slot_offered() {
    let house = House::shop().await;
    let digest = house.build("v1", None).await;
    let body = json!({ "name": "second", "spec": house.spec(&digest), "start": "2026-03-31T10:00:00Z" });
    let refused = house.post("rita", "/releases", body.clone()).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    let refused = refused.json();
    assert!(refused["blockers"].to_string().contains("quarter-end-close"), "{refused:#}");
    let slot = refused["slots"][0]["start"].as_str().unwrap().to_owned();
    assert_eq!(slot, "2026-04-02T00:00:00Z");
    house.get("rita", "/releases/second").await.problem(404, "not-found");
    let mut body = body;
    body["start"] = slot.clone().into();
    house.post("rita", "/releases", body).await.ok();
    let planned = release(&house).await;
    assert_eq!(
        (planned["status"]["value"].as_str(), planned["window"]["start"].as_str()),
        (Some("planned"), Some(slot.as_str()))
    );
    house.post("rita", "/releases/second/plan", json!({ "start": house.later(3600) })).await.ok();
    let explained = house.get("dana", "/releases/second/explain").await.ok();
    assert!(explained["sentence"].as_str().unwrap().starts_with("Planned for 2026-03-02 10:00 UTC"), "{explained:#}");
}

#[tokio::test]
async fn the_author_may_not_approve_others_may_and_a_condition_is_a_gate() {
    let house = House::shop().await;
    house.planned().await;
    let planned = release(&house).await;
    assert_eq!(
        (planned["items"][0]["from_version"].as_str(), planned["commits"][0]["author"].as_str()),
        (Some("v1"), Some("Dana Novak"))
    );
    assert_eq!(planned["rollback"]["feasible"], "pass");
    house.post("rita", "/releases/second/freeze", json!({})).await.ok();
    let frozen = release(&house).await;
    assert!(frozen["sentence"].as_str().unwrap().starts_with("Held: "), "{}", frozen["sentence"]);
    let change = frozen["change"]["id"].as_str().unwrap().to_owned();

    let own = house.post("dana", &format!("/changes/{change}/approve"), json!({ "reason": "it is good" })).await;
    assert_eq!(own.status, 403, "{}", own.text());
    let own = own.json();
    assert!(own["blockers"].as_array().unwrap().len() >= 2, "every blocker at once: {own:#}");
    let asked = house.post("dana", "/may", json!({ "kind": "change", "id": change, "action": "approve" })).await.ok();
    assert_eq!(
        (asked["allowed"].as_bool(), codes(&json!({ "blockers": asked["reasons"] }))),
        (Some(false), codes(&own))
    );
    assert_eq!(action(&house.get("dana", &format!("/changes/{change}")).await.ok(), "approve")["allowed"], false);
    assert_eq!(action(&house.get("amir", &format!("/changes/{change}")).await.ok(), "approve")["allowed"], true);

    let today = house.get("amir", "/today?zone=Europe/Berlin").await.ok();
    assert_eq!(today["needs_me"][0]["title"], "Decide on second", "{today:#}");
    assert_eq!(
        (today["ships_today"][0]["release"]["name"].as_str(), today["in_trouble"][0]["status"]["value"].as_str()),
        (Some("second"), Some("held"))
    );
    house.get("amir", "/today?zone=Mars/Olympus").await.problem(422, "unknown-zone");

    house.post("amir", &format!("/changes/{change}/approve"), json!({ "reason": "read it" })).await.ok();
    house
        .post(
            "bea",
            &format!("/changes/{change}/approve"),
            json!({ "reason": "read it", "conditions": ["tell support before"] }),
        )
        .await
        .ok();
    let again = house.post("bea", &format!("/changes/{change}/approve"), json!({ "reason": "again" })).await;
    assert!(matches!(again.status, 403 | 409), "{}", again.text());
    let gates = house.get("dana", "/releases/second/gates").await.ok();
    let gate = |id: &str| gates["gates"].as_array().unwrap().iter().find(|it| it["id"] == id).unwrap().clone();
    assert_eq!(
        (gate("approvals")["verdict"].as_str(), gate("conditions")["verdict"].as_str()),
        (Some("pass"), Some("fail")),
        "{gates:#}"
    );
    let condition =
        house.get("bea", &format!("/changes/{change}")).await.ok()["conditions"][0]["id"].as_str().unwrap().to_owned();
    house
        .post(
            "rita",
            &format!("/changes/{change}/conditions/{condition}/meet"),
            json!({ "evidence": "told them at nine" }),
        )
        .await
        .ok();
    let ready = release(&house).await;
    assert_eq!(ready["status"]["value"], "ready", "{}", ready["sentence"]);
    assert_eq!(ready["change"]["conditions"][0]["evidence"], "told them at nine");
    house.post("amir", &format!("/changes/{change}/withdraw"), json!({ "reason": "saw something" })).await.ok();
    assert_eq!(release(&house).await["status"]["value"], "frozen");
    house.post("amir", &format!("/changes/{change}/reject"), json!({ "reason": "it loses orders" })).await;
    assert_eq!(house.get("dana", "/changes?class=normal").await.ok()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_runner_deploys_under_a_signed_permit_and_what_steps_print_is_kept() {
    let house = House::shop().await;
    house.authorised().await;
    let early = house.post("olu", "/releases/second/deploy", json!({})).await;
    assert_eq!(early.status, 403, "the window is not open yet: {}", early.text());
    house.wait(3700);
    let started = house.post("olu", "/releases/second/deploy", json!({})).await;
    assert_eq!(started.status, 201, "{}", started.text());
    let deployment = started.json()["subject"]["id"].as_str().unwrap().to_owned();

    let lease = json!({ "runner": "runner-1", "capacity": 1, "running": [], "seen_revocations": 0 });
    assert_eq!(house.post("olu", "/runners/lease", lease.clone()).await.status, 403);
    house
        .post("runner-1", "/runners/lease", json!({ "runner": "runner-2", "capacity": 1, "seen_revocations": 0 }))
        .await
        .problem(403, "another-runner");
    let first = house.post("runner-1", "/runners/lease", lease.clone()).await.ok();
    let order = &first["steps"][0];
    let permit = serde_json::from_value(order["permit"].clone()).unwrap();
    let artifact = digest(order["artifact"]["digest"].as_str().unwrap());
    let about = interlock_runner::permit::Binding {
        deployment: &deployment,
        environment: "production",
        target: order["target"]["name"].as_str().unwrap(),
        service: "checkout",
        digest: Some(&artifact),
        fence: order["fence"].as_u64().unwrap(),
    };
    let trusted = interlock_server::PermitSigner::from_seed([9; 32]).trusted();
    interlock_runner::permit::verify(&permit, &trusted, house.now(), &about, &Default::default()).unwrap();
    let same = house.post("runner-1", "/runners/lease", lease).await.ok();
    assert_eq!(same["steps"][0]["key"], order["key"], "an answer that got lost loses no step");
    assert_eq!(same["steps"][0]["fence"], order["fence"]);

    let running = house.get("dana", &format!("/deployments/{deployment}")).await.ok();
    assert_eq!(running["waves"][0]["targets"][0]["steps"][0]["status"]["value"], "running", "{running:#}");
    assert_eq!(action(&house.get("olu", &format!("/deployments/{deployment}")).await.ok(), "pause")["allowed"], true);
    house.post("olu", &format!("/deployments/{deployment}/pause"), json!({ "reason": "lunch" })).await.ok();
    assert!(
        house.get("dana", &format!("/deployments/{deployment}")).await.ok()["sentence"]
            .as_str()
            .unwrap()
            .starts_with("Paused")
    );
    house.post("olu", &format!("/deployments/{deployment}/resume"), json!({})).await.ok();
    let refused = house.post("olu", &format!("/deployments/{deployment}/retry"), json!({ "reason": "x" })).await;
    assert_eq!(refused.status, 409);

    let keys = work(&house, "changed").await;
    assert_eq!(keys.len(), 4);
    let done = house.get("dana", &format!("/deployments/{deployment}")).await.ok();
    assert_eq!(
        (done["status"]["value"].as_str(), done["steps_done"].as_u64()),
        (Some("succeeded"), Some(4)),
        "{done:#}"
    );
    let output = house.get("dana", &format!("/deployments/{deployment}/steps/0.0/output")).await.ok();
    assert_eq!((output["text"].as_str(), output["complete"].as_bool()), (Some("working on checkout-1\n"), Some(true)));
    let blob = house.get("dana", &format!("/blobs/{}", output["digest"].as_str().unwrap())).await;
    assert_eq!(blob.text(), "working on checkout-1\n");
    let live = house.get("dana", &format!("/deployments/{deployment}/steps/0.0/output/live?from=11")).await;
    assert!(live.text().contains("checkout-1") && live.headers["content-type"] == "text/event-stream");
    house.get("dana", &format!("/deployments/{deployment}/steps/9.9/output")).await.problem(404, "not-found");
    assert_eq!(house.get("dana", "/services/checkout").await.ok()["production_version"], "v2");
    let watching = release(&house).await;
    assert_eq!(
        (watching["status"]["value"].as_str(), watching["watch"]["status"]["value"].as_str()),
        (Some("stabilising"), Some("stabilising"))
    );
    let life: Vec<_> = watching["life"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| !it["at"].is_null())
        .map(|it| it["value"].as_str().unwrap())
        .collect();
    assert_eq!(life, ["draft", "planned", "frozen", "ready", "authorised", "deploying", "stabilising"]);
}

#[tokio::test]
async fn a_release_that_is_taken_back_opens_a_review_that_blocks_the_next() {
    let house = House::shop().await;
    let id = house.authorised().await;
    house.wait(3700);
    house.post("olu", "/deployments", json!({ "release": "second" })).await.ok();
    work(&house, "changed").await;
    let back = house.post("olu", "/rollbacks", json!({ "release": id, "reason": "orders get lost" })).await;
    assert_eq!(back.status, 201, "{}", back.text());
    let rollback = back.json()["subject"]["id"].as_str().unwrap().to_owned();
    let keys = work(&house, "changed").await;
    assert_eq!(keys.len(), 4);
    let checking = house.get("dana", &format!("/rollbacks/{rollback}")).await.ok();
    assert_eq!(
        (checking["status"]["value"].as_str(), checking["cause"].as_str()),
        (Some("checking"), Some("Olu Adeyemi decided so"))
    );
    // Nobody could be asked: it cannot be told whether it worked, and that is not a success.
    conclude(&house, Outcome::Inconclusive).await;
    let ended = house.get("dana", &format!("/rollbacks/{rollback}")).await.ok();
    assert_eq!(ended["status"]["value"], "failed", "{ended:#}");
    assert_eq!(house.get("dana", "/rollbacks").await.ok()["items"].as_array().unwrap().len(), 1);
    assert!(release(&house).await["sentence"].as_str().unwrap().starts_with("Held: the rollback"));
    house
        .post("olu", &format!("/rollbacks/{rollback}/check-again"), json!({ "reason": "the probe was blocked" }))
        .await
        .ok();
    conclude(&house, Outcome::Pass).await;

    let taken = release(&house).await;
    assert_eq!(taken["status"]["value"], "rolled_back", "{}", taken["sentence"]);
    assert_eq!(house.get("dana", "/quarantines").await.ok()["items"][0]["version"], "v2");
    let review = taken["review"]["id"].as_str().unwrap().to_owned();
    let third = house.build("v3", Some("v2")).await;
    house
        .post("rita", "/releases", json!({ "name": "third", "spec": house.spec(&third), "start": house.later(3600) }))
        .await
        .ok();
    let gates = house.get("dana", "/releases/third/gates").await.ok();
    let review_gate = |gates: &Value| {
        gates["gates"].as_array().unwrap().iter().find(|it| it["id"] == "review").unwrap()["verdict"].clone()
    };
    assert_eq!(review_gate(&gates), "fail");
    assert_eq!(house.get("rita", &format!("/reviews/{review}")).await.ok()["blocks"][0]["name"], "third");
    let body = json!({ "root_cause": "a missing index", "factors": ["no load test"], "actions": [{ "text": "add a load test", "owner": "dana", "due": house.later(7 * 86_400) }] });
    house.post("aude", &format!("/reviews/{review}/complete"), body.clone()).await.json()["blockers"][0]
        .as_object()
        .unwrap();
    house.post("rita", &format!("/reviews/{review}/complete"), body).await.ok();
    assert_eq!(review_gate(&house.get("dana", "/releases/third/gates").await.ok()), "pass");
    assert_eq!(house.get("rita", "/reviews?status=done").await.ok()["items"][0]["root_cause"], "a missing index");
    house.get("rita", "/reviews?status=later").await.problem(422, "invalid-query");

    house.wait(60);
    let figures = house.get("aude", "/metrics/dora").await.ok();
    let figure = |key: &str| figures["figures"].as_array().unwrap().iter().find(|it| it["key"] == key).unwrap().clone();
    assert_eq!(
        (figure("change_failure_rate")["value"].as_f64(), figure("change_failure_rate")["sample"].as_u64()),
        (Some(1.0), Some(1))
    );
    assert!(figure("lead_time")["observations"][0]["position"].as_u64().is_some());
    assert_eq!(figure("time_to_recover")["sample"], 1);
}

#[tokio::test]
async fn the_timeline_tells_a_release_from_its_beginning() {
    let house = House::shop().await;
    house.authorised().await;
    let timeline = house.get("aude", "/releases/second/timeline?limit=5").await.ok();
    let lines: Vec<_> =
        timeline["items"].as_array().unwrap().iter().map(|it| it["summary"].as_str().unwrap().to_owned()).collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0], "second was put together for production: checkout v2");
    let rest = house
        .get("aude", &format!("/releases/second/timeline?cursor={}", timeline["next"].as_str().unwrap()))
        .await
        .ok();
    assert!(
        rest["items"].as_array().unwrap().iter().any(|it| it["summary"]
            .as_str()
            .unwrap()
            .starts_with("Bea Fischer approved the change: “read it, tried it”")),
        "{rest:#}"
    );
    let hits = house.get("aude", "/search?q=second").await.ok();
    assert_eq!(hits["items"][0]["kind"], "release");
    let commit = house.get("aude", "/releases/second").await.ok()["commits"][0]["sha"].as_str().unwrap().to_owned();
    assert_eq!(house.get("aude", &format!("/search?q={}", &commit[..10])).await.ok()["items"][0]["kind"], "artifact");
    house.get("aude", "/search?q=x").await.problem(422, "invalid-query");
}

#[tokio::test]
async fn the_permit_can_be_taken_back_and_the_release_cancelled() {
    let house = House::shop().await;
    house.authorised().await;
    assert_eq!(release(&house).await["permit"]["status"]["value"], "waiting");
    let revoked = house.post("rita", "/releases/second/revoke-permit", json!({ "reason": "found a flaw" })).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    assert_eq!(release(&house).await["permit"]["status"]["value"], "revoked");
    house.post("rita", "/releases/second/close", json!({ "reason": "x" })).await.problem(409, "wrong-stage");
    house.post("rita", "/releases/second/roll-back", json!({ "reason": "x" })).await.json()["blockers"][0]
        .as_object()
        .unwrap();
    house.post("rita", "/releases/second/cancel", json!({ "reason": "found a flaw" })).await.ok();
    assert_eq!(
        house.get("dana", "/releases?state=ended").await.ok()["items"][0]["sentence"],
        "Cancelled: it will not ship."
    );
    assert_eq!(house.get("dana", "/releases?state=open").await.ok()["items"].as_array().unwrap().len(), 0);
    house.get("dana", "/releases?state=lost").await.problem(422, "invalid-query");
}

#[tokio::test]
async fn a_step_that_failed_for_good_waits_for_a_person() {
    let house = House::shop().await;
    house.authorised().await;
    house.wait(3700);
    let started = house.post("olu", "/releases/second/deploy", json!({})).await.ok();
    let deployment = started["subject"]["id"].as_str().unwrap().to_owned();
    work(&house, "failed").await;
    let blocked = house.get("olu", &format!("/deployments/{deployment}")).await.ok();
    assert_eq!(blocked["status"]["value"], "blocked", "{blocked:#}");
    assert!(blocked["sentence"].as_str().unwrap().contains("Retry, skip, abort or roll back"));
    assert_eq!(house.get("dana", "/deployments?running=true").await.ok()["items"].as_array().unwrap().len(), 1);
    house
        .post("olu", &format!("/deployments/{deployment}/skip"), json!({ "unit": 0, "reason": "done by hand" }))
        .await
        .ok();
    house.post("olu", &format!("/deployments/{deployment}/abort"), json!({ "reason": "enough" })).await.ok();
    assert_eq!(house.get("dana", &format!("/deployments/{deployment}")).await.ok()["status"]["value"], "aborted");
    assert_eq!(
        house.get("dana", "/pipelines/shop").await.ok()["spec"]["steps"][1]["run"]["http"]["url"],
        "${target.address}/health"
    );
}
