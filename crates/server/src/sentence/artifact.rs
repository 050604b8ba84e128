//! What happens to artefacts, in words.

use super::{counted, quoted};
use crate::lens::{Lens, short};
use interlock_domain::artifact;
use interlock_wire::reason::Severity::{self, Bad, Good, Info, Neutral, Warning};

pub(super) fn of(lens: &Lens, event: &artifact::Event) -> (String, Severity) {
    match event {
        artifact::Event::Registered(it) => {
            let commits = it
                .artifact
                .source
                .as_ref()
                .map(|source| format!(" with {}", counted(source.commits.len(), "commit")))
                .unwrap_or_default();
            let signed = if it.artifact.signature.is_some() { ", signed" } else { ", not signed" };
            (
                format!(
                    "{} {} ({}) was registered{commits}{signed}",
                    it.artifact.service,
                    it.artifact.version,
                    short(&it.artifact.digest)
                ),
                Info,
            )
        }
        artifact::Event::KeyPut(it) if it.key.revoked => (format!("Signing key {} was revoked", it.key.name), Warning),
        artifact::Event::KeyPut(it) => (format!("Signing key {} was entered", it.key.name), Neutral),
        artifact::Event::Quarantined(it) => {
            let why = it.reason.map(|note| quoted(lens, note)).unwrap_or_default();
            (
                format!(
                    "{} {} was put into quarantine: it may not be deployed anywhere{why}",
                    it.service,
                    lens.version(&it.digest)
                ),
                Bad,
            )
        }
        artifact::Event::EvidenceAttached(it) => {
            let what = format!("{} {}", service_of(lens, &it.evidence.artifact), lens.version(&it.evidence.artifact));
            let (says, severity) = crate::http::evidence::says(&it.evidence.content);
            (format!("Evidence {} was attached to {what}: {says}", it.evidence.name), severity)
        }
        artifact::Event::EvidenceSigned(it) => {
            let what = format!("{} {}", service_of(lens, &it.artifact), lens.version(&it.artifact));
            let name = lens.world.artifact.evidence.by_id(it.evidence).map_or("", |it| it.evidence.name.as_str());
            let why = it.reason.map(|note| quoted(lens, note)).unwrap_or_default();
            (format!("Evidence {name} about {what} was signed as {}{why}", it.meaning.as_str()), Good)
        }
        artifact::Event::QuarantineLifted(it) => {
            let what = lens
                .world
                .artifact
                .quarantines
                .get(&it.quarantine)
                .map_or_else(String::new, |known| format!(" of {} {}", known.service, lens.version(&known.digest)));
            (format!("The quarantine{what} was lifted{}", quoted(lens, it.reason)), Warning)
        }
    }
}

fn service_of(lens: &Lens, digest: &interlock_ids::Digest) -> String {
    lens.world.artifact.artifact(digest).map_or_else(|| "artefact".into(), |it| it.service.to_string())
}
