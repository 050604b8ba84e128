//! No permit, no step; judged anew before each run.

use crate::rig::*;
use interlock_runner::RunnerConfig;
use interlock_wire::deployment::OnRevocation;
use interlock_wire::permit::{Permit, PermitScope};
use interlock_wire::runner::Outcome::*;
use interlock_wire::runner::*;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_permit_that_does_not_fit_stops_the_step_before_anything_runs() {
    let rig = Rig::new();
    let at = |second| Timestamp::from_second(second).unwrap();
    type Change = (&'static str, fn(&mut Permit));
    let changes: [Change; 7] = [
        ("R106", |permit| permit.environment = "staging".into()),
        ("R107", |permit| permit.targets = vec!["cart-2".into()]),
        ("R107", |permit| permit.targets.clear()),
        ("R108", |permit| permit.artifacts[0].digest = sha256(b"another")),
        ("R110", |permit| permit.scope = PermitScope::Deployments { ids: vec![] }),
        ("R111", |permit| permit.fence_floor = 6),
        ("R112", |permit| permit.artifacts[0].service = "checkout".into()),
    ];
    let mut permits: Vec<(&str, Permit)> = vec![
        ("R104", Permit { not_before: at(NOON + 1), ..rig.permit.clone() }),
        ("R105", Permit { not_after: at(NOON), ..rig.permit.clone() }),
    ];
    for (code, change) in changes {
        let mut permit = rig.permit.clone();
        change(&mut permit);
        permits.push((code, permit));
    }
    for (number, (code, permit)) in permits.into_iter().enumerate() {
        let mut order = rig.shell(r#"echo ran >> "$LOG""#);
        order.key = format!("key {number}");
        order.permit = rig.sign(&permit);
        rig.run(&order).await.is(Failed, code);
    }
    assert!(rig.log().is_empty());
}

#[tokio::test]
async fn forged_permits_are_refused() {
    let rig = Rig::new();
    let good = rig.sign(&rig.permit);
    let mut widened = good.clone();
    widened.payload = widened.payload.replace("cart-1", "cart-9");
    let mut foreign = good.clone();
    foreign.key_id = "k2".into();
    let other = Rig { signer: ed25519_dalek::SigningKey::from_bytes(&[9; 32]), ..Rig::new() };
    let mut garbled = good.clone();
    garbled.signature.truncate(10);
    for (number, (permit, code)) in
        [(widened, "R102"), (foreign, "R101"), (other.sign(&rig.permit), "R102"), (garbled, "R102")]
            .into_iter()
            .enumerate()
    {
        let mut order = rig.shell(r#"echo ran >> "$LOG""#);
        order.key = format!("key {number}");
        order.permit = permit;
        rig.run(&order).await.is(Failed, code);
    }
    assert!(rig.log().is_empty());
}

#[tokio::test]
async fn a_revoked_permit_stops_the_step() {
    let rig = Rig::new();
    let executor = rig.executor();
    executor.revoke(["pmt_1".to_owned()]);
    rig.run_on(&executor, &rig.shell("true")).await.is(Failed, "R109");
}

#[tokio::test]
async fn an_environment_the_runner_does_not_serve_is_refused_whatever_the_permit_says() {
    let rig = Rig::new();
    let config = RunnerConfig { environments: Some(BTreeSet::from(["staging".into()])), ..rig.config() };
    rig.run_on(&rig.executor_with(config), &rig.shell("true")).await.is(Failed, "R113");
}

/// `check` waits for a sign, so that something can happen between it and `apply`.
fn stepwise(rig: &Rig) -> StepOrder {
    let mut step = rig.program(r#"echo apply >> "$LOG""#);
    step.check = Some(sh(r#"echo check >> "$LOG"; while [ ! -e "$LOG.go" ]; do sleep 0.01; done"#));
    rig.order(StepKind::Program(step))
}

fn go(rig: &Rig) {
    std::fs::write(rig.log_path().with_extension("go"), "").unwrap();
}

#[tokio::test]
async fn a_permit_that_expires_between_check_and_apply_stops_apply() {
    let rig = Arc::new(Rig::new());
    let running = tokio::spawn({
        let rig = rig.clone();
        async move { rig.run(&stepwise(&rig)).await }
    });
    eventually(|| rig.log() == ["check"]).await;
    rig.clock.0.store(NOON + 60, Ordering::SeqCst);
    go(&rig);
    running.await.unwrap().is(Failed, "R105");
    assert_eq!(rig.log(), ["check"]);
}

#[tokio::test]
async fn a_permit_revoked_between_check_and_apply_stops_apply() {
    let rig = Arc::new(Rig::new());
    let executor = Arc::new(rig.executor());
    let running = tokio::spawn({
        let (rig, executor) = (rig.clone(), executor.clone());
        async move { rig.run_on(&executor, &stepwise(&rig)).await }
    });
    eventually(|| rig.log() == ["check"]).await;
    executor.revoke(["pmt_1".to_owned()]);
    go(&rig);
    running.await.unwrap().is(Failed, "R109");
    assert_eq!(rig.log(), ["check"]);
}

/// Runs an order whose program waits for `$LOG.go`; `meanwhile` is what happens while it does.
async fn while_it_runs(
    rig: &Rig,
    on_revocation: OnRevocation,
    meanwhile: impl FnOnce(&interlock_runner::execute::Executor),
) -> Ran {
    let mut program = rig.program(r#"echo apply >> "$LOG"; while [ ! -e "$LOG.go" ]; do sleep 0.01; done"#);
    program.verify = Some(sh(r#"echo verify >> "$LOG""#));
    let order = StepOrder { on_revocation, ..rig.order(StepKind::Program(program)) };
    let executor = rig.executor();
    let running = rig.run_on(&executor, &order);
    let disturbing = async {
        eventually(|| rig.log() == ["apply"]).await;
        meanwhile(&executor);
        tokio::time::sleep(std::time::Duration::from_millis(600)).await;
        std::fs::write(rig.log_path().with_extension("go"), "").unwrap();
    };
    tokio::join!(running, disturbing).0
}

#[tokio::test]
async fn a_step_that_has_begun_is_finished_when_its_permit_is_revoked_or_runs_out() {
    let rig = Rig::new();
    let ran = while_it_runs(&rig, OnRevocation::Finish, |executor| executor.revoke(["pmt_1".to_owned()])).await;
    ran.is(Changed, "");
    assert!(ran.output.contains("what has begun is finished"), "{}", ran.output);
    assert_eq!(rig.log(), ["apply", "verify"]);

    let rig = Rig::new();
    while_it_runs(&rig, OnRevocation::Finish, |_| rig.clock.0.store(NOON + 61, Ordering::SeqCst)).await.is(Changed, "");
}

#[tokio::test]
async fn a_step_that_says_so_is_stopped_when_its_permit_is_revoked_or_runs_out() {
    let rig = Rig::new();
    let ran = while_it_runs(&rig, OnRevocation::Stop, |executor| executor.revoke(["pmt_1".to_owned()])).await;
    ran.is(Inconclusive, "R114");
    assert_eq!(rig.log(), ["apply"]);

    let rig = Rig::new();
    while_it_runs(&rig, OnRevocation::Stop, |_| rig.clock.0.store(NOON + 61, Ordering::SeqCst))
        .await
        .is(Inconclusive, "R114");
    let rig = Rig::new();
    while_it_runs(&rig, OnRevocation::Stop, |executor| executor.revoke(["pmt_2".to_owned()])).await.is(Changed, "");
}

#[tokio::test]
async fn a_revoked_runner_stops_whatever_runs() {
    let rig = Rig::new();
    while_it_runs(&rig, OnRevocation::Finish, |executor| executor.halt()).await.is(Inconclusive, "R115");
}

#[tokio::test]
async fn a_permit_issued_before_a_quarantine_is_refused_once_the_runner_has_heard_of_it() {
    let rig = Rig::new();
    let executor = rig.executor();
    // The permit was handed out; before the step begins the build goes into quarantine, and the server says so.
    let order = rig.shell(r#"echo ran >> "$LOG""#);
    executor.revoke(["pmt_1".to_owned()]);
    rig.run_on(&executor, &order).await.is(Failed, "R109");
    assert!(rig.log().is_empty());
}

#[tokio::test]
async fn the_clock_may_be_wrong_by_what_the_runner_is_told() {
    let rig = Rig::new();
    let executor = rig.executor_with(RunnerConfig { clock_skew: std::time::Duration::from_secs(30), ..rig.config() });
    rig.clock.0.store(NOON + 89, Ordering::SeqCst);
    rig.run_on(&executor, &rig.shell("true")).await.is(Changed, "");
    rig.clock.0.store(NOON + 90, Ordering::SeqCst);
    rig.run_on(&executor, &StepOrder { key: "later".into(), ..rig.shell("true") }).await.is(Failed, "R105");
}
