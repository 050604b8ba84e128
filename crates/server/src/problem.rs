//! Every error as an RFC 9457 problem with a stable code.
//!
//! Invariants: nothing a client sends gives a 500; a refusal keeps all its blockers and slots on the way out; secrets and paths of
//! the machine never appear in a detail.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use interlock_domain::reason::{Refusal, RefusalKind};
use interlock_engine::{Behind, DeskError, SubmitError};
use interlock_ledger::StoreError;
use interlock_wire::{
    problem::{Fault, Problem},
    reason::{Blocker, Span},
};

tokio::task_local! {
    /// The id of the request being answered, for the problem to carry.
    pub(crate) static REQUEST_ID: String;
}

/// Why a request was not carried out.
#[derive(Debug)]
pub struct Failure {
    problem: Box<Problem>,
    /// Seconds after which to try again.
    retry_after: Option<u64>,
}

pub type Answer<T> = Result<T, Failure>;

impl Failure {
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        let problem = Problem {
            kind: format!("urn:interlock:error:{code}"),
            title: title(status).into(),
            status: status.as_u16(),
            detail: detail.into(),
            code: code.into(),
            blockers: Vec::new(),
            slots: Vec::new(),
            faults: Vec::new(),
            request_id: REQUEST_ID.try_with(Clone::clone).ok(),
        };
        Self { problem: Box::new(problem), retry_after: None }
    }

    /// What was sent is understood and says something that cannot be.
    pub fn invalid(code: &str, field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let fault = Fault { field: Some(field.into()), line: None, column: None, message: message.clone() };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message).with_faults(vec![fault])
    }

    pub fn not_found(what: &str, name: impl std::fmt::Display) -> Self {
        let name: String = name.to_string().chars().take(100).collect();
        let failure = Self::new(StatusCode::NOT_FOUND, "not-found", format!("there is no {what} `{name}`"));
        failure.with_blocker("not-found", "name one that exists, or create it first", "you")
    }

    pub fn denied(code: &str, detail: impl Into<String>, clears: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail).with_blocker(code, clears, "you")
    }

    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(1)
    }

    /// Adds a blocker whose message is the detail.
    pub fn with_blocker(mut self, code: &str, clears: &str, who: &str) -> Self {
        let message = self.problem.detail.clone();
        self.problem.blockers.push(Blocker {
            code: code.into(),
            message,
            clears: clears.into(),
            who: vec![who.into()],
            by: None,
        });
        self
    }

    pub fn with_faults(mut self, faults: Vec<Fault>) -> Self {
        self.problem.faults = faults;
        self
    }

    pub fn with_blockers(mut self, blockers: Vec<Blocker>) -> Self {
        self.problem.blockers = blockers;
        self
    }

    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Puts names people use into all texts.
    pub fn name_people(&mut self, name: impl Fn(&str) -> String) {
        self.problem.detail = name(&self.problem.detail);
        for it in &mut self.problem.blockers {
            it.message = name(&it.message);
            it.clears = name(&it.clears);
            it.who.iter_mut().for_each(|who| *who = name(who));
        }
    }

    pub fn status(&self) -> u16 {
        self.problem.status
    }

    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "The request cannot be read",
        StatusCode::UNAUTHORIZED => "You are not signed in",
        StatusCode::FORBIDDEN => "You may not do this",
        StatusCode::NOT_FOUND => "There is no such thing",
        StatusCode::METHOD_NOT_ALLOWED => "This cannot be done here",
        StatusCode::REQUEST_TIMEOUT => "It took too long to arrive",
        StatusCode::CONFLICT => "Something stands in the way",
        StatusCode::PAYLOAD_TOO_LARGE => "Too much was sent",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "This kind of content is not taken here",
        StatusCode::UNPROCESSABLE_ENTITY => "What was sent cannot be",
        StatusCode::TOO_MANY_REQUESTS => "Tried too often",
        StatusCode::SERVICE_UNAVAILABLE => "Not possible at the moment",
        _ => "A fault of the server",
    }
}

pub fn blocker(it: &interlock_domain::reason::Blocker) -> Blocker {
    Blocker {
        code: it.code.clone(),
        message: it.message.clone(),
        clears: it.clears.clone(),
        who: vec![it.who.clone()],
        by: it.by,
    }
}

pub fn blockers(all: &[interlock_domain::reason::Blocker]) -> Vec<Blocker> {
    all.iter().map(blocker).collect()
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let (status, fallback) = match refusal.kind {
            RefusalKind::Denied => (StatusCode::FORBIDDEN, "denied"),
            RefusalKind::Blocked => (StatusCode::CONFLICT, "blocked"),
            RefusalKind::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            RefusalKind::NotFound => (StatusCode::NOT_FOUND, "not-found"),
            RefusalKind::Stale => (StatusCode::CONFLICT, "stale"),
        };
        let code = match refusal.blockers.as_slice() {
            [only] => only.code.clone(),
            _ => fallback.to_owned(),
        };
        let mut failure = Self::new(status, &code, refusal.summary);
        failure.problem.blockers = blockers(&refusal.blockers);
        failure.problem.slots = refusal.slots.iter().map(|it| Span { start: it.start, end: it.end }).collect();
        failure
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Refused(refusal) => refusal.into(),
            SubmitError::Unavailable(why) => {
                tracing::error!(%why, "a command could not be written");
                Self::unavailable(
                    "the ledger cannot be written to at the moment; try again, with the same idempotency key if one was given",
                )
            }
            SubmitError::Unknown(why) => {
                tracing::error!(%why, "a command may have been written or not");
                let detail = "the connection to the ledger broke before it could say whether the command was written; send it \
                              again under the same `Idempotency-Key`, which cannot do it twice";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "outcome-unknown", detail).retry_after(1)
            }
        }
    }
}

impl From<Behind> for Failure {
    fn from(behind: Behind) -> Self {
        let detail = format!("{behind}; ask again in a moment, or ask another node");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "behind", detail).retry_after(1)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        tracing::error!(code = error.code(), %error, "the ledger could not be read");
        Self::unavailable(format!("the ledger cannot be read at the moment ({}); try again", error.code()))
    }
}

impl From<DeskError> for Failure {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::LoginTaken(_) => Self::invalid("login-taken", "login", error.to_string()),
            DeskError::NoteTooLong(_) => Self::invalid("text-too-long", "text", error.to_string()),
            DeskError::Password => Self::invalid("password-length", "password", error.to_string()),
            DeskError::Store(error) => error.into(),
            DeskError::Broken(..) | DeskError::Hash(_) => {
                tracing::error!(%error, "the desk failed");
                Self::unavailable("what is kept beside the ledger cannot be read at the moment; try again")
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.problem).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
