//! Pages over a ledger of closed releases, asked for through HTTP from the program as it ships: how soon it is up, what it holds in
//! memory, how long the list of releases and the page of one take while 200 a second are asked for.
//!
//! Requests come by the clock, not when the last one was answered, and time counts from when a request was due: a server
//! that stalls is not spared the requests that would have come meanwhile (no coordinated omission).

use super::{
    Done, Size, keep, life, machine, rounded,
    serve::{self, SECRET, Server},
    share,
};
use serde_json::{Value, json};
use std::{
    error::Error,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    sync::mpsc,
    time::{Duration, Instant},
};

/// Requests per second, and connections they are shared among.
const RATE: f64 = 200.0;
const CONNECTIONS: usize = 16;

/// One connection that is kept.
struct Client {
    address: String,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    /// The status and the body of an answer.
    fn get(&mut self, path: &str) -> Result<(u16, Vec<u8>), Box<dyn Error + Send + Sync>> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(&self.address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_secs(30)))?;
            self.stream = Some(BufReader::new(stream));
        }
        let stream = self.stream.as_mut().ok_or("no connection")?;
        let (host, token) = (&self.address, SECRET);
        let request = format!("GET /api/v1{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n");
        stream.get_mut().write_all(request.as_bytes())?;
        let (mut line, mut length, mut status) = (String::new(), 0usize, 0u16);
        loop {
            line.clear();
            stream.read_line(&mut line)?;
            let text = line.trim_end();
            if text.is_empty() {
                break;
            }
            if let Some(rest) = text.strip_prefix("HTTP/1.1 ") {
                status = rest.get(..3).unwrap_or_default().parse()?;
            } else if let Some((name, value)) = text.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        Ok((status, body))
    }
}

/// Asks for pages by the clock for a time; milliseconds of each, and how many went wrong.
fn ask(server: &Server, length: Duration, path: impl Fn(u64) -> String + Sync) -> (Vec<f64>, usize) {
    let total = (length.as_secs_f64() * RATE) as u64;
    let (sender, answers) = mpsc::channel();
    let begun = Instant::now() + Duration::from_millis(50);
    std::thread::scope(|scope| {
        for connection in 0..CONNECTIONS as u64 {
            let (sender, path) = (sender.clone(), &path);
            let mut client = Client { address: server.address.clone(), stream: None };
            scope.spawn(move || {
                for turn in (connection..total).step_by(CONNECTIONS) {
                    let due = begun + Duration::from_secs_f64(turn as f64 / RATE);
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let good = client.get(&path(turn)).is_ok_and(|(status, _)| status == 200);
                    if !good {
                        client.stream = None;
                    }
                    let _ = sender.send(good.then(|| due.elapsed().as_secs_f64() * 1e3));
                }
            });
        }
        drop(sender);
    });
    let all: Vec<Option<f64>> = answers.iter().collect();
    let wrong = all.iter().filter(|it| it.is_none()).count();
    (all.into_iter().flatten().collect(), wrong)
}

pub fn measure(size: Size, folder: &Path) -> Done {
    let Some(program) = serve::program() else {
        println!("pages: skipped, because there is no `interlock` beside this program; `cargo xtask bench` builds it");
        return Ok(());
    };
    let data = folder.join("pages");
    std::fs::create_dir_all(&data)?;
    let begun = Instant::now();
    let (entries, lives) =
        life::write(&data.join("ledger.db"), life::small(serve::token)?, |_, lives| lives >= size.lives)?;
    let written = begun.elapsed().as_secs_f64();

    let cold = Server::start(&program, &data)?;
    let without = cold.ready.as_secs_f64();
    cold.stop()?;
    let server = Server::start(&program, &data)?;
    let up = machine::resident_of(server.id());
    let mut first = Client { address: server.address.clone(), stream: None };
    let (_, body) = first.get("/releases").map_err(|error| error.to_string())?;
    let rows: Value = serde_json::from_slice(&body)?;
    let named = |row: &Value| row["name"].as_str().map(str::to_owned);
    if rows["items"].as_array().is_none_or(|it| it.len() < 100.min(lives as usize)) {
        return Err(format!("the list of releases is not whole: {rows:.200}").into());
    }
    named(&rows["items"][0]).ok_or("a release has no name")?;

    let length = Duration::from_secs_f64(size.asking);
    let mut figures = json!({
        "closed_releases": lives, "entries": entries, "written_in_s": rounded(written),
        "up_without_snapshot_s": rounded(without), "up_with_snapshot_s": rounded(server.ready.as_secs_f64()),
        "resident_bytes": up, "bytes_per_closed_release": up.map(|it| it / lives), "asked_per_s": RATE, "goal_p99_ms": 10,
    });
    let any = |turn: u64| turn.wrapping_mul(2_654_435_761) % lives;
    let kinds: [(&str, &(dyn Fn(u64) -> String + Sync)); 3] = [
        ("list", &|_| "/releases".into()),
        ("detail", &|turn| format!("/releases/r-{}", any(turn))),
        ("timeline", &|turn| format!("/releases/r-{}/timeline", any(turn))),
    ];
    for (kind, path) in kinds {
        ask(&server, length / 10, path);
        let (mut times, wrong) = ask(&server, length, path);
        if wrong > 0 {
            return Err(format!("{wrong} of {} requests for a {kind} went wrong", times.len() + wrong).into());
        }
        figures[format!("{kind}_p50_ms")] = rounded(share(&mut times, 0.5)).into();
        figures[format!("{kind}_p99_ms")] = rounded(share(&mut times, 0.99)).into();
    }
    figures["resident_after_bytes"] = json!(machine::resident_of(server.id()));
    keep("pages", &figures)?;
    server.stop()
}
