//! What is sent, through servers on this machine that fail in all ways that servers do.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::mpsc::{Receiver as Arrived, Sender, channel};
use std::time::Instant;

use super::*;
use crate::notify::settings::Kind;

const PAUSES: Pauses = Pauses { first: Duration::from_micros(100), longest: Duration::from_millis(1) };

/// What a server does with a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    Take,
    Answer(u16),
    /// Reads it and hangs up without an answer.
    Swallow,
    /// Hangs up on connecting.
    Drop,
}

/// What came: the head and the body.
type Request = (String, String);

/// A server that does these things in turn, and takes everything from then on.
fn server(does: Vec<Does>) -> (String, Arrived<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/topic", listener.local_addr().expect("an address"));
    let (sender, arrived) = channel();
    thread::spawn(move || {
        let mut does = does.into_iter();
        for stream in listener.incoming() {
            serve(stream.expect("connects"), does.next().unwrap_or(Does::Take), &sender);
        }
    });
    (address, arrived)
}

fn serve(mut stream: TcpStream, does: Does, sender: &Sender<Request>) {
    if does == Does::Drop {
        return;
    }
    let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
    let request = loop {
        let Ok(n @ 1..) = stream.read(&mut buffer) else { return };
        text.extend_from_slice(&buffer[..n]);
        let whole = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = whole.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            break (head.to_owned(), body.to_owned());
        }
    };
    let status = if let Does::Answer(status) = does { status } else { 200 };
    if does != Does::Swallow {
        let _ = write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    if status == 200 {
        let _ = sender.send(request); // taken, or read at least
    }
}

fn message(n: usize) -> Message {
    let lines = vec![format!("line {n} <&> ü")];
    Message { kind: Kind::Failed, id: format!("event {n}"), time: now(), about: format!("run-{n}"), lines }
}

struct Office {
    folder: tempfile::TempDir,
}

impl Office {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn journal(&self) -> Arc<Mutex<Journal>> {
        Arc::new(Mutex::new(Journal::open(&self.folder.path().join("journal")).expect("opens")))
    }

    /// Offers these to a receiver, as one messenger after a restart does, and waits until all is sent.
    fn send(&self, receiver: &Receiver, messages: &[Message]) {
        let mut courier = Courier::start(receiver.clone(), &self.journal(), 0.0, PAUSES).expect("starts");
        for message in messages {
            courier.offer(message);
        }
        let deadline = Instant::now() + Duration::from_mins(1);
        while courier.n_waiting() > 0 {
            assert!(Instant::now() < deadline, "{} are not sent", courier.n_waiting());
            sleep(Duration::from_millis(1));
        }
    }
}

fn titles(arrived: &Arrived<Request>) -> Vec<String> {
    let title = |(head, _): Request| head.lines().find_map(|line| line.strip_prefix("title: ").map(str::to_owned));
    arrived.try_iter().filter_map(title).collect()
}

#[test]
fn a_thousand_events_arrive_once_each_in_order_over_outages_and_restarts() {
    let outages = [Does::Answer(503), Does::Take, Does::Answer(429), Does::Answer(302), Does::Take];
    let (url, arrived) = server(outages.into_iter().cycle().take(300).collect());
    let receiver = Receiver::Ntfy { url, token: None };
    let messages: Vec<_> = (0..1000).map(message).collect();
    let office = Office::new();
    for n in [400, 700, 1000] {
        office.send(&receiver, &messages[..n]); // each messenger finds again what the one before has sent
    }
    let expected: Vec<_> = messages.iter().map(Message::title).collect();
    assert_eq!(titles(&arrived), expected);
}

#[test]
fn what_may_have_arrived_is_not_sent_twice_and_what_is_refused_for_good_holds_nothing_up() {
    let (url, arrived) = server(vec![Does::Swallow, Does::Answer(422), Does::Drop, Does::Take]);
    let (receiver, office) = (Receiver::Ntfy { url, token: None }, Office::new());
    let messages: Vec<_> = (0..4).map(message).collect();
    office.send(&receiver, &messages);
    office.send(&receiver, &messages);
    assert_eq!(titles(&arrived), ["failed: run-0", "failed: run-3"]);
}

#[test]
fn a_server_that_is_down_keeps_no_other_from_being_told() {
    let at = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port that is free again");
    let (url, arrived) = server(vec![]);
    let office = Office::new();
    let journal = office.journal();
    let down = Receiver::Webhook(format!("http://{at}/"));
    let mut down = Courier::start(down, &journal, 0.0, PAUSES).expect("starts");
    let mut up = Courier::start(Receiver::Webhook(url), &journal, 0.0, PAUSES).expect("starts");
    let message = message(1);
    for courier in [&mut down, &mut up] {
        courier.offer(&message);
        courier.offer(&message);
    }
    let (_, body) = arrived.recv_timeout(Duration::from_mins(1)).expect("it arrives");
    let value: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((value["kind"].as_str(), value["title"].as_str()), (Some("failed"), Some("failed: run-1")));
    assert_eq!(down.n_waiting(), 1);
    assert!(arrived.try_recv().is_err(), "offered twice, sent once");
    let listener = TcpListener::bind(at).expect("the port is still free");
    let (sender, arrived) = channel();
    serve(listener.accept().expect("it is tried again").0, Does::Take, &sender);
    assert_eq!(arrived.recv().expect("it arrives").1, body);
}

#[test]
fn each_receiver_has_the_form_that_it_takes() {
    let (url, arrived) = server(vec![]);
    let office = Office::new();
    let token = Some("tk_1".to_owned());
    let named = Message { about: "größe\u{1b}]0;x".into(), ..message(0) };
    office.send(&Receiver::Ntfy { url: url.clone(), token }, std::slice::from_ref(&named));
    let (head, body) = arrived.recv().expect("it arrives");
    assert!(head.starts_with("POST /topic "), "{head}");
    for line in ["priority: high", "authorization: Bearer tk_1", "title: =?utf-8?B?"] {
        assert!(head.to_lowercase().contains(&line.to_lowercase()), "no {line} in {head}");
    }
    assert_eq!(body, "line 0 <&> ü");
    office.send(&Receiver::Slack(url), &[message(0)]);
    let (_, body) = arrived.recv().expect("it arrives");
    assert_eq!(body, r#"{"text":"*failed: run-0*\nline 0 &lt;&amp;&gt; ü"}"#);
}

/// A program that takes mail as sendmail does.
fn sendmail(folder: &Path, script: &str) -> String {
    let path = folder.join("sendmail");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("made a program");
    path.display().to_string()
}

#[test]
fn a_mail_has_its_head_and_is_given_again_to_a_program_that_refused_it() {
    let office = Office::new();
    let at = office.folder.path();
    let (tried, mail) = (at.join("tried"), at.join("mail"));
    let once = format!("test -e '{0}' && cat >> '{1}' && exit 0; : > '{0}'; exit 75", tried.display(), mail.display());
    let receiver = Receiver::Mail { to: "me@example.org".into(), program: sendmail(at, &once) };
    let named = Message { about: "two\nBcc: you@example.org".into(), ..message(0) };
    office.send(&receiver, &[named.clone(), named]);
    let mail = std::fs::read_to_string(mail).expect("it was sent");
    let (head, body) = mail.split_once("\n\n").expect("a head and a body");
    assert!(head.starts_with("To: me@example.org\nSubject: [fixmatch] failed: two Bcc: you@example.org\n"), "{head}");
    for part in ["\nDate: ", "\nMessage-ID: <", "\nContent-Type: text/plain; charset=utf-8\n"] {
        assert!(head.contains(part), "no {part:?} in {head}");
    }
    assert_eq!(body, "line 0 <&> ü\n");
}

#[test]
fn a_journal_that_was_cut_anywhere_never_makes_a_message_be_sent_twice() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("journal");
    let mut journal = Journal::open(&path).expect("opens");
    journal.write("a", "1", Mark::Sending, "one").expect("written");
    let n_begun = std::fs::metadata(&path).expect("there").len();
    journal.write("a", "1", Mark::Sent, "").expect("written");
    let text = std::fs::read(&path).expect("reads");
    for length in 0..=text.len() {
        std::fs::write(&path, &text[..length]).expect("written");
        let mut journal = Journal::open(&path).expect("opens");
        assert_eq!(journal.is_settled("a", "1"), length as u64 + 1 >= n_begun, "cut at {length}");
        journal.write("a", "2", Mark::Sending, "two").expect("written");
        assert!(Journal::open(&path).expect("opens").is_settled("a", "2"), "cut at {length}");
    }
}
