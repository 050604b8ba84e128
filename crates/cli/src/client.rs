//! The public API over HTTP: what every client command, and the demo, speaks.
//!
//! Invariants: a request that changes something carries an idempotency key, and is sent again under the same key when the
//! connection breaks, so that it is done once or not at all; an answer that is no success becomes the problem it carries.
//! Deliberately absent: nouns. A command names an address and an action.

use crate::failure::{Done, Failure};
use futures::{Stream, StreamExt, stream};
use interlock_wire::{
    page::Page,
    problem::Problem,
    reason::Receipt,
    session::{Session, SignIn},
};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

const COOKIE: &str = "interlock_session";
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(60);
const POSITION: &str = "x-ledger-position";
/// Servers whose position is kept.
const SERVERS_KEPT: usize = 50;
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// How a request says who sends it.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    #[default]
    Nobody,
    Token(String),
    Session {
        cookie: String,
        csrf: String,
    },
}

/// A server and whoever speaks to it.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    server: String,
    auth: Auth,
    /// How often a request is sent at all when the connection breaks.
    tries: u32,
    /// The newest position an answer has named: any node of the server is asked to know at least that much.
    seen: Arc<AtomicU64>,
    /// Where it is kept from one command to the next.
    memory: Option<PathBuf>,
    /// Whether the position is still that of an earlier command.
    recalled: Arc<AtomicBool>,
}

/// The code of a server that does not know what was seen elsewhere.
const BEHIND: &str = "behind";

impl Client {
    /// `server`: address such as `http://127.0.0.1:8080`. Nothing is sent yet.
    ///
    /// # Errors
    /// The address is no http or https address.
    pub fn new(server: &str, auth: Auth) -> Done<Self> {
        let server = server.trim_end_matches('/').to_owned();
        let url = reqwest::Url::parse(&server)
            .map_err(|error| Failure::Usage(format!("`{server}` is not the address of a server: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Failure::Usage(format!(
                "`{server}` is not the address of a server: write http:// or https://"
            )));
        }
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("interlock/", env!("CARGO_PKG_VERSION")));
        if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            http = http.no_proxy();
        }
        let http =
            http.build().map_err(|error| Failure::Bug(format!("the HTTP client could not be set up: {error}")))?;
        Ok(Self { http, server, auth, tries: 3, seen: Arc::default(), memory: None, recalled: Arc::default() })
    }

    /// Goes on from the position that earlier commands have seen at this server, kept in `file`, and keeps it there.
    pub fn with_memory(self, file: PathBuf) -> Self {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(&self.server)?.strip_prefix(' ')?.parse().ok());
        self.seen.store(line.unwrap_or_default(), Ordering::Release);
        self.recalled.store(line.is_some(), Ordering::Release);
        Self { memory: Some(file), ..self }
    }

    /// Notes the position of an answer. One that a server cannot reach is forgotten, for it is of another ledger.
    fn note(&self, response: &Response) {
        let position = response.headers().get(POSITION).and_then(|it| it.to_str().ok()?.parse().ok());
        let Some(position) = position else { return };
        if response.status().is_success() {
            self.recalled.store(false, Ordering::Release);
        }
        if self.seen.fetch_max(position, Ordering::AcqRel) < position {
            self.keep(Some(position));
        }
    }

    /// Writes the position down, or crosses it out. A command does not fail because its memory does.
    fn keep(&self, position: Option<u64>) {
        let Some(file) = &self.memory else { return };
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let ours = format!("{} ", self.server);
        let mut lines: Vec<String> = text.lines().filter(|line| !line.starts_with(&ours)).map(str::to_owned).collect();
        lines.extend(position.map(|it| format!("{ours}{it}")));
        // The newest last, and not for ever.
        let lines = &lines[lines.len().saturating_sub(SERVERS_KEPT)..];
        let _ = crate::context::write_private(file, &(lines.join("\n") + "\n"));
    }

    /// Signs in with a password and gives a client that carries the session.
    ///
    /// # Errors
    /// The server refuses, or cannot be reached.
    pub async fn sign_in(server: &str, login: &str, password: &str) -> Done<(Self, Session)> {
        let client = Self::new(server, Auth::Nobody)?;
        client.open_session("/session", &SignIn { login: login.into(), password: password.into() }).await
    }

    /// Posts to an address that answers with a session, and carries it from then on.
    ///
    /// # Errors
    /// The server refuses, or cannot be reached.
    pub async fn open_session(self, path: &str, body: &impl Serialize) -> Done<(Self, Session)> {
        let response = self.send(Method::POST, path, |request| request.json(body)).await?;
        let cookies = response.headers().get_all(header::SET_COOKIE).iter().filter_map(|it| it.to_str().ok());
        let named = cookies.filter_map(|it| it.split(';').next()?.split_once('='));
        let cookie =
            named.filter(|(name, _)| name.ends_with(COOKIE)).map(|(name, value)| format!("{name}={value}")).next();
        let session: Session = json(response).await?;
        let cookie = cookie.ok_or_else(|| Failure::Bug("the server signed us in without a session cookie".into()))?;
        let auth = Auth::Session { cookie, csrf: session.csrf_token.clone() };
        Ok((Self { auth, ..self }, session))
    }

    /// The same server for somebody else.
    pub fn with_auth(&self, auth: Auth) -> Self {
        Self { auth, ..self.clone() }
    }

    /// How often a request is sent at all when the connection breaks; at least 1.
    pub fn with_tries(self, tries: u32) -> Self {
        Self { tries: tries.max(1), ..self }
    }

    pub fn server(&self) -> &str {
        &self.server
    }

    /// Reads an object.
    ///
    /// # Errors
    /// The problem the server answers with, or none can be reached.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Done<T> {
        json(self.send(Method::GET, path, |request| request).await?).await
    }

    /// Reads text, and a header of the answer.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn text(&self, path: &str, header: &str) -> Done<(String, Option<String>)> {
        let response = self.send(Method::GET, path, |request| request).await?;
        let found = response.headers().get(header).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let text = response.text().await;
        text.map(|text| (text, found)).map_err(|error| Failure::Unreachable(format!("the answer broke off: {error}")))
    }

    /// Reads all pages of a list, up to `most` items.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn list<T: DeserializeOwned>(&self, path: &str, most: usize) -> Done<Vec<T>> {
        let join = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut cursor = None::<String>;
        loop {
            let limit = most.saturating_sub(items.len()).clamp(1, 500);
            let after = cursor.map(|it| format!("&cursor={}", segment(&it))).unwrap_or_default();
            let page: Page<T> = self.get(&format!("{path}{join}limit={limit}{after}")).await?;
            items.extend(page.items);
            cursor = page.next;
            if cursor.is_none() || items.len() >= most {
                items.truncate(most);
                return Ok(items);
            }
        }
    }

    /// Sends JSON and reads JSON.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Done<T> {
        json(self.send(Method::POST, path, |request| request.json(body)).await?).await
    }

    /// Sends JSON and reads bytes.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post_for_bytes(&self, path: &str, body: &impl Serialize) -> Done<Vec<u8>> {
        let response = self.send(Method::POST, path, |request| request.json(body)).await?;
        let bytes = response.bytes().await;
        Ok(bytes.map_err(|error| Failure::Unreachable(format!("the answer of {path} broke off: {error}")))?.to_vec())
    }

    /// Sends JSON where no answer is to be read.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post_only(&self, path: &str, body: &impl Serialize) -> Done {
        self.send(Method::POST, path, |request| request.json(body)).await.map(drop)
    }

    /// As [`Client::post`], with `PUT`.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Done<T> {
        json(self.send(Method::PUT, path, |request| request.json(body)).await?).await
    }

    /// Sends bytes of a kind.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn send_bytes<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        kind: &'static str,
        bytes: Vec<u8>,
    ) -> Done<T> {
        let sent =
            self.send(method, path, |request| request.header(header::CONTENT_TYPE, kind).body(bytes.clone())).await?;
        json(sent).await
    }

    /// Ends the session.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn sign_out(&self) -> Done {
        self.send(Method::DELETE, "/session", |request| request).await.map(drop)
    }

    /// Does `action` to the object `id` of a noun in the plural.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn act(&self, noun: &str, id: &str, action: &str, body: &impl Serialize) -> Done<Receipt> {
        self.post(&format!("/{noun}/{}/{action}", segment(id)), body).await
    }

    /// Server-sent events of an address: `(event, id, data)`, until the connection ends.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn events(&self, path: &str) -> Done<impl Stream<Item = Done<ServerEvent>> + Unpin + use<>> {
        let request = self.request(Method::GET, path).header(header::ACCEPT, "text/event-stream");
        let response = accepted(request.send().await.map_err(|error| self.unreachable(&error))?).await?;
        let chunks = response.bytes_stream();
        let state = (Box::pin(chunks), String::new());
        Ok(Box::pin(stream::unfold(state, |(mut chunks, mut text)| async move {
            loop {
                if let Some((event, rest)) = text.split_once("\n\n") {
                    let event = ServerEvent::parse(event);
                    let rest = rest.to_owned();
                    return Some((Ok(event), (chunks, rest)));
                }
                match chunks.next().await? {
                    Ok(bytes) => text.push_str(&String::from_utf8_lossy(&bytes).replace('\r', "")),
                    Err(error) => {
                        return Some((
                            Err(Failure::Unreachable(format!("the live feed ended: {error}"))),
                            (chunks, text),
                        ));
                    }
                }
            }
        })))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/api/v1{path}", self.server));
        let request = match self.seen.load(Ordering::Acquire) {
            0 => request,
            seen => request.header(POSITION, seen),
        };
        match &self.auth {
            Auth::Nobody => request,
            Auth::Token(token) => request.bearer_auth(token),
            Auth::Session { cookie, csrf } => request.header(header::COOKIE, cookie).header("x-csrf-token", csrf),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        fill: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Done<Response> {
        let key = fresh_key()?;
        let mut tries = 0;
        loop {
            tries += 1;
            let mut request = self.request(method.clone(), path).timeout(ANSWER);
            if method != Method::GET {
                request = request.header("idempotency-key", &key);
            }
            match fill(request).send().await {
                Ok(response) if response.status() == StatusCode::SERVICE_UNAVAILABLE && tries < self.tries => {}
                Ok(response) => {
                    self.note(&response);
                    let accepted = accepted(response).await;
                    if let Err(Failure::Refused(problem)) = &accepted
                        && problem.code == BEHIND
                    {
                        let seen = self.seen.swap(0, Ordering::AcqRel);
                        self.keep(None);
                        // What an earlier command saw may have been another ledger at this address.
                        if self.recalled.swap(false, Ordering::AcqRel) {
                            eprintln!(
                                "note: {} does not know the {seen} entries that an earlier command saw there",
                                self.server
                            );
                            tries = 0;
                            continue;
                        }
                    }
                    return accepted.map_err(|failure| match failure {
                        Failure::Refused(problem) if problem.code == BEHIND => Failure::Unreachable(problem.detail),
                        other => other,
                    });
                }
                Err(error) if tries >= self.tries => return Err(self.unreachable(&error)),
                Err(_) => {}
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(next) = cause {
            text = format!("{text}: {next}");
            cause = next.source();
        }
        Failure::Unreachable(format!(
            "no answer from {}: {text}; check the address, and that the server runs (`interlock doctor`)",
            self.server
        ))
    }
}

/// One server-sent event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerEvent {
    pub event: String,
    pub id: String,
    pub data: String,
}

impl ServerEvent {
    fn parse(text: &str) -> Self {
        let mut it = Self::default();
        for line in text.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => it.event = value.into(),
                "id" => it.id = value.into(),
                "data" if it.data.is_empty() => it.data = value.into(),
                "data" => it.data = format!("{}\n{value}", it.data),
                _ => {}
            }
        }
        it
    }
}

/// A text as one segment of an address, or one value of a query.
pub fn segment(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

/// A query out of what is given.
pub fn query(pairs: &[(&str, Option<String>)]) -> String {
    let given = pairs.iter().filter_map(|(name, value)| Some(format!("{name}={}", segment(value.as_ref()?))));
    let text = given.collect::<Vec<_>>().join("&");
    if text.is_empty() { text } else { format!("?{text}") }
}

fn fresh_key() -> Done<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::Failed(format!("this machine gives no randomness: {error}")))?;
    Ok(hex::encode(bytes))
}

async fn accepted(response: Response) -> Done<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let text = response.text().await.unwrap_or_default();
    Err(failure_of(status.as_u16(), &text))
}

/// What an answer that is no success means.
fn failure_of(status: u16, text: &str) -> Failure {
    let problem = serde_json::from_str::<Problem>(text);
    match (problem, status) {
        // Whoever asked for what this server does not know decides what that means.
        (Ok(problem), 503) if problem.code == BEHIND => Failure::Refused(Box::new(problem)),
        (Ok(problem), 503) => Failure::Unreachable(problem.detail),
        (Ok(problem), 500..) => {
            let id = problem.request_id.map(|id| format!(" (request {id})")).unwrap_or_default();
            Failure::Bug(format!("{}{id}", problem.detail))
        }
        (Ok(problem), _) => Failure::Refused(Box::new(problem)),
        (Err(_), _) => {
            let said: String = text.chars().take(200).collect();
            Failure::Unreachable(format!("the answer, status {status}, is none of an Interlock server: {said}"))
        }
    }
}

async fn json<T: DeserializeOwned>(response: Response) -> Done<T> {
    let from = response.url().path().to_owned();
    let bytes = response
        .bytes()
        .await
        .map_err(|error| Failure::Unreachable(format!("the answer of {from} broke off: {error}")))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let said: String = String::from_utf8_lossy(&bytes).chars().take(200).collect();
        Failure::Bug(format!(
            "the answer of {from} cannot be read ({error}); server and command may be of different versions: {said}"
        ))
    })
}

/// An object as plain JSON, for commands that only show it.
pub type Object = Value;

#[cfg(test)]
mod tests;
