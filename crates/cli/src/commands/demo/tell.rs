//! The narrator: says what is tried, by whom, and what was answered; and stops the story at the first turn that comes out
//! otherwise than told.

use crate::{
    failure::{Done, Failure},
    render::{Paint, refusal},
};
use interlock_wire::{
    problem::Problem,
    reason::{Receipt, Severity},
};
use jiff::Timestamp;
use std::time::Instant;

pub struct Story {
    begun: Instant,
    paint: Paint,
    checks: u32,
}

impl Story {
    pub fn new() -> Self {
        Self { begun: Instant::now(), paint: Paint::stdout(), checks: 0 }
    }

    /// How many checks have held.
    pub fn checks(&self) -> u32 {
        self.checks
    }

    pub fn seconds(&self) -> u64 {
        self.begun.elapsed().as_secs()
    }

    fn line(&self, text: &str) {
        let seconds = self.seconds();
        println!("{} {text}", self.paint.dim(&format!("[{}:{:02}]", seconds / 60, seconds % 60)));
    }

    pub fn part(&self, number: u32, title: &str) {
        println!();
        self.line(&self.paint.bold(&format!("Part {number}. {title}")));
    }

    /// What happens next.
    pub fn turn(&self, text: &str) {
        self.line(text);
    }

    /// What was answered, or happens meanwhile.
    pub fn answer(&self, text: &str) {
        for line in text.lines() {
            println!("         | {line}");
        }
    }

    /// What a command did.
    pub fn done(&self, receipt: &Receipt) {
        for entry in &receipt.entries {
            self.answer(&format!("#{} {}", entry.position, entry.summary));
        }
    }

    /// Something that has to be so.
    ///
    /// # Errors
    /// It is not.
    pub fn check(&mut self, holds: bool, what: &str) -> Done {
        if holds {
            self.checks += 1;
            println!("         {} {what}", self.paint.severity(Severity::Good, "ok"));
            return Ok(());
        }
        Err(Failure::Failed(format!("the story came out otherwise than told; this does not hold: {what}")))
    }

    /// Something that has to be refused, for all of these reasons: parts of codes or messages. Shows the whole refusal.
    ///
    /// # Errors
    /// It was not refused, or for other reasons.
    pub fn refused<T>(&mut self, tried: Done<T>, reasons: &[&str]) -> Done<Problem> {
        let problem = match tried {
            Ok(_) => {
                return Err(Failure::Failed(format!(
                    "the story came out otherwise than told: this was to be refused ({})",
                    reasons.join(", ")
                )));
            }
            Err(Failure::Refused(problem)) => *problem,
            Err(other) => return Err(other),
        };
        self.answer(&refusal::problem(&problem, self.paint, Timestamp::now()));
        for reason in reasons {
            let named = problem.blockers.iter().any(|it| it.code.contains(reason) || it.message.contains(reason));
            self.check(named, &format!("refused because of: {reason}"))?;
        }
        let complete =
            problem.blockers.iter().all(|it| !it.clears.is_empty() && it.who.iter().any(|who| !who.is_empty()));
        self.check(complete, "every blocker says what clears it, and who can")?;
        Ok(problem)
    }
}
