//! What pages follow while it happens: entries as they are written, and the output of steps.

use interlock_domain::core::Subject;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio::sync::broadcast;

/// Entries that were written together.
#[derive(Clone, Debug)]
pub struct Published {
    /// Position of the first.
    pub position_from: u64,
    /// Position after the last.
    pub position_to: u64,
    pub kinds: Vec<String>,
    pub subjects: Vec<Subject>,
}

/// Bytes of one step's output kept in memory; the whole of it is a blob once the step is done.
const KEPT: usize = 256 * 1024;
/// Steps whose output is kept at all.
const STEPS: usize = 512;

#[derive(Default)]
struct Output {
    /// Characters dropped at the front.
    dropped: usize,
    text: String,
    done: bool,
}

/// Live output by the key of its step.
#[derive(Clone)]
pub struct Outputs {
    by_key: Arc<Mutex<BTreeMap<String, Output>>>,
    news: broadcast::Sender<String>,
}

impl Default for Outputs {
    fn default() -> Self {
        Self { by_key: Arc::default(), news: broadcast::channel(1024).0 }
    }
}

impl Outputs {
    /// Adds text that a step has printed.
    pub fn append(&self, key: &str, text: &str) {
        self.change(key, |output| {
            output.text.push_str(text);
            if output.text.len() > KEPT {
                let cut = (output.text.len() - KEPT..).find(|at| output.text.is_char_boundary(*at)).unwrap_or_default();
                output.text.drain(..cut);
                output.dropped += cut;
            }
        });
    }

    /// Says that a step prints nothing more.
    pub fn finish(&self, key: &str) {
        self.change(key, |output| output.done = true);
    }

    fn change(&self, key: &str, change: impl FnOnce(&mut Output)) {
        if let Ok(mut outputs) = self.by_key.lock() {
            if outputs.len() >= STEPS && !outputs.contains_key(key) {
                let oldest = outputs.iter().find(|(_, output)| output.done).map(|(key, _)| key.clone());
                oldest.or_else(|| outputs.keys().next().cloned()).map(|key| outputs.remove(&key));
            }
            change(outputs.entry(key.to_owned()).or_default());
        }
        // Nobody listening is no fault.
        let _ = self.news.send(key.to_owned());
    }

    /// Text from an offset on, the offset to ask from next, and whether the step is done. `None`: nothing is known of it.
    pub fn read(&self, key: &str, offset: usize) -> Option<(String, usize, bool)> {
        let outputs = self.by_key.lock().ok()?;
        let output = outputs.get(key)?;
        let end = output.dropped + output.text.len();
        let from = offset.clamp(output.dropped, end) - output.dropped;
        let from = (from..=output.text.len()).find(|at| output.text.is_char_boundary(*at)).unwrap_or(output.text.len());
        Some((output.text[from..].to_owned(), end, output.done))
    }

    /// Keys of steps that have printed something, as it happens.
    pub fn subscribe(&self) -> broadcast::Receiver<String> {
        self.news.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_read_from_where_one_stopped_and_a_flood_keeps_its_end() {
        let outputs = Outputs::default();
        outputs.append("a", "one ");
        let (text, next, done) = outputs.read("a", 0).unwrap();
        assert_eq!((text.as_str(), next, done), ("one ", 4, false));
        outputs.append("a", "two");
        outputs.finish("a");
        assert_eq!(outputs.read("a", next), Some(("two".into(), 7, true)));
        outputs.append("b", &"ä".repeat(KEPT));
        let (text, next, _) = outputs.read("b", 0).unwrap();
        assert!(text.len() <= KEPT && text.chars().all(|c| c == 'ä'));
        assert_eq!(next, 2 * KEPT);
        assert_eq!(outputs.read("c", 0), None);
    }
}
