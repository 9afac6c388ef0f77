//! Gets published data sets: the only place of the program that uses the network.
//!
//! A file is held in memory until it is known to be what was published, then written beside its name and renamed, so
//! that what is in the folder counts. Nothing is read past the length that a file can have, nothing inflated past the
//! length that it has, and no server can keep the program waiting.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use super::published::{Published, PublishedFile};
use crate::files::{self, Lock};

/// Where files come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A folder on a server; its files have `.gz`.
    Url(String),
    /// A folder at hand; its files have `.gz` or are plain.
    Folder(PathBuf),
}

impl Origin {
    /// A URL, or else the path of a folder.
    pub fn parse(text: &str) -> Self {
        let is_url = ["https://", "http://"].iter().any(|scheme| text.to_ascii_lowercase().starts_with(scheme));
        if is_url { Self::Url(text.trim_end_matches('/').to_owned()) } else { Self::Folder(PathBuf::from(text)) }
    }

    /// Where a data set is published, to be asked in this order.
    pub fn mirrors(set: &Published) -> Vec<Self> {
        set.mirrors.iter().map(|url| Self::Url((*url).to_owned())).collect()
    }

    fn place(&self, file: &PublishedFile) -> String {
        match self {
            Self::Url(url) => format!("{url}/{}", file.gzip_name()),
            Self::Folder(folder) => file.find(folder).unwrap_or_else(|| folder.clone()).display().to_string(),
        }
    }
}

/// What is told while files are got.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// The file was there already, and is what was published.
    There(&'a PublishedFile),
    /// So many bytes of it have come, of so many if that is known.
    Received(&'a PublishedFile, u64, Option<u64>),
    /// A place does not have it, and why; the next is asked.
    Passed(&'a PublishedFile, &'a anyhow::Error),
    /// It is in the folder.
    Written(&'a PublishedFile),
}

/// How long a server may be silent.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// The least it must send on average after that, in bytes a second.
const SLOWEST: u64 = 4096;
const CHUNK: usize = 1 << 16;

/// Gets the files of `set` that are not in `folder` yet, or are not what was published, from the first of `origins` that
/// has them. What was got stays if another file cannot be had.
///
/// # Errors
/// If another program is getting them, a file cannot be had anywhere, with the reasons, or cannot be written.
pub fn fetch(
    set: &Published,
    folder: &Path,
    origins: &[Origin],
    patience: Duration,
    tell: &mut dyn FnMut(Event<'_>),
) -> anyhow::Result<()> {
    files::make_folder(folder)?;
    let _lock = match files::try_lock(&folder.join(".lock"))? {
        Lock::Elsewhere => bail!("another program is getting {} into {}", set.title, folder.display()),
        lock => lock,
    };
    files::remove_unfinished(folder)?;
    let mut origins: Vec<&Origin> = origins.iter().collect();
    for file in &set.files {
        if is_there(file, folder) {
            tell(Event::There(file));
            continue;
        }
        let (raw, bytes) = first_that_has(file, &mut origins, patience, tell)
            .with_context(|| format!("{} cannot be had", file.name))?;
        write(file, folder, &raw, &bytes)?;
        tell(Event::Written(file));
    }
    files::sync_folder(folder)
}

/// The file as it came, and inflated. An origin without it goes to the end: the other files are looked for there last.
fn first_that_has(
    file: &PublishedFile,
    origins: &mut [&Origin],
    patience: Duration,
    tell: &mut dyn FnMut(Event<'_>),
) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
    for left in (0..origins.len()).rev() {
        let place = origins[0].place(file);
        let raw = read(file, origins[0], patience, tell).with_context(|| place.clone());
        match raw.and_then(|raw| Ok((raw.clone(), file.check(raw, &place)?))) {
            Err(error) if left > 0 => tell(Event::Passed(file, &error)),
            result => return result,
        }
        origins.rotate_left(1);
    }
    bail!("there is no place to get it from")
}

fn is_there(file: &PublishedFile, folder: &Path) -> bool {
    file.find(folder).is_some_and(|path| {
        let raw = files::read_at_most(&path, file.longest());
        raw.is_ok_and(|raw| file.check(raw, &path.display().to_string()).is_ok())
    })
}

/// A plain file is read before one with `.gz`: one that is there and wrong is replaced.
fn write(file: &PublishedFile, folder: &Path, raw: &[u8], bytes: &[u8]) -> anyhow::Result<()> {
    let plain = folder.join(file.name);
    let found = file.find(folder);
    if found.as_ref() == Some(&plain) || raw == bytes {
        return files::write_atomically(&plain, bytes);
    }
    files::write_atomically(&folder.join(file.gzip_name()), raw)
}

fn read(
    file: &PublishedFile,
    origin: &Origin,
    patience: Duration,
    tell: &mut dyn FnMut(Event<'_>),
) -> anyhow::Result<Vec<u8>> {
    match origin {
        Origin::Url(_) => download(file, &origin.place(file), patience, tell),
        Origin::Folder(folder) => {
            let path = file.find(folder).with_context(|| format!("there is no {} here", file.names().join(" or ")))?;
            files::read_at_most(&path, file.longest())
        }
    }
}

fn download(
    file: &PublishedFile,
    url: &str,
    patience: Duration,
    tell: &mut dyn FnMut(Event<'_>),
) -> anyhow::Result<Vec<u8>> {
    let agent: Agent = Agent::config_builder()
        .https_only(url.to_ascii_lowercase().starts_with("https:"))
        .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
        .timeout_resolve(Some(patience))
        .timeout_connect(Some(patience))
        .timeout_recv_response(Some(patience))
        .timeout_per_read(Some(patience))
        .max_redirects(5)
        .user_agent(concat!("bn-exp/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let response = agent.get(url).header("accept-encoding", "identity").call()?;
    let total = response.body().content_length();
    let longest = file.longest();
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
