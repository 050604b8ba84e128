//! The controller and the depot of runners, over the engine: for the runner within the server directly, for remote ones behind
//! the HTTP endpoints. One code path, so that both are checked alike.
//!
//! Invariants: what a runner holds under a lease it can ask for again, so an answer that got lost loses no step; output is kept
//! durably before it is acknowledged; a report is acknowledged only once it is in the ledger, or once it can never matter.

use crate::{
    dispatch::{Dispatch, Granted, Offer, newest_revocation},
    orders::{outcome, permit, written},
    permit::PermitSigner,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream;
use interlock_domain::{
    core::World,
    deployment::{self as domain, Ask, Deployment, Report, orders},
    runner::LOCAL,
};
use interlock_engine::{Engine, SubmitError};
use interlock_ids::{DeploymentId, Digest, Name};
use interlock_runner::{ByteStream, Controller, ControllerError, Depot, DepotError};
use interlock_wire::runner::{
    KINDS, Lease, LeaseRequest, OutputChunk, PROTOCOL, PROTOCOL_OLDEST, PermitKey, ReportAck, ReportBatch, StepOrder,
    StepReport,
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
/// Output up to this length is kept in the transaction that its report is written in, and costs no synchronisation of its own.
const LITTLE: usize = 16 << 10;

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

    /// Puts the kept output of a step together. What is much is stored as a blob here.
    async fn gather(&self, report: &StepReport) -> Result<Output, ControllerError> {
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
            let (digest, little) = match all.len() {
                0 => (None, None),
                1..=LITTLE => (Some(interlock_ledger::Digest::of(&all)), Some(all)),
                _ => (Some(ledger.put_blob(&all)?), None),
            };
            let digest = digest.map(|digest| Digest(digest.0));
            Ok::<_, interlock_ledger::StoreError>(Output { digest, little, pieces })
        });
        let output = gathered.await.map_err(|_| unreachable("the output could not be stored"))?;
        output.map_err(|error| unreachable(error.code()))
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
            let output = output?;
            told.pieces.extend(output.pieces.then(|| it.key.clone()));
            told.outputs.extend(output.little);
            told.reports.push(Report {
                deployment,
                unit,
                step,
                fence: it.fence,
                attempt: it.attempt,
                outcome: outcome(it.outcome),
                code: it.code.clone(),
                message: it.message.clone(),
                output: output.digest,
                started: it.started_at,
                finished: it.finished_at,
            });
        }
        Ok(told)
    }

    /// Writes reports down and says what became of them.
    async fn tell(&self, runner: &Name, told: Told) -> Result<ReportAck, ControllerError> {
        let Told { mut ack, asked, reports, outputs, pieces } = told;
        let overtaken = ack.stale.clone();
        if !reports.is_empty() {
            let taken = self.dispatch.report(runner.clone(), reports, outputs).await.map_err(failed)?;
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

/// What a step wrote.
struct Output {
    digest: Option<Digest>,
    /// All of it, if it is not kept yet.
    little: Option<Vec<u8>>,
    /// It came in pieces, which are still at the desk.
    pieces: bool,
}

/// Reports that are ready to be written down.
#[derive(Default)]
struct Told {
    ack: ReportAck,
    asked: Vec<(String, (DeploymentId, u32, u32, u64))>,
    reports: Vec<Report>,
    /// Output that is to be kept with them.
    outputs: Vec<Vec<u8>>,
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
