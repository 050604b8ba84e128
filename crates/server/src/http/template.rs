//! Templates of standard changes.

use crate::{
    act::{self, Done},
    auth::Caller,
    extract::{At, Body, Key, Params, parse},
    http::{page, release, session::Address},
    lens::{Lens, named, status, words},
    problem::{Answer, Failure},
    proof,
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{
    core::Command,
    release::Model,
    template::{self as domain, Standing, trust},
};
use interlock_ids::Name;
use interlock_wire::{
    length::Length,
    page::{Page, Paging},
    reason::{Because, Receipt, Severity},
    template::{ApproveTemplate, ProposeTemplate, Template, Use},
};

/// Uses shown.
const SHOWN: usize = 20;

fn view(lens: &Lens, it: &domain::Template) -> Template {
    let state = match it.standing {
        Standing::Proposed => status("proposed", Severity::Info, false),
        Standing::Probation => status("probation", Severity::Warning, false),
        Standing::Earned => status("earned", Severity::Good, false),
        Standing::Withdrawn => status("withdrawn", Severity::Neutral, true),
    };
    let now = trust(&it.uses);
    // With the next uses all good; more than the record looks back on never helps.
    let mut uses = it.uses.clone();
    let mut still_needed = 0;
    while !trust(&uses).reaches(it.bar) && still_needed < 3000 {
        uses.push((it.from, true));
        still_needed += 1;
    }
    let (name, note) = (it.name.clone(), lens.no_note());
    let approve = domain::Command::Approve { template: name.clone(), reason: note };
    let withdraw = domain::Command::Withdraw { template: name, reason: note };
    Template {
        name: it.name.to_string(),
        version: it.version,
        status: state,
        environment: named(&it.shape.environment),
        services: words(&it.shape.services),
        pipeline: it.shape.pipeline.to_string(),
        model: if it.shape.model == Model::BigBang { "big_bang".into() } else { "phased".into() },
        length: Length(it.shape.length_s),
        from: lens.release(it.from),
        reason: lens.note(it.reason),
        proposed_by: lens.person(it.proposed_by),
        proposed_at: it.proposed,
        approved_by: it.approved_by.map(|id| lens.person(id)),
        approved_at: it.approved,
        uses: now.uses,
        good: now.good,
        lower: now.lower,
        bar: f64::from(it.bar) / 1000.0,
        still_needed,
        record: it
            .uses
            .iter()
            .skip(it.uses.len().saturating_sub(SHOWN))
            .map(|(release, good)| Use { release: lens.release(*release), good: *good })
            .collect(),
        actions: vec![
            lens.signing().action(
                "approve",
                "Approve",
                "Releases that match it exactly are standard changes; until its record is good enough each is approved as a normal one.",
                true,
                &Command::Template(approve),
            ),
            lens.action("withdraw", "Withdraw", "No release follows it any more.", true, &Command::Template(withdraw)),
        ],
    }
}

fn find(lens: &Lens, text: &str) -> Answer<domain::Template> {
    let name = text.parse::<Name>().ok();
    let found = name.and_then(|name| lens.world.template.template(&name).cloned());
    found.ok_or_else(|| Failure::not_found("template", text))
}

/// All templates.
#[utoipa::path(get, path = "/templates", params(Paging), responses((status = 200, body = Page<Template>)))]
pub async fn templates(
    State(app): State<App>,
    caller: Caller,
    Params(it): Params<Paging>,
) -> Answer<Json<Page<Template>>> {
    let lens = Lens::new(&app, &caller);
    let all = lens.world.template.templates.iter();
    page::of(&it, all, |(name, _)| name.to_string(), |(_, it)| view(&lens, it)).map(Json)
}

/// One template.
#[utoipa::path(get, path = "/templates/{template}", params(("template" = String, Path)), responses((status = 200, body = Template)))]
pub async fn template(State(app): State<App>, caller: Caller, At(text): At<String>) -> Answer<Json<Template>> {
    let lens = Lens::new(&app, &caller);
    Ok(Json(view(&lens, &find(&lens, &text)?)))
}

/// Proposes a template, or another version of one.
#[utoipa::path(post, path = "/templates", request_body = ProposeTemplate, responses((status = 201, body = Receipt)))]
pub async fn propose(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    Body(it): Body<ProposeTemplate>,
) -> Answer<Done> {
    let template: Name = parse("name", &it.name)?;
    let from = release::find(&app, &it.release)?;
    if !it.bar.is_finite() || !(0.0..=1.0).contains(&it.bar) {
        return Err(Failure::invalid("bar-out-of-range", "bar", "bar: give a share from 0.5 to 0.999"));
    }
    let reason = act::note(&app, "reason", &it.reason)?;
    let bar = (it.bar * 1000.0).round() as u32;
    let command = domain::Command::Propose { template, from, bar, reason };
    let subject = act::subject("template", &it.name, &it.name);
    let done = act::carry_out(&app, &caller, key, subject, Command::Template(command)).await?;
    Ok(done.created(format!("/templates/{}", it.name)))
}

/// Approves a template, and signs that.
#[utoipa::path(post, path = "/templates/{template}/approve", params(("template" = String, Path)), request_body = ApproveTemplate, responses((status = 200, body = Receipt)))]
pub async fn approve(
    State(app): State<App>,
    caller: Caller,
    address: Address,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<ApproveTemplate>,
) -> Answer<Done> {
    let template = find(&Lens::new(&app, &caller), &text)?.name;
    let (caller, _) = proof::prove(&app, caller, &address, &it.signature).await?;
    let command = domain::Command::Approve { template, reason: act::note(&app, "reason", &it.reason)? };
    let subject = act::subject("template", &text, &text);
    act::carry_out(&app, &caller, key, subject, Command::Template(command)).await
}

/// Takes a template out of use.
#[utoipa::path(post, path = "/templates/{template}/withdraw", params(("template" = String, Path)), request_body = Because, responses((status = 200, body = Receipt)))]
pub async fn withdraw(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<Because>,
) -> Answer<Done> {
    let template = find(&Lens::new(&app, &caller), &text)?.name;
    let command = domain::Command::Withdraw { template, reason: act::note(&app, "reason", &it.reason)? };
    let subject = act::subject("template", &text, &text);
    act::carry_out(&app, &caller, key, subject, Command::Template(command)).await
}
