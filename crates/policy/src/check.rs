//! The hot path: a request against the policies for its action.
//!
//! A fact that is not known is given to Cedar as an arbitrary value of its type, and whatever a policy that reads it
//! answers is thrown away. So the rest of the policies are still judged, and nothing hangs on the arbitrary value.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use cedar_policy::{Authorizer, Context, Entities, RestrictedExpression};

use crate::compile::{ForAction, PolicySet, Side};
use crate::meta::Meta;
use crate::request::{Fact, Principal, Request};
use crate::verdict::{Outcome, Reason, Verdict, codes};
use crate::vocabulary::{ActionInfo, FactInfo, FactType, uid, vocabulary};

static AUTHORIZER: LazyLock<Authorizer> = LazyLock::new(Authorizer::new);

/// What stands in the way so far.
#[derive(Default)]
struct Findings {
    fails: Vec<Reason>,
    doubts: Vec<Reason>,
    policies: BTreeSet<String>,
}

impl Findings {
    fn doubt(&mut self, code: &str, message: String, clears: String, who: &str) {
        self.doubts.push(Reason { code: code.to_owned(), message, clears, who: who.to_owned(), control: None });
    }
}

const ASKER: &str = "whoever keeps Interlock running; this is a fault of the program that asked";

impl PolicySet {
    /// Judges a request. Never panics and never passes on what is not known; see the crate's invariants.
    pub fn check(&self, request: &Request) -> Verdict {
        if let Some(verdict) = self.0.remembered.get(request) {
            return verdict;
        }
        let verdict = self.check_afresh(request);
        self.0.remembered.put(request, &verdict);
        verdict
    }

    /// The same without remembering: what [`PolicySet::check`] costs the first time.
    pub fn check_afresh(&self, request: &Request) -> Verdict {
        let mut found = Findings::default();
        if let Some(info) = vocabulary().actions.get(request.action.as_str()) {
            self.judge(request, info, &mut found);
        } else {
            found.doubt(
                codes::ACTION_UNKNOWN,
                format!("`{}` is no action that policies know", request.action),
                "an action of the policy schema is asked for".to_owned(),
                ASKER,
            );
        }
        let outcome = match (found.fails.is_empty(), found.doubts.is_empty()) {
            (true, true) => Outcome::Pass,
            (true, false) => Outcome::Inconclusive,
            (false, _) => Outcome::Fail,
        };
        let mut reasons = found.fails;
        reasons.append(&mut found.doubts);
        reasons.sort();
        reasons.dedup();
        Verdict {
            outcome,
            reasons,
            policy_set: self.digest().to_owned(),
            facts_digest: request.digest(),
            policies: found.policies.into_iter().collect(),
        }
    }

    fn judge(&self, request: &Request, info: &ActionInfo, found: &mut Findings) {
        let vocabulary = vocabulary();
        let none = ForAction::default();
        let policies = self.0.by_action.get(request.action.as_str()).unwrap_or(&none);
        let resource = vocabulary.kind(&request.resource.kind).filter(|kind| info.resources.contains(kind.basename()));
        if resource.is_none() {
            let kinds = info.resources.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            found.doubt(
                codes::RESOURCE_UNKNOWN,
                format!("{} does not apply to `{}`", info.about, request.resource.kind),
                format!("it is asked for one of: {kinds}"),
                ASKER,
            );
        }
        let (context, unknown) = context(request, info, &policies.forbids, found);
        let principal = vocabulary.principal(&request.principal);
        let (Some(kind), Some(context)) = (resource, context) else { return };
        let query = cedar_policy::Request::new(
            principal.uid(),
            info.uid.clone(),
            uid(kind, &request.resource.id),
            context,
            None,
        );
        let entities = Entities::from_entities([principal, info.entity.clone()], None);
        let (Ok(query), Ok(entities)) = (query, entities) else {
            found.doubt(
                codes::POLICY_ERROR,
                format!("the request for {} cannot be put to the policies", request.action),
                "the request is mended".to_owned(),
                ASKER,
            );
            return;
        };

        for meta in evaluate(&policies.forbids, &query, &entities, &unknown, found) {
            found.policies.insert(meta.id.clone());
            let message = meta.message.as_ref().map(|(_, message)| message.fill(&request.facts)).unwrap_or_default();
            let reason = Reason {
                code: meta.id.clone(),
                message,
                clears: meta.clears.clone(),
                who: meta.who.clone(),
                control: meta.control.clone(),
            };
            if meta.outcome == Outcome::Inconclusive { found.doubts.push(reason) } else { found.fails.push(reason) }
        }

        if !info.principals.contains(&request.principal.kind) {
            found.fails.push(no_permission(request, info, policies));
            return;
        }
        // A permit that could not be judged matters only when no other permit matches.
        let mut doubts = Findings::default();
        let granted = evaluate(&policies.permits, &query, &entities, &unknown, &mut doubts);
        if !granted.is_empty() {
            if found.fails.is_empty() && found.doubts.is_empty() {
                found.policies.extend(granted.iter().map(|meta| meta.id.clone()));
            }
            return;
        }
        for name in &unknown {
            report_unknown(request, name, &info.facts[*name], &policies.permits, &mut doubts);
        }
        // Facts that had to come and did not are doubts already, whoever reads them.
        let hangs = policies.permits.metas.iter().any(|meta| hangs_on(meta, &request.principal, &unknown));
        if doubts.doubts.is_empty() && !hangs {
            found.fails.push(no_permission(request, info, policies));
        }
        found.doubts.append(&mut doubts.doubts);
        found.policies.append(&mut doubts.policies);
    }
}

/// Whether the policy concerns this principal and reads a fact that is not known.
fn hangs_on(meta: &Meta, principal: &Principal, unknown: &BTreeSet<&str>) -> bool {
    !unknown.is_empty() && meta.kinds.contains(&principal.kind) && unknown.iter().any(|name| meta.reads.contains(name))
}

/// The policies of one side that apply, without those that read a fact that is not known. A policy that errs is a doubt.
fn evaluate<'a>(
    side: &'a Side,
    query: &cedar_policy::Request,
    entities: &Entities,
    unknown: &BTreeSet<&str>,
    found: &mut Findings,
) -> Vec<&'a Meta> {
    if side.metas.is_empty() {
        return Vec::new();
    }
    let judged = |meta: &Meta| unknown.is_empty() || !unknown.iter().any(|name| meta.reads.contains(name));
    let response = AUTHORIZER.is_authorized(query, &side.cedar, entities);
    let errors: BTreeMap<String, String> = response
        .diagnostics()
        .errors()
        .map(|cedar_policy::AuthorizationError::PolicyEvaluationError(fault)| {
            (fault.policy_id().to_string(), fault.inner().to_string())
        })
        .collect();
    let applied: BTreeSet<&str> = response.diagnostics().reason().map(AsRef::as_ref).collect();
    let mut out = Vec::new();
    for meta in side.metas.iter().filter(|meta| judged(meta)) {
        if let Some(fault) = errors.get(&meta.id) {
            found.policies.insert(meta.id.clone());
            found.doubt(
                codes::POLICY_ERROR,
                format!("the policy {} could not be evaluated: {fault}", meta.id),
                format!("the policy is mended ({}/{}:{})", meta.place.pack, meta.place.file, meta.place.line),
                "whoever keeps the policy packs",
            );
        } else if applied.contains(meta.id.as_str()) {
            out.push(&**meta);
        }
    }
    out
}

/// The facts for Cedar, and the names of those that are not known.
fn context<'a>(
    request: &Request,
    info: &'a ActionInfo,
    forbids: &Side,
    found: &mut Findings,
) -> (Option<Context>, BTreeSet<&'a str>) {
    let mut values = Vec::with_capacity(info.facts.len());
    let mut unknown = BTreeSet::new();
    for (name, fact) in &info.facts {
        let value = match request.facts.get(name) {
            Some(supplied) => value(fact.fact_type, supplied),
            None => None,
        };
        match value {
            Some(value) => values.push((name.clone(), value)),
            None => {
                unknown.insert(name.as_str());
                values.push((name.clone(), arbitrary(fact.fact_type)));
                report_fault(request, name, fact, found);
                report_unknown(request, name, fact, forbids, found);
            }
        }
    }
    for name in request.facts.0.keys().filter(|name| !info.facts.contains_key(*name)) {
        found.doubt(
            codes::FACT_UNDECLARED,
            format!("the fact {name} was supplied, which {} does not have", request.action),
            "the policy schema declares it for this action, or it is left out".to_owned(),
            ASKER,
        );
    }
    // Evaluating literals cannot fail; if it ever did, there would be no context and so no verdict but a doubt.
    let context = Context::from_pairs(values).ok();
    if context.is_none() {
        found.doubt(
            codes::POLICY_ERROR,
            format!("the facts for {} cannot be put to the policies", request.action),
            "the facts are mended".to_owned(),
            ASKER,
        );
    }
    (context, unknown)
}

/// A fact that had to come and did not, or came in another type, is a doubt whoever reads it.
fn report_fault(request: &Request, name: &str, fact: &FactInfo, found: &mut Findings) {
    match request.facts.get(name) {
        None if fact.required => found.doubt(
            codes::FACT_MISSING,
            format!("the fact {name} was not supplied, so it is not known {}", fact.about),
            format!("the request for {} brings it", request.action),
            ASKER,
        ),
        None | Some(Fact::Unknown(_)) => {}
        Some(_) => found.doubt(
            codes::FACT_MISTYPED,
            format!("the fact {name} has another type than it should, so it is not known {}", fact.about),
            format!("{name} is supplied as {}", fact.fact_type.in_words()),
            ASKER,
        ),
    }
}

/// A fact that nobody can say, or that may be left out and was, is a doubt when a policy of this side reads it.
fn report_unknown(request: &Request, name: &str, fact: &FactInfo, side: &Side, found: &mut Findings) {
    let kind = request.principal.kind;
    let readers: Vec<&Meta> = side
        .metas
        .iter()
        .map(|meta| &**meta)
        .filter(|meta| meta.kinds.contains(&kind) && meta.reads.contains(name))
        .collect();
    if readers.is_empty() {
        return;
    }
    found.policies.extend(readers.iter().map(|meta| meta.id.clone()));
    let why = match request.facts.get(name) {
        Some(Fact::Unknown(why)) => why.clone(),
        None if !fact.required => format!("the fact {name} was not supplied"),
        _ => return,
    };
    found.doubt(
        codes::FACT_UNKNOWN,
        format!("it is not known {}: {why}", fact.about),
        fact.supply.clone(),
        "whoever keeps that record",
    );
}

fn value(fact_type: FactType, fact: &Fact) -> Option<RestrictedExpression> {
    match (fact_type, fact) {
        (FactType::Bool, Fact::Bool(value)) => Some(RestrictedExpression::new_bool(*value)),
        (FactType::Long, Fact::Long(value)) => Some(RestrictedExpression::new_long(*value)),
        (FactType::Text, Fact::Text(value)) => Some(RestrictedExpression::new_string(value.clone())),
        (FactType::Set, Fact::Set(values)) => {
            Some(RestrictedExpression::new_set(values.iter().cloned().map(RestrictedExpression::new_string)))
        }
        _ => None,
    }
}

fn arbitrary(fact_type: FactType) -> RestrictedExpression {
    match fact_type {
        FactType::Bool => RestrictedExpression::new_bool(false),
        FactType::Long => RestrictedExpression::new_long(0),
        FactType::Text => RestrictedExpression::new_string(String::new()),
        FactType::Set => RestrictedExpression::new_set([]),
    }
}

/// Why no permit matched, and who could do it instead.
fn no_permission(request: &Request, info: &ActionInfo, policies: &ForAction) -> Reason {
    let reason = |message: String, clears: String, who: String| Reason {
        code: codes::NO_PERMISSION.to_owned(),
        message,
        clears,
        who,
        control: None,
    };
    let principal = &request.principal;
    let permits: Vec<&Meta> = policies.permits.metas.iter().map(|meta| &**meta).collect();
    let kinds: BTreeSet<_> =
        permits.iter().flat_map(|meta| &meta.kinds).filter(|k| info.principals.contains(k)).collect();
    if kinds.is_empty() {
        return reason(
            format!("no policy in force permits {} to anybody", info.about),
            "a policy pack is installed that permits it".to_owned(),
            "an administrator installs policy packs".to_owned(),
        );
    }
    if !kinds.contains(&principal.kind) {
        let able = kinds.iter().map(|kind| kind.in_words()).collect::<Vec<_>>().join(" or ");
        return reason(
            format!("{} is not open to {}", info.about, principal.kind.in_words()),
            format!("{able} does it"),
            able,
        );
    }
    let open: Vec<&Meta> = permits.into_iter().filter(|meta| meta.kinds.contains(&principal.kind)).collect();
    let roles: BTreeSet<&str> = open.iter().flat_map(|meta| &meta.roles).map(String::as_str).collect();
    let held: BTreeSet<&str> = principal.roles.iter().map(String::as_str).filter(|role| roles.contains(role)).collect();
    if roles.is_empty() || !held.is_empty() {
        let rules = open
            .iter()
            .filter(|meta| roles.is_empty() || meta.roles.iter().any(|role| held.contains(role.as_str())))
            .map(|meta| meta.id.as_str())
            .collect::<Vec<_>>()
            .join(", ");
        let yours = if held.is_empty() { "you".to_owned() } else { format!("your role {}", join(&held, "and")) };
        let others: BTreeSet<&str> = roles.difference(&held).copied().collect();
        return reason(
            format!("{} is open to {yours} only under conditions that are not met here ({rules})", info.about),
            format!("the conditions of {rules} are met"),
            if others.is_empty() {
                "an administrator, who keeps the policy packs".to_owned()
            } else {
                with_role(&others)
            },
        );
    }
    let mine: BTreeSet<&str> = principal.roles.iter().map(String::as_str).collect();
    let mine = if mine.is_empty() { "you have no role".to_owned() } else { format!("yours: {}", join(&mine, "and")) };
    reason(
        format!("{} takes the role {} ({mine})", info.about, join(&roles, "or")),
        format!("somebody with the role {} does it, or an administrator gives you that role", join(&roles, "or")),
        with_role(&roles),
    )
}

fn with_role(roles: &BTreeSet<&str>) -> String {
    format!("anybody with the role {}", join(roles, "or"))
}

/// `a`, `a or b`, `a, b or c`.
fn join(items: &BTreeSet<&str>, last: &str) -> String {
    let items: Vec<&str> = items.iter().copied().collect();
    match items.split_last() {
        None => String::new(),
        Some((only, [])) => (*only).to_owned(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
    }
}
