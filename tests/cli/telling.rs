//! Being told of runs: the real messenger, runs whose workers are played, and a server on this machine.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use fixmatch::run::event::FailureKind;
use fixmatch::run::pseudo::alarm::{Alarm, Rule};
use serde_json::Value;

use super::{
    Command, Event, Place, RunDir, Said, Worker, append, end_of, evaluated, fs, launched, progress, started, whole_run,
};

/// A server that takes everything, and what came.
fn server() -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/secret", listener.local_addr().expect("an address"));
    let (sender, arrived) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut text, mut buffer) = (stream.expect("connects"), Vec::new(), [0; 4096]);
            let value = loop {
                let n = stream.read(&mut buffer).expect("reads");
                text.extend_from_slice(&buffer[..n]);
                let whole = String::from_utf8_lossy(&text).into_owned();
                let body = whole.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
                if let Some(value) = body.and_then(|body| serde_json::from_str(&body).ok()) {
                    break value;
                }
            };
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = sender.send(value);
        }
    });
    (address, arrived)
}

impl Place {
    fn config(&self, text: &str) {
        fs::write(self.folder.path().join("config.toml"), text).expect("written");
    }

    fn with_config(&self, args: &[&str]) -> Command {
        let mut command = self.command(args);
        command.env("FIXMATCH_CONFIG", self.folder.path().join("config.toml"));
        command
    }

    /// What a messenger says that looks until nothing is left.
    fn messenger(&self) -> Said {
        end_of(self.with_config(&["notify", "work", "--since", "1"]).spawn().expect("starts"))
    }
}

/// The titles of what came, sorted, and all the text.
fn told(arrived: &Receiver<Value>) -> (Vec<String>, String) {
    let all: Vec<Value> = arrived.try_iter().collect();
    let word = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let mut titles: Vec<_> = all.iter().map(|value| word(value, "title")).collect();
    titles.sort();
    (titles, all.iter().map(|value| word(value, "text")).collect::<Vec<_>>().join("\n"))
}

fn alarm() -> Event {
    Event::Alarm(Alarm { step: 15, rule: Rule::Lost, class: None, message: "class cats is lost".into() })
}

#[test]
fn each_end_and_each_alarm_is_told_once_whoever_looks_and_however_often() {
    let place = Place::new();
    let (address, arrived) = server();
    place.config(&format!("[notify]\nwebhook = \"{address}\"\non = [\"finished\", \"failed\", \"lost\", \"alarm\"]"));
    let done = place.run("done", &whole_run(0.9));
    let broken = Event::Failed { step: 10, reason: "the disk is gone".into(), kind: FailureKind::default() };
    place.run("broken", &[launched(), started(), progress(10), broken]);
    place.run("killed", &[launched(), started(), progress(10)]);
    place.run("stopped", &[launched(), started(), Event::Stopped { step: 3 }]);
    let alarming = place.run("alarming", &[]);
    let mut worker = Worker::on(&alarming);
    for event in [started(), progress(10), alarm(), evaluated(20, 0.5)] {
        worker.say(event);
    }
    worker.say(Event::Stopped { step: 20 });
    drop(worker);
    place.messenger().check(0, &[], &["the messenger ends: nothing is left to watch"]);
    let (titles, text) = told(&arrived);
    let begin: Vec<_> = titles.iter().map(|title| title.rsplit_once(": ").expect("a title").0).collect();
    assert_eq!(begin, ["alarm", "failed", "finished", "lost"], "{titles:?}");
    for part in ["the disk is gone", "class cats is lost", "test accuracy 90.0 %", "killed, or the machine went down"] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    // the same alarm after a resumption, and a copy of a run, are no other events
    append(&alarming, &[Event::Resumed { step: 10 }, alarm(), Event::Finished { step: 30 }]);
    copy(&done, &place);
    place.messenger().check(0, &[], &[]);
    assert_eq!(told(&arrived).0, [format!("finished: {}", alarming.id())]);
    let said = end_of(place.with_config(&["notify", "status"]).spawn().expect("starts"));
    said.check(0, &["told of: finished, failed, lost, alarm", "the webhook at 127.0.0.1", "sent"], &[]);
    assert!(!said.out.contains("secret"), "{}", said.out);
}

fn copy(dir: &RunDir, place: &Place) {
    let to = place.runs().join("20261101-000000-copy-s0");
    assert!(Command::new("cp").arg("-r").arg(dir.path()).arg(to).status().expect("cp").success());
}

#[test]
fn a_message_to_try_it_says_whether_it_arrived_and_nobody_to_tell_is_an_error() {
    let place = Place::new();
    let test = |place: &Place| end_of(place.with_config(&["notify", "test"]).spawn().expect("starts"));
    test(&place).check(1, &[], &["nobody is to be told: name somebody in ", "config.toml", "[notify]\nntfy = "]);
    place.config("[notify]\nslack = \"hooks.slack.com\"");
    test(&place).check(1, &[], &["config.toml: TOML parse error at line 2", "must be an address as https://HOST/PATH"]);
    let (address, arrived) = server();
    place.config(&format!("[notify]\nwebhook = [\"{address}\", \"http://127.0.0.1:9/\"]"));
    test(&place).check(1, &["the webhook at 127.0.0.1:9: not sent: ", ": sent\n"], &["chmod 600"]);
    assert_eq!(arrived.recv().expect("it arrives")["kind"], "test");
}

#[test]
fn a_suite_that_is_done_is_told_with_its_table() {
    let place = Place::new();
    let (address, arrived) = server();
    place.config(&format!("[notify]\nwebhook = \"{address}\"\non = [\"suite\"]"));
    super::json::study(&place);
    for expected in [&["suite: study is done"][..], &[]] {
        place.messenger().check(0, &[], &[]);
        let (titles, text) = told(&arrived);
        assert_eq!(titles, expected);
        assert!(expected.is_empty() || text.contains("50.0 ± 0.0 (2)"), "{text}");
    }
}

#[test]
fn a_typing_error_in_the_settings_is_told_before_anything_depends_on_them() {
    for (text, error) in [
        ("[notfy]\nntfy = \"https://ntfy.sh/mine\"\n", "did you mean notify"),
        ("[notify]\nntfi = \"https://ntfy.sh/mine\"\n", "unknown field `ntfi`"),
        ("[keys]\npuase = \"P\"\n", "line 2, keys.puase"),
    ] {
        let place = Place::new();
        place.config(text);
        let said = |args: &[&str]| end_of(place.with_config(args).spawn().expect("starts"));
        said(&["notify", "test"]).check(1, &[], &["config.toml", error]);
        said(&["doctor"]).check(1, &["PROBLEM  settings ", error], &[]);
        said(&["train", "no-such-preset"]).check(1, &[], &["a part of your settings counts for nothing: ", error]);
        said(&["runs"]).check(0, &[], &[]);
    }
    // what it does not need keeps nobody from being told
    let place = Place::new();
    place.config("[keys]\npuase = \"P\"\n");
    place.messenger().check(0, &[], &[]);
}
