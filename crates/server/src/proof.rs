//! Proof with a request that it is really whoever is signed in: what electronic signatures are made of (21 CFR 11.200).
//!
//! Invariants: a password is only ever that of the account that asks, and wrong ones count against the same limit as failed
//! sign-ins; a sign-in at a provider is proof for five minutes; nothing is remembered for the next request.

use crate::{
    auth::Caller,
    http::session::Address,
    lens::Lens,
    problem::{Answer, Failure},
    state::App,
};
use axum::http::StatusCode;
use interlock_domain::reason::{self, Proof};
use interlock_ids::{AccountId, Digest};
use interlock_wire::signature::{Signature, Signing};
use jiff::SignedDuration;

/// How long a sign-in at a provider proves who somebody is.
const FRESH: SignedDuration = SignedDuration::from_mins(5);

/// The caller, with the proof the request carries, and the digest of what he has seen.
pub async fn prove(app: &App, caller: Caller, address: &Address, it: &Signing) -> Answer<(Caller, Option<Digest>)> {
    let seen = it.seen.as_deref().map(|text| crate::extract::parse("signature.seen", text)).transpose()?;
    let proof = match &it.password {
        Some(password) => {
            by_password(app, &caller, &address.0, password).await?;
            Some(Proof::Password)
        }
        None => {
            let now = app.engine().now();
            let by_provider = caller.session.as_ref().filter(|(_, it)| it.by.is_some());
            by_provider.filter(|(_, it)| now.duration_since(it.since) <= FRESH).map(|_| Proof::Provider)
        }
    };
    let actor = match proof {
        Some(proof) => caller.actor.clone().proving(proof),
        None => caller.actor.clone(),
    };
    Ok((Caller { actor, ..caller }, seen))
}

async fn by_password(app: &App, caller: &Caller, address: &str, password: &str) -> Answer<()> {
    let now = app.engine().now();
    let desk = app.engine().desk();
    let login = desk.person(caller.account).map_or_else(|| caller.account.to_string(), |it| it.login);
    if let Some(seconds) = app.sign_ins().wait(&login, address, now) {
        let detail = format!("too many wrong passwords; try again in {seconds} seconds");
        return Err(Failure::new(StatusCode::TOO_MANY_REQUESTS, "too-many-tries", detail).retry_after(seconds));
    }
    let (desk, account, password) = (desk.clone(), caller.account, password.to_owned());
    // Checking takes long on purpose: not on a thread that serves others.
    let right = tokio::task::spawn_blocking(move || desk.check_password(Some(account), &password)).await;
    if right.unwrap_or(false) {
        app.sign_ins().succeeded(&login, address);
        return Ok(());
    }
    app.sign_ins().failed(&login, address, now);
    let detail = "the password is not that of your account, so nothing is signed";
    Err(Failure::denied(
        "signature-password",
        detail,
        "type your own password; somebody who signs in by a provider signs in anew instead",
    ))
}

/// A signature in words.
pub fn view(lens: &Lens, by: AccountId, it: &reason::Signature) -> Signature {
    let meaning = match it.meaning {
        reason::Meaning::Approval => "approval",
        reason::Meaning::Rejection => "rejection",
        reason::Meaning::Abstention => "abstention",
        reason::Meaning::Ratification => "ratification",
        reason::Meaning::Objection => "objection",
        reason::Meaning::Responsibility => "responsibility",
    };
    let proof = match it.proof {
        Proof::Password => "password",
        Proof::Provider => "provider",
    };
    Signature {
        by: lens.person(by),
        at: it.at,
        meaning: meaning.into(),
        proof: proof.into(),
        signed: it.signed.to_string(),
    }
}
