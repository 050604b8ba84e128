//! Git: the commits between two revisions of a real repository, read by running `git`.
//!
//! Invariants: revisions are resolved to full object ids before they are used; nothing a caller says is ever taken for an option;
//! no hook, pager, editor or credential prompt runs. Deliberately absent: fetching. The repository is one this machine can read.

use jiff::Timestamp;
use std::{path::Path, process::Stdio, time::Duration};
use tokio::process::Command;

/// Commits read at most.
pub const MOST: usize = 10_000;
const TIMEOUT: Duration = Duration::from_secs(60);
/// Between fields and between commits: what no commit holds.
const FIELD: char = '\u{1f}';
const RECORD: char = '\u{1e}';

/// One commit, with the names and addresses that stay outside the ledger.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Commit {
    pub sha: String,
    pub author_name: String,
    pub author_email: String,
    pub committer_email: String,
    pub authored: Timestamp,
    /// Set anew whenever it is amended or moved.
    pub committed: Timestamp,
    /// Addresses of `Co-authored-by` trailers.
    pub co_authors: Vec<String>,
    pub subject: String,
}

/// What a range holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// Full id of the revision asked for.
    pub commit: String,
    pub since: Option<String>,
    /// Oldest first.
    pub commits: Vec<Commit>,
}

/// Why a range could not be read. Each has a page under `docs/errors`.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    #[error("`{0}` is no Git repository that can be read here; give the path of one")]
    Repository(String),
    #[error("revision `{revision}` does not exist in `{repository}`; push it first, or name one that does")]
    Revision { repository: String, revision: String },
    #[error("`{0}` is not a revision: give an object id, a branch or a tag")]
    Name(String),
    #[error("`{since}` is not an ancestor of `{to}`: the range would not say what is new")]
    NotAnAncestor { since: String, to: String },
    #[error("there are more than {MOST} commits between the revisions; name a nearer beginning")]
    TooMany,
    #[error("`git` could not be run: {0}; install it where the server runs")]
    Missing(std::io::Error),
    #[error("`git` took longer than 60 s in `{0}`")]
    Slow(String),
    #[error("`git` said something that cannot be read: {0}")]
    Output(String),
}

impl GitError {
    pub fn code(&self) -> &'static str {
        match self {
            GitError::Repository(_) => "git-repository",
            GitError::Revision { .. } => "git-revision",
            GitError::Name(_) => "git-revision-name",
            GitError::NotAnAncestor { .. } => "git-not-an-ancestor",
            GitError::TooMany => "git-too-many-commits",
            GitError::Missing(_) => "git-missing",
            GitError::Slow(_) => "git-slow",
            GitError::Output(_) => "git-output",
        }
    }
}

/// Reads the commits that are in `to` but not in `since`; without `since` the whole history of `to`.
///
/// # Errors
/// See [`GitError`].
pub async fn commits(repository: &str, since: Option<&str>, to: &str) -> Result<Range, GitError> {
    let path = Path::new(repository);
    if !path.is_absolute() || !path.is_dir() || run(repository, &["rev-parse", "--git-dir"]).await?.is_none() {
        return Err(GitError::Repository(repository.to_owned()));
    }
    let commit = resolve(repository, to).await?;
    let since = match since {
        Some(since) => Some(resolve(repository, since).await?),
        None => None,
    };
    if let Some(since) = &since
        && run(repository, &["merge-base", "--is-ancestor", since, &commit]).await?.is_none()
    {
        return Err(GitError::NotAnAncestor { since: since.clone(), to: commit });
    }
    let format = format!(
        "--format=%H{FIELD}%an{FIELD}%ae{FIELD}%ce{FIELD}%at{FIELD}%ct{FIELD}%(trailers:key=Co-authored-by,valueonly,separator=%x00){FIELD}%s{RECORD}"
    );
    let range = since.as_ref().map_or_else(|| commit.clone(), |since| format!("{since}..{commit}"));
    let most = format!("--max-count={}", MOST + 1);
    let log = ["log", "--reverse", "--topo-order", "--no-color", "--no-show-signature", &most, &format, &range, "--"];
    let text = run(repository, &log).await?.ok_or_else(|| GitError::Output("log failed".into()))?;
    let commits = text
        .split(RECORD)
        .map(str::trim)
        .filter(|record| !record.is_empty())
        .map(commit_of)
        .collect::<Result<Vec<_>, _>>()?;
    if commits.len() > MOST { Err(GitError::TooMany) } else { Ok(Range { commit, since, commits }) }
}

async fn resolve(repository: &str, revision: &str) -> Result<String, GitError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/+@".contains(c);
    let sound = !revision.is_empty()
        && revision.len() <= 250
        && !revision.starts_with('-')
        && !revision.contains("..")
        && !revision.contains("@{");
    if !sound || !revision.chars().all(plain) {
        return Err(GitError::Name(revision.chars().take(80).collect()));
    }
    let found =
        run(repository, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")])
            .await?;
    let missing = || GitError::Revision { repository: repository.to_owned(), revision: revision.to_owned() };
    found.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).ok_or_else(missing)
}

/// What `git` prints; `None` if it says no.
async fn run(repository: &str, arguments: &[&str]) -> Result<Option<String>, GitError> {
    let mut command = Command::new("git");
    // Somebody else's repository may be read: nothing in it is executed by these commands.
    command.args(["-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-C", repository]).args(arguments);
    command
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("LC_ALL", "C");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let output =
        tokio::time::timeout(TIMEOUT, command.output()).await.map_err(|_| GitError::Slow(repository.to_owned()))?;
    let output = output.map_err(GitError::Missing)?;
    Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned()))
}

fn commit_of(record: &str) -> Result<Commit, GitError> {
    let broken = || GitError::Output(record.chars().take(80).collect());
    let fields: Vec<&str> = record.splitn(8, FIELD).collect();
    let [sha, author_name, author_email, committer_email, at, committed, trailers, subject] = fields.as_slice() else {
        return Err(broken());
    };
    let moment =
        |text: &str| text.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).ok_or_else(broken);
    let (authored, committed) = (moment(at)?, moment(committed)?);
    let address = |trailer: &str| {
        trailer
            .rsplit_once('<')
            .and_then(|(_, rest)| rest.split_once('>'))
            .map(|(address, _)| address.trim().to_owned())
    };
    Ok(Commit {
        sha: (*sha).to_owned(),
        author_name: (*author_name).to_owned(),
        author_email: (*author_email).to_owned(),
        committer_email: (*committer_email).to_owned(),
        authored,
        committed,
        co_authors: trailers.split('\0').filter_map(address).collect(),
        subject: (*subject).to_owned(),
    })
}

#[cfg(test)]
mod tests;
