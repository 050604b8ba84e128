//! Who may sit on a board, and who sits on it in a meeting.

use super::{Board, Meeting, Presence};
use crate::{
    core::{Context, World},
    people::AccountKind,
    reason::{Blocker, Refusal, RefusalKind},
};
use interlock_ids::AccountId;

/// Members of one board, at most.
const MEMBERS: usize = 50;

/// What is wrong with a board, all at once.
pub(super) fn problems(world: &World, board: &Board) -> Vec<Blocker> {
    let mut wrong = Vec::new();
    if board.members.is_empty() || board.members.len() > MEMBERS || board.chairs.is_empty() {
        let message = format!("the board has {} members and {} chairs", board.members.len(), board.chairs.len());
        wrong.push(Blocker::new("count", message, format!("1 to {MEMBERS} members, at least 1 chair"), "you"));
    }
    for id in board.members.union(&board.chairs) {
        let fit = world.people.account(*id).is_some_and(|it| it.kind == AccountKind::Human && !it.closed);
        if !fit {
            let message = format!("`{id}` cannot sit on a board: it is not the open account of a person");
            wrong.push(Blocker::new("not-a-person", message, "the account of a person", "you"));
        }
    }
    let mut persons: Vec<AccountId> = Vec::new();
    for id in &board.members {
        match persons.iter().find(|other| world.people.same_person(**other, *id)) {
            Some(other) => {
                let message = format!("`{id}` and `{other}` are accounts of one person, who has one seat");
                wrong.push(Blocker::new("same-person", message, "name each person once", "you"));
            }
            None => persons.push(*id),
        }
    }
    if board.quorum == 0 || board.quorum as usize > persons.len() {
        let message = format!("the quorum is {}, and {} people are members", board.quorum, persons.len());
        wrong.push(Blocker::new("quorum-out-of-range", message, "from 1 to the number of members", "you"));
    }
    wrong
}

/// Whoever may join, and for which member.
///
/// # Errors
/// No member, no delegation in force, or the seat is taken by the same person already.
pub(super) fn seat(
    world: &World,
    ctx: &Context,
    (board, meeting): (&Board, &Meeting),
    on_behalf_of: Option<AccountId>,
) -> Result<AccountId, Refusal> {
    let who = crate::change::decider(world, ctx, on_behalf_of)?;
    let member = on_behalf_of.unwrap_or(who.account);
    if !board.members.contains(&member) {
        let message = format!("`{member}` is not a member of board `{}`", board.name);
        let blocker = Blocker::new(
            "not-a-member",
            message,
            "a member joins, or whoever a member has delegated to",
            "members of the board",
        );
        return Err(Refusal::new(RefusalKind::Denied, "no seat is taken", vec![blocker]));
    }
    if world.people.account(who.account).is_none_or(|it| it.kind != AccountKind::Human) {
        let message = "only a person sits on a board";
        let blocker = Blocker::new("not-a-person", message, "a person joins", "members of the board");
        return Err(Refusal::new(RefusalKind::Denied, "no seat is taken", vec![blocker]));
    }
    // One person is one head: whoever has a seat takes no second one.
    let seated = meeting.attendance.iter().filter(|it| it.member != member).filter_map(|it| it.head());
    if let Some(other) = seated.into_iter().find(|it| world.people.same_person(*it, who.account)) {
        let message = format!("you sit in this meeting already, as `{other}`; one person has one seat");
        let blocker = Blocker::new(
            "seated-already",
            message,
            "another person joins for this member",
            "the member delegates to somebody else",
        );
        return Err(Refusal::new(RefusalKind::Denied, "no second seat is taken", vec![blocker]));
    }
    Ok(who.account)
}

/// Whether somebody votes from a seat that he has taken: his own, or that of the member he votes for.
pub(super) fn is_seated(meeting: &Meeting, by: AccountId, on_behalf_of: Option<AccountId>) -> bool {
    meeting.attendance.iter().any(|seat| match (&seat.presence, on_behalf_of) {
        (Presence::Here { .. }, None) => seat.member == by,
        (Presence::Represented { by: head, .. }, Some(member)) => *head == by && seat.member == member,
        _ => false,
    })
}
