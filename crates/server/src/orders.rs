//! Steps and permits as the domain has them, written as runners read them, and outcomes back.

use interlock_domain::deployment::{self as domain, Deployment, Lease as Held, StepOutcome, Unit};
use interlock_wire::{
    deployment::OnRevocation,
    permit::{Permit, PermitScope, PermittedArtifact, SignedPermit},
    runner::{
        ArtifactOrder, HttpStep, Operation, Outcome, ProgramStep, StepKind, StepOrder, TargetView, TrafficStep,
        WaitStep,
    },
};

/// A step as it is handed to a runner.
pub fn written(it: domain::StepOrder, permit: SignedPermit) -> StepOrder {
    let wants_file = matches!(&it.run, domain::Run::Program(program) if program.artifact);
    let artifact = wants_file.then(|| ArtifactOrder {
        digest: it.digest.to_string(),
        size: it.size,
        url_path: format!("/api/v1/runners/artifacts/{}", it.digest),
        // Without a signature or a key the runner refuses the artefact: no evidence never passes.
        signature: it.signature.as_ref().map(|signature| signature.text.clone()).unwrap_or_default(),
        public_key: it.public_key.clone().unwrap_or_default(),
    });
    StepOrder {
        deployment: it.deployment.to_string(),
        environment: it.environment.to_string(),
        wave: it.wave,
        target: TargetView {
            name: it.target.name.to_string(),
            address: it.target.address,
            labels: it.target.labels,
            params: it.target.params,
        },
        service: it.service.to_string(),
        step: it.name.to_string(),
        key: it.key,
        fence: it.fence,
        attempt: it.attempt,
        kind: kind(it.run),
        operation: match it.operation {
            domain::Operation::Apply => Operation::Apply,
            domain::Operation::Undo => Operation::Undo,
        },
        timeout_ms: u64::from(it.timeout_s.max(1)) * 1000,
        artifact,
        permit,
        expected: [("digest".to_owned(), it.digest.to_string())].into(),
        after: None,
        pause_ms: u64::from(it.pause_s) * 1000,
        on_revocation: match it.on_revocation {
            domain::OnRevocation::Finish => OnRevocation::Finish,
            domain::OnRevocation::Stop => OnRevocation::Stop,
        },
    }
}

/// What a runner is allowed under one lease: this target, this build, from this fence on, for as long as the lease lasts and the
/// permit of the deployment does.
pub fn permit(it: &Deployment, unit: &Unit, lease: &Held) -> Permit {
    Permit {
        id: it.permit.id.to_string(),
        release: it.release.to_string(),
        scope: PermitScope::Deployments { ids: vec![it.id.to_string()] },
        environment: it.environment.to_string(),
        artifacts: vec![PermittedArtifact { service: unit.service.to_string(), digest: unit.digest.to_string() }],
        targets: vec![unit.target.to_string()],
        not_before: it.permit.not_before,
        not_after: it.permit.not_after.min(lease.until),
        policy_set: it.permit.policy_set.clone(),
        approvals: it.permit.approved_by.iter().map(ToString::to_string).collect(),
        fence_floor: lease.fence,
    }
}

fn kind(run: domain::Run) -> StepKind {
    match run {
        domain::Run::Program(it) => StepKind::Program(ProgramStep {
            check: it.check,
            apply: it.apply,
            verify: it.verify,
            undo: it.undo,
            env: it.env,
            repeatable: it.repeatable,
        }),
        domain::Run::Http(it) => StepKind::Http(HttpStep {
            method: it.method,
            url: it.url,
            headers: it.headers,
            body: it.body,
            expect_status: it.expect_status,
            expect_body_contains: it.expect_contains,
            expect_json: it.expect_json,
            attempts: it.tries,
            every_ms: it.every_ms.into(),
        }),
        domain::Run::Wait { seconds } => StepKind::Wait(WaitStep { ms: u64::from(seconds) * 1000 }),
        // A weight that is not a number becomes one no router takes, so that the step fails and says so.
        domain::Run::Traffic(it) => StepKind::Traffic(TrafficStep {
            router: it.router,
            pool: it.pool,
            server: it.server,
            weight: it.weight.trim().parse().unwrap_or(u32::MAX),
        }),
    }
}

/// What a runner reports, as the domain calls it.
pub fn outcome(it: Outcome) -> StepOutcome {
    match it {
        Outcome::Changed => StepOutcome::Changed,
        Outcome::Unchanged => StepOutcome::Unchanged,
        Outcome::Failed => StepOutcome::Failed,
        Outcome::Inconclusive => StepOutcome::Inconclusive,
    }
}
