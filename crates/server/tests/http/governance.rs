//! Boards, classes of change, templates and emergencies over HTTP: every route, by the people whose work it is.

use crate::support::*;
use serde_json::{Value, json};

fn codes(problem: &Value) -> Vec<String> {
    problem["blockers"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap().to_owned()).collect()
}

/// They can sign: each has a password.
async fn with_passwords(house: &House) {
    for (login, name, roles) in [
        ("rita", "Rita Moreau", json!(["release-manager"])),
        ("amir", "Amir Haddad", json!(["approver"])),
        ("bea", "Bea Fischer", json!(["approver"])),
        ("olu", "Olu Adeyemi", json!(["deployer", "on-call"])),
        ("elin", "Elin Berg", json!(["environment-manager", "approver"])),
    ] {
        let email = format!("{login}@shop.example");
        let spec = json!({ "display_name": name, "email": email, "roles": roles, "groups": ["office"] });
        house.put("ana", "/accounts", json!({ "login": login, "spec": spec, "password": PASSWORD })).await.ok();
    }
}

fn signed(reason: &str) -> Value {
    json!({ "reason": reason, "signature": { "password": PASSWORD } })
}

async fn change_of(house: &House, release: &str) -> Value {
    house.get("rita", &format!("/releases/{release}")).await.ok()["change"].clone()
}

/// Version 2 of checkout is planned; changes of its impact are the board's.
async fn before_the_board() -> (House, String) {
    let house = House::shop().await;
    with_passwords(&house).await;
    house.planned().await;
    house.post("rita", "/releases/second/freeze", json!({})).await.ok();
    let board = json!({ "members": ["amir", "bea", "elin"], "chairs": ["rita"], "quorum": 2, "rule": "two_thirds" });
    house.put("rita", "/boards/cab", board.clone()).await.problem(403, "no-permission");
    house.put("ana", "/boards/cab", board).await.ok();
    let impact = change_of(&house, "second").await["impact"].clone();
    let flow = json!({ "board": { "board": "cab", "from": impact } });
    house.put("ana", "/flows/normal", flow).await.ok();
    let change = change_of(&house, "second").await["id"].as_str().unwrap().to_owned();
    (house, change)
}

#[tokio::test]
async fn a_board_meets_with_a_delegate_and_an_absentee_votes_signs_and_closes() {
    let (house, change) = before_the_board().await;
    let board = house.get("amir", "/boards/cab").await.ok();
    assert_eq!(
        (board["waiting"][0]["id"].as_str(), board["rule"].as_str()),
        (Some(change.as_str()), Some("two_thirds"))
    );
    let called = house.post("rita", "/boards/cab/meetings", json!({ "at": house.later(600) })).await;
    assert_eq!(called.status, 201, "{}", called.text());
    let meeting = format!("/meetings/{}", called.json()["subject"]["id"].as_str().unwrap());
    let item = format!("{meeting}/items/{change}");
    assert_eq!(house.get("amir", "/meetings?board=cab").await.ok()["items"][0]["items"], 1);
    house.post("rita", &format!("{meeting}/agenda"), json!({ "agenda": [change] })).await.ok();

    // Bea cannot come and has delegated to Olu; Elin excuses herself.
    let delegation = json!({ "to": "olu", "start": house.now().to_string(), "end": house.later(7200) });
    house.post("bea", "/delegations", delegation).await.ok();
    house.post("elin", &format!("{meeting}/excuse"), json!({ "reason": "On a train" })).await.ok();
    house.post("dana", &format!("{meeting}/join"), json!({})).await.problem(403, "not-a-member");
    house.post("olu", &format!("{meeting}/join"), json!({})).await.ok();
    house.post("amir", &format!("{meeting}/join"), json!({})).await.ok();
    house.post("rita", &format!("{meeting}/open"), json!({})).await.ok();
    let seen = house.get("amir", &meeting).await.ok();
    let seats: Vec<&str> =
        seen["seats"].as_array().unwrap().iter().map(|it| it["status"]["value"].as_str().unwrap()).collect();
    assert_eq!(seats.iter().filter(|it| **it == "here").count(), 1, "{seats:?}");
    assert!(seats.contains(&"represented") && seats.contains(&"excused"), "{seats:?}");
    let digest = seen["agenda"][0]["seen"].as_str().unwrap();

    // A signature takes a proof that comes with it.
    let vote = |signature: Value| json!({ "choice": "approve", "reason": "Tests read", "signature": signature });
    house.post("amir", &format!("{item}/vote"), vote(json!({}))).await.problem(403, "base.not-signed");
    let wrong = json!({ "password": "not the password at all" });
    house.post("amir", &format!("{item}/vote"), vote(wrong)).await.problem(403, "signature-password");
    let other = json!({ "password": PASSWORD, "seen": format!("sha256:{}", "0".repeat(64)) });
    house.post("amir", &format!("{item}/vote"), vote(other)).await.problem(409, "signed-otherwise");
    let maybe = json!({ "choice": "maybe", "reason": "?", "signature": { "password": PASSWORD } });
    house.post("amir", &format!("{item}/vote"), maybe).await.problem(422, "unknown-value");
    house.post("amir", &format!("{item}/vote"), vote(json!({ "password": PASSWORD, "seen": digest }))).await.ok();
    let undecided = house.post("amir", &format!("{item}/conclude"), json!({})).await;
    assert_eq!(undecided.status, 403, "only a chair concludes: {}", undecided.text());
    let with_condition = json!({
        "choice": "approve", "reason": "Small", "conditions": ["Support is told"], "signature": { "password": PASSWORD }
    });
    house.post("olu", &format!("{item}/vote"), with_condition).await.ok();
    let done = house.post("rita", &format!("{item}/conclude"), json!({})).await.ok();
    let said: Vec<&str> = done["entries"].as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap()).collect();
    assert!(said.contains(&"board.concluded") && said.contains(&"change.conditions_attached"), "{said:?}");

    let remarks = json!({ "remarks": "All at once", "signature": { "password": PASSWORD } });
    house.post("rita", &format!("{meeting}/close"), remarks).await.ok();
    let closed = house.get("aude", &meeting).await.ok();
    let vote = &closed["agenda"][0]["votes"][1];
    assert_eq!(
        (vote["by"]["name"].as_str(), vote["on_behalf_of"]["name"].as_str()),
        (Some("Olu Adeyemi"), Some("Bea Fischer"))
    );
    let signature = &vote["signature"];
    assert_eq!((signature["meaning"].as_str(), signature["proof"].as_str()), (Some("approval"), Some("password")));
    assert_eq!(signature["signed"].as_str(), Some(digest));
    assert_eq!(closed["signature"]["signed"], closed["minutes"]);
    let minutes = house.get("aude", &format!("{meeting}/minutes")).await;
    assert_eq!(minutes.headers["content-type"], "text/markdown; charset=utf-8");
    let text = minutes.text();
    for part in [
        "Olu Adeyemi for Bea Fischer",
        "Elin Berg: excused",
        "**Approved at",
        "Condition: Support is told",
        "All at once",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }

    let change = change_of(&house, "second").await;
    assert_eq!(change["board"]["status"]["value"], "approved", "{change:#}");
    let gates = house.get("rita", "/releases/second/gates").await.ok();
    let verdict =
        |name: &str| gates["gates"].as_array().unwrap().iter().find(|it| it["id"] == name).unwrap()["verdict"].clone();
    assert_eq!(
        (verdict("board"), verdict("approvals"), verdict("conditions")),
        (json!("pass"), json!("pass"), json!("fail"))
    );
}

#[tokio::test]
async fn a_meeting_is_called_off_and_the_change_waits_again() {
    let (house, change) = before_the_board().await;
    let called =
        house.post("rita", "/boards/cab/meetings", json!({ "at": house.later(600), "agenda": [change] })).await.ok();
    let meeting = format!("/meetings/{}", called["subject"]["id"].as_str().unwrap());
    assert_eq!(house.get("rita", "/boards").await.ok()["items"][0]["waiting"], json!([]));
    house.post("rita", &format!("{meeting}/call-off"), json!({ "reason": "Nobody can come" })).await.ok();
    house.post("amir", &format!("{meeting}/join"), json!({})).await.problem(409, "meeting-status");
    assert_eq!(house.get("rita", "/boards").await.ok()["items"][0]["waiting"][0]["id"], change);
    house.get("rita", "/meetings/mtg_none").await.problem(404, "not-found");
    house.get("rita", "/boards/none").await.problem(404, "not-found");
}

#[tokio::test]
async fn wrong_passwords_for_signatures_count_as_failed_sign_ins() {
    let (house, change) = before_the_board().await;
    let flow = json!({ "signed": true });
    house.put("ana", "/flows/normal", flow).await.ok();
    let path = format!("/changes/{change}/approve");
    house.post("amir", &path, json!({ "reason": "ok" })).await.problem(409, "not-signed");
    let wrong = json!({ "reason": "ok", "signature": { "password": "wrong wrong wrong" } });
    let mut last = 403;
    for _ in 0..20 {
        last = house.post("amir", &path, wrong.clone()).await.status;
        if last == 429 {
            break;
        }
    }
    assert_eq!(last, 429);
    house.post("bea", &path, signed("read it")).await.ok();
    let change = change_of(&house, "second").await;
    assert_eq!(change["decisions"][0]["signature"]["by"]["name"], "Bea Fischer");
    assert_eq!(change["signed"], true);
}

#[tokio::test]
async fn classes_ask_for_documents_and_a_document_is_bytes_that_are_there() {
    let (house, change) = before_the_board().await;
    let flow = json!({ "lead_time": "2d", "documents": ["test-report"] });
    house.put("ana", "/flows/normal", flow).await.ok();
    house.put("ana", "/flows/hasty", json!({})).await.problem(404, "not-found");
    let flows = house.get("amir", "/flows").await.ok();
    let normal = flows["items"].as_array().unwrap().iter().find(|it| it["class"] == "normal").unwrap().clone();
    assert_eq!((normal["set"].as_bool(), normal["spec"]["lead_time"].as_str()), (Some(true), Some("2d")));
    assert_eq!(change_of(&house, "second").await["documents_missing"], json!(["test-report"]));
    let path = format!("/changes/{change}/documents");
    let nothing = json!({ "kind": "test-report", "digest": format!("sha256:{}", "1".repeat(64)), "remark": "green" });
    house.post("dana", &path, nothing).await.problem(422, "no-such-blob");
    let blob = house.bytes("dana", "PUT", "/blobs", "application/octet-stream", b"all green".to_vec()).await.ok();
    house.post("dana", &path, json!({ "kind": "test-report", "digest": blob["digest"], "remark": "green" })).await.ok();
    let change = change_of(&house, "second").await;
    assert_eq!(
        (change["documents"][0]["kind"].as_str(), change["documents_missing"].as_array().map(Vec::len)),
        (Some("test-report"), Some(0))
    );
    let held = house.post("rita", "/releases/second/authorise", json!({})).await.problem(409, "blocked");
    assert!(codes(&held).contains(&"base.lead-time-short".to_owned()), "{held:#}");
}

#[tokio::test]
async fn a_template_is_proposed_approved_by_another_and_withdrawn() {
    let (house, _) = before_the_board().await;
    let body = json!({ "name": "saturdays", "release": "second", "reason": "We do this every week", "bar": 0.9 });
    let made = house.post("dana", "/templates", body.clone()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let mut low = body;
    low["bar"] = json!(0.2);
    house.post("dana", "/templates", low).await.problem(422, "bar-out-of-range");
    house.post("amir", "/templates/saturdays/approve", json!({ "reason": "ok" })).await.problem(403, "base.not-signed");
    house.post("amir", "/templates/saturdays/approve", signed("It has a way back")).await.ok();
    let it = house.get("rita", "/templates/saturdays").await.ok();
    assert_eq!((it["status"]["value"].as_str(), it["still_needed"].as_u64()), (Some("probation"), Some(29)));
    let digest = house.get("rita", "/releases/second").await.ok()["items"][0]["digest"].as_str().unwrap().to_owned();
    let mut spec = house.spec(&digest);
    (spec["class"], spec["template"], spec["length"]) = (json!("standard"), json!("saturdays"), json!("3h"));
    let third =
        house.post("rita", "/releases", json!({ "name": "third", "spec": spec, "start": house.later(3600) })).await;
    assert_eq!(third.status, 201, "{}", third.text());
    let gates = house.get("rita", "/releases/third/gates").await.ok();
    let gate = gates["gates"].as_array().unwrap().iter().find(|it| it["id"] == "template").unwrap().clone();
    assert_eq!(gate["verdict"], "fail");
    assert!(gate["ruling"]["blockers"][0]["message"].as_str().unwrap().contains("length (10800 s instead of 7200 s)"));
    house.post("rita", "/templates/saturdays/withdraw", json!({ "reason": "Enough" })).await.ok();
    assert_eq!(house.get("rita", "/templates").await.ok()["items"][0]["status"]["value"], "withdrawn");
    house.get("rita", "/templates/none").await.problem(404, "not-found");
}

#[tokio::test]
async fn two_people_break_the_glass_and_what_is_owed_is_paid() {
    let (house, change) = before_the_board().await;
    let path = "/releases/second/break-glass";
    let ask = |gates: Value| json!({ "gates": gates, "lasts": "2h", "reason": "Orders fail", "signature": { "password": PASSWORD } });
    house.post("olu", path, ask(json!(["artifact"]))).await.problem(409, "not-by-glass");
    let broken = house.post("olu", path, ask(json!(["board", "approvals"]))).await;
    assert_eq!(broken.status, 201, "{}", broken.text());
    let glass = broken.json()["subject"]["id"].as_str().unwrap().to_owned();
    house
        .post("olu", &format!("/glasses/{glass}/confirm"), signed("me again"))
        .await
        .problem(403, "segregation.glass-same-person");
    let waiting = house.get("rita", "/glasses").await.ok()["items"][0].clone();
    assert_eq!(waiting["status"]["value"], "waiting");
    house.post("amir", &format!("/glasses/{glass}/confirm"), signed("Seen it")).await.ok();
    assert_eq!(house.get("rita", "/glasses").await.ok()["items"][0]["status"]["value"], "in_force");
    let events = house.get("rita", "/releases/second/timeline").await.ok();
    assert!(events.to_string().contains("Amir Haddad confirmed the broken glass for second"), "{events:#}");
    house.wait(3600);
    house.post("rita", "/releases/second/authorise", json!({})).await.ok();
    house.post("olu", "/releases/second/deploy", json!({})).await.ok();
    let debt = house.get("rita", "/debts").await.ok()["items"][0].clone();
    assert_eq!((debt["cause"].as_str(), debt["status"]["value"].as_str()), (Some("broken_glass"), Some("open")));
    house
        .post("amir", &format!("/changes/{change}/ratify"), signed("fine"))
        .await
        .problem(403, "segregation.ratified-by-approver");
    house
        .post("bea", &format!("/changes/{change}/ratify"), json!({ "reason": "ok" }))
        .await
        .problem(403, "base.not-signed");
    house.post("bea", &format!("/changes/{change}/object"), signed("It could have waited")).await.ok();
    let debt = change_of(&house, "second").await["debt"].clone();
    assert_eq!((debt["ratified"]["agreed"].as_bool(), debt["review_done"].as_bool()), (Some(false), Some(false)));
    house.post("rita", &format!("/glasses/{glass}/end"), json!({ "reason": "Over" })).await.ok();
    assert_eq!(house.get("rita", "/glasses").await.ok()["items"][0]["status"]["value"], "over");
}
