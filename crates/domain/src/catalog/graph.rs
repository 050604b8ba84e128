//! The graph of services: who depends on whom.
//!
//! Invariant: answers depend only on the catalogue, and come in the order of names. Deliberately absent: what to do about a
//! cycle. It is shown, and its members are treated as one.

use crate::core::World;
use interlock_ids::Name;
use petgraph::{
    Direction,
    algo::tarjan_scc,
    graph::{DiGraph, NodeIndex},
    visit::{Dfs, Reversed},
};
use std::collections::{BTreeMap, BTreeSet};

/// An edge goes from a service to one that it needs.
struct Graph {
    nodes: BTreeMap<Name, NodeIndex>,
    graph: DiGraph<Name, ()>,
}

fn graph(world: &World) -> Graph {
    let mut graph = DiGraph::new();
    let nodes: BTreeMap<Name, NodeIndex> =
        world.catalog.services.keys().map(|name| (name.clone(), graph.add_node(name.clone()))).collect();
    for service in world.catalog.services.values() {
        for needed in &service.depends_on {
            if let (Some(from), Some(to)) = (nodes.get(&service.name), nodes.get(needed)) {
                graph.add_edge(*from, *to, ());
            }
        }
    }
    Graph { nodes, graph }
}

/// Every set of services that need one another, a service that needs itself included; in the order of their first names.
pub fn cycles(world: &World) -> Vec<BTreeSet<Name>> {
    let Graph { graph, .. } = graph(world);
    let mut found: Vec<BTreeSet<Name>> = tarjan_scc(&graph)
        .into_iter()
        .filter(|members| members.len() > 1 || members.iter().any(|it| graph.contains_edge(*it, *it)))
        .map(|members| members.into_iter().map(|it| graph[it].clone()).collect())
        .collect();
    found.sort();
    found
}

/// Every service that needs one of those given, directly or not; those given are not among them.
pub fn dependants(world: &World, services: &BTreeSet<Name>) -> BTreeSet<Name> {
    let Graph { nodes, graph } = graph(world);
    let mut found = BTreeSet::new();
    let reversed = Reversed(&graph);
    for start in services.iter().filter_map(|name| nodes.get(name)) {
        let mut walk = Dfs::new(reversed, *start);
        while let Some(node) = walk.next(reversed) {
            found.insert(graph[node].clone());
        }
    }
    found.difference(services).cloned().collect()
}

/// The services of a scope in ranks: a service comes in a later rank than every service of the scope it needs, directly or
/// through services outside the scope; members of one cycle share a rank. Services the catalogue does not know come first.
pub fn order(world: &World, scope: &BTreeSet<Name>) -> Vec<BTreeSet<Name>> {
    let Graph { nodes, graph } = graph(world);
    // Tarjan's algorithm gives components after those they have edges to, so what is needed is ranked before what needs it.
    let components = tarjan_scc(&graph);
    let mut component_of = vec![0; graph.node_count()];
    for (index, members) in components.iter().enumerate() {
        members.iter().for_each(|it| component_of[it.index()] = index);
    }
    let mut depth = vec![0usize; components.len()];
    let mut ranks: Vec<BTreeSet<Name>> = Vec::new();
    let place = |ranks: &mut Vec<BTreeSet<Name>>, rank: usize, name: Name| {
        if ranks.len() <= rank {
            ranks.resize_with(rank + 1, BTreeSet::new);
        }
        ranks[rank].insert(name);
    };
    for (index, members) in components.iter().enumerate() {
        let below = members
            .iter()
            .flat_map(|it| graph.neighbors_directed(*it, Direction::Outgoing))
            .map(|it| component_of[it.index()])
            .filter(|it| *it != index)
            .map(|it| depth[it])
            .max()
            .unwrap_or(0);
        let here: Vec<Name> = members.iter().map(|it| graph[*it].clone()).filter(|name| scope.contains(name)).collect();
        depth[index] = below + usize::from(!here.is_empty());
        here.into_iter().for_each(|name| place(&mut ranks, below, name));
    }
    scope.iter().filter(|name| !nodes.contains_key(*name)).for_each(|name| place(&mut ranks, 0, name.clone()));
    ranks
}
