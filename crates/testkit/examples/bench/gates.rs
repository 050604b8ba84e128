//! How long a gate takes to decide when a hundred policies are in force: asked for the first time, and asked again.

use super::{Done, Size, keep, rounded, share};
use interlock_domain::{core::Command, policy, release};
use interlock_policy::{Action, Facts, Pack, PolicySet, Principal, Request, Resource, shipped};
use interlock_testkit::{
    house::{House, bytes_of, world_of},
    shop,
};
use serde_json::json;
use std::{hint::black_box, path::Path, time::Instant};

const POLICIES: usize = 100;

/// The shipped packs, and forbids of an organisation's own up to a hundred policies, spread over the gates.
fn packs() -> Vec<Pack> {
    let gates = [
        ("calendar", "open == false"),
        ("artifact", "key_revoked"),
        ("traceability", "traced == false"),
        ("conditions", "open_conditions > 99"),
        ("environment", "busy"),
    ];
    let have = PolicySet::compile(&shipped()).map_or(0, |set| set.describe().len());
    let policy = |n: usize| {
        let (gate, test) = gates[n % gates.len()];
        format!(
            "@id(\"house.n{n}\") @message(\"m\") @clears(\"c\") @who(\"w\")\n\
             forbid (principal, action == Action::\"gate.{gate}\", resource) when {{ context.{test} }};\n"
        )
    };
    let text: String = (have..POLICIES).map(policy).collect();
    let own = Pack { name: "house".into(), version: "1.0.0".into(), files: [("house.cedar".into(), text)].into() };
    shipped().into_iter().chain([own]).collect()
}

fn timed(count: usize, mut each: impl FnMut()) -> (f64, f64) {
    let mut micros: Vec<f64> = (0..count)
        .map(|_| {
            let begun = Instant::now();
            each();
            begun.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    (rounded(share(&mut micros, 0.5)), rounded(share(&mut micros, 0.99)))
}

pub fn measure(size: Size, _: &Path) -> Done {
    let packs = packs();
    let set = PolicySet::compile(&packs).map_err(|faults| format!("{faults:?}"))?;
    let request = Request {
        principal: Principal::system(),
        action: Action::GATE_CONDITIONS,
        resource: Resource::new("release", "rel_1"),
        facts: Facts::new().with("open_conditions", 0_i64),
    };
    let (p50, p99) = timed(size.verdicts, || drop(black_box(set.check_afresh(black_box(&request)))));
    let (again_p50, again_p99) = timed(size.verdicts, || drop(black_box(set.check(black_box(&request)))));
    keep(
        "gate",
        &json!({
            "policies": set.describe().len(), "p50_us": p50, "p99_us": p99, "goal_p99_us": 1000,
            "remembered_p50_us": again_p50, "remembered_p99_us": again_p99,
        }),
    )?;

    let mut house = House::new(1);
    shop::open(&mut house);
    house.ok("admin", Command::Policy(policy::Command::Install { packs }));
    let (id, start) = (house.fresh(), house.now());
    let spec = shop::spec(&house, "spring", "1.1.0");
    let life = [
        release::Command::Draft { release: id, spec },
        release::Command::Plan { release: id, start },
        release::Command::Freeze { release: id },
    ];
    house.all_ok("rita", life.map(Command::Release).into());
    let world = house.world();
    let release = world.release.release(id).ok_or("the release is gone")?;
    let gates = release::gates(&world, release, house.now()).len();
    // A set that was compiled a moment ago remembers nothing.
    let bytes = bytes_of(&world);
    let mut micros: Vec<f64> = Vec::new();
    for _ in 0..size.verdicts / 100 {
        let fresh = world_of(&bytes);
        let begun = Instant::now();
        black_box(release::gates(&fresh, release, house.now()));
        micros.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    let (p50, p99) = (rounded(share(&mut micros, 0.5)), rounded(share(&mut micros, 0.99)));
    let (again_p50, again_p99) =
        timed(size.verdicts / 10, || drop(black_box(release::gates(&world, release, house.now()))));
    keep(
        "gates",
        &json!({
            "gates": gates, "policies": POLICIES, "p50_us": p50, "p99_us": p99,
            "remembered_p50_us": again_p50, "remembered_p99_us": again_p99,
        }),
    )
}
