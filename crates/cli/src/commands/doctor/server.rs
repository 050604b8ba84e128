//! A server, as a client sees it.

use super::Finding;
use crate::{
    context::Global,
    failure::{Done, Failure},
    render::{relative, time},
};
use interlock_wire::session::{ServerInfo, Session};
use jiff::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// What the server said about itself, for the bundle.
pub struct Answers {
    pub readiness: Option<Value>,
    pub figures: Option<String>,
}

fn outside(wait: u64) -> Done<reqwest::Client> {
    let built = reqwest::Client::builder().timeout(Duration::from_secs(wait)).build();
    built.map_err(|error| Failure::Failed(format!("no HTTP client could be made: {error}")))
}

pub async fn look(global: &Global, found: &mut Vec<Finding>) -> Done<Answers> {
    let client = global.client()?.with_tries(1);
    let info: ServerInfo = client.get("/version").await?;
    let now = Timestamp::now();
    let organisation = info.organisation.clone().unwrap_or_else(|| "no organisation yet".into());
    let text = format!("{} runs {} for {organisation}, {} entries", client.server(), info.version, info.position);
    found.push(Finding::pass("server", text));
    let ours = env!("CARGO_PKG_VERSION");
    found.push(if info.version == ours {
        Finding::pass("versions", "server and command are the same")
    } else {
        let text = format!("server {}, command {ours}", info.version);
        Finding::unclear("versions", text, "use the command of the server's version")
    });
    let apart = info.now.as_second().abs_diff(now.as_second());
    let text = format!("it says {} ({})", time(info.now), relative(info.now, now));
    found.push(if apart <= 5 {
        Finding::pass("server's clock", text)
    } else {
        Finding::fail("server's clock", text, "one of the two clocks is wrong; see to the time service of both")
    });
    let base = client.server().trim_end_matches('/').to_owned();
    let readiness = ask_ready(&base, found).await;
    let session: Done<Session> = client.get("/session").await;
    found.push(match &session {
        Ok(it) => Finding::pass(
            "signed in",
            format!("{} ({}), roles: {}", it.person.name, it.person.login, it.person.roles.join(", ")),
        ),
        Err(_) if info.setup_needed => Finding::unclear(
            "signed in",
            "nobody yet",
            "open the one-time link that the server wrote to `setup-link` in its data directory",
        ),
        Err(_) => Finding::unclear("signed in", "no", "`interlock login --login <you>`, or set INTERLOCK_TOKEN"),
    });
    let figures = match session {
        Ok(_) => figures(global, &base).await,
        Err(_) => None,
    };
    found.extend(figures.as_deref().map(runners));
    Ok(Answers { readiness, figures })
}

/// Every check of `/readyz`.
async fn ask_ready(base: &str, found: &mut Vec<Finding>) -> Option<Value> {
    let asked = async {
        let answer = outside(10).ok()?.get(format!("{base}/readyz")).send().await.ok()?;
        answer.json::<Value>().await.ok()
    };
    let Some(said) = asked.await else {
        found.push(Finding::unclear("readiness", "/readyz does not answer", "is there a proxy that keeps it back?"));
        return None;
    };
    let failed: Vec<String> = said["checks"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|it| it["outcome"] != "pass")
        .map(|it| {
            let text = |key: &str| it[key].as_str().unwrap_or_default().to_owned();
            format!("{} {}: {}", text("check"), text("outcome"), text("detail"))
        })
        .collect();
    let todo = "docs/operations.md, Health, says what each check means";
    found.push(match (said["ready"].as_bool(), failed.is_empty()) {
        (Some(true), true) => Finding::pass("readiness", "every check passes"),
        (Some(true), false) => Finding::unclear("readiness", failed.join("; "), todo),
        (Some(false), _) => Finding::fail("readiness", failed.join("; "), todo),
        (None, _) => Finding::unclear("readiness", "/readyz answers something else", "is this an Interlock server?"),
    });
    Some(said)
}

async fn figures(global: &Global, base: &str) -> Option<String> {
    let token = global.secret()?;
    let answer = outside(10).ok()?.get(format!("{base}/metrics")).bearer_auth(token).send().await.ok()?;
    answer.error_for_status().ok()?.text().await.ok()
}

/// Whether steps wait that no runner takes.
fn runners(figures: &str) -> Finding {
    let value = |name: &str| -> f64 {
        let line = figures.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim().parse().ok()).unwrap_or_default()
    };
    let due = value("interlock_obligation_age_seconds{kind=\"step\"}");
    let text = format!(
        "{} steps are due, {} in the hands of {} runners, the oldest for {due} s",
        value("interlock_obligations{kind=\"step\"}"),
        value("interlock_leases"),
        value("interlock_runners_working")
    );
    if due <= 300.0 {
        return Finding::pass("runners", text);
    }
    let todo = "is a runner running, with the labels that the target asks for, and is its clock right?";
    Finding::unclear("runners", text, todo)
}

/// Whether a Prometheus answers questions.
pub async fn prometheus(url: &str) -> Finding {
    let todo = "without figures every canary and every trigger is inconclusive; see to the address and the network";
    let address = format!("{}/api/v1/query?query=vector(1)", url.trim_end_matches('/'));
    let asked = async {
        let answer = outside(10).map_err(|it| it.to_string())?.get(&address).send().await;
        let answer = answer.map_err(|error| error.without_url().to_string())?;
        answer.json::<Value>().await.map_err(|error| error.without_url().to_string())
    };
    match asked.await {
        Ok(said) if said["status"] == "success" => Finding::pass("prometheus", "it answers"),
        Ok(_) => Finding::fail("prometheus", "it answers, and not as a Prometheus does", todo),
        Err(error) => Finding::fail("prometheus", error, todo),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::Outcome;

    #[test]
    fn steps_that_nobody_takes_are_told() {
        let page = |age: u64| {
            format!(
                "interlock_obligations{{kind=\"step\"}} 3\ninterlock_obligation_age_seconds{{kind=\"step\"}} {age}\ninterlock_leases 0\n"
            )
        };
        assert_eq!(runners(&page(20)).outcome, Outcome::Pass);
        let late = runners(&page(900));
        assert!(late.outcome == Outcome::Inconclusive && late.detail.starts_with("3 steps are due"), "{late:?}");
    }
}
