//! The specification of a release, as people write it and as the core holds it.

use crate::{
    act,
    extract::parse,
    http::{change, criterion},
    lens::Lens,
    problem::{Answer, Failure},
    state::App,
};
use interlock_domain::release as domain;
use interlock_ids::{AccountId, Digest, Name};
use interlock_wire::{
    length::{Amount, Length},
    release as wire,
};

/// Exactly one of several.
pub fn one_of<T>(field: &str, choices: &str, given: impl IntoIterator<Item = Option<T>>) -> Answer<T> {
    let mut all: Vec<T> = given.into_iter().flatten().collect();
    match (all.len(), all.pop()) {
        (1, Some(only)) => Ok(only),
        _ => Err(Failure::invalid("one-of", field, format!("{field}: give exactly one of {choices}"))),
    }
}

/// Finds the account of a login.
pub type Person<'a> = &'a dyn Fn(&str) -> Answer<AccountId>;

/// What a specification means to the core. Keeps the summary as a note.
pub fn spec_in(app: &App, name: Name, it: &wire::ReleaseSpec, person: Person) -> Answer<domain::Spec> {
    let items = it
        .items
        .iter()
        .enumerate()
        .map(|(n, item)| item_in(app, &format!("items[{n}]"), item))
        .collect::<Answer<_>>()?;
    let triggers = it
        .triggers
        .iter()
        .enumerate()
        .map(|(n, trigger)| trigger_in(person, &format!("triggers[{n}]"), trigger))
        .collect::<Answer<_>>()?;
    let criteria = it
        .rollback
        .criteria
        .iter()
        .enumerate()
        .map(|(n, it)| criterion_in(&format!("rollback.criteria[{n}]"), it))
        .collect::<Answer<_>>()?;
    Ok(domain::Spec {
        name,
        environment: parse("environment", &it.environment)?,
        class: change::class_in(it.class),
        items,
        pipeline: parse("pipeline", &it.pipeline)?,
        model: model_in(&it.model)?,
        length_s: it.length.0,
        triggers,
        rollback: domain::RollbackPlan { criteria },
        criteria: criterion::all_in(&it.criteria, person)?,
        watch: domain::WatchSpec { length_s: it.watch.length.0, interval_s: it.watch.interval.0 },
        summary: act::note(app, "summary", &it.summary)?,
    })
}

fn item_in(app: &App, field: &str, it: &wire::ItemSpec) -> Answer<domain::Item> {
    let service: Name = parse(&format!("{field}.service"), &it.service)?;
    let digest = match (&it.digest, &it.version) {
        (Some(digest), None) => parse(&format!("{field}.digest"), digest)?,
        (None, Some(version)) => by_version(app, field, &service, version)?,
        _ => {
            return Err(Failure::invalid(
                "one-of",
                field,
                format!("{field}: give exactly one of `version` and `digest`"),
            ));
        }
    };
    Ok(domain::Item { service, digest })
}

fn by_version(app: &App, field: &str, service: &Name, version: &str) -> Answer<Digest> {
    let world = app.engine().world();
    let builds = world.artifact.artifacts.values().filter(|it| it.service == *service && it.version == version);
    let found: Vec<Digest> = builds.map(|it| it.digest).collect();
    match found.as_slice() {
        [only] => Ok(*only),
        [] => Err(Failure::invalid(
            "unknown-version",
            &format!("{field}.version"),
            format!("{field}: no build of `{service}` is registered as `{version}`"),
        )),
        many => {
            let digests: Vec<String> = many.iter().map(ToString::to_string).collect();
            let message = format!(
                "{field}: {} builds of `{service}` are called `{version}`; name the digest: {}",
                many.len(),
                digests.join(", ")
            );
            Err(Failure::invalid("ambiguous-version", &format!("{field}.version"), message))
        }
    }
}

fn model_in(it: &wire::ModelSpec) -> Answer<domain::Model> {
    match (&it.big_bang, &it.phased) {
        (_, None) => Ok(domain::Model::BigBang),
        (None, Some(phased)) => {
            let waves =
                phased.waves.iter().enumerate().map(|(n, wave)| wave_in(&format!("model.phased.waves[{n}]"), wave));
            Ok(domain::Model::Phased { waves: waves.collect::<Answer<_>>()? })
        }
        (Some(_), Some(_)) => {
            Err(Failure::invalid("one-of", "model", "model: give exactly one of `big_bang` and `phased`"))
        }
    }
}

fn wave_in(field: &str, it: &wire::WaveSpec) -> Answer<domain::WaveSpec> {
    Ok(domain::WaveSpec {
        name: parse(&format!("{field}.name"), &it.name)?,
        take: match it.take {
            Amount::Count(count) => domain::Take::Count(count),
            Amount::Percent(percent) => domain::Take::Percent(percent),
            Amount::Rest => domain::Take::Rest,
        },
        weight: it.weight,
        bake_s: it.bake.0,
        canary: it.canary.as_ref().map(|it| domain::CanarySpec {
            interval_s: it.interval.0,
            horizon: it.horizon,
            at_least: it.at_least,
            on_inconclusive: match it.on_inconclusive {
                wire::OnInconclusive::Hold => domain::OnInconclusive::Hold,
                wire::OnInconclusive::Rollback => domain::OnInconclusive::Rollback,
            },
            margins: domain::Margins {
                errors: it.margins.errors,
                latency_p50: it.margins.latency_p50,
                latency_p90: it.margins.latency_p90,
                latency_p99: it.margins.latency_p99,
            },
        }),
    })
}

fn indicator_in(field: &str, it: &wire::IndicatorSpec) -> Answer<domain::Indicator> {
    let service = |text: &str| parse(&format!("{field}.service"), text);
    let errors = it
        .error_ratio
        .as_ref()
        .map(|it| Ok(domain::Indicator::ErrorRatio { service: service(&it.service)?, window_s: it.window.0 }));
    let latency = it.latency.as_ref().map(|it| {
        Ok(domain::Indicator::Latency { service: service(&it.service)?, quantile: it.quantile, window_s: it.window.0 })
    });
    let promql = it.promql.as_ref().map(|query| Ok(domain::Indicator::Promql { query: query.clone() }));
    one_of(field, "`error_ratio`, `latency` and `promql`", [errors, latency, promql])?
}

fn comparison_in(it: wire::Comparison) -> domain::Comparison {
    match it {
        wire::Comparison::Above => domain::Comparison::Above,
        wire::Comparison::Below => domain::Comparison::Below,
    }
}

fn trigger_in(find: Person, field: &str, it: &wire::TriggerSpec) -> Answer<domain::Trigger> {
    let person = |part: &str, login: &Option<String>| -> Answer<Option<AccountId>> {
        let unknown = |login: &str| {
            Failure::invalid(
                "unknown-account",
                &format!("{field}.{part}"),
                format!("{field}.{part}: there is no account `{login}`"),
            )
        };
        login.as_deref().map(|login| find(login).map_err(|_| unknown(login))).transpose()
    };
    Ok(domain::Trigger {
        name: parse(&format!("{field}.name"), &it.name)?,
        indicator: indicator_in(&format!("{field}.indicator"), &it.indicator)?,
        comparison: comparison_in(it.comparison),
        threshold: it.threshold,
        for_s: it.for_.0,
        action: match it.action {
            wire::TriggerAction::Page => domain::TriggerAction::Page,
            wire::TriggerAction::Rollback => domain::TriggerAction::Rollback,
        },
        owner: person("owner", &it.owner)?,
        deputy: person("deputy", &it.deputy)?,
    })
}

fn criterion_in(field: &str, it: &wire::CriterionSpec) -> Answer<domain::Criterion> {
    let http: Option<Answer<domain::CriterionKind>> =
        it.http.as_ref().map(|it| Ok(domain::CriterionKind::Http { path: it.path.clone() }));
    let reports = it
        .reports
        .as_ref()
        .map(|it| Ok(domain::CriterionKind::Reports { path: it.path.clone(), pointer: it.pointer.clone() }));
    let metric = it.metric.as_ref().map(|it| {
        let indicator = indicator_in(&format!("{field}.metric.indicator"), &it.indicator)?;
        Ok(domain::CriterionKind::Metric {
            indicator,
            comparison: comparison_in(it.comparison),
            threshold: it.threshold,
        })
    });
    let kind = one_of(field, "`http`, `reports` and `metric`", [http, reports, metric])??;
    Ok(domain::Criterion { name: parse(&format!("{field}.name"), &it.name)?, kind })
}

/// A specification as people write it.
pub fn spec_out(lens: &Lens, it: &domain::Spec) -> wire::ReleaseSpec {
    let item = |it: &domain::Item| wire::ItemSpec {
        service: it.service.to_string(),
        version: None,
        digest: Some(it.digest.to_string()),
    };
    wire::ReleaseSpec {
        environment: it.environment.to_string(),
        class: change::class_out(it.class),
        summary: lens.note(it.summary),
        items: it.items.iter().map(item).collect(),
        pipeline: it.pipeline.to_string(),
        model: match &it.model {
            domain::Model::BigBang => wire::ModelSpec { big_bang: Some(wire::BigBang {}), phased: None },
            domain::Model::Phased { waves } => wire::ModelSpec {
                big_bang: None,
                phased: Some(wire::Phased { waves: waves.iter().map(wave_out).collect() }),
            },
        },
        length: Length(it.length_s),
        triggers: it.triggers.iter().map(|it| trigger_out(lens, it)).collect(),
        rollback: wire::RollbackSpec { criteria: it.rollback.criteria.iter().map(criterion_out).collect() },
        watch: wire::WatchSpec { length: Length(it.watch.length_s), interval: Length(it.watch.interval_s) },
        criteria: it.criteria.iter().map(|it| criterion::spec_out(lens, it)).collect(),
    }
}

fn wave_out(it: &domain::WaveSpec) -> wire::WaveSpec {
    wire::WaveSpec {
        name: it.name.to_string(),
        take: match it.take {
            domain::Take::Count(count) => Amount::Count(count),
            domain::Take::Percent(percent) => Amount::Percent(percent),
            domain::Take::Rest => Amount::Rest,
        },
        weight: it.weight,
        bake: Length(it.bake_s),
        canary: it.canary.as_ref().map(|it| wire::CanarySpec {
            interval: Length(it.interval_s),
            horizon: it.horizon,
            at_least: it.at_least,
            on_inconclusive: match it.on_inconclusive {
                domain::OnInconclusive::Hold => wire::OnInconclusive::Hold,
                domain::OnInconclusive::Rollback => wire::OnInconclusive::Rollback,
            },
            margins: wire::Margins {
                errors: it.margins.errors,
                latency_p50: it.margins.latency_p50,
                latency_p90: it.margins.latency_p90,
                latency_p99: it.margins.latency_p99,
            },
        }),
    }
}

fn indicator_out(it: &domain::Indicator) -> wire::IndicatorSpec {
    let mut out = wire::IndicatorSpec::default();
    match it {
        domain::Indicator::ErrorRatio { service, window_s } => {
            out.error_ratio = Some(wire::ErrorRatio { service: service.to_string(), window: Length(*window_s) });
        }
        domain::Indicator::Latency { service, quantile, window_s } => {
            out.latency =
                Some(wire::Latency { service: service.to_string(), quantile: *quantile, window: Length(*window_s) });
        }
        domain::Indicator::Promql { query } => out.promql = Some(query.clone()),
    }
    out
}

fn comparison_out(it: domain::Comparison) -> wire::Comparison {
    match it {
        domain::Comparison::Above => wire::Comparison::Above,
        domain::Comparison::Below => wire::Comparison::Below,
    }
}

pub fn action_out(it: domain::TriggerAction) -> wire::TriggerAction {
    match it {
        domain::TriggerAction::Page => wire::TriggerAction::Page,
        domain::TriggerAction::Rollback => wire::TriggerAction::Rollback,
    }
}

fn trigger_out(lens: &Lens, it: &domain::Trigger) -> wire::TriggerSpec {
    let login = |id: AccountId| lens.engine.desk().person(id).map_or_else(|| id.to_string(), |it| it.login);
    wire::TriggerSpec {
        name: it.name.to_string(),
        indicator: indicator_out(&it.indicator),
        comparison: comparison_out(it.comparison),
        threshold: it.threshold,
        for_: Length(it.for_s),
        action: action_out(it.action),
        owner: it.owner.map(login),
        deputy: it.deputy.map(login),
    }
}

fn criterion_out(it: &domain::Criterion) -> wire::CriterionSpec {
    let mut out = wire::CriterionSpec { name: it.name.to_string(), http: None, reports: None, metric: None };
    match &it.kind {
        domain::CriterionKind::Http { path } => out.http = Some(wire::HttpCriterion { path: path.clone() }),
        domain::CriterionKind::Reports { path, pointer } => {
            out.reports = Some(wire::ReportsCriterion { path: path.clone(), pointer: pointer.clone() })
        }
        domain::CriterionKind::Metric { indicator, comparison, threshold } => {
            out.metric = Some(wire::MetricCriterion {
                indicator: indicator_out(indicator),
                comparison: comparison_out(*comparison),
                threshold: *threshold,
            });
        }
    }
    out
}

/// A figure in words.
pub fn indicator_words(it: &domain::Indicator) -> String {
    match it {
        domain::Indicator::ErrorRatio { service, window_s } => {
            format!("error ratio of {service} over {}", Length(*window_s))
        }
        domain::Indicator::Latency { service, quantile, window_s } => {
            format!("{:.4} quantile of the duration of {service} in seconds over {}", quantile, Length(*window_s))
        }
        domain::Indicator::Promql { query } => query.clone(),
    }
}

pub fn comparison_words(it: domain::Comparison) -> &'static str {
    match it {
        domain::Comparison::Above => "above",
        domain::Comparison::Below => "below",
    }
}

/// A criterion in words.
pub fn criterion_words(it: &domain::Criterion) -> String {
    match &it.kind {
        domain::CriterionKind::Http { path } => format!("every target answers {path} with a 2xx status"),
        domain::CriterionKind::Reports { path, pointer } => {
            format!("every target reports its former build at {path}, {pointer}")
        }
        domain::CriterionKind::Metric { indicator, comparison, threshold } => {
            format!("{} is {} {threshold}", indicator_words(indicator), comparison_words(*comparison))
        }
    }
}
