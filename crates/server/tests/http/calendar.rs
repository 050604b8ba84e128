//! Calendars over HTTP: expansion, checks with slots, lockdowns, the feed.

use crate::support::*;
use serde_json::{Value, json};

#[tokio::test]
async fn the_calendar_says_whether_one_may_ship_and_when_else() {
    let house = House::shop().await;
    let ask = |from: &str, until: &str| json!({ "services": ["checkout"], "environment": "production", "from": from, "until": until });
    let open = house.post("rita", "/calendar/check", ask("2026-03-03T10:00:00Z", "2026-03-03T12:00:00Z")).await.ok();
    assert_eq!((open["allowed"].as_bool(), open["reasons"].as_array().unwrap().len()), (Some(true), 0));
    let shut = house.post("rita", "/calendar/check", ask("2026-03-31T10:00:00Z", "2026-03-31T12:00:00Z")).await.ok();
    assert_eq!(shut["allowed"], false);
    assert_eq!(shut["windows"], json!(["finance/quarter-end-close"]));
    assert_eq!(shut["next_open"], "2026-04-02T00:00:00Z");
    assert_eq!(shut["slots"][0], json!({ "start": "2026-04-02T00:00:00Z", "end": "2026-04-02T02:00:00Z" }));
    house
        .post("rita", "/calendar/check", json!({ "services": [], "environment": "moon" }))
        .await
        .problem(404, "not-found");
    house.post("rita", "/calendar/check", json!({ "services": [], "environment": "production", "at": "2026-03-31T10:00:00Z", "from": "2026-03-31T10:00:00Z" })).await.problem(422, "one-of");
}

#[tokio::test]
async fn windows_are_expanded_with_releases_and_claims_among_them() {
    let house = House::shop().await;
    house.planned().await;
    let month = house
        .get("rita", "/calendar?from=2026-03-01T00:00:00Z&to=2026-04-01T00:00:00Z&environment=production")
        .await
        .ok();
    let entries = month["entries"].as_array().unwrap();
    let count = |kind: &str| entries.iter().filter(|entry| entry["kind"] == kind).count();
    assert_eq!((count("freeze"), count("release")), (5, 1), "{month:#}");
    // Friday 18:00 in Berlin is 17:00 UTC in winter, and 16:00 after 29 March.
    let weekend: Vec<_> = entries
        .iter()
        .filter(|entry| entry["title"] == "weekend")
        .map(|entry| entry["start"].as_str().unwrap())
        .collect();
    assert_eq!(
        weekend,
        ["2026-03-06T17:00:00Z", "2026-03-13T17:00:00Z", "2026-03-20T17:00:00Z", "2026-03-27T17:00:00Z"]
    );
    let staging =
        house.get("rita", "/calendar?from=2026-03-01T00:00:00Z&to=2026-04-01T00:00:00Z&environment=staging").await.ok();
    assert_eq!(staging["entries"].as_array().unwrap().len(), 0);
    house
        .get("rita", "/calendar?from=2026-03-01T00:00:00Z&to=2026-02-01T00:00:00Z")
        .await
        .problem(422, "invalid-query");
    house.get("rita", "/calendar?from=soon&to=2026-02-01T00:00:00Z").await.problem(422, "invalid-query");
}

#[tokio::test]
async fn the_feed_is_read_with_a_token_in_the_address() {
    let house = House::shop().await;
    house.planned().await;
    let feed = house.raw("GET", &format!("/calendar.ics?token={}", house.tokens["rita"]), &[], None).await;
    assert_eq!(feed.headers["content-type"], "text/calendar; charset=utf-8");
    let text = feed.text();
    assert!(text.starts_with("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n") && text.ends_with("END:VCALENDAR\r\n"));
    assert!(text.contains("SUMMARY:release: second\r\n"));
}

#[tokio::test]
async fn a_lockdown_stops_everything_until_it_is_lifted() {
    let house = House::shop().await;
    let called = house.post("rita", "/lockdowns", json!({ "reason": "the payment provider is down" })).await;
    let (who, called) = if called.status == 201 {
        ("rita", called)
    } else {
        ("ana", house.post("ana", "/lockdowns", json!({ "reason": "the payment provider is down" })).await)
    };
    let id = called.ok()["subject"]["id"].as_str().unwrap().to_owned();
    let check = json!({ "services": ["checkout"], "environment": "production" });
    let shut = house.post("dana", "/calendar/check", check.clone()).await.ok();
    assert_eq!((shut["allowed"].as_bool(), shut["reasons"][0]["code"].as_str()), (Some(false), Some("lockdown")));
    assert_eq!(house.get("dana", "/lockdowns").await.ok()["items"][0]["reason"], "the payment provider is down");
    house.post(who, &format!("/lockdowns/{id}/lift"), json!({})).await.ok();
    assert_eq!(house.post("dana", "/calendar/check", check).await.ok()["allowed"], true);
}

fn holiday(start: &str, summary: &str) -> String {
    let lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example//EN", "BEGIN:VEVENT", "UID:one@example.org"];
    let ends = ["END:VEVENT", "END:VCALENDAR", ""];
    let event = [format!("DTSTART;VALUE=DATE:{start}"), format!("SUMMARY:{summary}")];
    lines.into_iter().map(String::from).chain(event).chain(ends.map(String::from)).collect::<Vec<_>>().join("\r\n")
}

fn import(text: &str, dry_run: bool) -> Value {
    json!({ "owner": "platform", "text": text, "kind": "holiday", "zone": "Europe/Berlin", "dry_run": dry_run })
}

#[tokio::test]
async fn an_imported_calendar_first_says_what_it_would_change_and_which_plans_it_would_close() {
    let house = House::shop().await;
    house.planned().await;
    let text = holiday("20260302", "Shrove Monday");
    let told = house.post("rita", "/calendars/holidays/import", import(&text, true)).await.ok();
    assert_eq!((told["added"][0]["reason"].as_str(), &told["receipt"]), (Some("Shrove Monday"), &Value::Null));
    assert_eq!(told["closes"][0]["release"]["name"], "second");
    assert_eq!(told["closes"][0]["reasons"][0]["code"], "freeze");
    house.get("rita", "/calendars/holidays").await.problem(404, "not-found");

    let done = house.post("rita", "/calendars/holidays/import", import(&text, false)).await.ok();
    assert!(done["receipt"]["position"].is_u64());
    let today = house.get("rita", "/today").await.ok();
    let titles: Vec<&str> =
        today["needs_me"].as_array().unwrap().iter().filter_map(|it| it["title"].as_str()).collect();
    assert!(titles.contains(&"Plan second again"), "{titles:?}");

    let again = house.post("rita", "/calendars/holidays/import", import(&text, false)).await.ok();
    assert_eq!((again["unchanged"].as_u64(), again["receipt"]["entries"].as_array().map(Vec::len)), (Some(1), Some(0)));
    let moved =
        house.post("rita", "/calendars/holidays/import", import(&holiday("20260309", "Moved"), true)).await.ok();
    assert_eq!(moved["changed"][0]["after"]["reason"], "Moved");
}

#[tokio::test]
async fn what_cannot_be_imported_changes_nothing() {
    let house = House::shop().await;
    let bad = |text: &str| import(text, false);
    let at = "/calendars/holidays/import";
    house.post("rita", at, bad("<html>Sign in</html>")).await.problem(422, "not-a-calendar");
    house.post("rita", at, bad("")).await.problem(422, "not-a-calendar");
    let mut zone = bad(&holiday("20260302", "x"));
    zone["zone"] = json!("Mars/Olympus");
    house.post("rita", at, zone).await.problem(422, "unknown-zone");
    house
        .post("rita", "/calendars/Not a name/import".replace(' ', "%20").as_str(), bad(&holiday("20260302", "x")))
        .await
        .problem(422, "invalid-value");
    house.get("rita", "/calendars/holidays").await.problem(404, "not-found");
}

#[tokio::test]
async fn a_lockdown_that_nobody_has_called_yet_says_what_it_would_stop() {
    let house = House::shop().await;
    house.planned().await;
    let told =
        house.post("rita", "/lockdowns/preview", json!({ "scope": { "environments": ["production"] } })).await.ok();
    assert_eq!(told["closes"][0]["release"]["name"], "second");
    assert_eq!(house.get("rita", "/lockdowns").await.ok()["items"], json!([]));
    let elsewhere =
        house.post("rita", "/lockdowns/preview", json!({ "scope": { "environments": ["staging"] } })).await.ok();
    assert_eq!(elsewhere["closes"], json!([]));
}

// ------------------------------------------------------------------ exceptions

/// The freeze of the quarter's end, to which approvers may grant exceptions.
const CLOSE: &str = "apiVersion: interlock/v1
kind: Calendar
metadata: {name: finance}
spec:
  owner: release-office
  windows:
    - name: quarter-end-close
      kind: freeze
      reason: The books must not move while they are closed.
      exceptions_by: approver
      schedule: {once: {start: \"2026-03-30T00:00:00Z\", end: \"2026-04-02T00:00:00Z\"}}
      scope: {tiers: [production]}
";

#[tokio::test]
async fn an_exception_is_asked_for_granted_by_another_and_taken_back() {
    let house = House::shop().await;
    let release = house.planned().await;
    house.apply("ana", CLOSE).await.ok();
    let plan = format!("/releases/{release}/plan");
    let start = json!({ "start": "2026-03-31T10:00:00Z" });
    let refusal = house.post("rita", &plan, start.clone()).await.problem(409, "calendar-closed");
    let clears = refusal["blockers"][0]["clears"].as_str().unwrap();
    assert!(clears.contains("2026-03-30T00:00:00Z") && clears.contains("approver"), "{clears}");

    let ask = json!({ "release": release, "calendar": "finance", "window": "quarter-end-close", "occurrence": "2026-03-30T00:00:00Z", "until": "2026-03-31T18:00:00Z", "reason": "The auditors ask for it" });
    let id = house.post("rita", "/exceptions", ask.clone()).await.ok()["subject"]["id"].as_str().unwrap().to_owned();
    house.post("rita", "/exceptions", ask).await.problem(422, "exception-there");
    let seen = house.get("rita", &format!("/exceptions/{id}")).await.ok();
    assert_eq!(
        (seen["status"]["value"].as_str(), seen["role"].as_str()),
        (Some("pending"), Some("approver")),
        "{seen:#}"
    );
    let because = json!({ "reason": "Agreed with controlling" });
    house.post("rita", &format!("/exceptions/{id}/grant"), because.clone()).await.problem(403, "denied");
    house.post("amir", &format!("/exceptions/{id}/grant"), because.clone()).await.ok();
    house.post("rita", &plan, start).await.ok();
    assert_eq!(house.get("rita", "/exceptions").await.ok()["items"][0]["decision"], "Agreed with controlling");
    house.post("rita", &format!("/exceptions/{id}/end"), because).await.ok();
    assert_eq!(house.get("rita", &format!("/exceptions/{id}")).await.ok()["status"]["value"], "taken_back");
    let today = house.get("rita", "/today").await.ok();
    let titles: Vec<&str> =
        today["needs_me"].as_array().unwrap().iter().filter_map(|it| it["title"].as_str()).collect();
    assert!(titles.contains(&"Plan second again"), "whoever planned is told: {titles:?}");
}

#[tokio::test]
async fn an_exception_may_be_refused_and_opens_nothing_then() {
    let house = House::shop().await;
    let release = house.planned().await;
    house.apply("ana", CLOSE).await.ok();
    let ask = json!({ "release": release, "calendar": "finance", "window": "quarter-end-close", "occurrence": "2026-03-30T00:00:00Z", "until": "2026-03-31T18:00:00Z", "reason": "Please" });
    let id = house.post("rita", "/exceptions", ask).await.ok()["subject"]["id"].as_str().unwrap().to_owned();
    house.post("amir", &format!("/exceptions/{id}/refuse"), json!({ "reason": "It can wait" })).await.ok();
    let start = json!({ "start": "2026-03-31T10:00:00Z" });
    house.post("rita", &format!("/releases/{release}/plan"), start).await.problem(409, "calendar-closed");
    let late = house.post("amir", &format!("/exceptions/{id}/grant"), json!({ "reason": "After all" })).await;
    late.problem(409, "already-decided");
    house.get("rita", "/exceptions/exc_nothing").await.problem(404, "not-found");
}

// ------------------------------------------------------------------ feeds

/// A server that gives what was last put in.
async fn serving(text: &str) -> (String, std::sync::Arc<std::sync::Mutex<String>>) {
    let held = std::sync::Arc::new(std::sync::Mutex::new(text.to_owned()));
    let given = held.clone();
    let routes = axum::Router::new()
        .route("/holidays.ics", axum::routing::get(move || async move { given.lock().unwrap().clone() }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/holidays.ics", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (address, held)
}

#[tokio::test]
async fn a_calendar_is_filled_from_an_address_and_each_reading_says_what_it_has_changed() {
    let house = House::shop().await;
    house.planned().await;
    let (address, held) = serving(&holiday("20260309", "Shrove Monday")).await;
    let feed =
        json!({ "owner": "platform", "address": address, "kind": "holiday", "zone": "Europe/Berlin", "every": "6h" });
    house.post("dana", "/calendars/holidays/subscribe", feed.clone()).await.problem(403, "no-permission");
    house.post("rita", "/calendars/holidays/subscribe", feed).await.ok();
    let refresh = || house.post("rita", "/calendars/holidays/refresh", json!({}));
    assert_eq!(refresh().await.ok()["counts"], json!([1, 0, 0]));
    let calendar = house.get("rita", "/calendars/holidays").await.ok();
    assert_eq!((calendar["source"].as_str(), calendar["feed"]["failing"].as_str()), (Some(address.as_str()), None));
    assert_eq!(calendar["spec"]["windows"][0]["reason"], "Shrove Monday");

    // The event moves onto the day for which a release is planned.
    *held.lock().unwrap() = holiday("20260302", "Shrove Monday");
    assert_eq!(refresh().await.ok()["counts"], json!([0, 1, 0]));
    let today = house.get("rita", "/today").await.ok();
    let titles: Vec<&str> =
        today["needs_me"].as_array().unwrap().iter().filter_map(|it| it["title"].as_str()).collect();
    assert!(titles.contains(&"Plan second again"), "{titles:?}");

    *held.lock().unwrap() = "<html>Sign in</html>".into();
    let failing = refresh().await.ok();
    assert!(failing["failing"].as_str().unwrap().contains("no iCalendar file"), "{failing:#}");
    assert_eq!(house.get("rita", "/calendars/holidays").await.ok()["spec"]["windows"][0]["reason"], "Shrove Monday");

    let by_hand = import(&holiday("20260302", "x"), false);
    house.post("rita", "/calendars/holidays/import", by_hand).await.problem(409, "fed");
    house.post("rita", "/calendars/holidays/unsubscribe", json!({})).await.ok();
    let calendar = house.get("rita", "/calendars/holidays").await.ok();
    assert_eq!((&calendar["feed"], calendar["spec"]["windows"].as_array().unwrap().len()), (&Value::Null, 1));
    refresh().await.problem(404, "not-found");
    house.post("dana", "/calendars/holidays/remove", json!({})).await.problem(403, "no-permission");
    house.post("rita", "/calendars/holidays/remove", json!({})).await.ok();
    house.get("rita", "/calendars/holidays").await.problem(404, "not-found");
}

/// Our own feed in other programs' libraries: every event has the beginning, the end and the title that the page shows.
#[tokio::test]
async fn the_feed_is_read_by_icalendar_and_by_ics_event_for_event() {
    let python = std::env::var("INTERLOCK_PYTHON").unwrap_or_else(|_| "python3".into());
    let probe = std::process::Command::new(&python).args(["-c", "import icalendar, ics"]).output();
    if !probe.is_ok_and(|it| it.status.success()) {
        println!(
            "skipped: `{python}` lacks icalendar or ics; make a venv with crates/integrations/tests/oracle/requirements.txt and name its python in INTERLOCK_PYTHON"
        );
        return;
    }
    let house = House::shop().await;
    house.planned().await;
    let awkward = holiday(
        "20260309",
        "Ärger; mit Komma, Rückstrich \\\\ und einem sehr langen Text, der gefaltet werden muß, weil er über 75 Oktette geht",
    );
    house.post("rita", "/calendars/holidays/import", import(&awkward, false)).await.ok();
    let feed = house.raw("GET", &format!("/calendar.ics?token={}", house.tokens["rita"]), &[], None).await.text();
    let (from, to) = (house.later(-31 * 86_400), house.later(366 * 86_400));
    let entries = house.get("rita", &format!("/calendar?from={from}&to={to}")).await.ok();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("feed.ics"), feed).unwrap();
    std::fs::write(folder.path().join("entries.json"), entries.to_string()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http/feed.py");
    let output = std::process::Command::new(&python).arg(script).arg(folder.path()).output().unwrap();
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success());

    // It must be able to disagree.
    let mut lie = entries;
    lie["entries"][0]["start"] = json!("2026-03-02T00:00:01Z");
    std::fs::write(folder.path().join("entries.json"), lie.to_string()).unwrap();
    assert!(!std::process::Command::new(&python).arg(script).arg(folder.path()).output().unwrap().status.success());
}
