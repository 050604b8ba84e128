//! `board`: boards, their meetings, seats, votes, minutes.

use super::{act, act_plainly, login::password, tell};
use crate::{
    client::{Object, segment},
    context::Global,
    failure::{Done, Failure},
    nouns,
    render::{show, table::table},
    when::when,
};
use interlock_wire::{
    board::{BoardSpec, CallMeeting, CastVote, CloseMeeting, JoinMeeting, Meeting, SetAgenda},
    reason::{Because, Receipt},
    signature::Signing,
};
use jiff::Timestamp;

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List boards and what waits for them
    #[command(after_help = "Example:\n  interlock board list")]
    List,
    /// Set up a board, or change it as a whole
    #[command(
        after_help = "Example:\n  interlock board put cab --member amir --member bea --member aude --chair rita --quorum 2 --rule majority"
    )]
    Put {
        name: String,
        /// Login of a member; may be given more than once
        #[arg(long, required = true)]
        member: Vec<String>,
        /// Login of somebody who convenes it; may be given more than once
        #[arg(long, required = true)]
        chair: Vec<String>,
        #[arg(long)]
        quorum: u32,
        /// majority, two_thirds or unanimous
        #[arg(long, default_value = "majority")]
        rule: String,
    },
    /// Call a meeting
    #[command(after_help = "Example:\n  interlock board call cab --at +1d")]
    Call {
        name: String,
        #[arg(long, value_parser = when)]
        at: Timestamp,
        /// Id of a change for the agenda; may be given more than once [default: all that wait]
        #[arg(long)]
        change: Vec<String>,
    },
    /// Show a meeting: seats, agenda, votes
    #[command(after_help = "Example:\n  interlock board meeting mtg_01h")]
    Meeting { id: String },
    /// Put another agenda in place of the one before
    #[command(after_help = "Example:\n  interlock board agenda mtg_01h --change chg_01h --change chg_02h")]
    Agenda {
        id: String,
        #[arg(long, required = true)]
        change: Vec<String>,
    },
    /// Take a seat
    #[command(after_help = "Example:\n  interlock board join mtg_01h --on-behalf-of amir")]
    Join {
        id: String,
        /// Login of the member who has delegated
        #[arg(long, value_name = "LOGIN")]
        on_behalf_of: Option<String>,
    },
    /// Say that you will not come
    #[command(after_help = "Example:\n  interlock board excuse mtg_01h --reason \"On leave\"")]
    Excuse {
        id: String,
        #[arg(long, short)]
        reason: String,
    },
    /// Begin a meeting
    #[command(after_help = "Example:\n  interlock board open mtg_01h")]
    Open { id: String },
    /// Vote on a change, and sign that with your password
    #[command(
        after_help = "Example:\n  interlock board vote mtg_01h chg_01h approve --reason \"Tests read\" --condition \"Support is told\""
    )]
    Vote {
        id: String,
        change: String,
        /// approve, reject or abstain
        choice: String,
        #[arg(long, short)]
        reason: String,
        /// What has to be true before it ships; may be given more than once
        #[arg(long, value_name = "TEXT")]
        condition: Vec<String>,
    },
    /// Count the votes on a change
    #[command(after_help = "Example:\n  interlock board conclude mtg_01h chg_01h")]
    Conclude { id: String, change: String },
    /// End a meeting, and sign its minutes with your password
    #[command(after_help = "Example:\n  interlock board close mtg_01h --remarks \"Two of three decided\"")]
    Close {
        id: String,
        #[arg(long)]
        remarks: String,
    },
    /// Call a meeting off before it has begun
    #[command(after_help = "Example:\n  interlock board call-off mtg_01h --reason \"Nobody can come\"")]
    CallOff {
        id: String,
        #[arg(long, short)]
        reason: String,
    },
    /// Print the minutes of a meeting
    #[command(after_help = "Example:\n  interlock board minutes mtg_01h")]
    Minutes { id: String },
}

/// The proof for a signature: the password, asked for now. `seen`: the digest of what is signed.
///
/// # Errors
/// No password can be read.
pub fn signing(what: &str, seen: Option<String>) -> Done<Signing> {
    Ok(Signing { password: Some(password(&format!("Your password, to sign {what}: "))?), seen })
}

pub async fn run(verb: Verb, global: &Global) -> Done {
    match verb {
        Verb::List => list(global, "board", "/boards").await,
        Verb::Put { name, member, chair, quorum, rule } => {
            let body = BoardSpec { members: member, chairs: chair, quorum, rule };
            let done: Receipt = global.client()?.put(&format!("/boards/{}", segment(&name)), &body).await?;
            tell(global, &done).await
        }
        Verb::Call { name, at, change } => {
            let body = CallMeeting { at, agenda: (!change.is_empty()).then_some(change) };
            act(global, "boards", &name, "meetings", &body).await
        }
        Verb::Meeting { id } => {
            let found: Meeting = meeting(global, &id).await?;
            show(global.output, &found, text)
        }
        Verb::Agenda { id, change } => act(global, "meetings", &id, "agenda", &SetAgenda { agenda: change }).await,
        Verb::Join { id, on_behalf_of } => act(global, "meetings", &id, "join", &JoinMeeting { on_behalf_of }).await,
        Verb::Excuse { id, reason } => act(global, "meetings", &id, "excuse", &Because { reason }).await,
        Verb::Open { id } => act_plainly(global, "meetings", &id, "open").await,
        Verb::Vote { id, change, choice, reason, condition } => {
            let found = meeting(global, &id).await?;
            let item = found.agenda.iter().find(|it| it.change.id == change || it.change.name == change);
            let item = item.ok_or_else(|| Failure::Usage(format!("`{change}` is not on the agenda of {id}")))?;
            let signature = signing(&format!("your vote on {}", item.change.name), Some(item.seen.clone()))?;
            let body = CastVote { choice, reason, conditions: condition, signature };
            act(global, &format!("meetings/{}/items", segment(&id)), &item.change.id, "vote", &body).await
        }
        Verb::Conclude { id, change } => {
            act_plainly(global, &format!("meetings/{}/items", segment(&id)), &change, "conclude").await
        }
        Verb::Close { id, remarks } => {
            let signature = signing("the minutes", None)?;
            act(global, "meetings", &id, "close", &CloseMeeting { remarks, signature }).await
        }
        Verb::CallOff { id, reason } => act(global, "meetings", &id, "call-off", &Because { reason }).await,
        Verb::Minutes { id } => {
            let (text, _) =
                global.client()?.text(&format!("/meetings/{}/minutes", segment(&id)), "x-ledger-position").await?;
            println!("{text}");
            Ok(())
        }
    }
}

async fn meeting(global: &Global, id: &str) -> Done<Meeting> {
    global.client()?.get(&format!("/meetings/{}", segment(id))).await
}

/// Lists objects of a noun as a table.
///
/// # Errors
/// The server cannot be asked.
pub async fn list(global: &Global, noun: &str, path: &str) -> Done {
    let noun = nouns::find(noun)?;
    let items: Vec<Object> = global.client()?.list(path, usize::MAX).await?;
    show(global.output, &items, |items| {
        let titles: Vec<&str> = noun.columns.iter().map(|(title, _)| *title).collect();
        table(&titles, &items.iter().map(|it| noun.row(it)).collect::<Vec<_>>())
    })
}

fn text(it: &Meeting) -> String {
    let mut lines = vec![format!(
        "{} of {} at {}: {}, quorum {}, {}",
        it.row.id, it.row.board, it.row.at, it.row.status.label, it.quorum, it.rule
    )];
    for seat in &it.seats {
        let by = seat.by.as_ref().map(|by| format!(" by {}", by.name)).unwrap_or_default();
        lines.push(format!("  {}: {}{by}", seat.member.name, seat.status.label));
    }
    for item in &it.agenda {
        let verdict = item.verdict.as_ref().map_or("open", |it| it.label.as_str());
        let tally = &item.tally;
        lines.push(format!(
            "{} ({}): {verdict}; {} for, {} against, {} abstained, {} of {} people",
            item.change.name, item.change.id, tally.approve, tally.reject, tally.abstain, tally.heads, tally.quorum
        ));
        for vote in &item.votes {
            let behalf = vote.on_behalf_of.as_ref().map(|it| format!(" for {}", it.name)).unwrap_or_default();
            let void = vote.void.as_ref().map(|why| format!(" (does not count: {why})")).unwrap_or_default();
            lines.push(format!("  {}{behalf}: {}: {}{void}", vote.by.name, vote.choice.label, vote.reason));
        }
    }
    lines.join("\n")
}
