//! The judge's promises, one test each.

use interlock_stats::canary::{
    Arm, Assessment, Config, Direction, GaugeRule, Histogram, HoldReason, Interval, Judge, Scale, Tally, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};

fn arm(n: u64, errors: u64) -> Arm {
    Arm { n, errors, ..Arm::default() }
}

fn pair(canary: Arm, baseline: Arm) -> Interval {
    Interval { canary: Some(canary), baseline: Some(baseline) }
}

fn calm() -> Interval {
    pair(arm(3000, 3), arm(3000, 3))
}

fn judge(change: impl FnOnce(&mut Config)) -> Judge {
    let mut config = Config::default();
    change(&mut config);
    Judge::new(config).expect("the settings are sound")
}

fn feed(judge: &mut Judge, interval: &Interval, times: usize) -> Assessment {
    let mut last = None;
    for _ in 0..times {
        last = Some(judge.observe(interval).expect("the figures are sound"));
    }
    last.expect("fed at least once")
}

fn passes(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Pass | Verdict::PassStep)
}

#[test]
fn no_data_never_passes() {
    let one_arm = [
        Interval::gap(),
        Interval { canary: Some(arm(9000, 0)), baseline: None },
        Interval { canary: None, baseline: Some(arm(9000, 0)) },
    ];
    for interval in one_arm {
        let mut judge = judge(|_| {});
        for t in 1..=120 {
            let assessment = judge.observe(&interval).unwrap();
            assert!(!passes(&assessment.verdict));
            assert_eq!(assessment.wealth, 1.0, "no evidence either way");
            if t >= 5 {
                assert_eq!(assessment.verdict, Verdict::Hold { why: HoldReason::NoData { intervals: t } });
            }
        }
    }
}

#[test]
fn no_traffic_never_passes() {
    let mut judge = judge(|_| {});
    for t in 1..=120 {
        let assessment = judge.observe(&pair(arm(0, 0), arm(6000, 6))).unwrap();
        assert!(!passes(&assessment.verdict));
        if t >= 5 {
            assert_eq!(assessment.verdict, Verdict::Hold { why: HoldReason::NoTraffic { intervals: t } });
        }
    }
}

#[test]
fn half_the_data_is_the_least_that_may_pass() {
    // Ample traffic without errors clears every line; only the gaps differ.
    let mut enough = judge(|_| {});
    let mut short = judge(|_| {});
    let mut last = None;
    for t in 1..=60 {
        let clean = pair(arm(9000, 0), arm(9000, 0));
        let every_second = if t % 2 == 0 { clean.clone() } else { Interval::gap() };
        let a = enough.observe(&every_second).unwrap();
        // One interval in three.
        let b = short.observe(&if t % 3 == 0 { clean } else { Interval::gap() }).unwrap();
        assert!(!passes(&b.verdict), "at {t}");
        last = Some((a, b));
    }
    let (a, b) = last.unwrap();
    assert_eq!((a.usable, &a.verdict), (30, &Verdict::Pass));
    assert_eq!(b.verdict, Verdict::Hold { why: HoldReason::TooFewIntervals { usable: 20, total: 60 } });
    assert!(b.pass.iter().all(|metric| metric.reached), "the evidence was there; only the intervals were missing");
}

#[test]
fn stale_data_after_a_good_start_hold_the_rollout() {
    let mut judge = judge(|_| {});
    assert_eq!(feed(&mut judge, &pair(arm(9000, 0), arm(9000, 0)), 20).verdict, Verdict::PassStep);
    let held = feed(&mut judge, &Interval::gap(), 5);
    assert_eq!(held.verdict, Verdict::Hold { why: HoldReason::NoData { intervals: 5 } });
    assert_eq!(feed(&mut judge, &pair(arm(9000, 0), arm(9000, 0)), 1).verdict, Verdict::PassStep, "data are back");
}

#[test]
fn a_single_interval_cannot_convict() {
    let catastrophe = pair(arm(1_000_000, 1_000_000), arm(1_000_000, 0));
    let mut judge = judge(|_| {});
    let first = judge.observe(&catastrophe).unwrap();
    assert_eq!(first.verdict, Verdict::Continue);
    assert!(first.wealth > 1.0 && first.wealth <= 50.0);
    assert_eq!(judge.observe(&catastrophe).unwrap().verdict, Verdict::Fail);
}

#[test]
fn a_fail_is_final() {
    let mut judge = judge(|_| {});
    let failed = feed(&mut judge, &pair(arm(1000, 300), arm(1000, 1)), 3);
    assert_eq!(failed.verdict, Verdict::Fail);
    assert_eq!(failed.leading.as_deref(), Some("errors"));
    assert_eq!(failed.culprits, ["errors"]);
    assert!((failed.excess_bad_requests - 897.0).abs() < 1e-9);
    assert_eq!(feed(&mut judge, &pair(arm(1000, 0), arm(1000, 300)), 200).verdict, Verdict::Fail);
    assert_eq!(feed(&mut judge, &Interval::gap(), 9).verdict, Verdict::Fail, "no data do not undo it");
}

#[test]
fn equal_arms_pass_and_the_step_starts_afresh() {
    let mut judge = judge(|_| {});
    let t9 = feed(&mut judge, &pair(arm(9000, 0), arm(9000, 0)), 9);
    assert_eq!(t9.verdict, Verdict::Continue, "not before the tenth interval");
    assert_eq!(feed(&mut judge, &pair(arm(9000, 0), arm(9000, 0)), 1).verdict, Verdict::PassStep);
    judge.begin_step();
    let after = judge.observe(&pair(arm(9000, 0), arm(9000, 0))).unwrap();
    assert_eq!(after.verdict, Verdict::Continue);
    assert_eq!(feed(&mut judge, &pair(arm(9000, 0), arm(9000, 0)), 9).verdict, Verdict::PassStep);
}

#[test]
fn thin_traffic_ends_inconclusive() {
    let mut judge = judge(|_| {});
    let end = feed(&mut judge, &pair(arm(3, 0), arm(60, 0)), 60);
    assert_eq!(end.verdict, Verdict::Inconclusive);
    assert_eq!(end.effect.ratio, None, "no errors, no ratio");
    judge.extend(10);
    assert_eq!(judge.observe(&pair(arm(3, 0), arm(60, 0))).unwrap().verdict, Verdict::Continue);
}

#[test]
fn no_baseline_errors_and_great_imbalance_convict_all_the_same() {
    let mut judge = judge(|_| {});
    let failed = feed(&mut judge, &pair(arm(100, 8), arm(10_000, 0)), 4);
    assert_eq!(failed.verdict, Verdict::Fail);
    assert_eq!(failed.effect.ratio, None);
    serde_json::to_string(&failed).unwrap();
}

#[test]
fn warmup_is_no_evidence() {
    let mut judge = judge(|c| c.warmup = 4);
    let cold = feed(&mut judge, &pair(arm(1000, 900), arm(1000, 0)), 4);
    assert_eq!((cold.wealth, cold.n_canary, cold.verdict), (1.0, 0, Verdict::Continue));
    assert_eq!(feed(&mut judge, &pair(arm(1000, 900), arm(1000, 0)), 2).verdict, Verdict::Fail);
}

#[test]
fn a_small_ratio_is_not_acted_on() {
    // +10 % on 5 % errors and huge traffic: overwhelming evidence of a trivial difference.
    let mut judge = judge(|c| c.confidence_sequence = false);
    let assessment = feed(&mut judge, &pair(arm(3_000_000, 165_000), arm(3_000_000, 150_000)), 60);
    assert_ne!(assessment.verdict, Verdict::Fail);
    assert!(!assessment.evidence[0].acting && assessment.evidence[0].e <= 1.0);
}

#[test]
fn absent_indicators_give_their_weight_away_and_late_ones_get_none() {
    let mut judge = judge(|_| {});
    let first = judge.observe(&calm()).unwrap();
    assert_eq!(first.evidence.len(), 1);
    assert!((first.evidence[0].weight - 1.0).abs() < 1e-12);
    let mut with_cpu = calm();
    for arm in [&mut with_cpu.canary, &mut with_cpu.baseline].into_iter().flatten() {
        arm.gauges.insert("cpu".to_owned(), 0.5);
    }
    assert_eq!(feed(&mut judge, &with_cpu, 3).evidence.len(), 1, "weights are fixed at the start");
}

#[test]
fn what_must_be_there_holds_when_it_is_not() {
    let mut judge = judge(|c| c.must_have = BTreeSet::from(["latency".to_owned()]));
    let held = feed(&mut judge, &pair(arm(9000, 0), arm(9000, 0)), 30);
    assert_eq!(held.verdict, Verdict::Hold { why: HoldReason::Missing { indicator: "latency".to_owned() } });
}

#[test]
fn refused_data_leave_the_judge_unchanged() {
    let mut judge = judge(|_| {});
    feed(&mut judge, &calm(), 3);
    let mut twin = judge.clone();
    let mut bad = calm();
    if let Some(arm) = &mut bad.canary {
        arm.gauges.insert("cpu".to_owned(), f64::NAN);
    }
    assert!(judge.observe(&bad).is_err());
    assert!(judge.observe(&pair(arm(1, 2), arm(1, 0))).is_err());
    assert_eq!(judge.observe(&calm()), twin.observe(&calm()));
}

fn with_latency(slow: u64) -> Arm {
    // 1000 requests, `slow` of them moved from (50, 100] to (100, 250].
    Arm {
        latency: Some(Histogram::Classic {
            bounds: vec![25.0, 50.0, 100.0, 250.0, 500.0, 1000.0],
            counts: vec![50, 400, 500 - slow, 40 + slow, 8, 2, 0],
        }),
        ..arm(1000, 0)
    }
}

#[test]
fn slower_requests_convict_by_the_histogram() {
    let mut judge = judge(|_| {});
    let failed = feed(&mut judge, &pair(with_latency(200), with_latency(0)), 15);
    assert_eq!(failed.verdict, Verdict::Fail);
    assert!(failed.culprits.iter().any(|c| c.starts_with("latency_")), "{:?}", failed.culprits);
    let p90 = failed.quantiles.iter().find(|q| q.quantile == 0.9).unwrap();
    assert!(p90.cumulative.unwrap() > 1.3);
    assert!(p90.bounds.unwrap().low.unwrap() > 1.0);
}

#[test]
fn arms_with_different_buckets_are_not_compared() {
    let other = Arm {
        latency: Some(Histogram::Classic { bounds: vec![10.0, 20.0], counts: vec![0, 0, 1000] }),
        ..arm(1000, 0)
    };
    let mut judge = judge(|_| {});
    let assessment = feed(&mut judge, &pair(other, with_latency(0)), 30);
    assert!((assessment.wealth - 1.0).abs() < 1e-9);
    assert!(!passes(&assessment.verdict), "latency is required and said nothing");
}

#[test]
fn one_bad_endpoint_is_named() {
    let arm = |bad: u64| Arm {
        endpoints: (0..10).map(|k| (format!("/{k}"), Tally { n: 500, errors: if k == 7 { bad } else { 1 } })).collect(),
        ..arm(5000, 9 + bad)
    };
    let mut judge = judge(|c| c.errors.act_at = 3.0);
    let failed = feed(&mut judge, &pair(arm(20), arm(1)), 30);
    assert_eq!(failed.verdict, Verdict::Fail);
    assert_eq!(failed.leading.as_deref(), Some("endpoints"));
    assert_eq!(judge.bad_endpoints(), ["/7"]);
}

#[test]
fn gauges_hurt_on_their_side_only() {
    let with = |queue: f64| Arm { gauges: BTreeMap::from([("queue".to_owned(), queue)]), ..arm(1000, 0) };
    let run = |direction, canary: f64| {
        let mut judge = judge(|c| {
            c.gauges = BTreeMap::from([("queue".to_owned(), GaugeRule { direction, ..GaugeRule::default() })]);
            c.weights.errors = 0.05;
        });
        feed(&mut judge, &pair(with(canary), with(10.0)), 60).verdict
    };
    assert_eq!(run(Direction::Increase, 20.0), Verdict::Fail);
    assert_eq!(run(Direction::Increase, 5.0), Verdict::Pass);
    assert_eq!(run(Direction::Decrease, 5.0), Verdict::Fail);
    assert_eq!(run(Direction::Decrease, 20.0), Verdict::Pass);
    assert_eq!(run(Direction::Either, 20.0), Verdict::Fail);
    assert_eq!(run(Direction::Either, 5.0), Verdict::Fail);
}

#[test]
fn a_gauge_without_a_ratio_is_a_gap_unless_differences_are_asked_for() {
    let with = |lag: f64| Arm { gauges: BTreeMap::from([("lag".to_owned(), lag)]), ..arm(1000, 0) };
    let run = |scale| {
        let rule = GaugeRule { scale, tolerance: 1.0, act_at: 2.0, harm: 5.0, ..GaugeRule::default() };
        let mut judge = judge(|c| {
            c.gauges = BTreeMap::from([("lag".to_owned(), rule)]);
            c.weights.errors = 0.05;
        });
        feed(&mut judge, &pair(with(30.0), with(0.0)), 60).verdict
    };
    assert_eq!(run(Scale::Ratio), Verdict::Inconclusive);
    assert_eq!(run(Scale::Difference), Verdict::Fail);
}

#[test]
fn the_same_intervals_give_the_same_bytes() {
    let run = || {
        let mut judge = judge(|_| {});
        let mut text = String::new();
        for i in 0..40 {
            let assessment = judge.observe(&pair(with_latency(i), with_latency(2))).unwrap();
            text.push_str(&serde_json::to_string(&assessment).unwrap());
        }
        text
    };
    assert_eq!(run(), run());
}

#[test]
fn an_assessment_survives_its_journey() {
    let mut judge = judge(|_| {});
    let assessment = feed(&mut judge, &pair(with_latency(50), with_latency(0)), 7);
    let text = serde_json::to_string(&assessment).unwrap();
    let back: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(back["verdict"]["kind"], "continue");
    assert_eq!(serde_json::from_str::<Assessment>(&text).unwrap().t, 7);
    assert!(!text.contains("NaN") && !text.contains("inf"));
}
