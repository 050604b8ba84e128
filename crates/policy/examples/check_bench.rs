//! How long a verdict takes: p50 and p99 of `check` with 100 policies, in two arrangements.
//!
//! `cargo run --release -p interlock-policy --example check_bench`

use std::time::Instant;

use interlock_policy::{Action, Facts, Pack, PolicySet, Principal, Request, Resource, shipped};

const ROUNDS: usize = 20_000;

/// The shipped packs and further forbids up to 100 policies; all on one gate, or spread over the gates.
fn hundred(on_one_gate: bool) -> PolicySet {
    let gates = ["gate.conditions", "gate.calendar", "gate.environment", "gate.traceability", "gate.artifact"];
    let tests = ["open_conditions > 99", "open == false", "busy", "traced == false", "key_revoked"];
    let have = PolicySet::compile(&shipped()).map_or(0, |set| set.describe().len());
    let text: String = (have..100)
        .map(|n| {
            let at = if on_one_gate { 0 } else { n % gates.len() };
            format!(
                "@id(\"extra.n{n}\") @message(\"m\") @clears(\"c\") @who(\"w\")\n\
                 forbid (principal, action == Action::\"{}\", resource) when {{ context.{} }};\n",
                gates[at], tests[at]
            )
        })
        .collect();
    let mut packs = shipped();
    packs.push(Pack { name: "extra".into(), version: "1".into(), files: [("extra.cedar".into(), text)].into() });
    match PolicySet::compile(&packs) {
        Ok(set) => set,
        Err(faults) => panic!("{faults:#?}"),
    }
}

fn measure(name: &str, set: &PolicySet, request: &Request) {
    let mut micros: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(set.check(std::hint::black_box(request)));
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    micros.sort_by(f64::total_cmp);
    let at = |share: f64| micros[((ROUNDS - 1) as f64 * share) as usize];
    println!("{name:<44} p50 {:7.1} us   p99 {:7.1} us   max {:8.1} us", at(0.5), at(0.99), at(1.0));
}

fn main() {
    let start = Instant::now();
    let spread = hundred(false);
    println!("compile {} policies: {:.1} ms", spread.describe().len(), start.elapsed().as_secs_f64() * 1e3);
    let gate = Request {
        principal: Principal::system(),
        action: Action::GATE_CONDITIONS,
        resource: Resource::new("release", "rel_1"),
        facts: Facts::new().with("open_conditions", 0_i64),
    };
    let approve = Request {
        principal: Principal::human("acc_1", ["approver", "developer"]),
        action: Action::CHANGE_APPROVE,
        resource: Resource::new("change", "chg_1"),
        facts: [
            "is_author",
            "is_co_author",
            "is_requester",
            "is_linked_to_author",
            "owns_author_robot",
            "delegated_by_author",
            "already_decided",
            "on_leave",
        ]
        .iter()
        .fold(Facts::new(), |facts, name| facts.with(name, false))
        .with("change_open", true)
        .with("class", "normal")
        .with("impact", "high"),
    };
    let mut author = approve.clone();
    author.facts = author.facts.with("is_author", true);
    measure("gate.conditions, policies spread, passes", &spread, &gate);
    measure("gate.conditions, all on this gate, passes", &hundred(true), &gate);
    measure("change.approve, passes", &spread, &approve);
    measure("change.approve by the author, fails", &spread, &author);
}
