//! Packs with faults: each fault has its code and its line, all are found in one run, and none ends the process.

use interlock_policy::{Pack, PolicyError, PolicySet, shipped};

const GOOD: &str = r#"@id("x.good")
permit (principal is Account in Role::"deployer", action == Action::"deployment.start", resource);
"#;

fn pack(name: &str, text: &str) -> Pack {
    Pack {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        files: [("rules.cedar".to_owned(), text.to_owned())].into(),
    }
}

fn faults(text: &str) -> Vec<PolicyError> {
    PolicySet::compile(&[pack("x", text)]).expect_err("the pack has a fault")
}

/// Code and line of the only fault, and what its text must mention.
fn one(text: &str, code: &str, line: usize, mentions: &str) {
    let faults = faults(text);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    let fault = &faults[0];
    assert_eq!((fault.code, fault.line), (code, line), "{fault}");
    assert!(fault.to_string().contains(mentions), "{fault}");
    assert_eq!((fault.pack.as_str(), fault.file.as_str()), ("x", "rules.cedar"));
    assert!(!fault.what.is_empty() && !fault.remedy.is_empty());
}

fn forbid(annotations: &str, condition: &str) -> String {
    format!(
        "@id(\"x.f\")\n@clears(\"c\")\n@who(\"w\")\n{annotations}\nforbid (principal, action == Action::\"change.approve\", resource) when {{ {condition} }};"
    )
}

#[test]
fn the_good_pack_is_good() {
    assert!(PolicySet::compile(&[pack("x", GOOD)]).is_ok());
    assert!(PolicySet::compile(&[pack("x", &forbid("@message(\"{class}\")", "context.on_leave"))]).is_ok());
    assert!(PolicySet::compile(&[]).unwrap().describe().is_empty());
}

#[test]
fn names_and_versions() {
    let code = |pack: Pack| PolicySet::compile(&[pack]).expect_err("a fault")[0].code;
    assert_eq!(code(pack("", GOOD)), "P001");
    assert_eq!(code(pack("../x", GOOD)), "P001");
    assert_eq!(code(Pack { version: "one two".into(), ..pack("x", GOOD) }), "P001");
    assert_eq!(code(Pack { files: [("../x.cedar".into(), GOOD.into())].into(), ..pack("x", "") }), "P003");
    assert_eq!(code(Pack { files: [("x.txt".into(), GOOD.into())].into(), ..pack("x", "") }), "P003");
    let twice = PolicySet::compile(&[pack("x", GOOD), pack("x", "")]).expect_err("a fault");
    assert_eq!(twice[0].code, "P002");
}

#[test]
fn text_that_is_not_cedar() {
    one("\n\npermit (principal, action resource);", "P005", 3, "resource");
    one("@id(\"a\")\npermit (principal, action, resource) when { context. };", "P005", 2, "");
    one("rule allow { true }", "P005", 1, "rule");
    one("@id(\"a\") @id(\"b\")\npermit (principal, action, resource);", "P005", 1, "id");
}

#[test]
fn templates_are_not_taken() {
    one("@id(\"t\")\npermit (principal == ?principal, action, resource);", "P006", 1, "slots");
}

#[test]
fn annotations() {
    one("\npermit (principal, action == Action::\"read\", resource);", "P007", 2, "@id");
    one(&forbid("", "context.on_leave"), "P007", 1, "@message");
    one(&forbid("@message(\"  \")", "context.on_leave"), "P007", 1, "@message");
    one(&forbid("@message(\"m\")\n@mesage(\"m\")", "context.on_leave"), "P008", 1, "@mesage");
    one("@id(\"Bad Id\")\npermit (principal, action == Action::\"read\", resource);", "P009", 1, "Bad Id");
    one(
        "@id(\"no-permission\")\npermit (principal, action == Action::\"read\", resource);",
        "P009",
        1,
        "no-permission",
    );
    one(&format!("{GOOD}{GOOD}"), "P009", 3, "rules.cedar:1");
    one(&forbid("@message(\"{nothing}\")", "context.on_leave"), "P012", 1, "nothing");
    one(&forbid("@message(\"{on_leave:day|days}\")", "context.on_leave"), "P012", 1, "true or false");
    one(&forbid("@message(\"{\")", "context.on_leave"), "P012", 1, "not closed");
    one(&forbid("@message(\"m\")\n@gate(\"calendar\")", "context.on_leave"), "P013", 1, "gate.calendar");
    one(&forbid("@message(\"m\")\n@outcome(\"maybe\")", "context.on_leave"), "P013", 1, "maybe");
    one(&GOOD.replace("@id", "@roles(\"developer\") @id"), "P013", 1, "developer");
}

#[test]
fn what_does_not_fit_the_schema() {
    let message = "@message(\"m\")";
    one(&forbid(message, "context.on_leav"), "P010", 1, "on_leav");
    one(&forbid(message, "context.on_leave == 1"), "P010", 1, "");
    one(&forbid(message, "context.production_like"), "P010", 1, "production_like");
    one(&GOOD.replace("deployer", "deplojer"), "P010", 1, "deplojer");
    one(&GOOD.replace("deployment.start", "deployment.begin"), "P010", 1, "deployment.begin");
    one(&GOOD.replace("is Account", "is Person"), "P010", 1, "Person");
    one(&forbid(message, "principal is System && principal is Account"), "P011", 1, "");
}

#[test]
fn all_faults_are_found_in_one_run_and_in_order() {
    let text = format!("{}\n{}\n", forbid("@mesage(\"m\")", "context.on_leav"), GOOD.replace("deployer", "deplojer"));
    let found: Vec<(usize, &str)> = faults(&text).iter().map(|fault| (fault.line, fault.code)).collect();
    assert_eq!(found, [(1, "P007"), (1, "P008"), (1, "P010"), (6, "P010")]);
}

#[test]
fn text_without_bounds_does_not_end_the_process() {
    let condition = |inner: &str| {
        format!("@id(\"x\")\npermit (principal, action == Action::\"read\", resource) when {{ {inner} }};")
    };
    for (text, code) in [
        (condition(&format!("{}true{}", "(".repeat(100_000), ")".repeat(100_000))), "P004"),
        (condition(&format!("{}true", "true&&".repeat(40_000))), "P004"),
        (condition(&format!("{}true", "if true then true else ".repeat(10_000))), "P004"),
        (condition(&format!("{}true", "!".repeat(100_000))), "P004"),
        (condition(&format!("context{}", ".a".repeat(100_000))), "P004"),
        ("x".repeat(10 * 1024 * 1024), "P004"),
        ("\u{0}\u{1}\u{fffd}".to_owned(), "P005"),
    ] {
        assert_eq!(faults(&text)[0].code, code);
    }
    let many: String = (0..1_001).map(|n| GOOD.replace("x.good", &format!("x.n{n}"))).collect();
    assert_eq!(PolicySet::compile(&[pack("x", &many)]).expect_err("a fault")[0].code, "P004");
}

/// The most that the bounds admit goes through parser, validator and evaluation on the stack that a thread gets by default.
#[test]
fn text_at_the_bounds_is_judged() {
    let deep = format!("{}context.on_leave{}", "(".repeat(14), ")".repeat(14));
    let long = format!("{}context.on_leave", "context.on_leave || ".repeat(62));
    let nots = format!("{}context.on_leave", "if context.on_leave then true else ".repeat(45));
    for condition in [deep, long, nots] {
        let text = forbid("@message(\"m\")", &condition);
        let compiled = std::thread::Builder::new()
            .stack_size(2 << 20)
            .spawn(move || PolicySet::compile(&[pack("x", &text)]).map(|set| set.describe().len()));
        assert_eq!(compiled.unwrap().join().unwrap(), Ok(1));
    }
}

#[test]
fn manifests_of_packs_take_no_unknown_fields() {
    let json = serde_json::to_string(&shipped()[0]).unwrap();
    assert_eq!(serde_json::from_str::<Pack>(&json).unwrap(), shipped()[0]);
    assert!(serde_json::from_str::<Pack>(&json.replacen('{', "{\"extra\":1,", 1)).is_err());
}
