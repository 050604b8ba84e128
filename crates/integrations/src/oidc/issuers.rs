//! Issuers as this process knows them: their documents and keys, fetched when needed and kept for a while.
//!
//! Invariants: a document is that of the issuer it was asked for, or it is none; a key that is not known makes the keys be fetched
//! again, but not more often than every 30 seconds, so that strangers' tokens cannot make us call anybody without end; keys that
//! cannot be fetched anew are used for a day at most.

use super::{
    flow::{self, Begun, Metadata, Tokens},
    jws::{self, Expected, Fault, Verified},
    keys::Keys,
};
use interlock_outbound::{Guard, Outbound};
use reqwest::Method;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

const TIMEOUT: Duration = Duration::from_secs(10);
/// How long what was fetched is used without asking again.
const FRESH: Duration = Duration::from_secs(3600);
/// How long it is used when it cannot be fetched again.
const USABLE: Duration = Duration::from_secs(24 * 3600);
/// The least time between two fetches of one thing.
const PAUSE: Duration = Duration::from_secs(30);
/// Things that are kept.
const KEPT: usize = 200;

/// Where an issuer's keys are.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// Where its own document says.
    Discovered,
    At(&'a str),
    /// They are these (a JWK Set).
    Given(&'a str),
}

/// Why an issuer could not be asked, or its token is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    #[error("the issuer cannot be asked: {0}")]
    Unreachable(String),
    #[error("what the issuer says of itself cannot be used: {0}")]
    Document(&'static str),
    #[error("the provider refuses the code: {0}")]
    Exchange(String),
    #[error(transparent)]
    Token(#[from] Fault),
}

struct Kept<T> {
    value: Arc<T>,
    at: Instant,
    tried: Instant,
}

type Shelf<T> = Mutex<BTreeMap<String, Kept<T>>>;

/// Asks issuers and remembers what they said.
pub struct Issuers {
    out: Outbound,
    documents: Shelf<Metadata>,
    keys: Shelf<Keys>,
}

impl Issuers {
    /// # Errors
    /// The TLS library could not be set up.
    pub fn new(guard: Guard) -> Result<Self, Trouble> {
        let out = Outbound::new(guard, TIMEOUT).map_err(|error| Trouble::Unreachable(error.to_string()))?;
        Ok(Self { out, documents: Shelf::default(), keys: Shelf::default() })
    }

    /// What an issuer says of itself.
    ///
    /// # Errors
    /// It cannot be asked, or speaks for another.
    pub async fn metadata(&self, issuer: &str) -> Result<Arc<Metadata>, Trouble> {
        if let Some(kept) = fresh(&self.documents, issuer, FRESH) {
            return Ok(kept);
        }
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let fetched = self.fetch(&url).await.and_then(|bytes| document(issuer, &bytes));
        keep(&self.documents, issuer, fetched)
    }

    /// Exchanges a code.
    ///
    /// # Errors
    /// The provider refuses it or cannot be asked.
    pub async fn exchange(
        &self,
        issuer: &str,
        begun: &Begun<'_>,
        secret: Option<&str>,
        code: &str,
    ) -> Result<Tokens, Trouble> {
        flow::exchange(&self.out, self.metadata(issuer).await?.as_ref(), begun, secret, code).await
    }

    /// What the provider says about a person beside the token.
    ///
    /// # Errors
    /// It cannot be asked, or speaks of another.
    pub async fn person(&self, issuer: &str, access: &str, subject: &str) -> Result<Map<String, Value>, Trouble> {
        flow::person(&self.out, self.metadata(issuer).await?.as_ref(), access, subject).await
    }

    /// Judges a token by its issuer's keys; keys that are not known are looked for once more.
    ///
    /// # Errors
    /// The token is not what is expected, or its issuer's keys cannot be had.
    pub async fn verify(&self, source: Source<'_>, token: &str, expected: &Expected<'_>) -> Result<Verified, Trouble> {
        let place = match source {
            Source::Given(text) => {
                let keys = Keys::parse(text.as_bytes()).map_err(|_| Trouble::Document("its keys"))?;
                return Ok(jws::verify(token, &keys, expected)?);
            }
            Source::At(uri) => uri.to_owned(),
            Source::Discovered => self.metadata(expected.issuer).await?.jwks_uri.clone(),
        };
        let id = jws::key_id(token);
        let keys = match fresh(&self.keys, &place, FRESH) {
            Some(keys) if keys.knows(id.as_deref()) || !due(&self.keys, &place) => keys,
            _ => {
                let fetched = self.fetch(&place).await;
                let fetched = fetched.and_then(|bytes| Keys::parse(&bytes).map_err(|_| Trouble::Document("its keys")));
                keep(&self.keys, &place, fetched)?
            }
        };
        Ok(jws::verify(token, &keys, expected)?)
    }

    /// The issuer a token says it is of. Judges nothing.
    pub fn claimed(token: &str) -> Option<String> {
        jws::claimed_issuer(token)
    }

    async fn fetch(&self, url: &str) -> Result<Vec<u8>, Trouble> {
        let request = flow::request(&self.out, Method::GET, url)?.header("accept", "application/json");
        match flow::answer(request).await? {
            (200, bytes) => Ok(bytes),
            (status, _) => Err(Trouble::Unreachable(format!("{url} answers {status}"))),
        }
    }
}

fn document(issuer: &str, bytes: &[u8]) -> Result<Metadata, Trouble> {
    let it: Metadata = serde_json::from_slice(bytes).map_err(|_| Trouble::Document("its discovery document"))?;
    if it.issuer != issuer {
        return Err(Trouble::Document("it is the document of another issuer"));
    }
    let endpoints = [Some(&it.authorization_endpoint), Some(&it.token_endpoint), Some(&it.jwks_uri)];
    let more = [it.userinfo_endpoint.as_ref(), it.end_session_endpoint.as_ref()];
    // One that is spoken to over TLS does not hand us on to where it is not.
    let safe =
        |url: &String| url.starts_with("https://") || (!issuer.starts_with("https://") && url.starts_with("http://"));
    if !endpoints.into_iter().chain(more).flatten().all(safe) {
        return Err(Trouble::Document("one of its endpoints is no https address"));
    }
    Ok(it)
}

fn fresh<T>(shelf: &Shelf<T>, name: &str, longest: Duration) -> Option<Arc<T>> {
    let shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
    shelf.get(name).filter(|kept| kept.at.elapsed() < longest).map(|kept| kept.value.clone())
}

/// Whether it may be fetched again already.
fn due<T>(shelf: &Shelf<T>, name: &str) -> bool {
    let shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
    shelf.get(name).is_none_or(|kept| kept.tried.elapsed() >= PAUSE)
}

/// Keeps what was fetched; what was not is made up for by what is still usable.
fn keep<T>(shelf: &Shelf<T>, name: &str, fetched: Result<T, Trouble>) -> Result<Arc<T>, Trouble> {
    let mut all = shelf.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    match fetched {
        Ok(value) => {
            if all.len() >= KEPT && !all.contains_key(name) {
                all.clear();
            }
            let value = Arc::new(value);
            all.insert(name.to_owned(), Kept { value: value.clone(), at: now, tried: now });
            Ok(value)
        }
        Err(trouble) => match all.get_mut(name).filter(|kept| kept.at.elapsed() < USABLE) {
            Some(kept) => {
                kept.tried = now;
                Ok(kept.value.clone())
            }
            None => Err(trouble),
        },
    }
}
