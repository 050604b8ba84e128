//! Samples of deployment.

use super::{
    parts::*,
    release::{canary, permit},
};
use interlock_domain::deployment::{self, *};

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn pipeline() -> Pipeline {
    let step = |named: &str, phase, run, on_rollback| PipelineStep {
        name: name(named),
        phase,
        run,
        timeout_s: 60,
        attempts: 2,
        attempts_back: None,
        on_rollback,
        on_revocation: OnRevocation::Finish,
        runner: Default::default(),
    };
    let program = ProgramStep {
        check: Some(words("deploy --check")),
        apply: words("deploy ${artifact.digest}"),
        verify: Some(words("deploy --verify")),
        undo: Some(words("deploy --undo")),
        env: [("TARGET".into(), "${target.name}".into())].into(),
        repeatable: true,
        artifact: true,
    };
    let http = HttpStep {
        method: "GET".into(),
        url: "${target.address}/version".into(),
        headers: [("accept".into(), "application/json".into())].into(),
        body: Some("{}".into()),
        expect_status: vec![200],
        expect_contains: Some("${artifact.version}".into()),
        expect_json: [("/digest".into(), "${artifact.digest}".into())].into(),
        tries: 5,
        every_ms: 200,
    };
    let traffic = TrafficStep {
        router: "http://192.0.2.9".into(),
        pool: "${service}".into(),
        server: "${target.name}".into(),
        weight: "${wave.weight}".into(),
    };
    Pipeline {
        name: name("instances"),
        max_parallel: 4,
        ahead: 1,
        steps: vec![
            step("deploy", Phase::Deploy, Run::Program(program), OnRollback::Undo),
            step("smoke", Phase::Deploy, Run::Http(http), OnRollback::Apply),
            step("traffic", Phase::Settle, Run::Traffic(traffic), OnRollback::Skip),
            step("rest", Phase::Settle, Run::Wait { seconds: 3 }, OnRollback::Skip),
        ],
    }
}

pub fn deployment(last: Option<&deployment::Event>) -> Option<deployment::Event> {
    use deployment::Event as It;
    let deployment = id(50);
    let ended = |status| It::Ended(Ended { deployment, status, reason: Some(note(54)) });
    Some(match last {
        None => It::PipelinePut(PipelinePut { pipeline: pipeline() }),
        Some(It::PipelinePut(_)) => It::InstalledRecorded(InstalledRecorded {
            environment: name("production"),
            found: vec![Found { service: name("checkout"), target: name("checkout-1"), digest: digest(9) }],
        }),
        Some(It::InstalledRecorded(_)) => It::Started(Started {
            deployment,
            release: id(10),
            environment: name("production"),
            direction: Direction::Back { of: id(49) },
            permit: permit(),
            account: Some(id(5)),
            pipeline: pipeline(),
            waves: vec![PlannedWave { name: name("one"), weight: Some(10), bake_s: 60, canary: Some(canary()) }],
            units: vec![Unit {
                target: name("checkout-1"),
                service: name("checkout"),
                digest: digest(10),
                previous: Some(digest(9)),
                wave: 0,
                rank: 1,
            }],
            ruling: Some(ruling()),
        }),
        Some(It::Started(_)) => It::StepsLeased(StepsLeased {
            deployment,
            runner: name("local"),
            until: at(62),
            leases: vec![Leased { unit: 0, step: 1, attempt: 2, fence: 7 }],
        }),
        Some(It::StepsLeased(_)) => It::StepsHandedOut(StepsHandedOut {
            deployment,
            leases: vec![HandedOut {
                unit: 0,
                step: 1,
                through: 2,
                attempt: 2,
                fence: 7,
                runner: name("berlin-1"),
                until: at(62),
            }],
        }),
        Some(It::StepsHandedOut(_)) => {
            It::LeasesEnded(LeasesEnded { deployment, runner: Some(name("local")), units: vec![0, 1] })
        }
        Some(It::LeasesEnded(_)) => It::StepsReported(StepsReported {
            deployment,
            runner: name("local"),
            results: vec![Reported {
                unit: 0,
                fence: 7,
                result: StepResult {
                    step: 1,
                    attempt: 2,
                    outcome: StepOutcome::Inconclusive,
                    code: Some("R408".into()),
                    message: "the request was sent but not answered".into(),
                    output: Some(digest(51)),
                    started: at(61),
                    finished: at(62),
                },
                last: true,
                installed: Some(digest(10)),
            }],
        }),
        Some(It::StepsReported(_)) => It::StepsAnswered(StepsAnswered {
            deployment,
            results: vec![Answered {
                runner: name("berlin-1"),
                unit: 0,
                fence: 7,
                result: StepResult {
                    step: 1,
                    attempt: 2,
                    outcome: StepOutcome::Failed,
                    code: Some("R403".into()),
                    message: "the status is 500, expected 200".into(),
                    output: Some(digest(51)),
                    started: at(61),
                    finished: at(62),
                },
                last: true,
                installed: Some(digest(10)),
            }],
        }),
        Some(It::StepsAnswered(_)) => It::StepSkipped(StepSkipped { deployment, unit: 0, step: 1, reason: note(52) }),
        Some(It::StepSkipped(_)) => It::Retried(Retried { deployment, reason: note(53) }),
        Some(It::Retried(_)) => It::PhaseEnded(PhaseEnded {
            deployment,
            wave: 1,
            phase: Phase::Settle,
            status: Status::Baking { until: at(63) },
        }),
        Some(It::PhaseEnded(_)) => It::Paused(Paused { deployment, reason: note(55) }),
        Some(It::Paused(_)) => It::Resumed(Resumed { deployment }),
        Some(It::Resumed(_)) => It::Held(Held { deployment, blockers: vec![blocker()], until: at(64) }),
        Some(It::Held(_)) => It::Unheld(Unheld { deployment }),
        Some(It::Unheld(_)) => {
            It::PermitRevoked(PermitRevoked { deployment, permit: id(11), blockers: vec![blocker()] })
        }
        Some(It::PermitRevoked(_)) => It::PermitRenewed(PermitRenewed { deployment, permit: permit() }),
        Some(It::PermitRenewed(_)) => ended(Status::Aborted),
        Some(It::Ended(_)) => It::Archived(Archived { deployment }),
        Some(It::Archived(_)) => return None,
    })
}
