//! Controls: the catalogues with what is in force of them, and reports over a period.
//!
//! **Invariant:** taking a report changes nothing, and is decided by the policies (`evidence.take`).

mod text;

use crate::{
    auth::{self, Caller},
    extract::Params,
    http::evidence,
    lens::{Lens, named, verdict},
    problem::{Answer, Failure},
    state::App,
};
use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use interlock_domain::{artifact::Meaning, deployment::Status, reason::Outcome};
use interlock_engine::{Changed, ControlReport as Made};
use interlock_ids::Name;
use interlock_policy::{Catalogue, catalogues};
use interlock_wire::control::{
    CatalogueView, ChangeRow, ControlOutcome, ControlReport, ControlTotal, ControlView, Controls, ExceptionRow,
    PolicyRef, ReportFormat, ReportQuery,
};
use std::collections::BTreeSet;

/// What laws and standards ask for, and what of it is in force.
#[utoipa::path(get, path = "/controls", responses((status = 200, body = Controls)))]
pub async fn controls(State(app): State<App>, caller: Caller) -> Answer<Json<Controls>> {
    let lens = Lens::new(&app, &caller);
    let set = lens.world.policy.set();
    let ids: BTreeSet<String> =
        set.map(|it| it.describe().iter().map(|it| it.id.clone()).collect()).unwrap_or_default();
    let view = |it: &Catalogue| CatalogueView {
        pack: it.pack.clone(),
        title: it.title.clone(),
        source: it.source.clone(),
        data_classes: it.data_classes.iter().cloned().collect(),
        in_force: lens.world.policy.packs().iter().any(|pack| pack.name == it.pack),
        services: lens
            .world
            .catalog
            .services
            .values()
            .filter(|service| it.applies(&service.criticality.data_classes.iter().map(Name::to_string).collect()))
            .map(|service| named(&service.name))
            .collect(),
        controls: it
            .controls
            .iter()
            .map(|it| ControlView {
                id: it.id.clone(),
                title: it.title.clone(),
                gates: it.gates.clone(),
                policies: it
                    .policies
                    .iter()
                    .map(|id| PolicyRef { id: id.clone(), in_force: ids.contains(id) })
                    .collect(),
                evidence: it.evidence.clone(),
            })
            .collect(),
    };
    Ok(Json(Controls {
        catalogues: catalogues().iter().map(view).collect(),
        policy_set: set.map(|it| it.digest().to_owned()),
    }))
}

/// Every deployment of a period with what each control that applied came to: as JSON, as a page to print, or as a table.
#[utoipa::path(get, path = "/controls/report", params(ReportQuery), responses((status = 200, body = ControlReport)))]
pub async fn report(State(app): State<App>, caller: Caller, Params(it): Params<ReportQuery>) -> Answer<Response> {
    auth::may_read(&app, &caller.actor)?;
    evidence::may_take(&app, &caller)?;
    if let Some(pack) = it.pack.as_ref().filter(|pack| !catalogues().iter().any(|it| it.pack == **pack)) {
        return Err(Failure::not_found("catalogue of a pack", pack));
    }
    let (engine, from, to) = (app.engine().clone(), it.from, it.to);
    let made = tokio::task::spawn_blocking(move || engine.control_report(from, to)).await;
    let mut made = made
        .map_err(|_| Failure::unavailable("the report could not be made; try again"))?
        .map_err(evidence::not_taken)?;
    if let Some(pack) = &it.pack {
        made.catalogues.retain(|it| it.pack == *pack);
        made.changes.iter_mut().for_each(|change| change.results.retain(|it| it.pack == *pack));
    }
    let report = view(&Lens::new(&app, &caller), &caller, &made);
    let name = format!("controls-{}-{}", from.strftime("%Y%m%d"), to.strftime("%Y%m%d"));
    let (kind, body, file) = match it.format {
        ReportFormat::Json => return Ok(Json(report).into_response()),
        ReportFormat::Html => ("text/html; charset=utf-8", text::page(&report), None),
        ReportFormat::Csv => ("text/csv; charset=utf-8", text::table(&report), Some(format!("{name}.csv"))),
    };
    let disposition = file.map_or("inline".to_owned(), |file| format!("attachment; filename=\"{file}\""));
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_DISPOSITION, disposition.as_str()),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, body).into_response())
}

fn view(lens: &Lens, caller: &Caller, made: &Made) -> ControlReport {
    let mut totals = Vec::new();
    for catalogue in &made.catalogues {
        for control in &catalogue.controls {
            let all = made.changes.iter().flat_map(|change| change.results.iter().map(move |it| (change, it)));
            let of_it: Vec<_> = all.filter(|(_, it)| it.pack == catalogue.pack && it.control == control.id).collect();
            let count = |outcome| of_it.iter().filter(|(_, it)| it.outcome == outcome).count() as u64;
            totals.push(ControlTotal {
                pack: catalogue.pack.clone(),
                control: control.id.clone(),
                title: control.title.clone(),
                gates: control.gates.clone(),
                policies: control.policies.clone(),
                evidence: control.evidence.clone(),
                applied: of_it.len() as u64,
                passed: count(Outcome::Pass),
                failed: count(Outcome::Fail),
                inconclusive: count(Outcome::Inconclusive),
                with_exception: of_it.iter().filter(|(change, _)| !change.exceptions.is_empty()).count() as u64,
            });
        }
    }
    ControlReport {
        organisation: lens.world.people.organisation.clone().unwrap_or_default(),
        from: made.from,
        to: made.to,
        made_at: lens.now,
        made_by: lens.person(caller.account),
        origin: lens.engine.ledger().verifying_key().name().into(),
        size: made.size,
        root: made.root.clone(),
        population: made.changes.len() as u64,
        totals,
        changes: made.changes.iter().map(|it| row(lens, it)).collect(),
    }
}

fn row(lens: &Lens, it: &Changed) -> ChangeRow {
    let meaning = |it: &Meaning| it.as_str();
    let signed = it.signed_by.iter().map(|(by, means)| format!("{} ({})", lens.name(*by), meaning(means)));
    ChangeRow {
        deployment: it.deployment.to_string(),
        position: it.position,
        at: it.at,
        direction: if it.back { "back".into() } else { "forward".into() },
        release: lens.release(it.release),
        environment: it.environment.to_string(),
        class: it.class.map(|it| it.as_str().to_owned()),
        services: it.services.iter().map(Name::to_string).collect(),
        data_classes: it.data_classes.as_ref().map(|it| it.iter().cloned().collect()),
        requested_by: it.requested_by.map(|id| lens.person(id)),
        authors: lens.people(&it.authors),
        approved_by: lens.people(&it.approved_by),
        tested_by: lens.people(&it.attached_by),
        signed_by: signed.collect(),
        started_by: it.started_by.map(|id| lens.person(id)),
        ended_at: it.ended.as_ref().map(|(at, _)| *at),
        result: it.ended.as_ref().map(|(_, status)| ended(status).to_owned()),
        refusals: it.refusals,
        controls: it
            .results
            .iter()
            .map(|it| ControlOutcome {
                pack: it.pack.clone(),
                control: it.control.clone(),
                verdict: verdict(it.outcome),
                why: it.why.clone(),
                position: it.position,
            })
            .collect(),
        exceptions: it
            .exceptions
            .iter()
            .map(|it| ExceptionRow {
                position: it.position,
                at: it.at,
                what: it.what.clone(),
                by: it.by.map(|id| lens.person(id)),
                reason: it.reason.map(|note| lens.note(note)),
            })
            .collect(),
    }
}

fn ended(status: &Status) -> &'static str {
    match status {
        Status::Succeeded => "succeeded",
        Status::Aborted => "aborted",
        Status::Running | Status::Judging | Status::Baking { .. } | Status::Blocked | Status::Stopping => "running",
    }
}
