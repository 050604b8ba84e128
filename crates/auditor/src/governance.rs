//! Boards, templates, emergencies: one person is one vote, nobody votes on his own work, two people break a glass.

use crate::{Auditor, read::*};

impl Auditor {
    pub(crate) fn governance(&mut self, entry: &Entry<'_>) {
        let account = entry.text("account").to_owned();
        match entry.kind {
            "board.voted" => {
                let acted = by(entry).unwrap_or_default().to_owned();
                self.must("role", entry, acted == account, || format!("{acted} votes as {account}"));
                let Some(change) = self.book.changes.get(entry.text("change")).cloned() else { return };
                let behalf = entry.data["on_behalf_of"].as_str().map(str::to_owned);
                for it in std::iter::once(account).chain(behalf) {
                    let own = self.book.wrote(&change, &it);
                    self.must("own-approval", entry, !own, || format!("{it} votes, and wrote part of it"));
                    let asked = change.requested_by.as_ref().is_some_and(|other| self.book.same(other, &it));
                    self.must("own-request", entry, !asked, || format!("{it} votes on what he asked for"));
                }
                let signed = entry.data["signature"]["signed"].is_string();
                self.must("unsigned", entry, signed, || "a vote without a signature".into());
            }
            "emergency.glass_broken" => {
                let glass = entry.text("glass").to_owned();
                self.book.glasses.insert(glass, (account, entry.text("release").to_owned()));
            }
            "emergency.glass_confirmed" => {
                let Some((first, release)) = self.book.glasses.get(entry.text("glass")).cloned() else { return };
                let same = self.book.same(&first, &account);
                self.must("glass-by-one", entry, !same, || format!("{account} confirms a glass that he broke"));
                let change = self.book.releases.get(&release).and_then(|it| it.change.clone());
                let change = change.and_then(|it| self.book.changes.get(&it).cloned());
                let own = change.is_some_and(|it| self.book.wrote(&it, &account));
                self.must("own-approval", entry, !own, || format!("{account} confirms a glass for what he wrote"));
            }
            _ => {}
        }
    }
}
