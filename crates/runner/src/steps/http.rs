//! HTTP steps: a request, and what its answer must look like.
//!
//! Invariants: nothing is assumed about an answer that did not come: a request that changes something and was sent but not
//! answered is inconclusive and not sent again, unless its method is idempotent (RFC 9110, 9.2.2); redirects are an answer like
//! any other.

use super::{Done, body, request_time, transport, unsent};
use crate::execute::Attempt;
use crate::fault::{Code, Fault, excerpt};
use interlock_wire::runner::{HttpStep, Outcome};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How much of an unwelcome answer is shown, in bytes.
const SHOWN: usize = 2048;

pub async fn run(attempt: &Attempt<'_>, step: &HttpStep) -> Result<Done, Fault> {
    let request = Request::read(step, &attempt.order.key)?;
    if attempt.interrupted().is_some() && !request.method.is_idempotent() {
        let message = format!("{} {} was interrupted and may have been carried out", request.method, request.url);
        return Err(Fault::inconclusive(Code::Interrupted, message));
    }
    let mut last = None;
    for number in 1..=step.attempts {
        attempt.permit()?;
        if number == 1 && !request.method.is_safe() {
            attempt.begin().await?;
        }
        match request.send(attempt, step).await {
            Ok(status) => {
                let facts = [("http_status", status.to_string()), ("http_attempts", number.to_string())];
                attempt.learn(&facts.map(|(name, value)| (name.to_owned(), value)).into());
                let outcome = if request.method.is_safe() { Outcome::Unchanged } else { Outcome::Changed };
                return Ok((outcome, format!("{} {} answered {status} as expected", request.method, request.url)));
            }
            Err(fault) => {
                attempt.transcript.line(&format!("[{number}/{}] {}", step.attempts, fault.message));
                if fault.outcome == Outcome::Inconclusive {
                    return Err(fault);
                }
                last = Some(fault);
            }
        }
        let next = Instant::now() + Duration::from_millis(step.every_ms.min(86_400_000));
        if next >= attempt.deadline {
            break;
        }
        if number < step.attempts {
            sleep_until(next).await;
        }
    }
    Err(last.unwrap_or_else(|| Fault::failed(Code::RequestInvalid, "the step allows no attempt")))
}

struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
}

impl Request {
    fn read(step: &HttpStep, key: &str) -> Result<Self, Fault> {
        let invalid = |what: String| Fault::failed(Code::RequestInvalid, what);
        let method = Method::from_bytes(step.method.as_bytes())
            .map_err(|_| invalid(format!("`{}` is not a method", excerpt(&step.method))))?;
        let url = Url::parse(&step.url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| invalid(format!("`{}` is not an http or https address", excerpt(&step.url))))?;
        let mut headers = HeaderMap::new();
        if !method.is_safe()
            && let Ok(value) = HeaderValue::from_str(key)
        {
            headers.insert("idempotency-key", value);
        }
        for (name, value) in &step.headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            match (name, HeaderValue::from_str(value)) {
                (Ok(name), Ok(value)) => headers.insert(name, value),
                _ => return Err(invalid("a header's name or value cannot be sent".into())),
            };
        }
        Ok(Self { method, url, headers })
    }

    async fn send(&self, attempt: &Attempt<'_>, step: &HttpStep) -> Result<u16, Fault> {
        let started = Instant::now();
        let out = &attempt.executor.http;
        let mut request = out.request(self.method.clone(), self.url.as_str()).map_err(|error| unsent(&error))?;
        request = request.headers(self.headers.clone()).timeout(request_time(attempt.deadline));
        if let Some(body) = &step.body {
            request = request.body(body.clone());
        }
        let response = request.send().await.map_err(|error| {
            let what = format!("{} {}", self.method, self.url);
            if self.method.is_idempotent() || error.is_connect() {
                return transport(&what, &error);
            }
            Fault::inconclusive(
                Code::RequestUncertain,
                transport(&format!("{what} was sent but not answered"), &error).message,
            )
        })?;
        let status = response.status().as_u16();
        let took = started.elapsed().as_millis();
        attempt.transcript.line(&format!("{} {} -> {status} in {took} ms", self.method, self.url));
        let body = body(response).await?;
        judge(step, status, &body).inspect_err(|_| {
            let shown = &body[..body.len().min(SHOWN)];
            attempt.transcript.line(&String::from_utf8_lossy(shown));
        })?;
        Ok(status)
    }
}

/// Whether an answer is what the step expects.
fn judge(step: &HttpStep, status: u16, body: &[u8]) -> Result<(), Fault> {
    let welcome =
        if step.expect_status.is_empty() { (200..300).contains(&status) } else { step.expect_status.contains(&status) };
    if !welcome {
        let expected = match step.expect_status.as_slice() {
            [] => "200 to 299".to_owned(),
            some => some.iter().map(u16::to_string).collect::<Vec<_>>().join(" or "),
        };
        return Err(Fault::failed(Code::UnexpectedStatus, format!("the status is {status}, expected {expected}")));
    }
    if let Some(text) = &step.expect_body_contains
        && !String::from_utf8_lossy(body).contains(text.as_str())
    {
        return Err(Fault::failed(Code::BodyLacksText, format!("the body does not contain `{}`", excerpt(text))));
    }
    if step.expect_json.is_empty() { Ok(()) } else { judge_json(&step.expect_json, body) }
}

fn judge_json(expected: &BTreeMap<String, String>, body: &[u8]) -> Result<(), Fault> {
    let differs = |what: String| Err(Fault::failed(Code::JsonDiffers, what));
    let json: serde_json::Value = match serde_json::from_slice(body) {
        Ok(json) => json,
        Err(error) => return differs(format!("the body is not JSON: {error}")),
    };
    for (pointer, expected) in expected {
        let found = json.pointer(pointer).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        match found {
            Some(found) if found == *expected => {}
            Some(found) => {
                return differs(format!("`{pointer}` is `{}`, expected `{}`", excerpt(&found), excerpt(expected)));
            }
            None => return differs(format!("there is no `{pointer}`, expected `{}`", excerpt(expected))),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(change: impl FnOnce(&mut HttpStep)) -> HttpStep {
        let mut step: HttpStep =
            serde_json::from_str(r#"{"method":"GET","url":"http://a/","attempts":1,"every_ms":0}"#).unwrap();
        change(&mut step);
        step
    }

    fn code(step: &HttpStep, status: u16, body: &str) -> Result<(), &'static str> {
        judge(step, status, body.as_bytes()).map_err(|fault| fault.code.as_str())
    }

    #[test]
    fn expectations_hold_together() {
        let any = step(|_| ());
        assert_eq!([200, 299].map(|status| code(&any, status, "")), [Ok(()); 2]);
        assert_eq!([199, 300, 500].map(|status| code(&any, status, "")), [Err("R403"); 3]);
        assert_eq!(code(&step(|step| step.expect_status = vec![204]), 200, ""), Err("R403"));
        let text = step(|step| step.expect_body_contains = Some("ready".into()));
        assert_eq!((code(&text, 200, "I am ready"), code(&text, 200, "no")), (Ok(()), Err("R404")));
        let expect = [("/version", "2"), ("/db/ok", "true"), ("/name", "cart")];
        let json = step(|step| step.expect_json = expect.map(|(a, b)| (a.to_owned(), b.to_owned())).into());
        assert_eq!(code(&json, 200, r#"{"version":2,"db":{"ok":true},"name":"cart"}"#), Ok(()));
        for body in
            ["", "{}", r#"{"version":3,"db":{"ok":true},"name":"cart"}"#, r#"{"version":2,"db":{},"name":"cart"}"#]
        {
            assert_eq!(code(&json, 200, body), Err("R405"), "{body}");
        }
    }

    #[test]
    fn requests_that_cannot_be_sent_are_refused() {
        for bad in [
            step(|step| step.method = "GE T".into()),
            step(|step| step.url = "cart:80/".into()),
            step(|step| step.url = "file:///etc/passwd".into()),
            step(|step| drop(step.headers.insert("a\nb".into(), "c".into()))),
        ] {
            assert_eq!(Request::read(&bad, "k").err().map(|fault| fault.code), Some(Code::RequestInvalid), "{bad:?}");
        }
    }
}
