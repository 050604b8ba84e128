//! What can go wrong in a runner: one stable code per kind, each with the next step for a person.
//!
//! Invariants: a code keeps its meaning for ever and is listed in `docs/step-program.md`; a fault says what happened to what, and
//! the code adds what to do next.
//! Deliberately absent: faults of talking to the server, which are retried and never reported ([`crate::ControllerError`]).

use interlock_wire::runner::Outcome;
use std::fmt;

macro_rules! codes {
    ($($name:ident $code:literal $next:literal;)*) => {
        /// Stable code of a fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($name),* }

        impl Code {
            /// Every code, in ascending order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// `R` and three digits.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// What to do about it.
            pub fn next_step(self) -> &'static str {
                match self { $(Self::$name => $next),* }
            }
        }
    };
}

codes! {
    PermitKeyUnknown "R101" "give the runner the server's permit key, or find out who signed this";
    PermitSignature "R102" "treat the order as forged: find out who sent it";
    PermitUnreadable "R103" "bring the runner to the server's version; a field it does not know may be a restriction";
    PermitNotYetValid "R104" "wait for the window, or correct the runner's clock";
    PermitExpired "R105" "authorise the release again and retry the step, or correct the runner's clock";
    PermitEnvironment "R106" "authorise the release for this environment";
    PermitTarget "R107" "authorise the release for this target";
    PermitDigest "R108" "authorise a release that contains exactly this artefact";
    PermitRevoked "R109" "see why the permit was revoked; authorise the release again when that is settled";
    PermitScope "R110" "authorise this deployment of the release";
    PermitFence "R111" "nothing: a newer lease has taken over";
    PermitService "R112" "authorise a release that contains this service";
    EnvironmentNotServed "R113" "lease the step to a runner of that environment, or add the environment to this runner";
    PermitWithdrawn "R114" "look at the target: the step was stopped on the way; see why its permit was revoked or ran out, then retry or roll back";
    RunnerRevoked "R115" "look at the target: the step was stopped on the way because its runner was revoked; have it done by another runner";
    DigestMalformed "R201" "name the artefact by sha256: and 64 hexadecimal digits";
    ArtifactNotFetched "R202" "see that the artefact is stored and that the runner reaches the server, then retry the step";
    ArtifactSize "R203" "register the artefact again; its recorded size is not the size of its bytes";
    ArtifactDigest "R204" "do not deploy it: store the right bytes, and find out who stored these";
    SignatureUnreadable "R205" "sign the artefact with minisign 0.10 or newer and register the signature again";
    PublicKeyUnreadable "R206" "register the minisign public key again";
    SignatureWrong "R207" "do not deploy it: the bytes or the key are not those of the signer";
    ArtifactChanged "R208" "find out what writes into the runner's cache; a retry fetches the artefact anew";
    ArtifactPath "R209" "register the artefact under a plain path";
    Storage "R210" "free or mend the disk under the runner's data directory, then retry the step";
    SignerNotTrusted "R211" "have the artefact signed by a trusted key, or add the key to the runner's artefact keys";
    ProgramMissing "R301" "install it on the runner's machine, or give its absolute path in the step";
    ProgramNotExecutable "R302" "make it executable (chmod +x) and see that its first line names an interpreter that exists";
    TimeLimit "R303" "see the output for where it hangs, or raise the step's time limit";
    ProgramSignalled "R304" "see the output and the system log for who killed it";
    ProgramExit "R305" "see the output";
    AnswerUnreadable "R306" "mend the program's answer; docs/step-program.md shows the lines it may write";
    AnswerTwice "R307" "make the program write exactly one result line";
    AnswerContradicted "R308" "make the program's result line and its exit code say the same";
    ProgramUnsure "R309" "look at the target, then retry or abort";
    ProgramSaidFailed "R310" "see the program's message and output";
    CommandInvalid "R311" "give a program name found on PATH or an absolute path, and its arguments";
    NoUndo "R312" "give the step an undo, or take the change back by another step";
    VerifyFailed "R313" "see the output of verify; the change is made but not good";
    FactContradictsExpected "R314" "look at the target: the step reports something else than the plan expects";
    ProgramNotAllowed "R315" "put the program into one of the runner's program directories";
    RequestInvalid "R401" "correct the step's request";
    Unreachable "R402" "see that the address is right and that the service listens";
    UnexpectedStatus "R403" "see the service's log";
    BodyLacksText "R404" "see the answer in the output";
    JsonDiffers "R405" "see the answer in the output";
    RequestTimeLimit "R406" "see why the service does not answer in time, or raise the step's time limit";
    AnswerTooLarge "R407" "check a smaller resource: an answer is read up to 1 MiB";
    RequestUncertain "R408" "look at the service: the request was sent but not answered, and may have been carried out";
    AddressNotAllowed "R409" "name another address, or have whoever runs the runner allow its network";
    RouterRefused "R411" "see the router's log and the names of pool and server";
    WeightNotTaken "R412" "see the router's configuration; the traffic is not where the plan wants it";
    RouterAnswerUnreadable "R413" "see that the address is the router's administration address";
    Interrupted "R501" "look at the target: the step was interrupted and may have run; then retry it as a new attempt, or abort";
    KeyReused "R502" "report a defect: the server used one key for two different orders";
    JournalUnreadable "R503" "keep the file for inspection, move it away and start again; unfinished steps then need a look";
    JournalNotWritten "R504" "free or mend the disk under the runner's data directory, then restart the runner";
    OrderInvalid "R505" "correct the step in the deployment's plan";
    DataDirInUse "R506" "stop the other runner, or give this one a data directory of its own";
    RunnerDefect "R507" "look at the target, report the defect with the runner's log, then retry or abort";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A step that did not succeed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub code: Code,
    /// What happened to what: a fragment without the next step.
    pub message: String,
    /// [`Outcome::Failed`] when it is known that the step did not succeed, [`Outcome::Inconclusive`] when nobody can say.
    pub outcome: Outcome,
}

impl Fault {
    /// It is known that the step did not succeed.
    pub fn failed(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), outcome: Outcome::Failed }
    }

    /// Nobody can say whether the step succeeded.
    pub fn inconclusive(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), outcome: Outcome::Inconclusive }
    }

    /// The same fault seen from further off: `check: …`.
    pub fn within(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. Next: {}.", self.code, self.message, self.code.next_step())
    }
}

impl std::error::Error for Fault {}

/// Text from outside, fit for a message: one line, at most 200 characters.
pub fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(200).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_ascend_and_are_documented() {
        let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert!(codes.is_sorted_by(|a, b| a < b));
        let docs = include_str!("../../../docs/step-program.md");
        for code in Code::ALL {
            assert!(docs.contains(&format!("| {code} |")), "{code} is not in docs/step-program.md");
        }
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        assert_eq!(excerpt("a\nb"), "a b");
        assert_eq!(excerpt(&"é".repeat(500)).chars().count(), 201);
    }
}
