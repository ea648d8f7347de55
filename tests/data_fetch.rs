//! Fetching data sets from a server on the loopback address.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use fixmatch::data::checksum::{Checksum, sha256_of};
use fixmatch::data::download::{Client, Progress};
use fixmatch::data::fetch::{Outcome, fetch};
use fixmatch::data::{Descriptor, Download, Member, Unpack, find};
use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;

/// What the server does with one connection.
#[derive(Clone, Copy)]
enum Answer {
    /// Sends what was asked for, honouring `Range`.
    Honest,
    /// Sends so many bytes of it, then closes the connection.
    BreakAfter(usize),
    /// Sends so many bytes of it, then nothing, until the client gives up.
    StallAfter(usize),
    /// Sends the whole file whatever was asked for.
    IgnoreRange,
    /// Sends only a status line.
    Status(&'static str),
    /// Sends a page that is not the file.
    LoginPage,
}

/// A server that gives each connection its answer and then closes its port.
struct Server {
    address: String,
    thread: JoinHandle<Vec<String>>,
}

impl Server {
    fn start(content: &[u8], answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}/mirror/", listener.local_addr().expect("bound"));
        let (content, answers) = (content.to_vec(), answers.to_vec());
        let serve = move |answer| respond(listener.accept().expect("a client").0, &content, answer);
        Self { address, thread: std::thread::spawn(move || answers.into_iter().map(serve).collect()) }
    }

    /// The request line and `Range` header of each connection, once all answers were given.
    fn requests(self) -> Vec<String> {
        self.thread.join().expect("the server does not panic")
    }
}

fn respond(mut stream: TcpStream, content: &[u8], answer: Answer) -> String {
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let mut request = lines.next().unwrap_or_default();
    let range = lines.filter_map(|line| line.to_lowercase().strip_prefix("range: ").map(String::from)).last();
    let asked = range.as_deref().and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let start: usize = asked.unwrap_or(0);
    if let Some(range) = range {
        request = format!("{request} {range}");
    }
    let total = content.len();
    let head = |status: &str, extra: &str, length: usize| {
        format!("HTTP/1.1 {status}\r\n{extra}Content-Length: {length}\r\nConnection: close\r\n\r\n")
    };
    let partial_head = || match start {
        0 => head("200 OK", "", total),
        _ => head(
            "206 Partial Content",
            &format!("Content-Range: bytes {start}-{}/{total}\r\n", total - 1),
            total - start,
        ),
    };
    let (head, body, stalls) = match answer {
        Answer::Honest => (partial_head(), &content[start..], false),
        Answer::BreakAfter(n) => (partial_head(), &content[start..start + n], false),
        Answer::StallAfter(n) => (partial_head(), &content[start..start + n], true),
        Answer::IgnoreRange => (head("200 OK", "", total), content, false),
        Answer::Status(status) => (head(status, "", 0), &[][..], false),
        Answer::LoginPage => (head("200 OK", "", 5), &b"hello"[..], false),
    };
    // a client that hangs up early is part of some tests
    let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    if stalls && sent.is_ok() {
        BufReader::new(stream).lines().for_each(drop);
    }
    request
}

const FILE: &str = "made-up.bin";

fn made_up_content() -> Vec<u8> {
    (0..200_000_u32).map(|i| (i * 7 % 251) as u8).collect()
}

fn sha256(bytes: &[u8]) -> &'static str {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), bytes).expect("room on disk");
    sha256_of(file.path()).expect("readable").leak()
}

/// A data set of one file with the given published content.
fn descriptor(url: &'static str, content: &[u8], sha256: &'static str, unpack: Unpack) -> Descriptor {
    let download = Download { url, n_bytes: content.len() as u64, sha256, unpack };
    Descriptor {
        name: "made-up",
        title: "a made-up data set",
        n_images: None,
        n_unlabeled: 0,
        shape: None,
        licence: "",
        homepage: "",
        downloads: Box::leak(Box::new([download])),
        looks_in: |_| Vec::new(),
        find: |_| None,
        load: |_| unreachable!("only fetched"),
    }
}

fn made_up() -> Descriptor {
    let content = made_up_content();
    descriptor("http://unused.invalid/made-up.bin", &content, sha256(&content), Unpack::Keep)
}

fn client(address: &str) -> Client {
    Client::new(Some(address.into())).with_timeout(Duration::from_millis(500))
}

/// Fetches the made-up data set from a server that answers thus, into `dir`.
fn fetch_from(answers: &[Answer], dir: &Path) -> (anyhow::Result<Outcome>, Vec<String>) {
    let server = Server::start(&made_up_content(), answers);
    let result = fetch(&made_up(), dir, &client(&server.address), &mut |_| ());
    (result, server.requests())
}

/// The whole message of a failed fetch, as the command prints it.
fn message(outcome: anyhow::Result<Outcome>) -> String {
    format!("{:#}", outcome.expect_err("a failed fetch"))
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn assert_whole(dir: &Path) {
    assert_eq!(fs::read(dir.join("made-up").join(FILE)).expect("in its place"), made_up_content());
    let left: Vec<_> = fs::read_dir(dir.join("downloads")).expect("the downloads").flatten().collect();
    assert_eq!(left.len(), 1, "only the lock file is left: {left:?}");
}

const WHOLE: &str = "GET /mirror/made-up.bin HTTP/1.1";

#[test]
fn a_data_set_is_fetched_checked_and_put_in_its_place() {
    let dir = folder();
    let (outcome, requests) = fetch_from(&[Answer::Honest], dir.path());
    assert_eq!(outcome.expect("fetched"), Outcome::Fetched(dir.path().join("made-up")));
    assert_eq!(requests, [WHOLE]);
    assert_whole(dir.path());
}

#[test]
fn what_is_there_and_whole_is_not_fetched_again() {
    let dir = folder();
    fetch_from(&[Answer::Honest], dir.path()).0.expect("fetched");
    let (outcome, requests) = fetch_from(&[], dir.path());
    assert_eq!(outcome.expect("there"), Outcome::AlreadyThere(dir.path().join("made-up")));
    assert!(requests.is_empty());
}

#[test]
fn a_damaged_copy_is_replaced_and_other_files_beside_it_stay() {
    let dir = folder();
    fs::create_dir(dir.path().join("made-up")).expect("room on disk");
    fs::write(dir.path().join("made-up").join(FILE), "damaged").expect("room on disk");
    fs::write(dir.path().join("made-up/notes.txt"), "mine").expect("room on disk");
    fetch_from(&[Answer::Honest], dir.path()).0.expect("fetched");
    assert_whole(dir.path());
    assert_eq!(fs::read_to_string(dir.path().join("made-up/notes.txt")).expect("still there"), "mine");
}

#[test]
fn a_broken_connection_is_resumed_where_it_broke() {
    let dir = folder();
    let (outcome, requests) = fetch_from(&[Answer::BreakAfter(150_000), Answer::Honest], dir.path());
    outcome.expect("fetched over two connections");
    assert_eq!(requests, [WHOLE, &format!("{WHOLE} bytes=150000-")]);
    assert_whole(dir.path());
}

#[test]
fn the_next_fetch_goes_on_where_the_last_one_gave_up() {
    let dir = folder();
    let (outcome, _) = fetch_from(&[Answer::BreakAfter(120_000), Answer::BreakAfter(0)], dir.path());
    let error = message(outcome);
    assert!(error.contains("made-up.bin broke off (") && error.contains("120000 of 200000 bytes are kept"), "{error}");
    assert!(error.ends_with("run the command again to go on"), "{error}");
    assert!(!dir.path().join("made-up").exists(), "nothing half-written at the final place");

    let (outcome, requests) = fetch_from(&[Answer::Honest], dir.path());
    outcome.expect("fetched the rest");
    assert_eq!(requests, [format!("{WHOLE} bytes=120000-")]);
    assert_whole(dir.path());
}

#[test]
fn a_silent_server_does_not_hang_the_fetch() {
    let dir = folder();
    let (outcome, requests) = fetch_from(&[Answer::StallAfter(1000), Answer::Honest], dir.path());
    outcome.expect("fetched over a second connection");
    assert_eq!(requests[1], format!("{WHOLE} bytes=1000-"));
    assert_whole(dir.path());
}

#[test]
fn a_server_that_ignores_the_range_makes_it_start_over() {
    let dir = folder();
    let (outcome, requests) = fetch_from(&[Answer::BreakAfter(150_000), Answer::IgnoreRange], dir.path());
    outcome.expect("fetched");
    assert_eq!(requests.len(), 2);
    assert_whole(dir.path());
}

#[test]
fn a_server_that_cannot_resume_is_asked_for_the_whole_file() {
    let dir = folder();
    let refused = Answer::Status("416 Range Not Satisfiable");
    let (outcome, requests) = fetch_from(&[Answer::BreakAfter(9), refused, Answer::Honest], dir.path());
    outcome.expect("fetched");
    assert_eq!(requests, [WHOLE, &format!("{WHOLE} bytes=9-"), WHOLE]);
    assert_whole(dir.path());
}

#[test]
fn a_part_of_another_version_is_thrown_away_once() {
    let dir = folder();
    fs::create_dir(dir.path().join("downloads")).expect("room on disk");
    fs::write(dir.path().join("downloads/made-up.bin.part"), "another version").expect("room on disk");
    let (outcome, requests) = fetch_from(&[Answer::Honest, Answer::Honest], dir.path());
    outcome.expect("fetched afresh");
    assert_eq!(requests, [&format!("{WHOLE} bytes=15-"), WHOLE]);
    assert_whole(dir.path());
}

#[test]
fn a_wrong_checksum_names_both_and_keeps_nothing() {
    let dir = folder();
    let content = made_up_content();
    let expected = sha256(b"something else");
    let wrong = descriptor("http://unused.invalid/made-up.bin", &content, expected, Unpack::Keep);
    let server = Server::start(&content, &[Answer::Honest]);
    let error = message(fetch(&wrong, dir.path(), &client(&server.address), &mut |_| ()));
    let found = sha256(&content);
    assert_eq!(
        error,
        format!(
            "could not fetch made-up (made-up.bin): made-up.bin arrived damaged or was changed: its SHA-256 is {found}, published is {expected}; the download \
             was removed, try again"
        )
    );
    assert!(!dir.path().join("made-up").exists());
    assert!(!dir.path().join("downloads/made-up.bin.part").exists());
}

#[test]
fn another_page_in_place_of_the_file_is_refused() {
    let dir = folder();
    let (outcome, _) = fetch_from(&[Answer::LoginPage], dir.path());
    let error = message(outcome);
    assert!(error.contains("offers 5 bytes") && error.contains("where 200000 were expected"), "{error}");
    let (outcome, _) = fetch_from(&[Answer::Status("404 Not Found")], dir.path());
    let error = message(outcome);
    assert!(error.contains(": 127.0.0.1 answered 404 Not Found for http://127.0.0.1:"), "{error}");
}

#[test]
fn offline_it_says_what_to_put_where_by_hand_and_that_works() {
    let dir = folder();
    let server = Server::start(&[], &[]);
    let address = server.address.clone();
    server.requests(); // the port is closed now
    let offline = || fetch(&made_up(), dir.path(), &client(&address), &mut |_| ());
    let error = message(offline());
    assert!(error.starts_with("could not fetch made-up (made-up.bin): could not reach 127.0.0.1 ("), "{error}");
    let downloads = dir.path().join("downloads");
    let advice = format!(
        "get {address}made-up.bin yourself, put made-up.bin into {} and run the command again",
        downloads.display()
    );
    assert!(error.ends_with(&advice), "{error}");

    fs::write(downloads.join(FILE), "not it").expect("room on disk");
    let error = message(offline());
    assert!(error.contains("made-up.bin is not the published file: 6 bytes with SHA-256 "), "{error}");

    fs::write(downloads.join(FILE), made_up_content()).expect("room on disk");
    offline().expect("taken from where it was put");
    assert_eq!(fs::read(dir.path().join("made-up").join(FILE)).expect("in its place"), made_up_content());
    assert!(downloads.join(FILE).exists(), "the user's own file stays");
}

#[test]
fn a_second_fetch_at_the_same_time_is_refused() {
    let dir = folder();
    fs::create_dir(dir.path().join("downloads")).expect("room on disk");
    let held = fs::File::create(dir.path().join("downloads/made-up.lock")).expect("room on disk");
    held.lock().expect("free");
    let (outcome, _) = fetch_from(&[], dir.path());
    assert_eq!(
        outcome.expect_err("locked").to_string(),
        "made-up is being fetched already: wait for the other fetch to end"
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let dir = folder();
    fs::write(dir.path().join("downloads"), "in the way").expect("room on disk");
    let (outcome, _) = fetch_from(&[], dir.path());
    let error = outcome.expect_err("no folder").to_string();
    assert!(error.starts_with("cannot make the folder ") && error.ends_with("downloads"), "{error}");
}

#[test]
fn progress_tells_the_bytes_on_disk() {
    let dir = folder();
    let server = Server::start(&made_up_content(), &[Answer::BreakAfter(150_000), Answer::Honest]);
    let (mut starts, mut last) = (Vec::new(), 0);
    let mut watch = |progress: Progress| match progress {
        Progress::Started { done, total, .. } => starts.push((done, total)),
        Progress::Advanced { done } => last = done,
        Progress::Checking { .. } | Progress::Unpacking { .. } => {}
    };
    fetch(&made_up(), dir.path(), &client(&server.address), &mut watch).expect("fetched");
    assert_eq!((starts, last), (vec![(0, 200_000), (150_000, 200_000)], 200_000));
}

/// A gzipped tar archive with one file, `pack/one.bin`.
fn archive() -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(3);
    builder.append_data(&mut header, "pack/one.bin", &b"one"[..]).expect("writing to memory");
    builder.into_inner().and_then(GzEncoder::finish).expect("writing to memory")
}

fn fetch_archive(member: Member, dir: &Path) -> anyhow::Result<Outcome> {
    let content = archive();
    let unpack = Unpack::TarGz(Box::leak(Box::new([member])));
    let packed = descriptor("http://unused.invalid/pack.tar.gz", &content, sha256(&content), unpack);
    let server = Server::start(&content, &[Answer::Honest]);
    let outcome = fetch(&packed, dir, &client(&server.address), &mut |_| ());
    server.requests();
    outcome
}

#[test]
fn an_archive_is_unpacked_and_removed() {
    let dir = folder();
    fetch_archive(Member { path: "pack/one.bin", n_bytes: 3, checksum: Checksum::Sha256(sha256(b"one")) }, dir.path())
        .expect("fetched");
    assert_eq!(fs::read(dir.path().join("made-up/one.bin")).expect("unpacked"), b"one");
    assert!(!dir.path().join("downloads/pack.tar.gz").exists());
}

#[test]
fn an_archive_without_the_right_files_is_refused_and_nothing_is_put_in_place() {
    let dir = folder();
    let absent = Member { path: "pack/two.bin", n_bytes: 3, checksum: Checksum::Sha1("not it") };
    let error = fetch_archive(absent, dir.path()).expect_err("no such member").to_string();
    assert!(error.ends_with("pack.tar.gz holds no pack/two.bin: is it the right archive?"), "{error}");
    let dir = folder();
    let other = Member { path: "pack/one.bin", n_bytes: 3, checksum: Checksum::Md5("not it") };
    let error = fetch_archive(other, dir.path()).expect_err("other content").to_string();
    assert!(error.contains("pack.tar.gz: pack/one.bin has MD5 "), "{error}");
    let left: Vec<_> = fs::read_dir(dir.path()).expect("readable").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["downloads"]);
}

#[test]
fn what_cannot_be_fetched_says_so() {
    let dir = folder();
    let embedded = find("fashion-mini").expect("listed");
    let error = fetch(embedded, dir.path(), &Client::new(None), &mut |_| ()).expect_err("embedded").to_string();
    assert!(error.starts_with("there is nothing to fetch for fashion-mini"), "{error}");
}
