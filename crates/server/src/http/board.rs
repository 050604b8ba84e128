//! Boards and their meetings.

use crate::{
    act::{self, Done},
    auth::Caller,
    extract::{At, Body, Key, Params, parse},
    http::{change, page, people, session::Address},
    lens::{Lens, status},
    problem::{Answer, Failure},
    proof,
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{
    board::{self as domain, Ballot, Choice, MeetingStatus, Presence, Rule, Verdict},
    change::signing_digest,
    core::Command,
};
use interlock_ids::{AccountId, ChangeId, Condition, MeetingId, Name};
use interlock_wire::{
    board::{
        AgendaItem, Board, BoardSpec, CallMeeting, CastVote, CloseMeeting, JoinMeeting, Meeting, MeetingQuery,
        MeetingRow, Seat, SetAgenda, Tally, Vote,
    },
    page::{Page, Paging},
    reason::{Because, Nothing, Receipt, Severity, Span, Status},
};

/// Meetings shown with a board.
const MEETINGS: usize = 50;

fn rule_out(rule: Rule) -> &'static str {
    match rule {
        Rule::Majority => "majority",
        Rule::TwoThirds => "two_thirds",
        Rule::Unanimous => "unanimous",
    }
}

fn rule_in(text: &str) -> Answer<Rule> {
    [Rule::Majority, Rule::TwoThirds, Rule::Unanimous]
        .into_iter()
        .find(|it| rule_out(*it) == text)
        .ok_or_else(|| Failure::invalid("unknown-value", "rule", "rule: give `majority`, `two_thirds` or `unanimous`"))
}

fn command(it: domain::Command) -> Command {
    Command::Board(it)
}

/// What a specification means to the core.
pub fn spec_in(app: &App, name: Name, it: &BoardSpec) -> Answer<domain::Board> {
    let people = |all: &[String]| all.iter().map(|login| people::find(app, login)).collect::<Answer<_>>();
    Ok(domain::Board {
        name,
        members: people(&it.members)?,
        chairs: people(&it.chairs)?,
        quorum: it.quorum,
        rule: rule_in(&it.rule)?,
    })
}

fn meeting_status(it: &domain::Meeting) -> Status {
    match it.status {
        MeetingStatus::Called => status("called", Severity::Info, false),
        MeetingStatus::Open => status("open", Severity::Warning, false),
        MeetingStatus::Closed => status("closed", Severity::Good, true),
        MeetingStatus::CalledOff => status("called_off", Severity::Neutral, true),
    }
}

fn row(it: &domain::Meeting) -> MeetingRow {
    MeetingRow {
        id: it.id.to_string(),
        board: it.board.to_string(),
        at: it.at,
        status: meeting_status(it),
        items: it.items.len() as u32,
        decided: it.items.iter().filter(|it| it.verdict.is_some()).count() as u32,
    }
}

fn board_view(lens: &Lens, it: &domain::Board) -> Board {
    let waiting = domain::waiting(&lens.world, &it.name);
    let call =
        domain::Command::Call { meeting: lens.fresh(), board: it.name.clone(), at: lens.now, agenda: waiting.clone() };
    let effect = "Its members see it; what waits for the board is on its agenda.";
    let waiting = waiting.iter().filter_map(|id| lens.world.change.change(*id)).map(|it| change::row(lens, it));
    let meetings = lens.world.board.meetings.values().rev().filter(|meeting| meeting.board == it.name);
    Board {
        name: it.name.to_string(),
        members: lens.people(&it.members),
        chairs: lens.people(&it.chairs),
        quorum: it.quorum,
        rule: rule_out(it.rule).into(),
        waiting: waiting.collect(),
        meetings: meetings.take(MEETINGS).map(|it| row(it)).collect(),
        actions: vec![lens.action("meetings", "Call a meeting", effect, false, &command(call))],
    }
}

fn seat(lens: &Lens, meeting: &domain::Meeting, member: AccountId) -> Seat {
    let known = meeting.attendance.iter().find(|it| it.member == member);
    let (state, by, at, reason) = match known.map(|it| &it.presence) {
        Some(Presence::Here { at }) => (status("here", Severity::Good, false), None, Some(*at), None),
        Some(Presence::Represented { by, at }) => {
            (status("represented", Severity::Good, false), Some(lens.person(*by)), Some(*at), None)
        }
        Some(Presence::Excused { reason, at }) => {
            (status("excused", Severity::Neutral, false), None, Some(*at), Some(lens.note(*reason)))
        }
        None => (status("absent", Severity::Neutral, false), None, None, None),
    };
    Seat { member: lens.person(member), status: state, by, at, reason }
}

/// The member whose seat the caller has taken: `None` for his own.
fn sits_for(lens: &Lens, meeting: &domain::Meeting) -> Option<AccountId> {
    let account = lens.account?;
    let seat = meeting.attendance.iter().find(|it| it.head() == Some(account))?;
    Some(seat.member).filter(|member| *member != account)
}

/// The member the caller would join for: `None` for himself.
fn would_join_for(lens: &Lens, board: &domain::Board) -> Option<AccountId> {
    let account = lens.account.filter(|it| !board.members.contains(it))?;
    let mut from = lens.world.people.delegations_to(account, lens.now).map(|it| it.from);
    let first = from.find(|it| board.members.contains(it))?;
    from.all(|it| it == first || !board.members.contains(&it)).then_some(first)
}

fn vote_view(lens: &Lens, it: &domain::Vote, tally: &domain::Tally) -> Vote {
    let choice = match it.choice {
        Choice::Approve => status("approve", Severity::Good, true),
        Choice::Reject => status("reject", Severity::Bad, true),
        Choice::Abstain => status("abstain", Severity::Neutral, true),
    };
    Vote {
        by: lens.person(it.by),
        on_behalf_of: it.on_behalf_of.map(|id| lens.person(id)),
        choice,
        reason: lens.note(it.reason),
        conditions: it.conditions.iter().map(|it| lens.note(it.text)).collect(),
        signature: proof::view(lens, it.by, &it.signature),
        void: tally.void.iter().find(|(who, _)| *who == it.by).map(|(_, why)| (*why).to_owned()),
        ruling: lens.ruling(&it.ruling),
    }
}

fn item_view(lens: &Lens, board: &domain::Board, meeting: &domain::Meeting, it: &domain::Item) -> Option<AgendaItem> {
    let found = lens.world.change.change(it.change)?;
    let release = lens.world.release.release(found.release);
    let tally = domain::tally(&lens.world, board, meeting, it);
    let ballot = Ballot {
        choice: Choice::Approve,
        reason: lens.no_note(),
        conditions: Vec::new(),
        on_behalf_of: sits_for(lens, meeting),
        seen: None,
    };
    let vote = domain::Command::Vote { meeting: meeting.id, change: it.change, ballot };
    let conclude = domain::Command::Conclude { meeting: meeting.id, change: it.change };
    let actions = vec![
        lens.signing().action(
            "vote",
            "Vote",
            "Your vote is signed and recorded, with its reason; until the board has decided you may vote anew.",
            true,
            &command(vote),
        ),
        lens.action(
            "conclude",
            "Conclude",
            "The votes are counted, and the board has decided; conditions of those who approved become gates.",
            false,
            &command(conclude),
        ),
    ];
    let verdict = it.verdict.map(|(verdict, _)| match verdict {
        Verdict::Approved => status("approved", Severity::Good, true),
        Verdict::Rejected => status("rejected", Severity::Bad, true),
    });
    Some(AgendaItem {
        change: change::row(lens, found),
        environment: release.map(|it| crate::lens::named(&it.spec.environment)),
        window: release.and_then(|it| it.window).map(|it| Span { start: it.start, end: it.end }),
        reasons: found.impact.reasons.clone(),
        documents: found.documents.iter().map(|it| change::document(lens, it)).collect(),
        seen: signing_digest(&lens.world, found).to_string(),
        votes: it.votes.iter().map(|it| vote_view(lens, it, &tally)).collect(),
        verdict,
        decided_at: it.verdict.map(|(_, at)| at),
        actions,
        tally: Tally {
            approve: tally.approve,
            reject: tally.reject,
            abstain: tally.abstain,
            heads: tally.heads,
            quorum: tally.needed,
            carried: tally.carried,
            no_heads: tally.no_heads.iter().map(|(who, why)| format!("{} {why}", lens.name(*who))).collect(),
        },
    })
}

pub(super) fn meeting_view(lens: &Lens, board: &domain::Board, it: &domain::Meeting) -> Meeting {
    let id = it.id;
    let join = domain::Command::Join { meeting: id, on_behalf_of: would_join_for(lens, board) };
    let excuse = domain::Command::Excuse { meeting: id, reason: lens.no_note() };
    let close = domain::Command::Close { meeting: id, remarks: lens.no_note() };
    let call_off = domain::Command::CallOff { meeting: id, reason: lens.no_note() };
    let open = domain::Command::Open { meeting: id };
    let actions = if it.is_pending() {
        vec![
            lens.action(
                "join",
                "Join",
                "You take your seat, or that of the member who has delegated to you.",
                false,
                &command(join),
            ),
            lens.action(
                "excuse",
                "Excuse me",
                "You will not be there; somebody you delegate to may sit for you.",
                true,
                &command(excuse),
            ),
            lens.action("open", "Open", "The meeting begins; whoever has a seat may vote.", false, &command(open)),
            lens.signing().action(
                "close",
                "Close and sign",
                "What was not decided waits for another meeting; you sign the minutes.",
                true,
                &command(close),
            ),
            lens.action("call-off", "Call off", "It does not take place.", true, &command(call_off)),
        ]
    } else {
        Vec::new()
    };
    Meeting {
        row: row(it),
        called_by: lens.person(it.called_by),
        quorum: board.quorum,
        rule: rule_out(board.rule).into(),
        seats: board.members.iter().map(|member| seat(lens, it, *member)).collect(),
        agenda: it.items.iter().filter_map(|item| item_view(lens, board, it, item)).collect(),
        opened_at: it.opened,
        closed_at: it.closed,
        remarks: it.remarks.map(|note| lens.note(note)),
        minutes: it.minutes.map(|digest| digest.to_string()),
        signature: it.closed_by.zip(it.signature.as_ref()).map(|(by, it)| proof::view(lens, by, it)),
        actions,
    }
}

fn find_board(lens: &Lens, text: &str) -> Answer<domain::Board> {
    let name = text.parse::<Name>().ok();
    let found = name.and_then(|name| lens.world.board.board(&name).cloned());
    found.ok_or_else(|| Failure::not_found("board", text))
}

pub(super) fn find(lens: &Lens, text: &str) -> Answer<(domain::Board, domain::Meeting)> {
    let id = text.parse::<MeetingId>().ok();
    let found = id.and_then(|id| lens.world.board.meeting(id)).cloned();
    let found = found.and_then(|it| Some((lens.world.board.board(&it.board)?.clone(), it)));
    found.ok_or_else(|| Failure::not_found("meeting", text))
}

/// All boards, with what waits for them.
#[utoipa::path(get, path = "/boards", params(Paging), responses((status = 200, body = Page<Board>)))]
pub async fn boards(State(app): State<App>, caller: Caller, Params(it): Params<Paging>) -> Answer<Json<Page<Board>>> {
    let lens = Lens::new(&app, &caller);
    let all = lens.world.board.boards.iter();
    page::of(&it, all, |(name, _)| name.to_string(), |(_, it)| board_view(&lens, it)).map(Json)
}

/// One board.
#[utoipa::path(get, path = "/boards/{board}", params(("board" = String, Path)), responses((status = 200, body = Board)))]
pub async fn board(State(app): State<App>, caller: Caller, At(text): At<String>) -> Answer<Json<Board>> {
    let lens = Lens::new(&app, &caller);
    Ok(Json(board_view(&lens, &find_board(&lens, &text)?)))
}

/// Sets up a board, or changes it as a whole.
#[utoipa::path(put, path = "/boards/{board}", params(("board" = String, Path)), request_body = BoardSpec, responses((status = 200, body = Receipt)))]
pub async fn put_board(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<BoardSpec>,
) -> Answer<Done> {
    let board = spec_in(&app, parse("board", &text)?, &it)?;
    let subject = act::subject("board", &text, &text);
    act::carry_out(&app, &caller, key, subject, command(domain::Command::PutBoard { board })).await
}

fn changes(all: &[String]) -> Answer<Vec<ChangeId>> {
    all.iter().map(|id| id.parse().map_err(|_| Failure::not_found("change", id))).collect()
}

/// Calls a meeting.
#[utoipa::path(post, path = "/boards/{board}/meetings", params(("board" = String, Path)), request_body = CallMeeting, responses((status = 201, body = Receipt)))]
pub async fn call_meeting(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<CallMeeting>,
) -> Answer<Done> {
    let lens = Lens::new(&app, &caller);
    let board = find_board(&lens, &text)?.name;
    let agenda = match &it.agenda {
        Some(named) => changes(named)?,
        None => domain::waiting(&lens.world, &board),
    };
    let meeting = app.engine().fresh();
    let call = domain::Command::Call { meeting, board, at: it.at, agenda };
    let done = act::carry_out(&app, &caller, key, act::subject("meeting", meeting, &text), command(call)).await?;
    let address = format!("/meetings/{}", done.receipt.subject.as_ref().map_or_else(String::new, |it| it.id.clone()));
    Ok(done.created(address))
}

/// Meetings, the newest first.
#[utoipa::path(get, path = "/meetings", params(MeetingQuery), responses((status = 200, body = Page<MeetingRow>)))]
pub async fn meetings(
    State(app): State<App>,
    caller: Caller,
    Params(it): Params<MeetingQuery>,
) -> Answer<Json<Page<MeetingRow>>> {
    let lens = Lens::new(&app, &caller);
    let wanted = |meeting: &domain::Meeting| it.board.as_ref().is_none_or(|name| meeting.board.as_str() == name);
    page::reversed(
        &Paging { cursor: it.cursor.clone(), limit: it.limit },
        lens.world.board.meetings.iter().rev().filter(|(_, it)| wanted(it)),
        |(id, _)| id.to_string(),
        |(_, it)| row(it),
    )
    .map(Json)
}

/// One meeting.
#[utoipa::path(get, path = "/meetings/{meeting}", params(("meeting" = String, Path)), responses((status = 200, body = Meeting)))]
pub async fn meeting(State(app): State<App>, caller: Caller, At(text): At<String>) -> Answer<Json<Meeting>> {
    let lens = Lens::new(&app, &caller);
    let (board, found) = find(&lens, &text)?;
    Ok(Json(meeting_view(&lens, &board, &found)))
}

async fn on(
    app: &App,
    caller: &Caller,
    key: Option<String>,
    text: &str,
    make: impl FnOnce(&Lens, &domain::Board, &domain::Meeting) -> domain::Command,
) -> Answer<Done> {
    let lens = Lens::new(app, caller);
    let (board, found) = find(&lens, text)?;
    let it = make(&lens, &board, &found);
    act::carry_out(app, caller, key, act::subject("meeting", found.id, board.name.as_str()), command(it)).await
}

/// Puts another agenda in place of the one before.
#[utoipa::path(post, path = "/meetings/{meeting}/agenda", params(("meeting" = String, Path)), request_body = SetAgenda, responses((status = 200, body = Receipt)))]
pub async fn set_agenda(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<SetAgenda>,
) -> Answer<Done> {
    let agenda = changes(&it.agenda)?;
    on(&app, &caller, key, &text, |_, _, it| domain::Command::SetAgenda { meeting: it.id, agenda }).await
}

/// Takes a seat: one's own, or that of a member who has delegated.
#[utoipa::path(post, path = "/meetings/{meeting}/join", params(("meeting" = String, Path)), request_body = JoinMeeting, responses((status = 200, body = Receipt)))]
pub async fn join(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<JoinMeeting>,
) -> Answer<Done> {
    let named = it.on_behalf_of.as_deref().map(|login| people::find(&app, login)).transpose()?;
    on(&app, &caller, key, &text, |lens, board, it| domain::Command::Join {
        meeting: it.id,
        on_behalf_of: named.or_else(|| would_join_for(lens, board)),
    })
    .await
}

/// Says that one will not come.
#[utoipa::path(post, path = "/meetings/{meeting}/excuse", params(("meeting" = String, Path)), request_body = Because, responses((status = 200, body = Receipt)))]
pub async fn excuse(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<Because>,
) -> Answer<Done> {
    let reason = act::note(&app, "reason", &it.reason)?;
    on(&app, &caller, key, &text, |_, _, it| domain::Command::Excuse { meeting: it.id, reason }).await
}

/// Begins the meeting.
#[utoipa::path(post, path = "/meetings/{meeting}/open", params(("meeting" = String, Path)), request_body = Nothing, responses((status = 200, body = Receipt)))]
pub async fn open(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(_nothing): Body<Nothing>,
) -> Answer<Done> {
    on(&app, &caller, key, &text, |_, _, it| domain::Command::Open { meeting: it.id }).await
}

/// Votes on one change, from the seat one has taken, and signs that.
#[utoipa::path(post, path = "/meetings/{meeting}/items/{change}/vote", params(("meeting" = String, Path), ("change" = String, Path)), request_body = CastVote, responses((status = 200, body = Receipt)))]
pub async fn vote(
    State(app): State<App>,
    caller: Caller,
    address: Address,
    Key(key): Key,
    At((text, change)): At<(String, String)>,
    Body(it): Body<CastVote>,
) -> Answer<Done> {
    let choice = match it.choice.as_str() {
        "approve" => Choice::Approve,
        "reject" => Choice::Reject,
        "abstain" => Choice::Abstain,
        _ => {
            return Err(Failure::invalid("unknown-value", "choice", "choice: give `approve`, `reject` or `abstain`"));
        }
    };
    if it.conditions.len() > 20 {
        return Err(Failure::invalid("too-many", "conditions", "conditions: at most 20"));
    }
    let change = change::find(&app, &change)?;
    let (caller, seen) = proof::prove(&app, caller, &address, &it.signature).await?;
    let conditions = it
        .conditions
        .iter()
        .map(|text| Ok((app.engine().fresh::<Condition>(), act::note(&app, "conditions", text)?)))
        .collect::<Answer<_>>()?;
    let reason = act::note(&app, "reason", &it.reason)?;
    on(&app, &caller, key, &text, |lens, _, it| domain::Command::Vote {
        meeting: it.id,
        change,
        ballot: Ballot { choice, reason, conditions, on_behalf_of: sits_for(lens, it), seen },
    })
    .await
}

/// Counts the votes on one change.
#[utoipa::path(post, path = "/meetings/{meeting}/items/{change}/conclude", params(("meeting" = String, Path), ("change" = String, Path)), request_body = Nothing, responses((status = 200, body = Receipt)))]
pub async fn conclude(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At((text, change)): At<(String, String)>,
    Body(_nothing): Body<Nothing>,
) -> Answer<Done> {
    let change = change::find(&app, &change)?;
    on(&app, &caller, key, &text, |_, _, it| domain::Command::Conclude { meeting: it.id, change }).await
}

/// Ends the meeting and signs its minutes.
#[utoipa::path(post, path = "/meetings/{meeting}/close", params(("meeting" = String, Path)), request_body = CloseMeeting, responses((status = 200, body = Receipt)))]
pub async fn close(
    State(app): State<App>,
    caller: Caller,
    address: Address,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<CloseMeeting>,
) -> Answer<Done> {
    let (caller, _) = proof::prove(&app, caller, &address, &it.signature).await?;
    let remarks = act::note(&app, "remarks", &it.remarks)?;
    on(&app, &caller, key, &text, |_, _, it| domain::Command::Close { meeting: it.id, remarks }).await
}

/// Calls a meeting off before it has begun.
#[utoipa::path(post, path = "/meetings/{meeting}/call-off", params(("meeting" = String, Path)), request_body = Because, responses((status = 200, body = Receipt)))]
pub async fn call_off(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<Because>,
) -> Answer<Done> {
    let reason = act::note(&app, "reason", &it.reason)?;
    on(&app, &caller, key, &text, |_, _, it| domain::Command::CallOff { meeting: it.id, reason }).await
}
