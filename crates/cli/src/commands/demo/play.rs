//! The story: from a plan that runs into a freeze to figures that lead back to their entries. Every answer shown is the real
//! one, got through the public API by the person named, and every turn is checked.

use super::{
    plans::{self, CANARY_WEIGHT, act, approve, draft, phased, plan, read, spec},
    stage::{Stage, of_world},
    tell::Story,
};
use crate::{
    client::{Client, segment},
    commands::{
        change::pick,
        ledger, metrics, proof,
        release::{change_of, told},
    },
    failure::{Done, Failure},
    render::{progress, refusal, time},
};
use interlock_demo::{
    client::{get_json, put_json},
    organisation::Freeze,
    sources::SERVICES,
    world::FULL_WEIGHT,
};
use interlock_wire::{
    artifact::Artifact,
    calendar::CheckRequest,
    change::{Change, MeetCondition},
    deployment::Deployment,
    learning::{CompleteReview, Dora, FollowUpSpec, Review},
    ledger::Entry,
    reason::Verdict,
    release::{Gates, Release},
    verification::Analysis,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use tokio::sync::watch;

pub const PATIENCE: progress::Patience =
    progress::Patience { limit: Duration::from_secs(240), away: Duration::from_secs(30) };
/// More customers than by default, so that a tenth of them tells something within a minute.
const CUSTOMERS: f64 = 3.0;

const FIRST: &str = "delivery-dates";
const FLAWED: &str = "faster-checkout";
const REPAIRED: &str = "checkout-repaired";

pub async fn run(stage: &mut Stage) -> Done {
    let mut story = Story::new();
    customers(stage, CUSTOMERS).await?;
    planning(stage, &mut story).await?;
    approving(stage, &mut story).await?;
    shipping(stage, &mut story).await?;
    taking_back(stage, &mut story).await?;
    learning(stage, &mut story).await?;
    proving(stage, &mut story).await?;
    println!();
    story.turn(&format!("Every turn came out as told: {} checks in {} s.", story.checks(), story.seconds()));
    Ok(())
}

/// Sets how many customers come, as a multiple of a normal day.
pub async fn customers(stage: &Stage, factor: f64) -> Done {
    put_json(&format!("{}/rate", stage.description().load()), &json!({ "factor": factor }))
        .await
        .map(drop)
        .map_err(of_world)
}

async fn planning(stage: &Stage, story: &mut Story) -> Done {
    story.part(1, "A release is planned");
    let rita = stage.of("rita")?;
    let freeze = Freeze::after(stage.description().created).map_err(of_world)?;
    let wanted =
        freeze.start.checked_add(SignedDuration::from_mins(30)).map_err(|error| Failure::Bug(error.to_string()))?;
    let what = phased("Say when an order arrives", SERVICES, "1.1.0");
    story.turn(&format!("Rita plans `{FIRST}`, version 1.1.0 of all three services, for {}.", time(wanted)));
    let refused = story.refused(draft(rita, FIRST, &what, Some(wanted)).await, &["quarter-end-close"])?;
    let first = refused.slots.first().copied();
    story.check(first.is_some_and(|slot| slot.start >= freeze.end), "slots are offered, the first after the freeze")?;
    let Some(first) = first else { return Err(Failure::Bug("a check that held has no slot".into())) };
    story.turn("She takes the first slot that is offered.");
    story.done(&draft(rita, FIRST, &what, Some(first.start)).await?);
    let it = read(rita, FIRST).await?;
    story.check(
        it.row.status.value == "planned" && it.row.window.is_some_and(|window| window.start == first.start),
        "it is planned for that slot",
    )?;
    story.turn("That is hours away. She asks the calendar what is free from now on, and moves it there.");
    let services = SERVICES.iter().map(|it| (*it).to_owned()).collect();
    let ask = CheckRequest {
        services,
        environment: "production".into(),
        at: Some(Timestamp::now()),
        from: None,
        until: None,
        length: Some(plans::LENGTH),
    };
    let answer: interlock_wire::calendar::CheckAnswer = rita.post("/calendar/check", &ask).await?;
    story.answer(&refusal::slots(&answer.slots, Timestamp::now()).join("\n"));
    let start = answer
        .slots
        .first()
        .map(|slot| slot.start)
        .ok_or_else(|| Failure::Failed("the calendar offers no slot".into()))?;
    story.done(&plan(rita, FIRST, start).await?);
    story.check(start < freeze.start, "it ships before the freeze")
}

async fn approving(stage: &Stage, story: &mut Story) -> Done {
    story.part(2, "It is approved, by the right people");
    let rita = stage.of("rita")?;
    story.turn("Rita fixes its scope.");
    story.done(&act(rita, FIRST, "freeze").await?);
    story.turn("Dana, who wrote it, tries to approve it.");
    story.refused(
        approve(stage.of("dana")?, FIRST, "It is good, I wrote it", &[]).await,
        &["wrote part of this change"],
    )?;
    story.turn("Amir approves it, with a condition; Bea approves it.");
    let condition = "Customer service knows about delivery dates";
    story.done(&approve(stage.of("amir")?, FIRST, "Tests read; the date is new to customers", &[condition]).await?);
    story.done(&approve(stage.of("bea")?, FIRST, "Small, and it has a way back", &[]).await?);
    story.turn("The condition is a gate now: Rita cannot authorise the release.");
    story.refused(act(rita, FIRST, "authorise").await, &["condition"])?;
    story.turn("Dana tells customer service, and says how one can see it.");
    let dana = stage.of("dana")?;
    let id = change_of(dana, FIRST).await?;
    let change: Change = dana.get(&format!("/changes/{}", segment(&id))).await?;
    let open = pick(&change.conditions, None)?.id.clone();
    let body = MeetCondition { evidence: "Told the morning round; note in the service desk's handbook".into() };
    story.done(&dana.act(&format!("changes/{}/conditions", segment(&id)), &open, "meet", &body).await?);
    let gates: Gates = rita.get(&format!("/releases/{FIRST}/gates")).await?;
    story.answer(&told(&gates));
    story.check(gates.verdict == Verdict::Pass, "every gate passes")?;
    story.turn("Rita authorises it.");
    story.done(&act(rita, FIRST, "authorise").await?);
    let permit = read(rita, FIRST).await?.permit;
    story.check(
        permit.is_some_and(|it| it.digests.len() == SERVICES.len() && it.environment == "production"),
        "a permit binds it to its digests, production and the window",
    )
}

async fn shipping(stage: &Stage, story: &mut Story) -> Done {
    story.part(3, "It ships, wave by wave");
    let olu = stage.of("olu")?;
    story.turn("Olu deploys it.");
    story.done(&act(olu, FIRST, "deploy").await?);
    let weights = Weights::sample(stage, "checkout");
    follow(olu, FIRST, story, |it| it.row.status.value == "stabilising" || it.row.status.is_terminal).await?;
    let it = read(olu, FIRST).await?;
    let id =
        it.deployment.as_ref().map(|it| it.id.clone()).ok_or_else(|| Failure::Failed("it has no deployment".into()))?;
    let deployment: Deployment = olu.get(&format!("/deployments/{}", segment(&id))).await?;
    let (units, ordered) = smoke_before_traffic(&deployment);
    story.check(
        units == 12 && ordered == units,
        &format!("on {ordered} of {units} instances the smoke test had ended before customers came back"),
    )?;
    let least = weights.least_share().await;
    story.check((0.09..=0.11).contains(&least), &format!("the canary had {:.0} % of the traffic", least * 100.0))?;
    story.turn("It is everywhere. It is watched for a while.");
    let it = follow(olu, FIRST, story, |it| it.row.status.is_terminal).await?;
    story.check(it.row.status.value == "closed", "the release is closed")?;
    let analysis = analysis(olu, &it).await?;
    story.answer(&analysis.sentence);
    story.check(analysis.verdict == Some(Verdict::Pass), "the canary was judged, and passed")?;
    runs(stage, story, "1.1.0").await
}

async fn taking_back(stage: &Stage, story: &mut Story) -> Done {
    story.part(4, "The next one is flawed, and only customers find out");
    let (rita, olu) = (stage.of("rita")?, stage.of("olu")?);
    story.turn(&format!(
        "Erik's `{FLAWED}`, version 1.2.0 of checkout: its tests pass, it is approved, it gets its permit."
    ));
    plans::prepare(stage, FLAWED, &phased("Reuse the order draft", &["checkout"], "1.2.0")).await?;
    story.done(&act(rita, FLAWED, "authorise").await?);
    let before = customers_seen(stage).await?;
    story.turn("Olu deploys it.");
    story.done(&act(olu, FLAWED, "deploy").await?);
    let it = follow(olu, FLAWED, story, |it| it.row.status.is_terminal).await?;
    story.check(it.row.status.value == "rolled_back", "it was taken back by itself")?;
    let analysis = analysis(olu, &it).await?;
    story.answer(&analysis.sentence);
    story.check(analysis.verdict == Some(Verdict::Fail), "the canary convicted it")?;
    let looks = analysis.summary.as_ref().map_or(0, |it| it.looks);
    story
        .check(looks > 0 && looks < analysis.horizon, &format!("early: after {looks} of {} looks", analysis.horizon))?;
    let after = customers_seen(stage).await?;
    story.answer(&format!(
        "customers meanwhile: {} requests, {} of them failed",
        after.0 - before.0,
        after.1 - before.1
    ));
    let rollback = it.rollback.current.as_ref().ok_or_else(|| Failure::Failed("there is no rollback".into()))?;
    for criterion in &rollback.criteria {
        story.check(
            criterion.verdict == Some(Verdict::Pass),
            &format!("after the rollback: {} ({})", criterion.asks, criterion.detail),
        )?;
    }
    runs(stage, story, "1.1.0").await?;
    let weights = pool(stage, "checkout").await?;
    story.check(weights.values().all(|weight| *weight == u64::from(FULL_WEIGHT)), "traffic is back to what it was")?;

    let digest = stage.description().artefact("checkout", "1.2.0").map(|it| it.digest.clone()).unwrap_or_default();
    let artifact: Artifact = olu.get(&format!("/artifacts/{digest}")).await?;
    story.check(artifact.quarantine.is_some(), "the digest is in quarantine")?;
    story.turn("Rita tries to bring the same build to staging.");
    let staging = spec("A look at 1.2.0 before anybody else has one", "staging", &["checkout"], "1.2.0");
    story.refused(draft(rita, "checkout-at-staging", &staging, Some(Timestamp::now())).await, &["quarantine"])?;

    let reviews: Vec<Review> = rita.list("/reviews?status=open", 100).await?;
    let review = reviews.into_iter().find(|it| it.release.name == FLAWED);
    story.check(review.is_some(), "a review is open")?;
    let Some(review) = review else { return Err(Failure::Bug("a check that held has no review".into())) };
    story.answer(&review.why);
    story.turn(&format!(
        "Dana has repaired it. `{REPAIRED}`, version 1.2.1, is planned and approved; Rita wants to authorise it."
    ));
    plans::prepare(
        stage,
        REPAIRED,
        &phased("A draft for each order, and the test that was missing", &["checkout"], "1.2.1"),
    )
    .await?;
    story.refused(act(rita, REPAIRED, "authorise").await, &["review"])?;
    story.turn("The review is held. Rita writes down what was found.");
    let due = Timestamp::now()
        .checked_add(SignedDuration::from_hours(14 * 24))
        .map_err(|error| Failure::Bug(error.to_string()))?;
    let body = CompleteReview {
        root_cause: "All orders of an instance shared one draft, so orders that met got each other's lines".into(),
        factors: vec!["Tests place one order after the other".into()],
        actions: vec![FollowUpSpec {
            text: "Place orders at the same moment in the tests of checkout".into(),
            owner: "dana".into(),
            due,
        }],
    };
    story.done(&rita.act("reviews", &review.id, "complete", &body).await?);
    story.turn("Now it may go.");
    story.done(&act(rita, REPAIRED, "authorise").await?);
    story.done(&act(olu, REPAIRED, "deploy").await?);
    let it = follow(olu, REPAIRED, story, |it| it.row.status.is_terminal).await?;
    story.check(it.row.status.value == "closed", "the repaired version ships, and is closed")
}

async fn learning(stage: &Stage, story: &mut Story) -> Done {
    story.part(5, "The figures, and the proof");
    let aude = stage.of("aude")?;
    story.turn("Aude, the auditor, reads the figures.");
    let dora: Dora = aude.get("/metrics/dora").await?;
    story.answer(&metrics::told(&dora));
    for key in ["deployment_frequency", "lead_time", "change_failure_rate", "time_to_recover"] {
        let figure = dora.figures.iter().find(|it| it.key == key);
        let observations = figure.map(|it| it.observations.as_slice()).unwrap_or_default();
        let known = figure.is_some_and(|it| it.value.is_some()) && !observations.is_empty();
        let mut proved = 0;
        for it in observations {
            let entry: Entry = aude.get(&format!("/ledger/entries/{}", it.position)).await?;
            proof::prove(&entry)?;
            proved += 1;
        }
        let shown = figure.map_or_else(String::new, |it| format!("{} is {}", it.label, it.display));
        story.check(
            known && proved == observations.len(),
            &format!("{shown}: {proved} entries behind it, each proved to be in the ledger"),
        )?;
    }
    let failures = dora.figures.iter().find(|it| it.key == "change_failure_rate").and_then(|it| it.value);
    story.check(
        failures.is_some_and(|it| (it - 1.0 / 3.0).abs() < 1e-9),
        "one of three deployments to production failed",
    )
}

async fn proving(stage: &mut Stage, story: &mut Story) -> Done {
    let aude = stage.of("aude")?;
    story.turn("She reads every entry, hashes it and compares the root with the signed checkpoint.");
    let head = proof::verify_server(aude).await?;
    story.check(true, &format!("all {} entries hash to the root that {} signed", head.size, head.verifier_key))?;
    story.turn("The server is stopped, and the file itself is verified.");
    stage.stop_server().await?;
    let report = ledger::verify_files(&stage.data, None)?;
    story.answer(&ledger::reported(&report));
    story.check(report.passed() && report.entries >= head.size, "the ledger verifies")
}

/// Follows a release, telling what happens.
async fn follow(client: &Client, release: &str, story: &Story, over: impl Fn(&Release) -> bool) -> Done<Release> {
    let mut say = |line: String| story.answer(&line);
    progress::follow(client, release, PATIENCE, over, &mut say).await
}

async fn analysis(client: &Client, release: &Release) -> Done<Analysis> {
    let last = release.analyses.last().ok_or_else(|| Failure::Failed("nothing was analysed".into()))?;
    client.get(&format!("/analyses/{}", segment(&last.id))).await
}

/// Instances of a deployment, and those whose smoke test had ended when traffic was given to them.
fn smoke_before_traffic(it: &Deployment) -> (usize, usize) {
    let targets: Vec<_> = it.waves.iter().flat_map(|wave| &wave.targets).collect();
    let ordered = targets.iter().filter(|target| {
        let step = |name: &str| target.steps.iter().find(|step| step.name == name);
        let smoke = step("smoke").and_then(|step| step.ended_at);
        let traffic = step("traffic").and_then(|step| step.started_at);
        smoke.zip(traffic).is_some_and(|(smoke, traffic)| smoke <= traffic)
    });
    (targets.len(), ordered.count())
}

/// Every instance in production says that it is this version.
async fn runs(stage: &Stage, story: &mut Story, version: &str) -> Done {
    let status = stage.world.status().await;
    let production = stage
        .description()
        .targets
        .iter()
        .filter(|it| it.environment == "production" && (version != "1.2.1" || it.service == "checkout"));
    let said: Vec<Option<&str>> =
        production.map(|it| status.instances.get(&it.name).and_then(|it| it.version.as_deref())).collect();
    let right = said.iter().filter(|it| **it == Some(version)).count();
    story.check(
        right == said.len(),
        &format!("{right} of {} instances in production say that they are {version}", said.len()),
    )
}

/// Weights in a pool of production, by server.
async fn pool(stage: &Stage, service: &str) -> Done<BTreeMap<String, u64>> {
    let world = stage.description();
    let answer =
        get_json(&format!("{}/pools/production-{service}/servers", world.router_admin())).await.map_err(of_world)?;
    let servers = answer["servers"].as_array().into_iter().flatten();
    Ok(servers.filter_map(|it| Some((it["name"].as_str()?.to_owned(), it["weight"].as_u64()?))).collect())
}

/// Requests customers have sent, and those that failed.
async fn customers_seen(stage: &Stage) -> Done<(u64, u64)> {
    let stats: Value = get_json(&format!("{}/stats", stage.description().load())).await.map_err(of_world)?;
    let count = |name: &str| stats["total"][name].as_u64().unwrap_or_default();
    Ok((count("requests"), count("failures")))
}

/// Looks at the router while a deployment runs.
struct Weights {
    end: watch::Sender<bool>,
    seen: tokio::task::JoinHandle<f64>,
}

impl Weights {
    fn sample(stage: &Stage, service: &str) -> Self {
        let (end, mut ended) = watch::channel(false);
        let url = format!("{}/pools/production-{service}/servers", stage.description().router_admin());
        let seen = tokio::spawn(async move {
            let mut least = f64::INFINITY;
            while !*ended.borrow() {
                if let Ok(answer) = get_json(&url).await {
                    let weights: Vec<u64> = answer["servers"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(|it| it["weight"].as_u64())
                        .collect();
                    let canary = weights.iter().filter(|it| **it == u64::from(CANARY_WEIGHT)).count();
                    // While an instance is out of traffic, its share is not what the canary gets.
                    if canary == 1 && !weights.contains(&0) {
                        least = least.min(f64::from(CANARY_WEIGHT) / weights.iter().sum::<u64>() as f64);
                    }
                }
                let _ = tokio::time::timeout(Duration::from_millis(300), ended.changed()).await;
            }
            least
        });
        Self { end, seen }
    }

    /// The least share of the traffic that the canary had while all instances were in traffic.
    async fn least_share(self) -> f64 {
        self.end.send_replace(true);
        self.seen.await.unwrap_or(f64::INFINITY)
    }
}
