//! Criteria of a release: stating them, how they stand, letting commits through a code freeze.

use crate::{
    act::{self, Done},
    auth::Caller,
    extract::{At, Body, Key, parse},
    http::{
        evidence::{self, kind_out, meaning_in, meaning_out, severity_in, severity_out},
        release::{Person, find, one_of},
    },
    lens::{Lens, named, verdict},
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{
    core::Command,
    reason::Outcome,
    release::{self, Asks, Judged, Limit, Release, ReleaseCriterion, SignatureRule},
};
use interlock_ids::{AccountId, Name};
use interlock_wire::{
    criterion::{
        CodeFreezeSpec, ComponentsSpec, Criteria, CriterionResult, CriterionView, EvidenceRef, ExceptionView,
        FindingsSpec, GrantException, LimitSpec, ReleaseCriterionSpec, SignatureRuleSpec, StatementSpec, TestsSpec,
    },
    length::Length,
    reason::{Receipt, Verdict},
};
use std::collections::BTreeSet;

fn names(field: &str, all: &[String]) -> Answer<BTreeSet<Name>> {
    all.iter().enumerate().map(|(n, text)| parse(&format!("{field}[{n}]"), text)).collect()
}

/// What stated criteria mean to the core.
pub fn all_in(all: &[ReleaseCriterionSpec], person: Person) -> Answer<Vec<ReleaseCriterion>> {
    all.iter().enumerate().map(|(n, it)| spec_in(&format!("criteria[{n}]"), it, person)).collect()
}

fn spec_in(field: &str, it: &ReleaseCriterionSpec, person: Person) -> Answer<ReleaseCriterion> {
    let evidence = |part: &str, text: &str| parse::<Name>(&format!("{field}.{part}.evidence"), text);
    let freeze: Option<Answer<Asks>> = it.code_freeze.map(|it| Ok(Asks::CodeFreeze { at: it.at }));
    let tests: Option<Answer<Asks>> = it.tests.as_ref().map(|it| {
        Ok(Asks::Tests {
            evidence: evidence("tests", &it.evidence)?,
            fresh_s: it.fresh.0,
            at_least: it.at_least,
            failed_at_most: it.failed_at_most,
            skipped_at_most: it.skipped_at_most,
        })
    });
    let findings: Option<Answer<Asks>> = it.findings.as_ref().map(|it| {
        let limit = |(severity, it): (&_, &LimitSpec)| {
            (severity_in(*severity), Limit { at_most: it.at_most, after_s: it.after.0 })
        };
        Ok(Asks::Findings {
            evidence: evidence("findings", &it.evidence)?,
            fresh_s: it.fresh.0,
            limits: it.limits.iter().map(limit).collect(),
            vex: it.vex.as_deref().map(|text| parse(&format!("{field}.findings.vex"), text)).transpose()?,
        })
    });
    let components: Option<Answer<Asks>> = it.components.as_ref().map(|it| {
        Ok(Asks::Components {
            evidence: evidence("components", &it.evidence)?,
            fresh_s: it.fresh.0,
            at_least: it.at_least,
            identified_percent: it.identified,
        })
    });
    let statement: Option<Answer<Asks>> = it.statement.as_ref().map(|it| {
        Ok(Asks::Statement {
            evidence: evidence("statement", &it.evidence)?,
            fresh_s: it.fresh.0,
            predicate: it.predicate.clone(),
            keys: names(&format!("{field}.statement.keys"), &it.keys)?,
        })
    });
    let choices = "`code_freeze`, `tests`, `findings`, `components` and `statement`";
    let asks = one_of(field, choices, [freeze, tests, findings, components, statement])??;
    let signature = it.signature.as_ref().map(|it| {
        Ok::<_, Failure>(SignatureRule {
            meaning: meaning_in(it.meaning),
            by: it.by.iter().map(|login| signer(field, login, person)).collect::<Answer<_>>()?,
            groups: names(&format!("{field}.signature.groups"), &it.groups)?,
            independent: it.independent,
        })
    });
    Ok(ReleaseCriterion {
        name: parse(&format!("{field}.name"), &it.name)?,
        services: names(&format!("{field}.services"), &it.services)?,
        asks,
        signature: signature.transpose()?,
    })
}

fn signer(field: &str, login: &str, person: Person) -> Answer<AccountId> {
    person(login).map_err(|_| {
        let message = format!("{field}.signature.by: there is no account `{login}`");
        Failure::invalid("unknown-account", &format!("{field}.signature.by"), message)
    })
}

/// A criterion as people state it.
pub fn spec_out(lens: &Lens, it: &ReleaseCriterion) -> ReleaseCriterionSpec {
    let strings = |all: &BTreeSet<Name>| all.iter().map(Name::to_string).collect();
    let login = |id: &AccountId| lens.engine.desk().person(*id).map_or_else(|| id.to_string(), |it| it.login);
    let mut out = ReleaseCriterionSpec {
        name: it.name.to_string(),
        services: strings(&it.services),
        code_freeze: None,
        tests: None,
        findings: None,
        components: None,
        statement: None,
        signature: it.signature.as_ref().map(|it| SignatureRuleSpec {
            meaning: meaning_out(it.meaning),
            by: it.by.iter().map(login).collect(),
            groups: strings(&it.groups),
            independent: it.independent,
        }),
    };
    match &it.asks {
        Asks::CodeFreeze { at } => out.code_freeze = Some(CodeFreezeSpec { at: *at }),
        Asks::Tests { evidence, fresh_s, at_least, failed_at_most, skipped_at_most } => {
            out.tests = Some(TestsSpec {
                evidence: evidence.to_string(),
                at_least: *at_least,
                failed_at_most: *failed_at_most,
                skipped_at_most: *skipped_at_most,
                fresh: Length(*fresh_s),
            });
        }
        Asks::Findings { evidence, fresh_s, limits, vex } => {
            let limit = |(severity, it): (&_, &Limit)| {
                (severity_out(*severity), LimitSpec { at_most: it.at_most, after: Length(it.after_s) })
            };
            out.findings = Some(FindingsSpec {
                evidence: evidence.to_string(),
                limits: limits.iter().map(limit).collect(),
                vex: vex.as_ref().map(Name::to_string),
                fresh: Length(*fresh_s),
            });
        }
        Asks::Components { evidence, fresh_s, at_least, identified_percent } => {
            out.components = Some(ComponentsSpec {
                evidence: evidence.to_string(),
                at_least: *at_least,
                identified: *identified_percent,
                fresh: Length(*fresh_s),
            });
        }
        Asks::Statement { evidence, fresh_s, predicate, keys } => {
            out.statement = Some(StatementSpec {
                evidence: evidence.to_string(),
                predicate: predicate.clone(),
                keys: strings(keys),
                fresh: Length(*fresh_s),
            });
        }
    }
    out
}

/// The worst of several: one that fails, else one that cannot tell.
fn worst(all: impl IntoIterator<Item = Verdict>) -> Verdict {
    all.into_iter().fold(Verdict::Pass, |worst, it| match (worst, it) {
        (Verdict::Fail, _) | (_, Verdict::Fail) => Verdict::Fail,
        (Verdict::Inconclusive, _) | (_, Verdict::Inconclusive) => Verdict::Inconclusive,
        (Verdict::Pass, Verdict::Pass) => Verdict::Pass,
    })
}

/// Every criterion with what it says of each build now.
pub fn views(lens: &Lens, it: &Release) -> Vec<CriterionView> {
    let judged = release::judge(&lens.world, it, lens.now);
    let view = |criterion: &ReleaseCriterion| {
        let of_it: Vec<&Judged> = judged.iter().filter(|it| it.criterion == criterion.name).collect();
        CriterionView {
            name: criterion.name.to_string(),
            asks: criterion.asks.word().into(),
            wanted: release::wanted(criterion),
            verdict: worst(of_it.iter().map(|it| verdict(it.outcome))),
            results: of_it.into_iter().map(|it| result(lens, it)).collect(),
        }
    };
    it.spec.criteria.iter().map(view).collect()
}

fn result(lens: &Lens, it: &Judged) -> CriterionResult {
    let attached = it.evidence.and_then(|id| lens.world.artifact.evidence.by_id(id));
    let blocker = (it.outcome != Outcome::Pass).then(|| it.blocker());
    CriterionResult {
        service: named(&it.service),
        version: lens.version(&it.digest),
        digest: it.digest.to_string(),
        verdict: verdict(it.outcome),
        found: it.found.clone(),
        blocker: lens.blockers(blocker.as_slice()).pop(),
        evidence: attached.map(|it| EvidenceRef {
            id: it.evidence.id.to_string(),
            name: it.evidence.name.to_string(),
            kind: kind_out(it.evidence.kind),
            document: it.evidence.blob.to_string(),
            tool: evidence::tool(&it.evidence),
            signatures: it.signatures.iter().map(|it| evidence::signature_view(lens, it)).collect(),
        }),
        made: it.made,
        until: it.until,
        excepted: it.excepted.clone(),
        late_commits: it.late_commits.clone(),
    }
}

pub fn exceptions(lens: &Lens, it: &Release) -> Vec<ExceptionView> {
    let view = |it: &release::Exception| ExceptionView {
        criterion: it.criterion.to_string(),
        commits: it.commits.iter().cloned().collect(),
        by: it.by.map(|id| lens.person(id)),
        reason: lens.note(it.reason),
        at: it.at,
    };
    it.exceptions.iter().map(view).collect()
}

/// The criteria of a release as they stand now.
#[utoipa::path(get, path = "/releases/{release}/criteria", params(("release" = String, Path)), responses((status = 200, body = Criteria)))]
pub async fn criteria(State(app): State<App>, caller: Caller, At(text): At<String>) -> Answer<Json<Criteria>> {
    let id = find(&app, &text)?;
    let lens = Lens::new(&app, &caller).close(id)?;
    let found = lens.world.release.release(id).ok_or_else(|| Failure::not_found("release", text))?;
    let criteria = views(&lens, found);
    Ok(Json(Criteria {
        release: lens.release(id),
        verdict: worst(criteria.iter().map(|it| it.verdict)),
        criteria,
        exceptions: exceptions(&lens, found),
        position: lens.world.position,
        at: lens.now,
    }))
}

/// Lets commits through a code freeze, by name and with a reason.
#[utoipa::path(post, path = "/releases/{release}/except", params(("release" = String, Path)), request_body = GrantException, responses((status = 200, body = Receipt)))]
pub async fn except(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<GrantException>,
) -> Answer<Done> {
    let release = find(&app, &text)?;
    let command = release::Command::Except {
        release,
        criterion: parse("criterion", &it.criterion)?,
        commits: it.commits.iter().cloned().collect(),
        reason: act::note(&app, "reason", &it.reason)?,
    };
    act::carry_out(&app, &caller, key, act::subject("release", release, &text), Command::Release(command)).await
}
