//! What the steps of a deployment print: from memory while they run, from the kept blob afterwards; live as server-sent events.

use super::find;
use crate::{
    auth::Caller,
    extract::{At, Params},
    http::artifact,
    lens::Lens,
    problem::{Answer, Failure},
    state::App,
};
use axum::{
    Json,
    extract::State,
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, stream};
use interlock_ids::{DeploymentId, Digest};
use interlock_wire::deployment::{Output, OutputQuery};
use std::{convert::Infallible, time::Duration};

/// Bytes given in one answer.
const AT_ONCE: usize = 256 * 1024;

/// One try of one step of one unit.
#[derive(Clone)]
struct Try {
    key: String,
    attempt: u32,
    /// The blob with everything it printed, once it has ended.
    digest: Option<Digest>,
    ended: bool,
}

fn find_try(app: &App, deployment: DeploymentId, step: &str, attempt: Option<u32>) -> Answer<Try> {
    let unknown = || Failure::not_found("step", step);
    let (unit, number) = step
        .split_once('.')
        .and_then(|(a, b)| Some((a.parse::<u32>().ok()?, b.parse::<u32>().ok()?)))
        .ok_or_else(unknown)?;
    let world = app.engine().world();
    let release = world.deployment.deployment(deployment).ok_or_else(unknown)?.release;
    let world = Lens::of_system(app.engine()).close(release)?.world;
    let it = world.deployment.deployment(deployment).ok_or_else(unknown)?;
    let (of, progress) = it.units.get(unit as usize).zip(it.progress.get(unit as usize)).ok_or_else(unknown)?;
    let planned = it.pipeline.steps.get(number as usize).ok_or_else(unknown)?;
    let results: Vec<_> = progress.results.iter().filter(|result| result.step == number).collect();
    let running = progress.lease.is_some() && it.next_step(unit).is_some_and(|(index, _)| index == number);
    let last = if running { progress.attempt + 1 } else { results.last().map_or(1, |result| result.attempt) };
    let attempt = attempt.unwrap_or(last);
    let result = results.iter().rev().find(|result| result.attempt == attempt && !(running && attempt == last));
    let key = format!("{deployment}/{}/{}/{}/{attempt}", of.target, of.service, planned.name);
    Ok(Try { key, attempt, digest: result.and_then(|it| it.output), ended: result.is_some() })
}

async fn read(app: &App, it: &Try, from: u64) -> Answer<Output> {
    let from_usize = usize::try_from(from).unwrap_or(usize::MAX);
    if let Some(digest) = it.digest
        && let Some(bytes) = artifact::bytes(app, digest).await?
    {
        let start = from_usize.min(bytes.len());
        let end = boundary(&bytes, (start + AT_ONCE).min(bytes.len()));
        let text = String::from_utf8_lossy(&bytes[start..end]).into_owned();
        return Ok(Output {
            text,
            from: start as u64,
            next: end as u64,
            complete: end == bytes.len(),
            attempt: it.attempt,
            digest: Some(digest.to_string()),
        });
    }
    let live = app.engine().output().read(&it.key, from_usize);
    let (text, next, done) = live.unwrap_or((String::new(), from_usize, it.ended));
    let begun = next.saturating_sub(text.len());
    Ok(Output {
        text,
        from: begun as u64,
        next: next as u64,
        complete: done || it.ended,
        attempt: it.attempt,
        digest: it.digest.map(|digest| digest.to_string()),
    })
}

/// The last place up to `end` at which UTF-8 text can be cut.
fn boundary(bytes: &[u8], end: usize) -> usize {
    (end.saturating_sub(3)..=end)
        .rev()
        .find(|at| *at == bytes.len() || bytes.get(*at).is_none_or(|byte| byte & 0xC0 != 0x80))
        .unwrap_or(end)
}

/// What a step has printed, from a byte on.
#[utoipa::path(get, path = "/deployments/{id}/steps/{step}/output", params(("id" = String, Path), ("step" = String, Path), OutputQuery), responses((status = 200, body = Output)))]
pub async fn output(
    State(app): State<App>,
    _: Caller,
    At((text, step)): At<(String, String)>,
    Params(it): Params<OutputQuery>,
) -> Answer<Json<Output>> {
    let id = find(&app, &text)?;
    let found = find_try(&app, id, &step, it.attempt)?;
    read(&app, &found, it.from.unwrap_or(0)).await.map(Json)
}

/// The same as server-sent events `output`, until the step has ended.
#[utoipa::path(get, path = "/deployments/{id}/steps/{step}/output/live", params(("id" = String, Path), ("step" = String, Path), OutputQuery), responses((status = 200, body = String, content_type = "text/event-stream")))]
pub async fn output_live(
    State(app): State<App>,
    _: Caller,
    At((text, step)): At<(String, String)>,
    Params(it): Params<OutputQuery>,
) -> Answer<impl IntoResponse> {
    let id = find(&app, &text)?;
    let found = find_try(&app, id, &step, it.attempt)?;
    Ok(Sse::new(follow(app, id, step, found, it.from.unwrap_or(0))).keep_alive(KeepAlive::default()))
}

struct Following {
    app: App,
    deployment: DeploymentId,
    step: String,
    of: Try,
    from: u64,
    over: bool,
    news: tokio::sync::broadcast::Receiver<String>,
}

fn follow(
    app: App,
    deployment: DeploymentId,
    step: String,
    of: Try,
    from: u64,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let news = app.engine().output().subscribe();
    let state = Following { app, deployment, step, of, from, over: false, news };
    stream::unfold(state, |mut it| async move {
        while !it.over {
            if let Ok(found) = find_try(&it.app, it.deployment, &it.step, Some(it.of.attempt)) {
                it.of = found;
            }
            let output = read(&it.app, &it.of, it.from).await.ok()?;
            if !output.text.is_empty() || output.complete {
                it.over = output.complete;
                it.from = output.next;
                let event = Event::default().event("output").id(output.next.to_string()).json_data(&output).ok()?;
                return Some((Ok(event), it));
            }
            // News of another step, or none for a while: look again either way.
            tokio::select! {
                _ = tokio::time::timeout(Duration::from_secs(2), it.news.recv()) => {}
                () = it.app.telemetry().drained() => return None,
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_cut_within_a_character() {
        let bytes = "aä€😀z".as_bytes();
        for end in 0..=bytes.len() {
            let cut = boundary(bytes, end);
            assert!(cut <= end && std::str::from_utf8(&bytes[..cut]).is_ok(), "{end}");
        }
    }
}
