//! Files as they are on disk, plain or gzipped, to the bytes of the IDX format.

use std::io::{self, Read};

use flate2::bufread::GzDecoder;

use super::error::IdxError;
use super::header::Header;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Deflate's best case: 258 bytes for two bits.
const MAX_EXPANSION: u64 = 1032;
/// What [`inflate`] allocates before it has seen more than the header, in bytes.
const FIRST_CHUNK: usize = 1 << 16;

/// The inflated bytes of a file, header included: what a SHA-256 of the data is taken over.
///
/// `raw` is the file's content and `file` its name for messages. Gzip is told by the content (`1f 8b`), not the name;
/// plain bytes are returned as they are, unchecked. Memory follows what the file holds, not what it claims: the
/// header's promise is checked before it is believed, and nothing is inflated past it.
///
/// # Errors
///
/// For gzip data only: damage, a bad header, a length that is not the header's, or foreign bytes after the gzip data.
pub fn inflate(raw: Vec<u8>, file: &str) -> Result<Vec<u8>, IdxError> {
    if raw.starts_with(&GZIP_MAGIC) { inflate_gzip(&raw, None, file) } else { Ok(raw) }
}

/// The same for a file whose inflated `length` in bytes is known: nothing is inflated if its header promises another.
///
/// # Errors
///
/// Those of [`inflate`], and another length.
pub fn inflate_to(raw: Vec<u8>, length: u64, file: &str) -> Result<Vec<u8>, IdxError> {
    if raw.starts_with(&GZIP_MAGIC) {
        return inflate_gzip(&raw, Some(length), file);
    }
    let header = Header::read(&raw, file)?;
    header.check_promise(length, file)?;
    header.check_length(raw.len(), file)?;
    Ok(raw)
}

fn inflate_gzip(raw: &[u8], length: Option<u64>, file: &str) -> Result<Vec<u8>, IdxError> {
    let mut stream = Members(GzDecoder::new(raw));
    let mut bytes = Vec::new();
    // No further than the header goes: its fourth byte says how many sizes follow.
    extend_to(&mut bytes, 4, &mut stream, file)?;
    let sizes = bytes.get(3).map_or(0, |sizes| usize::from(*sizes));
    extend_to(&mut bytes, (4 + 4 * sizes).clamp(4, Header::LONGEST), &mut stream, file)?;
    let header = Header::read(&bytes, file)?;
    length.map_or(Ok(()), |length| header.check_promise(length, file))?;

    let promised = header.file_length();
    let possible = (raw.len() as u64).saturating_mul(MAX_EXPANSION).min(isize::MAX as u64 - 1);
    if promised > possible {
        return Err(IdxError::Impossible { file: file.into(), possible, compressed: raw.len(), promised });
    }
    let limit = promised as usize + 1; // one more, to see whether the data stops where it should
    while bytes.len() < limit {
        let target = limit.min(FIRST_CHUNK.max(2 * bytes.len()));
        extend_to(&mut bytes, target, &mut stream, file)?;
        if bytes.len() < target {
            break; // the end of the file, each member's checksum verified
        }
    }
    header.check_length(bytes.len(), file)?;
    Ok(bytes)
}

/// What the members of a gzip file come to, one after the other. As gzip does, it passes over zero bytes behind a member,
/// with which tapes and block devices pad a file.
struct Members<'a>(GzDecoder<&'a [u8]>);

impl Read for Members<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.0.read(buffer)?;
            let rest = *self.0.get_ref();
            let Some(next) = rest.iter().position(|byte| *byte != 0).filter(|_| count == 0 && !buffer.is_empty())
            else {
                return Ok(count);
            };
            if !rest[next..].starts_with(&GZIP_MAGIC) {
                let words =
                    format!("what follows the gzip data is no gzip data; remove it ({} bytes)", rest.len() - next);
                return Err(io::Error::new(io::ErrorKind::InvalidData, words));
            }
            self.0 = GzDecoder::new(&rest[next..]);
        }
    }
}

/// Reads until `bytes` is `target` long or the stream ends, allocating no more than `target`.
fn extend_to(bytes: &mut Vec<u8>, target: usize, stream: &mut impl Read, file: &str) -> Result<(), IdxError> {
    let missing = target - bytes.len();
    bytes.reserve_exact(missing);
    match stream.take(missing as u64).read_to_end(bytes) {
        Ok(_) => Ok(()),
        Err(source) => Err(IdxError::Gzip { file: file.into(), inflated: bytes.len(), source }),
    }
}
