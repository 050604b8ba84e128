//! What a command is about, in the words of policies: for the record of a refusal, and for asking "may I?".

use super::{Command, Subject};
use crate::*;

impl Command {
    /// The action as policies name it, and the object it is about.
    pub fn about(&self) -> (&'static str, Option<Subject>) {
        match self {
            Command::Policy(policy::Command::Install { .. }) => ("policy.install", None),
            Command::People(it) => people_about(it),
            Command::Intake(intake::Command::PutHook { .. }) => ("account.manage", None),
            Command::Intake(intake::Command::Deliver { .. }) => ("intake.deliver", None),
            Command::Catalog(catalog::Command::PutServices { services }) => {
                ("service.manage", services.first().map(|service| Subject::Service(service.name.clone())))
            }
            Command::Catalog(catalog::Command::RemoveService { service }) => {
                ("service.manage", Some(Subject::Service(service.clone())))
            }
            Command::Calendar(it) => calendar_about(it),
            Command::Environment(it) => environment_about(it),
            Command::Runner(runner::Command::Enrol { .. } | runner::Command::RotateKey { .. }) => {
                ("runner.enrol", None)
            }
            Command::Runner(_) => ("runner.manage", None),
            Command::Artifact(it) => artifact_about(it),
            Command::Change(it) => change_about(it),
            Command::Release(it) => release_about(it),
            Command::Deployment(it) => deployment_about(it),
            Command::Verification(verification::Command::Begin { deployment, .. }) => {
                ("verification", Some(Subject::Deployment(*deployment)))
            }
            Command::Verification(verification::Command::Resolve { .. }) => ("deployment.control", None),
            Command::Verification(verification::Command::Conclude { .. } | verification::Command::Stop { .. }) => {
                ("verification", None)
            }
            Command::Operations(_) => ("operations", None),
            Command::Rollback(rollback::Command::Start { release, .. }) => {
                ("rollback.start", Some(Subject::Release(*release)))
            }
            Command::Rollback(_) => ("rollback.start", None),
            Command::Learning(learning::Command::OpenReview { release }) => {
                ("review.open", Some(Subject::Release(*release)))
            }
            Command::Learning(learning::Command::Complete { .. }) => ("review.complete", None),
        }
    }
}

fn people_about(command: &people::Command) -> (&'static str, Option<Subject>) {
    use people::Command as It;
    match command {
        It::Found { .. } => ("organisation.found", None),
        It::ClaimSetup { account, .. } | It::PutAccount { account, .. } | It::CloseAccount { account } => {
            ("account.manage", Some(Subject::Account(*account)))
        }
        It::ErasePerson { account, .. } => ("person.erase", Some(Subject::Account(*account))),
        It::RedactNote { .. } => ("note.redact", None),
        It::LinkAccounts { a, .. } => ("account.manage", Some(Subject::Account(*a))),
        It::IssueToken { account, .. } => ("token.issue", Some(Subject::Account(*account))),
        It::RevokeToken { .. } => ("token.issue", None),
        It::Delegate { to, .. } => ("delegation.grant", Some(Subject::Account(*to))),
        It::EndDelegation { .. } => ("delegation.grant", None),
        It::PutLeave { account, .. } => ("account.manage", Some(Subject::Account(*account))),
        It::PutProvider { .. } | It::PutIssuer { .. } => ("account.manage", None),
        It::SignIn { .. } => ("session.begin", None),
        It::Admit { .. } => ("token.exchange", None),
    }
}

fn calendar_about(command: &calendar::Command) -> (&'static str, Option<Subject>) {
    use calendar::Command as It;
    let subject = match command {
        It::PutCalendar { calendar } => Some(Subject::Calendar(calendar.name.clone())),
        It::RemoveCalendar { calendar } => Some(Subject::Calendar(calendar.clone())),
        It::CallLockdown { .. } | It::LiftLockdown { .. } => None,
    };
    ("calendar.manage", subject)
}

fn environment_about(command: &environment::Command) -> (&'static str, Option<Subject>) {
    use environment::Command as It;
    match command {
        It::PutEnvironment { environment } => {
            ("environment.manage", Some(Subject::Environment(environment.name.clone())))
        }
        It::RemoveEnvironment { environment } => {
            ("environment.manage", Some(Subject::Environment(environment.clone())))
        }
        It::Claim { environment, .. } => ("environment.claim", Some(Subject::Environment(environment.clone()))),
        It::EndClaim { .. } => ("environment.claim", None),
    }
}

fn artifact_about(command: &artifact::Command) -> (&'static str, Option<Subject>) {
    use artifact::Command as It;
    match command {
        It::Register { artifact } => ("artifact.register", Some(Subject::Artifact(artifact.digest))),
        It::PutKey { .. } | It::RevokeKey { .. } => ("signing-key.manage", None),
        It::Quarantine { digests, .. } => {
            ("artifact.quarantine", digests.first().map(|digest| Subject::Artifact(*digest)))
        }
        It::LiftQuarantine { .. } => ("artifact.release-quarantine", None),
        It::Attach { evidence } => ("evidence.attach", Some(Subject::Artifact(evidence.artifact))),
        It::Sign { .. } => ("evidence.sign", None),
    }
}

fn change_about(command: &change::Command) -> (&'static str, Option<Subject>) {
    use change::{Command as It, Decision};
    match command {
        It::Open { release, .. } => ("change.open", Some(Subject::Release(*release))),
        It::Decide { change, decision: Decision::Approve, .. } => ("change.approve", Some(Subject::Change(*change))),
        It::Decide { change, decision: Decision::Reject, .. } => ("change.reject", Some(Subject::Change(*change))),
        It::Withdraw { change, .. } => ("change.approve", Some(Subject::Change(*change))),
        It::MeetCondition { change, .. } => ("condition.meet", Some(Subject::Change(*change))),
        It::Close { change } => ("change.close", Some(Subject::Change(*change))),
    }
}

fn release_about(command: &release::Command) -> (&'static str, Option<Subject>) {
    use release::Command as It;
    let (action, release) = match command {
        It::Draft { release, .. } | It::Plan { release, .. } => ("release.plan", release),
        It::Freeze { release } => ("release.freeze", release),
        It::Authorise { release } => ("release.authorise", release),
        It::Except { release, .. } => ("exception.grant", release),
        It::RevokePermit { release, .. } | It::Cancel { release, .. } => ("release.cancel", release),
        It::Close { release, .. } => ("release.close", release),
        It::Reassess { release }
        | It::Begun { release, .. }
        | It::Deployed { release }
        | It::WatchEnded { release }
        | It::TakenBack { release } => ("release.follow", release),
    };
    (action, Some(Subject::Release(*release)))
}

fn deployment_about(command: &deployment::Command) -> (&'static str, Option<Subject>) {
    use deployment::Command as It;
    match command {
        It::PutPipeline { .. } => ("pipeline.manage", None),
        It::RecordInstalled { environment, .. } => {
            ("environment.manage", Some(Subject::Environment(environment.clone())))
        }
        It::Start { release, .. } => ("deployment.start", Some(Subject::Release(*release))),
        It::TakeBack { of, .. } => ("deployment.take-back", Some(Subject::Deployment(*of))),
        It::Lease { .. } | It::Exchange { .. } | It::Report { .. } | It::ReleaseLeases { .. } => {
            ("deployment.run", None)
        }
        It::Wake { deployment } | It::Proceed { deployment, .. } | It::Archive { deployment } => {
            ("deployment.follow", Some(Subject::Deployment(*deployment)))
        }
        It::Pause { deployment, .. }
        | It::Resume { deployment }
        | It::Retry { deployment, .. }
        | It::Skip { deployment, .. }
        | It::Abort { deployment, .. } => ("deployment.control", Some(Subject::Deployment(*deployment))),
    }
}
