//! IDX files, the format of MNIST: bytes in, arrays out, no file access.
//!
//! A file is a big-endian header of 32-bit words, then unsigned bytes (<http://yann.lecun.com/exdb/mnist/>):
//!
//! | | magic | sizes | data |
//! |---|---|---|---|
//! | images | `0x00000803` | count, rows, columns | count × rows × columns pixels, row-major |
//! | labels | `0x00000801` | count | count labels |
//!
//! [`inflate`] comes first and is separate from parsing, so that the caller can hash the whole inflated file; parsing
//! then takes the bytes over, and an image file is in memory once.

use std::io::{self, Read};

use flate2::bufread::GzDecoder;
use thiserror::Error;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const MAX_SIDE: u32 = 4096;
/// Deflate's best case: 258 bytes for two bits.
const MAX_EXPANSION: u64 = 1032;
/// What [`inflate`] allocates before it has seen more than the header, in bytes.
const FIRST_CHUNK: usize = 1 << 16;

/// Why a file is not the IDX file it should be.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the fields are explained by the messages they appear in; lengths are in bytes")]
pub enum IdxError {
    /// The gzip data is damaged or cut short; the source says where the decoder stopped.
    #[error("{file}: expected intact gzip data, found damage after {inflated} inflated bytes")]
    Gzip { file: String, inflated: usize, source: io::Error },
    /// Something follows the gzip data: a second member or foreign bytes.
    #[error("{file}: expected one gzip member and nothing after it, found {found} more bytes{}", remedy(*.member))]
    AfterGzip { file: String, found: usize, member: bool },
    /// The file ends within the header.
    #[error("{file}: expected a header of {expected} bytes, found a file of {found}")]
    TooShort { file: String, expected: usize, found: usize },
    /// The first word is no magic number of ours.
    #[error("{file}: expected the magic number 0x00000803 (images) or 0x00000801 (labels), found {found:#010x}")]
    WrongMagic { file: String, found: u32 },
    /// Images where labels belong, or the other way round.
    #[error("{file}: expected {expected}, found the magic number of {found}: the file is mislabelled")]
    Mislabelled { file: String, expected: &'static str, found: &'static str },
    /// A size in the header is zero or absurd.
    #[error("{file}: expected a number of {what} from 1 to {max}, found {found} in the header")]
    Dimension { file: String, what: &'static str, max: u32, found: u32 },
    /// The header promises more than the compressed data could inflate to.
    #[error(
        "{file}: expected at most {possible} bytes from {compressed} of gzip data, found a header promising {promised}"
    )]
    Impossible { file: String, possible: u64, compressed: usize, promised: u64 },
    /// The header promises another length than the file is known to have.
    #[error("{file}: expected {expected} bytes, found a header promising {promised}")]
    OtherLength { file: String, expected: u64, promised: u64 },
    /// Less data than the header promises.
    #[error("{file}: expected {expected} bytes ({shape} and the header), found only {found}: the file is truncated")]
    Truncated { file: String, expected: u64, shape: String, found: usize },
    /// More data than the header promises; inflating stops at the first byte too many.
    #[error("{file}: expected {expected} bytes ({shape} and the header), found {found} or more")]
    Oversized { file: String, expected: u64, shape: String, found: usize },
}

fn remedy(member: bool) -> &'static str {
    if member { " (another member: compress the file again in one piece)" } else { "" }
}

/// Grey images, one byte a pixel, 0 = background, 255 = full brightness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// Number of images N, at least 1.
    pub count: usize,
    /// Height H in pixels, 1 to 4096.
    pub rows: usize,
    /// Width W in pixels, 1 to 4096.
    pub columns: usize,
    /// Brightness, row-major \[N, H, W\].
    pub pixels: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Images,
    Labels,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Labels => "labels",
        }
    }

    fn header_length(self) -> usize {
        match self {
            Self::Images => 16,
            Self::Labels => 8,
        }
    }
}

/// A checked header; labels have `rows = columns = 1`.
struct Header {
    kind: Kind,
    count: u32,
    rows: u32,
    columns: u32,
}

impl Header {
    fn read(bytes: &[u8], file: &str) -> Result<Self, IdxError> {
        let word = |index: usize, header: usize| match bytes.get(4 * index..4 * index + 4) {
            Some(&[a, b, c, d]) => Ok(u32::from_be_bytes([a, b, c, d])),
            _ => Err(IdxError::TooShort { file: file.into(), expected: header, found: bytes.len() }),
        };
        let kind = match word(0, Kind::Labels.header_length())? {
            0x0803 => Kind::Images,
            0x0801 => Kind::Labels,
            found => return Err(IdxError::WrongMagic { file: file.into(), found }),
        };
        let size = |index: usize, what: &'static str, max: u32| match word(index, kind.header_length())? {
            found if (1..=max).contains(&found) => Ok(found),
            found => Err(IdxError::Dimension { file: file.into(), what, max, found }),
        };
        let count = size(1, kind.name(), u32::MAX)?;
        let (rows, columns) = match kind {
            Kind::Images => (size(2, "rows", MAX_SIDE)?, size(3, "columns", MAX_SIDE)?),
            Kind::Labels => (1, 1),
        };
        Ok(Self { kind, count, rows, columns })
    }

    /// Length of the whole file in bytes. At most 2³² · 2¹² · 2¹² + 16: cannot overflow.
    fn file_length(&self) -> u64 {
        u64::from(self.count) * u64::from(self.rows) * u64::from(self.columns) + self.kind.header_length() as u64
    }

    fn check_promise(&self, expected: u64, file: &str) -> Result<(), IdxError> {
        match self.file_length() {
            promised if promised == expected => Ok(()),
            promised => Err(IdxError::OtherLength { file: file.to_owned(), expected, promised }),
        }
    }

    fn check_length(&self, found: usize, file: &str) -> Result<(), IdxError> {
        let (file, expected) = (file.to_owned(), self.file_length());
        let shape = match self.kind {
            Kind::Images => format!("{}×{}×{} pixels", self.count, self.rows, self.columns),
            Kind::Labels => format!("{} labels", self.count),
        };
        match (found as u64).cmp(&expected) {
            std::cmp::Ordering::Less => Err(IdxError::Truncated { file, expected, shape, found }),
            std::cmp::Ordering::Greater => Err(IdxError::Oversized { file, expected, shape, found }),
            std::cmp::Ordering::Equal => Ok(()),
        }
    }
}

/// The inflated bytes of a file, header included: what a SHA-256 of the data is taken over.
///
/// `raw` is the file's content and `file` its name for messages. Gzip is told by the content (`1f 8b`), not the name;
/// plain bytes are returned as they are, unchecked. Memory follows what the file holds, not what it claims: the
/// header's promise is checked before it is believed, and nothing is inflated past it.
///
/// # Errors
///
/// For gzip data only: damage, a bad header, a length that is not the header's, or anything after the gzip member.
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
    let mut stream = GzDecoder::new(raw);
    let mut bytes = Vec::new();
    extend_to(&mut bytes, Kind::Images.header_length(), &mut stream, file)?;
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
            break; // the end of the gzip data, its checksum verified
        }
    }
    header.check_length(bytes.len(), file)?;
    match stream.into_inner() {
        [] => Ok(bytes),
        rest => {
            let member = rest.starts_with(&GZIP_MAGIC);
            Err(IdxError::AfterGzip { file: file.into(), found: rest.len(), member })
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

fn checked_header(bytes: &[u8], expected: Kind, file: &str) -> Result<Header, IdxError> {
    let header = Header::read(bytes, file)?;
    if header.kind != expected {
        let (expected, found) = (expected.name(), header.kind.name());
        return Err(IdxError::Mislabelled { file: file.into(), expected, found });
    }
    header.check_length(bytes.len(), file)?;
    Ok(header)
}

/// The images of an inflated file (see [`inflate`]); `file` is its name for messages.
///
/// # Errors
///
/// Anything but an image header with sensible sizes followed by exactly the pixels it promises.
pub fn parse_images(mut bytes: Vec<u8>, file: &str) -> Result<Images, IdxError> {
    let header = checked_header(&bytes, Kind::Images, file)?;
    bytes.drain(..header.kind.header_length());
    let [count, rows, columns] = [header.count, header.rows, header.columns].map(|size| size as usize);
    Ok(Images { count, rows, columns, pixels: bytes })
}

/// The labels \[N\] of an inflated file (see [`inflate`]), any byte being allowed; `file` is its name for messages.
///
/// # Errors
///
/// Anything but a label header followed by exactly the labels it promises, at least one.
pub fn parse_labels(mut bytes: Vec<u8>, file: &str) -> Result<Vec<u8>, IdxError> {
    let header = checked_header(&bytes, Kind::Labels, file)?;
    bytes.drain(..header.kind.header_length());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn file(words: &[u32], data: &[u8]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).chain(data.iter().copied()).collect()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn images(raw: Vec<u8>) -> Result<Images, IdxError> {
        parse_images(inflate(raw, "some-file")?, "some-file")
    }

    fn labels(raw: Vec<u8>) -> Result<Vec<u8>, IdxError> {
        parse_labels(inflate(raw, "some-file")?, "some-file")
    }

    /// The error of an image file, plain and gzipped.
    fn image_errors(plain: &[u8]) -> [IdxError; 2] {
        [plain.to_vec(), gzip(plain)].map(|raw| images(raw).unwrap_err())
    }

    const PIXELS: [u8; 12] = [0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255];

    #[test]
    fn plain_and_gzipped_files_hold_the_same() {
        let plain = file(&[0x803, 2, 2, 3], &PIXELS);
        assert_eq!(inflate(gzip(&plain), "f").unwrap(), plain);
        let expected = Images { count: 2, rows: 2, columns: 3, pixels: PIXELS.to_vec() };
        assert_eq!(images(gzip(&plain)).unwrap(), expected);
        assert_eq!(images(plain).unwrap(), expected);
        for count in [1, 7, 8, 9, 100_000] {
            let data: Vec<u8> = (0..count).map(|i| i as u8).collect();
            let plain = file(&[0x801, count], &data);
            assert_eq!(labels(gzip(&plain)).unwrap(), data);
            assert_eq!(labels(plain).unwrap(), data);
        }
    }

    #[test]
    fn a_large_file_is_allocated_to_its_size() {
        let plain = file(&[0x803, 100, 100, 100], &vec![0; 1_000_000]);
        let bytes = inflate(gzip(&plain), "f").unwrap();
        assert_eq!(bytes.len(), plain.len());
        assert_eq!(bytes.capacity(), plain.len() + 1);
    }

    #[test]
    fn errors_say_file_expected_and_found() {
        for error in image_errors(&file(&[0x803, 2, 2], &[])) {
            assert_eq!(error.to_string(), "some-file: expected a header of 16 bytes, found a file of 12");
        }
        for error in image_errors(&file(&[0x0d03, 2, 2, 3], &PIXELS)) {
            assert!(error.to_string().ends_with("(labels), found 0x00000d03"), "{error}");
        }
        for error in image_errors(&file(&[0x801, 12], &PIXELS)) {
            assert!(error.to_string().contains("found the magic number of labels: the file is mislabelled"), "{error}");
        }
        let error = labels(file(&[0x803, 2, 2, 3], &PIXELS)).unwrap_err();
        assert!(error.to_string().contains("expected labels, found the magic number of images"), "{error}");
        for error in image_errors(&file(&[0x803, 2, 2, 3], &PIXELS[1..])) {
            assert!(error.to_string().contains("expected 28 bytes (2×2×3 pixels and the header), found only 27"));
        }
        for error in image_errors(&file(&[0x803, 2, 2, 3], &[0; 13])) {
            assert!(error.to_string().contains("found 29 or more"), "{error}");
        }
        assert!(matches!(labels(Vec::new()), Err(IdxError::TooShort { expected: 8, found: 0, .. })));
        assert!(matches!(labels(gzip(&[])), Err(IdxError::TooShort { expected: 8, found: 0, .. })));
    }

    #[test]
    fn zero_and_absurd_sizes_are_refused() {
        for words in [[0x803, 0, 2, 3], [0x803, 2, 0, 3], [0x803, 2, 4097, 3], [0x803, 2, 2, u32::MAX]] {
            for error in image_errors(&file(&words, &PIXELS)) {
                assert!(matches!(error, IdxError::Dimension { .. }), "{error}");
            }
        }
        let [plain, gzipped] = image_errors(&file(&[0x803, u32::MAX, 4096, 4096], &PIXELS));
        assert!(matches!(plain, IdxError::Truncated { .. }));
        assert!(
            matches!(gzipped, IdxError::Impossible { promised, .. } if promised == (u64::from(u32::MAX) << 24) + 16)
        );
    }

    #[test]
    fn a_gzip_bomb_is_cut_off() {
        let raw = gzip(&file(&[0x803, 1, 1, 1], &vec![0; 50_000_000]));
        assert!(matches!(images(raw), Err(IdxError::Oversized { expected: 17, found: 18, .. })));
    }

    #[test]
    fn damaged_gzip_and_what_follows_it_are_refused() {
        let whole = gzip(&file(&[0x803, 2, 2, 3], &PIXELS));
        for length in 2..whole.len() {
            assert!(matches!(images(whole[..length].to_vec()), Err(IdxError::Gzip { .. })), "cut at {length}");
        }
        let mut checksum = whole.clone();
        checksum[whole.len() - 8] ^= 1;
        assert!(matches!(images(checksum), Err(IdxError::Gzip { inflated: 28, .. })));
        let padded = [whole.as_slice(), &[0; 5]].concat();
        assert!(matches!(images(padded), Err(IdxError::AfterGzip { found: 5, member: false, .. })));
        let error = images([whole.as_slice(), &whole].concat()).unwrap_err();
        assert!(error.to_string().contains("another member"), "{error}");
    }

    #[test]
    fn garbage_never_panics() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let plain = file(&[0x803, 2, 2, 3], &PIXELS);
        for whole in [plain.clone(), gzip(&plain), file(&[0x801, 12], &PIXELS), gzip(&file(&[0x801, 12], &PIXELS))] {
            for length in 0..whole.len() {
                assert!(images(whole[..length].to_vec()).is_err() && labels(whole[..length].to_vec()).is_err());
            }
            for (at, bit) in (0..whole.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << bit;
                let _ = (images(flipped.clone()), labels(flipped));
            }
            for _ in 0..2000 {
                let mut garbage = whole.clone();
                let start = rng.next_u32() as usize % garbage.len();
                rng.fill_bytes(&mut garbage[start..]);
                let _ = (images(garbage.clone()), labels(garbage));
            }
        }
    }
}
