//! Applies manifests: all documents or none.
//!
//! Everything is first rehearsed on a copy of the world, so that a dry run and the real one are the same decision, and so that every
//! document that would be refused is told at once.

use super::{artifact, calendar, catalog, deployment, environment, intake, people, policy, release};
use crate::{
    act,
    auth::Caller,
    extract::{At, BODY, Key, Params, content_type, parse, read, wrong_content},
    lens::Lens,
    manifest::{self, Placed},
    problem::{Answer, Failure},
    state::App,
};
use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use interlock_domain::{
    artifact::Command as Artifacts,
    calendar::Command as Calendars,
    catalog::Command as Services,
    core::{self, Command, Context, Event, Meta, World},
    deployment::Command as Deployments,
    environment::Command as Environments,
    intake::Command as Intakes,
    people::Command as People,
    policy::Command as Policies,
    reason::Refusal,
    release::Command as Releases,
};
use interlock_engine::Person;
use interlock_ids::{AccountId, Fresh, Name};
use interlock_wire::{
    artifact::SigningKeySpec,
    calendar::CalendarSpec,
    catalog::ServiceSpec,
    deployment::PipelineSpec,
    environment::EnvironmentSpec,
    intake::{IdentityProviderSpec, TrustedIssuerSpec, WebhookSpec},
    manifest::{Applied, AppliedDocument, ApplyOutcome, ApplyQuery, Document, KINDS, Kind, Manifest},
    people::AccountSpec,
    policy::PackSpec,
    problem::Fault,
    reason::Blocker,
    release::ReleaseSpec,
};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::{PartialSchema, ToSchema};

/// Commands, and which documents each is about.
struct Plan {
    commands: Vec<(Vec<usize>, Command)>,
    /// Names and addresses to keep, by document.
    people: BTreeMap<usize, Person>,
    /// Documents whose object is there already.
    known: BTreeSet<usize>,
}

/// Applies manifests: all documents or none.
#[utoipa::path(post, path = "/manifests", params(ApplyQuery), request_body(content = String, content_type = "application/yaml"), responses((status = 200, body = Applied)))]
pub async fn apply(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    Params(it): Params<ApplyQuery>,
    request: Request,
) -> Answer<Json<Applied>> {
    let kind = content_type(request.headers());
    if !matches!(kind.as_str(), "application/yaml" | "application/x-yaml" | "text/yaml" | "application/json") {
        return Err(wrong_content(&kind, "application/yaml"));
    }
    let bytes = read(request, BODY).await?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        Failure::new(
            StatusCode::BAD_REQUEST,
            "not-utf-8",
            format!("the file is not UTF-8: byte {} is wrong; save it as UTF-8", error.valid_up_to()),
        )
    })?;
    let documents = manifest::read(text).map_err(|faults| faulty("invalid-manifest", faults))?;
    unique(&documents)?;
    let plan = plan(&app, &documents)?;
    let rehearsed = rehearse(&app, &caller, &plan);
    let dry_run = it.dry_run.unwrap_or(false);
    let outcome = match rehearsed {
        Ok(events) => outcomes(&app, &documents, &plan, &events),
        Err(refused) => {
            if !dry_run {
                // Submitted all the same, so that the attempt is on record.
                let _ =
                    act::submit(&app, &caller, key, plan.commands.into_iter().map(|(_, command)| command).collect())
                        .await;
            }
            return Err(refusals(&app, &caller, &documents, refused));
        }
    };
    if !dry_run {
        for person in plan.people.values() {
            app.engine().desk().put_person(person)?;
        }
        act::submit(&app, &caller, key, plan.commands.into_iter().map(|(_, command)| command).collect()).await?;
    }
    Ok(Json(Applied { dry_run, position: app.engine().head(), documents: outcome }))
}

fn faulty(code: &str, faults: Vec<Fault>) -> Failure {
    let detail = match faults.as_slice() {
        [only] => format!("line {}: {}", only.line.unwrap_or(1), only.message),
        many => format!(
            "{} documents cannot be read; the first: line {}: {}",
            many.len(),
            many[0].line.unwrap_or(1),
            many[0].message
        ),
    };
    Failure::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail).with_faults(faults)
}

fn unique(documents: &[Placed]) -> Answer<()> {
    let mut seen = BTreeSet::new();
    let twice: Vec<Fault> = documents
        .iter()
        .filter(|it| !seen.insert((it.document.kind(), it.document.name().to_owned())))
        .map(|it| Fault {
            field: Some("metadata.name".into()),
            line: Some(it.line),
            column: Some(1),
            message: format!("{} `{}` is in the file twice", it.document.kind().as_str(), it.document.name()),
        })
        .collect();
    if twice.is_empty() { Ok(()) } else { Err(faulty("named-twice", twice)) }
}

/// Says where a fault of one document is.
fn placed<T>(answer: Answer<T>, at: &Placed) -> Result<T, Fault> {
    answer.map_err(|failure| {
        let field = failure.problem().faults.first().and_then(|fault| fault.field.clone());
        let message = format!("{} `{}`: {}", at.document.kind().as_str(), at.document.name(), failure.problem().detail);
        Fault { field, line: Some(at.line), column: Some(1), message }
    })
}

fn plan(app: &App, documents: &[Placed]) -> Answer<Plan> {
    let world = app.engine().world();
    let mut plan = Plan { commands: Vec::new(), people: BTreeMap::new(), known: BTreeSet::new() };
    let mut faults = Vec::new();
    let accounts = accounts(app, documents);
    let mut packs = world.policy.packs().to_vec();
    let (mut of_packs, mut services) = (Vec::new(), (Vec::new(), Vec::new()));
    let mut order: Vec<usize> = (0..documents.len()).collect();
    order.sort_by_key(|index| KINDS.iter().position(|kind| *kind == documents[*index].document.kind()));
    for index in order {
        let it = &documents[index];
        let made = match &it.document {
            Document::PolicyPack(pack) => policy::spec_in(&pack.metadata.name, &pack.spec).map(|pack| {
                if packs.iter().any(|known| known.name == pack.name) {
                    plan.known.insert(index);
                }
                packs.retain(|known| known.name != pack.name);
                packs.push(pack);
                of_packs.push(index);
                Vec::new()
            }),
            Document::Service(service) => service_in(service).map(|service| {
                if world.catalog.service(&service.name).is_some() {
                    plan.known.insert(index);
                }
                services.0.push(index);
                services.1.push(service);
                Vec::new()
            }),
            _ => commands(app, &world, it, index, &accounts, &mut plan),
        };
        match placed(made, it) {
            Ok(commands) => plan.commands.extend(commands.into_iter().map(|command| (vec![index], command))),
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(faulty("invalid-manifest", faults));
    }
    if !of_packs.is_empty() {
        plan.commands.insert(0, (of_packs, Command::Policy(Policies::Install { packs })));
    }
    if !services.0.is_empty() {
        let before = plan.commands.iter().position(|(of, _)| {
            !matches!(
                documents[of[0]].document.kind(),
                Kind::PolicyPack
                    | Kind::Account
                    | Kind::IdentityProvider
                    | Kind::TrustedIssuer
                    | Kind::Webhook
                    | Kind::SigningKey
            )
        });
        plan.commands.insert(
            before.unwrap_or(plan.commands.len()),
            (services.0, Command::Catalog(Services::PutServices { services: services.1 })),
        );
    }
    Ok(plan)
}

fn service_in(it: &Manifest<ServiceSpec>) -> Answer<interlock_domain::catalog::Service> {
    catalog::spec_in(parse("metadata.name", &it.metadata.name)?, &it.spec)
}

/// The account of every login in the file, those that are new with a fresh id.
fn accounts(app: &App, documents: &[Placed]) -> BTreeMap<String, AccountId> {
    let logins =
        documents.iter().filter(|it| it.document.kind() == Kind::Account).map(|it| it.document.name().to_owned());
    let known = |login: &str| app.engine().desk().by_login(login).map(|it| it.account);
    // One source, so that no two of them are the same.
    let fresh: interlock_ids::Id<interlock_ids::Account> = app.engine().fresh();
    let ids = Fresh::new(fresh.millis(), app.engine().desk().secret()[..8].try_into().unwrap_or_default());
    logins.map(|login| (login.clone(), known(&login).unwrap_or_else(|| ids.id()))).collect()
}

fn commands(
    app: &App,
    world: &World,
    it: &Placed,
    index: usize,
    accounts: &BTreeMap<String, AccountId>,
    plan: &mut Plan,
) -> Answer<Vec<Command>> {
    let name: Name = parse("metadata.name", it.document.name())?;
    let person = |login: &str| accounts.get(login).copied().map_or_else(|| people::find(app, login), Ok);
    let mut known = |there: bool| {
        if there {
            plan.known.insert(index);
        }
    };
    Ok(match &it.document {
        Document::PolicyPack(_) | Document::Service(_) => Vec::new(),
        Document::Account(it) => {
            let account = person(name.as_str())?;
            let before = world.people.account(account);
            known(before.is_some());
            let owner = it.spec.owner.as_deref().map(person).transpose()?;
            let mut commands =
                vec![Command::People(People::PutAccount { account, spec: people::spec(app, &it.spec, owner)? })];
            for other in &it.spec.links {
                commands.push(Command::People(People::LinkAccounts { a: account, b: person(other)? }));
            }
            let person = Person {
                account,
                login: name.to_string(),
                name: it.spec.display_name.clone(),
                email: it.spec.email.clone(),
            };
            plan.people.insert(index, person);
            commands
        }
        Document::IdentityProvider(it) => {
            known(world.people.providers.contains_key(&name));
            vec![Command::People(People::PutProvider { provider: intake::provider_in(name, &it.spec)? })]
        }
        Document::TrustedIssuer(it) => {
            known(world.people.issuers.contains_key(&name));
            vec![Command::People(People::PutIssuer { issuer: intake::issuer_in(name, &it.spec, &person)? })]
        }
        Document::Webhook(it) => {
            known(world.intake.hooks.contains_key(&name));
            vec![Command::Intake(Intakes::PutHook { hook: intake::hook_in(name, &it.spec) })]
        }
        Document::SigningKey(it) => {
            known(world.artifact.keys.contains_key(&name));
            vec![Command::Artifact(Artifacts::PutKey { key: artifact::key_in(name, &it.spec) })]
        }
        Document::Environment(it) => {
            known(world.environment.environment(&name).is_some());
            vec![Command::Environment(Environments::PutEnvironment {
                environment: environment::spec_in(name, &it.spec)?,
            })]
        }
        Document::Calendar(it) => {
            known(world.calendar.calendars().contains_key(&name));
            vec![Command::Calendar(Calendars::PutCalendar { calendar: calendar::spec_in(name, &it.spec)? })]
        }
        Document::Pipeline(it) => {
            known(world.deployment.pipelines.contains_key(&name));
            vec![Command::Deployment(Deployments::PutPipeline { pipeline: deployment::pipeline_in(name, &it.spec)? })]
        }
        Document::Release(it) => {
            let there = world.release.by_name.get(&name).and_then(|id| world.release.release(*id));
            known(there.is_some());
            let spec = release::spec_in(app, name, &it.spec, &person)?;
            let lens = Lens::of_system(app.engine());
            if there.is_some_and(|there| same(&lens, &there.spec, &spec)) {
                return Ok(Vec::new());
            }
            vec![Command::Release(Releases::Draft { release: app.engine().fresh(), spec })]
        }
    })
}

/// Whether two specifications say the same; the texts of summaries are compared, not the notes that hold them.
fn same(lens: &Lens, a: &interlock_domain::release::Spec, b: &interlock_domain::release::Spec) -> bool {
    let mut other = b.clone();
    other.summary = a.summary;
    *a == other && lens.note(a.summary) == lens.note(b.summary)
}

type Refused = Vec<(Vec<usize>, Refusal)>;

/// Decides everything on a copy of the world, each command after those before it.
fn rehearse(app: &App, caller: &Caller, plan: &Plan) -> Result<Vec<Vec<Event>>, Refused> {
    let mut world = World::clone(&app.engine().world());
    let fresh: interlock_ids::Id<interlock_ids::Submission> = app.engine().fresh();
    let ids = Fresh::new(fresh.millis(), app.engine().desk().secret()[..8].try_into().unwrap_or_default());
    let ctx = Context { now: app.engine().now(), actor: caller.actor.clone(), ids };
    let (mut all, mut refused) = (Vec::new(), Vec::new());
    for (of, command) in &plan.commands {
        match core::decide(&world, command, &ctx) {
            Ok(events) => {
                for event in &events {
                    let meta = Meta { position: world.position, at: ctx.now, by: ctx.actor.by.clone() };
                    core::apply(&mut world, event, &meta);
                }
                all.push(events);
            }
            Err(refusal) => refused.push((of.clone(), refusal)),
        }
    }
    if refused.is_empty() { Ok(all) } else { Err(refused) }
}

fn refusals(app: &App, caller: &Caller, documents: &[Placed], refused: Refused) -> Failure {
    let lens = Lens::new(app, caller);
    let mut faults = Vec::new();
    let mut blockers: Vec<Blocker> = Vec::new();
    for (of, refusal) in &refused {
        let at = &documents[of[0]];
        for it in lens.blockers(&refusal.blockers) {
            let message =
                format!("{} `{}`: {}; {}", at.document.kind().as_str(), at.document.name(), it.message, it.clears);
            faults.push(Fault { field: None, line: Some(at.line), column: Some(1), message });
            if !blockers.contains(&it) {
                blockers.push(it);
            }
        }
    }
    let first = refused.into_iter().next().map(|(_, refusal)| refusal);
    let mut failure: Failure =
        first.map_or_else(|| Failure::unavailable("nothing was decided"), Failure::from).with_faults(faults);
    failure.name_people(|text| lens.with_names(text));
    failure.with_blockers(blockers)
}

fn outcomes(app: &App, documents: &[Placed], plan: &Plan, events: &[Vec<Event>]) -> Vec<AppliedDocument> {
    let mut changed = BTreeSet::new();
    for ((of, _), events) in plan.commands.iter().zip(events) {
        for event in events {
            match event {
                // One command may be about many services: only those named have changed.
                Event::Catalog(interlock_domain::catalog::Event::ServicePut(it)) => {
                    changed.extend(
                        of.iter().filter(|index| documents[**index].document.name() == it.service.name.as_str()),
                    );
                }
                _ => changed.extend(of),
            }
        }
    }
    for (index, person) in &plan.people {
        if app.engine().desk().person(person.account).as_ref() != Some(person) {
            changed.insert(*index);
        }
    }
    let outcome = |index: usize| match (plan.known.contains(&index), changed.contains(&index)) {
        (false, _) => ApplyOutcome::Created,
        (true, true) => ApplyOutcome::Changed,
        (true, false) => ApplyOutcome::Unchanged,
    };
    let document = |(index, it): (usize, &Placed)| AppliedDocument {
        kind: it.document.kind(),
        name: it.document.name().into(),
        outcome: outcome(index),
        line: it.line,
    };
    documents.iter().enumerate().map(document).collect()
}

/// The JSON Schema (2020-12) of a kind of manifest.
#[utoipa::path(get, path = "/schemas/{kind}", params(("kind" = String, Path)), responses((status = 200, body = Object)), security(()))]
pub async fn schema(At(kind): At<String>) -> Answer<Json<serde_json::Value>> {
    let found = Kind::parse(&kind).ok_or_else(|| Failure::not_found("kind of manifest", &kind))?;
    Ok(Json(match found {
        Kind::PolicyPack => schema_of::<PackSpec>(found),
        Kind::Account => schema_of::<AccountSpec>(found),
        Kind::IdentityProvider => schema_of::<IdentityProviderSpec>(found),
        Kind::TrustedIssuer => schema_of::<TrustedIssuerSpec>(found),
        Kind::Webhook => schema_of::<WebhookSpec>(found),
        Kind::SigningKey => schema_of::<SigningKeySpec>(found),
        Kind::Service => schema_of::<ServiceSpec>(found),
        Kind::Environment => schema_of::<EnvironmentSpec>(found),
        Kind::Calendar => schema_of::<CalendarSpec>(found),
        Kind::Pipeline => schema_of::<PipelineSpec>(found),
        Kind::Release => schema_of::<ReleaseSpec>(found),
    }))
}

fn schema_of<S: ToSchema + PartialSchema>(kind: Kind) -> serde_json::Value {
    let mut parts = vec![(S::name().into_owned(), S::schema())];
    S::schemas(&mut parts);
    Manifest::<S>::schemas(&mut parts);
    let mut schema = serde_json::to_value(Manifest::<S>::schema()).unwrap_or_default();
    let parts: serde_json::Map<_, _> =
        parts.into_iter().map(|(name, part)| (name, serde_json::to_value(part).unwrap_or_default())).collect();
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = format!("Interlock manifest: {}", kind.as_str()).into();
    schema["properties"]["apiVersion"]["const"] = interlock_wire::manifest::API_VERSION.into();
    schema["properties"]["kind"] = serde_json::json!({ "const": kind.as_str() });
    schema["$defs"] = parts.into();
    relocate(&mut schema);
    schema
}

/// Points references at the definitions of this very document.
fn relocate(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            if let Some(serde_json::Value::String(target)) = fields.get_mut("$ref") {
                *target = target.replace("#/components/schemas/", "#/$defs/");
            }
            fields.values_mut().for_each(relocate);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(relocate),
        _ => {}
    }
}
