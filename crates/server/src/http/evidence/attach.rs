//! Evidence about artefacts: taking a document in, showing what it says, signing it.
//!
//! Invariants: the bytes are kept under their digest before anything is said about them; a document that cannot be read is kept too
//! and takes the place of what was there, so that an old pass does not stand in for it; one about another digest, or with a forged
//! signature, is refused and takes nobody's place; whoever signs has just shown again who they are.

use super::{content_in, kind_in, kind_out, meaning_in, says, severity_out, signature_view, tool};
use crate::{
    act::{self, Done},
    auth::Caller,
    extract::{At, Body, Key, Params, parse, read},
    lens::Lens,
    problem::{Answer, Failure},
    state::App,
};
use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use interlock_domain::{
    artifact::{Attached, Command as Artifacts, Content, Evidence, Meaning, Shown, Tool},
    core::Command,
};
use interlock_evidence as reader;
use interlock_ids::{Digest, EvidenceId, Name};
use interlock_wire::{
    evidence::{AttachQuery, EvidenceList, EvidenceView, FindingView, SignEvidence},
    reason::{Receipt, Ref},
};
use jiff::SignedDuration;

/// How long a sign-in at an identity provider counts as having shown again who one is.
const LATELY: SignedDuration = SignedDuration::from_mins(5);
/// Findings that are shown; the document has all.
const SHOWN: usize = 200;

/// The keys in force that statements may be signed with.
fn keys(app: &App) -> Vec<reader::Key> {
    let world = app.engine().world();
    let key = |(name, it): (&Name, &std::sync::Arc<interlock_domain::artifact::SigningKey>)| {
        // minisign: two bytes of algorithm, eight of key number, 32 of Ed25519 key.
        let bytes = BASE64_STANDARD.decode(&it.public_key).ok()?;
        let public = bytes.get(10..42)?.try_into().ok()?;
        Some(reader::Key { name: name.to_string(), public })
    };
    world.artifact.keys.iter().filter(|(_, it)| !it.revoked).filter_map(key).collect()
}

fn artifact_of(app: &App, text: &str) -> Answer<Digest> {
    let digest: Digest = text.parse().map_err(|_| Failure::not_found("artefact", text))?;
    app.engine().world().artifact.artifact(&digest).ok_or_else(|| Failure::not_found("artefact", text))?;
    Ok(digest)
}

/// Attaches a document: what a tool wrote, as it wrote it.
#[utoipa::path(post, path = "/artifacts/{digest}/evidence", params(("digest" = String, Path), AttachQuery), request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 201, body = Receipt)))]
pub async fn attach(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Params(it): Params<AttachQuery>,
    request: Request,
) -> Answer<Done> {
    let digest = artifact_of(&app, &text)?;
    let name: Name = parse("name", &it.name)?;
    let (read_as, kind) = kind_in(it.kind);
    let id: EvidenceId = app.engine().fresh();
    let attach = |blob: Digest, size: u64, tool, made, content| {
        let evidence = Evidence { id, artifact: digest, name: name.clone(), kind, blob, size, tool, made, content };
        Command::Artifact(Artifacts::Attach { evidence })
    };
    // Who may not attach is told so before the body is read; what it says does not matter for that.
    let unread = attach(digest, 0, None, None, Content::Unreadable { code: String::new() });
    app.engine().try_out(&caller.actor, &unread).map_err(Failure::from)?;
    let bytes = read(request, reader::BYTES).await?;
    let (ledger, known) = (app.engine().ledger().clone(), keys(&app));
    let (size, about) = (bytes.len() as u64, digest.0);
    let work = move || {
        // Reading may take a while, and so may the disk: not on a thread that serves others.
        let summary = reader::read(read_as, &bytes, &known).and_then(|it| it.about(&about).map(|()| it));
        let foreign =
            |fault: &reader::Fault| matches!(fault.code, "document-digest" | "document-signature" | "document-empty");
        match summary {
            Err(fault) if foreign(&fault) => Ok((None, Err(fault))),
            summary => ledger.put_blob(&bytes).map(|blob| (Some(Digest(blob.0)), summary)),
        }
    };
    let done = tokio::task::spawn_blocking(work).await;
    let (blob, summary) = done.map_err(|_| Failure::unavailable("the document could not be read; send it again"))??;
    let subject = || act::subject("evidence", id, name.as_str());
    match (blob, summary) {
        (Some(blob), Ok(summary)) => {
            let tool = summary.tool.map(|it| Tool { name: it.name, version: it.version });
            let command = attach(blob, size, tool, summary.made, content_in(summary.content));
            let done = act::carry_out(&app, &caller, key, subject(), command).await?;
            Ok(done.created(format!("/evidence/{id}")))
        }
        (Some(blob), Err(fault)) => {
            let command = attach(blob, size, None, None, Content::Unreadable { code: fault.code.into() });
            act::carry_out(&app, &caller, key, subject(), command).await?;
            Err(refused(
                &fault,
                &format!("it is kept as {blob}, and `{name}` tells nothing until a readable one is attached"),
            ))
        }
        (None, Err(fault)) => Err(refused(&fault, "nothing was attached, and what was attached before still counts")),
        (None, Ok(_)) => Err(Failure::unavailable("the document was not kept; send it again")),
    }
}

fn refused(fault: &reader::Fault, beside: &str) -> Failure {
    let clears = "send what the tool wrote, unchanged, under its own kind, to the artefact it is about";
    Failure::invalid(fault.code, "body", format!("{}; {beside}", fault.what)).with_blocker(fault.code, clears, "you")
}

fn view(lens: &Lens, it: &Attached) -> EvidenceView {
    let evidence = &it.evidence;
    let finding = |it: &interlock_domain::artifact::Finding| FindingView {
        id: it.id.clone(),
        severity: severity_out(it.severity),
        set_aside: it.set_aside,
        count: it.count,
        since: it.since,
    };
    let mut findings: Vec<FindingView> = evidence.content.findings().iter().map(finding).collect();
    findings.sort_by(|a, b| (a.set_aside, a.severity, &a.id).cmp(&(b.set_aside, b.severity, &b.id)));
    findings.truncate(SHOWN);
    let sign =
        Artifacts::Sign { evidence: evidence.id, meaning: Meaning::Approved, shown: Shown::Password, reason: None };
    let effect = "Your name stands under it, with what that means, for good.";
    EvidenceView {
        id: evidence.id.to_string(),
        name: evidence.name.to_string(),
        kind: kind_out(evidence.kind),
        artifact: artifact_ref(lens, evidence.artifact),
        document: evidence.blob.to_string(),
        size: evidence.size,
        tool: tool(evidence),
        made: evidence.made,
        attached_at: it.at,
        attached_by: it.by.map(|id| lens.person(id)),
        says: says(&evidence.content).0,
        unreadable: match &evidence.content {
            Content::Unreadable { code } => Some(code.clone()),
            _ => None,
        },
        findings,
        signatures: it.signatures.iter().map(|it| signature_view(lens, it)).collect(),
        actions: vec![lens.action("sign", "Sign", effect, false, &Command::Artifact(sign))],
    }
}

fn artifact_ref(lens: &Lens, digest: Digest) -> Ref {
    let known = lens.world.artifact.artifact(&digest);
    Ref::new(digest, known.map_or_else(String::new, |it| format!("{} {}", it.service, it.version)))
}

/// Evidence about an artefact: the newest of each name.
#[utoipa::path(get, path = "/artifacts/{digest}/evidence", params(("digest" = String, Path)), responses((status = 200, body = EvidenceList)))]
pub async fn attached(State(app): State<App>, caller: Caller, At(text): At<String>) -> Answer<Json<EvidenceList>> {
    let digest = artifact_of(&app, &text)?;
    let lens = Lens::new(&app, &caller);
    let shelf = lens.world.artifact.evidence.of.get(&digest);
    Ok(Json(EvidenceList {
        artifact: artifact_ref(&lens, digest),
        evidence: lens.world.artifact.evidence.all(&digest).iter().map(|it| view(&lens, it)).collect(),
        former: shelf.map_or(0, |it| it.former),
    }))
}

/// One piece of evidence that counts.
#[utoipa::path(get, path = "/evidence/{id}", params(("id" = String, Path)), responses((status = 200, body = EvidenceView)))]
pub async fn one(State(app): State<App>, caller: Caller, At(text): At<String>) -> Answer<Json<EvidenceView>> {
    let lens = Lens::new(&app, &caller);
    let found = text.parse().ok().and_then(|id| lens.world.artifact.evidence.by_id(id));
    found.map(|it| Json(view(&lens, it))).ok_or_else(|| Failure::not_found("evidence that counts", text))
}

/// Signs evidence, by a person who shows again who they are.
#[utoipa::path(post, path = "/evidence/{id}/sign", params(("id" = String, Path)), request_body = SignEvidence, responses((status = 200, body = Receipt)))]
pub async fn sign(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<SignEvidence>,
) -> Answer<Done> {
    let evidence: EvidenceId = text.parse().map_err(|_| Failure::not_found("evidence", &text))?;
    let sign =
        |shown, reason| Command::Artifact(Artifacts::Sign { evidence, meaning: meaning_in(it.meaning), shown, reason });
    // Whoever may not sign does not get to try passwords.
    app.engine().try_out(&caller.actor, &sign(Shown::Password, None)).map_err(Failure::from)?;
    let shown = shown_again(&app, &caller, it.password.as_deref()).await?;
    let reason = it.reason.as_deref().map(|text| act::note(&app, "reason", text)).transpose()?;
    act::carry_out(&app, &caller, key, act::subject("evidence", evidence, &text), sign(shown, reason)).await
}

/// How the caller has shown again who they are.
///
/// # Errors
/// The password is wrong or was tried too often; or there is none, and the sign-in is not of moments ago.
async fn shown_again(app: &App, caller: &Caller, password: Option<&str>) -> Answer<Shown> {
    let again = |detail: &str, clears: &str| {
        Failure::new(StatusCode::FORBIDDEN, "sign-in-again", detail).with_blocker("sign-in-again", clears, "you")
    };
    let now = app.engine().now();
    let Some(password) = password else {
        let lately = caller.session.as_ref().is_some_and(|(_, it)| it.by.is_some() && it.since + LATELY > now);
        return if lately {
            Ok(Shown::Provider)
        } else {
            Err(again(
                "a signature needs that you show again who you are",
                "give your password; or sign in anew at your identity provider, and sign within five minutes",
            ))
        };
    };
    let desk = app.engine().desk();
    let login = desk.person(caller.account).map(|it| it.login).unwrap_or_default();
    let address = caller.origin.address.clone().unwrap_or_default();
    if let Some(seconds) = app.sign_ins().wait(&login, &address, now) {
        let detail = format!("too many failed tries; try again in {seconds} seconds");
        return Err(Failure::new(StatusCode::TOO_MANY_REQUESTS, "too-many-tries", detail).retry_after(seconds));
    }
    let (desk, account, tried) = (desk.clone(), caller.account, password.to_owned());
    let right = tokio::task::spawn_blocking(move || desk.check_password(Some(account), &tried)).await.unwrap_or(false);
    if right {
        app.sign_ins().succeeded(&login, &address);
        return Ok(Shown::Password);
    }
    app.sign_ins().failed(&login, &address, now);
    Err(again("the password is wrong, so nothing was signed", "give the password you sign in with"))
}
