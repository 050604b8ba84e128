//! Traffic steps: a server's share of a pool, set at the router and read back from it.
//!
//! Invariants: success means that the router itself, asked again, names the wanted weight for every server meant; an empty pool
//! is not success.
//! Deliberately absent: the memory of earlier weights. Taking traffic back is a step of its own, with the weight it wants.

use super::{Done, body, request_time, transport, unsent};
use crate::execute::Attempt;
use crate::fault::{Code, Fault, excerpt};
use interlock_wire::runner::{ALL_SERVERS, Operation, Outcome, TrafficStep};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub async fn run(attempt: &Attempt<'_>, step: &TrafficStep) -> Result<Done, Fault> {
    if attempt.order.operation == Operation::Undo {
        return Err(Fault::failed(Code::NoUndo, "a traffic step has no undo; order the weight that is wanted instead"));
    }
    let router = Router::read(step)?;
    attempt.permit()?;
    let before = router.weights(attempt).await?;
    let facts = before.iter().map(|(server, weight)| (format!("weight_before/{server}"), weight.to_string()));
    attempt.learn(&facts.collect());
    let off: Vec<&String> =
        before.iter().filter(|(_, weight)| **weight != step.weight).map(|(server, _)| server).collect();
    let what = format!("{} of pool `{}`", if router.all() { "every server" } else { step.server.as_str() }, step.pool);
    if off.is_empty() {
        return Ok((Outcome::Unchanged, format!("{what} has weight {} already", step.weight)));
    }
    attempt.begin().await?;
    for server in off {
        attempt.permit()?;
        let url = router.url(&["servers", server, "weight"])?;
        router.ask(attempt, Method::PUT, url, Some(json!({ "weight": step.weight }))).await?;
    }
    for (server, weight) in router.weights(attempt).await? {
        if weight != step.weight {
            let message = format!("server `{server}` has weight {weight} after it was set to {}", step.weight);
            return Err(Fault::failed(Code::WeightNotTaken, message));
        }
    }
    Ok((Outcome::Changed, format!("{what} has weight {}", step.weight)))
}

struct Router<'a> {
    base: Url,
    step: &'a TrafficStep,
}

impl<'a> Router<'a> {
    fn read(step: &'a TrafficStep) -> Result<Self, Fault> {
        let invalid = |what: String| Err(Fault::failed(Code::RequestInvalid, what));
        if step.weight > 100 {
            return invalid(format!("weight {} is not between 0 and 100", step.weight));
        }
        for name in [&step.pool, &step.server] {
            if matches!(name.as_str(), "" | "." | "..") || name.contains(char::is_control) {
                return invalid(format!("`{}` is not a name of a pool or server", excerpt(name)));
            }
        }
        match Url::parse(&step.router) {
            Ok(base) if matches!(base.scheme(), "http" | "https") => Ok(Self { base, step }),
            _ => invalid(format!("`{}` is not an http or https address", excerpt(&step.router))),
        }
    }

    fn all(&self) -> bool {
        self.step.server == ALL_SERVERS
    }

    /// Each name is one segment, whatever characters it holds.
    fn url(&self, tail: &[&str]) -> Result<Url, Fault> {
        let mut url = self.base.clone();
        let refused = |()| Fault::failed(Code::RequestInvalid, format!("`{}` has no path", self.base));
        url.path_segments_mut().map_err(refused)?.pop_if_empty().extend(["pools", &self.step.pool]).extend(tail);
        Ok(url)
    }

    /// The weights of the servers meant, at least one.
    async fn weights(&self, attempt: &Attempt<'_>) -> Result<BTreeMap<String, u32>, Fault> {
        let unreadable = |answer: &Value| {
            let message = format!("the router's answer names no weight: {}", excerpt(&answer.to_string()));
            Fault::failed(Code::RouterAnswerUnreadable, message)
        };
        let weight = |value: &Value| value["weight"].as_u64().and_then(|weight| u32::try_from(weight).ok());
        if !self.all() {
            let url = self.url(&["servers", &self.step.server, "weight"])?;
            let answer = self.ask(attempt, Method::GET, url, None).await?;
            let weight = weight(&answer).ok_or_else(|| unreadable(&answer))?;
            return Ok(BTreeMap::from([(self.step.server.clone(), weight)]));
        }
        let answer = self.ask(attempt, Method::GET, self.url(&["servers"])?, None).await?;
        let servers = answer["servers"].as_array().ok_or_else(|| unreadable(&answer))?;
        let named = |server: &Value| Some((server["name"].as_str()?.to_owned(), weight(server)?));
        let weights: Option<BTreeMap<_, _>> = servers.iter().map(named).collect();
        match weights {
            Some(weights) if weights.is_empty() => {
                let message = format!("pool `{}` has no servers", self.step.pool);
                Err(Fault::failed(Code::WeightNotTaken, message))
            }
            Some(weights) => Ok(weights),
            None => Err(unreadable(&answer)),
        }
    }

    /// Asks the router; an empty answer is `null`.
    async fn ask(
        &self,
        attempt: &Attempt<'_>,
        method: Method,
        url: Url,
        content: Option<Value>,
    ) -> Result<Value, Fault> {
        let what = format!("{method} {url}");
        let request = attempt.executor.http.request(method, url.as_str()).map_err(|error| unsent(&error))?;
        let mut request = request.timeout(request_time(attempt.deadline));
        if let Some(content) = &content {
            request = request.json(content);
        }
        let response = request.send().await.map_err(|error| transport(&what, &error))?;
        let status = response.status();
        let body = body(response).await?;
        let sent = content.map(|content| format!(" {content}")).unwrap_or_default();
        attempt.transcript.line(&format!("{what}{sent} -> {status} {}", excerpt(&String::from_utf8_lossy(&body))));
        if !status.is_success() {
            return Err(Fault::failed(Code::RouterRefused, format!("{what}: the router answered {status}")));
        }
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|error| {
            Fault::failed(Code::RouterAnswerUnreadable, format!("{what}: the answer is not JSON: {error}"))
        })
    }
}
