//! One official file, whole and checked, in a folder: resumed if a part of it is there already.
//!
//! The part is `FILE.part`; it becomes `FILE` only after its checksum was right, so a file without the suffix is good.
//! A file that the user put there is checked and used. Nothing here knows what is in the file.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body, Error};

use super::Download;
use super::checksum::sha256_of;

/// What happens meanwhile, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// A transfer starts, or starts again, with `done` of `total` bytes on disk.
    Started {
        /// The file's name.
        file: &'a str,
        /// Bytes already on disk.
        done: u64,
        /// The file's size in bytes.
        total: u64,
    },
    /// So many bytes of the file are on disk.
    Advanced {
        /// Bytes on disk.
        done: u64,
    },
    /// The checksum is computed.
    Checking {
        /// The file's name.
        file: &'a str,
    },
    /// The file is unpacked.
    Unpacking {
        /// The file's name.
        file: &'a str,
    },
}

/// Where to get files, and how long to wait for a silent server.
#[derive(Clone, Debug)]
pub struct Client {
    mirror: Option<String>,
    timeout: Duration,
}

/// A file on disk whose checksum is right.
#[derive(Debug)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// Whether we downloaded it, so that we may remove it.
    pub ours: bool,
}

/// How a transfer ended.
enum Ended {
    Complete,
    /// The connection broke; `received` bytes came before.
    Broken {
        reason: String,
        received: u64,
    },
    /// The server does not go on where the part ends.
    CannotResume,
}

/// A server that breaks every connection, but not before sending something, gets so many of them.
const MAX_CONNECTIONS: usize = 20;

impl Client {
    /// Gets files from `mirror`, the address of a folder, instead of the official places, if given.
    pub fn new(mirror: Option<String>) -> Self {
        Self { mirror, timeout: Duration::from_secs(30) }
    }

    /// Gives up on a server after this long without a byte.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Gets `download` into `folder`, going on with what is there.
    pub fn get(&self, download: &Download, folder: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Fetched> {
        let path = folder.join(download.file_name());
        if path.is_file() {
            check_by_hand(download, &path, progress)?;
            return Ok(Fetched { path, ours: false });
        }
        let part = folder.join(format!("{}.part", download.file_name()));
        let resumed = length(&part) > 0;
        self.complete(download, &part, progress)?;
        if let Err(error) = check(download, &part, progress) {
            // A part left by another version of the file spoils the whole: that is worth one fresh start.
            remove(&part)?;
            if !resumed {
                return Err(error);
            }
            self.complete(download, &part, progress)?;
            check(download, &part, progress).inspect_err(|_| drop(fs::remove_file(&part)))?;
        }
        fs::rename(&part, &path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Fetched { path, ours: true })
    }

    /// Downloads until `part` has all its bytes, over as many connections as it takes.
    fn complete(&self, download: &Download, part: &Path, progress: &mut dyn FnMut(Progress)) -> Result<()> {
        let url = self.url(download);
        for _ in 0..MAX_CONNECTIONS {
            match self.transfer(&url, download, part, progress)? {
                Ended::Complete => return Ok(()),
                Ended::CannotResume => remove(part)?,
                Ended::Broken { received: 1.., .. } => {}
                Ended::Broken { reason, received: 0 } => return Err(broken(&url, &reason, download, part)),
            }
        }
        Err(broken(&url, "the connection kept breaking", download, part))
    }

    fn url(&self, download: &Download) -> String {
        match &self.mirror {
            Some(base) => format!("{}/{}", base.trim_end_matches('/'), download.file_name()),
            None => download.url.into(),
        }
    }

    /// One connection: asks for what `part` lacks and appends it.
    fn transfer(
        &self,
        url: &str,
        download: &Download,
        part: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Ended> {
        if length(part) > download.n_bytes {
            remove(part)?;
        }
        let have = length(part);
        progress(Progress::Started { file: download.file_name(), done: have, total: download.n_bytes });
        if have == download.n_bytes {
            return Ok(Ended::Complete);
        }
        let response = self.ask(url, have).map_err(|error| unreachable(url, &error, download, part))?;
        let start = match response.status() {
            StatusCode::OK => 0,
            StatusCode::PARTIAL_CONTENT if continues(&response, have, download.n_bytes) => have,
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if have > 0 => {
                return Ok(Ended::CannotResume);
            }
            status => bail!("{} answered {status} for {url}{}", host(url), by_hand(url, download, part)),
        };
        let wanted = download.n_bytes - start;
        if let Some(offered) = response.body().content_length()
            && offered != wanted
        {
            bail!(
                "{} offers {offered} bytes for {url} where {wanted} were expected: a log-in page, or the file changed{}",
                host(url),
                by_hand(url, download, part),
            );
        }
        append(response.into_body(), part, start, wanted, progress)
    }

    fn ask(&self, url: &str, have: u64) -> Result<Response<Body>, Error> {
        let mut request = self.agent(url).get(url);
        if have > 0 {
            request = request.header("Range", format!("bytes={have}-"));
        }
        request.call()
    }

    fn agent(&self, url: &str) -> Agent {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_resolve(Some(self.timeout))
            .timeout_connect(Some(self.timeout))
            .timeout_send_request(Some(self.timeout))
            .timeout_recv_response(Some(self.timeout))
            .timeout_per_read(Some(self.timeout));
        if ["127.0.0.1", "localhost", "[::1]"].contains(&host(url)) {
            // a mirror on this machine is not behind the proxy that the environment names
            config = config.proxy(None);
        }
        config.build().into()
    }
}

/// Whether a 206 answer goes on at byte `have` of a file of `total` bytes.
fn continues(response: &Response<Body>, have: u64, total: u64) -> bool {
    let range = response.headers().get("content-range").and_then(|value| value.to_str().ok()).unwrap_or_default();
    range == format!("bytes {have}-{}/{total}", total - 1)
}

/// Writes `wanted` bytes to `part` from position `start` on.
fn append(body: Body, part: &Path, start: u64, wanted: u64, progress: &mut dyn FnMut(Progress)) -> Result<Ended> {
    let cannot_write = || format!("cannot write {}", part.display());
    let mut file = File::options().create(true).truncate(false).write(true).open(part).with_context(cannot_write)?;
    file.set_len(start).with_context(cannot_write)?;
    io::Seek::seek(&mut file, io::SeekFrom::End(0)).with_context(cannot_write)?;
    let mut reader = body.into_reader().take(wanted);
    let mut buffer = vec![0; 1 << 16];
    let mut received = 0;
    while received < wanted {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(Ended::Broken { reason: "the connection ended early".into(), received }),
            Ok(n) => {
                file.write_all(&buffer[..n]).with_context(cannot_write)?;
                received += n as u64;
                progress(Progress::Advanced { done: start + received });
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Ok(Ended::Broken { reason: error.to_string(), received }),
        }
    }
    file.sync_all().with_context(cannot_write)?;
    Ok(Ended::Complete)
}

fn check(download: &Download, path: &Path, progress: &mut dyn FnMut(Progress)) -> Result<()> {
    progress(Progress::Checking { file: download.file_name() });
    let found = sha256_of(path)?;
    ensure!(
        found == download.sha256,
        "{} arrived damaged or was changed: its SHA-256 is {found}, published is {}; the download was removed, try again",
        download.file_name(),
        download.sha256,
    );
    Ok(())
}

fn check_by_hand(download: &Download, path: &Path, progress: &mut dyn FnMut(Progress)) -> Result<()> {
    progress(Progress::Checking { file: download.file_name() });
    let found = sha256_of(path)?;
    ensure!(
        found == download.sha256,
        "{} is not the published file: {} bytes with SHA-256 {found}, published are {} bytes with {}; remove it",
        path.display(),
        length(path),
        download.n_bytes,
        download.sha256,
    );
    Ok(())
}

fn unreachable(url: &str, error: &Error, download: &Download, part: &Path) -> anyhow::Error {
    let reason = match error {
        Error::HostNotFound => "no such host, or no network".into(),
        Error::Timeout(_) => "no answer in time".into(),
        Error::Io(error) => error.to_string(),
        other => other.to_string(),
    };
    anyhow!("could not reach {} ({reason}){}", host(url), by_hand(url, download, part))
}

fn broken(url: &str, reason: &str, download: &Download, part: &Path) -> anyhow::Error {
    anyhow!(
        "the download of {url} broke off ({reason}): {} of {} bytes are kept, run the command again to go on",
        length(part),
        download.n_bytes,
    )
}

/// The advice for whoever can get the file some other way.
fn by_hand(url: &str, download: &Download, part: &Path) -> String {
    let folder = part.parent().unwrap_or(part);
    format!(
        "; to do without it, get {url} yourself, put {} into {} and run the command again",
        download.file_name(),
        folder.display()
    )
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// The length of a file; 0 if it is not there.
fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_what_stands_between_the_slashes() {
        assert_eq!(host("https://www.example.org/~x/file.gz"), "www.example.org");
        assert_eq!(host("http://127.0.0.1:8080/file"), "127.0.0.1");
        assert_eq!(host("http://[::1]:8080/file"), "[::1]");
    }
}
