//! Step programs, good and bad.

use crate::rig::*;
use interlock_runner::RunnerConfig;
use interlock_wire::runner::Outcome::*;
use interlock_wire::runner::*;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_program_gets_its_document_and_answers_in_lines() {
    let rig = Rig::new();
    let script = r#"cat > "$LOG"; echo hello; echo '{"type":"log","text":"unpacking"}'; echo '{"type":"fact","name":"version","value":"2"}';
        echo '{"type":"result","outcome":"changed","message":"1 -> 2"}'; echo oops >&2"#;
    let ran = rig.run(&rig.shell(script)).await;
    ran.is(Changed, "");
    assert_eq!(ran.report.message, "applied: 1 -> 2");
    assert_eq!(ran.report.facts["version"], "2");
    for line in ["hello\n", "\nunpacking\n", "[fact] version = 2\n", "[result] changed: 1 -> 2\n", "oops\n"] {
        assert!(ran.output.contains(line), "{}", ran.output);
    }
    assert_eq!(ran.report.output_tail, ran.output);
    let document: serde_json::Value = serde_json::from_slice(&std::fs::read(rig.log_path()).unwrap()).unwrap();
    assert_eq!(document["operation"], "apply");
    assert_eq!(document["params"]["port"], "8080");
    assert_eq!(document["artifact_digest"], sha256(b"artefact"));
    let path = document["artifact_path"].as_str().unwrap();
    assert_eq!(std::fs::read(path).unwrap(), b"artefact");
    assert!(std::fs::metadata(path).unwrap().permissions().readonly());
}

#[tokio::test]
async fn check_apply_verify_in_this_order() {
    let rig = Rig::new();
    let unchanged = r#"echo check >> "$LOG"; echo '{"type":"result","outcome":"unchanged"}'"#;
    for (check, expected, words) in
        [(unchanged, Unchanged, vec!["check"]), (r#"echo check >> "$LOG""#, Changed, vec!["check", "apply", "verify"])]
    {
        let _ = std::fs::remove_file(rig.log_path());
        let mut step = rig.program(r#"echo apply >> "$LOG""#);
        step.check = Some(sh(check));
        step.verify = Some(sh(r#"echo verify >> "$LOG""#));
        let mut order = rig.order(StepKind::Program(step));
        order.key = format!("key {check}");
        rig.run(&order).await.is(expected, "");
        assert_eq!(rig.log(), words);
    }
}

#[tokio::test]
async fn a_check_or_verify_that_does_not_pass_stops_the_step() {
    let rig = Rig::new();
    let unsure = r#"echo '{"type":"result","outcome":"inconclusive","message":"no answer"}'"#;
    for (check, verify, outcome, code, applied) in [
        (Some("exit 1"), None, Failed, "R305", 0),
        (Some(unsure), None, Inconclusive, "R309", 0),
        (None, Some("exit 1"), Failed, "R313", 1),
        (None, Some(r#"echo '{"type":"result","outcome":"failed"}'"#), Failed, "R313", 1),
        (None, Some(unsure), Inconclusive, "R309", 1),
        (None, Some("exit 3"), Inconclusive, "R309", 1),
    ] {
        let _ = std::fs::remove_file(rig.log_path());
        let mut step = rig.program(r#"echo apply >> "$LOG""#);
        step.check = check.map(sh);
        step.verify = verify.map(sh);
        let mut order = rig.order(StepKind::Program(step));
        order.key = format!("{check:?} {verify:?}");
        rig.run(&order).await.is(outcome, code);
        assert_eq!(rig.log().len(), applied, "{check:?} {verify:?}");
    }
}

#[tokio::test]
async fn undo_runs_undo_only_and_needs_one() {
    let rig = Rig::new();
    let mut step = rig.program(r#"echo apply >> "$LOG""#);
    let mut order = rig.order(StepKind::Program(step.clone()));
    order.operation = Operation::Undo;
    rig.run(&order).await.is(Failed, "R312");
    step.undo = Some(sh(r#"grep -o '"operation":"undo"' >> "$LOG""#));
    order.kind = StepKind::Program(step);
    order.key = "another".into();
    rig.run(&order).await.is(Changed, "");
    assert_eq!(rig.log(), ["\"operation\":\"undo\""]);
}

#[tokio::test]
async fn the_environment_is_empty_but_for_what_is_declared() {
    let rig = Rig::new();
    let ran = rig.run(&rig.shell("env | cut -d= -f1 | sort > $LOG")).await;
    ran.is(Changed, "");
    let allowed = ["HOME", "INTERLOCK_STEP_KEY", "LANG", "LOG", "PATH", "PWD", "OLDPWD", "SHLVL", "_"];
    assert!(rig.log().iter().all(|name| allowed.contains(&name.as_str())), "{:?}", rig.log());
    assert!(rig.log().contains(&"INTERLOCK_STEP_KEY".into()));
}

#[tokio::test]
async fn a_program_that_hangs_is_ended_with_all_its_children() {
    let rig = Rig::new();
    let mut order = rig.shell(r#"echo $$ >> "$LOG"; sleep 60 & echo $! >> "$LOG"; wait"#);
    order.timeout_ms = 300;
    let started = Instant::now();
    let ran = rig.run(&order).await;
    ran.is(Failed, "R303");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(rig.log().len(), 2);
    eventually(|| rig.log().iter().all(|pid| gone(pid))).await;
}

#[tokio::test]
async fn a_program_that_ignores_the_polite_signal_is_killed() {
    let rig = Rig::new();
    let mut order = rig.shell(r#"trap '' TERM; echo $$ >> "$LOG"; while :; do sleep 0.05; done"#);
    order.timeout_ms = 200;
    rig.run(&order).await.is(Failed, "R303");
    eventually(|| gone(&rig.log()[0])).await;
}

#[tokio::test]
async fn a_program_that_is_asked_to_end_may_tidy_up() {
    let rig = Rig::new();
    let mut order = rig.shell(r#"trap 'echo tidy >> "$LOG"; exit 0' TERM; while :; do sleep 0.01; done"#);
    order.timeout_ms = 300;
    // The exit code 0 of a program whose time was up is no success.
    rig.run(&order).await.is(Failed, "R303");
    assert_eq!(rig.log(), ["tidy"]);
}

#[tokio::test]
async fn a_child_left_in_the_background_is_killed_with_the_group() {
    let rig = Rig::new();
    let started = Instant::now();
    let ran = rig.run(&rig.shell(r#"sleep 60 & echo $! > "$LOG""#)).await;
    ran.is(Changed, "");
    assert!(started.elapsed() < Duration::from_secs(5), "the child held the output open");
    eventually(|| gone(&rig.log()[0])).await;
}

#[tokio::test]
async fn a_daemon_in_its_own_session_goes_on_and_does_not_hold_up_the_step() {
    let rig = Rig::new();
    let started = Instant::now();
    let ran = rig
        .run(
            &rig.shell(
                r#"setsid sh -c 'echo $$ > "$LOG"; exec sleep 60' & while [ ! -s "$LOG" ]; do sleep 0.01; done"#,
            ),
        )
        .await;
    ran.is(Changed, "");
    assert!(started.elapsed() < Duration::from_secs(8));
    assert!(ran.output.contains("holds its output open"), "{}", ran.output);
    let pid = rig.log()[0].clone();
    assert!(!gone(&pid));
    std::process::Command::new("kill").args(["-9", &pid]).status().unwrap();
}

#[tokio::test]
async fn a_flood_of_100_mb_is_kept_within_its_limit_and_counted() {
    let rig = Rig::new();
    let script = r#"line=$(printf 'x%.0s' $(seq 1000)); echo first; yes "$line" | head -c 100000000; echo; echo last"#;
    let ran = rig.run(&rig.shell(script)).await;
    ran.is(Changed, "");
    assert!(ran.output.len() < (4 << 20) + 4096, "{} bytes kept", ran.output.len());
    assert!(ran.output.contains("\nfirst\n") && ran.output.ends_with("\nlast\n"));
    let (_, rest) = ran.output.split_once("[interlock: ").unwrap();
    let dropped: u64 = rest.split(' ').next().unwrap().parse().unwrap();
    assert!((95_000_000..97_000_000).contains(&dropped), "{dropped} bytes left out");
    assert!(ran.report.output_tail.len() <= 4096);
}

#[tokio::test]
async fn one_endless_line_is_kept_within_its_limit_and_is_no_result() {
    let rig = Rig::new();
    let ran = rig.run(&rig.shell("head -c 30000000 /dev/zero | tr '\\0' a")).await;
    ran.is(Changed, "");
    assert!(ran.output.len() < (4 << 20) + 4096 && ran.output.contains("bytes of stdout left out"));
}

#[tokio::test]
async fn a_result_line_too_long_to_read_is_no_success() {
    let rig = Rig::new();
    let script =
        r#"printf '{"type":"result","outcome":"failed","message":"'; head -c 100000 /dev/zero | tr '\0' a; echo '"}'"#;
    let ran = rig.run(&rig.shell(script)).await;
    ran.is(Inconclusive, "R306");
    ran.says("too long");
}

#[tokio::test]
async fn a_flood_on_standard_error_does_not_block() {
    let rig = Rig::new();
    let ran = rig.run(&rig.shell("head -c 20000000 /dev/zero | tr '\\0' '\\n' >&2; exit 4")).await;
    ran.is(Failed, "R305");
    assert!(ran.output.contains("bytes of stderr left out"));
}

#[tokio::test]
async fn bytes_that_are_no_utf8_are_replaced_and_counted() {
    let rig = Rig::new();
    let ran = rig.run(&rig.shell(r"printf 'a\377b\n\300\n'")).await;
    ran.is(Changed, "");
    assert!(ran.output.contains("a\u{FFFD}b\n"), "{}", ran.output);
    assert!(ran.output.contains("[interlock: 2 sequences of stdout were not UTF-8"), "{}", ran.output);
}

#[tokio::test]
async fn death_by_signal_is_named() {
    let rig = Rig::new();
    let ran = rig.run(&rig.shell("kill -SEGV $$")).await;
    ran.is(Failed, "R304");
    ran.says("signal 11 (SIGSEGV)");
}

#[tokio::test]
async fn exit_codes_decide_when_no_result_is_given() {
    let rig = Rig::new();
    for (code, outcome, fault) in
        [(0, Changed, ""), (1, Failed, "R305"), (3, Inconclusive, "R309"), (127, Failed, "R305")]
    {
        let mut order = rig.shell(&format!("exit {code}"));
        order.key = format!("exit {code}");
        rig.run(&order).await.is(outcome, fault);
    }
}

#[tokio::test]
async fn answers_that_cannot_be_trusted_do_not_pass() {
    let rig = Rig::new();
    for (script, outcome, code) in [
        (r#"echo '{"type":"result","outcome":"changed","confidence":0.9}'"#, Inconclusive, "R306"),
        (r#"echo '{"type":"result","outcome":"fine"}'"#, Inconclusive, "R306"),
        (r#"echo '{"type":"result","outcome":"changed"'"#, Inconclusive, "R306"),
        (r#"echo '{"type":"fact","name":"x","value":{}}'"#, Inconclusive, "R306"),
        (
            r#"echo '{"type":"result","outcome":"changed"}'; echo '{"type":"result","outcome":"changed"}'"#,
            Inconclusive,
            "R307",
        ),
        (r#"echo '{"type":"result","outcome":"changed"}'; exit 1"#, Failed, "R308"),
        (r#"echo '{"type":"result","outcome":"failed","message":"no disk"}'"#, Failed, "R310"),
        (r#"echo '{"type":"result","outcome":"changed"}'; kill -9 $$"#, Failed, "R304"),
    ] {
        let mut order = rig.shell(script);
        order.key = format!("key {script}");
        rig.run(&order).await.is(outcome, code);
    }
}

#[tokio::test]
async fn a_result_without_a_final_newline_counts() {
    let rig = Rig::new();
    rig.run(&rig.shell(r#"printf '{"type":"result","outcome":"unchanged"}'"#)).await.is(Unchanged, "");
}

#[tokio::test]
async fn a_fact_that_contradicts_the_plan_fails_the_step() {
    let rig = Rig::new();
    let mut order = rig.shell(r#"echo '{"type":"fact","name":"version","value":"1"}'"#);
    order.expected.insert("version".into(), "2".into());
    let ran = rig.run(&order).await;
    ran.is(Failed, "R314");
    ran.says("`version` is `1`, expected `2`");
}

#[tokio::test]
async fn commands_that_cannot_be_run_say_why_and_what_to_do() {
    let rig = Rig::new();
    let script = rig.dir.path().join("no-interpreter");
    std::fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    let plain = rig.dir.path().join("not-executable");
    std::fs::write(&plain, "").unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let paths = [script.display().to_string(), plain.display().to_string()];
    let cases = [
        (vec!["no-such-program-here"], "R301", "`no-such-program-here` is not on this machine"),
        (vec!["/no/such/program"], "R301", "install it"),
        (vec![paths[0].as_str()], "R302", "interpreter"),
        (vec![paths[1].as_str()], "R302", "chmod +x"),
        (vec![], "R311", "empty"),
        (vec![""], "R311", "not a program's name"),
        (vec!["/bin/../bin/sh"], "R311", "not a program's name"),
        (vec!["bin/sh"], "R301", "not on this machine"),
        (vec!["/bin/sh", "a\0b"], "R311", "zero byte"),
    ];
    for (number, (command, code, says)) in cases.into_iter().enumerate() {
        let mut step = rig.program("");
        step.apply = command.iter().map(|part| part.to_string()).collect();
        let mut order = rig.order(StepKind::Program(step));
        order.key = format!("key {number}");
        let ran = rig.run(&order).await;
        ran.is(Failed, code);
        ran.says(says);
    }
}

#[tokio::test]
async fn programs_outside_the_allowed_directories_are_refused() {
    let rig = Rig::new();
    let dir = rig.dir.path().join("programs");
    std::fs::create_dir(&dir).unwrap();
    std::os::unix::fs::symlink("/bin/true", dir.join("true")).unwrap();
    std::fs::copy("/bin/true", dir.join("own")).unwrap();
    let config = || RunnerConfig { program_dirs: vec![dir.clone()], only_program_dirs: true, ..rig.config() };
    for (name, code) in [("own", ""), ("true", "R315"), ("/bin/true", "R315"), ("sh", "R301")] {
        let mut step = rig.program("");
        step.apply = vec![name.into()];
        let mut order = rig.order(StepKind::Program(step));
        order.key = name.into();
        let ran = rig.run_on(&rig.executor_with(config()), &order).await;
        ran.is(if code.is_empty() { Changed } else { Failed }, code);
    }
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused() {
    let rig = Rig::new();
    let orders: [fn(&mut StepOrder); 5] = [
        |order| order.timeout_ms = 0,
        |order| order.timeout_ms = u64::MAX,
        |order| order.key = String::new(),
        |order| order.key = "a\nb".into(),
        |order| order.kind = StepKind::Wait(WaitStep { ms: 30_000 }),
    ];
    for change in orders {
        let mut order = rig.shell("true");
        change(&mut order);
        rig.run(&order).await.is(Failed, "R505");
    }
}

#[tokio::test]
async fn a_key_with_a_path_in_it_stays_inside_the_data_directory() {
    let rig = Rig::new();
    let mut order = rig.shell(r#"pwd > "$LOG""#);
    order.key = "../../../../tmp/evil".into();
    rig.run(&order).await.is(Changed, "");
    let steps = rig.dir.path().canonicalize().unwrap().join("data/steps");
    assert!(rig.log()[0].starts_with(steps.to_str().unwrap()), "{:?}", rig.log());
}
