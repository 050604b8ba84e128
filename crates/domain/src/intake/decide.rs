//! What may happen about intake.

use super::{Command, Delivered, Event, HookPut};
use crate::{
    core::{Context, World},
    people::secret_reference,
    policy::{Question, authorise},
    reason::{Blocker, Refusal, RefusalKind, only_by_system},
};

pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::PutHook { hook } => {
            authorise(world, ctx, Question::new("account.manage", "Organisation", "organisation"))?;
            let mut wrong = Vec::new();
            if hook.secrets.is_empty() || hook.secrets.len() > 3 {
                wrong.push(Blocker::new("count", "a hook has 1 to 3 secrets", "as many secrets", "you"));
            }
            hook.secrets.iter().for_each(|secret| secret_reference(&mut wrong, secret));
            if let Some(first) = wrong.first() {
                let summary = format!("the hook cannot be entered like this: {}", first.message);
                return Err(Refusal::new(RefusalKind::Invalid, summary, wrong));
            }
            let same = world.intake.hooks.get(&hook.name).is_some_and(|it| **it == *hook);
            Ok(if same { Vec::new() } else { vec![Event::HookPut(HookPut { hook: hook.clone() })] })
        }
        Command::Deliver { hook, delivery, what, digest, size } => {
            only_by_system(ctx, "a delivery")?;
            world.intake.hooks.get(hook).filter(|it| !it.disabled).ok_or_else(|| Refusal::not_found("hook", hook))?;
            let short =
                |text: &str| !text.is_empty() && text.len() <= 200 && text.bytes().all(|b| b.is_ascii_graphic());
            if !short(delivery) || !short(what) {
                return Err(Refusal::invalid(
                    "delivery-id",
                    "a delivery is named, and says what it is about, in 1 to 200 visible ASCII characters",
                    "the headers as the sender's documents name them",
                ));
            }
            match world.intake.seen(hook, delivery) {
                Some(known) if known == digest => Ok(Vec::new()),
                Some(_) => {
                    let message = format!("delivery `{delivery}` came in before with another content");
                    let clears = "nothing: the first one counts";
                    let blocker = Blocker::new("delivery-replayed", message.clone(), clears, "nobody");
                    Err(Refusal::new(RefusalKind::Denied, message, vec![blocker]))
                }
                None => Ok(vec![Event::Delivered(Delivered {
                    hook: hook.clone(),
                    delivery: delivery.clone(),
                    what: what.clone(),
                    digest: *digest,
                    size: *size,
                })]),
            }
        }
    }
}
