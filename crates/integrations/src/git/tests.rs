//! Against real repositories, made here.

use super::*;
use std::process::Command as Run;

struct Repository(tempfile::TempDir);

impl Repository {
    fn new() -> Self {
        let it = Self(tempfile::tempdir().unwrap());
        it.git(&["init", "-q", "-b", "main"]);
        it
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut run = Run::new("git");
        run.arg("-C").arg(self.0.path()).args(arguments);
        for who in ["AUTHOR", "COMMITTER"] {
            run.env(format!("GIT_{who}_NAME"), "Dana")
                .env(format!("GIT_{who}_EMAIL"), "dana@example.org")
                .env(format!("GIT_{who}_DATE"), "1700000000 +0000");
        }
        let output = run.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn commit(&self, message: &str) -> String {
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }
}

#[tokio::test]
async fn what_is_new_is_read_with_authors_and_co_authors() {
    let it = Repository::new();
    let first = it.commit("first");
    let second = it.commit("second\n\nCo-authored-by: Erik <erik@example.org>\nCo-authored-by: Ana <ana@example.org>");
    let third = it.commit("third: with\tstrange | signs");
    let range = commits(it.path(), Some(&first), "main").await.unwrap();
    assert_eq!((range.commit.as_str(), range.since.as_deref()), (third.as_str(), Some(first.as_str())));
    assert_eq!(range.commits.iter().map(|it| it.sha.as_str()).collect::<Vec<_>>(), [&second, &third]);
    assert_eq!(range.commits[0].co_authors, ["erik@example.org", "ana@example.org"]);
    assert_eq!(range.commits[1].subject, "third: with\tstrange | signs");
    assert_eq!(range.commits[0].authored.as_second(), 1_700_000_000);
    assert_eq!(commits(it.path(), None, &third).await.unwrap().commits.len(), 3);
    assert!(commits(it.path(), Some(&third), &third).await.unwrap().commits.is_empty());
}

#[tokio::test]
async fn what_cannot_be_read_says_why() {
    let it = Repository::new();
    let first = it.commit("first");
    it.git(&["checkout", "-q", "--orphan", "other"]);
    let other = it.commit("other");
    let code = |result: Result<Range, GitError>| result.unwrap_err().code();
    assert_eq!(code(commits("/nonexistent", None, "main").await), "git-repository");
    assert_eq!(code(commits("relative", None, "main").await), "git-repository");
    assert_eq!(code(commits("/", None, "main").await), "git-repository");
    assert_eq!(code(commits(it.path(), None, "v9").await), "git-revision");
    assert_eq!(code(commits(it.path(), Some(&other), &first).await), "git-not-an-ancestor");
    for name in ["--output=/tmp/x", "-x", "a..b", "", "main@{1}", "a b", "a\nb", "$(x)", ":/first"] {
        assert_eq!(code(commits(it.path(), None, name).await), "git-revision-name", "{name}");
    }
}
