//! What is told, in the forms that receivers take, and whether it arrived.

use std::io::{self, ErrorKind, Write as _};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use ureq::{Agent, Error, Timeout};

use crate::base::hex::sha256_hex;
use crate::base::{host, text};
use crate::notify::settings::{Kind, Receiver};

/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What happened.
    pub kind: Kind,
    /// The same for the same event, and for no other.
    pub id: String,
    /// When it happened, in seconds since 1970.
    pub time: f64,
    /// The run or the suite.
    pub about: String,
    /// What there is to say, line by line.
    pub lines: Vec<String>,
}

/// Whether a message arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has taken it.
    Told,
    /// The receiver was not reached, or cannot take anything now.
    NotNow(String),
    /// The receiver takes others, but not this one.
    Never(String),
    /// Nobody knows: the connection broke once the message was on its way.
    Unclear(String),
}

impl Message {
    /// One line.
    pub fn title(&self) -> String {
        text::clean(&format!("{}: {}", self.kind.word(), self.about))
    }

    fn text(&self) -> String {
        self.lines.iter().map(|line| text::clean(line)).collect::<Vec<_>>().join("\n")
    }

    /// Sends it once.
    pub fn send(&self, to: &Receiver) -> Outcome {
        match to {
            Receiver::Ntfy { url, token } => {
                let priority = if self.kind.is_urgent() { "high" } else { "default" };
                let mut headers = vec![("Title", encoded(&self.title())), ("Priority", priority.to_owned())];
                headers.extend(token.iter().map(|token| ("Authorization", format!("Bearer {token}"))));
                post(url, "text/plain; charset=utf-8", &headers, &self.text())
            }
            Receiver::Slack(url) => {
                let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                let text = format!("*{}*\n{}", escaped(&self.title()), escaped(&self.text()));
                post(url, "application/json", &[], &json!({ "text": text }).to_string())
            }
            Receiver::Webhook(url) => {
                let value = json!({
                    "kind": self.kind, "id": self.id, "time": self.time, "about": self.about, "host": host::host(),
                    "title": self.title(), "text": self.text(),
                });
                post(url, "application/json", &[], &value.to_string())
            }
            Receiver::Mail { to, program } => pipe(program, &self.mail(to)),
        }
    }

    fn mail(&self, to: &str) -> String {
        let now = jiff::ZonedDateTime::now();
        let date = jiff::fmt::rfc2822::to_string(&now).unwrap_or_default();
        let id = &sha256_hex(format!("{to} {}", self.id).as_bytes())[..24];
        format!(
            "To: {to}\nSubject: {}\nDate: {date}\nMessage-ID: <{id}@fixmatch.invalid>\nAuto-Submitted: auto-generated\n\
             MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{}\n",
            encoded(&format!("[fixmatch] {}", self.title())),
            self.text(),
        )
    }
}

/// A header's value: other letters than ASCII's as RFC 2047 has them.
fn encoded(text: &str) -> String {
    if text.is_ascii() { text.to_owned() } else { format!("=?utf-8?B?{}?=", STANDARD.encode(text)) }
}

fn post(url: &str, content: &str, headers: &[(&str, String)], body: &str) -> Outcome {
    let config = Agent::config_builder().timeout_global(Some(PATIENCE)).max_redirects(0).http_status_as_error(false);
    let is_here = ["http://127.", "http://localhost", "http://[::1]"].iter().any(|here| url.starts_with(here));
    // what is on this machine is not behind the proxy that the environment names
    let config = if is_here { config.proxy(None) } else { config };
    // an agent of its own: a connection that was kept open may be dead by now
    let agent: Agent = config.max_redirects_will_error(false).build().into();
    let mut request = agent.post(url).header("Content-Type", content).header("User-Agent", "fixmatch");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    match request.send(body) {
        Ok(answer) => {
            judged(answer.status().as_u16(), answer.headers().get("location").and_then(|it| it.to_str().ok()))
        }
        Err(error) if may_have_arrived(&error) => Outcome::Unclear(error.to_string()),
        Err(error) => Outcome::NotNow(error.to_string()),
    }
}

fn judged(status: u16, location: Option<&str>) -> Outcome {
    match status {
        200..300 => Outcome::Told,
        300..400 => Outcome::NotNow(format!("it has moved to {}", location.unwrap_or("another address"))),
        400 | 411..=417 | 422 => Outcome::Never(format!("it answers {status}")),
        _ => Outcome::NotNow(format!("it answers {status}")),
    }
}

/// Whether the receiver may have read the message, although no answer came.
fn may_have_arrived(error: &Error) -> bool {
    match error {
        Error::Timeout(when) => !matches!(when, Timeout::Resolve | Timeout::Connect),
        Error::Io(error) => !matches!(
            error.kind(),
            ErrorKind::ConnectionRefused
                | ErrorKind::HostUnreachable
                | ErrorKind::NetworkUnreachable
                | ErrorKind::NetworkDown
                | ErrorKind::AddrNotAvailable
                | ErrorKind::InvalidData // a certificate that is not trusted
        ),
        Error::Protocol(_) | Error::BodyExceedsLimit(_) | Error::TooManyRedirects | Error::RedirectFailed => true,
        _ => false,
    }
}

/// Gives a mail to a program, as sendmail takes it.
fn pipe(program: &str, mail: &str) -> Outcome {
    let mut command = Command::new(program);
    command.args(["-i", "-t"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Outcome::NotNow(format!("cannot start {program}: {error}")),
    };
    let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(mail.as_bytes()));
    let deadline = Instant::now() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(None) if Instant::now() < deadline => sleep(Duration::from_millis(10)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Outcome::Unclear(format!("{program} did not end within {} s", PATIENCE.as_secs()));
            }
            Ok(Some(status)) if status.success() => return Outcome::Told,
            Ok(Some(status)) => {
                let said = child.stderr.take().map(io::read_to_string).and_then(Result::ok).unwrap_or_default();
                let said = text::clean(text::start(said.trim(), 200));
                let refused = written.err().map_or_else(String::new, |error| format!(", {error}"));
                return Outcome::NotNow(format!("{program} ended with {status}{refused}: {said}"));
            }
            Err(error) => return Outcome::Unclear(format!("{program}: {error}")),
        }
    }
}
