//! Where something happened: the release, the environment and the targets an entry belongs to.

use crate::lens::Lens;
use interlock_domain::{
    core::{Event, Record, Subject},
    deployment::{self, Unit},
};
use interlock_ids::{DeploymentId, Name, ReleaseId};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub release: Option<ReleaseId>,
    pub environment: Option<Name>,
    pub targets: BTreeSet<Name>,
}

/// Finds places, and remembers the units of deployments whose plan is only in the ledger any more.
#[derive(Default)]
pub struct Places(BTreeMap<DeploymentId, Vec<Unit>>);

impl Places {
    pub fn of(&mut self, lens: &Lens, event: &Event) -> Place {
        let world = &lens.world;
        let mut place = Place::default();
        for subject in event.subjects(world) {
            match subject {
                Subject::Release(id) => place.release = Some(id),
                Subject::Change(id) => {
                    place.release = place.release.or(world.change.change(id).map(|it| it.release));
                }
                Subject::Deployment(id) => {
                    let known = world.deployment.deployment(id);
                    place.release = place.release.or(known.map(|it| it.release));
                    place.environment = place.environment.or(known.map(|it| it.environment.clone()));
                }
                Subject::Environment(name) => place.environment = Some(name),
                Subject::Account(_) | Subject::Service(_) | Subject::Calendar(_) | Subject::Artifact(_) => {}
            }
        }
        let release = place.release.and_then(|id| world.release.release(id));
        place.environment = place.environment.or(release.map(|it| it.spec.environment.clone()));
        if let Event::Deployment(event) = event {
            place.targets = self.targets(lens, event);
        }
        place
    }

    fn targets(&mut self, lens: &Lens, event: &deployment::Event) -> BTreeSet<Name> {
        use deployment::Event as It;
        let (id, units): (DeploymentId, Vec<u32>) = match event {
            It::InstalledRecorded(it) => return it.found.iter().map(|found| found.target.clone()).collect(),
            It::Started(it) => return it.units.iter().map(|unit| unit.target.clone()).collect(),
            It::StepsLeased(it) => (it.deployment, it.leases.iter().map(|leased| leased.unit).collect()),
            It::StepsHandedOut(it) => (it.deployment, it.leases.iter().map(|leased| leased.unit).collect()),
            It::StepsAnswered(it) => (it.deployment, it.results.iter().map(|result| result.unit).collect()),
            It::LeasesEnded(it) => (it.deployment, it.units.clone()),
            It::StepsReported(it) => (it.deployment, it.results.iter().map(|result| result.unit).collect()),
            It::StepSkipped(it) => (it.deployment, vec![it.unit]),
            It::PipelinePut(_)
            | It::Retried(_)
            | It::PhaseEnded(_)
            | It::Paused(_)
            | It::Resumed(_)
            | It::Held(_)
            | It::Unheld(_)
            | It::PermitRevoked(_)
            | It::PermitRenewed(_)
            | It::Ended(_)
            | It::Archived(_) => return BTreeSet::new(),
        };
        let known = self.0.entry(id).or_insert_with(|| plan(lens, id));
        units.iter().filter_map(|unit| known.get(*unit as usize)).map(|unit| unit.target.clone()).collect()
    }
}

/// The units of a deployment: from the world, or from the entry with which it began.
fn plan(lens: &Lens, id: DeploymentId) -> Vec<Unit> {
    if let Some(it) = lens.world.deployment.deployment(id).filter(|it| !it.archived) {
        return it.units.clone();
    }
    for position in lens.world.trail.of(&Subject::Deployment(id)) {
        let Ok(entries) = lens.engine.ledger().read(position, 1) else { break };
        let record = entries.first().and_then(|entry| Record::decode(&entry.body).ok());
        if let Some(Event::Deployment(deployment::Event::Started(it))) = record.map(|it| it.event) {
            return it.units;
        }
    }
    Vec::new()
}
