//! Whatever is fed, the judge answers with finite numbers, never passes on nothing and never panics.

use interlock_stats::canary::{Arm, Config, Counter, Histogram, Increase, Interval, Judge, Tally, Verdict};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1..50u64, 1..100_000u64, Just(u64::MAX / 4)]
}

fn histogram() -> impl Strategy<Value = Histogram> {
    prop_oneof![
        vec(count(), 5).prop_map(|counts| Histogram::Classic { bounds: vec![10.0, 50.0, 100.0, 500.0], counts }),
        (-1i8..=4, count(), btree_map(-60i32..60, count(), 0..12))
            .prop_map(|(schema, zero, buckets)| Histogram::Native { schema, zero, buckets }),
        vec(prop_oneof![Just(f64::NAN), -1.0..1e6f64], 0..4)
            .prop_map(|bounds| Histogram::Classic { counts: vec![1; bounds.len() + 1], bounds }),
    ]
}

fn arm() -> impl Strategy<Value = Arm> {
    let endpoints =
        btree_map("[a-c]", (count(), count()).prop_map(|(n, errors)| Tally { n, errors: errors.min(n) }), 0..3);
    let gauge = prop_oneof![Just(f64::NAN), Just(0.0), Just(1e300), -1.0..1e3f64, Just(f64::MIN_POSITIVE)];
    let gauges = btree_map(prop_oneof![Just("cpu".to_owned()), Just("memory".to_owned())], gauge, 0..3);
    (count(), count(), endpoints, option::of(histogram()), gauges)
        .prop_map(|(n, errors, endpoints, latency, gauges)| Arm { n, errors, endpoints, latency, gauges })
}

fn interval() -> impl Strategy<Value = Interval> {
    (option::weighted(0.8, arm()), option::weighted(0.8, arm()))
        .prop_map(|(canary, baseline)| Interval { canary, baseline })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn the_judge_stays_finite_and_never_passes_on_nothing(intervals in vec(interval(), 1..25)) {
        let mut judge = Judge::new(Config { horizon: 20, ..Config::default() }).unwrap();
        let mut failed = false;
        for interval in &intervals {
            let Ok(assessment) = judge.observe(interval) else { continue };
            prop_assert!(assessment.wealth.is_finite() && assessment.wealth >= 0.0);
            prop_assert!(assessment.evidence.iter().all(|e| e.e.is_finite() && e.log10.is_finite()));
            prop_assert!(assessment.pass.iter().all(|p| p.e.is_finite() && p.best >= p.e));
            prop_assert!(assessment.excess_bad_requests.is_finite());
            let weights: f64 = assessment.evidence.iter().map(|e| e.weight).sum();
            prop_assert!(assessment.evidence.is_empty() || (weights - 1.0).abs() < 1e-9);
            if assessment.usable == 0 {
                prop_assert!(!matches!(assessment.verdict, Verdict::Pass | Verdict::PassStep | Verdict::Fail));
            }
            prop_assert!(!failed || assessment.verdict == Verdict::Fail, "a fail is final");
            failed = assessment.verdict == Verdict::Fail;
            let text = serde_json::to_string(&assessment).unwrap();
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        }
    }

    #[test]
    fn differences_of_a_counter_add_up(steps in vec((1i64..100, 0u32..1000, prop::bool::weighted(0.1)), 1..40)) {
        let mut counter = Counter::new(0);
        let (mut at, mut value, mut wanted) = (0, 500.0, 0.0);
        prop_assert_eq!(counter.push(at, value, None), Ok(Increase::First));
        for (pause, more, restarted) in steps {
            at += pause;
            // After a restart the new value lies below the old one, so the reset can be seen.
            let more = if restarted { f64::from(more).min(value - 1.0).max(0.0) } else { f64::from(more) };
            value = if restarted { more } else { value + more };
            wanted += more;
            wanted -= counter.push(at, value, None).unwrap().value().unwrap_or(0.0);
        }
        prop_assert_eq!(wanted, 0.0);
    }

    #[test]
    fn intervals_survive_their_journey(interval in interval()) {
        prop_assume!(interval.check().is_ok());
        let text = serde_json::to_string(&interval).unwrap();
        prop_assert_eq!(serde_json::from_str::<Interval>(&text).unwrap(), interval);
    }
}
