//! Accounts, tokens, delegations, leave.

use crate::{
    act::{self, Done},
    auth::{self, Caller},
    extract::{At, Body, Key, Params, parse, parse_all, text},
    http::page,
    lens::{Lens, status, words},
    problem::{Answer, Failure},
    state::App,
};
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use interlock_domain::{
    core::Command,
    people::{self, AccountKind},
    policy::{self, Question},
    reason::Outcome,
};
use interlock_engine::Person;
use interlock_ids::{AccountId, DelegationId, Name, TokenId};
use interlock_wire::{
    page::{Page, Paging},
    people::{
        Account, AccountKind as WireKind, AccountSpec, ChangePassword, Delegate, Delegation, IssueToken, IssuedToken,
        LinkAccount, PutAccount, PutLeave, Token,
    },
    reason::{Nothing, Receipt, Severity, Span},
};
use jiff::SignedDuration;

/// The account of a login or id.
pub fn find(app: &App, text: &str) -> Answer<AccountId> {
    let by_login = app.engine().desk().by_login(text).map(|it| it.account);
    let id = by_login.or_else(|| text.parse().ok()).filter(|id| app.engine().world().people.account(*id).is_some());
    id.ok_or_else(|| Failure::not_found("account", text))
}

pub fn view(lens: &Lens, account: &people::Account) -> Account {
    let person = lens.engine.desk().person(account.id);
    let delegations =
        lens.world.people.delegations.values().filter(|it| it.from == account.id && !it.ended && lens.now < it.until);
    let close = Command::People(people::Command::CloseAccount { account: account.id });
    let ground = people::Basis::Other;
    let erase = people::Command::ErasePerson { account: account.id, basis: ground, reason: lens.no_note() };
    let erase = (account.kind == AccountKind::Human && account.erased.is_none()).then(|| {
        let effect = "Names, addresses, sessions and origins are erased for good; what the account did stays, under a pseudonym.";
        lens.action("erase", "Erase the person", effect, true, &Command::People(erase))
    });
    let state = if account.erased.is_some() {
        status("erased", Severity::Neutral, true)
    } else if account.closed {
        status("closed", Severity::Neutral, true)
    } else {
        status("open", Severity::Good, false)
    };
    Account {
        id: account.id.to_string(),
        login: person.as_ref().map_or_else(|| account.id.to_string(), |it| it.login.clone()),
        name: lens.engine.desk().name(account.id),
        email: person.and_then(|it| it.email),
        kind: if account.kind == AccountKind::Human { WireKind::Human } else { WireKind::Robot },
        owner: match account.kind {
            AccountKind::Human => None,
            AccountKind::Robot { owner } => Some(lens.person(owner)),
        },
        roles: words(&account.roles),
        groups: words(&account.groups),
        identities: account.identities.len() as u32,
        links: lens.people(&account.links),
        status: state,
        leave: account.leave.iter().map(|(start, end)| Span { start: *start, end: *end }).collect(),
        delegates_to: delegations.map(|it| delegation(lens, it)).collect(),
        actions: vec![lens.action(
            "close",
            "Close",
            "The account may do nothing any more; its tokens end.",
            false,
            &close,
        )]
        .into_iter()
        .chain(erase)
        .collect(),
    }
}

pub fn delegation(lens: &Lens, it: &people::Delegation) -> Delegation {
    let state = if it.ended || it.until <= lens.now {
        status("ended", Severity::Neutral, true)
    } else if lens.now < it.from_time {
        status("coming", Severity::Info, false)
    } else {
        status("in_force", Severity::Good, false)
    };
    Delegation {
        id: it.id.to_string(),
        from: lens.person(it.from),
        to: lens.person(it.to),
        start: it.from_time,
        end: it.until,
        status: state,
    }
}

/// Everybody.
#[utoipa::path(get, path = "/accounts", params(Paging), responses((status = 200, body = Page<Account>)))]
pub async fn accounts(
    State(app): State<App>,
    caller: Caller,
    Params(paging): Params<Paging>,
) -> Answer<Json<Page<Account>>> {
    let lens = Lens::new(&app, &caller);
    page::of(&paging, lens.world.people.accounts.iter(), |(id, _)| id.to_string(), |(_, it)| view(&lens, it)).map(Json)
}

/// One account, by id or login.
#[utoipa::path(get, path = "/accounts/{account}", params(("account" = String, Path)), responses((status = 200, body = Account)))]
pub async fn account(State(app): State<App>, caller: Caller, At(account): At<String>) -> Answer<Json<Account>> {
    let id = find(&app, &account)?;
    let lens = Lens::new(&app, &caller);
    lens.world.people.account(id).map(|it| Json(view(&lens, it))).ok_or_else(|| Failure::not_found("account", account))
}

/// What the spec of an account means to the core. `owner`: for robots, who answers for them.
pub fn spec(app: &App, it: &AccountSpec, owner: Option<AccountId>) -> Answer<people::AccountSpec> {
    text("display_name", &it.display_name, 1, 200)?;
    let kind = match (it.kind, owner) {
        (WireKind::Human, None) => AccountKind::Human,
        (WireKind::Human, Some(_)) => {
            return Err(Failure::invalid("robot-owner", "owner", "only a robot has an owner"));
        }
        (WireKind::Robot, Some(owner)) => AccountKind::Robot { owner },
        (WireKind::Robot, None) => {
            return Err(Failure::invalid("robot-owner", "owner", "a robot needs an owner: the login of a person"));
        }
    };
    for address in it.email.iter().chain(&it.commits_as) {
        let plain = address.len() <= 254
            && address.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
            && !address.contains(char::is_whitespace);
        if !plain {
            let shown: String = address.chars().take(80).collect();
            return Err(Failure::invalid("invalid-value", "email", format!("`{shown}` is not an e-mail address")));
        }
    }
    Ok(people::AccountSpec {
        kind,
        roles: parse_all("roles", &it.roles)?,
        groups: parse_all("groups", &it.groups)?,
        identities: it
            .email
            .iter()
            .chain(&it.commits_as)
            .map(|address| app.engine().desk().identity(address))
            .collect(),
    })
}

/// Creates an account, or changes it as a whole.
#[utoipa::path(put, path = "/accounts", request_body = PutAccount, responses((status = 200, body = Receipt), (status = 201, body = Receipt)))]
pub async fn put_account(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    Body(it): Body<PutAccount>,
) -> Answer<Done> {
    let login: Name = parse("login", &it.login)?;
    it.password.as_deref().map_or(Ok(()), check_password)?;
    let owner = it.spec.owner.as_deref().map(|owner| find(&app, owner)).transpose()?;
    let known = app.engine().desk().by_login(login.as_str()).map(|it| it.account);
    let account = known.unwrap_or_else(|| app.engine().fresh());
    let links = it.spec.links.iter().map(|login| find(&app, login)).collect::<Answer<Vec<_>>>()?;
    let mut commands =
        vec![Command::People(people::Command::PutAccount { account, spec: spec(&app, &it.spec, owner)? })];
    commands.extend(links.into_iter().map(|b| Command::People(people::Command::LinkAccounts { a: account, b })));
    app.engine().try_out(&caller.actor, &commands[0])?;
    // The name is kept first: should the server stop in between, the login still leads to the account that was meant.
    let subject = act::subject("account", account, &it.spec.display_name);
    app.engine().desk().put_person(&Person {
        account,
        login: login.to_string(),
        name: it.spec.display_name,
        email: it.spec.email,
    })?;
    let done = act::carry_out_all(&app, &caller, key, subject, commands).await?;
    if let Some(password) = it.password {
        set_password(&app, account, password).await?;
    }
    Ok(if known.is_none() { done.created(format!("/accounts/{login}")) } else { done })
}

/// Closes an account for good.
#[utoipa::path(post, path = "/accounts/{account}/close", params(("account" = String, Path)), request_body = Nothing, responses((status = 200, body = Receipt)))]
pub async fn close_account(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(account): At<String>,
    Body(_nothing): Body<Nothing>,
) -> Answer<Done> {
    let id = find(&app, &account)?;
    let name = app.engine().desk().name(id);
    act::carry_out(
        &app,
        &caller,
        key,
        act::subject("account", id, name),
        Command::People(people::Command::CloseAccount { account: id }),
    )
    .await
}

/// Says that another account belongs to the same person.
#[utoipa::path(post, path = "/accounts/{account}/link", params(("account" = String, Path)), request_body = LinkAccount, responses((status = 200, body = Receipt)))]
pub async fn link_account(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(account): At<String>,
    Body(it): Body<LinkAccount>,
) -> Answer<Done> {
    let (a, b) = (find(&app, &account)?, find(&app, &it.to)?);
    let name = app.engine().desk().name(a);
    act::carry_out(
        &app,
        &caller,
        key,
        act::subject("account", a, name),
        Command::People(people::Command::LinkAccounts { a, b }),
    )
    .await
}

/// Says that somebody is away.
#[utoipa::path(post, path = "/accounts/{account}/leave", params(("account" = String, Path)), request_body = PutLeave, responses((status = 200, body = Receipt)))]
pub async fn put_leave(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(account): At<String>,
    Body(it): Body<PutLeave>,
) -> Answer<Done> {
    let id = find(&app, &account)?;
    let name = app.engine().desk().name(id);
    let command = people::Command::PutLeave { account: id, from_time: it.start, until: it.end };
    act::carry_out(&app, &caller, key, act::subject("account", id, name), Command::People(command)).await
}

/// Changes a password: one's own with the present one, or anybody's by who may manage accounts.
#[utoipa::path(post, path = "/accounts/{account}/password", params(("account" = String, Path)), request_body = ChangePassword, responses((status = 204)))]
pub async fn change_password(
    State(app): State<App>,
    caller: Caller,
    At(account): At<String>,
    Body(it): Body<ChangePassword>,
) -> Answer<Response> {
    let id = find(&app, &account)?;
    check_password(&it.password)?;
    let own = id == caller.account && caller.session.is_some();
    if own && let Some(present) = it.present.clone() {
        let desk = app.engine().desk().clone();
        let right = tokio::task::spawn_blocking(move || desk.check_password(Some(id), &present)).await.unwrap_or(false);
        if !right {
            return Err(Failure::denied(
                "wrong-credentials",
                "the present password is wrong",
                "give the present password",
            ));
        }
    } else {
        manages(&app, &caller, id, "you may not change this password")?;
    }
    set_password(&app, id, it.password).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Whoever it is, or who may manage accounts.
pub fn manages_or_is(app: &App, caller: &Caller, id: AccountId, summary: &str) -> Answer<()> {
    if id == caller.account { Ok(()) } else { manages(app, caller, id, summary) }
}

/// What is not in the ledger is guarded by the same policies.
fn manages(app: &App, caller: &Caller, id: AccountId, summary: &str) -> Answer<()> {
    let ruling = policy::ask(&app.engine().world(), &caller.actor, Question::new("account.manage", "Account", id));
    if ruling.outcome == Outcome::Pass {
        return Ok(());
    }
    Err(interlock_domain::reason::Refusal::new(interlock_domain::reason::RefusalKind::Denied, summary, ruling.blockers)
        .into())
}

pub fn check_password(password: &str) -> Answer<()> {
    if (12..=1000).contains(&password.chars().count()) {
        return Ok(());
    }
    Err(Failure::invalid("password-length", "password", "a password must have 12 to 1,000 characters"))
}

pub async fn set_password(app: &App, account: AccountId, password: String) -> Answer<()> {
    let desk = app.engine().desk().clone();
    let set = tokio::task::spawn_blocking(move || desk.set_password(account, &password)).await;
    Ok(set.map_err(|_| Failure::unavailable("the password could not be set; try again"))??)
}

pub fn token(lens: &Lens, it: &people::Token) -> Token {
    let state = if it.revoked {
        status("revoked", Severity::Neutral, true)
    } else if it.expires <= lens.now {
        status("expired", Severity::Neutral, true)
    } else {
        status("in_force", Severity::Good, false)
    };
    Token {
        id: it.id.to_string(),
        name: it.name.clone(),
        owner: lens.person(it.account),
        scopes: it.scopes.as_ref().map(words),
        issued_at: it.issued,
        expires_at: it.expires,
        status: state,
    }
}

/// Tokens: one's own, and all for who may manage accounts.
#[utoipa::path(get, path = "/tokens", params(Paging), responses((status = 200, body = Page<Token>)))]
pub async fn tokens(
    State(app): State<App>,
    caller: Caller,
    Params(paging): Params<Paging>,
) -> Answer<Json<Page<Token>>> {
    let lens = Lens::new(&app, &caller);
    let all = policy::ask(&lens.world, &caller.actor, Question::new("account.manage", "Organisation", "organisation"))
        .outcome
        == Outcome::Pass;
    let mine = |it: &people::Token| {
        it.account == caller.account
            || lens
                .world
                .people
                .account(it.account)
                .is_some_and(|it| it.kind == AccountKind::Robot { owner: caller.account })
    };
    let tokens = lens.world.people.tokens.iter().filter(|(_, it)| all || mine(it));
    page::of(&paging, tokens, |(id, _)| id.to_string(), |(_, it)| token(&lens, it)).map(Json)
}

/// Issues a token; its secret is shown this once.
#[utoipa::path(post, path = "/tokens", request_body = IssueToken, responses((status = 201, body = IssuedToken)))]
pub async fn issue_token(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    Body(it): Body<IssueToken>,
) -> Answer<(StatusCode, Json<IssuedToken>)> {
    let account = it.account.as_deref().map_or(Ok(caller.account), |text| find(&app, text))?;
    let secret = format!("ilk_{}", hex::encode(app.engine().desk().secret()));
    let id: TokenId = app.engine().fresh();
    let expires = app.engine().now().checked_add(SignedDuration::from_secs(it.lasts.0.into()));
    let expires =
        expires.map_err(|_| Failure::invalid("invalid-value", "lasts", "that is beyond the range of times"))?;
    let command = people::Command::IssueToken {
        token: id,
        account,
        name: it.name,
        hash: auth::hash(&secret),
        scopes: it.scopes,
        expires,
    };
    let receipt = act::submit(&app, &caller, key, vec![Command::People(command)]).await?;
    if receipt.repeated {
        let detail = "this token was issued already, and its secret was shown then";
        return Err(Failure::new(StatusCode::CONFLICT, "already-issued", detail).with_blocker(
            "already-issued",
            "revoke it and issue another, with a new idempotency key",
            "you",
        ));
    }
    let lens = Lens::new(&app, &caller);
    let token = lens
        .world
        .people
        .tokens
        .get(&id)
        .map(|it| token(&lens, it))
        .ok_or_else(|| Failure::unavailable("the token is not there yet"))?;
    Ok((StatusCode::CREATED, Json(IssuedToken { token, secret })))
}

/// Revokes a token.
#[utoipa::path(post, path = "/tokens/{id}/revoke", params(("id" = String, Path)), request_body = Nothing, responses((status = 200, body = Receipt)))]
pub async fn revoke_token(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(id): At<String>,
    Body(_nothing): Body<Nothing>,
) -> Answer<Done> {
    let token: TokenId = id.parse().map_err(|_| Failure::not_found("token", &id))?;
    act::carry_out(
        &app,
        &caller,
        key,
        act::subject("token", token, &id),
        Command::People(people::Command::RevokeToken { token }),
    )
    .await
}

/// Whose decisions are in whose hands.
#[utoipa::path(get, path = "/delegations", params(Paging), responses((status = 200, body = Page<Delegation>)))]
pub async fn delegations(
    State(app): State<App>,
    caller: Caller,
    Params(paging): Params<Paging>,
) -> Answer<Json<Page<Delegation>>> {
    let lens = Lens::new(&app, &caller);
    page::of(&paging, lens.world.people.delegations.iter(), |(id, _)| id.to_string(), |(_, it)| delegation(&lens, it))
        .map(Json)
}

/// Delegates one's own decisions for a time.
#[utoipa::path(post, path = "/delegations", request_body = Delegate, responses((status = 201, body = Receipt)))]
pub async fn delegate(State(app): State<App>, caller: Caller, Key(key): Key, Body(it): Body<Delegate>) -> Answer<Done> {
    let to = find(&app, &it.to)?;
    let delegation: DelegationId = app.engine().fresh();
    let command = people::Command::Delegate { delegation, to, from_time: it.start, until: it.end };
    let done =
        act::carry_out(&app, &caller, key, act::subject("delegation", delegation, &it.to), Command::People(command))
            .await?;
    Ok(done.created("/delegations"))
}

/// Ends a delegation early.
#[utoipa::path(post, path = "/delegations/{id}/end", params(("id" = String, Path)), request_body = Nothing, responses((status = 200, body = Receipt)))]
pub async fn end_delegation(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(id): At<String>,
    Body(_nothing): Body<Nothing>,
) -> Answer<Done> {
    let delegation: DelegationId = id.parse().map_err(|_| Failure::not_found("delegation", &id))?;
    act::carry_out(
        &app,
        &caller,
        key,
        act::subject("delegation", delegation, &id),
        Command::People(people::Command::EndDelegation { delegation }),
    )
    .await
}
