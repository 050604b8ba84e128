//! What holds for every request and every pack, tried on many.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use interlock_policy::{
    Action, Fact, FactType, Facts, Outcome, Pack, PolicySet, Principal, PrincipalKind, Request, Resource, codes,
    facts_of, roles, shipped,
};
use proptest::prelude::*;

static SHIPPED: LazyLock<PolicySet> = LazyLock::new(|| PolicySet::compile(&shipped()).unwrap());

/// A kind of resource that the action applies to.
fn resource_of(action: Action) -> Resource {
    let name = action.as_str();
    let kind = match name {
        "token.issue" => "token",
        "person.erase" | "activity.origins" => "account",
        "note.redact" => "organisation",
        "policy.install" => "pack",
        "signing-key.manage" => "signing-key",
        "read" | "evidence.take" => "ledger",
        "emergency.ratify" => "change",
        "change.document" => "change",
        _ if action.is_gate() => "release",
        _ => name.split_once('.').map_or(name, |(noun, _)| noun),
    };
    Resource::new(kind, "id_1")
}

fn any_value(fact_type: FactType) -> BoxedStrategy<Fact> {
    match fact_type {
        FactType::Bool => any::<bool>().prop_map(Fact::Bool).boxed(),
        FactType::Long => prop_oneof![-1..4_i64, any::<i64>()].prop_map(Fact::Long).boxed(),
        FactType::Text => {
            proptest::sample::select(vec!["standard", "normal", "emergency", "low", "medium", "high", "", "x"])
                .prop_map(Fact::from)
                .boxed()
        }
        FactType::Set => proptest::collection::vec("[ab]{1,2}", 0..3).prop_map(Fact::Set).boxed(),
    }
}

fn any_facts(action: Action) -> impl Strategy<Value = Facts> {
    let parts: Vec<_> = facts_of(action)
        .into_iter()
        .map(|info| {
            let value = any_value(info.fact_type).prop_map(Some);
            let value = if info.required { value.boxed() } else { prop_oneof![value, Just(None)].boxed() };
            (Just(info.name), value)
        })
        .collect();
    parts.prop_map(|pairs| Facts(pairs.into_iter().filter_map(|(name, fact)| Some((name, fact?))).collect()))
}

fn any_principal() -> impl Strategy<Value = Principal> {
    use PrincipalKind::{Human, Robot, Runner, System};
    let all: Vec<String> = roles().into_iter().collect();
    let kind = proptest::sample::select(vec![Human, Human, Human, System, System, Robot, Runner]);
    (kind, proptest::sample::subsequence(all.clone(), 0..=all.len()))
        .prop_map(|(kind, roles)| Principal { kind, ..Principal::human("acc_1", roles) })
}

fn any_request() -> impl Strategy<Value = Request> {
    (proptest::sample::select(Action::ALL.to_vec()), any_principal()).prop_flat_map(|(action, principal)| {
        any_facts(action).prop_map(move |facts| Request {
            principal: principal.clone(),
            action,
            resource: resource_of(action),
            facts,
        })
    })
}

fn extra(text: String) -> Pack {
    Pack { name: "extra".into(), version: "1".into(), files: [("extra.cedar".into(), text)].into() }
}

/// The shipped packs and, in each set, a part of all forbids over one fact of one action.
static STRICTER: LazyLock<Vec<PolicySet>> = LazyLock::new(|| {
    let mut texts = vec![String::new(); 3];
    let mut n = 0;
    for action in Action::ALL {
        for fact in facts_of(*action).into_iter().filter(|fact| fact.required) {
            let name = &fact.name;
            let test = match fact.fact_type {
                FactType::Bool => format!("context.{name}"),
                FactType::Long => format!("context.{name} < 2"),
                FactType::Text => format!("context.{name} == \"high\""),
                FactType::Set => format!("context.{name}.isEmpty()"),
            };
            for word in ["when", "unless"] {
                texts[n % 3].push_str(&format!(
                    "@id(\"extra.n{n}\") @message(\"m {{{name}}}\") @clears(\"c\") @who(\"w\")\nforbid (principal, action == Action::\"{action}\", resource) {word} {{ {test} }};\n"
                ));
                n += 1;
            }
        }
    }
    let compile = |text: String| {
        let mut packs = shipped();
        packs.push(extra(text));
        PolicySet::compile(&packs).unwrap()
    };
    texts.into_iter().map(compile).collect()
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// A verdict is the same every time, explains itself, and passes without reasons only.
    #[test]
    fn verdicts_are_repeatable_and_explained(request in any_request()) {
        let verdict = SHIPPED.check(&request);
        prop_assert_eq!(&verdict, &SHIPPED.clone().check(&request));
        prop_assert_eq!(verdict.passes(), verdict.reasons.is_empty());
        prop_assert_eq!(&verdict.policy_set, SHIPPED.digest());
        let mut sorted = verdict.reasons.clone();
        sorted.sort();
        sorted.dedup();
        prop_assert_eq!(&verdict.reasons, &sorted);
        for reason in &verdict.reasons {
            prop_assert!(!reason.message.is_empty() && !reason.clears.is_empty() && !reason.who.is_empty());
            prop_assert!(!reason.message.contains(['{', '}']), "{}", reason.message);
        }
        prop_assert!(!verdict.passes() || !verdict.policies.is_empty());
    }

    /// Further forbids close or leave closed; they open nothing.
    #[test]
    fn a_forbid_never_opens(request in any_request(), which in 0..3_usize) {
        let stricter = &STRICTER[which];
        let (before, after) = (SHIPPED.check(&request), stricter.check(&request));
        match before.outcome {
            Outcome::Pass => {}
            Outcome::Fail => prop_assert_eq!(after.outcome, Outcome::Fail),
            Outcome::Inconclusive => prop_assert!(!after.passes()),
        }
        for reason in before.reasons {
            prop_assert!(after.reasons.contains(&reason));
        }
    }

    /// Forgetting a fact that was supplied never opens, and never makes a failing request look better than undecided.
    #[test]
    fn what_is_not_known_never_passes(request in any_request(), index in any::<proptest::sample::Index>(), how in 0..3) {
        prop_assume!(!request.facts.0.is_empty());
        let name = request.facts.0.keys().nth(index.index(request.facts.0.len())).unwrap().clone();
        let info = facts_of(request.action).into_iter().find(|info| info.name == name).unwrap();
        let mut forgetful = request.clone();
        match how {
            0 => { forgetful.facts.0.insert(name.clone(), Fact::Unknown("nobody looked".into())); }
            1 => { forgetful.facts.0.remove(&name); }
            _ => {
                let wrong = if info.fact_type == FactType::Bool { Fact::Long(1) } else { Fact::Bool(true) };
                forgetful.facts.0.insert(name.clone(), wrong);
            }
        }
        let (before, after) = (SHIPPED.check(&request), SHIPPED.check(&forgetful));
        let read = SHIPPED.describe().iter().any(|policy| {
            policy.effect == "forbid" && policy.actions.iter().any(|a| a == request.action.as_str()) && policy.facts.contains(&name)
        });
        if read || how == 2 || (how == 1 && info.required) {
            prop_assert!(!after.passes(), "{name} {how}");
        }
        if !before.passes() {
            prop_assert!(!after.passes());
        }
    }

    /// The order of the packs changes neither digest nor verdict.
    #[test]
    fn the_order_of_packs_means_nothing(request in any_request()) {
        static REVERSED: LazyLock<PolicySet> = LazyLock::new(|| {
            let mut packs = shipped();
            packs.reverse();
            PolicySet::compile(&packs).unwrap()
        });
        prop_assert_eq!(&*REVERSED, &*SHIPPED);
        prop_assert_eq!(REVERSED.check(&request), SHIPPED.check(&request));
    }
}

/// Every value that can matter to the shipped policies, for each type.
fn telling_values(fact: &str, fact_type: FactType) -> Vec<Fact> {
    match fact_type {
        FactType::Bool => vec![Fact::Bool(false), Fact::Bool(true)],
        FactType::Long => (0..3).map(Fact::Long).collect(),
        FactType::Text if fact == "class" => ["standard", "normal", "emergency", "other"].map(Fact::from).to_vec(),
        FactType::Text if fact == "impact" => ["low", "medium", "high", "other"].map(Fact::from).to_vec(),
        FactType::Text if fact == "gate" => ["calendar", "artifact"].map(Fact::from).to_vec(),
        FactType::Text if fact == "board_decision" => ["approved", "rejected", "void", "none"].map(Fact::from).to_vec(),
        FactType::Text if fact == "template_standing" => ["earned", "probation", "none"].map(Fact::from).to_vec(),
        FactType::Text => vec![Fact::from("production")],
        FactType::Set => vec![Fact::Set(vec![]), Fact::Set(vec!["a".into()])],
    }
}

/// Nothing is shut for good, and nothing shuts never: for every action there are somebody and facts that pass, and every
/// forbid fires for some facts alone, so that each can be both met and cleared.
#[test]
fn everything_can_be_met_and_every_forbid_can_fire() {
    let mut fired: BTreeSet<String> = BTreeSet::new();
    let mut met: BTreeMap<&str, usize> = BTreeMap::new();
    let every_role: Vec<String> = roles().into_iter().collect();
    let principals = [
        Principal::human("acc_1", every_role),
        Principal::system(),
        Principal { kind: PrincipalKind::Robot, ..Principal::human("acc_2", Vec::<String>::new()) },
    ];
    for action in Action::ALL {
        // Facts that no policy reads, and that texts alone carry, take one value; the rest all their values.
        let read: BTreeSet<String> = SHIPPED
            .describe()
            .into_iter()
            .filter(|policy| policy.actions.iter().any(|a| a == action.as_str()))
            .flat_map(|policy| policy.facts)
            .collect();
        let mut all = vec![Facts::new()];
        for info in facts_of(*action).into_iter().filter(|info| info.required) {
            let mut values = telling_values(&info.name, info.fact_type);
            if !read.contains(&info.name) {
                values.truncate(1);
            }
            all =
                all.iter().flat_map(|facts| values.iter().map(|v| facts.clone().with(&info.name, v.clone()))).collect();
        }
        for facts in all {
            for principal in &principals {
                let request = Request {
                    principal: principal.clone(),
                    action: *action,
                    resource: resource_of(*action),
                    facts: facts.clone(),
                };
                let verdict = SHIPPED.check(&request);
                if verdict.passes() {
                    *met.entry(action.as_str()).or_default() += 1;
                } else if verdict.reasons.len() == 1 || principal.kind != PrincipalKind::Human {
                    fired.extend(verdict.reasons.into_iter().map(|reason| reason.code));
                }
            }
        }
    }
    for action in Action::ALL {
        assert!(met.contains_key(action.as_str()), "{action} can be met by nobody");
    }
    for policy in SHIPPED.describe().iter().filter(|policy| policy.effect == "forbid") {
        assert!(fired.contains(&policy.id), "{} never fires", policy.id);
    }
}

/// Neither administrators nor robots get to approve, authorise or deploy by being what they are, whatever the facts.
#[test]
fn no_role_but_its_own_opens_approval_authorisation_and_deployment() {
    let owners = [
        (Action::CHANGE_APPROVE, vec!["approver"]),
        (Action::CHANGE_REJECT, vec!["approver"]),
        (Action::RELEASE_AUTHORISE, vec!["release-manager"]),
        (Action::DEPLOYMENT_START, vec!["deployer", "on-call"]),
    ];
    for (action, wanted) in owners {
        assert_eq!(SHIPPED.roles_for(action), wanted.iter().map(|r| (*r).to_owned()).collect());
        let good = |name: &str| matches!(name, "change_open" | "may_deploy" | "permit_valid" | "emergency");
        let mut facts = Facts::new();
        for info in facts_of(action).into_iter().filter(|info| info.required) {
            facts = match info.fact_type {
                FactType::Bool => facts.with(&info.name, good(&info.name)),
                _ => facts.with(&info.name, telling_values(&info.name, info.fact_type).remove(0)),
            };
        }
        for role in roles() {
            let ask = |kind| {
                SHIPPED.check(&Request {
                    principal: Principal { kind, ..Principal::human("acc_1", [role.clone()]) },
                    action,
                    resource: resource_of(action),
                    facts: facts.clone(),
                })
            };
            assert_eq!(ask(PrincipalKind::Human).passes(), wanted.contains(&role.as_str()), "{role} {action}");
            assert!(!ask(PrincipalKind::Robot).passes(), "robot {role} {action}");
        }
    }
}

/// A forbid explains itself, and a permit names a role unless it is for everybody, robots or Interlock itself.
#[test]
fn every_shipped_policy_explains_itself() {
    let policies = SHIPPED.describe();
    assert!(policies.len() > 50);
    for policy in &policies {
        assert!(policy.id.starts_with(&format!("{}.", policy.pack)), "{}", policy.id);
        assert!(policy.line > 0 && !policy.actions.is_empty(), "{}", policy.id);
        if policy.effect == "forbid" {
            for text in [&policy.message, &policy.clears, &policy.who] {
                let text = text.as_ref().unwrap_or_else(|| panic!("{} lacks an annotation", policy.id));
                assert!(!text.ends_with('.') && !text.contains("  "), "{}: {text}", policy.id);
            }
            let gated = policy.actions.iter().all(|action| action.starts_with("gate."));
            assert_eq!(policy.gate.is_some(), gated, "{}", policy.id);
        }
    }
}

/// Cedar skips a policy that errs. A forbid that errs must not vanish, and a permit that errs must not pass.
#[test]
fn a_policy_that_cannot_be_evaluated_does_not_pass() {
    let overflow = "9223372036854775807 + context.open_conditions > 0";
    let forbid = format!(
        "@id(\"extra.f\") @message(\"m\") @clears(\"c\") @who(\"w\")\nforbid (principal, action == Action::\"gate.conditions\", resource) when {{ {overflow} && context.open_conditions > 5 }};"
    );
    let permit = format!(
        "@id(\"extra.p\")\npermit (principal, action == Action::\"gate.conditions\", resource) when {{ {overflow} }};"
    );
    let request = |open: i64| Request {
        principal: Principal::system(),
        action: Action::GATE_CONDITIONS,
        resource: Resource::new("release", "rel_1"),
        facts: Facts::new().with("open_conditions", open),
    };
    let opens = "@id(\"extra.o\")\npermit (principal, action == Action::\"gate.conditions\", resource);".to_owned();
    let set = PolicySet::compile(&[extra(forbid + "\n" + &opens)]).unwrap();
    assert!(set.check(&request(0)).passes());
    let verdict = set.check(&request(1));
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    assert_eq!(verdict.reasons[0].code, codes::POLICY_ERROR);
    assert_eq!(verdict.policies, ["extra.f"]);

    let set = PolicySet::compile(&[extra(permit)]).unwrap();
    assert!(set.check(&request(0)).passes());
    assert_eq!(set.check(&request(1)).outcome, Outcome::Inconclusive);
}

/// The scope decides which policies read a fact: an unknown fact that only another action's policy reads is no doubt.
#[test]
fn a_policy_for_every_action_reads_only_what_an_action_has() {
    let text = "@id(\"extra.f\") @message(\"m\") @clears(\"c\") @who(\"w\")\nforbid (principal, action, resource) when { context has production_like && context.production_like };";
    let mut packs = shipped();
    packs.push(extra(text.to_owned()));
    let set = PolicySet::compile(&packs).unwrap();
    let close = |facts: Facts| {
        set.check(&Request {
            principal: Principal::human("acc_1", ["release-manager"]),
            action: Action::RELEASE_CLOSE,
            resource: Resource::new("release", "rel_1"),
            facts,
        })
    };
    assert!(close(Facts::new().with("production_like", false)).passes());
    assert_eq!(close(Facts::new().with("production_like", true)).outcome, Outcome::Fail);
    // Left out, it is not "no": somebody reads it now.
    assert_eq!(close(Facts::new()).outcome, Outcome::Inconclusive);
    assert_eq!(close(Facts::new()).reasons[0].code, codes::FACT_UNKNOWN);
}
