//! From packs to a policy set: parse, check, validate, sort by action.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{Policy, PolicyId, ValidationMode, Validator};
use miette::Diagnostic;
use serde::Serialize;

use crate::action::Action;
use crate::error::PolicyError;
use crate::meta::{Meta, Place};
use crate::pack::{self, Pack};
use crate::prescan;
use crate::remember::Remembered;
use crate::vocabulary::vocabulary;

/// Compiled policies. Cloning costs nothing; two sets are equal when their digests are.
#[derive(Clone)]
pub struct PolicySet(pub(crate) Arc<Compiled>);

pub(crate) struct Compiled {
    pub digest: String,
    pub by_action: BTreeMap<String, ForAction>,
    pub metas: BTreeMap<String, Arc<Meta>>,
    pub remembered: Remembered,
}

/// The policies that can have a say in one action. Kept apart by effect, because both questions are always asked:
/// what forbids it, and does anything permit it.
#[derive(Default)]
pub(crate) struct ForAction {
    pub permits: Side,
    pub forbids: Side,
}

#[derive(Default)]
pub(crate) struct Side {
    pub cedar: cedar_policy::PolicySet,
    pub metas: Vec<Arc<Meta>>,
}

/// A policy as it is shown to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyInfo {
    pub id: String,
    pub pack: String,
    pub file: String,
    /// From 1.
    pub line: usize,
    /// `permit` or `forbid`.
    pub effect: &'static str,
    pub gate: Option<String>,
    pub control: Option<String>,
    /// With its placeholders; absent on permits.
    pub message: Option<String>,
    pub clears: Option<String>,
    pub who: Option<String>,
    pub actions: Vec<String>,
    pub roles: Vec<String>,
    /// The facts it reads.
    pub facts: Vec<String>,
}

impl PolicySet {
    /// Compiles packs. No packs at all make a set that permits nothing.
    ///
    /// # Errors
    /// Everything that is wrong with the packs, sorted by place; see [`PolicyError`] for the codes.
    pub fn compile(packs: &[Pack]) -> Result<PolicySet, Vec<PolicyError>> {
        let mut errors = Vec::new();
        let mut names = BTreeSet::new();
        let mut policies: Vec<(Policy, Meta)> = Vec::new();
        // Counted before anything is parsed, which is what takes the time. A file beyond the bounds is reported below.
        let count: usize =
            packs.iter().flat_map(|pack| pack.files.values()).filter_map(|text| prescan::scan(text).ok()).sum();
        if count > prescan::MAX_POLICIES {
            let what = format!("the packs have {count} policies; {} is the most", prescan::MAX_POLICIES);
            return Err(vec![PolicyError::new("P004", "", "", 0, what, "install fewer packs")]);
        }
        for pack in packs {
            check_pack(pack, &mut names, &mut errors);
            for (file, text) in &pack.files {
                read_file(pack, file, text, &mut policies, &mut errors);
            }
        }
        let policies = unique(policies, &mut errors);
        validate(&policies, &mut errors);
        if !errors.is_empty() {
            errors.sort();
            errors.dedup();
            return Err(errors);
        }
        Ok(PolicySet(Arc::new(assemble(pack::digest(packs), policies))))
    }

    /// `sha256:` and 64 hex digits over the packs. The order the packs were given in means nothing.
    pub fn digest(&self) -> &str {
        &self.0.digest
    }

    /// Every policy, sorted by id.
    pub fn describe(&self) -> Vec<PolicyInfo> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let infos = self.0.metas.values().map(|meta| PolicyInfo {
            id: meta.id.clone(),
            pack: meta.place.pack.clone(),
            file: meta.place.file.clone(),
            line: meta.place.line,
            effect: if meta.forbids { "forbid" } else { "permit" },
            gate: meta.gate.clone(),
            control: meta.control.clone(),
            message: meta.message.as_ref().map(|(text, _)| text.clone()),
            clears: some(&meta.clears),
            who: some(&meta.who),
            actions: meta.actions.iter().cloned().collect(),
            roles: meta.roles.iter().cloned().collect(),
            facts: meta
                .actions
                .iter()
                .flat_map(|action| facts_read(meta, action))
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
        });
        infos.collect()
    }

    /// The roles that some permit for this action speaks about. Having one of them is necessary, not sufficient.
    pub fn roles_for(&self, action: Action) -> BTreeSet<String> {
        let policies = self.0.by_action.get(action.as_str());
        policies.map(|p| p.permits.metas.iter().flat_map(|meta| meta.roles.clone()).collect()).unwrap_or_default()
    }
}

fn facts_read(meta: &Meta, action: &str) -> Vec<String> {
    let facts = vocabulary().actions.get(action).map(|info| &info.facts);
    facts.into_iter().flat_map(BTreeMap::keys).filter(|name| meta.reads.contains(name)).cloned().collect()
}

impl PartialEq for PolicySet {
    fn eq(&self, other: &PolicySet) -> bool {
        self.0.digest == other.0.digest
    }
}

impl Eq for PolicySet {}

impl fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolicySet({} policies, {})", self.0.metas.len(), self.0.digest)
    }
}

fn check_pack(pack: &Pack, names: &mut BTreeSet<String>, errors: &mut Vec<PolicyError>) {
    let fault = |code, what: String, remedy: &str| PolicyError::new(code, &pack.name, "", 0, what, remedy);
    let plain = |text: &str, extra: &[u8]| {
        !text.is_empty()
            && text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || extra.contains(&b))
    };
    if !plain(&pack.name, b"-") {
        errors.push(fault(
            "P001",
            format!("`{}` cannot be the name of a pack", pack.name),
            "a name is made of lower-case letters, digits and hyphens, 64 at most",
        ));
    }
    if !plain(&pack.version, b".-+") {
        errors.push(fault(
            "P001",
            format!("`{}` cannot be the version of a pack", pack.version),
            "a version looks like 1.0.0",
        ));
    }
    if !names.insert(pack.name.clone()) {
        errors.push(fault("P002", format!("there are two packs called {}", pack.name), "give one another name"));
    }
}

fn read_file(pack: &Pack, file: &str, text: &str, out: &mut Vec<(Policy, Meta)>, errors: &mut Vec<PolicyError>) {
    let fault = |code, line, what: String, remedy: &str| PolicyError::new(code, &pack.name, file, line, what, remedy);
    let stem = file.strip_suffix(".cedar").unwrap_or_default();
    if stem.is_empty() || !stem.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        errors.push(fault(
            "P003",
            0,
            format!("`{file}` cannot be the name of a policy file"),
            "name it <name>.cedar, with letters, digits, hyphens and underscores",
        ));
    }
    if let Err((line, what)) = prescan::scan(text) {
        errors.push(fault("P004", line, what, "split it into several policies, or several files"));
        return;
    }
    let parsed = match cedar_policy::PolicySet::from_str(text) {
        Ok(parsed) => parsed,
        Err(faults) => {
            for one in faults.iter() {
                let help = one.help().map(|help| help.to_string());
                let remedy = help.unwrap_or_else(|| "put it as the Cedar language has it".to_owned());
                errors.push(fault("P005", line_of(one, text), one.to_string(), &remedy));
            }
            return;
        }
    };
    for template in parsed.templates() {
        let line = template.as_ref().loc().map_or(0, |loc| line_at(text, loc.start()));
        errors.push(fault(
            "P006",
            line,
            "this policy has slots (?principal or ?resource), and nothing here would fill them".to_owned(),
            "name the role, group or type instead",
        ));
    }
    let mut policies: Vec<(usize, &Policy)> =
        parsed.policies().map(|policy| (policy.as_ref().loc().map_or(0, |loc| loc.start()), policy)).collect();
    policies.sort_by_key(|(start, _)| *start);
    for (start, policy) in policies {
        let place = Place { pack: pack.name.clone(), file: file.to_owned(), line: line_at(text, start) };
        let meta = Meta::read(policy, place, errors);
        out.push((policy.new_id(PolicyId::new(&meta.id)), meta));
    }
}

/// Drops policies whose id is taken, with an error for each.
fn unique(policies: Vec<(Policy, Meta)>, errors: &mut Vec<PolicyError>) -> Vec<(Policy, Meta)> {
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    let mut kept = Vec::with_capacity(policies.len());
    for (policy, meta) in policies {
        if let Some(first) = places.get(&meta.id) {
            errors.push(meta.place.error(
                "P009",
                format!("the id {} is taken by {}/{}:{}", meta.id, first.pack, first.file, first.line),
                "give each policy an id of its own; beginning it with the pack's name helps",
            ));
        } else {
            places.insert(meta.id.clone(), meta.place.clone());
            kept.push((policy, meta));
        }
    }
    kept
}

fn validate(policies: &[(Policy, Meta)], errors: &mut Vec<PolicyError>) {
    const SCHEMA: &str = "the policy schema lists every entity, action and fact with its type";
    let metas: BTreeMap<&str, &Meta> = policies.iter().map(|(_, meta)| (meta.id.as_str(), meta)).collect();
    let mut cedar = cedar_policy::PolicySet::new();
    for (policy, meta) in policies {
        if let Err(fault) = cedar.add(policy.clone()) {
            errors.push(meta.place.error("P009", fault.to_string(), "give each policy an id of its own"));
        }
    }
    let result = Validator::new(vocabulary().cedar.clone()).validate(&cedar, ValidationMode::Strict);
    let mut report = |code, id: &PolicyId, fault: &dyn Diagnostic, remedy: &str| {
        if let Some(meta) = metas.get(id.as_ref() as &str) {
            let help = fault.help().map_or_else(|| remedy.to_owned(), |help| help.to_string());
            errors.push(meta.place.error(code, fault.to_string(), help));
        }
    };
    let mut wrong = BTreeSet::new();
    for fault in result.validation_errors() {
        wrong.insert(fault.policy_id().to_string());
        report("P010", fault.policy_id(), fault, SCHEMA);
    }
    // That a policy which does not fit the schema cannot apply either says nothing new.
    for fault in result.validation_warnings().filter(|fault| !wrong.contains(fault.policy_id().as_ref() as &str)) {
        report("P011", fault.policy_id(), fault, "take it out, or mend its condition");
    }
}

fn assemble(digest: String, policies: Vec<(Policy, Meta)>) -> Compiled {
    let mut by_action: BTreeMap<String, ForAction> = BTreeMap::new();
    let mut metas = BTreeMap::new();
    for (policy, meta) in policies {
        let meta = Arc::new(meta);
        for action in &meta.actions {
            let entry = by_action.entry(action.clone()).or_default();
            let side = if meta.forbids { &mut entry.forbids } else { &mut entry.permits };
            side.cedar.add(policy.clone()).expect("the ids of the policies have been found to be different");
            side.metas.push(Arc::clone(&meta));
        }
        metas.insert(meta.id.clone(), meta);
    }
    Compiled { digest, by_action, metas, remembered: Remembered::default() }
}

/// The line (from 1) of the first place that a fault points at; 0 when it points nowhere.
fn line_of(fault: &dyn Diagnostic, text: &str) -> usize {
    fault.labels().and_then(|mut labels| labels.next()).map_or(0, |label| line_at(text, label.offset()))
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
