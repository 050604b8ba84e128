//! Where runners' reports and offers come together: whatever arrives while one command is being written goes into the next, so that a
//! thousand runners cost a few entries and a few synchronisations, not thousands. Offers wait here until there is something to do.
//!
//! Invariants: a report is answered only once it is in the ledger, or once it can never matter; an offer is answered with what was
//! leased to it, with revocations it has not heard of, or empty-handed when its time is over; what a runner holds and does not say
//! it works on is handed to it again, so that an answer that got lost loses no step.
//! Deliberately absent: any choice of who gets what. The core chooses.

use futures::FutureExt as _;
use interlock_domain::{
    core::{Actor, Command, Event, World},
    deployment::{self as domain, Ask, Command as Run, Report},
};
use interlock_engine::{Engine, SubmitError};
use interlock_ids::{DeploymentId, Name};
use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

/// Seconds a lease lasts beside the time its steps may take.
const LEASE_S: u32 = 30;
/// How often a runner's leases are compared with what it says it works on, even if nothing seems to be missing.
const COMPARE: Duration = Duration::from_secs(30);
/// Messages that go into one command at most.
const TOGETHER: usize = 4096;
/// Bytes of output that go into one command; what is beyond it goes into the next, far below what a ledger takes at once.
const OUTPUTS: usize = 16 << 20;

/// A lease: the unit it is for, and its fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    pub deployment: DeploymentId,
    pub unit: u32,
    pub fence: u64,
}

/// What a runner offers.
pub struct Offer {
    pub ask: Ask,
    /// Keys of the steps it works on.
    pub running: BTreeSet<String>,
    /// The last revocation it has heard of.
    pub seen: u64,
    /// How long it waits when there is nothing to do.
    pub hold: Duration,
}

/// Which of the reports are in the ledger now: deployment, unit, step, fence.
pub type Taken = BTreeSet<(DeploymentId, u32, u32, u64)>;

enum Message {
    Offer {
        offer: Offer,
        reply: oneshot::Sender<Result<Vec<Granted>, SubmitError>>,
    },
    Reports {
        runner: Name,
        reports: Vec<Report>,
        outputs: Vec<Vec<u8>>,
        reply: oneshot::Sender<Result<Arc<Taken>, SubmitError>>,
    },
}

/// The way in. Cloning it is cheap.
#[derive(Clone)]
pub struct Dispatch(mpsc::UnboundedSender<Message>);

fn closed() -> SubmitError {
    SubmitError::Unavailable("the server is shutting down".into())
}

impl Dispatch {
    /// Begins to work for an engine, until the last clone is gone.
    pub fn begin(engine: Engine) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(Desk { engine, receiver, offers: Vec::new(), reports: Vec::new(), known: BTreeMap::new() }.work());
        Self(sender)
    }

    /// Steps for a runner; none when its time is over, or when it has to hear of a revocation first.
    ///
    /// # Errors
    /// The ledger cannot be written to.
    pub async fn offer(&self, offer: Offer) -> Result<Vec<Granted>, SubmitError> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Message::Offer { offer, reply }).map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Writes down what became of steps, and keeps output that is not kept yet with it.
    ///
    /// # Errors
    /// The ledger cannot be written to.
    pub async fn report(
        &self,
        runner: Name,
        reports: Vec<Report>,
        outputs: Vec<Vec<u8>>,
    ) -> Result<Arc<Taken>, SubmitError> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Message::Reports { runner, reports, outputs, reply }).map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }
}

struct Waiting {
    offer: Offer,
    until: Instant,
    reply: oneshot::Sender<Result<Vec<Granted>, SubmitError>>,
}

struct Reported {
    runner: Name,
    reports: Vec<Report>,
    outputs: Vec<Vec<u8>>,
    reply: oneshot::Sender<Result<Arc<Taken>, SubmitError>>,
}

/// What was handed to a runner by this node.
struct Known {
    granted: BTreeSet<(DeploymentId, u32)>,
    compared: Instant,
}

struct Desk {
    engine: Engine,
    receiver: mpsc::UnboundedReceiver<Message>,
    offers: Vec<Waiting>,
    reports: Vec<Reported>,
    known: BTreeMap<Name, Known>,
}

impl Desk {
    async fn work(mut self) {
        loop {
            // Listens before it looks, so that nothing that comes in between is missed.
            let engine = self.engine.clone();
            let mut news: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move { engine.work().await });
            let came = news.as_mut().now_or_never().is_some();
            self.round().await;
            if came {
                continue;
            }
            let next = self.offers.iter().map(|it| it.until).min();
            let time = async {
                match next {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                message = self.receiver.recv() => match message {
                    Some(message) => self.take(message),
                    None => return,
                },
                () = news, if !self.offers.is_empty() => {}
                () = time => {}
            }
            for _ in 1..TOGETHER {
                let Ok(message) = self.receiver.try_recv() else { break };
                self.take(message);
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Offer { offer, reply } => {
                let until = Instant::now() + offer.hold;
                self.offers.push(Waiting { offer, until, reply });
            }
            Message::Reports { runner, reports, outputs, reply } => {
                self.reports.push(Reported { runner, reports, outputs, reply });
            }
        }
    }

    async fn round(&mut self) {
        // Whoever has gone away must not be given a step.
        self.offers.retain(|it| !it.reply.is_closed());
        if self.offers.is_empty() && self.reports.is_empty() {
            return;
        }
        self.again();
        self.exchange().await;
        while !self.reports.is_empty() {
            self.exchange().await;
        }
        let now = Instant::now();
        let world = self.engine.world();
        let newest = newest_revocation(&world);
        let revoked = |runner: &Name| world.runner.runner(runner).is_some_and(|it| it.revoked.is_some());
        let over = |it: &Waiting| it.until <= now || newest > it.offer.seen || revoked(&it.offer.ask.runner);
        for it in self.offers.extract_if(.., |it| over(it)) {
            let _ = it.reply.send(Ok(Vec::new()));
        }
    }

    /// Hands out again what runners hold and do not work on.
    fn again(&mut self) {
        let world = self.engine.world();
        let now = Instant::now();
        let mut left = Vec::new();
        for it in std::mem::take(&mut self.offers) {
            let runner = &it.offer.ask.runner;
            let known = self.known.get(runner);
            let missing = |(deployment, unit): &(DeploymentId, u32)| {
                let held = world.deployment.deployment(*deployment);
                held.is_some_and(|held| !works_on(&world, held, *unit, runner, &it.offer.running))
            };
            let suspect = known.is_none_or(|known| now - known.compared > COMPARE || known.granted.iter().any(missing));
            let mut lost = if suspect { lost(&world, runner, &it.offer.running) } else { Vec::new() };
            lost.truncate(it.offer.ask.capacity as usize);
            if suspect {
                let known =
                    self.known.entry(runner.clone()).or_insert(Known { granted: BTreeSet::new(), compared: now });
                known.compared = now;
                known.granted = held_by(&world, runner).map(|(it, unit, _)| (it.id, unit)).collect();
            }
            if lost.is_empty() {
                left.push(it);
            } else {
                let _ = it.reply.send(Ok(lost));
            }
        }
        self.offers = left;
    }

    async fn exchange(&mut self) {
        let hungry = self.offers.iter().any(|it| it.offer.ask.capacity > 0);
        let work = hungry && (!self.reports.is_empty() || waits(&self.engine.world()));
        if self.reports.is_empty() && !work {
            return;
        }
        let mut reports = self.next_reports();
        let outputs = reports.iter_mut().flat_map(|it| std::mem::take(&mut it.outputs)).collect();
        let told = reports.iter().flat_map(|it| it.reports.iter().map(|report| (it.runner.clone(), report.clone())));
        let asks = self.offers.iter().filter(|it| work && it.offer.ask.capacity > 0).map(|it| it.offer.ask.clone());
        let command = Run::Exchange { reports: told.collect(), asks: asks.collect(), lease_s: LEASE_S };
        let receipt = self.engine.submit_with(Actor::system(), Command::Deployment(command), outputs).await;
        let events: Vec<Event> = match receipt {
            Ok(receipt) => receipt.events.into_iter().map(|it| it.event).collect(),
            Err(error) => {
                let why = error.to_string();
                for it in reports {
                    let _ = it.reply.send(Err(SubmitError::Unavailable(why.clone())));
                }
                // Nothing was leased: whoever offers goes on waiting, and asks again.
                for it in std::mem::take(&mut self.offers) {
                    let _ = it.reply.send(Err(SubmitError::Unavailable(why.clone())));
                }
                return;
            }
        };
        let taken = Arc::new(taken(&events));
        for it in reports {
            if let Some(known) = self.known.get_mut(&it.runner) {
                for report in &it.reports {
                    known.granted.remove(&(report.deployment, report.unit));
                }
            }
            let _ = it.reply.send(Ok(taken.clone()));
        }
        self.grant(&events);
    }

    /// Reports whose output fits into one command; at least one, if there is one.
    fn next_reports(&mut self) -> Vec<Reported> {
        let mut bytes = 0;
        let fits = self.reports.iter().enumerate().take_while(|(at, it)| {
            bytes += it.outputs.iter().map(Vec::len).sum::<usize>();
            *at == 0 || bytes <= OUTPUTS
        });
        let count = fits.count();
        self.reports.drain(..count).collect()
    }

    fn grant(&mut self, events: &[Event]) {
        let mut granted: BTreeMap<&Name, Vec<Granted>> = BTreeMap::new();
        for event in events {
            match event {
                Event::Deployment(domain::Event::StepsLeased(it)) => {
                    let leases = it.leases.iter().map(|leased| (leased.unit, leased.fence));
                    let leases = leases.map(|(unit, fence)| Granted { deployment: it.deployment, unit, fence });
                    granted.entry(&it.runner).or_default().extend(leases);
                }
                Event::Deployment(domain::Event::StepsHandedOut(it)) => {
                    for leased in &it.leases {
                        let one = Granted { deployment: it.deployment, unit: leased.unit, fence: leased.fence };
                        granted.entry(&leased.runner).or_default().push(one);
                    }
                }
                _ => {}
            }
        }
        for (runner, leases) in granted {
            let known = self
                .known
                .entry(runner.clone())
                .or_insert(Known { granted: BTreeSet::new(), compared: Instant::now() });
            known.granted.extend(leases.iter().map(|it| (it.deployment, it.unit)));
            // One runner may have two offers here, as when it has given up on the first: whichever is listened to is answered; if
            // none is, the leases are found again when it asks next.
            let at = self.offers.iter().position(|it| it.offer.ask.runner == *runner && !it.reply.is_closed());
            if let Some(at) = at {
                let _ = self.offers.swap_remove(at).reply.send(Ok(leases));
            }
        }
    }
}

/// Whether a step can be handed out.
fn waits(world: &World) -> bool {
    let mut running = world.deployment.running.iter().filter_map(|id| world.deployment.deployment(*id));
    running.any(|it| !it.runnable().is_empty())
}

fn taken(events: &[Event]) -> Taken {
    let mut taken = Taken::new();
    for event in events {
        match event {
            Event::Deployment(domain::Event::StepsReported(it)) => {
                taken.extend(it.results.iter().map(|one| (it.deployment, one.unit, one.result.step, one.fence)));
            }
            Event::Deployment(domain::Event::StepsAnswered(it)) => {
                taken.extend(it.results.iter().map(|one| (it.deployment, one.unit, one.result.step, one.fence)));
            }
            _ => {}
        }
    }
    taken
}

/// The position of the newest revocation a runner may have to hear of.
pub fn newest_revocation(world: &World) -> u64 {
    let of_releases = world.release.revocations.get_max().map(|(at, _)| *at);
    of_releases.max(world.deployment.revocations.get_max().map(|(at, _)| *at)).unwrap_or_default()
}

/// Units a runner has leased, with their fences.
fn held_by<'a>(world: &'a World, runner: &'a Name) -> impl Iterator<Item = (&'a domain::Deployment, u32, u64)> + 'a {
    let running = world.deployment.running.iter().filter_map(|id| world.deployment.deployment(*id));
    running.flat_map(move |it| {
        let leased = it.leased().filter(|(_, lease)| lease.runner == *runner);
        leased.map(move |(unit, lease)| (it, unit, lease.fence))
    })
}

/// Whether a runner works on the step a unit owes, or has nothing to do with it.
fn works_on(world: &World, it: &domain::Deployment, unit: u32, runner: &Name, running: &BTreeSet<String>) -> bool {
    let lease = it.progress.get(unit as usize).and_then(|progress| progress.lease.as_ref());
    let Some(lease) = lease.filter(|lease| lease.runner == *runner) else { return true };
    domain::order(world, it, unit, lease.fence).is_none_or(|order| running.contains(&order.key))
}

fn lost(world: &World, runner: &Name, running: &BTreeSet<String>) -> Vec<Granted> {
    let held = held_by(world, runner).filter(|(it, unit, _)| !works_on(world, it, *unit, runner, running));
    held.map(|(it, unit, fence)| Granted { deployment: it.id, unit, fence }).collect()
}
