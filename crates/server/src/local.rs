//! The controller and the depot of runners, over the engine: for the runner within the server directly, for remote ones behind
//! the HTTP endpoints. One code path, so that both are checked alike.
//!
//! Invariants: what a runner holds under a lease it can ask for again, so an answer that got lost loses no step; output is kept
//! durably before it is acknowledged; a report is acknowledged only once it is in the ledger, or once it can never matter.

use crate::{
    dispatch::{Dispatch, Granted, Offer, newest_revocation},
    permit::PermitSigner,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream;
use interlock_domain::{
    core::World,
    deployment::{self as domain, Ask, Deployment, Lease as Held, Report, StepOutcome, Unit, orders},
    runner::LOCAL,
};
use interlock_engine::{Engine, SubmitError};
use interlock_ids::{DeploymentId, Digest, Name};
use interlock_runner::{ByteStream, Controller, ControllerError, Depot, DepotError};
use interlock_wire::{
    deployment::OnRevocation,
    permit::{Permit, PermitScope, PermittedArtifact, SignedPermit},
    runner::{
        ArtifactOrder, HttpStep, KINDS, Lease, LeaseRequest, Operation, Outcome, OutputChunk, PROTOCOL,
        PROTOCOL_OLDEST, PermitKey, ProgramStep, ReportAck, ReportBatch, StepKind, StepOrder, StepReport, TargetView,
        TrafficStep, WaitStep,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::sync::Semaphore;

/// How long an answer is held back when there is nothing to do.
const HOLD: Duration = Duration::from_secs(20);
/// When a runner asks again that was held for so long.
const AT_ONCE_MS: u64 = 1;
/// When a runner whose hands are full asks again, to hear of revocations.
const BEAT_MS: u64 = 2000;
/// Pieces of output that are being kept at once; more are refused for the moment, and stay on the runners' disks.
const KEEPING: usize = 64;
/// Table of the desk in which output waits for its report.
const OUTPUT: &str = "output";
/// Output of one step that is kept, in bytes.
const OUTPUT_BYTES: usize = 16 << 20;

/// Hands out the engine's steps.
#[derive(Clone)]
pub struct LocalController {
    engine: Engine,
    permits: PermitSigner,
    dispatch: Dispatch,
    keeping: Arc<Semaphore>,
    /// Labels of the runner within the server.
    labels: Arc<BTreeMap<String, String>>,
    hold: Duration,
}

impl LocalController {
    pub fn new(engine: Engine, permits: PermitSigner) -> Self {
        let dispatch = Dispatch::begin(engine.clone());
        Self {
            engine,
            permits,
            dispatch,
            keeping: Arc::new(Semaphore::new(KEEPING)),
            labels: Arc::default(),
            hold: HOLD,
        }
    }

    /// The same, with labels of the runner within the server.
    pub fn with_labels(self, labels: BTreeMap<String, String>) -> Self {
        Self { labels: Arc::new(labels), ..self }
    }

    /// The same, holding answers back no longer than this when there is nothing to do.
    pub fn holding(self, hold: Duration) -> Self {
        Self { hold, ..self }
    }

    /// The orders of a lease, if it is still in force.
    fn orders(&self, world: &World, it: &Granted) -> Vec<StepOrder> {
        let Some(deployment) = world.deployment.deployment(it.deployment) else { return Vec::new() };
        let lease = deployment.progress.get(it.unit as usize).and_then(|progress| progress.lease.as_ref());
        let unit = deployment.units.get(it.unit as usize);
        let Some((lease, unit)) = lease.filter(|lease| lease.fence == it.fence).zip(unit) else { return Vec::new() };
        let permit = self.permits.sign(&permit(deployment, unit, lease));
        let mut before: Option<String> = None;
        let orders = orders(world, deployment, it.unit, it.fence).into_iter().map(|order| {
            let after = before.replace(order.key.clone());
            StepOrder { after, ..written(order, permit.clone()) }
        });
        orders.collect()
    }

    /// Keeps output of a runner durably, and shows it to whoever watches.
    ///
    /// # Errors
    /// It could not be kept; send it again.
    pub async fn take_output(&self, runner: &Name, chunks: Vec<OutputChunk>) -> Result<(), ControllerError> {
        // A runner that is told so keeps it on its disk, and comes again: nothing waits in memory here.
        let Ok(_slot) = self.keeping.try_acquire() else {
            return Err(ControllerError::Unreachable("more output arrives than can be kept; send it again".into()));
        };
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

    /// Puts the kept output of a step together and stores it as a blob; whether it came in pieces, which are still at the desk.
    async fn gather(&self, report: &StepReport) -> Result<(Option<Digest>, bool), ControllerError> {
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
            // Little output does not travel piece by piece: then what the report itself carries is all there is.
            let pieces = after.is_some();
            let all = if text.len() < tail.len() { tail.into_bytes() } else { text };
            let digest = if all.is_empty() { None } else { Some(ledger.put_blob(&all)?) };
            Ok::<_, interlock_ledger::StoreError>((digest, pieces))
        });
        let digest = gathered.await.map_err(|_| unreachable("the output could not be stored"))?;
        let (digest, pieces) = digest.map_err(|error| unreachable(error.code()))?;
        Ok((digest.map(|digest| Digest(digest.0)), pieces))
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

/// A step as it is handed to a runner.
fn written(it: domain::StepOrder, permit: SignedPermit) -> StepOrder {
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

fn row(key: &str, offset: u64) -> String {
    format!("{key}#{offset:012}")
}

fn unreachable(why: &str) -> ControllerError {
    ControllerError::Unreachable(why.to_owned())
}

fn refused(status: u16, code: &str, message: impl Into<String>) -> ControllerError {
    ControllerError::Refused { status, code: code.into(), message: message.into() }
}

fn failed(error: SubmitError) -> ControllerError {
    match error {
        SubmitError::Refused(refusal) => refused(409, "runner-refused", refusal.summary),
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

/// What a runner is allowed under one lease: this target, this build, from this fence on, for as long as the lease lasts and the
/// permit of the deployment does.
fn permit(it: &Deployment, unit: &Unit, lease: &Held) -> Permit {
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
        let runner: Name =
            request.runner.parse().map_err(|error| refused(422, "invalid-value", format!("runner: {error}")))?;
        if request.protocol < PROTOCOL_OLDEST {
            let message = format!(
                "the runner speaks protocol {} and this server {PROTOCOL_OLDEST} to {PROTOCOL}",
                request.protocol
            );
            return Err(refused(409, "runner-protocol", message));
        }
        let second = request.protocol >= 2;
        let mut kinds: BTreeSet<String> = request.kinds.into_iter().collect();
        if kinds.is_empty() {
            kinds.extend(KINDS.map(str::to_owned));
        }
        kinds.extend(second.then(|| domain::STOP.to_owned()));
        let labels = if runner.as_str() == LOCAL { (*self.labels).clone() } else { BTreeMap::new() };
        let capacity = request.capacity;
        // What is being reported is being worked on, until the report is in.
        let done = request.reports.iter().map(|it| it.key.clone());
        let offer = Offer {
            ask: Ask { runner: runner.clone(), capacity, labels, kinds: Some(kinds), ahead: second },
            running: request.running.into_iter().chain(done).collect(),
            seen: request.seen_revocations,
            // Whoever waits for an acknowledgement does not wait for work with it.
            hold: if request.reports.is_empty() { self.hold } else { Duration::ZERO },
        };
        let told = self.prepare(&runner, &request.reports).await?;
        // Both at once, so that one entry of the ledger's batch and one synchronisation do for both.
        let (reported, granted) = tokio::join!(self.tell(&runner, told), async {
            match capacity {
                0 => Ok(Vec::new()),
                _ => self.dispatch.offer(offer).await.map_err(failed),
            }
        });
        let (reported, granted) = ((!request.reports.is_empty()).then_some(reported?), granted?);
        let world = self.engine.world();
        let steps: Vec<StepOrder> = granted.iter().flat_map(|it| self.orders(&world, it)).collect();
        let full = capacity == 0 || granted.len() >= capacity as usize;
        Ok(Lease {
            steps,
            next_poll_ms: if full { BEAT_MS } else { AT_ONCE_MS },
            protocol: request.protocol.min(PROTOCOL),
            reported,
            drained: second && world.runner.runner(&runner).is_some_and(|it| it.drained),
            ..revocations(&world, request.seen_revocations)
        })
    }

    async fn report(&self, batch: ReportBatch) -> Result<ReportAck, ControllerError> {
        let runner: Name =
            batch.runner.parse().map_err(|error| refused(422, "invalid-value", format!("runner: {error}")))?;
        let told = self.prepare(&runner, &batch.reports).await?;
        self.tell(&runner, told).await
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

    fn takes_reports(&self) -> bool {
        true
    }

    async fn permit_keys(&self) -> Result<Vec<PermitKey>, ControllerError> {
        Ok(self.permits.keys())
    }
}

impl LocalController {
    /// Looks up what reports are about, and keeps their output.
    async fn prepare(&self, runner: &Name, all: &[StepReport]) -> Result<Told, ControllerError> {
        let world = self.engine.world();
        let (mut told, mut held) = (Told::default(), Vec::new());
        for it in all {
            match find(&world, runner, it) {
                Found::Recorded => told.ack.accepted.push(it.key.clone()),
                Found::Stale => told.ack.stale.push(it.key.clone()),
                Found::Held { deployment, unit, step } => {
                    told.asked.push((it.key.clone(), (deployment, unit, step, it.fence)));
                    held.push((it, deployment, unit, step));
                }
            }
        }
        let outputs = futures::future::join_all(held.iter().map(|(it, ..)| self.gather(it))).await;
        for ((it, deployment, unit, step), output) in held.into_iter().zip(outputs) {
            let (output, pieces) = output?;
            told.pieces.extend(pieces.then(|| it.key.clone()));
            told.reports.push(Report {
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
        Ok(told)
    }

    /// Writes reports down and says what became of them.
    async fn tell(&self, runner: &Name, told: Told) -> Result<ReportAck, ControllerError> {
        let Told { mut ack, asked, reports, pieces } = told;
        let overtaken = ack.stale.clone();
        if !reports.is_empty() {
            let taken = self.dispatch.report(runner.clone(), reports).await.map_err(failed)?;
            // What was overtaken meanwhile is told apart when it is reported again.
            ack.accepted.extend(asked.into_iter().filter(|(_, it)| taken.contains(it)).map(|(key, _)| key));
        }
        for key in ack.accepted.iter().chain(&ack.stale) {
            self.engine.output().finish(key);
        }
        for key in pieces.iter().filter(|key| ack.accepted.contains(key)).chain(&overtaken) {
            self.forget(key).await;
        }
        Ok(ack)
    }
}

/// Reports that are ready to be written down.
#[derive(Default)]
struct Told {
    ack: ReportAck,
    asked: Vec<(String, (DeploymentId, u32, u32, u64))>,
    reports: Vec<Report>,
    /// Keys whose output waits at the desk in pieces.
    pieces: Vec<String>,
}

/// Permits revoked since the runner last heard of any. The position is that of the ledger.
fn revocations(world: &World, seen: u64) -> Lease {
    let both = world
        .release
        .revocations
        .range(seen.saturating_add(1)..)
        .chain(world.deployment.revocations.range(seen.saturating_add(1)..));
    Lease {
        revocation_position: newest_revocation(world).max(seen),
        revoked_permits: both.map(|(_, it)| it.permit.to_string()).collect(),
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
