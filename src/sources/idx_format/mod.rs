//! IDX files, the format of MNIST: bytes in, arrays out, no file access.
//!
//! A file is a big-endian header of 32-bit words, then unsigned bytes (<http://yann.lecun.com/exdb/mnist/>):
//!
//! | | magic | sizes | data |
//! |---|---|---|---|
//! | images | `0x00000803` | count, rows, columns | count × rows × columns pixels, row-major |
//! | labels | `0x00000801` | count | count labels |
//!
//! [`inflate()`] comes first and is separate from parsing, so that the caller can hash the whole inflated file; parsing
//! then takes the bytes over, and an image file is in memory once.

mod error;
mod header;
mod inflate;
mod parse;

pub use error::IdxError;
pub use inflate::{inflate, inflate_to};
pub use parse::{Images, parse_images, parse_labels};

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
