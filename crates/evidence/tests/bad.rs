//! Bad input: each is refused with the code that says what is wrong, quickly, and a good document after it is read as ever.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use interlock_evidence::{BYTES, CODES, Key, Kind, read};
use std::{path::Path, time::Instant};

const CASE: &str = "<testcase name='a'/>";

fn junit(inner: &str) -> Vec<u8> {
    format!("<testsuites>{inner}</testsuites>").into_bytes()
}

fn sarif(run: &str) -> Vec<u8> {
    format!(r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"t"}}}}{run}}}]}}"#).into_bytes()
}

fn bom(more: &str) -> Vec<u8> {
    format!(r#"{{"bomFormat":"CycloneDX","specVersion":"1.6"{more}}}"#).into_bytes()
}

fn spdx(more: &str) -> Vec<u8> {
    format!(r#"{{"spdxVersion":"SPDX-2.3"{more}}}"#).into_bytes()
}

fn vex(statements: &str) -> Vec<u8> {
    format!(r#"{{"@context":"https://openvex.dev/ns/v0.2.0","author":"a","statements":[{statements}]}}"#).into_bytes()
}

fn said(digest: &str, status: &str) -> String {
    let product = format!(r#"{{"hashes":{{"sha-256":"{}"}}}}"#, digest.repeat(64));
    format!(r#"{{"vulnerability":{{"name":"CVE-1"}},"products":[{product}],{status}}}"#)
}

fn utf16(text: &str, little: bool) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(|unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

/// Ten entities, each ten times the one before: three gigabytes for whoever follows them.
fn laughs() -> Vec<u8> {
    let mut text = String::from("<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY lol0 'lol'>");
    for n in 1..10 {
        let inner = format!("&lol{};", n - 1).repeat(10);
        text.push_str(&format!("<!ENTITY lol{n} '{inner}'>"));
    }
    text.push_str("]><testsuites><testsuite name='&lol9;'/></testsuites>");
    text.into_bytes()
}

fn corpus(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name)).unwrap()
}

fn keys() -> Vec<Key> {
    let mut public = [0; 32];
    let text = String::from_utf8(corpus("securesystemslib.key.hex")).unwrap();
    hex::decode_to_slice(text.trim(), &mut public).unwrap();
    vec![Key { name: "example".into(), public }]
}

/// The real envelope with a part of it changed.
fn forged(change: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
    let mut envelope = serde_json::from_slice(&corpus("securesystemslib.statement.json")).unwrap();
    change(&mut envelope);
    serde_json::to_vec(&envelope).unwrap()
}

fn payload(text: &str) -> serde_json::Value {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(text).into()
}

fn cases() -> Vec<(&'static str, Kind, Vec<u8>, &'static str)> {
    use Kind::{Cyclonedx, Junit, Openvex, Sarif, Spdx, Statement};
    let deep = |open: &str, count: usize| open.repeat(count).into_bytes();
    let mut huge = b"<testsuites>".to_vec();
    huge.resize(BYTES + 1, b' ');
    let many = |count: usize| {
        let results: Vec<String> = (0..count).map(|n| format!(r#"{{"ruleId":"R{n}"}}"#)).collect();
        format!(r#","results":[{}]"#, results.join(","))
    };
    vec![
        // Encodings
        ("nothing", Junit, vec![], "document-empty"),
        ("a mark and blanks", Sarif, b"\xef\xbb\xbf \n".to_vec(), "document-empty"),
        ("UTF-16, little-endian", Junit, utf16("<testsuites/>", true), "document-encoding"),
        ("UTF-16, big-endian", Sarif, utf16("{}", false), "document-encoding"),
        ("UTF-16 without a mark", Sarif, utf16("{}", true)[2..].to_vec(), "document-encoding"),
        ("Latin-1", Junit, b"<testsuites name='caf\xe9'/>".to_vec(), "document-encoding"),
        (
            "another encoding declared",
            Junit,
            b"<?xml version='1.0' encoding='ISO-8859-1'?><testsuites/>".to_vec(),
            "document-encoding",
        ),
        ("a zero byte in XML", Junit, b"<testsuites>\0</testsuites>".to_vec(), "document-encoding"),
        ("a zero byte in JSON", Sarif, b"{\"version\":\"2.1.0\0\"}".to_vec(), "document-encoding"),
        ("overlong UTF-8", Sarif, b"{\"a\":\"\xc0\xaf\"}".to_vec(), "document-encoding"),
        // Bombs
        ("billion laughs", Junit, laughs(), "document-doctype"),
        (
            "an outside entity",
            Junit,
            b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><testsuites>&x;</testsuites>".to_vec(),
            "document-doctype",
        ),
        ("an entity nobody declared", Junit, junit("&x;"), "document-syntax"),
        ("10 MB of elements in one another", Junit, deep("<testsuite>", 900_000), "document-too-deep"),
        ("10 MB of lists in one another", Sarif, deep("[", 10_000_000), "document-too-deep"),
        ("10 MB of objects in one another", Cyclonedx, deep("{\"a\":", 2_000_000), "document-too-deep"),
        ("more bytes than are taken", Junit, huge, "document-too-large"),
        (
            "more values than are taken",
            Spdx,
            format!("[{}0]", "0,".repeat(2_000_001)).into_bytes(),
            "document-too-many",
        ),
        ("more elements than are taken", Junit, junit(&"<a/>".repeat(2_000_001)), "document-too-many"),
        ("more rules than are taken", Sarif, sarif(&many(2_001)), "document-too-many"),
        // Broken syntax
        ("XML that ends early", Junit, b"<testsuites><testsuite>".to_vec(), "document-syntax"),
        ("ends that do not match", Junit, junit("<testsuite></testcase>"), "document-syntax"),
        ("two roots", Junit, b"<testsuites/><testsuites/>".to_vec(), "document-syntax"),
        ("text after the root", Junit, b"<testsuites/>all good".to_vec(), "document-syntax"),
        ("JSON that ends early", Sarif, b"{\"version\":\"2.1.0\",".to_vec(), "document-syntax"),
        ("something after the JSON", Sarif, [sarif(""), b"{}".to_vec()].concat(), "document-syntax"),
        ("a number that is none", Cyclonedx, bom(r#","version":1e999999"#), "document-syntax"),
        ("half a surrogate", Cyclonedx, bom(r#","a":"\ud800""#), "document-syntax"),
        (
            "a case within a case",
            Junit,
            junit("<testsuite><testcase><testcase/></testcase></testsuite>"),
            "document-syntax",
        ),
        // Keys twice
        (
            "a key twice",
            Sarif,
            br#"{"version":"2.1.0","version":"2.1.0","runs":[]}"#.to_vec(),
            "document-duplicate-key",
        ),
        (
            "a key twice, escaped",
            Cyclonedx,
            br#"{"bomFormat":"CycloneDX","bomF\u006frmat":"x"}"#.to_vec(),
            "document-duplicate-key",
        ),
        (
            "a key twice, far down",
            Sarif,
            sarif(r#","results":[{"level":"error","level":"none"}]"#),
            "document-duplicate-key",
        ),
        ("an attribute twice", Junit, junit("<testsuite failures='1' failures='0'/>"), "document-duplicate-key"),
        // Another kind
        ("SARIF as JUnit", Junit, sarif(""), "document-kind"),
        ("JUnit as SARIF", Sarif, junit(CASE), "document-kind"),
        ("CycloneDX as SARIF", Sarif, bom(""), "document-kind"),
        ("SPDX as CycloneDX", Cyclonedx, spdx(""), "document-kind"),
        ("CycloneDX as SPDX", Spdx, bom(""), "document-kind"),
        ("CycloneDX as OpenVEX", Openvex, bom(""), "document-kind"),
        (
            "a statement without its envelope",
            Statement,
            br#"{"_type":"https://in-toto.io/Statement/v1"}"#.to_vec(),
            "document-kind",
        ),
        ("a web page", Junit, b"<html><body>502 Bad Gateway</body></html>".to_vec(), "document-kind"),
        ("another payload", Statement, forged(|it| it["payloadType"] = "text/plain".into()), "document-kind"),
        // Versions
        ("SARIF 2.0", Sarif, br#"{"version":"2.0.0","runs":[]}"#.to_vec(), "document-version"),
        (
            "CycloneDX of the future",
            Cyclonedx,
            br#"{"bomFormat":"CycloneDX","specVersion":"9.0"}"#.to_vec(),
            "document-version",
        ),
        (
            "SPDX 3",
            Spdx,
            br#"{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}"#.to_vec(),
            "document-version",
        ),
        (
            "OpenVEX 0.0.1",
            Openvex,
            br#"{"@context":"https://openvex.dev/ns/v0.0.1","statements":[]}"#.to_vec(),
            "document-version",
        ),
        // Fields
        ("no list of runs", Sarif, br#"{"version":"2.1.0"}"#.to_vec(), "document-field"),
        ("a tool without a name", Sarif, br#"{"version":"2.1.0","runs":[{"tool":{}}]}"#.to_vec(), "document-field"),
        ("a level of its own", Sarif, sarif(r#","results":[{"level":"fatal"}]"#), "document-field"),
        ("a kind of its own", Sarif, sarif(r#","results":[{"kind":"fine"}]"#), "document-field"),
        ("a rule that is not there", Sarif, sarif(r#","results":[{"ruleIndex":3}]"#), "document-field"),
        (
            "a suppression of its own",
            Sarif,
            sarif(r#","results":[{"suppressions":[{"status":"ok"}]}]"#),
            "document-field",
        ),
        ("a component without a name", Cyclonedx, bom(r#","components":[{}]"#), "document-field"),
        (
            "an analysis of its own",
            Cyclonedx,
            bom(r#","vulnerabilities":[{"id":"C","analysis":{"state":"fine"}}]"#),
            "document-field",
        ),
        (
            "a digest that is none",
            Cyclonedx,
            bom(r#","metadata":{"component":{"hashes":[{"alg":"SHA-256","content":"zz"}]}}"#),
            "document-field",
        ),
        ("no list of packages", Spdx, spdx(""), "document-field"),
        ("packages that are none", Spdx, spdx(r#","packages":"many""#), "document-field"),
        ("set aside without a reason", Openvex, vex(&said("a", r#""status":"not_affected""#)), "document-field"),
        (
            "a justification of its own",
            Openvex,
            vex(&said("a", r#""status":"not_affected","justification":"trust_me""#)),
            "document-field",
        ),
        ("a status of its own", Openvex, vex(&said("a", r#""status":"fine""#)), "document-field"),
        ("counts that are none", Junit, junit("<testsuite tests='many'/>"), "document-field"),
        ("negative counts", Junit, junit("<testsuite failures='-1'/>"), "document-field"),
        ("a payload that is no Base64", Statement, forged(|it| it["payload"] = "§".into()), "document-field"),
        // Dates
        ("a moment that is none", Junit, junit("<testsuite timestamp='yesterday'/>"), "document-date"),
        (
            "the 30th of February",
            Cyclonedx,
            bom(r#","metadata":{"timestamp":"2026-02-30T00:00:00Z"}"#),
            "document-date",
        ),
        // Contradictions
        (
            "fewer cases than declared",
            Junit,
            junit(&format!("<testsuite tests='2'>{CASE}</testsuite>")),
            "document-contradiction",
        ),
        (
            "failures taken out",
            Junit,
            junit(&format!("<testsuite tests='1' failures='1'>{CASE}</testsuite>")),
            "document-contradiction",
        ),
        // Digests and signatures
        (
            "two products in one document",
            Openvex,
            vex(&[said("a", r#""status":"fixed""#), said("b", r#""status":"fixed""#)].join(",")),
            "document-digest",
        ),
        (
            "a signature by nobody known",
            Statement,
            forged(|it| it["signatures"][0]["sig"] = payload(&"x".repeat(64))),
            "document-signature",
        ),
        (
            "another payload under the signature",
            Statement,
            forged(|it| {
                it["payload"] =
                    payload(r#"{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"p"}"#)
            }),
            "document-signature",
        ),
        (
            "the signature of a shorter message",
            Statement,
            forged(|it| it["signatures"][0]["sig"] = "AAAA".into()),
            "document-signature",
        ),
        (
            "a key that names itself",
            Statement,
            forged(|it| {
                it["signatures"][0]["keyid"] = "example".into();
                it["signatures"][0]["sig"] = payload(&"\0".repeat(64));
            }),
            "document-signature",
        ),
        ("no signatures", Statement, forged(|it| it["signatures"] = serde_json::json!([])), "document-signature"),
        (
            "a thousand signatures",
            Statement,
            forged(|it| it["signatures"] = serde_json::json!(vec![serde_json::json!({"sig": "AAAA"}); 1000])),
            "document-too-many",
        ),
    ]
}

#[test]
fn bad_input_is_refused_with_the_code_that_says_what_is_wrong() {
    let keys = keys();
    let cases = cases();
    assert!(cases.len() >= 60);
    for (name, kind, bytes, code) in &cases {
        let begun = Instant::now();
        let fault = read(*kind, bytes, &keys).map(|it| panic!("{name}: {it:?}")).unwrap_err();
        assert_eq!(&fault.code, code, "{name}: {}", fault.what);
        assert!(fault.what.len() < 500 && !fault.what.contains('\0'), "{name}: {}", fault.what);
        // Generous: nothing is followed, so ten megabytes take as long as ten megabytes.
        assert!(begun.elapsed().as_secs() < 20, "{name} took {:?}", begun.elapsed());
    }
    let told: std::collections::BTreeSet<_> = cases.iter().map(|it| it.3).collect();
    assert_eq!(told.into_iter().collect::<Vec<_>>(), CODES, "every code is shown by a case");
}

#[test]
fn what_tools_write_beside_the_format_is_no_fault() {
    let marked = [b"\xef\xbb\xbf".to_vec(), junit(CASE)].concat();
    let good = [
        (Kind::Junit, marked),
        (Kind::Junit, b"<?xml version='1.0' encoding='utf-8'?><!-- a --><testsuite tests='1'><properties/><testcase><system-out>&lt;&#65;</system-out></testcase></testsuite>".to_vec()),
        (Kind::Sarif, sarif(r#","results":[{"ruleIndex":-1,"message":{"text":"x"}}],"unheard":[1,2]"#)),
        (Kind::Cyclonedx, bom(r#","serialNumber":"urn:uuid:1","components":[]"#)),
        (Kind::Openvex, vex(&said("a", r#""status":"affected""#))),
    ];
    for (kind, bytes) in good {
        assert!(read(kind, &bytes, &[]).is_ok(), "{:?}", read(kind, &bytes, &[]));
    }
}
