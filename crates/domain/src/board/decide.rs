//! What may happen in boards.

use super::command::Ballot;
use super::people::{is_seated, problems, seat};
use super::tally::tally;
use super::*;
use crate::{
    change::{self, Attached, Imposed},
    core::{Context, World},
    policy::{Question, authorise, authorise_for},
    reason::{Blocker, Meaning, NoteRef, Refusal, RefusalKind, digest_of, sign},
};
use interlock_ids::{AccountId, ChangeId, MeetingId};
use interlock_policy::{Fact, Facts};
use std::collections::BTreeSet;

/// Items of one agenda, at most.
const ITEMS: usize = 100;
/// Conditions of one vote, at most.
const CONDITIONS: usize = 20;

pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::PutBoard { board } => put(world, ctx, board),
        Command::Call { meeting, board, at, agenda } => {
            let account = world.people.acting(&ctx.actor)?.id;
            let known = world.board.board(board).ok_or_else(|| Refusal::not_found("board", board))?;
            convene(world, ctx, known)?;
            let mut wrong = agenda_problems(world, *meeting, board, agenda);
            if world.board.meeting(*meeting).is_some() {
                wrong.push(Blocker::new("id-taken", format!("meeting `{meeting}` exists already"), "a new id", "you"));
            }
            if !wrong.is_empty() {
                return Err(Refusal::blocked("the meeting is not called", wrong));
            }
            let (board, agenda) = (board.clone(), agenda.clone());
            Ok(vec![Event::Called(Called { meeting: *meeting, board, at: *at, agenda, account })])
        }
        Command::SetAgenda { meeting, agenda } => {
            let (board, found) = find(world, *meeting)?;
            convene(world, ctx, board)?;
            pending(found)?;
            let mut wrong = agenda_problems(world, *meeting, &board.name, agenda);
            for item in found.items.iter().filter(|it| !it.votes.is_empty() && !agenda.contains(&it.change)) {
                let message = format!("change `{}` has been voted on in this meeting", item.change);
                wrong.push(Blocker::new("voted-on", message, "keep it on the agenda", "you"));
            }
            if !wrong.is_empty() {
                return Err(Refusal::blocked("the agenda is not changed", wrong));
            }
            Ok(vec![Event::AgendaSet(AgendaSet { meeting: *meeting, agenda: agenda.clone() })])
        }
        Command::Excuse { meeting, reason } => {
            let (board, found) = find(world, *meeting)?;
            pending(found)?;
            let account = world.people.acting(&ctx.actor)?.id;
            in_scope(ctx)?;
            member(board, account)?;
            Ok(vec![Event::Excused(Excused { meeting: *meeting, account, reason: *reason })])
        }
        Command::Join { meeting, on_behalf_of } => {
            let (board, found) = find(world, *meeting)?;
            pending(found)?;
            in_scope(ctx)?;
            let account = seat(world, ctx, (board, found), *on_behalf_of)?;
            Ok(vec![Event::SeatTaken(SeatTaken { meeting: *meeting, account, on_behalf_of: *on_behalf_of })])
        }
        Command::Open { meeting } => {
            let (board, found) = find(world, *meeting)?;
            convene(world, ctx, board)?;
            status(found, MeetingStatus::Called, "opened", "nothing: it is open, or over")?;
            Ok(vec![Event::Opened(Opened { meeting: *meeting })])
        }
        Command::Vote { meeting, change, ballot } => vote(world, ctx, *meeting, *change, ballot),
        Command::Conclude { meeting, change } => conclude(world, ctx, *meeting, *change),
        Command::Close { meeting, remarks } => close(world, ctx, *meeting, *remarks),
        Command::CallOff { meeting, reason } => {
            let (board, found) = find(world, *meeting)?;
            convene(world, ctx, board)?;
            status(
                found,
                MeetingStatus::Called,
                "called off",
                "close it; only a meeting that has not begun is called off",
            )?;
            Ok(vec![Event::CalledOff(CalledOff { meeting: *meeting, reason: *reason })])
        }
    }
}

fn put(world: &World, ctx: &Context, board: &Board) -> Result<Vec<Event>, Refusal> {
    authorise(world, ctx, Question::new("board.manage", "Board", &board.name))?;
    let mut wrong = problems(world, board);
    // A quorum that is lowered, or a member who comes in, in the middle of a vote would be made for that vote.
    let open = world.board.meetings.values().find(|it| it.board == board.name && it.status == MeetingStatus::Open);
    if let Some(open) = open.filter(|_| world.board.board(&board.name) != Some(board)) {
        let message = format!("meeting `{}` of the board is open", open.id);
        wrong.push(Blocker::new("meeting-open", message, "the meeting is closed first", "a chair of the board"));
    }
    if !wrong.is_empty() {
        return Err(Refusal::blocked(format!("board `{}` cannot be put like this", board.name), wrong));
    }
    let same = world.board.board(&board.name) == Some(board);
    Ok(if same { Vec::new() } else { vec![Event::BoardPut(BoardPut { board: board.clone() })] })
}

fn find(world: &World, id: MeetingId) -> Result<(&Board, &Meeting), Refusal> {
    let found = world.board.meeting(id).and_then(|it| Some((world.board.board(&it.board)?, it)));
    found.ok_or_else(|| Refusal::not_found("meeting", id))
}

fn convene(world: &World, ctx: &Context, board: &Board) -> Result<(), Refusal> {
    let chair = ctx.actor.account_id().is_some_and(|it| board.chairs.contains(&it));
    let facts = Facts([("is_chair".to_owned(), Fact::Bool(chair))].into());
    authorise(world, ctx, Question::new("board.convene", "Board", &board.name).with(facts)).map(drop)
}

/// A seat is the member's, so no policy is asked; but a token does no more than it is limited to.
fn in_scope(ctx: &Context) -> Result<(), Refusal> {
    if ctx.actor.scopes.as_ref().is_none_or(|scopes| scopes.contains("board.vote")) {
        return Ok(());
    }
    let message = "the token may not take part in boards";
    let blocker =
        Blocker::new("token-scope", message, "a token whose scopes include `board.vote`", "the owner of the account");
    Err(Refusal::new(RefusalKind::Denied, message, vec![blocker]))
}

fn member(board: &Board, account: AccountId) -> Result<(), Refusal> {
    if board.members.contains(&account) {
        return Ok(());
    }
    let message = format!("you are not a member of board `{}`", board.name);
    let blocker = Blocker::new("not-a-member", message.clone(), "nothing: others are expected", "members of the board");
    Err(Refusal::new(RefusalKind::Denied, message, vec![blocker]))
}

fn wrong_status(meeting: &Meeting, done: &str, clears: &str) -> Refusal {
    let is = match meeting.status {
        MeetingStatus::Called => "called and has not begun",
        MeetingStatus::Open => "open",
        MeetingStatus::Closed => "closed",
        MeetingStatus::CalledOff => "called off",
    };
    let message = format!("the meeting is {is} and cannot be {done}");
    Refusal::blocked("nothing changes", vec![Blocker::new("meeting-status", message, clears, "a chair of the board")])
}

fn status(meeting: &Meeting, wanted: MeetingStatus, done: &str, clears: &str) -> Result<(), Refusal> {
    if meeting.status == wanted { Ok(()) } else { Err(wrong_status(meeting, done, clears)) }
}

fn pending(meeting: &Meeting) -> Result<(), Refusal> {
    if meeting.is_pending() {
        Ok(())
    } else {
        Err(wrong_status(meeting, "joined or changed", "another meeting is called"))
    }
}

fn agenda_problems(
    world: &World,
    meeting: MeetingId,
    board: &interlock_ids::Name,
    agenda: &[ChangeId],
) -> Vec<Blocker> {
    let mut wrong = Vec::new();
    if agenda.len() > ITEMS {
        let message = format!("the agenda has {} items", agenda.len());
        wrong.push(Blocker::new("count", message, format!("at most {ITEMS}"), "you"));
    }
    let mut seen = BTreeSet::new();
    let known = world.board.meeting(meeting);
    for id in agenda.iter().take(ITEMS) {
        if !seen.insert(*id) {
            wrong.push(Blocker::new("named-twice", format!("change `{id}` is named twice"), "name it once", "you"));
        }
        let Some(change) = world.change.change(*id) else {
            wrong.push(Blocker::new("not-found", format!("there is no change `{id}`"), "one that exists", "you"));
            continue;
        };
        let decided_here = known.and_then(|it| it.item(*id)).is_some_and(|it| it.verdict.is_some());
        if change.status == change::Status::Closed && !decided_here {
            let message = format!("change `{id}` is closed, with its release");
            wrong.push(Blocker::new("change-closed", message, "leave it out", "you"));
        }
        let elsewhere = world.board.meetings.values().find(|it| {
            it.id != meeting
                && it.is_pending()
                && it.board == *board
                && it.item(*id).is_some_and(|it| it.verdict.is_none())
        });
        if let Some(other) = elsewhere {
            let message = format!("change `{id}` is on the agenda of meeting `{}`", other.id);
            wrong.push(Blocker::new("on-another-agenda", message, "take it off there first", "a chair of the board"));
        }
    }
    wrong
}

fn vote(world: &World, ctx: &Context, id: MeetingId, change: ChangeId, ballot: &Ballot) -> Result<Vec<Event>, Refusal> {
    let (board, meeting) = find(world, id)?;
    let item = meeting.item(change).ok_or_else(|| Refusal::not_found("change on the agenda", change))?;
    let known = world.change.change(change).ok_or_else(|| Refusal::not_found("change", change))?;
    let who = change::decider(world, ctx, ballot.on_behalf_of)?;
    let digest = change::signing_digest(world, known);
    if ballot.seen.is_some_and(|seen| seen != digest) {
        return Err(change::signed_otherwise(&digest));
    }
    // Under the same account, in the same capacity, one may think again until it is concluded.
    let again = |it: &Vote| it.by == who.account && it.on_behalf_of == ballot.on_behalf_of;
    let decided = item
        .votes
        .iter()
        .filter(|it| !again(it))
        .any(|it| who.is(it.by) || it.on_behalf_of.is_some_and(|delegator| who.is(delegator)));
    let open =
        meeting.status == MeetingStatus::Open && item.verdict.is_none() && known.status != change::Status::Closed;
    let own = ballot.on_behalf_of.unwrap_or(who.account);
    let seated = board.members.contains(&own) && is_seated(meeting, who.account, ballot.on_behalf_of);
    let facts = [
        ("already_decided", Fact::Bool(decided)),
        ("seated", Fact::Bool(seated)),
        ("item_open", Fact::Bool(open)),
        ("signed", Fact::Bool(ctx.actor.proof.is_some())),
    ];
    let facts = facts.into_iter().chain(change::independence(world, known, &who));
    let facts = Facts(facts.map(|(name, fact)| (name.to_owned(), fact)).collect());
    let question = Question::new("board.vote", "Change", change).with(facts);
    let ruling = authorise_for(world, ctx, ballot.on_behalf_of, question)?;
    let ids: BTreeSet<_> = ballot.conditions.iter().map(|(id, _)| *id).collect();
    if ballot.conditions.len() > CONDITIONS || ids.len() != ballot.conditions.len() {
        let message = format!("a vote carries at most {CONDITIONS} conditions, each with an id of its own");
        return Err(Refusal::invalid("conditions", message, "fewer conditions, or new ids"));
    }
    if ballot.choice != Choice::Approve && !ballot.conditions.is_empty() {
        let message = "only an approval carries conditions";
        return Err(Refusal::invalid("conditions", message, "approve with conditions, or say why not"));
    }
    let meaning = match ballot.choice {
        Choice::Approve => Meaning::Approval,
        Choice::Reject => Meaning::Rejection,
        Choice::Abstain => Meaning::Abstention,
    };
    let signature = sign(ctx, meaning, digest).ok_or_else(unsigned)?;
    Ok(vec![Event::Voted(Voted {
        meeting: id,
        change,
        account: who.account,
        on_behalf_of: ballot.on_behalf_of,
        choice: ballot.choice,
        reason: ballot.reason,
        conditions: ballot.conditions.iter().map(|(id, text)| Attached { id: *id, text: *text }).collect(),
        signature,
        ruling,
    })])
}

/// A pack that does not ask for a signature does not make one.
fn unsigned() -> Refusal {
    let message = "this is signed, and the request did not prove who you are";
    let clears =
        "your password is given with it, or you have signed in by your identity provider within the last 5 minutes";
    Refusal::new(RefusalKind::Denied, message, vec![Blocker::new("not-signed", message, clears, "you")])
}

fn conclude(world: &World, ctx: &Context, id: MeetingId, change: ChangeId) -> Result<Vec<Event>, Refusal> {
    let (board, meeting) = find(world, id)?;
    convene(world, ctx, board)?;
    status(meeting, MeetingStatus::Open, "decided in", "open it first; what is over is not decided again")?;
    let item = meeting.item(change).ok_or_else(|| Refusal::not_found("change on the agenda", change))?;
    let mut wrong = Vec::new();
    if item.verdict.is_some() {
        let message = "the board has decided on this in this meeting";
        wrong.push(Blocker::new(
            "concluded-already",
            message,
            "nothing; another meeting may decide anew",
            "a chair of the board",
        ));
    }
    let counted = tally(world, board, meeting, item);
    if !counted.quorate() {
        let mut message = format!("{} of {} people are there who are independent of it", counted.heads, counted.needed);
        for (who, why) in &counted.no_heads {
            message.push_str(&format!("; {who} {why}"));
        }
        wrong.push(Blocker::new(
            "no-quorum",
            message,
            "more members join, or delegate to somebody who does",
            absent(board, meeting),
        ));
    }
    if counted.approve + counted.reject == 0 {
        wrong.push(Blocker::new(
            "no-votes",
            "nobody has voted for or against it",
            "members vote",
            "members of the board",
        ));
    }
    if !wrong.is_empty() {
        return Err(Refusal::blocked("the board has not decided", wrong));
    }
    let approving = item.votes.iter().filter(|it| it.choice == Choice::Approve && counted.carried);
    let counts = |vote: &&Vote| counted.void.iter().all(|(who, _)| *who != vote.by);
    let conditions = approving
        .filter(counts)
        .flat_map(|vote| vote.conditions.iter().map(|it| Imposed { id: it.id, text: it.text, by: vote.by }));
    Ok(vec![Event::Concluded(Concluded {
        meeting: id,
        change,
        verdict: if counted.carried { Verdict::Approved } else { Verdict::Rejected },
        approve: counted.approve,
        reject: counted.reject,
        abstain: counted.abstain,
        heads: counted.heads,
        needed: counted.needed,
        conditions: conditions.collect(),
    })])
}

/// Members on whose seats nobody sits.
fn absent(board: &Board, meeting: &Meeting) -> String {
    let sits = |member: &AccountId| meeting.attendance.iter().any(|it| it.member == *member && it.head().is_some());
    let missing: Vec<String> = board.members.iter().filter(|it| !sits(it)).map(ToString::to_string).collect();
    if missing.is_empty() { "members of the board".into() } else { missing.join(", ") }
}

fn close(world: &World, ctx: &Context, id: MeetingId, remarks: NoteRef) -> Result<Vec<Event>, Refusal> {
    let (board, meeting) = find(world, id)?;
    convene(world, ctx, board)?;
    let account = world.people.acting(&ctx.actor)?.id;
    status(meeting, MeetingStatus::Open, "closed", "open it, or call it off")?;
    let minutes = digest_of(&minutes_of(meeting, board.members.iter().copied()));
    let signature = sign(ctx, Meaning::Responsibility, minutes).ok_or_else(unsigned)?;
    Ok(vec![Event::Closed(Closed { meeting: id, account, remarks, minutes, signature })])
}
