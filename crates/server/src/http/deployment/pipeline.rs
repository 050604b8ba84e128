//! Pipelines, as people write them and as the core holds them.

use crate::{
    auth::Caller,
    extract::{At, Params, parse},
    http::{page, release::one_of},
    lens::Lens,
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::deployment as domain;
use interlock_ids::Name;
use interlock_wire::{
    deployment as wire,
    length::Length,
    page::{Page, Paging},
};

/// What the spec of a pipeline means to the core.
pub fn pipeline_in(name: Name, it: &wire::PipelineSpec) -> Answer<domain::Pipeline> {
    let steps = it.steps.iter().enumerate().map(|(n, step)| step_in(&format!("steps[{n}]"), step));
    Ok(domain::Pipeline { name, max_parallel: it.max_parallel, ahead: it.ahead, steps: steps.collect::<Answer<_>>()? })
}

fn step_in(field: &str, it: &wire::StepSpec) -> Answer<domain::PipelineStep> {
    let run = &it.run;
    let program = run.program.as_ref().map(|it| {
        domain::Run::Program(domain::ProgramStep {
            check: it.check.clone(),
            apply: it.apply.clone(),
            verify: it.verify.clone(),
            undo: it.undo.clone(),
            env: it.env.clone(),
            repeatable: it.repeatable,
            artifact: it.artifact,
        })
    });
    let http = run.http.as_ref().map(|it| {
        domain::Run::Http(domain::HttpStep {
            method: it.method.clone(),
            url: it.url.clone(),
            headers: it.headers.clone(),
            body: it.body.clone(),
            expect_status: it.expect_status.clone(),
            expect_contains: it.expect_contains.clone(),
            expect_json: it.expect_json.clone(),
            tries: it.tries,
            every_ms: it.every_ms,
        })
    });
    let traffic = run.traffic.as_ref().map(|it| {
        domain::Run::Traffic(domain::TrafficStep {
            router: it.router.clone(),
            pool: it.pool.clone(),
            server: it.server.clone(),
            weight: it.weight.clone(),
        })
    });
    let wait = run.wait.map(|it| domain::Run::Wait { seconds: it.0 });
    Ok(domain::PipelineStep {
        name: parse(&format!("{field}.name"), &it.name)?,
        phase: match it.phase {
            wire::Phase::Deploy => domain::Phase::Deploy,
            wire::Phase::Settle => domain::Phase::Settle,
        },
        run: one_of(
            &format!("{field}.run"),
            "`program`, `http`, `traffic` and `wait`",
            [program, http, traffic, wait],
        )?,
        timeout_s: it.timeout.0,
        attempts: it.attempts,
        attempts_back: it.attempts_back,
        on_rollback: match it.on_rollback {
            wire::OnRollback::Undo => domain::OnRollback::Undo,
            wire::OnRollback::Apply => domain::OnRollback::Apply,
            wire::OnRollback::Skip => domain::OnRollback::Skip,
        },
        on_revocation: match it.on_revocation {
            wire::OnRevocation::Finish => domain::OnRevocation::Finish,
            wire::OnRevocation::Stop => domain::OnRevocation::Stop,
        },
        runner: it.runner.clone(),
    })
}

pub fn phase_out(phase: domain::Phase) -> wire::Phase {
    match phase {
        domain::Phase::Deploy => wire::Phase::Deploy,
        domain::Phase::Settle => wire::Phase::Settle,
    }
}

fn run_out(it: &domain::Run) -> wire::RunSpec {
    let mut out = wire::RunSpec::default();
    match it.clone() {
        domain::Run::Program(it) => {
            out.program = Some(wire::ProgramSpec {
                check: it.check,
                apply: it.apply,
                verify: it.verify,
                undo: it.undo,
                env: it.env,
                repeatable: it.repeatable,
                artifact: it.artifact,
            });
        }
        domain::Run::Http(it) => {
            out.http = Some(wire::HttpSpec {
                method: it.method,
                url: it.url,
                headers: it.headers,
                body: it.body,
                expect_status: it.expect_status,
                expect_contains: it.expect_contains,
                expect_json: it.expect_json,
                tries: it.tries,
                every_ms: it.every_ms,
            });
        }
        domain::Run::Traffic(it) => {
            out.traffic =
                Some(wire::TrafficSpec { router: it.router, pool: it.pool, server: it.server, weight: it.weight })
        }
        domain::Run::Wait { seconds } => out.wait = Some(Length(seconds)),
    }
    out
}

fn step_out(it: &domain::PipelineStep) -> wire::StepSpec {
    wire::StepSpec {
        name: it.name.to_string(),
        phase: phase_out(it.phase),
        run: run_out(&it.run),
        timeout: Length(it.timeout_s),
        attempts: it.attempts,
        attempts_back: it.attempts_back,
        on_revocation: match it.on_revocation {
            domain::OnRevocation::Finish => wire::OnRevocation::Finish,
            domain::OnRevocation::Stop => wire::OnRevocation::Stop,
        },
        runner: it.runner.clone(),
        on_rollback: match it.on_rollback {
            domain::OnRollback::Undo => wire::OnRollback::Undo,
            domain::OnRollback::Apply => wire::OnRollback::Apply,
            domain::OnRollback::Skip => wire::OnRollback::Skip,
        },
    }
}

fn pipeline_view(it: &domain::Pipeline) -> wire::Pipeline {
    let spec = wire::PipelineSpec {
        max_parallel: it.max_parallel,
        ahead: it.ahead,
        steps: it.steps.iter().map(step_out).collect(),
    };
    wire::Pipeline { id: it.name.to_string(), name: it.name.to_string(), spec }
}

/// Pipelines.
#[utoipa::path(get, path = "/pipelines", params(Paging), responses((status = 200, body = Page<wire::Pipeline>)))]
pub async fn pipelines(
    State(app): State<App>,
    caller: Caller,
    Params(paging): Params<Paging>,
) -> Answer<Json<Page<wire::Pipeline>>> {
    let lens = Lens::new(&app, &caller);
    page::of(&paging, lens.world.deployment.pipelines.iter(), |(name, _)| name.to_string(), |(_, it)| pipeline_view(it))
        .map(Json)
}

/// One pipeline.
#[utoipa::path(get, path = "/pipelines/{name}", params(("name" = String, Path)), responses((status = 200, body = wire::Pipeline)))]
pub async fn pipeline(State(app): State<App>, caller: Caller, At(text): At<String>) -> Answer<Json<wire::Pipeline>> {
    let lens = Lens::new(&app, &caller);
    let found = text.parse::<Name>().ok().and_then(|name| lens.world.deployment.pipelines.get(&name).cloned());
    found.map(|it| Json(pipeline_view(&it))).ok_or_else(|| Failure::not_found("pipeline", text))
}
