//! Catalogues of controls: what a law or standard asks for, which gate guards it, which policies decide, what evidence it needs.
//!
//! Invariants: every catalogue belongs to a pack, every policy it names exists in that pack or in one that is shipped, and every
//! gate it names is a gate. Deliberately absent: results. They are in the ledger.

use serde::Deserialize;
use std::collections::BTreeSet;

/// What a law or standard asks for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// The pack whose policies it explains.
    pub pack: String,
    pub title: String,
    /// Where it is written.
    pub source: String,
    /// Classes of data to which it applies; empty: to any class, and not to services without one.
    pub data_classes: BTreeSet<String>,
    pub controls: Vec<Control>,
}

/// One thing it asks for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// As the policies name it in `@control`.
    pub id: String,
    pub title: String,
    /// Gates that guard it, without the `gate.`.
    pub gates: Vec<String>,
    /// Policies that decide; the first are the pack's own.
    pub policies: Vec<String>,
    pub evidence: String,
}

impl Catalogue {
    /// Whether it applies to a release whose services handle these classes of data.
    pub fn applies(&self, classes: &BTreeSet<String>) -> bool {
        if self.data_classes.is_empty() { !classes.is_empty() } else { !self.data_classes.is_disjoint(classes) }
    }
}

/// The catalogue of every pack for a law or standard that comes with the program.
pub fn catalogues() -> Vec<Catalogue> {
    [
        include_str!("../../../policies/gdpr/controls.json"),
        include_str!("../../../policies/iso-27001/controls.json"),
        include_str!("../../../policies/part-11/controls.json"),
        include_str!("../../../policies/pci-dss/controls.json"),
        include_str!("../../../policies/soc2/controls.json"),
        include_str!("../../../policies/sox/controls.json"),
    ]
    .iter()
    .map(|text| serde_json::from_str(text).expect("a test reads every catalogue that comes with the program"))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, PolicySet, shipped, standards};

    #[test]
    fn every_control_names_gates_and_policies_that_exist_and_every_policy_a_control() {
        let packs: Vec<_> = shipped().into_iter().chain(standards()).collect();
        let set = PolicySet::compile(&packs).unwrap();
        let infos = set.describe();
        for catalogue in catalogues() {
            assert!(standards().iter().any(|pack| pack.name == catalogue.pack));
            let own: BTreeSet<_> = infos
                .iter()
                .filter(|it| it.pack == catalogue.pack)
                .collect::<Vec<_>>()
                .iter()
                .map(|it| it.id.clone())
                .collect();
            let mut named = BTreeSet::new();
            for control in &catalogue.controls {
                assert!(!control.gates.is_empty() && !control.policies.is_empty() && !control.evidence.is_empty());
                for gate in &control.gates {
                    assert!(Action::parse(&format!("gate.{gate}")).is_some(), "{gate}");
                }
                for id in &control.policies {
                    let info = infos.iter().find(|it| it.id == *id).unwrap_or_else(|| panic!("{id}"));
                    if own.contains(id) {
                        assert_eq!(info.control.as_deref(), Some(control.id.as_str()), "{id}");
                    }
                    named.insert(id.clone());
                }
            }
            assert!(own.is_subset(&named), "{}: {:?}", catalogue.pack, own.difference(&named));
        }
    }

    #[test]
    fn a_catalogue_applies_by_data() {
        let of = |pack: &str| catalogues().into_iter().find(|it| it.pack == pack).unwrap();
        let classes = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect();
        assert!(of("sox").applies(&classes(&["personal", "financial"])) && !of("sox").applies(&classes(&["personal"])));
        assert!(of("iso-27001").applies(&classes(&["anything"])) && !of("iso-27001").applies(&classes(&[])));
    }
}
