//! What the votes come to, as of now: who counts, whether the quorum is there, and whether the motion is carried.

use super::{Board, Choice, Item, Meeting, Rule, Verdict, Vote};
use crate::{
    change::{self, BoardRule, Change, deciding},
    core::World,
};
use interlock_ids::{AccountId, ChangeId, MeetingId, Name};
use interlock_policy::Fact;

/// The votes on one item, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub approve: u32,
    pub reject: u32,
    pub abstain: u32,
    /// People on seats who are independent of the change, each once.
    pub heads: u32,
    /// The quorum.
    pub needed: u32,
    pub carried: bool,
    /// Votes that do not count, each with whose it is and why.
    pub void: Vec<(AccountId, &'static str)>,
    /// Seats that do not count for the quorum, with why.
    pub no_heads: Vec<(AccountId, &'static str)>,
}

impl Tally {
    pub fn quorate(&self) -> bool {
        self.heads >= self.needed
    }
}

/// What a board has decided on a change, as of now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing yet.
    None,
    Approved {
        meeting: MeetingId,
    },
    Rejected {
        meeting: MeetingId,
    },
    /// It was approved, and by what is known now it would not be.
    Void {
        meeting: MeetingId,
        why: Vec<String>,
    },
}

/// Why somebody is not independent of a change; `None` if he is. What cannot be told counts against him.
fn partial(world: &World, change: &Change, by: AccountId, on_behalf_of: Option<AccountId>) -> Option<&'static str> {
    let facts = change::independence(world, change, &deciding(world, by, on_behalf_of));
    let found = facts.iter().find(|(_, fact)| *fact != Fact::Bool(false)).map(|(name, _)| *name);
    found.map(|name| match name {
        "is_requester" => "asked for it",
        "owns_author_robot" => "owns a robot that wrote part of it",
        _ => "wrote part of it, or may have",
    })
}

/// Counts the votes on an item as of now.
pub fn tally(world: &World, board: &Board, meeting: &Meeting, item: &Item) -> Tally {
    let mut found = Tally { needed: board.quorum, ..Tally::default() };
    let Some(change) = world.change.change(item.change) else { return found };
    let same = |a: AccountId, b: AccountId| world.people.same_person(a, b);
    let mut heads: Vec<AccountId> = Vec::new();
    for seat in &meeting.attendance {
        let Some(head) = seat.head() else { continue };
        let behalf = Some(seat.member).filter(|it| *it != head);
        if let Some(why) = partial(world, change, head, behalf) {
            found.no_heads.push((head, why));
        } else if heads.iter().any(|other| same(*other, head)) {
            found.no_heads.push((head, "is there already, as the same person"));
        } else {
            heads.push(head);
        }
    }
    found.heads = heads.len() as u32;
    let mut counted: Vec<&Vote> = Vec::new();
    for vote in &item.votes {
        let people = |it: &Vote| [Some(it.by), it.on_behalf_of];
        let again = counted.iter().any(|other| {
            people(other).into_iter().flatten().any(|a| people(vote).into_iter().flatten().any(|b| same(a, b)))
        });
        if let Some(why) = partial(world, change, vote.by, vote.on_behalf_of) {
            found.void.push((vote.by, why));
        } else if again {
            found.void.push((vote.by, "has voted already, as the same person"));
        } else {
            counted.push(vote);
        }
    }
    let of = |choice| counted.iter().filter(|it| it.choice == choice).count() as u32;
    (found.approve, found.reject, found.abstain) = (of(Choice::Approve), of(Choice::Reject), of(Choice::Abstain));
    found.carried = found.quorate()
        && found.approve > 0
        && match board.rule {
            Rule::Majority => found.approve > found.reject,
            Rule::TwoThirds => found.approve >= 2 * found.reject,
            Rule::Unanimous => found.reject == 0,
        };
    found
}

/// What the board has decided on a change, as of now.
pub fn decision(world: &World, change: ChangeId) -> Standing {
    let meeting = world.board.decided.get(&change).and_then(|id| world.board.meeting(*id));
    let Some((meeting, item)) = meeting.and_then(|it| Some((it, it.item(change)?))) else { return Standing::None };
    let Some(board) = world.board.board(&meeting.board) else { return Standing::None };
    match item.verdict {
        None => Standing::None,
        Some((Verdict::Rejected, _)) => Standing::Rejected { meeting: meeting.id },
        Some((Verdict::Approved, _)) => {
            let now = tally(world, board, meeting, item);
            if now.carried {
                return Standing::Approved { meeting: meeting.id };
            }
            let both = now.void.iter().chain(&now.no_heads);
            let mut why: Vec<String> = both.map(|(who, why)| format!("{who} {why}")).collect();
            why.push(format!("{} of {} people are left, {} approve", now.heads, now.needed, now.approve));
            why.dedup();
            Standing::Void { meeting: meeting.id, why }
        }
    }
}

/// People who voted for a change that the board has approved, as of now.
pub(crate) fn supporters(world: &World, change: &Change) -> Vec<AccountId> {
    let Standing::Approved { meeting } = decision(world, change.id) else { return Vec::new() };
    let Some(item) = world.board.meeting(meeting).and_then(|it| it.item(change.id)) else { return Vec::new() };
    let approving = item.votes.iter().filter(|it| it.choice == Choice::Approve);
    approving
        .filter(|it| partial(world, change, it.by, it.on_behalf_of).is_none())
        .map(|it| it.on_behalf_of.unwrap_or(it.by))
        .collect()
}

/// The board that has to decide on a change by the flow of its class, if one has to.
pub fn needs(world: &World, change: &Change) -> Option<Name> {
    let flow = world.change.flow(change.class);
    flow.board.filter(|rule: &BoardRule| change.impact.level >= rule.from).map(|rule| rule.board)
}

/// Changes that wait for a board: open, not decided with effect, and on no agenda that is to come. Those whose window is nearest
/// come first.
pub fn waiting(world: &World, board: &Name) -> Vec<ChangeId> {
    let pending =
        |change: ChangeId| world.board.meetings.values().any(|it| it.is_pending() && it.item(change).is_some());
    let open = world.release.open.iter().filter_map(|id| world.change.of_release(*id).map(|change| (id, change)));
    let mut found: Vec<_> = open
        .filter(|(_, it)| it.status == change::Status::Open && needs(world, it).as_ref() == Some(board))
        .filter(|(_, it)| matches!(decision(world, it.id), Standing::None | Standing::Void { .. }))
        .filter(|(_, it)| !pending(it.id))
        .map(|(id, it)| (world.release.release(*id).and_then(|it| it.window).map(|it| it.start), it.id))
        .collect();
    // One without a window has the most time left.
    found.sort_by_key(|(start, id)| (start.is_none(), *start, *id));
    found.into_iter().map(|(_, id)| id).collect()
}

/// Everybody who voted for a change in the meeting that has approved it, whatever is known of them since.
pub(crate) fn voters(world: &World, change: ChangeId) -> Vec<AccountId> {
    let meeting = world.board.decided.get(&change).and_then(|id| world.board.meeting(*id));
    let item = meeting.and_then(|it| it.item(change));
    let votes = item.into_iter().flat_map(|it| &it.votes).filter(|it| it.choice == Choice::Approve);
    votes.flat_map(|it| std::iter::once(it.by).chain(it.on_behalf_of)).collect()
}
