//! Fetching a data set: download, check, unpack, and only then put it in its place.
//!
//! Downloads lie in `DATA/downloads`, where the user may put files by hand too; the data set ends up in `DATA/NAME`.
//! Every file is renamed to its place when it is whole and its checksum is right, so a loader never sees half a file.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use flate2::read::GzDecoder;

use super::download::{Client, Fetched, Progress};
use super::{Descriptor, Download, Member, Unpack};

use crate::base::files;

/// What fetching did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The data set was fetched into this folder.
    Fetched(PathBuf),
    /// It was in this folder already, whole and with the right checksums.
    AlreadyThere(PathBuf),
}

/// Fetches a data set into `data_dir`, unless it is there.
pub fn fetch(
    descriptor: &Descriptor,
    data_dir: &Path,
    client: &Client,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome> {
    let name = descriptor.name;
    ensure!(!descriptor.downloads.is_empty(), "there is nothing to fetch for {name} ({})", descriptor.title);
    let folder = data_dir.join(name);
    // before anything is written, so that a shared read-only folder of data works
    if is_complete(descriptor, &folder)? {
        return Ok(Outcome::AlreadyThere(folder));
    }
    let downloads = data_dir.join("downloads");
    create_dir(&downloads)?;
    let _lock = lock(&downloads, name)?;
    // All downloads first: what is whole in `downloads` survives a failure of the next one.
    let mut fetched = Vec::new();
    for download in descriptor.downloads {
        let file = client.get(download, &downloads, progress);
        fetched.push(file.with_context(|| format!("could not fetch {name} ({})", file_names(descriptor)))?);
    }
    let staging = data_dir.join(format!(".{name}.unpacking"));
    let result = install(descriptor, &fetched, &staging, &folder, progress);
    drop(fs::remove_dir_all(&staging));
    result?;
    for file in fetched.iter().filter(|file| file.ours) {
        fs::remove_file(&file.path).with_context(|| format!("cannot remove {}", file.path.display()))?;
    }
    Ok(Outcome::Fetched(folder))
}

fn file_names(descriptor: &Descriptor) -> String {
    let names: Vec<_> = descriptor.downloads.iter().map(Download::file_name).collect();
    names.join(", ")
}

/// Keeps a second fetch of the same data set out, until the returned file is closed.
fn lock(downloads: &Path, name: &str) -> Result<File> {
    let path = downloads.join(format!("{name}.lock"));
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("{name} is being fetched already: wait for the other fetch to end"),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

/// The files that a data set consists of.
fn members(descriptor: &Descriptor) -> Vec<Member> {
    let of = |download: &Download| match download.unpack {
        Unpack::Keep => vec![download.kept()],
        Unpack::TarGz(members) => members.to_vec(),
    };
    descriptor.downloads.iter().flat_map(of).collect()
}

fn is_complete(descriptor: &Descriptor, folder: &Path) -> Result<bool> {
    for member in members(descriptor) {
        let path = folder.join(member.file_name());
        let right_size = fs::metadata(&path).is_ok_and(|metadata| metadata.len() == member.n_bytes);
        if !right_size || !member.checksum.is_of(&path)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Unpacks into `staging`, then moves file by file into `folder`, so that other files there stay.
fn install(
    descriptor: &Descriptor,
    fetched: &[Fetched],
    staging: &Path,
    folder: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<()> {
    drop(fs::remove_dir_all(staging)); // left by a fetch that was killed
    create_dir(staging)?;
    for (download, file) in descriptor.downloads.iter().zip(fetched) {
        progress(Progress::Unpacking { file: download.file_name() });
        match download.unpack {
            Unpack::Keep => copy(&file.path, &staging.join(download.file_name()))?,
            Unpack::TarGz(members) => unpack(&file.path, members, staging)?,
        }
    }
    create_dir(folder)?;
    for member in members(descriptor) {
        let target = folder.join(member.file_name());
        fs::rename(staging.join(member.file_name()), &target)
            .with_context(|| format!("cannot write {}", target.display()))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let file = files::open(from).with_context(|| format!("cannot read {}", from.display()))?;
    write(file, to)
}

/// Writes the wanted members of an archive into `folder`, each checked.
fn unpack(archive: &Path, members: &[Member], folder: &Path) -> Result<()> {
    let problem = || format!("cannot read the archive {}", archive.display());
    let file = files::open(archive).with_context(problem)?;
    let mut tar = tar::Archive::new(GzDecoder::new(io::BufReader::new(file)));
    let mut missing: Vec<_> = members.iter().collect();
    for entry in tar.entries().with_context(problem)? {
        let entry = entry.with_context(problem)?;
        let path = entry.path().with_context(problem)?.into_owned();
        let Some(position) = missing.iter().position(|member| path.ends_with(member.path)) else { continue };
        let member = missing.swap_remove(position);
        let target = folder.join(member.file_name());
        write(entry, &target)?;
        let (checksum, found) = (member.checksum, member.checksum.of_file(&target)?);
        ensure!(
            found == checksum.digits(),
            "{}: {} has {checksum} {found}, expected {}",
            archive.display(),
            member.path,
            checksum.digits(),
        );
    }
    if let Some(member) = missing.first() {
        bail!("{} holds no {}: is it the right archive?", archive.display(), member.path);
    }
    Ok(())
}

fn write(mut from: impl io::Read, to: &Path) -> Result<()> {
    let problem = || format!("cannot write {}", to.display());
    let mut file = File::create(to).with_context(problem)?;
    io::copy(&mut from, &mut file).with_context(problem)?;
    file.sync_all().with_context(problem)
}

fn create_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot make the folder {}", path.display()))
}
