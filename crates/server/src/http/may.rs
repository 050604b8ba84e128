//! May I? A dry run of the decision that would carry an action out.

use super::{change, deployment, environment, learning, release, rollback, verification};
use crate::{
    auth::Caller,
    extract::Body,
    lens::Lens,
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::core::Command;
use interlock_wire::reason::{MayAnswer, MayRequest, Span};

/// Whether the caller may do an action to an object now, with every reason.
#[utoipa::path(post, path = "/may", request_body = MayRequest, responses((status = 200, body = MayAnswer)))]
pub async fn may(State(app): State<App>, caller: Caller, Body(it): Body<MayRequest>) -> Answer<Json<MayAnswer>> {
    let lens = Lens::new(&app, &caller);
    let command = command(&app, &lens, &it)?;
    let position = lens.world.position;
    Ok(Json(match app.engine().try_out(&caller.actor, &command) {
        Ok(events) => MayAnswer {
            allowed: true,
            summary: "you may".into(),
            reasons: Vec::new(),
            slots: Vec::new(),
            would_record: events.iter().map(|event| event.kind().to_owned()).collect(),
            position,
        },
        Err(refusal) => MayAnswer {
            allowed: false,
            summary: lens.with_names(&refusal.summary),
            reasons: lens.blockers(&refusal.blockers),
            slots: refusal.slots.iter().map(|it| Span { start: it.start, end: it.end }).collect(),
            would_record: Vec::new(),
            position,
        },
    }))
}

fn command(app: &App, lens: &Lens, it: &MayRequest) -> Answer<Command> {
    let known = match it.kind.as_str() {
        "release" => {
            let id = release::find(app, &it.id)?;
            lens.world.release.release(id).and_then(|found| release::command(lens, found, &it.action, it.at))
        }
        "deployment" => {
            let id = deployment::find(app, &it.id)?;
            lens.world.deployment.deployment(id).and_then(|found| deployment::command(lens, found, &it.action))
        }
        "change" => change::asked(lens, &it.id, &it.action),
        "review" => learning::asked(lens, &it.id, &it.action),
        "rollback" => rollback::asked(lens, &it.id, &it.action),
        "analysis" => verification::asked(lens, &it.id, &it.action),
        "environment" => environment::asked(lens, &it.id, &it.action, it.at),
        "artifact" => super::artifact::asked(lens, &it.id, &it.action),
        other => {
            return Err(Failure::invalid(
                "unknown-value",
                "kind",
                format!("kind: `{}` is not a kind of object", other.chars().take(40).collect::<String>()),
            ));
        }
    };
    known.ok_or_else(|| {
        Failure::not_found(&format!("{} with that action:", it.kind), format!("{} {}", it.id, it.action))
    })
}
