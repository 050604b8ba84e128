//! Transcripts: days in the life of a release, written as sentences, each followed by what the house answered.
//!
//! A file of `golden/transcripts` holds comments (`#`), sentences (`> rita plans spring at 2026-03-02T10:00:00Z`) and, below each
//! sentence, the answer. Playing a file does every sentence anew and writes the answers anew; a test compares the two.
//! Invariants: ids and digests have short names, time is simulated, chance is seeded, so a transcript changes only if what the
//! house does has changed. Deliberately absent: sentences that look into the house behind the ledger's back.

mod say;
mod tell;

use crate::house::House;
use tell::Teller;

/// Plays the sentences of a transcript; the transcript as it is now.
///
/// # Errors
/// A sentence that nobody understands, with its line.
pub fn play(transcript: &str) -> Result<String, String> {
    tell(transcript).map(|(_, told)| told)
}

/// Plays the sentences of a transcript; the house as they leave it.
///
/// # Errors
/// A sentence that nobody understands, with its line.
pub fn live(transcript: &str) -> Result<House, String> {
    tell(transcript).map(|(house, _)| house)
}

fn tell(transcript: &str) -> Result<(House, String), String> {
    let mut house = House::new(2026);
    crate::shop::open(&mut house);
    let mut teller = Teller::new(&house);
    let mut stage = say::Stage::default();
    let mut out = String::new();
    let mut said = false;
    for (number, line) in transcript.lines().enumerate() {
        let comment = line.starts_with('#');
        if let Some(sentence) = line.strip_prefix("> ") {
            if said {
                out.push('\n');
            }
            out.push_str(&format!("> {sentence}\n"));
            let answer =
                say::say(&mut house, &mut stage, sentence).map_err(|error| format!("line {}: {error}", number + 1))?;
            teller.tell(&house, &answer, &mut out);
            said = true;
        } else if comment {
            if said {
                out.push('\n');
            }
            out.push_str(line);
            out.push('\n');
            said = false;
        }
    }
    Ok((house, out))
}
