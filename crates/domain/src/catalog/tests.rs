//! Services and their graph.

use super::*;
use crate::{
    environment::Tier,
    given::{Given, codes, name, names},
    reason::RefusalKind,
};
use interlock_ids::Name;
use proptest::prelude::*;
use std::{collections::BTreeSet, sync::Arc};

fn service(title: &str, needs: &[&str]) -> Service {
    Service {
        name: name(title),
        owner: name("team"),
        description: String::new(),
        criticality: Criticality::default(),
        depends_on: names(needs),
        repository: None,
        metrics: Metrics::default(),
    }
}

fn world(services: &[(&str, &[&str])]) -> crate::core::World {
    let mut world = crate::core::World::default();
    for (title, needs) in services {
        world.catalog.services.insert(name(title), Arc::new(service(title, needs)));
    }
    world
}

#[test]
fn services_that_need_one_another_are_entered_together() {
    let mut given = Given::new();
    given.account("rita", &["release-manager"]).account("dan", &["developer"]);
    let put = Command::PutServices { services: vec![service("a", &["b"]), service("b", &["a"])] };
    assert_eq!(given.refused("dan", put.clone()).kind, RefusalKind::Denied);
    assert_eq!(given.ok("rita", put.clone()).len(), 2);
    assert!(given.ok("rita", put).is_empty(), "the same again changes nothing");
}

#[test]
fn every_dependency_that_does_not_exist_is_named() {
    let mut given = Given::new();
    let mut odd = service("c", &[]);
    odd.metrics.path = "metrics".into();
    let services = vec![service("a", &["x", "b"]), service("b", &["y"]), service("b", &[]), odd];
    let refusal = given.refused("admin", Command::PutServices { services });
    assert_eq!(codes(&refusal), ["named-twice", "unknown-dependency", "unknown-dependency", "metrics"]);
    assert!(refusal.blockers[1].message.contains("`x`") && refusal.blockers[2].message.contains("`y`"));
    assert_eq!(codes(&given.refused("admin", Command::PutServices { services: vec![] })), ["count"]);
}

#[test]
fn a_service_in_use_is_not_removed() {
    let mut given = Given::new();
    given.service("a", &[]).service("b", &["a"]).service("c", &[]);
    given.environment("test", Tier::Test, &[("a", 1)]);
    assert_eq!(
        codes(&given.refused("admin", Command::RemoveService { service: name("a") })),
        ["depended-on", "runs-there"]
    );
    given.ok("admin", Command::RemoveService { service: name("c") });
    assert_eq!(given.refused("admin", Command::RemoveService { service: name("c") }).kind, RefusalKind::NotFound);
}

#[test]
fn cycles_are_found_also_the_smallest() {
    let world = world(&[("a", &["b"]), ("b", &["c"]), ("c", &["a"]), ("d", &["a"]), ("e", &["e"]), ("f", &[])]);
    assert_eq!(cycles(&world), [names(&["a", "b", "c"]), names(&["e"])]);
}

#[test]
fn dependants_are_found_however_far() {
    let world = world(&[("a", &[]), ("b", &["a"]), ("c", &["b"]), ("d", &["c", "a"]), ("e", &[])]);
    assert_eq!(dependants(&world, &names(&["a"])), names(&["b", "c", "d"]));
    assert_eq!(dependants(&world, &names(&["c"])), names(&["d"]));
    assert_eq!(dependants(&world, &names(&["d", "e"])), names(&[]));
    assert_eq!(dependants(&world, &names(&["nobody"])), names(&[]));
}

#[test]
fn what_is_needed_comes_first_also_by_way_of_services_outside_the_scope() {
    let world = world(&[("shop", &["api"]), ("api", &["books"]), ("books", &[]), ("mail", &[])]);
    assert_eq!(order(&world, &names(&["shop", "books", "mail"])), [names(&["books", "mail"]), names(&["shop"])]);
    assert_eq!(
        order(&world, &names(&["shop", "api", "books"])),
        [names(&["books"]), names(&["api"]), names(&["shop"])]
    );
    assert_eq!(order(&world, &names(&[])), Vec::<BTreeSet<Name>>::new());
    assert_eq!(order(&world, &names(&["unheard-of"])), [names(&["unheard-of"])]);
}

#[test]
fn members_of_a_cycle_share_a_rank() {
    let world = world(&[("a", &["b"]), ("b", &["a", "z"]), ("z", &[]), ("top", &["a"])]);
    assert_eq!(order(&world, &names(&["a", "b", "z", "top"])), [names(&["z"]), names(&["a", "b"]), names(&["top"])]);
}

proptest! {
    /// Against the definition: reachability by repeated steps.
    #[test]
    fn ranks_respect_what_is_needed(edges in prop::collection::vec((0usize..7, 0usize..7), 0..20), members in prop::collection::btree_set(0usize..7, 0..7)) {
        let title = |index: usize| format!("s{index}");
        let mut world = world(&[]);
        for index in 0..7 {
            let mut it = service(&title(index), &[]);
            it.depends_on = edges.iter().filter(|(from, _)| *from == index).map(|(_, to)| name(&title(*to))).collect();
            world.catalog.services.insert(it.name.clone(), Arc::new(it));
        }
        let mut reach = [[false; 7]; 7];
        edges.iter().for_each(|(from, to)| reach[*from][*to] = true);
        for k in 0..7 {
            for i in 0..7 {
                for j in 0..7 {
                    reach[i][j] |= reach[i][k] && reach[k][j];
                }
            }
        }
        let scope: BTreeSet<Name> = members.iter().map(|it| name(&title(*it))).collect();
        let ranks = order(&world, &scope);
        prop_assert!(ranks.iter().all(|rank| !rank.is_empty()));
        let flat: Vec<&Name> = ranks.iter().flatten().collect();
        prop_assert_eq!(flat.len(), scope.len());
        prop_assert_eq!(flat.into_iter().cloned().collect::<BTreeSet<_>>(), scope);
        let rank = |index: usize| ranks.iter().position(|rank| rank.contains(&name(&title(index))));
        for a in &members {
            for b in &members {
                match (reach[*a][*b], reach[*b][*a]) {
                    (true, true) => prop_assert_eq!(rank(*a), rank(*b)),
                    (true, false) => prop_assert!(rank(*a) > rank(*b)),
                    _ => {}
                }
            }
            let needing = dependants(&world, &BTreeSet::from([name(&title(*a))]));
            for (b, row) in reach.iter().enumerate() {
                prop_assert_eq!(needing.contains(&name(&title(b))), row[*a] && b != *a);
            }
        }
        let cyclic: BTreeSet<Name> = (0..7).filter(|it| reach[*it][*it]).map(|it| name(&title(it))).collect();
        prop_assert_eq!(cycles(&world).into_iter().flatten().collect::<BTreeSet<_>>(), cyclic);
    }
}
