//! Fetches published data sets. No other file of the program uses the network.
//!
//! A file stays in memory until its checksum is verified. Then it is written under a temporary name and renamed: a file in
//! the folder is always whole. Downloads and inflation are bounded by the published length, and waiting by timeouts.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use crate::files::{self, Lock};
use crate::sources::published::{Published, PublishedFile};

/// Where files come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A folder on a server; its files have `.gz`.
    Url(String),
    /// A local folder; its files have `.gz` or are plain.
    Folder(PathBuf),
}

impl Origin {
    /// A URL, or else the path of a folder.
    ///
    /// # Errors
    /// If it is a URL of another kind, or nothing.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let is_url = ["https://", "http://"].iter().any(|scheme| text.to_ascii_lowercase().starts_with(scheme));
        ensure!(
            is_url || !(text.is_empty() || text.contains("://")),
            "{text:?} is neither a folder nor an http(s) URL"
        );
        Ok(if is_url { Self::Url(text.trim_end_matches('/').to_owned()) } else { Self::Folder(PathBuf::from(text)) })
    }

    /// Where a data set is published, the first choice first.
    pub fn mirrors(set: &Published) -> Vec<Self> {
        set.mirrors.iter().map(|url| Self::Url((*url).to_owned())).collect()
    }

    /// Where a file may be: one place on a server, one or two in a folder.
    fn places(&self, file: &PublishedFile) -> Vec<Place> {
        match self {
            Self::Url(url) => vec![Place::Url(format!("{url}/{}", file.gzip_name()))],
            Self::Folder(folder) => file.names().iter().map(|name| Place::File(folder.join(name))).collect(),
        }
    }
}

/// Where one file may be.
enum Place {
    Url(String),
    File(PathBuf),
}

/// For messages: without name and password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Url(url) => {
                let (scheme, rest) = url.split_once("//").unwrap_or_default();
                let host_ends = rest.find('/').unwrap_or(rest.len());
                let host = rest[..host_ends].rfind('@').map_or(0, |at| at + 1);
                write!(f, "{scheme}//{}", &rest[host..])
            }
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// No place has the file.
#[derive(Debug, thiserror::Error)]
#[error("cannot get {0}")]
pub struct Unavailable(&'static str);

/// Progress, as it is reported.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// The file was there already, and its checksum is right.
    There(&'a PublishedFile),
    /// Bytes received so far, and in all if that is known.
    Received(&'a PublishedFile, u64, Option<u64>),
    /// A place failed, with the reason; the next is tried.
    Passed(&'a PublishedFile, &'a anyhow::Error),
    /// What was in its place, and is not what was published, is kept under this name.
    Kept(&'a PublishedFile, &'a Path),
    /// The file is in the folder.
    Written(&'a PublishedFile),
}

/// How long a server may be silent.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// The least it must send on average after that, in bytes a second.
const SLOWEST: u64 = 4096;
const CHUNK: usize = 1 << 16;

/// Fetches the files of `set` that are missing from `folder` or have another checksum, from the first of `origins` that
/// has them. What was fetched stays if another file is missing everywhere.
///
/// # Errors
/// If another program is fetching them; if no place has a file, with the reasons; if a file cannot be written.
pub fn fetch(
    set: &Published,
    folder: &Path,
    origins: &[Origin],
    patience: Duration,
    tell: &mut dyn FnMut(Event<'_>),
) -> anyhow::Result<()> {
    let (there, missing): (Vec<_>, Vec<_>) = set.files.iter().partition(|file| is_there(file, folder));
    there.into_iter().for_each(|file| tell(Event::There(file)));
    if missing.is_empty() {
        return Ok(());
    }
    files::make_folder(folder)?;
    // A program that was killed holds its lock until the system has taken it down, and a child until it runs its own program.
    match files::lock(&folder.join(".lock"), &|waited| waited < Duration::from_secs(1))? {
        Lock::Elsewhere => bail!("another program is fetching {} into {}", set.title, folder.display()),
        Lock::Unsupported => get(&missing, folder, origins, patience, tell),
        _held => {
            files::remove_unfinished(folder)?;
            get(&missing, folder, origins, patience, tell)
        }
    }
}

fn get(
    missing: &[&PublishedFile],
    folder: &Path,
    origins: &[Origin],
    patience: Duration,
    tell: &mut dyn FnMut(Event<'_>),
) -> anyhow::Result<()> {
    let mut origins: Vec<&Origin> = origins.iter().collect();
    for file in missing {
        let (raw, bytes) = first_that_has(file, &mut origins, patience, tell).context(Unavailable(file.name))?;
        if let Some(kept) = write(file, folder, &raw, &bytes)? {
            tell(Event::Kept(file, &kept));
        }
        tell(Event::Written(file));
    }
    files::sync_folder(folder)
}

/// The file as it came, and inflated. An origin without it is moved to the end, to be tried last for the other files.
fn first_that_has(
    file: &PublishedFile,
    origins: &mut [&Origin],
    patience: Duration,
    tell: &mut dyn FnMut(Event<'_>),
) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
    let mut failure = None;
    for _ in 0..origins.len() {
        for place in origins[0].places(file) {
            if let Some(error) = failure.take() {
                tell(Event::Passed(file, &error));
            }
            let raw = read(file, &place, patience, tell);
            match raw.and_then(|raw| Ok((raw.clone(), file.check(raw, &place.to_string())?))) {
                Ok(got) => return Ok(got),
                Err(error) => failure = Some(error),
            }
        }
        origins.rotate_left(1);
    }
    Err(failure.unwrap_or_else(|| anyhow!("there is no place to get it from")))
}

fn is_there(file: &PublishedFile, folder: &Path) -> bool {
    file.find(folder).is_some_and(|path| {
        let raw = files::read_at_most(&path, file.longest());
        raw.is_ok_and(|raw| file.check(raw, &path.display().to_string()).is_ok())
    })
}

/// Writes the file. A plain one that is there and wrong is replaced by a plain one, since it is read before one with `.gz`.
/// What is replaced may be somebody's own: it is kept. Returns where.
fn write(file: &PublishedFile, folder: &Path, raw: &[u8], bytes: &[u8]) -> anyhow::Result<Option<PathBuf>> {
    let plain = folder.join(file.name);
    let is_plain = file.find(folder).as_ref() == Some(&plain) || raw == bytes;
    let (path, content) = if is_plain { (plain, bytes) } else { (folder.join(file.gzip_name()), raw) };
    let kept = if files::look(&path)?.is_some() { Some(free_name(&path)?) } else { None };
    if let Some(kept) = &kept {
        files::rename(&path, kept)?;
    }
    files::write_atomically(&path, content)?;
    Ok(kept)
}

/// A name beside `path` under which there is nothing: `NAME.replaced`, or with a number after it.
fn free_name(path: &Path) -> anyhow::Result<PathBuf> {
    let mut name = path.with_added_extension("replaced");
    let mut number = 1;
    while files::look(&name)?.is_some() {
        number += 1;
        name = path.with_added_extension(format!("replaced{number}"));
    }
    Ok(name)
}

fn read(
    file: &PublishedFile,
    place: &Place,
    patience: Duration,
    tell: &mut dyn FnMut(Event<'_>),
) -> anyhow::Result<Vec<u8>> {
    match place {
        Place::Url(url) => download(file, url, patience, tell).with_context(|| place.to_string()),
        Place::File(path) => files::read_at_most(path, file.longest()),
    }
}

fn download(
    file: &PublishedFile,
    url: &str,
    patience: Duration,
    tell: &mut dyn FnMut(Event<'_>),
) -> anyhow::Result<Vec<u8>> {
    let longest = file.longest();
    let slowest = Duration::from_secs(longest / SLOWEST);
    let agent: Agent = Agent::config_builder()
        .https_only(url.to_ascii_lowercase().starts_with("https:"))
        .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
        .timeout_resolve(Some(patience))
        .timeout_connect(Some(patience))
        .timeout_recv_response(Some(patience))
        .timeout_per_read(Some(patience))
        .timeout_global(Some(patience + slowest))
        .max_redirects(5)
        .user_agent(concat!("bn-exp/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let response = agent.get(url).header("accept-encoding", "identity").call()?;
    let total = response.body().content_length();
    if let Some(total) = total.filter(|total| *total > longest) {
        bail!("says that it sends {total} bytes; the file has at most {longest}");
    }
    let began = Instant::now();
    let mut reader = response.into_body().into_reader();
    let (mut raw, mut chunk) = (Vec::new(), vec![0; CHUNK]);
    loop {
        let count = reader.read(&mut chunk).with_context(|| format!("broke off after {} bytes", raw.len()))?;
        raw.extend_from_slice(&chunk[..count]);
        let received = raw.len() as u64;
        ensure!(received <= longest, "sent more than {longest} bytes, which the file cannot have");
        tell(Event::Received(file, received, total));
        if count == 0 {
            return Ok(raw);
        }
        let allowed = patience + Duration::from_secs(received / SLOWEST);
        ensure!(began.elapsed() <= allowed, "sends less than {SLOWEST} bytes a second");
    }
}
