//! `login`: a password is exchanged for a token, which is kept in the context file; the session ends at once.

use crate::{
    client::Client,
    context::{Global, Known},
    failure::{Done, Failure},
    render::time,
};
use interlock_wire::{
    length::Length,
    people::{IssueToken, IssuedToken},
};
use std::io::{BufRead, IsTerminal, Write};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  interlock login --login rita\n  interlock login http://localhost:8080 --login rita\n  interlock login https://interlock.example.org --login rita --context work"
)]
pub struct Args {
    /// Address of the server [default: as everywhere]
    address: Option<String>,
    /// Login [default: asked for]
    #[arg(long)]
    login: Option<String>,
    /// How long the token is good for
    #[arg(long, default_value = "30d")]
    lasts: Length,
}

pub async fn run(args: Args, global: &Global) -> Done {
    let server = match args.address {
        Some(address) => address,
        None => global.address()?,
    };
    let login = match args.login {
        Some(login) => login,
        None => line(&format!("Login at {server}: "))?,
    };
    let password = password(&format!("Password of {login} at {server}: "))?;
    let (client, session) = Client::sign_in(&server, &login, &password).await?;
    let request = IssueToken { name: "interlock command line".into(), account: None, scopes: None, lasts: args.lasts };
    let issued: Done<IssuedToken> = client.post("/tokens", &request).await;
    // The session was for the token only; one that stays would end by itself.
    let _ = client.sign_out().await;
    let issued = issued?;
    let path = global.remember(&Known { server: Some(server.clone()), token: Some(issued.secret) })?;
    println!(
        "Signed in at {server} as {} ({}). The token is good until {} and kept in `{}`.",
        session.person.name,
        login,
        time(issued.token.expires_at),
        path.display()
    );
    Ok(())
}

/// Asks for a password: from INTERLOCK_PASSWORD, from the terminal without showing it, or from standard input.
///
/// # Errors
/// Nothing can be read.
pub fn password(prompt: &str) -> Done<String> {
    if let Ok(text) = std::env::var("INTERLOCK_PASSWORD") {
        return Ok(text);
    }
    let stdin = std::io::stdin();
    let silent = stdin.is_terminal().then(|| hide(&stdin)).flatten();
    if silent.is_some() {
        eprint!("{prompt}");
        let _ = std::io::stderr().flush();
    }
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    if let Some(former) = silent {
        eprintln!();
        let _ = rustix::termios::tcsetattr(&stdin, rustix::termios::OptionalActions::Now, &former);
    }
    read.map_err(|error| Failure::Failed(format!("no password could be read: {error}")))?;
    match line.trim_end_matches(['\r', '\n']) {
        "" => Err(Failure::Usage("a password is needed: type it, pipe it in, or set INTERLOCK_PASSWORD".into())),
        text => Ok(text.to_owned()),
    }
}

/// Asks for a line on the terminal, or reads one from standard input.
fn line(prompt: &str) -> Done<String> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        eprint!("{prompt}");
        let _ = std::io::stderr().flush();
    }
    let mut line = String::new();
    stdin.lock().read_line(&mut line).map_err(|error| Failure::Failed(format!("nothing could be read: {error}")))?;
    match line.trim() {
        "" => Err(Failure::Usage("say who you are with --login".into())),
        text => Ok(text.to_owned()),
    }
}

/// Stops the terminal from showing what is typed; gives what it was set to.
fn hide(stdin: &std::io::Stdin) -> Option<rustix::termios::Termios> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let former = tcgetattr(stdin).ok()?;
    let mut silent = former.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(stdin, OptionalActions::Flush, &silent).ok()?;
    Some(former)
}
