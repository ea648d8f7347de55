//! Asking the worker's program: questions go to its standard input while its answers are read.

use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::thread;

use crate::classifier::Classifier;
use crate::classifier::wire::{Answer, write_bytes};
use crate::config::Device;
use crate::predict::images::Images;
use crate::run::launch;
use anyhow::{Context as _, Result, bail, ensure};

/// Who is asked, and where.
pub struct Ask<'a> {
    /// The network.
    pub classifier: &'a Classifier,
    /// Where it computes.
    pub device: Device,
    /// How many of the likeliest classes it tells.
    pub top: usize,
}

/// Asks about all images and hands each answer over, in the images' order. Returns what the worker said beside them.
///
/// # Errors
/// If the worker cannot be started or ends early, with what it said; or if an answer cannot be taken.
pub fn ask(ask: &Ask, images: &Images, mut hear: impl FnMut(usize, Answer) -> Result<()>) -> Result<Option<String>> {
    let classifier = ask.classifier.to_bytes()?;
    let mut command = launch::worker_command()?;
    command.arg("predict").arg(format!("--device={}", ask.device)).arg(format!("--top={}", ask.top));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn();
    let child = child.with_context(|| format!("cannot start the worker {}", command.get_program().display()))?;
    let mut worker = Worker(child);
    let questions = worker.0.stdin.take().expect("a pipe");
    let answers = BufReader::with_capacity(1 << 16, worker.0.stdout.take().expect("a pipe"));
    let mut words = worker.0.stderr.take().expect("a pipe");
    thread::scope(|scope| {
        // a worker that ended says why; a pipe that broke does not
        scope.spawn(move || drop(write(questions, &classifier, images)));
        let words = scope.spawn(move || {
            let mut all = Vec::new();
            let _ = words.read_to_end(&mut all);
            String::from_utf8_lossy(&all).trim().to_owned()
        });
        let mut n = 0;
        for line in answers.lines() {
            let line = line.context("cannot read the worker's answers")?;
            let answer = serde_json::from_str(&line).with_context(|| format!("the worker answered {line:?}"))?;
            let n_classes = ask.classifier.classes.len();
            let is_sound = match &answer {
                Answer::Told(told) => !told.top.is_empty() && told.top.iter().all(|(class, _)| *class < n_classes),
                Answer::PassedOver(_) => true,
            };
            ensure!(is_sound && n < images.n(), "the worker answered what it was not asked: {line:?}");
            if let Err(error) = hear(n, answer) {
                let _ = worker.0.kill(); // nobody waits for the rest
                return Err(error);
            }
            n += 1;
        }
        let status = worker.0.wait().context("cannot tell how the worker ended")?;
        let words = words.join().unwrap_or_default();
        if !status.success() || n < images.n() {
            let words = words.strip_prefix("error: ").unwrap_or(&words);
            bail!("the worker ended ({status}) after {n} of {} images: {words}", images.n());
        }
        Ok(Some(words).filter(|words| !words.is_empty()))
    })
}

fn write(questions: ChildStdin, classifier: &[u8], images: &Images) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, questions);
    write_bytes(&mut out, classifier)?;
    for question in images.questions() {
        question.write(&mut out)?;
    }
    out.flush()
}

/// A worker that does not outlive the question.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
