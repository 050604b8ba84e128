//! What a name, a literal or a redirect cannot make this process call. Real sockets; a listener counts who comes.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

use interlock_outbound::{Guard, Names, Outbound, Refused, Unsent, body};
use reqwest::Method;
use std::{
    io,
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

const TIMEOUT: Duration = Duration::from_secs(3);

/// Answers every connection with `answer` and counts them.
async fn listener(answer: String) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, count) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 2048]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    (port, count)
}

/// A resolver that says something else each time it is asked.
struct Changing(Mutex<Vec<&'static str>>, AtomicUsize);

impl Names for Changing {
    fn look_up<'a>(
        &'a self,
        _: &'a str,
    ) -> std::pin::Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        let next = self.0.lock().unwrap().remove(0);
        self.1.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { Ok(next.split(' ').map(|it| it.parse().unwrap()).collect()) })
    }
}

fn changing(answers: &[&'static str]) -> Arc<Changing> {
    Arc::new(Changing(Mutex::new(answers.to_vec()), AtomicUsize::new(0)))
}

#[tokio::test]
async fn ssrf_to_a_link_local_address_is_refused_before_anything_is_sent() {
    let out = Outbound::new(Guard::inside(), TIMEOUT).unwrap();
    for url in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://0xa9fea9fe/",
        "http://2852039166/",
        "http://169.254.43518/",
        "http://0251.0376.0251.0376/",
    ] {
        assert!(matches!(out.request(Method::GET, url), Err(Unsent::Refused(_))), "{url}");
    }
    for url in ["file:///etc/passwd", "gopher://h/", "http:", "not an address"] {
        assert!(matches!(out.request(Method::GET, url), Err(Unsent::NoAddress(_))), "{url}");
    }
}

#[tokio::test]
async fn ssrf_via_a_name_is_refused_by_what_the_name_resolves_to() {
    let (port, count) = listener(String::new()).await;
    // `localhost` is resolved by this machine's own resolver.
    let out = Outbound::new(Guard::strict(), TIMEOUT).unwrap();
    let error = out.request(Method::GET, &format!("http://localhost:{port}/")).unwrap().send().await.unwrap_err();
    assert!(Refused::among(&error).unwrap().to_string().contains("address-not-allowed"));
    // One forbidden address among good ones is enough.
    let names = changing(&["93.184.216.34 169.254.169.254"]);
    let out = Outbound::with_names(Guard::inside(), TIMEOUT, names).unwrap();
    let error = out.request(Method::GET, "http://mixed.example/").unwrap().send().await.unwrap_err();
    assert_eq!(Refused::among(&error).unwrap().address.to_string(), "169.254.169.254");
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_is_rebound_gains_nothing_since_it_is_resolved_once_per_connection() {
    let (port, count) = listener("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok".into()).await;
    let names = changing(&["127.0.0.1", "169.254.169.254"]);
    let out = Outbound::with_names(Guard::inside(), TIMEOUT, names.clone()).unwrap();
    let url = format!("http://rebound.example:{port}/");
    let answer = out.request(Method::GET, &url).unwrap().send().await.unwrap();
    assert_eq!(body(answer, 10).await.unwrap().unwrap(), b"ok");
    // Judged and connected to on one look-up: there was no second in between that could have answered otherwise.
    assert_eq!((names.1.load(Ordering::SeqCst), count.load(Ordering::SeqCst)), (1, 1));
    let error = out.request(Method::GET, &url).unwrap().send().await.unwrap_err();
    assert!(Refused::among(&error).is_some());
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn ssrf_via_a_redirect_is_not_followed() {
    let (inner, reached) = listener("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".into()).await;
    let location =
        format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{inner}/secret\r\ncontent-length: 0\r\n\r\n");
    let (port, _) = listener(location).await;
    let out = Outbound::new(Guard::inside(), TIMEOUT).unwrap();
    let answer = out.request(Method::GET, &format!("http://127.0.0.1:{port}/")).unwrap().send().await.unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_answer_that_never_ends_is_cut_off_in_size_and_in_time() {
    let (port, _) = listener(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(100_000))).await;
    let out = Outbound::new(Guard::inside(), TIMEOUT).unwrap();
    let answer = out.request(Method::GET, &format!("http://127.0.0.1:{port}/")).unwrap().send().await.unwrap();
    assert!(body(answer, 50_000).await.unwrap().is_err());
    // Promises a byte and never sends it: the client gives up.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let out = Outbound::new(Guard::inside(), Duration::from_millis(200)).unwrap();
    let error = out.request(Method::GET, &format!("http://127.0.0.1:{port}/")).unwrap().send().await.unwrap_err();
    assert!(error.is_timeout());
    drop(silent);
}
