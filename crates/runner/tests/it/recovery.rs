//! The whole loop, and what a crash leaves.

use crate::rig::*;
use interlock_runner::execute::fingerprint;
use interlock_runner::journal::{Journal, Known, Record};
use interlock_runner::{Runner, RunnerConfig, RunnerHandle};
use interlock_wire::runner::Outcome::*;
use interlock_wire::runner::*;
use jiff::Timestamp;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::JoinHandle;

struct Life {
    handle: RunnerHandle,
    task: JoinHandle<bool>,
}

impl Life {
    fn start(rig: &Rig) -> Self {
        Self::with(rig, rig.config())
    }

    fn with(rig: &Rig, config: RunnerConfig) -> Self {
        let runner = Runner::with_clock(config, rig.server.clone(), rig.depot.clone(), Arc::new(rig.clock.clone()));
        let runner = runner.unwrap();
        Self { handle: runner.handle(), task: tokio::spawn(runner.run()) }
    }

    async fn end(self) {
        self.handle.stop();
        assert!(self.task.await.unwrap(), "nobody has revoked it");
    }
}

fn orders(rig: &Rig, count: usize, script: &str) -> Vec<StepOrder> {
    (0..count).map(|n| StepOrder { key: format!("key-{n:03}"), ..rig.shell(script) }).collect()
}

/// A journal as a runner leaves it that was killed in the middle of `order`.
async fn killed_in(rig: &Rig, order: &StepOrder) {
    let journal = Journal::open(&rig.dir.path().join("data"), 10).unwrap();
    let at = Timestamp::from_second(NOON).unwrap();
    journal.append(Record::Began { key: order.key.clone(), fingerprint: fingerprint(order), at }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_run_in_parallel_up_to_capacity_and_everything_is_delivered() {
    let rig = Rig::new();
    // The first three wait for each other, so they must run at the same time.
    let script = r#"echo start >> "$LOG"; while [ $(grep -c start "$LOG") -lt 3 ]; do sleep 0.01; done; echo end >> "$LOG"; echo done"#;
    rig.server.grant(orders(&rig, 12, script));
    let life = Life::with(&rig, RunnerConfig { capacity: 3, ..rig.config() });
    eventually(|| rig.server.reported() == 12).await;
    life.end().await;
    let (mut running, mut most) = (0, 0);
    for word in rig.log() {
        running += if word == "start" { 1 } else { -1 };
        most = most.max(running);
    }
    assert_eq!(most, 3);
    for report in rig.server.reports.lock().unwrap().iter() {
        assert_eq!(report.outcome, Changed, "{}", report.message);
        let output = &rig.server.output.lock().unwrap()[&report.key];
        assert!(output.ends_with("done\n"));
        assert_eq!(report.output.as_deref(), Some(sha256(output.as_bytes()).as_str()));
    }
    assert!(
        rig.server
            .requests
            .lock()
            .unwrap()
            .iter()
            .all(|request| request.capacity as usize + request.running.len() == 3)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_seen_while_the_step_runs() {
    let rig = Rig::new();
    rig.server.grant(orders(&rig, 1, r#"echo soon; while [ ! -e "$LOG" ]; do sleep 0.01; done"#));
    let life = Life::start(&rig);
    eventually(|| rig.server.output.lock().unwrap().values().any(|text| text.contains("soon"))).await;
    assert_eq!(rig.server.reported(), 0);
    std::fs::write(rig.log_path(), "").unwrap();
    eventually(|| rig.server.reported() == 1).await;
    life.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_key_is_answered_and_not_executed_again_even_after_a_restart() {
    let rig = Rig::new();
    let order = rig.shell(r#"echo ran >> "$LOG""#);
    for (round, fence) in [(1, 5), (2, 6), (3, 7)] {
        let life = Life::start(&rig);
        rig.server.grant([StepOrder { fence, ..order.clone() }]);
        eventually(|| rig.server.reported() == round).await;
        life.end().await;
    }
    assert_eq!(rig.log(), ["ran"]);
    let reports = rig.server.reports.lock().unwrap();
    assert_eq!(reports.iter().map(|report| report.fence).collect::<Vec<_>>(), [5, 6, 7]);
    assert!(
        reports[2].message.starts_with("already done, not executed again: applied") && reports[2].outcome == Changed
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_wait_on_disk_while_the_server_is_away() {
    let rig = Rig::new();
    rig.server.deaf.store(true, Ordering::SeqCst);
    rig.server.grant(orders(&rig, 3, "echo hello"));
    let life = Life::start(&rig);
    eventually(|| rig.server.requests.lock().unwrap().last().is_some_and(|request| request.running.is_empty())).await;
    eventually(|| life.handle.running() == 0 && rig.server.queue.lock().unwrap().is_empty()).await;
    life.end().await;
    assert_eq!(rig.server.reported(), 0);
    rig.server.deaf.store(false, Ordering::SeqCst);
    let life = Life::start(&rig);
    eventually(|| rig.server.reported() == 3).await;
    life.end().await;
    for report in rig.server.reports.lock().unwrap().iter() {
        let output = rig.server.output.lock().unwrap()[&report.key].clone();
        assert_eq!(report.output, Some(sha256(output.as_bytes())), "the output came after the restart, whole");
    }
    let steps = rig.dir.path().join("data/steps");
    eventually(|| std::fs::read_dir(&steps).unwrap().next().is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_with_a_stale_fence_is_dropped() {
    let rig = Rig::new();
    rig.server.fence.store(6, Ordering::SeqCst);
    rig.server.grant(orders(&rig, 1, "true"));
    let life = Life::start(&rig);
    eventually(|| !rig.server.stale.lock().unwrap().is_empty()).await;
    eventually(|| rig.server.requests.lock().unwrap().len() > 20).await;
    life.end().await;
    assert_eq!((rig.server.reported(), rig.server.stale.lock().unwrap().len()), (0, 1));
    let journal = Journal::open(&rig.dir.path().join("data"), 10).unwrap();
    assert!(journal.undelivered().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_lease_of_a_running_key_raises_its_fence_only() {
    let rig = Rig::new();
    let order = rig.shell(r#"echo ran >> "$LOG"; while [ ! -e "$LOG.go" ]; do sleep 0.01; done"#);
    rig.server.grant([order.clone()]);
    let life = Life::start(&rig);
    eventually(|| rig.log() == ["ran"]).await;
    rig.server.grant([StepOrder { fence: 9, ..order.clone() }]);
    eventually(|| rig.server.queue.lock().unwrap().is_empty()).await;
    let asked = rig.server.requests.lock().unwrap().len();
    eventually(|| rig.server.requests.lock().unwrap().len() > asked + 1).await;
    std::fs::write(rig.log_path().with_extension("go"), "").unwrap();
    eventually(|| rig.server.reported() == 1).await;
    life.end().await;
    assert_eq!(rig.server.reports.lock().unwrap()[0].fence, 9);
    assert_eq!(rig.log(), ["ran"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_tells_of_revoked_permits() {
    let rig = Rig::new();
    rig.server.revoked.lock().unwrap().push("pmt_1".into());
    rig.server.grant(orders(&rig, 1, r#"echo ran >> "$LOG""#));
    let life = Life::start(&rig);
    eventually(|| rig.server.reported() == 1).await;
    life.end().await;
    assert_eq!(rig.server.reports.lock().unwrap()[0].code.as_deref(), Some("R109"));
    assert!(rig.log().is_empty());
    let requests = rig.server.requests.lock().unwrap();
    assert_eq!((requests[0].seen_revocations, requests.last().unwrap().seen_revocations), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_runner_breaks_off_its_steps_and_resumes_them_later() {
    let rig = Rig::new();
    let mut step = rig.program(r#"echo apply $$ >> "$LOG"; [ -e "$LOG.go" ] || sleep 60"#);
    step.repeatable = true;
    let order = rig.order(StepKind::Program(step));
    rig.server.grant([order.clone()]);
    let life = Life::start(&rig);
    eventually(|| rig.log().len() == 2).await;
    life.end().await;
    eventually(|| gone(&rig.log()[1])).await;
    assert_eq!(rig.server.reported(), 0, "nobody knows how it ended, so nothing is said");
    std::fs::write(rig.log_path().with_extension("go"), "").unwrap();
    rig.server.grant([StepOrder { fence: 6, ..order }]);
    let life = Life::start(&rig);
    eventually(|| rig.server.reported() == 1).await;
    life.end().await;
    assert_eq!(rig.server.reports.lock().unwrap()[0].outcome, Changed);
}

#[tokio::test]
async fn an_interrupted_step_without_check_is_inconclusive_and_not_run_again() {
    let rig = Rig::new();
    let order = rig.shell(r#"echo ran >> "$LOG""#);
    killed_in(&rig, &order).await;
    rig.run(&order).await.is(Inconclusive, "R501");
    assert!(rig.log().is_empty());
}

#[tokio::test]
async fn an_interrupted_step_asks_its_check() {
    for (done, outcome, words) in [(true, Unchanged, vec!["check"]), (false, Changed, vec!["check", "apply"])] {
        let rig = Rig::new();
        let mut step = rig.program(r#"echo apply >> "$LOG""#);
        let answer = if done { "unchanged" } else { "changed" };
        step.check = Some(sh(&format!(r#"echo check >> "$LOG"; echo '{{"type":"result","outcome":"{answer}"}}'"#)));
        let order = rig.order(StepKind::Program(step));
        killed_in(&rig, &order).await;
        rig.run(&order).await.is(outcome, "");
        assert_eq!(rig.log(), words);
    }
}

#[tokio::test]
async fn an_interrupted_repeatable_step_runs_again() {
    let rig = Rig::new();
    let mut step = rig.program(r#"echo apply >> "$LOG""#);
    step.repeatable = true;
    let order = rig.order(StepKind::Program(step));
    killed_in(&rig, &order).await;
    rig.run(&order).await.is(Changed, "");
    assert_eq!(rig.log(), ["apply"]);
}

#[tokio::test]
async fn an_interrupted_undo_is_inconclusive_unless_repeatable() {
    let rig = Rig::new();
    let mut step = rig.program("true");
    step.undo = Some(sh(r#"echo undo >> "$LOG""#));
    let mut order = rig.order(StepKind::Program(step));
    order.operation = Operation::Undo;
    killed_in(&rig, &order).await;
    rig.run(&order).await.is(Inconclusive, "R501");
}

#[tokio::test]
async fn an_interrupted_wait_waits_for_the_rest_only() {
    let rig = Rig::new();
    let order = rig.order(StepKind::Wait(WaitStep { ms: 15_000 }));
    killed_in(&rig, &order).await;
    rig.clock.0.store(NOON + 15, Ordering::SeqCst);
    let started = std::time::Instant::now();
    rig.run(&order).await.is(Changed, "");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_key_used_for_another_order_is_refused_and_the_first_report_kept() {
    let rig = Rig::new();
    let order = rig.shell(r#"echo first >> "$LOG""#);
    rig.run(&order).await.is(Changed, "");
    let other = rig.shell(r#"echo second >> "$LOG""#);
    rig.run(&other).await.is(Failed, "R502");
    assert_eq!(rig.log(), ["first"]);
    let journal = Journal::open(&rig.dir.path().join("data"), 10).unwrap();
    assert!(matches!(journal.known(&order.key), Some(Known::Finished { report, .. }) if report.outcome == Changed));
}

#[tokio::test]
async fn a_torn_last_journal_line_does_not_stop_the_runner() {
    let rig = Rig::new();
    let order = rig.shell(r#"echo ran >> "$LOG""#);
    rig.run(&order).await.is(Changed, "");
    let path = rig.dir.path().join("data/journal.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &text[..text.len() - 30]).unwrap();
    // The end is lost, the beginning is not: it may have run.
    rig.run(&order).await.is(Inconclusive, "R501");
    assert_eq!(rig.log(), ["ran"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_of_a_killed_runner_are_ended_before_the_first_lease() {
    let rig = Rig::new();
    let order = rig.shell("true");
    killed_in(&rig, &order).await;
    let mut orphan =
        std::process::Command::new("sleep").arg("60").env("INTERLOCK_STEP_KEY", &order.key).spawn().unwrap();
    let mut bystander =
        std::process::Command::new("sleep").arg("60").env("INTERLOCK_STEP_KEY", "another key").spawn().unwrap();
    let life = Life::start(&rig);
    eventually(|| !rig.server.requests.lock().unwrap().is_empty()).await;
    assert!(gone(&orphan.id().to_string()));
    assert!(!gone(&bystander.id().to_string()));
    life.end().await;
    bystander.kill().unwrap();
    orphan.wait().unwrap();
    bystander.wait().unwrap();
}

#[tokio::test]
async fn two_runners_do_not_share_a_data_directory() {
    let rig = Rig::new();
    let _first = rig.executor();
    let second = Runner::new(rig.config(), rig.server.clone(), rig.depot.clone());
    assert_eq!(second.err().unwrap().code.as_str(), "R506");
}

/// Orders of one lease, one after the other.
fn chain(rig: &Rig, scripts: &[&str]) -> Vec<StepOrder> {
    let key = |n: usize| format!("chain-{n}");
    let orders = scripts.iter().enumerate().map(|(n, script)| StepOrder {
        key: key(n),
        step: format!("step-{n}"),
        after: n.checked_sub(1).map(key),
        ..rig.shell(script)
    });
    orders.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_leased_together_are_done_in_order_and_end_with_the_first_that_does_not_pass() {
    let rig = Rig::new();
    rig.server.grant(chain(&rig, &[r#"echo a >> "$LOG""#, r#"echo b >> "$LOG"; exit 1"#, r#"echo c >> "$LOG""#]));
    let life = Life::with(&rig, RunnerConfig { capacity: 5, ..rig.config() });
    eventually(|| rig.server.reported() == 2).await;
    eventually(|| life.handle.running() == 0).await;
    life.end().await;
    assert_eq!(rig.log(), ["a", "b"]);
    let outcomes: Vec<_> = rig.server.reports.lock().unwrap().iter().map(|it| it.outcome).collect();
    assert_eq!(outcomes, [Changed, Failed]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_of_several_steps_that_was_interrupted_goes_on_where_it_was() {
    let rig = Rig::new();
    let second = r#"echo b >> "$LOG"; [ -e "$LOG.go" ] || sleep 60"#;
    let mut orders = chain(&rig, &[r#"echo a >> "$LOG""#, second, r#"echo c >> "$LOG""#]);
    for order in &mut orders {
        if let StepKind::Program(program) = &mut order.kind {
            program.repeatable = true;
        }
    }
    rig.server.grant(orders.clone());
    let life = Life::with(&rig, RunnerConfig { capacity: 3, ..rig.config() });
    eventually(|| rig.log() == ["a", "b"]).await;
    life.end().await;
    std::fs::write(rig.log_path().with_extension("go"), "").unwrap();
    rig.server.grant(orders.into_iter().map(|order| StepOrder { fence: 6, ..order }));
    let life = Life::with(&rig, RunnerConfig { capacity: 3, ..rig.config() });
    eventually(|| rig.log() == ["a", "b", "b", "c"]).await;
    eventually(|| rig.server.reports.lock().unwrap().iter().any(|it| it.key == "chain-2")).await;
    life.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_too_much_waiting_for_the_server_no_step_is_taken_until_there_is_room() {
    let rig = Rig::new();
    rig.server.deaf.store(true, Ordering::SeqCst);
    rig.server.grant(orders(&rig, 2, "true"));
    let life = Life::with(&rig, RunnerConfig { spool_reports: 2, ..rig.config() });
    eventually(|| {
        rig.server.requests.lock().unwrap().last().is_some_and(|it| it.capacity == 0 && it.running.is_empty())
    })
    .await;
    rig.server.deaf.store(false, Ordering::SeqCst);
    eventually(|| rig.server.reported() == 2).await;
    eventually(|| rig.server.requests.lock().unwrap().last().is_some_and(|it| it.capacity > 0)).await;
    life.end().await;
}
