//! The controller and the depot of runners, over the engine: for the runner within the server directly, for remote ones behind
//! the HTTP endpoints. One code path, so that both are checked alike.
//!
//! Invariants: what a runner holds under a lease it can ask for again, so an answer that got lost loses no step; output is kept
//! durably before it is acknowledged; a report is acknowledged only once it is in the ledger, or once it can never matter.

use crate::permit::PermitSigner;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream;
use interlock_domain::{
    core::{Actor, Command, Event, World},
    deployment::{self as domain, Command as Run, Deployment, Report, StepOutcome, order},
};
use interlock_engine::{Engine, SubmitError};
use interlock_ids::{DeploymentId, Digest, Name, PermitId};
use interlock_runner::{ByteStream, Controller, ControllerError, Depot, DepotError};
use interlock_wire::{
    permit::{Permit, PermitScope, PermittedArtifact},
    runner::{
        ArtifactOrder, HttpStep, Lease, LeaseRequest, Operation, Outcome, OutputChunk, ProgramStep, ReportAck,
        ReportBatch, StepKind, StepOrder, StepReport, TargetView, TrafficStep, WaitStep,
    },
};
use std::{pin::pin, time::Duration};

/// Seconds a lease lasts beside the time its step may take.
const LEASE_S: u32 = 30;
/// How long an answer is held back when there is nothing to do.
const HOLD: Duration = Duration::from_secs(2);
/// When a runner asks again, if it has nothing else to do.
const NEXT_POLL_MS: u64 = 250;
/// Table of the desk in which output waits for its report.
const OUTPUT: &str = "output";
/// Output of one step that is kept, in bytes.
const OUTPUT_BYTES: usize = 16 << 20;

/// Hands out the engine's steps.
#[derive(Clone)]
pub struct LocalController {
    engine: Engine,
    permits: PermitSigner,
}

impl LocalController {
    pub fn new(engine: Engine, permits: PermitSigner) -> Self {
        Self { engine, permits }
    }

    async fn submit(&self, runner: &Name, command: Run) -> Result<Vec<Event>, SubmitError> {
        let receipt = self.engine.submit(Actor::runner(runner.clone()), Command::Deployment(command), None).await?;
        Ok(receipt.events.into_iter().map(|it| it.event).collect())
    }

    /// Steps the runner holds and does not say it is working on.
    fn forgotten(&self, world: &World, runner: &Name, running: &[String]) -> Vec<StepOrder> {
        let deployments = world.deployment.running.iter().filter_map(|id| world.deployment.deployment(*id));
        let held = deployments.flat_map(|it| {
            it.leased().filter(|(_, lease)| lease.runner == *runner).map(move |(unit, lease)| (it, unit, lease.fence))
        });
        let orders = held.filter_map(|(it, unit, fence)| self.order(world, it, unit, fence));
        orders.filter(|order| !running.contains(&order.key)).collect()
    }

    fn order(&self, world: &World, deployment: &Deployment, unit: u32, fence: u64) -> Option<StepOrder> {
        let it = order(world, deployment, unit, fence)?;
        let wants_file = matches!(&it.run, domain::Run::Program(program) if program.artifact);
        let artifact = wants_file.then(|| ArtifactOrder {
            digest: it.digest.to_string(),
            size: it.size,
            url_path: String::new(),
            // Without a signature or a key the runner refuses the artefact: no evidence never passes.
            signature: it.signature.as_ref().map(|signature| signature.text.clone()).unwrap_or_default(),
            public_key: it.public_key.clone().unwrap_or_default(),
        });
        Some(StepOrder {
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
            permit: self.permits.sign(&permit(deployment)),
            expected: [("digest".to_owned(), it.digest.to_string())].into(),
        })
    }

    /// Keeps output of a runner durably, and shows it to whoever watches.
    ///
    /// # Errors
    /// It could not be kept; send it again.
    pub async fn take_output(&self, runner: &Name, chunks: Vec<OutputChunk>) -> Result<(), ControllerError> {
        let world = self.engine.world();
        for chunk in chunks {
            // Output of a step that this runner does not hold is nobody's.
            if !holds(&world, runner, &chunk.key) {
                continue;
            }
            self.keep(chunk).await?;
        }
        Ok(())
    }

    async fn keep(&self, chunk: OutputChunk) -> Result<(), ControllerError> {
        let (ledger, shown) = (self.engine.ledger().clone(), chunk.clone());
        let kept = tokio::task::spawn_blocking(move || {
            if chunk.offset as usize > OUTPUT_BYTES {
                return Ok(false);
            }
            let row = row(&chunk.key, chunk.offset);
            let known = ledger.desk_get(OUTPUT, &row)?.is_some();
            if !known {
                ledger.desk_put(OUTPUT, &row, chunk.text.as_bytes())?;
            }
            Ok::<bool, interlock_ledger::StoreError>(!known)
        });
        if kept
            .await
            .map_err(|_| unreachable("the output could not be kept"))?
            .map_err(|error| unreachable(error.code()))?
        {
            let so_far = self.engine.output().read(&shown.key, usize::MAX).map_or(0, |(_, end, _)| end as u64);
            if shown.offset >= so_far {
                self.engine.output().append(&shown.key, &shown.text);
            }
        }
        Ok(())
    }

    /// Puts the kept output of a step together and stores it as a blob.
    async fn gather(&self, report: &StepReport) -> Result<Option<Digest>, ControllerError> {
        let (ledger, key, tail) = (self.engine.ledger().clone(), report.key.clone(), report.output_tail.clone());
        let gathered = tokio::task::spawn_blocking(move || {
            let prefix = format!("{key}#");
            let mut text: Vec<u8> = Vec::new();
            let mut after: Option<String> = None;
            loop {
                let rows = ledger.desk_scan(OUTPUT, &prefix, after.as_deref(), 1000)?;
                let Some((last, _)) = rows.last() else { break };
                after = Some(last.clone());
                for (row, bytes) in &rows {
                    let offset =
                        row.rsplit('#').next().and_then(|text| text.parse::<usize>().ok()).unwrap_or(text.len());
                    // A piece may overlap what came before; a gap is left out.
                    let new = text.len().saturating_sub(offset).min(bytes.len());
                    text.extend_from_slice(&bytes[new..]);
                }
            }
            // Nothing arrived piece by piece: what the report itself carries is all there is.
            let all = if text.is_empty() { tail.into_bytes() } else { text };
            if all.is_empty() { Ok(None) } else { ledger.put_blob(&all).map(Some) }
        });
        let digest = gathered.await.map_err(|_| unreachable("the output could not be stored"))?;
        Ok(digest
            .map_err(|error: interlock_ledger::StoreError| unreachable(error.code()))?
            .map(|digest| Digest(digest.0)))
    }

    async fn forget(&self, key: &str) {
        let (ledger, prefix) = (self.engine.ledger().clone(), format!("{key}#"));
        let cleared = tokio::task::spawn_blocking(move || {
            loop {
                let rows = ledger.desk_scan(OUTPUT, &prefix, None, 1000)?;
                if rows.is_empty() {
                    return Ok::<(), interlock_ledger::StoreError>(());
                }
                ledger.desk_delete_many(OUTPUT, &rows.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>())?;
            }
        });
        if !matches!(cleared.await, Ok(Ok(()))) {
            tracing::warn!(key, "output that is stored is still at the desk");
        }
    }
}

fn row(key: &str, offset: u64) -> String {
    format!("{key}#{offset:012}")
}

fn unreachable(why: &str) -> ControllerError {
    ControllerError::Unreachable(why.to_owned())
}

fn refused(status: u16, message: impl Into<String>) -> ControllerError {
    ControllerError::Refused { status, message: message.into() }
}

fn failed(error: SubmitError) -> ControllerError {
    match error {
        SubmitError::Refused(refusal) => refused(409, refusal.summary),
        SubmitError::Unavailable(why) | SubmitError::Unknown(why) => ControllerError::Unreachable(why),
    }
}

/// The unit a key belongs to, and the step within the pipeline.
fn locate<'a>(world: &'a World, key: &str) -> Option<(&'a Deployment, u32, u32)> {
    let mut parts = key.split('/');
    let (deployment, target, service, step) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let it = world.deployment.deployment(deployment.parse::<DeploymentId>().ok()?)?;
    let unit = it.units.iter().position(|unit| unit.target.as_str() == target && unit.service.as_str() == service)?;
    let step = it.pipeline.steps.iter().position(|known| known.name.as_str() == step)?;
    Some((it, unit as u32, step as u32))
}

fn holds(world: &World, runner: &Name, key: &str) -> bool {
    let lease = locate(world, key)
        .and_then(|(it, unit, _)| it.progress.get(unit as usize))
        .and_then(|progress| progress.lease.as_ref());
    lease.is_some_and(|lease| lease.runner == *runner)
}

/// What a runner is allowed for one deployment: these targets, these builds, this time.
fn permit(it: &Deployment) -> Permit {
    let mut targets: Vec<String> = it.units.iter().map(|unit| unit.target.to_string()).collect();
    targets.sort();
    targets.dedup();
    Permit {
        id: it.permit.id.to_string(),
        release: it.release.to_string(),
        scope: PermitScope::Deployments { ids: vec![it.id.to_string()] },
        environment: it.environment.to_string(),
        artifacts: it
            .permit
            .items
            .iter()
            .map(|item| PermittedArtifact { service: item.service.to_string(), digest: item.digest.to_string() })
            .collect(),
        targets,
        not_before: it.permit.not_before,
        not_after: it.permit.not_after,
        policy_set: it.permit.policy_set.clone(),
        approvals: it.permit.approved_by.iter().map(ToString::to_string).collect(),
        fence_floor: 1,
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

fn outcome(it: Outcome) -> StepOutcome {
    match it {
        Outcome::Changed => StepOutcome::Changed,
        Outcome::Unchanged => StepOutcome::Unchanged,
        Outcome::Failed => StepOutcome::Failed,
        Outcome::Inconclusive => StepOutcome::Inconclusive,
    }
}

/// What has become of the step of a report, before the report is submitted.
enum Found {
    Held { deployment: DeploymentId, unit: u32, step: u32 },
    Recorded,
    Stale,
}

fn find(world: &World, runner: &Name, it: &StepReport) -> Found {
    let Some((deployment, unit, step)) = locate(world, &it.key) else { return Found::Stale };
    let Some(progress) = deployment.progress.get(unit as usize) else { return Found::Stale };
    // What is leased now goes first: after a retry by hand tries are counted from one again.
    if progress.lease.as_ref().is_some_and(|lease| lease.runner == *runner && lease.fence == it.fence) {
        return Found::Held { deployment: deployment.id, unit, step };
    }
    let recorded = progress.results.iter().any(|result| result.step == step && result.attempt == it.attempt);
    if recorded { Found::Recorded } else { Found::Stale }
}

#[async_trait]
impl Controller for LocalController {
    async fn lease(&self, request: LeaseRequest) -> Result<Lease, ControllerError> {
        let runner: Name = request.runner.parse().map_err(|error| refused(422, format!("runner: {error}")))?;
        let begun = tokio::time::Instant::now();
        loop {
            // Listens before it looks, so that no work that comes in between is missed.
            let mut news = pin!(self.engine.work());
            let _ = futures::poll!(news.as_mut());
            let mut lease = self.look(&runner, &request).await?;
            let quiet = lease.steps.is_empty() && lease.revoked_permits.is_empty() && request.capacity > 0;
            let left = HOLD.saturating_sub(begun.elapsed());
            if !quiet || left.is_zero() {
                lease.next_poll_ms = NEXT_POLL_MS;
                return Ok(lease);
            }
            let _ = tokio::time::timeout(left, news).await;
        }
    }

    async fn report(&self, batch: ReportBatch) -> Result<ReportAck, ControllerError> {
        let runner: Name = batch.runner.parse().map_err(|error| refused(422, format!("runner: {error}")))?;
        let world = self.engine.world();
        let (mut ack, mut reports, mut keys) = (ReportAck::default(), Vec::new(), Vec::new());
        for it in &batch.reports {
            match find(&world, &runner, it) {
                Found::Recorded => ack.accepted.push(it.key.clone()),
                Found::Stale => ack.stale.push(it.key.clone()),
                Found::Held { deployment, unit, step } => {
                    let output = self.gather(it).await?;
                    keys.push(it.key.clone());
                    reports.push(Report {
                        deployment,
                        unit,
                        step,
                        fence: it.fence,
                        attempt: it.attempt,
                        outcome: outcome(it.outcome),
                        code: it.code.clone(),
                        message: it.message.clone(),
                        output,
                        started: it.started_at,
                        finished: it.finished_at,
                    });
                }
            }
        }
        if !reports.is_empty() {
            match self.submit(&runner, Run::Report { runner: runner.clone(), reports }).await {
                Ok(_) => {}
                // Overtaken meanwhile: each is told apart when it is reported again.
                Err(SubmitError::Refused(refusal)) if refusal.kind == interlock_domain::reason::RefusalKind::Stale => {
                    keys.clear()
                }
                Err(error) => return Err(failed(error)),
            }
        }
        for key in batch
            .reports
            .iter()
            .map(|it| &it.key)
            .filter(|key| keys.contains(key) || ack.accepted.contains(key) || ack.stale.contains(key))
        {
            self.engine.output().finish(key);
            self.forget(key).await;
        }
        ack.accepted.extend(keys);
        Ok(ack)
    }

    async fn output(&self, chunks: Vec<OutputChunk>) -> Result<(), ControllerError> {
        let world = self.engine.world();
        for chunk in chunks {
            if locate(&world, &chunk.key).is_some() {
                self.keep(chunk).await?;
            }
        }
        Ok(())
    }
}

impl LocalController {
    async fn look(&self, runner: &Name, request: &LeaseRequest) -> Result<Lease, ControllerError> {
        let world = self.engine.world();
        let mut lease = revocations(&world, request.seen_revocations);
        if request.capacity == 0 {
            return Ok(lease);
        }
        lease.steps = self.forgotten(&world, runner, &request.running);
        lease.steps.truncate(request.capacity as usize);
        let free = request.capacity - lease.steps.len() as u32;
        let waiting = world
            .deployment
            .running
            .iter()
            .filter_map(|id| world.deployment.deployment(*id))
            .any(|it| !it.runnable().is_empty());
        if free == 0 || !waiting {
            return Ok(lease);
        }
        let events = self
            .submit(runner, Run::Lease { runner: runner.clone(), capacity: free, lease_s: LEASE_S })
            .await
            .map_err(failed)?;
        let world = self.engine.world();
        for event in events {
            let Event::Deployment(domain::Event::StepsLeased(it)) = event else { continue };
            let Some(deployment) = world.deployment.deployment(it.deployment) else { continue };
            lease.steps.extend(
                it.leases.iter().filter_map(|leased| self.order(&world, deployment, leased.unit, leased.fence)),
            );
        }
        Ok(lease)
    }
}

/// Permits revoked since the runner last heard of any. The position is the time of the last in nanoseconds.
fn revocations(world: &World, seen: u64) -> Lease {
    let at = |moment: &jiff::Timestamp| u64::try_from(moment.as_nanosecond()).unwrap_or_default();
    let newer: Vec<(&PermitId, u64)> = world
        .release
        .revoked_permits
        .iter()
        .map(|(id, moment)| (id, at(moment)))
        .filter(|(_, at)| *at > seen)
        .collect();
    Lease {
        revocation_position: newer.iter().map(|(_, at)| *at).max().unwrap_or(seen),
        revoked_permits: newer.iter().map(|(id, _)| id.to_string()).collect(),
        ..Lease::default()
    }
}

/// The artefacts in the ledger's blobs.
#[derive(Clone)]
pub struct LocalDepot(pub Engine);

#[async_trait]
impl Depot for LocalDepot {
    async fn fetch(&self, digest: &Digest, _: &str) -> Result<ByteStream, DepotError> {
        let (ledger, wanted) = (self.0.ledger().clone(), *digest);
        let read = tokio::task::spawn_blocking(move || ledger.blob(&interlock_ledger::Digest(wanted.0))).await;
        let bytes =
            read.map_err(|error| DepotError(error.to_string()))?.map_err(|error| DepotError(error.to_string()))?;
        let bytes = bytes.ok_or_else(|| DepotError(format!("there is no blob {digest}")))?;
        Ok(Box::pin(stream::once(async move { Ok(Bytes::from(bytes)) })))
    }
}
