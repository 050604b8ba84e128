//! Measures the judge: false alarms, detection, delay, final verdicts, canary requests served until the fail.
//!
//! `cargo run --release -p interlock-stats --example operating_table -- [runs] [first seed]`. Monte-Carlo error at 500
//! runs: 2.2 points at 50 %, 0.4 at 1 %.

#[path = "../tests/simulator/mod.rs"]
mod simulator;

use interlock_stats::canary::{Config, Judge, Verdict};
use simulator::{Fault, HARMLESS, PLAIN, Scenario, run};

struct Cell {
    name: &'static str,
    scenario: Scenario,
}

fn cells() -> Vec<Cell> {
    let cell = |name, weight, fault| Cell { name, scenario: Scenario { weight, fault, ..PLAIN } };
    let mut all = Vec::new();
    for weight in [0.01, 0.05, 0.1, 0.5] {
        all.push(cell("A/A plain", weight, HARMLESS));
        all.push(Cell { name: "A/A autocorrelated", scenario: Scenario { weight, autocorrelated: true, ..PLAIN } });
        all.push(Cell { name: "A/A 1 rps", scenario: Scenario { weight, rps: 1.0, ..PLAIN } });
        all.push(Cell { name: "A/A 20 % missing", scenario: Scenario { weight, missing: 0.2, ..PLAIN } });
        all.push(Cell { name: "A/A classic buckets", scenario: Scenario { weight, classic: true, ..PLAIN } });
    }
    let errors = |factor| Fault { errors: factor, ..HARMLESS };
    let latency = |factor| Fault { latency: factor, ..HARMLESS };
    all.push(cell("errors .1 -> .2 %", 0.05, errors(2.0)));
    all.push(cell("errors .1 -> .2 %", 0.5, errors(2.0)));
    all.push(cell("errors .1 -> .5 %", 0.01, errors(5.0)));
    all.push(cell("errors .1 -> .5 %", 0.05, errors(5.0)));
    all.push(cell("errors .1 -> .5 %", 0.1, errors(5.0)));
    all.push(cell("errors .1 -> .5 %", 0.5, errors(5.0)));
    all.push(cell("errors .1 -> 1 %", 0.01, errors(10.0)));
    all.push(cell("latency +5 %", 0.05, latency(1.05)));
    all.push(cell("latency +10 %", 0.05, latency(1.1)));
    all.push(cell("latency +10 %", 0.5, latency(1.1)));
    all.push(cell("latency +25 %", 0.05, latency(1.25)));
    all.push(cell("latency +100 %", 0.05, latency(2.0)));
    all.push(cell("tail x2", 0.01, Fault { tail: 2.0, ..HARMLESS }));
    all.push(cell("tail x2", 0.05, Fault { tail: 2.0, ..HARMLESS }));
    all.push(cell("leak .4 % a minute", 0.05, Fault { leak: 0.004, ..HARMLESS }));
    all.push(cell("one endpoint at 3 %", 0.05, Fault { endpoint: Some(0.03), ..HARMLESS }));
    all.push(cell("one endpoint at 3 %", 0.1, Fault { endpoint: Some(0.03), ..HARMLESS }));
    all.push(cell("errors 1 % from minute 30", 0.1, Fault { onset: 30, ..errors(10.0) }));
    all.push(cell("cpu +20 %", 0.05, Fault { cpu: 1.2, ..HARMLESS }));
    all.push(Cell {
        name: "errors 5 % at 1 rps",
        scenario: Scenario { weight: 0.1, rps: 1.0, fault: errors(50.0), ..PLAIN },
    });
    all.push(Cell {
        name: "latency +100 % at 1 rps",
        scenario: Scenario { weight: 0.1, rps: 1.0, fault: latency(2.0), ..PLAIN },
    });
    all
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<u64>());
    let (Some(Ok(runs)), Some(Ok(first))) = (arguments.next().or(Some(Ok(500))), arguments.next().or(Some(Ok(20_000))))
    else {
        eprintln!("runs and first seed must be whole numbers");
        std::process::exit(2);
    };
    let config = Config { confidence_sequence: false, ..Config::default() };
    println!("{runs} runs per cell, seeds from {first}");
    println!(
        "{:<28} {:>4}  {:>6} {:>6}  {:>5} {:>6} {:>5}  {:>10}  step-pass@",
        "scenario", "w", "fail%", "@", "pass%", "inconc%", "hold%", "served"
    );
    for (number, Cell { name, scenario }) in cells().iter().enumerate() {
        let (mut delays, mut served, mut steps) = (Vec::new(), Vec::new(), Vec::new());
        let (mut pass, mut inconclusive, mut hold) = (0u64, 0u64, 0u64);
        for i in 0..runs {
            let (history, watched) = run(scenario, first + 100_000 * number as u64 + i);
            let mut judge = Judge::calibrated(config.clone(), &history).expect("the default settings are sound");
            let mut requests = 0;
            let mut last = Verdict::Continue;
            let mut stepped = false;
            for interval in &watched {
                requests += interval.canary.as_ref().map_or(0, |arm| arm.n);
                let assessment = judge.observe(interval).expect("simulated data are sound");
                last = assessment.verdict;
                if matches!(last, Verdict::PassStep | Verdict::Pass) && !stepped {
                    stepped = true;
                    steps.push(assessment.t);
                }
                if last == Verdict::Fail {
                    delays.push(assessment.t);
                    break;
                }
            }
            served.push(requests);
            match last {
                Verdict::Pass => pass += 1,
                Verdict::Inconclusive => inconclusive += 1,
                Verdict::Hold { .. } => hold += 1,
                _ => {}
            }
        }
        delays.sort_unstable();
        served.sort_unstable();
        steps.sort_unstable();
        let percent = |n: u64| 100.0 * n as f64 / runs as f64;
        let median = delays.get(delays.len() / 2).map_or("-".to_owned(), u32::to_string);
        let step = if steps.len() as u64 * 2 > runs {
            steps.get((runs / 2) as usize).map_or("never".to_owned(), u32::to_string)
        } else {
            "never".to_owned()
        };
        println!(
            "{:<28} {:>4}  {:>6.1} {:>6}  {:>5.1} {:>6.1} {:>5.1}  {:>10}  {step}",
            name,
            scenario.weight,
            percent(delays.len() as u64),
            median,
            percent(pass),
            percent(inconclusive),
            percent(hold),
            served[served.len() / 2],
        );
    }
}
