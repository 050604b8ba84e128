//! The kinds of steps, one file each.
//!
//! Invariants: each kind asks for the permit before every single thing it does, tells the journal before it changes something,
//! and knows what to do when it was interrupted the last time.

pub mod http;
pub mod program;
pub mod traffic;
pub mod wait;

use crate::fault::{Code, Fault};
use interlock_outbound::{Refused, Unsent};
use interlock_wire::runner::Outcome;
use std::time::Duration;
use tokio::time::Instant;

/// A passing outcome and a sentence about it.
pub type Done = (Outcome, String);

/// Longest that one HTTP request may take.
const REQUEST_MAX: Duration = Duration::from_secs(10);
/// Longest answer that is read, in bytes.
const BODY_MAX: usize = 1 << 20;

/// How long the next request may take.
fn request_time(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).min(REQUEST_MAX)
}

/// Reads an answer's body, up to [`BODY_MAX`].
async fn body(mut response: reqwest::Response) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(bytes)) if body.len() + bytes.len() > BODY_MAX => {
                return Err(Fault::failed(Code::AnswerTooLarge, format!("the answer is longer than {BODY_MAX} bytes")));
            }
            Ok(Some(bytes)) => body.extend_from_slice(&bytes),
            Ok(None) => return Ok(body),
            Err(error) => return Err(transport("the answer broke off", &error)),
        }
    }
}

/// What a transport error means for a request that changes nothing.
fn transport(what: &str, error: &reqwest::Error) -> Fault {
    if let Some(refused) = Refused::among(error) {
        return Fault::failed(Code::AddressNotAllowed, refused.to_string());
    }
    let mut why: &dyn std::error::Error = error;
    while let Some(cause) = why.source() {
        why = cause;
    }
    let code = if error.is_timeout() && !error.is_connect() { Code::RequestTimeLimit } else { Code::Unreachable };
    Fault::failed(code, format!("{what}: {why}"))
}

/// What it means that a request was not even sent.
fn unsent(error: &Unsent) -> Fault {
    match error {
        Unsent::Refused(refused) => Fault::failed(Code::AddressNotAllowed, refused.to_string()),
        Unsent::NoAddress(_) => Fault::failed(Code::RequestInvalid, error.to_string()),
    }
}
