//! Entries about changes, boards, templates and emergencies in words: a part of [`crate::sentence`].

use crate::{
    lens::Lens,
    sentence::{counted, of_change, quoted},
};
use interlock_domain::{board, change, emergency, template};
use interlock_ids::{GlassId, MeetingId};
use interlock_wire::reason::Severity::{self, Bad, Good, Info, Neutral, Warning};

pub fn change(lens: &Lens, event: &change::Event) -> (String, Severity) {
    use change::{Decision, Event as It, Level};
    match event {
        It::Opened(it) => {
            let impact = match it.impact.level {
                Level::Low => "low",
                Level::Medium => "medium",
                Level::High => "high",
            };
            let authors: Vec<_> = it.authorship.authors.iter().map(ToString::to_string).collect();
            let authors =
                if authors.is_empty() { String::new() } else { format!(", written by {}", authors.join(", ")) };
            (
                format!(
                    "A change of {impact} impact with {} was opened{authors}",
                    counted(it.authorship.commits as usize, "commit")
                ),
                Info,
            )
        }
        It::Decided(it) => {
            let for_whom = it.on_behalf_of.map(|id| format!(" on behalf of {id}")).unwrap_or_default();
            let conditions = if it.conditions.is_empty() {
                String::new()
            } else {
                format!(" with {}", counted(it.conditions.len(), "condition"))
            };
            let (done, severity) = match it.decision {
                Decision::Approve => ("approved", Good),
                Decision::Reject => ("rejected", Bad),
            };
            (format!("{} {done} the change{for_whom}{conditions}{}", it.account, quoted(lens, it.reason)), severity)
        }
        It::Withdrawn(it) => (
            format!(
                "{} took the decision on {} back{}",
                it.account,
                of_change(lens, it.change),
                quoted(lens, it.reason)
            ),
            Warning,
        ),
        It::ConditionMet(it) => (format!("{} met a condition{}", it.account, quoted(lens, it.evidence)), Good),
        It::Closed(it) => (format!("The change of {} was closed", of_change(lens, it.change)), Neutral),
        It::FlowPut(it) => (format!("What a {} change asks for was set", it.class.as_str()), Info),
        It::DocumentAttached(it) => {
            (format!("{} attached the document {}{}", it.account, it.document, quoted(lens, it.remark)), Info)
        }
        It::ConditionsAttached(it) => {
            (format!("The board attached {}", counted(it.conditions.len(), "condition")), Info)
        }
    }
}

fn meeting(lens: &Lens, id: MeetingId) -> String {
    let found = lens.world.board.meeting(id);
    found.map_or_else(|| "the meeting".into(), |it| format!("the meeting of {} at {}", it.board, it.at))
}

pub fn board(lens: &Lens, event: &board::Event) -> (String, Severity) {
    use board::{Choice, Event as It, Verdict};
    match event {
        It::BoardPut(it) => {
            let members = counted(it.board.members.len(), "member");
            (format!("Board {} was set up or changed: {members}, quorum {}", it.board.name, it.board.quorum), Info)
        }
        It::Called(it) => {
            let items = counted(it.agenda.len(), "change");
            (format!("{} called a meeting of {} for {}, with {items} on its agenda", it.account, it.board, it.at), Info)
        }
        It::AgendaSet(it) => (format!("The agenda has {} now", counted(it.agenda.len(), "change")), Neutral),
        It::Excused(it) => {
            let meeting = meeting(lens, it.meeting);
            (format!("{} will not come to {meeting}{}", it.account, quoted(lens, it.reason)), Neutral)
        }
        It::SeatTaken(it) => {
            let for_whom = it.on_behalf_of.map(|id| format!(" for {id}")).unwrap_or_default();
            (format!("{} joined {}{for_whom}", it.account, meeting(lens, it.meeting)), Neutral)
        }
        It::Opened(it) => (format!("{} began", capital(&meeting(lens, it.meeting))), Info),
        It::Voted(it) => {
            let for_whom = it.on_behalf_of.map(|id| format!(" for {id}")).unwrap_or_default();
            let (voted, severity) = match it.choice {
                Choice::Approve => ("voted for", Good),
                Choice::Reject => ("voted against", Bad),
                Choice::Abstain => ("abstained on", Neutral),
            };
            let change = of_change(lens, it.change);
            (format!("{} {voted} {change}{for_whom}, and signed that{}", it.account, quoted(lens, it.reason)), severity)
        }
        It::Concluded(it) => {
            let votes = format!("{} for, {} against, {} abstained", it.approve, it.reject, it.abstain);
            let (done, severity) = match it.verdict {
                Verdict::Approved => ("approved", Good),
                Verdict::Rejected => ("rejected", Bad),
            };
            let change = of_change(lens, it.change);
            (format!("The board {done} {change}: {votes}; {} there, quorum {}", it.heads, it.needed), severity)
        }
        It::Closed(it) => {
            let meeting = meeting(lens, it.meeting);
            (format!("{} closed {meeting} and signed its minutes{}", it.account, quoted(lens, it.remarks)), Info)
        }
        It::CalledOff(it) => {
            (format!("{} was called off{}", capital(&meeting(lens, it.meeting)), quoted(lens, it.reason)), Warning)
        }
    }
}

pub fn template(lens: &Lens, event: &template::Event) -> (String, Severity) {
    use template::Event as It;
    let share = |uses: u32, good: u32, lower: u32| {
        format!("{good} of {uses} uses went well, at least {:.1} % by their lower bound", f64::from(lower) / 10_000.0)
    };
    match event {
        It::Proposed(it) => {
            let what = format!("version {} of template {}", it.version, it.template);
            (format!("{} proposed {what}{}", it.account, quoted(lens, it.reason)), Info)
        }
        It::Approved(it) => {
            let what = format!("version {} of template {}", it.version, it.template);
            (format!("{} approved {what}, and signed that{}", it.account, quoted(lens, it.reason)), Good)
        }
        It::Withdrawn(it) => {
            (format!("{} withdrew template {}{}", it.account, it.template, quoted(lens, it.reason)), Warning)
        }
        It::Used(it) => {
            let (how, severity) = if it.good { ("and went well", Good) } else { ("and did not go well", Warning) };
            (format!("{} followed template {} {how}", lens.release(it.release).name, it.template), severity)
        }
        It::Earned(it) => {
            let share = share(it.uses, it.good, it.lower);
            (format!("Template {} spares its releases approval: {share}", it.template), Good)
        }
        It::Lost(it) => {
            let share = share(it.uses, it.good, it.lower);
            (format!("Template {} has lost its trust: {share}", it.template), Warning)
        }
    }
}

/// The release a glass was broken for.
fn of_glass(lens: &Lens, id: GlassId) -> String {
    lens.world.emergency.glass(id).map_or_else(|| id.to_string(), |it| lens.release(it.release).name)
}

pub fn emergency(lens: &Lens, event: &emergency::Event) -> (String, Severity) {
    use emergency::{Cause, Event as It};
    match event {
        It::Incurred(it) => {
            let why = match it.cause {
                Cause::Emergency => "an emergency",
                Cause::BrokenGlass => "under a broken glass",
            };
            let due = format!("an approval by {} and a review by {}", it.ratify_by, it.review_by);
            (format!("{} is {why}: it owes {due}", lens.release(it.release).name), Warning)
        }
        It::Ratified(it) => {
            let change = of_change(lens, it.change);
            let (done, severity) = if it.agreed { ("approved", Good) } else { ("objected to", Bad) };
            let reason = quoted(lens, it.reason);
            (format!("{} {done} {change} after the event, and signed that{reason}", it.account), severity)
        }
        It::Broken(it) => {
            let gates: Vec<_> = it.gates.iter().map(ToString::to_string).collect();
            let release = lens.release(it.release).name;
            let reason = quoted(lens, it.reason);
            (format!("{} broke the glass over {} for {release}{reason}", it.account, gates.join(", ")), Bad)
        }
        It::Confirmed(it) => {
            let (release, reason) = (of_glass(lens, it.glass), quoted(lens, it.reason));
            (format!("{} confirmed the broken glass for {release}, until {}{reason}", it.account, it.until), Bad)
        }
        It::Ended(it) => {
            let reason = quoted(lens, it.reason);
            (format!("The broken glass for {} was given up{reason}", of_glass(lens, it.glass)), Info)
        }
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
