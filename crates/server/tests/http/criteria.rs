//! Criteria of a release over HTTP: stated, met by evidence, signed, excepted; and what becomes of documents that are none.

use crate::support::*;
use serde_json::{Value, json};
use std::io::Write as _;

fn corpus(name: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../evidence/tests/corpus");
    std::fs::read(folder.join(name)).unwrap()
}

async fn attach(house: &House, digest: &str, kind: &str, name: &str, bytes: impl Into<Vec<u8>>) -> Got {
    let path = format!("/artifacts/{digest}/evidence?kind={kind}&name={name}");
    house.bytes("dana", "POST", &path, "application/octet-stream", bytes).await
}

/// A report of so many good tests.
fn report(count: u32) -> String {
    let cases: String = (0..count).map(|n| format!("<testcase name='t{n}'/>")).collect();
    format!("<testsuites><testsuite name='s' tests='{count}'>{cases}</testsuite></testsuites>")
}

fn criteria() -> Value {
    json!([
        {
            "name": "tests",
            "tests": { "evidence": "unit", "at_least": 10, "fresh": "7d" },
            "signature": { "meaning": "approved", "by": ["amir"], "independent": true }
        },
        {
            "name": "scan",
            "findings": { "evidence": "sast", "limits": { "critical": { "at_most": 0 }, "high": { "at_most": 0, "after": "14d" } }, "fresh": "30d" }
        },
        { "name": "code-freeze", "code_freeze": { "at": "2026-03-01T00:00:00Z" } }
    ])
}

async fn shown(house: &House) -> Vec<(String, String, Option<String>)> {
    let it = house.get("rita", "/releases/second/criteria").await.ok();
    let one = |it: &Value| {
        let result = &it["results"][0];
        let code = result["blocker"]["code"].as_str().map(str::to_owned);
        (it["name"].as_str().unwrap().to_owned(), it["verdict"].as_str().unwrap().to_owned(), code)
    };
    it["criteria"].as_array().unwrap().iter().map(one).collect()
}

fn row(name: &str, verdict: &str, code: Option<&str>) -> (String, String, Option<String>) {
    (name.into(), verdict.into(), code.map(str::to_owned))
}

/// A browser's session of somebody, with a password of their own.
async fn session(house: &House, who: &str) -> [(&'static str, String); 2] {
    let account = house.engine.desk().by_login(who).unwrap().account;
    house.engine.desk().set_password(account, PASSWORD).unwrap();
    let got = house.raw("POST", "/session", &[], Some(json!({ "login": who, "password": PASSWORD }))).await;
    let cookie = got.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    [("cookie", cookie), ("x-csrf-token", got.ok()["csrf_token"].as_str().unwrap().to_owned())]
}

async fn as_session(house: &House, session: &[(&'static str, String); 2], path: &str, body: Value) -> Got {
    let headers: Vec<(&str, &str)> = session.iter().map(|(name, value)| (*name, value.as_str())).collect();
    house.raw("POST", path, &headers, Some(body)).await
}

#[tokio::test]
async fn a_release_states_criteria_and_is_held_until_evidence_meets_each() {
    let house = House::shop().await;
    let digest = house.build("v2", None).await;
    let mut spec = house.spec(&digest);
    spec["criteria"] = criteria();
    let body = json!({ "name": "second", "spec": spec, "start": house.later(3600) });
    house.post("rita", "/releases", body).await.ok();
    let release = house.get("rita", "/releases/second").await.ok();
    assert_eq!(release["spec"]["criteria"], criteria(), "what was stated comes back as it was stated");
    let missing = Some("evidence-missing");
    assert_eq!(
        shown(&house).await,
        [
            row("tests", "inconclusive", missing),
            row("scan", "inconclusive", missing),
            row("code-freeze", "fail", Some("after-code-freeze")),
        ]
    );
    let gates = house.get("rita", "/releases/second/gates").await.ok();
    let gate = gates["gates"].as_array().unwrap().iter().find(|it| it["id"] == "evidence").unwrap();
    assert_eq!((gate["verdict"].as_str(), gate["ruling"]["blockers"].as_array().unwrap().len()), (Some("fail"), 3));

    // Evidence about another build is none about this one.
    let other = house.build("v1", None).await;
    assert_eq!(attach(&house, &other, "junit", "unit", report(50)).await.status, 201);
    assert_eq!(shown(&house).await[0], row("tests", "inconclusive", missing));

    attach(&house, &digest, "junit", "unit", report(9)).await.ok();
    assert_eq!(shown(&house).await[0], row("tests", "inconclusive", Some("evidence-too-little")));
    // It was made in November, and it is March.
    let early = attach(&house, &digest, "junit", "unit", corpus("pytest-mixed.junit.xml")).await;
    early.problem(422, "evidence-from-the-future");
    let made = attach(&house, &digest, "junit", "unit", report(12)).await;
    assert!(made.headers["location"].to_str().unwrap().starts_with("/api/v1/evidence/evd_"));
    let id = made.json()["subject"]["id"].as_str().unwrap().to_owned();
    assert_eq!(shown(&house).await[0], row("tests", "inconclusive", Some("evidence-not-signed")));

    // Signing: by a person who signs in, not by token; with the password; by whom the criterion names.
    let sign = |meaning: &str, password: Option<&str>| json!({ "meaning": meaning, "password": password, "reason": "read the report" });
    let path = format!("/evidence/{id}/sign");
    house.post("amir", &path, sign("approved", Some(PASSWORD))).await.problem(403, "base.signature-by-token");
    let amir = session(&house, "amir").await;
    as_session(&house, &amir, &path, sign("approved", None)).await.problem(403, "sign-in-again");
    as_session(&house, &amir, &path, sign("approved", Some("wrong"))).await.problem(403, "sign-in-again");
    let dana = session(&house, "dana").await;
    let refused = as_session(&house, &dana, &path, sign("approved", Some(PASSWORD))).await;
    refused.problem(403, "segregation.author-signs-own-work-as-approved");
    as_session(&house, &amir, &path, sign("approved", Some(PASSWORD))).await.ok();
    assert_eq!(shown(&house).await[0], row("tests", "pass", None));
    let list = house.get("rita", &format!("/artifacts/{digest}/evidence")).await.ok();
    let signature = &list["evidence"][0]["signatures"][0];
    assert_eq!(
        (signature["by"]["name"].as_str(), signature["meaning"].as_str(), signature["shown_by"].as_str()),
        (Some("Amir Haddad"), Some("approved"), Some("password"))
    );
    assert_eq!(signature["reason"], "read the report");
    assert_eq!(list["former"], 1);

    attach(&house, &digest, "sarif", "sast", corpus("bandit-clean.sarif.json"))
        .await
        .problem(422, "evidence-from-the-future");
    let scan = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"scanner"}},"results":[{"ruleId":"R1","level":"error"}]}]}"#;
    attach(&house, &digest, "sarif", "sast", scan).await.ok();
    assert_eq!(shown(&house).await[1], row("scan", "pass", None), "a high one, found today");
    house.wait(14 * 86_400);
    assert_eq!(shown(&house).await[1], row("scan", "fail", Some("evidence-against")));
    assert_eq!(shown(&house).await[0], row("tests", "inconclusive", Some("evidence-stale")));

    let it = house.get("rita", "/releases/second/criteria").await.ok();
    let late = it["criteria"][2]["results"][0]["late_commits"].clone();
    assert_eq!(late.as_array().unwrap().len(), 2);
    let except = json!({ "criterion": "code-freeze", "commits": late, "reason": "the certificate runs out" });
    house.post("dana", "/releases/second/except", except.clone()).await.problem(403, "denied");
    house.post("rita", "/releases/second/except", except).await.ok();
    assert_eq!(shown(&house).await[2], row("code-freeze", "pass", None));
    let it = house.get("aude", "/releases/second/criteria").await.ok();
    assert_eq!(
        (it["exceptions"][0]["by"]["name"].as_str(), it["exceptions"][0]["reason"].as_str()),
        (Some("Rita Moreau"), Some("the certificate runs out"))
    );
    let timeline = house.get("aude", "/releases/second/timeline").await.ok().to_string();
    assert!(timeline.contains("2 commits let through code-freeze"), "{timeline}");
}

#[tokio::test]
async fn documents_that_are_none_are_refused_by_code_and_nothing_is_lost() {
    let house = House::shop().await;
    let digest = house.build("v2", None).await;
    let attached = |house: &House| {
        let world = house.engine.world();
        world.artifact.evidence.newest(&crate::support::digest(&digest), &"unit".parse().unwrap()).cloned()
    };
    attach(&house, &digest, "junit", "unit", report(12)).await.ok();
    let good = attached(&house).unwrap();

    // What is about others, or forged, takes nobody's place.
    let foreign = corpus("lib4vex.openvex.json");
    attach(&house, &digest, "openvex", "unit", foreign).await.problem(422, "document-digest");
    attach(&house, &digest, "cyclonedx", "unit", corpus("cyclonedx-lib-found.cyclonedx.json"))
        .await
        .problem(422, "document-digest");
    attach(&house, &digest, "statement", "unit", corpus("securesystemslib.statement.json"))
        .await
        .problem(422, "document-signature");
    attach(&house, &digest, "junit", "unit", "").await.problem(422, "document-empty");
    // What is too long is not even read.
    let long = vec![b' '; (16 << 20) + 1];
    attach(&house, &digest, "junit", "unit", long).await.problem(413, "too-large");
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        packer.write_all(&[b' '; 1 << 20]).unwrap();
    }
    let bomb = packer.finish().unwrap();
    assert!(bomb.len() < 100_000);
    let path = format!("/api/v1/artifacts/{digest}/evidence?kind=junit&name=unit");
    let request = axum::http::Request::builder().method("POST").uri(path);
    let request = request
        .header("authorization", format!("Bearer {}", house.tokens["dana"]))
        .header("content-type", "application/octet-stream")
        .header("content-encoding", "gzip");
    house.send(request.body(axum::body::Body::from(bomb)).unwrap()).await.problem(413, "too-large");
    assert_eq!(attached(&house).unwrap(), good);

    // What cannot be read is kept, and tells nothing.
    for (kind, bytes, code) in [
        ("junit", &b"<testsuites>"[..], "document-syntax"),
        ("sarif", b"<testsuites/>", "document-kind"),
        ("junit", b"<!DOCTYPE a><testsuites/>", "document-doctype"),
        ("cyclonedx", b"{\"bomFormat\":\"CycloneDX\",\"bomFormat\":\"CycloneDX\"}", "document-duplicate-key"),
        ("spdx", b"\xff\xfe{\0}\0", "document-encoding"),
    ] {
        let problem = attach(&house, &digest, kind, "unit", bytes).await.problem(422, code);
        assert!(problem["detail"].as_str().unwrap().contains("it is kept as sha256:"), "{problem:#}");
        assert!(!problem["blockers"][0]["clears"].as_str().unwrap().is_empty());
        let kept = attached(&house).unwrap();
        assert_eq!(house.get("rita", &format!("/blobs/{}", kept.evidence.blob)).await.bytes, bytes);
        let view = house.get("rita", &format!("/evidence/{}", kept.evidence.id)).await.ok();
        assert_eq!(view["unreadable"], code);
    }
    attach(&house, &digest, "junit", "unit", report(12)).await.ok();

    // Who and where.
    let nowhere = format!("sha256:{}", "0".repeat(64));
    attach(&house, &nowhere, "junit", "unit", report(1)).await.problem(404, "not-found");
    attach(&house, &digest, "xunit", "unit", report(1)).await.problem(422, "invalid-query");
    attach(&house, &digest, "junit", "Not%20A%20Name", report(1)).await.problem(422, "invalid-value");
    let path = format!("/artifacts/{digest}/evidence?kind=junit&name=unit");
    let denied = house.bytes("aude", "POST", &path, "application/octet-stream", report(1)).await;
    assert_eq!(denied.status, 403, "{}", denied.text());
    house.get("rita", "/evidence/evd_01h00000000000000000000000").await.problem(404, "not-found");
}

#[tokio::test]
async fn a_control_report_has_every_deployment_and_says_what_was_not_in_force() {
    let house = House::shop().await;
    let pack = |name: &str| {
        format!("apiVersion: interlock/v1\nkind: PolicyPack\nmetadata: {{name: {name}}}\nspec: {{shipped: true}}\n")
    };
    let packs: Vec<String> = ["base", "segregation", "soc2"].iter().map(|it| pack(it)).collect();
    house.apply("ana", &packs.join("---\n")).await.ok();
    let controls = house.get("aude", "/controls").await.ok();
    let of =
        |name: &str| controls["catalogues"].as_array().unwrap().iter().find(|it| it["pack"] == name).unwrap().clone();
    assert_eq!((of("soc2")["in_force"].as_bool(), of("pci-dss")["in_force"].as_bool()), (Some(true), Some(false)));
    assert_eq!(of("soc2")["services"][0]["id"], "checkout");
    assert_eq!(of("sox")["services"], json!([]), "nothing here feeds the books");

    // The pack applies by what the service handles: without tests asked for, the gate stays shut.
    let digest = house.build("v2", None).await;
    let body = json!({ "name": "second", "spec": house.spec(&digest), "start": house.later(60) });
    house.post("rita", "/releases", body).await.ok();
    let gates = house.get("rita", "/releases/second/gates").await.ok();
    let evidence = gates["gates"].as_array().unwrap().iter().find(|it| it["id"] == "evidence").unwrap().clone();
    assert_eq!(evidence["verdict"], "inconclusive");
    assert_eq!(evidence["ruling"]["blockers"][0]["code"], "soc2.tests-not-asked");
    let mut spec = house.spec(&digest);
    spec["criteria"] = json!([{ "name": "tests", "tests": { "evidence": "unit", "at_least": 10, "fresh": "7d" } }]);
    let body = json!({ "name": "third", "spec": spec, "start": house.later(60) });
    house.post("rita", "/releases", body).await.ok();
    attach(&house, &digest, "junit", "unit", report(12)).await.ok();
    house.post("rita", "/releases/third/freeze", json!({})).await.ok();
    let change = house.get("rita", "/releases/third").await.ok()["change"]["id"].as_str().unwrap().to_owned();
    for who in ["amir", "bea"] {
        house.post(who, &format!("/changes/{change}/approve"), json!({ "reason": "read it" })).await.ok();
    }
    house.post("rita", "/releases/third/authorise", json!({})).await.ok();
    house.wait(61);
    house.post("olu", "/releases/third/deploy", json!({})).await.ok();

    let asked = "/controls/report?from=2026-01-01T00:00:00Z&to=2026-04-01T00:00:00Z";
    assert_eq!(house.get("dana", asked).await.status, 403);
    let report = house.get("aude", asked).await.ok();
    assert_eq!((report["population"].as_u64(), report["changes"].as_array().unwrap().len()), (Some(1), 1));
    let change = &report["changes"][0];
    assert_eq!((change["release"]["name"].as_str(), change["class"].as_str()), (Some("third"), Some("normal")));
    assert_eq!(change["data_classes"], json!(["payment", "personal"]));
    assert_eq!(change["approved_by"].as_array().unwrap().len(), 2);
    assert_eq!(change["tested_by"][0]["name"], "Dana Novak");
    let verdict = |pack: &str, control: &str| {
        let all = change["controls"].as_array().unwrap();
        all.iter()
            .find(|it| it["pack"] == pack && it["control"] == control)
            .map(|it| it["verdict"].as_str().unwrap().to_owned())
    };
    for control in ["CC8.1-A", "CC8.1-D", "CC8.1-T"] {
        assert_eq!(verdict("soc2", control).as_deref(), Some("pass"), "{change:#}");
    }
    assert_eq!(verdict("pci-dss", "PCI-6.5.1-T").as_deref(), Some("inconclusive"), "that pack was not in force");
    assert_eq!(verdict("sox", "SOX-ITGC-CM-2"), None, "it does not apply");
    let total = report["totals"].as_array().unwrap().iter().find(|it| it["control"] == "CC8.1-T").unwrap();
    assert_eq!((total["applied"].as_u64(), total["passed"].as_u64()), (Some(1), Some(1)));
    let one = house.get("aude", &format!("{asked}&pack=soc2")).await.ok();
    assert!(one["totals"].as_array().unwrap().iter().all(|it| it["pack"] == "soc2"));
    house.get("aude", &format!("{asked}&pack=unheard")).await.problem(404, "not-found");
    let page = house.get("aude", &format!("{asked}&format=html")).await;
    assert!(page.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    let text = page.text();
    assert!(
        text.contains("Control report, 2026-01-01 to 2026-04-01")
            && text.contains("CC8.1-T")
            && text.contains("Dana Novak")
    );
    let table = house.get("aude", &format!("{asked}&format=csv")).await.text();
    let lines = table.lines().count();
    assert_eq!(lines, 1 + change["controls"].as_array().unwrap().len(), "{table}");
    let backwards = "/controls/report?from=2026-04-01T00:00:00Z&to=2026-01-01T00:00:00Z";
    house.get("aude", backwards).await.problem(422, "evidence-period");
}
