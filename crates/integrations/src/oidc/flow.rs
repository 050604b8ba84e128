//! The authorization code flow with PKCE (RFC 6749, RFC 7636, RFC 9207): the address to send a browser to, and the code's exchange.

use super::issuers::Trouble;
use crate::http::told;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use interlock_outbound::{Outbound, body};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Bytes of any answer of a provider.
pub(super) const ANSWER: usize = 256 << 10;

/// What a provider says of itself (Discovery 1.0), as far as it is needed.
#[derive(Clone, Debug, Deserialize)]
pub struct Metadata {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    pub userinfo_endpoint: Option<String>,
    pub end_session_endpoint: Option<String>,
}

/// What a sign-in is begun with. All of it is fresh and random.
#[derive(Clone, Copy, Debug)]
pub struct Begun<'a> {
    pub client_id: &'a str,
    pub redirect_uri: &'a str,
    /// Beside `openid`.
    pub scopes: &'a [&'a str],
    pub state: &'a str,
    pub nonce: &'a str,
    /// 43 to 128 characters (RFC 7636, 4.1).
    pub verifier: &'a str,
}

/// The challenge of a verifier, method S256; `digest`: SHA-256 of the verifier.
pub fn challenge(digest: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(digest)
}

/// The address to send the browser to; `challenge` as [`challenge`] gives it.
///
/// # Errors
/// The provider's address is none.
pub fn begin(metadata: &Metadata, begun: &Begun, challenge: &str) -> Result<String, Trouble> {
    let mut url =
        Url::parse(&metadata.authorization_endpoint).map_err(|_| Trouble::Document("authorization_endpoint"))?;
    let scope = std::iter::once("openid").chain(begun.scopes.iter().copied()).collect::<Vec<_>>().join(" ");
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", begun.client_id)
        .append_pair("redirect_uri", begun.redirect_uri)
        .append_pair("scope", &scope)
        .append_pair("state", begun.state)
        .append_pair("nonce", begun.nonce)
        .append_pair("code_challenge", challenge)
        .append_pair("code_challenge_method", "S256");
    Ok(url.into())
}

/// The address at which a browser signs out of the provider too; `None` if the provider has none.
pub fn sign_out(metadata: &Metadata, client_id: &str, back_to: &str, id_token: &str) -> Option<String> {
    let mut url = Url::parse(metadata.end_session_endpoint.as_deref()?).ok()?;
    url.query_pairs_mut()
        .append_pair("client_id", client_id)
        .append_pair("id_token_hint", id_token)
        .append_pair("post_logout_redirect_uri", back_to);
    Some(url.into())
}

/// What a code is exchanged for.
#[derive(Clone, Deserialize)]
pub struct Tokens {
    pub id_token: String,
    #[serde(default)]
    pub access_token: String,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    error: String,
}

pub(super) async fn exchange(
    out: &Outbound,
    metadata: &Metadata,
    begun: &Begun<'_>,
    secret: Option<&str>,
    code: &str,
) -> Result<Tokens, Trouble> {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", begun.redirect_uri),
        ("code_verifier", begun.verifier),
    ];
    let mut request = request(out, Method::POST, &metadata.token_endpoint)?.header("accept", "application/json");
    match secret {
        // RFC 6749, 2.3.1: both halves are form-encoded first.
        Some(secret) => {
            let pair = format!("{}:{}", encoded(begun.client_id), encoded(secret));
            request = request.header("authorization", format!("Basic {}", STANDARD.encode(pair)));
        }
        None => form.push(("client_id", begun.client_id)),
    }
    let content = form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&");
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(content);
    let (status, bytes) = answer(request).await?;
    if !(200..300).contains(&status) {
        let error = serde_json::from_slice::<Refusal>(&bytes).map(|it| it.error).unwrap_or_default();
        let error: String = error.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(60).collect();
        return Err(Trouble::Exchange(if error.is_empty() { format!("status {status}") } else { error }));
    }
    serde_json::from_slice(&bytes).map_err(|_| Trouble::Document("the answer to the exchange"))
}

/// What the provider says about the person beside the token (Core 5.3), for the same subject only.
pub(super) async fn person(
    out: &Outbound,
    metadata: &Metadata,
    access: &str,
    subject: &str,
) -> Result<Map<String, Value>, Trouble> {
    let Some(endpoint) = metadata.userinfo_endpoint.as_deref().filter(|_| !access.is_empty()) else {
        return Ok(Map::new());
    };
    let (status, bytes) = answer(request(out, Method::GET, endpoint)?.bearer_auth(access)).await?;
    let claims: Map<String, Value> =
        serde_json::from_slice(&bytes).ok().filter(|_| status == 200).ok_or(Trouble::Document("userinfo"))?;
    if claims.get("sub").and_then(Value::as_str) == Some(subject) {
        Ok(claims)
    } else {
        Err(Trouble::Document("userinfo"))
    }
}

/// `application/x-www-form-urlencoded` of one value.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

pub(super) fn request(out: &Outbound, method: Method, url: &str) -> Result<reqwest::RequestBuilder, Trouble> {
    out.request(method, url).map_err(|error| Trouble::Unreachable(error.to_string()))
}

pub(super) async fn answer(request: reqwest::RequestBuilder) -> Result<(u16, Vec<u8>), Trouble> {
    let response = request.send().await.map_err(|error| Trouble::Unreachable(told(&error)))?;
    let status = response.status().as_u16();
    let bytes = body(response, ANSWER).await.map_err(|error| Trouble::Unreachable(told(&error)))?;
    Ok((status, bytes.map_err(|error| Trouble::Unreachable(error.to_string()))?))
}
