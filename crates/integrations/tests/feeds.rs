//! Feeds over real HTTP: what is read, and every way in which reading fails without changing anything.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

use interlock_domain::calendar::{Feed, WindowKind, WindowScope};
use interlock_engine::ports::{FeedReading, Feeds, Unread};
use interlock_integrations::icalendar::HttpFeeds;
use interlock_outbound::Guard;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Answers one request with these bytes, and gives the address.
async fn answering(status: &str, body: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/feed.ics", listener.local_addr().unwrap());
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = [0; 4096];
        let _ = stream.read(&mut asked).await;
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(&body).await;
        let _ = stream.shutdown().await;
    });
    address
}

async fn read(guard: Guard, address: &str) -> Result<FeedReading, Unread> {
    let name = |text: &str| text.parse().unwrap();
    let feed = Feed {
        calendar: name("holidays"),
        owner: name("hr"),
        address: address.into(),
        kind: WindowKind::Holiday,
        zone: "Europe/Berlin".into(),
        scope: WindowScope::default(),
        every_s: 3600,
    };
    HttpFeeds::new(guard).unwrap().read(&feed).await
}

async fn said(status: &str, body: &[u8]) -> String {
    let address = answering(status, body.to_vec()).await;
    read(Guard::inside(), &address).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_feed_is_read_and_its_digest_is_that_of_its_bytes() {
    let bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign/icalendar.ics")).unwrap();
    let address = answering("200 OK", [b"\xef\xbb\xbf", bytes.as_slice()].concat()).await;
    let reading = read(Guard::inside(), &address).await.unwrap();
    assert_eq!((reading.windows.len(), reading.left_out), (3, 1));
    assert_ne!(reading.digest, [0; 32]);
}

#[tokio::test]
async fn a_feed_that_cannot_be_read_says_why() {
    assert!(said("503 Service Unavailable", b"").await.contains("status 503"));
    assert!(said("302 Found", b"").await.contains("status 302"), "no redirect is followed");
    assert!(said("200 OK", b"<html>Sign in</html>").await.contains("no iCalendar file"));
    assert!(said("200 OK", b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n").await.contains("cut short"));
    assert!(said("200 OK", b"BEGIN:VCALENDAR\r\nSUMMARY:B\xfcro\r\nEND:VCALENDAR\r\n").await.contains("UTF-8"));
    let large = vec![b'x'; interlock_integrations::icalendar::LARGEST + 1];
    assert!(!said("200 OK", &large).await.is_empty());
    assert!(read(Guard::inside(), "http://127.0.0.1:1/").await.is_err());
}

#[tokio::test]
async fn an_address_that_the_guard_forbids_is_not_called() {
    let address = answering("200 OK", Vec::new()).await;
    let said = read(Guard::strict(), &address).await.unwrap_err().to_string();
    assert!(said.contains("127.0.0.1"), "{said}");
}
