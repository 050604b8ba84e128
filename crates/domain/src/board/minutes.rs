//! The minutes of a meeting: who was there, what was decided by which votes. What the chair signs is their digest.
//!
//! Invariant: they are made of the ledger alone, so anybody can make them again and compare. Deliberately absent: texts of people;
//! they stand by their salted digests, and can be erased without touching the signature.

use super::{Meeting, Presence};
use interlock_ids::AccountId;
use serde_json::{Value, json};

/// The minutes as a value whose canonical JSON is signed.
pub fn minutes_of(meeting: &Meeting, members: impl IntoIterator<Item = AccountId>) -> Value {
    let seats = meeting.attendance.iter().map(|it| match &it.presence {
        Presence::Here { at } => json!({ "member": it.member, "presence": "here", "at": at }),
        Presence::Represented { by, at } => {
            json!({ "member": it.member, "presence": "represented", "by": by, "at": at })
        }
        Presence::Excused { reason, at } => {
            json!({ "member": it.member, "presence": "excused", "reason": reason, "at": at })
        }
    });
    let absent = members.into_iter().filter(|it| meeting.attendance.iter().all(|seat| seat.member != *it));
    let absent = absent.map(|member| json!({ "member": member, "presence": "absent" }));
    let items = meeting.items.iter().map(|item| {
        let votes = item.votes.iter().map(|it| {
            json!({
                "by": it.by, "on_behalf_of": it.on_behalf_of, "choice": it.choice, "reason": it.reason,
                "conditions": it.conditions, "signature": it.signature,
            })
        });
        json!({
            "change": item.change, "votes": votes.collect::<Vec<_>>(),
            "verdict": item.verdict.map(|(verdict, _)| verdict), "decided_at": item.verdict.map(|(_, at)| at),
        })
    });
    json!({
        "record": "interlock-minutes-v1",
        "meeting": meeting.id,
        "board": meeting.board,
        "at": meeting.at,
        "opened": meeting.opened,
        "attendance": seats.chain(absent).collect::<Vec<_>>(),
        "items": items.collect::<Vec<_>>(),
    })
}
